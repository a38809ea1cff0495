"""What a GPU brings to studies, to the thesis in full, and to images a second.

    python benchmarks/gpu.py [--device cuda] [--scale full]

Without a GPU it says so and ends. ``--device cpu --scale smoke`` runs every part of it
on the CPU in seconds, as the tests do; its numbers mean nothing. Writes
``docs/results/gpu.rst``.

- Repeats: 30 dense nets of 30 and 30 neurons on 12,000 rows of 8 features, ten epochs,
  stacked and one by one, on the GPU and on the CPU.
- The galaxy thesis in full: its net, 30 repeats of 900 epochs, on real cut-outs where
  there are any, every epoch recorded on validation and test part.
- Images a second in training and prediction, in float32 and in mixed precision, beside
  the CPU in float32, with the accuracy on images not trained on.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from _bench import machine, paired, record, spread, version_of
from _page import Page
from sklearn.base import clone
from sklearn.datasets import make_classification

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "galaxy"))
import _study as study

from skastro.datasets import make_galaxies, make_gaps_events
from skastro.galaxy import GalaxyCNNClassifier
from skastro.gaps import GAPSVoxelClassifier
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier

PAGE = ROOT / "docs" / "results" / "gpu.rst"


class Scale(NamedTuple):
    """How much is run."""

    rows: int
    repeats: int
    epochs: int
    images: int
    size: int
    events: int
    rounds: int


SCALES = {
    "full": Scale(12_000, 30, 900, 20_000, 64, 20_000, 5),
    "smoke": Scale(300, 2, 2, 60, 24, 60, 1),
}


def synchronised(work: Callable[[], Any]) -> Callable[[], Any]:
    """Wait for the GPU before the clock is read."""

    def run() -> Any:
        result = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return result

    return run


def repeats(page: Page, device: str, scale: Scale) -> None:
    """Time studies of dense nets."""
    X, y = make_classification(scale.rows, 8, n_informative=6, random_state=0)
    X = X.astype(np.float32)

    def run(where: str, engine: str) -> Callable[[], float]:
        net = DenseClassifier(hidden_layer_sizes=(30, 30), max_epochs=10, device=where)
        options: dict[str, Any] = {"engine": engine, "random_state": 0, "verbose": 0}
        return synchronised(
            lambda: float(
                repeated_holdout(net, X, y, n_repeats=scale.repeats, **options)
                .values("accuracy")
                .mean()
            )
        )

    works = {
        f"stacked on {device}": run(device, "stacked"),
        f"one by one on {device}": run(device, "sequential"),
        "stacked on the CPU": run("cpu", "stacked"),
    }
    turns = paired(works, scale.rounds, clock="wall")
    rows = [
        {
            "study": who,
            "seconds": f"{turns.median(who):.2f}",
            "ratio": spread(turns.ratios(who)),
            "accuracy": f"{turns.results[who][-1]:.4f}",
        }
        for who in works
    ]
    page.table(f"{scale.repeats} dense nets, {scale.rows} rows, ten epochs", rows)
    ours, peer = list(works)[:2]
    record(
        "study of dense nets on a GPU, stacked",
        peer="the same, one by one",
        ratios=turns.ratios(peer),
        ours=f"{turns.median(ours):.2f} s",
        clock="wall",
        score="accuracy",
        score_ours=turns.results[ours][-1],
        score_peer=turns.results[peer][-1],
    )


def thesis(page: Page, device: str, scale: Scale) -> None:
    """Run the thesis's study in full."""
    data = study.load_galaxies(scale.images)
    keep = np.isin(data.flag, study.TWO)
    X, y = study.pixels(data.images[keep]), data.flag[keep]
    net = GalaxyCNNClassifier(layout="thesis", max_epochs=scale.epochs, device=device)
    start = time.perf_counter()
    result = repeated_holdout(
        net,
        X,
        y,
        n_repeats=scale.repeats,
        scoring=["accuracy", "tss"],
        engine="sequential",
        random_state=0,
        verbose=0,
    )
    minutes = (time.perf_counter() - start) / 60
    rows = []
    for rule in ("validation", "last"):
        row = {"epoch chosen by": rule}
        for metric in ("accuracy", "tss"):
            values = result.values(metric, select=rule)
            row[metric] = study.mean_ste(values)
        rows.append(row)
    page.table(
        f"{data.source} {scale.repeats} repeats of {scale.epochs} epochs of the "
        f"thesis's net: {minutes:.1f} minutes on {device}",
        rows,
    )


