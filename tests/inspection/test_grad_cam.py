"""Maps equal captum's and the papers' formulas, and leave the net as it was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedGradCam, LayerAttribution, LayerGradCam
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn
from torch.nn import functional

from skastro.diffraction import DiffractionOrientationRegressor
from skastro.galaxy import GalaxyCNNClassifier
from skastro.inspection import GradCAM
from skastro.neural_network import DenseClassifier, DenseRegressor
from skastro.utils import all_estimators

LABELS = np.array(["antideuteron", "antiproton", "pion"])
METHODS = ["gradcam", "gradcam++", "xgradcam", "layercam", "hirescam"]


class Volumes(nn.Module):
    """Conv3d, pooled, with a dense tail in which places differ."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(1, 4, 3, padding=1),
            nn.BatchNorm3d(4),
            nn.ReLU(inplace=inplace),
            nn.MaxPool3d(2),
            nn.Conv3d(4, 6, 3, padding=1),
            nn.ReLU(inplace=inplace),
            nn.Flatten(),
            nn.Linear(6 * 2 * 3 * 3, 8),
            nn.ReLU(),
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


class Images(nn.Module):
    """Conv2d with functional activations."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, stride=2)
        self.last = nn.Conv2d(4, 5, 3, padding=1)
        self.dense = nn.Linear(5 * 5 * 4, 7)
        self.head = nn.Linear(7, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.first(x))
        x = torch.relu(self.last(x)).flatten(1)
        return self.head(functional.relu(self.dense(x)))


class Double(ClassifierMixin, BaseEstimator):
    """The least that Grad-CAM needs of an estimator."""

    def __init__(self, module: Any = None) -> None:
        self.module = module

    def fit(self, X: Any, y: Any = None) -> Double:
        self.module_ = self.module.eval()
        self.classes_ = LABELS
        return self


def make(module: nn.Module, seed: int = 0, dtype: Any = torch.float32) -> Double:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in module.parameters():
            scale = 1.0 / np.sqrt(max(1, values[0].numel()))
            values.copy_(torch.randn(values.shape, generator=generator) * scale)
    return Double(module.to(dtype)).fit(None)


VOLUME_SHAPE, IMAGE_SHAPE = (1, 4, 6, 6), (2, 11, 9)
CASES = [
    pytest.param(Volumes, VOLUME_SHAPE, "body.4", "trilinear", id="3-D"),
    pytest.param(Images, IMAGE_SHAPE, "last", "bilinear", id="2-D"),
]


def events(shape: tuple[int, ...], n: int = 13) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)


def activations(net: Double, layer: str, X: np.ndarray, codes: Any) -> Any:
    """Maps and their gradients, taken the plain way."""
    kept = []
    module = net.module_
    handle = module.get_submodule(layer).register_forward_hook(
        lambda *args: kept.append(args[2])
    )
    output = module(torch.from_numpy(X))
    handle.remove()
    codes = output.argmax(dim=1) if codes is None else torch.as_tensor(codes)
    score = output.gather(1, codes[:, None]).sum()
    (gradient,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach().double().numpy(), gradient.double().numpy()


def by_formula(method: str, A: np.ndarray, G: np.ndarray) -> np.ndarray:
    """The papers' sums, written with loops over events and channels."""
    out = np.zeros((len(A), *A.shape[2:]))
    for i in range(len(A)):
        for k in range(A.shape[1]):
            a, g = A[i, k], G[i, k]
            if method == "gradcam":
                out[i] += g.mean() * a
            elif method == "hirescam":
                out[i] += g * a
            elif method == "layercam":
                out[i] += np.where(g > 0, g, 0) * a
            elif method == "xgradcam":
                out[i] += (a * g / a.sum()).sum() * a if a.any() else 0
            else:
                under = 2 * g**2 + a.sum() * g**3
                alpha = np.divide(g**2, under, out=np.zeros_like(g), where=under != 0)
                out[i] += (alpha * np.maximum(g, 0)).sum() * a
    return out


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize(("module", "shape", "layer", "mode"), CASES)
def test_equals_captum(
    module: Any, shape: tuple[int, ...], layer: str, mode: str, relu: bool
) -> None:
    net, X = make(module()), events(shape)
    codes = np.arange(len(X)) % 3
    peer = LayerGradCam(net.module_, net.module_.get_submodule(layer))
    raw = peer.attribute(
        torch.from_numpy(X), torch.from_numpy(codes), relu_attributions=relu
    )
    theirs = LayerAttribution.interpolate(raw, shape[1:], mode)
    cam = GradCAM(net, layer=layer, signed=not relu, batch_size=5)
    ours = cam(X, LABELS[codes])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.detach().numpy()[:, 0], rtol=0, atol=1e-6)
    assert np.abs(ours).max() > 0.01
    small = GradCAM(net, layer=layer, signed=not relu, upsample=False)(X, LABELS[codes])
    np.testing.assert_allclose(small, raw.detach().numpy()[:, 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("module", "shape", "layer", "mode"), CASES)
def test_equals_the_formulas(
    module: Any, shape: tuple[int, ...], layer: str, mode: str, method: str
) -> None:
    net, X = make(module()), events(shape)
    cam = GradCAM(net, layer=layer, method=method, signed=True, upsample=False)
    expected = by_formula(method, *activations(net, layer, X, None))
    np.testing.assert_allclose(cam(X), expected, rtol=2e-4, atol=2e-6)
    rectified = GradCAM(net, layer=layer, method=method, upsample=False)(X)
    np.testing.assert_allclose(rectified, expected.clip(0), rtol=2e-4, atol=2e-6)


def halves(module: Any) -> Any:
    """The two halves of a net, cut behind the last convolution's activation."""
    if isinstance(module, Volumes):
        return module.body[:6], lambda a: module.head(module.body[6:](a))
    return (
        lambda x: functional.relu(module.last(functional.relu(module.first(x)))),
        lambda a: module.head(functional.relu(module.dense(a.flatten(1)))),
    )


@pytest.mark.parametrize(("module", "shape", "layer", "mode"), CASES)
def test_auto_is_the_last_convolution_behind_its_activation(
    module: Any, shape: tuple[int, ...], layer: str, mode: str
) -> None:
    net, X = make(module()), events(shape)
    front, tail = halves(net.module_)
    maps = front(torch.from_numpy(X)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(tail(maps).max(dim=1).values.sum(), maps)
    expected = by_formula("gradcam", maps.detach().numpy(), gradient.numpy())
    ours = GradCAM(net, upsample=False, signed=True)(X)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)
    before = GradCAM(net, upsample=False, signed=True, layer=layer)(X)
    assert not np.allclose(ours, before, atol=1e-3)


def test_maps_of_pooled_nets_sum_to_the_logit() -> None:
    """With averaged maps and one linear layer, the mean of the map is the logit."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 16, 16)), np.repeat([3, 5], 15)
    net = GalaxyCNNClassifier(filters=(4, 6), max_epochs=2, random_state=0).fit(X, y)
    maps = GradCAM(net, signed=True, upsample=False)(X, 5)
    logit = np.concatenate([out.numpy()[:, 1] for out in net._forward(X)])
    bias = net.module_.head.bias[1].item()
    places = maps[0].size
    np.testing.assert_allclose(maps.sum((1, 2)), logit - bias, atol=2e-6)
    assert places == 16  # 16 pixels, halved by the stride and by the pool


@pytest.mark.parametrize("batch_size", [1, 4, 100, "auto"])
def test_batches_change_nothing(batch_size: Any) -> None:
    net, X = make(Volumes()), events(VOLUME_SHAPE)
    whole = GradCAM(net, batch_size=len(X))(X, LABELS[np.arange(len(X)) % 3])
    parts = GradCAM(net, batch_size=batch_size)(X, LABELS[np.arange(len(X)) % 3])
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-7)


def test_targets() -> None:
    net, X = make(Images()), events(IMAGE_SHAPE)
    with torch.no_grad():
        predicted = LABELS[net.module_(torch.from_numpy(X)).argmax(1).numpy()]
    cam = GradCAM(net, signed=True)
    np.testing.assert_array_equal(cam(X), cam(X, predicted))
    np.testing.assert_array_equal(cam(X, "pion"), cam(X, ["pion"] * len(X)))
    assert not np.array_equal(cam(X, "pion"), cam(X, "antiproton"))
    with pytest.raises(ValueError, match="'muon'"):
        cam(X, "muon")
    with pytest.raises(ValueError, match="one for each of the 13"):
        cam(X, LABELS)
    with pytest.raises(ValueError, match="norm"):
        cam(X, "norm")


@pytest.mark.parametrize("inplace", [False, True])
def test_in_place_activations_change_nothing(inplace: bool) -> None:
    X = events(VOLUME_SHAPE)
    plain = make(Volumes())
    net = make(Volumes(inplace=inplace))
    for kw in ({}, {"layer": "body.4"}, {"method": "guided_gradcam", "signed": True}):
        np.testing.assert_array_equal(GradCAM(net, **kw)(X), GradCAM(plain, **kw)(X))


@pytest.mark.parametrize("signed", [True, False])
def test_guided_equals_captum(signed: bool) -> None:
    net, X = make(Volumes()), events(VOLUME_SHAPE)
    peer = GuidedGradCam(net.module_, net.module_.body[4])
    codes = torch.arange(len(X)) % 3
    with pytest.warns(UserWarning, match="backward hooks"):
        theirs = peer.attribute(
            torch.from_numpy(X).requires_grad_(), codes, interpolate_mode="trilinear"
        )
    theirs = theirs.detach().numpy()
    cam = GradCAM(net, layer="body.4", method="guided_gradcam", signed=signed)
    expected = theirs.sum(axis=1) if signed else theirs.sum(axis=1).clip(0)
    np.testing.assert_allclose(cam(X, LABELS[codes]), expected, rtol=1e-4, atol=1e-7)
    assert expected.any()
    full = GradCAM(
        net,
        layer="body.4",
        method="guided_gradcam",
        signed=True,
        sum_channels=False,
    )(X, LABELS[codes])
    np.testing.assert_allclose(full, theirs, rtol=1e-4, atol=1e-7)


def test_guided_knows_functional_relus() -> None:
    class Modules(Images):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.ReLU(), nn.ReLU(), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.b(self.last(self.a(self.first(x)))).flatten(1)
            return self.head(self.c(self.dense(x)))

    X = events(IMAGE_SHAPE)
    kw: dict[str, Any] = {"method": "guided_gradcam", "layer": "last"}
    np.testing.assert_array_equal(
        GradCAM(make(Images()), **kw)(X), GradCAM(make(Modules()), **kw)(X)
    )


def test_input_times_gradient() -> None:
    net, X = make(Images()), events(IMAGE_SHAPE)
    x = torch.from_numpy(X).requires_grad_()
    net.module_(x)[:, 2].sum().backward()
    expected = (x.grad * x).detach().numpy()
    kw: dict[str, Any] = {"layer": "input", "method": "hirescam", "signed": True}
    np.testing.assert_allclose(
        GradCAM(net, **kw)(X, "pion"), expected.sum(1), atol=1e-6
    )
    whole = GradCAM(net, sum_channels=False, **kw)(X, "pion")
    np.testing.assert_allclose(whole, expected, atol=1e-6)


def test_normalize_is_only_done_when_asked() -> None:
    net, X = make(Images()), events(IMAGE_SHAPE)
    X[0] = 0
    raw = GradCAM(net, signed=True)(X)
    for how, size in (
        ("max", np.abs(raw).max((1, 2))),
        ("sum", np.abs(raw).sum((1, 2))),
    ):
        ours = GradCAM(net, signed=True, normalize=how)(X)
        np.testing.assert_allclose(
            ours, raw / np.where(size, size, 1)[:, None, None], rtol=1e-5
        )
    assert len(set(np.abs(raw).max((1, 2)).tolist())) == len(X)


def test_the_net_is_left_as_it_was() -> None:
    net, X = make(Volumes()), events(VOLUME_SHAPE)
    module = net.module_
    module.train()
    module.body[1].eval()
    module.head.requires_grad_(False)
    modes = [part.training for part in module.modules()]
    before = {k: v.clone() for k, v in module.state_dict().items()}
    state = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    first = GradCAM(net)(X)
    for kw in ({"method": "guided_gradcam"}, {"layer": "input"}):
        GradCAM(net, **kw)(X)

    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("broken tail")

    head, module.head = module.head, Broken()
    for kw in ({}, {"layer": "body.4"}, {"method": "guided_gradcam"}):
        with pytest.raises(RuntimeError, match="broken tail"):
            GradCAM(net, **kw)(X)
    module.head = head
    assert torch.is_grad_enabled()
    assert [part.training for part in module.modules()] == modes
    assert all(p.grad is None for p in module.parameters())
    assert all(not part._forward_hooks for part in module.modules())
    assert not module.head.weight.requires_grad
    assert module.body[0].weight.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(GradCAM(net)(X), first)


def test_frozen_nets_and_foreign_modes() -> None:
    net, X = make(Volumes()), events(VOLUME_SHAPE)
    first = GradCAM(net)(X)
    net.module_.requires_grad_(False)
    np.testing.assert_array_equal(GradCAM(net)(X), first)
    with torch.inference_mode():
        np.testing.assert_array_equal(GradCAM(net)(X), first)


def test_threads_do_not_disturb_each_other() -> None:
    net, X = make(Volumes()), events(VOLUME_SHAPE, 40)
    jobs: list[tuple[dict, Any]] = [
        ({}, None),
        ({"layer": "body.4"}, "pion"),
        ({"layer": "body.0", "signed": True}, "antiproton"),
        ({"method": "guided_gradcam"}, "pion"),
    ]
    alone = [GradCAM(net, batch_size=2, **kw)(X, target) for kw, target in jobs]
    several = Parallel(n_jobs=4, backend="threading")(
        delayed(GradCAM(net, batch_size=2, **kw))(X, target) for kw, target in jobs * 3
    )
    for maps, expected in zip(several, alone * 3, strict=True):
        np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-7)
    assert all(not part._forward_hooks for part in net.module_.modules())


def test_float64_modules() -> None:
    net, X = make(Volumes(), dtype=torch.float64), events(VOLUME_SHAPE)
    ours = GradCAM(net, layer="body.4", signed=True, upsample=False)(X)
    assert ours.dtype == np.float32
    expected = by_formula("gradcam", *activations(net, "body.4", X.astype(float), None))
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.fixture(scope="module")
def galaxy() -> Any:
    rng = np.random.default_rng(0)
    y = np.repeat(["faint", "bright"], 12)
    X = rng.integers(0, 120, size=(24, 16, 16)) + np.repeat([0, 90], 12)[:, None, None]
    X = X.astype(np.uint8)
    net = GalaxyCNNClassifier(
        filters=(4, 6), max_epochs=2, image_shape=(16, 16), random_state=0
    )
    return SimpleNamespace(net=net.fit(X, y), X=X, y=y)


def test_layouts_of_the_package(galaxy: Any, tmp_path: Any) -> None:
    net, X = galaxy.net, galaxy.X
    maps = GradCAM(net)(X, galaxy.y)
    assert maps.shape == (24, 16, 16)
    path = tmp_path / "X.npy"
    np.save(path, X)
    for other in (
        X.reshape(24, -1),
        X[:, None],
        X.astype(np.float64),
        np.load(path, mmap_mode="r"),
    ):
        np.testing.assert_allclose(GradCAM(net)(other, galaxy.y), maps, atol=1e-6)


def test_pipelines_frozen_estimators_and_searches(galaxy: Any) -> None:
    net, X, y = galaxy.net, galaxy.X, galaxy.y
    expected = GradCAM(net)(X / 2.0, y)
    pipe = make_pipeline(FunctionTransformer(lambda X: X / 2.0), net)
    pipe.fit(X, y)
    expected = GradCAM(pipe[-1])(X / 2.0, y)
    search = SimpleNamespace(best_estimator_=pipe)
    for wrapped in (pipe, FrozenEstimator(pipe), search):
        np.testing.assert_array_equal(GradCAM(wrapped)(X, y), expected)
    nested = make_pipeline(make_pipeline(StandardScaler()), FrozenEstimator(net))
    nested.fit(X.reshape(24, -1), y)
    assert GradCAM(nested)(X.reshape(24, -1)).shape == (24, 16, 16)


def test_symmetry_averaging_explains_the_predicted_class(galaxy: Any) -> None:
    net = GalaxyCNNClassifier(
        filters=(4, 6), max_epochs=1, average_symmetries=True, random_state=1
    ).fit(galaxy.X, galaxy.y)
    X = np.random.default_rng(3).integers(0, 255, (64, 16, 16)).astype(np.uint8)
    cam = GradCAM(net, signed=True)
    np.testing.assert_array_equal(cam(X), cam(X, net.predict(X)))


def test_thesis_layouts_and_regressors() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((30, 20, 20))
    y = rng.normal(size=(30, 3))
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    net = DiffractionOrientationRegressor(
        layout="thesis", filters=(4,), dense_layer_sizes=(8,), max_epochs=1
    )
    net.set_params(random_state=0, n_directions=1, laue_group=None).fit(X, y)
    cam = GradCAM(net, signed=True)
    assert cam(X).shape == (30, 20, 20)
    np.testing.assert_array_equal(cam(X), cam(X, "norm"))
    columns = np.stack([cam(X, c) for c in range(3)])
    unit = net.predict(X).T / np.linalg.norm(net.predict(X), axis=1)
    np.testing.assert_allclose(
        cam(X), np.einsum("cn,cnhw->nhw", unit, columns), atol=1e-6
    )
    np.testing.assert_array_equal(cam(X, np.full(30, 2)), columns[2])
    for bad in (3, -1, 0.5, "length"):
        with pytest.raises(ValueError, match="column"):
            cam(X, bad)
    thesis = GalaxyCNNClassifier(layout="thesis", dense_layer_sizes=(8,), max_epochs=1)
    thesis.set_params(filters=(3, 4, 5), random_state=0).fit(X, y[:, 0] > 0)
    assert GradCAM(thesis)(X, True).shape == (30, 20, 20)


def test_nets_without_maps_say_so() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.random((20, 8, 8)), np.repeat([0, 1], 10)
    dense = DenseClassifier(hidden_layer_sizes=(4,), max_epochs=1, random_state=0)
    dense.fit(X, y)
    with pytest.raises(ValueError, match=r"MLP has no convolution.*occlusion_maps"):
        GradCAM(dense)(X)
    assert GradCAM(dense, layer="input", method="hirescam")(X).shape == X.shape
    flat = DenseRegressor(hidden_layer_sizes=(4,), max_epochs=1, random_state=0)
    flat.fit(X.reshape(20, -1), y)
    assert GradCAM(flat, layer="input")(X.reshape(20, -1)).shape == (20, 1, 64)
    unit = np.tile([0.0, 0.0, 1.0], (20, 1))
    compact = DiffractionOrientationRegressor(filters=(4,), dense_layer_sizes=(4,))
    compact.set_params(max_epochs=1, random_state=0).fit(X, unit)
    match = r"DiffractionCompactNet has no convolution.*pass\. occlusion_maps takes"
    with pytest.raises(ValueError, match=match):
        GradCAM(compact)(X)
    with pytest.raises(ValueError, match="not run"):
        GradCAM(compact, layer="conv")(X)
    with pytest.raises(ValueError, match="no feature maps"):
        GradCAM(compact, layer="norm")(X)
    X[:, 2:] = 0  # the power of 0.3 has no gradient there
    with pytest.raises(ValueError, match="not finite"):
        GradCAM(compact, layer="input", method="hirescam", signed=True)(X)


def test_layers_by_name(galaxy: Any) -> None:
    cam = GradCAM(galaxy.net, layer="norms.1", method="layercam")
    assert cam.layers()["convolutions.1"] == "Conv2d"
    assert cam(galaxy.X).shape == galaxy.X.shape
    with pytest.raises(ValueError, match=r"convolutions\.1"):
        GradCAM(galaxy.net, layer="conv_1")

    class Twice(Images):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + super().forward(x)

    with pytest.raises(ValueError, match="more than once"):
        GradCAM(make(Twice()), layer="last")(events(IMAGE_SHAPE))


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "scorecam"},
        {"normalize": "minmax"},
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"sum_channels": False},
        {"method": "guided_gradcam", "upsample": False},
        {"method": "guided_gradcam", "layer": "input"},
        {"layer": "nowhere"},
    ],
)
def test_wrong_parameters(wrong: dict) -> None:
    with pytest.raises(ValueError, match="|".join(wrong)):
        GradCAM(make(Images()), **wrong)


def test_wrong_estimators_and_input(galaxy: Any) -> None:
    X = galaxy.X.reshape(24, -1)
    boosted = LogisticRegression().fit(X[:, :2], galaxy.y)
    with pytest.raises(TypeError, match="occlusion_maps"):
        GradCAM(boosted)
    with pytest.raises(NotFittedError):
        GradCAM(GalaxyCNNClassifier())
    with pytest.raises(ValueError, match="image_shape"):
        GradCAM(galaxy.net)(galaxy.X[:, :8])
    bad = galaxy.X.astype(float)
    bad[3, 4, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        GradCAM(galaxy.net)(bad)


def test_it_is_no_estimator() -> None:
    assert "GradCAM" not in dict(all_estimators())
    cam = GradCAM(make(Images()), signed=True)
    assert repr(cam).startswith("GradCAM(Double, layer='auto'")
    assert GradCAM(cam.estimator, **cam.parameters()).signed
