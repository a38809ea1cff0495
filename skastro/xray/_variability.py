"""Features of light curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_array,
    check_is_fitted,
    validate_data,
)

from skastro.xray._variability_measures import (
    MEASURES,
    PERIODOGRAM,
    measure,
    periodogram,
)


class VariabilityFeatures(TransformerMixin, BaseEstimator):
    r"""Measure the variability of light curves.

    Parameters
    ----------
    features : "all" or list of str, default="all"
        What is measured, in this order:

        - ``n_points`` : number of points with a rate.
        - ``mean_rate`` : plain mean.
        - ``max_over_median`` : largest rate over the median.
        - ``chi2_red``, ``chi2_prob`` : reduced chi-squared about the best constant,
          and the probability of one that large if the source is constant.
        - ``excess_variance``, ``excess_variance_err`` : variance above that of the
          errors, over the squared mean; negative where there is less.
        - ``fvar``, ``fvar_err`` : its root, the fractional RMS amplitude; NaN where the
          excess is negative, as in the catalogues.
        - ``ls_frequency``, ``ls_power``, ``ls_fap`` : highest peak of the Lomb-Scargle
          periodogram up to the mean Nyquist frequency, its power (0 to 1) and
          false-alarm probability. These need astropy and times, take about a
          millisecond a light curve, and are not part of "all".
    curve_shape : (2, n_points) or (3, n_points), default=None
        What a flat row is: rates and errors, or times, rates and errors, one after the
        other. None takes it as rates without errors.

    Attributes
    ----------
    features_ : list of str
        What is measured.
    curve_shape_ : (c, n_points)
        What a row is.
    n_features_in_ : int
        Number of values of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    light_curve_array : Bring light curves of different length into one array.

    Notes
    -----
    Light curves come as an array ``(n, 3, n_points)`` of time, rate and error,
    ``(n, 2, n_points)`` of rate and error, or flat. A point whose rate is NaN is not
    there: that is how shorter ones are filled up. A point with a rate must have its
    time and a positive error. The output is flat in any case. Without
    errors, what needs them is NaN; nothing is taken for noise-free.

    With N points, mean rate x, sample variance :math:`S^2` and mean squared error
    :math:`\overline{\sigma^2}`,

    .. math::
        \sigma_\mathrm{NXS}^2 = \frac{S^2 - \overline{\sigma^2}}{\bar{x}^2},
        \quad F_\mathrm{var} = \sqrt{\sigma_\mathrm{NXS}^2},

    with the errors of [1]_ (equations 11 and B2). They are those of the measurement
    alone; that a stochastic source shows another part of its history next time is not
    in them.

    References
    ----------
    .. [1] S. Vaughan et al., "On characterizing the variability properties of X-ray
       light curves from active galaxies", MNRAS 345 (2003) 1271-1284.
    .. [2] J. T. VanderPlas, "Understanding the Lomb-Scargle Periodogram", ApJS 236
       (2018) 16.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.xray import VariabilityFeatures
    >>> time = np.arange(100.0)
    >>> rate = 5 + 2 * np.sin(time)
    >>> curve = np.stack([time, rate, np.full(100, 0.1)])
    >>> features = VariabilityFeatures(features=["n_points", "fvar"])
    >>> features.fit_transform(curve[None]).round(2)
    array([[100.  ,   0.28]])
    """

    _parameter_constraints: dict[str, Any] = {
        "features": [StrOptions({"all"}), "array-like"],
        "curve_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        features: str | Sequence[str] = "all",
        curve_shape: Sequence[int] | None = None,
    ) -> None:
        self.features = features
        self.curve_shape = curve_shape

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> VariabilityFeatures:
        """Check parameters and the shape of the light curves.

        Parameters
        ----------
        X : array-like of shape (n, c, n_points) or (n, c * n_points)
            Light curves; c is 3 (time, rate, error), 2 (rate, error) or 1 (rate).
        y : None
            Ignored.

        Returns
        -------
        VariabilityFeatures
            The transformer itself.

        Raises
        ------
        ValueError
            If a feature is unknown, or needs times and there are none.
        """
        _, shape = self._curves(X, reset=True)
        names = [*MEASURES, *PERIODOGRAM]
        chosen = list(MEASURES) if isinstance(self.features, str) else self.features
        chosen = [str(name) for name in chosen]
        unknown = [name for name in chosen if name not in names]
        if unknown or not chosen or len(set(chosen)) != len(chosen):
            raise ValueError(
                f"features must be different names out of {names}, got {chosen}."
            )
        if shape[0] < 3 and set(chosen) & set(PERIODOGRAM):
            raise ValueError(
                f"{[n for n in chosen if n in PERIODOGRAM]} need times: give light "
                "curves of shape (n, 3, n_points)."
            )
        self.features_ = chosen
        self.curve_shape_ = shape
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Measure light curves.

        Parameters
        ----------
        X : array-like of shape (n, c, n_points) or (n, c * n_points)
            Light curves like those of `fit`; with their axes, `n_points` may differ.

        Returns
        -------
        ndarray of shape (n, n_features_out)
            In the precision of X; NaN where undefined.

        Raises
        ------
        ValueError
            If a value is infinite, or a point with a rate lacks its time or error or
            has an error that is not positive.
        """
        check_is_fitted(self)
        X, shape = self._curves(X, reset=False)
        curves = X.reshape(len(X), *shape).astype(np.float64)
        rate = curves[:, max(shape[0] - 2, 0)]
        error = curves[:, -1] if shape[0] > 1 else None
        time = curves[:, 0] if shape[0] > 2 else None
        _check_points(rate, error, time)
        found = measure(rate, error)
        wanted = set(self.features_) & set(PERIODOGRAM)
        if wanted and time is not None:
            found.update(periodogram(time, rate, error, wanted))
        columns = [found[name] for name in self.features_]
        return np.column_stack(columns).astype(X.dtype, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the output.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input, to be compared with those of `fit`.

        Returns
        -------
        ndarray of str
            Names of the features.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        return np.array(self.features_, dtype=object)

    def _curves(self, X: Any, *, reset: bool) -> tuple[np.ndarray, tuple[int, int]]:
        """Validate light curves and make them flat; return what a row is, too."""
        X = _with_axes(X)
        given = _check_shape(self.curve_shape)
        checks = {
            "dtype": [np.float64, np.float32],
            "ensure_all_finite": "allow-nan",
        }
        if getattr(X, "ndim", 2) <= 2:
            X = validate_data(self, X, reset=reset, **checks)
            if not reset:
                return X, self.curve_shape_
            shape = given or (1, X.shape[1])
            if math.prod(shape) != X.shape[1]:
                raise ValueError(
                    f"curve_shape={shape} is {math.prod(shape)} values, but X has "
                    f"{X.shape[1]} features."
                )
            return X, shape
        shape = X.shape[1:]
        if len(shape) != 2 or not 1 <= shape[0] <= 3 or shape[1] < 1:
            raise ValueError(
                "Light curves are (n, 3, n_points), (n, 2, n_points) or flat rows; got "
                f"an array of shape {X.shape}."
            )
        flat = X.reshape(len(X), math.prod(shape))
        if not reset:
            if shape[0] != self.curve_shape_[0]:
                raise ValueError(
                    f"{type(self).__name__} was fitted on light curves of shape "
                    f"{self.curve_shape_}, but X has {shape}."
                )
            # With axes, another number of points is no other kind of data.
            return check_array(flat, estimator=self, **checks), shape
        if given is not None and shape != given:
            raise ValueError(
                f"curve_shape is {given}, but a light curve of X is {shape}."
            )
        return validate_data(self, flat, **checks), shape

    def __sklearn_tags__(self) -> Tags:
        """Say that NaN may come in and that single precision stays so."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_shape(curve_shape: Any) -> tuple[int, int] | None:
    """Validate the parameter."""
    if curve_shape is None:
        return None
    shape = tuple(curve_shape)
    whole = all(isinstance(s, Integral) and not isinstance(s, bool) for s in shape)
    if len(shape) != 2 or not whole or not 1 <= shape[0] <= 3 or shape[1] < 1:
        raise ValueError(
            "curve_shape must be None, (2, n_points) or (3, n_points), got "
            f"{curve_shape!r}."
        )
    return int(shape[0]), int(shape[1])


def _with_axes(X: Any) -> Any:
    """Turn nested lists into an array with axes, if they are more than a table."""
    if hasattr(X, "ndim"):
        return np.asarray(X) if X.ndim > 2 else X
    if hasattr(X, "__array__") or not isinstance(X, list | tuple):
        return X
    try:
        as_array = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            "Light curves of different length must be filled up first, with "
            f"skastro.xray.light_curve_array ({error})."
        ) from error
    return as_array if as_array.ndim > 2 else X


def _check_points(
    rate: np.ndarray, error: np.ndarray | None, time: np.ndarray | None
) -> None:
    """Refuse points that have a rate and not what belongs to it."""
    there = ~np.isnan(rate)
    if error is not None:
        # Also true for NaN.
        bad = there & ~(error > 0)
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise ValueError(
                f"{int(bad.sum())} point(s) have a rate but no positive error, the "
                f"first in light curve {i}, point {j}: {error[i, j]!r}. Leave such "
                "points out (rate NaN), or give them an error."
            )
    if time is not None:
        bad = there & np.isnan(time)
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise ValueError(
                f"{int(bad.sum())} point(s) have a rate but no time, the first in "
                f"light curve {i}, point {j}."
            )
