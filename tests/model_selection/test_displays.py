"""The pictures of repeated studies: what is drawn is what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skastro.model_selection import (
    EpochCurveDisplay,
    MeanConfusionMatrixDisplay,
    OverfittingDisplay,
    RepeatedHoldoutResult,
    ScoreDistributionDisplay,
    diagnose_overfitting,
    repeated_holdout,
)
from skastro.neural_network import DenseClassifier, DenseRegressor


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def noisy(X: np.ndarray) -> np.ndarray:
    return X + np.random.default_rng(0).normal(0.0, 0.4, X.shape)


def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16.0, y[:400]


def study_of(estimator: Any, **settings: Any) -> RepeatedHoldoutResult:
    settings = {"n_repeats": 4, "random_state": 0, "verbose": 0, **settings}
    return repeated_holdout(estimator, *digits(), **settings)


def net(size: int = 16, **settings: Any) -> DenseClassifier:
    settings = {"max_epochs": 6, "batch_size": 32, "learning_rate_init": 0.01} | (
        settings
    )
    return DenseClassifier(hidden_layer_sizes=(size,), **settings)


@pytest.fixture(scope="module")
def study() -> RepeatedHoldoutResult:
    return study_of(net(), test_variants={"noisy": noisy})


@pytest.fixture(scope="module")
def single() -> RepeatedHoldoutResult:
    return study_of(net(), n_repeats=1)


@pytest.fixture(scope="module")
def thesis() -> RepeatedHoldoutResult:
    return study_of(net(8), select="test-mean", n_repeats=3)


@pytest.fixture(scope="module")
def final() -> RepeatedHoldoutResult:
    return study_of(LogisticRegression(max_iter=300), n_repeats=2)


@pytest.fixture(scope="module")
def regression() -> RepeatedHoldoutResult:
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(
        StandardScaler(), DenseRegressor(hidden_layer_sizes=(8,), max_epochs=6)
    )
    return repeated_holdout(model, X, y, n_repeats=3, random_state=0, verbose=0)


def legend_of(display: Any) -> str:
    texts = [text.get_text() for text in display.legend_.get_texts()]
    return "\n".join([display.legend_.get_title().get_text(), *texts])


def edges(band: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of a band over n epochs."""
    vertices = band.get_paths()[0].vertices
    by_epoch = [vertices[vertices[:, 0] == x, 1] for x in np.unique(vertices[:, 0])]
    assert len(by_epoch) == n
    return np.array([v.min() for v in by_epoch]), np.array([v.max() for v in by_epoch])


# Learning curves


@pytest.mark.parametrize("band", ["std", "ste", "corrected_ste", None])
def test_curves_are_means_and_bands_their_spread(
    study: RepeatedHoldoutResult, band: str | None
) -> None:
    display = EpochCurveDisplay.from_result(
        study, metric=["accuracy", "loss"], band=band, n_bands=2
    ).plot()
    assert len(display.axes_) == 2
    assert [ax.get_ylabel() for ax in display.axes_] == ["Accuracy", "Loss"]
    assert {ax.get_xlabel() for ax in display.axes_} == {"Epoch"}
    assert set(display.lines_) == {
        ("", metric, *part) for metric in ("accuracy", "loss") for part in study.parts
    }
    for (_, metric, split, variant), line in display.lines_.items():
        ratio = np.mean(getattr(study, f"n_{split}") / study.n_train)
        factor = {"std": 1.0, "ste": 0.5, "corrected_ste": np.sqrt(1 / 4 + ratio)}
        curve = study.curve(metric, split=split, variant=variant)
        mean = curve.mean(axis=0)
        assert line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
        assert np.allclose(line.get_ydata(), mean)
        bands = display.bands_["", metric, split, variant]
        # There is no corrected error of a training score.
        if band is None or (band == "corrected_ste" and split == "train"):
            assert bands == []
            continue
        assert len(bands) == 2
        for k, drawn in enumerate(bands, 1):
            half = k * factor[band] * curve.std(axis=0, ddof=1)
            low, high = edges(drawn, 6)
            assert np.allclose(low, mean - half)
            assert np.allclose(high, mean + half)
    title = display.legend_.get_title().get_text()
    assert title.startswith("mean of 4 repeats")
    assert ("± 1 and ± 2" in title) is (band is not None)


