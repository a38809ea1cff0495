"""Scores of signal and background, and what passes a cut on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc
from scipy.stats import binom, binomtest

from skastro.metrics._class_data import check_classes, check_length, sorted_classes

_ROUNDING = 1 + 1e-12
INTERVALS = ("exact", "wilson", "wilsoncc")

# Numbers of background events above a cut that are told apart; more are taken together.
_NODES = 256
# What is left out of the binomial distribution at either end.
_TAIL = 1e-10


def positive_class(y: np.ndarray, pos_label: Any) -> Any:
    """Find the class of the signal.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The true classes, at most two.
    pos_label : class or None
        The signal. None is 1 for classes 0 and 1, or -1 and 1.

    Returns
    -------
    class
        The signal.

    Raises
    ------
    ValueError
        If there are more than two classes, or none of two is the signal, or nobody
        tells which is.
    """
    classes = sorted_classes(y)
    if len(classes) > 2:
        raise ValueError(
            f"y_true has {len(classes)} classes, {classes}: signal and background are "
            "two. Leave the others out, or give the background one name."
        )
    if pos_label is None:
        if not (set(classes) <= {0, 1} or set(classes) <= {-1, 1}):
            raise ValueError(
                f"y_true has the classes {classes}: say with pos_label which of them "
                "is the signal."
            )
        return 1
    if len(classes) == 2 and pos_label not in classes:
        raise ValueError(f"pos_label={pos_label!r} is not among the classes {classes}.")
    if isinstance(pos_label, str) != isinstance(classes[0], str):
        raise ValueError(
            f"pos_label={pos_label!r} is of another type than the classes {classes}."
        )
    return pos_label


def check_scores(y_score: Any, n: int, name: str = "y_score") -> np.ndarray:
    """Take one score a row; infinite ones are allowed, NaN is not."""
    score = np.asarray(y_score)
    if score.ndim != 1 or score.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must be one number a row, larger for signal, got {score.dtype} of "
            f"shape {score.shape}. Of probabilities, take the signal's column."
        )
    check_length(name, score, n)
    score = score.astype(np.float64)
    if np.isnan(score).any():
        raise ValueError(f"{name} has {int(np.isnan(score).sum())} NaN.")
    return score


def split_scores(
    y_true: Any, y_score: Any, pos_label: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Give the scores of signal and background, each from low to high."""
    y = check_classes(y_true, "y_true")
    score = check_scores(y_score, len(y))
    is_signal = y == positive_class(y, pos_label)
    return np.sort(score[is_signal]), np.sort(score[~is_signal])


def check_rejection(rejection: Any) -> float:
    """Take a rejection factor."""
    value = float(rejection)
    if not 1 <= value < np.inf:
        raise ValueError(
            f"rejection must be finite and at least 1, got {rejection!r}: 100 lets one "
            "background event in a hundred pass."
        )
    return value


def check_level(confidence_level: Any) -> float:
    """Take a confidence level."""
    level = float(confidence_level)
    if not 0 < level < 1:
        raise ValueError(
            f"confidence_level must be between 0 and 1, got {confidence_level!r}."
        )
    return level


def binomial_interval(
    k: int, n: int, confidence_level: float, method: str
) -> tuple[float, float]:
    """Give the interval of a share; nothing is known of a share of none."""
    if method not in INTERVALS:
        raise ValueError(f"method must be one of {INTERVALS}, got {method!r}.")
    if not n:
        return 0.0, 1.0
    interval = binomtest(int(k), int(n)).proportion_ci(confidence_level, method)
    return float(interval.low), float(interval.high)


def upper_share(k: int, n: int, confidence_level: float) -> float:
    """Give the one-sided upper limit of a share, Clopper and Pearson's."""
    if not n:
        return 1.0
    test = binomtest(int(k), int(n), alternative="less")
    return float(test.proportion_ci(confidence_level, "exact").high)


def n_allowed(n_background: int, rejection: float) -> int:
    """Give how many background events may pass."""
    # A rejection of n / k must allow k, whatever rounding makes of the quotient.
    return math.floor(n_background / rejection * _ROUNDING)


def enough(n_background: int, rejection: float, min_background: float) -> bool:
    """Say whether so many background events can tell of a rejection."""
    return n_background * _ROUNDING >= min_background * rejection


def cut(signal: np.ndarray, background: np.ndarray, k: int) -> tuple[int, float]:
    """Let as much signal pass as can with at most k background events.

    Parameters
    ----------
    signal, background : ndarray
        Scores, from low to high.
    k : int
        Background events that may pass. Those with equal scores pass together.

    Returns
    -------
    n_passing : int
        Signal events that pass.
    threshold : float
        The lowest score that passes: all that are at least this do. Infinite where
        none does; NaN where none does and the background has infinite scores.
    """
    everything = np.concatenate([signal, background])
    if k >= len(background):
        return len(signal), float(everything.min()) if len(everything) else np.inf
    last = background[-1 - k]
    above = everything[everything > last]
    if above.size:
        threshold = float(above.min())
    else:
        threshold = np.nan if np.isposinf(last) else np.inf
    return int(len(signal) - np.searchsorted(signal, last, "right")), threshold


def total_limit(
    signal: np.ndarray,
    background: np.ndarray,
    rejection: float,
    level: float,
    *,
    upper: bool,
) -> float:
    """Give a one-sided limit on the efficiency that knows that the cut is estimated.

    The cut that rejects exactly this much has K of the n background events above it,
    and K is binomial, with n and 1/R. Given K, the cut lies between two scores of the
    background, and the signal events that pass it are bounded by those that pass
    either. The limit is the quantile of the mixture over K of the Beta distributions
    that make Clopper and Pearson's limits.

    Parameters
    ----------
    signal, background : ndarray
        Scores, from low to high.
    rejection : float
        The rejection factor R.
    level : float
        One-sided confidence level.
    upper : bool
        Whether the limit is an upper one.

    Returns
    -------
    float
        The limit.
    """
    n, m = len(signal), len(background)
    if not n or not m:
        return 1.0 if upper else 0.0
    distribution = binom(m, 1.0 / rejection)
    first, last = distribution.ppf(_TAIL), distribution.isf(_TAIL)
    edges = np.unique(np.linspace(first, last + 1, _NODES + 1).astype(np.int64))
    weight = np.diff(distribution.cdf(edges - 1))
    weight /= weight.sum()
    if upper:
        # At most K above the cut: what passes is above the score of rank K + 1.
        rank = edges[1:] - 1
        bound = background[np.maximum(m - 1 - rank, 0)]
        passing = n - np.searchsorted(signal, bound, "right")
        passing = np.where(rank >= m, n, passing)
    else:
        # At least K above the cut: what is at the score of rank K or above passes.
        rank = edges[:-1]
        bound = background[np.minimum(m - rank, m - 1)]
        passing = np.where(rank > 0, n - np.searchsorted(signal, bound, "left"), 0)
    a = passing + float(upper)
    b = n - passing + float(not upper)
    # A Beta distribution with a vanishing parameter lies in one point, at 0 or 1.
    at_zero, at_one = a == 0, b == 0
    spread = ~(at_zero | at_one)
    a, b, point = a[spread], b[spread], weight[at_zero].sum()
    weight = weight[spread]
    wanted = level if upper else 1.0 - level

    def excess(x: float) -> float:
        return float(point + weight @ betainc(a, b, x) - wanted)

    if excess(0.0) >= 0:
        return 0.0
    if excess(1.0) <= 0:
        return 1.0
    return float(brentq(excess, 0.0, 1.0, xtol=1e-10))
