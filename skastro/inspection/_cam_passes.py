"""Passes through a module that are cut in two at its feature maps.

Gradients are needed behind the feature maps only. The front runs without a graph; its
result then becomes a leaf, and the rest runs with one. Parameters get no gradient.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

from skastro.inspection._cam_pooling import POOLS, block_maxima

_IN_PLACE = {torch.relu_, torch.Tensor.relu_, functional.relu_}
_RELUS = {torch.relu, torch.Tensor.relu, functional.relu, *_IN_PLACE}
_ACTIVATIONS = {
    *_RELUS,
    functional.celu,
    functional.elu,
    functional.gelu,
    functional.hardswish,
    functional.leaky_relu,
    functional.mish,
    functional.selu,
    functional.silu,
    functional.softplus,
    torch.sigmoid,
    torch.Tensor.sigmoid,
    torch.tanh,
    torch.Tensor.tanh,
}


class Place(NamedTuple):
    """Where a pass is cut: behind a layer, or behind the activation that follows."""

    name: str
    activated: bool


class _Front(TorchFunctionMode):
    """Pools quickly where nothing has a graph, and calls ``seen`` at activations.

    Parameters
    ----------
    seen : callable or None
        Called with the result of every activation; what it gives takes its place.
    """

    def __init__(self, seen: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in POOLS and not torch.is_grad_enabled():
            pooled = block_maxima(POOLS[func], *args, **kwargs)
            return func(*args, **kwargs) if pooled is None else pooled
        out = func(*args, **kwargs)
        return self.seen(out) if self.seen and func in _ACTIVATIONS else out


class _GuidedReLU(torch.autograd.Function):
    """A ReLU that lets only positive gradients through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out = x.clamp_min(0)
        ctx.save_for_backward(out > 0)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return gradient.clamp_min(0) * positive


class _Guided(TorchFunctionMode):
    """Replaces every ReLU, module or function, by the guided one."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _RELUS:
            return func(*args, **kwargs)
        x = args[0] if args else kwargs["input"]
        out = _GuidedReLU.apply(x)
        in_place = func in _IN_PLACE or kwargs.get("inplace") or True in args[1:]
        return x.copy_(out) if in_place else out


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """Run the body in inference mode, without a graph, and leave no trace.

    Parameters
    ----------
    module : nn.Module
        Each of its parts gets its mode back.

    Yields
    ------
    None
        Nothing.
    """
    before = [(part, part.training) for part in module.modules() if part.training]
    try:
        for part, _ in before:
            part.training = False
        # Tensors of inference_mode could not become part of a graph.
        with torch.inference_mode(False), torch.no_grad():
            yield
    finally:
        for part, training in before:
            part.training = training


@contextmanager
def _hook(layer: nn.Module, function: Callable[[Tensor], Tensor]) -> Iterator[None]:
    owner = threading.get_ident()

    def hook(_: nn.Module, __: Any, out: Any) -> Any:
        # Another thread may use the same module for something else.
        return function(out) if threading.get_ident() == owner else None

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def layer_names(module: nn.Module) -> dict[str, str]:
    """List the parts whose output may be looked at, with their class."""
    return {n: type(part).__name__ for n, part in module.named_modules() if n}


def last_maps(module: nn.Module, event: Tensor) -> tuple[Place | None, tuple[int, ...]]:
    """Find the last convolution that gives maps, and what the first one takes.

    Parameters
    ----------
    module : nn.Module
        At rest.
    event : Tensor of shape (1, ...)
        Runs through it once.

    Returns
    -------
    place : Place or None
        The last convolution in order of use whose maps have more than one place, and
        whether an activation follows it; None if there is none.
    grid : tuple of int
        The spatial axes of what the first convolution takes; empty if there is none.
    """
    place: Place | None = None
    shape: tuple[int, ...] = ()
    grid: tuple[int, ...] = ()
    owner = threading.get_ident()

    def after(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, given: Any, out: Tensor) -> None:
            nonlocal place, shape, grid
            if threading.get_ident() != owner:
                return
            grid = grid or tuple(given[0].shape[2:])
            if out[0, 0].numel() > 1:
                place, shape = Place(name, False), tuple(out.shape)

        return hook

    def seen(out: Tensor) -> Tensor:
        nonlocal place
        same = out.shape[:2] == shape[:2] and out.ndim == len(shape)
        if place is not None and same and out[0, 0].numel() > 1:
            place = Place(place.name, True)
        return out

    handles = [
        part.register_forward_hook(after(name))
        for name, part in module.named_modules()
        if isinstance(part, _ConvNd)
    ]
    try:
        with _Front(seen):
            module(event)
    finally:
        for handle in handles:
            handle.remove()
    return place, grid


def cut_pass(
    module: nn.Module, batch: Any, place: Place | None
) -> tuple[Tensor, Tensor]:
    """Run a module and make its feature maps the leaf of the graph.

    Parameters
    ----------
    module : nn.Module
        At rest.
    batch : Tensor
        What it takes.
    place : Place or None
        None makes the batch itself the leaf.

    Returns
    -------
    output : Tensor of shape (n, n_outputs)
        With a graph that begins at the leaf.
    leaf : Tensor
        The feature maps.

    Raises
    ------
    ValueError
        If the layer runs not at all or more than once, or gives no maps.
    """
    if place is None:
        leaf = batch.detach().clone().requires_grad_()
        with torch.enable_grad():
            return module(leaf), leaf
    leaves: list[Tensor] = []
    armed = False

    def cut(out: Any) -> Tensor:
        nonlocal armed
        flat = not isinstance(out, Tensor) or out.ndim < 3 or out[0, 0].numel() < 2
        if leaves or flat:
            what = "gives no feature maps" if flat else "runs more than once"
            raise ValueError(f"Layer {place.name!r} {what}: name another one.")
        if place.activated:
            armed = True
            return out
        return begin(out)

    def begin(out: Tensor) -> Tensor:
        leaves.append(out.detach().requires_grad_())
        torch.set_grad_enabled(True)
        # What follows may work in place, which a leaf does not allow.
        return leaves[0].clone()

    def seen(out: Tensor) -> Tensor:
        nonlocal armed
        if not armed:
            return out
        armed = False
        return begin(out)

    layer = module.get_submodule(place.name)
    # no_grad restores the mode that `begin` changes, whatever happens.
    watch = _Front(seen if place.activated else None)
    with torch.no_grad(), _hook(layer, cut), watch:
        output = module(batch)
    if not leaves:
        raise ValueError(
            f"Layer {place.name!r} is not run in a pass of "
            f"{type(module).__name__}: name another one."
        )
    return output, leaves[0]


def guided_gradient(
    module: nn.Module, batch: Tensor, score: Callable[[Tensor], Tensor]
) -> Tensor:
    """Give the gradient at the input with guided ReLUs (Springenberg et al.)."""
    leaf = batch.detach().clone().requires_grad_()
    with torch.enable_grad(), _Guided():
        return torch.autograd.grad(score(module(leaf)).sum(), leaf)[0]
