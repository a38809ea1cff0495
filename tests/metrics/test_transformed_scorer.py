"""Scorers that look at the test data through a transformer."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

from skastro.metrics import transformed_scorer, true_skill_score, tss_scorer


class MeanPool(TransformerMixin, BaseEstimator):
    """Stateless, and takes images with their axes: a stand-in for a degrader."""

    def fit(self, X, y=None):
        raise AssertionError("a scorer must not fit its transformer")

    def transform(self, X):
        X = np.asarray(X)
        blurred = X.copy()
        blurred[...] = X.mean(axis=-1, keepdims=True)
        return blurred

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Bare:
    """A plain class with nothing but transform."""

    def transform(self, X):
        return -np.asarray(X)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    return X + rng.normal(scale=0.5, size=X.shape), np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def model(iris):
    return LogisticRegression(max_iter=1000).fit(*iris)


@pytest.mark.parametrize(
    "transformer",
    [
        Normalizer(),
        MeanPool(),
        Bare(),
        FunctionTransformer(np.log1p),
        make_pipeline(Normalizer(), MeanPool()),
        make_pipeline(Normalizer(), "passthrough"),
        FeatureUnion([("n", Normalizer())]),
    ],
    ids=lambda t: type(t).__name__,
)
@pytest.mark.parametrize("scorer", ["accuracy", tss_scorer, "neg_log_loss"])
def test_equals_scoring_transformed_data(iris, model, transformer, scorer):
    X, y = np.abs(iris[0]), iris[1]
    X_t = X
    for step in (
        [s for _, s in transformer.steps if s != "passthrough"]
        if hasattr(transformer, "steps")
        else [transformer]
    ):
        X_t = step.transform(X_t)
    got = transformed_scorer(scorer, transformer)(model, X, y)
    assert got == get_scorer(scorer)(model, X_t, y)


def test_list_is_applied_in_order(iris, model):
    X, y = iris
    scaler = StandardScaler().fit(X[:50])
    steps = [scaler, MeanPool()]
    expected = tss_scorer(model, MeanPool().transform(scaler.transform(X)), y)
    assert transformed_scorer(tss_scorer, steps)(model, X, y) == expected
    nested = transformed_scorer(transformed_scorer(tss_scorer, MeanPool()), scaler)
    assert nested(model, X, y) == expected
    assert expected != tss_scorer(model, X, y)


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        [Normalizer(), StandardScaler()],
        make_pipeline(StandardScaler(), Normalizer()),
        FeatureUnion([("s", StandardScaler())]),
    ],
    ids=["bare", "list", "pipeline", "union"],
)
def test_unfitted_transformer_is_refused(transformer):
    with pytest.raises(NotFittedError, match="leak"):
        transformed_scorer("accuracy", transformer)


@pytest.mark.parametrize(
    "transformer", [np.log1p, [np.log1p], StandardScaler, None, "blur", 3, []]
)
def test_what_cannot_transform_is_refused(transformer):
    with pytest.raises(TypeError, match="transform"):
        transformed_scorer("accuracy", transformer)


@pytest.mark.parametrize(
    ("scorer", "error"),
    [
        (None, TypeError),
        (0.5, TypeError),
        ("no such score", ValueError),
        (accuracy_score, ValueError),
        (true_skill_score, ValueError),
    ],
)
def test_what_is_no_scorer_is_refused(scorer, error):
    with pytest.raises(error):
        transformed_scorer(scorer, Normalizer())


def test_multimetric_search_scores_each_variant_by_itself(iris):
    X, y = iris
    scoring = {
        "full": tss_scorer,
        "again": make_scorer(true_skill_score),
        "quarter": transformed_scorer(tss_scorer, MeanPool()),
    }
    grid = {"C": [1e-3, 1.0]}
    results = []
    for n_jobs in (1, 2):
        search = GridSearchCV(
            LogisticRegression(max_iter=1000),
            grid,
            scoring=scoring,
            refit="quarter",
            cv=3,
            n_jobs=n_jobs,
            return_train_score=True,
        ).fit(X, y)
        results.append(search.cv_results_)
        # Predictions of the untransformed X must not be reused (cached).
        full, quarter = (
            search.cv_results_[f"mean_test_{k}"] for k in ("full", "quarter")
        )
        assert np.all(full > quarter + 0.02)
        assert search.score(X, y) == scoring["quarter"](search.best_estimator_, X, y)
    for key in ("mean_test_quarter", "mean_test_full", "mean_train_quarter"):
        np.testing.assert_array_equal(results[0][key], results[1][key])


def test_cross_validate_equals_by_hand(iris):
    X, y = iris
    scorer = transformed_scorer("accuracy", MeanPool())
    result = cross_validate(
        LogisticRegression(max_iter=1000),
        X,
        y,
        scoring=scorer,
        return_estimator=True,
        return_indices=True,
    )
    by_hand = [
        accuracy_score(y[test], fitted.predict(MeanPool().transform(X[test])))
        for fitted, test in zip(
            result["estimator"], result["indices"]["test"], strict=True
        )
    ]
    np.testing.assert_array_equal(result["test_score"], by_hand)


def test_copies_pickle_and_repr(iris, model):
    scorer = transformed_scorer(tss_scorer, StandardScaler().fit(iris[0]))
    expected = scorer(model, *iris)
    for other in (
        pickle.loads(pickle.dumps(scorer)),
        copy.deepcopy(scorer),
        clone(scorer, safe=False),
    ):
        assert other(model, *iris) == expected
    assert repr(scorer) == (
        "transformed_scorer(make_scorer(true_skill_score, response_method='predict'), "
        "StandardScaler())"
    )


def weighted_scorer(estimator, X, y, sample_weight=None):
    return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)


def plain_scorer(estimator, X, y):
    return accuracy_score(y, estimator.predict(X))


@pytest.mark.parametrize("scorer", ["accuracy", weighted_scorer])
def test_sample_weight_is_forwarded(iris, model, scorer):
    X, y = iris
    weight = np.random.default_rng(1).random(y.size)
    got = transformed_scorer(scorer, MeanPool())(model, X, y, sample_weight=weight)
    prediction = model.predict(MeanPool().transform(X))
    assert got == pytest.approx(accuracy_score(y, prediction, sample_weight=weight))
    # Without routing, a search sends the weights to every scorer that takes them.
    search = GridSearchCV(
        LogisticRegression(max_iter=1000),
        {"C": [1.0]},
        scoring={
            "blurred": transformed_scorer(scorer, MeanPool()),
            "plain": transformed_scorer(plain_scorer, MeanPool()),
        },
        refit=False,
        cv=3,
        error_score="raise",
    )
    with warnings.catch_warnings():
        # Newer releases say that one of the two takes no weights.
        warnings.filterwarnings(
            "ignore", message=".*sample_weight", category=UserWarning
        )
        search.fit(X, y, sample_weight=weight)
    assert np.isfinite(search.cv_results_["mean_test_blurred"]).all()
    assert np.isfinite(search.cv_results_["mean_test_plain"]).all()


def test_metadata_routing(iris):
    X, y = iris
    weight = np.random.default_rng(1).random(y.size)
    model = LogisticRegression(max_iter=1000)
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=False)
        scoring = {
            "blurred": transformed_scorer(tss_scorer, MeanPool()).set_score_request(
                sample_weight=True
            ),
            "unweighted": transformed_scorer(tss_scorer, MeanPool()).set_score_request(
                sample_weight=False
            ),
        }
        result = cross_validate(
            model,
            X,
            y,
            scoring=scoring,
            params={"sample_weight": weight},
            return_estimator=True,
            return_indices=True,
        )
        # The shared scorer was not changed by either request.
        # scikit-learn 1.8 leaves a name out where 1.9 says None.
        asked = tss_scorer.get_metadata_routing().score.requests
        assert asked.get("sample_weight") is None
    test = result["indices"]["test"][0]
    prediction = result["estimator"][0].predict(MeanPool().transform(X[test]))
    assert result["test_blurred"][0] == pytest.approx(
        true_skill_score(y[test], prediction, sample_weight=weight[test])
    )
    assert result["test_unweighted"][0] == pytest.approx(
        true_skill_score(y[test], prediction)
    )


def test_images_keep_their_axes():
    X = np.random.default_rng(0).random((6, 5, 5)).astype(np.float32)

    class Spy:
        def predict(self, X):
            self.seen = X
            return np.zeros(len(X))

    spy = Spy()

    def scorer(estimator, X, y):
        return float(np.mean(estimator.predict(X) == y))

    assert transformed_scorer(scorer, MeanPool())(spy, X, np.zeros(6)) == 1.0
    assert spy.seen.shape == (6, 5, 5)
    assert spy.seen.dtype == np.float32
