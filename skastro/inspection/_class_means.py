"""Mean maps of classes and of mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skastro.inspection._class_mean_result import ClassMeanMaps
from skastro.inspection._event_grid import on_grid, voxel_rows

_SELECTIONS = ("all", "correct", "misclassified")


def class_mean_maps(
    maps: Any,
    y: Any,
    y_pred: Any = None,
    *,
    only: str = "all",
    sample_weight: Any = None,
    align: Any = None,
) -> ClassMeanMaps:
    """Average maps by true class, all, the correct ones, or mistakes by their kind.

    Parameters
    ----------
    maps : array-like of shape (n_samples, ...)
        A map of each event.
    y : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,), default=None
        Predicted labels of the kind of y; needed unless ``only="all"``.
    only : {"all", "correct", "misclassified"}, default="all"
        Which events; mistakes have keys (true, predicted).
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each event, not negative.
    align : array-like or sparse matrix of shape (n_samples, ...), default=None
        Deposits of one channel, flat or with the axes of the maps. Maps are then
        shifted so that the largest one of each event is in the middle of a grid of
        2 g - 1 voxels along an axis of g, and each voxel's mean is over the events that
        reach it. Events without deposits are left out.

    Returns
    -------
    ClassMeanMaps
        Means, standard errors, rows and weights by key; no key without an event.

    Raises
    ------
    ValueError
        If lengths or shapes differ, or ``y_pred`` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import class_mean_maps
    >>> maps = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> y, y_pred = ["p", "p", "d"], ["p", "d", "d"]
    >>> class_mean_maps(maps, y, y_pred, only="misclassified").means
    {('p', 'd'): array([0., 1.])}
    """
    if only not in _SELECTIONS:
        raise ValueError(f"only must be one of {list(_SELECTIONS)}, got {only!r}.")
    maps, y = np.asarray(maps), np.asarray(y)
    if maps.dtype.kind not in "biuf":
        raise ValueError(f"maps must be real numbers, got dtype {maps.dtype}.")
    if maps.ndim < 2 or not np.isfinite(maps).all():
        raise ValueError("maps must be finite and have an axis of events and a grid.")
    weight = np.ones(len(maps)) if sample_weight is None else np.asarray(sample_weight)
    if y.shape != (len(maps),) or weight.shape != (len(maps),):
        raise ValueError(
            f"y and sample_weight must have one value for each of {len(maps)} maps, "
            f"got shapes {y.shape} and {weight.shape}."
        )
    for name, labels in (("y", y), ("y_pred", y_pred)):
        if pd.isna(np.asarray(labels, dtype=object)).any() and labels is not None:
            raise ValueError(f"{name} has missing classes (NaN or None).")
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError("sample_weight must be finite and not negative.")
    centres, chosen = None, weight > 0
    if align is not None:
        centres, hit = _largest(align, maps.shape)
        chosen &= hit
    groups = _groups(y, y_pred, only, chosen)
    means, errors = {}, {}
    for key, index in groups.items():
        at = None if centres is None else centres[index]
        means[key], errors[key] = _moments(maps[index], weight[index], at)
    weights = {key: float(weight[index].sum()) for key, index in groups.items()}
    return ClassMeanMaps(means, errors, groups, weights)


def _groups(
    y: np.ndarray, y_pred: Any, only: str, chosen: np.ndarray
) -> dict[Any, np.ndarray]:
    """Find the rows of every key."""
    if only == "all":
        keys: list[Any] = y.tolist()
    else:
        if y_pred is None or np.shape(y_pred) != y.shape:
            raise ValueError(f"only={only!r} needs y_pred, one for each event.")
        predicted = np.asarray(y_pred)
        if len({isinstance(v, str) for v in [*y.tolist(), *predicted.tolist()]}) > 1:
            raise ValueError(
                "y and y_pred must be labels of one kind, got dtypes "
                f"{y.dtype} and {predicted.dtype}."
            )
        chosen = chosen & ((y == predicted) == (only == "correct"))
        pairs = zip(y.tolist(), predicted.tolist(), strict=True)
        keys = y.tolist() if only == "correct" else list(pairs)
    rows: dict[Any, list[int]] = {}
    for i in np.flatnonzero(chosen).tolist():
        rows.setdefault(keys[i], []).append(i)
    return {key: np.array(rows[key]) for key in sorted(rows)}


def _largest(align: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Give the place of the largest deposit of each event, and whether it has one."""
    deposits = voxel_rows(align)
    same = deposits.size == np.prod(shape) and len(deposits) == shape[0]
    if not same or not on_grid(deposits, shape[1:]):
        raise ValueError(
            f"align must have the deposits of maps {shape}, got {deposits.shape}."
        )
    flat = deposits.reshape(len(deposits), -1)
    place = np.stack(np.unravel_index(flat.argmax(axis=1), shape[1:]), axis=1)
    return place, flat.max(axis=1) > 0


def _moments(
    maps: np.ndarray, weight: np.ndarray, centres: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Give the weighted mean and its standard error at each voxel."""
    grid = np.array(maps.shape[1:])
    full = grid if centres is None else 2 * grid - 1
    sums = np.zeros((4, *full))  # of weights, their squares, values and squares
    for i, (values, w) in enumerate(zip(maps.astype(np.float64), weight, strict=True)):
        begin = 0 * grid if centres is None else grid - 1 - centres[i]
        where = tuple(slice(b, b + g) for b, g in zip(begin, grid, strict=True))
        for total, term in zip(
            sums, (w, w * w, w * values, w * values**2), strict=True
        ):
            total[where] += term
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[2] / sums[0]
        spread = np.maximum(sums[3] / sums[0] - mean**2, 0)
        effective = sums[0] ** 2 / sums[1]
        error = np.where(effective > 1, np.sqrt(spread / (effective - 1)), np.nan)
    return mean, error
