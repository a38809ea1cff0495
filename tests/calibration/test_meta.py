"""What all meta-classifiers of the room do alike."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skastro.calibration import (
    ConformalSetClassifier,
    FeatureErrorEnsemble,
    MacroF1Classifier,
    PriorCorrectedClassifier,
    RejectClassifier,
)
from skastro.calibration._meta import check_rows
from skastro.calibration._out_of_fold import fit_with_unseen, holdout_split

ALL = [
    ConformalSetClassifier,
    FeatureErrorEnsemble,
    MacroF1Classifier,
    PriorCorrectedClassifier,
    RejectClassifier,
]
WITH_FOLDS = [ConformalSetClassifier, MacroF1Classifier, RejectClassifier]


def catalogue(n: int = 120) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    label = pd.Series(rng.choice(["AGN", "CV", "NS"], n, p=[0.6, 0.25, 0.15]))
    frame = pd.DataFrame(
        {
            "rate": rng.normal(label.map({"AGN": 0.0, "CV": 1.5, "NS": 3.0})),
            "region": rng.choice(["halo", "disc"], n),
            "flag": rng.integers(0, 2, n).astype(bool),
        },
        index=np.arange(n) * 10,
    )
    frame.loc[frame.index[::7], "rate"] = np.nan
    return frame, label


class Picky(ClassifierMixin, BaseEstimator):
    """Takes DataFrames only, and remembers what its fits were given."""

    fits: list[dict[str, Any]] = []

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Any:
        assert isinstance(X, pd.DataFrame)
        assert X["region"].isin(["halo", "disc"]).all()
        assert X["flag"].dtype == bool
        given = {"X": X, "y": y, "sample_weight": sample_weight, "groups": groups}
        Picky.fits.append(given)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.proba_ = counts / counts.sum()
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        assert isinstance(X, pd.DataFrame)
        return np.repeat(self.proba_[None], len(X), axis=0)


@pytest.mark.parametrize(
    "estimator",
    [
        PriorCorrectedClassifier(priors="balanced"),
        RejectClassifier(cv=0.3, criterion="entropy", random_state=0),
        RejectClassifier(threshold=0.5, criterion="margin"),
        ConformalSetClassifier(cv=0.25, class_conditional=False, random_state=0),
        FeatureErrorEnsemble(draw="fit+predict"),
        MacroF1Classifier(make_pipeline(LogisticRegression(max_iter=1000)), cv=3),
    ],
    ids=str,
)
def test_options_pass_the_checks_too(estimator: Any) -> None:
    check_estimator(estimator, on_skip=None)


@pytest.mark.parametrize("cls", ALL)
def test_frames_and_what_belongs_to_rows_reach_the_estimator(cls: Any) -> None:
    X, y = catalogue()
    Picky.fits = []
    rng = np.random.default_rng(1)
    weight, groups = rng.uniform(1, 2, len(y)), rng.permutation(np.arange(len(y)) % 30)
    clf = cls(Picky()).fit(X, y, sample_weight=weight, groups=groups)
    assert clf.predict_proba(X).shape == (len(X), 3)
    assert set(clf.predict(X)) <= {"AGN", "CV", "NS"}
    assert len(Picky.fits) == (6 if cls in WITH_FOLDS else 1)
    for given in Picky.fits:
        row = given["X"].index.to_numpy() // 10
        np.testing.assert_array_equal(given["y"], y.to_numpy()[row])
        np.testing.assert_array_equal(given["sample_weight"], weight[row])
        np.testing.assert_array_equal(given["groups"], groups[row])
        # No group is both in a fold and outside.
        outside = np.setdiff1d(np.arange(len(y)), row)
        assert not set(groups[row]) & set(groups[outside])


@pytest.mark.parametrize("cls", ALL)
def test_strings_and_missing_values_pass_through(cls: Any) -> None:
    X, y = catalogue()
    columns = make_column_transformer(
        (OneHotEncoder(), ["region"]), remainder="passthrough"
    )
    inner = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=3))
    clf = cls(inner).fit(X, y)
    assert list(clf.feature_names_in_) == list(X)
    assert clf.n_features_in_ == 3
    assert list(clf.classes_) == ["AGN", "CV", "NS"]
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(
        clone(clf).fit(X, y).predict_proba(X), clf.predict_proba(X)
    )
    assert get_tags(cls(HistGradientBoostingClassifier())).input_tags.allow_nan
    assert not get_tags(cls()).input_tags.allow_nan
    # Of the fit on names nothing is left after one without.
    clf.set_params(estimator=None).fit(
        np.random.default_rng(0).normal(size=(90, 2)), y[:90]
    )
    assert not hasattr(clf, "feature_names_in_")


@pytest.mark.parametrize("cls", ALL)
def test_weights_reach_the_last_step_of_a_pipeline(cls: Any) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), rng.integers(0, 2, 80)
    weight = rng.uniform(0, 5, 80)
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    expected = clone(pipe).fit(X, y, logisticregression__sample_weight=weight)
    clf = cls(pipe).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(
        clf.estimator_.predict_proba(X), expected.predict_proba(X)
    )
    by_name = cls(pipe).fit(X, y, logisticregression__sample_weight=weight)
    np.testing.assert_array_equal(
        by_name.estimator_.predict_proba(X), expected.predict_proba(X)
    )


@pytest.mark.parametrize("cls", ALL)
def test_weights_are_refused_behind_a_sampler(cls: Any) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 4 > 0
    pipe = make_resampling_pipeline(RandomOverSampler(), LogisticRegression())
    with pytest.raises(ValueError, match="weights and resampling are exclusive"):
        cls(pipe).fit(X, y, sample_weight=np.ones(40))
    with pytest.raises(ValueError, match="weights and resampling are exclusive"):
        cls(make_pipeline(StandardScaler(), pipe)).fit(X, y, sample_weight=np.ones(40))


def test_a_search_inside_is_given_groups() -> None:
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(60, 3)), np.arange(60) % 2, np.arange(60) // 4
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=GroupKFold(3))
    clf = MacroF1Classifier(search, cv=3).fit(X, y, groups=groups)
    assert clf.estimator_.n_splits_ == 3


@pytest.mark.parametrize("cls", ALL)
def test_an_estimator_without_probabilities_is_refused(cls: Any) -> None:
    from sklearn.svm import LinearSVC

    with pytest.raises(ValueError, match="predict_proba"):
        cls(LinearSVC()).fit([[0.0], [1.0]], [0, 1])


def unseen(estimator: Any, y: Any, **keywords: Any) -> Any:
    X = np.arange(len(y), dtype=float)[:, None]
    rows = check_rows(X, y, None, keywords.pop("groups", None), {})
    return fit_with_unseen(estimator, rows, **keywords)


def test_a_class_that_a_fold_lacks_keeps_its_column() -> None:
    y = np.array(["a"] * 10 + ["b"] + ["c"] * 10)
    parts = [np.arange(21) % 3 == k for k in range(3)]
    folds = [(np.flatnonzero(~part), np.flatnonzero(part)) for part in parts]
    found = unseen(LogisticRegression(), y, cv=folds)
    assert found.proba.shape == (21, 3)
    np.testing.assert_allclose(found.proba.sum(axis=1), 1)
    lacking = folds[[10 in test for _, test in folds].index(True)][1]
    assert (found.proba[lacking, 1] == 0).all()
    assert (np.delete(found.proba, lacking, axis=0)[:, 1] > 0).all()


def test_a_fold_of_one_class_needs_no_classifier() -> None:
    y = np.array([0, 1, 1, 1])
    folds = [([1, 2, 3], [0]), ([0, 2, 3], [1])]
    found = unseen(LogisticRegression(), y, cv=folds)
    np.testing.assert_array_equal(found.row, [0, 1])
    np.testing.assert_array_equal(found.proba[0], [0, 1])


def test_rows_tested_twice_are_averaged_and_others_left_out() -> None:
    y = np.arange(40) % 2
    splitter = ShuffleSplit(4, test_size=0.2, random_state=0)
    found = unseen(LogisticRegression(), y, cv=splitter)
    times = np.zeros(40, int)
    total = np.zeros((40, 2))
    X = np.arange(40.0)[:, None]
    for train, test in splitter.split(X):
        times[test] += 1
        fitted = LogisticRegression().fit(X[train], y[train])
        total[test] += fitted.predict_proba(X[test])
    assert times.max() > 1
    np.testing.assert_array_equal(found.row, np.flatnonzero(times))
    np.testing.assert_allclose(
        found.proba, total[times > 0] / times[times > 0][:, None]
    )


def test_free_probabilities_are_taken_and_checked() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 3
    forest = RandomForestClassifier(40, oob_score=True, random_state=0)
    rows = check_rows(X, y, None, None, {})
    found = fit_with_unseen(forest, rows, cv="auto")
    np.testing.assert_array_equal(
        found.proba, found.estimator.oob_decision_function_[found.row]
    )
    by_folds = fit_with_unseen(forest, rows, cv=3)
    assert not np.array_equal(by_folds.proba, found.proba)

    class Wrong(LogisticRegression):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            self.oof_proba_ = np.ones((3, 3))
            return super().fit(X, y, sample_weight)

    with pytest.raises(ValueError, match=r"oof_proba_ of Wrong.*\(60, 3\)"):
        fit_with_unseen(Wrong(), rows, cv="auto")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_held_rows_are_a_share_of_each_class(share: float) -> None:
    y = np.repeat(["a", "b", "c"], [100, 10, 1])
    fit, held = holdout_split(y, share, None, 0)
    np.testing.assert_array_equal(np.sort(np.append(fit, held)), np.arange(111))
    for label, n in zip("ab", (100, 10), strict=True):
        assert (y[held] == label).sum() == round(share * n)
    assert (y[fit] == "c").sum() == 1
    again = holdout_split(y, share, None, 0)[1]
    np.testing.assert_array_equal(held, again)


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_held_groups_are_whole(share: float) -> None:
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 2, 300), rng.integers(0, 60, 300)
    fit, held = holdout_split(y, share, groups, 0)
    assert not set(groups[fit]) & set(groups[held])
    assert abs(len(held) / 300 - share) < 0.1


def test_a_share_leaves_its_rows_out_of_the_fit() -> None:
    y = np.arange(50) % 2
    found = unseen(LogisticRegression(), y, cv=0.3, random_state=1)
    rest = np.setdiff1d(np.arange(50), found.row)
    X = np.arange(50.0)[:, None]
    fitted = LogisticRegression().fit(X[rest], y[rest])
    np.testing.assert_array_equal(found.proba, fitted.predict_proba(X[found.row]))


def test_a_frozen_estimator_is_not_fitted_again() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 3
    fitted = LogisticRegression().fit(X, y)
    clf = RejectClassifier(FrozenEstimator(fitted)).fit(X[:40] + 1, y[:40])
    np.testing.assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("cls", ALL)
def test_model_files_run_no_code_but_ours(cls: Any) -> None:
    sio = pytest.importorskip("skops.io")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.array(["a", "b", "c"])[np.arange(60) % 3]
    clf = cls().fit(X, y)
    stored = sio.dumps(clf)
    trusted = sio.get_untrusted_types(data=stored)
    assert all(name.startswith("skastro.") for name in trusted)
    loaded = sio.loads(stored, trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


@pytest.mark.parametrize("cls", ALL)
def test_metadata_routing(cls: Any) -> None:
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(60, 2)), np.arange(60) % 2, np.arange(60) // 3
    weight = rng.uniform(1, 2, 60)
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    plain = cls(pipe).fit(X, y, sample_weight=weight, groups=groups)
    with config_context(enable_metadata_routing=True):
        with pytest.raises(ValueError, match="set_fit_request"):
            cls(pipe).fit(X, y, sample_weight=weight)
        pipe[0].set_fit_request(sample_weight=False)
        pipe[1].set_fit_request(sample_weight=True)
        routed = cls(pipe).fit(X, y, sample_weight=weight, groups=groups)
        clf = cls(pipe).set_fit_request(sample_weight=True, groups=True)
        clf.set_score_request(sample_weight=True)
        search = GridSearchCV(clf, {"estimator__logisticregression__C": [1.0]}, cv=3)
        search.fit(X, y, sample_weight=weight, groups=groups)
    for model in (routed, search):
        np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X))


def test_global_random_state_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 3
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for cls in WITH_FOLDS:
        cls().fit(X, y).predict_proba(X)
    ConformalSetClassifier(cv=0.3, random_state=0).fit(X, y).predict_p(X)
    FeatureErrorEnsemble(error_columns={0: 1}, draw="fit+predict", random_state=0).fit(
        np.abs(X), y
    ).predict_proba(np.abs(X))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
