"""Light curves of any length as one array."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd


def light_curve_array(
    curves: Any,
    *,
    by: Hashable = "source_id",
    time: Hashable = "time",
    rate: Hashable = "rate",
    error: Hashable = "rate_err",
) -> tuple[np.ndarray, np.ndarray]:
    """Put light curves of different length into one array.

    Parameters
    ----------
    curves : DataFrame, or sequence of (time, rate, error)
        A frame has a row for every point of every light curve. In a sequence every
        light curve is three arrays of one length.
    by : column name, default="source_id"
        Column that says which light curve a row belongs to.
    time : column name, default="time"
        Column of the times.
    rate : column name, default="rate"
        Column of the count rates or fluxes.
    error : column name, default="rate_err"
        Column of their 1-sigma errors.

    Returns
    -------
    ids : ndarray of shape (n_curves,)
        Values of the column `by`, in the order in which they come first; for a sequence
        its positions.
    X : ndarray of float64 of shape (n_curves, 3, n_points)
        Time, rate and error, each light curve in the order of its times, filled up with
        NaN to the longest.

    Raises
    ------
    ValueError
        If a column is not there, an id is missing, arrays of a light curve differ in
        length, or there is no light curve.

    See Also
    --------
    VariabilityFeatures : What makes features of it.

    Notes
    -----
    Points whose rate is NaN are kept; `VariabilityFeatures` passes over them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.xray import light_curve_array
    >>> points = pd.DataFrame(
    ...     {"source_id": [7, 7, 3], "time": [10, 0, 0], "rate": [1.0, 2.0, 5.0]}
    ... ).assign(rate_err=0.1)
    >>> ids, X = light_curve_array(points)
    >>> ids.tolist(), X[:, 1].tolist()
    ([7, 3], [[2.0, 1.0], [5.0, nan]])
    """
    if isinstance(curves, pd.DataFrame):
        return _from_frame(curves, by, [time, rate, error])
    return _from_sequence(curves)


def _from_frame(
    frame: pd.DataFrame, by: Hashable, columns: list[Hashable]
) -> tuple[np.ndarray, np.ndarray]:
    """Sort the rows of a long table into light curves."""
    lacking = [c for c in (by, *columns) if c not in frame.columns]
    if lacking:
        raise ValueError(f"The frame lacks {lacking}; it has {list(frame.columns)}.")
    if not len(frame):
        raise ValueError("There is no light curve: the frame has no rows.")
    code, ids = pd.factorize(frame[by])
    if (code < 0).any():
        raise ValueError(f"{int((code < 0).sum())} row(s) have no value in {by!r}.")
    values = frame[columns].to_numpy(dtype=np.float64, na_value=np.nan)
    # By light curve, and by time within; equal times stay in their order.
    order = np.lexsort((values[:, 0], code))
    code, values = code[order], values[order]
    lengths = np.bincount(code)
    place = np.arange(len(code)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    X = np.full((len(ids), 3, int(lengths.max())), np.nan)
    X[code, :, place] = values
    return np.asarray(ids), X


def _from_sequence(curves: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Fill light curves up to one length."""
    if not len(curves):
        raise ValueError("There is no light curve: the sequence is empty.")
    rows = []
    for i, curve in enumerate(curves):
        parts = [np.asarray(part, dtype=np.float64) for part in curve]
        if len(parts) != 3 or any(
            p.ndim != 1 or len(p) != len(parts[0]) for p in parts
        ):
            raise ValueError(
                "A light curve is (time, rate, error), three arrays of one length; "
                f"number {i} has the shapes {[p.shape for p in parts]}."
            )
        table = np.stack(parts)
        rows.append(table[:, np.argsort(table[0], kind="stable")])
    X = np.full((len(rows), 3, max(1, *(r.shape[1] for r in rows))), np.nan)
    for i, row in enumerate(rows):
        X[i, :, : row.shape[1]] = row
    return np.arange(len(rows)), X
