"""Crystals: cells, symmetry, reflections and CIF files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skastro.diffraction import Crystal, uvw_to_cartesian
from skastro.diffraction._crystal import as_crystal
from skastro.diffraction._space_group import close_group, parse_operation
from skastro.utils import proper_operations

NAMES = ["aluminium", "anatase", "rutile", "silicon", "silver"]
SILVER = (4.0857, 4.0857, 4.0857, 90, 90, 90)

CIF = """data_{name}
_cell_length_a {a}
_cell_length_b {b}
_cell_length_c {c}
_cell_angle_alpha {alpha}
_cell_angle_beta {beta}
_cell_angle_gamma {gamma}
{symmetry}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
{sites}
"""
ANATASE_2 = "_symmetry_space_group_name_H-M 'I 41/a m d :2'"


def write_cif(path: Path, **changes: str) -> Path:
    values = {"a": "3.7845", "b": "3.7845", "c": "9.5143(12)", "alpha": "90"}
    values |= {"beta": "90", "gamma": "90", "name": "x", "symmetry": ANATASE_2}
    values["sites"] = "Ti1 Ti4+ 0 0.75 0.125 1 0.0063\nO1 O 0 0.75 0.33306 1 ?"
    path.write_text(CIF.format(**values | changes))
    return path


@pytest.fixture(scope="module")
def anatase() -> Crystal:
    return Crystal.from_name("anatase")


def test_d_spacings_of_anatase(anatase: Crystal) -> None:
    hkl = [
        (1, 0, 1),
        (1, 0, 3),
        (0, 0, 4),
        (1, 1, 2),
        (2, 0, 0),
        (1, 0, 5),
        (2, 1, 1),
    ]
    expected = [3.5165, 2.4308, 2.3786, 2.3323, 1.8922, 1.7001, 1.6663]
    # a / 2 is 1.89225, which no rounding settles.
    np.testing.assert_allclose(anatase.d_spacing(hkl), expected, atol=5.1e-5)


def test_intensities_of_anatase(anatase: Crystal) -> None:
    expected = {
        (2, 0, 0): 408,
        (0, 0, 4): 365,
        (1, 0, 1): 263,
        (1, 0, 5): 160,
        (2, 1, 1): 67,
        (1, 0, 3): 17,
        (1, 1, 2): 14.5,
    }
    values = np.abs(anatase.structure_factor(list(expected))) ** 2
    # They were given in whole numbers.
    np.testing.assert_allclose(values, list(expected.values()), atol=0.51)


def test_extinctions_and_counts_of_anatase(anatase: Crystal) -> None:
    assert len(anatase.reflections(1.25).hkl) == 408
    reflections = anatase.reflections(1.5)
    assert len(reflections.hkl) == 742
    h, k, m = reflections.hkl.T
    assert ((h + k + m) % 2 == 0).all()
    assert (h[m == 0] % 2 == 0).all()
    diagonal = h == k
    assert ((2 * h + m)[diagonal] % 4 == 0).all()
    present = {tuple(x) for x in reflections.hkl.tolist()}
    assert (0, 0, 4) in present
    assert (0, 0, 2) not in present
    # All that the rules allow is there.
    axes = np.stack(np.meshgrid(*[np.arange(-15, 16)] * 3), axis=-1).reshape(-1, 3)
    axes = axes[(axes != 0).any(axis=1)]
    axes = axes[np.linalg.norm(axes @ anatase.reciprocal_basis, axis=1) <= 1.5]
    h, k, m = axes.T
    allowed = (h + k + m) % 2 == 0
    allowed &= (m != 0) | (h % 2 == 0)
    # Both atoms are on special places, 4a and 8e: l odd, or 2 h + l = 4 n.
    allowed &= (m % 2 == 1) | ((2 * h + m) % 4 == 0)
    assert {tuple(x) for x in axes[allowed].tolist()} == present


def test_reflections_are_sorted_and_consistent(anatase: Crystal) -> None:
    r = anatase.reflections(1.0)
    assert (np.diff(r.g_length) > -1e-8).all()
    np.testing.assert_allclose(r.g, r.hkl @ anatase.reciprocal_basis, atol=1e-14)
    np.testing.assert_allclose(r.g_length, 1 / anatase.d_spacing(r.hkl))
    np.testing.assert_allclose(r.intensity, np.abs(r.structure_factor) ** 2)
    assert (r.hkl != 0).any(axis=1).all()


def test_both_settings_of_anatase_scatter_alike(anatase: Crystal) -> None:
    sites = [("Ti", 0, 0.25, 0.375), ("O", 0, 0.25, 0.375 - 0.20806)]
    other = Crystal("other", anatase.cell, sites, anatase.operations)
    assert len(other.elements) == 12
    hkl = anatase.reflections(1.5).hkl
    np.testing.assert_allclose(
        np.abs(other.structure_factor(hkl)), np.abs(anatase.structure_factor(hkl))
    )


def test_distances_between_titanium_and_oxygen(anatase: Crystal) -> None:
    ti = anatase.positions[anatase.elements.index("Ti")]
    o = anatase.positions[np.array(anatase.elements) == "O"]
    cells = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 1, 3)
    gaps = np.linalg.norm((o + cells - ti) @ anatase.direct_basis, axis=-1).ravel()
    np.testing.assert_allclose(
        np.sort(gaps)[:6], [1.9339] * 4 + [1.9795] * 2, atol=1e-4
    )


@pytest.mark.parametrize("name", NAMES)
def test_built_in_crystals(name: str) -> None:
    gemmi = pytest.importorskip("gemmi")
    crystal = Crystal.from_name(name)
    # anatase and silicon are in origin choice 2.
    symbol = {"I 41/a m d": "I 41/a m d:2", "F d -3 m": "F d -3 m:2"}.get(
        crystal.space_group, crystal.space_group
    )
    group = gemmi.SpaceGroup(symbol)
    rotations, translations = close_group(crystal.operations)
    expected = [np.array(op.float_seitz()) for op in group.operations()]
    assert len(rotations) == len(expected)

    def as_set(pairs: Any) -> set:
        return {
            (*np.rint(r).astype(int).ravel(), *(np.rint(t * 24).astype(int) % 24))
            for r, t in pairs
        }

    found = as_set(zip(rotations, translations, strict=True))
    assert found == as_set((m[:3, :3], m[:3, 3]) for m in expected)
    counts = {"aluminium": 4, "anatase": 12, "rutile": 6, "silicon": 8, "silver": 4}
    assert len(crystal.elements) == counts[name]
    laue = "4/mmm" if name in ("anatase", "rutile") else "m-3m"
    assert crystal.laue_group == laue
    named = proper_operations(laue)
    gaps = np.abs(named[:, None] - crystal.point_operations).max(axis=(2, 3))
    assert gaps.min(axis=1).max() < 1e-12
    # The systematic absences of the group agree with the structure factors.
    operations = group.operations()
    for hkl in crystal.reflections(1.2).hkl.tolist():
        assert not operations.is_systematically_absent(hkl)


def test_extinctions_of_diamond_and_rutile() -> None:
    silicon = {tuple(x) for x in Crystal.from_name("silicon").reflections(1).hkl}
    assert (1, 1, 1) in silicon
    assert (2, 0, 0) not in silicon
    assert (2, 2, 2) not in silicon
    rutile = {tuple(x) for x in Crystal.from_name("rutile").reflections(1).hkl}
    assert (1, 1, 0) in rutile
    assert (1, 0, 0) not in rutile
    assert (0, 0, 1) not in rutile


def test_frame_of_a_triclinic_cell() -> None:
    cell = (3.0, 4.0, 5.0, 80.0, 95.0, 105.0)
    crystal = Crystal("x", cell, [("Si", 0.1, 0.2, 0.3)])
    a, b, c = crystal.direct_basis
    np.testing.assert_allclose(
        [np.linalg.norm(v) for v in (a, b, c)], cell[:3], rtol=1e-14
    )

    def angle(v: np.ndarray, w: np.ndarray) -> float:
        return np.degrees(np.arccos(v @ w / np.linalg.norm(v) / np.linalg.norm(w)))

    np.testing.assert_allclose([angle(b, c), angle(a, c), angle(a, b)], cell[3:])
    assert a[1] == a[2] == 0
    assert a[0] > 0
    np.testing.assert_allclose(crystal.reciprocal_basis[2][:2], 0, atol=1e-15)
    assert crystal.reciprocal_basis[2, 2] > 0
    assert np.linalg.det(crystal.direct_basis) > 0
    np.testing.assert_allclose(
        crystal.direct_basis @ crystal.reciprocal_basis.T, np.eye(3), atol=1e-14
    )
    assert crystal.laue_group == "-1"
    np.testing.assert_allclose(
        uvw_to_cartesian([[0, 1, 0]], crystal)[0], b / np.linalg.norm(b)
    )


@pytest.mark.parametrize(
    ("cell", "operations", "laue", "n"),
    [
        ((3, 4, 5, 90, 100, 90), ["-x,y,-z"], "2/m", 2),
        ((3, 4, 5, 90, 90, 90), ["-x,-y,z", "-x,y,-z"], "mmm", 4),
        ((3, 3, 5, 90, 90, 90), ["-y,x,z"], "4/m", 4),
        ((3, 3, 5, 90, 90, 120), ["-y,x-y,z"], "-3", 3),
        ((3, 3, 5, 90, 90, 120), ["-y,x-y,z", "y,x,-z"], "-3m", 6),
        ((3, 3, 5, 90, 90, 120), ["x-y,x,z+1/2"], "6/m", 6),
        ((3, 3, 5, 90, 90, 120), ["x-y,x,z+1/2", "y,x,-z"], "6/mmm", 12),
        ((3, 3, 3, 90, 90, 90), ["-x,-y,z", "z,x,y"], "m-3", 12),
        ((3, 3, 3, 90, 90, 90), ["y,x,-z", "-y,x,z", "z,x,y"], "m-3m", 24),
        ((3, 3, 3, 70, 70, 70), ["z,x,y"], "-3", 3),
    ],
)
def test_laue_groups(cell: tuple, operations: list, laue: str, n: int) -> None:
    crystal = Crystal("x", cell, [("Al", 0.1, 0.23, 0.31)], operations)
    assert crystal.laue_group == laue
    assert crystal.point_operations.shape == (n, 3, 3)
    # Equivalent reflections are equally strong.
    hkl = np.array([[1, 2, 1], [2, 0, 1]])
    g = hkl @ crystal.reciprocal_basis
    for operation in crystal.point_operations:
        image = g @ operation.T @ crystal.direct_basis.T
        np.testing.assert_allclose(image, np.rint(image), atol=1e-9)
        np.testing.assert_allclose(
            np.abs(crystal.structure_factor(image)),
            np.abs(crystal.structure_factor(hkl)),
            rtol=1e-9,
        )


def test_structure_factor_by_hand() -> None:
    crystal = Crystal(
        "x",
        (3, 3, 3, 90, 90, 90),
        [("Ti", 0, 0, 0, 0.5, 0.8), ("O", 0.5, 0.5, 0.5)],
    )
    from skastro.diffraction import scattering_factor

    g = np.sqrt(3) / 3
    expected = 0.5 * scattering_factor("Ti", g) * np.exp(-0.8 * g**2 / 4)
    expected -= scattering_factor("O", g) * np.exp(-0.3 * g**2 / 4)
    found = crystal.structure_factor([[1, 1, 1]], b_iso=0.3)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("decimal", ["0.3333,0.6667", ".333333,.666667", "1/3,2/3"])
def test_rounded_translations_are_whole_fractions(decimal: str) -> None:
    one, two = decimal.split(",")
    operations = [f"x+{two},y+{one},z+{one}"]
    crystal = Crystal("x", (3, 3, 10, 90, 90, 120), [("Ag", 0, 0, 0)], operations)
    assert len(crystal.elements) == 3
    h, k, m = crystal.reflections(1).hkl.T
    assert ((-h + k + m) % 3 == 0).all()


def test_parse_operation() -> None:
    rotation, translation = parse_operation("-y+1/4, x-y, 3/4-Z")
    np.testing.assert_array_equal(rotation, [[0, -1, 0], [1, -1, 0], [0, 0, -1]])
    np.testing.assert_allclose(translation, [0.25, 0, 0.75])


@pytest.mark.parametrize(
    "text",
    ["x,y", "x,y,w", "x,x,z", "x+,y,z", "1/2x,y,z", "x+1/0,y,z", "2x,y,z", "x,,z"],
)
def test_operations_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"operation|Cannot read|Fractional"):
        parse_operation(text)


def test_operations_that_do_not_close() -> None:
    with pytest.raises(ValueError, match="do not close"):
        close_group(["x+y,y,z"])


@pytest.mark.parametrize(
    ("cell", "sites", "operations", "message"),
    [
        ((4, 4, 4, 90, 90), [("Ag", 0, 0, 0)], ["x,y,z"], "cell must be"),
        ((4, 4, -4, 90, 90, 90), [("Ag", 0, 0, 0)], ["x,y,z"], "cell must be"),
        ((4, 4, np.nan, 90, 90, 90), [("Ag", 0, 0, 0)], ["x,y,z"], "cell must be"),
        ((4, 4, 4, 90, 90, 180), [("Ag", 0, 0, 0)], ["x,y,z"], "below 180"),
        ((4, 4, 4, 30, 30, 90), [("Ag", 0, 0, 0)], ["x,y,z"], "no volume"),
        (SILVER, [], ["x,y,z"], "no atoms"),
        (SILVER, [("Ag", 0, 0)], ["x,y,z"], "A site is"),
        (SILVER, [("Ag", 0, 0, np.nan)], ["x,y,z"], "makes no sense"),
        (SILVER, [("Ag", 0, 0, 0, 1.2)], ["x,y,z"], "makes no sense"),
        (SILVER, [("Ag", 0, 0, 0, 1, -0.1)], ["x,y,z"], "makes no sense"),
        (SILVER, [("Ag", 0, 0, 0, 1, np.inf)], ["x,y,z"], "makes no sense"),
        (SILVER, [("Qq", 0, 0, 0)], ["x,y,z"], "no scattering factor"),
        ((4, 4, 5, 90, 90, 90), [("Ag", 0, 0, 0)], ["z,x,y"], "have the symmetry"),
    ],
)
def test_crystals_that_are_none(
    cell: Any, sites: Any, operations: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Crystal("x", cell, sites, operations)


@pytest.mark.parametrize("max_g", [0, -1, np.nan, np.inf, 0.1, 300.0])
def test_reflections_that_are_none(anatase: Crystal, max_g: float) -> None:
    with pytest.raises(ValueError, match=r"max_g|no reflection"):
        anatase.reflections(max_g)


@pytest.mark.parametrize(
    "hkl", [[[1, 0]], [[np.nan, 0, 1]], [[[1, 0, 0]]], [[0, 0, 0]]]
)
def test_planes_that_are_none(anatase: Crystal, hkl: Any) -> None:
    with pytest.raises(ValueError, match="hkl"):
        anatase.d_spacing(hkl)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="there are aluminium, anatase, rutile"):
        Crystal.from_name("gold")
    with pytest.raises(TypeError, match="A crystal is"):
        as_crystal(3)
    assert as_crystal("silver") == Crystal.from_name("silver")


def test_equality_and_pickling(anatase: Crystal) -> None:
    same = pickle.loads(pickle.dumps(anatase))
    assert same == anatase
    assert hash(same) == hash(anatase)
    assert anatase != Crystal.from_name("rutile")
    assert anatase != "anatase"
    assert repr(anatase) == (
        "<Crystal anatase, space group I 41/a m d, cell (3.7845, 3.7845, 9.5143, 90, "
        "90, 90), 12 atoms>"
    )


def test_cif_with_a_symbol(tmp_path: Path, anatase: Crystal) -> None:
    pytest.importorskip("gemmi")
    crystal = Crystal.from_cif(write_cif(tmp_path / "tio2.cif"))
    assert crystal.name == "tio2"
    assert crystal.cell == anatase.cell
    assert crystal.space_group == "I 41/a m d"
    b = 8 * np.pi**2 * 0.0063
    np.testing.assert_allclose(crystal.b_iso[:4], b)
    assert np.isnan(crystal.b_iso[4:]).all()
    hkl = anatase.reflections(1.5).hkl
    assert len(crystal.reflections(1.5).hkl) == 742
    # The same Ti, and the same O, but for the width of Ti.
    plain = Crystal("x", crystal.cell, anatase.sites, crystal.operations)
    np.testing.assert_allclose(
        np.abs(plain.structure_factor(hkl)), np.abs(anatase.structure_factor(hkl))
    )
    assert Crystal.from_cif(tmp_path / "tio2.cif", name="a").name == "a"


@pytest.mark.parametrize("name", NAMES)
def test_round_trip_through_a_cif(tmp_path: Path, name: str) -> None:
    pytest.importorskip("gemmi")
    crystal = Crystal.from_name(name)
    keys = ("a", "b", "c", "alpha", "beta", "gamma")
    cell = dict(zip(keys, map(str, crystal.cell), strict=True))
    symmetry = "loop_\n_space_group_symop_operation_xyz\n" + "\n".join(
        f"'{o}'" for o in crystal.operations
    )
    sites = "\n".join(f"{e}1 {e} {x} {y} {z} 1 0" for e, x, y, z in crystal.sites)
    path = write_cif(tmp_path / "c.cif", **cell, symmetry=symmetry, sites=sites)
    again = Crystal.from_cif(path)
    assert again.laue_group == crystal.laue_group
    assert again.elements == crystal.elements
    np.testing.assert_allclose(again.positions, crystal.positions)
    before, after = crystal.reflections(1.3), again.reflections(1.3)
    np.testing.assert_array_equal(before.hkl, after.hkl)
    np.testing.assert_allclose(before.structure_factor, after.structure_factor)


def test_cif_takes_the_first_block_with_atoms(tmp_path: Path) -> None:
    pytest.importorskip("gemmi")
    path = write_cif(tmp_path / "a.cif")
    path.write_text("data_first\n_journal_year 2020\n" + path.read_text())
    assert len(Crystal.from_cif(path).elements) == 12


def test_u_that_stands_for_none_is_left_to_the_simulator(tmp_path: Path) -> None:
    pytest.importorskip("gemmi")
    sites = "Ti1 Ti 0 0.75 0.125 1 1.0\nO1 O 0 0.75 0.33306 1 0"
    crystal = Crystal.from_cif(write_cif(tmp_path / "a.cif", sites=sites))
    assert np.isnan(crystal.b_iso).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"c": "?"}, "does not say _cell_length_c"),
        ({"gamma": "."}, "does not say _cell_angle_gamma"),
        ({"symmetry": ""}, "neither symmetry operations nor"),
        ({"symmetry": "_symmetry_space_group_name_H-M 'Q 7'"}, "neither symmetry"),
        ({"sites": "Ti1 Ti ? 0.75 0.125 1 0.1"}, "_atom_site_fract_x"),
        ({"sites": "Ti1 Zz 0 0.75 0.125 1 0.1"}, "no scattering factor"),
        ({"sites": "Ti1 Ti 0 0.75 0.125 3 0.1"}, "makes no sense"),
        ({"sites": "Ti1 Ti 0 0.75"}, "no readable CIF"),
        ({"a": "4.5"}, "have the symmetry"),
    ],
)
def test_broken_cifs(tmp_path: Path, changes: dict, message: str) -> None:
    pytest.importorskip("gemmi")
    with pytest.raises(ValueError, match=message):
        Crystal.from_cif(write_cif(tmp_path / "a.cif", **changes))


@pytest.mark.parametrize("missing", ["_cell_length_b", "_atom_site_fract"])
def test_cifs_without_cell_or_places(tmp_path: Path, missing: str) -> None:
    """The reader underneath silently takes 1 Å and 0 for them."""
    pytest.importorskip("gemmi")
    path = write_cif(tmp_path / "a.cif")
    lines = [x for x in path.read_text().splitlines() if not x.startswith(missing)]
    if missing != "_cell_length_b":
        lines = [
            " ".join([*x.split()[:2], *x.split()[5:]]) if x[:2] in ("Ti", "O1") else x
            for x in lines
        ]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match="does not say"):
        Crystal.from_cif(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no block with atoms"),
        (b"hello world", "no readable CIF"),
        (b"\x00\xff\xfe", "no readable CIF"),
        (b"data_x\n_cell_length_a 4\n", "no block with atoms"),
    ],
)
def test_files_that_are_no_cif(tmp_path: Path, content: bytes, message: str) -> None:
    pytest.importorskip("gemmi")
    path = tmp_path / "a.cif"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Crystal.from_cif(path)
    with pytest.raises(FileNotFoundError):
        Crystal.from_cif(tmp_path / "none.cif")


@pytest.mark.real_data
def test_cifs_of_the_steel(data_home: Path) -> None:
    pytest.importorskip("gemmi")
    folder = data_home / "diffraction" / "steel_ped"
    austenite = Crystal.from_cif(folder / "austeniteLP.cif")
    assert austenite.elements == ("Fe",) * 4
    assert austenite.laue_group == "m-3m"
    assert austenite.cell[0] == pytest.approx(3.59)
    # U = 1 Å² stands in these files; it would hide all but the nearest spots.
    assert np.isnan(austenite.b_iso).all()
    assert (austenite.reflections(1.4).hkl.sum(axis=1) % 2 < 2).all()
    for hkl in austenite.reflections(1.4).hkl:
        assert len(set(hkl % 2)) == 1
    g_phase = Crystal.from_cif(folder / "g-phaseLP.cif", name="G")
    assert g_phase.laue_group == "m-3m"
    assert set(g_phase.elements) == {"Cr", "Fe", "Mn", "Ni", "Si", "Ti"}
    # Four elements share the site 24e, a quarter each.
    assert g_phase.occupancies.sum() == pytest.approx(116)
    assert len(g_phase.elements) == 188


def test_operations_of_other_kinds() -> None:
    with pytest.raises(TypeError, match="symmetry operation"):
        Crystal("x", (4, 4, 4, 90, 90, 90), [("Ag", 0, 0, 0)], [[]])  # type: ignore[list-item]
