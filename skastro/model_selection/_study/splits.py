"""Seeded splits of a study: each repeat draws its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from imblearn.under_sampling import RandomUnderSampler
from sklearn.model_selection import train_test_split

from skastro.utils import own_random_state
from skastro.utils._typing import Seed


@dataclass(frozen=True)
class Split:
    """The rows of one repeat.

    Parameters
    ----------
    seed : int
        Of the estimator.
    train, validation, test : ndarray of int
        Sorted rows.
    targets : str
        Name of the targets that the rows are of.
    """

    seed: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    targets: str = ""

    def digest(self) -> str:
        """Name the split, so that two studies can be paired."""
        digest = hashlib.sha256(self.targets.encode())
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
    targets : str
        Name of the targets.
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
    targets: str = ""

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
        return Split(
            seed, np.sort(train), np.sort(validation), np.sort(test), self.targets
        )

    def _sample(self, seed: int) -> np.ndarray:
        """Draw equally many rows of each class, where asked to."""
        rows = np.arange(self.n_samples)
        if self.balance is None or (
            isinstance(self.balance, (bool, np.bool_)) and not self.balance
        ):
            return rows
        strategy: Any = "not minority"
        if not isinstance(self.balance, (bool, np.bool_)):
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
        taken = self._whole_groups(rows, _count(size, len(rows)), seed)
        first, second = rows[~taken], rows[taken]
        if rest is not None:
            wanted = _count(rest, len(rows))
            if wanted < len(first):
                first = first[self._whole_groups(first, wanted, seed + 1)]
        return first, second

    def _whole_groups(self, rows: np.ndarray, wanted: int, seed: int) -> np.ndarray:
        """Mark whole groups with about as many rows as wanted."""
        assert self.groups is not None
        names, owner = np.unique(self.groups[rows], return_inverse=True)
        if len(names) < 2:
            raise ValueError("groups: there are too few of them to split.")
        if self.strata is not None:
            labels, codes = np.unique(self.strata[rows], return_inverse=True)
            members = np.zeros((len(names), len(labels)))
            np.add.at(members, (owner, codes), 1)
        else:
            members = np.bincount(owner)[:, None].astype(float)
        target = members.sum(axis=0) * wanted / len(rows)
        sizes = members.sum(axis=1)
        chosen = np.zeros(len(names), dtype=bool)
        total = np.zeros_like(target)

        def distance(group: Any) -> Any:
            return np.abs(total + members[group] - target).sum(axis=-1)

        # In random order what fits and brings the classes' shares nearer; then the
        # one group that fills the gap best.
        order = np.random.default_rng(seed).permutation(len(names))
        for group in order:
            fits = total.sum() + sizes[group] <= wanted
            if fits and distance(group) < np.abs(total - target).sum():
                chosen[group] = True
                total = total + members[group]
        left = order[~chosen[order]]
        if len(left) > 1:
            best = left[np.argmin(distance(left))]
            if not chosen.any() or distance(best) < np.abs(total - target).sum():
                chosen[best] = True
        return chosen[owner]


def _count(size: Any, n: int) -> int:
    """Turn a share of n rows, or a number of rows, into a number."""
    return int(size) if isinstance(size, (int, np.integer)) else round(size * n)


def draw_root(random_state: Seed) -> int:
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
    return int(own_random_state(random_state).randint(np.iinfo(np.int32).max))
