"""The tables of a classification summary, and how they print."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd

_TITLES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "mcc": "MCC",
    "tss_balanced": "TSS, balanced",
    "tss_peirce": "TSS, Peirce",
    "tss_ovr": "TSS, one against rest",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "ece": "ECE, top label",
    "ece_classwise": "ECE, classwise",
}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ClassificationSummary:
    """Scores of a classification, as `classification_summary` finds them.

    Parameters
    ----------
    overall : DataFrame
        A row a score; the columns "value" (all rows together), "fold_mean" and
        "fold_std" (``ddof=1``; NaN for fewer than two folds).
    per_class : DataFrame
        A row a class; "support" (sum of the weights), "precision", "recall" and "f1" of
        all rows, each also with "_fold_mean" and "_fold_std", and "n_folds", the number
        of folds in which the class has members.
    by_fold : DataFrame
        A row a fold, a column a score of `overall`; empty without folds.
    n_rows : int
        Number of rows that were judged.

    Examples
    --------
    >>> from skastro.metrics import classification_summary
    >>> y_true, y_pred = ["AGN", "AGN", "CV", "CV"], ["AGN", "AGN", "CV", "AGN"]
    >>> summary = classification_summary(y_true, None, y_pred=y_pred)
    >>> print(summary.to_text(digits=2).partition("TSS")[0])
    4 rows, 2 classes
    <BLANKLINE>
                              all
    accuracy                 0.75
    balanced accuracy        0.75
    macro F1                 0.73
    MCC                      0.58
    """

    overall: pd.DataFrame
    per_class: pd.DataFrame
    by_fold: pd.DataFrame
    n_rows: int

    def to_text(self, digits: int = 3) -> str:
        """Write both tables.

        Parameters
        ----------
        digits : int, default=3
            Digits after the point.

        Returns
        -------
        str
            For printing. Scores of classes are those of all rows, ± the standard
            deviation over the folds. What is not known is a hyphen.
        """
        return "\n\n".join(
            [
                self._headline(),
                self._overall_strings(digits).to_string(),
                self._class_strings(digits).to_string(),
            ]
        )

    def _headline(self) -> str:
        """Say how many rows, classes and folds there are."""
        line = f"{self.n_rows:,} rows, {len(self.per_class)} classes"
        if len(self.by_fold):
            line += f", {len(self.by_fold)} folds (± standard deviation of one fold)"
        return line

    def _overall_strings(self, digits: int) -> pd.DataFrame:
        """Format the scores of all classes together."""
        table = self.overall
        columns = {"all": [_number(v, digits) for v in table["value"]]}
        if len(self.by_fold):
            columns["mean of folds"] = [
                _with_error(mean, std, digits)
                for mean, std in zip(table["fold_mean"], table["fold_std"], strict=True)
            ]
        return pd.DataFrame(columns, index=[_TITLES[name] for name in table.index])

    def _class_strings(self, digits: int) -> pd.DataFrame:
        """Format the scores of each class."""
        table = self.per_class
        columns = {"support": [f"{v:,.6g}" for v in table["support"]]}
        for name, title in (("precision",) * 2, ("recall",) * 2, ("f1", "F1")):
            columns[title] = [
                _with_error(value, std, digits)
                for value, std in zip(
                    table[name], table[f"{name}_fold_std"], strict=True
                )
            ]
        if len(self.by_fold):
            columns["folds"] = [f"{n}" for n in table["n_folds"]]
        # A name for the index would cost a line.
        return pd.DataFrame(columns, index=[str(label) for label in table.index])

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        tables = (self._overall_strings(3), self._class_strings(3))
        parts = [table.to_html(border=0) for table in tables]
        return f"<p>{html.escape(self._headline())}</p>" + "".join(parts)


def _number(value: float, digits: int) -> str:
    """Write a number, or a hyphen for NaN."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def _with_error(value: float, std: float, digits: int) -> str:
    """Write a number and its standard deviation, if that is known."""
    number = _number(value, digits)
    if number == "-" or not np.isfinite(std):
        return number
    return f"{number} ± {std:.{digits}f}"
