"""What a reviewer broke once: numbers that were wrong and silent about it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import IsolationForest, RandomForestRegressor
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from skorch import NeuralNetClassifier
from torch import nn

from skastro.model_selection import compare, repeated_holdout
from skastro.neural_network import DenseClassifier

QUIET: dict[str, Any] = {"n_repeats": 2, "random_state": 0, "verbose": 0}
X, Y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)


def net(**kw: Any) -> DenseClassifier:
    settings = {"hidden_layer_sizes": (8,), "max_epochs": 4, "batch_size": 32, **kw}
    return DenseClassifier(**settings)


def zero(rows: np.ndarray) -> np.ndarray:
    rows[:] = 0
    return rows


@pytest.mark.parametrize("record", ["epochs", "final"])
def test_variants_that_work_in_place_change_nothing_else(record: str) -> None:
    plain = repeated_holdout(net(), X, Y, record=record, **QUIET)
    variants = {"zero": zero, "same": lambda rows: rows}
    more = repeated_holdout(net(), X, Y, record=record, test_variants=variants, **QUIET)
    assert np.array_equal(plain.values(), more.values())
    assert np.array_equal(plain.values(), more.values(variant="same"))


@pytest.mark.parametrize("record", ["epochs", "final"])
def test_steps_that_work_in_place_act_once(record: str) -> None:
    variants = {"same": FunctionTransformer()}
    found = []
    for copy in (True, False):
        scaler = StandardScaler(copy=copy)
        for pipe in (
            make_pipeline(scaler, net()),
            make_resampling_pipeline(scaler, SMOTE(), net()),
        ):
            result = repeated_holdout(
                pipe, X * 5 + 20, Y, record=record, test_variants=variants, **QUIET
            )
            found.append(result._values)
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[1], found[3])


def test_loss_of_a_single_column_of_targets() -> None:
    A, b = make_regression(120, 4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn asks for a 1-d y
        column = repeated_holdout(RandomForestRegressor(5), A, b[:, None], **QUIET)
    rmse = column.values("neg_root_mean_squared_error")
    np.testing.assert_allclose(column.values("loss"), rmse**2)


def test_labels_that_are_no_class_are_refused() -> None:
    model = RadiusNeighborsClassifier(radius=0.5, outlier_label=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="none of the classes"):
            repeated_holdout(model, X, Y, **QUIET)


@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"test_size": 0.02}, (265, 29, 6)),
        ({"test_size": 30, "validation_size": 10}, (260, 10, 30)),
        ({"train_size": 50, "validation_size": 10}, (40, 10, 90)),
    ],
)
def test_sizes_of_grouped_parts(
    stratify: bool, sizes: dict, expected: tuple[int, int, int]
) -> None:
    groups = np.repeat(np.arange(60), 5)
    result = repeated_holdout(
        GaussianNB(), X, Y, groups=groups, stratify=stratify, **sizes, **QUIET
    )
    found = np.array([result.n_train, result.n_validation, result.n_test]).T
    assert np.abs(found - expected).max() <= 6  # one group


def test_few_and_large_groups() -> None:
    few = np.repeat(np.arange(5), 60)
    result = repeated_holdout(GaussianNB(), X, Y, groups=few, **QUIET)
    assert result.n_test.tolist() == [60, 60]
    large = np.where(np.arange(300) < 150, 0, np.arange(300))
    result = repeated_holdout(GaussianNB(), X, Y, groups=large, **QUIET)
    assert np.abs(result.n_test - 90).max() <= 2
    with pytest.raises(ValueError, match="too few"):
        repeated_holdout(GaussianNB(), X, Y, groups=np.zeros(300), **QUIET)


def test_one_epoch_of_skorch_is_one_epoch() -> None:
    epochs: list[int] = []

    class Counting(NeuralNetClassifier):  # type: ignore[misc]
        def run_single_epoch(self, iterator: Any, training: bool, **kw: Any) -> None:
            epochs.append(int(training))
            super().run_single_epoch(iterator, training, **kw)

    model = Counting(
        nn.Linear(6, 3),
        criterion=nn.CrossEntropyLoss,
        max_epochs=5,
        train_split=None,
        verbose=0,
        device="cpu",
    )
    torch.manual_seed(0)
    one = {**QUIET, "n_repeats": 1}
    result = repeated_holdout(model, X.astype(np.float32), Y, **one)
    assert result.epochs.tolist() == [1, 2, 3, 4, 5]
    assert sum(epochs) == 5


def test_subclasses_are_not_stacked() -> None:
    class Zero(DenseClassifier):
        def predict(self, X: Any) -> np.ndarray:
            return np.zeros(len(X), dtype=int)

    result = repeated_holdout(Zero(max_epochs=2), X, Y, **QUIET)
    assert result.engine == "sequential"
    np.testing.assert_allclose(result.values("tss"), 0)


def test_every_part_of_a_pipeline_is_seeded() -> None:
    inner = make_pipeline(GaussianRandomProjection(2), Normalizer())
    pipe = make_pipeline(
        ColumnTransformer([("s", inner, slice(0, 6))]),
        FeatureUnion([("a", StandardScaler()), ("b", "passthrough")]),
        GaussianNB(),
    )
    one, two = (repeated_holdout(pipe, X, Y, **QUIET) for _ in range(2))
    assert np.array_equal(one._values, two._values)


def test_the_first_metric_may_be_the_loss() -> None:
    result = repeated_holdout(net(), X, Y, scoring=["loss", "accuracy"], **QUIET)
    assert result.metrics == ["loss", "accuracy"]
    curve = result.curve("loss", split="validation")
    assert result.best_epoch().tolist() == (curve.argmin(axis=1) + 1).tolist()
    with pytest.raises(ValueError, match="There is no loss"):
        repeated_holdout(
            SGDClassifier(max_iter=2), X, Y, scoring=["accuracy", "loss"], **QUIET
        )


def test_losses_do_not_depend_on_the_way_they_are_taken() -> None:
    sure = net(max_epochs=30, learning_rate_init=0.3)
    pipe = make_pipeline(StandardScaler(), sure)
    by_epoch = repeated_holdout(pipe, X, Y, select="last", **QUIET)
    whole = repeated_holdout(pipe, X, Y, record="final", **QUIET)
    np.testing.assert_allclose(by_epoch.values("loss"), whole.values("loss"))


def test_undefined_scores_are_counted() -> None:
    y = np.zeros(100, dtype=int)
    y[:4] = 1
    rows = X[:100]
    result = repeated_holdout(
        GaussianNB(), rows, y, stratify=False, test_size=10, **{**QUIET, "n_repeats": 8}
    )
    undefined = int(np.isnan(result.values("tss")).sum())
    assert undefined > 0
    row = result.summary().loc[("test", "original", "tss")]
    assert row["n_undefined"] == undefined
    assert np.isnan(row["mean"])


def test_studies_of_other_targets_are_not_paired() -> None:
    a = repeated_holdout(GaussianNB(), X, Y, stratify=False, **QUIET)
    b = repeated_holdout(GaussianNB(), X, np.roll(Y, 7), stratify=False, **QUIET)
    with pytest.raises(ValueError, match="same splits"):
        compare(a, b)


def test_compare_says_optimistic() -> None:
    a, b = (
        repeated_holdout(net(alpha=alpha), X, Y, select="test-mean", **QUIET)
        for alpha in (0.0, 1.0)
    )
    assert "optimistic" in repr(a)
    with pytest.warns(UserWarning, match="optimistic"):
        assert compare(a, b, metric="loss").n == 2


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="must keep their number"):
        repeated_holdout(
            GaussianNB(), X, Y, test_variants={"one": lambda rows: rows[:1]}, **QUIET
        )
    with pytest.raises(ValueError, match="neither a classifier nor a regressor"):
        repeated_holdout(IsolationForest(), X, Y, **QUIET)
    labels = np.array(["a", "b", None], dtype=object)[Y]
    with pytest.raises(ValueError, match=r"missing values .* first one in row"):
        repeated_holdout(net(), X, labels, **QUIET)

    def several(model: Any, X: Any, y: Any) -> dict:
        return {"a": 1.0}

    with pytest.raises(ValueError, match="must give one number"):
        repeated_holdout(net(), X, Y, scoring=several, **QUIET)


def test_names_and_flags_of_other_kinds() -> None:
    named = repeated_holdout(net(), X, Y, scoring={"skill": "tss"}, **QUIET)
    assert named.metrics == ["skill", "loss"]
    plain = repeated_holdout(net(), X, Y, scoring="tss", **QUIET)
    assert np.array_equal(named.values(), plain.values())
    flag: Any = np.True_
    balanced = repeated_holdout(GaussianNB(), X, Y, balance=flag, **QUIET)
    assert balanced.n_test.min() > 60
    repeated_holdout(GaussianNB(), X, Y, stratify=None, **QUIET)
