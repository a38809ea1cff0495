"""Folds in which every cluster of the inputs has the same share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from sklearn.model_selection import StratifiedKFold

from skastro.model_selection._clusters import check_n_clusters, cluster_rows
from skastro.utils import own_random_state
from skastro.utils._typing import Seed


class ClusterBalancedKFold(StratifiedKFold):
    """K-fold splits in which every cluster of X has the same share.

    It is `sklearn.model_selection.StratifiedKFold` with clusters by k-means in the
    place of classes, for regressors and for images.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_clusters : int or "elbow", default="elbow"
        Number of clusters. "elbow" tries 1 to `max_clusters` and takes the one whose
        inertia lies furthest below the chord from the first to the last, both axes
        scaled to one [1]_.
    max_clusters : int, default=10
        Largest number that the elbow tries, at least 3.
    shuffle : bool, default=True
        Whether to shuffle within the clusters before they are dealt out.
    random_state : int, RandomState instance or None, default=None
        Of k-means and of the shuffling. None is another clustering at every call;
        without shuffling, the seed 0.

    Attributes
    ----------
    n_splits : int
        Number of folds.

    See Also
    --------
    cluster_subsets : Subsets of any sizes.
    PairGroupKFold : Splits of mixtures of two patterns.

    Notes
    -----
    Test rows take part in the clustering: it only says which rows are alike, and the
    estimator never sees it. Balanced folds vary less; they are no harder, since what is
    alike is on both sides.

    Rows that are index pairs of mixtures cannot be clustered in a meaningful way.
    Cluster what they stand for (`labels_of`), and give the labels to a
    ``StratifiedKFold``.

    The centres are found on 10,000 rows, drawn at random where there are more.

    References
    ----------
    .. [1] V. Satopaa, J. Albrecht, D. Irwin and B. Raghavan, "Finding a 'kneedle' in a
       haystack", 31st ICDCS Workshops (2011) 166-171.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.model_selection import ClusterBalancedKFold
    >>> kind = np.repeat([0, 1, 2], [10, 30, 20])
    >>> X = np.eye(3)[kind] + np.random.default_rng(0).normal(0, 0.01, (60, 3))
    >>> for train, test in ClusterBalancedKFold(2, random_state=0).split(X):
    ...     print(np.bincount(kind[test]))
    [ 5 15 10]
    [ 5 15 10]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        n_clusters: int | Literal["elbow"] = "elbow",
        max_clusters: int = 10,
        shuffle: bool = True,
        random_state: Seed = None,
    ) -> None:
        # The seed is of k-means too, so it is no mistake without shuffling.
        super().__init__(n_splits, shuffle=shuffle)
        check_n_clusters(n_clusters, max_clusters)
        self.n_clusters = n_clusters
        self.max_clusters = max_clusters
        self.random_state = random_state

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the rows of the training and of the test part of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Images or rows of features; all axes but the first are flattened.
        y : array-like of shape (n_samples, ...), default=None
            Ignored, but for its length.
        groups : None, default=None
            Not supported: given, they are refused.

        Yields
        ------
        train : ndarray of int
            Rows to train on.
        test : ndarray of int
            Rows to test on.

        Raises
        ------
        ValueError
            If X is not finite numbers, has fewer rows than folds or fewer different
            rows than clusters, or y another length, or groups are given.

        Warns
        -----
        UserWarning
            If a cluster has fewer members than there are folds: some lack it.
        """
        if groups is not None:
            raise ValueError("ClusterBalancedKFold does not keep groups together.")
        rng = self._rng()
        labels = self._labels(X, rng)
        if y is not None and len(y) != len(labels):
            raise ValueError(f"X has {len(labels)} rows, but y has {len(y)}.")
        count = np.bincount(labels)
        if count.max() < self.n_splits:
            raise ValueError(
                f"Every cluster has fewer members than n_splits={self.n_splits}; they "
                f"have {count.tolist()}."
            )
        if count.min() < self.n_splits:
            warnings.warn(
                f"A cluster has fewer members than n_splits={self.n_splits}, so that "
                f"some folds lack it; the clusters have {count.tolist()}.",
                UserWarning,
                stacklevel=2,
            )
        # A splitter of its own: it takes our generator, where ``super().split`` would
        # draw from the global one.
        folds = StratifiedKFold(
            self.n_splits,
            shuffle=self.shuffle,
            random_state=rng if self.shuffle else None,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class in y")
            parts = list(folds.split(np.zeros(len(labels)), labels))
        yield from parts

    def labels_of(self, X: Any) -> np.ndarray:
        """Give the clusters that the folds are balanced by.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As in `split`.

        Returns
        -------
        ndarray of shape (n_samples,) of int
            Number of the cluster of each row; 0 is the largest. The same as in `split`
            if `random_state` is a number.

        Raises
        ------
        ValueError
            If X is not finite numbers, or has fewer different rows than clusters.
        """
        return self._labels(X, self._rng())

    def _rng(self) -> np.random.RandomState:
        """Make the generator of a call."""
        if self.random_state is None and not self.shuffle:
            # Folds without shuffling are the same at every call, as in scikit-learn.
            return np.random.RandomState(0)
        return own_random_state(self.random_state)

    def _labels(self, X: Any, rng: np.random.RandomState) -> np.ndarray:
        """Cluster the rows."""
        return cluster_rows(X, self.n_clusters, self.max_clusters, rng)
