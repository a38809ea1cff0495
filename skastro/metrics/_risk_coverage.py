"""Risk against coverage of a classifier that may abstain."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.metrics._class_data import (
    check_classes,
    check_labels,
    check_length,
    check_weights,
    encode_classes,
    sorted_classes,
)
from skastro.metrics._risk_coverage_curve import RiskCoverageCurve


def risk_coverage_curve(
    y_true: Any,
    y_pred: Any,
    confidence: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
) -> RiskCoverageCurve:
    r"""Compute error rate and coverage for every threshold on a confidence.

    At the threshold t the samples with ``confidence >= t`` are accepted. The coverage
    is their share, the risk the share of errors among them, and the coverage of a class
    is the accepted share of its true members: a cut that looks good overall may drop
    nearly all of a rare class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes: numbers, booleans or strings.
    y_pred : array-like of shape (n_samples,)
        The predicted classes.
    confidence : array-like of shape (n_samples,)
        Larger is surer: the largest probability, or a confidence threshold (CT) in
        units of its own error. Infinite values are allowed, NaN is not.
    labels : array-like of shape (n_classes,), default=None
        Classes whose coverage is wanted, in this order; all of `y_true` must be among
        them. None takes the sorted classes of `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. An integer weight is the same as that many repetitions.

    Returns
    -------
    RiskCoverageCurve
        One point for each different confidence, from the surest samples to all of them,
        and the area under the curve. Samples of equal confidence are accepted together,
        so that the order of the rows never matters.

    Raises
    ------
    ValueError
        If inputs are empty, of different lengths or hold missing values, or `y_true`
        has a class outside `labels`.

    See Also
    --------
    skastro.calibration.RiskCoverageDisplay : The curve as a picture.

    Notes
    -----
    The area is the mean of the risk over the thresholds at the confidence of each
    sample, :math:`\mathrm{AURC} = \frac{1}{n} \sum_i r(\mathrm{confidence}_i)` [2]_. A
    confidence that knows nothing has the error rate itself as its area.

    References
    ----------
    .. [1] Y. Geifman and R. El-Yaniv, "Selective classification for deep neural
       networks", NeurIPS 2017, section 2.
    .. [2] Y. Geifman, G. Uziel and R. El-Yaniv, "Bias-reduced uncertainty estimation
       for deep neural classifiers", ICLR 2019, section 2.

    Examples
    --------
    >>> from skastro.metrics import risk_coverage_curve
    >>> curve = risk_coverage_curve(
    ...     ["AGN", "AGN", "CV", "CV"], ["AGN", "AGN", "CV", "AGN"],
    ...     confidence=[0.9, 0.8, 0.6, 0.6])
    >>> curve.to_frame()[["coverage", "risk", "coverage_AGN", "coverage_CV"]]
       coverage  risk  coverage_AGN  coverage_CV
    0      0.25  0.00           0.5          0.0
    1      0.50  0.00           1.0          0.0
    2      1.00  0.25           1.0          1.0
    """
    y = check_classes(y_true, "y_true")
    predicted = check_classes(y_pred, "y_pred")
    check_length("y_pred", predicted, len(y))
    sure = np.asarray(confidence)
    if sure.dtype.kind not in "biuf" or sure.shape != y.shape:
        raise ValueError(
            f"confidence must be numbers of shape {y.shape}, got shape {sure.shape} "
            f"and dtype {sure.dtype}."
        )
    if np.isnan(sure).any():
        raise ValueError(f"confidence has {int(np.isnan(sure).sum())} NaN.")
    weight = check_weights(sample_weight, len(y))
    # A prediction may name a class that is not true anywhere: it is an error.
    everything = sorted_classes(y, predicted)
    wrong = encode_classes(y, everything, "y_true") != encode_classes(
        predicted, everything, "y_pred"
    )
    classes = sorted_classes(y) if labels is None else check_labels(labels)
    codes = encode_classes(y, classes, "y_true")

    kept = weight > 0
    sure, wrong, codes, weight = sure[kept], wrong[kept], codes[kept], weight[kept]
    values, place = np.unique(sure, return_inverse=True)
    # From the surest on: thresholds fall, sums grow.
    place, size = len(values) - 1 - place, len(values)
    step = np.bincount(place, weight, size)
    accepted = np.cumsum(step)
    errors = np.cumsum(np.bincount(place, weight * wrong, size))
    by_class = np.bincount(
        place * len(classes) + codes, weight, size * len(classes)
    ).reshape(size, len(classes))
    total = by_class.sum(axis=0)
    class_coverage = np.divide(
        np.cumsum(by_class, axis=0),
        total,
        out=np.full(by_class.shape, np.nan),
        where=total > 0,
    )
    risk = errors / accepted
    return RiskCoverageCurve(
        thresholds=values[::-1].astype(np.float64),
        coverage=accepted / accepted[-1],
        risk=risk,
        class_coverage=class_coverage,
        classes=classes,
        support=total,
        aurc=float(step @ risk / accepted[-1]),
    )
