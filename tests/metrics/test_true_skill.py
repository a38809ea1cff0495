"""The true skill score against its definitions, scikit-learn and imbalanced-learn."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.metrics import sensitivity_specificity_support
from sklearn.datasets import load_iris
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate

from skastro.metrics import true_skill_score, tss_scorer

AVERAGES = ["balanced", "peirce", "ovr"]


def brute_force(y_true, y_pred, average):
    """Count sample by sample, with no matrix."""
    classes = sorted(set(y_true))
    n, k = len(y_true), len(classes)
    pairs = list(zip(y_true, y_pred, strict=True))
    if average == "peirce":
        right = sum(a == b for a, b in pairs) / n
        every = sorted(set(y_true) | set(y_pred))
        true = {c: sum(a == c for a, _ in pairs) / n for c in every}
        predicted = {c: sum(b == c for _, b in pairs) / n for c in every}
        chance = sum(true[c] * predicted[c] for c in every)
        return (right - chance) / (1 - sum(true[c] ** 2 for c in every))
    scores = []
    for c in classes:
        tp = sum(a == c and b == c for a, b in pairs)
        fn = sum(a == c and b != c for a, b in pairs)
        fp = sum(a != c and b == c for a, b in pairs)
        tn = sum(a != c and b != c for a, b in pairs)
        fall_out = fp / (fp + tn) if average == "ovr" else 0.0
        scores.append(tp / (tp + fn) - fall_out)
    if average == "ovr":
        return sum(scores) / k
    return (sum(scores) / k - 1 / k) / (1 - 1 / k)


def draw(rng, n_classes, n=60, wrong=0.4):
    y_true = np.concatenate(
        [np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)]
    )
    y_pred = np.where(rng.random(n) < wrong, rng.integers(n_classes, size=n), y_true)
    return y_true, y_pred


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_equals_the_definition(average, n_classes):
    rng = np.random.default_rng(n_classes)
    for _ in range(40):
        y_true, y_pred = draw(rng, n_classes)
        assert true_skill_score(y_true, y_pred, average=average) == pytest.approx(
            brute_force(y_true.tolist(), y_pred.tolist(), average), abs=1e-12
        )


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_balanced_equals_adjusted_balanced_accuracy(n_classes):
    rng = np.random.default_rng(7)
    for _ in range(40):
        y_true, y_pred = draw(rng, n_classes)
        weight = rng.random(y_true.size)
        for w in (None, weight):
            assert true_skill_score(y_true, y_pred, sample_weight=w) == pytest.approx(
                balanced_accuracy_score(y_true, y_pred, sample_weight=w, adjusted=True),
                abs=1e-12,
            )


def test_two_classes_equal_sensitivity_plus_specificity_minus_one():
    rng = np.random.default_rng(0)
    for _ in range(100):
        y_true, y_pred = draw(rng, 2, wrong=rng.random())
        sensitivity, specificity, _ = sensitivity_specificity_support(
            y_true, y_pred, average="binary", pos_label=1
        )
        for average in AVERAGES:
            score = true_skill_score(y_true, y_pred, average=average)
            assert score == pytest.approx(sensitivity + specificity - 1, abs=1e-12)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(
    ("spiral", "elliptical", "expected"), [(948, 842, 0.790), (919, 909, 0.828)]
)
def test_published_recalls(average, spiral, elliptical, expected):
    y_true = ["spiral"] * 1000 + ["elliptical"] * 1000
    y_pred = (
        ["spiral"] * spiral
        + ["elliptical"] * (1000 - spiral)
        + ["elliptical"] * elliptical
        + ["spiral"] * (1000 - elliptical)
    )
    assert true_skill_score(y_true, y_pred, average=average) == pytest.approx(expected)


def test_generalisations_differ_and_agree_where_they_should():
    # Classes 3:2:1 with recalls 2/3, 1/2, 0 by hand.
    y_true = [0, 0, 0, 1, 1, 2]
    y_pred = [0, 0, 1, 1, 0, 0]
    recall = (2 / 3 + 1 / 2) / 3
    assert true_skill_score(y_true, y_pred) == pytest.approx((recall - 1 / 3) * 1.5)
    chance = 3 / 6 * 4 / 6 + 2 / 6 * 2 / 6
    peirce = (3 / 6 - chance) / (1 - (9 + 4 + 1) / 36)
    assert true_skill_score(y_true, y_pred, average="peirce") == pytest.approx(peirce)
    ovr = ((2 / 3 - 2 / 3) + (1 / 2 - 1 / 4) + (0 - 0)) / 3
    assert true_skill_score(y_true, y_pred, average="ovr") == pytest.approx(ovr)
    # Equally frequent classes: Peirce is the balanced one.
    rng = np.random.default_rng(3)
    y_true = np.repeat(np.arange(4), 20)
    y_pred = rng.integers(4, size=80)
    assert true_skill_score(y_true, y_pred, average="peirce") == pytest.approx(
        true_skill_score(y_true, y_pred), abs=1e-12
    )


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("constant", ["a", "b", "c"])
def test_constant_forecast_has_no_skill(average, constant):
    y_true = list("aaaaabbbc")
    score = true_skill_score(y_true, [constant] * 9, average=average)
    assert score == pytest.approx(0.0, abs=1e-15)
    assert true_skill_score(y_true, y_true, average=average) == pytest.approx(1.0)


@pytest.mark.parametrize("average", AVERAGES)
def test_weight_is_repetition(average):
    rng = np.random.default_rng(5)
    y_true, y_pred = draw(rng, 3)
    weight = rng.integers(0, 4, size=60)
    expected = true_skill_score(
        np.repeat(y_true, weight), np.repeat(y_pred, weight), average=average
    )
    for dtype in (np.int64, np.uint8, np.float32, np.float64):
        got = true_skill_score(
            y_true, y_pred, average=average, sample_weight=weight.astype(dtype)
        )
        assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("average", AVERAGES)
def test_containers_and_label_types(average):
    rng = np.random.default_rng(6)
    y_true, y_pred = draw(rng, 3)
    expected = true_skill_score(y_true, y_pred, average=average)
    names = np.array(["elliptical", "spiral", "uncertain"])
    a, b = names[y_true], names[y_pred]
    pairs = [
        (a, b),
        (a.astype(object), b.astype(object)),
        (a.tolist(), b.tolist()),
        (pd.Series(a, dtype="str"), pd.Series(b, dtype="str")),
        (pd.Series(a, dtype="category"), b),
        (pd.Series(a, index=rng.permutation(60)), pd.Series(b)),
        (y_true.astype(np.int8), y_pred.astype(np.int64)),
        (y_true[:, None].ravel(), y_pred),
    ]
    for true, predicted in pairs:
        got = true_skill_score(true, predicted, average=average)
        assert got == pytest.approx(expected, abs=1e-15)
    assert true_skill_score([True, False, True], [True, False, False]) == 0.5


def test_predicted_class_that_is_not_true_counts_as_error_and_warns():
    y_true, y_pred = [0, 0, 1, 1], [0, 2, 1, 1]
    for average, expected in (("balanced", 0.5), ("ovr", (0.5 + 1.0) / 2)):
        with pytest.warns(UndefinedMetricWarning, match=r"lacks, \[2\]"):
            score = true_skill_score(y_true, y_pred, average=average)
        assert score == pytest.approx(expected)
    # Peirce's formula needs no warning: the class has frequency zero.
    peirce = true_skill_score(y_true, y_pred, average="peirce")
    assert peirce == pytest.approx(brute_force(y_true, y_pred, "peirce"))
    # A class that is never predicted is an ordinary recall of zero.
    assert true_skill_score([0, 1, 2], [0, 1, 1]) == pytest.approx(0.5)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(
    ("y_true", "weight"), [([1, 1, 1], None), ([1, 1, 0], [1.0, 2.0, 0.0])]
)
def test_single_class_is_nan_never_a_number(average, y_true, weight):
    with pytest.warns(UndefinedMetricWarning, match="single class"):
        score = true_skill_score(
            y_true, [1, 1, 0], average=average, sample_weight=weight
        )
    assert np.isnan(score)


def test_labels_announce_the_classes():
    y_true, y_pred = [0, 0, 1, 1], [0, 1, 1, 1]
    for average in AVERAGES:
        plain = true_skill_score(y_true, y_pred, average=average)
        assert true_skill_score(y_true, y_pred, average=average, labels=[1, 0]) == plain
    for average in ("balanced", "ovr"):
        with pytest.warns(UndefinedMetricWarning, match=r"no sample .* \[2\]"):
            score = true_skill_score(y_true, y_pred, average=average, labels=[0, 1, 2])
        assert np.isnan(score)
    assert true_skill_score(
        y_true, y_pred, average="peirce", labels=[0, 1, 2]
    ) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="not in"):
        true_skill_score(y_true, [0, 1, 1, 5], labels=[0, 1])
    with pytest.raises(ValueError, match="different classes"):
        true_skill_score(y_true, y_pred, labels=[0, 1, 1])


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "match"),
    [
        ([0, 1], [0, 1], {"average": "macro"}, "average must be"),
        ([], [], {}, "empty"),
        ([0, 1], [0, 1, 1], {}, "inconsistent"),
        ([0.5, 1.2], [0, 1], {}, "continuous|Classification"),
        ([0, 1], ["a", "b"], {}, "number and string|Mix|mix|label"),
        ([[0, 1], [1, 1]], [[0, 1], [1, 1]], {}, "multilabel"),
        ([0, 1], [0, np.nan], {}, "y_pred has 1 missing"),
        ([0, 1], [0, 1], {"sample_weight": [1, -1]}, "not negative"),
        ([0, 1], [0, 1], {"sample_weight": [1, np.nan]}, "finite"),
        ([0, 1], [0, 1], {"sample_weight": [0, 0]}, "zero"),
        ([0, 1], [0, 1], {"sample_weight": ["a", "b"]}, "numbers"),
        ([0, 1], [0, 1], {"sample_weight": [1, 1, 1]}, "inconsistent"),
    ],
)
def test_refusals(y_true, y_pred, options, match):
    with pytest.raises(ValueError, match=match):
        true_skill_score(y_true, y_pred, **options)


def test_missing_string_label_is_refused():
    y = pd.Series(["a", "b", None, "a"], dtype="str")
    with pytest.raises(ValueError, match="y_true has 1 missing"):
        true_skill_score(y, pd.Series(["a", "b", "a", "a"], dtype="str"))


def test_scorer_in_search_and_cross_validation():
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    assert pickle.loads(pickle.dumps(tss_scorer)) is not None
    model = LogisticRegression(max_iter=500)
    serial, parallel = (
        cross_validate(model, X, names, scoring=tss_scorer, n_jobs=n) for n in (1, 2)
    )
    np.testing.assert_array_equal(serial["test_score"], parallel["test_score"])
    adjusted = 1.5 * (
        cross_validate(model, X, names, scoring="balanced_accuracy")["test_score"]
        - 1 / 3
    )
    np.testing.assert_allclose(serial["test_score"], adjusted, atol=1e-12)
    search = GridSearchCV(model, {"C": [1e-4, 1.0]}, scoring=tss_scorer).fit(X, names)
    assert search.best_params_ == {"C": 1.0}
    assert search.score(X, names) == pytest.approx(
        true_skill_score(names, search.predict(X))
    )


def test_scorer_routes_sample_weight():
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    X = X + rng.normal(scale=2.0, size=X.shape)
    weight = rng.random(y.size)
    model = LogisticRegression(max_iter=500)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = pickle.loads(pickle.dumps(tss_scorer))
        scorer.set_score_request(sample_weight=True)
        model.set_fit_request(sample_weight=False)
        result = cross_validate(
            model,
            X,
            y,
            scoring=scorer,
            params={"sample_weight": weight},
            return_estimator=True,
            return_indices=True,
        )
    for fitted, test, score in zip(
        result["estimator"],
        result["indices"]["test"],
        result["test_score"],
        strict=True,
    ):
        prediction = fitted.predict(X[test])
        expected = true_skill_score(y[test], prediction, sample_weight=weight[test])
        assert score == pytest.approx(expected)
        assert score != pytest.approx(true_skill_score(y[test], prediction))


def test_no_warning_in_the_ordinary_case():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert true_skill_score([0, 1, 2, 2], [0, 1, 1, 2]) == pytest.approx(0.75)
