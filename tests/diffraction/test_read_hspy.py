"""read_hspy on real, made and damaged files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skastro.diffraction import PatternCenterer, read_hspy
from skastro.diffraction._diffraction_scan import angstroms, reciprocal_of

h5py = pytest.importorskip("h5py")

AXES = [
    ("nm", 2.0, True),
    ("nm", 4.0, True),
    ("1/nm", 0.2, False),
    ("1/nm", 0.2, False),
]


def write(
    path: Path,
    data: Any,
    axes: list[tuple[str, float, bool]] = AXES,
    name: str = "scan",
    **metadata: Any,
) -> Path:
    """Add an experiment to a file as HyperSpy has it."""
    with h5py.File(path, "a") as file:
        group = file.create_group(f"Experiments/{name}")
        group.create_dataset("data", data=data, chunks=True, compression="gzip")
        for i, (unit, scale, navigate) in enumerate(axes):
            axis = group.create_group(f"axis-{i}")
            size = group["data"].shape[i]
            axis.attrs.update(
                units=unit, scale=scale, offset=0.0, size=size, navigate=navigate
            )
        general = group.create_group("metadata/General")
        general.attrs.update(metadata)
    return path


def scan_data(shape: tuple[int, ...] = (3, 4, 16, 17)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1000, shape).astype(np.uint16)


@pytest.mark.parametrize("lazy", [False, True])
def test_scan_with_two_axes(tmp_path: Path, lazy: bool) -> None:
    data = scan_data()
    path = write(tmp_path / "a.hspy", data, title="Ag film", flag="_None_")
    scan = read_hspy(path, lazy=lazy)
    assert scan.scale == pytest.approx(0.02, rel=1e-12)
    assert scan.navigation_shape == (3, 4)
    assert scan.step == (2.0, 4.0)
    assert scan.metadata["title"] == "Ag film"
    assert scan.metadata["General"] == {"title": "Ag film", "flag": None}
    assert scan.metadata["axes"][3] == {
        "units": "1/nm",
        "scale": 0.2,
        "offset": 0.0,
        "size": 17,
        "navigate": False,
    }
    assert (scan.data.shape, scan.data.dtype) == (data.shape, data.dtype)
    assert np.array_equal(scan.data[1:, ::2, 3], data[1:, ::2, 3])
    assert np.array_equal(np.asarray(scan.data), data)


def test_lazy_patterns_travel_and_feed_estimators(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hspy", scan_data((5, 16, 17)), [AXES[0], *AXES[2:]])
    lazy = read_hspy(path, lazy=True).data
    again = pickle.loads(pickle.dumps(lazy))
    assert (lazy.ndim, lazy.size, len(lazy)) == (3, 5 * 16 * 17, 5)
    assert "uint16" in repr(again)
    assert np.array_equal(again[2], lazy[2])
    whole = PatternCenterer().transform(read_hspy(path).data)
    assert np.array_equal(PatternCenterer().transform(lazy), whole)
    with pytest.raises(ValueError, match="copy"):
        np.asarray(lazy, copy=False)
    path.unlink()  # nothing holds the file open


def test_one_pattern_without_a_scan(tmp_path: Path) -> None:
    scan = read_hspy(write(tmp_path / "a.hspy", scan_data((16, 17)), AXES[2:]))
    assert (scan.navigation_shape, scan.step) == ((), ())


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("1/Å", 1.0),
        ("Å^-1", 1.0),
        ("$A^{-1}$", 1.0),
        ("Å⁻¹", 1.0),
        ("\u212b**-1", 1.0),
        ("$\\AA^{-1}$", 1.0),
        ("1 / nm", 10.0),
        ("nm^-1", 10.0),
        ("$\\mathrm{nm}^{-1}$", 10.0),
        ("1/pm", 0.01),
        ("1/angstrom", 1.0),
        ("mrad", None),
        ("nm", None),
        ("px", None),
        ("1/s", None),
        ("<undefined>", None),
        ("", None),
    ],
)
def test_reciprocal_units(unit: str, expected: float | None) -> None:
    assert reciprocal_of(unit) == expected


def test_lengths() -> None:
    assert [angstroms(u) for u in ("nm", "Å", "µm", "\u03bcm", "px")] == [
        10.0,
        1.0,
        1e4,
        1e4,
        None,
    ]


def test_units_that_are_not_known_give_none(tmp_path: Path) -> None:
    axes = [("<undefined>", 1.0, True), AXES[1], ("mrad", 0.2, False), AXES[3]]
    scan = read_hspy(write(tmp_path / "a.hspy", scan_data(), axes))
    assert (scan.scale, scan.step) == (None, None)


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hspy", scan_data(), [*AXES[:3], ("1/nm", 0.21, False)])
    with pytest.raises(ValueError, match="not square"):
        read_hspy(path)


def test_of_several_experiments_one_is_named(tmp_path: Path) -> None:
    first, second = scan_data(), scan_data((2, 2, 8, 8))
    path = write(tmp_path / "a.hspy", first, name="one")
    # A spectrum beside the patterns is passed over.
    spectrum = [AXES[0], ("eV", 1.0, False)]
    write(path, scan_data((4, 30)), spectrum, name="spectrum")
    assert np.array_equal(read_hspy(path).data, first)
    write(path, second, name="two")
    with pytest.raises(ValueError, match=r"several experiments.*'one'.*'two'"):
        read_hspy(path)
    assert np.array_equal(read_hspy(path, experiment="two").data, second)
    for name in ("three", "spectrum"):
        with pytest.raises(ValueError, match="no experiment"):
            read_hspy(path, experiment=name)


def test_missing_file() -> None:
    with pytest.raises(FileNotFoundError):
        read_hspy("no/such/file.hspy")


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.hspy"
    text.write_text("not HDF5 at all")
    empty = tmp_path / "empty.hspy"
    empty.touch()
    for path in (text, empty):
        with pytest.raises(ValueError, match="no HDF5 file"):
            read_hspy(path)
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["entry/data"] = scan_data()
    with pytest.raises(ValueError, match="no HyperSpy file"):
        read_hspy(other)


def test_files_cut_short_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hspy", scan_data((4, 4, 64, 64)))
    whole = path.read_bytes()
    short = tmp_path / "short.hspy"
    for share in (0.01, 0.3, 0.6, 0.9, 0.999):
        short.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=r"short\.hspy"):
            read_hspy(short)


def test_damaged_pixels_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hspy", scan_data((4, 4, 64, 64)))
    with h5py.File(path) as file:
        info = file["Experiments/scan/data"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[info.byte_offset : info.byte_offset + info.size] = bytes(info.size)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="damaged"):
        read_hspy(path)
    with pytest.raises(ValueError, match="damaged"):
        read_hspy(path, lazy=True).data[...]


@pytest.mark.parametrize("fault", ["size", "axis", "complex", "empty"])
def test_contradictions_are_refused(tmp_path: Path, fault: str) -> None:
    data = scan_data()
    if fault == "complex":
        data = data.astype(np.complex64)
    path = write(tmp_path / "a.hspy", data)
    with h5py.File(path, "a") as file:
        group = file["Experiments/scan"]
        if fault == "size":
            group["axis-1"].attrs["size"] = 5
        elif fault == "axis":
            del group["axis-1"]
        elif fault == "empty":
            del group["data"]
            group.create_dataset("data", shape=(0, 4, 16, 17), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"a\.hspy"):
        read_hspy(path)


@pytest.mark.real_data
def test_real_steel_file(data_home: Path) -> None:
    path = data_home / "diffraction" / "steel_ped" / "subset_data.hspy"
    scan = read_hspy(path)
    assert scan.data.shape == (2, 2, 256, 256)
    assert scan.data.dtype == np.uint16
    assert scan.scale == pytest.approx(0.01261)
    assert (scan.navigation_shape, scan.step) == ((2, 2), (2.0, 2.0))
    assert scan.metadata["Signal"]["signal_type"] == "electron_diffraction"
    lazy = read_hspy(path, lazy=True)
    assert np.array_equal(lazy.data[1, 0], scan.data[1, 0])
    # The direct beam is where the picture has it, off the middle.
    center = PatternCenterer().find_centers(scan.data.reshape(-1, 256, 256))
    np.testing.assert_allclose(center, [[128.5, 132.4]] * 4, atol=0.2)


def test_patterns_that_are_only_announced_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hspy", scan_data((2, 2, 4, 4)))
    with h5py.File(path, "a") as file:
        group = file["Experiments/scan"]
        del group["data"]
        shape = (1 << 9, 1 << 9, 1 << 9, 1 << 9)
        group.create_dataset("data", shape, "u1", chunks=(1, 1, 9, 9))
        for i, size in enumerate(shape):
            group[f"axis-{i}"].attrs["size"] = size
    with pytest.raises(ValueError, match="fill the memory"):
        read_hspy(path)
    assert read_hspy(path, lazy=True).data.shape == shape
