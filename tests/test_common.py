"""The checks that every estimator passes, scikit-learn's and our own."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from skastro.diffraction import DiffractionOrientationRegressor
from skastro.galaxy import GalaxyCNNClassifier
from skastro.gaps import GAPSVoxelClassifier
from skastro.neural_network import (
    BaseTorchEstimator,
    DenseClassifier,
    DenseRegressor,
)
from skastro.utils import all_estimators

ESTIMATORS = dict(all_estimators())

FAST = {"learning_rate_init": 0.01}

# More than the defaults, where an option leads through other code.
VARIANTS = {
    "GalaxyCNNClassifier": [
        {},
        {"layout": "thesis", "dense_layer_sizes": (16,), "dropout": 0.0},
    ],
    "DenseClassifier": [{}, {"solver": "sgd", "learning_rate": "cosine"}],
    "DiffractionOrientationRegressor": [
        {},
        {"layout": "thesis", "dense_layer_sizes": (32, 16)},
    ],
    # Dropout draws for every row: a row of weight two and two rows would differ.
    "GAPSVoxelClassifier": [
        {},
        {"binarize": True, "max_epochs": 2, "summary_estimator": GaussianNB()},
        {"layout": "set", "width": 16, "n_heads": 2, "n_blocks": 1},
        {"layout": "set", "binarize": True, "max_epochs": 2},
        {"layout": "conv3d", "filters": (8, 8), "dropout": 0.0},
        {"layout": "depth_channels", "filters": (16, 16), "dropout": 0.0, **FAST},
        {"layout": "depth_channels", "binarize": True, "dropout": 0.0, "max_epochs": 2},
    ],
}


def instances() -> list[Any]:
    return [
        cls(**parameters)
        for name, cls in ESTIMATORS.items()
        for parameters in VARIANTS.get(name, [{}])
    ]


@parametrize_with_checks(instances(), expected_failed_checks=None)
def test_sklearn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_discovery_finds_the_estimators_of_the_design() -> None:
    assert {
        "CutoutNormalizer",
        "DenseClassifier",
        "DenseRegressor",
        "GalaxyCNNClassifier",
        "NetEmbedder",
        "ResolutionDegrader",
    } <= set(ESTIMATORS)
    assert "BaseTorchEstimator" not in ESTIMATORS


NETS = [
    DenseClassifier(hidden_layer_sizes=(8,), max_epochs=4, dropout=0.2),
    DenseRegressor(hidden_layer_sizes=(8,), max_epochs=4, dropout=0.2),
    DenseClassifier(max_epochs=3, augment="geometric", image_shape=(9, 9)),
    GalaxyCNNClassifier(
        filters=(4, 6), max_epochs=3, dropout=0.3, augment="resolution"
    ),
    GalaxyCNNClassifier(
        layout="thesis", filters=(3, 4, 5), dense_layer_sizes=(7,), max_epochs=3
    ),
    DiffractionOrientationRegressor(
        n_directions=0,
        filters=(6,),
        dense_layer_sizes=(7,),
        max_epochs=3,
        augment="rotation",
    ),
    DiffractionOrientationRegressor(
        n_directions=0,
        layout="thesis",
        filters=(3, 4),
        dense_layer_sizes=(7,),
        max_epochs=3,
    ),
    GAPSVoxelClassifier(layout="set", width=8, n_blocks=1, n_heads=2, max_epochs=3),
    GAPSVoxelClassifier(layout="conv3d", filters=(3, 4), max_epochs=3),
    GAPSVoxelClassifier(layout="depth_channels", filters=(4,), max_epochs=3),
]
# Without partial_fit, so that only some tests are for it; others are its own.
HYBRID = GAPSVoxelClassifier(width=8, n_blocks=1, n_heads=2, max_epochs=3)


@pytest.fixture(params=NETS, ids=lambda e: f"{type(e).__name__}-{NETS.index(e)}")
def net(request: pytest.FixtureRequest) -> Any:
    return clone(request.param).set_params(random_state=3)


def data(estimator: Any, n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 9, 9))
    if is_regressor(estimator):
        return X, X[:, :3, 0]
    y = np.where(X[:, 4, 4] > 0, "spiral", "elliptical")
    # Deposits of energy are not negative.
    return np.maximum(X, 0) if isinstance(estimator, GAPSVoxelClassifier) else X, y


def output(estimator: Any, X: Any) -> np.ndarray:
    method = "predict_proba" if is_classifier(estimator) else "predict"
    return np.asarray(getattr(estimator, method)(X))


def test_every_net_is_among_those_tested_here() -> None:
    trained = {n for n, c in ESTIMATORS.items() if issubclass(c, BaseTorchEstimator)}
    assert trained == {type(e).__name__ for e in NETS}


def test_flat_rows_and_images_agree(net: Any) -> None:
    X, y = data(net)
    with_axes = output(clone(net).set_params(image_shape=None).fit(X, y), X)
    shaped = net.set_params(image_shape=(9, 9))
    flat = shaped.fit(X.reshape(len(X), -1), y)
    channels = clone(shaped).fit(X[:, None], y)
    assert np.array_equal(output(flat, X.reshape(len(X), -1)), with_axes)
    assert np.array_equal(output(flat, X), with_axes)
    assert np.array_equal(output(channels, X[:, None]), with_axes)


def test_clone_and_fit_again_is_equal_to_the_bit(net: Any) -> None:
    X, y = data(net)
    first = output(net.fit(X, y), X)
    assert np.array_equal(output(clone(net).fit(X, y), X), first)
    assert np.array_equal(output(net.fit(X, y), X), first)
    other = clone(net).set_params(random_state=4).fit(X, y)
    assert not np.array_equal(output(other, X), first)


def fit_and_predict(estimator: Any, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    return output(clone(estimator).fit(X, y), X)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_fits_equal_serial_ones(backend: str) -> None:
    nets = [*NETS, HYBRID]
    jobs = [clone(e).set_params(random_state=5) for e in nets for _ in range(2)]
    serial = [fit_and_predict(e, *data(e)) for e in jobs]
    with joblib.parallel_config(backend=backend):
        parallel = joblib.Parallel(n_jobs=2)(
            joblib.delayed(fit_and_predict)(e, *data(e)) for e in jobs
        )
    for one, two in zip(serial, parallel, strict=True):
        assert np.array_equal(one, two)


def test_global_random_state_and_threads_are_left_alone(net: Any) -> None:
    X, y = data(net)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        output(net.fit(X, y), X)
        assert torch.get_num_threads() == 2
        clone(net).set_params(n_jobs=1).partial_fit(X, y)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])


def test_threads_are_left_alone_by_concurrent_fits() -> None:
    estimator = DenseClassifier(max_epochs=20)
    X, y = data(estimator, 200)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        workers = [
            threading.Thread(target=fit_and_predict, args=(estimator, X, y))
            for _ in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_of_flat_rows_is_kept(net: Any, dtype: type) -> None:
    X, y = data(net)
    X = X.astype(dtype)
    net.set_params(dtype="preserve").fit(X, y)
    assert output(net, X).dtype == dtype
    assert next(net.module_.parameters()).dtype == getattr(torch, net.dtype_)
    assert net.dtype_ == np.dtype(dtype).name


def test_images_train_in_float32_by_default(net: Any) -> None:
    X, y = data(net)
    assert net.fit(X, y).dtype_ == "float32"


@pytest.mark.parametrize("store", ["pickle", "joblib", "skops"])
def test_stored_model_is_equal_to_the_bit(net: Any, store: str, tmp_path: Any) -> None:
    X, y = data(net)
    for _ in range(net.max_epochs - 1):
        net.partial_fit(X, y)
    if store == "pickle":
        loaded = pickle.loads(pickle.dumps(net))
    elif store == "joblib":
        joblib.dump(net, tmp_path / "net.joblib")
        loaded = joblib.load(tmp_path / "net.joblib")
    else:
        sio = pytest.importorskip("skops.io")
        stored = sio.dumps(net)
        trusted = sio.get_untrusted_types(data=stored)
        assert all(name.startswith("skastro.") for name in trusted)
        loaded = sio.loads(stored, trusted=trusted)
    assert np.array_equal(output(loaded, X), output(net, X))
    # Training goes on where it stood: optimiser, order and dropout were stored too.
    assert np.array_equal(
        output(loaded.partial_fit(X, y), X), output(net.partial_fit(X, y), X)
    )


def test_stored_model_holds_no_torch_object(net: Any) -> None:
    import pickletools

    X, y = data(net)
    stored = pickle.dumps(net.fit(X, y))
    names = [arg for _, arg, _ in pickletools.genops(stored) if isinstance(arg, str)]
    assert not [n for n in names if n.split(".")[0] in ("torch", "skorch")]


def test_partial_fit_is_one_epoch_of_fit(net: Any) -> None:
    X, y = data(net)
    # A layout may stop early by default; single epochs never do.
    whole = output(clone(net).set_params(early_stopping=False).fit(X, y), X)
    for _ in range(net.max_epochs):
        net.partial_fit(X, y)
    assert np.array_equal(output(net, X), whole)
    assert net.n_iter_ == net.max_epochs


def test_a_refused_fit_leaves_a_fitted_net_as_it_was(net: Any) -> None:
    X, y = data(net)
    before = output(net.fit(X, y), X)
    other = np.where(y == "spiral", "cat", "dog") if is_classifier(net) else y[:, :1]
    with pytest.raises(ValueError, match="weights or resampling"):
        net.fit(X[:, :, 1:] if net.image_shape is None else X, other, np.ones(3))
    assert np.array_equal(output(net, X), before)
    if is_classifier(net):
        assert set(net.predict(X)) <= {"spiral", "elliptical"}


def test_weights_matter_by_their_ratios(net: Any) -> None:
    X, y = data(net)
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    net.set_params(dtype="float64", alpha=0.0)
    one = output(clone(net).fit(X, y, sample_weight=w), X)
    small = output(clone(net).fit(X, y, sample_weight=w * 2.0**-20), X)
    np.testing.assert_allclose(small, one, rtol=1e-6, atol=1e-9)


def test_a_batch_without_weight_is_passed_over(net: Any) -> None:
    X, y = data(net)
    w = np.zeros(len(y))
    w[[0, 5, 9, 20]] = 1
    net.set_params(batch_size=4).fit(X, y, sample_weight=w)
    assert np.isfinite(output(net, X)).all()
    assert np.isfinite(net.loss_curve_).all()


def test_parameters_changed_after_the_fit_do_not_reach_a_stored_net(net: Any) -> None:
    X, y = data(net)
    net.partial_fit(X, y)
    net.set_params(solver="adadelta", learning_rate_init=0.5, alpha=3.0, max_epochs=9)
    loaded = pickle.loads(pickle.dumps(net))
    assert np.array_equal(
        output(loaded.partial_fit(X, y), X), output(net.partial_fit(X, y), X)
    )


def test_uint8_and_memory_mapped_images_give_the_same(net: Any, tmp_path: Any) -> None:
    X, y = data(net)
    bytes_ = np.clip(X * 40 + 128, 0, 255).astype(np.uint8)
    expected = output(clone(net).fit(bytes_.astype(np.float32), y), bytes_)
    assert np.array_equal(output(clone(net).fit(bytes_, y), bytes_), expected)
    np.save(tmp_path / "images.npy", bytes_.astype(np.float32))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert np.array_equal(output(clone(net).fit(mapped, y), mapped), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_pixel_is_refused_with_its_place(net: Any, bad: float) -> None:
    X, y = data(net)
    X[7, 2, 3] = bad
    with pytest.raises(ValueError, match=r"1 of 1944 values.*\(7, (2, 3|21)\)"):
        net.fit(X, y)


def test_weights_of_other_rows_are_refused_with_the_reason(net: Any) -> None:
    X, y = data(net)
    with pytest.raises(ValueError, match="weights or resampling"):
        net.fit(X, y, sample_weight=np.ones(len(y) + 5))


def test_other_image_size_is_refused(net: Any) -> None:
    X, y = data(net)
    net.fit(X, y)
    with pytest.raises(ValueError, match=r"features|fitted on|one image of X is"):
        net.predict(X[:, :8])
    with pytest.raises(ValueError, match=r"features|fitted on|one image of X is"):
        net.predict(X.reshape(len(X), 3, 27))
