from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from skastro.neural_network.augmentation import apply_symmetry
from skastro.neural_network.modules import (
    DiffractionCompactNet,
    DiffractionThesisNet,
    initialize_weights,
)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("options", "n_parameters", "n_units"),
    [
        ({}, 102_958_822, 6_273_542),
        ({"dense_layer_sizes": (1024, 512, 256)}, 206_244_582, 6_275_590),
        ({"filters": (32, 64, 128)}, 51_800_038, 7_176_710),
    ],
)
def test_counts_of_the_thesis(options: dict, n_parameters: int, n_units: int) -> None:
    with torch.device("meta"):
        net = DiffractionThesisNet((1, 224, 224), 6, **options)
    assert count(net) == n_parameters
    assert net.n_units == n_units
    if not options:
        assert count(net.conv) == 64_992
        assert net.dense[1].in_features == 200_704


def test_thesis_net_is_its_layers_in_turn() -> None:
    net = DiffractionThesisNet((1, 12, 12), 6, filters=(2, 3), dense_layer_sizes=(4,))
    initialize_weights(net, torch.Generator().manual_seed(0))
    x = torch.rand(5, 1, 12, 12)
    layers: list[nn.Module] = []
    for number, convolution in enumerate(net.conv):
        same = nn.Conv2d(
            convolution.in_channels, convolution.out_channels, 3, padding=1
        )
        same.load_state_dict(convolution.state_dict())
        layers += [same, nn.ReLU()] + [nn.MaxPool2d(2)] * (number % 2)
    plain = nn.Sequential(*layers, nn.Flatten(), net.dense[1], nn.ReLU(), net.head)
    net.eval()
    torch.testing.assert_close(net(x), plain(x))


@pytest.mark.parametrize("module", [DiffractionThesisNet, DiffractionCompactNet])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 7), (3, 20, 33), (1, 5, 2)])
def test_diffraction_nets_take_any_shape(
    module: type[nn.Module], shape: tuple[int, int, int]
) -> None:
    net = module(shape, 4, dense_layer_sizes=(6,))
    initialize_weights(net, torch.Generator().manual_seed(0))
    net.train()
    out = net(torch.rand(3, *shape))
    assert out.shape == (3, 4)
    out.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def compact(size: int = 40, **options: object) -> DiffractionCompactNet:
    torch.manual_seed(0)
    net = DiffractionCompactNet((1, size, size), 5, n_filters=7, **options)
    return net.double()


def test_correlation_is_the_largest_over_all_angles() -> None:
    net = compact(n_frequencies=10)
    x = torch.rand(6, 1, 40, 40, dtype=torch.float64)
    image = torch.view_as_complex(net.rings(x).contiguous())
    weight = torch.view_as_complex(net.conv.weight.detach().contiguous())
    largest = torch.full((6, 7), -torch.inf, dtype=torch.float64)
    for mirrored in (weight, weight.conj()):
        for step in range(20):
            k = torch.arange(1, 10, dtype=torch.float64)
            turn = torch.exp(2j * torch.pi * k * step / 20)
            value = torch.einsum("nrf,krf,f->nk", image, mirrored.conj(), turn).real
            largest = torch.maximum(largest, value)
    torch.testing.assert_close(net.correlations(x), largest)


def test_gradient_of_the_correlation() -> None:
    net = compact(size=12, n_frequencies=4, n_rings=3)
    x = torch.rand(2, 1, 12, 12, dtype=torch.float64)

    def function(weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(net, {"conv.weight": weight}, (x,))

    net.eval()
    assert torch.autograd.gradcheck(function, net.conv.weight.detach().requires_grad_())


def test_turns_and_mirrors_change_nothing() -> None:
    net = compact().eval()
    x = torch.rand(4, 1, 40, 40, dtype=torch.float64)
    for turns in range(4):
        for flip in (False, True):
            turned = apply_symmetry(x, turns, flip=flip)
            torch.testing.assert_close(net(turned), net(x), rtol=1e-9, atol=1e-9)
    handed = compact(mirror=False).eval()
    torch.testing.assert_close(handed(apply_symmetry(x, 1, flip=False)), handed(x))
    flipped = handed.correlations(apply_symmetry(x, 0, flip=True))
    # With filters of random weights the largest are some 0.05.
    assert (flipped - handed.correlations(x)).abs().max() > 1e-3


def test_brightness_changes_nothing() -> None:
    net = compact().eval()
    x = torch.rand(4, 1, 40, 40, dtype=torch.float64)
    torch.testing.assert_close(net(255 * x), net(x))
    assert torch.isfinite(net(torch.zeros_like(x))).all()


def test_filters_can_be_patterns() -> None:
    net = compact()
    x = torch.rand(3, 1, 40, 40, dtype=torch.float64)
    before = net.conv.weight.detach().clone()
    net.set_filters(x, 2)
    # A pattern correlates best with itself, to 1.
    own = net.correlations(x)[:, 2:5]
    np.testing.assert_allclose(own.detach().diagonal(), 1, rtol=1e-9)
    assert (own.argmax(dim=1) == torch.arange(3)).all()
    changed = (net.conv.weight != before).flatten(1).any(dim=1)
    assert changed.tolist() == [False, False, True, True, True, False, False]
