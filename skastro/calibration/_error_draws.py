"""Draws of measured columns within their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_ndtr, ndtri, ndtri_exp

# Odd, from the golden ratio: steps of a Weyl sequence on 64-bit integers.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)
# Uniform numbers stay this far from 0 and 1, where normal ones are infinite.
_MARGIN = 2.0**-54


@dataclass(frozen=True)
class MeasuredColumns:
    """Measured values of some columns, their errors, and where they stand in X.

    Parameters
    ----------
    position : ndarray of shape (n_columns,)
        Of the values, in the columns of X.
    value, error : ndarray of shape (n_samples, n_columns)
        In float64; NaN where something was not measured.
    positive : ndarray of shape (n_columns,)
        Whether a draw has to be positive.
    """

    position: np.ndarray
    value: np.ndarray
    error: np.ndarray
    positive: np.ndarray

    @property
    def drawn(self) -> np.ndarray:
        """Say which values have an error; of shape (n_samples, n_columns)."""
        out: np.ndarray = np.isfinite(self.value) & (self.error > 0)
        return out


def read_columns(
    X: Any, error_columns: Mapping[Any, Any], positive: Sequence[Any]
) -> MeasuredColumns:
    """Pick values and errors out of X.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Measurements and their errors.
    error_columns : mapping
        Value column to error column; names, or positions.
    positive : sequence
        Value columns whose draws have to be positive.

    Returns
    -------
    MeasuredColumns
        In the order of `error_columns`.

    Raises
    ------
    ValueError
        If a column is missing, or an error is negative or infinite.
    """
    strange = [column for column in positive if column not in error_columns]
    if strange:
        raise ValueError(
            f"positive names {strange}, which error_columns gives no error for; it has "
            f"{list(error_columns)}."
        )
    values = [_place(X, column) for column in error_columns]
    errors = [_place(X, column) for column in error_columns.values()]
    if len(set(values)) < len(values):
        raise ValueError(f"error_columns names a value column twice: {error_columns}.")
    error = _numbers(X, errors)
    bad = (error < 0) | np.isinf(error)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        name = list(error_columns.values())[column]
        raise ValueError(
            f"Errors must be finite and not negative, or NaN for unknown; {bad.sum()} "
            f"are not, the first is {error[row, column]:g} in row {row} of {name!r}."
        )
    return MeasuredColumns(
        position=np.array(values),
        value=_numbers(X, values),
        error=error,
        positive=np.array([column in positive for column in error_columns]),
    )


def _place(X: Any, column: Any) -> int:
    """Give the position of a column."""
    n_columns = int(X.shape[1])
    if isinstance(column, bool):
        raise ValueError(f"error_columns has {column}, which is no column.")
    if isinstance(column, str):
        if not isinstance(X, pd.DataFrame):
            raise ValueError(
                f"error_columns names the column {column!r}, but X is no DataFrame: "
                "give positions."
            )
        found = np.flatnonzero(np.asarray(X.columns == column))
        if len(found) != 1:
            raise ValueError(
                f"X has {len(found)} column(s) named {column!r}, error_columns needs "
                f"one; X has {list(X.columns)}."
            )
        return int(found[0])
    if not -n_columns <= column < n_columns:
        raise ValueError(
            f"error_columns has the position {column}, X has {n_columns} columns."
        )
    return int(column) % n_columns


def _numbers(X: Any, places: list[int]) -> np.ndarray:
    """Read columns as float64, what is missing as NaN."""
    if isinstance(X, pd.DataFrame):
        columns = [
            X.iloc[:, place].to_numpy(dtype=np.float64, na_value=np.nan)
            for place in places
        ]
        return np.stack(columns, axis=1)
    return np.asarray(X[:, places], dtype=np.float64)


def write_columns(X: Any, columns: MeasuredColumns, drawn: np.ndarray) -> Any:
    """Make a copy of X with other values in the measured columns.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Stays as it is.
    columns : MeasuredColumns
        Of X.
    drawn : ndarray of shape (n_samples, n_columns)
        The new values.

    Returns
    -------
    ndarray or DataFrame of shape (n_samples, n_features)
        Columns of single precision stay so, others become double.
    """
    if isinstance(X, pd.DataFrame):
        frame = X.copy(deep=False)
        for number, place in enumerate(columns.position):
            single = X.dtypes.iloc[place] == np.float32
            new = drawn[:, number].astype(np.float32 if single else np.float64)
            # Puts a new column in the place of the shared one.
            frame.isetitem(int(place), new)
        return frame
    copy = np.array(X, dtype=X.dtype if X.dtype.kind in "fO" else np.float64)
    copy[:, columns.position] = drawn
    return copy


def draw_values(columns: MeasuredColumns, uniform: np.ndarray) -> np.ndarray:
    """Draw measured values from a normal law of their error, cut at zero if asked.

    Parameters
    ----------
    columns : MeasuredColumns
        What was measured.
    uniform : ndarray of shape (n_samples, n_columns)
        Numbers in [0, 1), which the draws are increasing functions of.

    Returns
    -------
    ndarray of shape (n_samples, n_columns)
        Values without an error are as they were.
    """
    drawn = columns.drawn
    value = np.where(drawn, columns.value, 0.0)
    error = np.where(drawn, columns.error, 1.0)
    uniform = np.clip(uniform, _MARGIN, 1 - _MARGIN)
    z = ndtri(uniform)
    cut = columns.positive
    if cut.any():
        # Of the law above zero, by the logarithm of the upper tail: exact however
        # many errors below zero the value was measured.
        tail = np.log1p(-uniform[:, cut]) + log_ndtr(value[:, cut] / error[:, cut])
        z[:, cut] = -ndtri_exp(tail)
    new = value + error * z
    # Where rounding has left nothing.
    least = np.finfo(np.float64).eps * error
    new[:, cut] = np.maximum(new[:, cut], least[:, cut])
    return np.where(drawn, new, columns.value)


def row_shifts(columns: MeasuredColumns, seed: int) -> np.ndarray:
    """Make numbers that depend on the measurements of a row, and on nothing else.

    Parameters
    ----------
    columns : MeasuredColumns
        What was measured.
    seed : int
        Below 2**63.

    Returns
    -------
    ndarray of shape (n_samples, n_columns)
        Uniform in [0, 1), independent between rows that differ and between columns.
    """
    n_rows, n_columns = columns.value.shape
    state = np.full(n_rows, seed, dtype=np.uint64)
    for column in range(n_columns):
        for table in (columns.value, columns.error):
            # One NaN and one zero out of the several there are.
            number = np.where(np.isnan(table[:, column]), np.nan, table[:, column])
            # The same row in single precision is to have the same draws.
            number = number.astype(np.float32).astype(np.float64)
            bits = (number + 0.0).view(np.uint64)
            state = _mix((state ^ bits) + _STEP)
    shifts = np.empty((n_rows, n_columns))
    for column in range(n_columns):
        state = state + _STEP
        shifts[:, column] = (_mix(state) >> np.uint64(11)) * 2.0**-53
    return shifts


def _mix(state: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers, as the SplitMix64 generator does with a counter."""
    state = (state ^ (state >> np.uint64(30))) * _FACTOR_1
    state = (state ^ (state >> np.uint64(27))) * _FACTOR_2
    out: np.ndarray = state ^ (state >> np.uint64(31))
    return out
