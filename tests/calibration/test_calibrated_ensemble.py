"""CalibratedEnsembleClassifier and its temperature scaling."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedGroupKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.calibration import CalibratedEnsembleClassifier, MacroF1Classifier
from skastro.calibration._temperature import TemperatureScaling
from skastro.metrics import expected_calibration_error

BOTH = [("linear", LogisticRegression(max_iter=500)), ("bayes", GaussianNB())]


def sources(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return make_classification(
        n,
        n_features=8,
        n_informative=5,
        n_classes=3,
        weights=[0.7, 0.22, 0.08],
        class_sep=0.9,
        random_state=seed,
    )


def labels_of(logits: np.ndarray, seed: int) -> np.ndarray:
    """Draw classes with these logits."""
    noise = np.random.default_rng(seed).gumbel(size=logits.shape)
    return (logits + noise).argmax(axis=1)


def test_scaling_finds_temperature_and_bias() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(40_000, 3)) * 2
    y = labels_of(true, 1)
    bias = np.array([0.5, -0.2, -0.3])
    given = softmax((true - bias) * 1.7, axis=1)
    found = TemperatureScaling.fit(given, y, penalty=1e-6)
    assert found.temperature == pytest.approx(1.7, rel=0.03)
    np.testing.assert_allclose(found.bias, bias, atol=0.04)
    np.testing.assert_allclose(found(given), softmax(true, axis=1), atol=0.02)


def test_scaling_is_at_a_minimum_of_its_loss() -> None:
    rng = np.random.default_rng(3)
    given = softmax(rng.normal(size=(80, 4)) * 3, axis=1)
    y, weight = labels_of(np.log(given) / 2, 4), rng.uniform(0, 2, 80)

    def loss(t: float, b: np.ndarray) -> float:
        p = softmax(np.log(given) / t + b, axis=1)
        free = b - b.mean()
        return -weight @ np.log(p[np.arange(80), y]) + 0.5 * 2.0 * free @ free

    found = TemperatureScaling.fit(given, y, sample_weight=weight, penalty=2.0)
    best = loss(found.temperature, found.bias)
    for step in np.eye(5) * 0.02:
        for sign in (-1, 1):
            moved = loss(
                found.temperature * np.exp(sign * step[0]), found.bias + sign * step[1:]
            )
            assert moved >= best - 1e-5


def test_penalty_holds_rare_classes_back() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [995, 5])
    given = softmax(rng.normal(size=(1000, 2)), axis=1)
    free = TemperatureScaling.fit(given, y, penalty=0.0)
    held = TemperatureScaling.fit(given, y, penalty=100.0)
    assert abs(held.bias[0]) < 0.8 * abs(free.bias[0])
    np.testing.assert_array_equal(
        TemperatureScaling.fit(given, y, with_bias=False).bias, 0
    )


def test_perfect_and_impossible_probabilities_stay_finite() -> None:
    y = np.repeat([0, 1], 20)
    sure = np.eye(2)[y]
    for given in (sure, 1 - sure):
        found = TemperatureScaling.fit(given, y)
        assert np.isfinite(found(given)).all()
        assert 0.1 <= found.temperature <= 10.0001


def test_one_classifier_uncalibrated_is_the_mean_over_folds() -> None:
    X, y = sources()
    cv = KFold(4, shuffle=True, random_state=1)
    model = CalibratedEnsembleClassifier(BOTH[:1], cv=cv, calibration=None).fit(X, y)
    fits = [clone(BOTH[0][1]).fit(X[a], y[a]) for a, _ in cv.split(X)]
    expected = np.mean([fit.predict_proba(X) for fit in fits], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    out_of_fold = cross_val_predict(BOTH[0][1], X, y, cv=cv, method="predict_proba")
    np.testing.assert_allclose(model.oof_proba_, out_of_fold, rtol=1e-12)


def test_calibration_undoes_the_balance() -> None:
    X, y = sources(4000)
    test_X, test_y = X[2000:], y[2000:]
    kinds: dict[Any, float] = {}
    excess: dict[Any, float] = {}
    for calibration in (None, "temperature", "bias"):
        model = CalibratedEnsembleClassifier(
            BOTH[:1], balance=1.0, calibration=calibration, random_state=0
        ).fit(X[:2000], y[:2000])
        proba = model.predict_proba(test_X)
        kinds[calibration] = expected_calibration_error(test_y, proba)
        share = np.bincount(test_y) / len(test_y)
        excess[calibration] = float((proba.mean(axis=0) - share)[2])
    assert kinds["bias"] < 0.04
    assert kinds["bias"] < 0.5 * kinds[None]
    # Balanced training makes the rare class too probable.
    assert abs(excess["bias"]) < 0.02 < 0.08 < excess[None]
    assert excess["temperature"] > 0.08


def test_two_are_better_than_the_worse_and_repeats_are_counted() -> None:
    X, y = sources(1500)
    train, test = slice(0, 800), slice(800, None)
    loss = {}
    for names in ("linear", "bayes", "both"):
        chosen = [part for part in BOTH if names in ("both", part[0])]
        model = CalibratedEnsembleClassifier(
            chosen,
            n_repeats={k: 3 for k, _ in chosen if k == "bayes"},
            random_state=0,
        ).fit(X[train], y[train])
        loss[names] = log_loss(y[test], model.predict_proba(X[test]))
    assert {k: len(v) for k, v in model.estimators_.items()} == {
        "linear": 5,
        "bayes": 15,
    }
    assert set(model.calibrators_) == {"linear", "bayes", "average"}
    assert loss["both"] < max(loss["linear"], loss["bayes"])
    members = model.member_proba(X[test])
    logs = np.mean([np.log(members[name]) for name in ("linear", "bayes")], axis=0)
    expected = model.calibrators_["average"](softmax(logs, axis=1))
    np.testing.assert_allclose(model.predict_proba(X[test]), expected, rtol=1e-9)


@pytest.mark.parametrize("average", ["geometric", "arithmetic"])
def test_probabilities_sum_to_one_and_repeat(average: str) -> None:
    X, y = sources()
    names = np.array(["AGN", "star", "CV"])[y]
    forest = [("forest", RandomForestClassifier(10)), *BOTH]
    model = CalibratedEnsembleClassifier(forest, average=average, random_state=3)
    proba = model.fit(X, names).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    again = clone(model).set_params(n_jobs=2).fit(X, names)
    np.testing.assert_array_equal(again.predict_proba(X), proba)
    np.testing.assert_array_equal(again.oof_proba_, model.oof_proba_)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(X), proba)
    assert set(model.predict(X)) <= set(names)


def test_groups_are_kept_together() -> None:
    X, y = sources(200)
    field = np.repeat(np.arange(40), 5)
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append(set(X[:, 0]))
            return super().fit(X, y, sample_weight)

    CalibratedEnsembleClassifier([("spy", Spy(max_iter=500))], random_state=0).fit(
        X, y, groups=field
    )
    for values in seen:
        inside = np.isin(X[:, 0], list(values))
        assert all(len(set(inside[field == f])) == 1 for f in np.unique(field))
    # A splitter of one's own gets them, too.
    cv = StratifiedGroupKFold(3)
    model = CalibratedEnsembleClassifier(BOTH, cv=cv).fit(X, y, groups=field)
    assert len(model.estimators_["bayes"]) == 3


def test_rare_class_and_frames() -> None:
    X, y = sources(300)
    names = np.where(np.arange(300) < 3, "NS", np.array(["AGN", "CV", "LMXB"])[y])
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(8)])
    model = CalibratedEnsembleClassifier(BOTH, random_state=0)
    model.fit(frame, pd.Series(names))
    assert model.classes_.tolist() == ["AGN", "CV", "LMXB", "NS"]
    assert len(model.estimators_["linear"]) == 3
    assert list(model.feature_names_in_) == list(frame)
    assert np.isfinite(model.predict_proba(frame)).all()


def test_rows_that_no_fold_tests_have_no_probability() -> None:
    X, y = sources(90)
    splits = [(np.arange(60), np.arange(60, 80)), (np.arange(20, 80), np.arange(20))]
    model = CalibratedEnsembleClassifier(BOTH, cv=splits).fit(X, y)
    tested = np.r_[np.ones(20), np.zeros(40), np.ones(20), np.zeros(10)].astype(bool)
    np.testing.assert_array_equal(np.isfinite(model.oof_proba_).all(axis=1), tested)


def test_macro_f1_rule_takes_the_free_probabilities() -> None:
    X, y = sources()
    fits = []

    class Counted(GaussianNB):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            fits.append(len(y))
            return super().fit(X, y, sample_weight)

    inner = CalibratedEnsembleClassifier([("nb", Counted())], random_state=0)
    MacroF1Classifier(inner).fit(X, y)
    assert len(fits) == 5


def test_weights_go_to_the_last_step_of_a_pipeline() -> None:
    X, y = sources()
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    model = CalibratedEnsembleClassifier([("p", pipe)], balance=0.5, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.7
    with pytest.raises(ValueError, match="does not take it"):
        CalibratedEnsembleClassifier([("k", KNeighborsClassifier())], balance=1).fit(
            X, y
        )


@pytest.mark.parametrize(
    "names", [["a", "a"], ["average", "b"], []], ids=["twice", "taken", "none"]
)
def test_names_are_checked(names: list[str]) -> None:
    X, y = sources(60)
    with pytest.raises(ValueError, match=r"[Nn]ames"):
        CalibratedEnsembleClassifier([(n, GaussianNB()) for n in names]).fit(X, y)


def test_a_cv_without_splits_is_refused():
    X, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    with pytest.raises(ValueError, match="gives no split"):
        CalibratedEnsembleClassifier([("a", GaussianNB())], cv=[]).fit(X, y)
