"""One case of ``memory.py`` in a process of its own: work, and print its peak memory.

Called as ``python _memory_worker.py CASE SAMPLES FOLDER``. The file of the cut-outs is
written by another process (the case "write"), whose memory does not count.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _mixture_worker import make_mixer, peak
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skastro.datasets import make_galaxies
from skastro.diffraction import DiffractionOrientationRegressor
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier
from skastro.utils import LazyRows

SHAPE = (5, 64, 64)
# Simulated galaxies, from which the file is made with other noise each time.
TEMPLATES = 256
# Relative brightness of the five bands.
BANDS = np.array([0.25, 0.7, 1.0, 1.1, 0.9])
# Images in a piece that is written at once, and in a chunk of zarr.
PIECE, CHUNK = 256, 8


class Steps:
    """Rows of a table: each step with its time, and the peak of the process so far."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []
        self.add("Python and libraries", 0.0)

    def add(self, name: str, seconds: float) -> None:
        """Add a step that was done."""
        row = {"step": name, "peak MiB": f"{peak():.0f}"}
        self.rows.append({**row, "s": f"{seconds:.0f}" if seconds else ""})

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Do a step."""
        start = time.perf_counter()
        result = work()
        self.add(name, time.perf_counter() - start)
        return result


def labels(n: int) -> np.ndarray:
    """Give the classes of the images in the file, by their template."""
    return np.arange(n) % TEMPLATES % 2


def write_npy(path: Path, n: int) -> None:
    """Write cut-outs in five bands: simulated galaxies, turned, with new noise."""
    X, y = make_galaxies(2 * TEMPLATES, return_X_y=True, random_state=0)
    # Every other template is of the other class, whatever the classes are called.
    first = y == np.unique(y)[0]
    half = TEMPLATES // 2
    kinds = [X[first][:half], X[~first][:half]]
    count = min(map(len, kinds))
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, "w+", np.float64, (n, *SHAPE))
    for start in range(0, n, PIECE):
        rows = np.arange(start, min(start + PIECE, n))
        images = np.stack([kinds[i % 2][i // 2 % count] for i in rows])
        images = np.rot90(images, start // PIECE % 4, axes=(1, 2))
        bands = images[:, None] * BANDS[:, None, None]
        out[rows[0] : rows[-1] + 1] = bands + rng.normal(0, 2, bands.shape)
    out.flush()


def write_zarr(path: Path, n: int) -> None:
    """Write the first cut-outs of the file again, as a zarr array."""
    import zarr

    X = np.load(path.with_name("cutouts.npy"), mmap_mode="r")
    array = zarr.create_array(
        str(path), shape=(n, *SHAPE), chunks=(CHUNK, *SHAPE), dtype=np.float64
    )
    for start in range(0, n, PIECE):
        array[start : start + PIECE] = X[start : min(start + PIECE, n)]


def mixtures(n: int) -> list[dict[str, str]]:
    """Train an epoch on mixtures of 1,000 patterns and predict them all."""
    steps = Steps()
    mixer = steps.run("1,000 single patterns, as bytes", lambda: make_mixer(1000))
    pairs = np.random.default_rng(1).integers(0, 1000, size=(n, 2))
    net = DiffractionOrientationRegressor(
        mixer=mixer, filters=(8,), batch_size=128, max_epochs=1, random_state=0
    )
    y = mixer.labels(pairs)
    steps.run(f"training, one epoch of {n:,} mixtures", lambda: net.fit(pairs, y))
    steps.run(f"prediction of {n:,} mixtures", lambda: net.predict(pairs))
    return steps.rows


def cutouts(source: Any) -> list[dict[str, str]]:
    """Train, predict and search over a file of cut-outs."""
    steps = Steps()
    X = LazyRows(source)
    n, y = len(X), labels(len(X))
    pipe = make_pipeline(
        CutoutNormalizer(),
        GalaxyCNNClassifier(max_epochs=1, batch_size=64, random_state=0),
    )
    steps.run(f"normalising and training, one epoch of {n:,}", lambda: pipe.fit(X, y))
    steps.run(f"prediction of {n:,}", lambda: pipe.predict(X))
    some = np.arange(0, n, 16)
    steps.run(
        f"GridSearchCV, 2 parameters, 2 folds of every 16th, {len(some):,} in all",
        lambda: search(pipe).fit(X[some], y[some]),
    )
    return steps.rows


def search(pipe: Pipeline) -> GridSearchCV:
    """Set up a small grid search."""
    return GridSearchCV(pipe, {"galaxycnnclassifier__alpha": [0.0, 1e-3]}, cv=2)


def main() -> None:
    """Do what the arguments say."""
    case, n, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if case == "write npy":
        write_npy(folder / "cutouts.npy", n)
    elif case == "write zarr":
        write_zarr(folder / "cutouts.zarr", n)
    elif case == "mixtures":
        print(json.dumps(mixtures(n)))
    elif case == "memmap":
        source = np.load(folder / "cutouts.npy", mmap_mode="r")
        print(json.dumps(cutouts(source[:n])))
    elif case == "zarr":
        print(json.dumps(cutouts(folder / "cutouts.zarr")))
    else:
        raise ValueError(f"There is no case {case!r}.")


if __name__ == "__main__":
    main()
