"""Efficiency of a signal where the background is rejected by a given factor."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skastro.metrics._rejection_data import (
    binomial_interval,
    check_level,
    check_rejection,
    cut,
    enough,
    n_allowed,
    split_scores,
    total_limit,
    upper_share,
)
from skastro.metrics._rejection_efficiency import RejectionEfficiency
from skastro.metrics._rejection_table import RejectionTable


def efficiency_at_rejection(
    y_true: Any,
    y_score: Any,
    rejection: float | Iterable[float] = 100,
    *,
    pos_label: Any = None,
    min_background: float = 10.0,
    confidence_level: float = 0.95,
    method: Literal["exact", "wilson", "wilsoncc"] = "exact",
) -> RejectionEfficiency | RejectionTable:
    r"""Measure the efficiency of a signal at a rejection of the background.

    Of n background events at most ``floor(n / rejection)`` may pass a threshold on the
    score; the efficiency is the share of the signal that passes the lowest such
    threshold. Events with equal scores pass together or not at all, so that the
    rejection is never less than asked for and the order of the events never matters.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes, two of them.
    y_score : array-like of shape (n_samples,)
        Larger is more like the signal. Infinite values are allowed, NaN is not.
    rejection : float or iterable of float, default=100
        The rejection factor R, at least 1: one background event in R may pass.
    pos_label : class, default=None
        The signal. None is 1 where the classes are 0 and 1, or -1 and 1; for others it
        must be given.
    min_background : float, default=10.0
        The efficiency is told only if ``n >= min_background * rejection``, that is, if
        at least so many background events determine the threshold.
    confidence_level : float, default=0.95
        Of intervals and limits.
    method : {"exact", "wilson", "wilsoncc"}, default="exact"
        Binomial interval for ``low`` and ``high``, of `scipy.stats.binomtest`. "exact"
        is Clopper and Pearson's, which covers at least the level.

    Returns
    -------
    RejectionEfficiency or RejectionTable
        The efficiency with its intervals; a table of them for several rejections.

    Raises
    ------
    ValueError
        If there are more than two classes, `pos_label` is none of them or is needed and
        not given, inputs differ in length, a score is NaN, or an option is out of
        range.

    Warns
    -----
    UndefinedMetricWarning
        If `y_true` has no signal or no background: the efficiency is NaN.

    See Also
    --------
    make_rejection_scorer : The same for ``scoring=``.
    rejection_curve : All thresholds at once.
    stratified_efficiency : By range of another quantity.

    Notes
    -----
    *Which interval.* ``low`` and ``high`` take the threshold for granted. But it rests
    on the ``n / R`` background events about it, and their fluctuation is often the
    larger error: for 500 signal and 1,000 background events at R = 100, Gaussian scores
    and an efficiency of 0.57, a 95 % interval of the first kind holds the true
    efficiency in 57 of 100 experiments. ``low_total`` and ``high_total`` know this. The
    true threshold has K background events above it, K binomial with n and 1/R; given K
    it lies between two scores of the background, which bounds the signal that passes;
    the limits are quantiles of the mixture over K of the Beta distributions that make
    Clopper and Pearson's limits. They need no resampling and covered 95 to 99 % in
    simulations. Scores are taken as continuous.

    *Too little background.* Then the efficiency is NaN and ``upper_limit`` is what can
    be said: efficiency falls with growing R, so that scores above which no or few
    background events are left bound it from above. No lower limit is given: the tail of
    the background that was not sampled may lie above all of the signal.
    ``background_upper_limit`` is Clopper and Pearson's; for continuous scores it holds
    although the same events chose the threshold, since the share of background above
    its score of rank k + 1 has exactly their Beta distribution.

    There are no weights: a binomial interval knows none.

    References
    ----------
    .. [1] C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits
       illustrated in the case of the binomial", Biometrika 26 (1934) 404-413.
    .. [2] H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., Wiley 2003,
       section 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.metrics import efficiency_at_rejection
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["antideuteron", "antiproton"], [500, 2000])
    >>> score = rng.normal(np.repeat([2.5, 0.0], [500, 2000]))
    >>> r = efficiency_at_rejection(y, score, [10, 1000], pos_label="antideuteron")
    >>> r.to_frame()[["rejection", "efficiency", "low_total", "upper_limit"]].round(2)
       rejection  efficiency  low_total  upper_limit
    0       10.0        0.89       0.85         0.91
    1     1000.0         NaN        NaN         0.45
    """
    signal, background = split_scores(y_true, y_score, pos_label)
    level = check_level(confidence_level)
    if not min_background >= 0:
        raise ValueError(f"min_background must not be negative, got {min_background}.")
    several = isinstance(rejection, Iterable)
    wanted = list(rejection) if isinstance(rejection, Iterable) else [rejection]
    factors = [check_rejection(r) for r in wanted]
    if not factors:
        raise ValueError("rejection must hold at least one number.")
    for scores, name in ((signal, "signal"), (background, "background")):
        if not len(scores):
            warnings.warn(
                f"The efficiency is not known (NaN): y_true has no {name}.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
    rows = [
        measure(signal, background, factor, min_background, level, method)
        for factor in factors
    ]
    return RejectionTable(tuple(rows)) if several else rows[0]


def measure(
    signal: np.ndarray,
    background: np.ndarray,
    rejection: float,
    min_background: float,
    level: float,
    method: str,
) -> RejectionEfficiency:
    """Measure one efficiency; scores from low to high."""
    n, m = len(signal), len(background)
    passing, threshold = cut(signal, background, n_allowed(m, rejection))
    low, high = binomial_interval(passing, n, level, method)
    limits = [
        total_limit(signal, background, rejection, (1.0 + level) / 2.0, upper=upper)
        for upper in (False, True)
    ]
    known = n > 0 and m > 0 and enough(m, rejection, min_background)
    nan = float("nan")
    background_passing = int(m - np.searchsorted(background, threshold, "left"))
    if np.isnan(threshold):
        background_passing = 0
    return RejectionEfficiency(
        rejection=rejection,
        efficiency=passing / n if known else nan,
        low=low if known else nan,
        high=high if known else nan,
        # Both errors together are never less than one of them.
        low_total=min(low, limits[0]) if known else nan,
        high_total=max(high, limits[1]) if known else nan,
        upper_limit=total_limit(signal, background, rejection, level, upper=True),
        threshold=threshold,
        n_signal=n,
        n_background=m,
        n_signal_passing=passing,
        n_background_passing=background_passing,
        background_upper_limit=upper_share(background_passing, m, level),
        confidence_level=level,
        method=method,
    )
