"""The fast simulation of the GAPS tracker: its speed, and how close it is to Geant4.

python benchmarks/gaps_events.py [--geant4 FILE ...]

Compares with the Geant4 sample of the package, with the files of SKASTRO_DATA where
they are there, and with more files of `skastro.gaps.write_voxel_events` that are given.
Writes docs/results/gaps_events.rst, in three minutes on one core.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _bench import absent, paired, record, version_of
from _page import Page
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from skastro.datasets import load_gaps_sample, make_gaps_events
from skastro.gaps import (
    VoxelEvents,
    VoxelSummary,
    read_voxel_events,
    simulate_geant4_events,
)
from skastro.gaps._event_statistics import event_statistics

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
FILES = {"vertical": "geant4_fixed.npz", "random": "geant4_random.npz"}
SPECIES = ("antiproton", "antideuteron")
COLUMNS = {
    "stopped": "stopped",
    "stop layer": "stop_layer",
    "layer of the maximum": "max_layer",
    "maximum, mean (MeV)": "max_mean",
    "variance": "max_variance",
    "hits > 0.05": "hits",
    "hits > 0.3": "hits_0.3",
    "sum (MeV)": "total",
}


def rate(seconds: int, **parameters: Any) -> float:
    """Give the best of some runs in events a second."""
    n, best = 50_000, 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        make_gaps_events(n, return_X_y=True, random_state=0, **parameters)
        best = max(best, n / (time.perf_counter() - start))
    return best


def summarise(events: VoxelEvents, species: str) -> dict[str, object]:
    """Sum up the stopped events of one species."""
    mine = np.asarray(events.target) == species
    stopped = events.truth["stopped"].to_numpy(dtype=bool)
    chosen = events[mine & stopped]
    found = event_statistics(chosen)
    found["stopped"] = stopped[mine].mean()
    layer = chosen.truth.get("stop_layer")
    found["stop_layer"] = None if layer is None else layer.mean()
    return found


def geant4_events(more: list[Path]) -> Iterator[tuple[str, str, VoxelEvents]]:
    """Give incidence, name and events of what there is to compare with."""
    for incidence in FILES:
        sample = load_gaps_sample(
            incidence=incidence, stopped_only=False, as_sparse=True
        )
        yield incidence, "Geant4, carried sample", sample.events
        home = os.environ.get("SKASTRO_DATA")
        path = Path(home) / "gaps" / FILES[incidence] if home else None
        if path is not None and path.exists():
            yield incidence, "Geant4, files at hand", read_voxel_events(path)
    for path in more:
        events = read_voxel_events(path)
        slanted = (events.truth["cos_zenith"] < 1).any()
        yield ("random" if slanted else "vertical"), f"Geant4, {path.stem}", events


def row(name: str, found: dict, fast: dict | None) -> dict[str, str]:
    """Make a row of the table: numbers, and those of the fast simulation over them."""
    cells = {"": name, "events": str(found["n_events"])}
    for title, key in COLUMNS.items():
        value = found[key]
        if value is None:
            continue
        text = f"{value:.3f}" if key == "stopped" else f"{value:.2f}"
        if fast is not None and "layer" in key:
            text += f" ({fast[key] - value:+.2f})"
        elif fast is not None:
            text += f" ({100 * (fast[key] / value - 1):+.0f} %)"
        cells[title] = text
    return cells


def profile(name: str, found: dict, key: str) -> dict[str, str]:
    """Make a row of a layer profile."""
    return {"": name} | {str(i): f"{v:.2f}" for i, v in enumerate(found[key])}


def transfer(
    page: Page, compared: list[tuple[str, str, VoxelEvents]], n_training: int
) -> None:
    """Train on the fast simulation, test on Geant4."""
    rows = []
    for incidence in FILES:
        X, y = make_gaps_events(
            n_training,
            incidence=incidence,
            stopped_only=True,
            as_sparse=True,
            return_X_y=True,
            random_state=1,
        )
        boosting = HistGradientBoostingClassifier(
            max_iter=300,
            learning_rate=0.05,
            max_leaf_nodes=15,
            l2_regularization=5,
            max_features=0.3,
            early_stopping=False,
            random_state=0,
        )
        model = make_pipeline(VoxelSummary(), boosting).fit(X, y)
        for kind, name, events in compared:
            if kind != incidence:
                continue
            chosen = events[events.truth["stopped"].to_numpy(dtype=bool)]
            target = np.asarray(chosen.target)
            right = model.predict(chosen.to_csr()) == target
            error = right.std() / np.sqrt(len(right))
            rows.append(
                {
                    "incidence": incidence,
                    "tested on": name,
                    "events": f"{len(right):,}",
                    "accuracy": f"{right.mean():.3f} ± {error:.3f}",
                    "of antiprotons": f"{right[target == 'antiproton'].mean():.3f}",
                    "of antideuterons": f"{right[target == 'antideuteron'].mean():.3f}",
                }
            )
            record(
                f"boosting on VoxelSummary, trained on fast events, {incidence}, "
                f"tested on {name}",
                score="accuracy",
                score_ours=rows[-1]["accuracy"],
            )
    page.table(
        f"Boosting on VoxelSummary's features, trained on {n_training:,} stopped "
        "events of the fast simulation",
        rows,
    )


def beside_geant4(n: int, rounds: int) -> None:
    """Time the fast simulation against Geant4 itself, event by event."""
    job = "events of the tracker with labels, vertical, CSR rows"
    try:
        peer = version_of("geant4-pybind")
        simulate_geant4_events(2, physics="data-free", random_state=0)
    except ImportError:
        absent(job, "Geant4", "the extra geant4 is not installed")
        return
    many = 200 * n
    turns = paired(
        {
            "ours": lambda: make_gaps_events(
                many, as_sparse=True, return_X_y=True, random_state=0
            ),
            "Geant4": lambda: simulate_geant4_events(
                n, incidence="vertical", physics="data-free", random_state=0
            ),
        },
        rounds,
        clock="wall",
    )
    ratios = [many / n * ratio for ratio in turns.ratios("Geant4")]
    record(
        job,
        peer=f"Geant4 by {peer}, with the start of its process",
        ratios=ratios,
        clock="wall",
        ours=f"{many / turns.median('ours'):,.0f} events a second",
    )
    print(f"{job}: {ratios} times Geant4", flush=True)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--geant4", type=Path, nargs="*", default=[])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--training", type=int, default=24_000)
    parser.add_argument("--seconds", type=int, default=10, help="of each rate")
    options = parser.parse_args()
    torch.set_num_threads(1)
    page = Page(RESULTS / "gaps_events.rst", "Fast simulation of the GAPS tracker")
    page.text(
        f"``python benchmarks/gaps_events.py``, {time.strftime('%Y-%m-%d')}, one core "
        f"of {platform.processor() or platform.machine()}, NumPy {np.__version__}, "
        f"PyTorch {torch.__version__}. Half of the events are antideuterons, beta "
        "0.26 to 0.30."
    )
    make_gaps_events(1000)
    rows = []
    for incidence in FILES:
        for sparse in (True, False):
            best = rate(options.seconds, incidence=incidence, as_sparse=sparse)
            kind = "CSR rows" if sparse else "volumes"
            rows.append(
                {"incidence": incidence, "data": kind, "events/s": f"{best:,.0f}"}
            )
    page.table(
        f"50,000 events with labels, best of the runs of {options.seconds} s", rows
    )
    beside_geant4(min(500, options.events), 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    page.text(f"Peak memory of the process: {peak:,.0f} MiB, with 288 MB of volumes.")
    page.text(
        "Events whose primary ended in a wafer (but for the stopped share itself); in "
        "brackets the fast simulation less Geant4 for layers, else its relative "
        "deviation. The tests hold it to 15 per cent, layers to 0.3."
    )
    compared = list(geant4_events(options.geant4))
    for incidence in FILES:
        made = make_gaps_events(
            options.events, incidence=incidence, as_sparse=True, random_state=0
        ).events
        for species in SPECIES:
            fast = summarise(made, species)
            others = {
                name: summarise(events, species)
                for kind, name, events in compared
                if kind == incidence
            }
            table = [row("fast simulation", fast, None)]
            table += [row(name, found, fast) for name, found in others.items()]
            page.table(f"{species.capitalize()}s, {incidence}", table)
            named = {"fast simulation": fast, **others}
            for key, title in (
                ("layer_energy", "MeV by layer"),
                ("layer_hits", "hits > 0.05 MeV by layer"),
            ):
                page.table(
                    f"{species.capitalize()}s, {incidence}: {title}",
                    [profile(name, found, key) for name, found in named.items()],
                )
    transfer(page, compared, options.training)


if __name__ == "__main__":
    main()
