"""How deposits and times of a voxel tracker enter a net."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Scales in MeV and ns: a minimum-ionising particle leaves 1 MeV in a wafer, and light
# crosses the tracker in 5 ns.
_LOG_MEV, _LINEAR_MEV, _DIVISOR = 0.3, 30.0, 3.0


class VoxelScale(nn.Module):
    """Bring energies (and times) of voxels near one; empty voxels stay zero.

    Parameters
    ----------
    log_energy : bool
        Whether energies enter as logarithms.
    binarize : bool
        Whether every hit becomes a one, and its time, if any, is dropped.
    threshold : float
        Deposits below it are no hits, in MeV.
    """

    def __init__(self, log_energy: bool, binarize: bool, threshold: float) -> None:
        super().__init__()
        self.log_energy = log_energy
        self.binarize = binarize
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        """Scale, along axis 1: energies in MeV, then times in ns plus 1 if there are.

        Parameters
        ----------
        x : Tensor of shape (n, 1 or 2, ...)
            Not negative.

        Returns
        -------
        Tensor of the same shape
            Without units.
        """
        energy = x[:, :1]
        hit = energy > 0
        if self.threshold > 0:
            hit = hit & (energy >= self.threshold)
        if self.binarize:
            ones = hit.to(x.dtype)
            return ones if x.shape[1] == 1 else torch.cat([ones, 0 * ones], dim=1)
        if self.log_energy:
            scaled = torch.log1p(energy / _LOG_MEV) / _DIVISOR
        else:
            scaled = energy / _LINEAR_MEV
        parts = [scaled]
        if x.shape[1] > 1:
            parts.append(torch.log1p(x[:, 1:]) / _DIVISOR)
        return torch.cat(parts, dim=1) * hit
