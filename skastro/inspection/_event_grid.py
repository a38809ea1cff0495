"""Events of any layout on their grid, and parts of them replaced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import issparse

# Blurring widths as a share of each axis of the grid.
_BLUR = 0.125


def count(name: str, value: Any) -> int:
    """Take a positive integer."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or int(value) < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    return int(value)


def rows_of(value: Any, part: slice, shape: tuple[int, ...], *, axes: int) -> Any:
    """Give the part of a target or baseline that belongs to a block of events.

    Parameters
    ----------
    value : object
        A label, a baseline, or an array of them.
    part : slice
        The block.
    shape : tuple of int
        Of all events.
    axes : int
        As many has an array with one for each event.

    Returns
    -------
    object
        Some rows of such an array; anything else as it is.

    Raises
    ------
    ValueError
        If there is another number of them.
    """
    if value is None or isinstance(value, str):
        return value
    given = np.asarray(value)
    if given.ndim != axes or (axes > 1 and len(given) == 1):
        return value
    if len(given) != shape[0]:
        raise ValueError(
            f"target and baseline must be one for all or one for each of the "
            f"{shape[0]} events, got shape {given.shape}."
        )
    return given[part]


def voxel_rows(X: Any) -> np.ndarray:
    """Give events as a dense array with their axes.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, ...)
        Events.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        Not copied if it was one.

    Raises
    ------
    ValueError
        If there are no events or a value is not finite.
    """
    rows: np.ndarray = X.toarray() if issparse(X) else np.asarray(X)
    if rows.ndim < 2 or len(rows) == 0:
        raise ValueError(f"X must hold events of two axes or more, got {rows.shape}.")
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"X must be numeric, got dtype {rows.dtype}.")
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise ValueError("X has values that are NaN or infinite.")
    return rows


def on_grid(X: np.ndarray, grid: Sequence[int]) -> bool:
    """Tell whether events are flat rows, or end in the axes of the grid."""
    return X.ndim == 2 or X.shape[-len(grid) :] == tuple(grid)


def _keeps(dtype: np.dtype, base: np.ndarray) -> bool:
    """Tell whether a dtype of whole numbers has all values of the baseline."""
    if base.dtype.kind == "b":
        return True
    low, high = (0, 1) if dtype.kind == "b" else _limits(dtype)
    # The largest 64-bit number is no float: the next one above it is.
    below = base < float(high) + 1 if base.dtype.kind == "f" else base <= high
    return bool((below & (base >= low) & (base == np.round(base))).all())


def _limits(dtype: np.dtype) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


class EventGrid:
    """Events, seen as channels of voxels.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, ...)
        Events whose last axes are the grid, or flat rows with channels first.
    grid_shape : sequence of int
        Shape of the grid.
    baseline : float, "mean", "blur" or array, default=0.0
        What stands where a voxel was removed.

    Raises
    ------
    ValueError
        If X is not made of such grids, or the baseline is none of these or too large
        for the dtype of the events.

    Notes
    -----
    Whole numbers stay what they are where the baseline is as whole and in their range;
    else all events become float32 (float64 from 32 bits on).
    """

    def __init__(self, X: Any, grid_shape: Sequence[int], baseline: Any = 0.0) -> None:
        self.grid = tuple(int(g) for g in grid_shape)
        X = voxel_rows(X)
        size = math.prod(self.grid)
        if size < 1 or math.prod(X.shape[1:]) % size or not on_grid(X, self.grid):
            raise ValueError(
                f"Events of shape {X.shape[1:]} are not made of grids {self.grid}."
            )
        self.shape = X.shape[1:]
        self.values = X.reshape(len(X), -1, size)
        self.occupied = (self.values != 0).any(axis=1)
        base = self._baseline(baseline)
        self.dtype = self.values.dtype
        # Whole numbers have no place for a mean, and wrap around at their limits.
        if self.dtype.kind in "iub" and not _keeps(self.dtype, base):
            self.dtype = np.result_type(self.dtype, np.float32)
        with np.errstate(over="ignore"):
            self.base = base.astype(self.dtype)
        if self.dtype.kind == "f" and not np.isfinite(self.base).all():
            raise ValueError(f"baseline is too large for events of {self.dtype}.")

    def __len__(self) -> int:
        """Count the events."""
        return len(self.values)

    def _baseline(self, baseline: Any) -> np.ndarray:
        if isinstance(baseline, str):
            if baseline == "mean":
                mean: np.ndarray = self.values.mean(axis=2, keepdims=True)
                return mean
            if baseline != "blur":
                raise ValueError(
                    'baseline must be a number, "mean", "blur" or an array, got '
                    f"{baseline!r}."
                )
            stacked = self.values.reshape(*self.values.shape[:2], *self.grid)
            sigma = (0.0, 0.0, *(_BLUR * g for g in self.grid))
            kind = np.result_type(self.values.dtype, np.float32)
            blurred: np.ndarray = gaussian_filter(stacked.astype(kind), sigma)
            return blurred.reshape(self.values.shape)
        given = np.asarray(baseline)
        if given.ndim:
            try:
                given = np.broadcast_to(given, (len(self), *self.shape))
            except ValueError:
                raise ValueError(
                    f"A baseline of shape {given.shape} does not fit events of shape "
                    f"{self.shape}."
                ) from None
            given = given.reshape(self.values.shape)
        if given.dtype.kind not in "fiub" or not np.isfinite(given).all():
            raise ValueError("baseline must be finite and numeric.")
        return given

    def whole(self) -> np.ndarray:
        """Give the events as they are, dense and in the dtype of changed ones."""
        out = self.values.astype(self.dtype, copy=False)
        result: np.ndarray = out.reshape(len(self), *self.shape)
        return result

    def replaced(self, rows: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Give events with the baseline in some voxels.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Which events.
        hidden : ndarray of bool of shape (n, n_voxels)
            The voxels that are replaced, in all channels.

        Returns
        -------
        ndarray of shape (n, ...)
            A copy with the axes of X.
        """
        base = self.base[rows] if self.base.ndim else self.base
        out = np.where(hidden[:, None], base, self.values[rows])
        return out.astype(self.dtype, copy=False).reshape(len(rows), *self.shape)
