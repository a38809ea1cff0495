"""Geant4 runs in a process of its own, seeded, and gives the physics it should."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skastro.gaps import VoxelEvents, simulate_geant4_events
from skastro.gaps._geant4_beam import draw_primaries
from skastro.gaps._geant4_data import (
    DATA_SETS,
    NEEDED,
    installed_data_sets,
    make_environment,
)

geant4 = pytest.mark.skipif(
    importlib.util.find_spec("geant4_pybind") is None,
    reason="geant4_pybind is not installed (extra geant4)",
)


@pytest.fixture(autouse=True)
def _no_data_sets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no data sets of this machine change what is simulated."""
    for name in [*DATA_SETS, "GEANT4_DATA_DIR"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


@pytest.fixture(scope="module")
def vertical() -> VoxelEvents:
    return simulate_geant4_events(
        200, incidence="vertical", physics="data-free", random_state=3
    )


def assert_equal(a: VoxelEvents, b: VoxelEvents) -> None:
    for name in ("event", "voxel", "energy", "time", "target"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.truth.equals(b.truth)


@geant4
def test_same_seed_same_events_in_part_and_alone(vertical: VoxelEvents) -> None:
    settings: dict[str, Any] = {"incidence": "vertical", "random_state": 3}
    alone = simulate_geant4_events(60, species="antiproton", **settings)
    chosen = vertical[np.asarray(vertical.target) == "antiproton"]
    assert_equal(alone, chosen[:60])
    settings["random_state"] = 4
    other = simulate_geant4_events(60, species="antiproton", **settings)
    assert not np.isin(other.energy, alone.energy).any()
    assert not np.isin(other.truth["beta"], alone.truth["beta"]).any()


@geant4
def test_species_share_no_random_numbers(vertical: VoxelEvents) -> None:
    beta = vertical.truth["beta"].to_numpy()
    assert vertical.target is not None
    assert vertical.target.tolist() == ["antideuteron", "antiproton"] * 100
    assert not np.isin(beta[::2], beta[1::2]).any()


@geant4
def test_events_are_complete(vertical: VoxelEvents) -> None:
    truth = vertical.truth
    assert truth.attrs["physics"] == "data-free"
    assert truth.attrs["incidence"] == "vertical"
    assert truth.attrs["generator"].startswith("geant4-11")
    assert truth["beta"].between(0.26, 0.30).all()
    assert (truth["cos_zenith"] == 1).all()
    stopped = truth["stopped"].to_numpy()
    assert ((truth["stop_layer"] >= 0) == stopped).all()
    assert stopped[truth["in_flight"]].all()
    assert 0 < truth["in_flight"].mean() < 0.2
    assert vertical.time is not None
    first = np.full(len(vertical), np.inf)
    np.minimum.at(first, vertical.event, vertical.time)
    assert (first == 0).all()
    # No steps in vacuum are booked: every event enters by its one wafer.
    top = vertical.to_dense()[:, 0].reshape(200, -1)
    assert (top[:, 78] > 1).all()
    assert (top > 5).sum() < 300


@geant4
def test_the_primary_is_in_time_order(vertical: VoxelEvents) -> None:
    # Light takes 0.33 ns from layer to layer, these primaries three to five times that.
    assert vertical.time is not None
    time = np.full((200, 10), np.nan)
    straight = vertical.voxel % 144 == 78
    event, layer = vertical.event[straight], vertical.voxel[straight] // 144
    time[event, layer] = vertical.time[straight]
    deep = vertical.truth["stop_layer"].to_numpy() >= 2
    between = np.diff(time[deep, :3], axis=1)
    assert 0.7 < np.nanmedian(between) < 2
    assert np.nanmin(between[:, 0]) > 0.3


@geant4
def test_depths_are_those_of_the_range_formula(vertical: VoxelEvents) -> None:
    # The mean range by Bethe and Bloch's formula ends in layer 2.57 and 5.69.
    truth = vertical.truth[vertical.truth["stopped"]]
    target = np.asarray(vertical.target)[vertical.truth["stopped"]]
    depth = truth["stop_layer"].groupby(target).mean()
    assert depth["antiproton"] == pytest.approx(2.6, abs=0.4)
    assert depth["antideuteron"] == pytest.approx(5.5, abs=0.7)


@geant4
def test_annihilation_at_rest_and_slow_antiprotons() -> None:
    # Range 0.521 g/cm2 at this velocity, and a wafer has 0.582.
    events = simulate_geant4_events(
        40,
        species=["antiproton"],
        incidence="vertical",
        beta=(0.2, 0.2),
        random_state=0,
    )
    assert (events.truth["stop_layer"] == 0).all()
    assert events.truth["in_flight"].mean() < 0.2
    # 19.3 MeV of kinetic energy stay there, and annihilation lights up more voxels.
    own = events.to_dense()[:, 0, 6, 6]
    at_rest = ~events.truth["in_flight"].to_numpy()
    assert (own[at_rest] > 19.2).all()
    assert np.diff(events.to_csr().indptr).mean() > 3


@geant4
def test_random_incidence_quiet_and_global_random_state(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    events = simulate_geant4_events(200, random_state=np.random.RandomState(5))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert capfd.readouterr() == ("", "")
    assert events.truth["cos_zenith"].between(0.2, 1).all()
    stopped = events.truth["stopped"].groupby(np.asarray(events.target)).mean()
    assert 0.55 < stopped["antiproton"] < 0.83
    assert 0.2 < stopped["antideuteron"] < 0.53
    assert (np.diff(events.to_csr().indptr) == 0).mean() < 0.25


@geant4
def test_progress_bar(capfd: pytest.CaptureFixture[str]) -> None:
    simulate_geant4_events(30, species="antiproton", random_state=0, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "30/30" in err


@geant4
def test_time_limit() -> None:
    with pytest.raises(TimeoutError, match=r"of 500 events .* when 0\.01 s were over"):
        simulate_geant4_events(1000, timeout=0.01, random_state=0)


@geant4
def test_a_crash_of_geant4_is_an_error_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NEEDED:
        (tmp_path / name).mkdir()
        (tmp_path / name / "README").touch()
        monkeypatch.setenv(name, str(tmp_path / name))
    with pytest.raises(RuntimeError, match=r"(?s)exit status.*G4Exception.*data-free"):
        simulate_geant4_events(4, random_state=0)
    # What is broken is not looked at without data sets.
    events = simulate_geant4_events(4, physics="data-free", random_state=0)
    assert len(events) == 4


def test_an_exception_in_the_process_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from skastro.gaps import _geant4_process, _simulate_geant4

    monkeypatch.setattr(_geant4_process, "_WORKER", Path("/no/such/worker.py"))
    monkeypatch.setattr(
        _simulate_geant4.importlib.util, "find_spec", lambda name: object()
    )
    with pytest.raises(RuntimeError, match=r"(?s)after 0 of 5.*worker\.py"):
        simulate_geant4_events(10, random_state=0)


def test_missing_bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "geant4_pybind", None)
    with pytest.raises(ImportError, match=r"skastro\[geant4\]"):
        simulate_geant4_events(10)


@geant4
def test_missing_data_sets() -> None:
    with pytest.raises(FileNotFoundError, match=r"G4LEDATA.*G4ENSDFSTATEDATA"):
        simulate_geant4_events(10, physics="full")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 1}, "n_samples must be 2 or more"),
        ({"n_samples": 0, "species": "antiproton"}, "n_samples must be 1 or more"),
        ({"n_samples": 10.0}, "n_samples must be an integer"),
        ({"n_samples": True}, "n_samples must be an integer"),
        ({"species": "proton"}, "species must be"),
        ({"species": []}, "species must be"),
        ({"species": ["antiproton", "antiproton"]}, "species must be"),
        ({"incidence": "fixed"}, "incidence must be"),
        ({"physics": "QGSP"}, "physics must be"),
        ({"beta": (0.3, 0.2)}, "beta must be"),
        ({"beta": (0.0, 0.2)}, "beta must be"),
        ({"beta": (0.2, 1.0)}, "beta must be"),
        ({"beta": (0.2, float("nan"))}, "beta must be"),
        ({"beta": 0.2}, "beta must be"),
        ({"beta": ("a", "b")}, "beta must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"timeout": "1"}, "timeout must be"),
    ],
)
def test_wrong_parameters(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_geant4_events(**{"n_samples": 10, **settings})


def test_data_sets_are_found_and_stood_in_for(tmp_path: Path) -> None:
    own, common = tmp_path / "own", tmp_path / "common"
    own.mkdir()
    for name in ("G4EMLOW8.6", "G4EMLOW8.8", "G4ABLA1"):
        (common / name).mkdir(parents=True)
    assert installed_data_sets({"GEANT4_DATA_DIR": str(common)}) == {}
    for folder in (own, common / "G4EMLOW8.6", common / "G4EMLOW8.8"):
        (folder / "data").touch()
    variables = {"GEANT4_DATA_DIR": str(common), "G4PIIDATA": str(own)}
    found = installed_data_sets(variables)
    assert found == {
        "G4LEDATA": str(common / "G4EMLOW8.8"),
        "G4PIIDATA": str(own),
    }
    # The bindings download what has no variable, unless the common one is set.
    made = make_environment(tmp_path, found)
    assert set(made) == {*DATA_SETS, "GEANT4_DATA_DIR"}
    assert all(Path(folder).is_dir() for folder in made.values())
    assert made["G4LEDATA"] == found["G4LEDATA"]
    tables = Path(made["G4PARTICLEXSDATA"]) / "neutron"
    assert len(list(tables.iterdir())) == 276


@pytest.mark.parametrize("incidence", ["vertical", "random"])
def test_primaries(incidence: str) -> None:
    beam = draw_primaries(20000, incidence, (0.26, 0.3), np.random.default_rng(0))
    few = draw_primaries(50, incidence, (0.26, 0.3), np.random.default_rng(0))
    for name, values in few.items():
        np.testing.assert_array_equal(values, beam[name][:50])
    assert beam["beta"].mean() == pytest.approx(0.28, abs=0.0005)
    np.testing.assert_allclose(np.linalg.norm(beam["direction"], axis=1), 1)
    np.testing.assert_allclose(-beam["direction"][:, 2], beam["cos_zenith"], rtol=1e-6)
    spread = np.ptp(beam["position"], axis=0)
    if incidence == "vertical":
        np.testing.assert_allclose(spread, [2, 2, 0], atol=0.01)
        np.testing.assert_allclose(beam["position"].mean(0)[:2], 6, atol=0.02)
    else:
        np.testing.assert_allclose(spread, [144, 144, 0], atol=0.2)
        # The mean of max(sqrt(u), 0.2) is 2/3 + 0.2 ** 3 / 3.
        expected = 2 / 3 + 0.008 / 3
        assert beam["cos_zenith"].mean() == pytest.approx(expected, abs=0.006)
        assert np.abs(beam["direction"][:, :2].mean(0)).max() < 0.02
