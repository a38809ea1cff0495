"""The sample of Geant4 events: whole, small, like the reference files, repeatable."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from skastro.datasets import load_gaps_sample
from skastro.datasets._load_gaps_sample import SAMPLE, SEEDS
from skastro.gaps import simulate_geant4_events

INCIDENCES = {"vertical": "fixed", "random": "random"}


@pytest.mark.parametrize("incidence", INCIDENCES)
def test_counts_and_layout(incidence: str) -> None:
    every = load_gaps_sample(incidence=incidence, stopped_only=False)
    names, counts = np.unique(every.target, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "antideuteron": 2500,
        "antiproton": 2500,
    }
    assert every.target_names == ["antideuteron", "antiproton"]
    assert every.data.shape == (5000, 10, 12, 12)
    assert every.data.dtype == np.float32
    assert every.data[every.data > 0].min() >= 0.05
    assert every.events.truth.columns.tolist() == [
        "beta",
        "cos_zenith",
        "stopped",
        "in_flight",
        "stop_layer",
    ]
    assert every.events.truth.attrs["physics"] == "data-free"
    assert f"random_state={SEEDS[incidence]}" in every.DESCR
    assert "geant4-11" in every.DESCR
    # Twins, with one species' random numbers used again for the other, would be equal.
    assert len(np.unique(every.events.truth["beta"])) > 4900

    stopped = load_gaps_sample(incidence=incidence)
    mask = every.events.truth["stopped"].to_numpy()
    np.testing.assert_array_equal(stopped.data, every.data[mask])
    np.testing.assert_array_equal(stopped.target, every.target[mask])
    assert stopped.events.truth["stopped"].all()
    assert stopped.events.truth.attrs == every.events.truth.attrs


def test_the_incidences_are_other_events() -> None:
    parts = [load_gaps_sample(incidence=name).events for name in INCIDENCES]
    assert not np.isin(parts[0].truth["beta"], parts[1].truth["beta"]).mean() > 0.01
    assert np.isin(parts[0].energy, parts[1].energy).mean() < 0.05


def test_forms_of_data() -> None:
    both = ("energy", "time")
    dense = load_gaps_sample(channels=both)
    sparse = load_gaps_sample(channels=both, as_sparse=True)
    assert dense.data.shape[1:] == (2, 10, 12, 12)
    assert sparse.data.format == "csr"
    n = len(dense.data)
    np.testing.assert_array_equal(sparse.data.toarray(), dense.data.reshape(n, -1))
    hit = dense.data[:, 0] > 0
    assert ((dense.data[:, 1] >= 1) == hit).all()
    X, y = load_gaps_sample(return_X_y=True)
    np.testing.assert_array_equal(X, dense.data[:, 0])
    np.testing.assert_array_equal(y, dense.target)


def test_each_call_gives_its_own_arrays() -> None:
    first = load_gaps_sample()
    kept = first.data.copy()
    first.data[:] = -1
    first.events.energy[:] = 0
    np.testing.assert_array_equal(load_gaps_sample().data, kept)


def test_the_file_is_small_and_holds_no_objects() -> None:
    assert SAMPLE.stat().st_size < 1.5e6
    with np.load(SAMPLE, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "iufbU" for name in file.files)


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match="incidence must be one of"):
        load_gaps_sample(incidence="fixed")
    with pytest.raises(ValueError, match="channels"):
        load_gaps_sample(channels=("charge",))


def summaries(
    event: np.ndarray, voxel: np.ndarray, energy: np.ndarray, stopped: np.ndarray
) -> dict[str, np.ndarray]:
    n = len(stopped)
    largest = np.zeros(n)
    np.maximum.at(largest, event, energy)
    values = {
        "largest": largest,
        "total": np.bincount(event, energy, n),
        "hits": np.bincount(event, energy > 0.05, n),
        "hits_3": np.bincount(event, energy > 3, n),
    }
    for layer in range(10):
        inside = (voxel // 144 == layer) & (energy > 0.3)
        values[f"layer_{layer}"] = np.bincount(event, inside, n)
    return {name: v[stopped] for name, v in values.items()} | {"stopped": stopped}


@pytest.mark.real_data
@pytest.mark.parametrize("incidence", INCIDENCES)
@pytest.mark.parametrize("species", ["antiproton", "antideuteron"])
def test_statistics_are_those_of_the_reference_files(
    data_home: Path, incidence: str, species: str
) -> None:
    """Means within four standard errors, distributions by Kolmogorov and Smirnov."""
    path = data_home / "gaps" / f"geant4_{INCIDENCES[incidence]}.npz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand")
    key = species.replace("anti", "anti_")
    with np.load(path) as file:
        theirs = summaries(
            file[f"{key}_event"],
            file[f"{key}_voxel"],
            file[f"{key}_energy_mev"].astype(float),
            file[f"{key}_stopped"],
        )
    sample = load_gaps_sample(incidence=incidence, stopped_only=False)
    events = sample.events[sample.target == species]
    ours = summaries(
        events.event,
        events.voxel,
        events.energy.astype(float),
        events.truth["stopped"].to_numpy(),
    )
    for name, a in ours.items():
        b = theirs[name]
        error = np.sqrt(a.var() / len(a) + b.var() / len(b))
        assert abs(a.mean() - b.mean()) < 4 * error, name
    for name in ("largest", "total"):
        assert ks_2samp(ours[name], theirs[name]).pvalue > 1e-3, name


def same_bindings() -> str:
    """Say why this machine cannot be expected to repeat the sample; "" if it can."""
    if importlib.util.find_spec("geant4_pybind") is None:
        return "geant4_pybind is not installed (extra geant4)"
    with np.load(SAMPLE) as file:
        made = str(file["bindings"])
    here = f"geant4-pybind {importlib.metadata.version('geant4-pybind')}"
    if made != here:
        return f"the sample was made by {made}, here is {here}"
    system = (platform.system(), platform.machine())
    return (
        "" if system == ("Linux", "x86_64") else f"made on Linux x86_64, not {system}"
    )


@pytest.mark.skipif(bool(same_bindings()), reason=same_bindings() or "runs")
@pytest.mark.parametrize("incidence", INCIDENCES)
def test_the_simulation_gives_the_sample_again(incidence: str) -> None:
    sample = load_gaps_sample(incidence=incidence, stopped_only=False).events[:100]
    events = simulate_geant4_events(
        100, incidence=incidence, physics="data-free", random_state=SEEDS[incidence]
    )
    for name in ("event", "voxel", "energy", "time", "target"):
        np.testing.assert_array_equal(getattr(events, name), getattr(sample, name))
    assert events.truth.equals(sample.truth)
    assert events.truth.attrs == sample.truth.attrs


def test_the_bindings_stay_out_of_this_process() -> None:
    """Imported here, they would ask to download gigabytes."""
    load_gaps_sample()
    assert "geant4_pybind" not in sys.modules
