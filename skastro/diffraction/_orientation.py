"""Directions, rotations and indices, and the ways between them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from skastro.diffraction._crystal import as_crystal
from skastro.utils._real_array import real_array


def check_directions(directions: Any, name: str = "directions") -> np.ndarray:
    """Check Cartesian directions and bring them to unit length.

    Parameters
    ----------
    directions : array-like of shape (n, 3) or (3,)
        Vectors in the crystal frame, of any length but zero.
    name : str, default="directions"
        What messages call them.

    Returns
    -------
    ndarray of shape (n, 3)
        Unit vectors, float64.

    Raises
    ------
    ValueError
        If the shape is another, or a vector is zero or not finite.
    """
    u = real_array(directions, name)
    if u.ndim == 1:
        u = u[None]
    if u.ndim != 2 or u.shape[1] != 3:
        raise ValueError(f"{name} must have shape (n, 3), got {u.shape}.")
    length = np.linalg.norm(u, axis=1)
    bad = ~np.isfinite(length) | (length < 1e-12)
    if bad.any():
        raise ValueError(
            f"{name} must be finite and not zero; {int(bad.sum())} of {len(u)} are "
            f"not, the first at row {int(bad.argmax())}."
        )
    return np.asarray(u / length[:, None])


def rotation_from_direction(directions: Any, in_plane: Any = 0.0) -> Rotation:
    """Turn beam directions into full orientations.

    The rotation takes vectors of the crystal frame to the lab, R u = z, the beam
    direction. At in-plane angle 0 the crystal's z axis projects on the negative x axis
    of the lab; a positive angle turns the pattern from the x axis (columns, to the
    right) to the y axis (rows, down). For u = ±z, where the crystal's z axis has no
    projection, the crystal's x axis lies along x (u = z) or against it (u = -z), so
    that this convention has a seam there.

    Parameters
    ----------
    directions : array-like of shape (n, 3)
        Beam directions u in the crystal frame, Cartesian; of any length.
    in_plane : float or array-like of shape (n,), default=0.0
        Angle in radians.

    Returns
    -------
    scipy.spatial.transform.Rotation
        Of n orientations, crystal to lab.

    Raises
    ------
    ValueError
        If shapes do not fit, or values are not finite.

    Examples
    --------
    >>> from skastro.diffraction import direction_from_rotation, rotation_from_direction
    >>> R = rotation_from_direction([[1.0, 2.0, 2.0]], in_plane=0.3)
    >>> direction_from_rotation(R).round(4)
    array([[0.3333, 0.6667, 0.6667]])
    """
    # Adding 0 turns -0 into 0, whose azimuth would be 180°.
    u = check_directions(directions) + 0.0
    angle = real_array(in_plane, "in_plane")
    if angle.ndim > 1 or (angle.ndim == 1 and len(angle) != len(u)):
        raise ValueError(
            f"in_plane must be a number or have shape ({len(u)},), got {angle.shape}."
        )
    if not np.isfinite(angle).all():
        raise ValueError("in_plane must be finite.")
    azimuth = np.arctan2(u[:, 1], u[:, 0])
    polar = np.arctan2(np.hypot(u[:, 0], u[:, 1]), u[:, 2])
    angles = np.column_stack([np.broadcast_to(angle, len(u)), -polar, -azimuth])
    return Rotation.from_euler("ZYZ", angles)


def direction_from_rotation(rotation: Rotation) -> np.ndarray:
    """Give the beam directions of orientations.

    Parameters
    ----------
    rotation : scipy.spatial.transform.Rotation
        Of n orientations, crystal to lab.

    Returns
    -------
    ndarray of shape (n, 3)
        Unit vectors u = R^T z in the crystal frame.

    Examples
    --------
    >>> from scipy.spatial.transform import Rotation
    >>> from skastro.diffraction import direction_from_rotation
    >>> direction_from_rotation(Rotation.identity(1))
    array([[0., 0., 1.]])
    """
    matrices = np.atleast_3d(rotation.as_matrix()).reshape(-1, 3, 3)
    return np.asarray(matrices[:, 2, :].copy())


def uvw_to_cartesian(uvw: Any, crystal: Any) -> np.ndarray:
    """Turn direction indices [uvw] into Cartesian unit vectors.

    Parameters
    ----------
    uvw : array-like of shape (n, 3)
        Indices along a, b and c; need not be whole.
    crystal : Crystal or str
        Whose cell they refer to, or the name of a built-in one.

    Returns
    -------
    ndarray of shape (n, 3)
        Unit vectors in the crystal frame.

    Raises
    ------
    ValueError
        If the shape is another, or a vector is zero or not finite.

    Examples
    --------
    >>> from skastro.diffraction import uvw_to_cartesian
    >>> uvw_to_cartesian([[1, 0, 1]], "anatase").round(4)
    array([[0.3696, 0.    , 0.9292]])
    """
    indices = np.atleast_2d(real_array(uvw, "uvw"))
    if indices.ndim != 2 or indices.shape[1] != 3:
        raise ValueError(f"uvw must have shape (n, 3), got {indices.shape}.")
    return check_directions(indices @ as_crystal(crystal).direct_basis, "uvw")


def cartesian_to_uvw(directions: Any, crystal: Any) -> np.ndarray:
    """Turn Cartesian directions into indices [uvw].

    Parameters
    ----------
    directions : array-like of shape (n, 3)
        Vectors in the crystal frame.
    crystal : Crystal or str
        Whose cell the indices shall refer to.

    Returns
    -------
    ndarray of shape (n, 3)
        Indices with the largest absolute one scaled to 1. They are numbers, not
        rounded to whole ones.

    Raises
    ------
    ValueError
        If a vector is zero or not finite.

    Examples
    --------
    >>> from skastro.diffraction import cartesian_to_uvw
    >>> cartesian_to_uvw([[0.3696, 0.0, 0.9292]], "anatase").round(3)
    array([[1., 0., 1.]])
    """
    u = check_directions(directions)
    indices = u @ np.linalg.inv(as_crystal(crystal).direct_basis)
    return np.asarray(indices / np.abs(indices).max(axis=1, keepdims=True))


def bunge_angles(rotation: Rotation, *, degrees: bool = True) -> np.ndarray:
    """Give the Euler angles of orientations in Bunge's convention.

    Parameters
    ----------
    rotation : scipy.spatial.transform.Rotation
        Of n orientations, crystal to lab.
    degrees : bool, default=True
        Unit; False gives radians.

    Returns
    -------
    ndarray of shape (n, 3)
        Angles phi1 in [0, 360), Phi in [0, 180] and phi2 in [0, 360).

    Notes
    -----
    Bunge's passive rotation from sample to crystal, G = Z(phi2) X(Phi) Z(phi1), is the
    transpose of this rotation, whose intrinsic ZXZ angles are therefore the same three.

    Examples
    --------
    >>> from skastro.diffraction import bunge_angles, rotation_from_direction
    >>> bunge_angles(rotation_from_direction([[0.0, -1.0, 1.0]])).round(6)
    array([[270.,  45., 180.]])
    """
    with warnings.catch_warnings():
        # At Phi = 0 only phi1 + phi2 is defined; SciPy then sets phi2 to zero, which
        # is the usual choice.
        warnings.filterwarnings("ignore", message="Gimbal lock")
        angles = rotation.as_euler("ZXZ")
    angles = np.atleast_2d(angles)
    angles[:, [0, 2]] %= 2 * np.pi
    # The remainder of a negative number next to 0 rounds up to the whole turn.
    angles[angles >= 2 * np.pi] = 0.0
    return np.degrees(angles) if degrees else angles


def as_matrices(orientations: Any, in_plane: Any = 0.0) -> np.ndarray:
    """Give rotation matrices, crystal to lab, of whatever says an orientation.

    Parameters
    ----------
    orientations : array-like of shape (n, 3), or Rotation
        Beam directions or rotations.
    in_plane : float or array-like of shape (n,), default=0.0
        Of beam directions, in radians.

    Returns
    -------
    ndarray of shape (n, 3, 3)
        Float64.

    Raises
    ------
    ValueError
        If the shape is another, or in_plane is given with rotations.
    """
    if isinstance(orientations, Rotation):
        if np.any(np.asarray(in_plane) != 0):
            raise ValueError("in_plane belongs to beam directions, not to rotations.")
        out: np.ndarray = orientations.as_matrix().reshape(-1, 3, 3)
        return out
    rotation = rotation_from_direction(orientations, in_plane)
    return np.asarray(rotation.as_matrix())
