"""The expected calibration error of class probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from skastro.metrics._class_data import (
    check_classes,
    check_probabilities,
    check_weights,
    encode_classes,
)

STRATEGIES = ("uniform", "quantile")
KINDS = ("top", "classwise")


def expected_calibration_error(
    y_true: Any,
    proba: Any,
    *,
    labels: Any = None,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
    kind: Literal["top", "classwise"] = "top",
    sample_weight: Any = None,
) -> float:
    r"""Compute how far stated probabilities are from what happens (ECE).

    Samples are put into bins by their stated probability, and within each bin the mean
    probability is compared with the share of samples for which it came true:

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n}
              \left| \mathrm{acc}_b - \mathrm{conf}_b \right|

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes: numbers, booleans or strings.
    proba : array-like or DataFrame of shape (n_samples, n_classes)
        Probabilities that sum to one in each row. The columns of a DataFrame carry the
        names of the classes and are aligned by name; those of an array follow `labels`.
    labels : array-like of shape (n_classes,), default=None
        The class of each column. None takes the columns of a DataFrame, or else the
        sorted classes of `y_true`. Pass ``estimator.classes_`` where `y_true` may lack
        a class.
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width on [0, 1], or of equal counts. Bins are open below and
        closed above, ``(low, high]``; zero belongs to the first. Equal probabilities
        always share a bin.
    kind : {"top", "classwise"}, default="top"
        "top" judges the largest probability of each row against whether that class is
        right [1]_; of equal largest ones the first column counts. "classwise" judges
        each column against whether its class is true, and averages the errors of the
        classes [2]_. Numbers of the two kinds are not comparable: the classwise one is
        small where there are many classes.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. An integer weight is the same as that many repetitions.

    Returns
    -------
    float
        Between 0, calibrated within the bins, and 1.

    Raises
    ------
    ValueError
        If inputs are empty, of different lengths or hold missing values, a class has no
        column, probabilities leave [0, 1] or do not sum to one within 1e-4, or an
        option is unknown.

    See Also
    --------
    neg_ece_scorer : The same, for ``scoring=``.
    skastro.calibration.ReliabilityDisplay : The bins as a picture.

    Notes
    -----
    The estimate is biased upwards, the more so the fewer samples a bin has: a perfectly
    calibrated forecast of n samples has an ECE of the order of
    :math:`\sqrt{n_\mathrm{bins} / n}`. Compare models on the same samples, and take the
    value of all folds together rather than the mean over small folds.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern
       neural networks", ICML 2017, section 2.
    .. [2] M. Kull et al., "Beyond temperature scaling: obtaining well-calibrated
       multiclass probabilities with Dirichlet calibration", NeurIPS 2019, section 2.

    Examples
    --------
    >>> from skastro.metrics import expected_calibration_error
    >>> y_true = ["AGN", "AGN", "AGN", "STAR"]
    >>> proba = [[0.75, 0.25]] * 4  # three in four are AGN, as stated
    >>> expected_calibration_error(y_true, proba)
    0.0
    >>> round(expected_calibration_error(y_true, [[0.95, 0.05]] * 4), 6)
    0.2
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}.")
    y = check_classes(y_true, "y_true")
    p, classes = check_probabilities(y, proba, labels)
    weight = check_weights(sample_weight, len(y))
    codes = encode_classes(y, classes, "y_true")
    tables = reliability_tables(codes, p, weight, n_bins, strategy, kind)
    return float(np.mean([table.error for table in tables]))


@dataclass(frozen=True)
class ReliabilityTable:
    """The filled bins of one kind of probability.

    Parameters
    ----------
    stated : ndarray of shape (n_filled,)
        Mean probability in each bin.
    observed : ndarray of shape (n_filled,)
        Share of its samples for which it came true.
    weight : ndarray of shape (n_filled,)
        Sum of the weights in each bin.
    effective : ndarray of shape (n_filled,)
        Number of equally weighted samples of the same precision.
    count : ndarray of shape (n_filled,)
        Number of samples.
    low, high : ndarray of shape (n_filled,)
        Edges of the bins.
    """

    stated: np.ndarray
    observed: np.ndarray
    weight: np.ndarray
    effective: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def error(self) -> float:
        """Return the weighted mean distance between stated and observed."""
        distance = np.abs(self.stated - self.observed)
        return float(self.weight @ distance / self.weight.sum())


def reliability_tables(
    codes: np.ndarray,
    proba: np.ndarray,
    weight: np.ndarray,
    n_bins: int,
    strategy: str,
    kind: str,
) -> list[ReliabilityTable]:
    """Bin probabilities: one table for "top", one a class for "classwise"."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}, got {strategy!r}.")
    if n_bins % 1 != 0 or n_bins < 1:
        raise ValueError(f"n_bins must be a whole number from 1, got {n_bins!r}.")
    n = int(n_bins)
    if kind == "top":
        best = proba.argmax(axis=1)
        stated = proba[np.arange(len(proba)), best]
        return [_bin(stated, best == codes, weight, n, strategy)]
    return [
        _bin(proba[:, k], codes == k, weight, n, strategy)
        for k in range(proba.shape[1])
    ]


def _bin(
    stated: np.ndarray, true: np.ndarray, weight: np.ndarray, n_bins: int, strategy: str
) -> ReliabilityTable:
    """Bin one column of probabilities."""
    # Samples without weight must not move the edges of quantile bins either.
    kept = weight > 0
    stated, true, weight = stated[kept], true[kept], weight[kept]
    # Edges of the same precision: a float32 of 0.3 is to lie in the bin of 0.3.
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    if strategy == "quantile":
        # The inverted distribution function cuts at probabilities that occur, so that
        # weights and repetitions agree.
        inner = np.quantile(stated, edges[1:-1], weights=weight, method="inverted_cdf")
        edges = np.unique(np.concatenate([[0.0], inner, [1.0]]))
    edges = edges.astype(stated.dtype)
    place = np.clip(np.searchsorted(edges, stated, side="left") - 1, 0, len(edges) - 2)
    size = len(edges) - 1
    total = np.bincount(place, weight, size)
    filled = np.flatnonzero(total > 0)
    stated, edges = stated.astype(np.float64), edges.astype(np.float64)
    mass = total[filled]
    return ReliabilityTable(
        stated=np.bincount(place, weight * stated, size)[filled] / mass,
        observed=np.bincount(place, weight * true, size)[filled] / mass,
        weight=mass,
        effective=mass**2 / np.bincount(place, weight**2, size)[filled],
        count=np.bincount(place, minlength=size)[filled],
        low=edges[filled],
        high=edges[filled + 1],
    )
