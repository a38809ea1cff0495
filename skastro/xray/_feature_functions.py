"""What one column or some of them are made into; NaN stays NaN everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Probabilities are reported to few digits: beyond this there is no more to learn.
SMALLEST_TAIL = 1e-8


def _numbers(X: Any) -> NDArray[np.float64]:
    if isinstance(X, pd.DataFrame):
        return X.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(X, dtype=np.float64)


def floored_log10(X: Any, floor: float) -> NDArray[np.float64]:
    """Take log10, with ``floor`` in place of what is smaller.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Values; zero and negative ones become ``floor``, too.
    floor : float
        Above 0, in the unit of X.

    Returns
    -------
    ndarray of shape (n, p)
        Logarithms; NaN where X is NaN.
    """
    return np.log10(np.maximum(_numbers(X), floor))


def log10_of_sum(X: Any, floor: float) -> NDArray[np.float64]:
    """Take log10 of the sum of all columns.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Fluxes of bands that do not overlap.
    floor : float
        Above 0, in the unit of X.

    Returns
    -------
    ndarray of shape (n, 1)
        NaN where any of them is missing.
    """
    return floored_log10(_numbers(X).sum(axis=1, keepdims=True), floor)


def log10_of_mean(X: Any, floor: float) -> NDArray[np.float64]:
    """Take the mean of the columns' log10, the geometric mean's logarithm.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Fluxes of one source at several times.
    floor : float
        Above 0, in the unit of X.

    Returns
    -------
    ndarray of shape (n, 1)
        NaN where any of them is missing.
    """
    out: NDArray[np.float64] = floored_log10(X, floor).mean(axis=1, keepdims=True)
    return out


def log10_ratio(X: Any) -> NDArray[np.float64]:
    """Take log10 of first half over second half of the columns.

    Parameters
    ----------
    X : array-like of shape (n, 2 p)
        Values, and then their errors.

    Returns
    -------
    ndarray of shape (n, p)
        NaN unless both are above 0.
    """
    values = _numbers(X)
    half = values.shape[1] // 2
    above, below = values[:, :half], values[:, half:]
    good = (above > 0) & (below > 0)
    ratio = np.divide(above, below, out=np.full_like(above, np.nan), where=good)
    return np.log10(ratio)


def tail(X: Any, upper: bool) -> NDArray[np.float64]:
    """Give -log10 of a probability, or of what it lacks to 1.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Probabilities.
    upper : bool
        Whether values near 1 are the ones that matter.

    Returns
    -------
    ndarray of shape (n, p)
        From 0 to 8.
    """
    values = _numbers(X)
    rest = 1 - values if upper else values
    return -np.log10(np.clip(rest, SMALLEST_TAIL, 1.0))


def colours(X: Any) -> NDArray[np.float64]:
    """Subtract every later magnitude from every earlier one.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Magnitudes, blue ones first.

    Returns
    -------
    ndarray of shape (n, p (p - 1) / 2)
        Colours.
    """
    values = _numbers(X)
    pairs = list(combinations(range(values.shape[1]), 2))
    return np.column_stack([values[:, i] - values[:, j] for i, j in pairs])


def neighbouring_colours(X: Any) -> NDArray[np.float64]:
    """Subtract every magnitude from the one before it.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Magnitudes, blue ones first.

    Returns
    -------
    ndarray of shape (n, p - 1)
        Colours.
    """
    return -np.diff(_numbers(X), axis=1)


def neighbouring_names(_: Any, names: Sequence[str]) -> list[str]:
    """Name the colours of neighbouring magnitudes.

    Parameters
    ----------
    _ : transformer
        Not used; scikit-learn passes it.
    names : sequence of str
        Of the magnitudes.

    Returns
    -------
    list of str
        The names.
    """
    short = [name.removesuffix("mag") for name in names]
    return [f"{a}-{b}" for a, b in pairwise(short)]


def flux_over_magnitude(X: Any, floor: float, how: str) -> NDArray[np.float64]:
    """Give log10 of X-ray flux over the flux of each magnitude, up to a constant.

    Parameters
    ----------
    X : array-like of shape (n, p_flux + p)
        X-ray fluxes, and then magnitudes.
    floor : float
        Of the flux.
    how : str
        The number of flux columns and what to do with them: "sum3" adds three bands,
        "mean2" takes the geometric mean of two times, "sum1" is one flux.

    Returns
    -------
    ndarray of shape (n, p)
        log10(flux) + 0.4 magnitude.
    """
    values = _numbers(X)
    n_flux = int(how[-1])
    join = log10_of_mean if how.startswith("mean") else log10_of_sum
    return join(values[:, :n_flux], floor) + 0.4 * values[:, n_flux:]


def log10_luminosity(X: Any, floor: float, how: str) -> NDArray[np.float64]:
    """Give log10 of flux times distance squared, up to a constant.

    Parameters
    ----------
    X : array-like of shape (n, p_flux + 1)
        X-ray fluxes, and then the distance in pc.
    floor : float
        Of the flux.
    how : str
        See `flux_over_magnitude`.

    Returns
    -------
    ndarray of shape (n, 1)
        NaN where the distance is missing or not positive.
    """
    values = _numbers(X)
    # A luminosity adds 2 log10(d), which is -0.4 times a magnitude of -5 log10(d).
    values = np.column_stack([values[:, :-1], 5 * _log10_positive(values[:, -1])])
    return flux_over_magnitude(values, floor, how)


def absolute_magnitude(X: Any) -> NDArray[np.float64]:
    """Give magnitudes at 10 pc, without extinction.

    Parameters
    ----------
    X : array-like of shape (n, p + 1)
        Magnitudes, and then the distance in pc.

    Returns
    -------
    ndarray of shape (n, p)
        NaN where the distance is missing or not positive.
    """
    values = _numbers(X)
    return values[:, :-1] - 5 * _log10_positive(values[:, -1:]) + 5


def log10_product(X: Any, floor: float) -> NDArray[np.float64]:
    """Add the logarithms of all columns.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Values.
    floor : float
        Of each.

    Returns
    -------
    ndarray of shape (n, 1)
        NaN where any is missing.
    """
    out: NDArray[np.float64] = floored_log10(X, floor).sum(axis=1, keepdims=True)
    return out


def _log10_positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take log10 of what is positive, NaN of the rest."""
    out = np.full_like(values, np.nan)
    return np.log10(values, out=out, where=values > 0)


def prefixed(_: Any, names: Sequence[str], prefix: str, keep: int = 0) -> list[str]:
    """Name the outputs after the inputs.

    Parameters
    ----------
    _ : transformer
        Not used; scikit-learn passes it.
    names : sequence of str
        Of the columns.
    prefix : str
        Goes before each.
    keep : int, default=0
        How many there are outputs for, from the front if positive, else from the
        back; 0 is all.

    Returns
    -------
    list of str
        The names.
    """
    names = list(names)
    kept = names[:keep] if keep > 0 else names[keep:] if keep < 0 else names
    return [f"{prefix}{name}" for name in kept]


def colour_names(_: Any, names: Sequence[str]) -> list[str]:
    """Name colours after their magnitudes, as "g-bp" of gmag and bpmag.

    Parameters
    ----------
    _ : transformer
        Not used; scikit-learn passes it.
    names : sequence of str
        Of the magnitudes.

    Returns
    -------
    list of str
        The names.
    """
    short = [name.removesuffix("mag") for name in names]
    return [f"{a}-{b}" for a, b in combinations(short, 2)]
