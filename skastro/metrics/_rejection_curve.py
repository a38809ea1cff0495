"""Efficiency against rejection for every threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.metrics._rejection_curve_result import RejectionCurve
from skastro.metrics._rejection_data import split_scores


def rejection_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None
) -> RejectionCurve:
    """Compute efficiency and background that passes for every threshold.

    It is the ROC curve, with the numbers of events that pass, for axes on which the
    small shares of background matter.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes, two of them.
    y_score : array-like of shape (n_samples,)
        Larger is more like the signal. Infinite values are allowed, NaN is not.
    pos_label : class, default=None
        The signal. None is 1 where the classes are 0 and 1, or -1 and 1; for others it
        must be given.

    Returns
    -------
    RejectionCurve
        One point for each different score, from the largest down. Events with equal
        scores pass together.

    Raises
    ------
    ValueError
        As in `efficiency_at_rejection`.

    See Also
    --------
    efficiency_at_rejection : One point of it, with intervals.
    skastro.model_selection.RejectionCurveDisplay : The curve as a picture.
    sklearn.metrics.roc_curve : Shares only.

    Examples
    --------
    >>> from skastro.metrics import rejection_curve
    >>> curve = rejection_curve(["p", "d", "p", "d"], [1, 3, 2, 4], pos_label="d")
    >>> curve.efficiency.tolist(), curve.rejection.tolist()
    ([0.5, 1.0, 1.0, 1.0], [inf, inf, 2.0, 1.0])
    """
    signal, background = split_scores(y_true, y_score, pos_label)
    thresholds = np.unique(np.concatenate([signal, background]))[::-1]
    return RejectionCurve(
        thresholds=thresholds,
        n_signal_passing=len(signal) - np.searchsorted(signal, thresholds, "left"),
        n_background_passing=len(background)
        - np.searchsorted(background, thresholds, "left"),
        signal=signal,
        background=background,
    )
