"""The door for voxels: volumes, flat rows and sparse rows of the tracker."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.utils.validation import check_non_negative, validate_data

from skastro.gaps._geometry import N_VOXELS, VOXEL_SHAPE
from skastro.utils import LazyRows, check_finite
from skastro.utils._sparse_rows import rows_to_convert, sparse_rows

# The largest deposit of an event, in MeV: what lies outside is in other units.
_LEAST_LARGEST, _MOST_LARGEST = 0.2, 300.0
# Between fit and prediction its median may change by this factor (a masked track does
# more than a threshold), if there are enough events to tell.
_OTHER_UNITS, _ENOUGH = 30.0, 20
# ns plus 1; the first hit is at 1, and where the track is masked somewhat later.
_LATE_START = 1000.0


class VoxelInput(NamedTuple):
    """Rows of deposits, and what they stand for."""

    rows: Any  # ndarray or csr_array of shape (n, c * d * h * w), float32 or float64
    shape: tuple[int, int, int, int]  # channels, layers, rows, columns
    trailing: tuple[int, ...]  # axes of one event as it came; () for rows


def check_voxels(
    estimator: Any,
    X: Any,
    image_shape: Sequence[int] | None,
    *,
    reset: bool,
    signed: bool = False,
) -> VoxelInput:
    """Validate events in any of their layouts.

    Sets ``n_features_in_``, ``feature_names_in_`` and ``input_shape_``.

    Parameters
    ----------
    estimator : estimator
        Whose ``fit`` or ``transform`` is asking; gets the fitted attributes.
    X : array-like or sparse of shape (n, n_features), (n, h, w), (n, d, h, w) or \
            (n, c, d, h, w)
        Deposits in MeV; a second channel has times in ns plus 1. LazyRows, zarr, HDF5
        and Dask arrays, large memory maps and large arrays of bytes are read block by
        block.
    image_shape : tuple of 2 to 4 int, or None
        What a flat row is. None takes 1,440 features as the tracker, 2,880 as the
        tracker with energies and times, and any other number as one row of voxels.
    reset : bool
        Whether this is the first time that data are seen (``fit``). Only then are
        axes and units looked at: later, voxels may have been blurred on purpose.
    signed : bool, default=False
        Whether negative values are zero, not refused, in rows that are no tracker's.

    Returns
    -------
    VoxelInput
        Dense input stays a view where that is possible; what was read block by block
        is sparse.

    Raises
    ------
    ValueError
        If a shape does not fit, a value is negative or not finite, or times are not
        plus 1.

    Warns
    -----
    UserWarning
        If the deposits can hardly be in MeV.
    """
    who = type(estimator).__name__
    given = None if image_shape is None else full_shape(image_shape)
    trailing: tuple[int, ...] = ()
    if not issparse(X):
        if not hasattr(X, "ndim") and not hasattr(X, "__array__"):
            as_array = np.asarray(X)
            X = as_array if as_array.ndim > 2 else X
        lazy = rows_to_convert(X)
        X = X if lazy is None else lazy
        ndim = getattr(X, "ndim", 2)
        if ndim > 5:
            raise ValueError(
                f"{who} takes rows (n, n_features), or volumes (n, d, h, w) or "
                f"(n, c, d, h, w); got an array with {ndim} axes, shape {X.shape}."
            )
        if ndim > 2:
            X = np.asanyarray(X) if lazy is None else lazy
            trailing = X.shape[1:]
            if math.prod(trailing) == 0:
                raise ValueError(
                    f"Found array with 0 feature(s) (shape={X.shape}) while a minimum "
                    f"of 1 is required by {who}."
                )
            X = X.reshape(X.shape[0], math.prod(trailing))
        if lazy is not None and math.prod(X.shape):
            X = _read_sparse(X, estimator)
        elif getattr(X, "dtype", None) in (np.uint8, np.bool_):
            X = np.asarray(X).astype(np.float32)
    rows = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
    )
    known = None if reset else tuple(estimator.input_shape_)
    shape = _shape_of(rows.shape[1], trailing, given, known, who)
    if reset:
        estimator.input_shape_ = shape
    elif shape != known:
        raise ValueError(
            f"{who} was fitted on events of shape {known} (channels, layers, rows, "
            f"columns), but X has {shape}."
        )
    check_finite(rows.data if issparse(rows) else rows, estimator=estimator)
    if signed and math.prod(shape[:3]) == 1 and not trailing and given is None:
        return VoxelInput(_without_negative(rows), shape, trailing)
    check_non_negative(rows, f"{who}: deposits and times cannot be negative")
    typical = _check_units(rows, shape, who, warn=reset)
    if reset:
        estimator._typical_largest = typical
    fitted_on = getattr(estimator, "_typical_largest", None) or typical
    ratio = typical / fitted_on if typical and fitted_on else 1.0
    other = not 1 / _OTHER_UNITS < ratio < _OTHER_UNITS
    if not reset and other and rows.shape[0] >= _ENOUGH:
        warnings.warn(
            f"The largest deposit of an event has a median of {typical:.3g} here and "
            f"had {fitted_on:.3g} when this {who} was fitted. Are the units the same?",
            stacklevel=3,
        )
    return VoxelInput(rows, shape, trailing)


def full_shape(image_shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Validate the ``image_shape`` parameter and give it all its axes.

    Parameters
    ----------
    image_shape : (h, w), (d, h, w) or (c, d, h, w)
        Positive integers.

    Returns
    -------
    (c, d, h, w)
        With ones in front.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    try:
        shape = tuple(image_shape)
    except TypeError:
        shape = ()
    whole = all(
        isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s > 0
        for s in shape
    )
    if len(shape) not in (2, 3, 4) or not whole:
        raise ValueError(
            "image_shape must be None, (layers, rows, columns) or (channels, layers, "
            f"rows, columns) with positive integers, got {image_shape!r}."
        )
    c, d, h, w = (1,) * (4 - len(shape)) + tuple(int(s) for s in shape)
    if c > 2:
        raise ValueError(
            f"There are at most two channels, energies and times; got {c} in "
            f"{image_shape!r}."
        )
    return c, d, h, w


def clean_rows(
    rows: Any, shape: tuple[int, ...], threshold: float
) -> tuple[csr_array, csr_array | None]:
    """Give sparse energies above threshold, and times.

    Parameters
    ----------
    rows : ndarray or csr_array of shape (n, c * d * h * w)
        Validated.
    shape : (c, d, h, w)
        What a row is.
    threshold : float
        In MeV; what is below is no hit.

    Returns
    -------
    tuple of csr_array
        Energies without explicit zeros, and times (plus 1 ns) or None.
    """
    rows = csr_array(rows)
    if not rows.has_canonical_format:
        # Entries of one voxel add, and only their sum is above threshold or not.
        rows = rows.copy()
        rows.sum_duplicates()
    energy, times = rows, None
    if shape[0] == 2:
        n_voxels = math.prod(shape[1:])
        energy, times = rows[:, :n_voxels], rows[:, n_voxels:]
    low = energy.data < threshold if threshold else energy.data == 0
    if low.any():
        energy = energy.copy()
        energy.data[low] = 0
        energy.eliminate_zeros()
    return energy, times


def _read_sparse(rows: LazyRows, estimator: Any) -> csr_array:
    """Read rows block by block: a few per cent of the voxels of an event are hit."""
    single = rows.dtype in (np.float32, np.uint8, np.bool_)
    found = sparse_rows(rows, np.float32 if single else np.float64)
    assert found is not None
    if not np.isfinite(found.data).all():
        # Says at which event and voxel.
        check_finite(rows, estimator=estimator)
    return found


def _without_negative(rows: Any) -> Any:
    values = rows.data if issparse(rows) else rows
    if not values.size or values.min() >= 0:
        return rows
    if not issparse(rows):
        return np.maximum(rows, 0)
    rows = rows.copy()
    rows.data = np.maximum(rows.data, 0)
    return rows


def _check_units(
    rows: Any, shape: tuple[int, ...], who: str, *, warn: bool
) -> float | None:
    """Look whether deposits may be in MeV and times are in ns plus 1.

    Gives the median of the largest deposits, or None if it says nothing.
    """
    if math.prod(shape[:3]) == 1:
        return None
    if issparse(rows) and not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    n_voxels = math.prod(shape[1:])
    if shape[0] == 2:
        _check_times(rows[:, n_voxels:], who, warn=warn)
        rows = rows[:, :n_voxels]
    largest = rows.max(axis=1)
    largest = largest.toarray() if issparse(largest) else largest
    largest = largest[largest > 0]
    if not largest.size:
        return None
    typical = float(np.median(largest))
    if warn and not _LEAST_LARGEST <= typical <= _MOST_LARGEST:
        warnings.warn(
            f"The largest deposit of an event has a median of {typical:.3g} here. "
            f"{who} takes deposits in MeV, where tens are usual.",
            stacklevel=4,
        )
    elif warn and largest.max() <= 1 and largest.min() < 1:
        warnings.warn(
            f"No deposit is above 1 MeV, so that X seems to be scaled. {who} takes "
            "deposits in MeV, and scales them itself.",
            stacklevel=4,
        )
    return typical


def _check_times(times: Any, who: str, *, warn: bool) -> None:
    """Look whether times are in ns after the first hit, plus 1."""
    if issparse(times):
        values = times.data
        starts = times.indptr[:-1][np.diff(times.indptr) > 0]
        first = np.minimum.reduceat(values, starts) if len(starts) else values
    else:
        values = times
        first = np.where(times > 0, times, np.inf).min(axis=1)
        first = first[np.isfinite(first)]
    low = int(np.count_nonzero((values > 0) & (values < 0.99)))
    if low:
        raise ValueError(
            f"{who}: {low} times are between 0 and 1. Times come as ns after the "
            "first hit plus 1, so that 0 is no hit, in the second channel; "
            "energies are the first."
        )
    if warn and first.size and np.median(first) > _LATE_START:
        warnings.warn(
            f"The first time of an event has a median of {np.median(first):.3g}. "
            f"{who} takes ns after the event's first hit, plus 1, so that it is 1.",
            stacklevel=5,
        )


def _shape_of(
    n_features: int,
    trailing: tuple[int, ...],
    given: tuple[int, int, int, int] | None,
    known: tuple[int, ...] | None,
    who: str,
) -> tuple[int, int, int, int]:
    """Decide what a row is."""
    if trailing:
        shape = full_shape(trailing)
        if len(trailing) == 2 and math.prod(trailing) == N_VOXELS and given is None:
            raise ValueError(
                f"One event of X is {trailing}, as many values as the tracker has "
                f"voxels, but its axes are {VOXEL_SHAPE}: reshape X, or set "
                "image_shape."
            )
        turned = sorted(shape[1:]) == sorted(VOXEL_SHAPE) and shape[1:] != VOXEL_SHAPE
        if turned and given is None and known is None:
            raise ValueError(
                f"One event of X is {trailing}, but the tracker's axes are (layer, "
                f"row, column), {VOXEL_SHAPE}: transpose X. If it is another "
                f"tracker, set image_shape={trailing}."
            )
        if given is not None and shape != given:
            raise ValueError(
                f"{who} has image_shape={given}, but one event of X is {trailing}."
            )
        return shape
    if known is not None:
        return full_shape(known)
    if given is not None:
        if math.prod(given) != n_features:
            raise ValueError(
                f"{who} has image_shape={given}, that is {math.prod(given)} voxels, "
                f"but X has {n_features} features."
            )
        return given
    if n_features in (N_VOXELS, 2 * N_VOXELS):
        d, h, w = VOXEL_SHAPE
        return n_features // N_VOXELS, d, h, w
    return 1, 1, 1, n_features
