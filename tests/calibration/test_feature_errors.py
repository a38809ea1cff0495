"""Measurement errors carried over to probabilities."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skastro.calibration import FeatureErrorEnsemble, _feature_errors
from skastro.calibration._error_draws import (
    MeasuredColumns,
    draw_values,
    read_columns,
    row_shifts,
)


class Recorder(ClassifierMixin, BaseEstimator):
    """Logistic function of the first column; keeps what it is given."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        self.fitted_on_ = X.copy()
        self.seen_: list[Any] = []
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        self.seen_.append(X.copy())
        first = X.iloc[:, 0] if isinstance(X, pd.DataFrame) else X[:, 0]
        p = 1 / (1 + np.exp(-np.asarray(first, dtype=float)))
        return np.stack([1 - p, p], axis=1)


def columns_of(value: Any, error: Any, positive: bool = False) -> MeasuredColumns:
    value, error = np.atleast_2d(value).T, np.atleast_2d(error).T
    return MeasuredColumns(
        np.array([0]), value.astype(float), error.astype(float), np.array([positive])
    )


def fluxes(n: int = 150) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    soft, hard = 10 ** rng.normal(-14, 0.5, (2, n))
    frame = pd.DataFrame(
        {
            "soft": soft,
            "hard": hard,
            "soft_err": 0.2 * soft,
            "hard_err": 0.5 * hard,
            "field": rng.choice(["a", "b"], n),
        }
    )
    return frame, np.where(hard > soft, "AGN", "star")


def hardness(X: pd.DataFrame) -> pd.DataFrame:
    ratio = (X["hard"] - X["soft"]) / (X["hard"] + X["soft"])
    return pd.DataFrame({"hr": ratio})


NAMED = {"soft": "soft_err", "hard": "hard_err"}


def test_draws_follow_the_normal_law() -> None:
    u = np.array([[0.001], [0.16], [0.5], [0.9]])
    drawn = draw_values(columns_of([3.0] * 4, [2.0] * 4), u)
    np.testing.assert_allclose(drawn, stats.norm(3, 2).ppf(u))


@pytest.mark.parametrize("ratio", [5.0, 1.0, 0.0, -3.0, -20.0, -60.0])
def test_positive_draws_follow_the_law_above_zero(ratio: float) -> None:
    u = np.linspace(0.01, 0.99, 9)[:, None]
    error = 3e-15
    n = len(u)
    drawn = draw_values(columns_of([ratio * error] * n, [error] * n, True), u)
    assert (drawn > 0).all()
    assert (np.diff(drawn[:, 0]) > 0).all()
    # The upper tail of the normal law in units of what is left above zero.
    tail = stats.norm.logsf(drawn / error - ratio) - stats.norm.logsf(-ratio)
    np.testing.assert_allclose(tail, np.log1p(-u), rtol=1e-6)


def test_what_has_no_error_stays() -> None:
    value = np.array([1.0, 2.0, np.nan, 4.0, np.inf])
    error = np.array([np.nan, 0.0, 1.0, 1.0, 1.0])
    columns = columns_of(value, error)
    drawn = draw_values(columns, np.full((5, 1), 0.9))[:, 0]
    np.testing.assert_array_equal(drawn[[0, 1, 2, 4]], value[[0, 1, 2, 4]])
    assert drawn[3] > 4
    np.testing.assert_array_equal(columns.drawn[:, 0], [0, 0, 0, 1, 0])


def test_shifts_are_uniform_and_independent() -> None:
    rng = np.random.default_rng(0)
    value, error = rng.normal(size=(2, 4000, 3))
    columns = MeasuredColumns(np.arange(3), value, np.abs(error), np.zeros(3, bool))
    shifts = row_shifts(columns, 12345)
    for j in range(3):
        assert stats.kstest(shifts[:, j], "uniform").pvalue > 0.001
        # Between neighbouring rows, too.
        assert abs(np.corrcoef(shifts[1:, j], shifts[:-1, j])[0, 1]) < 0.06
    assert np.abs(np.corrcoef(shifts.T) - np.eye(3)).max() < 0.06
    assert not np.isclose(shifts, row_shifts(columns, 12346)).any(axis=1).mean() > 0.01
    # One number decides it, in any column; signs of zero and kinds of NaN do not.
    other = MeasuredColumns(np.arange(3), value.copy(), columns.error, columns.positive)
    # In single precision, so that rows of both precisions have the same draws.
    other.value[0, 2] = np.nextafter(np.float32(other.value[0, 2]), np.float32(9))
    changed = row_shifts(other, 12345) != shifts
    assert changed[0].all()
    assert not changed[1:].any()
    nan = np.array([np.nan, -np.nan])
    shift = row_shifts(columns_of(nan, [0.0, -0.0]), 1)
    assert shift[0] == shift[1]


