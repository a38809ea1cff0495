"""The picture of errors of directions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor

from skastro.diffraction import DirectionErrorDisplay
from skastro.metrics import direction_angle


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def pairs(n: int = 60) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.RandomState(0)
    y = rng.normal(size=(n, 6))
    return y, {
        "good": y + 0.01 * rng.normal(size=(n, 6)),
        "bad": y + 0.2 * rng.normal(size=(n, 6)),
    }


def test_lines_are_shares_of_the_angles() -> None:
    y, predictions = pairs()
    display = DirectionErrorDisplay.from_predictions(y, predictions).plot()
    assert set(display.lines_) == {
        (model, which) for model in ("good", "bad") for which in ("better", "worse")
    }
    for model, y_pred in predictions.items():
        angles = direction_angle(y, y_pred)
        for which, values in (("better", angles.min(1)), ("worse", angles.max(1))):
            assert np.array_equal(display.values(model, which), values)
            x, share = display.lines_[model, which].get_data()
            # A step holds its value up to the next one.
            for at in (0.5, 2.0, 5.0):
                last = share[np.flatnonzero(x <= at)[-1]]
                assert np.isclose(last, np.mean(values <= at))


def test_histograms_count_every_sample() -> None:
    y, predictions = pairs()
    display = DirectionErrorDisplay.from_predictions(y, predictions).plot(bins=12)
    for (model, which), bars in display.bars_.items():
        heights, edges, _ = bars.get_data()
        assert len(heights) == 12
        assert np.isclose(heights.sum(), 1.0)
        values = display.values(model, which)
        inside = (values >= edges[3]) & (values < edges[4])
        assert np.isclose(heights[3], inside.mean())
    ratios = edges[1:] / edges[:-1]
    assert np.allclose(ratios, ratios[0])
    linear = display.plot(log=False, bins=5)
    edges = next(iter(linear.bars_.values())).get_data()[1]
    assert np.allclose(np.diff(edges), edges[1])
    assert edges[0] == 0.0
    assert linear.ax_[0].get_xscale() == "linear"


def test_exact_answers_are_drawn_at_the_floor() -> None:
    y, _ = pairs()
    display = DirectionErrorDisplay.from_predictions(y, y, name="exact")
    display.plot(floor=0.01)
    heights, edges, _ = display.bars_["exact", "worse"].get_data()
    assert np.isclose(heights[0], 1.0)
    assert np.isclose(edges[0], 0.01)
    x, share = display.lines_["exact", "worse"].get_data()
    assert x.min() == 0.01
    assert share[np.flatnonzero(x <= 0.01)[-1]] == 1.0


def test_symmetry_is_that_of_the_group() -> None:
    y = np.array([[0.0, 0.0, 1.0]])
    turned = np.array([[1.0, 0.0, 0.0]])
    cubic = DirectionErrorDisplay.from_predictions(y, turned, laue_group="m-3m")
    assert np.allclose(cubic.values("model"), 0.0)
    tetragonal = DirectionErrorDisplay.from_predictions(y, turned)
    assert np.allclose(tetragonal.values("model"), 90.0)
    y, predictions = pairs()
    swapped = np.roll(predictions["good"], 3, axis=1)
    ordered = DirectionErrorDisplay.from_predictions(y, swapped, assignment="ordered")
    best = DirectionErrorDisplay.from_predictions(y, swapped)
    assert np.median(best.values("model")) < 2 < np.median(ordered.values("model"))


def test_limits_looks_and_legend() -> None:
    y, predictions = pairs()
    display = DirectionErrorDisplay.from_predictions(y, predictions).plot()
    assert len(display.limit_lines_) == 6
    assert sorted({line.get_xdata()[0] for line in display.limit_lines_}) == [1, 2, 5]
    texts = [t.get_text() for t in display.legend_.get_texts()]
    assert len(texts) == 4
    median = np.median(display.values("bad", "worse"))
    assert f"bad, worse direction (median {median:.2g}°)" in texts
    lines = display.lines_
    assert lines["good", "worse"].get_color() == lines["good", "better"].get_color()
    assert lines["good", "worse"].get_color() != lines["bad", "worse"].get_color()
    styles = {lines["good", w].get_linestyle() for w in ("better", "worse")}
    assert len(styles) == 2


def test_single_directions_and_estimators() -> None:
    y, _ = pairs()
    X = np.zeros((len(y), 4))
    dummy = DummyRegressor().fit(X, y[:, :3])
    display = DirectionErrorDisplay.from_estimator(dummy, X, y[:, :3]).plot()
    assert set(display.lines_) == {("DummyRegressor", "worse")}
    expected = direction_angle(y[:, :3], dummy.predict(X)).ravel()
    assert np.array_equal(display.values("DummyRegressor"), expected)
    (text,) = [t.get_text() for t in display.legend_.get_texts()]
    assert "direction" not in text
    several = DirectionErrorDisplay.from_estimator(
        {"a": dummy, "b": dummy}, X, y[:, :3]
    )
    assert list(several.errors) == ["a", "b"]


@pytest.mark.parametrize("kind", ["histogram", "cumulative", None])
def test_given_axes(kind: str | None) -> None:
    from matplotlib import pyplot

    y, predictions = pairs()
    display = DirectionErrorDisplay.from_predictions(y, predictions)
    _, ax = pyplot.subplots()
    display.plot(ax, kind=kind, which="worse")
    assert bool(display.bars_) == (kind == "histogram")
    assert bool(display.lines_) == (kind != "histogram")
    assert {which for _, which in [*display.bars_, *display.lines_]} == {"worse"}
    _, axes = pyplot.subplots(1, 2)
    display.plot(axes)
    assert display.bars_
    assert display.lines_


def test_nonsense_is_refused() -> None:
    from matplotlib import pyplot

    y, predictions = pairs()
    display = DirectionErrorDisplay.from_predictions(y, predictions)
    for wrong in ({"kind": "pie"}, {"which": "first"}, {"floor": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            display.plot(**wrong)
    with pytest.raises(ValueError, match="2 axes"):
        display.plot(pyplot.subplots()[1], kind="both")
    for errors in ({}, {"a": np.ones(3)}, {"a": [[91.0]]}, {"a": [[np.nan]]}):
        with pytest.raises(ValueError, match=r"model|Errors"):
            DirectionErrorDisplay(errors=errors)
