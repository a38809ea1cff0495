"""The scores of a study as arrays, and the choice of epochs from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skastro.model_selection._study.preparation import ORIGINAL, Part
from skastro.model_selection._study.records import Record
from skastro.model_selection._study.scoring import FROM_COUNTS, LOSS
from skastro.model_selection._study.tables import best_of

SELECT = ("validation", "test-mean", "last")


class ScoreArrays:
    """Scores of every repeat, epoch, part and metric.

    Parameters
    ----------
    values : ndarray of shape (n_repeats, n_epochs, n_parts, n_metrics)
        The scores.
    counts : ndarray of shape (n_repeats, n_epochs, n_test_parts, k, k)
        Confusion matrices.
    epochs : ndarray of shape (n_repeats, n_epochs)
        Numbers of the epochs.
    sizes : ndarray of shape (n_repeats, 3)
        Rows of the training, validation and test part.
    parts : list of (split, variant)
        What was scored.
    metrics : list of str
        How.
    classes : ndarray or None
        All labels, for classifiers.
    split_digests : list of str
        Names of the splits.
    select : str
        Rule for the epoch.
    engine, engine_reason : str
        What ran the study, and why.
    """

    def __init__(
        self,
        *,
        values: np.ndarray,
        counts: np.ndarray,
        epochs: np.ndarray,
        sizes: np.ndarray,
        parts: Sequence[Part],
        metrics: Sequence[str],
        classes: np.ndarray | None,
        split_digests: Sequence[str],
        select: str,
        engine: str,
        engine_reason: str,
    ) -> None:
        self._values = values  # (n_repeats, n_epochs, n_parts, n_metrics)
        self._counts = counts  # (n_repeats, n_epochs, n_test_parts, k, k)
        self._epochs = epochs  # (n_repeats, n_epochs)
        self.parts = list(parts)
        self.metrics = list(metrics)
        self.classes = classes
        self.select = select
        self.engine = engine
        self.engine_reason = engine_reason
        self.n_train, self.n_validation, self.n_test = sizes.T
        self.split_digests = list(split_digests)
        self.second_set: Self | None = None

    @classmethod
    def from_records(cls, records: Sequence[Record], **settings: Any) -> Self:
        """Put finished repeats together.

        Parameters
        ----------
        records : list of Record
            In the order of the repeats.
        **settings : dict
            Of the study: parts, metrics, classes, select, engine, engine_reason.

        Returns
        -------
        ScoreArrays
            Of all of them, in the class it was called on.
        """
        return cls(
            values=np.stack([r.values for r in records]),
            counts=np.stack([r.counts for r in records]),
            epochs=np.stack([r.epochs for r in records]),
            sizes=np.stack([r.sizes for r in records]),
            split_digests=[r.digest for r in records],
            **settings,
        )

    @property
    def n_repeats(self) -> int:
        """Number of repeats."""
        return len(self._values)

    @property
    def epochs(self) -> np.ndarray:
        """Numbers of the recorded epochs."""
        return np.asarray(self._epochs.max(axis=0))

    @property
    def splits(self) -> list[str]:
        """Names of the splits that were scored."""
        return list(dict.fromkeys(split for split, _ in self.parts))

    @property
    def variants(self) -> list[str]:
        """Names of the test variants, "original" first."""
        return [variant for split, variant in self.parts if split == "test"]

    def curve(
        self,
        metric: str | None = None,
        *,
        split: str = "test",
        variant: str = ORIGINAL,
    ) -> np.ndarray:
        """Give a metric at every epoch of every repeat.

        Parameters
        ----------
        metric : str, default=None
            None is the first.
        split : {"train", "validation", "test"}, default="test"
            Which part.
        variant : str, default="original"
            Which version of the test part.

        Returns
        -------
        ndarray of shape (n_repeats, n_epochs)
            A copy.

        Raises
        ------
        ValueError
            If that was not recorded.
        """
        part, number = self._find(metric, split, variant)
        return self._values[:, :, part, number].copy()

    def _find(self, metric: str | None, split: str, variant: str) -> tuple[int, int]:
        metric = self.metrics[0] if metric is None else metric
        if metric not in self.metrics:
            raise ValueError(
                f"There is no metric {metric!r}; there are {self.metrics}."
            )
        if (split, variant) not in self.parts:
            raise ValueError(
                f"There is no part {(split, variant)!r}; there are {self.parts}."
            )
        return self.parts.index((split, variant)), self.metrics.index(metric)

    def best_epoch(
        self, select: str | None = None, *, metric: str | None = None
    ) -> np.ndarray:
        """Choose an epoch for each repeat.

        Parameters
        ----------
        select : {"validation", "test-mean", "last"}, default=None
            "validation": the best on the validation part, in each repeat. "test-mean":
            the best of the mean test curve, the same for all; optimistic. "last": the
            last one. None is the study's own rule.
        metric : str, default=None
            What is best; None is the first metric. For "loss" the least is best. Of
            equal epochs the first is taken.

        Returns
        -------
        ndarray of shape (n_repeats,)
            Numbers of epochs.

        Raises
        ------
        ValueError
            If there is no validation part, or the rule is unknown.
        """
        index = self._best_index(select, metric)
        out: np.ndarray = self._epochs[np.arange(self.n_repeats), index]
        return out

    def _best_index(self, select: str | None, metric: str | None) -> np.ndarray:
        select = self.select if select is None else select
        if select not in SELECT:
            raise ValueError(f"select must be one of {SELECT}, got {select!r}.")
        n_epochs = self._values.shape[1]
        if select == "last" or n_epochs == 1:
            return np.full(self.n_repeats, n_epochs - 1)
        split = "validation" if select == "validation" else "test"
        curve = self.curve(metric, split=split)
        if (self.metrics[0] if metric is None else metric) == LOSS:
            curve = -curve
        return best_of(curve, split, mean=select == "test-mean")

    def values(
        self,
        metric: str | None = None,
        *,
        split: str = "test",
        variant: str = ORIGINAL,
        select: str | None = None,
    ) -> np.ndarray:
        """Give one number a repeat: a metric at the chosen epoch.

        Parameters
        ----------
        metric : str, default=None
            None is the first.
        split : {"train", "validation", "test"}, default="test"
            Which part.
        variant : str, default="original"
            Which version of the test part.
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch, see `best_epoch`; None is the study's own rule. For
            "test-mean" the numbers are those of the second set where there is one.

        Returns
        -------
        ndarray of shape (n_repeats,)
            In the order of the repeats.
        """
        select = self.select if select is None else select
        if select == "test-mean" and self.second_set is not None:
            return self.second_set.values(metric, split=split, variant=variant)
        part, number = self._find(metric, split, variant)
        chosen = self._best_index(select, None)
        out: np.ndarray = self._values[np.arange(self.n_repeats), chosen, part, number]
        return out

    def rows_ratio(self, split: str) -> float:
        """Tell how many rows a part has for each training row.

        Parameters
        ----------
        split : {"train", "validation", "test"}
            Which part.

        Returns
        -------
        float
            Mean over the repeats; what the corrected error of a mean allows for. NaN
            for the training part, for which there is no such correction.
        """
        if split == "train":
            return float("nan")
        return float(np.mean(getattr(self, f"n_{split}") / self.n_train))

    def skill(
        self, variant: str = ORIGINAL, select: str | None = None
    ) -> np.ndarray | None:
        """Give the skill of each repeat on the test part.

        Parameters
        ----------
        variant : str, default="original"
            Which version of the test part.
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch, see `best_epoch`; None is the study's own rule.

        Returns
        -------
        ndarray of shape (n_repeats,) or None
            The TSS ("balanced", see `true_skill_score`) of a classifier, R² of a
            regressor: 0 for a constant forecast. None if R² was not recorded.
        """
        if self.classes is not None:
            return FROM_COUNTS["tss"](self.confusion_matrices(variant, select))
        if "r2" in self.metrics:
            return self.values("r2", variant=variant, select=select)
        return None

    def confusion_matrices(
        self, variant: str = ORIGINAL, select: str | None = None
    ) -> np.ndarray:
        """Give the confusion matrix of each repeat at the chosen epoch.

        Parameters
        ----------
        variant : str, default="original"
            Which version of the test part.
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch, see `best_epoch`; None is the study's own rule.

        Returns
        -------
        ndarray of int of shape (n_repeats, n_classes, n_classes)
            Counts of test rows; rows are true classes, in the order of ``classes``.

        Raises
        ------
        ValueError
            For regressors, and for unknown names.
        """
        select = self.select if select is None else select
        if self.classes is None:
            raise ValueError("A regressor has no confusion matrix.")
        if select == "test-mean" and self.second_set is not None:
            return self.second_set.confusion_matrices(variant, "last")
        if variant not in self.variants:
            raise ValueError(
                f"There is no variant {variant!r}; there are {self.variants}."
            )
        chosen = self._best_index(select, None)
        number = self.variants.index(variant)
        return np.asarray(self._counts[np.arange(self.n_repeats), chosen, number])