def test_draws_for_predictions() -> None:
    X, y = fluxes(400)
    clf = FeatureErrorEnsemble(
        Recorder(), error_columns=NAMED, n_draws=40, random_state=0
    ).fit(X, y)
    before = X.copy()
    clf.predict_proba_draws(X)
    pd.testing.assert_frame_equal(X, before)
    seen = clf.estimator_.seen_
    assert len(seen) == 40
    z = {}
    for name, error in NAMED.items():
        drawn = np.array([part[name] for part in seen])
        z[name] = (drawn - X[name].to_numpy()) / X[error].to_numpy()
        assert stats.kstest(z[name].ravel(), "norm").pvalue > 0.001
        # Each row fills the law evenly: 1/sqrt(40) would be 0.16.
        assert z[name].mean(axis=0).std() < 0.05
        # Rows are not drawn alike: the mean over 400 rows varies by 1/20.
        assert np.abs(z[name].mean(axis=1)).max() < 0.25
    soft, hard = z["soft"], z["hard"]
    assert abs(np.corrcoef(soft.ravel(), hard.ravel())[0, 1]) < 0.1
    each = [np.corrcoef(soft[:, i], hard[:, i])[0, 1] for i in range(400)]
    assert abs(np.mean(each)) < 0.1
    for part in seen:
        pd.testing.assert_frame_equal(
            part.drop(columns=list(NAMED)), X.drop(columns=list(NAMED))
        )


def test_ratios_are_computed_after_the_draw() -> None:
    X, y = fluxes()
    pipe = make_pipeline(FunctionTransformer(hardness), LogisticRegression(C=100))
    clf = FeatureErrorEnsemble(
        pipe, error_columns=NAMED, positive=["soft", "hard"], random_state=0
    ).fit(X, y)
    draws = clf.predict_proba_draws(X)
    # The hardness of each draw, read back from its probability.
    model = clf.estimator_[-1]
    hr = (np.log(draws[:, :, 1] / draws[:, :, 0]) - model.intercept_) / model.coef_[0]
    assert (np.abs(hr) < 1 + 1e-9).all()
    measured = hardness(X)["hr"].to_numpy()
    s, h = X["soft"].to_numpy(), X["hard"].to_numpy()
    # To first order, with errors of 0.2 and 0.5 of the fluxes.
    sigma = 2 * s * h * np.hypot(0.2, 0.5) / (s + h) ** 2
    bright = sigma < 0.15
    assert bright.sum() > 20
    spread = hr.std(axis=0)[bright] / sigma[bright]
    assert 0.8 < np.median(spread) < 1.3
    assert np.abs(np.median(hr, axis=0) - measured).max() < 0.15


