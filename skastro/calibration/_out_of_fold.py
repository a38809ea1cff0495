"""Probabilities of training rows from estimators that have not seen these rows."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed

from skastro.calibration._meta import (
    TrainingRows,
    aligned_proba,
    all_classes,
    fit_keyword,
    in_columns,
)
from skastro.utils import own_random_state
from skastro.utils._typing import Seed

_AUTO_FOLDS = 5

# A share of the rows needs RealNotInt's range; integers are folds.
CV_CONSTRAINTS: list[Any] = [
    "cv_object",
    StrOptions({"auto"}),
    Interval(Real, 0, 1, closed="neither"),
]


class UnseenProba(NamedTuple):
    """Probabilities of rows that the estimator behind them has not seen."""

    # Fitted on all rows, or on those that a share left over.
    estimator: Any
    # All classes, sorted.
    classes: np.ndarray
    # Numbers of the rows that there are probabilities of, sorted.
    row: np.ndarray
    # Of these rows, of shape (len(row), n_classes).
    proba: np.ndarray


def fit_with_unseen(
    estimator: Any,
    rows: TrainingRows,
    *,
    cv: Any,
    n_jobs: int | None = None,
    random_state: Seed = None,
) -> UnseenProba:
    """Fit an estimator, and get honest probabilities of its training rows.

    Parameters
    ----------
    estimator : classifier
        Left as it is, clones are fitted.
    rows : TrainingRows
        From `check_rows`.
    cv : "auto", float, int, splitter or iterable
        "auto" takes ``oof_proba_`` or ``oob_decision_function_`` of the fitted
        estimator where there is one, else five folds. A float is the share of rows
        that is kept from the fit.
    n_jobs : int, default=None
        Folds at a time.
    random_state : int, RandomState instance or None, default=None
        Chooses the rows of a share.

    Returns
    -------
    UnseenProba
        The fitted estimator, and probabilities of rows unseen.
    """
    if isinstance(cv, Real) and not isinstance(cv, Integral):
        fit, held = holdout_split(rows.y, float(cv), rows.groups, random_state)
        fitted = rows.fit(clone(estimator), fit)
        classes = all_classes(fitted, rows.y)
        X, _ = _safe_split(fitted, rows.X, rows.y, held, fit)
        return UnseenProba(fitted, classes, held, aligned_proba(fitted, X, classes))
    # First, so that what is wrong with X or y is said by the estimator itself.
    fitted = rows.fit(clone(estimator))
    classes = all_classes(fitted, rows.y)
    free = _free_proba(fitted, estimator, rows) if _is_auto(cv) else None
    if free is not None:
        known = np.isfinite(free).all(axis=1)
        proba = in_columns(free, np.asarray(fitted.classes_), classes)
    else:
        proba, known = _out_of_fold(estimator, rows, classes, cv, n_jobs)
    index = np.flatnonzero(known)
    if not len(index):
        raise ValueError(f"No row has a probability from outside its fit, cv={cv!r}.")
    return UnseenProba(fitted, classes, index, proba[index])


def _is_auto(cv: Any) -> bool:
    """Say whether the splits are ours to choose; cv may be a list of arrays."""
    return isinstance(cv, str) and cv == "auto"


def _free_proba(fitted: Any, estimator: Any, rows: TrainingRows) -> np.ndarray | None:
    """Give the probabilities of unseen rows that came with the fit, if any."""
    names = ["oof_proba_", "oob_decision_function_"]
    if rows.groups is not None:
        # A bag leaves out rows, not groups: others of the group have been seen.
        names = ["oof_proba_"] if fit_keyword(estimator, "groups") else []
    n_rows = len(rows.y)
    for name in names:
        proba = getattr(fitted, name, None)
        if proba is None:
            continue
        proba = np.asarray(proba)
        expected = (n_rows, len(fitted.classes_))
        if proba.shape != expected:
            raise ValueError(
                f"{name} of {type(fitted).__name__} should have a row for each "
                f"training row and a column for each class, shape {expected}; it has "
                f"{proba.shape}. Give cv to do without it."
            )
        return proba
    return None


def _out_of_fold(
    estimator: Any,
    rows: TrainingRows,
    classes: np.ndarray,
    cv: Any,
    n_jobs: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Average what the folds say of rows outside them; say of which rows."""
    splits = list(_splitter(cv, rows).split(rows.X, rows.y, rows.groups))
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_predict_fold)(clone(estimator), rows, classes, train, test)
        for train, test in splits
    )
    proba = np.zeros((len(rows.y), len(classes)))
    times = np.zeros(len(rows.y), dtype=int)
    for (_, test), part in zip(splits, parts, strict=True):
        proba[test] += part
        times[test] += 1
    known = times > 0
    proba[known] /= times[known, None]
    return proba, known


def _predict_fold(
    estimator: Any,
    rows: TrainingRows,
    classes: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Fit on a fold and predict the rest."""
    present = np.unique(rows.y[train])
    if len(present) == 1:
        # Many classifiers refuse one class; there is nothing to be learnt anyway.
        return np.repeat([(classes == present[0]).astype(float)], len(test), axis=0)
    fitted = rows.fit(estimator, train)
    X, _ = _safe_split(fitted, rows.X, rows.y, test, train)
    return aligned_proba(fitted, X, classes)


def _splitter(cv: Any, rows: TrainingRows) -> Any:
    """Make a splitter that keeps groups together, if there are groups."""
    if _is_auto(cv):
        smallest = int(np.unique(rows.y, return_counts=True)[1].min())
        n_splits = min(_AUTO_FOLDS, max(2, smallest))
        kind = StratifiedKFold if rows.groups is None else StratifiedGroupKFold
        return kind(n_splits, shuffle=True, random_state=0)
    if rows.groups is not None and isinstance(cv, Integral):
        return StratifiedGroupKFold(int(cv))
    return check_cv(cv, rows.y, classifier=True)


def holdout_split(
    y: np.ndarray, share: float, groups: np.ndarray | None, random_state: Seed
) -> tuple[np.ndarray, np.ndarray]:
    """Keep a share of each class from the fit.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class labels.
    share : float
        Of the rows to be kept, in (0, 1).
    groups : ndarray of shape (n_samples,) or None
        Whole groups are kept; the share is then met only roughly, as one part of
        ``round(1 / share)``.
    random_state : int, RandomState instance or None
        Chooses the rows.

    Returns
    -------
    fit, held : ndarray
        Sorted row numbers. Without groups, a class always has a row in `fit`.
    """
    rng = own_random_state(random_state)
    if groups is not None:
        parts = max(2, round(1 / min(share, 1 - share)))
        folds = StratifiedGroupKFold(parts, shuffle=True, random_state=rng)
        most, least = next(folds.split(y, y, groups))
        return (most, least) if share <= 0.5 else (least, most)
    held = []
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        held.append(members[: min(round(share * len(members)), len(members) - 1)])
    kept = np.sort(np.concatenate(held))
    if not len(kept):
        raise ValueError(
            f"A share of {share} of {len(y)} sample(s) keeps none from the fit."
        )
    return np.setdiff1d(np.arange(len(y)), kept), kept
