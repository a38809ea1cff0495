"""What counts in two bands say about the hardness ratio of a source."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

# Terms of a mixture that are smaller than this share of the largest are left out.
_NEGLIGIBLE = 1e-12


def beta_summary(
    soft: np.ndarray, hard: np.ndarray, *, prior: float, estimate: str, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Summarise the posterior where background is negligible.

    With gamma priors of index `prior` on both intensities, the hard share of the
    intensity has the law Beta(hard + prior, soft + prior).

    Parameters
    ----------
    soft, hard : ndarray of shape (n_samples,)
        Counts; not negative, or NaN.
    prior : float
        Index of the gamma prior, positive.
    estimate : {"mean", "median", "mode"}
        Point estimate.
    level : float
        Probability inside the interval.

    Returns
    -------
    tuple of 3 ndarray of shape (n_samples,)
        Hardness ratio, and lower and upper end of the interval of equal tails.
    """
    a, b = hard + prior, soft + prior
    if estimate == "mean":
        share = a / (a + b)
    elif estimate == "median":
        share = special.betaincinv(a, b, 0.5)
    else:
        share = _beta_mode(a, b)
    tail = 0.5 * (1.0 - level)
    lower = special.betaincinv(a, b, tail)
    upper = special.betainccinv(a, b, tail)
    return 2.0 * share - 1.0, 2.0 * lower - 1.0, 2.0 * upper - 1.0


def _beta_mode(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Find where the density is highest; NaN where that is no single point."""
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = (a - 1.0) / (a + b - 2.0)
    mode = np.where((a > 1.0) & (b > 1.0), inside, np.nan)
    # The density rises, or diverges, towards one end only.
    mode = np.where((a <= 1.0) & (b > 1.0), 0.0, mode)
    mode = np.where((a > 1.0) & (b <= 1.0), 1.0, mode)
    mode = np.where((a < 1.0) & (b == 1.0), 0.0, mode)
    return np.where((a == 1.0) & (b < 1.0), 1.0, mode)


def background_summary(
    soft: np.ndarray,
    hard: np.ndarray,
    soft_background: np.ndarray,
    hard_background: np.ndarray,
    *,
    area_ratio: float,
    prior: float,
    estimate: str,
    level: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Summarise the posterior where background was counted elsewhere.

    Parameters
    ----------
    soft, hard : ndarray of shape (n_samples,)
        Whole counts in the source region, background included; or NaN.
    soft_background, hard_background : ndarray of shape (n_samples,)
        Whole counts in the background region; or NaN.
    area_ratio : float
        Expected background counts there over those in the source region.
    prior : float
        Index of the gamma prior on the intensities of the source.
    estimate : {"mean", "median"}
        Point estimate.
    level : float
        Probability inside the interval.

    Returns
    -------
    tuple of 3 ndarray of shape (n_samples,)
        Hardness ratio, and lower and upper end of the interval of equal tails.
    """
    tail = 0.5 * (1.0 - level)
    out = np.full((3, len(soft)), np.nan)
    table = np.stack([soft, hard, soft_background, hard_background])
    for row in np.flatnonzero(np.isfinite(table).all(axis=0)):
        s, h, sb, hb = table[:, row]
        s_left, s_weight = _source_counts(s, sb, area_ratio, prior)
        h_left, h_weight = _source_counts(h, hb, area_ratio, prior)
        a = (h_left[:, None] + prior + np.zeros_like(s_left)).ravel()
        b = (s_left + prior + np.zeros_like(h_left)[:, None]).ravel()
        weight = np.outer(h_weight, s_weight).ravel()
        kept = weight > _NEGLIGIBLE * weight.max()
        a, b, weight = a[kept], b[kept], weight[kept] / weight[kept].sum()
        if estimate == "mean":
            out[0, row] = weight @ (a / (a + b))
        else:
            out[0, row] = _mixture_quantile(0.5, weight, a, b)
        out[1, row] = _mixture_quantile(tail, weight, a, b)
        out[2, row] = 1.0 - _mixture_quantile(tail, weight, b, a)
    out = 2.0 * out - 1.0
    return out[0], out[1], out[2]


def _source_counts(
    counts: float, background: float, area_ratio: float, prior: float
) -> tuple[np.ndarray, np.ndarray]:
    """Say how many counts may be the source's own, and how probably.

    Expanding (source + background)^counts and integrating over the background, with a
    flat prior, leaves a sum of gamma laws for the intensity of the source.
    """
    j = np.arange(counts + 1.0)  # counts that are background
    left = counts - j
    log_weight = (
        -special.gammaln(j + 1.0)
        - special.gammaln(left + 1.0)
        + special.gammaln(background + j + 1.0)
        + special.gammaln(left + prior)
        - j * np.log1p(area_ratio)
    )
    weight = np.exp(log_weight - log_weight.max())
    kept = weight > _NEGLIGIBLE
    left, weight = left[kept], weight[kept] / weight[kept].sum()
    spread = np.sqrt(weight @ (left - weight @ left) ** 2)
    # Where the terms change slowly, one in a few stands for its neighbours: for a bell
    # this many standard deviations wide, equal steps of a quarter lose no digit.
    step = max(1, int(spread / 4.0))
    left, weight = left[::step], weight[::step]
    return left, weight / weight.sum()


def _mixture_quantile(
    q: float, weight: np.ndarray, a: np.ndarray, b: np.ndarray
) -> float:
    """Invert the distribution function of a mixture of beta laws."""

    def miss(x: float) -> float:
        return float(weight @ special.betainc(a, b, x)) - q

    return float(optimize.brentq(miss, 0.0, 1.0, xtol=1e-11, rtol=1e-11))
