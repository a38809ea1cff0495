"""What wrappers of this room must not lose: groups, priors, decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.calibration import (
    CalibratedEnsembleClassifier,
    ConformalSetClassifier,
    FeatureErrorEnsemble,
    MacroF1Classifier,
    PriorCorrectedClassifier,
    RejectClassifier,
)
from skastro.neural_network import DenseClassifier


def rare(n: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return make_classification(
        n, n_features=6, weights=[0.86], class_sep=0.6, random_state=seed
    )


def sources(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw sources with five nearly equal rows and labels that are half chance."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = (X[:, 0] + rng.normal(size=n) > 0).astype(int)
    rows = np.repeat(np.arange(n), 5)
    return X[rows] + 0.01 * rng.normal(size=(5 * n, 4)), y[rows], rows


def test_out_of_bag_is_not_out_of_group() -> None:
    X, y, source = sources(250, 0)
    new, label, _ = sources(250, 1)
    forest = RandomForestClassifier(40, oob_score=True, random_state=0)
    sets = ConformalSetClassifier(forest).fit(X, y, groups=source)
    covered = sets.predict_set(new)[np.arange(len(label)), label].mean()
    assert covered > 0.82
    reject = RejectClassifier(forest, threshold=0.5).fit(X, y, groups=source)
    assert reject.accept(new).all()
    with pytest.warns(UserWarning, match="nothing will be accepted"):
        strict = RejectClassifier(forest, threshold="risk", max_risk=0.05).fit(
            X, y, groups=source
        )
    assert not strict.accept(new).any()


def test_a_group_aware_ensemble_gives_its_own_probabilities() -> None:
    X, y, source = sources(60, 0)
    inner = CalibratedEnsembleClassifier([("nb", GaussianNB())], random_state=0)
    rule = MacroF1Classifier(inner).fit(X, y, groups=source)
    np.testing.assert_array_equal(rule.oof_proba_, rule.estimator_.oof_proba_)
    fresh = CalibratedEnsembleClassifier([("nb", GaussianNB())], random_state=0)
    expected = fresh.fit(X, y, groups=source).oof_proba_
    np.testing.assert_array_equal(rule.oof_proba_, expected)


BALANCED = LogisticRegression(class_weight="balanced")
OVERSAMPLED = make_resampling_pipeline(
    RandomOverSampler(random_state=0), LogisticRegression()
)


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedEnsembleClassifier(
            [("lr", LogisticRegression())], balance=1, calibration="temperature"
        ),
        CalibratedEnsembleClassifier([("lr", OVERSAMPLED)], calibration=None),
        CalibratedEnsembleClassifier([("lr", BALANCED)], calibration=None),
        GridSearchCV(OVERSAMPLED, {"logisticregression__C": [1.0]}, cv=2),
        RejectClassifier(OVERSAMPLED, threshold=0.5),
    ],
    ids=["balance", "sampler inside", "weights inside", "search", "wrapped sampler"],
)
def test_priors_that_cannot_be_told_are_refused(estimator: Any) -> None:
    X, y = rare()
    with pytest.raises(ValueError, match="cannot be told"):
        PriorCorrectedClassifier(estimator).fit(X, y)


@pytest.mark.parametrize(
    "estimator",
    [
        GridSearchCV(LogisticRegression(), {"class_weight": ["balanced"]}, cv=2),
        RejectClassifier(LinearDiscriminantAnalysis(priors=[0.5, 0.5]), threshold=0.5),
        MacroF1Classifier(
            PriorCorrectedClassifier(LogisticRegression(), priors="balanced"), cv=2
        ),
        BernoulliNB(fit_prior=False),
        RejectClassifier(BALANCED, threshold=0.5),
    ],
    ids=["search", "reject", "rule", "no prior", "weights"],
)
def test_priors_inside_are_found(estimator: Any) -> None:
    X, y = rare()
    model = PriorCorrectedClassifier(estimator).fit(X, y)
    np.testing.assert_allclose(model.seen_priors_, 0.5, atol=1e-9)
    share = y.mean()
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(share, abs=0.05)


def test_a_bias_calibrates_to_the_training_rows() -> None:
    X, y = rare()
    inner = CalibratedEnsembleClassifier(
        [("lr", LogisticRegression())], balance=1, random_state=0
    )
    model = PriorCorrectedClassifier(inner, priors="balanced").fit(X, y)
    share = y.mean()
    np.testing.assert_allclose(model.seen_priors_, [1 - share, share])
    assert model.predict_proba(X)[:, 1].mean() > 2 * share


@pytest.mark.parametrize("wrap", [RejectClassifier, ConformalSetClassifier])
@pytest.mark.parametrize("scaled", [False, True])
def test_decisions_survive_a_wrapper(wrap: Any, scaled: bool) -> None:
    X, y = rare()
    inner: Any = MacroF1Classifier(LogisticRegression(), cv=3)
    if scaled:
        inner = make_pipeline(StandardScaler(), inner)
    alone = inner.fit(X, y).predict(X)
    model = wrap(inner, cv=3).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), alone)
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(model.decide(proba), alone)
    assert (alone != proba.argmax(axis=1)).any()


def test_rejection_counts_the_errors_of_the_decisions_it_makes() -> None:
    X, y = rare(3000)
    rule = MacroF1Classifier(LogisticRegression(), cv=3)
    model = RejectClassifier(rule, coverage=1.0, cv=3).fit(X, y)
    new, label = rare(3000)
    wrong = (model.predict(new) != label).mean()
    plain = (rule.fit(X, y).predict_proba(new).argmax(axis=1) != label).mean()
    assert abs(wrong - plain) > 0.015
    assert abs(model.risk_ - wrong) < 0.5 * abs(model.risk_ - plain)


def test_probabilities_from_outside_are_looked_at() -> None:
    X, y = rare(300)
    names = np.array(["AGN", "CV"])[y]
    for model in (MacroF1Classifier(cv=2), RejectClassifier(threshold=0.5)):
        model.fit(X, names)
        proba = model.predict_proba(X)
        turned = pd.DataFrame(proba[:, ::-1], columns=["CV", "AGN"])
        np.testing.assert_array_equal(model.decide(turned), model.predict(X))
        with pytest.raises(ValueError, match="NaN"):
            model.decide(np.full((2, 2), np.nan))
        with pytest.raises(ValueError, match="column"):
            model.decide(np.eye(3))
        with pytest.raises(ValueError, match="columns"):
            model.decide(pd.DataFrame(proba, columns=["AGN", "NS"]))


@pytest.mark.parametrize("given", [{"lin": 2}, {"nb": 0}, {"nb": 1.5}])
def test_repeats_are_checked(given: dict[str, Any]) -> None:
    X, y = rare(100)
    model = CalibratedEnsembleClassifier([("nb", GaussianNB())], n_repeats=given)
    with pytest.raises(ValueError, match="n_repeats"):
        model.fit(X, y)


def test_classifiers_have_nested_parameters() -> None:
    X, y = rare(200)
    model = CalibratedEnsembleClassifier(
        [("lr", LogisticRegression()), ("nb", GaussianNB())], cv=2
    )
    assert model.get_params()["lr__C"] == 1.0
    search = GridSearchCV(model, {"lr__C": [1e-6, 1.0], "cv": [3]}, cv=2).fit(X, y)
    inner = search.best_estimator_.estimators_["lr"]
    assert len(inner) == 3
    assert {model.C for model in inner} == {search.best_params_["lr__C"]}
    model.set_params(nb=LogisticRegression(C=3))
    assert model.get_params()["nb__C"] == 3
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(other__C=3)


def test_nonsense_is_refused() -> None:
    X, y = rare(100)
    weight = np.ones(100)
    weight[0] = -1
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        RejectClassifier(GaussianNB()).fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match="NaN"):
        RejectClassifier(GaussianNB(), threshold=np.nan).fit(X, y)


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedEnsembleClassifier(cv=2),
        FeatureErrorEnsemble(error_columns={0: 1}),
        RejectClassifier(cv=0.3),
        DenseClassifier(max_epochs=1),
    ],
    ids=["ensemble", "errors", "reject", "net"],
)
def test_the_global_stream_is_left_alone(estimator: Any) -> None:
    X, y = rare(100)
    X = np.abs(X)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    estimator.fit(X, y).predict_proba(X)
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(after, before)
