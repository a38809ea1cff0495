"""Purity of a selection where classes are as frequent as in nature."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning

from skastro.metrics._abundance_purity_result import AbundancePurity
from skastro.metrics._class_data import check_classes, check_length, sorted_classes
from skastro.metrics._rejection_data import (
    binomial_interval,
    check_level,
    check_scores,
)


def abundance_weighted_purity(
    y_true: Any,
    y_pred: Any,
    *,
    abundances: Mapping[Any, float],
    pos_label: Any,
    threshold: float | None = None,
    acceptances: Mapping[Any, float] | None = None,
    confidence_level: float = 0.95,
) -> AbundancePurity:
    r"""Compute the purity of a selection for given abundances of the classes.

    A test sample has about as many events of each class; nature has not. With the
    abundance :math:`A_c` of the class c, its acceptance :math:`a_c` and the share
    :math:`\epsilon_c` of its test events that is selected, the purity of the selected
    events is

    .. math:: \frac{A_s a_s \epsilon_s}{\sum_c A_c a_c \epsilon_c}

    for the signal s. It does not depend on how many events of each class were tested.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes, two or more.
    y_pred : array-like of shape (n_samples,)
        The predicted classes; those predicted as `pos_label` are selected. With
        `threshold`, scores instead.
    abundances : mapping of class to float
        Relative abundances of all classes of `y_true`, in any unit, for instance
        ``{"antideuteron": 1, "antiproton": 1e4}``.
    pos_label : class
        The signal.
    threshold : float, default=None
        Events whose score is at least this are selected. It must not have been chosen
        on these events: a threshold above all of their background has a purity of 1.
    acceptances : mapping of class to float, default=None
        Shares of the events of a class that come as far as the test sample, where that
        differs: triggers, or primaries that stop. None is the same for all.
    confidence_level : float, default=0.95
        Of the interval.

    Returns
    -------
    AbundancePurity
        The purity, its interval, and what it is made of.

    Raises
    ------
    ValueError
        If a class has no abundance or acceptance, an abundance has no test events, one
        of them is negative or not finite, or `pos_label` is not known.

    Warns
    -----
    UndefinedMetricWarning
        If nothing is selected: the purity is NaN.

    Notes
    -----
    Each class has the exact binomial interval of its own share, at the level
    ``confidence_level ** (1 / n_classes)``; the classes are independent, so that all
    shares together lie in their intervals at `confidence_level`. The purity rises with
    the share of the signal and falls with the others', so its interval ends where all
    shares are worst and best. It covers at least the level. If no background is
    selected the estimate is 1, and only the lower end says anything: with n background
    events a share of some 3 / n cannot be excluded, which abundances multiply.

    Classes that were never simulated are not in it: name what is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.metrics import abundance_weighted_purity
    >>> y_true = np.repeat(["antideuteron", "antiproton"], [1000, 20000])
    >>> score = np.append(np.linspace(0.2, 1, 1000), np.linspace(-1, 0.502, 20000))
    >>> abundance_weighted_purity(
    ...     y_true, score, abundances={"antideuteron": 1, "antiproton": 1e4},
    ...     pos_label="antideuteron", threshold=0.5)
    <AbundancePurity: 0.0442 (0.0279 to 0.073), 625 of 1000 and 27 of 20000 selected>
    """
    y = check_classes(y_true, "y_true")
    level = check_level(confidence_level)
    classes = sorted_classes(y)
    abundance = _numbers(abundances, classes, "abundances")
    acceptance = (
        dict.fromkeys(classes, 1.0)
        if acceptances is None
        else _numbers(acceptances, classes, "acceptances")
    )
    if pos_label not in classes:
        raise ValueError(f"pos_label={pos_label!r} is not among the classes {classes}.")
    if threshold is None:
        predicted = check_classes(y_pred, "y_pred")
        check_length("y_pred", predicted, len(y))
        strange = [c for c in sorted_classes(y, predicted) if c not in classes]
        if strange:
            raise ValueError(
                f"y_pred has {strange}, which are no classes of y_true, {classes}. For "
                "scores, give a threshold."
            )
        selected = predicted == pos_label
    else:
        if np.isnan(threshold):
            raise ValueError("threshold is NaN.")
        selected = check_scores(y_pred, len(y), "y_pred") >= threshold
    # The signal first, then the others in their order.
    classes = [pos_label, *(c for c in classes if c != pos_label)]
    rows = []
    for label in classes:
        of_class = y == label
        n, k = int(of_class.sum()), int(selected[of_class].sum())
        ends = binomial_interval(k, n, level ** (1 / len(classes)), "exact")
        numbers = (abundance[label], acceptance[label], n, k, k / n, *ends)
        rows.append((label, *numbers))
    names = ["class", "abundance", "acceptance", "n", "n_selected", "share"]
    table = pd.DataFrame(rows, columns=[*names, "low", "high"]).set_index("class")
    weight = (table["abundance"] * table["acceptance"]).to_numpy()
    share, low, high = (table[c].to_numpy() for c in ("share", "low", "high"))
    table["rate"] = weight * share
    purity = _purity(weight, share[0], share[1:])
    if np.isnan(purity):
        warnings.warn(
            "The purity is not known (NaN): nothing is selected.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    return AbundancePurity(
        purity=purity,
        low=_purity(weight, low[0], high[1:]),
        high=_purity(weight, high[0], low[1:]),
        confidence_level=level,
        per_class=table,
    )


def _purity(weight: np.ndarray, signal: float, others: np.ndarray) -> float:
    """Give the share of the signal in what is selected; NaN of nothing."""
    good, bad = weight[0] * signal, float(weight[1:] @ others)
    return float(good / (good + bad)) if good + bad > 0 else float("nan")


def _numbers(
    given: Mapping[Any, float], classes: list[Any], name: str
) -> dict[Any, float]:
    """Take one number a class."""
    absent = [c for c in classes if c not in given]
    spare = [c for c in given if c not in classes]
    if absent or spare:
        raise ValueError(
            f"{name} must have the classes of y_true, {classes}; it lacks {absent} and "
            f"has {spare}, of which there are no test events."
        )
    numbers = {c: float(given[c]) for c in classes}
    wrong = {c: v for c, v in numbers.items() if not 0 < v < np.inf}
    if wrong:
        raise ValueError(f"{name} must be finite and above 0, got {wrong}.")
    return numbers
