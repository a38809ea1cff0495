"""The repeated study: splits, pipelines, scores, engines."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    make_scorer,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skastro.metrics import transformed_scorer, true_skill_score, tss_scorer
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier, DenseRegressor, NetEmbedder

QUIET: dict[str, Any] = {"random_state": 0, "verbose": 0}


def blobs(n: int = 300, dtype: Any = np.float64, **kw: Any) -> tuple:
    settings = {"n_features": 6, "n_informative": 4, "n_classes": 3, **kw}
    X, y = make_classification(n, random_state=0, **settings)
    return X.astype(dtype), y


def net(**kw: Any) -> DenseClassifier:
    settings = {"hidden_layer_sizes": (8,), "max_epochs": 4, "batch_size": 32, **kw}
    return DenseClassifier(**settings)


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers in class attributes what it was given."""

    fitted: list = []
    scored: list = []

    def __init__(self, max_epochs: int = 2, random_state: Any = None) -> None:
        self.max_epochs = max_epochs
        self.random_state = random_state

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Any:
        if classes is not None:
            self.classes_ = np.asarray(classes)
        Spy.fitted.append((self.random_state, np.array(X), np.array(y)))
        return self

    def predict(self, X: Any) -> np.ndarray:
        Spy.scored.append(np.array(X))
        return np.repeat(self.classes_[:1], len(X))


class CountingScaler(TransformerMixin, BaseEstimator):
    """Remembers how often, and on what, it was fitted."""

    fits: list = []

    def fit(self, X: Any, y: Any = None) -> Any:
        CountingScaler.fits.append(np.array(X))
        self.mean_ = np.mean(X, axis=0)
        return self

    def transform(self, X: Any) -> Any:
        return X - self.mean_


@pytest.fixture(autouse=True)
def _forget() -> None:
    Spy.fitted, Spy.scored, CountingScaler.fits = [], [], []


def test_each_repeat_has_its_own_split_and_seed() -> None:
    X = np.arange(200.0)[:, None]
    y = np.tile([0, 1], 100)
    result = repeated_holdout(Spy(), X, y, n_repeats=4, **QUIET)
    assert len(Spy.fitted) == 4 * 2
    seeds = {seed for seed, _, _ in Spy.fitted}
    assert len(seeds) == 4
    parts = [tuple(rows[:, 0]) for _, rows, _ in Spy.fitted[::2]]
    assert len(set(parts)) == 4
    assert len(set(result.split_digests)) == 4
    assert result.n_test.tolist() == [60] * 4
    assert result.n_validation.tolist() == [14] * 4
    assert result.n_train.tolist() == [126] * 4


def test_parts_do_not_overlap_and_cover_everything() -> None:
    X = np.arange(90.0)[:, None]
    y = np.tile([0, 1, 2], 30)
    repeated_holdout(Spy(max_epochs=1), X, y, n_repeats=1, **QUIET)
    (_, train, target), *_ = Spy.fitted
    scored = [rows[:, 0] for rows in Spy.scored]
    assert np.array_equal(scored[0], train[:, 0])
    together = np.concatenate(scored)
    assert np.array_equal(np.sort(together), X[:, 0])
    assert np.ptp(np.bincount(target)) <= 1  # stratified


def test_first_repeats_do_not_depend_on_their_number() -> None:
    X, y = blobs()
    few = repeated_holdout(net(), X, y, n_repeats=2, **QUIET)
    more = repeated_holdout(net(), X, y, n_repeats=4, **QUIET)
    assert more.split_digests[:2] == few.split_digests
    np.testing.assert_allclose(more.curve()[:2], few.curve(), atol=1e-12)


def test_preprocessing_sees_training_rows_only_and_once() -> None:
    X = np.arange(200.0)[:, None]
    y = np.tile([0, 1], 100)
    pipe = make_pipeline(CountingScaler(), Spy(max_epochs=3))
    repeated_holdout(pipe, X, y, n_repeats=2, **QUIET)
    assert len(CountingScaler.fits) == 2
    for number, rows in enumerate(CountingScaler.fits):
        assert rows.shape == (126, 1)
        train = Spy.fitted[3 * number][1] + rows.mean(axis=0)
        np.testing.assert_allclose(train, rows)


