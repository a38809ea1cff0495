"""What the GAPS examples and their benchmark share: events, nets, the study's numbers.

The study trains a net on the deposits of simulated antiprotons and antideuterons, looks
at it by Grad-CAM, looks at the events by NMF, and trains again on binarised deposits.
`_explained` has what is asked of maps, `_shortcut` what is asked of the track.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from skastro.datasets import load_gaps_sample
from skastro.gaps import GAPSVoxelClassifier, VoxelEvents, read_voxel_events

# The one constant: "quick" takes up to a minute an example, "table" trains for longer,
# "glance" is for the build of the documentation.
SCALE = os.environ.get("SKASTRO_SCALE", "quick")


class Scale(NamedTuple):
    """How much is computed."""

    n_events: int | None  # of the carried sample, each incidence; None is all
    epochs: int
    n_maps: int


SCALES = {
    "glance": Scale(600, 2, 60),
    "quick": Scale(None, 6, 240),
    "table": Scale(None, 12, 1000),
}
# The galaxy examples have a larger one.
scale = SCALES["table" if SCALE == "thesis" else SCALE]

SIGNAL, BACKGROUND = "antideuteron", "antiproton"
INCIDENCES = ("vertical", "random")
COLOURS = {SIGNAL: "#D55E00", BACKGROUND: "#0072B2"}

# Of the study's slides: test accuracy and loss of single runs, and mean (MeV) and
# variance of the largest deposit of an event at vertical incidence.
STUDY_SCORES = {
    ("energy", "vertical"): (0.9995, 0.002849),
    ("energy", "random"): (0.9367, 0.1852),
    ("binarised", "vertical"): (0.99425, 0.0294),
    ("binarised", "random"): (0.812, 0.837),
}
STUDY_LARGEST = {SIGNAL: (37.2, 363.2), BACKGROUND: (29.6, 249.1)}
WHY_NOT_THE_SAME = (
    "The study's events are others: 40,000 of each species in a simulation whose "
    "speeds, threshold and segmentation are not told, with one number for each net. "
    "Ours have speeds from 0.26 to 0.30 c, at which the ranges of the species are "
    "apart; but of the stops one in twenty (antiprotons) to one in five "
    "(antideuterons, random incidence) are interactions in flight, which cut tracks "
    "short, and oblique tracks mix the depths. The study's figures are no target."
)


class Sample(NamedTuple):
    """Events with what is needed to split and to judge them."""

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    events: VoxelEvents
    source: str


def load(
    incidence: str, *, stopped: bool = True, n_events: int | None = None
) -> Sample:
    """Take the carried events; with ``n_events`` the first so many."""
    sample = load_gaps_sample(incidence=incidence, stopped_only=stopped)
    # Species come in blocks: a part of the file would be one of them.
    order = np.random.default_rng(0).permutation(len(sample.target))[:n_events]
    events = sample.events[np.sort(order)]
    return _sample(events, np.arange(len(events)), "carried Geant4 sample", incidence)


def load_files(
    incidence: str, *, stopped: bool = True, n_events: int | None = None
) -> Sample:
    """Take the larger Geant4 files of ``SKASTRO_DATA``, else the carried sample.

    Both species of these files were drawn from one seed: event i of the one enters as
    event i of the other, so that they share a group.
    """
    name = {"vertical": "fixed", "random": "random"}[incidence]
    home = os.environ.get("SKASTRO_DATA")
    path = Path(home or "data") / "gaps" / f"geant4_{name}.npz"
    if not path.exists():
        return load(incidence, stopped=stopped, n_events=n_events)
    events = read_voxel_events(path)
    keep = np.ones(len(events), dtype=bool)
    if stopped:
        keep &= events.truth["stopped"].to_numpy()
    if n_events is not None:
        keep &= events.truth["group"].to_numpy() < n_events / 2
    events = events[keep]
    groups = events.truth["group"].to_numpy()
    return _sample(events, groups, f"gaps/{path.name}", incidence)


def _sample(
    events: VoxelEvents, groups: np.ndarray, source: str, incidence: str
) -> Sample:
    y = np.asarray(events.target)
    counts = [f"{(y == name).sum():,} {name}s" for name in (SIGNAL, BACKGROUND)]
    about = f"{source}, {incidence} incidence: {' and '.join(counts)}"
    return Sample(events.to_dense(), y, groups, events, about)


def halves(sample: Sample, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Split 7 : 3 by group; give the rows of training and test."""
    cv = GroupShuffleSplit(1, test_size=0.3, random_state=seed)
    train, test = next(cv.split(sample.X, sample.y, sample.groups))
    return train, test


