"""The simulator in torch, differentiable in the orientation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from skastro.diffraction._relrod import relrod_weight

if TYPE_CHECKING:
    from skastro.diffraction._simulator import KinematicSimulator


def torch_images(
    simulator: KinematicSimulator, rotations: Tensor, max_spots: int
) -> Tensor:
    """Draw patterns whose pixels have gradients.

    Parameters
    ----------
    simulator : KinematicSimulator
        Gives crystal, relrod and detector.
    rotations : Tensor of shape (n, 3, 3)
        Crystal to lab.
    max_spots : int
        Strongest reflections that are drawn.

    Returns
    -------
    Tensor of shape (n, h, w)
        The patterns, on the rotations' device and in their precision.

    Raises
    ------
    ValueError
        If the shape is another.
    """
    if rotations.ndim != 3 or rotations.shape[1:] != (3, 3):
        raise ValueError(
            f"rotations must have shape (n, 3, 3), got {tuple(rotations.shape)}."
        )
    g = torch.as_tensor(simulator.reflections_.g).to(rotations)
    strength = torch.as_tensor(simulator._strength).to(rotations)
    inverse = 1.0 / simulator.wavelength_
    lab = torch.einsum("nij,mj->nmi", rotations, g)
    square = lab[..., 0] ** 2 + lab[..., 1] ** 2
    # 1 / lambda - sqrt(1 / lambda² - g²) without the difference of large numbers, in
    # which float32 would lose what matters.
    s = square / (inverse + torch.sqrt(inverse**2 - square)) - lab[..., 2]
    weight = relrod_weight(simulator.relrod, s, simulator.relrod_width)
    intensity = strength * torch.where(s.abs() < simulator.cut_, weight, 0.0)
    # Reflections far from the sphere are most of them: only the strongest are drawn.
    strongest = torch.topk(intensity, min(max_spots, len(g)), dim=1)
    index = strongest.indices
    row0, col0 = simulator.center_
    row = row0 + lab[..., 1].gather(1, index) / simulator.scale_
    col = col0 + lab[..., 0].gather(1, index) / simulator.scale_
    value = strongest.values
    h, w = simulator.shape
    beam = simulator.direct_beam * float(simulator._strength.max())
    if beam:
        one = torch.ones_like(row[:, :1])
        row = torch.cat([row, row0 * one], dim=1)
        col = torch.cat([col, col0 * one], dim=1)
        value = torch.cat([value, beam * one], dim=1)
    sigma = simulator.spot_sigma
    down = torch.arange(h).to(rotations)
    right = torch.arange(w).to(rotations)
    by_row = torch.exp(-0.5 * ((down - row[..., None]) / sigma) ** 2)
    by_col = torch.exp(-0.5 * ((right - col[..., None]) / sigma) ** 2)
    by_row = by_row * (value / (2 * math.pi * sigma**2))[..., None]
    images = torch.bmm(by_row.transpose(1, 2), by_col)
    if simulator.normalize is None:
        return images
    if simulator.normalize == "max":
        size = images.amax(dim=(1, 2), keepdim=True)
    else:
        size = images.sum(dim=(1, 2), keepdim=True)
    return images / size.clamp_min(torch.finfo(rotations.dtype).tiny)
