"""The confusion matrix of out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from skastro.model_selection import MeanConfusionMatrixDisplay

NAMES = np.array(["AGN", "CV", "NS"])
Display = MeanConfusionMatrixDisplay


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def predictions(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.choice(NAMES, n, p=[0.7, 0.2, 0.1])
    predicted = np.where(rng.random(n) < 0.7, y, rng.choice(NAMES, n))
    return y, predicted, rng.integers(0, 5, n)


@pytest.mark.parametrize("normalize", ["true", "pred", "all", None])
@pytest.mark.parametrize("weighted", [False, True])
def test_mean_and_std_over_folds(normalize: Any, weighted: bool) -> None:
    y, predicted, folds = predictions()
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y)) if weighted else None
    display = Display.from_predictions(
        pd.Series(y), predicted, folds, normalize=normalize, sample_weight=weight
    )
    each = [
        confusion_matrix(
            y[folds == i],
            predicted[folds == i],
            normalize=normalize,
            sample_weight=None if weight is None else weight[folds == i],
        )
        for i in range(5)
    ]
    np.testing.assert_allclose(display.mean, np.mean(each, axis=0))
    np.testing.assert_allclose(display.std, np.std(each, axis=0, ddof=1))
    assert display.n_repeats == 5


def test_picture_names_folds_and_numbers_of_true_members() -> None:
    y, predicted, folds = predictions()
    display = Display.from_predictions(y, predicted, folds).plot()
    assert display.ax_.get_title() == "Test part: mean ± std of 5 folds"
    rows = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert rows == [f"{c} ({(y == c).sum()})" for c in NAMES]
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == NAMES.tolist()
    mean, std = display.mean[0, 0], display.std[0, 0]
    assert display.text_[0, 0].get_text() == f"{mean:.2f}\n±{std:.2f}"
    np.testing.assert_allclose(display.mean.sum(axis=1), 1)


def test_a_fold_without_a_class_is_left_out_of_its_average() -> None:
    y = np.array(["a", "b", "a", "a"])
    display = Display.from_predictions(y, ["a", "b", "a", "b"], [0, 0, 1, 1])
    assert display.mean.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert np.isnan(display.std[1]).all()


def test_one_run_and_the_order_of_labels() -> None:
    y, predicted, _ = predictions()
    labels = ["NS", "AGN", "QSO", "CV"]
    display = Display.from_predictions(
        y, predicted, labels=labels, normalize=None, display_labels=list("nagc")
    ).plot()
    assert display.mean.tolist() == (
        confusion_matrix(y, predicted, labels=labels).tolist()
    )
    assert np.isnan(display.std).all()
    assert "one run" in display.ax_.get_title()
    assert display.ax_.get_yticklabels()[2].get_text() == "g (0)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["AGN", "CV"]}, "not among the classes"),
        ({"groups": [1]}, "groups has 1 rows"),
        ({"groups": [np.nan] * 300}, "groups is missing"),
        ({"normalize": "rows"}, "normalize"),
        ({"display_labels": ["a"]}, "1 display_labels"),
        ({"y_pred": ["AGN"]}, "y_pred has 1 rows"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: Any, message: str) -> None:
    y, predicted, _ = predictions()
    with pytest.raises(ValueError, match=message):
        Display.from_predictions(y, **{"y_pred": predicted, **changes})
