"""The picture of efficiency against rejection: what is drawn is what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.metrics import efficiency_at_rejection, rejection_curve
from skastro.metrics._signal_scores import signal_scores
from skastro.model_selection import RejectionCurveDisplay


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def problem(n: int = 300, m: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.repeat(["signal", "background"], [n, m])
    return y, rng.normal(np.repeat([2.0, 0.0], [n, m]))


def display(n: int = 300, m: int = 1500, **settings: Any) -> RejectionCurveDisplay:
    y, score = problem(n, m)
    return RejectionCurveDisplay.from_predictions(
        y, score, pos_label="signal", **settings
    )


@pytest.mark.parametrize("axis", ["rejection", "background"])
def test_points_are_efficiencies(axis: Any) -> None:
    y, score = problem()
    drawn = display().plot(axis=axis)
    assert drawn.ax_.get_xscale() == "log"
    for line, fewest, most in [
        (drawn.line_, 10, 1500),
        (drawn.sparse_line_, 1, 10),
    ]:
        x, efficiency = line.get_data()
        rejection = x if axis == "rejection" else 1 / np.asarray(x)
        passing = 1500 / np.asarray(rejection)
        assert (passing.min(), passing.max()) == pytest.approx((fewest, most))
        table = efficiency_at_rejection(
            y,
            score,
            (1500 / np.rint(passing)).tolist(),
            pos_label="signal",
            min_background=1,
        )
        expected = [row.efficiency for row in table]  # type: ignore[union-attr]
        assert np.asarray(efficiency).tolist() == expected
    assert drawn.line_.get_linestyle() == "-"
    assert drawn.sparse_line_.get_linestyle() == "--"
    assert drawn.sparse_line_.get_color() == drawn.line_.get_color()


def test_band_is_the_interval() -> None:
    curve = display().curve
    for band in ("total", "binomial"):
        drawn = display().plot(band=band, confidence_level=0.8)  # type: ignore[arg-type]
        corners = drawn.band_.get_paths()[0].vertices  # type: ignore[union-attr]
        ends = [
            curve.band(np.array([k]), confidence_level=0.8, kind=band)[1:]  # type: ignore[arg-type]
            for k in (1, 10, 1500)
        ]
        for k, (low, high) in zip((1, 10, 1500), ends, strict=True):
            at = corners[np.isclose(corners[:, 0], 1500 / k)][:, 1]
            assert at.min() == pytest.approx(low[0])
            assert at.max() == pytest.approx(high[0])
        title = drawn.ax_.get_legend().get_title().get_text()
        assert ("with the" if band == "total" else "without the") in title
        assert "80 % bands" in title
    drawn = display().plot(band=None)
    assert drawn.band_ is None
    assert "bands" not in drawn.ax_.get_legend().get_title().get_text()


def test_several_on_one_axes() -> None:
    first = display(name="boosting").plot(rejections=[10, 100])
    second = display(n=200, name="net").plot(first.ax_, rejections=[10])
    third = display(n=100, name="forest").plot(first.ax_, color="black")
    colours = [d.line_.get_color() for d in (first, second, third)]
    assert len(set(colours)) == 3
    assert colours[2] == "black"
    texts = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert texts == ["boosting", "net", "forest"]
    assert second.figure_ is first.figure_
    first.figure_.draw_without_rendering()
    with pytest.raises(ValueError, match='have "Rejection of the background" already'):
        display().plot(first.ax_, axis="background")


def test_sample_that_is_too_small_is_all_dashed() -> None:
    drawn = display(20, 6).plot()
    assert len(drawn.line_.get_xdata()) == 0
    assert len(drawn.sparse_line_.get_xdata()) == 6
    texts = [text.get_text() for text in drawn.ax_.get_legend().get_texts()]
    assert texts == ["efficiency"]
    drawn.figure_.draw_without_rendering()
    single = RejectionCurveDisplay.from_predictions([1, 0], [1.0, 0.0]).plot()
    assert single.sparse_line_.get_ydata().tolist() == [1.0]


def features() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.repeat(["a-signal", "background"], 300)
    return rng.normal(np.repeat([1.5, 0.0], 300))[:, None], y


@pytest.mark.parametrize(
    "model", [LogisticRegression(), GaussianNB(), HistGradientBoostingClassifier()]
)
@pytest.mark.parametrize("pos_label", ["a-signal", "background"])
def test_estimators_and_pipelines(model: Any, pos_label: str) -> None:
    X, y = features()
    fitted = make_pipeline(StandardScaler(), model).fit(X, y)
    place = list(fitted.classes_).index(pos_label)
    made = RejectionCurveDisplay.from_estimator(fitted, X, y, pos_label=pos_label)
    assert made.name == type(model).__name__
    expected = rejection_curve(
        y, fitted.predict_proba(X)[:, place], pos_label=pos_label
    )
    assert made.curve.efficiency.tolist() == expected.efficiency.tolist()
    assert made.curve.background_share.tolist() == expected.background_share.tolist()
    alone = RejectionCurveDisplay.from_estimator(
        model.fit(X, y), X, y, pos_label=pos_label, name="mine"
    )
    assert alone.name == "mine"


def test_what_makes_no_sense_is_refused() -> None:
    X, y = features()
    model = GaussianNB().fit(X, y)
    with pytest.raises(ValueError, match="Say with pos_label"):
        RejectionCurveDisplay.from_estimator(model, X, y)
    with pytest.raises(ValueError, match="'signal' is not among the classes"):
        RejectionCurveDisplay.from_estimator(model, X, y, pos_label="signal")
    three = GaussianNB().fit(X, np.arange(600) % 3)
    with pytest.raises(ValueError, match="must have two classes"):
        signal_scores(three, X, 1)
    with pytest.raises(ValueError, match="axis must be one of"):
        display().plot(axis="fpr")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='band must be "total"'):
        display().plot(band="std")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="between 0 and 1"):
        display().plot(confidence_level=95)
    one_class = RejectionCurveDisplay.from_predictions([0, 0], [1.0, 2.0])
    with pytest.raises(ValueError, match="needs signal and background, got 0 and 2"):
        one_class.plot()
