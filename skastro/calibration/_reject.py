"""Leaving the doubtful rows to somebody else."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import entr
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skastro.calibration._decisions import DecidesLikeInner
from skastro.calibration._meta import MetaClassifier, check_rows
from skastro.calibration._out_of_fold import CV_CONSTRAINTS, fit_with_unseen
from skastro.utils._typing import Seed

# Coverages tried for a bounded risk. Fixed beforehand: each is one test.
_COVERAGES = np.arange(1, 21) / 20


class RejectClassifier(DecidesLikeInner, MetaClassifier):
    r"""Say beside the predicted class whether it is safe enough to be accepted.

    ``predict`` gives every row a class, as ever; ``accept`` is a mask of the rows
    whose confidence reaches a threshold. The threshold is given, or found on training
    rows that the estimator has not seen: for a share of rows to be accepted, or for a
    share of errors among the accepted ones.

    Parameters
    ----------
    estimator : classifier with predict_proba, default=None
        None takes a logistic regression.
    threshold : float or {"coverage", "risk"}, default="coverage"
        A number is the least confidence, in the units of `criterion`. "coverage"
        accepts a share `coverage` of the rows. "risk" accepts as many rows as
        possible with a share of at most `max_risk` of them in error.
    criterion : {"max_proba", "margin", "entropy"}, default="max_proba"
        What confidence is: the greatest probability; the greatest minus the second;
        one minus the entropy divided by that of equal probabilities. All are in
        [0, 1] and 1 is certainty.
    coverage : float, default=0.9
        Share of the rows to be accepted, in (0, 1].
    max_risk : float, default=0.1
        Share of errors among the accepted rows, in (0, 1).
    delta : float or None, default=0.05
        With ``threshold="risk"``: the probability, over the rows the threshold is
        found on, that the true risk exceeds `max_risk`. None bounds only the risk
        measured on these rows, which the true one exceeds about half of the time.
    cv : "auto", float, int, splitter or iterable, default="auto"
        Where probabilities of unseen rows come from. "auto" takes the attribute
        ``oof_proba_`` or ``oob_decision_function_`` of the fitted estimator if it has
        one, else five stratified folds. A float is the share of each class that is
        kept from the fit altogether. Groups are kept together.
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
    threshold_ : float
        The least confidence that is accepted; infinite if no threshold keeps the
        risk.
    coverage_, risk_ : float
        Share of unseen training rows accepted, and of errors among them (NaN if there
        are none). Only where the threshold was found.
    risk_bound_ : float
        Upper confidence bound of the risk, with ``threshold="risk"`` and a `delta`.
    n_features_in_ : int
        As the inner estimator has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        As the inner estimator has it.

    Warns
    -----
    UserWarning
        If no threshold keeps the risk: nothing is accepted then.

    See Also
    --------
    ConformalSetClassifier : Several classes instead of none.

    Notes
    -----
    The bound is that of Clopper and Pearson for the rows above a threshold, at 20
    coverages fixed beforehand, each at the level ``delta / 20``; the largest coverage
    that passes is taken, in the manner of [1]_ with the correction for several looks
    of [2]_. It holds, but for the one row that sits at the threshold, for rows like
    those of the fit, where the threshold is found on rows kept from the fit (a float
    `cv`, or a `FrozenEstimator` with fresh rows). With folds, the estimator that
    predicts is fitted on more rows than those that were measured, and the bound is
    approximate. Sample weights enter the bound by the effective number of rows,
    :math:`(\sum w)^2 / \sum w^2`. A small risk is bought with the rare and difficult
    classes: look at the coverage of each.

    References
    ----------
    .. [1] Y. Geifman and R. El-Yaniv, "Selective classification for deep neural
       networks", NeurIPS 30 (2017) 4878-4887.
    .. [2] A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan and L. Lei, "Learn
       then test", Annals of Applied Statistics 19 (2025) 1641-1662.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skastro.calibration import RejectClassifier
    >>> X, y = make_classification(600, n_classes=3, n_informative=4, random_state=0)
    >>> clf = RejectClassifier(coverage=0.6).fit(X[:300], y[:300])
    >>> right, kept = clf.predict(X[300:]) == y[300:], clf.accept(X[300:])
    >>> bool(right[kept].mean() > right.mean()), len(right)
    (True, 300)
    """

    _parameter_constraints: dict[str, Any] = {
        **MetaClassifier._parameter_constraints,
        "threshold": [Real, StrOptions({"coverage", "risk"})],
        "criterion": [StrOptions({"max_proba", "margin", "entropy"})],
        "coverage": [Interval(Real, 0, 1, closed="right")],
        "max_risk": [Interval(Real, 0, 1, closed="neither")],
        "delta": [Interval(Real, 0, 1, closed="neither"), None],
        "cv": CV_CONSTRAINTS,
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        threshold: Any = "coverage",
        criterion: str = "max_proba",
        coverage: float = 0.9,
        max_risk: float = 0.1,
        delta: float | None = 0.05,
        cv: Any = "auto",
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.criterion = criterion
        self.coverage = coverage
        self.max_risk = max_risk
        self.delta = delta
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
    ) -> RejectClassifier:
        """Fit the estimator and find the threshold.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, of the fits and of the rows that the threshold is found on.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group stay together; also handed to the inner estimator if
            its ``fit`` takes them.
        **fit_params : dict
            Handed to the ``fit`` of the inner estimator; what has a value a row is
            split along.

        Returns
        -------
        RejectClassifier
            Fitted.
        """
        rows = check_rows(X, y, sample_weight, groups, fit_params)
        for name in ("coverage_", "risk_", "risk_bound_"):
            self.__dict__.pop(name, None)
        if isinstance(self.threshold, Real):
            if np.isnan(float(self.threshold)):
                raise ValueError("threshold is NaN: nothing could be accepted.")
            self._set_inner(rows.fit(clone(self._get_estimator())), rows)
            self.threshold_ = float(self.threshold)
            return self
        unseen = fit_with_unseen(
            self._get_estimator(),
            rows,
            cv=self.cv,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        )
        self._set_inner(unseen.estimator, rows)
        said = self.decide(unseen.proba)
        self._find_threshold(
            confidence_of(unseen.proba, self.criterion),
            said != rows.y[unseen.row],
            rows.weights()[unseen.row],
        )
        return self

    def _find_threshold(
        self, confidence: np.ndarray, wrong: np.ndarray, weight: np.ndarray
    ) -> None:
        """Set the threshold from rows unseen, and what it gives on them."""
        order = np.argsort(-confidence, kind="stable")
        confidence, wrong, weight = confidence[order], wrong[order], weight[order]
        # Rows of equal confidence stand or fall together: only the last can be cut at.
        last = np.append(confidence[1:] < confidence[:-1], True)
        accepted = np.cumsum(weight)
        share = accepted / accepted[-1]
        # Rows without weight in front have accepted nothing yet.
        risk = np.cumsum(weight * wrong) / np.where(accepted > 0, accepted, 1.0)
        cut: int | None
        if self.threshold == "coverage":
            # Not kept from the share it stands for by a rounding error.
            cut = int(np.flatnonzero(last & (share >= self.coverage - 1e-9))[0])
        elif self.delta is None:
            fine = np.flatnonzero(last & (accepted > 0) & (risk <= self.max_risk))
            cut = int(fine[-1]) if len(fine) else None
        else:
            size = accepted**2 / np.maximum(np.cumsum(weight**2), np.finfo(float).tiny)
            places = np.flatnonzero(last)
            wanted = np.searchsorted(share[places], _COVERAGES - 1e-9)
            tried = np.unique(places[wanted])
            bound = risk_bound(risk[tried], size[tried], self.delta / len(_COVERAGES))
            fine = np.flatnonzero(bound <= self.max_risk)
            cut = int(tried[fine[-1]]) if len(fine) else None
            self.risk_bound_ = float(bound[fine[-1]] if len(fine) else bound.min())
        if cut is None:
            self.threshold_, self.coverage_, self.risk_ = np.inf, 0.0, np.nan
            warnings.warn(
                f"No threshold keeps the risk at max_risk={self.max_risk} with "
                f"delta={self.delta}: nothing will be accepted.",
                UserWarning,
                stacklevel=3,
            )
            return
        self.threshold_ = float(confidence[cut])
        self.coverage_, self.risk_ = float(share[cut]), float(risk[cut])

    def confidence(self, X: Any) -> np.ndarray:
        """Compute how sure the prediction of each row is.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples,)
            In [0, 1], by `criterion`.
        """
        return confidence_of(self.predict_proba(X), self.criterion)

    def accept(self, X: Any) -> np.ndarray:
        """Say which predictions are to be accepted.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples,)
            Booleans: whether the confidence is at least ``threshold_``.
        """
        check_is_fitted(self)
        return self.confidence(X) >= self.threshold_


def confidence_of(proba: np.ndarray, criterion: str) -> np.ndarray:
    """Compute a confidence in [0, 1] from probabilities.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities.
    criterion : {"max_proba", "margin", "entropy"}
        See `RejectClassifier`.

    Returns
    -------
    ndarray of shape (n_samples,)
        1 is certainty.
    """
    n_classes = proba.shape[1]
    if criterion == "max_proba" or n_classes == 1:
        return np.asarray(proba.max(axis=1))
    if criterion == "margin":
        two = np.partition(proba, n_classes - 2, axis=1)[:, -2:]
        return two[:, 1] - two[:, 0]
    lack = entr(proba).sum(axis=1) / np.log(n_classes)
    return np.asarray(np.clip(1 - lack, 0, 1))


def risk_bound(risk: np.ndarray, size: np.ndarray, delta: float) -> np.ndarray:
    """Bound a share of errors from above, after Clopper and Pearson.

    Parameters
    ----------
    risk : ndarray
        Shares that were measured.
    size : ndarray
        Numbers of rows that they were measured on.
    delta : float
        Probability that the bound fails.

    Returns
    -------
    ndarray
        Upper bounds, 1 where all are errors.
    """
    wrong = risk * size
    right = size - wrong
    bound = stats.beta.ppf(1 - delta, wrong + 1, np.maximum(right, 1e-9))
    return np.where(right > 1e-9, bound, 1.0)
