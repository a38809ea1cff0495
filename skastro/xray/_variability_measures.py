"""Measures of variability of light curves, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import special

from skastro.utils import import_optional

#: What can be measured, in the order of the output.
MEASURES = (
    "n_points",
    "mean_rate",
    "max_over_median",
    "chi2_red",
    "chi2_prob",
    "excess_variance",
    "excess_variance_err",
    "fvar",
    "fvar_err",
)
#: What a periodogram gives.
PERIODOGRAM = ("ls_frequency", "ls_power", "ls_fap")


def measure(rate: np.ndarray, error: np.ndarray | None) -> dict[str, np.ndarray]:
    """Measure everything but the periodogram.

    Parameters
    ----------
    rate : ndarray of float64 of shape (n, t)
        NaN where there is no point.
    error : ndarray of float64 of shape (n, t) or None
        Positive, NaN where there is no point.

    Returns
    -------
    dict of str to ndarray of shape (n,)
        The names of `MEASURES`; NaN where undefined.
    """
    there = ~np.isnan(rate)
    n = there.sum(axis=1).astype(np.float64)
    # Rates in units of their largest size: squares neither under- nor overflow.
    scale = np.max(np.abs(rate), axis=1, initial=0.0, where=there)
    scale = np.where(scale > 0, scale, 1.0)
    x = np.where(there, rate / scale[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = x.sum(axis=1) / n
        out = {
            "n_points": n,
            "mean_rate": mean * scale,
            "max_over_median": _max_over_median(x, there, n),
        }
        if error is None:
            nothing = np.full(len(rate), np.nan)
            out.update({name: nothing.copy() for name in MEASURES if name not in out})
            return out
        sigma = np.where(there, error / scale[:, None], 1.0)
        out.update(_chi2(x, sigma, there, n))
        spread = np.where(there, x - mean[:, None], 0.0)
        variance = np.where(n > 1, (spread**2).sum(axis=1) / (n - 1), np.nan)
        noise = np.where(there, sigma**2, 0.0).sum(axis=1) / n
        # A mean of zero or less is no brightness that one could vary in.
        square = np.where(mean > 0, mean**2, np.nan)
        excess = (variance - noise) / square
        relative = noise / square
        fvar = np.sqrt(np.where(excess >= 0, excess, np.nan))
        out["excess_variance"] = excess
        out["excess_variance_err"] = np.hypot(
            np.sqrt(2.0 / n) * relative,
            np.sqrt(relative / n) * 2.0 * np.sqrt(np.maximum(excess, 0.0)),
        )
        out["fvar"] = fvar
        out["fvar_err"] = np.where(
            fvar > 0,
            np.hypot(np.sqrt(0.5 / n) * relative / fvar, np.sqrt(relative / n)),
            np.nan,
        )
    return out


def _max_over_median(x: np.ndarray, there: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Divide the largest rate by the median."""
    ordered = np.sort(np.where(there, x, np.inf), axis=1)
    low = np.maximum((n - 1) // 2, 0).astype(np.intp)
    high = np.maximum(n // 2, 0).astype(np.intp)
    high = np.minimum(high, x.shape[1] - 1)
    rows = np.arange(len(x))
    median = 0.5 * (ordered[rows, low] + ordered[rows, high])
    largest = np.max(x, axis=1, initial=-np.inf, where=there)
    return np.where((n > 0) & (median > 0), largest / median, np.nan)


def _chi2(
    x: np.ndarray, sigma: np.ndarray, there: np.ndarray, n: np.ndarray
) -> dict[str, np.ndarray]:
    """Compare with the best constant."""
    # Weights in units of the largest: tiny errors would overflow.
    smallest = np.min(sigma, axis=1, initial=np.inf, where=there)
    weight = np.where(there, (smallest[:, None] / sigma) ** 2, 0.0)
    constant = (weight * x).sum(axis=1) / weight.sum(axis=1)
    pull = np.where(there, (x - constant[:, None]) / sigma, 0.0)
    chi2 = np.where(n > 1, (pull**2).sum(axis=1), np.nan)
    return {
        "chi2_red": chi2 / (n - 1),
        "chi2_prob": np.where(n > 1, special.chdtrc(n - 1, chi2), np.nan),
    }


def periodogram(
    time: np.ndarray,
    rate: np.ndarray,
    error: np.ndarray | None,
    wanted: Iterable[str] = PERIODOGRAM,
) -> dict[str, np.ndarray]:
    """Find the highest peak of the Lomb-Scargle periodogram.

    Parameters
    ----------
    time, rate : ndarray of float64 of shape (n, t)
        NaN where there is no point.
    error : ndarray of float64 of shape (n, t) or None
        Positive, NaN where there is no point.
    wanted : iterable of str
        Which of `PERIODOGRAM`.

    Returns
    -------
    dict of str to ndarray of shape (n,)
        Frequency (one over the unit of time), standard power between 0 and 1, and
        Baluev's bound of the false-alarm probability; NaN for fewer than 5 points, or
        rates or times that are all equal.
    """
    series: Any = import_optional("astropy.timeseries", extra="astro")
    wanted = set(wanted)
    out = {name: np.full(len(rate), np.nan) for name in PERIODOGRAM if name in wanted}
    for i in range(len(rate)):
        there = ~np.isnan(rate[i])
        t, x = time[i, there], rate[i, there]
        if t.size < 5 or np.ptp(t) == 0 or np.ptp(x) == 0:
            continue
        dy = None if error is None else error[i, there]
        found = series.LombScargle(t - t.min(), x, dy)
        frequency, power = found.autopower(
            maximum_frequency=0.5 * (t.size - 1) / np.ptp(t)
        )
        peak = int(np.argmax(power))
        values = {"ls_frequency": frequency[peak], "ls_power": power[peak]}
        if "ls_fap" in wanted:
            values["ls_fap"] = found.false_alarm_probability(
                power[peak], maximum_frequency=frequency[-1]
            )
        for name in out:
            out[name][i] = values[name]
    return out
