"""Grad-CAM of the voxel classifier in its layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
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
        match = r"VoxelSetNet.*hirescam.*signed=True.*occlusion_maps"
        with pytest.raises(ValueError, match=match):
            GradCAM(net, **kw)(X)
    maps = occlusion_maps(net, X[:4], (10, 12, 12))
    assert maps.shape == (4, 10, 12, 12)
    assert not maps[X[:4] == 0].any()
    assert maps.any()


AT_INPUT: dict[str, Any] = {"layer": "input", "method": "hirescam", "signed": True}


@pytest.mark.parametrize("with_times", [False, True])
def test_hits_get_gradient_times_deposit(events: Any, with_times: bool) -> None:
    X, y = events
    rng = np.random.default_rng(1)
    times = (rng.random(X.shape).astype(np.float32) * 3 + 1) * (X > 0)
    given = np.stack([X, times], axis=1) if with_times else X
    net = fitted((given, y), "set").set_params(average_symmetries=False)
    X, given, y = X[:6], given[:6], y[:6]
    parts = GradCAM(net, sum_channels=False, **AT_INPUT)(given, y)
    assert parts.shape == (6, 1 + with_times, 10, 12, 12)
    summed = GradCAM(net, **AT_INPUT)(given, y)
    np.testing.assert_allclose(summed, parts.sum(axis=1), rtol=1e-5, atol=1e-7)
    # By hand, event by event.
    rows = net._check_input(given, reset=False)[0].reshape(6, net.max_hits, -1)
    for i, hits in enumerate(rows):
        leaf = torch.from_numpy(hits[None]).requires_grad_()
        code = int(np.flatnonzero(net.classes_ == y[i])[0])
        net.module_(leaf)[0, code].backward()
        product = (leaf.grad * leaf).detach().numpy()[0]
        listed = hits[hits[:, 1] > 0]
        assert len(listed) == (X[i] >= net.threshold).sum()
        for channel in range(1 + with_times):
            expected = np.zeros(1440)
            at = listed[:, 0].astype(int)
            expected[at] = product[: len(listed), 1 + channel]
            np.testing.assert_allclose(
                parts[i, channel].ravel(), expected, rtol=1e-4, atol=1e-6
            )
    assert not parts[:, 0][X == 0].any()
    assert np.abs(parts[:, 0]).max() > 1e-4


def test_maps_at_the_input_are_means_of_all_orientations(events: Any) -> None:
    X, y = events
    net = fitted(events, "set")  # averages in prediction
    cam = GradCAM(net, **AT_INPUT)
    maps = cam(X[:5], y[:5])
    turned = np.rot90(X[:5], axes=(2, 3))
    np.testing.assert_allclose(
        cam(turned, y[:5]), np.rot90(maps, axes=(2, 3)), rtol=1e-3, atol=1e-5
    )
    # The gradient of what is predicted: a small step along it, in each deposit.
    step = 1.001
    score = [net.predict_log_proba(v).astype(float) for v in (X[:5], step * X[:5])]
    odds = [s[:, 0] - s[:, 1] for s in score]
    both = cam(X[:5], net.classes_[0]) - cam(X[:5], net.classes_[1])
    np.testing.assert_allclose(
        (odds[1] - odds[0]) / (step - 1), both.sum((1, 2, 3)), rtol=0.05, atol=0.01
    )


def test_hybrids_and_their_checks(events: Any) -> None:
    X, _ = events
    net = fitted(events, "hybrid")
    maps = GradCAM(net, **AT_INPUT)(X[:8])
    assert not maps[X[:8] == 0].any()
    np.testing.assert_array_equal(
        maps, GradCAM(net, **AT_INPUT)(X[:8], net.predict(X[:8]))
    )
    table = randomized_weights_check(
        GradCAM(net, **AT_INPUT), X[:8], n_repeats=1, random_state=0
    )
    assert table["layer"].iloc[1] == "head"
    assert np.isfinite(table["rank_correlation"]).all()
    blind = fitted(events, "set").set_params(binarize=True)
    blind.fit(*events)
    with pytest.raises(ValueError, match="occlusion_maps"):
        GradCAM(blind, **AT_INPUT)(X[:8])


def test_layers_that_fold_depth_say_so(events: Any) -> None:
    net = fitted(events, "conv3d")
    with pytest.raises(ValueError, match=r"norms\.0.*folds axes.*upsample=False"):
        GradCAM(net, layer="norms.0")(events[0][:2])


def test_depth_as_channels_draws_one_kind_of_deposit(events: Any) -> None:
    X, y = events
    both = np.stack([X, X > 0], axis=1)
    net = fitted((both, y), "depth_channels")
    for given in (both[:3], both[:3].reshape(3, -1)):
        display = GradCAMDisplay.from_estimator(net, given)
        np.testing.assert_allclose(display.deposits, X[:3].sum(axis=1), rtol=1e-5)
    times = GradCAMDisplay.from_estimator(net, both[:3], channel=1)
    np.testing.assert_array_equal(times.deposits, (X[:3] > 0).sum(axis=1))
