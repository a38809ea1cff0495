"""VoxelSummary: events worked out by hand, symmetries, layouts, precision."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array, csr_matrix
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skastro.datasets import load_gaps_sample
from skastro.gaps import VoxelSummary

SHAPE = (10, 12, 12)


@pytest.fixture(scope="module")
def sample() -> Any:
    """Random incidence with times, in float64; some events left the tracker."""
    bunch = load_gaps_sample(stopped_only=False, channels=("energy", "time"))
    return bunch.data[:300].astype(np.float64), bunch.target[:300]


def event(hits: dict, times: dict | None = None) -> np.ndarray:
    X = np.zeros((1 if times is None else 2, *SHAPE))
    for place, energy in hits.items():
        X[(0, *place)] = energy
    for place, time in (times or {}).items():
        X[(1, *place)] = time + 1
    return X if times is not None else X[0]


def table(X: np.ndarray, **options: Any) -> pd.DataFrame:
    return VoxelSummary(**options).set_output(transform="pandas").fit_transform(X)


# An antiproton that stops in its fourth wafer, and a star of five hits.
TRACK = {(0, 5, 5): 6.5, (1, 5, 5): 7.5, (2, 5, 5): 10.5, (3, 5, 5): 30.0}
STAR = {
    (3, 5, 7): 1.0,  # A, 24 cm beside
    (5, 5, 5): 1.2,  # B, 20 cm below
    (7, 5, 5): 0.9,  # C, 40 cm below, in line with B
    (3, 6, 5): 6.0,  # D, 12 cm beside
    (1, 5, 8): 1.1,  # E, 20 cm above and 36 cm beside
}
NOISE = {(9, 11, 11): 0.04}
FAR_E = math.hypot(20, 36)
BY_HAND = {
    "energy_max_mev": 30.0,
    "energy_total_mev": 64.7,
    "n_hits": 9,
    "energy_layer0_mev": 6.5,
    "energy_layer1_mev": 8.6,
    "energy_layer3_mev": 37.0,
    "energy_layer9_mev": 0.0,
    "energy_max_layer3_mev": 30.0,
    "energy_max_layer1_mev": 7.5,
    "energy_rank1_mev": 30.0,
    "energy_rank3_mev": 7.5,
    "energy_rank8_mev": 1.0,
    "n_hits_above_1_mev": 8,
    "n_hits_above_5_mev": 5,
    "energy_above_8_mev": 40.5,
    "energy_without_max_mev": 34.7,
    "layer_mean": (8.6 + 2 * 10.5 + 3 * 37 + 5 * 1.2 + 7 * 0.9) / 64.7,
    "layer_deepest": 7,
    "layer_first": 0,
    "n_layers_hit": 6,
    "track_energy_mev": 54.5,
    "track_energy_above_stop_mev": 24.5,
    "stop_energy_mev": 30.0,
    "track_n_hits": 4,
    "track_is_single": 0,
    "track_length_cm": 30.0,
    "track_cosine": 1.0,
    "track_rms_distance_cm": 0.0,
    "track_missed_wafers": 0,
    "track_first_layer": 0,
    "stop_layer": 3,
    "stop_edge_cm": 66.0,
    "track_energy_up1_mev": 10.5,
    "track_energy_up3_mev": 6.5,
    "track_energy_up4_mev": 0.0,
    "track_loss_up2_mev": 7.5,
    "track_energy_first_mev": 6.5,
    "star_energy_mev": 10.2,
    "star_n_hits": 5,
    "star_energy_max_mev": 6.0,
    "star_n_hits_above_2.5_mev": 1,
    "star_n_hits_from_0_cm": 1,
    "star_n_hits_from_15_cm": 2,
    "star_n_hits_from_25_cm": 2,
    "star_n_hits_from_45_cm": 0,
    "star_energy_from_15_cm_mev": 2.2,
    "star_energy_from_25_cm_mev": 2.0,
    # About the largest deposit, the stop: the track counts, and so does itself.
    "max_n_hits_from_0_cm": 3,
    "max_n_hits_from_15_cm": 3,
    "max_n_hits_from_25_cm": 3,
    "max_energy_from_0_cm_mev": 46.5,
    "star_n_hits_up": 1,
    "star_n_hits_down": 2,
    "star_energy_up_mev": 1.1,
    "star_energy_down_mev": 2.1,
    # B and C are one direction; A, D and E are one each.
    "star_prongs_all": 4,
    "star_prongs_light": 3,
    "star_prongs_heavy": 1,
    "star_n_hits_all": 5,
    "star_n_hits_light": 4,
    "star_n_hits_heavy": 1,
    "star_energy_light_mev": 4.2,
    "star_energy_heavy_mev": 6.0,
    "star_cosine_mean": (0 + 1 + 1 + 0 - 20 / FAR_E) / 5,
    "star_n_forward": 2,
    "star_n_backward": 0,
    "star_energy_forward_mev": 2.1,
    "star_distance_max_cm": FAR_E,
    "star_distance_mean_cm": (24 + 20 + 40 + 12 + FAR_E) / 5,
    "star_n_beside_stop": 1,
    "star_n_layers": 4,
}


def test_every_feature_of_an_event_made_by_hand() -> None:
    row = table(event({**TRACK, **STAR, **NOISE})[None]).iloc[0]
    for name, value in BY_HAND.items():
        assert row[name] == pytest.approx(value, abs=1e-9), name
    position = np.array([(12 * i, 12 * j, -10 * k) for k, j, i in {**TRACK, **STAR}])
    weight = np.array([*TRACK.values(), *STAR.values()])
    values, vectors = np.linalg.eigh(np.cov(position.T, aweights=weight, ddof=0))
    for rank in (1, 2, 3):
        spread = math.sqrt(max(values[-rank], 0))
        assert row[f"axis{rank}_cm"] == pytest.approx(spread, abs=1e-6)
    assert row["axis1_cosine"] == pytest.approx(abs(vectors[2, -1]))


def test_times_of_an_event_made_by_hand() -> None:
    hits = {**TRACK, **STAR}
    step = 10 / (0.25 * 29.9792458)
    stop = 3 * step
    after = [0.9, 0.7, 1.4, 40.0, 1.5]  # D is a late one
    times = {place: k * step for k, place in enumerate(TRACK)}
    times |= {p: stop + t for p, t in zip(STAR, after, strict=True)}
    row = table(event(hits, times)[None]).iloc[0]
    expected = {
        "time_track_ns": stop,
        "time_track_beta": 0.25,
        "time_first_step_beta": 0.25,
        "time_last_step_beta": 0.25,
        "time_last_ns": stop + 40,
        "n_late_hits": 1,
        "time_star_mean_ns": (0.9 + 0.7 + 1.4 + 1.5) / 4,
        "time_star_min_ns": 0.7,
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, abs=1e-5), name
    # The others are those of the same event without times.
    plain = table(event(hits)[None]).iloc[0]
    pd.testing.assert_series_equal(row[plain.index], plain)


def test_names_end_with_their_unit_and_are_all_documented() -> None:
    X = np.ones((2, 2, *SHAPE))
    names = VoxelSummary().fit(X).get_feature_names_out()
    assert len(names) == len(set(names)) == 157
    assert len(VoxelSummary().fit(X[:, 0]).get_feature_names_out()) == 149
    head = {"energy", "n", "layer", "axis1", "axis2", "axis3", "track", "stop", "log"}
    head |= {"residual", "beta", "inverse", "star", "max", "time"}
    assert {n.split("_")[0] for n in names} == head
    unit = re.compile(r"_(mev|cm|ns)$")
    free = re.compile(
        r"n_|layer|cosine|is_single|missed|margin|log|beta|prongs|above_.*_mev$"
    )
    assert [n for n in names if not unit.search(n) and not free.search(n)] == []
    assert all(n.endswith("_mev") for n in names if "energy" in n and "from" not in n)
    doc = VoxelSummary.__doc__
    assert doc is not None
    for word in head - {"axis1", "axis2", "axis3", "n", "inverse"}:
        assert f"{word}_" in doc, word


def test_counts_depend_on_the_grid() -> None:
    names = VoxelSummary().fit(np.ones((1, 4, 5, 6))).get_feature_names_out()
    assert len(names) == 149 - 2 * 6
    assert "energy_layer3_mev" in names
    assert "energy_layer4_mev" not in names


def test_all_layouts_give_the_same(sample: Any, tmp_path: Path) -> None:
    X = sample[0][:60]
    for part in (X, np.ascontiguousarray(X[:, 0])):
        expected = VoxelSummary().fit_transform(part)
        rows = part.reshape(len(part), -1)
        wide = csr_array(rows)
        wide.indices = wide.indices.astype(np.int64)
        wide.indptr = wide.indptr.astype(np.int64)
        coo = coo_array(rows)
        mixed = np.random.default_rng(0).permutation(coo.nnz)
        # Every entry in two halves, out of order, and explicit zeros between.
        value, row, column = coo.data[mixed] / 2, coo.row[mixed], coo.col[mixed]
        at = np.argsort(row, kind="stable")
        halves = np.repeat(at, 2)
        edges = np.searchsorted(row[halves], np.arange(len(rows) + 1))
        twice = csr_array((value[halves], column[halves], edges), shape=rows.shape)
        zeros = csr_array(rows + 1e-9)
        zeros.data[zeros.data < 1e-6] = 0
        assert zeros.nnz > wide.nnz
        np.save(tmp_path / "events.npy", part)
        frozen = part.copy()
        frozen.flags.writeable = False
        layouts = {
            "flat": rows,
            "csr": csr_array(rows),
            "csr_matrix": csr_matrix(rows),
            "int64": wide,
            "twice": twice,
            "coo": coo_array((value, (row, column)), shape=rows.shape) * 2,
            "memmap": np.load(tmp_path / "events.npy", mmap_mode="r"),
            "fortran": np.asfortranarray(part),
            "read-only": frozen,
            "frame": pd.DataFrame(rows).rename(columns=str),
            "list": rows.tolist(),
        }
        if part.ndim == 4:
            layouts["channels"] = part[:, None]
        for name, layout in layouts.items():
            found = VoxelSummary().fit(layout).transform(layout)
            assert np.array_equal(np.asarray(found), expected), name
        found = VoxelSummary().fit_transform(zeros)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        before = rows.copy()
        assert twice.nnz == 2 * coo.nnz  # what came is left as it was
        VoxelSummary().transform(rows)
        assert np.array_equal(rows, before)


def test_entries_of_a_voxel_add_before_the_threshold() -> None:
    one = csr_array(([0.06], [7], [0, 1]), shape=(1, 1440))
    two = csr_array(([0.03, 0.03], [7, 7], [0, 2]), shape=(1, 1440))
    with pytest.warns(UserWarning, match="deposits in MeV"):
        found = [VoxelSummary().fit(x).transform(x) for x in (one, two)]
    assert found[0][0, 2] == 1
    assert np.array_equal(*found)


def test_bytes_of_binarised_events_are_events() -> None:
    X = load_gaps_sample().data[:50] >= 0.05
    summary = VoxelSummary(hit_energy=10.0)
    expected = summary.fit_transform(X.astype(np.float32))
    for dtype in (np.uint8, np.bool_):
        found = summary.fit_transform(X.astype(dtype))
        assert np.array_equal(found, expected)
    # The energy of a hit is the one given, whatever the rows hold.
    assert np.array_equal(summary.fit_transform(X * np.float32(3)), expected)
    n_hits = X.reshape(len(X), -1).sum(axis=1)
    np.testing.assert_allclose(expected[:, 1], 10.0 * n_hits)


@pytest.mark.parametrize("which", range(1, 8))
def test_symmetries_of_the_layers_change_nothing(sample: Any, which: int) -> None:
    X = sample[0][:120]
    turned = np.rot90(X, which % 4, axes=(3, 4))
    turned = turned[..., ::-1] if which >= 4 else turned
    one, two = table(X), table(np.ascontiguousarray(turned))
    np.testing.assert_allclose(two, one, rtol=1e-7, atol=1e-7)


def test_an_event_does_not_depend_on_others(sample: Any) -> None:
    X = sample[0]
    expected = VoxelSummary().fit_transform(X)
    order = np.random.default_rng(1).permutation(len(X))
    assert np.array_equal(VoxelSummary().fit_transform(X[order]), expected[order])
    some = VoxelSummary().fit(X).transform(X[41:43])
    assert np.array_equal(some, expected[41:43])


def test_borders_of_pieces_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from skastro.gaps import _primary_track_masker, _voxel_summary

    X = load_gaps_sample(as_sparse=True).data[:60]
    assert _voxel_summary._CHUNK == _primary_track_masker._CHUNK == 250
    expected = VoxelSummary().fit_transform(X)
    for size in (1, 7, 59, 60):
        monkeypatch.setattr(_voxel_summary, "_CHUNK", size)
        assert np.array_equal(VoxelSummary().fit_transform(X), expected)


def test_more_events_than_one_piece() -> None:
    X = load_gaps_sample(incidence="vertical", as_sparse=True).data
    X = X[np.arange(2003) % 20]
    found = VoxelSummary().fit_transform(X)
    assert np.array_equal(found, found[np.arange(2003) % 20])


def test_precision_is_kept_and_hardly_matters(sample: Any) -> None:
    X = sample[0]
    double = VoxelSummary().fit_transform(X)
    single = VoxelSummary().fit_transform(X.astype(np.float32))
    assert (double.dtype, single.dtype) == (np.float64, np.float32)
    close = np.isclose(single, double, rtol=2e-3, atol=2e-3).all(axis=1)
    # Two ways to draw a track may be equally good but for rounding.
    assert close.mean() > 0.98


def test_events_without_hits_have_zeros_and_nothing_else_fails() -> None:
    X = np.zeros((4, *SHAPE))
    X[1, 2, 3, 4] = 12.0
    X[2, 9, 0, 0] = 0.049
    found = table(X)
    assert np.isfinite(found.to_numpy()).all()
    assert (found.iloc[[0, 2, 3]] == 0).all().all()
    one = found.iloc[1]
    assert one["track_is_single"] == 1
    assert one["track_n_hits"] == one["n_hits"] == 1
    assert one["track_energy_mev"] == one["stop_energy_mev"] == 12
    assert one["stop_layer"] == one["track_first_layer"] == 2
    assert one["star_n_hits"] == one["track_length_cm"] == 0
    assert not table(X[[0]]).to_numpy().any()


def test_hits_beyond_the_28_largest_are_in_the_sums_only() -> None:
    rng = np.random.default_rng(2)
    X = np.zeros((1, 1440))
    X[0, rng.choice(1440, 60, replace=False)] = rng.uniform(0.3, 9, 60)
    row = table(X).iloc[0]
    assert row["n_hits"] == 60
    assert row["energy_total_mev"] == pytest.approx(X.sum())
    assert row["track_n_hits"] + row["star_n_hits"] == 28
    part = np.sort(X[0])[-28:].sum()
    assert row["track_energy_mev"] + row["star_energy_mev"] == pytest.approx(part)


def test_the_threshold_decides_what_a_hit_is() -> None:
    X = event({**TRACK, **STAR, **NOISE})[None]
    assert table(X, threshold=0.0)["n_hits"].item() == 10
    assert table(X, threshold=1.15)["n_hits"].item() == 6
    cut = np.where(X >= 1.15, X, 0)
    pd.testing.assert_frame_equal(table(X, threshold=1.15), table(cut))


@pytest.mark.parametrize("shape", [(24, 30, 18), (1, 12, 12), (40, 1, 1), (3, 2, 2)])
def test_other_grids(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    X = rng.exponential(8, (20, *shape)) * (rng.random((20, *shape)) < 0.02)
    found = VoxelSummary().fit_transform(X)
    assert np.isfinite(found).all()
    flat = VoxelSummary(image_shape=shape).fit_transform(X.reshape(20, -1))
    assert np.array_equal(flat, found)
    turned = VoxelSummary().fit_transform(np.ascontiguousarray(X[:, :, ::-1]))
    assert turned[:, :3] == pytest.approx(found[:, :3])


def test_no_fit_is_needed_and_clone_gives_the_same(sample: Any) -> None:
    X = sample[0][:20]
    summary = VoxelSummary()
    expected = clone(summary).fit(X).transform(X)
    assert np.array_equal(summary.transform(X), expected)
    assert not hasattr(summary, "input_shape_")


def test_trees_on_the_summary_beat_trees_on_voxels(sample: Any) -> None:
    bunch = load_gaps_sample(as_sparse=True)
    X, y = bunch.data[:1200], bunch.target[:1200]
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    rich = make_pipeline(VoxelSummary(), trees)
    score = cross_val_score(rich, X, y, cv=3).mean()
    sums = X.reshape((1200, 1440)).toarray().reshape(1200, 10, 144).sum(axis=2)
    assert score > cross_val_score(trees, sums, y, cv=3).mean() + 0.03
    assert score > 0.87


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": (0.3, 0.2)}, "rising numbers"),
        ({"beta": (0.3,)}, "rising numbers"),
        ({"beta": (0.0, 0.2)}, "rising numbers"),
        ({"beta": ("a", "b")}, "rising numbers"),
        ({"threshold": -1.0}, "threshold"),
        ({"hit_energy": 0.0}, "hit_energy"),
        ({"image_shape": (10, 12)}, "120 voxels"),
        ({"image_shape": (10, 12, 12.0)}, "positive integers"),
        ({"image_shape": (3, 10, 12, 4)}, "at most two channels"),
        ({"image_shape": 1440}, "image_shape"),
    ],
)
def test_parameters_that_make_no_sense(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VoxelSummary(**options).fit(np.ones((2, 1440)))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (-np.ones((2, *SHAPE)), "Negative values in data"),
        (np.full((2, *SHAPE), np.nan), "NaN|nan"),
        (np.full((2, 1440), np.inf), "inf"),
        (csr_array(np.full((2, 1440), np.nan)), "NaN|nan"),
        (np.ones((2, 3, *SHAPE)), "at most two channels"),
        (np.ones((2, 1, 1, *SHAPE)), "6 axes"),
        (np.ones((0, *SHAPE)), "0 sample"),
        (np.ones((2, 12, 12, 10)), "transpose X"),
        (np.ones((2, 12, 10, 12)), "transpose X"),
        (np.ones((2, 2, 12, 10, 12)), "transpose X"),
        (np.ones(1440), "2D|1D"),
    ],
)
def test_events_that_are_none(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VoxelSummary().fit(X)


def test_a_shape_that_is_meant_is_taken() -> None:
    X = np.ones((1, 12, 12, 10))
    assert VoxelSummary(image_shape=(12, 12, 10)).fit(X).input_shape_ == (1, 12, 12, 10)


def test_other_events_than_fitted_are_refused() -> None:
    summary = VoxelSummary().fit(np.ones((1, *SHAPE)))
    with pytest.raises(ValueError, match="features"):
        summary.transform(np.ones((1, 2, *SHAPE)))
    with pytest.raises(ValueError, match=r"fitted on events of shape \(1, 10, 12, 12"):
        summary.transform(np.ones((1, 12, 12, 10)))


def test_units_are_looked_at(sample: Any) -> None:
    X = sample[0]
    for factor in (1e3, 1e-3):
        with pytest.warns(UserWarning, match="takes deposits in MeV"):
            VoxelSummary().fit(X[:, 0] * factor)
    raw = X.copy()
    raw[:, 1] = np.maximum(raw[:, 1] - 1, 0)  # times without the 1
    with pytest.raises(ValueError, match="first hit plus 1"):
        VoxelSummary().fit(raw)
    with pytest.raises(ValueError, match="energies are the first"):
        VoxelSummary().fit(X[:, ::-1])
    with pytest.raises(ValueError, match="first hit plus 1"):
        VoxelSummary().fit(csr_array(raw.reshape(len(raw), -1)))


@pytest.mark.parametrize("huge", [1e6, 1e20, 3e38])
def test_huge_deposits_stay_finite(huge: float) -> None:
    X = event({**TRACK, **STAR})[None].repeat(3, axis=0)
    X[2, 3, 5, 5] = huge
    for dtype in (np.float32, np.float64):
        found = VoxelSummary().fit(X).transform(X.astype(dtype))
        assert np.isfinite(found).all()
        assert found[2, 0] == pytest.approx(huge)


def test_an_event_without_hits_but_with_a_channel_of_times() -> None:
    assert not VoxelSummary().fit_transform(np.zeros((1, 2, 10, 12, 12))).any()


def test_binarised_events_are_taken_as_hits_of_ten_mev() -> None:
    from sklearn.preprocessing import Binarizer

    X = load_gaps_sample().data[:40].reshape(40, -1)
    ones = Binarizer(threshold=0.05).fit_transform(X)
    expected = VoxelSummary(hit_energy=10.0).fit_transform(ones)
    assert np.array_equal(VoxelSummary().fit_transform(ones), expected)
    mixed = np.concatenate([ones[:5], X[5:]])
    found = VoxelSummary().fit_transform(mixed)
    assert np.array_equal(found[:5], expected[:5])
    assert np.array_equal(found[5:], VoxelSummary().fit_transform(X)[5:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X / X.max(), "MeV"),
        (lambda X: 10 * X, "MeV"),
        (lambda X: np.stack([X, np.where(X > 0, 1e5, 0)], axis=1), "first hit"),
    ],
)
def test_what_can_hardly_be_mev_or_ns_is_said(change: Any, message: str) -> None:
    X = load_gaps_sample().data[:200]
    with pytest.warns(UserWarning, match=message):
        VoxelSummary().fit(change(X))


def test_flattened_layers_are_refused() -> None:
    X = load_gaps_sample().data[:5]
    with pytest.raises(ValueError, match="reshape X"):
        VoxelSummary().fit(X.reshape(5, 10, 144))
