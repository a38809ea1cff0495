"""Every net on a GPU, where there is one: nearly the numbers of the CPU."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skastro.diffraction import DiffractionOrientationRegressor
from skastro.galaxy import GalaxyCNNClassifier
from skastro.gaps import GAPSVoxelClassifier
from skastro.inspection import GradCAM
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier, DenseRegressor

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch sees no CUDA GPU on this machine"
)

# TF32 is off by default in matrix products and on in cuDNN's convolutions, which
# leaves ten bits of the mantissa: 1e-3, times the steps of a short training.
TOLERANCE = 2e-2


def images(n: int = 64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 16, 16)).astype(np.float32)
    X[:, 4:8, 4:8] += 2 * y[:, None, None]
    return X, y


def voxels(n: int = 64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.exponential(5, size=(n, 10, 12, 12)) * (rng.random((n, 10, 12, 12)) < 0.02)
    X[np.arange(n) % 2 == 1, 4] *= 3
    return X.astype(np.float32), np.where(
        np.arange(n) % 2, "antiproton", "antideuteron"
    )


NETS = {
    "dense": (DenseClassifier(), images),
    "dense regression": (DenseRegressor(), images),
    "compact": (GalaxyCNNClassifier(augment="resolution"), images),
    "thesis": (GalaxyCNNClassifier(layout="thesis"), images),
    "conv3d": (GAPSVoxelClassifier(layout="conv3d"), voxels),
    "set": (GAPSVoxelClassifier(layout="set"), voxels),
    "hybrid": (GAPSVoxelClassifier(), voxels),
    "diffraction": (DiffractionOrientationRegressor(), None),
}


def data_for(make) -> tuple[np.ndarray, np.ndarray]:
    if make is not None:
        return make()
    X, _ = images()
    X = np.abs(np.repeat(np.repeat(X, 2, axis=1), 2, axis=2))
    y = np.random.default_rng(0).normal(size=(len(X), 3))
    return X, y / np.linalg.norm(y, axis=1, keepdims=True)


@pytest.mark.parametrize("name", NETS)
def test_a_gpu_gives_nearly_what_the_cpu_gives(name) -> None:
    net, make = NETS[name]
    X, y = data_for(make)
    net = clone(net).set_params(max_epochs=2, random_state=0)
    there = clone(net).set_params(device="cuda").fit(X, y)
    assert there.device_.startswith("cuda")
    here = pickle.loads(pickle.dumps(there))
    here.device_ = "cpu"
    here = pickle.loads(pickle.dumps(here))
    output = "predict_proba" if hasattr(net, "predict_proba") else "predict"
    np.testing.assert_allclose(
        getattr(there, output)(X), getattr(here, output)(X), atol=TOLERANCE
    )
    # The same numbers again on the same GPU.
    again = clone(net).set_params(device="cuda").fit(X, y)
    np.testing.assert_allclose(
        getattr(again, output)(X), getattr(there, output)(X), atol=TOLERANCE
    )


@pytest.mark.parametrize("name", NETS)
def test_mixed_precision_learns(name) -> None:
    net, make = NETS[name]
    X, y = data_for(make)
    net = clone(net).set_params(max_epochs=2, random_state=0, device="cuda")
    mixed = clone(net).set_params(dtype="mixed").fit(X, y)
    single = net.fit(X, y)
    if hasattr(mixed, "loss_curve_"):
        assert np.isfinite(mixed.loss_curve_).all()
        np.testing.assert_allclose(mixed.loss_curve_, single.loss_curve_, rtol=0.2)


def test_stacked_studies_and_maps() -> None:
    X, y = images()
    net = DenseClassifier(max_epochs=3, device="cuda")
    stacked, single = (
        repeated_holdout(
            net, X, y, n_repeats=3, engine=engine, random_state=0, verbose=0
        )
        for engine in ("stacked", "sequential")
    )
    np.testing.assert_allclose(
        stacked.values("loss"), single.values("loss"), atol=TOLERANCE
    )
    galaxy = GalaxyCNNClassifier(max_epochs=2, device="cuda", random_state=0)
    maps = GradCAM(galaxy.fit(X, y))(X)
    assert np.isfinite(maps).all()
