"""Subsets and folds in which every cluster has its share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate

from skastro.model_selection import ClusterBalancedKFold, cluster_subsets
from skastro.model_selection._cluster_subsets import deal_counts
from skastro.model_selection._clusters import elbow_point

# The thesis's clusters of 489,500 images, Table 3.11.
THESIS = np.array([39_662, 228_229, 171_303, 11_661, 38_645])


def blobs(sizes: list[int], shape: tuple[int, ...] = (6,), seed: int = 0) -> Any:
    """Return rows around far-apart centres in random order, and their kinds."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centre = np.eye(len(sizes), int(np.prod(shape))) * 10
    X = centre[kind] + rng.normal(0, 0.3, (len(kind), centre.shape[1]))
    return X.reshape(-1, *shape), kind


def table(labels: np.ndarray, subsets: list[np.ndarray]) -> np.ndarray:
    n = labels.max() + 1
    return np.column_stack([np.bincount(labels[s], minlength=n) for s in subsets])


def check_cover(subsets: list[np.ndarray], n: int) -> None:
    assert np.array_equal(np.sort(np.concatenate(subsets)), np.arange(n))
    for subset in subsets:
        assert np.array_equal(subset, np.sort(subset))


def test_arithmetic_of_table_3_11() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(5), THESIS))
    subsets = cluster_subsets(
        labels=labels, subset_sizes=100_000, shares="equal", random_state=0
    )
    check_cover(subsets, 489_500)
    assert [len(s) for s in subsets] == [100_000] * 4 + [89_500]
    counts = table(labels, subsets)
    # Printed: 39,662 = 5 * 7,932 + 2.
    assert counts[0].tolist() == [7_932] * 4 + [7_932 + 2]
    # Our rule for the others: the last takes remainders, the largest fills up.
    assert counts[2].tolist() == [34_260] * 4 + [34_260 + 3]
    assert counts[3].tolist() == [2_332] * 4 + [2_332 + 1]
    assert counts[4].tolist() == [7_729] * 5
    assert counts[1].tolist() == [47_747] * 4 + [37_241]
    assert counts.sum(axis=1).tolist() == THESIS.tolist()


def test_proportional_shares_of_the_same_clusters() -> None:
    labels = np.repeat(np.arange(5), THESIS)
    sizes = [100_000] * 4 + [89_500]
    counts = table(labels, cluster_subsets(labels=labels, subset_sizes=sizes))
    exact = np.outer(THESIS, sizes) / 489_500
    assert np.abs(counts - exact).max() < 1
    assert counts.sum(axis=0).tolist() == sizes


@pytest.mark.parametrize("shares", ["equal", "proportional"])
def test_five_directories_of_table_3_22(shares: Any) -> None:
    # Four clusters, whose sizes are not printed; five directories of 97,900.
    sizes = np.array([201_234, 150_003, 98_264, 39_999])
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(4), sizes))
    subsets = cluster_subsets(labels=labels, n_subsets=5, shares=shares, random_state=0)
    check_cover(subsets, 489_500)
    assert [len(s) for s in subsets] == [97_900] * 5
    counts = table(labels, subsets)
    assert np.abs(counts - sizes[:, None] / 5).max() < (1 if shares[0] == "p" else 12)
    if shares == "equal":
        assert counts[3].tolist() == [7_999] * 4 + [7_999 + 4]


@given(
    clusters=st.lists(st.integers(1, 60), min_size=1, max_size=7),
    cuts=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_proportional_counts_are_within_one(
    clusters: list[int], cuts: list[float]
) -> None:
    n = sum(clusters)
    edges = np.unique([0, n, *(round(c * n) for c in cuts)])
    sizes = np.diff(edges)
    counts = deal_counts(np.array(clusters), sizes, "proportional")
    assert counts.sum(axis=0).tolist() == sizes.tolist()
    assert counts.sum(axis=1).tolist() == clusters
    # Whole shares may move too: [[.25, .25, .5], [.25, .25, .5], [.5, .5, 1]].
    floor = np.outer(clusters, sizes) // n
    assert ((counts == floor) | (counts == floor + 1)).all()


def test_subsets_are_drawn_and_repeatable() -> None:
    labels = np.repeat(["b", "a"], [300, 200])
    one, two, other = (
        cluster_subsets(labels=labels, n_subsets=3, random_state=seed)
        for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], other[0])
    assert [len(s) for s in one] == [167, 167, 166]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    cluster_subsets(labels=labels, n_subsets=3)
    cluster_subsets(blobs([20, 30])[0], n_subsets=3)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("shape", [(6,), (4, 4), (2, 3, 3)])
