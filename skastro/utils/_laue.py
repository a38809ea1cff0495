"""Symmetry of directions: the eleven Laue groups."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from skastro.utils._real_array import real_array

# Proper subgroup and its main axis, in the frame x along a, z along c*.
_PROPER = {
    "-1": ("C1", "Z"),
    "2/m": ("C2", "Y"),
    "mmm": ("D2", "Z"),
    "4/m": ("C4", "Z"),
    "4/mmm": ("D4", "Z"),
    "-3": ("C3", "Z"),
    "-3m": ("D3", "Z"),
    "6/m": ("C6", "Z"),
    "6/mmm": ("D6", "Z"),
    "m-3": ("T", "Z"),
    "m-3m": ("O", "Z"),
}

LAUE_GROUPS = tuple(_PROPER)

# A direction inside the standard sector of every group: that of m-3m is
# [001]-[101]-[111], that of 4/mmm [001]-[100]-[110].
SECTOR_DIRECTION: np.ndarray = np.array([0.5, 0.15, 0.85]) / np.linalg.norm(
    [0.5, 0.15, 0.85]
)

# Directions whose distances differ by less than this are on a seam of the sector.
_SEAM = 1e-9


@cache
def _named(group: str) -> np.ndarray:
    kind, axis = _PROPER[group]
    matrices = Rotation.create_group(kind, axis=axis).as_matrix()
    matrices = np.where(np.abs(matrices) < 1e-12, 0.0, matrices)
    matrices.setflags(write=False)
    return np.asarray(matrices)


def proper_operations(laue_group: Any) -> np.ndarray:
    """Give the rotations of a Laue group.

    The group itself consists of these and of each of them times the inversion.

    Parameters
    ----------
    laue_group : str or array-like of shape (n_operations, 3, 3)
        One of "-1", "2/m" (axis along b), "mmm", "4/m", "4/mmm", "-3", "-3m" (two-fold
        axes along a), "6/m", "6/mmm", "m-3", "m-3m"; or a group of rotation matrices,
        which is checked.

    Returns
    -------
    ndarray of shape (n_operations, 3, 3)
        Rotation matrices for Cartesian vectors in the crystal frame, whose x is along
        a and whose z is along c*; read-only.

    Raises
    ------
    ValueError
        If the name is unknown, or the matrices are not a group of rotations.

    Examples
    --------
    >>> from skastro.utils import proper_operations
    >>> proper_operations("4/mmm").shape
    (8, 3, 3)
    """
    if isinstance(laue_group, str):
        if laue_group not in _PROPER:
            raise ValueError(
                f"laue_group must be one of {', '.join(LAUE_GROUPS)} or rotation "
                f"matrices, got {laue_group!r}."
            )
        return _named(laue_group)
    try:
        matrices = np.array(laue_group, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"laue_group must be a name or rotation matrices: {error}"
        ) from error
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 3) or not len(matrices):
        raise ValueError(
            "laue_group must be a name or matrices of shape (n_operations, 3, 3), got "
            f"shape {matrices.shape}."
        )
    identity = np.einsum("nij,nkj->nik", matrices, matrices)
    if not np.allclose(identity, np.eye(3), atol=1e-6) or not np.allclose(
        np.linalg.det(matrices), 1, atol=1e-6
    ):
        raise ValueError("laue_group must be rotation matrices (orthogonal, det 1).")
    products = np.einsum("nij,mjk->nmik", matrices, matrices).reshape(-1, 9)
    distance = np.abs(products[:, None] - matrices.reshape(1, -1, 9)).max(axis=2)
    if distance.min(axis=1).max() > 1e-6:
        raise ValueError("laue_group is not closed under multiplication.")
    matrices.setflags(write=False)
    return matrices


def laue_operations(laue_group: Any) -> np.ndarray:
    """Give all operations of a Laue group, proper ones first.

    Parameters
    ----------
    laue_group : str or array-like of shape (n_operations, 3, 3)
        As `proper_operations` takes it.

    Returns
    -------
    ndarray of shape (2 * n_operations, 3, 3)
        The rotations, then the same times the inversion.

    Raises
    ------
    ValueError
        If it is no such group.

    Examples
    --------
    >>> from skastro.utils import laue_operations
    >>> laue_operations("m-3m").shape
    (48, 3, 3)
    """
    proper = proper_operations(laue_group)
    return np.concatenate([proper, -proper])


def fold_directions(directions: Any, laue_group: Any = "4/mmm") -> np.ndarray:
    """Bring directions into the standard sector of a Laue group.

    Of all equivalents it takes the one nearest to a fixed direction inside the
    sector. For the groups whose mirrors bound the sector (mmm, 4/mmm, 6/mmm and m-3m)
    the result changes continuously with the direction; for the others it jumps at the
    sector's seams. For 4/mmm it is ``(max(|x|, |y|), min(|x|, |y|), |z|)``.

    Parameters
    ----------
    directions : array-like of shape (..., 3)
        Cartesian vectors in the crystal frame, of any length.
    laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
        As `proper_operations` takes it.

    Returns
    -------
    ndarray of shape (..., 3)
        Vectors of the same length, float64.

    Raises
    ------
    ValueError
        If the last axis is not 3, a value is not finite, or the group is unknown.

    Examples
    --------
    >>> from skastro.utils import fold_directions
    >>> fold_directions([[-1.0, 2.0, -3.0]], "4/mmm")
    array([[2., 1., 3.]])
    """
    u = real_array(directions, "directions")
    if u.ndim == 0 or u.shape[-1] != 3:
        raise ValueError(f"Directions must have shape (..., 3), got {u.shape}.")
    if not np.isfinite(u).all():
        raise ValueError("Directions contain NaN or infinity.")
    flat = u.reshape(-1, 3)
    operations = laue_operations(laue_group)
    # (op u) . c = u . (op^T c): one product finds the best operation of each.
    closeness = flat @ np.einsum("nij,i->jn", operations, SECTOR_DIRECTION)
    # On a seam rounding must not choose: the first of the equally good ones is taken.
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    best = closeness.max(axis=1, keepdims=True)
    chosen = (closeness >= best - _SEAM * length).argmax(axis=1)
    folded = np.einsum("nij,nj->ni", operations[chosen], flat)
    out: np.ndarray = folded.reshape(u.shape) + 0.0
    return out
