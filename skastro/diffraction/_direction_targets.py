"""Which targets are directions, and by which symmetry they are folded."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from skastro.utils import proper_operations
from skastro.utils._stacklevel import caller_stacklevel

# Vectors whose length is within this of one are directions: labels that were rounded
# to two digits are, indices [uvw] are not.
_UNIT = 0.02
_MOST_DIRECTIONS = 4


def count_directions(y: np.ndarray, wanted: int | str, *, images: bool) -> int:
    """Tell how many directions are in a row of the targets.

    Parameters
    ----------
    y : ndarray of shape (n, n_outputs)
        The targets.
    wanted : int or "auto"
        What the user says.
    images : bool
        Whether the samples are images: flat rows with three targets are anything.

    Returns
    -------
    int
        Directions; 0 for other numbers.

    Raises
    ------
    ValueError
        If ``wanted`` is out of range or does not fit the columns.

    Warns
    -----
    UserWarning
        If columns of images that may be meant as directions are no unit vectors.
    """
    width = int(y.shape[1])
    if isinstance(wanted, str):
        if width not in (3, 6):
            return 0
        bad = ~has_unit_length(y)
        if not bad.any():
            return width // 3
        if images:
            warnings.warn(
                f"y has {width} columns, but {int(bad.sum())} of {len(y)} rows are not "
                "unit vectors: y is taken as plain numbers, not as directions. Indices "
                "[uvw] must go through uvw_to_cartesian first. n_directions=0 says "
                "that plain numbers are meant.",
                UserWarning,
                stacklevel=caller_stacklevel(),
            )
        return 0
    if wanted > _MOST_DIRECTIONS:
        raise ValueError(f"n_directions must be at most {_MOST_DIRECTIONS}.")
    if wanted and width != 3 * wanted:
        raise ValueError(
            f"n_directions={wanted} needs y of {3 * wanted} columns, got {width}."
        )
    return int(wanted)


def has_unit_length(y: np.ndarray) -> np.ndarray:
    """Tell the rows whose vectors all have a length of about one.

    Parameters
    ----------
    y : ndarray of shape (n, 3 * n_directions)
        Vectors.

    Returns
    -------
    ndarray of shape (n,), bool
        Whether they have.
    """
    length = np.linalg.norm(y.reshape(len(y), -1, 3), axis=2)
    return np.asarray((np.abs(length - 1) < _UNIT).all(axis=1))


def normalized(y: np.ndarray) -> np.ndarray:
    """Scale vectors to length one.

    Parameters
    ----------
    y : ndarray of shape (n, 3 * n_directions)
        Vectors, none of them zero.

    Returns
    -------
    ndarray of shape (n, 3 * n_directions)
        Unit vectors.
    """
    vectors = y.reshape(len(y), -1, 3)
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    out: np.ndarray = (vectors / length).reshape(y.shape)
    return out


def same_group(one: Any, other: Any) -> bool:
    """Tell whether two Laue groups have the same rotations.

    Parameters
    ----------
    one, other : str, array-like or None
        The groups.

    Returns
    -------
    bool
        Whether they have.
    """
    if one is None or other is None:
        return one is other
    a, b = proper_operations(one), proper_operations(other)
    if len(a) != len(b):
        return False
    gap = np.abs(a[:, None] - b[None]).max(axis=(2, 3))
    return bool((gap.min(axis=1) < 1e-6).all())
