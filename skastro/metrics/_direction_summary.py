"""All errors of predicted directions at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skastro.metrics._direction_angle import direction_angle
from skastro.metrics._direction_data import (
    assigned,
    check_directions,
    component_errors,
)
from skastro.metrics._direction_summary_result import DirectionSummary, describe_group
from skastro.utils._real_array import real_array


def direction_summary(
    y_true: Any,
    y_pred: Any,
    *,
    laue_group: Any = "4/mmm",
    limits: Iterable[float] = (2, 3, 5),
) -> DirectionSummary:
    """Summarise predicted directions: raw errors, best order, angles and shares.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, 3 * n_directions)
        The true directions: Cartesian components in the crystal frame (x along a, z
        along c*), three columns a direction, at most four directions.
    y_pred : array-like of shape (n_samples, 3 * n_directions)
        The predicted directions.
    laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
        Symmetry of the angles, as `direction_angle` takes it; the default is that of
        anatase. The errors of the components know no symmetry.
    limits : iterable of float, default=(2, 3, 5)
        Degrees, above 0, of which the shares are given.

    Returns
    -------
    DirectionSummary
        With ``errors``, ``angles`` and ``shares``; prints as tables, and `to_frame`
        makes one row of it.

    Raises
    ------
    ValueError
        As in `direction_angle`, and if a limit is not a number above 0.

    Warns
    -----
    UndefinedMetricWarning
        If a predicted vector has the length zero: its angle counts as 90 degrees.

    See Also
    --------
    direction_l1 : The raw errors alone.
    direction_angle : The angle of each direction.
    make_direction_scorer : One of these numbers as a scorer.

    Notes
    -----
    The best assignment is found for errors and for angles on their own: by the
    smallest sum of errors, and by the smallest sum of angles.

    The row "oracle" keeps in each sample the direction whose error is smaller. No one
    can do so without the truth: it bounds what a second stage can be given, and is no
    accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.metrics import direction_summary
    >>> y = np.random.default_rng(0).normal(size=(100, 6))
    >>> summary = direction_summary(y, y[:, [3, 4, 5, 0, 1, 2]])  # swapped
    >>> bool(summary.errors.loc["all", "mae"] > 3)
    True
    >>> summary.errors.loc["all", "best_mae"], summary.shares[2.0]
    (np.float64(0.0), np.float64(1.0))
    """
    degrees = _check_limits(limits)
    true, pred = check_directions(y_true, y_pred, "best")
    angle = direction_angle(y_true, y_pred, laue_group=laue_group)
    errors = component_errors(true, pred)
    return DirectionSummary(
        errors=_error_table(assigned(errors, "ordered"), assigned(errors, "best")),
        angles=_angle_table(angle),
        shares=pd.Series(
            [float((angle.max(axis=1) < limit).mean()) for limit in degrees],
            index=pd.Index(degrees, name="limit", dtype=np.float64),
            name="share",
        ),
        n_samples=len(angle),
        n_directions=angle.shape[1],
        laue_group=describe_group(laue_group),
    )


def _check_limits(limits: Iterable[float]) -> list[float]:
    """Take the limits as different numbers above zero."""
    degrees = np.array(list(np.atleast_1d(real_array(limits, "limits"))))
    if not degrees.size or degrees.ndim != 1 or not (degrees > 0).all():
        raise ValueError(f"limits must be numbers of degrees above 0, got {limits!r}.")
    if len(np.unique(degrees)) < len(degrees):
        raise ValueError(f"limits must be different, got {limits!r}.")
    out: list[float] = degrees.tolist()
    return out


def _error_table(raw: np.ndarray, best: np.ndarray) -> pd.DataFrame:
    """Tabulate errors of shape (n_samples, n_directions)."""
    k = raw.shape[1]
    columns = {f"direction {j + 1}": (raw[:, j], best[:, j]) for j in range(k)}
    if k > 1:
        columns["all"] = (raw, best)
        columns["oracle"] = (raw.min(axis=1), best.min(axis=1))
    table = {}
    for name, (a, b) in columns.items():
        # The mean of equal numbers may round below them.
        small = a <= a.mean(axis=0) * (1 + 1e-12)
        table[name] = {
            "mae": a.mean(),
            "std": a.std(),
            "best_mae": b.mean(),
            "best_std": b.std(),
            "min": a.min(),
            "max": a.max(),
            "n_at_or_below": int(small.reshape(len(a), -1).all(axis=1).sum()),
        }
    frame = pd.DataFrame.from_dict(table, orient="index")
    return frame.astype({"n_at_or_below": int})


def _angle_table(angle: np.ndarray) -> pd.DataFrame:
    """Tabulate angles of shape (n_samples, n_directions)."""
    rows = {"all": angle.ravel()}
    if angle.shape[1] > 1:
        rows = {"better": angle.min(axis=1), "worse": angle.max(axis=1), **rows}
    return pd.DataFrame.from_dict(
        {
            name: {
                "median": np.median(values),
                "mean": values.mean(),
                "p90": np.percentile(values, 90),
                "max": values.max(),
            }
            for name, values in rows.items()
        },
        orient="index",
    )
