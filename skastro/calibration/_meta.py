"""What the classifiers of this room share: they wrap another one and leave X alone."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils._metadata_requests import _routing_enabled
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _check_y,
    check_is_fitted,
    has_fit_parameter,
)

from skastro.calibration._decisions import DecidesByProbability
from skastro.utils import as_lazy_rows


def aligned_proba(estimator: Any, X: Any, classes: np.ndarray) -> np.ndarray:
    """Predict probabilities in the columns of all classes.

    Parameters
    ----------
    estimator : fitted classifier
        It may know fewer classes than there are, if a fold or a sampler left one out.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows, handed on as they are.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Zero in the columns of classes that the estimator does not know.
    """
    proba = np.asarray(estimator.predict_proba(X))
    return in_columns(proba, np.asarray(estimator.classes_), classes)


def in_columns(proba: np.ndarray, own: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Move the columns of the classes ``own`` to where ``classes`` has them."""
    if np.array_equal(own, classes):
        return proba
    out = np.zeros((len(proba), len(classes)), proba.dtype)
    out[:, np.searchsorted(classes, own)] = proba
    return out


def all_classes(estimator: Any, y: np.ndarray) -> np.ndarray:
    """Give the classes that a fitted estimator or its training rows know, sorted.

    A frozen estimator may know more classes than y, one behind a sampler fewer.
    """
    own, known = np.asarray(estimator.classes_), np.unique(y)
    return own if np.array_equal(own, known) else np.union1d(own, known)


def has_sampler(estimator: Any) -> bool:
    """Say whether a pipeline resamples the rows on their way to its last step."""
    if not isinstance(estimator, Pipeline):
        return False
    steps = [step for _, step in estimator.steps]
    return any(hasattr(step, "fit_resample") for step in steps) or has_sampler(
        steps[-1]
    )


def fit_keyword(estimator: Any, name: str) -> str | None:
    """Find under which keyword ``fit`` takes something that there is one of a row.

    Parameters
    ----------
    estimator : classifier
        The one to be fitted. A pipeline gives it to its last step, as
        ``"step__name"``; behind a sampler the rows are others.
    name : {"sample_weight", "groups"}
        What is to be handed on.

    Returns
    -------
    str or None
        None if the estimator does not take it.
    """
    if isinstance(estimator, Pipeline):
        if has_sampler(estimator):
            return None
        if _routing_enabled():
            taken = estimator.get_metadata_routing().consumes("fit", [name])
            return name if name in taken else None
        step, last = estimator.steps[-1]
        inner = fit_keyword(last, name)
        return None if inner is None else f"{step}__{inner}"
    if has_fit_parameter(estimator, name):
        return name
    kinds = {p.kind for p in signature(estimator.fit).parameters.values()}
    if name == "sample_weight" and Parameter.VAR_KEYWORD in kinds:
        return name
    search = isinstance(estimator, BaseSearchCV) and not _routing_enabled()
    return name if search else None


@dataclass(frozen=True)
class TrainingRows:
    """The rows of a fit, with all that belongs to them.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        As it came.
    y : ndarray of shape (n_samples,)
        Class labels.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights.
    groups : ndarray of shape (n_samples,) or None
        What may not be torn apart by a split.
    fit_params : mapping
        Further keywords of the inner ``fit``.
    """

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None
    groups: np.ndarray | None
    fit_params: Mapping[str, Any]

    def fit(self, estimator: Any, train: np.ndarray | None = None) -> Any:
        """Fit an estimator on these rows, or on those numbered in ``train``."""
        if isinstance(estimator, FrozenEstimator):
            return estimator
        X, y = self.X, self.y
        params = dict(_check_method_params(X, self.fit_params, indices=train))
        for name, values in (
            ("sample_weight", self.sample_weight),
            ("groups", self.groups),
        ):
            if values is None:
                continue
            keyword = fit_keyword(estimator, name)
            if keyword is not None:
                params[keyword] = values if train is None else values[train]
            elif name == "sample_weight":
                raise ValueError(_why_no_weights(estimator))
        if train is not None:
            X, y = _safe_split(estimator, X, y, train)
        return estimator.fit(X, y, **params)

    def weights(self) -> np.ndarray:
        """Give the weights, ones where there are none."""
        if self.sample_weight is None:
            return np.ones(len(self.y))
        return self.sample_weight


def _why_no_weights(estimator: Any) -> str:
    """Explain why weights are refused."""
    name = type(estimator).__name__
    if has_sampler(estimator):
        return (
            f"sample_weight was given, but the {name} resamples its rows, and weights "
            "and resampling are exclusive: take the sampler out of the pipeline, or "
            "fit without weights."
        )
    if _routing_enabled():
        return (
            f"sample_weight was given, but nothing in the {name} asks for it. Metadata "
            "routing is on: call set_fit_request(sample_weight=True) on the step that "
            "is to have it."
        )
    return f"sample_weight was given, but the fit of {name} does not take it."


def check_rows(
    X: Any, y: Any, sample_weight: Any, groups: Any, fit_params: Mapping[str, Any]
) -> TrainingRows:
    """Look at what a fit was given, leaving X to the inner estimator.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Not converted: columns of strings, NaN and names reach the estimator. What is
        in zarr, HDF5 or Dask reaches it as `LazyRows`.
    y : array-like of shape (n_samples,)
        Class labels.
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    groups : array-like of shape (n_samples,) or None
        What may not be torn apart by a split.
    fit_params : mapping
        Further keywords.

    Returns
    -------
    TrainingRows
        All of one length.

    Raises
    ------
    ValueError
        If the lengths differ or y does not hold classes.
    """
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")
    y = _check_y(y)
    check_classification_targets(y)
    rows = None if isinstance(X, np.ndarray) else as_lazy_rows(X)
    # Folds of what is on disk are then indices, not copies.
    X, y, groups = indexable(X if rows is None else rows, y, groups)
    if sample_weight is not None:
        sample_weight = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )
    if groups is not None:
        groups = np.asarray(groups)
    return TrainingRows(X, y, sample_weight, groups, fit_params)


class MetaClassifier(
    DecidesByProbability, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """Base of the classifiers that wrap another one, in `estimator`."""

    _parameter_constraints: dict[str, Any] = {
        "estimator": [HasMethods(["fit", "predict_proba"]), None]
    }
    estimator: Any

    def _get_estimator(self) -> Any:
        """Give the inner estimator, or the default one."""
        if self.estimator is None:
            # Quick; enough steps for features that nobody has scaled.
            return LogisticRegression(max_iter=1000)
        return self.estimator

    def _set_inner(self, estimator: Any, rows: TrainingRows) -> None:
        """Take over a fitted estimator and what it knows of X and of the classes."""
        self.estimator_ = estimator
        self.classes_ = all_classes(estimator, rows.y)
        for name in ("n_features_in_", "feature_names_in_"):
            # Of an earlier fit, on an input without them.
            self.__dict__.pop(name, None)
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probabilities of the inner estimator.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return aligned_proba(self.estimator_, X, self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self._get_estimator())
        tags.input_tags = deepcopy(inner.input_tags)
        tags.non_deterministic = inner.non_deterministic
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
            tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        return tags
