"""read_blo on real, made and damaged files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from skastro.diffraction import electron_wavelength, read_blo


def write(
    path: Path,
    patterns: np.ndarray,
    *,
    camera_length: int = 2000,
    pixels_per_cm: int = 5000,
) -> Path:
    """Write a block file of patterns (rows, columns, size, size), field by field."""
    rows, columns, size, _ = patterns.shape
    start = 0x1000 + 16 * (rows * columns // 16 + 1)
    head = b"IMGBLO" + struct.pack(
        "<HIIIHHHHHddIHId",
        0x0102,
        0x1000,
        start,
        0,
        size,
        0,
        columns,
        rows,
        1234,
        5.0,
        7.0,
        200_000,
        pixels_per_cm,
        camera_length,
        0.0,
    )
    raw = head.ljust(240, b"\0") + b"made here"
    raw = raw.ljust(start, b"\0")
    for number, pattern in enumerate(patterns.reshape(-1, size, size)):
        raw += struct.pack("<HI", 0x55AA, number) + pattern.tobytes()
    path.write_bytes(raw)
    return path


@pytest.fixture
def patterns() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 5, 12, 12), dtype=np.uint8)


@pytest.mark.parametrize("lazy", [False, True])
def test_patterns_and_header(tmp_path: Path, patterns: np.ndarray, lazy: bool) -> None:
    scan = read_blo(write(tmp_path / "a.blo", patterns), lazy=lazy)
    assert np.array_equal(scan.data, patterns)
    assert scan.data.dtype == np.uint8
    assert scan.navigation_shape == (3, 5)
    assert scan.step == (7.0, 5.0)
    # 50 pixels a cm are 0.2 mm each; the camera length is 200 mm.
    assert scan.scale == pytest.approx(0.2 / (electron_wavelength(200) * 200))
    assert scan.metadata == {
        "voltage_kv": 200.0,
        "camera_length_mm": 200.0,
        "pixel_mm": pytest.approx(0.2),
        "scan_rotation_deg": 12.34,
        "note": "made here",
    }


@pytest.mark.parametrize("missing", ["camera_length", "pixels_per_cm"])
def test_scale_is_none_if_the_header_lacks_it(
    tmp_path: Path, patterns: np.ndarray, missing: str
) -> None:
    scan = read_blo(write(tmp_path / "a.blo", patterns, **{missing: 0}))
    assert scan.scale is None


def test_eager_patterns_are_plain_and_writable(
    tmp_path: Path, patterns: np.ndarray
) -> None:
    data = read_blo(write(tmp_path / "a.blo", patterns)).data
    assert type(data) is np.ndarray
    data += 1


def test_every_cut_is_refused(tmp_path: Path, patterns: np.ndarray) -> None:
    whole = write(tmp_path / "a.blo", patterns).read_bytes()
    short = tmp_path / "short.blo"
    for size in (0, 5, 63, 64, 300, 4100, len(whole) // 2, len(whole) - 1):
        short.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"short\.blo"):
            read_blo(short)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, b"X"),  # identifier
        (6, b"\1"),  # magic
        (12, b"\0\0\0\0"),  # where the patterns begin
        (20, b"\0\0"),  # their size
        (24, b"\0\0"),  # columns
        (26, b"\xff\xff"),  # rows
        (4096 + 16 + 150 * 4, b"\0\0"),  # mark of a pattern
    ],
)
def test_damage_is_refused(
    tmp_path: Path, patterns: np.ndarray, place: int, value: bytes
) -> None:
    path = write(tmp_path / "a.blo", patterns)
    raw = bytearray(path.read_bytes())
    raw[place : place + len(value)] = value
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"a\.blo"):
        read_blo(path)


def test_missing_file() -> None:
    with pytest.raises(FileNotFoundError):
        read_blo("no/such/file.blo")


@pytest.mark.real_data
def test_real_file(data_home: Path) -> None:
    path = data_home / "diffraction" / "test1.blo"
    scan = read_blo(path)
    assert scan.data.shape == (3, 2, 144, 144)
    assert scan.data.dtype == np.uint8
    assert scan.metadata["voltage_kv"] == 200
    assert scan.step == (12.8, 12.8)
    assert scan.metadata["note"].startswith("Precession angle")
    # The saturated direct beam is inside each pattern.
    assert np.all(scan.data[:, :, 72, 73] == 255)
    assert np.array_equal(read_blo(path, lazy=True).data, scan.data)