def test_corrected_band_agrees_with_the_summary(study: RepeatedHoldoutResult) -> None:
    curves = EpochCurveDisplay.from_result(study).curves
    last = curves.query("split == 'test' and variant == 'noisy' and epoch == 6").iloc[0]
    row = study.summary("last").T["test", "noisy", "accuracy"]
    for name in ("mean", "std", "ste", "corrected_ste"):
        assert np.isclose(last[name], row[name])


def test_chosen_epochs_are_marked(study: RepeatedHoldoutResult) -> None:
    display = EpochCurveDisplay.from_result(study).plot()
    epochs = study.best_epoch("validation")
    mark = display.epoch_lines_["", "accuracy"]
    assert mark.get_xdata() == [np.median(epochs)] * 2
    assert f"{np.median(epochs):g}" in legend_of(display).split("validation epoch")[1]
    assert "optimistic" not in legend_of(display)
    assert EpochCurveDisplay.from_result(study).plot(mark_epoch=False).epoch_lines_ == (
        {}
    )


def test_epoch_chosen_on_test_data_is_called_optimistic(
    thesis: RepeatedHoldoutResult, study: RepeatedHoldoutResult
) -> None:
    display = EpochCurveDisplay.from_result(thesis).plot()
    epoch = int(thesis.best_epoch()[0])
    assert "optimistic" in legend_of(display)
    assert f"{epoch} (optimistic" in legend_of(display)
    asked = EpochCurveDisplay.from_result(study, select="test-mean").plot()
    assert "optimistic" in legend_of(asked)
    both = EpochCurveDisplay.from_results({"ours": study, "thesis": thesis}).plot()
    lines = [line for line in legend_of(both).split("\n") if "optimistic" in line]
    assert lines[0].startswith(f"thesis: epoch {epoch}")


def test_studies_have_colours_and_parts_have_dashes(
    study: RepeatedHoldoutResult, thesis: RepeatedHoldoutResult
) -> None:
    studies = {"16": study, "8": thesis}
    display = EpochCurveDisplay.from_results(studies, metric="loss").plot()
    assert {key[2] for key in display.lines_} == {"train", "validation"}
    assert len(display.lines_) == 4
    lines = display.lines_
    colour = {key: line.get_color() for key, line in lines.items()}
    dash = {key: str(line._dash_pattern) for key, line in lines.items()}
    for name in studies:
        train = (name, "loss", "train", "original")
        held = (name, "loss", "validation", "original")
        assert colour[train] == colour[held]
        assert dash[train] != dash[held]
    assert len(set(colour.values())) == 2
    assert "mean of 3 to 4 repeats" in legend_of(display)
    one = EpochCurveDisplay.from_results(studies, splits="test", variants="original")
    assert {line.get_linestyle() for line in one.plot().lines_.values()} == {"-"}


def test_one_run_has_no_band(single: RepeatedHoldoutResult) -> None:
    display = EpochCurveDisplay.from_result(single).plot()
    assert all(bands == [] for bands in display.bands_.values())
    line = display.lines_["", "accuracy", "test", "original"]
    assert np.array_equal(line.get_ydata(), single.curve()[0])
    assert "one run: no error is known" in legend_of(display)


def test_final_scores_have_no_curve(final: RepeatedHoldoutResult) -> None:
    with pytest.raises(ValueError, match="ScoreDistributionDisplay"):
        EpochCurveDisplay.from_result(final)
    with pytest.raises(ValueError, match="no curve over the epochs"):
        OverfittingDisplay.from_result(final)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "nonsense"}, "no metric"),
        ({"splits": "nonsense"}, "no split"),
        ({"splits": []}, "no split"),
        ({"variants": "nonsense"}, "no variant"),
        ({"splits": "train", "variants": "noisy"}, "leaves it out"),
        ({"band": "nonsense"}, "band must be"),
        ({"n_bands": 0}, "n_bands"),
        ({"select": "nonsense"}, "select"),
    ],
)
def test_unknown_names_are_refused(
    study: RepeatedHoldoutResult, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        EpochCurveDisplay.from_result(study, **settings)


def test_names_of_studies_are_needed_and_unique(study: RepeatedHoldoutResult) -> None:
    with pytest.raises(ValueError, match="empty"):
        EpochCurveDisplay.from_results({})
    with pytest.raises(ValueError, match="same name"):
        EpochCurveDisplay.from_results({1: study, "1": study})  # type: ignore[dict-item]


# Where to draw


def test_draws_where_it_is_told(
    study: RepeatedHoldoutResult, final: RepeatedHoldoutResult
) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3)
    curves = EpochCurveDisplay.from_result(study).plot(axes[0])
    assert curves.ax_ is axes[0]
    matrix = MeanConfusionMatrixDisplay.from_result(study).plot(axes[1])
    assert matrix.ax_ is axes[1]
    scores = ScoreDistributionDisplay.from_result(final).plot(ax=axes[2])
    assert scores.ax_ is axes[2]
    assert {d.figure_ for d in (curves, matrix, scores)} == {figure}
    assert pyplot.get_fignums() == [figure.number]


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_several_panels_on_given_axes(
    study: RepeatedHoldoutResult, layout: Any
) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 7), layout=layout)
    two = EpochCurveDisplay.from_result(study, metric=["accuracy", "loss"])
    assert two.plot(axes[0]).axes_.tolist() == axes[0].tolist()
    divided = OverfittingDisplay.from_result(study).plot(axes[1, 0])
    inside = axes[1, 0].get_position()
    assert len(divided.axes_) == 2
    for ax in divided.axes_:
        assert ax.figure is figure
        # With a layout engine the places are those before it was run.
        assert ax.get_position().x1 <= inside.x1 + 0.1
    assert not axes[1, 0].axison
    with pytest.raises(ValueError, match="2 axes are needed, got 4"):
        two.plot(axes)


