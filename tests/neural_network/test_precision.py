"""Mixed precision, tried on the CPU as if it were a GPU."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skastro.datasets import load_gaps_sample, make_galaxies
from skastro.galaxy import GalaxyCNNClassifier
from skastro.gaps import GAPSVoxelClassifier
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier, DenseRegressor, _precision
from skastro.neural_network._precision import forward, half_dtype, make_scaler

# bfloat16 has eight bits: a product is right to 2^-9, a sum of many to a few of it.
BFLOAT16 = 2.0**-6


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_precision, "half_dtype", lambda device: torch.bfloat16)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


@pytest.fixture(scope="module")
def galaxies() -> tuple[np.ndarray, np.ndarray]:
    return make_galaxies(60, size=24, uncertain="drop", return_X_y=True, random_state=0)


def test_products_are_made_in_half_precision_and_weights_are_not(
    as_on_a_gpu, digits
) -> None:
    net = DenseClassifier(dtype="mixed", max_epochs=3, random_state=0).fit(*digits)
    seen = []
    net.module_.head.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    proba = net.predict_proba(digits[0])
    assert set(seen) == {torch.bfloat16}
    assert net.mixed_precision_
    assert net.dtype_ == "float32"
    assert {p.dtype for p in net.module_.parameters()} == {torch.float32}
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


def test_the_same_weights_give_nearly_the_same_probabilities(
    as_on_a_gpu, digits
) -> None:
    X, y = digits
    net = DenseClassifier(dtype="mixed", max_epochs=20, random_state=0).fit(X, y)
    half = net.predict_log_proba(X)
    net.mixed_precision_ = False
    single = net.predict_log_proba(X)
    assert not np.array_equal(half, single)
    np.testing.assert_allclose(np.exp(half), np.exp(single), atol=8 * BFLOAT16)
    assert abs(half - single).mean() < BFLOAT16


@pytest.mark.parametrize("layout", ["compact", "thesis"])
def test_galaxy_nets_learn_with_weights_and_symmetries(
    as_on_a_gpu, layout, galaxies
) -> None:
    X, y = galaxies
    weight = np.linspace(0.5, 1.5, len(y))
    settings = {"layout": layout, "max_epochs": 3, "random_state": 0}
    settings["average_symmetries"] = True
    mixed = GalaxyCNNClassifier(dtype="mixed", **settings).fit(X, y, weight)
    single = GalaxyCNNClassifier(**settings).fit(X, y, weight)
    assert np.isfinite(mixed.loss_curve_).all()
    np.testing.assert_allclose(mixed.loss_curve_, single.loss_curve_, rtol=0.1)
    np.testing.assert_allclose(mixed.predict_proba(X).sum(axis=1), 1, atol=1e-6)
    assert mixed.embed(X).dtype == np.float32


def test_voxel_nets_learn(as_on_a_gpu) -> None:
    # The set net only: torch's own convolutions of volumes are not to be trusted here.
    X, y = load_gaps_sample(incidence="vertical", return_X_y=True)
    X, y = X[::25], y[::25]
    settings = {"layout": "set", "max_epochs": 2, "random_state": 0}
    mixed = GAPSVoxelClassifier(dtype="mixed", **settings).fit(X, y)
    single = GAPSVoxelClassifier(**settings).fit(X, y)
    np.testing.assert_allclose(mixed.loss_curve_, single.loss_curve_, rtol=0.1)
    assert np.isfinite(mixed.predict_log_proba(X)).all()


@pytest.mark.parametrize("layout", ["conv3d", "depth_channels", "set"])
def test_on_the_cpu_everything_is_in_single_precision(layout) -> None:
    X, y = load_gaps_sample(incidence="vertical", return_X_y=True)
    X, y = X[::50], y[::50]
    settings = {"layout": layout, "max_epochs": 1, "random_state": 0, "device": "cpu"}
    mixed = GAPSVoxelClassifier(dtype="mixed", **settings).fit(X, y)
    single = GAPSVoxelClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(mixed.predict_proba(X), single.predict_proba(X))


def test_stored_models_keep_it(as_on_a_gpu, digits) -> None:
    X, y = digits
    net = DenseRegressor(dtype="mixed", max_epochs=2, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    assert again.mixed_precision_
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    # Training goes on with it, too.
    np.testing.assert_array_equal(
        again.partial_fit(X, y).predict(X), net.partial_fit(X, y).predict(X)
    )


def test_a_study_trains_such_nets_one_by_one(digits) -> None:
    net = DenseClassifier(dtype="mixed", max_epochs=2)
    study = repeated_holdout(net, *digits, n_repeats=2, random_state=0, verbose=0)
    assert study.engine == "sequential"
    assert "mixed precision" in study.engine_reason


def test_small_gradients_are_scaled_only_where_half_precision_has_no_range() -> None:
    cpu = torch.device("cpu")
    assert half_dtype(cpu) is None
    assert not make_scaler(cpu, mixed=True).is_enabled()
    assert not make_scaler(cpu, mixed=False).is_enabled()


def test_without_it_nothing_is_changed() -> None:
    x = torch.ones(2, 2, dtype=torch.float64)
    assert forward(lambda batch: batch @ batch, x, False).dtype == torch.float64
