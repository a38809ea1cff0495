"""Lazy rows are to scikit-learn and to this package what the array itself is."""

from __future__ import annotations

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing, shuffle

from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier, ResolutionDegrader
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier, DenseRegressor
from skastro.utils import LazyRows, map_transformer
from skastro.utils._row_store import RowStore

N = 12
VALUES = np.arange(N * 6, dtype=np.float64).reshape(N, 2, 3)


@pytest.fixture
def path(tmp_path: Path) -> str:
    np.save(tmp_path / "x.npy", VALUES)
    return str(tmp_path / "x.npy")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Any, str]:
    X = np.random.default_rng(0).normal(20, 2, (60, 12, 12)).astype(np.float32)
    y = np.arange(60) % 2
    X[y == 1, 4:8, 4:8] += 4
    path = str(tmp_path_factory.mktemp("images") / "images.npy")
    np.save(path, X)
    return X, y, path


@pytest.fixture
def largest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the rows of every reading, in blocks that are small."""
    counts = [0]
    read = RowStore.read

    def reading(self: RowStore, rows: Any) -> np.ndarray:
        values = read(self, rows)
        counts.append(len(values))
        return values

    monkeypatch.setattr(RowStore, "read", reading)
    monkeypatch.setattr("skastro.utils._lazy_rows._BLOCK_VALUES", 8 * 144)
    monkeypatch.setattr("skastro.utils._validation._CHUNK_VALUES", 8 * 144)
    return counts


def keys() -> st.SearchStrategy[Any]:
    some = st.integers(-N, N - 1)
    ends = st.none() | st.integers(-2 * N, 2 * N)
    steps = st.none() | st.integers(-4, 4).filter(bool)
    types = st.sampled_from(["int8", "uint8", "int32", "int64", "uint64"])
    unsigned = st.lists(st.integers(0, N - 1))
    return st.one_of(
        st.lists(some),
        st.builds(np.array, unsigned, types),
        st.lists(some).map(lambda k: np.array(k, np.int8)),
        st.builds(slice, ends, ends, steps),
        st.lists(st.booleans(), min_size=N, max_size=N).map(np.array),
        st.lists(some).map(lambda k: (np.array(k, np.int64), Ellipsis)),
        st.lists(some).map(lambda k: (k, slice(None))),
        st.just(Ellipsis),
        st.just((slice(1, 5), slice(None), slice(None))),
    )


def as_numpy(key: Any) -> Any:
    """Empty lists are floating to NumPy."""
    if isinstance(key, tuple):
        return tuple(as_numpy(part) for part in key)
    if isinstance(key, list) or (isinstance(key, np.ndarray) and not key.size):
        return np.asarray(key, dtype=np.int64)
    return key


@settings(deadline=None, max_examples=150)
@given(key=keys(), more=st.data())
def test_rows_are_chosen_as_numpy_does(key: Any, more: Any) -> None:
    rows, expected = LazyRows(VALUES)[key], VALUES[as_numpy(key)]
    assert isinstance(rows, LazyRows)
    assert rows.shape == expected.shape
    assert np.array_equal(np.asarray(rows), expected)
    # And of these again.
    n = len(expected)
    mask = more.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    step = more.draw(st.sampled_from([1, 2, -1, -3]))
    mask_array = np.array(mask, dtype=bool)
    assert np.array_equal(np.asarray(rows[mask_array]), expected[mask_array])
    assert np.array_equal(np.asarray(rows[::step]), expected[::step])
    if n:
        place = more.draw(st.integers(-n, n - 1))
        assert np.array_equal(rows[place], expected[place])
        assert np.array_equal(rows[np.int8(place)], expected[place])
        assert np.array_equal(np.asarray(LazyRows(rows, [place])), expected[[place]])


def test_many_rows_by_small_integers() -> None:
    X = np.arange(1000.0).reshape(500, 2)
    index = np.array([-1, -128, 127, 0], dtype=np.int8)
    assert np.array_equal(np.asarray(LazyRows(X)[index]), X[index])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (N, "go from 12 to 12"),
        (-N - 1, "go from -13"),
        ([0, 99], "go from 0 to 99"),
        (np.array([2**63], dtype=np.uint64), "There are 12 rows"),
        ([0.5], "integers, got float64"),
        (["a"], "integers"),
        ([True, False], "mask for 12 rows has 2"),
        ([[0, 1]], "one axis"),
        (True, "one axis"),
        (None, "one axis|integers"),
        ((0, 1), "only rows can be chosen"),
        ((slice(None), slice(0, 1)), "only rows"),
    ],
)
def test_rows_that_are_not_there(key: Any, message: str) -> None:
    with pytest.raises(IndexError, match=message):
        LazyRows(VALUES)[key]


def test_form_and_words(path: str) -> None:
    rows = LazyRows(path)
    assert repr(rows[:3]) == "LazyRows(3 of 12 rows of (2, 3), float64, from a file)"
    assert (rows.shape, rows.ndim, rows.size, rows.nbytes) == ((12, 2, 3), 3, 72, 576)
    assert len(rows) == 12
    assert "memory" in repr(LazyRows(VALUES))
    assert "1 steps" in repr(rows.astype("f4"))
    assert np.array_equal(np.stack(list(rows[4:])), VALUES[4:])
    assert rows[3].shape == (2, 3)
    # What is sent is the place and the indices, unless the values are in memory.
    assert sys.getsizeof(rows) < 500
    assert sys.getsizeof(rows[np.arange(1000) % 12]) > 8000
    assert sys.getsizeof(LazyRows(np.ones((1000, 2)))) > 16000


def test_to_arrays(path: str) -> None:
    rows = LazyRows(path)[::-1]
    assert np.array_equal(np.asarray(rows), VALUES[::-1])
    assert np.asarray(rows, dtype=np.float32).dtype == np.float32
    loaded = np.array(rows)
    loaded[0] = 9  # nobody else's
    assert np.array_equal(rows, VALUES[::-1])
    with pytest.raises(ValueError, match="makes a copy"):
        np.asarray(rows, copy=False)
    empty = np.asarray(rows[:0])
    assert empty.shape == (0, 2, 3)


def test_blocks(path: str) -> None:
    rows = LazyRows(path)[[5, 1, 7, 7, 0]]
    parts = list(rows.blocks(2))
    assert [part for part, _ in parts] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert np.array_equal(np.concatenate([b for _, b in parts]), np.asarray(rows))
    assert list(rows[:0].blocks()) == []
    assert len(list(rows.blocks())) == 1


def test_steps(path: str) -> None:
    rows = LazyRows(path)
    made = rows.astype("f4").reshape(-1, 6).map(np.sqrt)[[3, 1]]
    assert made.dtype == np.float32
    expected = np.sqrt(VALUES.astype("f4").reshape(12, 6))[[3, 1]]
    assert np.array_equal(made, expected)
    assert np.array_equal(pickle.loads(pickle.dumps(made)), expected)
    assert np.array_equal(copy.deepcopy(made), expected)
    assert rows.reshape(12, 3, -1).shape == (12, 3, 2)
    assert rows.shape == (12, 2, 3)  # unchanged
    with pytest.raises(ValueError, match="12 rows, not 6"):
        rows.reshape(6, 12)
    with pytest.raises(ValueError, match="reshape"):
        rows.reshape(-1, 5)
    with pytest.raises(ValueError, match="Of no rows"):
        rows[:0].map(np.sqrt)
    assert rows[:0].map(np.sqrt, shape=(2, 3), dtype="f8").shape == (0, 2, 3)


def test_functions_that_do_not_keep_their_word(path: str) -> None:
    rows = LazyRows(path)
    wrong = [
        rows.map(np.sqrt, shape=(2, 3), dtype="f4"),
        rows.map(np.sqrt, shape=(6,), dtype="f8"),
        rows.map(lambda block: block[:1], shape=(2, 3), dtype="f8"),
    ]
    for made in wrong:
        with pytest.raises(ValueError, match="A function of LazyRows gave") as caught:
            np.asarray(made)
        assert "block" in caught.value.__notes__[0]


def test_a_transformer_is_taken_as_it_is(images: Any) -> None:
    X, _, path = images
    degrader = ResolutionDegrader(factor=2).fit(X)
    made = map_transformer(degrader, LazyRows(path))
    expected = degrader.transform(X)
    degrader.set_params(factor=3)
    assert np.array_equal(made[10:20], expected[10:20])


def test_what_scikit_learn_does_with_rows(images: Any) -> None:
    X, y, path = images
    rows = LazyRows(path)
    for lazy, loaded in zip(
        train_test_split(rows, y, random_state=0, stratify=y),
        train_test_split(X, y, random_state=0, stratify=y),
        strict=True,
    ):
        assert np.array_equal(lazy, loaded)
    assert isinstance(train_test_split(rows, random_state=0)[0], LazyRows)
    assert isinstance(_safe_indexing(rows, np.array([1, 2])), LazyRows)
    assert np.array_equal(shuffle(rows, random_state=1), shuffle(X, random_state=1))


def pipes() -> dict[str, Any]:
    cnn = GalaxyCNNClassifier(max_epochs=1, random_state=0)
    dense = DenseClassifier(hidden_layer_sizes=(4,), max_epochs=2, random_state=0)
    return {
        "dense": dense,
        "early stopping": clone(dense).set_params(early_stopping=True),
        "cnn": cnn,
        "normalized": make_pipeline(CutoutNormalizer(), cnn),
        "degraded": make_pipeline(ResolutionDegrader(factor=2), dense),
    }


@pytest.mark.parametrize("name", pipes())
def test_the_same_bits_as_of_arrays(name: str, images: Any, largest: list[int]) -> None:
    X, y, path = images
    pipe = pipes()[name]
    loaded = pipe.fit(X, y).predict_proba(X)
    assert np.array_equal(pipe.fit(LazyRows(path), y).predict_proba(X), loaded)
    assert np.array_equal(pipe.predict_proba(LazyRows(path)), loaded)
    shuffled = np.random.default_rng(0).permutation(60)
    assert np.array_equal(
        pipe.predict_proba(LazyRows(path)[shuffled[:9]]).shape, (9, 2)
    )
    # Batches and blocks; nothing is loaded whole.
    assert 0 < max(largest) <= 32


def test_regression_and_searches(images: Any) -> None:
    X, y, path = images
    targets = X.mean(axis=(1, 2))
    net = DenseRegressor(hidden_layer_sizes=(4,), max_epochs=2, random_state=0)
    assert np.array_equal(
        cross_val_predict(net, X, targets, cv=3),
        cross_val_predict(net, LazyRows(path), targets, cv=3),
    )
    pipe = make_pipeline(CutoutNormalizer(), pipes()["dense"])
    grid = {"denseclassifier__alpha": [0.0, 1.0]}
    one, two = (
        GridSearchCV(pipe, grid, cv=2).fit(data, y) for data in (X, LazyRows(path))
    )
    for number in range(2):
        key = f"split{number}_test_score"
        assert np.array_equal(one.cv_results_[key], two.cv_results_[key])


@pytest.mark.parametrize("engine", ["sequential", "stacked"])
def test_repeated_studies(engine: str, images: Any, tmp_path: Path) -> None:
    X, y, path = images
    options: dict[str, Any] = {
        "n_repeats": 2,
        "engine": engine,
        "random_state": 0,
        "verbose": 0,
        "test_variants": {
            "1/2": ResolutionDegrader(factor=2),
            "mirrored": lambda images: images[:, :, ::-1],
        },
    }
    net = pipes()["dense"]
    first = repeated_holdout(net, X, y, checkpoint=tmp_path / "c", **options)
    lazy = repeated_holdout(net, LazyRows(path), y, **options)
    assert np.array_equal(first._values, lazy._values)
    # Where the values are does not count: the same study goes on.
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "c").rglob("repeat_*")}
    again = repeated_holdout(
        net, LazyRows(path), y, checkpoint=tmp_path / "c", **options
    )
    assert np.array_equal(first._values, again._values)
    assert {p: p.stat().st_mtime_ns for p in files} == files


def test_values_that_are_not_finite_are_named(tmp_path: Path) -> None:
    X = np.ones((300, 4, 4))
    X[257, 3, 1] = np.nan
    np.save(tmp_path / "x.npy", X)
    rows = LazyRows(tmp_path / "x.npy")
    y = np.arange(300) % 2
    net = DenseClassifier(hidden_layer_sizes=(2,), max_epochs=1)
    with pytest.raises(ValueError, match=r"NaN: 1 of 4800 .*\(257, 3, 1\)"):
        net.fit(rows, y)
    net.fit(rows[:200], y[:200])
    with pytest.raises(ValueError, match="NaN: 1 of"):
        net.predict(rows[200:])
    with pytest.raises(ValueError, match="NaN"):
        np.asarray(CutoutNormalizer().fit(rows).transform(rows))


def test_threads_may_read_at_the_same_time(path: str) -> None:
    rows = pickle.loads(pickle.dumps(LazyRows(path)))

    def read(seed: int) -> bool:
        index = np.random.default_rng(seed).integers(0, N, 50)
        return np.array_equal(np.asarray(rows[index]), VALUES[index])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))


def test_zarr_and_hdf5_in_threads(tmp_path: Path) -> None:
    h5py, zarr = pytest.importorskip("h5py"), pytest.importorskip("zarr")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = VALUES
    array = zarr.open_array(
        str(tmp_path / "x.zarr"), mode="w", shape=VALUES.shape, chunks=(5, 2, 3)
    )
    array[:] = VALUES
    for source in (h5py.File(tmp_path / "x.h5")["x"], array):
        rows = pickle.loads(pickle.dumps(LazyRows(source)[::-1]))

        def read(seed: int, rows: Any = rows) -> bool:
            index = np.random.default_rng(seed).integers(0, N, 20)
            return np.array_equal(np.asarray(rows[index]), VALUES[::-1][index])

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(read, range(40)))
