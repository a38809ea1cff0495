"""Colours of directions: inverse pole figures."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from skastro.diffraction._standard_sector import StandardSector, folded_units


def ipf_colors(
    directions: Any, laue_group: Any = "4/mmm", *, power: float = 0.5
) -> np.ndarray:
    """Colour directions by their place in the standard sector.

    The corner nearest to z is red, the next ones counter-clockwise green and blue, and
    the middle is white: [001] red, [101] green and [111] blue for "m-3m"; [001], [100]
    and [110] for "4/mmm"; [001], [100] and [210] for "6/mmm".

    Parameters
    ----------
    directions : array-like of shape (..., 3)
        Cartesian vectors in the crystal frame, of any length but zero; they are folded
        into the sector. The directions of a scan that are parallel to the lab axis z
        are R^T z.
    laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
        As `skastro.utils.proper_operations` takes it.
    power : float, default=0.5
        Exponent of the two weaker channels' share of the strongest; smaller values
        make the middle larger.

    Returns
    -------
    ndarray of shape (..., 3)
        Red, green and blue from 0 to 1; the largest of the three is always 1.

    Raises
    ------
    ValueError
        If a direction is zero or not finite, the group is unknown, or power is not
        positive.

    See Also
    --------
    OrientationMapDisplay : A map of a scan in these colours.
    skastro.utils.fold_directions : The sector.

    Notes
    -----
    Where the sector is a triangle, weights a, b, c >= 0 with u = a A + b B + c C from
    its corners are divided by their largest and raised to ``power``. Where it is not
    ("-1", "2/m", "-3" and "m-3"), the azimuth about its middle gives the hue,
    linear between three corners (or three directions 120° apart), and the share of the
    way to the border the saturation.

    For the groups whose sector is bounded by mirrors (mmm, 4/mmm, 6/mmm and m-3m)
    colours change continuously with the direction and different directions differ.
    For the others colours jump at the sector's seams, as `fold_directions` does: a
    grain there may look speckled. A group of higher symmetry with the same axes then
    shows it evenly, at the cost of one colour for directions that differ.

    References
    ----------
    G. Nolze and R. Hielscher, Journal of Applied Crystallography 49, 1786 (2016), on
    colours of orientations and what is wrong with them.

    Examples
    --------
    >>> from skastro.diffraction import ipf_colors
    >>> ipf_colors([[0, 0, 1], [1, 0, 1], [-1, 1, 1]], "m-3m").round(6)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    if not power > 0:
        raise ValueError(f"power must be above 0, got {power}.")
    u = folded_units(directions, laue_group)
    sector = StandardSector(laue_group)
    flat = u.reshape(-1, 3)
    if len(sector.corners) == 3:
        weights = flat @ np.linalg.inv(sector.corners)
        # On an edge rounding may go below zero.
        weights = np.clip(weights, 0.0, None)
        colors = weights / weights.max(axis=1, keepdims=True)
    else:
        colors = _by_hue(sector, flat)
    colors = np.where(colors < 1e-9, 0.0, colors) ** power
    return np.asarray(colors.reshape(u.shape))


def _by_hue(sector: StandardSector, u: np.ndarray) -> np.ndarray:
    """Colour by azimuth and distance from the middle."""
    azimuth = sector.azimuth(u)
    start = _primaries(sector)
    turned = (azimuth - start[0]) % (2 * np.pi)
    # A hair below the first corner is the first corner.
    turned[turned > 2 * np.pi - 1e-9] = 0.0
    knots = np.append((start - start[0]) % (2 * np.pi), 2 * np.pi)
    hue = np.interp(turned, knots, [0.0, 1.0, 2.0, 3.0])
    # The colour circle of full saturation: one channel is 1 within a sixth of it.
    gap = np.abs((hue[:, None] - np.arange(3) + 1.5) % 3.0 - 1.5)
    full = np.clip(2.0 - 2.0 * gap, 0.0, 1.0)
    angle = np.arccos(np.clip(u @ sector.middle, -1.0, 1.0))
    saturation = np.clip(angle / sector.reach(azimuth), 0.0, 1.0)[:, None]
    return np.asarray(1.0 - saturation * (1.0 - full))


def _primaries(sector: StandardSector) -> np.ndarray:
    """Give the azimuths of red, green and blue."""
    corners = sector.azimuth(sector.corners)
    if len(corners) < 3:
        first = corners[0] if len(corners) else 0.0
        return np.asarray(first + np.arange(3) * 2 * np.pi / 3)

    def least_gap(chosen: tuple[int, ...]) -> float:
        around = np.sort(corners[list(chosen)])
        gaps = np.diff(np.append(around, around[0] + 2 * np.pi))
        return round(float(gaps.min()), 6)

    # The first corner is red; of the others the two that spread the hues best.
    others = combinations(range(1, len(corners)), 2)
    best = max(((0, *pair) for pair in others), key=least_gap)
    return np.asarray(corners[list(best)])
