"""All scores of a classification at once, with their spread over folds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    brier_score_loss,
    log_loss,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from skastro.metrics._calibration_error import reliability_tables
from skastro.metrics._class_data import (
    check_classes,
    check_labels,
    check_length,
    check_probabilities,
    check_weights,
    encode_classes,
    sorted_classes,
)
from skastro.metrics._summary_result import ClassificationSummary
from skastro.metrics._true_skill import _score as skill_of_counts

_PER_CLASS = ("precision", "recall", "f1")


def classification_summary(
    y_true: Any,
    proba: Any,
    groups: Any = None,
    *,
    y_pred: Any = None,
    labels: Any = None,
    sample_weight: Any = None,
    n_bins: int = 10,
) -> ClassificationSummary:
    """Summarise predictions: overall, per class, and with their spread over folds.

    Give it the out-of-fold predictions of a cross-validation, and as `groups` the
    number of the test fold of each row.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes: numbers, booleans or strings.
    proba : array-like or DataFrame of shape (n_samples, n_classes), or None
        Probabilities that sum to one in each row. The columns of a DataFrame carry the
        names of the classes and are aligned by name; those of an array follow `labels`.
        None leaves the scores of probabilities NaN; `y_pred` is needed then.
    groups : array-like of shape (n_samples,), default=None
        Number or name of the test fold of each row (not of its source). None gives no
        spread.
    y_pred : array-like of shape (n_samples,), default=None
        The predicted classes, where a decision rule chose others than the most
        probable. None takes the most probable, of equal ones the first column.
    labels : array-like of shape (n_classes,), default=None
        All classes, in the order of the tables; with an array as `proba`, the class of
        each column. None takes the columns of a DataFrame, or else the sorted classes
        of `y_true` (and of `y_pred`, without `proba`).
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. Rows of weight zero are left out.
    n_bins : int, default=10
        Bins of the expected calibration errors.

    Returns
    -------
    ClassificationSummary
        Tables that print themselves: ``overall``, ``per_class`` and ``by_fold``.

    Raises
    ------
    ValueError
        If inputs are empty, of different lengths or hold missing values, a class has no
        column, or the rows of `proba` do not sum to one within 1e-4.

    Warns
    -----
    UserWarning
        If `groups` has so many values that they look like sources and not like folds.

    See Also
    --------
    true_skill_score : The skill scores "tss_balanced", "tss_peirce" and "tss_ovr".
    expected_calibration_error : The scores "ece" and "ece_classwise".
    sklearn.metrics.classification_report : Precision and recall of one run.

    Notes
    -----
    A class without true members, in a fold or in all rows, has no recall and no F1: its
    entries are NaN there, and mean scores (macro F1, balanced accuracy, the skill
    scores) leave it out. This differs from scikit-learn's macro F1 where such a class
    is predicted, which counts it as zero. A class with members that was never predicted
    has F1 zero and no precision (NaN, where scikit-learn warns and gives zero).

    ``value`` is the score of all rows together, ``fold_mean`` and ``fold_std``
    (``ddof=1``) are over the folds that have the score. The two differ for what is no
    mean over rows: calibration errors grow in small folds, macro F1 fluctuates there.
    The standard deviation is the spread of one fold, not the error of the mean.

    "brier" is the sum over the classes, between 0 and 2; for two classes it is halved,
    as in scikit-learn. "log_loss" is in nats.

    Examples
    --------
    >>> from skastro.metrics import classification_summary
    >>> y = ["AGN", "AGN", "CV"] * 4
    >>> proba = [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]] * 3 + [[0.4, 0.6]] * 3
    >>> summary = classification_summary(y, proba, groups=[0] * 6 + [1] * 6)
    >>> summary.overall.loc[["accuracy", "macro_f1"]].round(3)
              value  fold_mean  fold_std
    accuracy  0.833      0.833     0.236
    macro_f1  0.829      0.833     0.236
    >>> summary.per_class["recall"].tolist()
    [0.75, 1.0]
    """
    y = check_classes(y_true, "y_true")
    if proba is None and y_pred is None:
        raise ValueError("Give proba, y_pred or both: there is nothing to judge.")
    predicted = None if y_pred is None else check_classes(y_pred, "y_pred")
    if predicted is not None:
        check_length("y_pred", predicted, len(y))
    weight = check_weights(sample_weight, len(y))
    p = None
    if proba is not None:
        p, classes = check_probabilities(y, proba, labels)
    elif labels is not None:
        classes = check_labels(labels)
    else:
        assert predicted is not None
        classes = sorted_classes(y, predicted)
    codes = encode_classes(y, classes, "y_true")
    if predicted is not None:
        chosen = encode_classes(predicted, classes, "y_pred")
    else:
        assert p is not None
        chosen = p.argmax(axis=1)
    folds, names = _check_folds(groups, len(y))

    kept = weight > 0
    codes, chosen, weight, folds = codes[kept], chosen[kept], weight[kept], folds[kept]
    p = None if p is None else p[kept]
    scored = [_score_rows(codes, chosen, p, weight, len(classes), n_bins)]
    present = [] if names is None else np.unique(folds).tolist()
    for fold in present:
        rows = folds == fold
        part = None if p is None else p[rows]
        scored.append(
            _score_rows(
                codes[rows], chosen[rows], part, weight[rows], len(classes), n_bins
            )
        )
    index = pd.Index([names[k] for k in present] if names is not None else [])
    return _make_tables(scored, index.rename("fold"), classes, len(codes))


def _check_folds(groups: Any, n: int) -> tuple[np.ndarray, list[Any] | None]:
    """Number the folds in sorted order."""
    if groups is None:
        return np.zeros(n, dtype=np.intp), None
    array = np.asarray(groups)
    if array.shape != (n,):
        raise ValueError(f"groups must have shape ({n},), got shape {array.shape}.")
    n_missing = int(pd.isna(array).sum())
    if n_missing:
        raise ValueError(f"groups has {n_missing} missing values.")
    names = sorted_classes(array)
    if len(names) > 10 and 5 * len(names) > n:
        warnings.warn(
            f"groups has {len(names)} different values for {n} rows. It numbers the "
            "test folds; the numbers of sources do not belong here.",
            UserWarning,
            stacklevel=3,
        )
    return encode_classes(array, names, "groups"), names


def _score_rows(
    codes: np.ndarray,
    chosen: np.ndarray,
    p: np.ndarray | None,
    weight: np.ndarray,
    n_classes: int,
    n_bins: int,
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Score some rows: overall, and for each class."""
    every = np.arange(n_classes)
    counts = np.bincount(codes * n_classes + chosen, weight, n_classes**2)
    counts = counts.reshape(n_classes, n_classes)
    support = counts.sum(axis=1)
    there = support > 0
    three = precision_recall_fscore_support(
        codes, chosen, labels=every, sample_weight=weight, zero_division=np.nan
    )[:3]
    by_class = {
        name: np.where(there, values, np.nan)
        for name, values in zip(_PER_CLASS, three, strict=True)
    }
    overall = {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "balanced_accuracy": float(by_class["recall"][there].mean()),
        "macro_f1": float(by_class["f1"][there].mean()),
    }
    # scikit-learn gives zero too, but warns of a matrix with a single cell.
    alone = np.count_nonzero(counts) == 1 and np.trace(counts) > 0
    overall["mcc"] = (
        0.0 if alone else float(matthews_corrcoef(codes, chosen, sample_weight=weight))
    )
    for average in ("balanced", "peirce", "ovr"):
        # With a single true class there is no skill to speak of.
        overall[f"tss_{average}"] = (
            skill_of_counts(counts / counts.sum(), there, average)
            if there.sum() > 1
            else float("nan")
        )
    overall |= _score_probabilities(codes, p, weight, every, n_bins)
    return overall, by_class | {"support": support}