def test_clusters_are_found(shape: tuple[int, ...]) -> None:
    X, kind = blobs([20, 50, 80, 30], shape)
    subsets = cluster_subsets(X, n_subsets=5, random_state=0)
    check_cover(subsets, 180)
    assert (table(kind, subsets) == np.array([[4], [10], [16], [6]])).all()
    flat = cluster_subsets(X.reshape(180, -1), n_subsets=5, random_state=0)
    assert all(np.array_equal(a, b) for a, b in zip(subsets, flat, strict=True))
    # A given number of clusters, and a table of another type.
    frame = pd.DataFrame(X.reshape(180, -1)).astype(np.float32)
    subsets = cluster_subsets(frame, n_subsets=5, n_clusters=4, random_state=0)
    assert (table(kind, subsets) == np.array([[4], [10], [16], [6]])).all()


def test_big_inputs_are_drawn_from_and_read_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, kind = blobs([200, 500, 300])
    monkeypatch.setattr("skastro.model_selection._clusters._FIT_ROWS", 100)
    monkeypatch.setattr("skastro.model_selection._clusters._CHUNK_VALUES", 60)
    labels = ClusterBalancedKFold(random_state=0).labels_of(X)
    # The largest is 0.
    assert np.array_equal(labels, np.array([2, 0, 1])[kind])
    with pytest.raises(ValueError, match="X contains NaN"):
        cluster_subsets(np.where(X[-1, 0] == X, np.nan, X), n_subsets=2)


def test_files_are_read_in_slices(tmp_path: Any) -> None:
    h5py = pytest.importorskip("h5py")
    X, kind = blobs([20, 50, 80, 30], (4, 4))
    with h5py.File(tmp_path / "images.h5", "w") as file:
        images = file.create_dataset("images", data=X)
        assert np.array_equal(
            ClusterBalancedKFold(random_state=0).labels_of(images),
            np.array([3, 1, 0, 2])[kind],
        )


@pytest.mark.parametrize(
    ("inertia", "k"),
    [
        ([100, 20, 15, 12, 10], 2),
        ([100, 70, 10, 8, 6, 5], 3),
        ([5, 4, 3, 2, 1], 1),
        ([0, 0, 0], 1),
        ([10, 0, 0, 0], 2),
        # A bad minimum above the one before is no reason to take fewer.
        ([100, 20, 30, 12, 10], 2),
        # No elbow at all bends upwards.
        ([10, 9.5, 8, 5, 0], 1),
    ],
)
def test_elbow(inertia: list[float], k: int) -> None:
    assert elbow_point(inertia) == k


def test_few_different_rows() -> None:
    same = np.ones((12, 3))
    assert set(ClusterBalancedKFold(3).labels_of(same)) == {0}
    two = np.repeat([[0.0, 1], [5, 5]], [9, 6], axis=0)
    labels = ClusterBalancedKFold(3).labels_of(two)
    assert np.array_equal(labels, np.repeat([0, 1], [9, 6]))
    with pytest.raises(ValueError, match="fewer than n_clusters=3 different rows"):
        cluster_subsets(two, n_subsets=2, n_clusters=3)
    with pytest.raises(ValueError, match="fewer than n_clusters=20"):
        cluster_subsets(two, n_subsets=2, n_clusters=20)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("n_splits", [2, 5])
def test_folds_share_the_clusters(shuffle: bool, n_splits: int) -> None:
    X, kind = blobs([23, 51, 80])
    splitter = ClusterBalancedKFold(n_splits, shuffle=shuffle, random_state=1)
    folds = list(splitter.split(X))
    check_cover([test for _, test in folds], len(X))
    for train, test in folds:
        check_cover([np.sort(np.concatenate([train, test]))], len(X))
        share = np.bincount(kind[test], minlength=3)
        assert np.abs(share - np.array([23, 51, 80]) / n_splits).max() < 1
    sizes = [len(test) for _, test in folds]
    assert max(sizes) - min(sizes) <= 1
    assert splitter.get_n_splits() == n_splits
    again = list(ClusterBalancedKFold(n_splits, shuffle=shuffle, random_state=1)
                 .split(X, np.zeros(len(X))))  # fmt: skip
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_folds_without_a_seed() -> None:
    X, _ = blobs([20, 30])
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (
        next(iter(ClusterBalancedKFold(2).split(X)))[1].tolist() for _ in range(2)
    )
    assert one != two
    fixed = ClusterBalancedKFold(2, shuffle=False)
    one, two = (next(iter(fixed.split(X)))[1].tolist() for _ in range(2))
    assert one == two
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


