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
    """Where a pass is cut: behind a layer, or at one of the activations after it."""

    name: str
    activation: int | None = None  # counted from the layer on, from 0


class _Front(TorchFunctionMode):
    """Pools quickly where nothing has a graph, and calls ``seen`` at activations.

    Parameters
    ----------
    seen : callable or None
        Called with the result of every activation and whether it was written over
        its argument; what it gives takes its place.
    """

    def __init__(self, seen: Callable[[Tensor, bool], Tensor] | None = None) -> None:
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
        if self.seen is None or func not in _ACTIVATIONS:
            return out
        return self.seen(out, out is (args[0] if args else kwargs.get("input")))


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
        out: Tensor = gradient.clamp_min(0) * positive
        return out


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
        Runs through it twice.

    Returns
    -------
    place : Place or None
        The last convolution in order of use whose maps have more than one place, and
        the activation that follows it, if one does; None if there is none.
    grid : tuple of int
        The spatial axes of what the first convolution takes; empty if there is none.
    """
    name, grid = "", ()
    owner = threading.get_ident()

    def after(layer: str) -> Callable[..., None]:
        def hook(_: nn.Module, given: Any, out: Tensor) -> None:
            nonlocal name, grid
            if threading.get_ident() != owner:
                return
            grid = grid or tuple(given[0].shape[2:])
            if _are_maps(out):
                name = layer

        return hook

    handles = [
        part.register_forward_hook(after(layer))
        for layer, part in module.named_modules()
        if isinstance(part, _ConvNd)
    ]
    try:
        with _Front():
            module(event)
    finally:
        for handle in handles:
            handle.remove()
    if not name:
        return None, grid
    return Place(name, _bottleneck(module, event, name)), grid


def _are_maps(out: Any) -> bool:
    """Tell whether there are channels of more than one place."""
    return isinstance(out, Tensor) and out.ndim > 2 and out[0, 0].numel() > 1


def _bottleneck(module: nn.Module, event: Tensor, name: str) -> int | None:
    """Count to the activation that all of a convolution's signal goes through.

    A gate (squeeze and excitation, or a factor sigmoid(z) beside z) is an activation,
    too, but the maps go past it: what is behind it is not what later layers see.
    """
    shape: tuple[int, ...] = ()
    source: Any = None
    nodes: list[Any] = []

    def begin(out: Tensor) -> Tensor:
        nonlocal shape, source
        shape = tuple(out.shape)
        torch.set_grad_enabled(True)
        copy = out.detach().requires_grad_().clone()
        source = copy.grad_fn
        nodes.clear()
        return copy

    def seen(out: Tensor, _: bool) -> Tensor:
        same = out.ndim == len(shape) and tuple(out.shape[:2]) == shape[:2]
        nodes.append(out.grad_fn if same and _are_maps(out) else None)
        return out

    with torch.no_grad(), _hook(module.get_submodule(name), begin), _Front(seen):
        end = getattr(module(event), "grad_fn", None)
    for number, node in enumerate(nodes):
        if node is not None and _leads(node, source) and not _leads(end, source, node):
            return number
    return None


def _leads(start: Any, to: Any, without: Any = None) -> bool:
    """Tell whether a graph leads from one node back to another."""
    open_, known = [start], {without, None}
    while open_:
        node = open_.pop()
        if node is to:
            return True
        if node not in known:
            known.add(node)
            open_.extend(before for before, _ in node.next_functions)
    return False


def cut_pass(
    module: Callable[..., Any], batch: Any, place: Place | None
) -> tuple[Tensor, Tensor]:
    """Run a module and make its feature maps the leaf of the graph.

    Parameters
    ----------
    module : nn.Module
        At rest; without a place any function of the batch.
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
        If the layer runs not at all or more than once, gives no maps, or what it gives
        is lost on the way to the output.
    """
    if place is None:
        leaf = batch.detach().clone().requires_grad_()
        with torch.enable_grad():
            return module(leaf), leaf
    leaves: list[Tensor] = []
    ahead: int | None = None

    def cut(out: Any) -> Tensor:
        nonlocal ahead
        if leaves or ahead is not None or not _are_maps(out):
            more = leaves or ahead is not None
            what = "runs more than once" if more else "gives no feature maps"
            raise ValueError(f"Layer {place.name!r} {what}: name another one.")
        if place.activation is not None:
            ahead = place.activation
            maps: Tensor = out
            return maps
        return begin(out, False)

    def begin(out: Tensor, in_place: bool) -> Tensor:
        maps = out.detach().clone() if in_place else out.detach()
        leaves.append(maps.requires_grad_())
        torch.set_grad_enabled(True)
        if in_place and not out._is_view():
            # The module may go on with what was written over.
            return out.copy_(leaves[0])
        # What follows may work in place, which a leaf does not allow.
        return leaves[0].clone()

    def seen(out: Tensor, in_place: bool) -> Tensor:
        nonlocal ahead
        if ahead is None or leaves:
            return out
        ahead -= 1
        return begin(out, in_place) if ahead < 0 else out

    assert isinstance(module, nn.Module)
    layer = module.get_submodule(place.name)
    # no_grad restores the mode that `begin` changes, whatever happens.
    watch = _Front(None if place.activation is None else seen)
    with torch.no_grad(), _hook(layer, cut), watch:
        output = module(batch)
    if not leaves:
        raise ValueError(
            f"Layer {place.name!r} is not run in a pass of "
            f"{type(module).__name__}: name another one."
        )
    return output, leaves[0]


def leaf_gradient(score: Tensor, leaf: Tensor, place: Place | None) -> Tensor:
    """Give the gradient of a score at the leaf.

    Parameters
    ----------
    score : Tensor of shape ()
        Summed over events.
    leaf : Tensor
        Of `cut_pass`.
    place : Place or None
        Of `cut_pass`, for the message.

    Returns
    -------
    Tensor
        Of the leaf's shape.

    Raises
    ------
    ValueError
        If the score does not depend on the leaf.
    """
    gradient = None
    if score.requires_grad:
        (gradient,) = torch.autograd.grad(score, leaf, allow_unused=True)
    if gradient is None:
        what = "the input" if place is None else f"the maps of {place.name!r}"
        raise ValueError(
            f"The score has no gradient at {what}: name another layer. occlusion_maps "
            "needs no gradient."
        )
    return gradient


def guided_gradient(
    module: nn.Module, batch: Tensor, score: Callable[[Tensor], Tensor]
) -> Tensor:
    """Give the gradient at the input with guided ReLUs (Springenberg et al.)."""
    leaf = batch.detach().clone().requires_grad_()
    with torch.enable_grad(), _Guided():
        return torch.autograd.grad(score(module(leaf)).sum(), leaf)[0]