def images_a_second(page: Page, device: str, scale: Scale) -> None:
    """Time training and prediction of single nets."""
    X, y = make_galaxies(
        scale.images, size=scale.size, uncertain="drop", return_X_y=True, random_state=0
    )
    voxels, species = make_gaps_events(
        scale.events // 2, return_X_y=True, random_state=0
    )
    nets = {
        "galaxy, compact": (GalaxyCNNClassifier(), X, y),
        "galaxy, thesis": (GalaxyCNNClassifier(layout="thesis"), X, y),
        "voxels, conv3d": (GAPSVoxelClassifier(layout="conv3d"), voxels, species),
        "voxels, set": (GAPSVoxelClassifier(layout="set"), voxels, species),
    }
    rows = []
    for name, (net, samples, labels) in nets.items():
        test = np.arange(len(labels)) % 4 == 0
        settings = {
            f"{device}, mixed": {"device": device, "dtype": "mixed"},
            f"{device}, float32": {"device": device},
            "CPU, float32": {"device": "cpu"},
        }
        fitted: dict[str, Any] = {}

        def fit(who: str, net: Any = net, samples: Any = samples) -> Callable[[], Any]:
            options = settings[who]  # noqa: B023 - used in this round only

            def run() -> None:
                model = clone(net).set_params(
                    max_epochs=2, random_state=0, batch_size=256, **options
                )
                fitted[who] = model.fit(samples[~test], labels[~test])  # noqa: B023

            return synchronised(run)

        fits = paired({who: fit(who) for who in settings}, scale.rounds, clock="wall")
        predictions = paired(
            {
                who: synchronised(lambda model=model: model.predict(samples))  # noqa: B023
                for who, model in fitted.items()
            },
            scale.rounds,
            clock="wall",
        )
        for who in settings:
            score = fitted[who].score(samples[test], labels[test])
            rows.append(
                {
                    "net": name,
                    "on": who,
                    "fit, samples/s": f"{2 * (~test).sum() / fits.median(who):,.0f}",
                    "predict, samples/s": (
                        f"{len(labels) / predictions.median(who):,.0f}"
                    ),
                    "accuracy": f"{score:.3f}",
                }
            )
        ours, _, peer = settings
        record(
            f"training: {name}, mixed precision on a GPU",
            peer="the same, CPU, float32",
            ratios=fits.ratios(peer),
            ours=f"{2 * (~test).sum() / fits.median(ours):,.0f} samples/s",
            clock="wall",
        )
    page.table("Samples a second, two epochs of batches of 256", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", choices=SCALES, default="full")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("no GPU: torch sees no CUDA device here, so nothing was measured")
        return
    scale = SCALES[arguments.scale]
    page = Page(PAGE if arguments.device == "cuda" else None, "On a GPU")
    name = torch.cuda.get_device_name() if arguments.device == "cuda" else "the CPU"
    page.text(
        f"{name} beside one core of {machine()['processor']}, "
        f"{version_of('torch', 'skastro')}. Made on {date.today()} by ``python "
        f"benchmarks/gpu.py``; seconds are wall-clock, medians of {scale.rounds} "
        "rounds in turns; a ratio is the time of that row over the first one's."
    )
    repeats(page, arguments.device, scale)
    images_a_second(page, arguments.device, scale)
    thesis(page, arguments.device, scale)


if __name__ == "__main__":
    main()