def test_resampling_touches_training_rows_only() -> None:
    X, y = blobs(400, weights=[0.8, 0.15, 0.05])
    pipe = make_resampling_pipeline(StandardScaler(), SMOTE(k_neighbors=2), Spy(1))
    result = repeated_holdout(pipe, X, y, n_repeats=1, **QUIET)
    _, rows, target = Spy.fitted[0]
    assert len(set(np.bincount(target))) == 1  # as many of each class
    assert len(rows) > result.n_train[0]
    train, validation, test = Spy.scored
    # The training score is of the rows as they came, without synthetic ones.
    assert len(train) == result.n_train[0]
    assert len(validation) == result.n_validation[0]
    assert len(test) == result.n_test[0]
    seen = {tuple(np.round(r, 6)) for r in X}
    # Undo the scaling learnt on the training part: all scored rows are real ones.
    scaler = StandardScaler().fit(X[_rows_of(X, y, result)])
    for part in (train, validation, test):
        back = scaler.inverse_transform(part)
        assert all(tuple(np.round(r, 6)) in seen for r in back)


def _rows_of(X: np.ndarray, y: np.ndarray, result: Any) -> np.ndarray:
    """Find the training rows of the first repeat by running it with a spy."""
    Spy.fitted = []
    index = np.arange(len(X), dtype=float)[:, None]
    again = repeated_holdout(Spy(1), index, y, n_repeats=1, **QUIET)
    assert again.split_digests == result.split_digests
    return Spy.fitted[0][1][:, 0].astype(int)


def test_scores_equal_those_of_a_plain_loop() -> None:
    X, y = blobs()
    labels = np.array(["faint", "bright", "odd"])[y]
    scoring = ["accuracy", "balanced_accuracy", "f1_macro", "tss"]
    result = repeated_holdout(net(), X, labels, n_repeats=2, scoring=scoring, **QUIET)
    for repeat in range(2):
        Spy.fitted, Spy.scored = [], []
        index = np.arange(len(X), dtype=float)[:, None]
        repeated_holdout(Spy(1), index, labels, n_repeats=repeat + 1, **QUIET)
        rows = [part[:, 0].astype(int) for part in Spy.scored[-3:]]
        alone = net(random_state=Spy.fitted[-1][0])
        for epoch in range(4):
            alone.partial_fit(X[rows[0]], labels[rows[0]])
            for split, part in zip(("train", "validation", "test"), rows, strict=True):
                true, predicted = labels[part], alone.predict(X[part])
                expected = {
                    "accuracy": np.mean(true == predicted),
                    "balanced_accuracy": balanced_accuracy_score(true, predicted),
                    "f1_macro": f1_score(true, predicted, average="macro"),
                    "tss": true_skill_score(true, predicted),
                    "loss": log_loss(true, alone.predict_proba(X[part])),
                }
                for metric, value in expected.items():
                    found = result.curve(metric, split=split)[repeat, epoch]
                    assert found == pytest.approx(value, abs=1e-12), (metric, split)
        test = rows[2]
        expected_counts = confusion_matrix(labels[test], alone.predict(X[test]))
        assert np.array_equal(result._counts[repeat, -1, 0], expected_counts)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.3, "alpha": 0.01},
        {"solver": "sgd", "learning_rate": "cosine", "learning_rate_init": 0.05},
        {"solver": "adamw", "weight_decay": 0.1, "activation": "tanh"},
        {"hidden_layer_sizes": (), "shuffle": False},
        {"hidden_layer_sizes": 7, "solver": "adadelta", "learning_rate_init": 1.0},
    ],
)
def test_engines_agree_in_float64(settings: dict) -> None:
    X, y = blobs(240)
    pipe = make_pipeline(StandardScaler(), net(**settings))
    variants = {"shifted": lambda rows: rows + 0.5}
    one, two, stacked = (
        repeated_holdout(
            pipe,
            X,
            y,
            n_repeats=3,
            engine=engine,
            n_jobs=jobs,
            test_variants=variants,
            **QUIET,
        )
        for engine, jobs in (("sequential", 1), ("processes", 1), ("stacked", 2))
    )
    assert np.array_equal(one._values, two._values)
    np.testing.assert_allclose(stacked._values, one._values, rtol=0, atol=1e-9)
    assert np.array_equal(stacked._counts, one._counts)
    assert stacked.split_digests == one.split_digests


