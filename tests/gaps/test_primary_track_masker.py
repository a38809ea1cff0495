"""PrimaryTrackMasker: events made by hand, the carried samples, layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix, issparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from skastro.datasets import load_gaps_sample
from skastro.gaps import PrimaryTrackMasker, VoxelSummary

SHAPE = (10, 12, 12)
TRACK = {(0, 5, 5): 6.5, (1, 5, 5): 7.5, (2, 5, 5): 10.5, (3, 5, 5): 30.0}
LEANING = {(1, 2, 3): 8.0, (2, 3, 3): 9.0, (3, 4, 3): 11.0, (4, 5, 3): 45.0}
STAR = {(3, 5, 7): 1.0, (5, 5, 5): 1.2, (7, 5, 5): 0.9, (3, 6, 5): 6.0, (1, 5, 8): 1.1}
NOISE = {(9, 11, 11): 0.04}


def event(*hits: dict) -> np.ndarray:
    X = np.zeros((1, *SHAPE))
    for place, energy in {k: v for h in hits for k, v in h.items()}.items():
        X[(0, *place)] = energy
    return X


@pytest.mark.parametrize("track", [TRACK, LEANING])
def test_only_the_star_is_left(track: dict) -> None:
    X = event(track, STAR, NOISE)
    before = X.copy()
    assert np.array_equal(PrimaryTrackMasker().fit_transform(X), event(STAR, NOISE))
    assert np.array_equal(X, before)
    stop = dict([[*track.items()][-1]])
    kept = PrimaryTrackMasker(keep_stop=True).fit_transform(X)
    assert np.array_equal(kept, event(stop, STAR, NOISE))
    mask = PrimaryTrackMasker().track_mask(X)
    assert mask.dtype == bool
    assert np.array_equal(mask, event(track) > 0)
    mask = PrimaryTrackMasker(keep_stop=True).track_mask(X)
    assert np.array_equal(mask, (event(track) > 0) & (event(stop) == 0))


def test_a_stop_in_the_first_wafer_is_a_track_of_one() -> None:
    single = {(0, 4, 4): 55.0}
    X = event(single, {(0, 9, 9): 1.0, (2, 1, 4): 0.9})
    assert np.array_equal(PrimaryTrackMasker().track_mask(X), event(single) > 0)
    assert not PrimaryTrackMasker(keep_stop=True).track_mask(X).any()


def test_times_go_with_their_deposits() -> None:
    energy = event(TRACK, STAR)
    X = np.stack([energy, np.where(energy > 0, 1 + np.arange(144).reshape(12, 12), 0)])
    X = X.swapaxes(0, 1)
    star = PrimaryTrackMasker().fit_transform(X)
    assert star.shape == X.shape
    on = event(TRACK)[0] > 0
    assert not star[0][:, on].any()
    assert np.array_equal(star[0][:, ~on], X[0][:, ~on])
    assert PrimaryTrackMasker().track_mask(X).shape == (1, *SHAPE)


def test_events_without_hits_stay_empty() -> None:
    X = np.concatenate([event(NOISE), np.zeros((2, *SHAPE)), event(TRACK)])
    masker = PrimaryTrackMasker()
    assert np.array_equal(masker.fit_transform(X)[:3], X[:3])
    assert not masker.track_mask(X)[:3].any()
    rows = csr_array((3, 1440))
    assert masker.fit_transform(rows).nnz == 0


def test_all_layouts_give_the_same(tmp_path: Path) -> None:
    bunch = load_gaps_sample(channels=("energy", "time"))
    for X in (bunch.data[:40], bunch.data[:40, 0].astype(np.float64)):
        expected = PrimaryTrackMasker().fit_transform(X)
        assert expected.dtype == X.dtype
        assert (expected > 0).sum() < (X > 0).sum()
        rows, flat = X.reshape(40, -1), expected.reshape(40, -1)
        sparse = csr_array(rows)
        unsorted = sparse.copy()
        for i in range(40):
            part = slice(*unsorted.indptr[i : i + 2])
            unsorted.indices[part] = unsorted.indices[part][::-1]
            unsorted.data[part] = unsorted.data[part][::-1]
        unsorted = csr_array(
            (unsorted.data, unsorted.indices, unsorted.indptr), shape=rows.shape
        )
        wide = csr_array(rows)
        wide.indices = wide.indices.astype(np.int64)
        wide.indptr = wide.indptr.astype(np.int64)
        np.save(tmp_path / "rows.npy", rows)
        for layout in (
            rows,
            sparse,
            csr_matrix(rows),
            unsorted,
            wide,
            np.load(tmp_path / "rows.npy", mmap_mode="r"),
        ):
            found = PrimaryTrackMasker().fit(layout).transform(layout)
            assert found.dtype == X.dtype
            assert issparse(found) == issparse(layout)
            dense = found.toarray() if issparse(found) else found
            assert np.array_equal(dense, flat)
        assert np.array_equal(sparse.toarray(), rows)
        mask = PrimaryTrackMasker().track_mask(rows)
        assert np.array_equal(mask, PrimaryTrackMasker().track_mask(X))


@pytest.mark.parametrize(
    ("incidence", "least"),
    [("vertical", (0.95, 0.95)), ("random", (0.91, 0.84))],
)
def test_the_end_of_the_track_against_the_truth(
    incidence: str, least: tuple[float, float]
) -> None:
    bunch = load_gaps_sample(incidence=incidence)
    # Species come mixed; at rest, as the docstring counts.
    truth = bunch.events.truth
    at_rest = np.flatnonzero(truth["stopped"] & ~truth["in_flight"])[:900]
    X, y = bunch.data[at_rest], bunch.target[at_rest]
    stop = truth["stop_layer"].to_numpy()[at_rest]
    table = VoxelSummary().set_output(transform="pandas").fit_transform(X)
    right = table["stop_layer"].to_numpy() == stop
    for name, limit in zip(("antiproton", "antideuteron"), least, strict=True):
        assert right[y == name].mean() > limit
    # The masker removes the wafer that the summary calls the stop.
    all_of_it = PrimaryTrackMasker().track_mask(X[:100])
    but_the_stop = PrimaryTrackMasker(keep_stop=True).track_mask(X[:100])
    layer = (all_of_it & ~but_the_stop).any(axis=(2, 3))
    assert (layer.sum(axis=1) == 1).all()
    assert np.array_equal(layer.argmax(axis=1), table["stop_layer"][:100])


def test_removed_and_kept_energy_are_those_of_the_summary() -> None:
    X = load_gaps_sample().data[:80].astype(np.float64)
    table = VoxelSummary().set_output(transform="pandas").fit_transform(X)
    star = PrimaryTrackMasker().fit_transform(X)
    removed = (X - star).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(removed, table["track_energy_mev"], rtol=1e-9)
    n = PrimaryTrackMasker().track_mask(X).sum(axis=(1, 2, 3))
    assert np.array_equal(n, table["track_n_hits"])


def test_pieces_and_order_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    from skastro.gaps import _primary_track_masker

    X = load_gaps_sample(as_sparse=True).data[:50]
    expected = PrimaryTrackMasker().fit_transform(X).toarray()
    monkeypatch.setattr(_primary_track_masker, "_CHUNK", 7)
    assert np.array_equal(PrimaryTrackMasker().fit_transform(X).toarray(), expected)
    order = np.random.default_rng(0).permutation(50)
    found = PrimaryTrackMasker().fit_transform(X[order]).toarray()
    assert np.array_equal(found, expected[order])


def test_what_is_left_says_less_in_a_pipeline() -> None:
    bunch: Any = load_gaps_sample(incidence="vertical", as_sparse=True)
    order = np.random.default_rng(0).permutation(len(bunch.target))[:1200]
    X, y = bunch.data[order], bunch.target[order]
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    whole = make_pipeline(VoxelSummary(), trees)
    star = make_pipeline(PrimaryTrackMasker(), VoxelSummary(), trees)
    one, two = (p.fit(X[:800], y[:800]).score(X[800:], y[800:]) for p in (whole, star))
    assert 0.7 < two < one


def test_feature_names_pass_through() -> None:
    pd = pytest.importorskip("pandas")
    rows = load_gaps_sample(as_sparse=True).data[:5].toarray()
    frame = pd.DataFrame(rows, columns=[f"v{i}" for i in range(1440)])
    masker = PrimaryTrackMasker().set_output(transform="pandas")
    star = masker.fit_transform(frame)
    assert list(star.columns) == list(frame.columns)
    assert np.array_equal(star.to_numpy(), PrimaryTrackMasker().fit_transform(rows))


@pytest.mark.parametrize("options", [{"beta": (0.4, 0.2)}, {"threshold": -1}])
def test_parameters_that_make_no_sense(options: dict) -> None:
    masker = PrimaryTrackMasker(**options)
    with pytest.raises(ValueError, match=r"rising|threshold"):
        masker.fit(np.ones((1, *SHAPE)))
    with pytest.raises(ValueError, match=r"rising|threshold"):
        masker.track_mask(np.ones((1, *SHAPE)))
