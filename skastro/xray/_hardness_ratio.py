"""Hardness ratios of neighbouring energy bands."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from skastro.xray._hardness_posterior import background_summary, beta_summary

# Of columns, by name or number: (soft, hard).
Pairs: TypeAlias = Sequence[Sequence[str | int]]


class HardnessRatio(TransformerMixin, BaseEstimator):
    r"""Make hardness ratios (hard - soft) / (hard + soft) with their errors.

    Parameters
    ----------
    bands : list of (soft, hard), default=None
        Pairs of columns, by name (of a data frame) or by number. None takes all
        columns as bands of rising energy and pairs each with the next.
    errors : "suffix" or list of (soft, hard), default=None
        Columns with the 1-sigma errors of the bands, in the order of `bands`. "suffix"
        adds ``_err`` to the names of the bands. None gives no errors. For
        ``method="classical"`` only.
    kind : {"rate", "flux", "counts"}, default="rate"
        What the columns hold. It becomes part of the names of the output, because
        ratios of rates and of fluxes are different numbers that must not be mixed.
    method : {"classical", "bayes"}, default="classical"
        "classical" is the formula and the propagation of errors. "bayes" takes Poisson
        counts (``kind="counts"``) and gives an estimate and a credible interval, which
        are finite and inside (-1, 1) for few counts and for none.
    background : list of (soft, hard), default=None
        Columns of whole counts in a background region, in the order of `bands`; the
        bands are then the counts in the source region, background included. None takes
        background as negligible. For ``method="bayes"`` only.
    area_ratio : float, default=1.0
        Area times exposure of the background region over those of the source region.
    negative : {"nan", "clip", "raise"}, default="nan"
        What to make of negative values, which background subtraction leaves for a band
        without signal: a missing ratio, zero, or an error. The formula alone would
        give numbers outside of [-1, 1].
    estimate : {"mean", "median", "mode"}, default="mean"
        Point estimate of ``method="bayes"``. "mode" is not available with a
        background, and missing where the density has no single peak.
    level : float, default=0.6827
        Probability inside the credible interval, which leaves equal tails.
    prior_index : float, default=1.0
        Index of the gamma prior on both intensities: 1 is flat, 0.5 Jeffreys's.
    names : list of str, default=None
        Names of the ratios. None makes ``hr1_<kind>``, ``hr2_<kind>``, and so on.

    Attributes
    ----------
    bands_ : ndarray of shape (n_ratios, 2)
        Numbers of the soft and hard columns.
    errors_ : ndarray of shape (n_ratios, 2) or None
        Numbers of the columns of errors.
    background_ : ndarray of shape (n_ratios, 2) or None
        Numbers of the columns of background counts.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.

    Notes
    -----
    With soft S and hard H, the propagated error is

    .. math:: \sigma = 2 \sqrt{S^2 \sigma_H^2 + H^2 \sigma_S^2} \, / \, (S + H)^2 .

    One band zero gives -1 or +1, both zero or one missing gives NaN. A missing or
    negative error leaves the ratio and makes its error NaN. Infinity is refused.

    For "bayes" without background the hard share of the intensity has the law
    Beta(H + prior_index, S + prior_index). With a background it is a finite mixture of
    such laws (flat prior on the background), which is summed: some milliseconds a row,
    tens for thousands of counts. Exposures and effective areas are taken as equal in
    both bands.

    References
    ----------
    .. [1] T. Park et al., "Bayesian Estimation of Hardness Ratios", ApJ 652 (2006)
       610-628.

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.xray import HardnessRatio
    >>> flux = pd.DataFrame({"flux_s": [1e-14, 0.0], "flux_m": [3e-14, 2e-14]})
    >>> flux[["flux_s_err", "flux_m_err"]] = 1e-15
    >>> ratio = HardnessRatio(
    ...     bands=[("flux_s", "flux_m")], errors="suffix", kind="flux"
    ... ).set_output(transform="pandas")
    >>> ratio.fit_transform(flux).round(3)
       hr1_flux  hr1_flux_err
    0       0.5          0.04
    1       1.0          0.10
    """

    _parameter_constraints: dict[str, Any] = {
        "bands": ["array-like", None],
        "errors": [StrOptions({"suffix"}), "array-like", None],
        "kind": [StrOptions({"rate", "flux", "counts"})],
        "method": [StrOptions({"classical", "bayes"})],
        "background": ["array-like", None],
        "area_ratio": [Interval(Real, 0, None, closed="neither")],
        "negative": [StrOptions({"nan", "clip", "raise"})],
        "estimate": [StrOptions({"mean", "median", "mode"})],
        "level": [Interval(Real, 0, 1, closed="neither")],
        "prior_index": [Interval(Real, 0, None, closed="neither")],
        "names": ["array-like", None],
    }

    def __init__(
        self,
        *,
        bands: Pairs | None = None,
        errors: str | Pairs | None = None,
        kind: str = "rate",
        method: str = "classical",
        background: Pairs | None = None,
        area_ratio: float = 1.0,
        negative: str = "nan",
        estimate: str = "mean",
        level: float = 0.6827,
        prior_index: float = 1.0,
        names: Sequence[str] | None = None,
    ) -> None:
        self.bands = bands
        self.errors = errors
        self.kind = kind
        self.method = method
        self.background = background
        self.area_ratio = area_ratio
        self.negative = negative
        self.estimate = estimate
        self.level = level
        self.prior_index = prior_index
        self.names = names

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> HardnessRatio:
        """Find the columns.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n_samples, n_features)
            Rates, fluxes or counts; NaN where missing.
        y : None
            Ignored.

        Returns
        -------
        HardnessRatio
            The transformer itself.

        Raises
        ------
        ValueError
            If a column is not there, or parameters contradict each other.
        """
        X = self._validate(X, reset=True)
        self._check_combination()
        p = X.shape[1]
        if self.bands is None:
            self.bands_ = np.column_stack([np.arange(p - 1), np.arange(1, p)])
        else:
            self.bands_ = self._columns(self.bands, "bands")
        if isinstance(self.errors, str):
            self.errors_: np.ndarray | None = self._columns(
                [[f"{self._name(c)}_err" for c in pair] for pair in self.bands_],
                "errors",
            )
        else:
            self.errors_ = self._optional(self.errors, "errors")
        self.background_ = self._optional(self.background, "background")
        if self.names is not None and len(self.names) != len(self.bands_):
            raise ValueError(
                f"names has {len(self.names)} name(s) for {len(self.bands_)} ratio(s)."
            )
        if self.names is not None and len(set(self.names)) < len(self.names):
            raise ValueError(f"names must differ, got {list(self.names)}.")
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Make the ratios.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n_samples, n_features)
            Rates, fluxes or counts; NaN where missing.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Each ratio, followed by its error, or by the lower and upper end of its
            interval. In the precision of X.

        Raises
        ------
        ValueError
            If a value is infinite; if one is negative with ``negative="raise"``; if
            counts are not whole numbers with a background.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        found: list[np.ndarray] = []
        for i, pair in enumerate(self.bands_):
            soft, hard = (self._measured(X, c) for c in pair)
            if self.method == "bayes":
                found += self._posterior(X, soft, hard, i)
            else:
                ratio, error = _classical(X, soft, hard, self.errors_, i)
                found += [ratio] if error is None else [ratio, error]
        return np.column_stack(found).astype(X.dtype, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the output.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input, to be compared with those of `fit`.

        Returns
        -------
        ndarray of str
            Such as ``hr1_flux``, ``hr1_flux_err``.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        names = self.names
        if names is None:
            names = [f"hr{i + 1}_{self.kind}" for i in range(len(self.bands_))]
        ends = [""]
        if self.method == "bayes":
            ends += ["_lower", "_upper"]
        elif self.errors_ is not None:
            ends += ["_err"]
        return np.array([name + end for name in names for end in ends], dtype=object)

    def _validate(self, X: Any, *, reset: bool) -> np.ndarray:
        """Check X."""
        out: np.ndarray = validate_data(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            # One column too many or too few is told as such after fit.
            ensure_min_features=2 if reset else 1,
        )
        return out

    def _check_combination(self) -> None:
        """Refuse parameters that contradict each other."""
        bayes = self.method == "bayes"
        if bayes and self.kind != "counts":
            raise ValueError(
                'method="bayes" needs Poisson counts: give columns of counts and '
                f'kind="counts", not kind={self.kind!r}.'
            )
        if bayes and self.errors is not None:
            raise ValueError('errors is for method="classical"; counts have their own.')
        if not bayes and self.background is not None:
            raise ValueError('background is for method="bayes".')
        if self.background is not None and self.estimate == "mode":
            raise ValueError('estimate="mode" is not available with a background.')
        if self.bands is None and not (self.errors is None and self.background is None):
            raise ValueError(
                "With errors or background, name the bands: bands=None takes every "
                "column as a band."
            )

    def _optional(self, pairs: Pairs | None, what: str) -> np.ndarray | None:
        """Find columns that belong to the bands, if there are any."""
        if pairs is None:
            return None
        found = self._columns(pairs, what)
        if len(found) != len(self.bands_):
            raise ValueError(
                f"{what} has {len(found)} pair(s) for {len(self.bands_)} of bands."
            )
        return found

    def _columns(self, pairs: Pairs, what: str) -> np.ndarray:
        """Turn pairs of names or numbers into numbers."""
        if not len(pairs) or any(isinstance(p, str) or len(p) != 2 for p in pairs):
            raise ValueError(
                f"{what} must be pairs of columns (soft, hard), got {pairs!r}."
            )
        return np.array([[self._number(c, what) for c in pair] for pair in pairs])

    def _number(self, column: Any, what: str) -> int:
        """Find a column."""
        if isinstance(column, str):
            names = list(getattr(self, "feature_names_in_", []))
            if column not in names:
                has = f"has {names}" if names else "has no column names"
                raise ValueError(f"{what} names the column {column!r}, but X {has}.")
            return names.index(column)
        p: int = self.n_features_in_
        good = isinstance(column, Integral) and not isinstance(column, bool)
        if not good or not -p <= column < p:
            raise ValueError(
                f"{what} must have names or numbers below {p}, got {column!r}."
            )
        return int(column) % p

    def _name(self, number: int) -> str:
        """Name a column, for the errors that go with it."""
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            raise ValueError('errors="suffix" needs a data frame with column names.')
        out: str = names[number]
        return out

    def _measured(self, X: np.ndarray, column: int) -> np.ndarray:
        """Take a column, in double precision, without negative values."""
        values = X[:, column].astype(np.float64)
        negative = values < 0
        if negative.any():
            if self.negative == "raise":
                raise ValueError(
                    f"Column {column} has {int(negative.sum())} negative value(s), the "
                    f"first in row {int(np.argmax(negative))}."
                )
            values[negative] = np.nan if self.negative == "nan" else 0.0
        return values

    def _posterior(
        self, X: np.ndarray, soft: np.ndarray, hard: np.ndarray, i: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Summarise what the counts say."""
        if self.background_ is None:
            return beta_summary(
                soft,
                hard,
                prior=self.prior_index,
                estimate=self.estimate,
                level=self.level,
            )
        off = [self._measured(X, c) for c in self.background_[i]]
        for values in (soft, hard, *off):
            if np.any(values != np.floor(values), where=np.isfinite(values)):
                raise ValueError("With a background, counts must be whole numbers.")
        return background_summary(
            soft,
            hard,
            *off,
            area_ratio=self.area_ratio,
            prior=self.prior_index,
            estimate=self.estimate,
            level=self.level,
        )

    def __sklearn_tags__(self) -> Tags:
        """Say that NaN may come in and that single precision stays so."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _classical(
    X: np.ndarray,
    soft: np.ndarray,
    hard: np.ndarray,
    errors: np.ndarray | None,
    i: int,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Apply the formula; values are not negative, or NaN."""
    # Close to 1, nothing under- or overflows; powers of two round nothing.
    larger = np.fmax(soft, hard)
    exponent = np.frexp(np.where(larger > 0, larger, 1.0))[1]
    s, h = np.ldexp(soft, -exponent), np.ldexp(hard, -exponent)
    total = np.where(larger > 0, s + h, np.nan)
    ratio = (h - s) / total
    if errors is None:
        return ratio, None
    s_err, h_err = (X[:, c].astype(np.float64) for c in errors[i])
    s_err, h_err = (
        np.ldexp(np.where(e >= 0, e, np.nan), -exponent) for e in (s_err, h_err)
    )
    return ratio, 2.0 * np.hypot(s * h_err, h * s_err) / total**2
