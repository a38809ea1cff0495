"""Every writer of the library as a small job with a check of what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@cache
def _events() -> Any:
    from skastro.gaps import VoxelEvents

    rng = np.random.default_rng(0)
    n = 60_000
    event = np.sort(rng.integers(0, 3000, n))
    truth = pd.DataFrame({"beta": rng.random(3000)})
    voxel = rng.integers(0, 1440, n)
    order = np.lexsort([voxel, event])
    event, voxel = event[order], voxel[order]
    first = np.r_[True, (np.diff(event) != 0) | (np.diff(voxel) != 0)]
    energy = rng.random(first.sum())
    return VoxelEvents(event[first], voxel[first], energy, 3000, truth=truth)


def _write_events(path: Path) -> None:
    from skastro.gaps import write_voxel_events

    write_voxel_events(_events(), path, overwrite=True)


@cache
def _map() -> Any:
    from skastro.diffraction import Crystal

    u = np.random.default_rng(0).normal(size=(60, 60, 4))
    return u / np.linalg.norm(u, axis=-1, keepdims=True), Crystal.from_name("silver")


def _write_map(kind: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from scipy.spatial.transform import Rotation

        from skastro import diffraction

        quaternions, crystal = _map()
        rotations = Rotation.from_quat(quaternions.reshape(-1, 4))
        function = getattr(diffraction, f"write_{kind}")
        function(path, rotations, scan_shape=(60, 60), step=5.0, phases=[crystal])

    return write


@cache
def _classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=4000), "source_id": np.arange(4000)})
    return LogisticRegression().fit(X[["a"]], X["a"] > 0), X


def _classify(path: Path) -> None:
    from skastro.xray import classify_catalogue

    model, X = _classifier()
    classify_catalogue(model, X, keep=["source_id"], chunksize=1000, output=path)


@cache
def _model() -> Any:
    from skastro.neural_network import DenseClassifier

    X, y = np.random.default_rng(0).normal(size=(30, 40)), np.arange(30) % 2
    net = DenseClassifier(hidden_layer_sizes=(200,), max_epochs=1, random_state=0)
    return net.fit(X, y)


def _save(path: Path) -> None:
    from skastro.utils import save_model

    save_model(_model(), path, overwrite=True)


def _record(path: Path) -> None:
    from skastro.utils._hash_record import write_atomically

    write_atomically(path, bytes(range(256)) * 400)


def _checkpoint(path: Path) -> None:
    from skastro.model_selection._study.durable import write_file

    write_file(path, bytes(range(256)) * 400)


def _same_events(path: Path) -> bool:
    from skastro.gaps import read_voxel_events

    found = read_voxel_events(path)
    return np.array_equal(found.energy, _events().energy) and len(found) == 3000


def _same_model(path: Path) -> bool:
    from skastro.utils import load_model

    X = np.ones((2, 40))
    found = load_model(path).predict_proba(X)
    return np.array_equal(found, _model().predict_proba(X))


# The jobs, each with the file of the library that writes.
WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "events.npz": ("gaps/_event_npz.py", _write_events),
    "events.h5": ("gaps/_event_hdf5.py", _write_events),
    "events.root": ("gaps/_event_root.py", _write_events),
    "map.ang": ("diffraction/_orientation_table.py", _write_map("ang")),
    "map.ctf": ("diffraction/_orientation_table.py", _write_map("ctf")),
    "classes.csv": ("xray/_chunks.py", _classify),
    "classes.csv.gz": ("xray/_chunks.py", _classify),
    "model.skops": ("utils/_model_files.py", _save),
    "table.sha256.json": ("utils/_hash_record.py", _record),
}
# The others, with where they are tested or why they need not be.
GEANT4 = "test_full_disk.py, in a folder for temporary files"
ELSEWHERE = {
    "datasets/_galaxy_zoo_jpeg.py": "bytes in memory, and _hash_record.py",
    "diffraction/_write_ang.py": "text in memory, and _orientation_table.py",
    "diffraction/_write_ctf.py": "text in memory, and _orientation_table.py",
    "gaps/_geant4_data.py": GEANT4,
    "gaps/_geant4_process.py": GEANT4,
    "gaps/_geant4_worker.py": GEANT4,
    "model_selection/_study/durable.py": "tests/model_selection/test_checkpoint.py",
    "model_selection/_study/records.py": "bytes in memory, and durable.py",
    "utils/_atomic.py": "what the jobs write with",
    "utils/_fetch.py": "test_downloads.py",
    "utils/_http.py": "test_downloads.py",
}


def make(name: str, folder: Path) -> Path:
    """Write the file of a writer."""
    path = folder / name
    WRITERS[name][1](path)
    return path


def is_whole(path: Path, expected: bytes) -> bool:
    """Tell whether a file is what its writer writes."""
    if path.name.startswith("events"):
        return _same_events(path)
    if path.name.startswith("model"):
        return _same_model(path)
    return path.read_bytes() == expected
