"""xray_pipeline: the ready classifiers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline as ResamplingPipeline
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from skastro.calibration import CalibratedEnsembleClassifier, MacroF1Classifier
from skastro.datasets import make_xray_sources
from skastro.model_selection import StratifiedSourceKFold, sky_groups
from skastro.xray import read_csc_training, xray_pipeline

QUICK = {
    "classifier__estimator__cv": 2,
    "classifier__estimator__n_repeats": 1,
}


@pytest.fixture(scope="module")
def sources() -> tuple[pd.DataFrame, np.ndarray]:
    return some(700, ["AGN", "LM-STAR", "YSO", "NS"])


def some(n: int, names: list[str], **words: Any) -> tuple[pd.DataFrame, np.ndarray]:
    frame = make_xray_sources(n, random_state=0, **words).frame
    frame = frame[frame["label"].isin(names)].reset_index(drop=True)
    return frame, np.asarray(frame["label"], dtype=object).astype(str)


@pytest.fixture(scope="module")
def recommended(sources: tuple[pd.DataFrame, np.ndarray]) -> Any:
    X, y = sources
    model = xray_pipeline(X, random_state=0).set_params(**QUICK)
    return model.fit(X[:400], y[:400])


def test_study_has_the_studys_settings(
    sources: tuple[pd.DataFrame, np.ndarray],
) -> None:
    model = xray_pipeline(sources[0], "study", random_state=1)
    assert isinstance(model, ResamplingPipeline)
    net = model.named_steps["classifier"]
    expected = {
        "hidden_layer_sizes": (30, 30),
        "activation": "relu",
        "solver": "adam",
        "alpha": 1e-4,
        "batch_size": "auto",
        "learning_rate_init": 0.01,
        "early_stopping": True,
        "beta_1": 0.15,
        "beta_2": 0.990,
        "epsilon": 1e-10,
        "n_iter_no_change": 60,
        "max_epochs": 600,
        "random_state": 1,
    }
    assert expected.items() <= net.get_params().items()
    assert model.named_steps["resample"].cap == 500


def test_study_in_a_grid_search(sources: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = sources
    model = xray_pipeline(X, "study", random_state=0)
    model.set_params(classifier__max_epochs=15)
    search = GridSearchCV(
        model,
        {
            "resample__cap": [60, 120],
            "classifier__hidden_layer_sizes": [(5,), (10, 10)],
            "scale": ["passthrough"],
        },
        cv=StratifiedKFold(2),
        scoring="balanced_accuracy",
        error_score="raise",
    ).fit(X, y)
    assert set(search.predict(X)) <= set(y)
    assert search.best_score_ > 0.25


def test_recommended_beats_guessing(
    sources: tuple[pd.DataFrame, np.ndarray], recommended: Any
) -> None:
    X, y = sources
    found = f1_score(y[400:], recommended.predict(X[400:]), average="macro")
    guess = DummyClassifier(strategy="stratified", random_state=0)
    guess.fit(X[:400], y[:400])
    assert found > 0.2 + f1_score(y[400:], guess.predict(X[400:]), average="macro")
    proba = recommended.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-9)


def test_decision_changes_labels_and_not_probabilities(
    sources: tuple[pd.DataFrame, np.ndarray], recommended: Any
) -> None:
    X, y = sources
    model = xray_pipeline(X, decision="argmax", random_state=0)
    inner = model.named_steps["classifier"]
    assert isinstance(inner, CalibratedEnsembleClassifier)
    assert isinstance(recommended.named_steps["classifier"], MacroF1Classifier)
    model.set_params(classifier__cv=2, classifier__n_repeats=1).fit(X[:400], y[:400])
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(proba, recommended.predict_proba(X))
    np.testing.assert_array_equal(
        model.predict(X), model.classes_[proba.argmax(axis=1)]
    )


def test_rows_alone_and_pickle(
    sources: tuple[pd.DataFrame, np.ndarray], recommended: Any
) -> None:
    X, _ = sources
    whole = recommended.predict_proba(X[:40])
    part = recommended.predict_proba(X[7:9])
    np.testing.assert_allclose(part, whole[7:9], rtol=1e-5, atol=1e-7)
    loaded = pickle.loads(pickle.dumps(recommended))
    np.testing.assert_array_equal(loaded.predict_proba(X[:40]), whole)


def test_groups_reach_the_inner_folds(
    sources: tuple[pd.DataFrame, np.ndarray],
) -> None:
    X, y = sources
    X, y = X[:300], y[:300]
    field = sky_groups(X["ra"], X["dec"], 1.0)
    model = xray_pipeline(X, random_state=0).set_params(**QUICK)
    trees = [p for p in _ensemble(model).estimators if p[0] == "trees"]
    model.set_params(classifier__estimator__estimators=trees)
    grouped = clone(model).fit(X, y, classifier__groups=field)
    free = clone(model).fit(X, y)
    a, b = (_ensemble(m, "estimator_").oof_proba_ for m in (grouped, free))
    assert a.shape == b.shape == (300, 4)
    assert not np.allclose(a, b)


def test_repeated_sources_are_groups_by_themselves() -> None:
    X, y = some(300, ["AGN", "LM-STAR"], n_detections=2)
    given = []

    class Spy(LogisticRegression):
        def fit(self, X: Any, y: Any, groups: Any = None) -> Any:
            given.append(groups)
            return super().fit(X, y)

    model = xray_pipeline(X, missing="impute").set_params(
        classifier=Spy(max_iter=2000, C=1e-3)
    )
    model.fit(X, y)
    np.testing.assert_array_equal(
        pd.Series(given[0]).groupby(X["source_id"].to_numpy()).nunique(), 1
    )
    assert len(set(given[0])) == X["source_id"].nunique() < len(X)
    field = np.zeros(len(X))
    model.fit(X, y, classifier__groups=field)
    assert given[1] is field
    model.fit(X.drop_duplicates("source_id"), y[~X["source_id"].duplicated()])
    assert given[2] is None
    # What takes no groups is left alone.
    clone(model).set_params(classifier=DummyClassifier()).fit(X, y)


def test_inner_parameters_can_be_searched(
    sources: tuple[pd.DataFrame, np.ndarray],
) -> None:
    X, y = sources
    name = "classifier__estimator__net__dense__hidden_layer_sizes"
    model = xray_pipeline(X, random_state=0).set_params(**{name: (5,)}, **QUICK)
    model.set_params(classifier__estimator__trees__max_iter=3)
    model.fit(X[:450], y[:450])
    net = _ensemble(model, "estimator_").estimators_["net"][0]
    assert net.named_steps["dense"].hidden_layer_sizes == (5,)


def _ensemble(model: Any, name: str = "estimator") -> Any:
    return getattr(model.named_steps["classifier"], name)


def test_source_folds_need_no_groups() -> None:
    X, y = some(300, ["AGN", "LM-STAR"], n_detections=2)
    model = xray_pipeline(X, "study", random_state=0)
    model.set_params(classifier__max_epochs=10)
    score = cross_val_score(
        model,
        X,
        y,
        cv=StratifiedSourceKFold(3, shuffle=True, random_state=0),
        scoring="balanced_accuracy",
        error_score="raise",
    )
    assert score.shape == (3,)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"preset": "best"}, "preset"),
        ({"decision": "vote"}, "decision"),
        ({"preset": "study", "missing": "keep"}, "NaN"),
        ({"missing": "hide"}, "missing"),
    ],
)
def test_wrong_words(
    sources: tuple[pd.DataFrame, np.ndarray], words: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        xray_pipeline(sources[0], **words)


@pytest.mark.real_data
def test_real_sources_with_counterparts(data_home: Path) -> None:
    frame = read_csc_training(data_home / "xray/CSC_TD_11042023_MW.csv")
    y = np.asarray(frame["label"], dtype=object).astype(str)
    model = xray_pipeline(frame, random_state=0)
    # The trees alone on every fourth source: the whole is in the benchmark.
    trees = [p for p in _ensemble(model).estimators if p[0] == "trees"]
    model.set_params(**QUICK, classifier__estimator__estimators=trees)
    rows = np.arange(len(y)) % 4 == 0
    model.fit(frame[rows], y[rows])
    test = np.arange(len(y)) % 4 == 1
    assert model.score(frame[test], y[test]) > 0.87
