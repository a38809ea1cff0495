"""The picture of the score against the factor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.galaxy import ResolutionCurveDisplay, ResolutionDegrader


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def scores() -> pd.DataFrame:
    rows = [
        (factor, method, repeat, 1 - 0.01 * factor + 0.02 * repeat - 0.1 * place)
        for factor in (8, 1, 2)
        for place, method in enumerate(["nearest", "bilinear"])
        for repeat in range(4)
    ]
    return pd.DataFrame(rows, columns=["factor", "enlarge", "repeat", "value"])


@pytest.mark.parametrize("band", ["std", "ste", None])
def test_lines_and_bands_are_those_of_the_table(band: str | None) -> None:
    display = ResolutionCurveDisplay.from_scores(scores(), band=band).plot()
    assert list(display.lines_) == ["nearest", "bilinear"]
    line = display.lines_["bilinear"]
    assert line.get_xdata().tolist() == [1, 2, 8]
    mean = np.array([0.99, 0.98, 0.92]) + 0.03 - 0.1
    assert np.allclose(line.get_ydata(), mean)
    drawn = display.bands_["bilinear"]
    if band is None:
        assert drawn is None
        return
    std = np.std([0, 0.02, 0.04, 0.06], ddof=1)
    half = std if band == "std" else std / 2
    corners = drawn.get_paths()[0].vertices
    assert np.isclose(corners[:, 1].max(), mean[0] + half)
    assert np.isclose(corners[:, 1].min(), mean[2] - half)
    label = display.ax_.get_ylabel()
    assert ("deviation" if band == "std" else "error") in label


def test_lines_can_be_told_apart() -> None:
    table = pd.concat([scores().assign(arm=f"arm {i}") for i in range(4)])
    table = table[table["enlarge"] == "nearest"]
    display = ResolutionCurveDisplay.from_scores(table, hue="arm").plot(
        chance_level=0.5, score_name="Accuracy"
    )
    lines = list(display.lines_.values())
    for look in ("get_color", "get_marker", "get_linestyle"):
        assert len({getattr(line, look)() for line in lines}) == 4
    assert display.chance_line_.get_ydata()[0] == 0.5
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["arm 0", "arm 1", "arm 2", "arm 3", "chance"]
    assert display.ax_.get_ylabel().startswith("Accuracy")
    assert display.ax_.get_xlabel()


def test_draws_where_it_is_told() -> None:
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    display = ResolutionCurveDisplay.from_scores(scores()).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure


def test_from_estimator_scores_degraded_images() -> None:
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 40)
    X = rng.normal(size=(80, 8, 8)) + 0.5 * y[:, None, None] * np.indices((8, 8))[0] / 8
    flat = X.reshape(80, -1)
    nets = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(flat, y)
        for c in (0.01, 1.0)
    ]
    display = ResolutionCurveDisplay.from_estimator(
        nets,
        flat,
        y,
        factors=(1, 4),
        enlarge=("nearest", "bicubic"),
        scorer="balanced_accuracy",
        image_shape=(8, 8),
    )
    summary = display.summary.set_index(["enlarge", "factor"])
    assert (summary["n"] == 2).all()
    for method in ("nearest", "bicubic"):
        degraded = ResolutionDegrader(factor=4, enlarge=method).transform(X)
        values = [net.score(degraded.reshape(80, -1), y) for net in nets]
        assert np.isclose(summary.loc[(method, 4), "mean"], np.mean(values))
        values = [net.score(flat, y) for net in nets]
        assert np.isclose(summary.loc[(method, 1), "mean"], np.mean(values))
    single = ResolutionCurveDisplay.from_estimator(
        nets[0], flat, y, factors=(1, 2), image_shape=(8, 8)
    ).plot()
    assert list(single.lines_) == ["nearest", "bilinear", "bicubic"]
    assert set(single.bands_.values()) == {None}


def test_tables_that_would_mislead_are_refused() -> None:
    table = scores()
    with pytest.raises(ValueError, match=r"no column \['repeat'\]"):
        ResolutionCurveDisplay.from_scores(table.drop(columns="repeat"))
    with pytest.raises(ValueError, match="24 rows repeat a run"):
        ResolutionCurveDisplay.from_scores(pd.concat([table, table]))
    with pytest.raises(ValueError, match="band"):
        ResolutionCurveDisplay.from_scores(table, band="sem")
    table.loc[3, "value"] = np.nan
    with pytest.raises(ValueError, match="1 of 24 scores are NaN"):
        ResolutionCurveDisplay.from_scores(table)


@pytest.mark.parametrize("column", ["factor", "enlarge"])
def test_rows_without_a_place_are_refused(column: str) -> None:
    rows = pd.DataFrame(
        {"factor": [1.0, 2.0], "enlarge": ["a", "a"], "repeat": [0, 0], "value": [1, 1]}
    )
    rows.loc[1, column] = None
    with pytest.raises(ValueError, match="no place"):
        ResolutionCurveDisplay.from_scores(rows)
    with pytest.raises(ValueError, match="must have rows"):
        ResolutionCurveDisplay.from_scores(rows[:0])