def test_engines_agree_in_float32() -> None:
    X, y = blobs(4000, np.float32)
    settings: dict[str, Any] = {"n_repeats": 4, "test_size": 0.5, **QUIET}
    classifier = net(max_epochs=10, hidden_layer_sizes=(16, 16))
    stacked = repeated_holdout(classifier, X, y, engine="stacked", **settings)
    one = repeated_holdout(classifier, X, y, engine="sequential", **settings)
    # One test sample in a thousand.
    difference = np.abs(stacked.curve() - one.curve())
    assert difference.max() <= 1e-3
    np.testing.assert_allclose(
        stacked.curve("loss"), one.curve("loss"), rtol=1e-3, atol=1e-5
    )


def test_processes_give_the_same_bits() -> None:
    X, y = blobs(120)
    pipe = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=2))
    one = repeated_holdout(pipe, X, y, n_repeats=3, engine="sequential", **QUIET)
    two = repeated_holdout(
        pipe, X, y, n_repeats=3, engine="processes", n_jobs=2, **QUIET
    )
    assert np.array_equal(one._values, two._values)
    assert two.engine == "processes"


def test_dask_gives_the_same_bits() -> None:
    distributed = pytest.importorskip("distributed")
    X, y = blobs(120)
    pipe = make_pipeline(StandardScaler(), net())
    settings: dict[str, Any] = {"n_repeats": 3, "engine": "processes", **QUIET}
    one = repeated_holdout(pipe, X, y, n_jobs=1, **settings)
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        two = repeated_holdout(pipe, X, y, **settings)
    assert np.array_equal(one._values, two._values)


