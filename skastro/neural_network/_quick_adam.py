"""torch's fused Adam with less Python around its kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Settings of torch's that the call of the kernel below does not have.
_LEFT_TO_TORCH = ("amsgrad", "maximize", "decoupled_weight_decay", "differentiable")


def _torch_step(optimizer: torch.optim.Adam, closure: Any) -> Any:
    """Take torch's own step; hooks of a step are run by the caller's already."""
    step: Any = torch.optim.Adam.step
    if getattr(step, "hooked", False):
        step = step.__wrapped__
    return step(optimizer, closure)


class QuickAdam(torch.optim.Adam):
    """Fused Adam for parameters of one dtype on one device; the same numbers.

    ``torch.optim.Adam`` sorts the parameters by device and dtype in every step, which
    for a small net takes ten times as long as the kernel that it then calls. Here the
    kernel is called at once where nothing is to be sorted; all else (the first step,
    gradients scaled for half precision, closures) is left to torch.

    Parameters
    ----------
    params : list of Tensor
        What is optimised.
    **settings : dict
        Of ``torch.optim.Adam``; ``fused`` is set.
    """

    # A copy, or one that was pickled, does not know, and leaves all to torch.
    _one_kind = False

    def __init__(self, params: list[Tensor], **settings: Any) -> None:
        self._one_kind = len({(p.device, p.dtype) for p in params}) == 1
        super().__init__(params, fused=True, **settings)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Parameters
        ----------
        closure : callable or None, default=None
            Evaluates the net again and gives its loss.

        Returns
        -------
        float or None
            What the closure gave.
        """
        groups = [
            (group, [p for p in group["params"] if p.grad is not None])
            for group in self.param_groups
        ]
        if closure is not None or not self._is_plain(groups):
            return _torch_step(self, closure)
        with torch.no_grad():
            for group, params in groups:
                if params:
                    self._run_kernel(group, params)
        return None

    def _is_plain(self, groups: list[tuple[dict[str, Any], list[Tensor]]]) -> bool:
        """Tell whether the kernel can be called at once."""
        scaled = getattr(self, "grad_scale", None), getattr(self, "found_inf", None)
        return (
            self._one_kind
            and len(groups) == 1
            and scaled == (None, None)
            and not any(groups[0][0].get(name) for name in _LEFT_TO_TORCH)
            # Without moments (the first step) torch makes them.
            and all(self.state.get(p) for p in groups[0][1])
        )

    def _run_kernel(self, group: dict[str, Any], params: list[Tensor]) -> None:
        states = [self.state[p] for p in params]
        steps = [state["step"] for state in states]
        beta_1, beta_2 = group["betas"]
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            params,
            [p.grad for p in params if p.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=group["lr"],
            beta1=beta_1,
            beta2=beta_2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )
