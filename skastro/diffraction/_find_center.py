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

# The centre of gravity is that of what is above this share of the beam's height: lower
# and the neighbours draw, higher and the pixels are too few.
_HEIGHT = 0.25
_ROUNDS = 8


def direct_beam_centers(
    images: np.ndarray, beam_radius: float, max_shift: float | None
) -> np.ndarray:
    """Find the brightest blob of each pattern and its centre of gravity.

    Only what is above a quarter of its height counts, within a disc that moves along
    with the result. A saturated beam is a plateau, whose centre is found as well.

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
    floor = np.median(patches, axis=(1, 2))
    centers = peaks.astype(np.float64)
    for _ in range(_ROUNDS):
        dy = rows - centers[:, :1]
        dx = columns - centers[:, 1:]
        disc = dy[:, :, None] ** 2 + dx[:, None, :] ** 2 <= beam_radius**2
        disc &= inside
        top = np.where(disc, patches, -np.inf).max(axis=(1, 2))
        level = floor + _HEIGHT * (top - floor)
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


def tempered_spots(images: np.ndarray) -> np.ndarray:
    """Give the spots of patterns without background, strong and weak ones alike.

    Parameters
    ----------
    images : ndarray of shape (n, h, w)
        Patterns.

    Returns
    -------
    ndarray of shape (n, h, w)
        Not negative; float64. The squares of each pattern add up to 1, or to 0.
    """
    images = images.astype(np.float64)
    narrow, wide = (
        ndimage.gaussian_filter(images, (0, s, s), mode="nearest") for s in _SPOT_BAND
    )
    # What rounding leaves of a flat pattern is no spot.
    band = narrow - wide
    band[band <= 1e-9 * np.abs(images).max(axis=(1, 2), keepdims=True)] = 0
    spots = band**_POWER
    power = np.sqrt((spots * spots).sum(axis=(1, 2), keepdims=True))
    return np.asarray(spots / np.where(power > 0, power, 1.0))


def inversion_maps(spots: np.ndarray) -> np.ndarray:
    """Give how well each pattern agrees with its inversion through each point.

    That is the autoconvolution, by a fast Fourier transform: its value at p is for the
    centre p / 2.

    Parameters
    ----------
    spots : ndarray of shape (n, h, w)
        From `tempered_spots`.

    Returns
    -------
    ndarray of shape (n, 2 h - 1, 2 w - 1)
        1 is perfect agreement.
    """
    _, h, w = spots.shape
    h_out, w_out = 2 * h - 1, 2 * w - 1
    size = fft.next_fast_len(h_out, real=True), fft.next_fast_len(w_out, real=True)
    spectrum = fft.rfft2(spots, size)
    return np.asarray(fft.irfft2(spectrum * spectrum, size)[:, :h_out, :w_out])


def best_inversion(
    maps: np.ndarray, shape: tuple[int, int], max_shift: float | None
) -> np.ndarray:
    """Find the maxima of inversion maps.

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
    ndarray of shape (n, 2), int
        Twice the row and column; of the middle of the image for an empty pattern.
    """
    n, size = len(maps), maps.shape[1:]
    # The map has half-pixel steps: its middle is that of the image.
    allowed = _near_middle(size, None if max_shift is None else 2 * max_shift)
    flat = np.where(allowed, maps, -np.inf).reshape(n, -1)
    place = np.stack(np.unravel_index(flat.argmax(axis=1), size), axis=1)
    empty = flat.max(axis=1) <= 1e-9
    return np.where(empty[:, None], [shape[0] - 1, shape[1] - 1], place)


def inversion_lines(spots: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Give the agreement with the inversion at a place and beside it, for each axis.

    Only the largest window counts whose middle the place is. In the whole image, fewer
    pixels overlap with their inversion the further away from the middle it is, which
    would draw the maximum there.

    Parameters
    ----------
    spots : ndarray of shape (h, w)
        Of one pattern, from `tempered_spots`.
    place : ndarray of shape (2,), int
        From `best_inversion`.

    Returns
    -------
    ndarray of shape (2, 3)
        For rows and columns: half a pixel before, at the place, half a pixel after.
    """
    window = spots[
        tuple(
            slice(max(0, p - n + 1), min(n, p + 1))
            for p, n in zip(place.tolist(), spots.shape, strict=True)
        )
    ]
    # Noise and the edges of spots weigh less than where the place is looked for.
    window = window * window
    lines = np.zeros((2, 3))
    for axis in (0, 1):
        lined = window if axis == 0 else window.T
        for i, part in enumerate((lined[:-1], lined, lined[1:])):
            lines[axis, i] = (part * part[::-1, ::-1]).sum()
    return lines


def refined_center(place: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Find a centre to a part of a pixel, by a parabola along each axis.

    Parameters
    ----------
    place : ndarray of shape (2,), int
        From `best_inversion`.
    lines : ndarray of shape (2, 3)
        From `inversion_lines`, or sums of such.

    Returns
    -------
    ndarray of shape (2,)
        Row and column in pixels.
    """
    before, at, after = lines.T
    bend = before - 2 * at + after
    bent = bend < 0
    step = 0.5 * (before - after) / np.where(bent, bend, -1.0)
    return np.asarray((place + np.where(bent, step.clip(-1, 1), 0.0)) / 2)


def _near_middle(shape: tuple[int, int], max_shift: float | None) -> np.ndarray:
    """Say which pixels are within a distance of the middle; at least the nearest."""
    rows = np.arange(shape[0]) - (shape[0] - 1) / 2
    columns = np.arange(shape[1]) - (shape[1] - 1) / 2
    radius = np.hypot(rows[:, None], columns[None, :])
    if max_shift is None:
        return np.ones(shape, dtype=bool)
    return np.asarray(radius <= max(max_shift, float(radius.min())))
