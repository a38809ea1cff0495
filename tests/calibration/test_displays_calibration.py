"""Reliability and risk-coverage pictures: what is drawn is what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skastro.calibration import (
    RejectClassifier,
    ReliabilityDisplay,
    RiskCoverageDisplay,
)
from skastro.metrics import expected_calibration_error, risk_coverage_curve

NAMES = np.array(
    ["AGN", "CV", "HM-STAR", "HMXB", "LM-STAR", "LMXB", "NS", "NS_BIN", "YSO"]
)


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def predictions(n: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    prior = np.array([0.45, 0.02, 0.02, 0.02, 0.38, 0.02, 0.04, 0.01, 0.04])
    codes = rng.choice(9, n, p=prior)
    logit = np.log(prior) + rng.normal(size=(n, 9))
    logit[np.arange(n), codes] += 3
    proba = np.exp(logit)
    return NAMES[codes], proba / proba.sum(axis=1, keepdims=True)


def fitted() -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = np.repeat(NAMES[:3], [60, 40, 20])
    X = rng.normal(size=(120, 2)) + np.repeat(np.eye(3)[:, :2] * 2, [60, 40, 20], 0)
    return LogisticRegression().fit(X, y), X, y


def boxes_overlap(texts: list[Any]) -> bool:
    figure = texts[0].get_figure(root=True)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_bins_are_those_of_the_error(strategy: Any) -> None:
    y, proba = predictions()
    display = ReliabilityDisplay.from_predictions(
        y, proba, labels=NAMES, strategy=strategy, n_bins=8
    )
    bins = display.bins
    assert bins["count"].sum() == len(y)
    gap = (bins["stated"] - bins["observed"]).abs()
    error = (gap * bins["count"]).sum() / len(y)
    assert display.error == pytest.approx(error)
    assert display.error == expected_calibration_error(
        y, proba, labels=NAMES, strategy=strategy, n_bins=8
    )
    top = proba.max(axis=1)
    for _, row in bins.iterrows():
        inside = (top > row["low"]) & (top <= row["high"])
        assert row["count"] == inside.sum()
        assert row["stated"] == pytest.approx(top[inside].mean())
    assert display.plot() is display
    drawn = display.lines_["top"].get_xydata()
    np.testing.assert_allclose(drawn, bins[["stated", "observed"]].to_numpy(float))
    assert f"ECE {display.error:.3f} (top label, 8 bins)" in display.ax_.get_title()
    heights = [patch.get_height() for patch in display.counts_ax_.patches]
    assert heights == bins["count"].tolist()


def test_error_bars_stay_inside() -> None:
    y = ["a"] * 10 + ["b"] * 10
    proba = np.tile([[1.0, 0.0]], (20, 1))
    proba[10:] = [0.05, 0.95]
    display = ReliabilityDisplay.from_predictions(y, proba).plot()
    (segments,) = [
        c.get_segments()
        for c in display.ax_.collections
        if c.get_label() != "gap" and len(c.get_segments())
    ]
    ends = np.array(segments)[:, :, 1]
    assert ends.min() > 0.8
    # Wilson's lower end for ten of ten: n / (n + 1).
    assert ends.min() == pytest.approx(20 / 21)
    assert ends.max() <= 1 + 1e-12


def test_classwise_draws_a_line_a_class_and_hides_small_bins() -> None:
    y, proba = predictions()
    display = ReliabilityDisplay.from_predictions(
        y, proba, labels=NAMES, kind="classwise"
    ).plot()
    assert list(display.lines_) == NAMES.tolist()
    assert display.counts_ax_ is None
    few = int((display.bins["count"] < 10).sum())
    assert few > 0
    assert f"{few} bins of fewer than 10" in display.ax_.get_title()
    shown = np.concatenate([line.get_ydata() for line in display.lines_.values()])
    assert np.isnan(shown.astype(float)).sum() == few
    (legend,) = display.figure_.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[0] == "calibrated"
    assert labels[1:] == [f"{c} ({(y == c).sum():,})" for c in NAMES]
    assert not boxes_overlap(legend.get_texts())
    looks = {(line.get_color(), line.get_marker()) for line in display.lines_.values()}
    assert len(looks) == 9
    everything = display.plot(min_count=1)
    assert "fewer than" not in everything.ax_.get_title()


def test_reliability_takes_frames_estimators_and_given_axes() -> None:
    from matplotlib import pyplot

    model, X, y = fitted()
    display = ReliabilityDisplay.from_estimator(model, X, y, n_bins=5)
    assert display.name == "LogisticRegression"
    frame = pd.DataFrame(model.predict_proba(X)[:, ::-1], columns=model.classes_[::-1])
    same = ReliabilityDisplay.from_predictions(y, frame, n_bins=5)
    pd.testing.assert_frame_equal(display.bins, same.bins)
    figure, axes = pyplot.subplots(2, 1)
    assert display.plot(axes).counts_ax_ is axes[1]
    assert display.plot(axes[0]).counts_ax_ is None
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="one or two axes"):
        display.plot(pyplot.subplots(3)[1])
    one_class_a_curve = ReliabilityDisplay.from_estimator(model, X, y, kind="classwise")
    with pytest.raises(ValueError, match="one or two axes"):
        one_class_a_curve.plot(axes)
    # A fold that lacks a class is drawn too.
    some = y != "CV"
    ReliabilityDisplay.from_estimator(model, X[some], y[some], kind="classwise").plot()


def test_risk_and_class_coverage_are_those_of_the_curve() -> None:
    y, proba = predictions()
    predicted = NAMES[proba.argmax(axis=1)]
    display = RiskCoverageDisplay.from_predictions(
        y, predicted, proba.max(axis=1), name="forest"
    ).plot(thresholds=[0.5, 0.9, 2.0])
    curve = risk_coverage_curve(y, predicted, proba.max(axis=1))
    np.testing.assert_allclose(display.line_.get_xdata(), curve.coverage)
    np.testing.assert_allclose(display.line_.get_ydata(), curve.risk)
    assert list(display.class_lines_) == NAMES.tolist()
    for k, line in enumerate(display.class_lines_.values()):
        np.testing.assert_allclose(line.get_ydata()[1:], curve.class_coverage[:, k])
    # The third threshold accepts nothing: there is no such point.
    notes = [text.get_text() for text in display.ax_.texts]
    point = curve.at(0.9)
    assert len(notes) == 2
    assert f"{point['coverage']:.0%} kept" in notes[1]
    assert f"{1 - point['risk']:.1%} right" in notes[1]
    assert not boxes_overlap(display.ax_.texts)
    (legend,) = display.figure_.legends
    assert not boxes_overlap(legend.get_texts())
    (label,) = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert label == f"forest (AURC {curve.aurc:.4f})"


def test_several_models_share_axes() -> None:
    from matplotlib import pyplot

    y, proba = predictions()
    predicted = NAMES[proba.argmax(axis=1)]
    _, ax = pyplot.subplots()
    sure = RiskCoverageDisplay.from_predictions(y, predicted, proba.max(axis=1))
    blind = RiskCoverageDisplay.from_predictions(y, predicted, np.ones(len(y)))
    first, second = sure.plot(ax), blind.plot(ax, color="#D55E00")
    assert first.classes_ax_ is None
    assert first.line_.get_color() != second.line_.get_color()
    assert len(ax.get_legend().get_texts()) == 2
    assert ax.get_ylim()[1] >= blind.curve.risk[-1]
    with pytest.raises(ValueError, match="needs 2 axes, got 1"):
        sure.plot(ax, per_class=True)
    assert sure.plot(pyplot.subplots(1, 2)[1]).classes_ax_ is not None
    assert sure.plot(per_class=False).classes_ax_ is None


def test_a_long_curve_is_thinned_but_ends_where_it_ends() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    display = RiskCoverageDisplay.from_predictions(
        rng.integers(0, 2, n), rng.integers(0, 2, n), rng.random(n)
    ).plot()
    assert len(display.line_.get_xdata()) <= 2001
    assert display.line_.get_xdata()[-1] == 1
    assert display.line_.get_ydata()[-1] == display.curve.risk[-1]


def test_confidence_is_the_estimators_own_where_it_has_one() -> None:
    model, X, y = fitted()
    plain = RiskCoverageDisplay.from_estimator(model, X, y)
    expected = risk_coverage_curve(
        y, model.predict(X), model.predict_proba(X).max(axis=1)
    )
    assert plain.curve.aurc == expected.aurc
    assert plain.name == "LogisticRegression"
    rejecting = RejectClassifier(
        LogisticRegression(), threshold=0.5, criterion="entropy"
    ).fit(X, y)
    own = RiskCoverageDisplay.from_estimator(rejecting, X, y, name="entropy")
    assert own.curve.thresholds[0] == rejecting.confidence(X).max()
    assert own.name == "entropy"
