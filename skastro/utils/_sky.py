"""Positions on the sky, checked."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_sky(lon: Any, lat: Any, names: tuple[str, str] = ("ra", "dec")) -> np.ndarray:
    """Check longitudes and latitudes.

    Parameters
    ----------
    lon, lat : array-like of shape (n,)
        In degrees, or with units that astropy turns into degrees. Longitudes may run
        from 0 to 360 or from -180 to 180.
    names : tuple of two str, default=("ra", "dec")
        What messages call them.

    Returns
    -------
    ndarray of shape (n, 2)
        In degrees, as float64; longitudes as they came.

    Raises
    ------
    ValueError
        If they are no numbers, not finite, masked, of different shapes or out of range.

    Examples
    --------
    >>> from skastro.utils._sky import check_sky
    >>> check_sky([10.5], [-30.0])
    array([[ 10.5, -30. ]])
    """
    columns = []
    for values, name in ((lon, names[0]), (lat, names[1])):
        # np.asarray would drop units and masks without a word.
        mask = getattr(values, "mask", None)
        if mask is not None and not callable(mask) and np.any(mask):
            raise ValueError(f"{name} has {int(np.sum(mask))} masked values.")
        if getattr(values, "unit", None) is not None:
            values = values.to("deg").value
        try:
            if np.iscomplexobj(values):
                raise TypeError("they are complex")
            column = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be numbers in degrees: {error}") from error
        if column.ndim != 1:
            raise ValueError(f"{name} must have shape (n,), got {column.shape}.")
        bad = int((~np.isfinite(column)).sum())
        if bad:
            raise ValueError(f"{name} has {bad} values of {column.size} not finite.")
        columns.append(column)
    if columns[0].shape != columns[1].shape:
        raise ValueError(
            f"{names[0]} has {columns[0].size} values and {names[1]} has "
            f"{columns[1].size}."
        )
    for column, name, low, high in (
        (columns[0], names[0], -360.0, 360.0),
        (columns[1], names[1], -90.0, 90.0),
    ):
        outside = (column < low) | (column > high)
        if outside.any():
            raise ValueError(
                f"{name} must lie in [{low:g}, {high:g}] degrees; {outside.sum()} of "
                f"{column.size} do not, for instance {column[outside][0]:g}."
            )
    return np.column_stack(columns)


def unit_vectors(positions: np.ndarray) -> np.ndarray:
    """Turn longitudes and latitudes into unit vectors.

    Parameters
    ----------
    positions : ndarray of shape (n, 2)
        Longitude and latitude in degrees, as `check_sky` gives them.

    Returns
    -------
    ndarray of shape (n, 3)
        As float64.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.utils._sky import unit_vectors
    >>> unit_vectors(np.array([[90.0, 0.0]])).round(6) + 0.0
    array([[0., 1., 0.]])
    """
    lon, lat = np.radians(positions).T
    return np.column_stack(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    )
