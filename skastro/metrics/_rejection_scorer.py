"""The efficiency at a rejection as a scorer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from sklearn.exceptions import UndefinedMetricWarning

from skastro.metrics._rejection_data import (
    check_rejection,
    cut,
    enough,
    n_allowed,
    split_scores,
)
from skastro.metrics._signal_scores import signal_scores


def make_rejection_scorer(
    rejection: float = 100, *, pos_label: Any = None, min_background: float = 10.0
) -> Any:
    """Make a scorer of the efficiency at a rejection.

    For ``scoring=`` of scikit-learn's searches and cross-validation, pipelines
    included. It takes ``decision_function`` where there is one, since probabilities
    near 1 are rounded to the same number and their events pass only together, else the
    column of ``predict_proba``.

    Parameters
    ----------
    rejection : float, default=100
        The rejection factor, at least 1, see `efficiency_at_rejection`.
    pos_label : class, default=None
        The signal. None is 1 where the classes are 0 and 1, or -1 and 1.
    min_background : float, default=10.0
        Folds with fewer background events than ``min_background * rejection`` get NaN.

    Returns
    -------
    callable
        ``scorer(estimator, X, y_true)``, greater is better; it can be pickled. A fold
        that is too small, or has no signal, scores NaN with an
        `UndefinedMetricWarning` that says how many events there were: `cross_validate`
        hands it on, and `GridSearchCV` ranks every candidate with such a fold last and
        warns. Then take fewer folds, a smaller rejection or, knowing what it means, a
        smaller `min_background`.

    Raises
    ------
    ValueError
        If an option is out of range. The scorer raises what `efficiency_at_rejection`
        does.

    See Also
    --------
    efficiency_at_rejection : The same with its errors.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skastro.metrics import make_rejection_scorer
    >>> y = np.repeat(["background", "signal"], 300)
    >>> X = np.random.default_rng(0).normal(np.repeat([0.0, 2.0], 300))[:, None]
    >>> scorer = make_rejection_scorer(10, pos_label="signal")
    >>> cross_val_score(LogisticRegression(), X, y, scoring=scorer, cv=3).round(2)
    array([0.7 , 0.84, 0.75])
    """
    if not min_background >= 0:
        raise ValueError(f"min_background must not be negative, got {min_background}.")
    return _RejectionScorer(
        check_rejection(rejection), pos_label, float(min_background)
    )


@dataclass(frozen=True)
class _RejectionScorer:
    """A plain callable, not what ``make_scorer`` gives.

    Of several scorers of that kind scikit-learn calls the classifier once and hands the
    same scores to all, whatever class each of them takes for the signal.
    """

    rejection: float
    pos_label: Any
    min_background: float

    def __call__(self, estimator: Any, X: Any, y_true: Any) -> float:
        """Give the efficiency alone, NaN with a warning where it is not known."""
        score = signal_scores(estimator, X, self.pos_label)
        signal, background = split_scores(y_true, score, self.pos_label)
        n, m = len(signal), len(background)
        if not n or not m or not enough(m, self.rejection, self.min_background):
            warnings.warn(
                f"The efficiency at rejection {self.rejection:g} is not known (NaN): "
                f"it needs signal and {self.min_background * self.rejection:g} "
                f"background events, got {n} and {m}.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
            return float("nan")
        return cut(signal, background, n_allowed(m, self.rejection))[0] / n
