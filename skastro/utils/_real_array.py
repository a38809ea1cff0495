"""Numbers of users as floats, without a silent loss."""

from __future__ import annotations

from typing import Any

import numpy as np


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
        If they are complex, times, or no numbers at all.

    Examples
    --------
    >>> from skastro.utils._real_array import real_array
    >>> real_array([1, 2], "z")
    array([1., 2.])
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        items = array.reshape(-1).tolist() if array.dtype.kind == "O" else [1j]
        if array.dtype.kind in "US" or any(
            item is None or isinstance(item, complex) for item in items
        ):
            raise ValueError(
                f"{name} must be real numbers, got dtype {array.dtype} of shape "
                f"{array.shape}."
            )
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be real numbers: {error}") from error
