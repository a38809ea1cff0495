"""Numbers of users as floats, without a silent loss."""

from __future__ import annotations

from typing import Any

import numpy as np

# What `float` takes, with a loss or by a guess, inside arrays of objects.
_NOT_REAL = (
    complex,
    np.complexfloating,
    np.datetime64,
    np.timedelta64,
    str,
    bytes,
)


def real_array(values: Any, name: str) -> np.ndarray:
    """Take numbers as float64; refuse what NumPy would convert with a loss.

    ``numpy.asarray(values, dtype=float)`` drops the imaginary part of complex numbers,
    and makes None a NaN.

    Parameters
    ----------
    values : array-like
        Numbers.
    name : str
        What they are, for the message.

    Returns
    -------
    ndarray of float64
        The numbers; a copy only where one is needed.

    Raises
    ------
    ValueError
        If they are complex, times, masked, too large, or no numbers at all.

    Examples
    --------
    >>> from skastro.utils._real_array import real_array
    >>> real_array([1, 2], "z")
    array([1., 2.])
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; fill them, or leave them out.")
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        items = array.reshape(-1).tolist() if array.dtype.kind == "O" else [1j]
        if any(item is None or isinstance(item, _NOT_REAL) for item in items):
            raise ValueError(
                f"{name} must be real numbers, got dtype {array.dtype} of shape "
                f"{array.shape}."
            )
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be real numbers: {error}") from error
