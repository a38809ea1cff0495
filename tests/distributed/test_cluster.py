"""Searches and studies on two worker processes give what one process gives."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skastro.datasets import make_xray_sources
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier
from skastro.utils import LazyRows, on_cluster
from skastro.xray import xray_pipeline

pytest.importorskip("distributed")

NET = DenseClassifier(hidden_layer_sizes=(4,), max_epochs=2, random_state=0)
N_BIG = 10_000  # with so many, targets and indices are data that are sent once


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, np.ndarray, str]:
    X = np.random.default_rng(0).normal(10, 1, (60, 12, 12))
    y = np.arange(60) % 2
    X[y == 1, 4:8, 4:8] += 2
    path = str(tmp_path_factory.mktemp("cutouts") / "cutouts.npy")
    np.save(path, X)
    return X, y, path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, np.ndarray, str]:
    X = np.random.default_rng(1).normal(size=(N_BIG, 5))
    y = (X[:, 0] > 0).astype(np.int64)
    path = str(tmp_path_factory.mktemp("table") / "table.npy")
    np.save(path, X)
    return X, y, path


def assert_same_search(one: GridSearchCV, two: GridSearchCV) -> None:
    names = [n for n in one.cv_results_ if "score" in n and "time" not in n]
    assert any(name.startswith("split") for name in names)
    for name in names:
        assert np.array_equal(one.cv_results_[name], two.cv_results_[name]), name
    assert one.best_params_ == two.best_params_


def assert_same_study(one: Any, two: Any) -> None:
    assert np.array_equal(one._values, two._values)
    assert one.split_digests == two.split_digests


def test_search_of_images_in_a_file(client: Any, cutouts: Any) -> None:
    X, y, path = cutouts
    pipe = make_pipeline(
        CutoutNormalizer(), GalaxyCNNClassifier(max_epochs=2, random_state=0)
    )
    grid = {"galaxycnnclassifier__learning_rate_init": [1e-3, 1e-2]}
    serial = GridSearchCV(pipe, grid, cv=2).fit(X, y)
    with on_cluster(client):
        far = GridSearchCV(pipe, grid, cv=2).fit(LazyRows(path), y)
    assert_same_search(serial, far)
    assert np.array_equal(serial.predict_proba(X), far.predict_proba(X))


def test_nets_are_trained_on_one_thread(client: Any, far: ModuleType) -> None:
    assert set(client.run(far.threads).values()) == {(1, "1")}


def test_cross_validation_of_a_table(client: Any, table: Any) -> None:
    X, y, path = table
    settings: dict[str, Any] = {"cv": 3, "return_train_score": True}
    serial = cross_validate(NET, X, y, **settings)
    with on_cluster(client):
        for data in (X, np.load(path, mmap_mode="r"), LazyRows(path)):
            far = cross_validate(NET, data, y, **settings)
            for name in ("train_score", "test_score"):
                assert np.array_equal(serial[name], far[name])


def test_zarr(client: Any, table: Any, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    X, y, _ = table
    array = zarr.open_array(
        str(tmp_path / "x.zarr"), mode="w", shape=X.shape, chunks=(500, 5), dtype="f8"
    )
    array[:] = X
    rows = LazyRows(tmp_path / "x.zarr")[::20]
    serial = cross_validate(NET, X[::20], y[::20], cv=2)
    with on_cluster(client):
        far = cross_validate(NET, rows, y[::20], cv=2)
    assert np.array_equal(serial["test_score"], far["test_score"])


def test_catalogue_of_sources(client: Any) -> None:
    X, y = make_xray_sources(400, return_X_y=True, as_frame=True, random_state=0)
    common = y.isin(y.value_counts().index[:3])
    X, y = X[common], y[common]
    pipe = xray_pipeline(X, "study", random_state=0)
    serial = cross_validate(pipe, X, y, cv=2, scoring="f1_macro")
    with on_cluster(client):
        far = cross_validate(pipe, X, y, cv=2, scoring="f1_macro")
    assert np.array_equal(serial["test_score"], far["test_score"])


def test_study_and_its_resumption(client: Any, table: Any, tmp_path: Path) -> None:
    X, y, path = table
    settings: dict[str, Any] = {"random_state": 0, "verbose": 0, "engine": "processes"}
    serial = repeated_holdout(
        NET, X, y, n_repeats=4, **{**settings, "engine": "sequential"}
    )
    settings["checkpoint"] = tmp_path / "study"
    with on_cluster(client):
        first = repeated_holdout(NET, LazyRows(path), y, n_repeats=2, **settings)
        stored = sorted((tmp_path / "study").rglob("repeat_*"))
        times = [file.stat().st_mtime_ns for file in stored]
        whole = repeated_holdout(NET, LazyRows(path), y, n_repeats=4, **settings)
    assert first.engine == whole.engine == "processes"
    assert np.array_equal(serial._values[:2], first._values)
    assert_same_study(serial, whole)
    # The stored ones were not run again; on one machine the rest goes on as well.
    assert len(stored) == 2
    assert [file.stat().st_mtime_ns for file in stored] == times
    assert_same_study(serial, repeated_holdout(NET, X, y, n_repeats=4, **settings))


def test_an_error_of_a_task_comes_back(client: Any, cutouts: Any) -> None:
    _, y, path = cutouts
    broken = np.load(path)
    broken[7, 3, 2] = np.nan
    net = GalaxyCNNClassifier(max_epochs=1, random_state=0)
    with on_cluster(client):
        with pytest.raises(ValueError, match="NaN: 1 of") as caught:
            repeated_holdout(net, broken, y, n_repeats=2, random_state=0, verbose=0)
        assert "repeat" in "".join(caught.value.__notes__)
        # The cluster is as good as before.
        assert joblib.Parallel()(joblib.delayed(abs)(-i) for i in range(9)) == [
            *range(9)
        ]


def test_tasks_cannot_change_what_they_share(client: Any, far: ModuleType) -> None:
    X = np.ones(N_BIG)
    table = pd.DataFrame({"a": X.copy()})
    matrix = sparse.csr_array(np.ones((N_BIG, 1)))
    # More than once: a worker makes the data, or gets them from the other one.
    with on_cluster(client):
        for _ in range(6):
            with pytest.raises(ValueError, match="read-only"):
                joblib.Parallel()(joblib.delayed(far.write_into)(X) for _ in range(2))
            for data in (table, matrix):
                sums = joblib.Parallel()(
                    joblib.delayed(far.sum_and_spoil)(data) for _ in range(4)
                )
                assert sums == [N_BIG] * 4


def test_arguments_of_all_kinds(client: Any, far: ModuleType) -> None:
    frame = pd.DataFrame({"a": range(N_BIG)})
    calls = [(np.arange(3),), (np.arange(N_BIG),), ([1, 2],), (frame.to_numpy(),)]
    with on_cluster(client):
        kinds = joblib.Parallel()(
            joblib.delayed(far.kind_of)({"X": X[0]}) for X in calls
        )
        twice = joblib.Parallel(return_as="generator_unordered")(
            joblib.delayed(len)(frame) for _ in range(3)
        )
        assert list(twice) == [N_BIG] * 3
    assert kinds == [
        "ndarray (3,) ",
        f"ndarray ({N_BIG},) 7",
        "list 2 ",
        f"ndarray ({N_BIG}, 1) [7]",
    ]


def deadly_pipe(far: ModuleType, marker: Path) -> Pipeline:
    """Kill the first process that fits it, unless the marker is there."""
    deadly = FunctionTransformer(far.die_once, kw_args={"marker": str(marker)})
    return Pipeline([("deadly", deadly), ("net", NET)])


def test_a_killed_worker_costs_time_only(
    client: Any, table: Any, far: ModuleType, tmp_path: Path
) -> None:
    # Data in memory: what a worker held is lost with it.
    X, y, _ = table
    marker = tmp_path / "killed"
    marker.touch()  # the serial one lives
    pipe = deadly_pipe(far, marker)
    grid = {"net__alpha": [0.0, 0.1]}
    serial = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    marker.unlink()
    before = client.run(os.getpid)
    with on_cluster(client):
        search = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    assert marker.exists()
    assert set(client.run(os.getpid).values()) != set(before.values())
    assert_same_search(serial, search)


@pytest.mark.stress
def test_workers_are_killed_and_come_back(
    client: Any, table: Any, far: ModuleType, tmp_path: Path
) -> None:
    X, y, path = table
    client.wait_for_workers(2, timeout=300)
    marker = tmp_path / "killed"
    marker.touch()
    pipe = deadly_pipe(far, marker)
    grid = {"net__alpha": [0.0, 0.1]}
    serial = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    study: dict[str, Any] = {"n_repeats": 3, "random_state": 0, "verbose": 0}
    alone = repeated_holdout(pipe, X, y, engine="sequential", **study)
    study["engine"] = "processes"
    for number in range(6):
        marker.unlink()
        before = set(client.run(os.getpid).values())
        data = [X, LazyRows(path)][number % 2]
        with on_cluster(client):
            if number < 3:
                assert_same_search(serial, GridSearchCV(pipe, grid, cv=3).fit(data, y))
            else:
                there = repeated_holdout(
                    pipe, data, y, checkpoint=tmp_path / str(number), **study
                )
                assert_same_study(alone, there)
        assert marker.exists()
        client.wait_for_workers(2, timeout=300)
        after = set(client.run(os.getpid).values())
        assert len(after) == 2
        assert len(after & before) == 1


@pytest.mark.stress
def test_a_task_that_kills_every_worker_is_given_up(
    client: Any, table: Any, far: ModuleType
) -> None:
    from distributed import KilledWorker

    X, y, _ = table
    pipe = make_pipeline(FunctionTransformer(far.die), NET)
    with on_cluster(client), pytest.raises(KilledWorker, match="Attempted to run"):
        repeated_holdout(pipe, X, y, n_repeats=1, engine="processes", verbose=0)
    client.wait_for_workers(2, timeout=300)
