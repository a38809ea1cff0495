"""Shrinking and enlarging of many images, quickly.

An axis is done by matrix products on a piece of the images at a time that fits into
the cache. The matrices are zero but for a band along the diagonal, so each is cut into
parts that leave most of the zeros out. Where few rows are averaged, adding them up is
quicker than a product; where they are merely repeated, so is picking them.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from skastro.utils import gaussian_matrix, resize_matrices, shrunk_size

# Multiplications in the time that one more call takes, measured on one x86-64 core.
_CALL_COST = 12_500
# Blocks of up to this many rows are added up row by row.
_ADDED_ROWS = 4


class _Part(NamedTuple):
    """A dense part of a banded matrix, and the pixels that it takes and gives."""

    taken: slice
    given: slice
    matrix: np.ndarray


class _Banded(NamedTuple):
    """A banded matrix, cut into parts."""

    parts: tuple[_Part, ...]
    n_given: int
    # Of applying it, in multiplications for each image.
    cost: int


class Operators(NamedTuple):
    """What is done to the two axes; None is the identity."""

    shrink_rows: _Banded | None
    shrink_columns: _Banded | None
    enlarge_rows: _Banded | None
    enlarge_columns: _Banded | None
    # Rows in a block whose sum replaces `shrink_rows`, else 0.
    block: int
    # Row numbers that replace `enlarge_rows`, else None.
    picked: np.ndarray | None
    # Height and width of a small image.
    size: tuple[int, int]


@lru_cache(maxsize=32)
def build_operators(
    shape: tuple[int, int],
    factor: float,
    *,
    rounding: str,
    enlarge: str | None,
    sigma: float,
    dtype: np.dtype,
    whole: bool = False,
) -> Operators:
    """Build what lowers the resolution of images of one shape.

    Parameters
    ----------
    shape : (h, w)
        Of the images, in pixels.
    factor : float
        How many pixels of an axis become one; at least 1.
    rounding : {"block", "exact"}
        See `skastro.utils.area_matrix`.
    enlarge : {"nearest", "bilinear", "bicubic"} or None
        See `skastro.utils.enlarge_matrix`.
    sigma : float
        Standard deviation of the Gaussian before shrinking, in pixels; 0 for none.
    dtype : dtype
        Of the images: float32 or float64.
    whole : bool, default=False
        Whether nothing is done to the small images between shrinking and enlarging.
        Columns may then be left to the second step, as one matrix for both.

    Returns
    -------
    Operators
        To be treated as read-only: they are cached.
    """
    h, w = shape
    size = shrunk_size(h, factor), shrunk_size(w, factor)
    shrink_rows, shrink_columns, enlarge_rows, enlarge_columns = resize_matrices(
        shape, factor, rounding=rounding, enlarge=enlarge, dtype=dtype
    )
    block = 0
    if shrink_rows is not None and shrink_columns is not None and sigma == 0:
        k = int(factor)
        even = factor == k and (rounding == "block" or h % k == 0)
        block = k if even and k <= _ADDED_ROWS else 0
        if block:
            # The sum over rows is divided along with the columns.
            shrink_columns = shrink_columns / block
    if sigma > 0:
        smooth = gaussian_matrix(h, sigma), gaussian_matrix(w, sigma)
        shrink_rows = smooth[0] if shrink_rows is None else shrink_rows @ smooth[0]
        shrink_columns = (
            smooth[1] if shrink_columns is None else shrink_columns @ smooth[1]
        )
    picked = None
    if enlarge == "nearest" and enlarge_rows is not None:
        picked = enlarge_rows.indices
    down = _cut(shrink_columns, size[0], dtype, transpose=True)
    up = _cut(enlarge_columns, size[0], dtype, transpose=True)
    if whole and shrink_columns is not None and enlarge_columns is not None:
        both = _cut(enlarge_columns @ shrink_columns, size[0], dtype, transpose=True)
        if _cost(both) < _cost(down) + _cost(up):
            down, up = None, both
    return Operators(
        shrink_rows=None if block else _cut(shrink_rows, w, dtype),
        shrink_columns=down,
        enlarge_rows=None if picked is not None else _cut(enlarge_rows, w, dtype),
        enlarge_columns=up,
        block=block,
        picked=picked,
        size=size,
    )


def shrink_images(images: np.ndarray, operators: Operators) -> np.ndarray:
    """Smooth and shrink images.

    Parameters
    ----------
    images : ndarray of shape (n, h, w)
        In the dtype of the operators.
    operators : Operators
        From `build_operators`.

    Returns
    -------
    ndarray of shape (n, *operators.size)
        May be the input itself, if nothing is done. Of operators that were built with
        ``whole=True``, it may have the columns of the input.
    """
    if operators.block:
        images = _add_rows(images, operators.block, operators.size[0])
    elif operators.shrink_rows is not None:
        images = _multiply_rows(images, operators.shrink_rows)
    return _multiply_columns(images, operators.shrink_columns)


def enlarge_images(small: np.ndarray, operators: Operators, out: np.ndarray) -> None:
    """Enlarge images to their first size.

    Parameters
    ----------
    small : ndarray of shape (n, *operators.size)
        From `shrink_images`.
    operators : Operators
        From `build_operators`.
    out : ndarray of shape (n, h, w), or that of ``small`` if they are to stay small
        Where the result goes.
    """
    images = _multiply_columns(small, operators.enlarge_columns)
    if operators.picked is not None:
        # mode="clip" writes straight into out; no row number is ever outside.
        np.take(images, operators.picked, axis=1, out=out, mode="clip")
    elif operators.enlarge_rows is not None:
        _multiply_rows(images, operators.enlarge_rows, out)
    else:
        np.copyto(out, images)


def _cut(
    matrix: csr_array | None, other: int, dtype: np.dtype, *, transpose: bool = False
) -> _Banded | None:
    """Cut a banded matrix into the number of dense parts that is quickest.

    ``other`` is the number of pixels of the axis that the matrix does not change.
    """
    if matrix is None:
        return None
    # A sorted copy: the matrix may be a cached one.
    matrix = matrix.tocsr().sorted_indices()
    n_given = matrix.shape[0]
    first = matrix.indices[matrix.indptr[:-1]]
    last = matrix.indices[matrix.indptr[1:] - 1]
    best_cost, best = -1, np.array([0, n_given])
    n_parts = 1
    while n_parts <= n_given:
        edges = np.linspace(0, n_given, n_parts + 1).round().astype(int)
        start = np.minimum.reduceat(first, edges[:-1])
        stop = np.maximum.reduceat(last, edges[:-1]) + 1
        multiplications = int(((stop - start) * np.diff(edges)).sum()) * other
        cost = multiplications + n_parts * _CALL_COST
        if best_cost < 0 or cost < best_cost:
            best_cost, best = cost, edges
        n_parts *= 2
    parts = []
    for a, b in pairwise(best):
        lo, hi = int(first[a:b].min()), int(last[a:b].max()) + 1
        dense = matrix[a:b, lo:hi].toarray().astype(dtype)
        dense = np.ascontiguousarray(dense.T) if transpose else dense
        parts.append(_Part(slice(lo, hi), slice(int(a), int(b)), dense))
    return _Banded(tuple(parts), n_given, best_cost)


def _cost(matrix: _Banded | None) -> int:
    """Give the cost of a matrix; the identity has none."""
    return 0 if matrix is None else matrix.cost


def _add_rows(images: np.ndarray, k: int, m: int) -> np.ndarray:
    """Add up every k rows; a last block with fewer rows counts as if it had k."""
    n, h, w = images.shape
    full = min(h // k, m)
    sums = np.empty((n, m, w), images.dtype)
    if full:
        blocks = images[:, : full * k].reshape(n, full, k, w)
        np.add(blocks[:, :, 0], blocks[:, :, 1], out=sums[:, :full])
        for row in range(2, k):
            np.add(sums[:, :full], blocks[:, :, row], out=sums[:, :full])
    if m > full:
        rest = images[:, full * k :]
        sums[:, full] = rest.sum(axis=1) * images.dtype.type(k / rest.shape[1])
    return sums


def _multiply_rows(
    images: np.ndarray, matrix: _Banded, out: np.ndarray | None = None
) -> np.ndarray:
    """Apply a matrix to the rows of each image."""
    if out is None:
        out = np.empty((len(images), matrix.n_given, images.shape[2]), images.dtype)
    for taken, given, dense in matrix.parts:
        np.matmul(dense, images[:, taken], out=out[:, given])
    return out


def _multiply_columns(images: np.ndarray, matrix: _Banded | None) -> np.ndarray:
    """Apply a matrix, whose parts are transposed, to the columns of each image."""
    if matrix is None:
        return images
    n, h, w = images.shape
    # One large product is quicker than one for each image.
    flat = images.reshape(n * h, w)
    out = np.empty((n * h, matrix.n_given), images.dtype)
    for taken, given, dense in matrix.parts:
        np.matmul(flat[:, taken], dense, out=out[:, given])
    return out.reshape(n, h, -1)
