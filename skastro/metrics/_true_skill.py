"""The true skill statistic for two and for more classes."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import confusion_matrix, make_scorer
from sklearn.utils.multiclass import unique_labels

_AVERAGES = ("balanced", "peirce", "ovr")


def true_skill_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: Literal["balanced", "peirce", "ovr"] = "balanced",
    labels: Any = None,
    sample_weight: Any = None,
) -> float:
    r"""Compute the true skill score (TSS) of a classification.

    With two classes it is the true positive rate minus the false positive rate,

    .. math:: \mathrm{TSS} = \frac{TP}{TP + FN} - \frac{FP}{FP + TN},

    the same for either class as the positive one. 1 is perfect, 0 is what a constant
    or a random forecast gets, -1 is always wrong. Unlike accuracy it does not depend
    on how frequent the classes are. It is also called Peirce's skill score, the
    Hanssen-Kuipers discriminant, Youden's J and, for two classes, informedness.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes: numbers, booleans or strings.
    y_pred : array-like of shape (n_samples,)
        The predicted classes.
    average : {"balanced", "peirce", "ovr"}, default="balanced"
        Which generalisation to K > 2 classes, see Notes. All three agree for two
        classes; for more they differ by some hundredths, so say which one you print.
    labels : array-like of shape (n_classes,), default=None
        All classes of the problem. None takes those that `y_true` has. Given, a class
        outside it is refused, and a class of it that `y_true` lacks makes "balanced"
        and "ovr" undefined (NaN), so that scores over different sets of classes are
        never compared by mistake.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. An integer weight is the same as that many repetitions.

    Returns
    -------
    float
        The score, at most 1. NaN with an `UndefinedMetricWarning` if `y_true` has a
        single class.

    Raises
    ------
    ValueError
        If `average` is unknown, the inputs are empty, of different lengths, not
        classes, hold a class that is not in `labels`, or a weight is negative or not
        finite.

    Warns
    -----
    UndefinedMetricWarning
        If `y_true` has a single class, lacks one of `labels`, or if `y_pred` has
        classes that `y_true` lacks ("balanced" and "ovr"): these predictions count as
        errors, and K is the number of classes in `y_true`.

    See Also
    --------
    sklearn.metrics.balanced_accuracy_score : With ``adjusted=True`` the same as
        ``average="balanced"``.

    Notes
    -----
    Let :math:`p_{ij}` be the share of samples of the true class i that are predicted
    as j, :math:`o_i` the share of the true class i, :math:`f_i` that of the predicted
    class i, and :math:`r_i = p_{ii} / o_i` the recall.

    - "balanced": :math:`(\bar r - 1/K) / (1 - 1/K)`, the mean recall adjusted for
      chance. All classes count the same.
    - "peirce": :math:`(\sum_i p_{ii} - \sum_i o_i f_i) / (1 - \sum_i o_i^2)`, the
      multi-category score of forecast verification. Depends on the class frequencies
      and equals "balanced" where the true classes are equally frequent.
    - "ovr": the mean over the classes of
      :math:`r_i - (f_i - p_{ii}) / (1 - o_i)`, the two-class score of each class
      against the rest.

    A constant forecast scores 0 in all three, provided that its class is in `y_true`.

    References
    ----------
    .. [1] C. S. Peirce, "The numerical measure of the success of predictions",
       Science 4 (1884) 453-454.
    .. [2] A. W. Hanssen and W. J. A. Kuipers, "On the relationship between the
       frequency of rain and various meteorological parameters", Mededelingen en
       Verhandelingen 81, KNMI (1965).
    .. [3] scikit-learn user guide, "Balanced accuracy score".

    Examples
    --------
    >>> from skastro.metrics import true_skill_score
    >>> y_true = ["spiral"] * 4 + ["elliptical"] * 2
    >>> y_pred = ["spiral"] * 3 + ["elliptical"] * 2 + ["spiral"]
    >>> true_skill_score(y_true, y_pred)  # 3/4 - 1/2
    0.25
    """
    if average not in _AVERAGES:
        raise ValueError(f"average must be one of {_AVERAGES}, got {average!r}.")
    counts, classes = _weighted_counts(y_true, y_pred, sample_weight)
    observed = counts.sum(axis=1) > 0
    if labels is not None and not _has_all_labels(labels, classes, observed, average):
        return float("nan")
    if observed.sum() < 2:
        _warn(
            "The true skill score is undefined (NaN): y_true has a single class, "
            f"{classes[observed].tolist()}."
        )
        return float("nan")
    strangers = classes[~observed & (counts.sum(axis=0) > 0)]
    if strangers.size and average != "peirce":
        _warn(
            f"y_pred has classes that y_true lacks, {strangers.tolist()}: they count "
            f"as errors, and the score is over the {observed.sum()} classes of y_true."
        )
    return _score(counts / counts.sum(), observed, average)


def _weighted_counts(
    y_true: Any, y_pred: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the confusion matrix (rows are true classes) and its classes."""
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)
        if sample_weight.dtype.kind not in "biuf":
            raise ValueError(
                f"sample_weight must be numbers, got dtype {sample_weight.dtype}."
            )
        sample_weight = sample_weight.astype(np.float64)
        if not np.isfinite(sample_weight).all() or (sample_weight < 0).any():
            raise ValueError("sample_weight must be finite and not negative.")
        if sample_weight.size and not sample_weight.any():
            raise ValueError("sample_weight is zero for every sample.")
    if np.shape(y_true)[:1] == (0,):
        raise ValueError("y_true is empty: a score needs at least one sample.")
    for name, y in (("y_true", y_true), ("y_pred", y_pred)):
        n_missing = int(np.sum(pd.isna(np.asarray(y))))
        if n_missing:
            raise ValueError(f"{name} has {n_missing} missing classes (NaN or None).")
    classes = unique_labels(y_true, y_pred)
    counts = confusion_matrix(
        y_true, y_pred, labels=classes, sample_weight=sample_weight
    )
    return counts.astype(np.float64), classes


