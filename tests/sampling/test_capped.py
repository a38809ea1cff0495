"""CappedResampler: the study's class sizes, real rows kept, folds of any size."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from skastro.sampling import CappedResampler

# The study's training set, before and after.
STUDY = {
    "AGN": (5720, 500),
    "CV": (300, 500),
    "HM-STAR": (242, 500),
    "HMXB": (265, 500),
    "LM-STAR": (4929, 500),
    "LMXB": (228, 500),
    "NS": (489, 500),
    "NS_BIN": (43, 80),
    "YSO": (520, 520),
}


def data(sizes: dict[Any, int], n_features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = np.repeat(list(sizes), list(sizes.values()))
    X = rng.normal(size=(len(y), n_features))
    X[:, 0] += np.repeat(np.arange(len(sizes)), list(sizes.values())) * 10.0
    order = rng.permutation(len(y))
    return X[order], y[order]


def test_class_sizes_of_the_study() -> None:
    X, y = data({name: before for name, (before, _) in STUDY.items()})
    assert len(y) == 12_736
    sampler = CappedResampler(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    after = {name: size for name, (_, size) in STUDY.items()}
    assert Counter(y_new.tolist()) == after
    assert sampler.sampling_strategy_ == after
    assert len(X_new) == len(y_new) == 4_100
    # The same by naming the one class that the cap does not describe.
    named = CappedResampler(rare_below=0, sampling_strategy={"NS_BIN": 80})
    assert named.fit(X, y).sampling_strategy_ == after


def test_kept_rows_come_first_and_are_untouched() -> None:
    X, y = data({"a": 700, "b": 520, "c": 120, "d": 20})
    sampler = CappedResampler(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    kept = sampler.kept_indices_
    assert np.all(np.diff(kept) > 0)
    assert np.array_equal(X_new[: len(kept)], X[kept])
    assert np.array_equal(y_new[: len(kept)], y[kept])
    # Only the class above the cap lost rows.
    assert Counter(y[kept].tolist()) == {"a": 500, "b": 520, "c": 120, "d": 20}
    assert Counter(y_new.tolist()) == {"a": 500, "b": 520, "c": 500, "d": 37}


def test_synthetic_rows_lie_between_two_rows_of_their_class() -> None:
    X, y = data({"a": 300, "b": 150}, n_features=2)
    sampler = CappedResampler(cap=300, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    made = X_new[len(sampler.kept_indices_) :]
    assert set(y_new[len(sampler.kept_indices_) :]) == {"b"}
    rows = X[y == "b"]
    ends = np.linalg.norm(made[:, None] - rows, axis=2)
    lengths = np.linalg.norm(rows[:, None] - rows, axis=2)
    for distance in ends:
        # On the line between two rows the two distances add up to theirs.
        detour = distance[:, None] + distance - lengths
        assert detour[~np.eye(len(rows), dtype=bool)].min() < 1e-9


def test_every_class_draws_numbers_of_its_own() -> None:
    # Two classes of the same rows: with one seed for both they would be equal.
    rows = np.random.default_rng(0).normal(size=(40, 3))
    X, y = np.concatenate([rows, rows]), np.repeat([0, 1], 40)
    size = {0: 90, 1: 90}
    X_new, y_new = CappedResampler(sampling_strategy=size, random_state=0).fit_resample(
        X, y
    )
    made, labels = X_new[80:], y_new[80:]
    assert not np.isin(made[labels == 0][:, 0], made[labels == 1][:, 0]).any()
    plain, labels = SMOTE(sampling_strategy=size, random_state=0).fit_resample(X, y)
    assert np.array_equal(plain[80:][labels[80:] == 0], plain[80:][labels[80:] == 1])


@pytest.mark.parametrize(
    ("n", "size"),
    [(525, 525), (526, 500), (501, 501), (500, 500), (499, 500), (100, 500), (99, 184)],
)
def test_the_rule_at_its_edges(n: int, size: int) -> None:
    y = np.repeat([0, 1], [n, 600])
    sampler = CappedResampler().fit(np.zeros((len(y), 1)), y)
    assert sampler.sampling_strategy_ == {0: size, 1: 500}


def test_a_rare_class_never_passes_the_cap() -> None:
    y = np.repeat([0, 1], [60, 99])
    sampler = CappedResampler(cap=80).fit(np.zeros((len(y), 1)), y)
    assert sampler.sampling_strategy_ == {0: 80, 1: 80}


@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    cap=st.integers(1, 60),
    rare=st.integers(0, 60),
    k=st.integers(1, 7),
)
@settings(max_examples=40, deadline=None)
def test_sizes_and_neighbours_for_any_data(
    sizes: list[int], cap: int, rare: int, k: int
) -> None:
    X, y = data(dict(enumerate(sizes)))
    sampler = CappedResampler(cap=cap, rare_below=rare, k_neighbors=k, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    counts = Counter(y_new.tolist())
    assert counts == sampler.sampling_strategy_
    for label, n in enumerate(sizes):
        assert counts[label] <= max(cap, n)
        assert counts[label] >= min(cap, n)
        grows = counts[label] > n
        assert (label in sampler.k_neighbors_) == grows
        if grows:
            assert sampler.k_neighbors_[label] == min(k, n - 1)
        # No synthetic row leaves the range of its class.
        mine, made = X[y == label], X_new[y_new == label]
        assert np.all(made >= mine.min(0) - 1e-9)
        assert np.all(made <= mine.max(0) + 1e-9)


def test_a_class_of_one_row_is_repeated() -> None:
    X, y = data({"a": 30, "b": 1})
    sampler = CappedResampler(cap=5, rare_below=0, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    assert sampler.k_neighbors_ == {"b": 0}
    assert np.array_equal(X_new[y_new == "b"], np.repeat(X[y == "b"], 5, axis=0))


def test_names_of_classes_and_sizes_are_checked() -> None:
    X, y = data({"a": 30, "b": 10})
    with pytest.raises(ValueError, match=r"\['c'\], which y does not have"):
        CappedResampler(sampling_strategy={"c": 4}).fit_resample(X, y)
    for wrong in (0, -3, 2.5, True, "many"):
        with pytest.raises(ValueError, match="1 row or more"):
            CappedResampler(sampling_strategy={"a": wrong}).fit_resample(X, y)
    with pytest.raises(ValueError, match="must give a dict"):
        CappedResampler(sampling_strategy=lambda y: 3).fit_resample(X, y)
    for parameter in ({"cap": 0}, {"slack": -0.1}, {"rare_factor": 0.5}):
        with pytest.raises(ValueError, match=next(iter(parameter))):
            CappedResampler(**parameter).fit_resample(X, y)


def test_a_callable_gives_sizes() -> None:
    X, y = data({"a": 30, "b": 10})
    half = CappedResampler(
        sampling_strategy=lambda y: {c: n // 2 for c, n in Counter(y.tolist()).items()},
        random_state=0,
    )
    assert Counter(half.fit_resample(X, y)[1].tolist()) == {"a": 15, "b": 5}


def test_missing_values_are_refused() -> None:
    X, y = data({"a": 30, "b": 10})
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        CappedResampler().fit_resample(X, y)


@pytest.mark.parametrize("blank", [None, np.nan])
def test_missing_labels_are_refused(blank: Any) -> None:
    X = np.zeros((4, 1))
    for y in (["a", blank, "b", "b"], pd.Series(["a", "b", blank, "b"])):
        for method in ("fit", "fit_resample"):
            with pytest.raises(ValueError, match=r"1 row\(s\) have no label"):
                getattr(CappedResampler(), method)(X, y)


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_data_frames_keep_columns_and_precision(dtype: Any) -> None:
    X, y = data({"AGN": 60, "CV": 12})
    frame = pd.DataFrame(
        {
            "rate": X[:, 0].astype(np.float32),
            "hr1_rate": X[:, 1],
            "n_obs": np.arange(len(y)),
        },
        index=np.arange(len(y)) + 1000,
    )
    labels = pd.Series(y, index=frame.index, name="label").astype(dtype)
    X_new, y_new = CappedResampler(cap=30, rare_below=0).fit_resample(frame, labels)
    assert list(X_new.columns) == list(frame.columns)
    assert X_new.dtypes.equals(frame.dtypes)
    assert y_new.dtype == labels.dtype
    assert y_new.name == "label"
    assert X_new.index.equals(y_new.index)
    assert y_new.value_counts().to_dict() == {"AGN": 30, "CV": 30}


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_stay_sparse(make: Any) -> None:
    X, y = data({0: 80, 1: 30, 2: 1})
    X[X < 0.5] = 0
    sampler = CappedResampler(cap=50, rare_below=0, random_state=3)
    X_new, y_new = sampler.fit_resample(make(X), y)
    dense, y_dense = sampler.fit_resample(X, y)
    assert sparse.issparse(X_new)
    assert X_new.format == make(X).format
    np.testing.assert_allclose(X_new.toarray(), dense)
    assert np.array_equal(y_new, y_dense)


def test_seed_and_global_random_state() -> None:
    X, y = data({"a": 80, "b": 30})
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    sampler = CappedResampler(cap=50, rare_below=0, random_state=4)
    first, second = sampler.fit_resample(X, y)[0], sampler.fit_resample(X, y)[0]
    assert np.array_equal(first, second)
    free = CappedResampler(cap=50, rare_below=0)
    assert not np.array_equal(free.fit_resample(X, y)[0], free.fit_resample(X, y)[0])
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_grid_search_over_the_cap_with_small_folds() -> None:
    X, y = data({"a": 90, "b": 40, "c": 4})
    pipe = Pipeline(
        [
            ("scale", StandardScaler()),
            ("resample", CappedResampler(random_state=0)),
            ("classify", LogisticRegression()),
        ]
    )
    search = GridSearchCV(
        pipe,
        {"resample__cap": [10, 30, 60], "resample__rare_factor": [1.0, 5.0]},
        cv=StratifiedKFold(4),
        scoring="balanced_accuracy",
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.9
    # Prediction resamples nothing.
    assert len(search.predict(X)) == len(y)


@pytest.mark.real_data
def test_the_chandra_training_set(data_home: Any) -> None:
    frame = pd.read_csv(data_home / "xray" / "CSC_TD_11042023_MW.csv")
    X = np.log10(frame[["Fcsc_s", "Fcsc_m", "Fcsc_h"]])
    X_new, y_new = CappedResampler(random_state=0).fit_resample(X, frame["Class"])
    assert y_new.value_counts().to_dict() == {
        "AGN": 500,
        "LM-STAR": 500,
        "YSO": 500,
        "HM-STAR": 500,
        "NS": 500,
        "LMXB": 119,
        "CV": 86,
        "HMXB": 63,
    }
    assert np.isfinite(X_new.to_numpy()).all()
