"""Acceptance of predictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from skastro.calibration import RejectClassifier
from skastro.calibration._reject import confidence_of, risk_bound


def sample(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    X = rng.normal(np.array([[0, 0], [1.5, 0], [0, 2.0]])[y])
    return X, np.array(["AGN", "star", "CV"])[y]


def test_confidence_by_hand() -> None:
    proba = np.array([[0.5, 0.3, 0.2], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(confidence_of(proba, "max_proba"), [0.5, 1, 1 / 3])
    np.testing.assert_allclose(confidence_of(proba, "margin"), [0.2, 1, 0], atol=1e-15)
    entropy = stats.entropy(proba, axis=1) / np.log(3)
    np.testing.assert_allclose(confidence_of(proba, "entropy"), 1 - entropy, atol=1e-12)
    for criterion in ("max_proba", "margin", "entropy"):
        np.testing.assert_array_equal(confidence_of(np.ones((2, 1)), criterion), [1, 1])


@pytest.mark.parametrize("criterion", ["max_proba", "margin", "entropy"])
def test_the_coverage_asked_for_is_kept(criterion: str) -> None:
    X, y = sample(1500)
    clf = RejectClassifier(coverage=0.7, criterion=criterion).fit(X[:700], y[:700])
    kept = clf.accept(X[700:])
    assert kept.dtype == bool
    # Both sides vary by sqrt(pq/n): 0.025 together.
    assert abs(kept.mean() - 0.7) < 0.08
    assert 0.7 <= clf.coverage_ < 0.7 + 2 / 700
    wrong = clf.predict(X[700:]) != y[700:]
    assert wrong[kept].mean() < wrong.mean() - 0.03
    np.testing.assert_array_equal(kept, clf.confidence(X[700:]) >= clf.threshold_)
    assert set(clf.predict(X)) <= set(clf.classes_)
    assert not hasattr(clf, "risk_bound_")


def test_threshold_risk_and_coverage_by_hand() -> None:
    X, y = sample(300)
    folds = StratifiedKFold(4)
    proba = cross_val_predict(
        LogisticRegression(max_iter=1000), X, y, cv=folds, method="predict_proba"
    )
    confidence = np.sort(proba.max(axis=1))[::-1]
    clf = RejectClassifier(cv=folds, coverage=0.5).fit(X, y)
    assert clf.threshold_ == confidence[149]
    kept = proba.max(axis=1) >= clf.threshold_
    wrong = np.unique(y)[proba.argmax(axis=1)] != y
    assert clf.risk_ == pytest.approx(wrong[kept].mean())
    risk = RejectClassifier(cv=folds, threshold="risk", max_risk=0.08, delta=None)
    risk.fit(X, y)
    # The least threshold of all that keep the risk.
    fine = [t for t in confidence if wrong[proba.max(axis=1) >= t].mean() <= 0.08]
    assert risk.threshold_ == min(fine)
    assert risk.risk_ <= 0.08


def test_equal_confidences_stand_or_fall_together() -> None:
    class Coarse(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):  # type: ignore[no-untyped-def]
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):  # type: ignore[no-untyped-def]
            p = np.asarray(X)[:, 0]
            return np.stack([1 - p, p], axis=1)

    X = np.repeat([0.9, 0.8, 0.6], [4, 4, 2])[:, None]
    y = np.array([1, 1, 1, 1, 1, 1, 0, 1, 0, 0])
    model = FrozenEstimator(Coarse().fit(X, y))
    clf = RejectClassifier(model, coverage=0.5, cv=2).fit(X, y)
    assert clf.threshold_ == 0.8
    assert clf.coverage_ == pytest.approx(0.8)
    clf = RejectClassifier(model, coverage=1.0, cv=2).fit(X, y)
    assert clf.threshold_ == 0.6
    clf = RejectClassifier(model, threshold="risk", max_risk=0.1, delta=None, cv=2)
    assert clf.fit(X, y).threshold_ == 0.9
    # Weight on the one that was wrong at 0.8 does not change 0.9; none on it does.
    weight = np.ones(10)
    weight[6] = 0
    assert clf.fit(X, y, sample_weight=weight).threshold_ == 0.8


def test_a_given_threshold_costs_one_fit() -> None:
    X, y = sample(100)
    clf = RejectClassifier(threshold=0.75).fit(X, y)
    assert clf.threshold_ == 0.75
    assert not hasattr(clf, "coverage_")
    proba = clf.predict_proba(X).max(axis=1)
    np.testing.assert_array_equal(clf.accept(X), proba >= 0.75)
    # What an earlier fit found is gone.
    clf.set_params(threshold="risk", max_risk=0.5).fit(X, y)
    assert clf.risk_bound_ <= 0.5
    clf.set_params(threshold=0).fit(X, y)
    assert not hasattr(clf, "risk_bound_")
    assert clf.accept(X).all()


def test_bound_is_that_of_clopper_and_pearson() -> None:
    wrong, n = np.array([0, 3, 50]), np.array([20, 100, 50])
    bound = risk_bound(wrong / n, n.astype(float), 0.05)
    for b, k, m in zip(bound, wrong, n, strict=True):
        interval = stats.binomtest(int(k), int(m), alternative="less").proportion_ci(
            0.95, method="exact"
        )
        assert b == pytest.approx(interval.high)


@pytest.mark.filterwarnings("ignore:No threshold")
def test_the_bounded_risk_is_kept_as_often_as_stated() -> None:
    X, y = sample(20_000, seed=1)
    model = FrozenEstimator(LogisticRegression().fit(*sample(400)))
    wrong = model.predict(X) != y
    failed = accepted = 0
    for trial in range(150):
        rows = np.random.default_rng(trial).choice(20_000, 400, replace=False)
        clf = RejectClassifier(
            model, threshold="risk", max_risk=0.15, delta=0.2, cv=2
        ).fit(X[rows], y[rows])
        kept = clf.accept(X)
        accepted += kept.mean()
        failed += bool(kept.any() and wrong[kept].mean() > 0.15)
        if kept.any():
            assert clf.risk_ <= clf.risk_bound_ <= 0.15
    assert wrong.mean() > 0.15
    assert accepted / 150 > 0.2
    # Binomial with p = 0.2: more than 44 of 150 has a probability below 0.3 %.
    assert failed <= 44


def test_nothing_is_accepted_if_nothing_keeps_the_risk() -> None:
    X, y = sample(60)
    clf = RejectClassifier(threshold="risk", max_risk=0.01, delta=0.01)
    with pytest.warns(UserWarning, match="nothing will be accepted"):
        clf.fit(X, y)
    assert not clf.accept(X).any()
    assert clf.coverage_ == 0
    assert np.isnan(clf.risk_)
    assert len(clf.predict(X)) == 60


def test_rows_without_weight_do_not_count() -> None:
    X, y = sample(300)
    weight = np.ones(300)
    weight[200:] = 0
    model = FrozenEstimator(LogisticRegression().fit(X, y))
    for keywords in ({}, {"threshold": "risk", "max_risk": 0.3}):
        some = RejectClassifier(model, cv=2, **keywords).fit(X[:200], y[:200])
        all_ = RejectClassifier(model, cv=2, **keywords).fit(X, y, sample_weight=weight)
        assert some.threshold_ == pytest.approx(all_.threshold_)
        assert some.risk_ == pytest.approx(all_.risk_)


@pytest.mark.parametrize(
    "bad",
    [
        {"threshold": "most"},
        {"coverage": 0.0},
        {"max_risk": 1.0},
        {"delta": 0},
        {"criterion": "score"},
        {"cv": 1.5},
        {"cv": "oob"},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        RejectClassifier(**bad).fit(*sample(30))
