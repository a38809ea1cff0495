"""Clusters of rows by k-means, with the number of clusters from the elbow."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array

# Centres are found on a draw of this many rows, and rows are labelled in parts.
_FIT_ROWS = 10_000
_CHUNK_VALUES = 20_000_000


def check_n_clusters(n_clusters: Any, max_clusters: Any) -> None:
    """Refuse numbers of clusters that are none."""
    elbow = isinstance(n_clusters, str) and n_clusters == "elbow"
    if not elbow and not is_count(n_clusters, 1):
        raise ValueError(
            f'n_clusters must be "elbow" or an integer of at least 1, got '
            f"{n_clusters!r}."
        )
    if not is_count(max_clusters, 3):
        raise ValueError(
            f"max_clusters must be an integer of at least 3, got {max_clusters!r}."
        )


def is_count(value: Any, smallest: int) -> bool:
    """Tell whether a value is an integer that is large enough."""
    integral = isinstance(value, Integral) and not isinstance(value, bool)
    return integral and int(value) >= smallest


def cluster_rows(
    X: Any, n_clusters: Any, max_clusters: int, rng: np.random.RandomState
) -> np.ndarray:
    """Label rows by k-means.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Rows of numbers; all axes but the first are flattened. An array on disk is read
        in parts.
    n_clusters : int or "elbow"
        Number of clusters, or the one of `elbow_point`.
    max_clusters : int
        Largest number that the elbow looks at.
    rng : RandomState
        Draws the rows and the first centres.

    Returns
    -------
    ndarray of shape (n_samples,) of int
        Numbers of the clusters, from 0; the largest cluster is 0.
    """
    if issparse(X):
        raise ValueError("X must be dense, got a sparse matrix.")
    # What has both (h5py, zarr) is read by slices; lists and tables have not.
    rows = X if hasattr(X, "shape") and hasattr(X, "dtype") else np.asarray(X)
    n = rows.shape[0] if len(rows.shape) > 1 else 0
    if n < 2:
        raise ValueError(
            "Clusters need rows of numbers, shape (n_samples, ...) with two samples or "
            f"more, got shape {rows.shape}."
        )
    width = int(np.prod(rows.shape[1:]))
    chosen = np.sort(rng.choice(n, _FIT_ROWS, replace=False)) if n > _FIT_ROWS else None
    model = _fit(
        _flat(rows[:] if chosen is None else rows[chosen], width),
        n_clusters,
        max_clusters,
        rng,
    )
    step = max(1, _CHUNK_VALUES // max(width, 1))
    labels = np.concatenate(
        [model.predict(_flat(rows[i : i + step], width)) for i in range(0, n, step)]
    )
    order = np.argsort(-np.bincount(labels), kind="stable")
    out: np.ndarray = np.argsort(order)[labels]
    return out


def _flat(rows: Any, width: int) -> np.ndarray:
    """Take some rows as a matrix of finite floats."""
    matrix = np.asarray(rows).reshape(-1, width)
    out: np.ndarray = check_array(
        matrix, dtype=[np.float64, np.float32], input_name="X"
    )
    return out


def _fit(
    X: np.ndarray, n_clusters: Any, max_clusters: int, rng: np.random.RandomState
) -> KMeans:
    """Find the centres."""
    if n_clusters != "elbow":
        model = fit_k_means(X, int(n_clusters), rng)
        if model is None:
            raise ValueError(
                f"X has fewer than n_clusters={n_clusters} different rows."
            )
        return model
    models = []
    for k in range(1, max_clusters + 1):
        model = fit_k_means(X, k, rng)
        if model is None:
            break
        models.append(model)
    # With as many clusters as different rows, and with more, nothing is left.
    inertia = np.zeros(max_clusters)
    inertia[: len(models)] = [model.inertia_ for model in models]
    return models[elbow_point(inertia) - 1]


def fit_k_means(X: np.ndarray, k: int, rng: np.random.RandomState) -> KMeans | None:
    """Fit k-means; None where X has fewer than k different rows."""
    if k > len(X):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            # Three starts: one bad minimum would bend the curve of the elbow.
            return KMeans(k, n_init=3, random_state=rng).fit(X)
        except ConvergenceWarning:
            return None


def elbow_point(inertia: Any) -> int:
    """Choose the number of clusters where the curve of the inertia bends most.

    Parameters
    ----------
    inertia : array-like of shape (n,)
        Sums of squared distances for 1, 2, ..., n clusters; n is at least 3.

    Returns
    -------
    int
        The number of clusters whose point lies furthest below the chord between the
        first and the last point, both axes scaled to one; 1 where none lies below.
    """
    y = np.minimum.accumulate(np.asarray(inertia, dtype=np.float64))
    drop = y[0] - y[-1]
    if drop <= 0:
        return 1
    depth = np.linspace(1.0, 0.0, len(y)) - (y - y[-1]) / drop
    # Rounding alone makes no elbow.
    return int(depth.argmax()) + 1 if depth.max() > 1e-9 else 1
