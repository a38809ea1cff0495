"""Reflections in diffraction patterns, to a part of a pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

# A band-pass: spots are wider than the first and narrower than the second, in pixels.
_SPOT_BAND = (1.0, 4.0)

# A spot is above this many standard deviations of the noise, and above this share of
# the strongest one of its pattern.
_NOISE_LEVELS = 6.0
_FAINTEST = 3e-3

# Half of the smallest distance of two spots, and distance from the edge, in pixels.
_REACH = 2

# The standard deviation of a Gaussian in units of its median absolute deviation.
_MAD = 1.4826


class Spots(NamedTuple):
    """Spots of many patterns, one after the other."""

    # Which pattern, (n,).
    pattern: np.ndarray
    # From the centre, in pixels: rows and columns, (n, 2).
    position: np.ndarray


def find_spots(
    images: np.ndarray, center: tuple[float, float], inner_radius: float
) -> Spots:
    """Find local maxima that stand out from background and noise.

    Parameters
    ----------
    images : ndarray of shape (n, h, w)
        Patterns, spots bright.
    center : (row, column)
        Of all patterns, in pixels.
    inner_radius : float
        What is nearer to the centre than this is the direct beam, in pixels.

    Returns
    -------
    Spots
        Of all patterns.
    """
    n, h, w = images.shape
    empty = Spots(np.empty(0, np.intp), np.empty((0, 2)))
    if min(h, w) <= 2 * _REACH:
        return empty
    narrow, wide = (
        ndimage.gaussian_filter(images, (0, s, s), mode="nearest") for s in _SPOT_BAND
    )
    band = narrow - wide
    flat = band.reshape(n, -1)
    spread = np.median(np.abs(flat - np.median(flat, axis=1)[:, None]), axis=1)
    rows, columns = np.indices((h, w))
    outside = np.hypot(rows - center[0], columns - center[1]) >= inner_radius
    outside[:_REACH] = outside[-_REACH:] = False
    outside[:, :_REACH] = outside[:, -_REACH:] = False
    if not outside.any():
        return empty
    strongest = band[:, outside].max(axis=1)
    level = np.maximum(_NOISE_LEVELS * _MAD * spread, _FAINTEST * strongest)
    side = 2 * _REACH + 1
    top = ndimage.maximum_filter(band, (1, side, side), mode="nearest") == band
    pattern, row, column = np.nonzero(
        top & outside & (band > np.maximum(level, 0)[:, None, None])
    )
    position = np.stack([row, column], axis=1).astype(np.float64)
    for axis, (dy, dx) in enumerate(((1, 0), (0, 1))):
        before, at, after = (
            band[pattern, row + s * dy, column + s * dx].astype(np.float64)
            for s in (-1, 0, 1)
        )
        bend = before - 2 * at + after
        bent = bend < 0
        step = 0.5 * (before - after) / np.where(bent, bend, -1.0)
        position[:, axis] += np.where(bent, step, 0.0).clip(-0.5, 0.5)
    return Spots(pattern, position - np.asarray(center))