class FlatRidge(RegressorMixin, BaseEstimator):
    """Ridge on flattened images."""

    def __init__(self, *, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Any, y: Any) -> FlatRidge:
        self.model_ = Ridge(alpha=self.alpha).fit(X.reshape(len(X), -1), y)
        return self

    def predict(self, X: Any) -> Any:
        return self.model_.predict(X.reshape(len(X), -1))


def test_folds_in_searches_on_images() -> None:
    X, _ = blobs([30, 50, 40], (4, 5))
    y = X.reshape(120, -1)[:, :6]
    splitter = ClusterBalancedKFold(3, random_state=0)
    result = cross_validate(FlatRidge(), X, y, cv=splitter, return_indices=True)
    check_cover([np.sort(i) for i in result["indices"]["test"]], 120)
    search = GridSearchCV(FlatRidge(), {"alpha": [1e-3, 1e6]}, cv=splitter).fit(X, y)
    assert search.best_params_ == {"alpha": 1e-3}
    assert search.n_splits_ == 3
    with sklearn.config_context(enable_metadata_routing=True):
        again = cross_validate(FlatRidge(), X, y, cv=splitter)
    np.testing.assert_array_equal(again["test_score"], result["test_score"])
    assert "max_clusters=10" in repr(splitter)
    assert isinstance(splitter, StratifiedKFold)


def test_small_clusters_are_told() -> None:
    X, _ = blobs([40, 3])
    with pytest.warns(UserWarning, match=r"fewer members than n_splits=5.*\[40, 3\]"):
        folds = list(ClusterBalancedKFold(5, random_state=0).split(X))
    check_cover([test for _, test in folds], 43)
    with pytest.raises(ValueError, match="Every cluster has fewer"):
        list(ClusterBalancedKFold(45, random_state=0).split(X))


X, _ = blobs([10, 20])
LABELS = np.repeat([0, 1], 10)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "either X"),
        ({"X": X, "labels": LABELS, "n_subsets": 2}, "either X"),
        ({"labels": LABELS}, "either n_subsets"),
        ({"labels": LABELS, "n_subsets": 2, "subset_sizes": 10}, "either n_subsets"),
        ({"labels": LABELS, "n_subsets": 0}, "n_subsets must be"),
        ({"labels": LABELS, "n_subsets": 21}, "n_subsets must be"),
        ({"labels": LABELS, "n_subsets": 2.0}, "n_subsets must be"),
        ({"labels": LABELS, "subset_sizes": [10, 11]}, "add up to 21"),
        ({"labels": LABELS, "subset_sizes": [20, 0]}, "above 0"),
        ({"labels": LABELS, "subset_sizes": 10.0}, "above 0"),
        ({"labels": LABELS, "subset_sizes": 21}, "there are 20 samples"),
        ({"labels": LABELS, "n_subsets": 2, "shares": "thesis"}, "shares must be"),
        ({"labels": [[0], [1]], "n_subsets": 2}, "labels must be"),
        ({"labels": [], "n_subsets": 2}, "labels must be"),
        ({"labels": [0, np.nan], "n_subsets": 2}, "missing"),
        ({"labels": LABELS, "subset_sizes": [2, 18], "shares": "equal"}, "already"),
        ({"X": X, "n_subsets": 2, "n_clusters": "knee"}, "n_clusters must be"),
        ({"X": X, "n_subsets": 2, "n_clusters": 0}, "n_clusters must be"),
        ({"X": X, "n_subsets": 2, "max_clusters": 2}, "max_clusters must be"),
        ({"X": X[:, 0], "n_subsets": 2}, "rows of numbers"),
        ({"X": X[:1], "n_subsets": 1}, "two samples"),
        ({"X": csr_array(X), "n_subsets": 2}, "dense"),
        ({"X": X * np.nan, "n_subsets": 2}, "NaN"),
        ({"X": X + 1j, "n_subsets": 2}, "Complex"),
    ],
)
def test_wrong_subsets_are_refused(arguments: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        cluster_subsets(**arguments)


def test_wrong_folds_are_refused() -> None:
    for arguments, match in [
        ({"n_splits": 1}, "n_splits=2 or more"),
        ({"n_clusters": 1.5}, "n_clusters must be"),
        ({"max_clusters": 0}, "max_clusters must be"),
    ]:
        with pytest.raises(ValueError, match=match):
            ClusterBalancedKFold(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="but y has 3"):
        next(ClusterBalancedKFold().split(X, [1, 2, 3]))
    with pytest.raises(ValueError, match="does not keep groups"):
        next(ClusterBalancedKFold().split(X, groups=np.arange(30)))