def _score_probabilities(
    codes: np.ndarray,
    p: np.ndarray | None,
    weight: np.ndarray,
    every: np.ndarray,
    n_bins: int,
) -> dict[str, float]:
    """Score the probabilities of some rows; NaN without them."""
    names = ("log_loss", "brier", "ece", "ece_classwise")
    if p is None:
        return dict.fromkeys(names, float("nan"))
    # scikit-learn is stricter about sums than our check, which lets tables through.
    shares = np.clip(p, 0.0, 1.0)
    total = shares.sum(axis=1, keepdims=True)
    if np.abs(total - 1.0).max() > np.sqrt(np.finfo(p.dtype).eps):
        shares = shares / total
    errors = {
        kind: np.mean(
            [
                table.error
                for table in reliability_tables(
                    codes, p, weight, n_bins, "uniform", kind
                )
            ]
        )
        for kind in ("top", "classwise")
    }
    options = {"labels": every, "sample_weight": weight}
    loss = log_loss(codes, shares, **options)
    brier = brier_score_loss(codes, shares, scale_by_half=len(every) == 2, **options)
    values = (loss, brier, errors["top"], errors["classwise"])
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _make_tables(
    scored: list[tuple[dict[str, float], dict[str, np.ndarray]]],
    folds: pd.Index,
    classes: list[Any],
    n_rows: int,
) -> ClassificationSummary:
    """Lay the scores of all rows and of the folds side by side."""
    (values, of_class), parts = scored[0], scored[1:]
    by_fold = pd.DataFrame(
        [overall for overall, _ in parts],
        index=folds,
        columns=list(values),
        dtype=float,
    )
    overall = pd.DataFrame(
        {
            "value": pd.Series(values, dtype=float),
            "fold_mean": by_fold.mean(),
            "fold_std": by_fold.std(ddof=1),
        }
    )
    columns: dict[str, Any] = {}
    for name in ("support", *_PER_CLASS):
        stack = pd.DataFrame([c[name] for _, c in parts], columns=range(len(classes)))
        stack = stack.astype(float)
        columns[name] = of_class[name]
        columns[f"{name}_fold_mean"] = stack.mean().to_numpy()
        columns[f"{name}_fold_std"] = stack.std(ddof=1).to_numpy()
    members = np.array([c["support"] > 0 for _, c in parts]).reshape(-1, len(classes))
    columns["n_folds"] = members.sum(axis=0)
    per_class = pd.DataFrame(columns, index=pd.Index(classes, name="class"))
    return ClassificationSummary(
        overall=overall, per_class=per_class, by_fold=by_fold, n_rows=n_rows
    )
