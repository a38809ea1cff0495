"""Expected calibration error: by hand, by brute force, and its traps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from skastro.metrics import expected_calibration_error, neg_ece_scorer

ECE = expected_calibration_error


def forecast(n: int = 400, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(k, 0.5), n)
    y = np.array([rng.choice(k, p=row) for row in proba])
    return y, proba


def by_loops(y: np.ndarray, conf: np.ndarray, true: np.ndarray, edges: Any) -> float:
    total = 0.0
    for low, high in pairwise(edges):
        inside = (conf > low) & (conf <= high)
        if low == 0:
            inside |= conf == 0
        if inside.any():
            total += inside.sum() * abs(true[inside].mean() - conf[inside].mean())
    return total / len(y)


@pytest.mark.parametrize("n_bins", [1, 7, 10, 15])
def test_top_label_is_the_sum_over_bins(n_bins: int) -> None:
    y, proba = forecast()
    true = proba.argmax(axis=1) == y
    expected = by_loops(y, proba.max(axis=1), true, np.linspace(0, 1, n_bins + 1))
    assert ECE(y, proba, n_bins=n_bins) == pytest.approx(expected, abs=1e-14)


def test_classwise_is_the_mean_over_classes() -> None:
    y, proba = forecast()
    edges = np.linspace(0, 1, 11)
    expected = np.mean([by_loops(y, proba[:, k], y == k, edges) for k in range(4)])
    assert ECE(y, proba, kind="classwise") == pytest.approx(expected, abs=1e-14)


def test_quantile_bins_have_equal_counts() -> None:
    y, proba = forecast()
    conf, true = proba.max(axis=1), proba.argmax(axis=1) == y
    order = np.argsort(conf)
    chunks = np.array_split(order, 8)
    expected = sum(len(c) * abs(true[c].mean() - conf[c].mean()) for c in chunks)
    result = ECE(y, proba, n_bins=8, strategy="quantile")
    assert result == pytest.approx(expected / len(y), abs=1e-14)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("kind", ["top", "classwise"])
def test_weights_are_repetitions(strategy: Any, kind: Any) -> None:
    y, proba = forecast(120)
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    options = {"strategy": strategy, "kind": kind, "labels": range(4)}
    weighted = ECE(y, proba, sample_weight=weight, **options)
    repeated = ECE(y.repeat(weight), proba.repeat(weight, axis=0), **options)
    assert weighted == pytest.approx(repeated, abs=1e-12)


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    y, proba = forecast()
    shuffled = np.random.default_rng(2).permutation(len(y))
    for kind in ("top", "classwise"):
        expected = ECE(y, proba, kind=kind)
        assert ECE(y[shuffled], proba[shuffled], kind=kind) == pytest.approx(expected)
        turned = ECE(y, proba[:, ::-1], labels=[3, 2, 1, 0], kind=kind)
        assert turned == pytest.approx(expected)


def test_columns_of_a_frame_are_aligned_by_name() -> None:
    y, proba = forecast()
    names = np.array(["AGN", "CV", "NS", "YSO"])
    frame = pd.DataFrame(proba, columns=names)[["NS", "YSO", "AGN", "CV"]]
    for classes in (names[y], pd.Series(names[y]), pd.Series(names[y]).astype(object)):
        assert ECE(classes, frame) == pytest.approx(ECE(y, proba))
        assert ECE(classes, frame, labels=names[::-1]) == pytest.approx(ECE(y, proba))
    with pytest.raises(ValueError, match=r"columns of proba.*are not the classes"):
        ECE(names[y], frame, labels=["AGN", "CV", "NS", "QSO"])
    with pytest.raises(ValueError, match="not among the classes"):
        ECE(names[y], frame.rename(columns={"NS": "QSO"}))


def test_edges_belong_to_the_bin_below_in_both_precisions() -> None:
    # In (0.2, 0.3] and (0.6, 0.7] with their neighbours: one bin each, so the errors
    # of 0.3 and 0.21 cancel only if they share it.
    first = np.array([0.7, 0.61])
    proba = np.column_stack([first, 1 - first])
    for dtype in (np.float64, np.float32):
        error = ECE([0, 1], proba.astype(dtype), n_bins=10)
        assert error == pytest.approx(abs(0.5 - first.mean()), abs=1e-6)


def test_a_class_without_samples_needs_labels() -> None:
    y, proba = forecast()
    some = y != 2
    with pytest.raises(ValueError, match=r"4 columns, but y_true has 3 classes"):
        ECE(y[some], proba[some])
    assert ECE(y[some], proba[some], labels=range(4)) > 0


def test_perfect_and_worst() -> None:
    y = np.array(["a", "b"] * 5)
    sure = np.column_stack([y == "a", y == "b"]).astype(float)
    assert ECE(y, sure) == 0
    assert ECE(y, sure[:, ::-1]) == 1
    assert ECE(y, sure[:, ::-1], kind="classwise") == 1


BAD_PROBA = np.array([[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("y", "proba", "options", "message"),
    [
        ([0, 1], BAD_PROBA * 1.001, {}, "must sum to one"),
        ([0, 1], [[0.5, 0.5], [1.1, -0.1]], {}, r"lie in \[0, 1\]"),
        ([0, 1], BAD_PROBA * np.nan, {}, "NaN"),
        ([0, 1], [0.5, 0.5], {}, "one column a class"),
        ([0, 1, 1], BAD_PROBA, {}, "2 rows, but y_true has 3"),
        ([], np.empty((0, 2)), {}, "empty"),
        ([0, None], BAD_PROBA, {}, "missing classes"),
        (np.array(["a", 1], dtype=object), BAD_PROBA, {}, "all strings or all numbers"),
        ([[0], [1]], BAD_PROBA, {}, "one class a row"),
        ([0, 1], BAD_PROBA, {"labels": [0, 0]}, "two or more different"),
        ([0, 1], BAD_PROBA, {"labels": [1, 2]}, "not among the classes"),
        ([0, 1], BAD_PROBA, {"n_bins": 0}, "whole number"),
        ([0, 1], BAD_PROBA, {"n_bins": 2.5}, "whole number"),
        ([0, 1], BAD_PROBA, {"kind": "mean"}, "kind must be"),
        ([0, 1], BAD_PROBA, {"strategy": "equal"}, "strategy must be"),
        ([0, 1], BAD_PROBA, {"sample_weight": [1, -1]}, "not negative"),
        ([0, 1], BAD_PROBA, {"sample_weight": [0, 0]}, "zero for every"),
        ([0, 1], BAD_PROBA, {"sample_weight": [1]}, "shape"),
    ],
)
def test_what_makes_no_sense_is_refused(
    y: Any, proba: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ECE(y, proba, **options)


def test_scorer_knows_classes_that_a_fold_lacks() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = np.array(["b", "a", "rare"])[np.r_[np.arange(84) % 2, np.full(6, 2)]]
    model = LogisticRegression().fit(X, y)
    some = y != "rare"
    value = neg_ece_scorer(model, X[some], y[some])
    error = ECE(y[some], model.predict_proba(X[some]), labels=model.classes_)
    assert value == -error < 0
    weights = rng.uniform(size=len(y))
    assert neg_ece_scorer(model, X, y, sample_weight=weights) != neg_ece_scorer(
        model, X, y
    )
    assert (cross_val_score(model, X, y, cv=3, scoring=neg_ece_scorer) <= 0).all()
    search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=3, scoring=neg_ece_scorer)
    assert search.fit(X, y).best_score_ < 0


@pytest.mark.parametrize("n_bins", [float("inf"), float("nan"), 0, 1.5])
def test_numbers_of_bins_that_make_no_sense(n_bins):
    with pytest.raises(ValueError, match="n_bins"):
        expected_calibration_error([0, 1], [[0.8, 0.2], [0.1, 0.9]], n_bins=n_bins)
