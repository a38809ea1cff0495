"""Decisions for the largest macro-F1 instead of for the largest accuracy."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skastro.calibration._decisions import check_proba
from skastro.calibration._macro_f1_rule import macro_f1_rule
from skastro.calibration._meta import MetaClassifier, check_rows
from skastro.calibration._out_of_fold import fit_with_unseen


class MacroF1Classifier(MetaClassifier):
    """Predict the classes that make the expected macro-F1 as large as it can.

    The probabilities are those of the inner estimator, only the decision differs: a
    row is given to the class of the greatest ``(p - F / 2) / (n + m)``, with the F1,
    the frequency and the frequency of decisions for each class found on out-of-fold
    probabilities of the training rows (`macro_f1_rule`).

    Parameters
    ----------
    estimator : classifier with predict_proba, default=None
        Its probabilities should be calibrated, for the priors of the rows to be
        classified. None takes a logistic regression.
    cv : "auto", int, splitter or iterable, default="auto"
        Where the out-of-fold probabilities come from. "auto" takes the attribute
        ``oof_proba_`` or ``oob_decision_function_`` of the fitted estimator if it
        has one, at no cost, else five stratified folds (fewer if the smallest class
        has fewer rows), which keep groups together if there are groups. A splitter
        need not test every row.
    min_gain : float, default=0.001
        The least gain in expected macro-F1 for which the decision may differ from
        the most probable class.
    n_jobs : int, default=None
        Folds fitted at a time.

    Attributes
    ----------
    estimator_ : classifier
        The inner estimator, fitted on all rows.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    rule_ : MacroF1Rule
        The rule, with what it is expected to gain on the training rows.
    oof_proba_ : ndarray of shape (n_samples, n_classes)
        That of the inner estimator, if it has one.
    n_features_in_ : int
        As the inner estimator has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        As the inner estimator has it.

    See Also
    --------
    macro_f1_rule : The rule alone, from probabilities.
    PriorCorrectedClassifier : Decisions for other class frequencies.

    Notes
    -----
    The rule holds for a sample with the class frequencies of the training rows. It
    gives up accuracy: a row goes to a rare class although a frequent one is more
    probable, and ``predict`` then differs from the argmax of ``predict_proba``.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.metrics import f1_score
    >>> from skastro.calibration import MacroF1Classifier
    >>> X, y = make_classification(800, weights=[0.9], class_sep=0.8, random_state=0)
    >>> clf = MacroF1Classifier().fit(X[:400], y[:400])
    >>> plain = clf.estimator_.predict(X[400:])
    >>> macro = f1_score(y[400:], clf.predict(X[400:]), average="macro")
    >>> bool(macro > f1_score(y[400:], plain, average="macro"))
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **MetaClassifier._parameter_constraints,
        "cv": ["cv_object", StrOptions({"auto"})],
        "min_gain": [Interval(Real, 0, 1, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        cv: Any = "auto",
        min_gain: float = 1e-3,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.cv = cv
        self.min_gain = min_gain
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        **fit_params: Any,
    ) -> MacroF1Classifier:
        """Fit the estimator and find the rule.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, of the fits and of the rule.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together in the folds; also handed to the inner
            estimator if its ``fit`` takes them.
        **fit_params : dict
            Handed to the ``fit`` of the inner estimator; what has a value a row is
            split along.

        Returns
        -------
        MacroF1Classifier
            Fitted.
        """
        rows = check_rows(X, y, sample_weight, groups, fit_params)
        unseen = fit_with_unseen(
            self._get_estimator(), rows, cv=self.cv, n_jobs=self.n_jobs
        )
        self._set_inner(unseen.estimator, rows)
        # For those that wrap this one: what cost nothing here shall not there.
        self.__dict__.pop("oof_proba_", None)
        if hasattr(unseen.estimator, "oof_proba_"):
            self.oof_proba_ = unseen.estimator.oof_proba_
        weight = rows.weights()[unseen.row]
        self.rule_ = macro_f1_rule(
            unseen.proba,
            sample_weight=weight,
            min_gain=self.min_gain,
        )
        return self

    def decide(self, proba: Any) -> np.ndarray:
        """Choose classes by the rule, from probabilities that were predicted before.

        Parameters
        ----------
        proba : array-like of shape (n_samples, n_classes)
            What ``predict_proba`` gave.

        Returns
        -------
        ndarray of shape (n_samples,)
            What ``predict`` would give for the same rows.
        """
        check_is_fitted(self)
        out: np.ndarray = self.classes_[
            self.rule_.predict(check_proba(proba, self.classes_))
        ]
        return out