def _has_all_labels(
    labels: Any, classes: np.ndarray, observed: np.ndarray, average: str
) -> bool:
    """Check the data against the announced classes; False if one has no sample."""
    names = list(np.asarray(labels).tolist())
    if len(names) != len(set(names)) or len(names) < 2:
        raise ValueError(f"labels must be two or more different classes, got {names}.")
    outside = [c for c in classes.tolist() if c not in names]
    if outside:
        raise ValueError(f"The data have classes {outside} that are not in {names}.")
    present = classes[observed].tolist()
    absent = [name for name in names if name not in present]
    if absent and average != "peirce":
        _warn(
            f"The true skill score with average={average!r} is undefined (NaN): "
            f"y_true has no sample of the classes {absent}."
        )
        return False
    return True


def _score(p: np.ndarray, observed: np.ndarray, average: str) -> float:
    """Score a joint frequency table ``p[true, predicted]``; NaN where undefined."""
    # A class whose share rounds to one leaves nothing to compare with.
    with np.errstate(invalid="ignore", divide="ignore"):
        return _score_table(p, observed, average)


def _score_table(p: np.ndarray, observed: np.ndarray, average: str) -> float:
    true, predicted, right = p.sum(axis=1), p.sum(axis=0), np.diag(p)
    if average == "peirce":
        chance = true @ predicted
        return float((right.sum() - chance) / (1.0 - true @ true))
    true, predicted, right = true[observed], predicted[observed], right[observed]
    recall = right / true
    if average == "balanced":
        chance = 1.0 / true.size
        return float((recall.mean() - chance) / (1.0 - chance))
    false_positive_rate = (predicted - right) / (1.0 - true)
    return float(np.mean(recall - false_positive_rate))


def _warn(message: str) -> None:
    """Warn at the line that called `true_skill_score`."""
    warnings.warn(message, UndefinedMetricWarning, stacklevel=3)


# For `scoring=`: "balanced" is the one that equals TPR - FPR for two classes and does
# not depend on the class frequencies of a fold.
tss_scorer = make_scorer(true_skill_score)
tss_scorer.__doc__ = """Score an estimator by its true skill score.

For ``scoring=`` of scikit-learn's searches and cross-validation. It is
`true_skill_score` with ``average="balanced"``: for two classes the true positive rate
minus the false positive rate.

Parameters
----------
estimator : estimator
    A fitted classifier.
X : array-like of shape (n_samples, ...)
    Test data.
y_true : array-like of shape (n_samples,)
    Their true classes.
sample_weight : array-like of shape (n_samples,), default=None
    Weights of the samples.
**kwargs : dict
    Metadata, where its routing is enabled.

Returns
-------
float
    The score, at most 1.
"""
