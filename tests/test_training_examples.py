"""What the training examples and ``benchmarks/fashion.py`` share does what it says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.utils import Bunch

FOLDER = Path(__file__).parents[1] / "examples" / "training"


@pytest.fixture(scope="module")
def fashion() -> Iterator[ModuleType]:
    path = FOLDER / "_fashion.py"
    spec = importlib.util.spec_from_file_location("_fashion", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKASTRO_SCALE", "glance")
        patch.setitem(sys.modules, "_fashion", module)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def digits(fashion: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKASTRO_DATA", str(tmp_path_factory.mktemp("empty")))
        return fashion.load_images()


def test_without_the_files_digits_are_used_and_named(digits: Bunch) -> None:
    assert not digits.real
    assert "DIGITS" in digits.source
    assert digits.X_train.shape[1] == np.prod(digits.shape)
    assert digits.X_train.dtype == np.float32
    assert digits.X_train.max() == 1
    assert len(digits.X_train) + len(digits.X_test) == 1797


@pytest.mark.real_data
def test_with_the_files_they_are_used(
    fashion: ModuleType, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(data_home))
    data = fashion.load_images()
    assert data.real
    assert data.X_train.shape == (60_000, 784)
    assert data.X_test.shape == (10_000, 784)
    assert data.X_train.dtype == np.float32
    # What the data's own page says of the mean pixel.
    assert data.X_train.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)


def test_running_accuracy_is_that_of_the_batches(
    fashion: ModuleType, digits: Bunch
) -> None:
    # With weights that do not move, running and final values are the same.
    callbacks = [fashion.RunningAccuracy()]
    net = fashion.lecture_net(callbacks=callbacks, learning_rate_init=1e-30)
    table = fashion.train_by_epoch(net, digits, 2)
    assert table["accuracy"].to_list() == table["train accuracy at the end"].to_list()
    own = net.predict_proba(digits.X_train)[np.arange(1297), digits.y_train]
    assert table["loss"].to_numpy() == pytest.approx(-np.log(own).mean(), rel=1e-5)
    # With weights that do, they lag behind.
    table = fashion.train_by_epoch(fashion.lecture_net(callbacks=callbacks), digits, 2)
    assert (table["accuracy"] < table["train accuracy at the end"]).all()
    assert table["accuracy"][2] > table["accuracy"][1]


def test_keras_l2_moves_weights_by_its_gradient(
    fashion: ModuleType, digits: Bunch
) -> None:
    n, rate, strength = 32, 0.1, 0.01

    def weights(**settings: float) -> np.ndarray:
        step = {"learning_rate_init": rate, "max_epochs": 1, "momentum": 0.0}
        net = fashion.lecture_net(solver="sgd", batch_size=n, **{**step, **settings})
        net.fit(digits.X_train[:n].astype(np.float64), digits.y_train[:n])
        return net.module_.head.weight.detach().numpy()

    initial = weights(learning_rate_init=1e-300)
    moved = weights(alpha=fashion.keras_l2(strength, n)) - weights()
    # The gradient of strength * ||W||^2.
    np.testing.assert_allclose(moved, -rate * 2 * strength * initial, atol=1e-14)


def test_study_of_a_net_ends_in_a_row(fashion: ModuleType, digits: Bunch) -> None:
    net = fashion.study_net("smaller", "augmentation", digits.shape)
    assert net.augment.shift < 1
    result = fashion.overfitting_study(net.set_params(max_epochs=6), digits)
    assert len(set(result.split_digests)) == result.n_repeats == 3
    n_rows = result.n_train + result.n_validation + result.n_test
    assert (n_rows <= len(digits.y_train)).all()
    found = fashion.diagnose(result, 1_000_000)
    assert found.correlation == pytest.approx(
        (result.n_train[0] + result.n_validation[0]) / 1e6
    )
    # A pool that is used up is Nadeau and Bengio's case.
    assert fashion.diagnose(result, 1297).correlation == pytest.approx(
        result.n_validation[0] / (result.n_train[0] + result.n_validation[0])
    )
    row = fashion.verdict_row(result, 1297)
    assert row["verdict"] == fashion.diagnose(result, 1297).verdict
    assert row["stop at"].endswith(" of 6")


def test_nets_of_the_study_differ_in_one_thing(fashion: ModuleType) -> None:
    for size in fashion.SIZES:
        plain = fashion.study_net(size, "none", (28, 28)).get_params()
        for remedy in fashion.REMEDIES[1:]:
            net = fashion.study_net(size, remedy, (28, 28)).get_params()
            assert sum(net[name] != plain[name] for name in plain) == 1
    with pytest.raises(ValueError, match="remedy"):
        fashion.study_net("smaller", "more sleep", (28, 28))
