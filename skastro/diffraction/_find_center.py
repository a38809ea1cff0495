"""Where the direct beam of a diffraction pattern is."""

from __future__ import annotations

import math

import numpy as np
from scipy import fft, ndimage

# The blurring under which the brightest blob is looked for, in pixels: narrower than
# a spot, wider than a hot pixel.
_BLUR = 1.5

# Spots are what is narrower than the second and wider than the first, in pixels.
_SPOT_BAND = (1.0, 5.0)

# Intensities to this power are compared with their inversion: near 0.25 the many weak
# pairs of spots count as much as the few strong ones.
_POWER = 0.25

_ROUNDS = 8


def direct_beam_centers(
    images: np.ndarray, beam_radius: float, max_shift: float | None
) -> np.ndarray:
    """Find the brightest blob of each pattern and its centre of gravity.

    Only what is above half of the maximum counts, within a disc that moves along with
    the result. A saturated beam is a plateau, whose centre is found as well.

    Parameters
    ----------
    images : ndarray of shape (n, h, w)
        Patterns.
    beam_radius : float
        Radius of the disc, in pixels.
    max_shift : float or None
        Greatest distance from the middle of the image, in pixels.

    Returns
    -------
    ndarray of shape (n, 2)
        Row and column in pixels; the middle of the image for an empty pattern.
    """
    n, h, w = images.shape
    middle = np.array([(h - 1) / 2, (w - 1) / 2])
    blurred = ndimage.gaussian_filter(images, (0, _BLUR, _BLUR), mode="nearest")
    allowed = _near_middle((h, w), max_shift)
    blurred = np.where(allowed, blurred, -np.inf).reshape(n, -1)
    peaks = np.stack(np.unravel_index(blurred.argmax(axis=1), (h, w)), axis=1)
    reach = math.ceil(2 * beam_radius)
    offsets = np.arange(-reach, reach + 1)
    rows = peaks[:, :1] + offsets
    columns = peaks[:, 1:] + offsets
    inside = ((rows >= 0) & (rows < h))[:, :, None] & ((columns >= 0) & (columns < w))[
        :, None, :
    ]
    patches = images[
        np.arange(n)[:, None, None],
        rows.clip(0, h - 1)[:, :, None],
        columns.clip(0, w - 1)[:, None, :],
    ].astype(np.float64)
    # Half way up from the background of the patch.
    floor = np.median(patches, axis=(1, 2))
    centers = peaks.astype(np.float64)
    for _ in range(_ROUNDS):
        dy = rows - centers[:, :1]
        dx = columns - centers[:, 1:]
        disc = dy[:, :, None] ** 2 + dx[:, None, :] ** 2 <= beam_radius**2
        disc &= inside
        top = np.where(disc, patches, -np.inf).max(axis=(1, 2))
        level = (floor + top) / 2
        weights = np.clip(patches - level[:, None, None], 0, None) * disc
        total = weights.sum(axis=(1, 2))
        flat = total <= 0
        total[flat] = 1.0
        step = np.stack(
            [
                (weights.sum(axis=2) * dy).sum(axis=1) / total,
                (weights.sum(axis=1) * dx).sum(axis=1) / total,
            ],
            axis=1,
        )
        centers += step
        if np.abs(step).max(initial=0.0) < 1e-3:
            break
    empty = np.ptp(images.reshape(n, -1), axis=1) <= 0
    return np.where(empty[:, None], middle, centers)


def inversion_maps(images: np.ndarray) -> np.ndarray:
    """Give how well each pattern agrees with its inversion through each point.

    That is the autoconvolution, by a fast Fourier transform: its value at p is for the
    centre p / 2. Each map is divided by that of perfect agreement.

    Parameters
    ----------
    images : ndarray of shape (n, h, w)
        Patterns.

    Returns
    -------
    ndarray of shape (n, 2 h - 1, 2 w - 1)
        1 is perfect; float64.
    """
    images = images.astype(np.float64)
    _, h, w = images.shape
    narrow, wide = (
        ndimage.gaussian_filter(images, (0, s, s), mode="nearest") for s in _SPOT_BAND
    )
    spots = np.clip(narrow - wide, 0, None) ** _POWER
    size = fft.next_fast_len(2 * h - 1, real=True), fft.next_fast_len(
        2 * w - 1, real=True
    )
    spectrum = fft.rfft2(spots, size)
    maps = fft.irfft2(spectrum * spectrum, size)[:, : 2 * h - 1, : 2 * w - 1]
    power = (spots * spots).sum(axis=(1, 2), keepdims=True)
    return np.asarray(maps / np.where(power > 0, power, 1.0))


def map_centers(
    maps: np.ndarray, shape: tuple[int, int], max_shift: float | None
) -> np.ndarray:
    """Find the maxima of inversion maps, to a part of a pixel by a parabola.

    Parameters
    ----------
    maps : ndarray of shape (n, 2 h - 1, 2 w - 1)
        From `inversion_maps`, or sums of such.
    shape : (h, w)
        Of the patterns.
    max_shift : float or None
        Greatest distance from the middle of the image, in pixels.

    Returns
    -------
    ndarray of shape (n, 2)
        Row and column in pixels; the middle of the image for an empty pattern.
    """
    n = len(maps)
    size = maps.shape[1:]
    # The map has half-pixel steps: its middle is that of the image.
    allowed = _near_middle(size, None if max_shift is None else 2 * max_shift)
    best = np.where(allowed, maps, -np.inf).reshape(n, -1).argmax(axis=1)
    place = np.stack(np.unravel_index(best, size), axis=1)
    index = np.arange(n)
    found = place.astype(np.float64)
    for axis in (0, 1):
        line = place[:, axis, None] + np.arange(-2, 3)
        inside = (line >= 0) & (line < size[axis])
        line = line.clip(0, size[axis] - 1)
        other = np.broadcast_to(place[:, 1 - axis, None], line.shape)
        rows, columns = (line, other) if axis == 0 else (other, line)
        # The pixels that overlap with the inversion become fewer away from the middle,
        # which would draw the maximum of a blunt peak there.
        overlap = shape[axis] - np.abs(line - (shape[axis] - 1))
        values = np.where(inside, maps[index[:, None], rows, columns] / overlap, 0.0)
        top = 1 + values[:, 1:4].argmax(axis=1)
        left, at, right = (values[index, top + step] for step in (-1, 0, 1))
        bend = left - 2 * at + right
        inner = inside[index, top - 1] & inside[index, top + 1] & (bend < 0)
        step_to_top = 0.5 * (left - right) / np.where(inner, bend, -1.0)
        found[:, axis] += np.where(inner, top - 2 + step_to_top.clip(-1, 1), 0.0)
    empty = maps.reshape(n, -1).max(axis=1) <= 0
    middle = np.array([(shape[0] - 1) / 2, (shape[1] - 1) / 2])
    return np.where(empty[:, None], middle, found / 2)


def _near_middle(shape: tuple[int, int], max_shift: float | None) -> np.ndarray:
    """Say which pixels are within a distance of the middle; at least the nearest."""
    rows = np.arange(shape[0]) - (shape[0] - 1) / 2
    columns = np.arange(shape[1]) - (shape[1] - 1) / 2
    radius = np.hypot(rows[:, None], columns[None, :])
    if max_shift is None:
        return np.ones(shape, dtype=bool)
    return np.asarray(radius <= max(max_shift, float(radius.min())))
