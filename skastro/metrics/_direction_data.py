"""Directions in rows of three columns each, checked once, and their pairing."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from sklearn.utils import check_array

ASSIGNMENTS = ("ordered", "best")
# 4! = 24 permutations; more directions a sample are no pattern of this toolkit.
MOST_DIRECTIONS = 4


def check_directions(
    y_true: Any, y_pred: Any, assignment: str
) -> tuple[np.ndarray, np.ndarray]:
    """Take true and predicted directions as float64 of shape (n, k, 3)."""
    if assignment not in ASSIGNMENTS:
        raise ValueError(
            f"assignment must be one of {ASSIGNMENTS}, got {assignment!r}."
        )
    true, pred = (
        check_array(y, dtype=np.float64, input_name=name)
        for name, y in (("y_true", y_true), ("y_pred", y_pred))
    )
    if true.shape != pred.shape:
        raise ValueError(
            f"y_true has shape {true.shape}, but y_pred has shape {pred.shape}."
        )
    if true.shape[1] % 3:
        raise ValueError(
            "Directions must have three columns each, shape (n_samples, 3 * "
            f"n_directions), got shape {true.shape}."
        )
    k = true.shape[1] // 3
    if assignment == "best" and k > MOST_DIRECTIONS:
        raise ValueError(
            f"The best assignment is found for at most {MOST_DIRECTIONS} directions a "
            f'sample, got {k}: use assignment="ordered".'
        )
    return true.reshape(-1, k, 3), pred.reshape(-1, k, 3)


def component_errors(true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Sum the absolute differences of the components.

    Parameters
    ----------
    true, pred : ndarray of shape (n_samples, n_directions, 3)
        Directions.

    Returns
    -------
    ndarray of shape (n_samples, n_directions, n_directions)
        Entry (i, j, l) is between the true direction j and the predicted direction l.
    """
    out: np.ndarray = np.abs(true[:, :, None] - pred[:, None]).sum(axis=-1)
    return out


def assigned(errors: np.ndarray, assignment: str) -> np.ndarray:
    """Choose which prediction is for which truth.

    Parameters
    ----------
    errors : ndarray of shape (n_samples, n_directions, n_directions)
        Errors between each true direction (axis 1) and each prediction (axis 2).
    assignment : {"ordered", "best"}
        As they come, or the permutation with the smallest sum in each sample; of
        equally good ones the first, which is "ordered" if that is among them.

    Returns
    -------
    ndarray of shape (n_samples, n_directions)
        Errors in the order of the true directions.
    """
    k = errors.shape[1]
    rows = np.arange(k)
    if assignment == "ordered":
        return errors[:, rows, rows]
    orders = np.array(list(permutations(range(k))))
    candidates = errors[:, rows, orders]
    best = candidates.sum(axis=2).argmin(axis=1)
    out: np.ndarray = candidates[np.arange(len(errors)), best]
    return out