def test_legend_covers_no_curve_of_given_axes() -> None:
    from matplotlib import pyplot

    # Curves that leave no corner free.
    epochs = np.arange(1, 101)
    waves = np.array([np.sin(epochs), 1.01 * np.sin(epochs)])
    result: Any = SimpleNamespace(
        metrics=["accuracy"],
        splits=["train", "validation"],
        variants=[],
        select="last",
        epochs=epochs,
        n_repeats=2,
        rows_ratio=lambda split: 0.4,
        curve=lambda metric, split, variant: waves,
        best_epoch=lambda select: np.array([100, 100]),
    )
    result.variants = ["original"]
    _, ax = pyplot.subplots()
    display = EpochCurveDisplay.from_result(result).plot(ax)
    display.figure_.draw_without_rendering()
    box = display.legend_.get_window_extent()
    for line in display.lines_.values():
        assert not box.count_contains(ax.transData.transform(line.get_xydata()))


def test_all_pictures_can_be_saved(
    study: RepeatedHoldoutResult, regression: RepeatedHoldoutResult, tmp_path: Any
) -> None:
    displays: list[Any] = [
        EpochCurveDisplay.from_result(study, metric=["tss", "loss"]).plot(),
        EpochCurveDisplay.from_result(regression, metric=["r2", "loss"]).plot(),
        MeanConfusionMatrixDisplay.from_result(study).plot(),
        ScoreDistributionDisplay.from_result(regression).plot(),
        OverfittingDisplay.from_result(regression).plot(),
    ]
    assert displays[1].axes_[0].get_ylabel() == "R²"
    for i, display in enumerate(displays):
        display.figure_.savefig(tmp_path / f"{i}.png", dpi=40)
        assert (tmp_path / f"{i}.png").stat().st_size > 1000


# Confusion matrix


@pytest.mark.parametrize("normalize", ["true", "pred", "all", None])
def test_matrix_is_mean_and_std(
    study: RepeatedHoldoutResult, normalize: str | None
) -> None:
    display = MeanConfusionMatrixDisplay.from_result(
        study, normalize=normalize, variant="noisy"
    ).plot()
    mean, std = study.confusion_matrix(variant="noisy", normalize=normalize)
    assert np.allclose(display.im_.get_array(), mean)
    form = ".1f" if normalize is None else ".2f"
    assert display.text_ is not None
    assert display.text_.shape == (10, 10)
    for place, text in np.ndenumerate(display.text_):
        if mean[place] == 0:
            assert text.get_text() == "0"
        else:
            expected = f"{mean[place]:{form}}\n±{std[place]:{form}}"
            assert text.get_text() == expected
    assert display.ax_.get_title() == "Test part, noisy: mean ± std of 4 repeats"
    assert display.ax_.get_xlabel() == "Predicted class"
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == list("0123456789")


def test_texts_fit_into_their_cells(study: RepeatedHoldoutResult) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4))
    for ax in (None, axes[0]):
        display = MeanConfusionMatrixDisplay.from_result(study).plot(ax)
        figure = display.figure_
        figure.draw_without_rendering()
        cell = display.ax_.get_window_extent().width / 10
        assert display.text_ is not None
        for text in display.text_.flat:
            extent = text.get_window_extent()
            assert max(extent.width, extent.height) < cell


