"""Beam directions spread evenly over the standard sector."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.utils import fold_directions

_GOLDEN = (1 + 5**0.5) / 2


def zone_grid(laue_group: Any, spacing_deg: float) -> np.ndarray:
    """Spread directions evenly over the standard sector of a Laue group.

    They are the points of a Fibonacci lattice in the sector; those just outside are
    moved onto its border, so that low-index zones, which lie there, are not missed.

    Parameters
    ----------
    laue_group : str or ndarray of shape (n_operations, 3, 3)
        As `skastro.utils.proper_operations` takes it.
    spacing_deg : float
        Mean distance of neighbours, in degrees.

    Returns
    -------
    ndarray of shape (n_zones, 3)
        Unit vectors.
    """
    spacing = np.radians(spacing_deg)
    # Area of a cell of the triangular lattice with this spacing.
    n = max(32, round(4 * np.pi / (spacing**2 * np.sqrt(3) / 2)))
    k = np.arange(n) + 0.5
    z = 1 - 2 * k / n
    azimuth = 2 * np.pi * k / _GOLDEN
    r = np.sqrt(1 - z * z)
    u = np.column_stack([r * np.cos(azimuth), r * np.sin(azimuth), z])
    folded = fold_directions(u, laue_group)
    gap = np.linalg.norm(u - folded, axis=1)
    inside = u[gap < 1e-9]
    # A mirror plane is half-way between a point and its image.
    outside = (gap >= 1e-9) & (gap < 0.8 * spacing)
    border = u[outside] + folded[outside]
    border /= np.linalg.norm(border, axis=1, keepdims=True)
    on_border = np.linalg.norm(fold_directions(border, laue_group) - border, axis=1)
    return np.concatenate([inside, border[on_border < 1e-9]])
