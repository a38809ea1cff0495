"""Splits of mixtures: who has been seen in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate

from skastro.metrics import neg_direction_l1_scorer
from skastro.model_selection import PairGroupKFold
from skastro.utils import fold_directions, laue_operations

MODES = ["orientation", "pair", "single-seen", "block"]


def all_pairs(n: int, own: bool = False) -> np.ndarray:
    return np.column_stack(np.triu_indices(n, k=0 if own else 1))


def sphere(n: int, seed: int = 0) -> np.ndarray:
    u = np.random.default_rng(seed).normal(size=(n, 3))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def splitter(mode: Any, n: int, n_splits: int = 5, **options: Any) -> PairGroupKFold:
    options = {"random_state": 0, **options}
    if mode == "block":
        options = {"directions": sphere(n), **options}
    return PairGroupKFold(n_splits, mode=mode, **options)


def some_pairs(n: int, n_pairs: int, seed: int = 0) -> np.ndarray:
    """Return random pairs in both orders, some twice, some of a single with itself."""
    return np.random.default_rng(seed).integers(0, n, (n_pairs, 2))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_splits", [2, 5])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["all", "with own", "some", "names with gaps"])
def test_promises_by_set_arithmetic(
    mode: str, n_splits: int, shuffle: bool, kind: str
) -> None:
    pairs = all_pairs(60, own=kind == "with own")
    if kind in ("some", "names with gaps"):
        pairs = some_pairs(60, 800)
    if kind == "names with gaps":
        pairs = 3 * pairs + 7
    seed = 0 if shuffle else None
    cv = splitter(mode, 200, n_splits, shuffle=shuffle, random_state=seed)
    folds = list(cv.split(pairs))
    assert len(folds) == n_splits == cv.get_n_splits(pairs)
    tested = []
    for train, test in folds:
        assert not set(train) & set(test)
        assert len(set(train)) == len(train)
        assert len(set(test)) == len(test)
        seen = set(pairs[train].ravel().tolist())
        held_out = set()
        for i, j in pairs[test].tolist():
            if mode in ("orientation", "block"):
                assert i not in seen
                assert j not in seen
                held_out |= {i, j}
            elif mode == "single-seen":
                assert (i in seen) + (j in seen) == 1
        if mode in ("orientation", "block"):
            # Every pair that is in neither part lies across.
            rest = np.setdiff1d(np.arange(len(pairs)), [*train, *test])
            n_unseen = (~np.isin(pairs[rest], list(seen))).sum(axis=1)
            assert (n_unseen >= 1).all()
        if mode == "pair":
            n_seen = np.isin(pairs[test], list(seen)).sum(axis=1)
            # Without shuffling, a fold is a run of pairs that may share a parent.
            assert (n_seen == 2).mean() > 0.99 or not shuffle
            # Not the pair itself, though, in whatever order.
            known = {frozenset(p) for p in pairs[train].tolist()}
            assert not known & {frozenset(p) for p in pairs[test].tolist()}
            assert len(train) + len(test) == len(pairs)
        tested += test.tolist()
    if mode in ("orientation", "block", "pair"):
        assert len(tested) == len(set(tested))
    if mode == "pair":
        assert sorted(tested) == list(range(len(pairs)))


@pytest.mark.parametrize("mode", MODES)
def test_summary_counts(mode: str) -> None:
    pairs = all_pairs(60)
    cv = splitter(mode, 60)
    summary = cv.summary(pairs)
    m, n = 12, 60
    expected = {
        "orientation": ((n - m) * (n - m - 1) // 2, m * (m - 1) // 2, m * (n - m)),
        "single-seen": ((n - m) * (n - m - 1) // 2, m * (n - m), m * (m - 1) // 2),
        "pair": (1770 * 4 // 5, 1770 // 5, 0),
    }
    columns = ["n_train", "n_test", "n_dropped"]
    if mode in expected:
        assert (summary[columns].to_numpy() == expected[mode]).all()
    assert (summary[columns].sum(axis=1) == len(pairs)).all()
    name = {"pair": "both", "single-seen": "one"}.get(mode, "none") + "_seen"
    assert (summary[name] == 1).all()
    assert (summary[["both_seen", "one_seen", "none_seen"]].sum(axis=1) == 1).all()
    assert cv.leaky == (mode in ("pair", "single-seen"))


def test_formula_of_the_docstring() -> None:
    row = PairGroupKFold(random_state=0).summary(all_pairs(1000)).iloc[0]
    assert row[["n_train", "n_test", "n_dropped"]].tolist() == [319600, 19900, 160000]


def test_own_pairs_have_both_parents_in_one_place() -> None:
    own = np.column_stack([np.arange(10)] * 2)
    for train, test in splitter("orientation", 10).split(own):
        assert len(train) == 8
        assert len(test) == 2
    with pytest.raises(ValueError, match="no pair to test on"):
        list(splitter("single-seen", 10).split(own))


def test_single_seen_leaves_out_parents_that_no_training_pair_has() -> None:
    # A star: all pairs have single 0. Held out, it leaves no training pair at all.
    rim = all_pairs(8)[all_pairs(8).min(axis=1) > 1]
    pairs = np.concatenate([[[0, 1]], rim])
    cv = splitter("single-seen", 8, 2)
    for train, test in cv.split(pairs):
        seen = set(pairs[train].ravel().tolist())
        assert all((i in seen) + (j in seen) == 1 for i, j in pairs[test].tolist())
    assert (cv.summary(pairs)["one_seen"] == 1).all()


@pytest.mark.parametrize("laue_group", ["4/mmm", "m-3m"])
def test_blocks_hold_neighbours_out(laue_group: str) -> None:
    u = sphere(300)
    pairs = all_pairs(300)

    def gap(mode: str, **options: Any) -> float:
        """Median distance from a test single to the nearest training single."""
        cv = splitter(mode, 300, 5, **options)
        folded, nearest = fold_directions(u, laue_group), []
        for train, test in cv.split(pairs):
            a, b = (folded[np.unique(pairs[rows])] for rows in (test, train))
            nearest += np.linalg.norm(a[:, None] - b, axis=2).min(axis=1).tolist()
        return float(np.median(nearest))

    options = {"directions": u, "laue_group": laue_group}
    fine = gap("block", n_blocks=20, **options)
    coarse = gap("block", n_blocks=5, **options)
    assert gap("orientation") * 1.3 < fine < coarse


def test_equivalent_directions_are_in_one_block() -> None:
    u = sphere(40)
    operations = laue_operations("4/mmm")
    rng = np.random.default_rng(1)
    copies = np.einsum("nij,nj->ni", operations[rng.integers(0, 16, 40)], u) * 3.0
    cv = splitter("block", 80, 4, directions=np.concatenate([u, copies]))
    for train, test in cv.split(all_pairs(80)):
        train_singles, test_singles = (
            set((all_pairs(80)[rows] % 40).ravel().tolist()) for rows in (train, test)
        )
        assert not train_singles & test_singles
    # "orientation" does not know that they are the same.
    train, test = next(splitter("orientation", 80, 4).split(all_pairs(80)))
    assert set((all_pairs(80)[train] % 40).ravel()) & set(
        (all_pairs(80)[test] % 40).ravel()
    )


def test_block_sizes_are_even() -> None:
    summary = splitter("block", 500).summary(all_pairs(500))
    # 100 singles a fold, within a tenth.
    assert summary["n_test"].between(90 * 89 / 2, 110 * 109 / 2).all()


@pytest.mark.parametrize("mode", MODES)
def test_seeds(mode: str) -> None:
    pairs = all_pairs(60)

    def first(**options: Any) -> list[int]:
        return next(splitter(mode, 60, **options).split(pairs))[1].tolist()

    assert first() == first(random_state=0)
    assert first() != first(random_state=1)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert first(random_state=None) != first(random_state=None)
    fixed = first(random_state=None, shuffle=False)
    assert fixed == first(random_state=None, shuffle=False)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


class Memory(RegressorMixin, BaseEstimator):
    """Knows the directions of the singles that it was trained on, and a constant.

    The index pairs are either X itself or in the first two pixels of its images.
    """

    def __init__(self, *, default: float = 0.0) -> None:
        self.default = default

    @staticmethod
    def _pairs(X: Any) -> np.ndarray:
        return np.asarray(X).reshape(len(X), -1)[:, :2].astype(int)

    def fit(self, X: Any, y: Any) -> Memory:
        self.known_ = dict(
            zip(self._pairs(X).ravel().tolist(), y.reshape(-1, 3), strict=True)
        )
        return self

    def predict(self, X: Any) -> np.ndarray:
        unknown = np.full(3, self.default)
        return np.array(
            [[self.known_.get(i, unknown) for i in p] for p in self._pairs(X).tolist()]
        ).reshape(-1, 6)


SCORE = {"pair": 0.0, "single-seen": -0.75, "orientation": -1.5, "block": -1.5}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("images", [False, True])
def test_leak_in_cross_validation(mode: str, images: bool) -> None:
    u, pairs = sphere(100), all_pairs(100)
    y = u[pairs].reshape(len(pairs), 6)
    X, groups = pairs, None
    if images:
        X, groups = np.zeros((len(pairs), 3, 4)), pairs
        X[:, 0, :2] = pairs
    cv = splitter(mode, 100, directions=u)
    result = cross_validate(
        Memory(), X, y, groups=groups, cv=cv, scoring=neg_direction_l1_scorer
    )
    # Singles that were seen are known, the others guessed: 1.5 on the sphere.
    np.testing.assert_allclose(result["test_score"].mean(), SCORE[mode], atol=0.1)
    search = GridSearchCV(
        Memory(),
        {"default": [0.0, 5.0]},
        cv=cv,
        scoring=neg_direction_l1_scorer,
        n_jobs=1,
    ).fit(X, y, groups=groups)
    assert search.n_splits_ == 5
    assert search.best_params_ == {"default": 0.0}
    np.testing.assert_allclose(search.best_score_, result["test_score"].mean())
    with sklearn.config_context(enable_metadata_routing=True):
        params = {} if groups is None else {"groups": groups}
        routed = cross_validate(
            Memory(), X, y, params=params, cv=cv, scoring=neg_direction_l1_scorer
        )
    np.testing.assert_array_equal(routed["test_score"], result["test_score"])


def test_only_pair_is_a_partition() -> None:
    pairs = all_pairs(30)
    y = sphere(30)[pairs].reshape(-1, 6)
    predicted = cross_val_predict(Memory(), pairs, y, cv=splitter("pair", 30))
    assert predicted.shape == y.shape
    with pytest.raises(ValueError, match="partitions"):
        cross_val_predict(Memory(), pairs, y, cv=splitter("orientation", 30))


def test_pairs_in_other_containers() -> None:
    pairs = all_pairs(20)
    cv = splitter("orientation", 20)
    expected = [test.tolist() for _, test in cv.split(pairs)]
    for given in (
        pairs.tolist(),
        pd.DataFrame(pairs, columns=["i", "j"]),
        pairs.astype(np.uint16),
        pairs[:, ::-1],
    ):
        assert [test.tolist() for _, test in cv.split(given)] == expected
        images = np.zeros((len(pairs), 4, 4))
        again = cv.split(images, groups=given)
        assert [test.tolist() for _, test in again] == expected


def test_unshuffled_pairs_are_runs_of_rows() -> None:
    pairs = np.array([[5, 9], [9, 5], [0, 1], [5, 9], [3, 4], [2, 2]])
    cv = PairGroupKFold(2, mode="pair", shuffle=False)
    assert [test.tolist() for _, test in cv.split(pairs)] == [[0, 1, 2, 3], [4, 5]]


def test_repr_names_the_mode() -> None:
    assert "mode='pair'" in repr(PairGroupKFold(3, mode="pair"))


@pytest.mark.parametrize(
    ("X", "match"),
    [
        (all_pairs(9).astype(float), "integers, got float64"),
        (all_pairs(9) > 3, "integers, got bool"),
        (all_pairs(9).astype(str), "integers"),
        (all_pairs(9) - 1, "smallest is -1"),
        (np.where(all_pairs(9) > 7, np.nan, 1.0), "integers, got float64"),
        (all_pairs(9)[:, 0], "shape"),
        (np.zeros((9, 3), int), "shape"),
        (np.zeros((9, 8, 8)), "give the pairs as groups"),
        (np.zeros((0, 2), int), "there is none"),
        (all_pairs(4), "4 singles for n_splits=5"),
    ],
)
def test_wrong_pairs_are_refused(X: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        list(PairGroupKFold().split(X))
    if match != "give the pairs as groups":
        with pytest.raises(ValueError, match=match.replace("X", "groups")):
            PairGroupKFold().summary(np.zeros((len(X), 5, 5)), groups=X)


def test_wrong_lengths_and_sparse_lists_are_refused() -> None:
    pairs = all_pairs(20)
    with pytest.raises(ValueError, match="X has 3 rows, but groups has 190"):
        list(PairGroupKFold().split(np.zeros((3, 4, 4)), groups=pairs))
    with pytest.raises(ValueError, match="y has 3 rows"):
        list(PairGroupKFold().split(pairs, np.zeros(3)))
    with pytest.raises(ValueError, match="There are 2 different pairs"):
        list(PairGroupKFold(mode="pair").split([[0, 1], [1, 0], [2, 3]] * 3))
    with pytest.raises(ValueError, match="no pair to test on"):
        list(PairGroupKFold(random_state=0).split([[i, i + 1] for i in range(10)]))
    cv = PairGroupKFold(mode="block", directions=sphere(19))
    with pytest.raises(ValueError, match="single 19, but directions has 19 rows"):
        list(cv.split(pairs))
    cv = PairGroupKFold(mode="block", directions=sphere(20), n_blocks=21)
    with pytest.raises(ValueError, match="n_blocks=21 is more"):
        list(cv.split(pairs))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"n_splits": 1}, "n_splits must be"),
        ({"n_splits": 2.0}, "n_splits must be"),
        ({"mode": "single_seen"}, "mode must be"),
        ({"shuffle": "yes"}, "shuffle must be"),
        ({"shuffle": False, "random_state": 0}, "no effect"),
        ({"mode": "block"}, "needs the directions"),
        ({"mode": "block", "directions": np.ones((4, 2))}, "shape"),
        ({"mode": "block", "directions": np.ones(3)}, "shape"),
        ({"mode": "block", "directions": np.zeros((4, 3))}, "length zero"),
        ({"mode": "block", "directions": [[np.nan, 0, 1]]}, "NaN"),
        (
            {"mode": "block", "directions": np.ones((4, 3)), "laue_group": "x"},
            "laue_group must be",
        ),
        ({"n_blocks": 4}, "n_blocks must be"),
        ({"n_blocks": 7.5}, "n_blocks must be"),
    ],
)
def test_wrong_parameters_are_refused(arguments: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        PairGroupKFold(**arguments)
