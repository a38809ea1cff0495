"""Rows of non-negative data: flat, with axes or sparse; and their centring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.utils.validation import check_non_negative, validate_data

from skastro.utils import LazyRows, check_finite
from skastro.utils._sparse_rows import rows_to_convert, sparse_rows

# Above this share of entries that are not zero a dense product is the quicker one.
SPARSE_BELOW = 0.2


def check_rows(
    estimator: Any, X: Any, image_shape: Sequence[int] | None, *, reset: bool
) -> tuple[Any, tuple[int, ...], bool]:
    """Validate events, whichever layout they come in.

    The same events give the same first return value as flat rows, with their axes, and
    sparse, so that everything behind this door gives the same result to the bit.

    Parameters
    ----------
    estimator : estimator
        Whose ``fit`` or ``transform`` is asking; gets the fitted attributes
        ``n_features_in_``, ``feature_names_in_`` and ``input_shape_``.
    X : {array-like, sparse matrix} of shape (n, n_features) or array of shape (n, ...)
        The events, finite and not negative. LazyRows, zarr, HDF5 and Dask arrays,
        large memory maps and large arrays of integers are read block by block; what is
        sparse of them stays so, and the rest is held in memory.
    image_shape : sequence of int or None
        What a flat row is; None takes it as one axis.
    reset : bool
        Whether this is the first time that data are seen (``fit``).

    Returns
    -------
    X : csr_array or ndarray of shape (n, n_features)
        float64 or float32; sparse if at most a fifth of the entries are not zero.
    shape : tuple of int
        The shape of one event.
    with_axes : bool
        Whether it came with its axes.

    Raises
    ------
    ValueError
        If a value is negative or not finite, or a shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import NMF
    >>> from skastro.inspection._event_rows import check_rows
    >>> rows, shape, _ = check_rows(NMF(), np.eye(24).reshape(-1, 2, 3, 4), None,
    ...                             reset=True)
    >>> rows.format, rows.shape, shape
    ('csr', (24, 24), (2, 3, 4))
    """
    who = type(estimator).__name__
    wanted = None if image_shape is None else check_shape(image_shape)
    if not issparse(X) and not hasattr(X, "ndim") and not hasattr(X, "__array__"):
        as_array = np.asarray(X)
        X = as_array if as_array.ndim > 2 else X
    axes: tuple[int, ...] = ()
    lazy = None if issparse(X) else rows_to_convert(X)
    X = X if lazy is None else lazy
    if getattr(X, "ndim", 2) > 2:
        X = np.asanyarray(X) if lazy is None else lazy
        axes = tuple(int(s) for s in X.shape[1:])
        if math.prod(axes) == 0:
            raise ValueError(
                f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of "
                f"1 is required by {who}."
            )
        X = X.reshape(len(X), math.prod(axes))
    if lazy is not None and math.prod(X.shape):
        X = _read(X, estimator)
    # Of what was read block by block all is known to be finite.
    sparse = issparse(X)
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        # Dense input is looked at below, with a message that has the place.
        ensure_all_finite=sparse,
    )
    if not sparse:
        check_finite(X, estimator=estimator)
    check_non_negative(X, who)
    n_features = X.shape[1]
    shape = axes or (tuple(estimator.input_shape_) if not reset else wanted)
    shape = shape or (n_features,)
    if reset and wanted is not None and (axes or wanted) != wanted:
        raise ValueError(
            f"{who} has image_shape={wanted}, but one event of X is {axes}."
        )
    if math.prod(shape) != n_features:
        raise ValueError(
            f"{who} has image_shape={shape}, that is {math.prod(shape)} features, but "
            f"X has {n_features}."
        )
    if reset:
        estimator.input_shape_ = shape
    elif shape != tuple(estimator.input_shape_):
        raise ValueError(
            f"{who} was fitted on events of shape {tuple(estimator.input_shape_)}, but "
            f"one event of X is {shape}."
        )
    return _lean(X), shape, bool(axes)


def _read(rows: LazyRows, estimator: Any) -> Any:
    """Read rows block by block: sparse where few entries are not zero."""
    single = rows.dtype == np.float32
    dtype = np.dtype(np.float32 if single else np.float64)
    found = sparse_rows(rows, dtype, SPARSE_BELOW)
    if found is None:
        # Dense: the factorisation needs all of it, in this type.
        return np.asarray(rows.astype(dtype))
    if not np.isfinite(found.data).all():
        check_finite(rows, estimator=estimator)  # says where
    return found


def check_shape(image_shape: Sequence[int]) -> tuple[int, ...]:
    """Validate the shape of an event, of any number of axes.

    Parameters
    ----------
    image_shape : sequence of int
        Lengths of the axes.

    Returns
    -------
    tuple of int
        The same.

    Raises
    ------
    ValueError
        If it is not at least one positive integer.

    Examples
    --------
    >>> from skastro.inspection._event_rows import check_shape
    >>> check_shape([10, 12, 12])
    (10, 12, 12)
    """
    try:
        shape = tuple(image_shape)
    except TypeError:
        shape = ()
    whole = all(
        isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s > 0
        for s in shape
    )
    if not shape or not whole:
        raise ValueError(
            "image_shape must be None or the lengths of the axes of one event, all "
            f"positive integers, got {image_shape!r}."
        )
    return tuple(int(s) for s in shape)


def center_rows(
    X: Any, shape: tuple[int, ...], axes: Sequence[int]
) -> tuple[csr_array, tuple[int, ...]]:
    """Shift every event so that its largest value is in the middle of a larger grid.

    An axis of length s becomes one of length 2 s - 1, with index s - 1 in the middle:
    whatever the shift, nothing leaves the grid.

    Parameters
    ----------
    X : csr_array or ndarray of shape (n, prod(shape))
        Flat rows, not negative.
    shape : tuple of int
        The axes of a row.
    axes : sequence of int
        The axes that are shifted. The others, of channels, keep their length, and the
        largest value is looked for in the first channel.

    Returns
    -------
    X : csr_array of shape (n, prod(larger shape))
        The shifted rows, of the same dtype. Of several largest values the first counts.
        A row with nothing in the first channel is placed with the middle of its grid
        in the middle.
    shape : tuple of int
        The larger shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._event_rows import center_rows
    >>> rows, shape = center_rows(np.array([[1.0, 0, 5], [2, 1, 0]]), (3,), [0])
    >>> rows.toarray()
    array([[1., 0., 5., 0., 0.],
           [0., 0., 2., 1., 0.]])
    """
    X = _canonical(csr_array(X))
    moved = [axis in axes for axis in range(len(shape))]
    larger = tuple(2 * s - 1 if m else s for s, m in zip(shape, moved, strict=True))
    n = X.shape[0]
    row = np.repeat(np.arange(n), np.diff(X.indptr))
    place = np.array(np.unravel_index(X.indices, shape))
    first_channel = np.ones(len(row), bool)
    for axis, m in enumerate(moved):
        if not m:
            first_channel &= place[axis] == 0
    first_channel &= X.data > 0
    middle = np.tile([[(s - 1) // 2] for s in shape], n)
    # Sorted by row, then from the largest down; the sort is stable, so that of equal
    # values the first stays in front.
    hits = np.flatnonzero(first_channel)
    hits = hits[np.lexsort((-X.data[hits], row[hits]))]
    rows_hit, at = np.unique(row[hits], return_index=True)
    middle[:, rows_hit] = place[:, hits[at]]
    for axis, m in enumerate(moved):
        if m:
            place[axis] += shape[axis] - 1 - middle[axis, row]
    indices = np.ravel_multi_index(tuple(place), larger)
    out = csr_array((X.data, indices, X.indptr), shape=(n, math.prod(larger)))
    # A common shift of a row keeps the order of its columns.
    return _canonical(out), larger


def _lean(X: Any) -> Any:
    """Make rows sparse where that is the quicker layout, and dense where it is not."""
    if issparse(X):
        X = _canonical(csr_array(X))
        filled = np.count_nonzero(X.data)
    else:
        filled = np.count_nonzero(X)
    if filled <= SPARSE_BELOW * math.prod(X.shape):
        return X if issparse(X) else csr_array(X)
    return X.toarray() if issparse(X) else X


def _canonical(X: csr_array) -> csr_array:
    """Sort columns, add up what is there twice and drop zeros, in a copy if need be."""
    if X.has_canonical_format and X.data.all():
        return X
    X = X.copy()
    X.sum_duplicates()
    X.eliminate_zeros()
    return X