def test_stacked_images_with_augmentation_agree() -> None:
    X, y = load_digits(return_X_y=True)
    images = (X[:300] / 16).reshape(-1, 8, 8)
    classifier = net(augment="geometric", dtype="float64")
    stacked, one = (
        repeated_holdout(classifier, images, y[:300], n_repeats=2, engine=e, **QUIET)
        for e in ("stacked", "sequential")
    )
    np.testing.assert_allclose(stacked._values, one._values, rtol=0, atol=1e-9)
    whole = (X[:300]).astype(np.uint8).reshape(-1, 8, 8)
    stacked, one = (
        repeated_holdout(net(), whole, y[:300], n_repeats=2, engine=e, **QUIET)
        for e in ("stacked", "sequential")
    )
    np.testing.assert_allclose(stacked._values, one._values, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("width", [1, 2])
def test_regression(width: int) -> None:
    X, y = make_regression(200, 5, n_targets=width, random_state=0)
    y = y / np.std(y)
    regressor = DenseRegressor(hidden_layer_sizes=(8,), max_epochs=3)
    stacked, one = (
        repeated_holdout(regressor, X, y, n_repeats=3, engine=e, **QUIET)
        for e in ("stacked", "sequential")
    )
    assert stacked.metrics == ["r2", "neg_root_mean_squared_error", "loss"]
    np.testing.assert_allclose(stacked._values, one._values, rtol=0, atol=1e-9)
    linear = repeated_holdout(LinearRegression(), X, y, n_repeats=3, **QUIET)
    assert linear.values("r2").min() > 0.999
    rmse = -linear.values("neg_root_mean_squared_error")
    if width == 1:
        np.testing.assert_allclose(rmse**2, linear.values("loss"), atol=1e-12)
    assert linear.n_collapsed() == {"original": 0}
    with pytest.raises(ValueError, match="no confusion matrix"):
        linear.confusion_matrix()


def test_groups_of_unequal_size_still_stack() -> None:
    X, y = blobs(300)
    groups = np.repeat(np.arange(12), [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 61, 81])
    stacked, one = (
        repeated_holdout(
            net(), X, y, groups=groups, stratify=False, n_repeats=5, engine=e, **QUIET
        )
        for e in ("stacked", "sequential")
    )
    assert len(set(one.n_train)) > 1
    np.testing.assert_allclose(stacked._values, one._values, rtol=0, atol=1e-9)


@pytest.mark.parametrize("stratify", [True, False])
def test_groups_stay_together(stratify: bool) -> None:
    X = np.arange(300.0)[:, None]
    y = np.tile([0, 1, 0], 100)
    groups = np.array([f"source {i // 3}" for i in range(300)])
    repeated_holdout(
        Spy(1), X, y, groups=groups, stratify=stratify, n_repeats=3, **QUIET
    )
    for number in range(3):
        parts = Spy.scored[3 * number : 3 * number + 3]
        owners = [set(groups[p[:, 0].astype(int)]) for p in parts]
        assert not owners[0] & owners[1]
        assert not owners[0] & owners[2]
        assert not owners[1] & owners[2]
        assert 0.25 < len(parts[2]) / 300 < 0.35


@pytest.mark.parametrize(("balance", "each"), [(True, 30), (20, 20), (False, None)])
def test_balance(balance: Any, each: int | None) -> None:
    X = np.arange(200.0)[:, None]
    y = np.repeat([0, 1], [170, 30])
    repeated_holdout(Spy(1), X, y, balance=balance, n_repeats=2, **QUIET)
    drawn = [
        np.concatenate(Spy.scored[3 * i : 3 * i + 3])[:, 0].astype(int)
        for i in range(2)
    ]
    for rows in drawn:
        counts = np.bincount(y[rows])
        assert counts.tolist() == ([each, each] if each else [170, 30])
    if each:
        assert set(drawn[0]) != set(drawn[1])  # its own sample


def test_train_size_and_no_validation() -> None:
    X, y = blobs(200)
    result = repeated_holdout(
        net(),
        X,
        y,
        n_repeats=2,
        train_size=50,
        test_size=0.25,
        validation_size=None,
        select="last",
        **QUIET,
    )
    assert result.n_train.tolist() == [50, 50]
    assert result.n_validation.tolist() == [0, 0]
    assert result.splits == ["train", "test"]
    assert result.scores.epoch.unique().tolist() == [4]


def test_variants_score_the_same_training() -> None:
    X, y = blobs(200)
    pipe = make_pipeline(StandardScaler(), net())
    variants = {
        "same": FunctionTransformer(),
        "frozen": FrozenEstimator(StandardScaler().fit(X)),
        "reversed": lambda rows: rows[:, ::-1],
    }
    result = repeated_holdout(pipe, X, y, n_repeats=2, test_variants=variants, **QUIET)
    assert result.variants == ["original", "same", "frozen", "reversed"]
    same = result.curve(variant="same")
    assert np.array_equal(result.curve(), same)
    assert not np.array_equal(result.curve(variant="reversed"), same)
    plain = repeated_holdout(pipe, X, y, n_repeats=2, **QUIET)
    assert np.array_equal(plain.curve(), result.curve())
    mean, std = result.confusion_matrix(variant="reversed")
    np.testing.assert_allclose(mean.sum(axis=1), 1)
    assert std.shape == (3, 3)


def test_transformers_of_variants_learn_from_training_rows() -> None:
    X = np.arange(100.0)[:, None]
    y = np.tile([0, 1], 50)
    repeated_holdout(
        Spy(1), X, y, n_repeats=1, test_variants={"v": CountingScaler()}, **QUIET
    )
    (rows,) = CountingScaler.fits
    assert np.array_equal(rows, Spy.fitted[0][1])


def test_estimators_without_epochs_give_final_scores() -> None:
    X, y = blobs()
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    for model in (LogisticRegression(), search, net(early_stopping=True)):
        result = repeated_holdout(model, X, y, n_repeats=2, **QUIET)
        assert result.curve().shape == (2, 1)
        assert result.engine == "sequential"
        assert result.values().min() > 0.1
        assert result.best_epoch().tolist() == result._epochs[:, 0].tolist()
    with pytest.raises(ValueError, match="is no dense net"):
        repeated_holdout(LogisticRegression(), X, y, engine="stacked", **QUIET)
    for engine in ("stacked", "sequential"):
        last = repeated_holdout(
            net(), X, y, n_repeats=2, record="final", engine=engine, **QUIET
        )
        whole = repeated_holdout(net(), X, y, n_repeats=2, select="last", **QUIET)
        np.testing.assert_allclose(last.values("loss"), whole.values("loss"))
        assert last.epochs.tolist() == [4]
    final = repeated_holdout(net(), X, y, n_repeats=2, record="final", **QUIET)
    by_epoch = repeated_holdout(net(), X, y, n_repeats=2, select="last", **QUIET)
    np.testing.assert_allclose(final.values(), by_epoch.values())
    np.testing.assert_allclose(final.values("loss"), by_epoch.values("loss"))
    assert final.epochs.tolist() == [4]


@pytest.mark.parametrize(
    "model", [MLPClassifier((4,), max_iter=3), SGDClassifier(max_iter=3)], ids=str
)
def test_partial_fit_of_scikit_learn_is_an_epoch(model: Any) -> None:
    X, y = blobs()
    result = repeated_holdout(model, X, y, n_repeats=2, **QUIET)
    assert result.epochs.tolist() == [1, 2, 3]
    # SGDClassifier's hinge loss has no probabilities.
    assert ("loss" in result.metrics) == hasattr(model, "predict_proba")


def test_balanced_class_weight_is_computed_on_the_training_part() -> None:
    X, y = blobs(300, weights=[0.7, 0.2, 0.1])
    settings: dict[str, Any] = {"n_repeats": 1, "engine": "sequential", **QUIET}
    balanced = repeated_holdout(net(class_weight="balanced"), X, y, **settings)
    whole = repeated_holdout(
        net(class_weight="balanced"), X, y, record="final", **settings
    )
    assert balanced.curve("loss")[0, -1] == pytest.approx(whole.values("loss")[0])


def test_scorers_of_scikit_learn_and_own() -> None:
    X, y = blobs(200, n_classes=2)
    scoring = {
        "auc": "roc_auc",
        "tss": tss_scorer,
        "f2": make_scorer(f1_score),
        "skill": tss_scorer,
    }
    stacked, one = (
        repeated_holdout(
            net(), X, y, n_repeats=2, scoring=scoring, engine=engine, **QUIET
        )
        for engine in ("stacked", "sequential")
    )
    assert one.metrics == ["auc", "tss", "f2", "skill", "loss"]
    np.testing.assert_allclose(stacked._values, one._values, rtol=0, atol=1e-9)
    assert np.array_equal(one.curve("tss"), one.curve("skill"))
    default = repeated_holdout(net(), X, y, n_repeats=2, engine="sequential", **QUIET)
    np.testing.assert_allclose(default.curve("tss"), one.curve("tss"))
    single = repeated_holdout(
        net(), X, y, n_repeats=1, scoring=tss_scorer, engine="sequential", **QUIET
    )
    assert single.metrics == ["score", "loss"]


def test_losses_of_forests_are_those_of_scikit_learn() -> None:
    X, y = blobs(200)
    forest = RandomForestClassifier(5)
    scoring = {"accuracy": "accuracy", "log": "neg_log_loss"}
    result = repeated_holdout(forest, X, y, n_repeats=2, scoring=scoring, **QUIET)
    np.testing.assert_allclose(result.values("loss"), -result.values("log"))


def test_test_mean_has_a_second_set_and_says_optimistic() -> None:
    X, y = blobs()
    result = repeated_holdout(net(), X, y, n_repeats=3, select="test-mean", **QUIET)
    best = int(np.argmax(result.curve().mean(axis=0))) + 1
    assert result.best_epoch().tolist() == [best] * 3
    second = result.second_set
    assert second is not None
    assert second.epochs.tolist() == [best]
    assert not set(second.split_digests) & set(result.split_digests)
    assert np.array_equal(result.values(), second.values())
    assert "optimistic" in result.scores.attrs["select"]
    assert result.summary().selected_by.str.contains("optimistic").all()
    assert not result.summary("validation").selected_by.str.contains("optimistic").any()
    report = result.report()
    assert "OPTIMISTIC" in report
    assert "best validation epoch" in report
    # The second set is trained just as the first one, and stopped.
    again = repeated_holdout(net(), X, y, n_repeats=3, **QUIET)
    assert again.second_set is None
    assert np.array_equal(again.curve(), result.curve())


def test_validation_chooses_and_the_test_is_read_there() -> None:
    X, y = blobs()
    result = repeated_holdout(net(max_epochs=6), X, y, n_repeats=4, **QUIET)
    validation, test = result.curve(split="validation"), result.curve()
    index = validation.argmax(axis=1)
    assert result.best_epoch().tolist() == (index + 1).tolist()
    assert np.array_equal(result.values(), test[np.arange(4), index])
    by_loss = result.curve("loss", split="validation").argmin(axis=1) + 1
    assert result.best_epoch(metric="loss").tolist() == by_loss.tolist()
    scores = result.scores.query("split == 'test' and metric == 'accuracy'")
    assert np.array_equal(scores.value, result.values())
    assert scores.epoch.tolist() == result.best_epoch().tolist()


def test_tables() -> None:
    X, y = blobs()
    result = repeated_holdout(net(), X, y, n_repeats=3, **QUIET)
    columns = ["repeat", "epoch", "split", "variant", "metric", "value"]
    assert list(result.history.columns) == columns
    assert list(result.scores.columns) == columns
    assert len(result.history) == 3 * 4 * 3 * 4
    one = result.history.query(
        "repeat == 1 and split == 'validation' and metric == 'loss'"
    )
    np.testing.assert_array_equal(
        one.value, result.curve("loss", split="validation")[1]
    )
    row = result.summary().loc[("test", "original", "accuracy")]
    values = result.values("accuracy")
    assert row["mean"] == pytest.approx(values.mean())
    assert row["std"] == pytest.approx(values.std(ddof=1))
    assert row["ste"] == pytest.approx(values.std(ddof=1) / 3**0.5)
    expected = values.std(ddof=1) * (1 / 3 + 90 / 189) ** 0.5
    assert row["corrected_ste"] == pytest.approx(expected)
    assert row["median"] == np.median(values)
    assert "3 repeats" in repr(result)


class Constant(ClassifierMixin, BaseEstimator):
    """Collapses in every other repeat."""

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        self.dead_ = self.random_state % 2 == 0
        return self

    def predict(self, X: Any) -> np.ndarray:
        first = self.classes_[0]
        return np.repeat(first, len(X)) if self.dead_ else np.asarray(X)[:, 0]


def test_collapsed_runs_are_counted() -> None:
    y = np.tile([0, 1], 50)
    result = repeated_holdout(
        Constant(), y[:, None], y, n_repeats=10, scoring="accuracy", **QUIET
    )
    dead = int(np.sum(result.values() == 0.5))
    assert 0 < dead < 10
    assert result.n_collapsed() == {"original": dead}
    assert result.summary().loc[("test", "original", "accuracy"), "n_collapsed"] == dead
    assert f"{dead} collapsed" in result.report()


def test_nets_inside_keep_what_they_have_learnt() -> None:
    X, y = blobs()
    inner = net(random_state=3).fit(X[:100], y[:100])
    before = inner.predict_proba(X)
    pipe = make_pipeline(NetEmbedder(inner), LogisticRegression())
    repeated_holdout(pipe, X, y, n_repeats=2, **QUIET)
    frozen = make_pipeline(FrozenEstimator(NetEmbedder(inner).fit(X)), net())
    repeated_holdout(frozen, X, y, n_repeats=2, **QUIET)
    assert inner.random_state == 3
    assert np.array_equal(inner.predict_proba(X), before)


def test_pandas_strings_memory_maps_and_lists(tmp_path: Any) -> None:
    X, y = blobs(150)
    labels = np.array(["a", "b", "c"])[y]
    plain = repeated_holdout(net(), X, labels, n_repeats=2, **QUIET)
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(150) * 7)
    tables = repeated_holdout(
        net(), frame, pd.Series(labels, dtype="str"), n_repeats=2, **QUIET
    )
    assert np.array_equal(tables._values, plain._values)
    lists = repeated_holdout(net(), X.tolist(), labels.tolist(), n_repeats=2, **QUIET)
    assert np.array_equal(lists._values, plain._values)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    lazy = repeated_holdout(net(), mapped, labels, n_repeats=2, **QUIET)
    np.testing.assert_allclose(lazy._values, plain._values)


