"""What a repeated study gave."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from skastro.model_selection._study.preparation import ORIGINAL
from skastro.model_selection._study.report import write_report
from skastro.model_selection._study.score_arrays import ScoreArrays
from skastro.model_selection._study.tables import (
    long_table,
    mean_confusion,
    summary_table,
)

OPTIMISTIC = "test-mean (optimistic: the epoch was chosen on test data)"


class RepeatedHoldoutResult(ScoreArrays):
    """Scores of a repeated study: every metric, epoch, part and repeat.

    Made by `repeated_holdout`.

    Parameters
    ----------
    values : ndarray of shape (n_repeats, n_epochs, n_parts, n_metrics)
        The scores.
    counts : ndarray of shape (n_repeats, n_epochs, n_test_parts, k, k)
        Confusion matrices of the test parts; rows are true classes.
    epochs : ndarray of shape (n_repeats, n_epochs)
        Numbers of the epochs.
    sizes : ndarray of shape (n_repeats, 3)
        Rows of the training, validation and test part.
    parts : list of (split, variant)
        What was scored.
    metrics : list of str
        How. The first is the one that epochs are chosen by. For "loss" less is better,
        for all others more.
    classes : ndarray or None
        All labels, for classifiers.
    split_digests : list of str
        Names of the splits; equal ones are the same split.
    select : {"validation", "test-mean", "last"}
        Which epoch `scores` and `summary` are of.
    engine, engine_reason : str
        What ran the study, and why.

    Attributes
    ----------
    n_repeats : int
        Number of repeats.
    epochs : ndarray of shape (n_epochs,)
        Numbers of the recorded epochs. For estimators fitted as a whole one entry:
        how many epochs they ran at most, or 0 if they do not say.
    n_train, n_validation, n_test : ndarray of shape (n_repeats,)
        Rows of each part.
    second_set : RepeatedHoldoutResult or None
        For ``select="test-mean"``: new splits, trained up to the chosen epoch.

    See Also
    --------
    repeated_holdout : Runs the study.
    EpochCurveDisplay : Draws the curves.
    diagnose_overfitting : Reads them.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skastro.model_selection import repeated_holdout
    >>> X, y = load_wine(return_X_y=True)
    >>> study = repeated_holdout(DecisionTreeClassifier(max_depth=3), X, y,
    ...                          n_repeats=5, random_state=0, verbose=0)
    >>> study.summary().loc[("test", "original", "accuracy"), "n_repeats"]
    np.int64(5)
    """

    @cached_property
    def history(self) -> pd.DataFrame:
        """All scores: repeat, epoch, split, variant, metric, value."""
        return long_table(self._values, self._epochs, self.parts, self.metrics)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores at the chosen epoch: repeat, epoch, split, variant, metric, value.

        With ``select="test-mean"`` they are those of the second set, and optimistic;
        ``scores.attrs["select"]`` says by which rule the epoch was chosen.
        """
        if self.select == "test-mean" and self.second_set is not None:
            table = self.second_set.history.copy()
        else:
            epochs = self.best_epoch()
            table = self.history
            table = table[table["epoch"].to_numpy() == epochs[table["repeat"]]]
            table = table.reset_index(drop=True)
        table.attrs["select"] = self._rule(self.select)
        return table

    @staticmethod
    def _rule(select: str) -> str:
        """Name a rule, and label it if it is optimistic."""
        return OPTIMISTIC if select == "test-mean" else select

    def summary(
        self, select: str | None = None, *, collapsed_below: float = 0.05
    ) -> pd.DataFrame:
        """Sum the repeats up.

        Parameters
        ----------
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch, see `best_epoch`; None is the study's own rule.
        collapsed_below : float, default=0.05
            A run whose skill is below has collapsed: it is next to no better than a
            constant forecast, whose skill is 0. The skill is the TSS of a classifier
            ("balanced", see `true_skill_score`) and R² of a regressor.

        Returns
        -------
        DataFrame
            One row for each (split, variant, metric). Columns: mean, std (spread of
            one run, ``ddof=1``), ste (std / sqrt(n_repeats), the error that is mostly
            printed; too small, because the splits overlap), corrected_ste (Nadeau and
            Bengio's, std · sqrt(1/n_repeats + rows of the part / n_train)), median,
            min, max, n_repeats, n_undefined (repeats whose score is NaN, such as the
            TSS of a part with a single class; the mean is then NaN too), n_collapsed
            (NaN where no skill is known) and selected_by (the rule for the epochs).
        """
        select = self.select if select is None else select
        collapsed = self.n_collapsed(select, below=collapsed_below)
        return summary_table(self, select, self._rule(select), collapsed)

    def n_collapsed(
        self, select: str | None = None, *, below: float = 0.05
    ) -> dict[str, int]:
        """Count the runs that are next to no better than a constant forecast.

        Parameters
        ----------
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch; None is the study's own rule.
        below : float, default=0.05
            Skill below which a run has collapsed, see `summary`.

        Returns
        -------
        dict of str to int
            For each test variant. Empty for a regressor without "r2" in its metrics.
        """
        found = {}
        for variant in self.variants:
            skill = self.skill(variant, select)
            if skill is None:
                continue
            found[variant] = int(np.sum(skill < below))
        return found

    def confusion_matrix(
        self,
        *,
        variant: str = ORIGINAL,
        normalize: str | None = "true",
        select: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and standard deviation of the confusion matrices.

        Parameters
        ----------
        variant : str, default="original"
            Which version of the test part.
        normalize : {"true", "pred", "all"} or None, default="true"
            Whether each row (true class), each column or the whole of a matrix sums to
            one, as in `sklearn.metrics.confusion_matrix`; None gives counts.
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch; None is the study's own rule.

        Returns
        -------
        mean, std : ndarray of shape (n_classes, n_classes)
            Over the repeats; rows are true classes, in the order of ``classes``. A
            row or column without samples is left out of the average of its repeat; the
            standard deviation (``ddof=1``) is NaN for a single repeat.

        Raises
        ------
        ValueError
            For regressors, and for unknown names.
        """
        return mean_confusion(self.confusion_matrices(variant, select), normalize)

    def report(self) -> str:
        """Write the test scores by every rule for the epoch side by side.

        Returns
        -------
        str
            A table for printing. What was chosen on test data is labelled optimistic.
        """
        return write_report(self)

    def __repr__(self) -> str:
        n_epochs = self._values.shape[1]
        return (
            f"<RepeatedHoldoutResult: {self.n_repeats} repeats, {n_epochs} recorded "
            f"epoch{'s' * (n_epochs > 1)}, metrics {self.metrics}, "
            f"select={self._rule(self.select)!r}, engine={self.engine!r}>"
        )
