"""What the diffraction examples and their benchmark share does what it says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from skastro.diffraction import all_pairs
from skastro.metrics import direction_angle
from skastro.model_selection import PairGroupKFold

FOLDER = Path(__file__).parents[1] / "examples" / "diffraction"


def load(name: str, patch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setenv("SKASTRO_SCALE", "glance")
    patch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def thesis() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        yield load("_thesis", patch)


@pytest.fixture(scope="module")
def patterns() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        yield load("_patterns", patch)


@pytest.fixture(scope="module")
def tiny(thesis: ModuleType) -> object:
    return thesis.Scale(
        n_singles=12, side=24, epochs=2, split_singles=24, split_side=24, split_epochs=2
    )


def test_labels_are_ordered_directions_of_the_octant(
    thesis: ModuleType, tiny: object
) -> None:
    pool = thesis.make_pool(tiny)
    y = pool.labels(np.concatenate([pool.train, pool.test]))
    assert (y >= 0).all()
    assert (y[:, 2] <= y[:, 5]).all()
    np.testing.assert_allclose(np.linalg.norm(y.reshape(-1, 3), axis=1), 1)
    assert len(pool.train) + len(pool.test) == 66
    again = thesis.make_pool(tiny)
    assert (pool.singles == again.singles).all()
    assert (pool.test == again.test).all()
    small = thesis.shrunk(pool.singles, 4)
    assert small.shape == (12, 6, 6)
    np.testing.assert_allclose(small.mean(), pool.singles.mean(), rtol=1e-5)


@pytest.mark.parametrize("how", ["random", "k-means", "five directories", "equal"])
def test_subsets_hold_every_pair_once(thesis: ModuleType, how: str) -> None:
    pool = thesis.make_pool(thesis.Scale(n_singles=24, side=24, epochs=1))
    subsets = thesis.deal(pool, how, seed=0)
    assert len(subsets) == 5
    assert sorted(np.concatenate(subsets)) == list(range(len(pool.train)))
    if how in ("random", "k-means"):
        first, *_, last = map(len, subsets)
        assert last < first == round(len(pool.train) * 100_000 / 489_500)


def test_dictionary_is_never_wrong_on_the_leaky_split(
    thesis: ModuleType, tiny: object
) -> None:
    pool = thesis.make_pool(tiny)
    y = thesis.dictionary(pool, pool.train, pool.test)
    np.testing.assert_array_equal(y, pool.labels(pool.test))
    pairs = all_pairs(12)
    train, test = next(PairGroupKFold(3, random_state=0).split(pairs))
    y = thesis.dictionary(pool, pairs[train], pairs[test])
    assert direction_angle(pool.labels(pairs[test]), y).max(axis=1).min() > 0


def test_matcher_gives_labels_as_they_are_written(thesis: ModuleType) -> None:
    pool = thesis.make_pool(thesis.Scale(n_singles=8, side=64, epochs=1))
    pairs = all_pairs(8)
    error = np.abs(thesis.matched(pool, pairs) - pool.labels(pairs)).max(axis=1)
    # Neither folding nor order is undone with the truth; a twin may be in the way.
    assert (error < 0.01).mean() > 0.8


def test_choice_of_a_head_needs_no_truth(thesis: ModuleType) -> None:
    pool = thesis.make_pool(thesis.Scale(n_singles=8, side=64, epochs=1))
    pairs = all_pairs(8)
    y = pool.labels(pairs).copy()
    rng = np.random.default_rng(0)
    wrong = rng.integers(2, size=len(y))
    for row, head in enumerate(wrong):
        y[row, 3 * head : 3 * head + 3] = rng.normal(size=3)
    chosen = thesis.resimulated(pool, pairs, y)
    assert (chosen == 1 - wrong).mean() > 0.9


def test_tables_stand_beside_those_of_the_thesis(
    thesis: ModuleType, tiny: object
) -> None:
    tables = thesis.run_thesis(tiny)
    assert set(tables) | {"splits"} == set(thesis.TITLES)
    rows = tables["experiments"]
    assert [row["by"] for row in rows] == ["here", "thesis"] * 6 + ["here"]
    assert [rows[1][c] for c in thesis.COLUMNS] == [
        *("0.2325", "0.4382", "0.2211"),
        *("0.4335", "0.1641", "0.3304"),
    ]
    look_up = tables["references"][1]
    assert (look_up["MAE1"], look_up["both < 5°"]) == ("0.000", "100%")
    for row in rows[::2]:
        oracle, chosen = (
            float(row[f"method 2, {how}"]) for how in ("oracle", "resimulate")
        )
        assert oracle <= chosen
    memory = tables["memory"][0]
    assert memory["parameters"] == "102,958,822"
    assert memory["GB at batch 128"] == "7.25"


def test_splits_are_told_apart(thesis: ModuleType, tiny: object) -> None:
    rows = thesis.run_splits(tiny)["splits"]
    assert len(rows) == 4 * 5
    look_up = [row for row in rows if row["method"] == "dictionary look-up"]
    assert look_up[0]["split"] == "pair (leaky)"
    assert look_up[0]["both < 5°"] == "100.0%"
    assert look_up[2]["split"] == "orientation"
    assert look_up[2]["both < 5°"] != "100.0%"


def test_method_2_is_run_to_its_end(thesis: ModuleType) -> None:
    scale = thesis.Scale(
        n_singles=8, side=24, epochs=1, split_singles=10, split_side=48, split_epochs=2
    )
    with pytest.MonkeyPatch.context() as patch:
        two_stages = load("_two_stages", patch)
        rows = two_stages.run_two_stages(scale)["two stages"]
    assert [row["the other one read by"] for row in rows] == [
        *["first stage", "second stage"] * 3,
        "template matcher",
    ]
    assert rows[0]["direction kept by"] == "oracle (needs the truth)"
    assert float(rows[-1]["kept, median"].rstrip("°")) < 0.1


def test_errors_of_both_directions_are_told_apart(thesis: ModuleType) -> None:
    with pytest.MonkeyPatch.context() as patch:
        row = load("_two_stages", patch)._row
    y = np.array([[0, 0, 1, 1, 0, 0]] * 2, dtype=float)
    slanted = [0, np.sin(np.radians(3)), np.cos(np.radians(3))]
    kept = np.array([[1.0, 0, 0], slanted])
    other = np.array([slanted, [1.0, 0, 0]])
    found = row("s", "r", y, kept, other)
    assert (found["kept, median"], found["the other, median"]) == ("1.50°", "1.50°")
    assert found["both < 5°"] == "100.0%"


def test_scale_follows_the_environment(thesis: ModuleType) -> None:
    assert thesis.chosen_scale("quick") is thesis.QUICK
    assert thesis.chosen_scale("glance") is thesis.GLANCE
    assert thesis.chosen_scale("table") is thesis.FULL
    assert "499,500 pairs" in thesis.QUICK.describe()
    # As many steps as an epoch of 80 and four of 20 on a fifth of the pairs each.
    assert thesis.Scale(n_singles=9, side=24, epochs=80).passes == 32


@pytest.mark.parametrize("loader", ["load_silver", "load_steel"])
def test_without_the_files_patterns_are_simulated_and_said_to_be(
    patterns: ModuleType,
    loader: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(tmp_path))
    data = getattr(patterns, loader)()
    assert not data.real
    assert "SIMULATED" in capsys.readouterr().out
    assert (data.images >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(data.directions, axis=1), 1)
    again = getattr(patterns, loader)()
    np.testing.assert_array_equal(data.images, again.images)


@pytest.mark.real_data
def test_with_the_files_they_are_used(
    patterns: ModuleType,
    data_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(data_home))
    silver, steel = patterns.load_silver(), patterns.load_steel()
    assert capsys.readouterr().out.count("REAL") == 2
    assert silver.images.shape == (3, 112, 112)
    np.testing.assert_allclose(silver.images.sum(axis=(1, 2)), 1e6)
    assert steel.images.shape == (2, 2, 256, 256)
    assert len(steel.crystals) == 2