def test_the_estimator_and_global_random_state_are_untouched() -> None:
    X, y = blobs(120)
    pipe = make_pipeline(StandardScaler(), net(random_state=7))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    repeated_holdout(pipe, X, y, n_repeats=1, **QUIET)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert pipe[-1].random_state == 7
    assert not hasattr(pipe[-1], "module_")
    assert repr(clone(pipe)) == repr(pipe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"select": "best"}, "'select' parameter"),
        ({"n_repeats": 0}, "'n_repeats' parameter"),
        ({"test_size": 1.5}, "'test_size' parameter"),
        ({"engine": "gpu"}, "'engine' parameter"),
        ({"validation_size": 0}, "needs a validation part"),
        ({"scoring": "nonsense"}, "nonsense"),
        ({"scoring": ["accuracy", "accuracy"]}, "stands twice"),
        ({"scoring": {"loss": "accuracy"}}, "that of the loss itself"),
        ({"scoring": {}}, None),
        ({"test_variants": {"original": FunctionTransformer()}}, "Names of"),
        ({"test_variants": {"x": 3}}, "must be a transformer or a callable"),
        ({"test_variants": {"x": StandardScaler}}, "must be a transformer"),
        ({"stratify": [0, 1]}, "stratify has 2 labels"),
        ({"groups": [0, 1]}, "inconsistent numbers of samples"),
        ({"balance": 10_000}, "sampling_strategy|more|number"),
        (
            {"scoring": {"q": transformed_scorer("accuracy", FunctionTransformer())}},
            "test_variants",
        ),
        ({"record": "final", "select": "test-mean"}, "chooses an epoch"),
        ({"engine": "stacked", "scoring": "nonsense"}, "nonsense"),
    ],
)
def test_wrong_input_is_refused(change: dict, message: str | None) -> None:
    X, y = blobs(120)
    arguments = {"n_repeats": 2, **QUIET, **change}
    if message is None:
        assert repeated_holdout(net(), X, y, **arguments).metrics == ["loss"]
        return
    with pytest.raises(ValueError, match=message):
        repeated_holdout(net(), X, y, **arguments)


