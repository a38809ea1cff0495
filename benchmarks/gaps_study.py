"""The GAPS study again: nets, maps, parts, binarised deposits, and the shortcut.

python benchmarks/gaps_study.py

runs all of it on one core and writes ``docs/results/gaps_study.rst``. It takes the
Geant4 files of ``SKASTRO_DATA`` where they are, else the carried sample. ``--quick``
prints tables of few events and epochs and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _bench import record
from _page import Page
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "examples" / "gaps"))
os.environ["SKASTRO_SCALE"] = os.environ.get("SKASTRO_BENCH_STUDY", "table")

import _explained as explained
import _gaps_study as study
import _shortcut as shortcut

import skastro
from skastro.datasets import make_gaps_events
from skastro.inspection import NMFParts

PAGE = ROOT / "docs" / "results" / "gaps_study.rst"
VALUES = ("energy", "binarised")
# Convolving in depth as well is five times the work.
EPOCHS = {"conv3d": 8, "depth_channels": 16}
N_MAPS = 300


class Run:
    """The samples, the page, and the nets that the maps explain."""

    def __init__(self, page: Page, *, seeds: int, quick: bool) -> None:
        self.page, self.seeds = page, seeds
        self.n_events = 600 if quick else None
        self.epochs = dict.fromkeys(EPOCHS, 2) if quick else EPOCHS
        self.n_maps = 60 if quick else N_MAPS
        self.seconds: dict[str, float] = {}
        self.nets: dict[tuple[str, str], Any] = {}
        self.stopped = {i: self.load(i, stopped=True) for i in study.INCIDENCES}
        self.every = {i: self.load(i, stopped=False) for i in study.INCIDENCES}

    def load(self, incidence: str, *, stopped: bool) -> study.Sample:
        """Load a sample."""
        return study.load_files(incidence, stopped=stopped, n_events=self.n_events)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note the time that the processor spends on a part."""
        start = time.process_time()
        yield
        self.seconds[name] = time.process_time() - start

    def largest(self) -> None:
        """Compare the largest deposits of simulations."""
        n = self.n_events or 20_000
        samples = {}
        for incidence in study.INCIDENCES:
            sample = self.stopped[incidence]
            made = make_gaps_events(
                n, incidence=incidence, stopped_only=True, random_state=0
            )
            fast = study.Sample(
                made.data, made.target, np.arange(n), made.events, "fast Monte Carlo"
            )
            source = sample.source.split(",")[0]
            samples |= {
                f"{incidence}, Geant4, stopped ({source})": sample,
                f"{incidence}, Geant4, all": self.every[incidence],
                f"{incidence}, Geant4, carried sample, stopped": study.load(incidence),
                f"{incidence}, fast Monte Carlo, stopped": fast,
            }
        self.page.table(
            "Largest deposit of an event, mean with standard error; the study's is of "
            "vertical incidence",
            study.largest_rows(samples),
        )
        shares = []
        for incidence, sample in self.every.items():
            stopped = sample.events.truth["stopped"].to_numpy()
            for name in (study.BACKGROUND, study.SIGNAL):
                share = stopped[sample.y == name].mean()
                shares.append(f"{share:.3f} of the {name}s ({incidence})")
        self.page.text(
            f"Stopped in a wafer: {', '.join(shares)}. The flag is simulation truth, "
            "and to select by it changes the mixture; so results stand for both."
        )

    def accuracies(self) -> None:
        """Train the nets of the study, on stopped events and on all."""
        rows = []
        for events, samples in (("stopped", self.stopped), ("all", self.every)):
            seeds = range(self.seeds if events == "stopped" else 1)
            for incidence, sample in samples.items():
                for layout in EPOCHS:
                    for values in VALUES:
                        scores = [
                            self._fit(sample, incidence, layout, values, seed, events)
                            for seed in seeds
                        ]
                        row = {"events": events, "incidence": incidence}
                        row |= {"net": layout, "input": values}
                        rows.append(row | study.score_row(scores, values, incidence))
                        record(
                            f"{layout}, {values}, {incidence}, {events} events",
                            score=f"accuracy, {self.epochs[layout]} epochs",
                            score_ours=rows[-1]["test accuracy"],
                            score_peer=rows[-1]["study: accuracy"],
                            peer="the study's slides",
                        )
        self.page.table(
            "Accuracy and loss on the test events, ± binomial standard error, beside "
            "the study's slides",
            rows,
        )
        self.page.text(study.WHY_NOT_THE_SAME)

    def _fit(
        self,
        sample: study.Sample,
        incidence: str,
        layout: str,
        values: str,
        seed: int,
        events: str,
    ) -> study.Score:
        train, test = study.halves(sample, seed)
        net = study.make_net(
            layout, values=values, epochs=self.epochs[layout], random_state=seed
        )
        net.fit(sample.X[train], sample.y[train])
        if (events, layout, seed) == ("stopped", "conv3d", 0):
            self.nets[incidence, values] = net
        return study.score(net, sample.X[test], sample.y[test])

    def shortcuts(self) -> None:
        """Ask whether the track or the star is read."""
        for incidence, sample in self.stopped.items():
            parts = shortcut.take_apart(sample.X)
            scores = shortcut.shortcut_scores(
                sample, parts, epochs=self.epochs["depth_channels"], summaries=True
            )
            self.page.table(
                f"Track or star, {incidence} incidence, stopped events",
                shortcut.shortcut_rows(scores),
            )
            whole, depth, alone, star = (
                scores["all", name]
                for name in (
                    "whole event (net)",
                    "depth only (boosting)",
                    "track only (net)",
                    "track removed (net)",
                )
            )
            inside = scores[shortcut.INSIDE, "star about the stop (boosting)"]
            guess = scores[shortcut.INSIDE, "larger class"]
            self.page.text(
                f"{incidence.capitalize()} incidence: the net has {whole.accuracy:.3f} "
                f"on whole events, {alone.accuracy:.3f} on the track alone and "
                f"{star.accuracy:.3f} without it; where the track ends and how long "
                f"and steep it is gives {depth.accuracy:.3f} by itself. What is left "
                "without the track still shows by its place where the stop was. Moved "
                f"to the stop, the star gives {inside.accuracy:.3f} (area "
                f"{inside.auc:.3f}) where always saying the larger class gives "
                f"{guess.accuracy:.3f}."
            )
        self.page.text(
            "The track is the one that `PrimaryTrackMasker` finds from the deposits; "
            '"depth only" are '
            + ", ".join(f"``{name}``" for name in shortcut.DEPTH)
            + " of `VoxelSummary`, which finds them with the help of the energies. The "
            f"star about the stop are the voxels within {shortcut.WINDOW} of the "
            "track's end, without the track; for each event they are moved to the same "
            "place."
        )

    def maps(self) -> None:
        """Explain the conv3d nets of stopped events."""
        for (incidence, values), net in self.nets.items():
            sample = self.stopped[incidence]
            _, test = study.halves(sample, 0)
            some = np.random.default_rng(0).permutation(test)[: self.n_maps]
            X = sample.X[some]
            found = explained.maps_of(net, X, occlusion=True)
            name = f"{values}, {incidence} incidence, {len(X)} test events"
            self.page.table(
                f"Mean shares of the maps: {name}", explained.share_rows(found, X)
            )
            self.page.table(
                "Gain of the area of deletion and insertion curves over random orders "
                f"of the hits: {name}",
                explained.faithfulness(net, X, found).rows,
            )
            self.page.table(
                "Rank correlation with the trained net's maps after weights are drawn "
                f"anew: {name}",
                explained.randomised_rows(net, X),
            )
        self.page.text(
            "Maps are of the predicted class. Regions are found from the energies, for "
            "binarised nets too: near the largest are the largest deposit and its six "
            "neighbours, which may be of the track; primary track, secondaries and no "
            "hit are all voxels, each once. A gain of 0 is that of a map that knows "
            "nothing."
        )

    def mistakes(self) -> None:
        """Look at what is misclassified, and at what binarising changes."""
        for incidence, sample in self.stopped.items():
            _, test = study.halves(sample, 0)
            X, y = sample.X[test], sample.y[test]
            predicted = {v: self.nets[incidence, v].predict(X) for v in VALUES}
            for values in VALUES:
                net = self.nets[incidence, values]
                found = explained.maps_of(net, X)
                del found[explained.SECOND]
                table = explained.describe(X, found)
                self.page.table(
                    f"Right and wrong, {values}, {incidence} incidence: means of what "
                    "is found in the events",
                    explained.mistake_rows(table, y, predicted[values]),
                )
                self.page.text(_claims(table, y, predicted[values]))
            self.page.table(
                f"Events missed before and after binarising, {incidence} incidence",
                explained.missed_rows(y, predicted["energy"], predicted["binarised"]),
            )

    def parts(self) -> None:
        """Factorise the events."""
        rows = []
        for incidence, sample in self.stopped.items():
            train, test = study.halves(sample, 0)
            X = sample.events.to_csr()
            for center in ("none", "largest"):
                for k in (2, 5 if self.n_events else 90):
                    parts = NMFParts(
                        k, center=center, image_shape=(10, 12, 12), random_state=0
                    ).fit(X[train], sample.y[train])
                    held = parts.explained_share(X[test], sample.y[test])
                    for label, share in parts.explained_share_.items():
                        rows.append(
                            {
                                "incidence": incidence,
                                "centred": "yes" if center == "largest" else "no",
                                "K": str(k),
                                "class": label,
                                "training": f"{share:.2%}",
                                "test": f"{held[label]:.2%}",
                            }
                        )
        self.page.table("Share of the squares that NMF explains, energies", rows)
        self.page.text(
            "More inputs, and shares relative to the mean event, are on the page of "
            "non-negative parts."
        )


