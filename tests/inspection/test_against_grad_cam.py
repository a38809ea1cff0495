"""Maps equal those of pytorch-grad-cam, before it rescales them."""

from __future__ import annotations

import importlib
import sys
import types
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from skastro.inspection import GradCAM

# It imports these, and uses nothing of them here.
UNUSED = {
    "torchvision": (),
    "torchvision.transforms": ("Compose", "Normalize", "ToTensor"),
    "torchvision.transforms.functional": ("resize",),
    "ttach": ("Compose", "HorizontalFlip", "Multiply"),
}
CLASSES = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "xgradcam": "XGradCAM",
}


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, contents in UNUSED.items():
        if name not in sys.modules:
            stand_in = types.ModuleType(name)
            for thing in contents:
                setattr(stand_in, thing, lambda *_, **__: None)
            monkeypatch.setitem(sys.modules, name, stand_in)
    loaded = set(sys.modules)
    yield pytest.importorskip("pytorch_grad_cam")
    for name in set(sys.modules) - loaded:
        if name.startswith("pytorch_grad_cam"):
            del sys.modules[name]


@pytest.mark.parametrize("method", sorted(CLASSES))
@pytest.mark.parametrize("n_axes", [2, 3])
def test_equals_pytorch_grad_cam(peer: Any, method: str, n_axes: int) -> None:
    convolution = nn.Conv2d if n_axes == 2 else nn.Conv3d
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(0)
    module = nn.Sequential(
        convolution(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 1, *[7] * n_axes)).astype(np.float32)
    module(torch.from_numpy(X))
    torch.random.set_rng_state(torch_state)
    with torch.no_grad():
        # Its formulas add 1e-6 to denominators that are squares of gradients.
        module[-1].weight.mul_(300)
    codes = rng.integers(0, 3, 6)
    targets = importlib.import_module("pytorch_grad_cam.utils.model_targets")
    wanted = [targets.ClassifierOutputTarget(int(c)) for c in codes]
    part, batch = module[1], torch.from_numpy(X)
    with getattr(peer, CLASSES[method])(model=module, target_layers=[part]) as cam:
        cam(batch, wanted)
        kept = cam.activations_and_grads
        maps = [t.numpy() for t in (kept.activations[0], kept.gradients[0])]
        theirs = cam.get_cam_image(batch, part, wanted, *maps, False)
    net = SimpleNamespace(module_=module.eval(), classes_=np.arange(3))
    for layer in ("1", "auto"):
        ours = GradCAM(net, layer=layer, method=method, signed=True, upsample=False)
        np.testing.assert_allclose(
            ours(X, codes), theirs, rtol=1e-3, atol=1e-5 * np.abs(theirs).max()
        )
