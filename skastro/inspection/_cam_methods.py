"""The formulas that turn feature maps and their gradients into one map an event."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def _space(maps: Tensor) -> tuple[int, ...]:
    return tuple(range(2, maps.ndim))


def _divided(over: Tensor, under: Tensor) -> Tensor:
    """Divide, with 0 where the denominator is exactly 0."""
    zero = under == 0
    return torch.where(zero, 0.0, over / torch.where(zero, 1.0, under))


def gradcam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh every channel by its mean gradient (Selvaraju et al., equations 1 and 2).

    Parameters
    ----------
    maps : Tensor of shape (n, channels, ...)
        Feature maps.
    gradient : Tensor of the same shape
        Of the class score by them.

    Returns
    -------
    Tensor of shape (n, ...)
        The signed map.
    """
    weight = gradient.mean(dim=_space(maps))
    # One small matrix product an event: the weighted maps are never written down.
    return torch.bmm(weight.unsqueeze(1), maps.flatten(2)).view(-1, *maps.shape[2:])


def gradcam_plus_plus(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh by positive gradients with Chattopadhay's coefficients (equation 19)."""
    space = _space(maps)
    square = gradient.square()
    total = maps.sum(dim=space, keepdim=True)
    alpha = _divided(square, 2 * square + total * square * gradient)
    weight = (alpha * gradient.relu()).sum(dim=space, keepdim=True)
    return (weight * maps).sum(dim=1)


def xgradcam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh by the mean gradient, averaged with the maps as weights (Fu et al.)."""
    space = _space(maps)
    over = (maps * gradient).sum(dim=space, keepdim=True)
    weight = _divided(over, maps.sum(dim=space, keepdim=True))
    return (weight * maps).sum(dim=1)


def layercam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh every place by its own positive gradient (Jiang et al., equation 5)."""
    return (gradient.relu() * maps).sum(dim=1)


def hirescam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh every place by its own gradient (Draelos and Carin)."""
    return (gradient * maps).sum(dim=1)


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "xgradcam": xgradcam,
    "layercam": layercam,
    "hirescam": hirescam,
    # Its second factor is computed at the input.
    "guided_gradcam": gradcam,
}


def enlarged(cam: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Bring maps to a grid, linearly along every axis."""
    if tuple(cam.shape[1:]) == grid:
        return cam
    if cam.ndim - 1 != len(grid):
        raise ValueError(
            f"Maps of shape {tuple(cam.shape[1:])} have no place on an input of shape "
            f"{grid}: set upsample=False."
        )
    for axis, size in enumerate(grid, 1):
        before = cam.shape
        if before[axis] == size:
            continue
        # torch's own weights, once an axis instead of once a voxel: a third or less
        # of the time that its function takes for all axes.
        eye = torch.eye(before[axis], dtype=cam.dtype, device=cam.device)[None]
        weights = interpolate(eye, size, mode="linear", align_corners=False)[0]
        if axis == len(grid):
            cam = cam.reshape(-1, before[axis]) @ weights
        else:
            n_rows = math.prod(before[:axis])
            cam = weights.T @ cam.reshape(n_rows, before[axis], -1)
        cam = cam.reshape(*before[:axis], size, *before[axis + 1 :])
    return cam


def normalized(cam: Tensor, how: str) -> Tensor:
    """Divide every map by its largest absolute value ("max") or the sum of these."""
    flat = cam.flatten(1).abs()
    size = flat.sum(dim=1) if how == "sum" else flat.amax(dim=1)
    size = torch.where(size == 0, 1.0, size)
    return cam / size.view(-1, *[1] * (cam.ndim - 1))
