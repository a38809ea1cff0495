"""Errors of predicted directions as scorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from sklearn.metrics import make_scorer

from skastro.metrics._direction_angle import direction_angle
from skastro.metrics._direction_data import ASSIGNMENTS
from skastro.metrics._direction_l1 import direction_l1
from skastro.utils import proper_operations

_MEASURES = ("median", "p90", "mean", "max", "share_below", "l1")


def make_direction_scorer(
    measure: Literal["median", "p90", "mean", "max", "share_below", "l1"] = "median",
    *,
    laue_group: Any = "4/mmm",
    limit: float = 2.0,
    assignment: Literal["ordered", "best"] = "best",
) -> Callable[..., float]:
    """Make a scorer of predicted directions for ``scoring=``.

    Parameters
    ----------
    measure : {"median", "p90", "mean", "max", "share_below", "l1"}, default="median"
        The first four are of the angle of the worst direction of each sample, in
        degrees, over the samples, with the sign turned. "share_below" is the share of
        samples with all directions below `limit`. "l1" is the mean error of
        `direction_l1` over all directions, with the sign turned.
    laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
        Symmetry of the angles, as `direction_angle` takes it; "l1" knows none. The
        default is that of anatase: give that of your crystal.
    limit : float, default=2.0
        Degrees, above 0; only for "share_below".
    assignment : {"ordered", "best"}, default="best"
        Whether predictions may be permuted within a sample.

    Returns
    -------
    callable
        ``scorer(estimator, X, y_true)``, made by `sklearn.metrics.make_scorer`; greater
        is better, and it can be pickled.

    Raises
    ------
    ValueError
        If an option is unknown or out of range. The scorer raises what
        `direction_angle` or `direction_l1` does.

    See Also
    --------
    neg_direction_angle_scorer : The one with ``measure="median"``.
    neg_direction_l1_scorer : The one with ``measure="l1"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skastro.metrics import make_direction_scorer
    >>> y = np.random.default_rng(0).normal(size=(40, 6))
    >>> scorer = make_direction_scorer("share_below", limit=1.0)
    >>> cross_val_score(LinearRegression(), 2 * y, y, scoring=scorer, cv=2)
    array([1., 1.])
    """
    if measure not in _MEASURES:
        raise ValueError(f"measure must be one of {_MEASURES}, got {measure!r}.")
    if assignment not in ASSIGNMENTS:
        raise ValueError(
            f"assignment must be one of {ASSIGNMENTS}, got {assignment!r}."
        )
    if not float(limit) > 0:
        raise ValueError(f"limit must be above 0 degrees, got {limit!r}.")
    proper_operations(laue_group)
    options: dict[str, Any] = {"measure": measure, "assignment": assignment}
    if measure != "l1":
        options["laue_group"] = laue_group
    if measure == "share_below":
        options["limit"] = float(limit)
    out: Callable[..., float] = make_scorer(
        _direction_error, greater_is_better=measure == "share_below", **options
    )
    return out


def _direction_error(
    y_true: Any,
    y_pred: Any,
    *,
    measure: str,
    assignment: Literal["ordered", "best"],
    laue_group: Any = None,
    limit: float = np.nan,
) -> float:
    """Compute one measure over all samples."""
    if measure == "l1":
        out: float = direction_l1(
            y_true, y_pred, assignment=assignment, multioutput="uniform_average"
        )
        return out
    angle = direction_angle(
        y_true, y_pred, laue_group=laue_group, assignment=assignment
    )
    worst = angle.max(axis=1)
    if measure == "share_below":
        return float((worst < limit).mean())
    if measure == "p90":
        return float(np.percentile(worst, 90))
    if measure == "max":
        return float(worst.max())
    return float(np.median(worst) if measure == "median" else worst.mean())


_PARAMETERS = """Parameters
----------
estimator : estimator
    A fitted regressor of directions.
X : array-like of shape (n_samples, ...)
    Test data.
y_true : array-like of shape (n_samples, 3 * n_directions)
    Their true directions.
sample_weight : None, default=None
    Weights are not supported: anything else is refused.
**kwargs : dict
    Metadata, where its routing is enabled; options of `make_direction_scorer`.

Returns
-------
float
    The score, at most 0.
"""

neg_direction_l1_scorer = make_direction_scorer("l1")
neg_direction_l1_scorer.__doc__ = f"""Score directions by their negative mean error.

For ``scoring=`` of scikit-learn's searches and cross-validation. It is `direction_l1`
over all directions, after the best assignment, with the sign turned.

{_PARAMETERS}"""

neg_direction_angle_scorer = make_direction_scorer("median")
neg_direction_angle_scorer.__doc__ = f"""Score directions by their negative angle.

For ``scoring=`` of scikit-learn's searches and cross-validation. It is the median over
the samples of the largest `direction_angle` of each, in degrees, for the Laue group
4/mmm (anatase) and after the best assignment, with the sign turned. Other crystals need
`make_direction_scorer`.

{_PARAMETERS}"""
