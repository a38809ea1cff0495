"""write_ang and write_ctf, read back by orix and by ourselves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.diffraction import Crystal, bunge_angles, write_ang, write_ctf
from skastro.diffraction._orientation_table import reciprocal_frame
from skastro.utils._laue import LAUE_GROUPS

WRITERS: dict[str, Any] = {"ang": write_ang, "ctf": write_ctf}
SHAPE = (4, 6)
HEXAGONAL = SimpleNamespace(
    name="cobalt", cell=(2.507, 2.507, 4.07, 90, 90, 120), laue_group="6/mmm"
)
MONOCLINIC = SimpleNamespace(
    name="zirconia", cell=(5.15, 5.21, 5.32, 90, 99.2, 90), laue_group="2/m"
)


def random_map() -> tuple[Rotation, np.ndarray, np.ndarray]:
    """Rotations, phases (-1 is none) and scores of a map."""
    rng = np.random.default_rng(0)
    rotations = Rotation.random(24, random_state=np.random.RandomState(0))
    ids = rng.integers(-1, 2, 24)
    return rotations, ids, rng.random(24)


def rows_of(path: Path) -> np.ndarray:
    lines = path.read_text().splitlines()
    return np.array([line.split() for line in lines[-24:]], dtype=float)


@pytest.mark.parametrize("kind", ["ang", "ctf"])
def test_orix_reads_it_back(tmp_path: Path, kind: str) -> None:
    io = pytest.importorskip("orix.io")
    phases = [Crystal.from_name("silver"), Crystal.from_name("anatase")]
    rotations, ids, score = random_map()
    path = tmp_path / f"map.{kind}"
    WRITERS[kind](
        path,
        rotations,
        scan_shape=SHAPE,
        step=(12.8, 6.4),
        phases=phases,
        phase_ids=ids,
        score=score,
        reliability=score / 2,
    )
    xmap = io.load(str(path))
    assert xmap.shape == SHAPE
    assert (xmap.dy, xmap.dx) == pytest.approx((0.0128, 0.0064))
    assert np.array_equal(xmap.phase_id, np.where(ids < 0, -1, ids + 1))
    assert [xmap.phases[i].name for i in (1, 2)] == ["silver", "anatase"]
    lattice = xmap.phases[2].structure.lattice
    assert lattice.abcABG() == pytest.approx((3.7845, 3.7845, 9.5143, 90, 90, 90))
    laue = [xmap.phases[i].point_group.laue.name for i in (1, 2)]
    assert laue == ["m-3m", "4/mmm"]
    found = xmap.rotations.to_euler()[ids >= 0]
    expected = bunge_angles(rotations[ids >= 0], degrees=False)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # orix's rotations go from the lab to the crystal.
    matrices = np.squeeze(xmap.rotations.to_matrix())[ids >= 0]
    np.testing.assert_allclose(
        matrices.transpose(0, 2, 1), rotations[ids >= 0].as_matrix(), atol=2e-5
    )


@pytest.mark.parametrize("kind", ["ang", "ctf"])
@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_orix_knows_every_laue_group(tmp_path: Path, kind: str, group: str) -> None:
    io = pytest.importorskip("orix.io")
    phase = SimpleNamespace(name="it", cell=(4, 5, 6, 90, 90, 90), laue_group=group)
    path = tmp_path / f"map.{kind}"
    rotations, _, _ = random_map()
    WRITERS[kind](path, rotations, scan_shape=SHAPE, step=1.0, phases=[phase])
    if (kind, group) == ("ctf", "m-3"):
        # orix has a name for the format's number 10 that it does not know itself.
        line = next(t for t in path.read_text().splitlines() if t.startswith("4.0"))
        assert line.split("\t")[3] == "10"
        return
    found = io.load(str(path)).phases[1].point_group.laue.name
    assert found == group


def test_points_that_are_not_indexed(tmp_path: Path) -> None:
    rotations, ids, score = random_map()
    invalid = np.zeros(24, dtype=bool)
    invalid[3] = True
    ids[3] = 0
    ids[4] = -1
    score[4] = np.nan  # as a matcher may well say
    parameters: dict[str, Any] = {
        "scan_shape": SHAPE,
        "step": 5.0,
        "phases": [Crystal.from_name("silver"), Crystal.from_name("rutile")],
        "phase_ids": ids.reshape(SHAPE),
        "invalid": invalid.reshape(SHAPE),
        "score": score,
        "reliability": score,
        "deviation": score,
    }
    write_ang(tmp_path / "a.ang", rotations, **parameters)
    write_ctf(tmp_path / "a.ctf", rotations, **parameters)
    ang, ctf = rows_of(tmp_path / "a.ang"), rows_of(tmp_path / "a.ctf")
    out = invalid | (ids < 0)
    assert out[[3, 4]].all()
    np.testing.assert_allclose(ang[out, :3], 4 * np.pi, atol=1e-5)
    assert np.all(ang[out][:, [5, 6, 7, 9]] == [0, -1, 0, 180])
    np.testing.assert_allclose(ang[~out, 6], score[~out], atol=1e-5)
    assert np.array_equal(ang[~out, 7], ids[~out] + 1)
    assert np.all(ctf[out][:, [0, 3, 4, 5, 6, 7, 8, 9, 10]] == [0, 0, 3] + [0] * 6)
    assert np.all(ctf[~out, 4] == 0)
    np.testing.assert_allclose(ctf[~out, 9] / 255, score[~out], atol=0.5 / 255)


@pytest.mark.parametrize("kind", ["ang", "ctf"])
def test_x_runs_fastest_and_positions_are_micrometres(
    tmp_path: Path, kind: str
) -> None:
    rotations, _, _ = random_map()
    path = tmp_path / f"map.{kind}"
    silver = Crystal.from_name("silver")
    WRITERS[kind](path, rotations, scan_shape=SHAPE, step=(1.92, 3.5), phases=[silver])
    rows = rows_of(path)
    x, y = (rows[:, 3], rows[:, 4]) if kind == "ang" else (rows[:, 1], rows[:, 2])
    row, column = np.divmod(np.arange(24), 6)
    np.testing.assert_allclose(x, 0.0035 * column, atol=1e-9)
    np.testing.assert_allclose(y, 0.00192 * row, atol=1e-9)


def read_rotations(path: Path) -> Rotation:
    rows = rows_of(path)
    degrees = path.suffix == ".ctf"
    angles = rows[:, 5:8] if degrees else rows[:, :3]
    return Rotation.from_euler("ZXZ", angles, degrees=degrees)


@pytest.mark.parametrize(
    ("kind", "phase", "moved"),
    [
        ("ang", HEXAGONAL, False),
        ("ctf", HEXAGONAL, True),
        ("ang", MONOCLINIC, True),
        ("ctf", MONOCLINIC, True),
        ("ctf", Crystal.from_name("rutile"), False),
    ],
)
def test_the_crystal_frame_is_that_of_the_format(
    tmp_path: Path, kind: str, phase: Any, moved: bool
) -> None:
    rotations, _, _ = random_map()
    path = tmp_path / f"map.{kind}"
    WRITERS[kind](path, rotations, scan_shape=SHAPE, step=1.0, phases=[phase])
    # Where a and c point to in the lab must not depend on the frame.
    c = phase.cell[2]
    beta, gamma = np.radians([phase.cell[4], phase.cell[5]])
    ours = np.array([[1, 0, 0], [c * np.cos(beta), 0, c * np.sin(beta)]])
    if moved:  # x along a*, z along c: a is in the plane of x and y or of x and z
        a_star = np.array(
            [np.sin(gamma), -np.cos(gamma), 0]
            if kind == "ctf" and phase is HEXAGONAL
            else [np.sin(beta), 0, -np.cos(beta)]
        )
        z = ours[1] / np.linalg.norm(ours[1])
        axes = np.stack([a_star, np.cross(z, a_star), z])
        theirs = ours @ axes.T
    else:
        theirs = ours
    found = read_rotations(path)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            found.apply(other), rotations.apply(one), atol=1e-4 * (1 + c)
        )
    WRITERS[kind](
        path,
        rotations,
        scan_shape=SHAPE,
        step=1.0,
        phases=[phase],
        crystal_frame="skastro",
    )
    angle = (read_rotations(path).inv() * rotations).magnitude()
    assert angle.max() < 1e-4


def test_hexagonal_angles_of_oxford_differ_by_thirty_degrees() -> None:
    frame = Rotation.from_matrix(reciprocal_frame(HEXAGONAL.cell))
    assert np.degrees(frame.magnitude()) == pytest.approx(30)
    assert np.abs(frame.as_rotvec()[:2]).max() < 1e-12


@pytest.mark.parametrize("kind", ["ang", "ctf"])
def test_gimbal_lock_and_full_turns(tmp_path: Path, kind: str) -> None:
    angles = np.zeros((24, 3))
    angles[:, 0] = np.linspace(-360, 360, 24)
    angles[12:, 1] = 180
    angles[3, 0] = -1e-9
    rotations = Rotation.from_euler("ZXZ", angles, degrees=True)
    path = tmp_path / f"map.{kind}"
    silver = Crystal.from_name("silver")
    WRITERS[kind](path, rotations, scan_shape=SHAPE, step=1.0, phases=[silver])
    assert (read_rotations(path).inv() * rotations).magnitude().max() < 2e-5
    if kind == "ctf":
        assert rows_of(path)[:, 5:8].max() < 360


@pytest.mark.parametrize("kind", ["ang", "ctf"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"scan_shape": (4, 5)}, "20 rotations"),
        ({"scan_shape": (24,)}, "scan_shape"),
        ({"step": 0}, "step"),
        ({"step": (1, 2, 3)}, "step"),
        ({"phases": []}, "at least one phase"),
        ({"phases": [HEXAGONAL, MONOCLINIC]}, "phase_ids must be given"),
        ({"phase_ids": np.ones(24, int)}, "phase_ids"),
        ({"phase_ids": np.zeros(24)}, "integers"),
        ({"invalid": np.zeros(24)}, "booleans"),
        ({"score": np.full(24, np.nan)}, "score"),
        ({"score": np.full(24, -1.0)}, "score"),
        ({"reliability": np.full(24, 1.1)}, "reliability"),
        ({"reliability": np.ones(23)}, "24 values"),
        ({"crystal_frame": "oxford"}, "crystal_frame"),
        (
            {"phases": [SimpleNamespace(**{**vars(HEXAGONAL), "name": "a\tb"})]},
            "printable",
        ),
        (
            {"phases": [SimpleNamespace(**{**vars(HEXAGONAL), "laue_group": "6mm"})]},
            "Laue group",
        ),
    ],
)
def test_senseless_maps_are_refused_and_old_files_stay(
    tmp_path: Path, kind: str, bad: dict, message: str
) -> None:
    path = tmp_path / f"map.{kind}"
    path.write_text("old")
    rotations, _, _ = random_map()
    good: dict[str, Any] = {"scan_shape": SHAPE, "step": 1.0, "phases": [HEXAGONAL]}
    with pytest.raises(ValueError, match=message):
        WRITERS[kind](path, rotations, **{**good, **bad})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["ang", "ctf"])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / f"map.{kind}"
    path.write_text("old")
    rotations, _, _ = random_map()
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        WRITERS[kind](path, rotations, scan_shape=SHAPE, step=1.0, phases=[HEXAGONAL])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["ang", "ctf"])
def test_arguments_of_other_kinds(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    one = {"scan_shape": (1, 1), "step": 1.0}
    with pytest.raises(TypeError, match="rotations must be"):
        WRITERS[kind](path, None, phases=[HEXAGONAL], **one)
    with pytest.raises(TypeError, match="phases must be"):
        WRITERS[kind](path, Rotation.identity(1), phases=[[]], **one)
    assert not path.exists()
