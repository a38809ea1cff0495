"""Grad-CAM of the voxel classifier in its layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from captum.attr import LayerAttribution, LayerGradCam

from skastro.gaps import GAPSVoxelClassifier
from skastro.inspection import (
    GradCAM,
    GradCAMDisplay,
    occlusion_maps,
    perturbation_curves,
    randomized_weights_check,
)


@pytest.fixture(scope="module")
def events() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.exponential(5.0, (60, 10, 12, 12)) * (rng.random((60, 10, 12, 12)) < 0.01)
    y = np.repeat(["antideuteron", "antiproton"], 30)
    X[:30, 5:8, 6, 6] += 20
    X[30:, 1:3, 6, 6] += 20
    return X.astype(np.float32), y


def fitted(events: Any, layout: str) -> Any:
    sizes: dict[str, Any] = {"max_epochs": 3, "random_state": 0, "layout": layout}
    if layout in ("conv3d", "depth_channels"):
        sizes["filters"] = (4, 6)
    else:
        sizes |= {"width": 8, "n_blocks": 1, "n_heads": 2}
    return GAPSVoxelClassifier(**sizes).fit(*events)


@pytest.mark.parametrize("signed", [True, False])
def test_volumes_equal_captum(events: Any, signed: bool) -> None:
    X, y = events
    net = fitted(events, "conv3d")
    cam = GradCAM(net, layer="convolutions.1", signed=signed)
    maps = cam(X, y)
    peer = LayerGradCam(net.module_, net.module_.convolutions[1])
    codes = np.searchsorted(net.classes_, y)
    (batch, _), *_ = net._loader(net._check_input(X, reset=False)[0], None, None, 60)
    raw = peer.attribute(batch, codes.tolist(), relu_attributions=not signed)
    theirs = LayerAttribution.interpolate(raw, (10, 12, 12), "trilinear")
    np.testing.assert_allclose(maps, theirs.detach().numpy()[:, 0], rtol=0, atol=1e-6)
    assert np.abs(maps).max() > 1e-3
    flat = X.reshape(60, -1)
    for other in (flat, sp.csr_array(flat), X[:, None]):
        np.testing.assert_allclose(cam(other, y), maps, atol=1e-7)


def test_every_method_on_volumes(events: Any) -> None:
    X, y = events
    net = fitted(events, "conv3d")
    for method in ("gradcam++", "xgradcam", "layercam", "hirescam", "guided_gradcam"):
        assert GradCAM(net, method=method)(X[:5]).shape == (5, 10, 12, 12)
    maps = GradCAM(net)(X, y)
    curves = perturbation_curves(net, X, maps, only_nonzero=True, steps=4)
    assert np.isfinite(curves.areas().to_numpy()).all()
    table = randomized_weights_check(net, X[:8], n_repeats=1, random_state=0)
    assert table["layer"].iloc[1] == "head"
    display = GradCAMDisplay.from_estimator(net, X[:3]).plot()
    assert len(display.images_) == 3


def test_depth_as_channels(events: Any) -> None:
    X, y = events
    net = fitted(events, "depth_channels")
    flat = GradCAM(net)(X, y)
    assert flat.shape == (60, 12, 12)
    guided = GradCAM(net, method="guided_gradcam", signed=True)(X, y)
    assert guided.shape == (60, 10, 12, 12)
    # Channels are kept apart, and a batch of one gives the same.
    kept = GradCAM(net, method="guided_gradcam", signed=True, sum_channels=False)
    assert kept(X, y).shape == (60, 1, 10, 12, 12)
    np.testing.assert_allclose(kept(X[:1], y[:1])[:, 0], guided[:1], atol=1e-7)
    at_input = GradCAM(net, layer="input", method="hirescam", signed=True)(X, y)
    assert at_input.shape == X.shape
    assert not at_input[X == 0].any()


@pytest.mark.parametrize("layout", ["set", "hybrid"])
def test_sets_of_hits_have_no_maps(events: Any, layout: str) -> None:
    X, _ = events
    net = fitted(events, layout)
    for kw in ({}, {"layer": "input"}, {"method": "guided_gradcam"}):
        with pytest.raises(ValueError, match=r"VoxelSetNet.*no grid.*occlusion_maps"):
            GradCAM(net, **kw)(X)
    maps = occlusion_maps(net, X[:4], (10, 12, 12))
    assert maps.shape == (4, 10, 12, 12)
    assert not maps[X[:4] == 0].any()
    assert maps.any()
