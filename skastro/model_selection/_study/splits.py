"""Seeded splits of a study: each repeat draws its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from imblearn.under_sampling import RandomUnderSampler
from sklearn.model_selection import (
    GroupShuffleSplit,
    StratifiedGroupKFold,
    train_test_split,
)
from sklearn.utils import check_random_state

# Test sizes of grouped, stratified splits are multiples of at most one twentieth.
_MOST_FOLDS = 20


@dataclass(frozen=True)
class Split:
    """The rows of one repeat.

    Parameters
    ----------
    seed : int
        Of the estimator.
    train, validation, test : ndarray of int
        Sorted rows.
    """

    seed: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def digest(self) -> str:
        """Name the split, so that two studies can be paired."""
        digest = hashlib.sha256()
        for rows in (self.train, self.validation, self.test):
            digest.update(np.int64(len(rows)).tobytes())
            digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class SplitPlan:
    """How the repeats of a study draw their rows.

    Parameters
    ----------
    n_samples : int
        Rows that there are.
    strata : ndarray or None
        What the parts keep the shares of.
    labels : ndarray or None
        Classes, for ``balance``.
    groups : ndarray or None
        Rows that must stay together.
    test_size, train_size, validation_size : float, int or None
        See `repeated_holdout`.
    balance : bool, int or None
        See `repeated_holdout`.
    root : int
        Where all random numbers of the study come from.
    """

    n_samples: int
    strata: np.ndarray | None
    labels: Any
    groups: np.ndarray | None
    test_size: Any
    train_size: Any
    validation_size: Any
    balance: bool | int | None
    root: int

    def draw(self, repeat: int, series: int = 0) -> Split:
        """Draw one repeat; it depends on nothing but the root and its numbers.

        Parameters
        ----------
        repeat : int
            Number of the repeat.
        series : int, default=0
            1 for the second set of runs.

        Returns
        -------
        Split
            Its rows and its seed.
        """
        words = np.random.SeedSequence([self.root, series, repeat]).generate_state(4)
        seeds = [int(word) for word in words]
        rows = self._sample(seeds[0])
        train, test = self._part(rows, self.test_size, self.train_size, seeds[1])
        validation = test[:0]
        if self.validation_size:
            train, validation = self._part(train, self.validation_size, None, seeds[2])
        seed = seeds[3] & np.iinfo(np.int32).max
        return Split(seed, np.sort(train), np.sort(validation), np.sort(test))

    def _sample(self, seed: int) -> np.ndarray:
        """Draw equally many rows of each class, where asked to."""
        rows = np.arange(self.n_samples)
        if self.balance is None or self.balance is False:
            return rows
        strategy: Any = "not minority"
        if self.balance is not True:
            strategy = {label: int(self.balance) for label in np.unique(self.labels)}
        sampler = RandomUnderSampler(sampling_strategy=strategy, random_state=seed)
        drawn, _ = sampler.fit_resample(rows[:, None], self.labels)
        return np.asarray(drawn)[:, 0]

    def _part(
        self, rows: np.ndarray, size: Any, rest: Any, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Split rows in two; ``size`` is that of the second part."""
        strata = None if self.strata is None else self.strata[rows]
        if self.groups is None:
            first, second = train_test_split(
                rows,
                test_size=size,
                train_size=rest,
                stratify=strata,
                random_state=seed,
            )
            return first, second
        groups = self.groups[rows]
        if strata is None:
            splitter = GroupShuffleSplit(
                1, test_size=size, train_size=rest, random_state=seed
            )
            first, second = next(splitter.split(rows, groups=groups))
            return rows[first], rows[second]
        share = size / len(rows) if isinstance(size, (int, np.integer)) else size
        wanted = Fraction(float(share)).limit_denominator(_MOST_FOLDS)
        n_folds, n_taken = max(2, wanted.denominator), max(1, wanted.numerator)
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        parts = [part for _, part in folds.split(rows, strata, groups)]
        second = np.concatenate(parts[:n_taken])
        first = np.setdiff1d(np.arange(len(rows)), second)
        return rows[first], rows[second]


def draw_root(random_state: Any) -> int:
    """Draw the one number that fixes all splits and seeds of a study.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As in scikit-learn.

    Returns
    -------
    int
        Not negative.
    """
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
