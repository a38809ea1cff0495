"""What the children of the kill server do: small studies whose writing is large."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
from kill_server import log_start
from sklearn.base import BaseEstimator, ClassifierMixin

from skastro.model_selection import repeated_holdout
from skastro.model_selection._study import durable, stacked
from skastro.neural_network import DenseClassifier

N_CLASSES = 100


class NoisyCentroids(ClassifierMixin, BaseEstimator):
    """Quick to train, different with every seed, and says when it starts.

    Parameters
    ----------
    max_epochs : int, default=3
        Epochs; the noise on the centroids shrinks with each.
    random_state : int, default=None
        Of the noise.
    """

    def __init__(self, *, max_epochs: int = 3, random_state: int | None = None) -> None:
        self.max_epochs = max_epochs
        self.random_state = random_state

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        if not hasattr(self, "epoch_"):
            log_start(int(self.random_state or 0))
            self.epoch_, self.classes_ = 0, np.asarray(classes)
        self.epoch_ += 1
        draw = np.random.default_rng([int(self.random_state or 0), self.epoch_])
        total = np.zeros((len(self.classes_), X.shape[1]))
        np.add.at(total, y, X)
        means = total / np.bincount(y)[:, None]
        self.centroids_ = means + draw.normal(size=means.shape) / self.epoch_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        far = np.square(X[:, None] - self.centroids_).sum(axis=2)
        weights = np.exp(far.min(axis=1, keepdims=True) - far)
        return weights / weights.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        far = np.square(X[:, None] - self.centroids_).sum(axis=2)
        return self.classes_[far.argmin(axis=1)]


def make_data() -> tuple[np.ndarray, np.ndarray]:
    """Give many classes, so that the confusion matrices are large on disk."""
    y = np.repeat(np.arange(N_CLASSES), 8)
    draw = np.random.default_rng(0)
    places = np.stack([y % 9, y // 9], axis=1)
    return places + draw.normal(scale=0.4, size=places.shape), y


class LoggedStack(stacked.StackedNets):
    """Says of each net when it starts."""

    def __init__(self, estimators: Any, *rest: Any, **settings: Any) -> None:
        for estimator in estimators:
            log_start(estimator.random_state)
        super().__init__(estimators, *rest, **settings)


def run_job(job: dict[str, Any]) -> None:
    """Run a study and write down what it gave.

    ``folder`` is the checkpoint, ``log`` the file for the starts, ``out`` the file for
    the result. ``fault`` says at which step of which writing to die.
    """
    engine = job.get("engine", "sequential")
    estimator: Any = NoisyCentroids()
    if engine == "stacked":
        stacked.StackedNets = LoggedStack  # type: ignore[misc]
        estimator = DenseClassifier(hidden_layer_sizes=(4,), max_epochs=3)
    if "fault" in job:
        plant_fault(*job["fault"])
    if "size_limit" in job:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job["size_limit"],) * 2)
    if "user" in job:
        os.setgid(job["user"])
        os.setuid(job["user"])
    X, y = make_data()
    with joblib.parallel_config(backend=job.get("backend", "loky")):
        result = repeated_holdout(
            estimator,
            X,
            y,
            n_repeats=job.get("n_repeats", 20),
            validation_size=0.3,
            select=job.get("select", "validation"),
            engine=engine,
            n_jobs=job.get("n_jobs"),
            checkpoint=job.get("checkpoint", job["folder"]),
            random_state=job.get("random_state", 0),
            verbose=0,
        )
    found = {"first": contents(result)}
    if result.second_set is not None:
        found["second"] = contents(result.second_set)
        found["best"] = result.best_epoch("test-mean")
    Path(job["out"]).write_bytes(pickle.dumps(found))


def contents(result: Any) -> dict[str, Any]:
    """Give all that a result holds, for a comparison bit for bit."""
    table = result.history
    return {
        **{name: np.array(table[name].tolist()) for name in table},
        "confusion": result.confusion_matrices(),
        "all_confusions": result._counts,
        "digests": np.array(result.split_digests),
        "sizes": np.stack([result.n_train, result.n_validation, result.n_test]),
    }


def plant_fault(step: str, number: int, error: int | None) -> None:
    """Die, or meet an error of the system, in a step of the writing.

    The steps of one file are "open", "half" (of the bytes), "fsync", "replace" and
    "folder". ``number`` counts files from 0; the manifest is the first.
    """
    count = -1
    real_open, real_fsync, real_replace = Path.open, os.fsync, os.replace

    def strike(here: str) -> None:
        if here == step and count == number:
            if error is None:
                os._exit(77)
            raise OSError(error, os.strerror(error))

    class Halved:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Halved:
            return self

        def __exit__(self, *details: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> None:
            if step == "half" and count == number:
                self.file.write(data[: len(data) // 2])
                self.file.flush()
            strike("half")
            self.file.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    def opened(path: Path, mode: str = "r", *rest: Any, **settings: Any) -> Any:
        nonlocal count
        if not path.name.endswith(durable.UNFINISHED):
            return real_open(path, mode, *rest, **settings)
        count += 1
        strike("open")
        return Halved(real_open(path, mode, *rest, **settings))

    def fsync(descriptor: int) -> None:
        is_folder = os.path.isdir(f"/proc/self/fd/{descriptor}")
        strike("folder" if is_folder else "fsync")
        real_fsync(descriptor)

    def replace(source: Any, target: Any) -> None:
        strike("replace")
        real_replace(source, target)

    Path.open = opened  # type: ignore[assignment,method-assign]
    os.fsync, os.replace = fsync, replace
