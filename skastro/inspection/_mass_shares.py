"""How much of a map lies where physics puts the cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skastro.inspection._event_grid import on_grid, voxel_rows

_PARTS = ("positive", "negative", "absolute")


def cam_mass_shares(
    maps: Any, regions: Mapping[str, Any], *, part: str = "positive"
) -> pd.DataFrame:
    """Give the share of each map that lies in regions, and the region's own size.

    A share alone says little: a large region catches much of any map. So the region's
    share of the grid, which is what a flat map would give, stands beside it.

    Parameters
    ----------
    maps : array-like of shape (n_samples, ...)
        A map of each event.
    regions : mapping of str to array-like of bool
        Masks of the shape of the maps, or of one map for all; regions may overlap.
        `near_largest` makes one.
    part : {"positive", "negative", "absolute"}, default="positive"
        What of a signed map counts as mass.

    Returns
    -------
    DataFrame
        A row an event. Columns are pairs (region, "mass"), its share of the map;
        (region, "size"), its share of the grid; and (region, "enrichment"), their
        ratio, 1 for a flat map. A map without mass has NaN.

    Raises
    ------
    ValueError
        If a mask is not boolean or has another shape.

    See Also
    --------
    near_largest : Mask of the voxels near the largest deposit.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import cam_mass_shares
    >>> maps = np.array([[3.0, 1.0, 0.0, 0.0]])
    >>> cam_mass_shares(maps, {"left": np.array([True, False, False, False])})
       left
       mass  size enrichment
    0  0.75  0.25        3.0
    """
    if part not in _PARTS:
        raise ValueError(f"part must be one of {list(_PARTS)}, got {part!r}.")
    maps = np.asarray(maps)
    if maps.dtype.kind not in "biuf":
        raise ValueError(f"maps must be real numbers, got dtype {maps.dtype}.")
    if maps.ndim < 2 or not np.isfinite(maps).all():
        raise ValueError("maps must be finite and have an axis of events and a grid.")
    signs: dict[str, Any] = {"positive": maps, "negative": -maps}
    mass = np.abs(maps) if part == "absolute" else np.maximum(signs[part], 0)
    mass = mass.reshape(len(maps), -1).astype(np.float64)
    total = mass.sum(axis=1)
    columns: dict[tuple[str, str], np.ndarray] = {}
    if not isinstance(regions, Mapping):
        raise TypeError(f"regions must map names to masks, got {regions!r}.")
    for name, mask in regions.items():
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape not in (maps.shape, maps.shape[1:]):
            raise ValueError(
                f"Region {name!r} must be boolean of shape {maps.shape} or "
                f"{maps.shape[1:]}, got {mask.dtype} of shape {mask.shape}."
            )
        mask = np.broadcast_to(mask, maps.shape).reshape(len(maps), -1)
        inside, size = np.where(mask, mass, 0).sum(axis=1), mask.mean(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, inside / total, np.nan)
            ratio = np.where(size > 0, share / size, np.nan)
        columns |= {
            (name, "mass"): share,
            (name, "size"): size,
            (name, "enrichment"): ratio,
        }
    return pd.DataFrame(columns)


def near_largest(
    X: Any, radius: float = 1.0, *, grid_shape: Sequence[int] | None = None
) -> np.ndarray:
    """Mark the voxels near the largest deposit of each event.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, ...)
        Deposits of one channel, on the grid or flat.
    radius : float, default=1.0
        Largest distance from the largest deposit (the first of equal ones), in voxels;
        1 is the voxel and those that share a face with it.
    grid_shape : sequence of int, default=None
        Shape of the grid, for flat rows.

    Returns
    -------
    ndarray of bool of shape (n_samples, ...)
        Nothing is marked in an event without deposits.

    Raises
    ------
    ValueError
        If X does not fit the grid or the radius is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import near_largest
    >>> near_largest(np.array([[0.0, 1.0, 5.0, 0.0]])).astype(int)
    array([[0, 1, 1, 1]])
    """
    if not radius >= 0:
        raise ValueError(f"radius must not be negative, got {radius!r}.")
    X = voxel_rows(X)
    grid = X.shape[1:] if grid_shape is None else tuple(int(g) for g in grid_shape)
    if int(np.prod(grid)) != int(np.prod(X.shape[1:])) or not on_grid(X, grid):
        raise ValueError(f"Events of shape {X.shape[1:]} have no grid {grid}.")
    flat = X.reshape(len(X), -1)
    place = np.unravel_index(flat.argmax(axis=1), grid)
    square = np.zeros((len(X), *grid))
    for axis, (length, at) in enumerate(zip(grid, place, strict=True)):
        away = np.square(np.arange(length) - np.asarray(at)[:, None])
        square += away.reshape(
            len(X), *(length if a == axis else 1 for a in range(len(grid)))
        )
    near = square <= float(radius) ** 2 + 1e-9
    near[flat.max(axis=1) <= 0] = False
    return near
