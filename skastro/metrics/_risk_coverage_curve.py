"""What the risk-coverage curve holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class RiskCoverageCurve:
    """Error rate and coverage for every threshold, as `risk_coverage_curve` finds them.

    Parameters
    ----------
    thresholds : ndarray of shape (n_thresholds,)
        The different confidences, falling. A sample is accepted if its confidence is at
        least the threshold.
    coverage : ndarray of shape (n_thresholds,)
        Accepted share of all samples; the last is 1.
    risk : ndarray of shape (n_thresholds,)
        Share of errors among the accepted; the last is the error rate of all.
    class_coverage : ndarray of shape (n_thresholds, n_classes)
        Accepted share of the true members of each class; NaN for one without members.
    classes : list
        The classes.
    support : ndarray of shape (n_classes,)
        Number of members of each class (sum of their weights).
    aurc : float
        Area under the curve of risk against coverage; lower is better.

    Examples
    --------
    >>> from skastro.metrics import risk_coverage_curve
    >>> curve = risk_coverage_curve([0, 0, 1, 1], [0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6])
    >>> curve.aurc  # (0 + 0 + 0 + 1/4) / 4
    0.0625
    >>> curve.at(0.7)
    coverage      0.75
    risk          0.00
    coverage_0    1.00
    coverage_1    0.50
    Name: 0.7, dtype: float64
    """

    thresholds: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray
    class_coverage: np.ndarray
    classes: list[Any]
    support: np.ndarray
    aurc: float

    def to_frame(self) -> pd.DataFrame:
        """Give the curve as a table.

        Returns
        -------
        DataFrame of shape (n_thresholds, 3 + n_classes)
            The columns "threshold", "coverage", "risk", and for each class
            ``coverage_<class>``.
        """
        columns = {
            "threshold": self.thresholds,
            "coverage": self.coverage,
            "risk": self.risk,
        }
        columns |= {
            f"coverage_{label}": self.class_coverage[:, k]
            for k, label in enumerate(self.classes)
        }
        return pd.DataFrame(columns)

    def at(self, threshold: float) -> pd.Series:
        """Read the curve at any threshold.

        Parameters
        ----------
        threshold : float
            Samples whose confidence is at least this are accepted.

        Returns
        -------
        Series
            "coverage", "risk", and ``coverage_<class>`` for each class. Where
            nothing is accepted, the coverages are 0 and the risk is NaN.

        Raises
        ------
        ValueError
            If `threshold` is NaN.
        """
        if np.isnan(threshold):
            raise ValueError("threshold is NaN.")
        # The thresholds fall; the point wanted is the last that is not below.
        place = int((self.thresholds >= threshold).sum()) - 1
        if place < 0:
            covered = np.where(self.support > 0, 0.0, np.nan)
            values = [0.0, np.nan, *covered]
        else:
            covered = self.class_coverage[place]
            values = [self.coverage[place], self.risk[place], *covered]
        names = [f"coverage_{label}" for label in self.classes]
        return pd.Series(values, index=["coverage", "risk", *names], name=threshold)

    def __repr__(self) -> str:
        return (
            f"<RiskCoverageCurve: {len(self.thresholds)} thresholds, "
            f"{len(self.classes)} classes, error rate {self.risk[-1]:.4g}, "
            f"AURC {self.aurc:.4g}>"
        )
