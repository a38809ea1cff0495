"""Training and asking one classifier of an ensemble on one fold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import _safe_split

from skastro.calibration._meta import TrainingRows, aligned_proba


def proba_of(model: Any, X: Any, classes: NDArray[Any]) -> NDArray[np.float64]:
    """Give probabilities in float64: those of nets sum to 1 within 1e-7 only.

    Parameters
    ----------
    model : classifier
        Fitted; it may know fewer classes.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows sum to 1.
    """
    proba = np.asarray(aligned_proba(model, X, classes), dtype=np.float64)
    out: NDArray[np.float64] = proba / proba.sum(axis=1, keepdims=True)
    return out


def fit_fold(
    model: Any,
    rows: TrainingRows,
    train: NDArray[np.integer],
    test: NDArray[np.integer],
    seed: int,
    classes: NDArray[Any],
) -> tuple[Any, NDArray[np.float64]]:
    """Train on a fold and give the probabilities of the rest.

    Parameters
    ----------
    model : classifier
        Is trained itself.
    rows : TrainingRows
        All rows, with the weights of training.
    train, test : ndarray of int
        The two parts.
    seed : int
        For every ``random_state`` in the model.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    model : classifier
        Trained.
    proba : ndarray of shape (n_test, n_classes)
        Of the test rows.
    """
    names = [n for n in model.get_params() if n.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(names, seed))
    fitted = rows.fit(model, train)
    X, _ = _safe_split(fitted, rows.X, rows.y, test, train)
    return fitted, proba_of(fitted, X, classes)


def class_weighted(
    codes: NDArray[np.intp], weight: NDArray[Any] | None, balance: float
) -> NDArray[np.float64] | None:
    """Weigh rows by a power of the size of their class.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        The classes.
    weight : ndarray of shape (n_samples,) or None
        Weights that are multiplied.
    balance : float
        Rows of class c get n_c^-balance.

    Returns
    -------
    ndarray of shape (n_samples,) or None
        With the same sum as before; `weight` itself for a balance of 0.
    """
    if not balance:
        return weight
    count = np.bincount(codes, weights=weight).astype(float)
    with np.errstate(divide="ignore"):
        of_class = np.where(count > 0, count**-balance, 0.0)
    of_row = of_class[codes] * (1.0 if weight is None else weight)
    total = len(codes) if weight is None else weight.sum()
    out: NDArray[np.float64] = of_row * (total / of_row.sum())
    return out
