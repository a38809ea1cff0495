"""What is sent to workers, and what happens where there is no worker."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, train_test_split

from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier
from skastro.utils import LazyRows, on_cluster
from skastro.utils._dask_backend import DaskBackend

pytest.importorskip("distributed")


class Recorder:
    """A client that does the work itself, and keeps what would have been sent."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)
        self.sent: list[Any] = []
        self.bytes_of_tasks = 0
        self.cancelled: list[Any] = []

    def nthreads(self) -> dict[str, int]:
        return {"one": 2, "two": 1}

    def submit(self, function: Any, *args: Any, key: str) -> Future[Any]:
        if key.startswith("skastro-data"):
            self.sent.append(args[0])
        else:
            self.bytes_of_tasks += len(args[0])

        def run() -> Any:
            whole = [
                [part.result() for part in arg] if isinstance(arg, list) else arg
                for arg in args
            ]
            return function(*whole)

        future = self.pool.submit(run)
        future.key = key  # type: ignore[attr-defined]
        return future

    def cancel(self, futures: Any) -> None:
        self.cancelled += futures


def run_on(recorder: Recorder) -> Any:
    return joblib.parallel_config(backend=DaskBackend(recorder, 1.0))


def double(X: Any) -> Any:
    return type(X).__name__, float(np.asarray(X).sum() * 2)


@pytest.fixture
def big(tmp_path: Path) -> str:
    """A file of 200 MB that takes no place on the disk."""
    path = str(tmp_path / "big.npy")
    n = 25_000
    np.lib.format.open_memmap(path, "w+", np.float64, (n, 1000))[::97, 3] = 1.0
    return path


def test_arrays_in_files_are_not_sent(big: str) -> None:
    recorder = Recorder()
    mapped = np.load(big, mmap_mode="r")
    rows = LazyRows(big)
    assert mapped.nbytes == rows.nbytes == 200_000_000
    forms = [mapped, mapped[1000:], mapped.reshape(50_000, 500), rows, rows[:100]]
    with run_on(recorder):
        for X in forms:
            joblib.Parallel()(joblib.delayed(np.shape)(X) for _ in range(4))
        joblib.Parallel()(joblib.delayed(list)({"X": X}) for X in forms)
    assert recorder.sent == []
    assert recorder.bytes_of_tasks < 100_000


def test_a_search_sends_what_is_not_in_files_once(big: str) -> None:
    recorder = Recorder()
    y = np.arange(25_000) % 2
    X = LazyRows(big)
    X_train, _, y_train, _ = train_test_split(X, y, train_size=20_000, random_state=0)
    net = DenseClassifier(hidden_layer_sizes=(2,), max_epochs=1, batch_size=5000)
    # What fails at once: it is about what is sent.
    search = GridSearchCV(net, {"batch_size": [-1, -2, -3]}, cv=2, error_score="raise")
    with run_on(recorder), pytest.raises(ValueError, match="batch_size"):
        search.fit(X_train, y_train)
    # The rows of X that there are, y, and two pairs of rows: not the three nets' six.
    assert len(recorder.sent) <= 2 + 4
    assert isinstance(recorder.sent[0], LazyRows)
    assert max(map(np.size, recorder.sent[1:])) <= 20_000
    assert recorder.bytes_of_tasks < 50_000


def test_large_data_are_sent_once_and_small_ones_with_the_task() -> None:
    recorder = Recorder()
    large = [
        np.ones(10_000),
        np.ones((10_000, 2), order="F"),
        pd.DataFrame({"a": np.ones(10_000)}),
        pd.Series(np.ones(10_000)),
        LazyRows(np.ones((10_000, 1))),
    ]
    with run_on(recorder):
        for X in large:
            expected = double(X)
            assert (
                joblib.Parallel()(joblib.delayed(double)(X=X) for _ in range(3))
                == [expected] * 3
            )
        matrix = sparse.eye_array(10_000, format="csr")
        joblib.Parallel()(joblib.delayed(np.shape)(matrix) for _ in range(3))
        assert len(recorder.sent) == len(large) + 1
        small = [np.ones(10), "text", None, 3, RidgeClassifier(), [np.ones(9)]]
        joblib.Parallel()(joblib.delayed(str)(value) for value in small)
    assert len(recorder.sent) == len(large) + 1
    assert all(a is b for a, b in zip(recorder.sent, [*large, matrix], strict=True))