def test_wrong_data_are_refused() -> None:
    X, y = blobs(120)
    with pytest.raises(ValueError, match="requires y"):
        repeated_holdout(net(), X, None, **QUIET)
    with pytest.raises(ValueError, match="single class"):
        repeated_holdout(net(), X, np.zeros(120), **QUIET)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        repeated_holdout(net(), X, y[:-1], **QUIET)
    bad = X.copy()
    bad[3, 2] = np.nan
    for engine in ("stacked", "sequential"):
        with pytest.raises(ValueError, match="NaN"):
            repeated_holdout(net(), bad, y, n_repeats=2, engine=engine, **QUIET)
    with pytest.raises(ValueError, match="balance needs a classifier"):
        repeated_holdout(LinearRegression(), X, X[:, 0], balance=True, **QUIET)
    for wrong in (net(callbacks=[]), net(class_weight={0: 1, 1: 2, 2: 3})):
        if wrong.class_weight:
            with pytest.raises(ValueError, match="class_weight"):
                repeated_holdout(wrong, X, y, engine="stacked", **QUIET)


def test_divergence_names_the_repeat() -> None:
    X, y = blobs(120)
    wild = net(solver="sgd", learning_rate_init=1e30, hidden_layer_sizes=(8, 8))
    with np.errstate(all="ignore"):
        for engine in ("stacked", "sequential"):
            with pytest.raises(ValueError, match="diverged") as caught:
                repeated_holdout(wild, X, y, n_repeats=2, engine=engine, **QUIET)
            notes = " ".join(getattr(caught.value, "__notes__", []))
            assert "repeat" in str(caught.value) + notes


