"""The standard sector of a Laue group: its borders, corners and projection."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from skastro.utils import fold_directions, laue_operations
from skastro.utils._laue import SECTOR_DIRECTION
from skastro.utils._real_array import real_array

# Products of unit vectors below this are zero.
_ZERO = 1e-7

# Axes that names of corners refer to where there is no crystal; c has any length.
_SQUARE = np.eye(3)
_HEXAGON = np.array([[1.0, 0.0, 0.0], [-0.5, 0.75**0.5, 0.0], [0.0, 0.0, 1.0]])
_AXES = {
    "mmm": _SQUARE,
    "4/m": _SQUARE,
    "4/mmm": _SQUARE,
    "-3": _HEXAGON,
    "-3m": _HEXAGON,
    "6/m": _HEXAGON,
    "6/mmm": _HEXAGON,
    "m-3": _SQUARE,
    "m-3m": _SQUARE,
}

# Corners with larger indices are no axes that anyone names.
_LARGEST_INDEX = 3


class StandardSector:
    """Where `fold_directions` puts directions, as a polygon on the sphere.

    The sector holds all that is nearer to its inner direction than to any equivalent
    of that: half-spaces cut it out, so that it is convex.

    Parameters
    ----------
    laue_group : str or ndarray of shape (n_operations, 3, 3)
        As `skastro.utils.proper_operations` takes it.

    Attributes
    ----------
    corners : ndarray of shape (n_corners, 3)
        Unit vectors: first the one nearest to z, then counter-clockwise as seen in the
        projection. "-1" has none (a half-sphere), "2/m" has two.
    middle : ndarray of shape (3,)
        A direction inside: that of the sum of the corners, where there are three.

    Examples
    --------
    >>> from skastro.diffraction._standard_sector import StandardSector
    >>> StandardSector("4/mmm").corner_names()
    ['[001]', '[100]', '[110]']
    """

    def __init__(self, laue_group: Any) -> None:
        self.laue_group = laue_group
        equivalents = laue_operations(laue_group) @ SECTOR_DIRECTION
        normals = SECTOR_DIRECTION - equivalents
        length = np.linalg.norm(normals, axis=1)
        self._normals = normals[length > _ZERO] / length[length > _ZERO, None]
        self.corners = self._find_corners()
        self.middle = self._find_middle()
        # Tangent vectors; seen from outside of the sphere the second is 90°
        # counter-clockwise of the first.
        east = np.cross([0.0, 1.0, 0.0], self.middle)
        self._east = east / np.linalg.norm(east)
        self._north = np.cross(self.middle, self._east)
        self._sort_corners()

    def _find_corners(self) -> np.ndarray:
        found: list[np.ndarray] = []
        for a, b in combinations(self._normals, 2):
            cross = np.cross(a, b)
            length = np.linalg.norm(cross)
            if length < _ZERO:
                continue
            for corner in (cross / length, -cross / length):
                inside = (self._normals @ corner).min() > -_ZERO
                if inside and all(np.abs(corner - c).max() > 1e-6 for c in found):
                    found.append(corner)
        corners = np.array(found).reshape(-1, 3)
        return np.where(np.abs(corners) < 1e-12, 0.0, corners)

    def _find_middle(self) -> np.ndarray:
        if not len(self.corners):
            return SECTOR_DIRECTION
        middle = self.corners.sum(axis=0)
        if len(self.corners) == 2:
            # Between two half-circles: half-way between the planes furthest apart.
            around = self._normals[np.abs(self._normals @ self.corners[0]) < _ZERO]
            i, j = np.unravel_index((around @ around.T).argmin(), (len(around),) * 2)
            middle = around[i] + around[j]
        return np.asarray(middle / np.linalg.norm(middle))

    def _sort_corners(self) -> None:
        if len(self.corners) < 2:
            return
        order = np.argsort(self.azimuth(self.corners))
        z = np.round(self.corners[order, 2], 9)
        first = int(z.argmax())
        self.corners = self.corners[np.roll(order, -first)]

    def azimuth(self, directions: np.ndarray) -> np.ndarray:
        """Give angles about the middle, in radians from 0 to 2 pi.

        Parameters
        ----------
        directions : ndarray of shape (n, 3)
            Of any length.

        Returns
        -------
        ndarray of shape (n,)
            Counter-clockwise.
        """
        angle = np.arctan2(directions @ self._north, directions @ self._east)
        return np.asarray(angle % (2 * np.pi))

    def reach(self, azimuth: np.ndarray) -> np.ndarray:
        """Give the angles from the middle to the border.

        Parameters
        ----------
        azimuth : ndarray of shape (n,)
            In radians.

        Returns
        -------
        ndarray of shape (n,)
            In radians.
        """
        tangent = np.cos(azimuth)[:, None] * self._east
        tangent += np.sin(azimuth)[:, None] * self._north
        # On a great circle n u = 0, n m cos(angle) + n tangent sin(angle) is zero.
        angle = np.arctan2(self._normals @ self.middle, -(tangent @ self._normals.T))
        return np.asarray(angle.min(axis=1))

    def outline(self, n_points: int = 361) -> np.ndarray:
        """Follow the border once around.

        Parameters
        ----------
        n_points : int, default=361
            Points beside the corners.

        Returns
        -------
        ndarray of shape (n_points + n_corners + 1, 3)
            Unit vectors; the first comes again as the last.
        """
        around = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
        azimuth = np.sort(np.concatenate([around, self.azimuth(self.corners)]))
        azimuth = np.append(azimuth, azimuth[0])
        angle = self.reach(azimuth)[:, None]
        tangent = np.cos(azimuth)[:, None] * self._east
        tangent += np.sin(azimuth)[:, None] * self._north
        return np.asarray(np.cos(angle) * self.middle + np.sin(angle) * tangent)

    def contains(self, directions: np.ndarray) -> np.ndarray:
        """Say which directions lie inside or on the border.

        Parameters
        ----------
        directions : ndarray of shape (n, 3)
            Unit vectors.

        Returns
        -------
        ndarray of shape (n,), bool
            True inside.
        """
        return np.asarray((directions @ self._normals.T).min(axis=1) > -_ZERO)

    def with_surroundings(
        self, directions: np.ndarray, margin_deg: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add equivalents just outside, so that values reach the very border.

        Parameters
        ----------
        directions : ndarray of shape (n, 3)
            Unit vectors in the sector.
        margin_deg : float
            How far outside, in degrees.

        Returns
        -------
        directions : ndarray of shape (m, 3)
            The given ones, then those outside.
        index : ndarray of shape (m,), int
            Which of the given ones each is equivalent to.
        """
        operations = laue_operations(self.laue_group)
        all_of_them = np.einsum("oij,nj->oni", operations, directions).reshape(-1, 3)
        index = np.tile(np.arange(len(directions)), len(operations))
        outside = (all_of_them @ self._normals.T).min(axis=1)
        margin = np.sin(np.radians(margin_deg))
        near = (outside < -_ZERO) & (outside > -margin)
        every = np.concatenate([directions, all_of_them[near]])
        number = np.concatenate([np.arange(len(directions)), index[near]])
        # A direction on a mirror or an axis is its own equivalent.
        _, first = np.unique(np.round(every, 6) + 0.0, axis=0, return_index=True)
        keep = np.union1d(first, np.arange(len(directions)))
        return every[keep], number[keep]

    def corner_names(self, basis: np.ndarray | None = None) -> list[str]:
        """Name the corners by their indices.

        Parameters
        ----------
        basis : ndarray of shape (3, 3), default=None
            Rows are a, b and c of the crystal. None takes those of a named group,
            whose c is not known.

        Returns
        -------
        list of str
            As "[110]", with mathtext for negative ones; empty where a corner is no
            low-index direction.
        """
        any_c = False
        if basis is None:
            group = self.laue_group if isinstance(self.laue_group, str) else ""
            any_c = group not in ("m-3", "m-3m")
            basis = _AXES.get(group)
        if basis is None:
            return [""] * len(self.corners)
        names = []
        for corner in self.corners:
            slanted = min(abs(corner[2]), np.hypot(*corner[:2])) > 1e-6
            indices = None if any_c and slanted else whole_indices(corner, basis)
            names.append("" if indices is None else format_indices(indices))
        return names


