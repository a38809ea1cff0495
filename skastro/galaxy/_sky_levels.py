"""Sky, noise and brightness of many cut-outs at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# A spread of this many rounding errors is none.
_ROUNDING_ERRORS = 16


class CutoutLevels(NamedTuple):
    """Sky level, noise and scale of images, as `CutoutNormalizer` found them.

    Parameters
    ----------
    sky : ndarray of shape (n, channels)
        Level that is subtracted, in the units of the pixels.
    noise : ndarray of shape (n, channels)
        Standard deviation of the sky, in the same units.
    scale : ndarray of shape (n, channels)
        What is divided by, in the same units; never zero.
    pixels : {"flux", "display"}
        How the images were taken; those for display are not stretched again.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import CutoutNormalizer
    >>> levels = CutoutNormalizer().levels(np.arange(25.0).reshape(1, 5, 5))
    >>> levels.sky, levels.pixels
    (array([[12.]]), 'flux')
    """

    sky: np.ndarray
    noise: np.ndarray
    scale: np.ndarray
    pixels: str


def sigma_clipped(
    ordered: np.ndarray, sigma: float, maxiters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take the median and standard deviation of rows, leaving outliers out.

    The same as `astropy.stats.sigma_clipped_stats`: what is further from the median
    than ``sigma`` standard deviations goes, again and again. As rows are sorted, what
    is left is always a run of them.

    Parameters
    ----------
    ordered : ndarray of float64, shape (m, p)
        Rows in ascending order, each with a spread that is not zero.
    sigma : float
        At least 1, which always leaves something.
    maxiters : int
        Most rounds; they end when nothing more goes.

    Returns
    -------
    median, deviation : ndarray of shape (m,)
        Of what is left; the deviation without Bessel's correction.
    """
    m, p = ordered.shape
    row, place = np.arange(m), np.arange(p)
    # Numbers of order one can be squared, whatever the units.
    middle = ordered[:, p // 2]
    spread = np.maximum(ordered[:, -1] - middle, middle - ordered[:, 0])
    values = (ordered - middle[:, None]) / spread[:, None]
    low, high = np.zeros(m, int), np.full(m, p)

    def statistics() -> tuple[np.ndarray, np.ndarray]:
        count = high - low
        median = 0.5 * (
            values[row, low + (count - 1) // 2] + values[row, low + count // 2]
        )
        inside = (place >= low[:, None]) & (place < high[:, None])
        mean = np.where(inside, values, 0.0).sum(axis=1) / count
        deviations = np.where(inside, values - mean[:, None], 0.0)
        variance = np.einsum("ij,ij->i", deviations, deviations) / count
        return median, np.sqrt(variance)

    median, deviation = statistics()
    for _ in range(maxiters):
        below = values < (median - sigma * deviation)[:, None]
        above = values > (median + sigma * deviation)[:, None]
        new_low = np.maximum(low, below.sum(axis=1))
        new_high = np.minimum(high, p - above.sum(axis=1))
        if np.array_equal(new_low, low) and np.array_equal(new_high, high):
            break
        low, high = new_low, new_high
        median, deviation = statistics()
    return middle + spread * median, spread * deviation


def measure(
    images: np.ndarray,
    eps: float,
    *,
    sigma: float,
    maxiters: int,
    percentile: float,
    noise_floor: float,
    per_band: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure sky, noise and scale of every image and channel.

    Parameters
    ----------
    images : ndarray of float64, shape (n, channels, p)
        Pixels of the images.
    eps : float
        Relative rounding error of the pixels as they came.
    sigma, maxiters : float, int
        See `sigma_clipped`.
    percentile : float
        Of the brightness above the sky that is the scale.
    noise_floor : float
        Least scale, in standard deviations of the sky.
    per_band : bool
        Whether each channel has its own scale, or the largest is that of all.

    Returns
    -------
    sky, noise, scale : ndarray of float64, shape (n, channels)
        In the units of the pixels.
    """
    n, c, p = images.shape
    ordered = np.sort(images, axis=2).reshape(n * c, p)
    least, most = ordered[:, 0], ordered[:, -1]
    largest = np.maximum(np.abs(least), np.abs(most))
    sky, noise = ordered[:, p // 2].copy(), np.zeros(n * c)
    scale = np.zeros(n * c)
    varied = most - least > _ROUNDING_ERRORS * eps * largest
    if varied.any():
        rows = ordered[varied]
        level, deviation = sigma_clipped(rows, sigma, maxiters)
        bright = _percentile(rows, percentile) - level
        size = np.maximum(bright, noise_floor * deviation)
        # More than half of the pixels are equal and few differ: take the furthest.
        furthest = np.maximum(rows[:, -1] - level, level - rows[:, 0])
        sky[varied], noise[varied] = level, deviation
        scale[varied] = np.where(size > 0, size, furthest)
    sky, noise, scale = (a.reshape(n, c) for a in (sky, noise, scale))
    if not per_band:
        scale = np.broadcast_to(scale.max(axis=1, keepdims=True), (n, c)).copy()
    # Constant images become zeros, up to rounding, whatever they are divided by.
    instead = np.where(largest > 0, largest, 1.0).reshape(n, c)
    return sky, noise, np.where(scale > 0, scale, instead)


def _percentile(ordered: np.ndarray, percentile: float) -> np.ndarray:
    """Take a percentile of sorted rows, linear between neighbours."""
    place = percentile / 100.0 * (ordered.shape[1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[1] - 1)
    part = place - below
    out: np.ndarray = (1.0 - part) * ordered[:, below] + part * ordered[:, above]
    return out
