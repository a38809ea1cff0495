"""The rule of the largest expected macro-F1."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from skastro.calibration import MacroF1Classifier, macro_f1_rule


def expected_macro_f1(
    proba: np.ndarray, labels: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """Compute it a class at a time, apart from the package."""
    weight = np.ones(len(proba)) if weight is None else weight
    scores = []
    for c in range(proba.shape[1]):
        said = labels == c
        rows = (weight * proba[:, c]).sum() + weight[said].sum()
        if rows > 0:
            scores.append(2 * (weight * proba[:, c])[said].sum() / rows)
    return float(np.mean(scores))


def best_labelling(proba: np.ndarray, weight: np.ndarray) -> float:
    n, k = proba.shape
    return max(
        expected_macro_f1(proba, np.array(labels), weight)
        for labels in itertools.product(range(k), repeat=n)
    )


def test_brute_force_on_small_problems() -> None:
    rng = np.random.default_rng(0)
    short, gain = [], []
    for trial in range(60):
        n, k = rng.integers(4, 8), rng.integers(2, 4)
        proba = rng.dirichlet(rng.uniform(0.1, 3, k), size=n)
        weight = np.ones(n) if trial % 2 else rng.uniform(0.2, 3, n)
        rule = macro_f1_rule(proba, sample_weight=weight)
        most = expected_macro_f1(proba, proba.argmax(axis=1), weight)
        assert rule.argmax_macro_f1 == pytest.approx(most)
        assert rule.expected_macro_f1 == pytest.approx(
            expected_macro_f1(proba, rule.labels, weight)
        )
        assert rule.expected_macro_f1 >= most - 1e-12
        np.testing.assert_array_equal(rule.predict(proba), rule.labels)
        best = best_labelling(proba, weight)
        short.append(best - rule.expected_macro_f1)
        gain.append(best - most)
    # With so few rows a labelling by constants is not always the very best.
    assert np.mean(np.array(short) < 1e-9) > 0.9
    assert np.mean(short) < 0.02 * np.mean(gain)


@pytest.mark.parametrize("seed", range(4))
def test_no_single_row_is_better_elsewhere(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = np.array([0.5, 0.25, 0.1, 0.06, 0.04, 0.03, 0.015, 0.005])
    proba = rng.dirichlet(share * 4, size=400)
    rule = macro_f1_rule(proba)
    assert rule.expected_macro_f1 > rule.argmax_macro_f1 + 0.02
    for row in rng.choice(400, 50, replace=False):
        for c in range(8):
            labels = rule.labels.copy()
            labels[row] = c
            assert expected_macro_f1(proba, labels) <= rule.expected_macro_f1 + 1e-12


def test_two_classes_have_thresholds() -> None:
    p = np.linspace(0.001, 0.999, 999) ** 3
    proba = np.stack([1 - p, p], axis=1)
    rule = macro_f1_rule(proba)
    by_threshold = [expected_macro_f1(proba, (p >= t).astype(int)) for t in p]
    assert rule.expected_macro_f1 == pytest.approx(max(by_threshold), abs=1e-9)


def test_weights_are_repetitions() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([2, 1, 0.3], size=60)
    times = rng.integers(0, 4, 60)
    weighted = macro_f1_rule(proba, sample_weight=times)
    repeated = macro_f1_rule(proba.repeat(times, axis=0))
    assert weighted.expected_macro_f1 == pytest.approx(repeated.expected_macro_f1)
    np.testing.assert_array_equal(weighted.labels.repeat(times), repeated.labels)


def test_a_class_of_probability_zero_is_not_named() -> None:
    rng = np.random.default_rng(0)
    proba = np.zeros((50, 3))
    proba[:, :2] = rng.dirichlet([3, 1], size=50)
    rule = macro_f1_rule(proba)
    assert set(rule.labels) <= {0, 1}
    assert np.isnan(rule.f1[2])
    assert np.isfinite(rule.scale).all()
    assert np.isfinite(rule.offset).all()
    # A row that is certain of it is given to it.
    np.testing.assert_array_equal(rule.predict(np.eye(3)), [0, 1, 2])


def test_small_gains_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([2, 1, 0.3], size=300)
    gain = macro_f1_rule(proba)
    assert gain.expected_macro_f1 > gain.argmax_macro_f1
    left = macro_f1_rule(proba, min_gain=0.5)
    np.testing.assert_array_equal(left.labels, proba.argmax(axis=1))
    assert left.expected_macro_f1 == left.argmax_macro_f1
    assert left.n_iter == 0


@pytest.mark.parametrize(
    ("proba", "weight", "message"),
    [
        ([[0.5, 0.5], [0.9, 0.3]], None, r"1 row\(s\) do not, the first is row 1"),
        ([[1.5, -0.5]], None, "least value -0.5"),
        ([[np.nan, 1.0]], None, "NaN"),
        ([[0.5, 0.5]], [0.0], "zero"),
        ([[0.5, 0.5]], [-1.0], "egative"),
        ([0.5, 0.5], None, "2D"),
    ],
)
def test_bad_input_is_refused(proba: list, weight: list | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        macro_f1_rule(proba, sample_weight=weight)


def data() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(
        2400,
        n_classes=4,
        n_informative=4,
        weights=[0.7, 0.2, 0.07],
        class_sep=0.8,
        random_state=0,
    )
    return X, np.array(["AGN", "star", "CV", "NS"])[y]


def test_macro_f1_of_new_rows_rises() -> None:
    X, y = data()
    clf = MacroF1Classifier().fit(X[:1200], y[:1200])
    said, plain = clf.predict(X[1200:]), clf.estimator_.predict(X[1200:])
    gain = [f1_score(y[1200:], s, average="macro") for s in (plain, said)]
    assert gain[1] > gain[0] + 0.02
    assert accuracy_score(y[1200:], said) < accuracy_score(y[1200:], plain)
    # Expected and true agree, the probabilities being good.
    assert clf.rule_.expected_macro_f1 == pytest.approx(gain[1], abs=0.06)
    np.testing.assert_array_equal(clf.predict_proba(X), clf.estimator_.predict_proba(X))


def test_the_rule_is_made_of_out_of_fold_probabilities() -> None:
    X, y = data()
    folds = StratifiedKFold(3)
    clf = MacroF1Classifier(LogisticRegression(max_iter=1000), cv=folds).fit(X, y)
    proba = cross_val_predict(
        LogisticRegression(max_iter=1000), X, y, cv=folds, method="predict_proba"
    )
    rule = macro_f1_rule(proba, min_gain=1e-3)
    np.testing.assert_array_equal(clf.rule_.labels, rule.labels)
    np.testing.assert_allclose(clf.rule_.scale, rule.scale)


def test_out_of_bag_probabilities_cost_nothing() -> None:
    X, y = data()
    fits = []

    class Counted(RandomForestClassifier):
        def fit(self, X, y, sample_weight=None):  # type: ignore[no-untyped-def]
            fits.append(len(y))
            return super().fit(X, y, sample_weight)

    forest = Counted(50, oob_score=True, min_samples_leaf=3, random_state=0)
    clf = MacroF1Classifier(forest).fit(X, y)
    assert fits == [2400]
    expected = macro_f1_rule(clf.estimator_.oob_decision_function_, min_gain=1e-3)
    np.testing.assert_array_equal(clf.rule_.labels, expected.labels)
    forest = clone(forest).set_params(n_estimators=5, oob_score=False)
    MacroF1Classifier(forest, cv=3).fit(X, y)
    assert len(fits) == 5