def test_progress_names_the_engine(capsys: Any) -> None:
    X, y = blobs(120)
    repeated_holdout(net(), X, y, n_repeats=2, random_state=0)
    assert "repeated_holdout (stacked)" in capsys.readouterr().err


def test_auto_says_why() -> None:
    X, y = blobs(120)
    small = repeated_holdout(net(), X, y, n_repeats=2, **QUIET)
    assert (small.engine, small.engine_reason) == (
        "stacked",
        "83 weights: small nets train together",
    )
    big = repeated_holdout(
        net(hidden_layer_sizes=(300, 300), max_epochs=1), X, y, n_repeats=1, **QUIET
    )
    assert big.engine == "sequential"
    assert "no small net" in big.engine_reason


def test_mean_squared_error_is_the_loss_of_regressors() -> None:
    X, y = make_regression(100, 3, random_state=0)
    model = LinearRegression()
    result = repeated_holdout(
        model, X, y, n_repeats=1, scoring="neg_mean_squared_error", **QUIET
    )
    assert result.values("loss")[0] == pytest.approx(-result.values()[0])


def test_ctrl_c_ends_the_study() -> None:
    X, y = blobs(120)

    class Interrupting(MLPClassifier):
        def _compute_loss_grad(self, *args: Any, **kwargs: Any) -> Any:
            raise KeyboardInterrupt

    for record in ("epochs", "final"):
        with pytest.raises(KeyboardInterrupt):
            repeated_holdout(
                Interrupting((3,), max_iter=2),
                X,
                y,
                n_repeats=2,
                record=record,
                **QUIET,
            )
