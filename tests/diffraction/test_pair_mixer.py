from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from skastro.diffraction import DiffractionOrientationRegressor, PairMixer, all_pairs
from skastro.utils import LazyRows

KINDS = [
    "path",
    "memmap",
    "view of a memmap",
    "hdf5",
    "zarr",
    "path of zarr",
    "dask",
    "lazy rows",
]


def singles(n: int = 12, dtype: Any = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 200, size=(n, 7, 9)).astype(dtype)


def in_file(kind: str, patterns: np.ndarray, folder: Path) -> Any:
    if kind == "path":
        np.save(folder / "singles.npy", patterns)
        return folder / "singles.npy"
    if kind == "memmap":
        np.save(folder / "singles.npy", patterns)
        return np.load(folder / "singles.npy", mmap_mode="r")
    if kind == "view of a memmap":
        twice = np.concatenate([patterns[::-1], patterns])
        np.save(folder / "singles.npy", twice)
        return np.load(folder / "singles.npy", mmap_mode="r")[len(patterns) :]
    if kind == "hdf5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(folder / "singles.h5", "w") as file:
            file.create_dataset("a/b", data=patterns, chunks=(2, 7, 9))
        return h5py.File(folder / "singles.h5", "r")["a/b"]
    if kind == "lazy rows":
        return LazyRows(np.concatenate([patterns, patterns]))[len(patterns) :]
    if kind == "dask":
        dask_array = pytest.importorskip("dask.array")
        return dask_array.from_array(patterns, chunks=(5, 7, 9))
    zarr = pytest.importorskip("zarr")
    array = zarr.open_array(
        str(folder / "singles.zarr"),
        mode="w",
        shape=patterns.shape,
        chunks=(2, 7, 9),
        dtype=patterns.dtype,
    )
    array[:] = patterns
    return folder / "singles.zarr" if kind == "path of zarr" else array


def test_a_mixture_is_the_weighted_sum() -> None:
    patterns = singles()
    pairs = np.array([[3, 1], [0, 0], [1, 3]])
    mixed = PairMixer(patterns)(pairs)
    expected = 0.5 * patterns[pairs[:, 0]] + 0.5 * patterns[pairs[:, 1]]
    assert mixed.dtype == np.float32
    assert np.array_equal(mixed, expected)
    other = PairMixer(patterns, weights=(0.75, 0.25))(pairs)
    assert np.array_equal(
        other, 0.75 * patterns[[3, 0, 1]] + 0.25 * patterns[[1, 0, 3]]
    )


def test_any_number_of_grains() -> None:
    patterns = singles()
    rows = np.array([[0, 1, 2], [5, 5, 1]])
    mixed = PairMixer(patterns, weights="equal")(rows)
    np.testing.assert_allclose(mixed, patterns[rows].mean(axis=1), rtol=1e-6)
    one = PairMixer(patterns, weights=(1.0,))(rows[:, :1])
    assert np.array_equal(one, patterns[rows[:, 0]])


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_on_disk_are_those_in_memory(kind: str, tmp_path: Path) -> None:
    patterns = singles(dtype=np.uint16)
    # Neither sorted nor unique, which HDF5 does not take.
    pairs = np.array([[9, 2], [2, 9], [4, 4], [0, 11], [2, 3]])
    mixer = PairMixer(in_file(kind, patterns, tmp_path))
    assert (mixer.n_patterns, mixer.shape) == (12, (7, 9))
    expected = PairMixer(patterns)(pairs)
    assert np.array_equal(mixer(pairs), expected)
    assert np.array_equal(mixer.read([5, 1, 5]), patterns[[5, 1, 5]])
    stored = pickle.dumps(mixer)
    assert np.array_equal(pickle.loads(stored)(pairs), expected)


@pytest.mark.parametrize("kind", ["path", "memmap", "hdf5"])
def test_a_stored_mixer_keeps_the_place_of_a_file(kind: str, tmp_path: Path) -> None:
    patterns = np.zeros((3000, 7, 9), dtype=np.uint8)
    mixer = PairMixer(in_file(kind, patterns, tmp_path))
    assert len(pickle.dumps(mixer)) < 2000


