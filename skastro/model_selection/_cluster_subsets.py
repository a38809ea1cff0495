"""Subsets of a data set in which every cluster has its share."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from skastro.model_selection._clusters import check_n_clusters, cluster_rows, is_count
from skastro.utils import own_random_state
from skastro.utils._typing import Seed

_SHARES = ("proportional", "equal")


def cluster_subsets(
    X: Any = None,
    *,
    labels: Any = None,
    n_subsets: int | None = None,
    subset_sizes: Any = None,
    shares: Literal["proportional", "equal"] = "proportional",
    n_clusters: int | Literal["elbow"] = "elbow",
    max_clusters: int = 10,
    random_state: Seed = None,
) -> list[np.ndarray]:
    """Divide samples into subsets in which every cluster has its share.

    For training that goes through a data set in parts: each part has some of every
    kind. Give X, which is clustered by k-means, or the `labels` of clusters that are
    known already; and either `n_subsets` or `subset_sizes`.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), default=None
        Images or rows of features; all axes but the first are flattened. Not the index
        pairs of mixtures, whose values mean nothing to k-means.
    labels : array-like of shape (n_samples,), default=None
        Cluster of each sample, numbers or names, in place of X.
    n_subsets : int, default=None
        Number of subsets, whose sizes differ by at most one.
    subset_sizes : int or array-like of int, default=None
        Sizes of the subsets, which must add up to the number of samples. A single
        number is the size of all but the last, which takes the rest.
    shares : {"proportional", "equal"}, default="proportional"
        "proportional": the share of each cluster is the same in all subsets, to at most
        one sample. "equal": each cluster but the largest is dealt in equal numbers to
        all subsets, whatever their sizes, see Notes.
    n_clusters : int or "elbow", default="elbow"
        Number of clusters. "elbow" tries 1 to `max_clusters` and takes the one whose
        inertia lies furthest below the chord from the first to the last, both axes
        scaled to one [2]_.
    max_clusters : int, default=10
        Largest number that the elbow tries, at least 3.
    random_state : int, RandomState instance or None, default=None
        Of k-means and of the dealing.

    Returns
    -------
    list of ndarray of int
        Sorted positions of the samples of each subset. No sample is in two, and none is
        left out.

    Raises
    ------
    ValueError
        If not exactly one of X and `labels`, and one of `n_subsets` and `subset_sizes`,
        is given; if values are missing or not finite; if the sizes do not fit, or with
        "equal" leave the largest cluster no room.

    See Also
    --------
    ClusterBalancedKFold : The same for cross-validation.

    Notes
    -----
    "equal" is for the arithmetic of a thesis [1]_, of which we know: 489,500 images in
    clusters of 39,662, 228,229, 171,303, 11,661 and 38,645; four subsets of 100,000 and
    a last of 89,500; and 39,662 = 5 * 7,932 + 2. Shares in proportion to the sizes
    would give 8,102 or 8,103, so that its clusters were dealt in equal numbers. The
    rest of the rule is ours, the simplest that agrees: every subset takes the integer
    part of size / n_subsets of each cluster, the last one takes the remainder too, and
    the largest cluster fills the subsets up to their sizes.

    With subsets of equal sizes both ways are the same up to remainders.

    The centres are found on 10,000 rows, drawn at random where there are more; then
    every row goes to its nearest centre.

    References
    ----------
    .. [1] Thesis on crystal orientation from overlapping electron-diffraction patterns
       by a convolutional network, Tsukuba (March 2020, in Japanese), Tables 3.11
       and 3.22.
    .. [2] V. Satopaa, J. Albrecht, D. Irwin and B. Raghavan, "Finding a 'kneedle' in a
       haystack", 31st ICDCS Workshops (2011) 166-171.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.model_selection import cluster_subsets
    >>> labels = np.repeat(["a", "b", "c"], [12, 60, 28])
    >>> for subset in cluster_subsets(labels=labels, subset_sizes=30, random_state=0):
    ...     print(len(subset), np.unique(labels[subset], return_counts=True)[1])
    30 [ 4 18  8]
    30 [ 4 18  8]
    30 [ 3 18  9]
    10 [1 6 3]
    """
    check_n_clusters(n_clusters, max_clusters)
    if shares not in _SHARES:
        raise ValueError(f"shares must be one of {_SHARES}, got {shares!r}.")
    if (X is None) == (labels is None):
        raise ValueError("Give either X, to be clustered, or labels of its clusters.")
    rng = own_random_state(random_state)
    if labels is None:
        code = cluster_rows(X, n_clusters, max_clusters, rng)
    else:
        code = _check_labels(labels)
    sizes = _check_sizes(n_subsets, subset_sizes, len(code))
    counts = deal_counts(np.bincount(code), sizes, shares)
    parts: list[list[np.ndarray]] = [[] for _ in sizes]
    for cluster, numbers in enumerate(counts):
        members = rng.permutation(np.flatnonzero(code == cluster))
        pieces = np.split(members, np.cumsum(numbers)[:-1])
        for part, piece in zip(parts, pieces, strict=True):
            part.append(piece)
    return [np.sort(np.concatenate(part)) for part in parts]


def _check_labels(labels: Any) -> np.ndarray:
    """Number the given clusters."""
    array = np.asarray(labels)
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"labels must be one cluster a sample, shape (n_samples,), got shape "
            f"{array.shape}."
        )
    if pd.isna(array).any():
        raise ValueError("labels has missing values (NaN or None).")
    return pd.factorize(array)[0]


def _check_sizes(n_subsets: Any, subset_sizes: Any, n: int) -> np.ndarray:
    """Find the size of each subset."""
    if (n_subsets is None) == (subset_sizes is None):
        raise ValueError("Give either n_subsets or subset_sizes.")
    if n_subsets is not None:
        if not is_count(n_subsets, 1) or n_subsets > n:
            raise ValueError(
                f"n_subsets must be an integer from 1 to the {n} samples, got "
                f"{n_subsets!r}."
            )
        return np.array([len(p) for p in np.array_split(np.arange(n), int(n_subsets))])
    sizes = np.asarray(subset_sizes)
    if sizes.dtype.kind not in "iu" or sizes.ndim > 1 or not (sizes > 0).all():
        raise ValueError(
            "subset_sizes must be an integer or integers above 0, got "
            f"{subset_sizes!r}."
        )
    if sizes.ndim == 0:
        if sizes > n:
            raise ValueError(f"subset_sizes is {sizes}, but there are {n} samples.")
        full, rest = divmod(n, int(sizes))
        return np.array([int(sizes)] * full + [rest] * (rest > 0))
    if sizes.sum() != n:
        raise ValueError(
            f"subset_sizes add up to {sizes.sum()}, but there are {n} samples."
        )
    return sizes.astype(np.int64)


def deal_counts(clusters: np.ndarray, sizes: np.ndarray, shares: str) -> np.ndarray:
    """Find how many of each cluster go to each subset.

    Parameters
    ----------
    clusters : ndarray of shape (n_clusters,) of int
        Sizes of the clusters.
    sizes : ndarray of shape (n_subsets,) of int
        Sizes of the subsets; the same sum.
    shares : {"proportional", "equal"}
        As in `cluster_subsets`.

    Returns
    -------
    ndarray of shape (n_clusters, n_subsets) of int
        Its sums are the sizes.
    """
    clusters, sizes = clusters.astype(np.int64), sizes.astype(np.int64)
    if shares == "equal":
        return _equal_counts(clusters, sizes)
    counts: np.ndarray = clusters[:, None] * sizes // sizes.sum()
    row_rest = clusters - counts.sum(axis=1)
    column_rest = sizes - counts.sum(axis=0)
    # A table of zeros and ones with these sums exists (the fractions are one in
    # between), and giving each row to the columns that lack most finds one (Ryser).
    for row in np.argsort(-row_rest, kind="stable"):
        lacking = np.argsort(-column_rest, kind="stable")[: row_rest[row]]
        counts[row, lacking] += 1
        column_rest[lacking] -= 1
    return counts


def _equal_counts(clusters: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Deal equal numbers of all clusters but the largest, which fills up."""
    share, remainder = np.divmod(clusters, len(sizes))
    counts = np.repeat(share[:, None], len(sizes), axis=1)
    counts[:, -1] += remainder
    largest = int(clusters.argmax())
    counts[largest] = 0
    counts[largest] = sizes - counts.sum(axis=0)
    if counts[largest].min() < 0:
        subset = int(counts[largest].argmin())
        raise ValueError(
            f'With shares="equal" subset {subset} of {sizes[subset]} samples would '
            f"already have {sizes[subset] - counts[largest, subset]} without the "
            'largest cluster: take shares="proportional" or other sizes.'
        )
    return counts
