"""Which class frequencies a fitted classifier believes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from skastro.calibration._meta import MetaClassifier, TrainingRows, has_sampler

_SUM_TOLERANCE = 1e-6

# Fitted attributes by which a classifier says which priors its probabilities are for:
# discriminant analysis and this room, naive Bayes.
_STATED = ("priors_", "class_prior_")
# Trees weight each bootstrap sample anew under the second; equal in the mean.
_BALANCED = ("balanced", "balanced_subsample")
# What boosting libraries call their class weights.
_OTHER_WEIGHTS = (
    *("scale_pos_weight", "is_unbalance", "unbalance"),
    *("auto_class_weights", "class_weights"),
)
# How an estimator inside another one may be told of other frequencies.
_INNER_PRIORS = ("priors", "class_prior")


class _SeenRecorder(ClassifierMixin, BaseEstimator):
    """Stands before the last step of a pipeline and writes down the y it is given."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def fit(self, X: Any, y: Any, **fit_params: Any) -> _SeenRecorder:
        self.y_ = np.asarray(y)
        self.inner.fit(X, y, **fit_params)
        return self

    def get_metadata_routing(self) -> Any:
        return self.inner.get_metadata_routing()


def fit_recording(estimator: Any, rows: TrainingRows) -> np.ndarray | None:
    """Fit an estimator and find out which y its last step was given.

    Parameters
    ----------
    estimator : classifier
        Is fitted itself. Only a pipeline with a sampler is recorded; a pipeline in its
        last step as well.
    rows : TrainingRows
        From `check_rows`.

    Returns
    -------
    ndarray or None
        Labels after resampling; None if the estimator resamples nothing by itself.
    """
    pipelines = []
    last = estimator
    while isinstance(last, Pipeline):
        pipelines.append(last)
        last = last.steps[-1][1]
    if not any(has_sampler(pipeline) for pipeline in pipelines):
        rows.fit(estimator)
        return None
    steps = pipelines[-1].steps
    name = steps[-1][0]
    recorder = _SeenRecorder(last)
    pipelines[-1].steps = [*steps[:-1], (name, recorder)]
    try:
        rows.fit(estimator)
    finally:
        # The steps before are fitted ones by now.
        pipelines[-1].steps = [*pipelines[-1].steps[:-1], (name, last)]
    return recorder.y_


def seen_priors(
    fitted: Any, resampled: np.ndarray | None, classes: np.ndarray, rows: TrainingRows
) -> np.ndarray:
    """Tell the class frequencies behind the probabilities of a fitted estimator.

    Parameters
    ----------
    fitted : classifier
        Fitted on `rows`.
    resampled : ndarray or None
        What `fit_recording` returned for it.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.
    rows : TrainingRows
        What it was fitted on.

    Returns
    -------
    ndarray of shape (n_classes,)
        Adding up to one.

    Raises
    ------
    ValueError
        If it resamples, or weights classes, in a way that cannot be looked into.
    """
    last, hidden = _innermost(fitted)
    for name in _STATED:
        stated = getattr(last, name, None)
        if stated is not None and np.array_equal(last.classes_, classes):
            return check_priors(stated, classes, f"{name} of {type(last).__name__}")
    logarithm = getattr(last, "class_log_prior_", None)
    if logarithm is not None and np.array_equal(last.classes_, classes):
        stated = np.exp(logarithm)
        known: np.ndarray = stated / stated.sum()
        return known
    if hidden:
        raise ValueError(_cannot_tell(type(fitted).__name__, hidden))
    _refuse_unknown(last, rows.sample_weight is not None)
    y, weight = rows.y, rows.weights()
    if resampled is not None:
        y, weight = resampled, np.ones(len(resampled))
    priors = frequencies(y, weight, classes)
    class_weight = getattr(last, "class_weight", None)
    if class_weight is None:
        return priors
    if isinstance(class_weight, str):
        priors = (priors > 0).astype(float)
    else:
        priors = priors * [class_weight.get(c, 1.0) for c in classes.tolist()]
    shares: np.ndarray = priors / priors.sum()
    return shares


def _innermost(fitted: Any) -> tuple[Any, str]:
    """Go through pipelines, searches and our own wrappers to what has learnt.

    Also tell of a sampler that is out of `fit_recording`'s sight.
    """
    last, hidden, seen_from_outside = fitted, "", True
    while True:
        if isinstance(last, Pipeline):
            if not seen_from_outside and has_sampler(last):
                hidden = "a pipeline inside resamples"
            last = last.steps[-1][1]
        elif isinstance(last, BaseSearchCV) and hasattr(last, "best_estimator_"):
            last, seen_from_outside = last.best_estimator_, False
        elif isinstance(last, MetaClassifier) and not hasattr(last, "priors_"):
            last, seen_from_outside = last.estimator_, False
        else:
            return last, hidden


