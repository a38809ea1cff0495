"""Sets of classes that contain the true one with a stated probability."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skastro.calibration._decisions import DecidesLikeInner
from skastro.calibration._meta import MetaClassifier, check_rows
from skastro.calibration._out_of_fold import CV_CONSTRAINTS, fit_with_unseen
from skastro.utils import import_optional
from skastro.utils._typing import Seed

# 1 - 0.9 is a little less than 0.1 in floating point; a p-value of 0.1 is to be out.
_ROUNDING = 1e-9


class ConformalSetClassifier(DecidesLikeInner, MetaClassifier):
    """Predict sets of classes with a stated coverage, class by class.

    ``predict`` gives one class a row, as ever; ``predict_set`` gives all classes that
    cannot be excluded. In the long run, ``confidence_level`` of the rows of each class
    have their true class in the set, whatever the classifier is and however rare the
    class.

    Parameters
    ----------
    estimator : classifier with predict_proba, default=None
        None takes a logistic regression.
    confidence_level : float, default=0.9
        Probability that the set contains the true class, in (0, 1).
    class_conditional : bool, default=True
        Whether the level holds for each class (Mondrian sets). False makes it hold for
        all rows together, with smaller sets that miss rare classes far more often.
    cv : "auto", float, int, splitter or iterable, default="auto"
        Which rows the p-values are calibrated on. A float is the share of each class
        that is kept from the fit: the coverage is then guaranteed. Otherwise all rows
        are used, out of fold, and the guarantee is approximate (see Notes): "auto"
        takes the attribute ``oof_proba_`` or ``oob_decision_function_`` of the fitted
        estimator if it has one, else five stratified folds. Groups are kept together.
    n_jobs : int, default=None
        Folds fitted at a time.
    random_state : int, RandomState instance or None, default=None
        Chooses the rows that a float `cv` keeps.

    Attributes
    ----------
    estimator_ : classifier
        The inner estimator, fitted on all rows, or on those that a float `cv` leaves.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_calibration_ : ndarray of shape (n_classes,)
        Calibration rows of each class.
    scores_, p_values_ : list of ndarray
        Nonconformity of the calibration rows, sorted, each value once, and the p-value
        of each, with that of anything less conforming at the end. One pair a class,
        or a single pair.
    n_features_in_ : int
        As the inner estimator has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        As the inner estimator has it.

    Raises
    ------
    ImportError
        By ``fit``, if crepes is not installed (``pip install "skastro[conformal]"``).

    Warns
    -----
    UserWarning
        By ``predict_set``, if a class has too few calibration rows to be ever excluded
        at the level: it is then in every set.

    See Also
    --------
    RejectClassifier : No class instead of several.

    Notes
    -----
    Nonconformity of a row with a class is one minus the probability of the class. The
    p-value is the share of calibration rows of the class that conform no better, the
    row itself counted in, and the set holds the classes with
    p > 1 - confidence_level [1]_. A set may be empty: no class fits.

    The guarantee is for rows exchangeable with the calibration rows of their class,
    and needs these to be unseen: a float `cv`. Out-of-fold probabilities come
    from estimators with fewer rows than the one that predicts, so that the coverage is
    in practice a little too high, but not proved. Weights go to the fits; a row of
    weight zero does not calibrate, any other one counts once.

    The p-values are those of crepes [2]_: BSD licence, Python 3.10 and later, nothing
    but numpy, scipy and pandas, and p-values as well as class-conditional sets are
    what it is made for. MAPIE 1.6 has neither (its conditional sets depend on X, and
    solve a linear programme a row). crepes is asked at the distinct calibration
    scores, once a fit: it goes row by row, and predicting needs a table only. Its
    smoothing of ties at random is off, so results do not depend on chance, and sets
    err on the side of too large.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random
       World", 2nd edition, Springer (2022), chapters 2 and 4.
    .. [2] H. Bostrom, "crepes: a Python package for generating conformal regressors
       and predictive systems", COPA, PMLR 179 (2022) 24-41.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skastro.calibration import ConformalSetClassifier
    >>> X, y = make_classification(900, n_classes=3, n_informative=4, random_state=0)
    >>> clf = ConformalSetClassifier(cv=0.5, random_state=0).fit(X[:450], y[:450])
    >>> sets = clf.predict_set(X[450:])
    >>> sets.shape, bool(sets[range(450), y[450:]].mean() > 0.87)
    ((450, 3), True)
    """

    _parameter_constraints: dict[str, Any] = {
        **MetaClassifier._parameter_constraints,
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "class_conditional": ["boolean"],
        "cv": CV_CONSTRAINTS,
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        confidence_level: float = 0.9,
        class_conditional: bool = True,
        cv: Any = "auto",
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.class_conditional = class_conditional
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        **fit_params: Any,
    ) -> ConformalSetClassifier:
        """Fit the estimator and calibrate the p-values.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the fits; rows of weight zero do not calibrate.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together; also handed to the inner estimator if
            its ``fit`` takes them.
        **fit_params : dict
            Handed to the ``fit`` of the inner estimator; what has a value a row is
            split along.

        Returns
        -------
        ConformalSetClassifier
            Fitted.
        """
        crepes = import_optional("crepes", extra="conformal")
        rows = check_rows(X, y, sample_weight, groups, fit_params)
        unseen = fit_with_unseen(
            self._get_estimator(),
            rows,
            cv=self.cv,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        )
        self._set_inner(unseen.estimator, rows)
        counts = rows.weights()[unseen.row] > 0
        label = np.searchsorted(self.classes_, rows.y[unseen.row][counts])
        proba = unseen.proba[counts].astype(np.float64)
        alpha = 1 - np.take_along_axis(proba, label[:, None], axis=1)[:, 0]
        n_classes = len(self.classes_)
        self.n_calibration_ = np.bincount(label, minlength=n_classes)
        parts = [alpha]
        if self.class_conditional:
            parts = [alpha[label == c] for c in range(n_classes)]
        self.scores_, self.p_values_ = [], []
        for part in parts:
            calibrated = crepes.ConformalClassifier().fit(part)
            distinct = np.unique(part)
            places = np.append(distinct, np.inf)
            self.scores_.append(distinct)
            self.p_values_.append(calibrated.predict_p(places, smoothing=False))
        return self

    def predict_p(self, X: Any) -> np.ndarray:
        """Compute the p-value of each class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In (0, 1]. Small where the row is unlike the calibration rows of the
            class. They do not add up to one.
        """
        check_is_fitted(self)
        alpha = 1 - self.predict_proba(X).astype(np.float64)
        p_values = np.empty(alpha.shape)
        for column in range(alpha.shape[1]):
            table = column if self.class_conditional else 0
            # Constant above a calibration score up to, and with, the next.
            place = np.searchsorted(self.scores_[table], alpha[:, column])
            p_values[:, column] = self.p_values_[table][place]
        return p_values

    def predict_set(self, X: Any, confidence_level: float | None = None) -> np.ndarray:
        """Predict the classes that cannot be excluded.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.
        confidence_level : float, default=None
            Another level, from the same fit.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Booleans, columns in the order of ``classes_``. A row may have none.
        """
        level = self.confidence_level if confidence_level is None else confidence_level
        if not 0 < level < 1:
            raise ValueError(f"confidence_level must be in (0, 1), got {level!r}.")
        p_values = self.predict_p(X)
        epsilon = (1 - level) * (1 + _ROUNDING)
        self._warn_of_small_classes(level, epsilon)
        return p_values > epsilon

    def _warn_of_small_classes(self, level: float, epsilon: float) -> None:
        """Name the classes that no p-value can exclude."""
        never = np.array([p[-1] > epsilon for p in self.p_values_])
        if not never.any():
            return
        needed = int(np.ceil(1 / epsilon)) - 1
        names = "all classes"
        if self.class_conditional:
            few = zip(self.classes_[never], self.n_calibration_[never], strict=True)
            names = ", ".join(f"{label!s} ({count})" for label, count in few)
        warnings.warn(
            f"At confidence_level={level:g}, {needed} calibration rows are needed "
            f"before a class can be left out of a set; always in: {names}.",
            UserWarning,
            stacklevel=3,
        )