def test_probability_and_error_by_hand() -> None:
    X = np.array([[0.3, 0.8], [1.0, np.nan], [-2.0, 0.1], [0.0, 3.0]])
    clf = FeatureErrorEnsemble(
        Recorder(), error_columns={0: 1}, n_draws=400, random_state=0
    ).fit(X, [0, 1, 0, 1])
    proba, std = clf.predict_proba(X), clf.predict_proba_std(X)
    drawn = np.nan_to_num(X[:, 1])

    def logistic(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    np.testing.assert_allclose(proba[:, 1], logistic(X[:, 0]), atol=0.005)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    z = stats.norm.ppf(0.84)
    expected = (logistic(X[:, 0] + z * drawn) - logistic(X[:, 0] - z * drawn)) / 2
    np.testing.assert_allclose(std, np.stack([expected] * 2, axis=1), atol=0.01)
    draws = clf.predict_proba_draws(X)
    assert draws.shape == (400, 4, 2)
    median = np.median(draws, axis=0)
    np.testing.assert_allclose(proba, median / median.sum(axis=1, keepdims=True))
    low, high = np.percentile(draws, [16, 84], axis=0)
    np.testing.assert_allclose(std, (high - low) / 2)
    best = proba.max(axis=1) - proba.min(axis=1)
    with np.errstate(divide="ignore"):
        ct = best / std.sum(axis=1)
    confidence = clf.confidence(X)
    # Nothing was drawn in row 1: its error is not known.
    assert np.isnan(confidence[1])
    np.testing.assert_allclose(confidence[[0, 2, 3]], ct[[0, 2, 3]])
    np.testing.assert_array_equal(clf.accept(X), [False, False, True, False])
    low = clf.set_params(confidence_threshold=0.1).accept(X)
    np.testing.assert_array_equal(low, [confidence[0] > 0.1, False, True, False])


def test_confidence_is_the_least_over_the_other_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proba = np.array([[0.5, 0.3, 0.2], [0.6, 0.4, 0.0], [0.5, 0.5, 0.0]])
    error = np.array([[0.1, 0.1, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.1]])
    clf = FeatureErrorEnsemble()
    monkeypatch.setattr(clf, "_summary", lambda X: (proba, error))
    np.testing.assert_allclose(clf.confidence(None), [1.0, np.inf, 0.0])


def test_a_row_has_the_same_draws_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = fluxes()
    pipe = make_pipeline(FunctionTransformer(hardness), LogisticRegression())
    clf = FeatureErrorEnsemble(
        pipe, error_columns=NAMED, n_draws=12, random_state=0
    ).fit(X, y)
    whole, std = clf.predict_proba(X), clf.predict_proba_std(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(clf.predict_proba(X.iloc[order]), whole[order])
    np.testing.assert_allclose(clf.predict_proba(X.iloc[[7]]), whole[[7]])
    monkeypatch.setattr(_feature_errors, "_CHUNK_VALUES", 12 * 2 * 40)
    np.testing.assert_allclose(clf.predict_proba(X), whole)
    np.testing.assert_allclose(clf.predict_proba_std(X), std)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_allclose(loaded.predict_proba(X), whole)
    again = FeatureErrorEnsemble(
        pipe, error_columns=NAMED, n_draws=12, random_state=0
    ).fit(X, y)
    np.testing.assert_allclose(again.predict_proba(X), whole)
    other = FeatureErrorEnsemble(
        pipe, error_columns=NAMED, n_draws=12, random_state=1
    ).fit(X, y)
    assert not np.allclose(other.predict_proba(X), whole)


def test_arrays_and_frames_agree() -> None:
    X, y = fluxes()
    X = X.drop(columns="field") * 1e14
    named = FeatureErrorEnsemble(error_columns=NAMED, positive=["hard"], random_state=0)
    placed = FeatureErrorEnsemble(
        error_columns={0: 2, 1: -1}, positive=[1], random_state=0
    )
    a = named.fit(X, y).predict_proba(X)
    b = placed.fit(X.to_numpy(), y).predict_proba(X.to_numpy())
    np.testing.assert_allclose(a, b)
    np.testing.assert_allclose(placed.predict_proba(X.to_numpy().tolist()), b)


def test_kinds_of_columns_are_kept() -> None:
    frame = pd.DataFrame(
        {
            "a": np.array([1, 2, 3, 4], np.float32),
            "b": pd.array([1.0, None, 3.0, 4.0], dtype="Float64"),
            "c": [1, 2, 3, 4],
            "e": [0.1, 0.2, None, 0.1],
            "kind": pd.Categorical(["x", "y", "x", "y"]),
        }
    )
    clf = FeatureErrorEnsemble(
        Recorder(),
        error_columns={"a": "e", "b": "e", "c": "e"},
        n_draws=3,
        random_state=0,
    ).fit(frame, [0, 1, 0, 1])
    clf.predict_proba(frame)
    for part in clf.estimator_.seen_:
        assert part["a"].dtype == np.float32
        assert part["c"].dtype == np.float64
        assert part["kind"].dtype == "category"
        np.testing.assert_array_equal(np.isnan(part["b"].to_numpy(float)), [0, 1, 0, 0])
        assert part["c"][2] == 3
        assert part["c"][0] != 1
    single = np.array([[1, 0.1], [2, 0.1]], np.float32)
    clf = FeatureErrorEnsemble(Recorder(), error_columns={0: 1}, n_draws=3).fit(
        single, [0, 1]
    )
    clf.predict_proba(single)
    assert all(part.dtype == np.float32 for part in clf.estimator_.seen_)
    whole = np.array([[10, 2], [20, 2]])
    clf.fit(whole, [0, 1]).predict_proba(whole)
    assert all((part[:, 0] % 1 != 0).any() for part in clf.estimator_.seen_)


def test_one_estimator_for_each_draw() -> None:
    X, y = fluxes(400)
    clf = FeatureErrorEnsemble(
        Recorder(),
        error_columns=NAMED,
        n_draws=6,
        draw="fit+predict",
        random_state=0,
    ).fit(X, y)
    assert len(clf.estimators_) == clf.n_draws_ == 6
    assert clf.estimator_ is clf.estimators_[0]
    z = np.array(
        [
            (e.fitted_on_[name] - X[name]) / X[error]
            for e in clf.estimators_
            for name, error in NAMED.items()
        ]
    )
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.001
    # Twelve columns of draws, all independent.
    assert np.abs(np.corrcoef(z) - np.eye(12)).max() < 0.25
    clf.predict_proba(X)
    assert [len(e.seen_) for e in clf.estimators_] == [1] * 6


def test_parallel_fits_are_the_same() -> None:
    from joblib import parallel_config

    X, y = fluxes()
    X = X.drop(columns="field") * 1e14
    clf = FeatureErrorEnsemble(
        error_columns=NAMED, n_draws=4, draw="fit+predict", random_state=0
    )
    expected = clf.fit(X, y).predict_proba(X)
    with parallel_config(backend="threading"):
        clf.set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_medians_that_are_all_zero_give_way_to_the_mean() -> None:
    class Turning(LogisticRegression):
        def predict_proba(self, X: Any) -> np.ndarray:
            return np.eye(3)[np.digitize(X[:, 0], [-0.43, 0.43])]

    X = np.array([[0.0, 1.0], [2.0, 0.1], [-2.0, 0.1]])
    clf = FeatureErrorEnsemble(
        Turning(), error_columns={0: 1}, n_draws=300, random_state=0
    ).fit(X, [0, 1, 2])
    proba = clf.predict_proba(X)
    np.testing.assert_allclose(proba[0], [1 / 3] * 3, atol=0.02)
    np.testing.assert_allclose(proba[1:], [[0, 0, 1], [1, 0, 0]])


def test_without_errors_there_is_one_draw() -> None:
    X, y = fluxes()
    X = X[["soft", "hard"]] * 1e14
    clf = FeatureErrorEnsemble().fit(X, y)
    assert clf.n_draws_ == 1
    assert clf.grid_.shape == (1, 0)
    expected = LogisticRegression(max_iter=1000).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    assert clf.predict_proba_draws(X).shape == (1, len(X), 2)
    assert (clf.predict_proba_std(X) == 0).all()
    assert np.isinf(clf.confidence(X)).all()
    assert clf.accept(X).all()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"error_columns": {"soft": "soft_error"}}, "0 column.*'soft_error'"),
        ({"error_columns": {7: 0}}, "position 7"),
        ({"error_columns": {0: 2, "soft": 2}}, "twice"),
        ({"error_columns": NAMED, "positive": ["medium"]}, r"\['medium'\]"),
        ({"error_columns": {"soft": "bad"}}, "-99 in row 3 of 'bad'"),
        ({"error_columns": {"soft": "field"}}, "string"),
        ({"error_columns": ["soft"]}, "error_columns"),
        ({"n_draws": 0}, "n_draws"),
        ({"draw": "fit"}, "draw"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(keywords: dict, message: str) -> None:
    X, y = fluxes(20)
    X["bad"] = np.where(np.arange(20) == 3, -99.0, 1.0)
    with pytest.raises(ValueError, match=message):
        FeatureErrorEnsemble(Recorder(), **keywords).fit(X, y)


def test_bad_input_is_refused() -> None:
    X, y = np.ones((6, 2)), [0, 1] * 3
    with pytest.raises(ValueError, match="no DataFrame"):
        FeatureErrorEnsemble(error_columns={"a": "b"}).fit(X, y)
    with pytest.raises(ValueError, match="dense"):
        FeatureErrorEnsemble(error_columns={0: 1}).fit(sparse.csr_array(X), y)
    clf = FeatureErrorEnsemble(error_columns={0: 1}).fit(X, y)
    with pytest.raises(ValueError, match="two axes"):
        clf.predict_proba(X[0])
    with pytest.raises(ValueError, match="inf in row 0"):
        clf.predict_proba([[1.0, np.inf]])
    with pytest.raises(ValueError, match=r"2 column\(s\) named 'a'"):
        read_columns(pd.DataFrame(X, columns=["a", "a"]), {"a": 0}, ())
