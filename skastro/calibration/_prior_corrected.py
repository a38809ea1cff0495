"""Probabilities for a population with other class frequencies than the training."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from skastro.calibration._meta import MetaClassifier, check_rows
from skastro.calibration._seen_priors import (
    check_priors,
    fit_recording,
    frequencies,
    seen_priors,
)


class PriorCorrectedClassifier(MetaClassifier):
    r"""Turn probabilities from one mixture of classes into those for another.

    A classifier that was fitted on resampled rows, or with class weights, takes rare
    classes to be as frequent as it saw them. Bayes' rule puts that right without a
    new fit, and the same rule serves for a target population, or for a choice between
    accuracy and balanced accuracy.

    Parameters
    ----------
    estimator : classifier with predict_proba, default=None
        Typically a pipeline of imbalanced-learn. None takes a logistic regression.
    priors : {"train", "balanced"}, dict or array-like of shape (n_classes,), \
            default="train"
        The class frequencies that the probabilities are to be for: those of y in
        ``fit`` (by sample weight), equal ones, or stated ones, by label or in the
        order of ``classes_``. Stated ones must name every class and add up to 1.
    training_priors : {"auto", "train", "balanced"}, dict or array-like of shape \
            (n_classes,), default="auto"
        The class frequencies that the estimator has seen. "auto" takes ``priors_`` or
        ``class_prior_`` of the fitted estimator if it states them, measures what the
        last step of an imbalanced-learn pipeline is given, takes those of y for an
        estimator that does not resample, and counts ``class_weight`` in; where none
        of this is possible (a search or an ensemble around a sampler, a frozen
        estimator) it is an error.

    Attributes
    ----------
    estimator_ : classifier
        The fitted inner estimator.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    train_priors_ : ndarray of shape (n_classes,)
        Class frequencies of y, by sample weight.
    seen_priors_ : ndarray of shape (n_classes,)
        Class frequencies behind the probabilities of the estimator.
    priors_ : ndarray of shape (n_classes,)
        Class frequencies behind the corrected probabilities.
    n_features_in_ : int
        As the inner estimator has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        As the inner estimator has it.

    Raises
    ------
    ValueError
        By ``fit``: if priors are not stated properly, give a class that the estimator
        has never seen a share, or if "auto" cannot tell what it has seen.

    See Also
    --------
    MacroF1Classifier : Another decision from the same probabilities.
    sklearn.calibration.CalibratedClassifierCV : Calibrates the probabilities.

    Notes
    -----
    With the priors :math:`\pi^\mathrm{seen}` and :math:`\pi`, and features that are
    distributed alike within a class in both populations,

    .. math:: p(c \mid x) \propto p^\mathrm{seen}(c \mid x)\,
              \frac{\pi_c}{\pi^\mathrm{seen}_c}.

    A class with a prior of zero gets the probability zero. A row for which all
    classes that remain have the probability zero gets the priors themselves. The
    probabilities of the estimator should be calibrated for what it has seen. Making
    rows by interpolation (SMOTE) changes the features within a class too, so that the
    correction is then an approximation.

    References
    ----------
    .. [1] M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a
       classifier to new a priori probabilities: a simple procedure", Neural
       Computation 14 (2002) 21-41.

    Examples
    --------
    >>> from imblearn.pipeline import make_pipeline
    >>> from imblearn.under_sampling import RandomUnderSampler
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skastro.calibration import PriorCorrectedClassifier
    >>> X, y = make_classification(1000, weights=[0.9], random_state=0)
    >>> pipe = make_pipeline(RandomUnderSampler(random_state=0), LogisticRegression())
    >>> clf = PriorCorrectedClassifier(pipe).fit(X, y)
    >>> [float(c.predict_proba(X)[:, 1].mean().round(2)) for c in (clf.estimator_, clf)]
    [0.19, 0.1]
    >>> clf.with_priors("balanced").priors_
    array([0.5, 0.5])
    """

    _parameter_constraints: dict[str, Any] = {
        **MetaClassifier._parameter_constraints,
        "priors": [StrOptions({"train", "balanced"}), dict, "array-like"],
        "training_priors": [
            StrOptions({"auto", "train", "balanced"}),
            dict,
            "array-like",
        ],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        priors: Any = "train",
        training_priors: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.priors = priors
        self.training_priors = training_priors

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        **fit_params: Any,
    ) -> PriorCorrectedClassifier:
        """Fit the estimator, noting which class frequencies it sees.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the fit and of the class frequencies. Refused by a pipeline
            that resamples.
        groups : array-like of shape (n_samples,), default=None
            Handed to the inner estimator if its ``fit`` takes them.
        **fit_params : dict
            Handed to the ``fit`` of the inner estimator.

        Returns
        -------
        PriorCorrectedClassifier
            Fitted.
        """
        rows = check_rows(X, y, sample_weight, groups, fit_params)
        estimator = clone(self._get_estimator())
        resampled = fit_recording(estimator, rows)
        self._set_inner(estimator, rows)
        classes = self.classes_
        self.train_priors_ = frequencies(rows.y, rows.weights(), classes)
        given = self.training_priors
        if isinstance(given, str) and given == "auto":
            self.seen_priors_ = seen_priors(estimator, resampled, classes, rows)
        elif isinstance(given, str) and given == "train":
            self.seen_priors_ = self.train_priors_
        else:
            self.seen_priors_ = check_priors(given, classes, "training_priors")
        self.priors_ = self._target(self.priors)
        return self

    def _target(self, priors: Any) -> np.ndarray:
        """Read the target priors."""
        if isinstance(priors, str) and priors == "train":
            target = self.train_priors_
        else:
            target = check_priors(priors, self.classes_, "priors")
        unseen = (self.seen_priors_ == 0) & (target > 0)
        if unseen.any():
            raise ValueError(
                "The estimator has not seen the classes "
                f"{self.classes_[unseen].tolist()}, so their probabilities cannot be "
                "corrected to a prior above zero."
            )
        return target

    def with_priors(self, priors: Any) -> PriorCorrectedClassifier:
        """Give a classifier for other priors from the same fit.

        Parameters
        ----------
        priors : {"train", "balanced"}, dict or array-like of shape (n_classes,)
            As the parameter of that name.

        Returns
        -------
        PriorCorrectedClassifier
            Fitted; shares the inner estimator with this one, which stays as it is.
        """
        check_is_fitted(self)
        if isinstance(priors, str) and priors not in ("train", "balanced"):
            raise ValueError(
                f'priors must be "train", "balanced", a dict or an array, got '
                f"{priors!r}."
            )
        other = copy.copy(self)
        other.priors = priors
        other.priors_ = self._target(priors)
        return other

    def estimate_priors(
        self, X: Any, *, max_iter: int = 1000, tol: float = 1e-6
    ) -> dict[Any, float]:
        """Estimate the class frequencies of an unlabelled sample.

        The maximum of the likelihood, by expectation maximisation (see the class):
        correct the probabilities to the priors, take their means as the next. Needs
        probabilities that are calibrated for what the estimator has seen: of a
        classifier trained on interpolated rows (SMOTE) they rarely are. Classes with
        few rows may be driven to 0, and are then never predicted: keep their training
        priors, and estimate those of the frequent ones.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of the target population.
        max_iter : int, default=1000
            Iterations at most.
        tol : float, default=1e-6
            Ends when no prior changes by more.

        Returns
        -------
        dict
            Prior by class label, for `with_priors`.
        """
        check_is_fitted(self)
        proba = super().predict_proba(X).astype(np.float64)
        priors = self.seen_priors_
        for _ in range(max_iter):
            new = _corrected(proba, self.seen_priors_, priors).mean(axis=0)
            change = np.abs(new - priors).max()
            priors = new / new.sum()
            if change <= tol:
                break
        return dict(zip(self.classes_.tolist(), priors.tolist(), strict=True))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities for the population of ``priors_``.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        proba = super().predict_proba(X)
        return _corrected(proba, self.seen_priors_, self.priors_)


def _corrected(proba: np.ndarray, seen: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Apply Bayes' rule; no class has a target prior without having been seen."""
    if np.array_equal(seen, target):
        return proba
    ratio = np.divide(target, seen, out=np.zeros_like(target), where=seen > 0)
    corrected = proba * ratio.astype(proba.dtype)
    total = corrected.sum(axis=1, keepdims=True)
    impossible = total[:, 0] <= 0
    corrected[impossible], total[impossible] = target, 1
    out: np.ndarray = corrected / total
    return out