@pytest.mark.parametrize("cmap", ["Blues", "viridis", "gray"])
def test_texts_stand_out(study: RepeatedHoldoutResult, cmap: str) -> None:
    from matplotlib import colors

    display = MeanConfusionMatrixDisplay.from_result(study).plot(cmap=cmap)

    def luminance(colour: Any) -> float:
        rgb = np.array(colors.to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    assert display.text_ is not None
    for place, text in np.ndenumerate(display.text_):
        below = luminance(display.im_.cmap(display.im_.norm(display.mean[place])))
        ink = luminance(text.get_color())
        # 4.5 is what WCAG asks for; black or white always reach it.
        assert (max(below, ink) + 0.05) / (min(below, ink) + 0.05) > 4.4


def test_matrix_of_one_run_and_of_the_thesis(
    single: RepeatedHoldoutResult, thesis: RepeatedHoldoutResult
) -> None:
    display = MeanConfusionMatrixDisplay.from_result(single).plot(colorbar=False)
    assert np.isnan(display.std).all()
    assert display.text_ is not None
    assert not any("±" in text.get_text() for text in display.text_.flat)
    assert not any("nan" in text.get_text() for text in display.text_.flat)
    assert display.ax_.get_title() == "Test part, one run"
    assert display.colorbar_ is None
    title = MeanConfusionMatrixDisplay.from_result(thesis).plot().ax_.get_title()
    assert "optimistic" in title
    assert "mean ± std of 3 repeats" in title


def test_matrix_takes_names_formats_and_missing_classes() -> None:
    mean = np.array([[0.25, 0.75], [np.nan, np.nan]])
    display = MeanConfusionMatrixDisplay(
        mean=mean, std=mean / 10, display_labels=["spiral", "elliptical"]
    ).plot(values_format=".3f", xticks_rotation=45, text_kw={"color": "red"})
    assert display.text_ is not None
    assert display.text_[0, 1].get_text() == "0.750\n±0.075"
    assert display.text_[1, 0].get_text() == "-"
    assert display.text_[0, 0].get_color() == "red"
    label = display.ax_.get_xticklabels()[1]
    assert (label.get_text(), label.get_rotation()) == ("elliptical", 45)
    plain = MeanConfusionMatrixDisplay(mean=mean, std=mean).plot(include_values=False)
    assert plain.text_ is None


def test_matrix_needs_a_classifier_and_all_names(
    regression: RepeatedHoldoutResult, study: RepeatedHoldoutResult
) -> None:
    with pytest.raises(ValueError, match="regressor"):
        MeanConfusionMatrixDisplay.from_result(regression)
    with pytest.raises(ValueError, match="10 classes, but 2"):
        MeanConfusionMatrixDisplay.from_result(study, display_labels=["a", "b"])


# Distribution of scores


def test_every_run_is_drawn_beside_its_box_and_mean(
    study: RepeatedHoldoutResult, final: RepeatedHoldoutResult
) -> None:
    studies = {"net": study, "logistic": final}
    display = ScoreDistributionDisplay.from_result(studies).plot()
    assert list(display.points_) == ["net\noriginal", "net\nnoisy", "logistic"]
    assert display.ax_.get_ylabel() == "Accuracy (test)"
    for column, result, variant in (
        ("net\nnoisy", study, "noisy"),
        ("logistic", final, "original"),
    ):
        values = result.values("accuracy", variant=variant)
        row = result.summary().T["test", variant, "accuracy"]
        drawn = display.points_[column].get_offsets()[:, 1]
        assert np.allclose(drawn, values)
        (median,) = display.boxes_[column]["medians"]
        assert np.allclose(median.get_ydata(), row["median"])
        box = display.boxes_[column]["boxes"][0].get_ydata()
        low, high = np.percentile(values, [25, 75])
        assert np.allclose([box.min(), box.max()], [low, high])
        assert np.allclose(display.means_[column].get_ydata(), row["mean"])
        for bar, error in zip(
            display.errors_[column], ("ste", "corrected_ste"), strict=True
        ):
            ends = bar.get_segments()[0][:, 1]
            assert np.allclose(np.diff(ends) / 2, row[error])
    ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert ticks[2] == "logistic\n2 runs"


def test_jitter_is_the_same_each_time(study: RepeatedHoldoutResult) -> None:
    state = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    places = [
        ScoreDistributionDisplay.from_result(study).plot().points_["noisy"]
        for _ in range(2)
    ]
    first, second = (p.get_offsets()[:, 0] for p in places)
    assert np.array_equal(first, second)
    assert len(np.unique(first)) == 4
    after = np.random.get_state()[1]  # type: ignore[index]  # noqa: NPY002
    assert np.array_equal(state, after)


def test_collapsed_runs_are_marked() -> None:
    # Far too fast: these nets give one class for everything.
    fast = study_of(net(solver="sgd", learning_rate_init=5.0))
    assert fast.n_collapsed()["original"] == 4
    display = ScoreDistributionDisplay.from_result({"fast": fast}).plot()
    marked = display.collapsed_["fast"].get_offsets()[:, 1]
    assert np.allclose(marked, fast.values())
    assert len(display.points_["fast"].get_offsets()) == 0
    tick = display.ax_.get_xticklabels()[0].get_text()
    assert tick == "fast\n4 runs\n4 collapsed"
    assert "collapsed run" in legend_of(display)


def test_optimistic_and_single_columns_say_so(
    thesis: RepeatedHoldoutResult, single: RepeatedHoldoutResult
) -> None:
    display = ScoreDistributionDisplay.from_result(
        {"thesis": thesis, "single": single}, metric="loss", split="train"
    ).plot(score_name="Cross-entropy")
    ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert "optimistic" in ticks[0]
    assert ticks[1] == "single\none run"
    assert set(display.boxes_) == set(display.means_) == {"thesis"}
    assert display.ax_.get_ylabel() == "Cross-entropy"
    # The second set of splits gives the scores.
    assert thesis.second_set is not None
    assert np.allclose(
        display.points_["thesis"].get_offsets()[:, 1],
        thesis.second_set.values("loss", split="train"),
    )


def test_scores_refuse_what_they_cannot_draw(
    study: RepeatedHoldoutResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no metric"):
        ScoreDistributionDisplay.from_result(study, metric="nonsense")
    with pytest.raises(ValueError, match="versions of the test part"):
        ScoreDistributionDisplay.from_result(study, split="train", variants="noisy")
    broken = np.array([0.9, np.nan, 0.8, 0.9])
    monkeypatch.setattr(study, "values", lambda *args, **settings: broken)
    with pytest.raises(ValueError, match=r"not finite in the repeats \[1\]"):
        ScoreDistributionDisplay.from_result(study)


# Over-fitting


def test_overfitting_shows_curves_verdict_and_stop(
    study: RepeatedHoldoutResult,
) -> None:
    diagnosis = diagnose_overfitting(study)
    display = OverfittingDisplay.from_result(study).plot()
    assert set(display.lines_) == {
        (metric, split)
        for metric in ("loss", "accuracy")
        for split in ("train", "validation")
    }
    for (metric, split), line in display.lines_.items():
        curve = study.curve(metric, split=split)
        assert np.allclose(line.get_ydata(), curve.mean(axis=0))
        low, high = edges(display.bands_[metric, split][0], 6)
        assert np.allclose((high - low) / 2, curve.std(axis=0, ddof=1))
    assert [ax.get_ylabel() for ax in display.axes_] == ["Loss", "Accuracy"]
    title = display.title_.get_text()
    assert title.startswith(f"Verdict: {diagnosis.verdict}\n")
    assert diagnosis.sentence in title.replace("\n", " ")
    for mark in display.stop_lines_.values():
        assert mark.get_xdata() == [diagnosis.stop_epoch] * 2
    assert f": {diagnosis.stop_epoch}" in legend_of(display)


def test_own_diagnosis_is_shown_and_must_be_of_the_study(
    study: RepeatedHoldoutResult, thesis: RepeatedHoldoutResult
) -> None:
    diagnosis = diagnose_overfitting(study, loss=False, score="tss", score_margin=0.2)
    display = OverfittingDisplay.from_result(study, diagnosis=diagnosis, band=None)
    assert set(display.plot().lines_) == {("tss", "train"), ("tss", "validation")}
    assert display.sentence == diagnosis.sentence
    with pytest.raises(ValueError, match="4 repeats of 6 epochs, the study has 3"):
        OverfittingDisplay.from_result(thesis, diagnosis=diagnosis)


def test_single_repeat_is_undecided(single: RepeatedHoldoutResult) -> None:
    display = OverfittingDisplay.from_result(single).plot()
    assert display.verdict == "undecided"
    assert "Too few repeats (1)" in display.title_.get_text().replace("\n", " ")
    assert all(bands == [] for bands in display.bands_.values())


def test_single_fit_shows_numbers_and_no_verdict() -> None:
    X, y = digits()
    clf = net(64, max_epochs=30, random_state=0)
    clf.fit(X[:100], y[:100], X_val=X[100:300], y_val=y[100:300])
    display = OverfittingDisplay.from_estimator(clf).plot()
    history = clf.history_
    expected = {
        ("loss", "train"): "train_loss",
        ("loss", "validation"): "valid_loss",
        ("accuracy", "validation"): "valid_score",
    }
    assert set(display.lines_) == set(expected)
    for key, name in expected.items():
        drawn = display.lines_[key].get_ydata()
        assert np.allclose(drawn, [row[name] for row in history])
    assert display.verdict == "undecided"
    text = display.title_.get_text().replace("\n", " ")
    assert "One run has no error and cannot decide" in text
    losses = [row["valid_loss"] for row in history]
    assert f"lowest at epoch {np.argmin(losses) + 1}: {min(losses):.4g}" in text
    assert f"{clf.best_validation_score_:.4g}" in text
    assert display.stop_lines_["loss"].get_xdata() == [clf.best_epoch_] * 2
    assert "running mean over the epoch" in legend_of(display)
    assert f"highest validation score: {clf.best_epoch_}" in legend_of(display)
    assert "restored" not in legend_of(display)


@pytest.mark.parametrize("stop", [True, "GL"])
def test_single_fit_that_stopped_early(stop: Any) -> None:
    from skastro.neural_network.stopping import NAMED_CRITERIA

    if stop is not True:
        stop = next(iter(NAMED_CRITERIA))
    X, y = digits()
    clf = net(64, max_epochs=15, random_state=0, early_stopping=stop).fit(X, y)
    display = OverfittingDisplay.from_estimator(
        make_pipeline(FunctionTransformer(), clf)
    )
    assert display.stop_epoch == clf.best_epoch_
    by = "highest validation score" if stop is True else "lowest validation loss"
    assert display.stop_label == f"{by}, weights restored"
    # Weights that were trained on are no longer those of the best epoch.
    clf.set_params(early_stopping=False).partial_fit(X, y)
    later = OverfittingDisplay.from_estimator(clf)
    assert "restored" not in later.stop_label
    assert later.stop_epoch <= clf.n_iter_ - 1


def test_single_fit_of_scikit_learn() -> None:
    X, y = digits()
    clf = MLPClassifier((16,), early_stopping=True, max_iter=300, random_state=0)
    clf.fit(X, y)
    display = OverfittingDisplay.from_estimator(clf).plot()
    assert set(display.lines_) == {("loss", "train"), ("accuracy", "validation")}
    drawn = display.lines_["loss", "train"].get_ydata()
    assert np.allclose(drawn, clf.loss_curve_)
    drawn = display.lines_["accuracy", "validation"].get_ydata()
    assert np.allclose(drawn, clf.validation_scores_)
    assert display.stop_epoch == int(np.argmax(clf.validation_scores_)) + 1


def test_single_regression() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:200], (y[:200] - y.mean()) / y.std()
    model = DenseRegressor(hidden_layer_sizes=(8,), max_epochs=5, random_state=0)
    model.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    display = OverfittingDisplay.from_estimator(model).plot()
    assert display.axes_[1].get_ylabel() == "R²"
    assert "validation R² highest" in display.sentence


def test_single_fit_without_validation_data_is_refused_with_the_remedy() -> None:
    X, y = digits()
    with pytest.raises(ValueError, match=r"X_val=.*early_stopping=True"):
        OverfittingDisplay.from_estimator(net(max_epochs=2).fit(X, y))
    mlp = MLPClassifier((4,), solver="sgd", max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        mlp.fit(X, y)
    with pytest.raises(ValueError, match=r"no validation data.*early_stopping=True"):
        OverfittingDisplay.from_estimator(mlp)
    with pytest.raises(ValueError, match="keeps no learning curve"):
        OverfittingDisplay.from_estimator(LogisticRegression(max_iter=300).fit(X, y))
    with pytest.raises(NotFittedError):
        OverfittingDisplay.from_estimator(net())
