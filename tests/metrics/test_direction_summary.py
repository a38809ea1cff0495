"""The summary of predicted directions, and the scorers."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_validate

from skastro.metrics import (
    DirectionSummary,
    direction_angle,
    direction_l1,
    direction_summary,
    make_direction_scorer,
    neg_direction_angle_scorer,
    neg_direction_l1_scorer,
)


def pairs(n: int = 200, noise: float = 0.1, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, 2, 3))
    y /= np.linalg.norm(y, axis=2, keepdims=True)
    p = y + noise * rng.exponential(size=(n, 1, 1)) * rng.normal(size=y.shape)
    p[::10] = p[::10, ::-1]
    return y.reshape(n, 6), p.reshape(n, 6)


def test_errors_of_pairs() -> None:
    y, p = pairs()
    table = direction_summary(y, p).errors
    assert list(table.index) == ["direction 1", "direction 2", "all", "oracle"]
    mean, std = direction_l1(y, p, return_std=True)
    best = direction_l1(y, p, assignment="best", return_std=True)
    np.testing.assert_allclose(table["mae"][:2], mean)
    np.testing.assert_allclose(table["std"][:2], std)
    np.testing.assert_allclose(table[["best_mae", "best_std"]][:2].T, best)
    a = np.abs(y - p).reshape(-1, 2, 3).sum(axis=2)
    assert table.loc["all", "mae"] == pytest.approx(a.mean())
    assert table.loc["all", "std"] == pytest.approx(a.std())
    oracle = a.min(axis=1)
    assert table.loc["oracle", "mae"] == pytest.approx(oracle.mean())
    assert table.loc["oracle", "std"] == pytest.approx(oracle.std())
    assert table.loc["oracle", "min"] == pytest.approx(oracle.min())
    assert table.loc["oracle", "max"] == pytest.approx(oracle.max())
    assert table["n_at_or_below"].tolist() == [
        *(a <= a.mean(axis=0)).sum(axis=0),
        (a <= a.mean(axis=0)).all(axis=1).sum(),
        (oracle <= oracle.mean()).sum(),
    ]
    assert table["n_at_or_below"].dtype.kind == "i"
    assert (table["best_mae"] <= table["mae"] + 1e-15)["all"]


def test_angles_and_shares_of_pairs() -> None:
    y, p = pairs()
    summary = direction_summary(y, p, limits=(2, 3.5, 5, 90))
    angle = direction_angle(y, p)
    table = summary.angles
    assert list(table.index) == ["better", "worse", "all"]
    for row, values in (("better", angle.min(axis=1)), ("worse", angle.max(axis=1))):
        expected = [np.median(values), values.mean(), np.percentile(values, 90)]
        np.testing.assert_allclose(table.loc[row], [*expected, values.max()])
    assert table.loc["all", "median"] == pytest.approx(np.median(angle))
    for limit in (2, 3.5, 5):
        both = ((angle[:, 0] < limit) & (angle[:, 1] < limit)).mean()
        assert summary.shares[limit] == both
    assert 0 < summary.shares[2.0] < summary.shares[5.0] < 1
    assert summary.shares[90.0] == 1
    assert (summary.n_samples, summary.n_directions) == (200, 2)


@pytest.mark.parametrize("k", [1, 3])
def test_other_numbers_of_directions(k: int) -> None:
    y = np.random.default_rng(0).normal(size=(30, 3 * k))
    summary = direction_summary(y, -y, laue_group="-1")
    assert summary.shares.tolist() == [1.0, 1.0, 1.0]
    assert len(summary.errors) == (1 if k == 1 else k + 2)
    assert list(summary.angles.index)[-1] == "all"
    assert len(summary.angles) == (1 if k == 1 else 3)
    assert summary.errors["mae"].iloc[0] > 1


def test_everyone_is_at_the_mean_of_equal_errors() -> None:
    y = np.tile([0.0, 0.0, 1.0], (7, 1))
    summary = direction_summary(y, y + 0.1)
    assert summary.errors["n_at_or_below"].tolist() == [7]
    assert summary.errors["std"].max() < 1e-15


def test_one_row_a_model() -> None:
    y, p = pairs()
    summary = direction_summary(y, p)
    row = summary.to_frame("model 3")
    both = pd.concat([row, direction_summary(y, y).to_frame("perfect")])
    assert both.shape[0] == 2
    assert both.columns.is_unique
    assert both.loc["model 3", "mae_1"] == summary.errors.loc["direction 1", "mae"]
    assert both.loc["model 3", "std_oracle"] == summary.errors.loc["oracle", "std"]
    assert both.loc["model 3", "angle_p90_worse"] == summary.angles.loc["worse", "p90"]
    assert both.loc["perfect", "share_below_2"] == 1
    assert row["n_at_or_below_oracle"].dtype.kind == "i"
    assert row["n_samples"].tolist() == [200]


def test_text() -> None:
    y, p = pairs()
    summary = direction_summary(y, p)
    text = str(summary)
    assert text == repr(summary) == summary.to_text()
    for word in (
        "200 samples of 2 directions, Laue group 4/mmm",
        "oracle (needs the truth)",
        f"{summary.errors.loc['direction 1', 'mae']:.4f}",
        f"{summary.angles.loc['worse', 'max']:.2f}°",
        f"{summary.shares[2.0]:.1%} < 2°",
    ):
        assert word in text
    page = summary._repr_html_()
    assert page.count("<table") == 2
    assert "&lt; 2°" in page
    with pytest.raises(dataclasses.FrozenInstanceError):
        summary.n_samples = 3  # type: ignore[misc]
    assert isinstance(pickle.loads(pickle.dumps(summary)), DirectionSummary)
    matrices = direction_summary(y, p, laue_group=np.eye(3)[None])
    assert "of 1 given rotations" in str(matrices)


def test_zero_prediction_counts_as_the_largest_error() -> None:
    y, _ = pairs(20)
    with pytest.warns(UndefinedMetricWarning, match="40 of 40"):
        summary = direction_summary(y, np.zeros_like(y))
    assert summary.angles.loc["better", "median"] == 90
    assert summary.shares.max() == 0
    assert np.isfinite(summary.to_frame()).all(axis=None)


@pytest.mark.parametrize("limits", [(), (0,), (-1, 2), (np.nan,), (2, 2), ((1, 2),)])
def test_wrong_limits_are_refused(limits: Any) -> None:
    y, p = pairs(10)
    with pytest.raises(ValueError, match="limits must be"):
        direction_summary(y, p, limits=limits)


MEASURES = {
    "median": lambda worst: -np.median(worst),
    "p90": lambda worst: -np.percentile(worst, 90),
    "mean": lambda worst: -worst.mean(),
    "max": lambda worst: -worst.max(),
    "share_below": lambda worst: (worst < 2).mean(),
}


class Given(RegressorMixin, BaseEstimator):
    """An estimator whose predictions are its input."""

    def predict(self, X: Any) -> Any:
        return X


@pytest.mark.parametrize("measure", [*MEASURES, "l1"])
@pytest.mark.parametrize("assignment", ["ordered", "best"])
def test_scorers_measure(measure: Any, assignment: Any) -> None:
    y, p = pairs()
    scorer = make_direction_scorer(measure, laue_group="m-3m", assignment=assignment)
    if measure == "l1":
        expected = -direction_l1(y, p, assignment=assignment).mean()
    else:
        angle = direction_angle(y, p, laue_group="m-3m", assignment=assignment)
        expected = MEASURES[measure](angle.max(axis=1))
    for ready in (scorer, pickle.loads(pickle.dumps(scorer))):
        assert ready(Given(), p, y) == pytest.approx(expected)
    assert measure in repr(scorer)


def test_named_scorers() -> None:
    y, p = pairs()
    worst = direction_angle(y, p).max(axis=1)
    assert neg_direction_angle_scorer(Given(), p, y) == pytest.approx(-np.median(worst))
    best = direction_l1(y, p, assignment="best").mean()
    assert neg_direction_l1_scorer(Given(), p, y) == pytest.approx(-best)
    below = make_direction_scorer("share_below", limit=10.0)
    assert below(Given(), p, y) == (worst < 10).mean()


def test_scorers_choose_in_a_search() -> None:
    y, _ = pairs(120)
    X = np.column_stack([y, np.random.default_rng(1).normal(size=(120, 3))])
    scoring = {
        "l1": neg_direction_l1_scorer,
        "angle": neg_direction_angle_scorer,
        "good": make_direction_scorer("share_below", limit=5),
    }
    for refit in scoring:
        search = GridSearchCV(
            Ridge(), {"alpha": [1e-3, 1e4]}, scoring=scoring, refit=refit, cv=3
        ).fit(X, y)
        assert search.best_params_ == {"alpha": 1e-3}
    result = cross_validate(Ridge(), X, y, cv=3, scoring=scoring)
    assert result["test_good"].min() > 0.9


def test_scorers_with_metadata_routing() -> None:
    y, _ = pairs(60)
    weight = np.ones(60)
    with sklearn.config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight=True)
        result = cross_validate(
            model,
            y,
            y,
            cv=3,
            scoring=neg_direction_l1_scorer,
            params={"sample_weight": weight},
        )
    assert (result["test_score"] > -0.5).all()
    # Weights are not taken in silence.
    with pytest.raises(TypeError, match="sample_weight"):
        neg_direction_l1_scorer(Given(), y, y, sample_weight=weight)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"measure": "rmse"}, "measure must be"),
        ({"assignment": "hungarian"}, "assignment must be"),
        ({"limit": 0}, "limit must be"),
        ({"limit": np.nan}, "limit must be"),
        ({"laue_group": "43m"}, "laue_group must be"),
    ],
)
def test_wrong_scorers_are_refused(arguments: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make_direction_scorer(**arguments)
