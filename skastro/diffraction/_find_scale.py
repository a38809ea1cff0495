"""How many 1/Å a pixel is, from the distances of spots from the centre.

Spots lie at radii g / scale, one for each reflection that the crystal has. In pixels,
their radii are thus drawn from a mixture of narrow Gaussians, one a reflection, and a
constant for whatever else looks like a spot. Its likelihood is a fair judge between
scales: a large scale puts many reflections into the image, one of which is always
near, but then each has a small share of the mixture.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from skastro.diffraction._crystal import as_crystal

# Scatter of the radii about those of their reflections, in pixels: at first, while the
# centre may be off, and at the end.
_FIRST_SIGMA = 1.0
_LAST_SIGMA = 0.5

# Share of spots that are none of the crystal's; the likeliest of these is taken.
_FOREIGN = (0.1, 0.3, 0.6)

# Spots nearer to each other than this, in pixels, are one: neighbours in a scan show
# the same grain, and g and -g are at the same distance whatever the scale.
_SAME_SPOT = 1.5

# Prior of the error of the centre, in pixels.
_CENTER_SIGMA = 0.5

_BIN = 0.1  # pixels
_ROUNDS = 30
_MOST_SPOTS = 4000
_LARGEST_G = 2.5  # 1/Å; spots beyond are too dense to tell a scale

# Log-likelihood that the scale must win over no reflections at all, and over every
# other scale that is not the same within a few per cent.
LEAST_GAIN = 6.0
LEAST_MARGIN = 3.0
LEAST_EXPLAINED = 0.6
_SAME_SCALE = 0.03


class FoundScale(NamedTuple):
    """A scale and how well it is founded."""

    # In 1/Å per pixel.
    scale: float
    # Of the logarithm of the likelihood, over spots anywhere.
    gain: float
    # The best other scale, and how much less likely it is (log).
    other: float
    margin: float
    # Share of the spots that belong to a reflection.
    explained: float


class Rings(NamedTuple):
    """Lengths of reciprocal vectors and how often they are seen."""

    g: np.ndarray
    weight: np.ndarray


def crystal_rings(crystal: Any, max_g: float) -> Rings:
    """List the reciprocal lengths of one or several crystals.

    Parameters
    ----------
    crystal : Crystal, str, sequence of these, or array-like of shape (n,)
        Crystals, or lengths in 1/Å themselves.
    max_g : float
        Greatest length, in 1/Å.

    Returns
    -------
    Rings
        Lengths by growing size, in 1/Å.

    Raises
    ------
    ValueError
        If there is no length, or one that is not positive.
    """
    several = crystal if isinstance(crystal, (list, tuple)) else [crystal]
    if not isinstance(crystal, str) and np.asarray(several[:1]).dtype.kind in "fiu":
        g = np.sort(np.asarray(crystal, dtype=np.float64).reshape(-1))
        if not (np.isfinite(g).all() and (g > 0).all()):
            raise ValueError("Reciprocal lengths must be positive and finite.")
        g = g[g <= max_g]
        weight = np.ones(len(g))
    else:
        parts = [as_crystal(one).reflections(max_g) for one in several]
        g = np.concatenate([part.g_length for part in parts])
        # A reciprocal vector meets the Ewald sphere for a share of all orientations
        # that goes with 1 / g; weak ones often do not rise above the background.
        strength = [np.sqrt(np.abs(p.structure_factor)) for p in parts]
        strength = [s / s.max() for s in strength]
        weight = np.concatenate(strength) / g
    if not len(g):
        raise ValueError(f"The crystal has no reflection with g up to {max_g:.3g} 1/Å.")
    lengths, which = np.unique(g.round(6), return_inverse=True)
    return Rings(lengths, np.bincount(which, weight))


def find_scale(
    position: np.ndarray,
    crystal: Any,
    guess: float | None,
    search: tuple[float, float],
) -> FoundScale:
    """Find the scale under which spots fit the reflections of a crystal.

    Parameters
    ----------
    position : ndarray of shape (n, 2)
        Spots from the centre, in pixels.
    crystal : Crystal, str, sequence of these, or array-like of shape (n,)
        Crystals, or lengths of reciprocal vectors in 1/Å.
    guess : float or None
        First guess in 1/Å per pixel; None tries all scales that put the shortest
        reciprocal vector into the image.
    search : (low, high)
        Factors of the guess between which the scale is.

    Returns
    -------
    FoundScale
        The scale, and how well it is founded.
    """
    position = position[:: max(1, math.ceil(len(position) / _MOST_SPOTS))]
    radius = np.hypot(position[:, 0], position[:, 1])
    count = _independent(position)
    r_max = float(radius.max()) + 3 * _FIRST_SIGMA
    if guess is None:
        shortest = float(crystal_rings(crystal, _LARGEST_G).g[0])
        low = shortest / r_max
        high = min(3 * shortest / float(np.percentile(radius, 5)), _LARGEST_G / r_max)
    else:
        low, high = guess * search[0], guess * search[1]
    high = max(low, high)
    rings = crystal_rings(crystal, min(high * r_max, max(_LARGEST_G, low * r_max)))
    step = 0.3 * _FIRST_SIGMA / r_max
    scales = np.geomspace(low, high, max(2, math.ceil(math.log(high / low) / step) + 1))
    histogram = np.bincount(np.rint(radius / _BIN).astype(np.intp), count)
    all_gains = np.array([_gains(histogram, rings, s, r_max) for s in scales])
    gains = all_gains.max(axis=1)
    best = int(gains.argmax())
    foreign = _FOREIGN[int(all_gains[best].argmax())]
    apart = np.abs(np.log(scales / scales[best])) > _SAME_SCALE
    others = np.where(apart, gains, -np.inf)
    other = int(others.argmax())
    scale, explained = _refine(position, rings, float(scales[best]), foreign)
    return FoundScale(
        scale=scale,
        gain=float(gains[best]),
        other=float(scales[other]),
        margin=float(gains[best] - others[other]),
        explained=explained,
    )


def _independent(position: np.ndarray) -> np.ndarray:
    """Give each spot the inverse of the number of those that tell the same."""
    tree = cKDTree(position)
    count = tree.query_ball_point(position, _SAME_SPOT, return_length=True)
    count = count + tree.query_ball_point(-position, _SAME_SPOT, return_length=True)
    return np.asarray(1.0 / count)


def _gains(
    histogram: np.ndarray, rings: Rings, scale: float, r_max: float
) -> list[float]:
    """Give the log-likelihood of radii over that of a constant density.

    One for each share of foreign spots.
    """
    place = rings.g / scale / _BIN
    size = int(r_max / _BIN) + 2
    seen = place < size - 1
    low = place[seen].astype(np.intp)
    part = place[seen] - low
    weight = rings.weight[seen]
    total = weight.sum()
    if total <= 0:
        return [0.0] * len(_FOREIGN)
    density = np.bincount(low, weight * (1 - part), size)
    density += np.bincount(low + 1, weight * part, size)
    density = ndimage.gaussian_filter1d(
        density, _FIRST_SIGMA / _BIN, mode="constant", truncate=4.0
    )
    n = min(len(histogram), size)
    density = density[:n] * (size / total)
    return [float(histogram[:n] @ np.log((1 - f) * density + f)) for f in _FOREIGN]


def _refine(
    position: np.ndarray, rings: Rings, scale: float, foreign: float
) -> tuple[float, float]:
    """Move the scale, and a common centre, to the best fit.

    Each round shares every spot among the reflections near it, and solves the linear
    least squares r = g / scale + (direction . shift of the centre).
    """
    shift = np.zeros(2)
    per_g = 1 / scale
    explained = 0.0
    r_max = float(np.hypot(position[:, 0], position[:, 1]).max())
    for turn in range(_ROUNDS):
        sigma = max(_LAST_SIGMA, _FIRST_SIGMA * 0.85**turn)
        moved = position - shift
        radius = np.hypot(moved[:, 0], moved[:, 1])
        near = rings.g * per_g < r_max + 5 * sigma
        g, weight = rings.g[near], rings.weight[near]
        z = (radius[:, None] - g * per_g) / sigma
        density = weight / weight.sum() * np.exp(-0.5 * z * z)
        density /= sigma * math.sqrt(2 * math.pi)
        whole = density.sum(axis=1) * (1 - foreign) + foreign / r_max
        share = (1 - foreign) * density / whole[:, None]
        belongs = share.sum(axis=1)
        explained = float(belongs.mean())
        # Columns: per_g, and the shift along rows and columns, whose prior is 0.
        mean_g = share @ g
        square_g = share @ (g * g)
        direction = moved / np.maximum(radius, 1e-9)[:, None]
        ridge = (sigma / _CENTER_SIGMA) ** 2
        matrix = np.zeros((3, 3))
        matrix[0, 0] = square_g.sum()
        matrix[0, 1:] = matrix[1:, 0] = mean_g @ direction
        matrix[1:, 1:] = (direction * belongs[:, None]).T @ direction
        matrix[1:, 1:] += ridge * np.eye(2)
        # The radius from the unmoved centre is radius + direction . shift.
        full = radius + direction @ shift
        right = np.concatenate([[mean_g @ full], direction.T @ (belongs * full)])
        if matrix[0, 0] <= 0:
            break
        solution = np.linalg.solve(matrix, right)
        per_g, shift = float(solution[0]), solution[1:]
    return 1 / per_g, explained