def make_net(
    layout: str = "conv3d", *, values: str = "energy", epochs: int | None = None, **more
) -> GAPSVoxelClassifier:
    """Make the net of a layout for "energy" or "binarised" deposits."""
    settings = {"random_state": 0, "max_epochs": epochs or scale.epochs} | more
    return GAPSVoxelClassifier(layout=layout, binarize=values != "energy", **settings)


class Score(NamedTuple):
    """Accuracy, loss and area under the ROC curve on test events."""

    accuracy: float
    loss: float
    auc: float
    n: int

    @property
    def error(self) -> float:
        """Give the binomial standard error of the accuracy."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / self.n))


def score(model: Any, X: Any, y: np.ndarray) -> Score:
    """Score a fitted classifier."""
    return score_proba(model.predict_proba(X), list(model.classes_), y)


def score_proba(proba: np.ndarray, classes: list[str], y: np.ndarray) -> Score:
    """Score probabilities of classes."""
    right = np.asarray(classes)[proba.argmax(axis=1)] == y
    loss = log_loss(y, proba, labels=classes)
    auc = roc_auc_score(y == SIGNAL, proba[:, classes.index(SIGNAL)])
    return Score(float(right.mean()), float(loss), float(auc), len(y))


def score_row(scores: Sequence[Score], values: str, incidence: str) -> dict[str, str]:
    """Write scores of one or several seeds beside the study's."""
    accuracy = np.array([s.accuracy for s in scores])
    error = np.mean([s.error for s in scores])
    spread = f", {np.ptp(accuracy):.4f} between seeds" if len(scores) > 1 else ""
    theirs = STUDY_SCORES[values, incidence]
    return {
        "test accuracy": f"{accuracy.mean():.4f} ± {error:.4f}{spread}",
        "test loss": f"{np.mean([s.loss for s in scores]):.3f}",
        "study: accuracy": f"{theirs[0]:g}",
        "loss": f"{theirs[1]:g}",
    }


def largest_deposit(sample: Sample) -> dict[str, tuple[float, float, int]]:
    """Give mean (MeV) and variance of the largest deposit, and the number, by class."""
    largest = sample.X.reshape(len(sample.X), -1).max(axis=1).astype(np.float64)
    found = {}
    for name in (SIGNAL, BACKGROUND):
        here = largest[sample.y == name]
        found[name] = (float(here.mean()), float(here.var(ddof=1)), len(here))
    return found


def largest_rows(samples: Mapping[str, Sample]) -> list[dict[str, str]]:
    """Tabulate largest deposits of samples below the study's."""
    known = {name: (*STUDY_LARGEST[name], 40_000) for name in STUDY_LARGEST}
    rows = []
    every = {"study (slides)": known}
    every |= {name: largest_deposit(sample) for name, sample in samples.items()}
    for source, found in every.items():
        row = {"events": source}
        for name, (mean, variance, n) in found.items():
            error = np.sqrt(variance / n)
            row[f"{name}, mean (MeV)"] = f"{mean:.1f} ± {error:.1f}"
            row[f"{name}, variance"] = f"{variance:.0f}"
        ratio = found[SIGNAL][0] / found[BACKGROUND][0]
        rows.append(row | {"ratio of means": f"{ratio:.3f}"})
    return rows


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table and give it back."""
    table = pd.DataFrame(rows).fillna("")
    print(f"\n{title}\n{table.to_string(index=False)}")
    return table
