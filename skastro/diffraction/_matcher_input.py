"""From checked patterns to what the matcher computes with."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch

from skastro.diffraction._orientation import check_directions

# Rows and columns of a scan; None where the patterns are none.
Scan: TypeAlias = tuple[int, int] | None


def to_tensor(X: np.ndarray, shape: tuple[int, ...]) -> torch.Tensor:
    """Bring patterns to a maximum of one, in single precision.

    Counts of bright detectors overflow float32 only after squaring.

    Parameters
    ----------
    X : ndarray of shape (n, h * w)
        Not negative.
    shape : (1, h, w)
        Of a pattern.

    Returns
    -------
    Tensor of shape (n, h, w), float32
        Axes of one pixel are padded to two.
    """
    _, h, w = shape
    images = np.array(X, dtype=np.float64).reshape(len(X), h, w)
    top = images.max(axis=(1, 2), keepdims=True)
    images /= np.where(top > 0, top, 1.0)
    if h < 2 or w < 2:
        images = np.pad(images, ((0, 0), (0, max(0, 2 - h)), (0, max(0, 2 - w))))
    return torch.from_numpy(images.astype(np.float32))


def is_single(X: Any) -> bool:
    """Say whether an array is in single precision.

    Parameters
    ----------
    X : array-like
        Any.

    Returns
    -------
    bool
        True for float32.
    """
    return getattr(X, "dtype", None) == np.float32


def take_pattern(X: Any, index: Any) -> Any:
    """Take one pattern out of many, without reading the others.

    Parameters
    ----------
    X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
        Patterns; a table keeps its names.
    index : int or (row, column)
        Which; in a scan a single number counts row by row.

    Returns
    -------
    array-like of shape (1, ...)
        The pattern.

    Raises
    ------
    IndexError
        If there is no such pattern.
    """
    flat = flat_index(X.shape if hasattr(X, "shape") else np.shape(X), index)
    if hasattr(X, "iloc"):
        return X.iloc[flat : flat + 1]
    if getattr(X, "ndim", 2) == 4:
        row, column = divmod(flat, int(X.shape[1]))
        return X[row, column][None]
    return X[flat : flat + 1]


def flat_index(shape: tuple[int, ...], index: Any) -> int:
    """Number a pattern as in a list of all.

    Parameters
    ----------
    shape : tuple of int
        Of all patterns; four axes are a scan.
    index : int or (row, column)
        Which; negative ones count from the end.

    Returns
    -------
    int
        Row by row.

    Raises
    ------
    IndexError
        If there is no such pattern.
    """
    if np.ndim(index):
        if len(shape) != 4 or len(index) != 2:
            raise IndexError(f"index={index!r} fits no patterns of shape {shape}.")
        (i, j), (rows, columns) = map(int, index), map(int, shape[:2])
        i, j = i + rows * (i < 0), j + columns * (j < 0)
        if not (0 <= i < rows and 0 <= j < columns):
            raise IndexError(f"index={index!r}: the scan is {rows} x {columns}.")
        return i * columns + j
    n = int(shape[0]) * (int(shape[1]) if len(shape) == 4 else 1)
    flat = int(index) + n * (int(index) < 0)
    if not 0 <= flat < n:
        raise IndexError(f"index={index!r}: there are {n} patterns.")
    return flat


def propose(proposer: Any, X: np.ndarray, shape: tuple[int, ...], k: int) -> Any:
    """Ask another estimator where to begin.

    Parameters
    ----------
    proposer : fitted estimator or None
        Its ``predict`` gives directions.
    X : ndarray of shape (n, h * w)
        Patterns, as rows.
    shape : (1, h, w)
        Of a pattern.
    k : int
        Directions of each.

    Returns
    -------
    ndarray of shape (n, k, 3) or None
        Unit vectors; None without a proposer.

    Raises
    ------
    ValueError
        If it gives something else.
    """
    if proposer is None:
        return None
    found = np.asarray(proposer.predict(X.reshape(len(X), *shape[1:])), dtype=float)
    if found.shape != (len(X), 3 * k):
        raise ValueError(
            f"proposer must give {k} directions of {len(X)} patterns, shape "
            f"{(len(X), 3 * k)}; got {found.shape}."
        )
    return check_directions(found.reshape(-1, 3), "proposals").reshape(-1, k, 3)
