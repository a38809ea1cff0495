"""Directions, rotations and indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.diffraction import (
    bunge_angles,
    cartesian_to_uvw,
    direction_from_rotation,
    rotation_from_direction,
    uvw_to_cartesian,
)


def some_directions(n: int = 200) -> np.ndarray:
    u = np.random.RandomState(0).normal(size=(n, 3))
    special = [(0, 0, 1), (0, 0, -1), (1, 0, 0), (0, -1, 0), (1e-9, 0, 1)]
    return np.concatenate([u, special])


def test_direction_and_back() -> None:
    u = some_directions()
    angle = np.random.RandomState(1).uniform(-4, 4, len(u))
    rotation = rotation_from_direction(u, angle)
    unit = u / np.linalg.norm(u, axis=1, keepdims=True)
    np.testing.assert_allclose(direction_from_rotation(rotation), unit, atol=1e-14)
    np.testing.assert_allclose(
        rotation.apply(unit), np.tile([0, 0, 1.0], (len(u), 1)), atol=1e-14
    )


def test_zero_of_the_in_plane_angle() -> None:
    u = np.random.RandomState(2).normal(size=(50, 3))
    c = rotation_from_direction(u).as_matrix()[:, :, 2]
    assert (c[:, 0] < 0).all()
    np.testing.assert_allclose(c[:, 1], 0, atol=1e-15)


def test_positive_angles_turn_from_columns_to_rows() -> None:
    plain = rotation_from_direction([[1.0, 2, 3]]).as_matrix()[0]
    turned = rotation_from_direction([[1.0, 2, 3]], np.pi / 2).as_matrix()[0]
    # What lay along +x (to the right) lies along +y (down).
    np.testing.assert_allclose(turned[1], plain[0], atol=1e-15)
    np.testing.assert_allclose(turned[0], -plain[1], atol=1e-15)


def test_the_seam() -> None:
    up = rotation_from_direction([[0, 0, 1.0], [0, 0, -1.0]]).as_matrix()
    np.testing.assert_allclose(up[:, :, 0], [[1, 0, 0], [-1, 0, 0]], atol=1e-15)
    # The sign of a zero is no reason to turn a pattern.
    for zero in (-0.0, 0.0):
        other = rotation_from_direction([[zero, zero, 1.0], [zero, -zero, -1.0]])
        np.testing.assert_array_equal(other.as_matrix(), up)


def test_one_direction() -> None:
    assert rotation_from_direction([1.0, 0, 0]).as_matrix().shape == (1, 3, 3)
    one = Rotation.from_euler("ZXZ", [0.1, 0.2, 0.3])
    assert direction_from_rotation(one).shape == (1, 3)
    assert bunge_angles(one).shape == (1, 3)
    np.testing.assert_allclose(bunge_angles(one, degrees=False), [[0.1, 0.2, 0.3]])


@pytest.mark.parametrize(
    ("directions", "in_plane", "message"),
    [
        ([[0, 0, 0]], 0, "not zero; 1 of 1"),
        ([[1, 0, 0], [np.nan, 0, 0]], 0, "first at row 1"),
        ([[np.inf, 0, 0]], 0, "finite"),
        ([[1, 0]], 0, "shape"),
        ([[[1, 0, 0]]], 0, "shape"),
        ([[1, 0, 0]], [1, 2], "in_plane must"),
        ([[1, 0, 0]], [[1]], "in_plane must"),
        ([[1, 0, 0]], np.nan, "in_plane must be finite"),
    ],
)
def test_directions_that_are_none(directions: Any, in_plane: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rotation_from_direction(directions, in_plane)


@pytest.mark.parametrize("crystal", ["anatase", "rutile", "silver"])
def test_indices_and_back(crystal: str) -> None:
    u = some_directions()
    unit = u / np.linalg.norm(u, axis=1, keepdims=True)
    uvw = cartesian_to_uvw(u, crystal)
    np.testing.assert_allclose(np.abs(uvw).max(axis=1), 1)
    np.testing.assert_allclose(uvw_to_cartesian(uvw, crystal), unit, atol=1e-14)


def test_indices_are_not_cartesian_in_anatase() -> None:
    u = uvw_to_cartesian([[1, 0, 1]], "anatase")[0]
    assert u[2] / u[0] == pytest.approx(9.5143 / 3.7845)
    np.testing.assert_allclose(
        uvw_to_cartesian([[1, 0, 1]], "silver")[0], np.sqrt([0.5, 0, 0.5])
    )


@pytest.mark.parametrize(
    "uvw", [[[0, 0, 0]], [[1, 2]], [[np.nan, 0, 1]], [[[1, 0, 0]]]]
)
def test_indices_that_are_none(uvw: Any) -> None:
    with pytest.raises(ValueError, match="uvw"):
        uvw_to_cartesian(uvw, "silver")


def test_bunge_angles_give_the_rotation_back() -> None:
    rotation = Rotation.random(200, rng=0)
    angles = bunge_angles(rotation)
    assert (angles >= 0).all()
    assert (angles[:, [0, 2]] < 360).all()
    assert (angles[:, 1] <= 180).all()
    again = Rotation.from_euler("ZXZ", angles, degrees=True)
    np.testing.assert_allclose(again.as_matrix(), rotation.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(
        np.radians(angles), bunge_angles(rotation, degrees=False)
    )
    # Bunge: the passive matrix from sample to crystal is Z(phi2) X(Phi) Z(phi1).
    phi1, phi, phi2 = np.radians(angles[0])
    c, s = np.cos([phi1, phi, phi2]), np.sin([phi1, phi, phi2])
    g11 = c[0] * c[2] - s[0] * s[2] * c[1]
    g12 = s[0] * c[2] + c[0] * s[2] * c[1]
    g31 = s[0] * s[1]
    g = rotation.as_matrix()[0].T
    np.testing.assert_allclose([g[0, 0], g[0, 1], g[2, 0]], [g11, g12, g31])


def test_bunge_angles_at_the_poles_and_the_seam() -> None:
    flat = Rotation.from_euler("Z", [[0.3], [-0.3]])
    np.testing.assert_allclose(
        bunge_angles(flat, degrees=False),
        [[0.3, 0, 0], [2 * np.pi - 0.3, 0, 0]],
        atol=1e-12,
    )
    almost = Rotation.from_euler("ZXZ", [[-1e-17, 0.5, -1e-17]])
    assert (bunge_angles(almost)[:, [0, 2]] == 0).all()


def test_bunge_angles_against_orix() -> None:
    quaternion = pytest.importorskip("orix.quaternion")
    rotation = Rotation.random(50, rng=1)
    # orix's rotations take the lab to the crystal.
    theirs = quaternion.Rotation.from_matrix(rotation.inv().as_matrix())
    np.testing.assert_allclose(
        bunge_angles(rotation, degrees=False), theirs.to_euler(), atol=1e-6
    )
