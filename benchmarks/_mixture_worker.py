"""Train on all mixtures of 1,000 patterns and print what memory that takes.

All C(1000, 2) = 499,500 index pairs are given to ``fit``. An epoch over them takes an
hour or more on one core, and the memory does not depend on how long it lasts: the
training is ended after `BATCHES` batches.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from skorch.callbacks import Callback

from skastro.diffraction import (
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PairMixer,
    all_pairs,
)

N_SINGLES = 1000
BATCHES = 40
BATCH = 128


class StopAfter(Callback):
    """Ends the training after some batches, as Ctrl-C would."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.done = 0

    def on_batch_end(self, net: Any, **kwargs: Any) -> None:
        """Count the training's batches."""
        self.done += 1
        if self.done == self.batches:
            raise KeyboardInterrupt


def peak() -> float:
    """Give the peak memory of this process, in MiB.

    Linux counts it anew for a new program; ``getrusage`` would tell the peak of the
    process that started this one, if that was larger.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("This system does not tell the peak memory of a process.")


def make_mixer(n_singles: int) -> PairMixer:
    """Simulate single patterns of 224 x 224 pixels, kept as bytes."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(n_singles, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turns = rng.uniform(0, 2 * np.pi, n_singles)
    patterns = np.empty((n_singles, 224, 224), dtype=np.uint8)
    simulator = KinematicSimulator("anatase")
    for start in range(0, n_singles, 100):
        part = slice(start, start + 100)
        images = simulator.images(directions[part], turns[part])
        patterns[part] = np.rint(255 * np.sqrt(images))
    return PairMixer(patterns, directions)


def main() -> None:
    """Train and print."""
    imported = peak()
    mixer = make_mixer(N_SINGLES)
    pairs = all_pairs(N_SINGLES)
    before = peak()
    rows = [
        {"step": "Python and libraries", "MiB": f"{imported:.0f}"},
        {"step": "1,000 patterns, all 499,500 pairs", "MiB": f"{before:.0f}"},
    ]
    start = time.perf_counter()
    net = DiffractionOrientationRegressor(
        mixer=mixer,
        batch_size=BATCH,
        max_epochs=1,
        callbacks=[StopAfter(BATCHES)],
        random_state=0,
    )
    net.fit(pairs, mixer.labels(pairs))
    rate = BATCHES * BATCH / (time.perf_counter() - start)
    rows.append(
        {
            "step": f"compact net, {BATCHES} batches of {BATCH}",
            "MiB": f"{peak():.0f}",
            "pairs a second": f"{rate:.0f}",
        }
    )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
