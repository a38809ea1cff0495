"""Make the sample of Geant4 events that the package carries.

python benchmarks/gaps_sample.py

takes half a minute on one core and writes ``skastro/datasets/data/gaps_sample.npz``:
2,500 events a species for vertical and for random incidence. Needs the extra
``geant4``. On one machine with one version of geant4-pybind the file is the same to
the bit.
"""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from skastro.datasets._load_gaps_sample import SAMPLE, SEEDS
from skastro.gaps import VoxelEvents, simulate_geant4_events


def pack(events: VoxelEvents) -> dict[str, np.ndarray]:
    """Give the arrays of a file, none longer than it must be."""
    counts = np.bincount(events.event, minlength=len(events))
    names, codes = np.unique(np.asarray(events.target), return_inverse=True)
    assert events.time is not None
    columns = {name: events.truth[name].to_numpy() for name in events.truth}
    return {
        "n_hits": counts.astype(np.uint16),
        "voxel": events.voxel.astype(np.uint16),
        "energy": events.energy,
        "time": events.time,
        "names": names,
        "target": codes.astype(np.uint8),
        **columns,
    }


def main() -> None:
    """Simulate, pack, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLE)
    parser.add_argument("--n-samples", type=int, default=5000, help="per incidence")
    arguments = parser.parse_args()
    arrays = {}
    for incidence, seed in SEEDS.items():
        start = time.perf_counter()
        events = simulate_geant4_events(
            arguments.n_samples,
            incidence=incidence,
            # The sample is the same whether data sets are installed or not.
            physics="data-free",
            random_state=seed,
            verbose=1,
        )
        rate = len(events) / (time.perf_counter() - start)
        print(f"{incidence}: {rate:.0f} events/s")
        arrays |= {f"{incidence}_{name}": a for name, a in pack(events).items()}
        arrays["generator"] = np.array(events.truth.attrs["generator"])
        arrays["physics"] = np.array(events.truth.attrs["physics"])
    arrays["bindings"] = np.array(f"geant4-pybind {version('geant4-pybind')}")
    arguments.out.parent.mkdir(exist_ok=True)
    np.savez_compressed(arguments.out, **arrays)
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
