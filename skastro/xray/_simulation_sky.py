"""Fields of view on the sky: where simulated sources are and how deep one looked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Columns: the axes of Galactic longitude 0 and 90 and the Galactic pole, in J2000.
_GALACTIC = np.array(
    [
        [-0.0548755604, 0.4941094279, -0.8676661490],
        [-0.8734370902, -0.4448296300, -0.1980763734],
        [-0.4838350155, 0.7469822445, 0.4559837762],
    ]
)
_RADIUS = 0.22  # degrees, of the field of view
# Sources of a kind of site that share a field, on average.
_CROWD = (8.0, 12.0, 12.0, 60.0)
_N_NURSERIES = 15
_MEDIAN_EXPOSURE = 2.0e4  # s


@dataclass(frozen=True)
class Fields:
    """Sources' fields of view."""

    number: np.ndarray  # which field, per source
    center: np.ndarray  # unit vectors (n_fields, 3), J2000
    exposure: np.ndarray  # s, per field
    log_nh: np.ndarray  # log10 of the column through the Galaxy, per field


def draw_fields(site: np.ndarray, rng: np.random.Generator) -> Fields:
    """Put sources into fields of view.

    Parameters
    ----------
    site : ndarray of int of shape (n_sources,)
        0 anywhere, 1 Galactic plane, 2 bulge, 3 star-forming region.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Fields
        Neighbours share depth and extinction.
    """
    number = np.empty(site.size, dtype=np.intp)
    lon, lat = [], []
    start = 0
    for kind, crowd in enumerate(_CROWD):
        mine = np.flatnonzero(site == kind)
        n = max(1, round(mine.size / crowd)) if mine.size else 0
        number[mine] = start + rng.integers(max(n, 1), size=mine.size)
        place = _centers(kind, n, rng)
        lon.append(place[0])
        lat.append(place[1])
        start += n
    l, b = np.concatenate(lon), np.concatenate(lat)
    log_nh = 20.2 + 1.8 * np.exp(-np.abs(b) / 8.0) + rng.normal(0.0, 0.15, start)
    exposure = _MEDIAN_EXPOSURE * 10.0 ** rng.normal(0.0, 0.25, start)
    return Fields(number, _vectors(l, b) @ _GALACTIC.T, exposure, log_nh)


def _centers(
    kind: int, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw Galactic coordinates of the centres of fields, degrees."""
    if kind == 0:
        return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    if kind == 1:
        return rng.laplace(0.0, 50.0, n) % 360, rng.laplace(0.0, 2.0, n)
    if kind == 2:
        return rng.normal(0.0, 6.0, n) % 360, rng.normal(0.0, 4.0, n)
    # Young stars come in few regions, each seen in some neighbouring fields.
    region_l = rng.uniform(0.0, 360.0, _N_NURSERIES)
    region_b = rng.normal(0.0, 8.0, _N_NURSERIES)
    region = rng.integers(_N_NURSERIES, size=n)
    return (
        (region_l[region] + rng.normal(0, 0.3, n)) % 360,
        region_b[region] + rng.normal(0, 0.3, n),
    )


def _vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Turn degrees on a sphere into unit vectors."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.column_stack(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    )


def scatter_in_field(center: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw positions evenly in the field of view.

    Parameters
    ----------
    center : ndarray of shape (n, 3)
        Unit vectors.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n, 3)
        Unit vectors.
    """
    radius = np.radians(_RADIUS) * np.sqrt(rng.random(len(center)))
    angle = rng.uniform(0.0, 2.0 * np.pi, len(center))
    return offset(center, radius * np.cos(angle), radius * np.sin(angle))


def offset(vector: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Move small angles (radians) away, in two directions across; safe at the poles."""
    helper = np.where(np.abs(vector[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0, 0]])
    east = np.cross(helper, vector)
    east /= np.linalg.norm(east, axis=1, keepdims=True)
    north = np.cross(vector, east)
    moved = vector + x[:, None] * east + y[:, None] * north
    out: np.ndarray = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return out


def to_degrees(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn unit vectors into right ascension and declination, degrees."""
    ra = np.degrees(np.arctan2(vector[:, 1], vector[:, 0])) % 360.0
    # A tiny negative angle is rounded up to a full turn.
    ra[ra >= 360.0] = 0.0
    return ra, np.degrees(np.arcsin(np.clip(vector[:, 2], -1.0, 1.0)))
