"""Laue groups: the operations, and the folding of directions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.utils import fold_directions, laue_operations, proper_operations
from skastro.utils._laue import LAUE_GROUPS, SECTOR_DIRECTION

ORDER = {
    "-1": 1,
    "2/m": 2,
    "mmm": 4,
    "4/m": 4,
    "4/mmm": 8,
    "-3": 3,
    "-3m": 6,
    "6/m": 6,
    "6/mmm": 12,
    "m-3": 12,
    "m-3m": 24,
}
# The sector is bounded by mirrors only: folding is continuous.
MIRROR_GROUPS = ["mmm", "4/mmm", "6/mmm", "m-3m"]


def sphere(n: int, seed: int = 0) -> np.ndarray:
    u = np.random.default_rng(seed).normal(size=(n, 3))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def contains(matrices: np.ndarray, wanted: np.ndarray) -> bool:
    return bool((np.abs(matrices - wanted).max(axis=(1, 2)) < 1e-12).any())


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_operations_are_a_group_of_rotations(group: str) -> None:
    proper = proper_operations(group)
    assert proper.shape == (ORDER[group], 3, 3)
    assert np.allclose(proper @ proper.transpose(0, 2, 1), np.eye(3), atol=1e-14)
    assert np.allclose(np.linalg.det(proper), 1)
    assert contains(proper, np.eye(3))
    for a in proper:
        assert contains(proper, a.T)
        assert all(contains(proper, a @ b) for b in proper)
        # Closed means nothing if one operation is listed twice.
        assert sum(contains(proper[i : i + 1], a) for i in range(len(proper))) == 1


def test_group_has_the_inversion_after_the_rotations() -> None:
    full = laue_operations("4/mmm")
    np.testing.assert_array_equal(full[:8], proper_operations("4/mmm"))
    np.testing.assert_array_equal(full[8:], -full[:8])
    assert contains(full, np.diag([1, 1, -1]))


def test_axes_are_where_the_docstring_says() -> None:
    two = {name: np.diag(d) for name, d in zip("xyz", 2 * np.eye(3) - 1, strict=True)}
    assert contains(proper_operations("2/m"), two["y"])
    assert contains(proper_operations("-3m"), two["x"])
    assert not contains(proper_operations("-3m"), two["y"])
    for group, angle in (("4/m", 90), ("-3", 120), ("6/m", 60)):
        turn = Rotation.from_euler("Z", angle, degrees=True).as_matrix()
        assert contains(proper_operations(group), turn)
    cube = Rotation.from_rotvec(np.full(3, 120 / np.sqrt(3)), degrees=True).as_matrix()
    assert contains(proper_operations("m-3"), cube)
    quarter = Rotation.from_euler("X", 90, degrees=True).as_matrix()
    assert contains(proper_operations("m-3m"), quarter)
    assert not contains(proper_operations("m-3"), quarter)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_equivalents_fold_to_one_and_folding_twice_changes_nothing(group: str) -> None:
    u = sphere(200)
    folded = fold_directions(u, group)
    for operation in laue_operations(group):
        np.testing.assert_allclose(
            fold_directions(u @ operation.T, group), folded, atol=1e-12
        )
    np.testing.assert_allclose(fold_directions(folded, group), folded, atol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(folded, axis=1), 1, atol=1e-14)
    # It is an equivalent of what came in, and none is nearer to the middle.
    equivalents = np.einsum("oij,nj->noi", laue_operations(group), u)
    gap = np.abs(equivalents - folded[:, None]).max(axis=2).min(axis=1)
    assert gap.max() < 1e-12
    nearest = (equivalents @ SECTOR_DIRECTION).max(axis=1)
    np.testing.assert_allclose(folded @ SECTOR_DIRECTION, nearest, atol=1e-8)


def test_sectors_in_closed_form() -> None:
    u = sphere(500, seed=1)
    a = np.sort(np.abs(u), axis=1)
    np.testing.assert_allclose(
        fold_directions(u, "m-3m"), a[:, [1, 0, 2]], rtol=0, atol=1e-15
    )
    xy = np.sort(np.abs(u[:, :2]), axis=1)
    tetragonal = np.column_stack([xy[:, ::-1], np.abs(u[:, 2])])
    np.testing.assert_allclose(
        fold_directions(u, "4/mmm"), tetragonal, rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(fold_directions(u, "mmm"), np.abs(u), atol=1e-15)
    hexagonal = fold_directions(u, "6/mmm")
    azimuth = np.degrees(np.arctan2(hexagonal[:, 1], hexagonal[:, 0]))
    assert azimuth.min() > -1e-9
    assert azimuth.max() < 30 + 1e-9
    assert (hexagonal[:, 2] >= 0).all()


@pytest.mark.parametrize("group", MIRROR_GROUPS)
@pytest.mark.parametrize("step", [1e-2, 1e-6, 1e-10])
def test_folding_is_continuous(group: str, step: float) -> None:
    """Folding moves no two directions apart, at the seams least of all."""
    rng = np.random.default_rng(2)
    on_seams = []
    for operation in laue_operations(group):
        # Mirrors of the group: det -1 and a trace of one.
        if np.linalg.det(operation) < 0 and abs(np.trace(operation) - 1) < 1e-9:
            normal = np.linalg.eigh(operation)[1][:, 0]
            u = sphere(200, seed=len(on_seams))
            on_seams.append(u - (u @ normal)[:, None] * normal)
    assert len(on_seams) == {"mmm": 3, "4/mmm": 5, "6/mmm": 7, "m-3m": 9}[group]
    u = np.concatenate([*on_seams, sphere(500), np.eye(3), -np.eye(3)])
    moved = u + rng.normal(size=u.shape) * step
    before = np.linalg.norm(moved - u, axis=1)
    after = np.linalg.norm(
        fold_directions(moved, group) - fold_directions(u, group), axis=1
    )
    assert (after <= before * (1 + 1e-9) + 4e-9).all()
    assert (after <= before + 1e-14).mean() > 0.9


def test_other_groups_jump_at_their_seams() -> None:
    # 4/m has no mirror through the axis: a direction on the seam has two places.
    azimuth = np.arctan2(*SECTOR_DIRECTION[1::-1]) + np.pi / 4
    seam = azimuth + np.array([-1e-6, 1e-6])
    u = np.column_stack([np.cos(seam), np.sin(seam), [0.5, 0.5]])
    folded = fold_directions(u, "4/m")
    assert np.linalg.norm(folded[0] - folded[1]) > 1


def test_matrices_are_as_good_as_the_name() -> None:
    u = sphere(50).reshape(5, 10, 3)
    named = fold_directions(u, "m-3m")
    assert named.shape == (5, 10, 3)
    given = fold_directions(u, proper_operations("m-3m").tolist())
    np.testing.assert_allclose(given, named, atol=1e-15)


def test_lengths_shapes_and_dtypes() -> None:
    np.testing.assert_array_equal(fold_directions([0, -3, 0]), [3, 0, 0])
    assert fold_directions(np.float32([[1, 2, 3]])).dtype == np.float64
    assert fold_directions(np.empty((0, 3))).shape == (0, 3)
    assert not np.signbit(fold_directions([-1.0, 0.0, -0.0])).any()
    np.testing.assert_array_equal(fold_directions([0.0, 0.0, 0.0]), 0)


def test_operations_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        proper_operations("m-3m")[0, 0, 0] = 5


@pytest.mark.parametrize(
    ("group", "match"),
    [
        ("4mm", "must be one of"),
        (["4/mmm"], "name or rotation matrices"),
        (np.eye(3), "shape"),
        (np.empty((0, 3, 3)), "shape"),
        (2 * np.eye(3)[None], "orthogonal"),
        (-np.eye(3)[None], "orthogonal"),
        (np.full((1, 3, 3), np.nan), "orthogonal"),
        (Rotation.from_euler("Z", [[0], [40]], degrees=True).as_matrix(), "not closed"),
    ],
)
def test_wrong_groups_are_refused(group: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        proper_operations(group)
    with pytest.raises(ValueError, match=match):
        fold_directions([1, 0, 0], group)


@pytest.mark.parametrize(
    ("u", "match"),
    [
        ([1, 0], "shape"),
        (3.0, "shape"),
        (np.ones((3, 2)), "shape"),
        ([np.nan, 0, 1], "NaN"),
        ([np.inf, 0, 1], "NaN"),
    ],
)
def test_wrong_directions_are_refused(u: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        fold_directions(u)
