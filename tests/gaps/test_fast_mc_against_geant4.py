"""The table that the fast simulation must keep: within 15 per cent of Geant4."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skastro.datasets import load_gaps_sample, make_gaps_events
from skastro.gaps import VoxelEvents, read_voxel_events
from skastro.gaps._event_statistics import event_statistics

SPECIES = ("antiproton", "antideuteron")
INCIDENCES = ("vertical", "random")
FILES = {"vertical": "geant4_fixed.npz", "random": "geant4_random.npz"}
TOLERANCE, LAYER_TOLERANCE = 0.15, 0.3


def stopped_ones(events: VoxelEvents, species: str) -> tuple[float, VoxelEvents]:
    mine = np.asarray(events.target) == species
    stopped = events.truth["stopped"].to_numpy(dtype=bool)
    return stopped[mine].mean(), events[mine & stopped]


@cache
def fast_events(incidence: str) -> VoxelEvents:
    return make_gaps_events(
        80_000, incidence=incidence, as_sparse=True, random_state=0
    ).events


@cache
def carried_events(incidence: str) -> VoxelEvents:
    return load_gaps_sample(
        incidence=incidence, stopped_only=False, as_sparse=True
    ).events


def ratio_within(ours: Any, theirs: Any, slack: float = 0.0) -> np.ndarray:
    return np.abs(np.asarray(ours) / theirs - 1) <= TOLERANCE + slack


def variance_error(events: VoxelEvents) -> float:
    """Relative standard error of the variance of the largest deposit."""
    largest = np.zeros(len(events))
    np.maximum.at(largest, events.event, events.energy)
    square = (largest - largest.mean()) ** 2
    return square.std() / square.mean() / np.sqrt(len(events))


def assert_agrees(
    incidence: str, species: str, geant4: VoxelEvents, *, small: bool = False
) -> None:
    share, events = stopped_ones(fast_events(incidence), species)
    geant4_share, theirs = stopped_ones(geant4, species)
    ours, reference = event_statistics(events), event_statistics(theirs)
    assert ratio_within(share, geant4_share)
    for name in ("max_mean", "hits", "hits_0.3", "total"):
        assert ratio_within(ours[name], reference[name]), name
    # A variance with long tails: of 900 events it is known to 9 per cent.
    slack = variance_error(theirs) if small else 0.0
    assert ratio_within(ours["max_variance"], reference["max_variance"], slack)
    assert abs(ours["max_layer"] - reference["max_layer"]) < LAYER_TOLERANCE
    for name in ("layer_energy", "layer_hits"):
        # Layers with a few per cent of the total or more.
        big = reference[name] > 0.04 * reference[name].sum()
        assert big.sum() >= 4
        assert ratio_within(ours[name][big], reference[name][big]).all(), name


@pytest.mark.real_data
@pytest.mark.parametrize("species", SPECIES)
@pytest.mark.parametrize("incidence", INCIDENCES)
def test_files_at_hand(incidence: str, species: str, data_home: Path) -> None:
    path = data_home / "gaps" / FILES[incidence]
    assert_agrees(incidence, species, read_voxel_events(path))


@pytest.mark.parametrize("species", SPECIES)
@pytest.mark.parametrize("incidence", INCIDENCES)
def test_carried_sample(incidence: str, species: str) -> None:
    assert_agrees(incidence, species, carried_events(incidence), small=True)


@pytest.mark.parametrize("species", SPECIES)
@pytest.mark.parametrize("incidence", INCIDENCES)
def test_stop_layers(incidence: str, species: str) -> None:
    _, ours = stopped_ones(fast_events(incidence), species)
    _, theirs = stopped_ones(carried_events(incidence), species)
    layer, geant4 = ours.truth["stop_layer"], theirs.truth["stop_layer"]
    assert abs(layer.mean() - geant4.mean()) < LAYER_TOLERANCE
    flight, reference = ours.truth["in_flight"].mean(), theirs.truth["in_flight"]
    # The share of interactions in flight, with two binomial errors of the sample.
    error = np.sqrt(reference.mean() / len(reference))
    assert abs(flight - reference.mean()) < 0.15 * reference.mean() + 2 * error


@pytest.mark.parametrize("incidence", INCIDENCES)
def test_times(incidence: str) -> None:
    for species in SPECIES:
        _, ours = stopped_ones(fast_events(incidence), species)
        _, theirs = stopped_ones(carried_events(incidence), species)
        cut = 0.05
        times = [np.asarray(e.time)[e.energy > cut] for e in (ours, theirs)]
        prompt = [np.median(t[t > 0]) for t in times]
        assert prompt[0] == pytest.approx(prompt[1], rel=0.15)
        # Positrons of muons come microseconds later, one hit in a hundred.
        late = [(t > 200).mean() for t in times]
        assert 0.005 < late[1] < 0.02
        assert late[0] == pytest.approx(late[1], rel=0.35)
