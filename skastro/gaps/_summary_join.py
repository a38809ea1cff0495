"""The part of "hybrid" that learns from the summary features."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

# Least probability that it can give; zeros have no logarithm.
_LEAST = 1e-12


def fit_on_summary(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    *,
    seed: int,
    n_threads: int,
) -> Any:
    """Fit a clone of a classifier, or boosted trees.

    Parameters
    ----------
    estimator : classifier or None
        None is boosting with slow learning, small trees and few features a split.
    X : ndarray of shape (n_samples, n_features)
        Summary features.
    y : ndarray of shape (n_samples,)
        Labels.
    weight : ndarray of shape (n_samples,) or None
        Of the samples.
    seed : int
        Of the default.
    n_threads : int
        Of OpenMP, in the fit.

    Returns
    -------
    classifier
        Fitted.
    """
    if weight is not None and not weight.all():
        # Few classifiers take a class that has no weight at all.
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    if len(np.unique(y)) == 1:
        # Few classifiers take a single class.
        model: Any = DummyClassifier()
    elif estimator is not None:
        model = clone(estimator)
    else:
        model = HistGradientBoostingClassifier(
            learning_rate=0.03,
            max_iter=300,
            max_leaf_nodes=15 if len(y) < 20_000 else 31,
            l2_regularization=5.0,
            max_features=0.2,
            early_stopping=False,
            random_state=seed,
        )
    weights = {} if weight is None else {"sample_weight": weight}
    with threadpool_limits(n_threads, user_api="openmp"):
        return model.fit(X, y, **weights)


def summary_log_proba(
    model: Any, X: np.ndarray, classes: np.ndarray, n_threads: int
) -> np.ndarray:
    """Give logarithms of its probabilities.

    Parameters
    ----------
    model : classifier
        Fitted.
    X : ndarray of shape (n_samples, n_features)
        Summary features.
    classes : ndarray of shape (n_classes,)
        All labels. Those that the model never met are improbable.
    n_threads : int
        Of OpenMP.

    Returns
    -------
    ndarray of float64, of shape (n_samples, n_classes)
        In the order of ``classes``.
    """
    seen = np.full((len(X), len(classes)), _LEAST, dtype=np.float64)
    with threadpool_limits(n_threads, user_api="openmp"):
        given = model.predict_proba(X)
    known = np.searchsorted(classes, model.classes_)
    seen[:, known] = np.maximum(given, _LEAST)
    return np.log(seen)
