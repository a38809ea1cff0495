"""Groups of sources that are neighbours on the sky."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from skastro.utils._sky import check_sky, unit_vectors

# Rounding of unit vectors, in radians: two ten-thousandths of a microarcsecond.
_ROUNDING = 1e-15
# Queries for neighbours at a time, which bounds the memory.
_CHUNK = 500_000


def sky_groups(ra: Any, dec: Any, linking_deg: float) -> np.ndarray:
    """Group sources by their neighbours on the sky (friends of friends).

    Two sources within the linking length belong to one group, and so do the neighbours
    of neighbours. Sources of one field share its depth, its background and the
    extinction towards it: a cross-validation whose folds keep fields together
    (``groups`` of `sklearn.model_selection.StratifiedGroupKFold`) tells how a
    classifier does on a field that it has not seen.

    Parameters
    ----------
    ra : array-like of shape (n_sources,)
        Right ascension, or any longitude, in degrees (or with units of astropy);
        0 to 360 or -180 to 180.
    dec : array-like of shape (n_sources,)
        Declination, or any latitude, in degrees.
    linking_deg : float
        Largest separation of direct neighbours, in degrees on the great circle; above 0
        and at most 180. 0.3 is about the radius of an XMM-Newton field.

    Returns
    -------
    ndarray of shape (n_sources,) of int
        Number of the group of each source, counted from 0 in the order of first
        appearance.

    Raises
    ------
    ValueError
        If a coordinate is missing or out of range, or `linking_deg` is.

    See Also
    --------
    StratifiedSourceKFold : Folds that keep sources, and with ``linking_deg`` these
        groups, together.

    Notes
    -----
    Separations are compared as chords between unit vectors, which is exact at the
    poles, across right ascension 0 and for the smallest angles; pairs at the linking
    length itself are linked. Pairs are never listed, since a crowded field has
    billions: sources that share a cube with a diagonal of the linking length are linked
    without a look, and of two neighbouring cubes only the nearest sources are searched.
    Time and memory grow with the number of sources.

    Single linking joins fields that a chain of sources connects. Look at the largest
    group before you use it.

    Examples
    --------
    >>> from skastro.model_selection import sky_groups
    >>> sky_groups([359.9, 0.1, 180.0, 0.0], [0.0, 0.0, 0.0, 89.9], linking_deg=0.3)
    array([0, 0, 1, 2])
    """
    positions = check_sky(ra, dec)
    linking = float(linking_deg)
    if not 0 < linking <= 180:
        raise ValueError(
            f"linking_deg must be above 0 and at most 180 degrees, got {linking_deg!r}."
        )
    if not len(positions):
        return np.zeros(0, dtype=np.intp)
    points = unit_vectors(positions)
    chord = 2.0 * np.sin(np.radians(linking) / 2.0) + _ROUNDING
    # All of a cube lies within its diagonal, which is the linking length.
    cubes = np.floor(points * (np.sqrt(3.0) / chord))
    corners, cube = _number_rows(cubes)
    component = _link_cubes(points, cube, corners, chord)
    out: np.ndarray = pd.factorize(component[cube])[0].astype(np.intp)
    return out


def _number_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the different rows; a lighter `numpy.unique` for rows."""
    order = np.lexsort(rows.T)
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
    number = np.empty(len(rows), dtype=np.intp)
    number[order] = np.cumsum(new) - 1
    return rows[order[new]], number


def _link_cubes(
    points: np.ndarray, cube: np.ndarray, corners: np.ndarray, chord: float
) -> np.ndarray:
    """Find the connected components of the cubes."""
    n = len(corners)
    component = np.arange(n)
    # Points within the diagonal lie at most two cubes apart along each axis.
    pairs = cKDTree(corners).query_pairs(np.sqrt(12.5), output_type="ndarray")
    if not len(pairs):
        return component
    members, count = np.argsort(cube, kind="stable"), np.bincount(cube, minlength=n)
    start = np.cumsum(count) - count
    # The number of the cube as a fourth coordinate, far apart, makes one tree answer
    # for the nearest point within a given cube.
    tree = cKDTree(np.column_stack([points, 4.0 * cube]))
    # The smaller cube asks, the larger one answers.
    swap = count[pairs[:, 0]] > count[pairs[:, 1]]
    pairs[swap] = pairs[swap, ::-1]
    gap = np.square(corners[pairs[:, 0]] - corners[pairs[:, 1]]).sum(axis=1)
    # Near cubes first: they link most, and linked cubes are not searched again.
    for distance in np.unique(gap):
        waiting = pairs[gap == distance]
        while len(waiting):
            apart = component[waiting[:, 0]] != component[waiting[:, 1]]
            waiting = waiting[apart]
            if not len(waiting):
                break
            n_now = max(1, int(np.searchsorted(count[waiting[:, 0]].cumsum(), _CHUNK)))
            now, waiting = waiting[:n_now], waiting[n_now:]
            linked = now[_are_linked(now, points, members, start, count, tree, chord)]
            ends = component[linked].T
            graph = coo_array((np.ones(len(linked), np.int8), tuple(ends)), (n, n))
            # Components of components: their numbers stay below n.
            component = connected_components(graph, directed=False)[1][component]
    return component


def _are_linked(
    pairs: np.ndarray,
    points: np.ndarray,
    members: np.ndarray,
    start: np.ndarray,
    count: np.ndarray,
    tree: Any,
    chord: float,
) -> np.ndarray:
    """Tell which pairs of cubes have points within the chord."""
    asking, answering = pairs.T
    size = count[asking]
    pair = np.repeat(np.arange(len(pairs)), size)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(size) - size, size)
    who = members[start[asking][pair] + offset]
    place = np.column_stack([points[who], 4.0 * answering[pair]])
    distance, _ = tree.query(place, k=1, distance_upper_bound=chord)
    near = np.zeros(len(pairs), dtype=bool)
    near[pair[np.isfinite(distance)]] = True
    return near
