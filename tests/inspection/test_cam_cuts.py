"""Where maps are cut in modules with gates and functions in place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from skastro.inspection import GradCAM


class Gated(nn.Module):
    """One convolution, what a test makes of it, and a head of the means."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.last = nn.Conv2d(1, 6, 3, padding=1)
        self.down, self.up = nn.Conv2d(6, 3, 1), nn.Conv2d(3, 6, 1)
        self.down_rows, self.up_rows = nn.Linear(6, 3), nn.Linear(3, 6)
        self.head = nn.Linear(6, 2)

    def maps(self, z: Tensor) -> Tensor:
        """What the head sees."""
        means = z.mean((2, 3), keepdim=True)
        if self.kind == "excitation of convolutions":
            z = z * torch.sigmoid(self.up(functional.relu(self.down(means))))
        elif self.kind == "excitation of rows":
            rows = functional.relu(self.down_rows(means.flatten(1)))
            z = z * torch.sigmoid(self.up_rows(rows))[..., None, None]
        elif self.kind == "gate of places":
            z = z * torch.sigmoid(z.mean(1, keepdim=True))
        elif self.kind == "pooled":
            z = functional.max_pool2d(z, 2)
        elif self.kind == "statement":
            functional.relu_(z)
            return z
        elif self.kind in ("swish", "gate of means"):
            by = z if self.kind == "swish" else means
            return z * torch.sigmoid(by)
        return functional.relu(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.maps(self.last(x)).mean((2, 3)))


class Lost(Gated):
    """The last convolution has no part in the output."""

    def forward(self, x: Tensor) -> Tensor:
        self.last(x)
        return self.head(x[:, :, :3, :2].flatten(1))


def net(kind: str, module: Any = Gated) -> Any:
    generator = torch.Generator().manual_seed(0)
    made = module(kind).eval()
    with torch.no_grad():
        for values in made.parameters():
            values.copy_(torch.randn(values.shape, generator=generator) / 2)
    return SimpleNamespace(module_=made, classes_=np.arange(2))


X = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)
KINDS = [
    "excitation of convolutions",
    "excitation of rows",
    "gate of places",
    "pooled",
    "statement",
]


def by_hand(maps: Tensor, score: Any) -> np.ndarray:
    leaf = maps.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf)[:, 1].sum(), leaf)
    weight = gradient.mean((2, 3), keepdim=True)
    return (weight * leaf).sum(1).detach().numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_the_cut_is_where_all_of_the_signal_goes_through(kind: str) -> None:
    estimator = net(kind)
    module = estimator.module_
    with torch.no_grad():
        maps = module.maps(module.last(torch.from_numpy(X)))
    expected = by_hand(maps, lambda a: module.head(a.mean((2, 3))))
    got = GradCAM(estimator, signed=True, upsample=False)(X, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    assert np.ptp(got) > 1e-3


@pytest.mark.parametrize("kind", ["swish", "gate of means"])
def test_a_gate_is_no_activation(kind: str) -> None:
    estimator = net(kind)
    module = estimator.module_
    with torch.no_grad():
        maps = module.last(torch.from_numpy(X))
    expected = by_hand(maps, lambda a: module.head(module.maps(a).mean((2, 3))))
    got = GradCAM(estimator, signed=True)(X, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_maps_that_go_nowhere_are_refused() -> None:
    estimator = net("", Lost)
    for layer in ("auto", "last"):
        with pytest.raises(ValueError, match=r"'last'.*name another layer"):
            GradCAM(estimator, layer=layer)(X, 1)
