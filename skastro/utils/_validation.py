"""Validation of images and volumes that come flat or with their axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from skastro.utils._lazy_rows import LazyRows, as_lazy_rows

# Rows are looked at in pieces of about this many values, so that a memory-mapped
# input is never loaded whole.
_CHUNK_VALUES = 1 << 22

_KEPT_DTYPES = (np.float64, np.float32, np.uint8)


def check_image_shape(image_shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """Validate the ``image_shape`` parameter of an estimator.

    Parameters
    ----------
    image_shape : sequence of 2 or 3 int, or None
        ``(h, w)`` or ``(c, h, w)``, in pixels.

    Returns
    -------
    tuple of int or None
        The shape as a tuple.

    Raises
    ------
    ValueError
        If it is not two or three positive integers.
    """
    if image_shape is None:
        return None
    try:
        shape = tuple(image_shape)
    except TypeError:
        shape = ()
    whole = all(
        isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s > 0
        for s in shape
    )
    if len(shape) not in (2, 3) or not whole:
        raise ValueError(
            "image_shape must be None, (height, width) or (channels, height, width) "
            f"with positive integers, got {image_shape!r}."
        )
    return tuple(int(s) for s in shape)


def check_finite(
    X: np.ndarray | LazyRows,
    *,
    name: str = "X",
    estimator: Any = None,
    trailing: tuple[int, ...] = (),
) -> None:
    """Refuse NaN and infinity, piece by piece, saying how many and where.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n_samples, ...)
        What is looked at; integers always pass.
    name : str, default="X"
        How the message calls it.
    estimator : object, default=None
        Whose input it is, for the message.
    trailing : tuple of int, default=()
        What a flat row of X was before, for the index in the message.

    Raises
    ------
    ValueError
        If a value is not finite. The message has the count and the first index.
    """
    if X.dtype.kind != "f" or X.size == 0:
        return
    if X.ndim == 0:
        X = np.asarray(X).reshape(1)
    step = max(1, _CHUNK_VALUES // max(1, math.prod(X.shape[1:])))
    n_bad = 0
    first: tuple[int, ...] | None = None
    kind = ""
    for start in range(0, X.shape[0], step):
        piece = np.asarray(X[start : start + step])
        # The sum is finite for nearly every clean input and much quicker to take.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(piece.sum()):
                continue
        bad = ~np.isfinite(piece)
        count = int(bad.sum())
        if count and first is None:
            index = np.unravel_index(int(np.argmax(bad)), bad.shape)
            kind = "NaN" if np.isnan(piece[index]) else "infinity (inf)"
            first = (start + int(index[0]), *(int(i) for i in index[1:]))
        n_bad += count
    if first is not None:
        if trailing:
            within = np.unravel_index(first[1], trailing)
            first = (first[0], *(int(i) for i in within))
        who = f" of {type(estimator).__name__}" if estimator is not None else ""
        raise ValueError(
            f"Input {name}{who} contains {kind}: {n_bad} of {X.size} values are not "
            f"finite, the first at index {first}. Fill or drop them first, for "
            "instance with sklearn.impute.SimpleImputer on flat rows."
        )


def check_images(
    estimator: Any,
    X: Any,
    image_shape: Sequence[int] | None = None,
    *,
    reset: bool = True,
    lazy: bool = False,
) -> tuple[Any, tuple[int, int, int], tuple[int, ...]]:
    """Validate images, whichever of the three layouts they come in.

    Flat rows, ``(n, h, w)`` and ``(n, c, h, w)`` give the same first return value, so
    everything behind this door is written once. Sets ``n_features_in_`` and
    ``feature_names_in_`` through scikit-learn's ``validate_data``, and
    ``input_shape_``.

    Parameters
    ----------
    estimator : estimator
        Whose ``fit`` or ``transform`` is asking; gets the fitted attributes.
    X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
            (n_samples, c, h, w)
        The images. float64, float32 and uint8 are kept, all else becomes float64.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is. None takes it as one row of pixels, ``(1, 1, n_features)``.
    reset : bool, default=True
        Whether this is the first time that data are seen (``fit``).
    lazy : bool, default=False
        Whether `LazyRows`, zarr, HDF5 and Dask arrays and large memory maps stay
        where they are.

    Returns
    -------
    X : ndarray or LazyRows of shape (n_samples, c * h * w)
        Finite values; a view of the input wherever that is possible. Lazy rows only
        with ``lazy=True``.
    shape : (c, h, w)
        What a row of it is.
    trailing : tuple of int
        The shape of one image as it came: ``()`` for flat rows.

    Raises
    ------
    ValueError
        If a shape does not fit, or a value is not finite.
    """
    image_shape = check_image_shape(image_shape)
    who = type(estimator).__name__
    trailing: tuple[int, ...] = ()
    # Lists of images have axes too; data frames and sparse matrices have two.
    if not hasattr(X, "ndim") and not hasattr(X, "__array__"):
        as_array = np.asarray(X)
        X = as_array if as_array.ndim > 2 else X
    rows = as_lazy_rows(X)
    if rows is not None:
        X = rows if lazy else np.asarray(rows)
    ndim = getattr(X, "ndim", 2)
    if ndim > 4:
        raise ValueError(
            f"{who} takes flat rows (n, n_features), images (n, h, w) or "
            f"(n, c, h, w); got an array with {ndim} axes, shape {X.shape}."
        )
    if ndim > 2:
        if not isinstance(X, LazyRows):
            X = np.asanyarray(X)
        trailing = X.shape[1:]
        if image_shape is not None and _as_chw(trailing) != _as_chw(image_shape):
            raise ValueError(
                f"{who} has image_shape={image_shape}, but one image of X is "
                f"{trailing}."
            )
        if math.prod(trailing) == 0:
            raise ValueError(
                f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of "
                f"1 is required by {who}."
            )
        last = len(trailing) == 3 and trailing[2] in (3, 4)
        if last and min(trailing[:2]) > 4 and image_shape is None:
            raise ValueError(
                f"Images of shape {trailing} would be {trailing[0]} channels of "
                f"{trailing[1]} x {trailing[2]} pixels. If channels come last, use "
                "np.moveaxis(X, -1, 1); if they do not, say so with "
                f"image_shape={trailing}."
            )
        fitted = None if reset else getattr(estimator, "input_shape_", None)
        if fitted is not None and _as_chw(trailing) != _as_chw(fitted):
            raise ValueError(
                f"{who} was fitted on images of shape {tuple(fitted)} (channels, "
                f"height, width), but X has {_as_chw(trailing)}."
            )
        X = X.reshape(X.shape[0], math.prod(trailing))
    elif not reset and len(getattr(estimator, "input_shape_", ())) == 3:
        fitted = tuple(estimator.input_shape_)
        if fitted[1] > 1 and getattr(X, "shape", ()) in (fitted[1:], fitted):
            raise ValueError(
                f"{who} takes many images, and X looks like one of {fitted[1:]} "
                "pixels: give X[None]."
            )
    if isinstance(X, LazyRows):
        X = _validate_lazy(estimator, X, reset)
    else:
        X = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=list(_KEPT_DTYPES),
            ensure_all_finite=False,
        )
    if trailing:
        shape = _as_chw(trailing)
    elif not reset:
        shape = _as_chw(estimator.input_shape_)
    elif image_shape is not None:
        shape = _as_chw(image_shape)
        if math.prod(shape) != X.shape[1]:
            raise ValueError(
                f"{who} has image_shape={image_shape}, that is {math.prod(shape)} "
                f"pixels, but X has {X.shape[1]} features."
            )
    else:
        shape = (1, 1, X.shape[1])
    if reset:
        estimator.input_shape_ = shape
    check_finite(X, estimator=estimator, trailing=trailing)
    return X, shape, trailing


def _validate_lazy(estimator: Any, X: LazyRows, reset: bool) -> LazyRows:
    """Do what ``validate_data`` does, without loading anything."""
    who = type(estimator).__name__
    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, got {X.ndim}D array instead: {X!r}.")
    if 0 in X.shape:
        what = "sample" if not X.shape[0] else "feature"
        raise ValueError(
            f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is "
            f"required by {who}."
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X if X.dtype in _KEPT_DTYPES else X.astype(np.float64)


def _as_chw(shape: Sequence[int]) -> tuple[int, int, int]:
    """Give ``(h, w)`` its channel axis."""
    c, h, w = (1, *shape) if len(shape) == 2 else shape
    return int(c), int(h), int(w)
