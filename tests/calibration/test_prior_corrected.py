"""Probabilities for other class frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.calibration import PriorCorrectedClassifier

MEANS = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 2.0]])


def sample(n: int, priors: Any, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.choice(3, n, p=priors)
    return rng.normal(MEANS[label]), np.array(["a", "b", "c"])[label]


def truth(X: np.ndarray, priors: Any) -> np.ndarray:
    density = np.exp(-0.5 * ((X[:, None] - MEANS) ** 2).sum(axis=2)) * priors
    return density / density.sum(axis=1, keepdims=True)


def test_formula_by_hand() -> None:
    X, y = sample(400, [0.6, 0.3, 0.1])
    clf = PriorCorrectedClassifier(priors={"a": 0.2, "b": 0.5, "c": 0.3}).fit(X, y)
    plain = LogisticRegression(max_iter=1000).fit(X, y).predict_proba(X)
    seen = np.array([(y == c).mean() for c in "abc"])
    expected = plain * np.array([0.2, 0.5, 0.3]) / seen
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-12)
    assert set(clf.predict(X)) <= set("abc")


def test_nothing_changes_without_resampling() -> None:
    X, y = sample(200, [0.6, 0.3, 0.1])
    clf = PriorCorrectedClassifier().fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), clf.estimator_.predict_proba(X))


def test_a_resampled_posterior_becomes_the_true_one() -> None:
    priors = np.array([0.85, 0.1, 0.05])
    X, y = sample(20_000, priors)
    pipe = make_resampling_pipeline(
        StandardScaler(), RandomUnderSampler(random_state=0), LogisticRegression()
    )
    clf = PriorCorrectedClassifier(pipe).fit(X, y)
    np.testing.assert_allclose(clf.seen_priors_, 1 / 3)
    new, _ = sample(2000, priors, seed=1)
    before = np.abs(clf.estimator_.predict_proba(new) - truth(new, priors)).mean()
    after = np.abs(clf.predict_proba(new) - truth(new, priors)).mean()
    assert before > 0.15
    assert after < 0.015


def test_seen_priors_are_measured_behind_the_sampler() -> None:
    X, y = sample(1000, [0.8, 0.15, 0.05])
    counts = {c: int((y == c).sum()) for c in "abc"}
    sampler = SMOTE(sampling_strategy={"b": 300, "c": 200}, random_state=0)
    pipe = make_resampling_pipeline(sampler, LogisticRegression())
    clf = PriorCorrectedClassifier(pipe).fit(X, y)
    seen = np.array([counts["a"], 300, 200])
    np.testing.assert_allclose(clf.seen_priors_, seen / seen.sum())
    np.testing.assert_allclose(
        clf.train_priors_, np.array([counts[c] for c in "abc"]) / 1000
    )
    np.testing.assert_array_equal(clf.priors_, clf.train_priors_)
    # The pipeline is as it would be without us.
    assert type(clf.estimator_.steps[-1][1]) is LogisticRegression
    expected = clone(pipe).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clf.estimator_.predict_proba(X), expected)
    # In a pipeline in a pipeline, too.
    outer = PriorCorrectedClassifier(make_pipeline(StandardScaler(), pipe)).fit(X, y)
    np.testing.assert_allclose(outer.seen_priors_, clf.seen_priors_)
    assert type(outer.estimator_[-1][-1]) is LogisticRegression


def test_a_failed_fit_leaves_the_given_pipeline_alone() -> None:
    X, y = sample(100, [0.8, 0.15, 0.05])
    pipe = make_resampling_pipeline(RandomOverSampler(), LogisticRegression(C=-1))
    with pytest.raises(ValueError, match="C"):
        PriorCorrectedClassifier(pipe).fit(X, y)
    assert type(pipe.steps[-1][1]) is LogisticRegression


@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [
        ("balanced", [1 / 3, 1 / 3, 1 / 3]),
        ({"a": 1, "b": 2, "c": 4}, [0.5, 0.25, 0.25]),
        ({"c": 2.0}, [2 / 3, 1 / 6, 1 / 6]),
    ],
)
def test_class_weights_count(class_weight: Any, expected: list[float]) -> None:
    y = np.repeat(["a", "b", "c"], [80, 20, 10])
    X = np.random.default_rng(0).normal(size=(110, 2))
    inner = LogisticRegression(class_weight=class_weight)
    clf = PriorCorrectedClassifier(inner).fit(X, y)
    np.testing.assert_allclose(clf.seen_priors_, expected)
    # Weights that say the same do the same to the probabilities.
    factors = clf.seen_priors_ / clf.train_priors_
    weight = factors[np.searchsorted(clf.classes_, y)]
    same = LogisticRegression(C=inner.C).fit(
        X, y, sample_weight=weight * 110 / weight.sum()
    )
    uncorrected = clf.estimator_.predict_proba(X)
    np.testing.assert_allclose(
        same.predict_proba(X).mean(axis=0), uncorrected.mean(axis=0), atol=0.02
    )


def test_sample_weights_count() -> None:
    X, y = sample(300, [0.6, 0.3, 0.1])
    weight = np.where(y == "c", 3.0, 1.0)
    clf = PriorCorrectedClassifier().fit(X, y, sample_weight=weight)
    expected = np.array([weight[y == c].sum() for c in "abc"]) / weight.sum()
    np.testing.assert_allclose(clf.train_priors_, expected)
    np.testing.assert_allclose(clf.seen_priors_, expected)


def test_stated_priors_of_the_estimator_are_believed() -> None:
    X, y = sample(300, [0.6, 0.3, 0.1])
    for inner in (
        GaussianNB(priors=[0.2, 0.3, 0.5]),
        LinearDiscriminantAnalysis(priors=[0.2, 0.3, 0.5]),
        PriorCorrectedClassifier(priors=[0.2, 0.3, 0.5]),
    ):
        clf = PriorCorrectedClassifier(inner).fit(X, y)
        np.testing.assert_allclose(clf.seen_priors_, [0.2, 0.3, 0.5])


@pytest.mark.parametrize(
    "inner",
    [
        GridSearchCV(
            make_resampling_pipeline(RandomOverSampler(), LogisticRegression()),
            {"logisticregression__C": [1.0]},
            cv=2,
        ),
        CalibratedClassifierCV(LogisticRegression(class_weight="balanced"), cv=2),
        BalancedRandomForestClassifier(5, sampling_strategy="all", replacement=True),
        FrozenEstimator(LogisticRegression().fit([[0], [1], [2]], ["a", "b", "c"])),
    ],
    ids=lambda e: type(e).__name__,
)
def test_what_cannot_be_told_is_refused(inner: Any) -> None:
    X, y = sample(300, [0.6, 0.3, 0.1])
    with pytest.raises(ValueError, match=r"cannot be told.*training_priors"):
        PriorCorrectedClassifier(inner).fit(X[:, :1], y)
    clf = PriorCorrectedClassifier(inner, training_priors="balanced").fit(X[:, :1], y)
    np.testing.assert_allclose(clf.seen_priors_, 1 / 3)


def test_class_weight_and_sample_weight_together_are_refused() -> None:
    X, y = sample(300, [0.6, 0.3, 0.1])
    inner = LogisticRegression(class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight and sample_weight"):
        PriorCorrectedClassifier(inner).fit(X, y, sample_weight=np.ones(300))


def test_one_fit_trades_accuracy_for_balanced_accuracy() -> None:
    X, y = sample(4000, [0.85, 0.1, 0.05])
    clf = PriorCorrectedClassifier(
        RandomForestClassifier(20, min_samples_leaf=20, random_state=0)
    ).fit(X[:2000], y[:2000])
    even = clf.with_priors("balanced")
    assert even.estimator_ is clf.estimator_
    assert even is not clf
    assert clf.priors == "train"
    np.testing.assert_allclose(even.priors_, 1 / 3)
    a, b = clf.predict(X[2000:]), even.predict(X[2000:])
    assert accuracy_score(y[2000:], a) > accuracy_score(y[2000:], b) + 0.03
    gain = balanced_accuracy_score(y[2000:], b) - balanced_accuracy_score(y[2000:], a)
    assert gain > 0.05
    # What it was made with is what a new fit would give.
    refitted = clone(even).fit(X[:2000], y[:2000])
    np.testing.assert_array_equal(refitted.predict_proba(X), even.predict_proba(X))


def test_priors_of_an_unlabelled_sample_are_found() -> None:
    X, y = sample(5000, [0.6, 0.3, 0.1])
    clf = PriorCorrectedClassifier().fit(X, y)
    target = np.array([0.15, 0.25, 0.6])
    new, label = sample(5000, target, seed=1)
    found = clf.estimate_priors(new)
    assert list(found) == ["a", "b", "c"]
    np.testing.assert_allclose(list(found.values()), target, atol=0.03)
    moved = clf.with_priors(found)
    assert accuracy_score(label, moved.predict(new)) > accuracy_score(
        label, clf.predict(new)
    )
    np.testing.assert_allclose(
        moved.predict_proba(new).mean(axis=0), list(found.values()), atol=1e-4
    )


def test_zero_probabilities_and_zero_priors() -> None:
    class Certain(GaussianNB):
        def predict_proba(self, X: Any) -> np.ndarray:
            return np.eye(3)[np.asarray(X)[:, 0].astype(int)]

    X, y = np.arange(3.0)[:, None].repeat(4, axis=0), np.repeat(list("abc"), 4)
    inner = Certain(priors=[1 / 3] * 3)
    clf = PriorCorrectedClassifier(inner, priors={"a": 0.0, "b": 0.25, "c": 0.75})
    proba = clf.fit(X, y).predict_proba([[0], [1], [2]])
    np.testing.assert_allclose(proba, [[0, 0.25, 0.75], [0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"a": 0.5, "b": 0.5}, r"missing: \['c'\]"),
        ({"a": 0.5, "b": 0.25, "c": 0.2, "d": 0.05}, r"unknown: \['d'\]"),
        ({"a": 600, "b": 300, "c": 100}, "add up to 1"),
        ({"a": 1.2, "b": -0.2, "c": 0}, "not negative"),
        ([0.5, 0.5], r"3 numbers"),
        ([0.5, np.nan, 0.5], "finite"),
        ("even", "priors"),
    ],
)
def test_bad_priors_are_refused(priors: Any, message: str) -> None:
    X, y = sample(100, [0.6, 0.3, 0.1])
    with pytest.raises(ValueError, match=message):
        PriorCorrectedClassifier(priors=priors).fit(X, y)
    fitted = PriorCorrectedClassifier().fit(X, y)
    with pytest.raises(ValueError, match=message):
        fitted.with_priors(priors)


def test_a_class_never_seen_cannot_be_corrected() -> None:
    X, y = sample(100, [0.6, 0.3, 0.1])
    clf = PriorCorrectedClassifier(training_priors=[0.5, 0.5, 0.0])
    with pytest.raises(ValueError, match=r"has not seen the classes \['c'\]"):
        clf.fit(X, y)


def test_integer_and_boolean_labels_name_priors() -> None:
    X, y = sample(100, [0.6, 0.3, 0.1])
    number = np.searchsorted(["a", "b", "c"], y)
    clf = PriorCorrectedClassifier(priors={0: 0.1, 1: 0.2, 2: 0.7}).fit(X, number)
    np.testing.assert_allclose(clf.priors_, [0.1, 0.2, 0.7])
    clf = PriorCorrectedClassifier(priors={True: 0.9, False: 0.1}).fit(X, number > 0)
    np.testing.assert_allclose(clf.priors_, [0.1, 0.9])
    series = pd.Series(y, dtype="string")
    clf = PriorCorrectedClassifier(priors={"a": 0.1, "b": 0.2, "c": 0.7}).fit(X, series)
    np.testing.assert_allclose(clf.priors_, [0.1, 0.2, 0.7])
