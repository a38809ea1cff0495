"""Risk against coverage: by hand, by brute force, with ties and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from skastro.metrics import risk_coverage_curve


def problem(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.choice(["AGN", "CV", "NS"], n, p=[0.7, 0.2, 0.1])
    confidence = rng.integers(0, 20, n) / 20.0
    right = rng.random(n) < 0.3 + 0.7 * confidence
    return y, np.where(right, y, rng.choice(["AGN", "CV", "NS"], n)), confidence


def test_every_point_is_what_its_threshold_accepts() -> None:
    y, predicted, confidence = problem()
    curve = risk_coverage_curve(y, predicted, confidence)
    assert curve.thresholds.tolist() == sorted(set(confidence), reverse=True)
    for i, threshold in enumerate(curve.thresholds):
        kept = confidence >= threshold
        assert curve.coverage[i] == pytest.approx(kept.mean())
        assert curve.risk[i] == pytest.approx((y != predicted)[kept].mean())
        of_class = [kept[y == label].mean() for label in curve.classes]
        assert curve.class_coverage[i] == pytest.approx(of_class)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx((y != predicted).mean())
    assert curve.support.tolist() == [(y == label).sum() for label in curve.classes]


def test_area_is_the_mean_risk_at_the_confidence_of_each_sample() -> None:
    y, predicted, confidence = problem()
    wrong = y != predicted
    risks = [wrong[confidence >= c].mean() for c in confidence]
    curve = risk_coverage_curve(y, predicted, confidence)
    assert curve.aurc == pytest.approx(np.mean(risks))


def test_ties_do_not_depend_on_the_order() -> None:
    y, predicted, confidence = problem()
    order = np.random.default_rng(1).permutation(len(y))
    first = risk_coverage_curve(y, predicted, confidence)
    second = risk_coverage_curve(y[order], predicted[order], confidence[order])
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame())
    blind = risk_coverage_curve(y, predicted, np.zeros(len(y)))
    assert blind.aurc == pytest.approx((y != predicted).mean())
    assert len(blind.thresholds) == 1


def test_weights_are_repetitions() -> None:
    y, predicted, confidence = problem()
    weight = np.random.default_rng(2).integers(0, 3, len(y))
    weighted = risk_coverage_curve(y, predicted, confidence, sample_weight=weight)
    repeated = risk_coverage_curve(
        y.repeat(weight), predicted.repeat(weight), confidence.repeat(weight)
    )
    pd.testing.assert_frame_equal(weighted.to_frame(), repeated.to_frame())
    assert weighted.aurc == pytest.approx(repeated.aurc)


def test_reading_between_the_thresholds() -> None:
    y, predicted, confidence = problem()
    curve = risk_coverage_curve(y, predicted, confidence)
    for threshold in (0.0, 0.5, 0.512, -1.0):
        kept = confidence >= threshold
        point = curve.at(threshold)
        assert point["coverage"] == pytest.approx(kept.mean())
        assert point["risk"] == pytest.approx((y != predicted)[kept].mean())
        assert point["coverage_CV"] == pytest.approx(kept[y == "CV"].mean())
    nothing = curve.at(2.0)
    assert nothing["coverage"] == nothing["coverage_CV"] == 0
    assert np.isnan(nothing["risk"])
    with pytest.raises(ValueError, match="NaN"):
        curve.at(np.nan)


def test_labels_order_the_classes_and_an_absent_one_is_unknown() -> None:
    y, predicted, confidence = problem()
    labels = ["NS", "QSO", "AGN", "CV"]
    curve = risk_coverage_curve(
        pd.Series(y), pd.Series(predicted), confidence, labels=labels
    )
    assert curve.classes == labels
    assert np.isnan(curve.class_coverage[:, 1]).all()
    assert not np.isnan(curve.class_coverage[:, [0, 2, 3]]).any()
    assert np.isnan(curve.at(2.0)["coverage_QSO"])
    assert "AURC" in repr(curve)


def test_infinite_confidence_is_the_surest() -> None:
    curve = risk_coverage_curve([0, 1], [0, 0], [np.inf, -np.inf])
    assert curve.risk.tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1], [0.5, np.nan]), "NaN"),
        (([0, 1], [0, 1], [0.5]), "confidence must be numbers"),
        (([0, 1], [0, 1], ["a", "b"]), "confidence must be numbers"),
        (([0, 1], [0], [0.5, 0.5]), "y_pred has 1 rows"),
        ((["a", "b"], [0, 1], [0.5, 0.5]), "all strings or all numbers"),
        (([], [], []), "empty"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        risk_coverage_curve(*arguments)