def whole_indices(direction: np.ndarray, basis: np.ndarray) -> np.ndarray | None:
    """Give the small whole indices of a direction, or None if it has none.

    Parameters
    ----------
    direction : ndarray of shape (3,)
        Cartesian.
    basis : ndarray of shape (3, 3)
        Rows are a, b and c.

    Returns
    -------
    ndarray of shape (3,), int, or None
        Up to 3.
    """
    indices = direction @ np.linalg.inv(basis)
    indices /= np.abs(indices).max()
    for factor in range(1, _LARGEST_INDEX + 1):
        near = np.rint(indices * factor)
        if np.abs(indices * factor - near).max() < 1e-3:
            whole: np.ndarray = near.astype(int)
            return whole
    return None


def format_indices(indices: Any, brackets: str = "[]") -> str:
    """Write indices with bars over negative ones, for matplotlib.

    Parameters
    ----------
    indices : sequence of 3 int
        Of a direction or of planes.
    brackets : str, default="[]"
        Around them; may be empty.

    Returns
    -------
    str
        With mathtext where there is a bar.
    """
    gap = r"\," if max(abs(int(i)) for i in indices) > 9 else ""
    parts = [rf"\bar{{{-i}}}" if i < 0 else str(i) for i in map(int, indices)]
    left, right = brackets[:1], brackets[1:]
    if not gap and min(int(i) for i in indices) >= 0:
        return left + "".join(parts) + right
    return f"${left}{gap.join(parts)}{right}$"


def stereographic(directions: Any) -> np.ndarray:
    """Project directions on the plane, seen from outside along z.

    Parameters
    ----------
    directions : array-like of shape (n, 3)
        Unit vectors other than -z.

    Returns
    -------
    ndarray of shape (n, 2)
        x to the right, y up; z is the origin and the equator the unit circle.
    """
    u = real_array(directions, "directions")
    return np.asarray(u[..., :2] / (1.0 + u[..., 2:]))


def folded_units(directions: Any, laue_group: Any) -> np.ndarray:
    """Bring directions to unit length and into the sector.

    Parameters
    ----------
    directions : array-like of shape (..., 3)
        Not zero.
    laue_group : str or ndarray of shape (n_operations, 3, 3)
        As `skastro.utils.proper_operations` takes it.

    Returns
    -------
    ndarray of shape (..., 3)
        Unit vectors.

    Raises
    ------
    ValueError
        If one is zero or not finite.
    """
    folded = fold_directions(directions, laue_group)
    length = np.linalg.norm(folded, axis=-1, keepdims=True)
    if (length < 1e-12).any():
        raise ValueError("Directions must not be zero.")
    return np.asarray(folded / length)
