"""Rows are found in every kind of source, and a store travels as a place."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skastro.utils import as_lazy_rows
from skastro.utils._row_store import RowStore, look_at_file, place_in_file

VALUES = np.arange(60, dtype=np.float64).reshape(10, 2, 3)
ROWS = [np.array([3, 3, 0, 9]), np.array([], dtype=np.int64), slice(2, 7), slice(4, 4)]


def as_npy(values: np.ndarray, folder: Path) -> Any:
    np.save(folder / "x.npy", values)
    return folder / "x.npy"


def as_memmap(values: np.ndarray, folder: Path) -> Any:
    return np.load(as_npy(values, folder), mmap_mode="r")


def as_raw_memmap(values: np.ndarray, folder: Path) -> Any:
    (folder / "x.raw").write_bytes(b"head!" + values.tobytes())
    return np.memmap(folder / "x.raw", values.dtype, "r", 5, values.shape)


def as_hdf5(values: np.ndarray, folder: Path) -> Any:
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("a/b", data=values, chunks=(3, *values.shape[1:]))
    return h5py.File(folder / "x.h5", "r")["a/b"]


def as_zarr(values: np.ndarray, folder: Path) -> Any:
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(
        str(folder / "x.zarr"),
        shape=values.shape,
        chunks=(3, *values.shape[1:]),
        dtype=values.dtype,
    )
    array[:] = values
    return array


def as_zarr_path(values: np.ndarray, folder: Path) -> Any:
    as_zarr(values, folder)
    return str(folder / "x.zarr")


def as_dask(values: np.ndarray, folder: Path) -> Any:
    return pytest.importorskip("dask.array").from_array(values, chunks=(4, -1, -1))


def as_memory(values: np.ndarray, folder: Path) -> Any:
    return values


KINDS: dict[str, tuple[Callable[[np.ndarray, Path], Any], str]] = {
    "npy": (as_npy, "file"),
    "memmap": (as_memmap, "file"),
    "raw memmap": (as_raw_memmap, "file"),
    "hdf5": (as_hdf5, "h5py"),
    "zarr": (as_zarr, "zarr"),
    "zarr path": (as_zarr_path, "zarr"),
    "dask": (as_dask, "dask"),
    "memory": (as_memory, "memory"),
}


@pytest.mark.parametrize("name", KINDS)
def test_rows_of_every_kind_here_and_elsewhere(name: str, tmp_path: Path) -> None:
    make, kind = KINDS[name]
    store = RowStore(make(VALUES, tmp_path))
    there = pickle.loads(pickle.dumps(store))
    again = pickle.loads(pickle.dumps(there))
    for one in (store, there, again):
        assert one.kind == kind
        assert one.shape == VALUES.shape
        assert one.dtype == VALUES.dtype
        for rows in ROWS:
            read = one.read(rows)
            assert type(read) is np.ndarray
            assert read.dtype == VALUES.dtype
            assert np.array_equal(read, VALUES[rows])


@pytest.mark.parametrize("name", [n for n in KINDS if n not in ("dask", "memory")])
def test_what_travels_is_the_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(500, 30, 10))
    # Also where the path was given as seen from the working directory.
    store = RowStore(KINDS[name][0](values, Path()))
    sent = pickle.dumps(store)
    assert len(sent) < 3000
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    there = pickle.loads(sent)
    assert np.array_equal(there.read(np.array([499, 3])), values[[499, 3]])


@pytest.mark.parametrize("name", ["hdf5", "zarr"])
def test_what_is_not_there_is_an_error(name: str, tmp_path: Path) -> None:
    # Zarr alone would give zeros.
    sent = pickle.dumps(RowStore(KINDS[name][0](VALUES, tmp_path)))
    (place,) = tmp_path.iterdir()
    place.rename(tmp_path / "away")
    there = pickle.loads(sent)
    with pytest.raises(OSError, match="must see the same files"):
        there.read(slice(0, 1))
    KINDS[name][0](VALUES[1:], tmp_path)
    with pytest.raises(OSError, match="where the rows were chosen"):
        there.read(slice(0, 1))


@pytest.mark.parametrize("dtype", [">f4", ">i2", "<u8", "?", "f2", "i1", "u1", "f8"])
def test_every_type_of_number(dtype: str, tmp_path: Path) -> None:
    values = (np.arange(24) % 5).reshape(6, 4).astype(dtype)
    store = pickle.loads(pickle.dumps(RowStore(as_npy(values, tmp_path))))
    read = store.read(np.array([5, 0]))
    assert read.dtype == np.dtype(dtype)
    assert np.array_equal(read, values[[5, 0]])


def test_views_of_a_map(tmp_path: Path) -> None:
    X = as_memmap(np.arange(4000.0).reshape(100, 40), tmp_path)
    near = {
        "all": X,
        "later rows": X[7:90],
        "of a view": X[7:90][3:20],
        "plain": np.asarray(X)[5:],
        "reshaped": X[10:].reshape(-1, 4, 10),
        "one row": X[3],
        "other type": X[4:].view("i8"),
        "none": X[5:5],
    }
    for name, view in near.items():
        assert place_in_file(view) is not None, name
        store = RowStore(view)
        assert store.kind == "file"
        assert len(pickle.dumps(store)) < 1000
        there = pickle.loads(pickle.dumps(store))
        rows = np.arange(len(view))[::-3]
        assert np.array_equal(there.read(rows), view[rows]), name
    far = {
        "columns": X[:, 3:9],
        "every second": X[::2],
        "backwards": X[::-1],
        "transposed": X.T,
        "chosen": X[[1, 2]],
        "changed": X * 2,
        "copy": np.array(X[3:]),
    }
    for name, view in far.items():
        assert place_in_file(view) is None, name
        there = pickle.loads(pickle.dumps(RowStore(view)))
        assert there.kind == "memory"
        assert np.array_equal(there.read(slice(0, 5)), view[:5]), name


def test_fortran_order_is_by_value(tmp_path: Path) -> None:
    values = np.asfortranarray(VALUES.reshape(10, 6))
    store = RowStore(as_npy(values, tmp_path))
    assert store.data.flags.f_contiguous
    assert not store.data.flags.c_contiguous
    there = pickle.loads(pickle.dumps(store))
    assert np.array_equal(there.read(np.array([8, 1])), values[[8, 1]])


def test_changes_that_are_not_in_the_file(tmp_path: Path) -> None:
    path = as_npy(VALUES, tmp_path)
    copied = np.load(path, mmap_mode="c")
    copied[3] = -1
    store = RowStore(copied)
    assert store.kind == "memory"
    assert (pickle.loads(pickle.dumps(store)).read(slice(3, 4)) == -1).all()
    assert np.array_equal(np.load(path), VALUES)


def test_changes_of_a_map_go_to_the_file(tmp_path: Path) -> None:
    path = as_npy(VALUES, tmp_path)
    mapped = np.load(path, mmap_mode="r+")
    store = RowStore(mapped[2:])
    mapped[3] = -1
    assert (store.read(slice(1, 2)) == -1).all()
    assert (pickle.loads(pickle.dumps(store)).read(slice(1, 2)) == -1).all()


def test_a_file_that_is_cut(tmp_path: Path) -> None:
    path = as_npy(VALUES, tmp_path)
    store = RowStore(path)
    there = pickle.loads(pickle.dumps(store))
    os.truncate(path, os.path.getsize(path) - 10)
    assert np.array_equal(store.read(slice(0, 9)), VALUES[:9])
    with pytest.raises(OSError, match="ended 10 bytes before"):
        store.read(np.array([0, 9]))
    with pytest.raises(OSError, match="another file here"):
        there.read(np.array([0]))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        store.read(np.array([0]))
    with pytest.raises(FileNotFoundError):
        there.read(np.array([0]))


def test_another_file_of_the_same_size(tmp_path: Path) -> None:
    path = as_npy(VALUES, tmp_path)
    sent = pickle.dumps(RowStore(path))
    np.save(path, VALUES[::-1])
    with pytest.raises(OSError, match="must see the same file"):
        pickle.loads(sent).read(np.array([0]))
    # A copy with another date is the same one.
    np.save(path, VALUES)
    os.utime(path, (1, 1))
    assert np.array_equal(pickle.loads(sent).read(np.array([1])), VALUES[[1]])


@pytest.mark.skipif(os.name != "posix", reason="others do not replace a mapped file")
def test_a_map_whose_file_was_replaced_keeps_its_values(tmp_path: Path) -> None:
    path = as_npy(VALUES, tmp_path)
    mapped = np.load(path, mmap_mode="r")
    np.save(tmp_path / "new.npy", VALUES + 1)
    os.replace(tmp_path / "new.npy", path)
    assert place_in_file(mapped) is None
    store = RowStore(mapped[2:])
    assert np.array_equal(store.read(np.array([1])), VALUES[[3]])
    again = pickle.loads(pickle.dumps(store))
    assert np.array_equal(again.read(np.array([1])), VALUES[[3]])
    assert np.array_equal(RowStore(path).read(np.array([1])), VALUES[[1]] + 1)


def test_a_look_sees_large_files_in_pieces(tmp_path: Path) -> None:
    path = str(tmp_path / "x.bin")
    size = 10_000_000
    with open(path, "wb") as file:
        file.truncate(size)
    before = look_at_file(path, 100, size - 100)
    for place in (100, size - 1, 100 + (size - 100 - 4096) * 7 // 15):
        with open(path, "r+b") as file:
            file.seek(place)
            file.write(b"x")
        after = look_at_file(path, 100, size - 100)
        assert after != before
        before = after


def test_nothing_is_read_but_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RowStore(as_npy(np.ones((1000, 50)), tmp_path))
    count = 0

    class Counting(io.FileIO):
        def readinto(self, buffer: Any, /) -> int | None:  # type: ignore[override]
            nonlocal count
            done = super().readinto(buffer)
            count += done or 0
            return done

    def open_counting(path: Any, mode: str, buffering: int) -> Counting:
        assert (mode, buffering) == ("rb", 0)
        return Counting(path, "r")

    monkeypatch.setattr("skastro.utils._row_store.open", open_counting, raising=False)
    store.read(np.array([1, 900, 900, 4]))
    assert count == 4 * 50 * 8
    store.read(slice(10, 20))
    assert count == 14 * 50 * 8
    assert store.read(slice(8, 0, -3)).shape == (3, 50)


def test_readings_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system may give less than it was asked for."""

    class Slow(io.FileIO):
        def readinto(self, buffer: Any, /) -> int | None:  # type: ignore[override]
            return super().readinto(memoryview(buffer)[:7])

    store = RowStore(as_npy(VALUES, tmp_path))
    monkeypatch.setattr(
        "skastro.utils._row_store.open",
        lambda path, *_, **__: Slow(path),
        raising=False,
    )
    assert np.array_equal(store.read(np.array([9, 2])), VALUES[[9, 2]])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.array(3.0), "without axes"),
        (np.array(["a"]), "real numbers"),
        (np.array([1j]), "real numbers"),
        (np.array([None]), "real numbers"),
        (np.zeros(2, [("a", "f8")]), "real numbers"),
        (np.array(["2020"], dtype="M8[D]"), "real numbers"),
    ],
)
def test_what_has_no_rows_of_numbers(source: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RowStore(source)


def test_paths_of_other_kinds(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=VALUES)
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "objects.npy", np.array([print], dtype=object))
    for name in ("x.npz", "text.npy", "empty.npy", "objects.npy"):
        with pytest.raises(ValueError, match="neither"):
            RowStore(tmp_path / name)
    pytest.importorskip("zarr")
    with pytest.raises(ValueError, match="no zarr array"):
        RowStore(tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        RowStore(tmp_path / "nowhere.npy")


def test_a_group_of_zarr_is_no_array(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.open_group(str(tmp_path / "g.zarr"), mode="w")
    with pytest.raises(ValueError, match="no zarr array"):
        RowStore(tmp_path / "g.zarr")


def test_what_is_taken_as_lazy(tmp_path: Path) -> None:
    lazy = [as_hdf5(VALUES, tmp_path), as_zarr(VALUES, tmp_path)]
    lazy.append(as_dask(VALUES, tmp_path))
    assert all(as_lazy_rows(source) is not None for source in lazy)
    small = as_memmap(VALUES, tmp_path)
    assert as_lazy_rows(small) is None
    for source in (VALUES, [[1.0]], None, small[:, 0]):
        assert as_lazy_rows(source) is None
    big = np.lib.format.open_memmap(tmp_path / "b.npy", "w+", "f8", (10_000, 1000))
    rows = as_lazy_rows(big[5:])
    assert rows is not None
    assert rows.shape == (9_995, 1000)
    assert as_lazy_rows(big[:, ::2]) is None
