"""Render the light of simulated galaxies on a grid of pixels.

All functions work on many galaxies at once. Lengths are in pixels, position angles in
radians from the x axis (columns) towards the y axis (rows), and a flux is the sum over
all pixels of an infinitely large image. Parameters are arrays of shape (n,), images
have the shape (n, size, size) and the dtype float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

# A profile is evaluated once in each pixel, and on finer points in boxes about its
# centre, where it is steep: (side of the box in pixels, points a side and pixel).
_SERSIC_BOXES = ((16, 4), (4, 20))
# Points a side and pixel for disks whose minor scale length is above so many pixels.
_DISK_POINTS = ((2.5, 2), (1.0, 3), (0.5, 5))
_DISK_COUNTS = [count for _, count in _DISK_POINTS]


def sersic_b(n: np.ndarray) -> np.ndarray:
    """Compute b of the Sérsic profile, which makes R_e the half-light radius.

    Parameters
    ----------
    n : ndarray
        Sérsic index.

    Returns
    -------
    ndarray
        The solution of ``gammainc(2 n, b) = 1/2`` (Ciotti & Bertin 1999, A&A 352,
        447, give the series of it).
    """
    out: np.ndarray = special.gammaincinv(2.0 * np.asarray(n, dtype=np.float64), 0.5)
    return out


def half_light_radius(
    bulge_fraction: np.ndarray, r_bulge: np.ndarray, n: np.ndarray, h: np.ndarray
) -> np.ndarray:
    """Find the half-light radius of a Sérsic bulge and an exponential disk together.

    Parameters
    ----------
    bulge_fraction : ndarray of shape (n_galaxies,)
        Share of the light in the bulge.
    r_bulge, n : ndarray of shape (n_galaxies,)
        Half-light radius and Sérsic index of the bulge.
    h : ndarray of shape (n_galaxies,)
        Scale length of the disk, in the unit of `r_bulge`.

    Returns
    -------
    ndarray of shape (n_galaxies,)
        Along the major axis, both parts taken for equally flat.
    """
    b = sersic_b(n)
    low, high = np.zeros_like(h), 20.0 * np.maximum(h, r_bulge)
    for _ in range(50):
        middle = 0.5 * (low + high)
        bulge = special.gammainc(2.0 * n, b * (middle / r_bulge) ** (1.0 / n))
        disk = special.gammainc(2.0, middle / h)
        inside = bulge_fraction * bulge + (1.0 - bulge_fraction) * disk
        low = np.where(inside < 0.5, middle, low)
        high = np.where(inside < 0.5, high, middle)
    out: np.ndarray = 0.5 * (low + high)
    return out


def render_sersic(
    flux: np.ndarray,
    r_e: np.ndarray,
    n: np.ndarray,
    q: np.ndarray,
    angle: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    size: int,
) -> np.ndarray:
    """Render elliptical Sérsic profiles, averaged over each pixel.

    Parameters
    ----------
    flux, r_e, n, q, angle, x, y : ndarray of shape (n_galaxies,)
        Total flux, half-light radius on the major axis, Sérsic index, axis ratio,
        position angle, and the centre (0 is the middle of the first pixel).
    size : int
        Pixels a side.

    Returns
    -------
    ndarray of shape (n_galaxies, size, size)
        float32.
    """
    b = sersic_b(n)
    peak = flux * b ** (2.0 * n)
    peak /= 2.0 * np.pi * n * special.gamma(2.0 * n) * r_e**2 * q

    def profile(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        r2 = _squared_radius(dx, dy, q, angle)
        r2 /= _column(r_e) ** 2
        np.maximum(r2, np.float32(1e-12), out=r2)
        np.log(r2, out=r2)
        r2 *= _column(0.5 / n)
        np.exp(r2, out=r2)
        r2 *= -_column(b)
        np.exp(r2, out=r2)
        r2 *= _column(peak)
        return r2

    zero = np.zeros(x.size, dtype=np.int64)
    image = _pixel_means(profile, x, y, zero, zero, size, 1)
    rows = np.arange(x.size)[:, None, None]
    for side, points in _SERSIC_BOXES:
        side = min(side, size)
        first_x, first_y = (
            np.clip(np.rint(c - 0.5 * (side - 1)).astype(np.int64), 0, size - side)
            for c in (x, y)
        )
        box = _pixel_means(profile, x, y, first_x, first_y, side, points)
        steps = np.arange(side)
        image[
            rows,
            (first_y[:, None] + steps)[:, :, None],
            (first_x[:, None] + steps)[:, None],
        ] = box
    return image


def render_exponential(
    flux: np.ndarray,
    h: np.ndarray,
    q: np.ndarray,
    angle: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    size: int,
) -> np.ndarray:
    """Render inclined exponential disks, averaged over each pixel.

    Parameters
    ----------
    flux, h, q, angle, x, y : ndarray of shape (n_galaxies,)
        Total flux, scale length on the major axis, axis ratio, position angle, centre.
    size : int
        Pixels a side.

    Returns
    -------
    ndarray of shape (n_galaxies, size, size)
        float32.
    """
    peak = flux / (2.0 * np.pi * h**2 * q)
    # A disk seen edge-on is thinner than a pixel: the thinner, the more points.
    points = np.select([h * q > limit for limit, _ in _DISK_POINTS], _DISK_COUNTS, 10)
    image = np.empty((x.size, size, size), dtype=np.float32)
    for count in np.unique(points):
        some = np.flatnonzero(points == count)
        # Finely sampled ones a few at a time: they take count^2 times the memory.
        for part in np.array_split(some, -(-some.size * int(count) ** 2 // 128)):

            def profile(dx: np.ndarray, dy: np.ndarray, part: Any = part) -> np.ndarray:
                r = _squared_radius(dx, dy, q[part], angle[part])
                np.maximum(r, np.float32(0.0), out=r)
                np.sqrt(r, out=r)
                r *= _column(-1.0 / h[part])
                np.exp(r, out=r)
                r *= _column(peak[part])
                return r

            zero = np.zeros(part.size, dtype=np.int64)
            image[part] = _pixel_means(
                profile, x[part], y[part], zero, zero, size, int(count)
            )
    return image


def arm_excess(
    disk: np.ndarray,
    h: np.ndarray,
    q: np.ndarray,
    angle: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    contrast: np.ndarray,
    n_arms: np.ndarray,
    pitch: np.ndarray,
    phase: np.ndarray,
    sharpness: np.ndarray,
) -> np.ndarray:
    r"""Compute what logarithmic spiral arms add to a disk and take from it.

    In the plane of the disk the share ``a(r)`` of the light is in arms, along
    :math:`\cos \phi = \cos(m \theta - m \ln r / \tan p - \phi_0)` with the pattern
    :math:`\exp(\kappa \cos \phi) / I_0(\kappa)`, whose mean over a circle is 1: arms
    move light about, and the exponential profile stays. ``a`` rises from 0 in the
    centre to `contrast` at about one scale length.

    Parameters
    ----------
    disk : ndarray of shape (n_galaxies, size, size)
        What `render_exponential` gave for the same `h`, `q`, `angle`, `x` and `y`.
    h, q, angle, x, y : ndarray of shape (n_galaxies,)
        Scale length, axis ratio, position angle and centre.
    contrast : ndarray of shape (n_galaxies,)
        Share of the light in arms far from the centre, 0 to 1.
    n_arms, pitch, phase, sharpness : ndarray of shape (n_galaxies,)
        Number m of arms (1 or more), pitch angle p (radians, its sign is the
        winding), phase and :math:`\kappa` (larger is narrower).

    Returns
    -------
    ndarray of shape (n_galaxies, size, size)
        float32, negative between the arms, at least ``-contrast * disk``.
    """
    size = disk.shape[-1]
    zero = np.zeros(x.size, dtype=np.int64)
    dx, dy = _offsets(x, y, zero, zero, size, 1)
    cos, sin = _column(np.cos(angle)), _column(np.sin(angle))
    u = dx * cos + dy * sin
    v = (dy * cos - dx * sin) / _column(q)
    r2 = u * u
    r2 += v * v
    np.maximum(r2, np.float32(1e-6), out=r2)
    phi = np.arctan2(v, u)
    phi *= _column(n_arms)
    phi -= _column(0.5 * n_arms / np.tan(pitch)) * np.log(r2)
    phi -= _column(phase)
    excess: np.ndarray = np.cos(phi, out=phi)
    excess *= _column(sharpness)
    np.exp(excess, out=excess)
    excess *= _column(1.0 / special.i0(sharpness))
    excess -= 1.0
    r2 *= _column(-1.0 / (0.8 * h) ** 2)
    excess *= -_column(contrast) * np.expm1(r2)
    excess *= disk
    return excess


def _column(values: np.ndarray) -> np.ndarray:
    """Shape one value a galaxy so that it multiplies images."""
    return np.asarray(values, dtype=np.float32)[:, None, None]


def _offsets(
    x: np.ndarray,
    y: np.ndarray,
    first_x: np.ndarray,
    first_y: np.ndarray,
    side: int,
    points: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of the sampling points from the centre along both axes."""
    steps = (np.arange(side * points) + 0.5) / points - 0.5
    dx = (steps[None, :] + (first_x - x)[:, None]).astype(np.float32)
    dy = (steps[None, :] + (first_y - y)[:, None]).astype(np.float32)
    return dx[:, None, :], dy[:, :, None]


def _squared_radius(
    dx: np.ndarray, dy: np.ndarray, q: np.ndarray, angle: np.ndarray
) -> np.ndarray:
    """Square the elliptical radius, measured on the major axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    xx = cos**2 + (sin / q) ** 2
    yy = sin**2 + (cos / q) ** 2
    xy = 2.0 * cos * sin * (1.0 - 1.0 / q**2)
    r2: np.ndarray = _column(xy) * dx * dy
    r2 += _column(xx) * dx**2
    r2 += _column(yy) * dy**2
    return r2


def _pixel_means(
    profile: Callable[[np.ndarray, np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    first_x: np.ndarray,
    first_y: np.ndarray,
    side: int,
    points: int,
) -> np.ndarray:
    """Average a profile over the pixels of a box."""
    values = profile(*_offsets(x, y, first_x, first_y, side, points))
    if points == 1:
        return values
    out: np.ndarray = values.reshape(-1, side, points, side, points).mean(axis=(2, 4))
    return out
