"""NumPy's archives: read whole, in bounded memory, without pickles."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skastro.utils._npz import read_npz
from skastro.utils._unpack import bounded, most_bytes


def test_arrays_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    a, b = np.arange(6).reshape(2, 3), np.array("x")
    np.savez_compressed(path, a=np.asfortranarray(a), b=b)
    found = read_npz(path)
    assert list(found) == ["a", "b"]
    assert np.array_equal(found["a"], a)
    assert found["b"] == b


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_what_numpy_writes_is_unpacked(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", b"x")
    with pytest.raises(ValueError, match=r"a\.npz: a\.npy: .*compressed by method"):
        read_npz(path)


def test_many_members_together_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays = {f"a{i}": np.zeros(20 << 20, np.uint8) for i in range(4)}
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match="together would fill the memory"):
        read_npz(path)


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="pickles are not read"):
        read_npz(tmp_path / "a.npz")


def test_a_stream_ends_at_its_bound() -> None:
    limit = most_bytes(0)
    stream = bounded(io.BytesIO(bytes(limit)), 0)
    assert len(stream.read()) == limit
    with pytest.raises(ValueError, match="fill the memory"):
        bounded(io.BytesIO(bytes(limit + 1)), 0).read()
