"""The same bits from every way to run: jobs, backends, processes, threads, hash seeds.

What holds, with one ``random_state``: all estimators give the same bits in another
process, however it is started, with other seeds of Python's hashes, and with another
number of OpenMP threads, on one machine with the same versions. Fits within test_common
are alike on loky's and the threading backend; here are the functions that fit for you.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate

from skastro.calibration import ConformalSetClassifier, FeatureErrorEnsemble
from skastro.diffraction import DiffractionOrientationRegressor
from skastro.galaxy import GalaxyCNNClassifier
from skastro.gaps import GAPSVoxelClassifier
from skastro.model_selection import repeated_holdout
from skastro.neural_network import BaseTorchEstimator, DenseClassifier, DenseRegressor
from skastro.utils import all_estimators

_SPEC = importlib.util.spec_from_file_location(
    "skastro_model_cases", Path(__file__).with_name("model_cases.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(cases)

BACKENDS = ["loky", "threading", "multiprocessing"]
SMALL = {"max_epochs": 2, "random_state": 3}
NETS: dict[str, Any] = {
    "dense": DenseClassifier(hidden_layer_sizes=(6,), dropout=0.2, **SMALL),
    "dense regressor": DenseRegressor(hidden_layer_sizes=(6,), **SMALL),
    "galaxy": GalaxyCNNClassifier(filters=(3, 4), augment="resolution", **SMALL),
    "orientation": DiffractionOrientationRegressor(
        n_directions=0,
        filters=(4,),
        dense_layer_sizes=(5,),
        augment="rotation",
        **SMALL,
    ),
    "voxels": GAPSVoxelClassifier(
        layout="set", width=8, n_blocks=1, n_heads=2, **SMALL
    ),
}


def test_every_net_is_here() -> None:
    nets = {c for _, c in all_estimators() if issubclass(c, BaseTorchEstimator)}
    assert nets == {type(net) for net in NETS.values()}


def data(net: Any, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    X = np.abs(np.random.default_rng(0).normal(size=(n, 9, 9)))
    return X, np.arange(n) % 2 if is_classifier(net) else X[:, :3, 0]


def folds(net: Any) -> Any:
    return StratifiedKFold(2) if is_classifier(net) else 2


def validated(net: Any, n_jobs: int) -> np.ndarray:
    X, y = data(net)
    found = cross_validate(
        net, X, y, cv=folds(net), n_jobs=n_jobs, return_estimator=True
    )
    method = "predict_proba" if is_classifier(net) else "predict"
    said = [getattr(e, method)(X).ravel() for e in found["estimator"]]
    return np.concatenate([found["test_score"], *said])


def searched(net: Any, n_jobs: int) -> np.ndarray:
    X, y = data(net)
    grid = {"learning_rate_init": [0.001, 0.03]}
    search = GridSearchCV(net, grid, cv=folds(net), n_jobs=n_jobs).fit(X, y)
    table = search.cv_results_
    scores = [table[f"split{i}_test_score"] for i in range(2)]
    return np.concatenate([*scores, search.predict(X).astype(float).ravel()])


def studied(net: Any, n_jobs: int) -> np.ndarray:
    X, y = data(net)
    engine = "processes" if n_jobs > 1 else "sequential"
    settings = {"n_repeats": 3, "verbose": 0, "random_state": 0}
    study = repeated_holdout(net, X, y, engine=engine, n_jobs=n_jobs, **settings)
    return np.array(study.history["value"], dtype=float)


WAYS: dict[str, Callable[[Any, int], np.ndarray]] = {
    "cross_validate": validated,
    "GridSearchCV": searched,
    "repeated_holdout": studied,
}
ALL = [(way, net) for way in WAYS for net in NETS]
# One for every way, every net and every backend at least.
FEW = [
    ("cross_validate", "galaxy", "loky"),
    ("cross_validate", "dense regressor", "multiprocessing"),
    ("GridSearchCV", "dense", "threading"),
    ("GridSearchCV", "voxels", "loky"),
    ("repeated_holdout", "orientation", "multiprocessing"),
    ("repeated_holdout", "dense", "loky"),
    ("repeated_holdout", "voxels", "threading"),
]


def same_bits(way: str, name: str, backend: str) -> None:
    net = NETS[name]
    expected = WAYS[way](clone(net), 1)
    with joblib.parallel_config(backend=backend):
        found = WAYS[way](clone(net), 2)
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("way", "name", "backend"), FEW)
def test_two_jobs_give_the_bits_of_one(way: str, name: str, backend: str) -> None:
    same_bits(way, name, backend)


@pytest.mark.stress
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("way", "name"), ALL)
def test_every_way_on_every_backend(way: str, name: str, backend: str) -> None:
    same_bits(way, name, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_meta_estimators_with_jobs_of_their_own(backend: str) -> None:
    for name in ("ConformalSetClassifier", "FeatureErrorEnsemble", "MacroF1Classifier"):
        estimator, make = cases.CASES[name]
        assert isinstance(estimator, ConformalSetClassifier | FeatureErrorEnsemble) or (
            "n_jobs" in estimator.get_params()
        )
        X, y = make()
        expected = clone(estimator).set_params(n_jobs=1).fit(X, y).predict_proba(X)
        with joblib.parallel_config(backend=backend):
            found = clone(estimator).set_params(n_jobs=2).fit(X, y).predict_proba(X)
        assert found.tobytes() == expected.tobytes(), name


# --- other processes ---------------------------------------------------------------


def in_a_new_process(names: list[str], **environment: str) -> dict[str, str]:
    """Give digests that another interpreter computed."""
    program = Path(__file__).with_name("model_cases.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program, *names],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


QUICK = [n for n in cases.CASES if n != "CalibratedEnsembleClassifier"]


def test_a_new_interpreter_gives_the_same_bits() -> None:
    """With another seed of the hashes, and two threads instead of one."""
    found = in_a_new_process(QUICK, PYTHONHASHSEED="77", OMP_NUM_THREADS="2")
    assert found == {name: cases.digest(name) for name in QUICK}


@pytest.mark.stress
def test_many_interpreters_give_the_same_bits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = list(cases.CASES)
    expected = in_a_new_process(names, PYTHONHASHSEED="0", OMP_NUM_THREADS="1")
    matrix = [(s, t) for s in ("1", "12345", "random") for t in ("1", "2", "4")]
    for seed, threads in matrix:
        found = in_a_new_process(names, PYTHONHASHSEED=seed, OMP_NUM_THREADS=threads)
        assert found == expected, (seed, threads)
    with capsys.disabled():
        print(
            f"\n{len(names)} estimators in {len(matrix) + 1} interpreters with 4 seeds "
            "of the hashes and 1, 2 and 4 threads: the same bits"
        )


def _digest_into(names: list[str], out: Any) -> None:
    out.put({name: cases.digest(name) for name in names})


@pytest.mark.stress
@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_started_by_fork_or_spawn(capsys: pytest.CaptureFixture[str]) -> None:
    """`spawn` and `forkserver` are new interpreters; `fork` is a copy of this one."""
    # Nothing that started OpenMP's threads before may be copied.
    names = [n for n in QUICK if n not in ("GAPSVoxelClassifier",)]
    expected = in_a_new_process(names)
    context = multiprocessing.get_context("fork")
    out = context.Queue()
    child = context.Process(target=_digest_into, args=(names, out))
    child.start()
    found = out.get(timeout=300)
    child.join()
    assert found == expected
    with capsys.disabled():
        print(f"\n{len(names)} estimators in a fork and in a new interpreter: the same")