def _claims(table: Any, y: np.ndarray, predicted: np.ndarray) -> str:
    """Hold two sentences of the study against the mistakes, by their numbers."""
    near = table.columns[-1]
    asked = (
        (
            "Antiprotons taken for antideuterons had long entry tracks",
            *(study.BACKGROUND, "track (cm)"),
        ),
        (
            "Antideuterons taken for antiprotons were decided near the largest deposit",
            *(study.SIGNAL, near),
        ),
    )
    said = []
    for claim, true, column in asked:
        value, error = explained.difference(table, y, predicted, true, column)
        if not np.isfinite(value):
            said.append(f'"{claim}": too few to tell.')
            continue
        holds = "does not show" if abs(value) < 2 * error else "is the other way round"
        holds = "holds here" if value >= 2 * error else holds
        said.append(
            f'"{claim}" (study) {holds}: {column} is {value:+.2f} ± {error:.2f} '
            "against those that were right."
        )
    return " ".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    page = Page(None if arguments.quick else PAGE, "The GAPS study again")
    run = Run(page, seeds=arguments.seeds, quick=arguments.quick)
    sources = "; ".join(s.source for s in run.stopped.values())
    pairs = any(not s.source.startswith("carried") for s in run.stopped.values())
    split = "Split 7 : 3"
    if pairs:
        split += " by the number of an event in its species: both began with one seed"
    epochs = " and ".join(f"{n} ({layout})" for layout, n in run.epochs.items())
    page.text(
        f"Made on {date.today()} by ``python benchmarks/gaps_study.py --seeds "
        f"{arguments.seeds}`` on one core of {platform.machine()}; skastro "
        f"{skastro.__version__}, torch {torch.__version__}. Stopped events: {sources}. "
        f"{split}. Nets of `GAPSVoxelClassifier`, {epochs} epochs, fixed in "
        f"advance; {arguments.seeds} seeds of split and weights for stopped events, "
        "the first one for all else. Voxels above 0.05 MeV."
    )
    with threadpool_limits(1):
        for part in (
            run.largest,
            run.accuracies,
            run.shortcuts,
            run.maps,
            run.mistakes,
            run.parts,
        ):
            with run.timed(part.__name__):
                part()
    spent = ", ".join(f"{name} {value:.0f}" for name, value in run.seconds.items())
    total = sum(run.seconds.values())
    page.text(f"Seconds of the processor: {spent}; in all {total:.0f}.")


if __name__ == "__main__":
    main()