@pytest.mark.parametrize("kind", ["memmap", "hdf5", "zarr"])
def test_a_net_trains_alike_from_disk_and_memory(kind: str, tmp_path: Path) -> None:
    patterns = singles()
    u = np.random.default_rng(1).normal(size=(12, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    pairs = all_pairs(12)
    y = PairMixer(patterns, u).labels(pairs)
    outputs = []
    for source in (patterns, in_file(kind, patterns, tmp_path)):
        net = DiffractionOrientationRegressor(
            mixer=PairMixer(source), filters=(8,), max_epochs=2, random_state=0
        )
        outputs.append(net.fit(pairs, y).predict(pairs))
    assert np.array_equal(*outputs)


def test_labels_follow_the_columns() -> None:
    u = np.random.default_rng(0).normal(size=(12, 3))
    mixer = PairMixer(singles(), u)
    y = mixer.labels([[4, 7]])
    assert np.array_equal(y, np.concatenate([u[4], u[7]])[None])
    with pytest.raises(ValueError, match="without directions"):
        PairMixer(singles()).labels([[0, 1]])


def test_random_weights_belong_to_the_row() -> None:
    mixer = PairMixer(singles(50), weights="random", min_weight=0.2)
    pairs = all_pairs(50)
    weights = mixer.factors(pairs)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert weights.min() >= 0.2 - 1e-6
    # Uniform in [0.2, 0.8]: standard deviation 0.6 / sqrt(12).
    assert abs(weights[:, 0].mean() - 0.5) < 0.02
    assert abs(weights[:, 0].std() - 0.6 / 12**0.5) < 0.01
    # Independent of the other rows and of the order of columns.
    assert np.array_equal(mixer.factors(pairs[[7, 3]]), weights[[7, 3]])
    assert np.array_equal(mixer.factors(pairs[:, ::-1]), weights[:, ::-1])
    assert np.array_equal(mixer(pairs[:, ::-1]), mixer(pairs))
    other = PairMixer(singles(50), weights="random", seed=1).factors(pairs)
    assert abs(np.corrcoef(other[:, 0], weights[:, 0])[0, 1]) < 0.1


def test_all_pairs_of_the_thesis() -> None:
    pairs = all_pairs(1000)
    assert pairs.shape == (499_500, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs @ [1000, 1])) == 499_500
    with pytest.raises(ValueError, match="two patterns"):
        all_pairs(1)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([[0, 12]], r"0 to 11; got 12 at \(0, 1\)"),
        ([[0, 1], [-1, 3]], r"got -1 at \(1, 0\)"),
        ([[0, 1.5]], r"got 1.5"),
        ([[0, np.nan]], r"got nan"),
        ([[0, 1, 2]], "3 columns, but there are 2"),
        ([0, 1], "shape"),
        ([["a", "b"]], "indices"),
    ],
)
def test_bad_pairs_are_refused(pairs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairMixer(singles())(pairs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patterns": np.zeros((3, 4))}, "shape"),
        ({"patterns": np.zeros((0, 4, 4))}, "empty"),
        ({"patterns": np.full((2, 3, 3), "a")}, "real numbers"),
        ({"weights": (0.0, 0.0)}, "weights"),
        ({"weights": (0.5, np.nan)}, "weights"),
        ({"weights": (-1.0, 2.0)}, "weights"),
        ({"weights": "all"}, "weights"),
        ({"directions": np.zeros((5, 3))}, "directions"),
        ({"min_weight": 2.0}, "min_weight"),
        ({"weights": (1e300, 1.0)}, "weights"),
        ({"laue_group": "5/m"}, "laue_group"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairMixer(**{"patterns": singles(), **arguments})


def test_a_pattern_that_is_not_finite_is_found() -> None:
    patterns = singles(dtype=np.float32)
    patterns[4, 2, 2] = np.nan
    mixer = PairMixer(patterns)
    assert np.isfinite(mixer([[0, 1]])).all()
    with pytest.raises(ValueError, match=r"pair \[3, 4\]"):
        mixer([[0, 1], [3, 4]])


def test_cloning_shares_the_patterns() -> None:
    mixer = PairMixer(singles())
    net = DiffractionOrientationRegressor(mixer=mixer)
    assert clone(net).mixer is mixer


@pytest.mark.parametrize("value", [1e300, 3e38])
def test_what_float32_cannot_hold_is_refused(value: float) -> None:
    patterns = singles(dtype=np.float64)
    patterns[4, 2, 2] = value
    # Warnings are errors here: the cast and the sum must not warn first.
    with pytest.raises(ValueError, match=r"pair \[3, 4\]"):
        PairMixer(patterns, weights=(1.0, 4.0))([[0, 1], [3, 4]])
    if value > 1e39:
        with pytest.raises(ValueError, match="Pattern 4"):
            PairMixer(patterns).read([1, 4])


def test_weights_may_be_an_array() -> None:
    patterns = singles()
    given = np.array([0.25, 0.75])
    mixer = PairMixer(patterns, weights=given)
    given[:] = 9
    assert mixer.weights == (0.25, 0.75)
    expected = PairMixer(patterns, weights=(0.25, 0.75))([[0, 1]])
    assert np.array_equal(mixer([[0, 1]]), expected)


@pytest.mark.parametrize("name", ["x.h5", "x.npz", "x.zarr", "x.npy"])
def test_paths_of_other_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "x.npz":
        np.savez(path, patterns=singles())
    elif name == "x.zarr":
        path.mkdir()
    elif name == "x.npy":
        np.save(path, np.array([[[None]]]), allow_pickle=True)
    else:
        path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    for given in (path, str(path)):
        found = r"of a \.npy file.*h5py\.File|no zarr array"
        with pytest.raises(ValueError, match=found):
            PairMixer(given)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([-1], "0 to 11; got -1 at 0"),
        ([3, 12], "got 12 at 1"),
        ([0.5], "got 0.5"),
        ([[0, 1]], "shape"),
        ([True, False], "bool"),
    ],
)
def test_singles_that_are_not_there_are_not_read(indices: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairMixer(singles()).read(indices)