def test_another_array_in_the_same_place_is_another_one() -> None:
    recorder = Recorder()
    with run_on(recorder):
        jobs = (joblib.delayed(double)(np.full(10_000, i)) for i in range(20))
        sums = joblib.Parallel()(jobs)
    assert [total for _, total in sums] == [i * 20_000.0 for i in range(20)]


def test_studies_send_their_targets_once() -> None:
    recorder = Recorder()
    X = np.random.default_rng(0).normal(size=(20_000, 3))
    y = (X[:, 0] > 0).astype(int)
    groups = np.arange(20_000) // 4
    settings: dict[str, Any] = {"n_repeats": 4, "random_state": 0, "verbose": 0}
    with run_on(recorder):
        one = repeated_holdout(RidgeClassifier(), X, y, groups=groups, **settings)
    assert one.engine == "processes"
    assert len(recorder.sent) == 3  # X, y and the groups
    assert recorder.bytes_of_tasks < 100_000
    two = repeated_holdout(
        RidgeClassifier(), X, y, groups=groups, engine="sequential", **settings
    )
    assert np.array_equal(one._values, two._values)


def test_a_file_that_is_another_one_there(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.ones((10_000, 2)))
    recorder = Recorder()
    backend = DaskBackend(recorder, 1.0)
    place = backend._argument(np.load(path, mmap_mode="r"), [])
    assert np.array_equal(place.open(), np.ones((10_000, 2)))
    np.save(path, np.zeros((10_000, 2)))
    with pytest.raises(OSError, match="another file here"):
        place.open()
    path.unlink()
    with pytest.raises(OSError, match="the same on all workers"):
        place.open()


def test_number_of_jobs() -> None:
    backend = DaskBackend(Recorder(), 1.0)
    wanted = [None, -1, -2, -9, 1, 2, 7]
    assert [backend.effective_n_jobs(n) for n in wanted] == [3, 3, 2, 1, 1, 2, 7]
    with pytest.raises(ValueError, match="n_jobs == 0"):
        backend.effective_n_jobs(0)
    with joblib.parallel_config(backend=backend):
        assert joblib.effective_n_jobs(-1) == 3


def test_after_an_error_the_rest_is_taken_back() -> None:
    recorder = Recorder()
    with run_on(recorder), pytest.raises(ZeroDivisionError):
        joblib.Parallel()(joblib.delayed(divmod)(1, i) for i in range(99))
    assert recorder.bytes_of_tasks < 99 * 500


def test_in_one_process() -> None:
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
    )
    X = np.ones(10_000)
    before = os.getcwd(), sorted(os.listdir())
    with cluster, Client(cluster) as client, on_cluster(client):
        jobs = (joblib.delayed(double)(X) for _ in range(5))
        assert joblib.Parallel()(jobs) == [("ndarray", 20_000.0)] * 5
        # A task's own calls run in it.
        inner = joblib.delayed(_inner)
        assert joblib.Parallel()(inner(i) for i in range(3)) == [[0, 1], [0, 1], [0, 1]]
    X[0] = 2  # what was sent can be written again
    assert (os.getcwd(), sorted(os.listdir())) == before


def _inner(_: int) -> list[int]:
    return list(joblib.Parallel(n_jobs=2)(joblib.delayed(int)(i) for i in range(2)))


def test_without_workers() -> None:
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=0, processes=False, dashboard_address=":0")
    jobs = [joblib.delayed(abs)(i) for i in range(2)]
    expected = pytest.raises(TimeoutError, match=r"no worker within 0\.2 s")
    with cluster, Client(cluster) as client, on_cluster(client, timeout=0.2), expected:
        joblib.Parallel()(jobs)


def test_not_a_client() -> None:
    with pytest.raises(TypeError, match="got str"), on_cluster("tcp://somewhere:8786"):
        pass
