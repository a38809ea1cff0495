"""The summary agrees with scikit-learn and says what is not known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from skastro.metrics import (
    classification_summary,
    expected_calibration_error,
    true_skill_score,
)

NAMES = np.array(["AGN", "CV", "NS", "YSO"])


def problem(
    n: int = 500, k: int = 4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(k, 0.4), n)
    codes = np.array([rng.choice(k, p=row) for row in proba])
    return NAMES[codes], proba, rng.integers(0, 5, n)


def expected(y: Any, proba: np.ndarray, weight: Any) -> dict[str, float]:
    labels = NAMES[: proba.shape[1]]
    chosen = labels[proba.argmax(axis=1)]
    w = {"sample_weight": weight}
    return {
        "accuracy": sk.accuracy_score(y, chosen, **w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, chosen, **w),
        "macro_f1": sk.f1_score(y, chosen, average="macro", **w),
        "mcc": sk.matthews_corrcoef(y, chosen, **w),
        "tss_balanced": true_skill_score(y, chosen, **w),
        "tss_peirce": true_skill_score(y, chosen, average="peirce", **w),
        "tss_ovr": true_skill_score(y, chosen, average="ovr", **w),
        "log_loss": sk.log_loss(y, proba, labels=labels, **w),
        "brier": sk.brier_score_loss(y, proba, labels=labels, **w),
        "ece": expected_calibration_error(y, proba, **w),
        "ece_classwise": expected_calibration_error(y, proba, kind="classwise", **w),
    }


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_scikit_learn(k: int, weighted: bool) -> None:
    y, proba, folds = problem(k=k)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y)) if weighted else None
    summary = classification_summary(y, proba, folds, sample_weight=weight)
    wanted = expected(y, proba, weight)
    assert summary.overall["value"].to_dict() == pytest.approx(wanted)
    rows = [
        expected(y[folds == i], proba[folds == i], weight and weight[folds == i])
        if weight is None
        else expected(y[folds == i], proba[folds == i], weight[folds == i])
        for i in range(5)
    ]
    by_fold = pd.DataFrame(rows)
    np.testing.assert_allclose(summary.by_fold, by_fold)
    np.testing.assert_allclose(summary.overall["fold_mean"], by_fold.mean())
    np.testing.assert_allclose(summary.overall["fold_std"], by_fold.std(ddof=1))
    three = sk.precision_recall_fscore_support(
        y, NAMES[proba.argmax(axis=1)], sample_weight=weight
    )
    for name, values in zip(
        ["precision", "recall", "f1", "support"], three, strict=True
    ):
        np.testing.assert_allclose(summary.per_class[name], values)


def test_columns_of_a_frame_are_aligned_by_name() -> None:
    y, proba, folds = problem()
    plain = classification_summary(y, proba, folds)
    frame = pd.DataFrame(proba, columns=NAMES)[["NS", "YSO", "AGN", "CV"]]
    series = pd.Series(y)
    for labels in (None, list(NAMES), ["CV", "AGN", "YSO", "NS"]):
        turned = classification_summary(series, frame, folds, labels=labels)
        pd.testing.assert_frame_equal(plain.overall, turned.overall)
        pd.testing.assert_frame_equal(
            plain.per_class, turned.per_class.loc[plain.per_class.index]
        )
        if labels:
            assert turned.per_class.index.tolist() == labels
    # An array follows labels, in whatever order scikit-learn would sort them.
    reverse = classification_summary(y, proba[:, ::-1], folds, labels=NAMES[::-1])
    pd.testing.assert_frame_equal(plain.overall, reverse.overall)


def test_a_class_that_a_fold_lacks_is_left_out_there() -> None:
    y, proba, folds = problem()
    folds = np.where((y == "NS") & (folds == 3), 4, folds)
    assert not ((y == "NS") & (folds == 3)).any()
    summary = classification_summary(y, proba, folds)
    inside = folds == 3
    chosen = NAMES[proba.argmax(axis=1)][inside]
    assert (chosen == "NS").any()
    three = ["AGN", "CV", "YSO"]
    f1 = sk.f1_score(y[inside], chosen, labels=three, average="macro")
    recall = sk.recall_score(y[inside], chosen, labels=three, average="macro")
    assert summary.by_fold.loc[3, "macro_f1"] == pytest.approx(f1)
    assert summary.by_fold.loc[3, "balanced_accuracy"] == pytest.approx(recall)
    assert summary.per_class["n_folds"].to_dict() == {
        "AGN": 5,
        "CV": 5,
        "NS": 4,
        "YSO": 5,
    }
    assert np.isfinite(summary.overall).all(axis=None)
    others = [
        sk.f1_score(
            y[folds == i],
            NAMES[proba.argmax(axis=1)][folds == i],
            labels=["NS"],
            average="macro",
        )
        for i in (0, 1, 2, 4)
    ]
    assert summary.per_class.loc["NS", "f1_fold_mean"] == pytest.approx(np.mean(others))
    std = np.std(others, ddof=1)
    assert summary.per_class.loc["NS", "f1_fold_std"] == pytest.approx(std)


def test_a_class_without_members_or_predictions() -> None:
    summary = classification_summary(
        ["a", "a", "b"], None, y_pred=["a", "c", "a"], labels=["a", "b", "c", "d"]
    )
    table = summary.per_class
    assert table["support"].tolist() == [2, 1, 0, 0]
    assert table["f1"].tolist()[:2] == [0.5, 0.0]
    assert table[["precision", "recall", "f1"]].loc[["c", "d"]].isna().all(axis=None)
    assert np.isnan(table.loc["b", "precision"])
    assert summary.overall.loc["macro_f1", "value"] == 0.25
    assert summary.overall.loc["balanced_accuracy", "value"] == 0.25


def test_labels_alone_leave_probability_scores_unknown() -> None:
    y, proba, folds = problem()
    chosen = NAMES[proba.argmax(axis=1)]
    full = classification_summary(y, proba, folds)
    alone = classification_summary(y, None, folds, y_pred=chosen)
    lost = ["log_loss", "brier", "ece", "ece_classwise"]
    assert alone.overall.loc[lost].isna().all(axis=None)
    pd.testing.assert_frame_equal(
        alone.overall.drop(index=lost), full.overall.drop(index=lost)
    )
    pd.testing.assert_frame_equal(alone.per_class, full.per_class)


def test_a_decision_rule_changes_labels_and_not_probabilities() -> None:
    y, proba, _ = problem()
    summary = classification_summary(y, proba, y_pred=np.full(len(y), "AGN"))
    plain = classification_summary(y, proba)
    assert summary.overall.loc["accuracy", "value"] == (y == "AGN").mean()
    assert summary.overall.loc["mcc", "value"] == 0
    for name in ("log_loss", "brier", "ece"):
        assert summary.overall.loc[name, "value"] == (plain.overall.loc[name, "value"])


def test_one_true_class_has_no_skill() -> None:
    summary = classification_summary([1, 1], [[0.2, 0.8], [0.6, 0.4]], labels=[0, 1])
    values = summary.overall["value"]
    assert values["accuracy"] == values["balanced_accuracy"] == 0.5
    assert values.filter(like="tss").isna().all()


def test_a_fold_of_one_class_all_right() -> None:
    y, chosen = ["a", "a", "b", "a"], ["a", "a", "b", "b"]
    summary = classification_summary(y, None, [0, 0, 1, 1], y_pred=chosen)
    assert summary.by_fold["mcc"].tolist() == [0.0, 0.0]
    assert summary.by_fold.loc[0, "tss_balanced":"tss_ovr"].isna().all()
    # The mean is over the folds that have the score.
    assert summary.overall.loc["tss_balanced", "fold_mean"] == 0.0
    assert np.isnan(summary.overall.loc["tss_balanced", "fold_std"])


def test_sums_within_the_tolerance_of_a_table_pass_without_a_warning() -> None:
    y, proba, _ = problem()
    short = proba.round(5)
    assert np.abs(short.sum(axis=1) - 1).max() > 1e-6
    assert classification_summary(y, short).overall["value"].to_numpy() == (
        pytest.approx(classification_summary(y, proba).overall["value"], abs=2e-3)
    )
    single = classification_summary(y, proba.astype(np.float32)).overall["value"]
    assert single["log_loss"] == pytest.approx(
        sk.log_loss(y, proba.astype(np.float32)), rel=1e-6
    )


def test_weights_are_repetitions() -> None:
    y, proba, folds = problem()
    weight = np.random.default_rng(2).integers(0, 3, len(y))
    weighted = classification_summary(y, proba, folds, sample_weight=weight)
    repeated = classification_summary(
        y.repeat(weight), proba.repeat(weight, axis=0), folds.repeat(weight)
    )
    pd.testing.assert_frame_equal(weighted.overall, repeated.overall)
    pd.testing.assert_frame_equal(weighted.per_class, repeated.per_class)
    assert weighted.n_rows == (weight > 0).sum()


def test_text_and_html() -> None:
    y, proba, folds = problem()
    summary = classification_summary(y, proba, folds)
    text = repr(summary)
    assert text == summary.to_text() == str(summary)
    value = summary.per_class.loc["CV", "recall"]
    std = summary.per_class.loc["CV", "recall_fold_std"]
    assert f"{value:.3f} ± {std:.3f}" in text
    assert "5 folds" in text
    assert "balanced accuracy" in text
    alone = classification_summary(["<a>", "b"], None, y_pred=["<a>", "b"])
    assert "±" not in repr(alone)
    assert " - " in repr(alone).replace("\n", " ")
    html = alone._repr_html_()
    assert "&lt;a&gt;" in html
    assert html.count("<table") == 2


def test_sources_given_as_folds_are_noticed() -> None:
    y, proba, _ = problem()
    with pytest.warns(UserWarning, match="numbers the test folds"):
        classification_summary(y, proba, np.arange(len(y)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classification_summary(y, proba, [f"fold {i % 5}" for i in range(len(y))])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"proba": None}, "nothing to judge"),
        ({"groups": [1]}, r"groups must have shape"),
        ({"groups": [np.nan] * 500}, "missing"),
        ({"y_pred": ["AGN"]}, "y_pred has 1 rows"),
        ({"y_pred": ["QSO"] * 500}, "y_pred has classes"),
        ({"labels": ["AGN", "CV", "NS", "QSO"]}, "y_true has classes"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: Any, message: str) -> None:
    y, proba, _ = problem()
    arguments = {"proba": proba, **changes}
    with pytest.raises(ValueError, match=message):
        classification_summary(y, **arguments)
