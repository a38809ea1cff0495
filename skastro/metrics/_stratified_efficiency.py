"""Efficiency at a rejection by ranges of other quantities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from skastro.metrics._class_data import check_classes, check_length
from skastro.metrics._efficiency_at_rejection import measure
from skastro.metrics._rejection_data import (
    binomial_interval,
    check_level,
    check_rejection,
    check_scores,
    cut,
    n_allowed,
    positive_class,
)
from skastro.metrics._strata import make_strata


def stratified_efficiency(
    y_true: Any,
    y_score: Any,
    stratify: Mapping[str, Any] | pd.DataFrame,
    *,
    rejection: float = 100,
    pos_label: Any = None,
    y_pred: Any = None,
    bins: int | Mapping[Any, Any] | None = None,
    threshold: Literal["global", "stratum"] = "global",
    min_background: float = 10.0,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """Measure the efficiency at a rejection by ranges of other quantities.

    One number for a whole sample hides where a classifier works. This is the table by
    depth, angle, speed, or whatever is known of each event.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes, two of them.
    y_score : array-like of shape (n_samples,)
        Larger is more like the signal.
    stratify : mapping of str to array-like of shape (n_samples,), or DataFrame
        Quantities by name, such as the columns of a DataFrame. Floating-point numbers
        are binned; whole numbers, booleans and strings are taken value by value.
    rejection : float, default=100
        The rejection factor, see `efficiency_at_rejection`.
    pos_label : class, default=None
        The signal. None is 1 where the classes are 0 and 1, or -1 and 1.
    y_pred : array-like of shape (n_samples,), default=None
        Predicted classes, for the accuracy.
    bins : int or mapping of str to int or array-like, default=None
        Number of bins with equally many events, or edges, by name of the quantity; one
        number is for all that are binned. None is four. Edges bin whole numbers too.
    threshold : {"global", "stratum"}, default="global"
        "global" has one threshold for all events, as an experiment would; rejection
        then differs between the strata and is told. "stratum" has the rejection in each
        of them by a threshold of its own.
    min_background : float, default=10.0
        Background events that must determine a threshold, see
        `efficiency_at_rejection`. With less the efficiency is NaN.
    confidence_level : float, default=0.95
        Of all intervals.

    Returns
    -------
    DataFrame
        The first row has all events, then a row for each stratum: "quantity", "stratum"
        (range or value; "outside" of given edges; "missing" for NaN), "n_signal",
        "n_background", "efficiency" with "low" and "high" (binomial) and "low_total"
        and "high_total" (with the error of the threshold), its one-sided "upper_limit",
        "threshold", "background_share" that passes it with "background_low" and
        "background_high"; with `y_pred` also "accuracy" with "accuracy_low" and
        "accuracy_high". What no event tells is NaN.

    Raises
    ------
    ValueError
        As in `efficiency_at_rejection`, or if a quantity has another length or bins
        make no sense.

    Notes
    -----
    The strata of one quantity share no event and together have all. With the global
    threshold ``low_total`` and ``high_total`` of different strata move together, since
    they share the error of the threshold. Intervals of the background's share and of
    the accuracy are exact binomial ones, for a threshold taken as given.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.metrics import stratified_efficiency
    >>> rng = np.random.default_rng(0)
    >>> y, depth = rng.integers(0, 2, 4000), rng.integers(1, 3, 4000)
    >>> table = stratified_efficiency(
    ...     y, rng.normal(y * depth * 1.5), {"depth": depth}, rejection=20)
    >>> table[["quantity", "stratum", "n_signal", "efficiency"]].round(2)
      quantity stratum  n_signal  efficiency
    0      all     all      2029        0.66
    1    depth       1      1007        0.40
    2    depth       2      1022        0.91
    """
    y = check_classes(y_true, "y_true")
    score = check_scores(y_score, len(y))
    is_signal = y == positive_class(y, pos_label)
    factor, level = check_rejection(rejection), check_level(confidence_level)
    if threshold not in ("global", "stratum"):
        raise ValueError(f'threshold must be "global" or "stratum", got {threshold!r}.')
    if not min_background >= 0:
        raise ValueError(f"min_background must not be negative, got {min_background}.")
    right = None
    if y_pred is not None:
        predicted = check_classes(y_pred, "y_pred")
        check_length("y_pred", predicted, len(y))
        right = predicted == y
    members = [("all", "all", np.ones(len(y), dtype=bool))]
    if not isinstance(stratify, Mapping | pd.DataFrame):
        raise TypeError(f"stratify must map names to values, got {stratify!r}.")
    for name, values in stratify.items():
        wanted = bins.get(name) if isinstance(bins, Mapping) else None
        array = np.asarray(values)
        if isinstance(bins, (int, np.integer)) and array.dtype.kind == "f":
            wanted = bins
        found = make_strata(array, wanted, str(name), len(y))
        members += [(str(name), label, rows) for label, rows in found.items()]
    unknown = (
        [k for k in bins if k not in stratify] if isinstance(bins, Mapping) else []
    )
    if unknown:
        raise ValueError(f"bins has {unknown}, which are not in stratify.")
    everywhere = np.sort(score[~is_signal])
    allowed = n_allowed(len(everywhere), factor)
    _, common = cut(np.sort(score[is_signal]), everywhere, allowed)
    table = []
    for name, label, rows in members:
        signal = np.sort(score[rows & is_signal])
        background = np.sort(score[rows & ~is_signal])
        cut_on = everywhere if threshold == "global" else background
        r = measure(signal, cut_on, factor, min_background, level, "exact")
        lowest = common if threshold == "global" else r.threshold
        m, n_passing = len(background), int((background >= lowest).sum())
        share_low, share_high = binomial_interval(n_passing, m, level, "exact")
        row = {
            "quantity": name,
            "stratum": label,
            "n_signal": len(signal),
            "n_background": m,
            "efficiency": r.efficiency,
            "low": r.low,
            "high": r.high,
            "low_total": r.low_total,
            "high_total": r.high_total,
            "upper_limit": r.upper_limit,
            "threshold": lowest,
            "background_share": n_passing / m if m else np.nan,
            "background_low": share_low if m else np.nan,
            "background_high": share_high if m else np.nan,
        }
        if right is not None:
            n_right, n = int(right[rows].sum()), int(rows.sum())
            low, high = binomial_interval(n_right, n, level, "exact")
            row["accuracy"] = n_right / n if n else np.nan
            row["accuracy_low"] = low if n else np.nan
            row["accuracy_high"] = high if n else np.nan
        table.append(row)
    return pd.DataFrame(table)
