"""What the GAPS examples and their benchmark share does what it says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

FOLDER = Path(__file__).parents[1] / "examples" / "gaps"
MODULES = ("_gaps_study", "_explained", "_shortcut")


@pytest.fixture(scope="module")
def code() -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKASTRO_SCALE", "glance")
        loaded = {}
        for name in MODULES:
            spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            patch.setitem(sys.modules, name, module)
            spec.loader.exec_module(module)
            loaded[name] = module
        yield SimpleNamespace(
            study=loaded["_gaps_study"],
            explained=loaded["_explained"],
            shortcut=loaded["_shortcut"],
        )


@pytest.fixture(scope="module")
def study(code: SimpleNamespace) -> ModuleType:
    module: ModuleType = code.study
    return module


@pytest.fixture(scope="module")
def sample(study: ModuleType) -> object:
    return study.load("vertical", n_events=120)


def test_sample_is_a_mixture_and_the_same_every_time(study: ModuleType) -> None:
    sample = study.load("random", n_events=100)
    again = study.load("random", n_events=100)
    assert sample.X.shape == (100, 10, 12, 12)
    assert set(sample.y) == {"antideuteron", "antiproton"}
    assert_array_equal(sample.X, again.X)
    assert sample.events.truth["stopped"].all()
    assert not study.load("random", stopped=False).events.truth["stopped"].all()
    assert "random incidence" in sample.source


def test_without_the_files_the_carried_sample_is_taken(
    study: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(tmp_path))
    assert study.load_files("vertical", n_events=10).source.startswith("carried")


@pytest.mark.real_data
def test_twins_of_the_files_stay_together(
    study: ModuleType, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(data_home))
    sample = study.load_files("vertical", n_events=200)
    assert sample.source.startswith("gaps/geant4_fixed.npz")
    assert 190 <= len(sample.y) <= 200
    train, test = study.halves(sample)
    assert not set(sample.groups[train]) & set(sample.groups[test])
    assert len(np.unique(sample.groups)) <= 100


def test_score_is_that_of_known_probabilities(study: ModuleType) -> None:
    y = np.array(["antideuteron", "antiproton", "antiproton", "antideuteron"])
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    found = study.score_proba(proba, ["antideuteron", "antiproton"], y)
    assert found.accuracy == 0.75
    assert found.auc == 1.0
    assert_allclose(found.loss, -np.log([0.9, 0.8, 0.4, 0.7]).mean())
    assert_allclose(found.error, np.sqrt(0.75 * 0.25 / 4))
    row = study.score_row([found, found], "binarised", "random")
    assert row["study: accuracy"] == "0.812"
    assert row["test accuracy"] == "0.7500 ± 0.2165, 0.0000 between seeds"


def test_largest_deposits_stand_below_those_of_the_study(
    study: ModuleType, sample: object
) -> None:
    rows = study.largest_rows({"ours": sample})
    assert rows[0]["antideuteron, mean (MeV)"] == "37.2 ± 0.1"
    assert rows[0]["ratio of means"] == "1.257"
    here = sample.X[sample.y == "antiproton"].max(axis=(1, 2, 3))
    assert rows[1]["antiproton, mean (MeV)"].startswith(f"{here.mean():.1f} ±")
    assert rows[1]["antiproton, variance"] == f"{here.var(ddof=1):.0f}"


@pytest.fixture(scope="module")
def fitted(study: ModuleType, sample: object) -> dict[str, object]:
    train, _ = study.halves(sample)
    X, y = sample.X[train], sample.y[train]
    return {
        values: study.make_net("conv3d", values=values, epochs=1, filters=(4, 8)).fit(
            X, y
        )
        for values in ("energy", "binarised")
    }


def test_regions_hold_every_voxel_once(code: SimpleNamespace, sample: object) -> None:
    masks = code.explained.regions(sample.X[:20])
    near, track, rest, empty = (masks[name] for name in code.explained.REGIONS)
    assert_array_equal(track.astype(int) + rest + empty, np.ones_like(near, dtype=int))
    assert (sample.X[:20][rest] > 0).all()
    assert not sample.X[:20][empty].any()
    assert near.reshape(20, -1).sum(axis=1).max() <= 7


@pytest.mark.parametrize("values", ["energy", "binarised"])
def test_maps_of_both_nets_are_judged(
    code: SimpleNamespace, sample: object, fitted: dict, values: str
) -> None:
    explained, net, X = code.explained, fitted[values], sample.X[:12]
    maps = explained.maps_of(net, X, occlusion=True)
    assert list(maps) == [*explained.METHODS, explained.OCCLUSION]
    assert all(m.shape == X.shape for m in maps.values())
    # Gradient times value: nothing where nothing was hit, unlike Grad-CAM.
    assert not maps[explained.FAITHFUL][X == 0].any()
    rows = explained.share_rows(maps, X)
    assert [row["map"] for row in rows][1:-1] == list(maps)
    for row in rows[:-1]:
        parts = [float(row[name]) for name in explained.REGIONS[1:]]
        assert np.isnan(parts).all() or abs(sum(parts) - 1) < 0.02
    faith = explained.faithfulness(net, X, maps)
    assert [row["map"] for row in faith.rows] == list(maps)
    assert len(explained.randomised_rows(net, X)) == len(explained.METHODS)


def test_mistakes_are_compared_with_what_was_right(code: SimpleNamespace) -> None:
    explained = code.explained
    y = np.array(["antiproton"] * 12)
    predicted = np.array(["antiproton"] * 6 + ["antideuteron"] * 6)
    table = pd.DataFrame({"track (cm)": [20.0, 22] * 3 + [30.0, 32] * 3})
    value, error = explained.difference(table, y, predicted, "antiproton", "track (cm)")
    assert value == 10
    assert_allclose(error, np.sqrt(2) * np.std([20, 22] * 3, ddof=1) / np.sqrt(6))
    few = explained.difference(table, y, predicted, "antideuteron", "track (cm)")
    assert np.isnan(few).all()
    rows = explained.mistake_rows(table, y, predicted)
    assert [row["events"] for row in rows] == ["6", "6", "0", "0"]
    assert rows[1]["track (cm)"].startswith("31.00 ±")
    assert rows[2]["track (cm)"] == "-"


def test_missed_events_are_followed(code: SimpleNamespace) -> None:
    y = np.repeat(["antiproton", "antideuteron"], [4, 2])
    energy = np.array(["antideuteron"] * 2 + ["antiproton"] * 2 + ["antideuteron"] * 2)
    after = np.array(["antideuteron", "antiproton"] * 2 + ["antideuteron"] * 2)
    first, second = code.explained.missed_rows(y, energy, after)
    assert first["missed with energies"] == "2"
    assert first["of these missed binarised"] == "1 (50%)"
    assert first["of the others missed binarised"] == "1 (50%)"
    assert second["of these missed binarised"] == "0"


def test_description_is_of_the_events(code: SimpleNamespace, sample: object) -> None:
    X = sample.X[:10]
    table = code.explained.describe(X, {"HiResCAM at the voxels": X})
    assert_allclose(table["largest (MeV)"], X.max(axis=(1, 2, 3)), rtol=1e-6)
    assert table["HiResCAM near largest"].between(0, 1).all()


def test_parts_end_at_the_lowest_wafer_of_the_track(
    code: SimpleNamespace, sample: object
) -> None:
    parts = code.shortcut.take_apart(sample.X)
    for track, stop in zip(parts.track, parts.stop, strict=True):
        assert track[tuple(stop)]
        assert not track[stop[0] + 1 :].any()
    # Of events that came to rest the fit is right about the layer nine times of ten.
    rest = ~sample.events.truth["in_flight"].to_numpy()
    right = parts.stop[:, 0] == sample.events.truth["stop_layer"].to_numpy()
    assert right[rest].mean() > 0.8


def test_windows_are_centred_on_the_stop_without_track(
    code: SimpleNamespace, sample: object
) -> None:
    shortcut = code.shortcut
    parts = shortcut.take_apart(sample.X)
    windows, rows = shortcut.star_window(parts)
    assert windows.shape == (len(rows), 5, 5, 5)
    assert not windows[:, 2, 2, 2].any()
    k, j, i = parts.stop[rows[0]]
    star = np.where(parts.track, 0, parts.whole)[rows[0]]
    assert windows[0].sum() <= star.sum()
    assert windows[0, 3, 2, 2] == star[k + 1, j, i]
    assert (parts.stop[rows, 0] >= 2).all()
    assert (parts.stop[rows, 0] <= 7).all()
    assert shortcut.sums(windows).shape == (len(rows), 16)


def test_no_part_is_made_of_another(code: SimpleNamespace, sample: object) -> None:
    parts = code.shortcut.take_apart(sample.X)
    found = code.shortcut.variants(parts)
    both = found["track removed"]["X"] + found["track only"]["X"]
    assert_array_equal(both, parts.whole)
    assert not (found["track removed"]["X"] * found["track only"]["X"]).any()


def test_shortcut_is_tabulated(code: SimpleNamespace, sample: object) -> None:
    parts = code.shortcut.take_apart(sample.X)
    scores = code.shortcut.shortcut_scores(sample, parts, epochs=1)
    _, test = code.study.halves(sample)
    assert scores["all", "whole event (net)"].n == len(test)
    assert scores["all", "larger class"].auc == 0.5
    inside = [name for events, name in scores if events != "all"]
    assert "star about the stop (boosting)" in inside
    assert len({scores[code.shortcut.INSIDE, name].n for name in inside}) == 1
    rows = code.shortcut.shortcut_rows(scores)
    assert len(rows) == len(scores)
    assert rows[0]["test events"].startswith("all")
