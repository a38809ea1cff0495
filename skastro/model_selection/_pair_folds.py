"""Folds of mixtures of two patterns that know about their parents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator

from skastro.model_selection._clusters import is_count
from skastro.model_selection._pair_parents import (
    check_pairs,
    check_single_directions,
    count_seen,
    deal_cells,
    deal_evenly,
    unordered,
)
from skastro.utils import own_random_state
from skastro.utils._typing import Seed

_MODES = ("orientation", "pair", "single-seen", "block")
# Cells a fold: each is small enough that all folds lie all over the sector.
_CELLS_A_FOLD = 4


class PairGroupKFold(BaseCrossValidator):
    """K-fold splits of mixtures by the single patterns that they are made of.

    A mixture has two parents, and each single pattern is in many mixtures. A random
    split over the mixtures tests on orientations that were all seen in training
    (`mode` "pair", which leaks); the other modes hold singles out.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    mode : {"orientation", "pair", "single-seen", "block"}, default="orientation"
        What is held out.

        - "orientation": the singles are dealt to the folds. Test pairs have both
          parents in the fold, training pairs none; pairs across are dropped.
        - "block": the same with whole cells of neighbouring directions in the place of
          singles, so that nothing close to a test orientation was seen either, but at
          the borders of the cells. Needs `directions`.
        - "single-seen": training pairs as in "orientation"; test pairs have one parent
          in the fold, and the other in a training pair. The rest is dropped.
        - "pair": the different pairs, (i, j) the same as (j, i), are dealt to the
          folds. **It leaks**: shuffled, nearly every parent of a test pair is in
          training pairs, so that it tells nothing about new orientations. It is here to
          reproduce and to expose published results [1]_.
    n_blocks : int, default=None
        Number of cells for "block", at least `n_splits`. None is four times `n_splits`;
        fewer cells are larger, and harder.
    directions : array-like of shape (n_singles, 3), default=None
        Beam direction of each single, Cartesian in the crystal frame; row i belongs to
        the index i. Used by "block" only.
    laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
        Symmetry under which directions are neighbours, as
        `skastro.utils.proper_operations` takes it. Used by "block" only.
    shuffle : bool, default=True
        Whether to deal at random. False deals runs: of neighbouring indices, or for
        "pair" of rows, whose parents may then be in no other fold.
    random_state : int, RandomState instance or None, default=None
        Of the dealing; only with ``shuffle=True``. None is other folds at every call.

    Attributes
    ----------
    leaky : bool
        Whether the test pairs share their parents with training pairs: for "pair" and,
        by half, for "single-seen".

    See Also
    --------
    sklearn.model_selection.GroupKFold : Folds for samples of one group each.
    ClusterBalancedKFold : Folds with equal shares of kinds of patterns.

    Notes
    -----
    X is the index pairs, integers of shape (n_samples, 2), or, if it is images, they
    are given as ``groups`` of that shape. Pairs of a pattern with itself, (i, i), count
    as having both parents in one place.

    With N singles, all N (N - 1) / 2 pairs, and m = N / n_splits singles in a fold,
    "orientation" tests on m (m - 1) / 2 pairs, trains on (N - m) (N - m - 1) / 2 and
    drops m (N - m); "single-seen" tests on those m (N - m). For 1,000 singles and five
    folds: 19,900, 319,600 and 160,000. `summary` counts for any list of pairs. Neither
    is a partition, so that ``cross_val_predict`` works with "pair" only.

    Two singles whose orientations are equivalent or close are different to
    "orientation" and "single-seen". If the singles have such, use "block".

    References
    ----------
    .. [1] Thesis on crystal orientation from overlapping electron-diffraction patterns
       by a convolutional network, Tsukuba (March 2020, in Japanese).

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.model_selection import PairGroupKFold
    >>> pairs = np.column_stack(np.triu_indices(20, k=1))  # all pairs of 20 singles
    >>> PairGroupKFold(2, random_state=0).summary(pairs)
          n_train  n_test  n_dropped  both_seen  one_seen  none_seen
    fold
    0          45      45        100        0.0       0.0        1.0
    1          45      45        100        0.0       0.0        1.0
    >>> leaky = PairGroupKFold(2, mode="pair", random_state=0)
    >>> leaky.leaky, leaky.summary(pairs)["both_seen"].tolist()
    (True, [1.0, 1.0])
    """

    # With metadata routing, ``groups`` reach this splitter without a request.
    __metadata_request__split = {"groups": True}

    def __init__(
        self,
        n_splits: int = 5,
        *,
        mode: Literal["orientation", "pair", "single-seen", "block"] = "orientation",
        n_blocks: int | None = None,
        directions: Any = None,
        laue_group: Any = "4/mmm",
        shuffle: bool = True,
        random_state: Seed = None,
    ) -> None:
        if not is_count(n_splits, 2):
            raise ValueError(
                f"n_splits must be an integer of at least 2, got {n_splits!r}."
            )
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {_MODES}, got {mode!r}.")
        if shuffle not in (True, False):
            raise ValueError(f"shuffle must be True or False, got {shuffle!r}.")
        if not shuffle and random_state is not None:
            raise ValueError("random_state has no effect with shuffle=False.")
        if mode == "block":
            if directions is None:
                raise ValueError('mode="block" needs the directions of the singles.')
            check_single_directions(directions, laue_group)
        if n_blocks is not None and not is_count(n_blocks, n_splits):
            raise ValueError(
                f"n_blocks must be an integer of at least n_splits={n_splits}, got "
                f"{n_blocks!r}."
            )
        self.n_splits = n_splits
        self.mode = mode
        self.n_blocks = n_blocks
        self.directions = directions
        self.laue_group = laue_group
        self.shuffle = shuffle
        self.random_state = random_state

    @property
    def leaky(self) -> bool:
        """Whether test pairs share parents with training pairs.

        Returns
        -------
        bool
            True for "pair" and "single-seen".
        """
        return self.mode in ("pair", "single-seen")

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Give the number of folds.

        Parameters
        ----------
        X : object, default=None
            Ignored.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored.

        Returns
        -------
        int
            ``n_splits``.
        """
        return int(self.n_splits)

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the rows of the training and of the test part of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2) of int, or (n_samples, ...)
            Index pairs (i, j) of singles, counted from 0; or, with `groups`, anything.
        y : array-like of shape (n_samples, ...), default=None
            Ignored, but for its length.
        groups : array-like of shape (n_samples, 2) of int, default=None
            Index pairs, where X has other things.

        Yields
        ------
        train : ndarray of int
            Rows to train on.
        test : ndarray of int
            Rows to test on.

        Raises
        ------
        ValueError
            If the pairs are not integers of that shape or negative, lengths differ,
            there are fewer singles than folds or a single without a direction, or a
            fold has no pair to train or to test on.
        """
        pairs = check_pairs(X, groups)
        if y is not None and len(y) != len(pairs):
            raise ValueError(f"There are {len(pairs)} pairs, but y has {len(y)} rows.")
        # All folds first, so that a bad one is told before the first is trained on.
        yield from [self._fold(pairs, k, part) for k, part in self._held_out(pairs)]

    def summary(self, X: Any, y: Any = None, groups: Any = None) -> pd.DataFrame:
        """Count the pairs of each fold, and how many of their parents were seen.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2) of int, or (n_samples, ...)
            As in `split`.
        y : array-like of shape (n_samples, ...), default=None
            As in `split`.
        groups : array-like of shape (n_samples, 2) of int, default=None
            As in `split`.

        Returns
        -------
        DataFrame
            A row a fold: "n_train", "n_test", "n_dropped", and the shares of the test
            pairs with both, one and none of their parents in training pairs. Of the
            folds of `split` only if `random_state` is a number, or without shuffling.

        Raises
        ------
        ValueError
            As in `split`.
        """
        pairs = check_pairs(X, groups)
        rows = []
        for train, test in self.split(X, y, groups):
            seen = np.bincount(count_seen(pairs, train, test), minlength=3) / len(test)
            rows.append(
                {
                    "n_train": len(train),
                    "n_test": len(test),
                    "n_dropped": len(pairs) - len(train) - len(test),
                    "both_seen": seen[2],
                    "one_seen": seen[1],
                    "none_seen": seen[0],
                }
            )
        return pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="fold"))

    def _held_out(self, pairs: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Give for each fold whether each parent of each pair is held out."""
        singles, inverse = np.unique(pairs, return_inverse=True)
        code = inverse.reshape(pairs.shape)
        rng = own_random_state(self.random_state) if self.shuffle else None
        if self.mode == "pair":
            number = unordered(code)
            n = int(number.max()) + 1
            self._check_enough(n, "different pairs")
            fold = deal_evenly(n, self.n_splits, rng)[number][:, None].repeat(2, axis=1)
        else:
            self._check_enough(len(singles), "singles")
            if self.mode == "block":
                dealt = self._deal_cells(singles, rng)
            else:
                dealt = deal_evenly(len(singles), self.n_splits, rng)
            fold = dealt[code]
        for k in range(self.n_splits):
            yield k, fold == k

    def _check_enough(self, n: int, what: str) -> None:
        """Refuse fewer things than folds."""
        if n < self.n_splits:
            raise ValueError(f"There are {n} {what} for n_splits={self.n_splits}.")

    def _deal_cells(
        self, singles: np.ndarray, rng: np.random.RandomState | None
    ) -> np.ndarray:
        """Deal the singles by cells of their directions."""
        directions = check_single_directions(self.directions, self.laue_group)
        if singles[-1] >= len(directions):
            raise ValueError(
                f"There is a pair with the single {singles[-1]}, but directions has "
                f"{len(directions)} rows."
            )
        n_blocks = self.n_blocks or _CELLS_A_FOLD * self.n_splits
        return deal_cells(directions[singles], self.n_splits, n_blocks, rng)

    def _fold(
        self, pairs: np.ndarray, k: int, held_out: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose the pairs of one fold."""
        n_held_out = held_out.sum(axis=1)
        train = np.flatnonzero(n_held_out == 0)
        if self.mode == "single-seen":
            test = np.flatnonzero(n_held_out == 1)
            # A parent outside the fold may still have no pair to be seen in.
            test = test[count_seen(pairs, train, test) == 1]
        else:
            test = np.flatnonzero(n_held_out == 2)
        for name, rows in (("train", train), ("test", test)):
            if not len(rows):
                raise ValueError(
                    f'Fold {k} has no pair to {name} on with mode="{self.mode}": give '
                    f"more pairs of the same singles, or take fewer folds than "
                    f"n_splits={self.n_splits}."
                )
        return train, test
