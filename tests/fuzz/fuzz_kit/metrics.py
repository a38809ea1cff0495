"""Metrics, scorers and decision rules on hostile labels and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from fuzz_kit.calls import Arguments, call
from skastro import calibration, metrics
from skastro.galaxy import ResolutionDegrader

N = 24


def _labels(rng: np.random.Generator, n_classes: int = 2) -> np.ndarray:
    return np.arange(N) % n_classes if rng.random() < 0.5 else rng.permutation(N) % 2


def binary(rng: np.random.Generator) -> Arguments:
    y = _labels(rng)
    return {
        "y_true": y,
        "y_score": y + rng.normal(size=N),
        "pos_label": 1,
    }


def classes(rng: np.random.Generator) -> Arguments:
    names = np.array(["a", "b", "c"])
    return {
        "y_true": names[np.arange(N) % 3],
        "y_pred": names[rng.integers(0, 3, N)],
        "sample_weight": rng.uniform(0.5, 2, N),
    }


def probabilities(rng: np.random.Generator) -> Arguments:
    return {
        "y_true": np.arange(N) % 3,
        "proba": rng.dirichlet(np.ones(3), N),
        "sample_weight": rng.uniform(0.5, 2, N),
    }


def directions(rng: np.random.Generator, n: int = 2) -> Arguments:
    d = rng.normal(size=(2, 8, n, 3))
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    return {"y_true": d[0], "y_pred": d[1]}


def _in(low: float, high: float) -> Any:
    def sound(value: Any, arguments: Arguments) -> None:
        values = np.asarray(value, dtype=float)
        assert np.isfinite(values).all(), values
        assert (values >= low - 1e-9).all(), values
        assert (values <= high + 1e-9).all(), values

    return sound


def _skill(value: float, arguments: Arguments) -> None:
    # Without two classes in y it is documented as NaN, with a warning.
    assert np.isnan(value) or -1 <= value <= 1


def _efficiency(result: Any, arguments: Arguments) -> None:
    for row in getattr(result, "rows", (result,)):
        if np.isfinite(row.efficiency):
            assert 0 <= row.low <= row.efficiency <= row.high <= 1
            assert row.n_signal_passing <= row.n_signal


def _rule(result: Any, arguments: Arguments) -> None:
    assert np.isfinite(result.offset).all()
    assert np.isfinite(result.scale).all()
    assert (result.scale > 0).all()


class _Scored(ClassifierMixin, BaseEstimator):
    """Stands for a fitted estimator."""

    classes_ = np.array([0, 1])

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, X: Any) -> Any:
        return self.answer

    predict_proba = predict


def _scorer(scorer: Any) -> Any:
    def score(y: Any, answer: Any) -> float:
        return float(scorer(_Scored(answer), np.zeros((N, 2)), y))

    return score


def _fitted() -> LogisticRegression:
    rng = np.random.default_rng(0)
    return LogisticRegression().fit(rng.normal(size=(20, 4)), np.arange(20) % 2)


METRICS = [
    call(
        "metrics.true_skill_score",
        metrics.true_skill_score,
        lambda rng: {**classes(rng), "average": "balanced", "labels": None},
        sound=_skill,
        long=900,
    ),
    call(
        "metrics.expected_calibration_error",
        metrics.expected_calibration_error,
        lambda rng: {
            **probabilities(rng),
            "n_bins": int(rng.integers(1, 12)),
            "strategy": rng.choice(["uniform", "quantile"]).item(),
            "kind": rng.choice(["top", "classwise"]).item(),
            "labels": None,
        },
        sound=_in(0, 1),
        long=900,
    ),
    call(
        "metrics.classification_summary",
        metrics.classification_summary,
        lambda rng: {**probabilities(rng), "groups": np.arange(N) % 4, "n_bins": 5},
        long=150,
        short=4,
    ),
    call(
        "metrics.risk_coverage_curve",
        metrics.risk_coverage_curve,
        lambda rng: {**classes(rng), "confidence": rng.random(N), "labels": None},
        sound=lambda r, a: _in(0, 1)(np.concatenate([r.coverage, r.risk]), a),
        long=900,
    ),
    call(
        "metrics.rejection_curve",
        metrics.rejection_curve,
        binary,
        long=900,
    ),
    call(
        "metrics.efficiency_at_rejection",
        metrics.efficiency_at_rejection,
        lambda rng: {
            **binary(rng),
            "rejection": 2.0,
            "min_background": 1.0,
            "confidence_level": 0.9,
            "method": "exact",
        },
        sound=_efficiency,
        long=900,
    ),
    call(
        "metrics.stratified_efficiency",
        metrics.stratified_efficiency,
        lambda rng: {
            **binary(rng),
            "stratify": {"beta": rng.random(N)},
            "rejection": 2.0,
            "bins": 2,
            "min_background": 1.0,
        },
        long=200,
        short=5,
    ),
    call(
        "metrics.abundance_weighted_purity",
        metrics.abundance_weighted_purity,
        lambda rng: {
            "y_true": np.array(["d", "p"])[np.arange(N) % 2],
            "y_pred": np.array(["d", "p"])[rng.integers(0, 2, N)],
            "abundances": {"d": 1.0, "p": 100.0},
            "pos_label": "d",
            "acceptances": {"d": 0.5, "p": 0.4},
            "confidence_level": 0.9,
        },
        long=1000,
    ),
    *(
        call(
            f"metrics.{name}",
            function,
            lambda rng, n=n, more=more: {
                **directions(rng, n),
                "laue_group": "4/mmm",
                **more,
            },
            sound=sound,
            long=long,
        )
        for name, function, n, more, sound, long in (
            (
                "direction_angle",
                metrics.direction_angle,
                2,
                {"assignment": "best"},
                _in(0, 180),
                1200,
            ),
            ("direction_summary", metrics.direction_summary, 2, {}, None, 500),
        )
    ),
    call(
        "metrics.direction_l1",
        metrics.direction_l1,
        lambda rng: {**directions(rng), "assignment": "best", "return_std": False},
        sound=lambda r, a: None if a["return_std"] else _in(0, np.inf)(r, a),
        long=900,
    ),
    call(
        "metrics.make_direction_scorer",
        lambda measure, limit, y, answer: _scorer(
            metrics.make_direction_scorer(measure, limit=limit)
        )(y, answer),
        lambda rng: {
            "measure": "share_below",
            "limit": 3.0,
            "y": directions(rng, 1)["y_true"][:, 0],
            "answer": directions(rng, 1)["y_pred"][:, 0],
        },
        covers=(
            "metrics.make_direction_scorer",
            "metrics.neg_direction_angle_scorer",
            "metrics.neg_direction_l1_scorer",
        ),
        long=1000,
    ),
    call(
        "metrics.make_rejection_scorer",
        lambda rejection, min_background, y, answer: _scorer(
            metrics.make_rejection_scorer(
                rejection, pos_label=1, min_background=min_background
            )
        )(y, answer),
        lambda rng: {
            "rejection": 2.0,
            "min_background": 1.0,
            "y": np.arange(N) % 2,
            "answer": rng.dirichlet([1, 1], N),
        },
        long=1000,
    ),
    call(
        "metrics.neg_ece_scorer",
        _scorer(metrics.neg_ece_scorer),
        lambda rng: {"y": np.arange(N) % 2, "answer": rng.dirichlet([1, 1], N)},
        sound=_in(-1, 0),
        long=1000,
    ),
    call(
        "metrics.tss_scorer",
        _scorer(metrics.tss_scorer),
        lambda rng: {"y": np.arange(N) % 2, "answer": rng.integers(0, 2, N)},
        sound=_skill,
        long=1000,
    ),
    call(
        "metrics.transformed_scorer",
        lambda scorer, X, y: metrics.transformed_scorer(
            scorer, ResolutionDegrader(factor=2, image_shape=(2, 2))
        )(_fitted(), X, y),
        lambda rng: {
            "scorer": "accuracy",
            "X": rng.normal(size=(8, 4)),
            "y": np.arange(8) % 2,
        },
        sound=_in(0, 1),
        long=300,
        short=5,
    ),
    call(
        "calibration.macro_f1_rule",
        calibration.macro_f1_rule,
        lambda rng: {
            **{k: v for k, v in probabilities(rng).items() if k != "y_true"},
            "min_gain": 0.0,
        },
        sound=_rule,
        long=1000,
    ),
]
