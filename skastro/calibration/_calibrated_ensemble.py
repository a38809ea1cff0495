"""Several classifiers, calibrated on the folds that each did not see, as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skastro.calibration._decisions import DecidesByProbability
from skastro.calibration._fold_fits import class_weighted, fit_fold, proba_of
from skastro.calibration._meta import (
    TrainingRows,
    check_rows,
)
from skastro.calibration._temperature import TemperatureScaling, log_proba
from skastro.utils import own_random_state
from skastro.utils._typing import Seed

LARGEST_SEED = np.iinfo(np.int32).max


class CalibratedEnsembleClassifier(
    DecidesByProbability, ClassifierMixin, MetaEstimatorMixin, _BaseComposition
):
    """Average of classifiers that are calibrated on their own out-of-fold rows.

    Every classifier is trained once a fold of an inner cross-validation. Its
    probabilities for the fold it did not see calibrate it, for nothing extra, by
    temperature scaling with a bias a class; what is trained on K folds stays in use,
    and predicts as the mean of the K. The calibrated classifiers are averaged, and the
    average is calibrated again. The out-of-fold probabilities are kept in
    ``oof_proba_``, so that a decision rule such as `MacroF1Classifier` needs no
    training of its own.

    Parameters
    ----------
    estimators : list of (str, classifier), default=None
        The classifiers, with ``predict_proba``; pipelines may be among them. None is
        logistic regression and naive Bayes, which are quick and little else.
    cv : int, splitter or iterable of (train, test), default=5
        Inner folds; an int is that many shuffled stratified ones, which keep groups
        together if ``fit`` is given ``groups``. A number above the size of the smallest
        class is lowered to that size, but not below 2.
    n_repeats : int or dict of str to int, default=1
        How often each classifier goes through the folds, with other seeds (and, for an
        int ``cv``, other folds): nets gain from more than one.
    balance : float, default=0.0
        Rows of class c weigh n_c^-balance in the training of the classifiers: 0 for all
        the same, 1 for all classes the same. The bias of the calibration takes out
        what that does to the probabilities.
    calibration : {"bias", "temperature"} or None, default="bias"
        Temperature with a bias a class (Alexandari et al. 2020), without it, or
        nothing.
    penalty : float, default=1.0
        L2 penalty of the bias, in units of one row's log-loss: classes of few rows move
        less.
    average : {"geometric", "arithmetic"}, default="geometric"
        The mean of the calibrated probabilities.
    n_jobs : int or None, default=None
        Trainings that run at once.
    random_state : int, RandomState instance or None, default=None
        Fixes the folds of an int ``cv`` and every ``random_state`` of the classifiers.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    estimators_ : dict of str to list
        The trained classifiers, one a fold and repeat.
    calibrators_ : dict of str to TemperatureScaling
        By classifier; the one of the average is under "average". Empty without
        calibration.
    priors_ : ndarray of shape (n_classes,)
        Class frequencies that the probabilities are for: those of the training rows.
        Only with ``calibration="bias"``, which takes out what ``balance`` or a
        resampler in a classifier has changed.
    oof_proba_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the training rows from classifiers that did not see them;
        NaN for rows that no inner fold tests.
    n_features_in_ : int
        Columns of X, if the classifiers tell.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X had any.

    Raises
    ------
    ValueError
        In ``fit``: if there is only one class, names repeat, or a classifier that takes
        no ``sample_weight`` would need one.

    See Also
    --------
    MacroF1Classifier : A decision rule for rare classes, on the ``oof_proba_``.
    sklearn.calibration.CalibratedClassifierCV : One classifier, arithmetic mean.

    Notes
    -----
    The bias is fitted on all out-of-fold rows at once: n_classes + 1 numbers, which is
    why ``oof_proba_`` is calibrated with its own rows.

    References
    ----------
    C. Guo et al. 2017, "On Calibration of Modern Neural Networks", ICML, section 4.
    A. Alexandari, A. Kundaje, A. Shrikumar 2020, "Maximum Likelihood with
    Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation", ICML,
    section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skastro.calibration import CalibratedEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> both = [("bayes", GaussianNB()), ("linear", LogisticRegression(max_iter=500))]
    >>> model = CalibratedEnsembleClassifier(both, random_state=0).fit(X, y)
    >>> model.predict(X[:2]), model.oof_proba_.shape
    (array([0, 0]), (150, 3))
    """

    _parameter_constraints: dict[str, Any] = {
        "estimators": [list, None],
        "cv": ["cv_object"],
        "n_repeats": [Interval(Integral, 1, None, closed="left"), dict],
        "balance": [Interval(Real, 0, None, closed="left")],
        "calibration": [StrOptions({"bias", "temperature"}), None],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "average": [StrOptions({"geometric", "arithmetic"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]] | None = None,
        *,
        cv: Any = 5,
        n_repeats: int | dict[str, int] = 1,
        balance: float = 0.0,
        calibration: str | None = "bias",
        penalty: float = 1.0,
        average: str = "geometric",
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.estimators = estimators
        self.cv = cv
        self.n_repeats = n_repeats
        self.balance = balance
        self.calibration = calibration
        self.penalty = penalty
        self.average = average
        self.n_jobs = n_jobs
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters, those of the classifiers by name too.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of the classifiers are among them, as ``name__parameter``.

        Returns
        -------
        dict
            Name to value.
        """
        out: dict[str, Any] = self._get_params("estimators", deep=deep)
        return out

    def set_params(self, **params: Any) -> CalibratedEnsembleClassifier:
        """Set parameters, or a whole classifier by its name.

        Parameters
        ----------
        **params : dict
            As `get_params` gives them.

        Returns
        -------
        CalibratedEnsembleClassifier
            The estimator.
        """
        self._set_params("estimators", **params)
        return self

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None
    ) -> CalibratedEnsembleClassifier:
        """Train every classifier on every inner fold, and calibrate.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Given to the classifiers as it is.
        y : array-like of shape (n_samples,)
            The labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows, in training (times those of ``balance``) and calibration.
        groups : array-like of shape (n_samples,), default=None
            Rows that must not be parted by the inner folds, as sources or fields.

        Returns
        -------
        CalibratedEnsembleClassifier
            The fitted estimator.
        """
        self._validate_params()
        rows = check_rows(X, y, sample_weight, groups, {})
        named = self._named()
        self.classes_, codes = np.unique(rows.y, return_inverse=True)
        if np.unique(rows.y[rows.weights() > 0]).size < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes or more with weight, y has "
                "only one class."
            )
        weighted = replace(
            rows, sample_weight=class_weighted(codes, rows.sample_weight, self.balance)
        )
        repeats = self._repeats([name for name, _ in named])
        rng = own_random_state(self.random_state)
        jobs = [
            (name, clone(estimator), train, test, int(rng.randint(LARGEST_SEED)))
            for name, estimator in named
            for train, test in self._splits(repeats[name], rows, rng)
        ]
        if {name for name, *_ in jobs} != {name for name, _ in named}:
            raise ValueError(f"cv gives no split: {self.cv!r}.")
        done = Parallel(n_jobs=self.n_jobs)(
            delayed(fit_fold)(model, weighted, train, test, seed, self.classes_)
            for _, model, train, test, seed in jobs
        )
        shape = (len(codes), self.classes_.size)
        total = {name: np.zeros(shape) for name, _ in named}
        times = {name: np.zeros(len(codes)) for name, _ in named}
        self.estimators_: dict[str, list[Any]] = {name: [] for name, _ in named}
        for (name, _, _, test, _), (model, proba) in zip(jobs, done, strict=True):
            self.estimators_[name].append(model)
            total[name][test] += proba
            times[name][test] += 1
        tested = np.min(list(times.values()), axis=0) > 0
        out_of_fold = {k: total[k][tested] / times[k][tested, None] for k in total}
        self._calibrate(out_of_fold, codes, rows.sample_weight, tested)
        self.__dict__.pop("priors_", None)
        if self.calibration == "bias":
            # The biases fit the probabilities to these, whatever training has weighted.
            count = np.bincount(codes, weights=rows.sample_weight)
            self.priors_ = count / count.sum()
        for name in ("n_features_in_", "feature_names_in_"):
            # Of an earlier fit, on an input without them.
            self.__dict__.pop(name, None)
            if hasattr(done[0][0], name):
                setattr(self, name, getattr(done[0][0], name))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give calibrated probabilities.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1; columns follow ``classes_``.
        """
        check_is_fitted(self)
        return self._combined(self._asked(X))

    def member_proba(self, X: Any) -> dict[str, NDArray[np.float64]]:
        """Give the calibrated probabilities of each classifier alone.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        dict of str to ndarray of shape (n_samples, n_classes)
            By the names in ``estimators``; where they disagree, the average is worth
            less.
        """
        check_is_fitted(self)
        same: Any = np.asarray
        return {k: self.calibrators_.get(k, same)(p) for k, p in self._asked(X).items()}

    def _asked(self, X: Any) -> dict[str, NDArray[np.float64]]:
        """Give the mean of each classifier's folds, before calibration."""
        return {
            name: np.mean([proba_of(m, X, self.classes_) for m in models], axis=0)
            for name, models in self.estimators_.items()
        }

    def _named(self) -> list[tuple[str, Any]]:
        if self.estimators is None:
            return [
                ("linear", LogisticRegression(max_iter=1000)),
                ("bayes", GaussianNB()),
            ]
        names = [name for name, _ in self.estimators]
        if not names or "average" in names:
            raise ValueError(
                "estimators must be a list of (name, classifier), with other names "
                f'than "average"; got the names {names}.'
            )
        self._validate_names(names)
        return list(self.estimators)

    def _repeats(self, names: list[str]) -> dict[str, int]:
        """Read how often each classifier goes through the folds."""
        given = self.n_repeats
        if not isinstance(given, dict):
            return dict.fromkeys(names, given)
        wrong = [
            name
            for name, number in given.items()
            if name not in names or number % 1 != 0 or number < 1
        ]
        if wrong:
            raise ValueError(
                f"n_repeats must give positive integers for names among {names}, got "
                f"{given}."
            )
        return {name: given.get(name, 1) for name in names}

    def _splits(self, repeats: int, rows: TrainingRows, rng: Any) -> Iterator[Any]:
        """Give the folds of all repeats of one classifier."""
        for _ in range(repeats):
            if isinstance(self.cv, Integral):
                smallest = int(np.unique(rows.y, return_counts=True)[1].min())
                kind = StratifiedKFold if rows.groups is None else StratifiedGroupKFold
                cv = kind(
                    max(2, min(int(self.cv), smallest)),
                    shuffle=True,
                    random_state=int(rng.randint(LARGEST_SEED)),
                )
            else:
                cv = check_cv(self.cv, rows.y, classifier=True)
            yield from cv.split(rows.X, rows.y, rows.groups)

    def _calibrate(
        self,
        out_of_fold: dict[str, NDArray[np.float64]],
        codes: NDArray[np.intp],
        weight: NDArray[Any] | None,
        tested: NDArray[np.bool_],
    ) -> None:
        self.calibrators_: dict[str, TemperatureScaling] = {}
        options: dict[str, Any] = {
            "sample_weight": None if weight is None else weight[tested],
            "with_bias": self.calibration == "bias",
            "penalty": self.penalty,
        }
        if self.calibration is not None:
            found = {
                name: TemperatureScaling.fit(proba, codes[tested], **options)
                for name, proba in out_of_fold.items()
            }
            self.calibrators_ = dict(found)
            mixed = self._combined(out_of_fold)
            found["average"] = TemperatureScaling.fit(mixed, codes[tested], **options)
            self.calibrators_ = found
        self.oof_proba_ = np.full((len(codes), self.classes_.size), np.nan)
        self.oof_proba_[tested] = self._combined(out_of_fold)

    def _combined(self, by_name: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        same: Any = np.asarray
        parts = [self.calibrators_.get(k, same)(p) for k, p in by_name.items()]
        if self.average == "geometric":
            logs = np.mean([log_proba(part) for part in parts], axis=0)
            mixed = np.exp(logs - logs.max(axis=1, keepdims=True))
        else:
            mixed = np.mean(parts, axis=0)
        mixed = mixed / mixed.sum(axis=1, keepdims=True)
        out: NDArray[np.float64] = self.calibrators_.get("average", same)(mixed)
        return out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = [get_tags(estimator).input_tags for _, estimator in self._named()]
        tags.input_tags.allow_nan = all(t.allow_nan for t in inner)
        tags.input_tags.sparse = all(t.sparse for t in inner)
        return tags
