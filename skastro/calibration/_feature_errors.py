"""Class probabilities with the errors that measurement errors give them."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import _fit_context, clone
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples, check_is_fitted

from skastro.calibration._error_draws import (
    MeasuredColumns,
    draw_values,
    read_columns,
    row_shifts,
    write_columns,
)
from skastro.calibration._meta import (
    MetaClassifier,
    TrainingRows,
    aligned_proba,
    check_rows,
)
from skastro.utils import own_random_state
from skastro.utils._typing import Seed

# Probabilities that are held at a time: 32 MiB.
_CHUNK_VALUES = 2**22


class FeatureErrorEnsemble(MetaClassifier):
    r"""Carry the errors of measured features over to the class probabilities.

    Measured columns are drawn again and again within their errors, independently of
    each other, and all draws are classified: the median over the draws is the
    probability, their spread its error. What is derived from the columns (ratios,
    logarithms, colours) has to be derived in the inner estimator, a pipeline: it is
    then computed anew from each draw.

    Parameters
    ----------
    estimator : classifier with predict_proba, default=None
        Typically a pipeline that begins with the features. It is given all columns of
        X, those of the errors included. None takes a logistic regression.
    error_columns : dict, default=None
        Value column to the column of its standard deviation, in the same unit: names
        for DataFrames, positions for anything. None: no column has an error.
    positive : sequence of columns, default=()
        Value columns that cannot be negative, such as fluxes: drawn from the part of
        the normal law above zero, as if drawn anew until positive.
    n_draws : int, default=50
        Number of draws. Without `error_columns` there is one.
    draw : {"predict", "fit+predict"}, default="predict"
        "predict" fits one estimator, on the values as measured. "fit+predict" fits
        one for each draw of the training rows, as MUWCLASS does, and lets it
        classify one draw.
    confidence_threshold : float, default=2.0
        What `accept` asks of `confidence`.
    n_jobs : int, default=None
        Fits at a time, for "fit+predict".
    random_state : int, RandomState instance or None, default=None
        Seeds the draws. They are fixed by ``fit``: predictions are repeatable.

    Attributes
    ----------
    estimators_ : list of classifiers
        One, or one a draw.
    estimator_ : classifier
        The first of them.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_draws_ : int
        Number of draws.
    grid_ : ndarray of shape (n_draws_, n_columns)
        Evenly spread numbers in (0, 1) in random order, which each row shifts.
    seed_ : int
        Of the shifts.
    n_features_in_ : int
        As the inner estimator has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        As the inner estimator has it.

    Raises
    ------
    ValueError
        By ``fit`` and by predictions: if a column of `error_columns` is missing, or an
        error is negative or infinite.

    Notes
    -----
    A value that is NaN, or whose error is NaN or zero, stays as it is. Training draws
    come from one generator, independent for each row and column. Draws for
    predictions must not depend on which rows are predicted together, so each row
    makes its own: draw k of column j takes the quantile ``grid_[k, j] + shift`` (modulo
    one) of its normal law, with a shift that is a hash of the measured values and
    errors of the row, the column and the seed. In this way the draws of one column
    fill its law evenly (a Latin hypercube), differ between rows and columns, and are
    the same for the same row anywhere.

    With P the probability (median over the draws, divided by the sum over the
    classes; the mean over the draws where all medians are zero) and e half the
    distance between the quantiles 0.16 and 0.84, the confidence is, as in [1]_,

    .. math:: \mathrm{CT} = \min_{i \ne \mathrm{best}}
              \frac{P_\mathrm{best} - P_i}{e_\mathrm{best} + e_i}.

    It is infinite where the draws do not change the probabilities, and NaN, which
    `accept` takes for no, where no column of a row could be drawn and the error is
    therefore not known. It covers measurement errors alone, not how
    well the classes can be told apart.

    References
    ----------
    .. [1] H. Yang et al., "Classifying unidentified X-ray sources in the Chandra
       Source Catalog using a multiwavelength machine-learning approach", ApJ 941
       (2022) 104.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skastro.calibration import FeatureErrorEnsemble
    >>> def ratio(X):
    ...     return (X[:, :1] - X[:, 1:2]) / (X[:, :1] + X[:, 1:2])
    >>> flux = np.random.default_rng(0).uniform(1, 9, (200, 2))
    >>> X, y = np.hstack([flux, 0.1 * flux]), flux[:, 0] > flux[:, 1]
    >>> pipe = make_pipeline(FunctionTransformer(ratio), LogisticRegression())
    >>> clf = FeatureErrorEnsemble(pipe, error_columns={0: 2, 1: 3}, random_state=0)
    >>> same_fluxes = [[4, 3, 0.1, 0.1], [4, 3, 1.5, 1.5]]
    >>> clf.fit(X, y).predict_proba_std(same_fluxes)[:, 1].round(2)
    array([0.02, 0.25])
    """

    _parameter_constraints: dict[str, Any] = {
        **MetaClassifier._parameter_constraints,
        "error_columns": [dict, None],
        "positive": ["array-like"],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "draw": [StrOptions({"predict", "fit+predict"})],
        "confidence_threshold": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        error_columns: dict[Any, Any] | None = None,
        positive: Any = (),
        n_draws: int = 50,
        draw: str = "predict",
        confidence_threshold: float = 2.0,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.estimator = estimator
        self.error_columns = error_columns
        self.positive = positive
        self.n_draws = n_draws
        self.draw = draw
        self.confidence_threshold = confidence_threshold
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
    ) -> FeatureErrorEnsemble:
        """Fit one estimator, or one a draw.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Measured values and their errors.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the fits.
        groups : array-like of shape (n_samples,), default=None
            Handed to the inner estimator if its ``fit`` takes them.
        **fit_params : dict
            Handed to the ``fit`` of the inner estimator.

        Returns
        -------
        FeatureErrorEnsemble
            Fitted.
        """
        rows = check_rows(X, y, sample_weight, groups, fit_params)
        rng = np.random.default_rng(
            own_random_state(self.random_state).randint(2**31 - 1)
        )
        columns = self._read(rows.X)
        n_columns = 0 if columns is None else len(columns.position)
        self.n_draws_ = self.n_draws if n_columns else 1
        grid = np.tile((np.arange(self.n_draws_)[:, None] + 0.5), n_columns)
        self.grid_ = rng.permuted(grid, axis=0) / self.n_draws_
        self.seed_ = int(rng.integers(2**63))
        if columns is None or self.draw == "predict":
            estimators = [rows.fit(clone(self._get_estimator()))]
        else:
            # Drawn here, in order: results do not depend on how fits are spread.
            fits = (
                delayed(_fit_draw)(
                    clone(self._get_estimator()),
                    rows,
                    columns,
                    draw_values(columns, rng.random(columns.value.shape)),
                )
                for _ in range(self.n_draws_)
            )
            estimators = list(Parallel(n_jobs=self.n_jobs)(fits))
        self._set_inner(estimators[0], rows)
        self.estimators_ = estimators
        return self

    def _read(self, X: Any) -> MeasuredColumns | None:
        """Look up the measured columns of X, if there are any."""
        if not self.error_columns:
            return None
        if sparse.issparse(X):
            raise ValueError("error_columns needs a dense X, got a sparse one.")
        return read_columns(_table(X), self.error_columns, list(self.positive))

    def predict_proba_draws(self, X: Any) -> np.ndarray:
        """Predict the probabilities of each draw.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Measured values and their errors. All draws of all rows are returned: give
            a large catalogue in parts. The other methods do so by themselves.

        Returns
        -------
        ndarray of shape (n_draws, n_samples, n_classes)
            Probabilities.
        """
        check_is_fitted(self)
        columns = self._read(X)
        if columns is None:
            return aligned_proba(self.estimators_[0], X, self.classes_)[None]
        table = _table(X)
        shifts = row_shifts(columns, self.seed_)
        draws = []
        for number, quantiles in enumerate(self.grid_):
            drawn = draw_values(columns, (quantiles + shifts) % 1.0)
            estimator = self.estimators_[number % len(self.estimators_)]
            moved = write_columns(table, columns, drawn)
            draws.append(aligned_proba(estimator, moved, self.classes_))
        return np.stack(draws)

    def _chunks(self, X: Any) -> Iterator[Any]:
        """Cut X into parts whose draws fit into little memory."""
        n_rows = _num_samples(X)
        size = max(1, _CHUNK_VALUES // (self.n_draws_ * len(self.classes_)))
        if n_rows <= size:
            yield X
            return
        for start in range(0, n_rows, size):
            yield _safe_indexing(X, slice(start, min(start + size, n_rows)))

    def _summary(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Give the probabilities and their errors."""
        check_is_fitted(self)
        proba, error = [], []
        for part in self._chunks(X):
            draws = self.predict_proba_draws(part)
            if len(draws) == 1:
                proba.append(draws[0])
                error.append(np.zeros_like(draws[0]))
                continue
            low, median, high = np.quantile(draws, [0.16, 0.5, 0.84], axis=0)
            total = median.sum(axis=1)
            median[total <= 0] = draws[:, total <= 0].mean(axis=0)
            proba.append(median / median.sum(axis=1, keepdims=True))
            error.append((high - low) / 2)
        return np.concatenate(proba), np.concatenate(error)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the median of the probabilities over the draws.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Measured values and their errors.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Divided by their sum, so that they add up to one.
        """
        return self._summary(X)[0]

    def predict_proba_std(self, X: Any) -> np.ndarray:
        """Predict the errors of the probabilities.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Measured values and their errors.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Half the distance between the quantiles 0.16 and 0.84 of the draws.
        """
        return self._summary(X)[1]

    def confidence(self, X: Any) -> np.ndarray:
        """Compute by how many errors the best class leads.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Measured values and their errors.

        Returns
        -------
        ndarray of shape (n_samples,)
            The confidence CT of the Notes, not negative.
        """
        proba, error = self._summary(X)
        best = np.argmax(proba, axis=1)[:, None]
        lead = np.take_along_axis(proba, best, axis=1) - proba
        spread = np.take_along_axis(error, best, axis=1) + error
        ratio = np.where(lead > 0, np.inf, 0.0)
        np.divide(lead, spread, out=ratio, where=spread > 0)
        np.put_along_axis(ratio, best, np.inf, axis=1)
        confidence: np.ndarray = ratio.min(axis=1)
        columns = self._read(X)
        if columns is not None:
            unknown = ~columns.drawn.any(axis=1) & (spread == 0).all(axis=1)
            confidence[unknown] = np.nan
        return confidence

    def accept(self, X: Any) -> np.ndarray:
        """Say which predictions hold against the errors of measurement.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Measured values and their errors.

        Returns
        -------
        ndarray of shape (n_samples,)
            Booleans: whether `confidence` is at least `confidence_threshold`.
        """
        return self.confidence(X) >= self.confidence_threshold


def _table(X: Any) -> Any:
    """Give an array or a DataFrame, whose columns can be picked."""
    table = X if isinstance(X, pd.DataFrame) else np.asarray(X)
    if table.ndim != 2:
        raise ValueError(f"X must have two axes, got shape {table.shape}.")
    return table


def _fit_draw(
    estimator: Any, rows: TrainingRows, columns: MeasuredColumns, drawn: np.ndarray
) -> Any:
    """Fit an estimator on one draw of the training rows."""
    moved = write_columns(_table(rows.X), columns, drawn)
    return TrainingRows(
        moved, rows.y, rows.sample_weight, rows.groups, rows.fit_params
    ).fit(estimator)