def _refuse_unknown(last: Any, weighted: bool) -> None:
    """Refuse an estimator whose frequencies are changed somewhere inside."""
    reason = ""
    if isinstance(last, FrozenEstimator):
        reason = "it was fitted before, on other rows"
    elif type(last).__module__.startswith("imblearn."):
        reason = "it resamples inside"
    else:
        for key, value in last.get_params(deep=True).items():
            reason = _what_changes(key, value, weighted)
            if reason:
                break
    if reason:
        raise ValueError(_cannot_tell(type(last).__name__, reason))


def _cannot_tell(name: str, reason: str) -> str:
    return (
        f"The class frequencies that {name} has seen cannot be told: {reason}. "
        'Give training_priors: a dict, "balanced" (equal ones), or "train" (those of '
        "y), which is right where the probabilities were calibrated, with an intercept "
        "for each class, on rows that were not resampled."
    )


def _what_changes(key: str, value: Any, weighted: bool) -> str:
    """Say how a parameter changes the frequencies in a way that we cannot follow."""
    owner, _, last = key.rpartition("__")
    if hasattr(value, "fit_resample"):
        return f"its {key} resamples"
    if isinstance(value, FrozenEstimator):
        return f"its {key} was fitted before"
    if type(value).__module__.startswith("imblearn."):
        return f"its {key} resamples inside"
    if last == "class_weight" and value is not None:
        if owner:
            return f"its {key} changes them"
        if isinstance(value, str) and value not in _BALANCED:
            return f"its class_weight={value!r} is not known here"
        if not isinstance(value, str) and not isinstance(value, Mapping):
            return "its class_weight is no dict"
        # Whether "balanced" looks at the sample weights depends on the estimator.
        return "it has class_weight and sample_weight" if weighted else ""
    if isinstance(value, BaseSearchCV):
        return f"its {key} is chosen by a search"
    changed = last in _OTHER_WEIGHTS and not (
        value is None or (np.isscalar(value) and value in (False, 1))
    )
    # Of a `balance` that a bias has not taken out again, see `priors_` there.
    changed |= last == "balance" and bool(value)
    if owner:
        changed |= last in _INNER_PRIORS and value is not None
        changed |= last == "fit_prior" and value is False
    return f"its {key} changes them" if changed else ""


def frequencies(y: np.ndarray, weight: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Give the weighted share of each class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    weight : ndarray of shape (n_samples,)
        Weights.
    classes : ndarray of shape (n_classes,)
        All classes, sorted; y has no others.

    Returns
    -------
    ndarray of shape (n_classes,)
        Adding up to one.
    """
    counts = np.bincount(
        np.searchsorted(classes, y), weights=weight, minlength=len(classes)
    )
    out: np.ndarray = counts / counts.sum()
    return out


def check_priors(priors: Any, classes: np.ndarray, name: str) -> np.ndarray:
    """Read class frequencies that were given.

    Parameters
    ----------
    priors : "balanced", mapping or array-like of shape (n_classes,)
        Equal ones, one by class label, or in the order of `classes`.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.
    name : str
        Of the parameter, for the messages.

    Returns
    -------
    ndarray of shape (n_classes,)
        Adding up to one.

    Raises
    ------
    ValueError
        If a class is missing or unknown, or the numbers are no frequencies.
    """
    if isinstance(priors, str):
        return np.full(len(classes), 1 / len(classes))
    if isinstance(priors, Mapping):
        missing = [c for c in classes.tolist() if c not in priors]
        unknown = [c for c in priors if c not in classes.tolist()]
        if missing or unknown:
            raise ValueError(
                f"{name} must name each class once, the classes are "
                f"{classes.tolist()}; missing: {missing}, unknown: {unknown}."
            )
        priors = [priors[c] for c in classes.tolist()]
    values = np.asarray(priors, dtype=np.float64)
    if values.shape != classes.shape:
        raise ValueError(
            f"{name} must have {len(classes)} numbers, one for each of "
            f"{classes.tolist()}; got shape {values.shape}."
        )
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name} must be finite and not negative, got {values}.")
    if abs(values.sum() - 1) > _SUM_TOLERANCE:
        raise ValueError(
            f"{name} must add up to 1, they add up to {values.sum():g}; divide counts "
            "by their sum, so that a class left out cannot go unnoticed."
        )
    out: np.ndarray = values / values.sum()
    return out
