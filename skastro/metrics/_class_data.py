"""Classes, weights and class probabilities as codes and arrays, checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array

# Probabilities that went through a table with five digits still sum to one within it.
SUM_TOLERANCE = 1e-4


def check_classes(y: Any, name: str) -> np.ndarray:
    """Take one class a row as a plain array; refuse what is missing or 2-D."""
    # pandas 3 keeps strings in Arrow arrays, which refuse much of numpy's indexing.
    array = np.asarray(y)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must have one class a row, shape (n_samples,), got shape "
            f"{array.shape}."
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty: at least one sample is needed.")
    n_missing = int(pd.isna(array).sum())
    if n_missing:
        raise ValueError(f"{name} has {n_missing} missing classes (NaN or None).")
    return array


def check_labels(labels: Any) -> list[Any]:
    """Take the announced classes as a list, in their order."""
    names = np.asarray(labels).tolist()
    if not isinstance(names, list) or any(isinstance(name, list) for name in names):
        raise ValueError(f"labels must be a list of classes, got {labels!r}.")
    if pd.isna(np.asarray(names, dtype=object)).any():
        raise ValueError(f"labels must not have missing names, got {names}.")
    if len(names) < 2 or len(names) != len(set(names)):
        raise ValueError(f"labels must be two or more different classes, got {names}.")
    return names


def sorted_classes(*ys: np.ndarray) -> list[Any]:
    """List the different classes of one or more arrays, sorted."""
    found: set[Any] = set()
    for y in ys:
        found |= set(pd.unique(y).tolist())
    if len({isinstance(label, str) for label in found}) > 1:
        raise ValueError(
            "Classes must be all strings or all numbers, got "
            f"{sorted(map(repr, found))}."
        )
    return sorted(found)


def encode_classes(y: np.ndarray, classes: list[Any], name: str) -> np.ndarray:
    """Number the classes by their places in `classes`."""
    codes, uniques = pd.factorize(y)
    place = {label: i for i, label in enumerate(classes)}
    found = uniques.tolist()
    strangers = [label for label in found if label not in place]
    if strangers:
        raise ValueError(
            f"{name} has classes {strangers} that are not among the classes {classes}."
        )
    return np.array([place[label] for label in found], dtype=np.intp)[codes]


def check_weights(sample_weight: Any, n: int) -> np.ndarray:
    """Take weights as floats; None is one each."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight)
    if weight.dtype.kind not in "biuf":
        raise ValueError(f"sample_weight must be numbers, got dtype {weight.dtype}.")
    if weight.shape != (n,):
        raise ValueError(
            f"sample_weight must have shape ({n},), got shape {weight.shape}."
        )
    weight = weight.astype(np.float64)
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must be finite and not negative.")
    if not weight.any():
        raise ValueError("sample_weight is zero for every sample.")
    return weight


def check_length(name: str, array: Any, n: int) -> None:
    """Refuse an input of another number of rows."""
    if len(array) != n:
        raise ValueError(f"{name} has {len(array)} rows, but y_true has {n}.")


def check_probabilities(
    y: np.ndarray, proba: Any, labels: Any
) -> tuple[np.ndarray, list[Any]]:
    """Take class probabilities with the class of each column.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The true classes, as `check_classes` gives them.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities. The columns of a DataFrame are named by class and are aligned
        by name; those of an array follow `labels`.
    labels : array-like of shape (n_classes,) or None
        All classes. None takes the columns of a DataFrame, or else the sorted classes
        of `y`.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        float32 stays float32; anything else is float64.
    classes : list
        The class of each column.
    """
    columns = None
    if isinstance(proba, pd.DataFrame):
        columns = check_labels(proba.columns)
    if labels is not None:
        classes = check_labels(labels)
    else:
        classes = columns if columns is not None else sorted_classes(y)
    if columns is not None:
        if set(columns) != set(classes):
            raise ValueError(
                f"The columns of proba, {columns}, are not the classes {classes}. Name "
                "them by class, or pass an array and its labels."
            )
        # An order by position would take one class for another.
        proba = proba.iloc[:, [columns.index(label) for label in classes]].to_numpy()
    array = np.asarray(proba)
    if array.ndim != 2:
        raise ValueError(
            "proba must have shape (n_samples, n_classes), one column a class, got "
            f"shape {array.shape}."
        )
    array = check_array(
        array, dtype=[np.float64, np.float32], input_name="proba", ensure_min_features=0
    )
    check_length("proba", array, len(y))
    if array.shape[1] != len(classes):
        source = "labels has" if labels is not None else "y_true has"
        raise ValueError(
            f"proba has {array.shape[1]} columns, but {source} {len(classes)} classes, "
            f"{classes}. Pass labels with the class of each column."
        )
    if len(classes) < 2:
        raise ValueError(f"At least two classes are needed, got {classes}.")
    if array.min() < 0 or array.max() > 1 + SUM_TOLERANCE:
        raise ValueError(
            f"proba must lie in [0, 1], got {array.min():g} to {array.max():g}."
        )
    error = np.abs(array.sum(axis=1, dtype=np.float64) - 1.0)
    if error.max() > SUM_TOLERANCE:
        row = int(error.argmax())
        raise ValueError(
            f"The rows of proba must sum to one; {int((error > SUM_TOLERANCE).sum())} "
            f"of {len(array)} do not, row {row} by {error[row]:.3g}. Scores and "
            "binary-only columns are no probabilities."
        )
    return array, classes
