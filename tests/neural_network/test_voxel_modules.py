"""The voxel modules against slow, plain versions of the same."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from skastro.neural_network.modules import (
    VoxelConvNet,
    VoxelSetNet,
    initialize_weights,
)
from skastro.neural_network.modules._voxel_scale import VoxelScale

SHAPE = (1, 4, 5, 6)


def ready(module: nn.Module) -> nn.Module:
    initialize_weights(module, torch.Generator().manual_seed(0))
    return module.double().eval()


def hits(n: int, n_hits: int, channels: int = 1) -> torch.Tensor:
    """Give padded lists: voxel, energy and time, the largest first."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    for i in range(n):
        voxel = torch.randperm(120, generator=generator)[:n_hits].double()
        energy = torch.rand(n_hits, generator=generator).double() * 20 + 0.1
        energy = energy.sort(descending=True).values
        row = [voxel, energy]
        if channels == 2:
            row.append(1 + torch.rand(n_hits, generator=generator).double())
        row_ = torch.stack(row, dim=1)
        row_[n_hits - i % n_hits :] = 0
        row_[n_hits - i % n_hits :, 0] = -1
        rows.append(row_)
    return torch.stack(rows)


@pytest.mark.parametrize("channels", [1, 2])
def test_scale_of_deposits_and_times(channels: int) -> None:
    x = torch.tensor([[0.0, 0.04, 0.05, 3.0], [0.0, 7.0, 1.0, 4.0]])[None, :channels]
    logs = VoxelScale(True, False, 0.05)(x)
    assert logs[0, 0].tolist() == pytest.approx(
        [0, 0, math.log1p(0.05 / 0.3) / 3, math.log1p(10) / 3]
    )
    linear = VoxelScale(False, False, 0.0)(x)
    assert linear[0, 0].tolist() == pytest.approx([0, 0.04 / 30, 0.05 / 30, 0.1])
    ones = VoxelScale(True, True, 0.05)(x)
    assert ones[0, 0].tolist() == [0, 0, 1, 1]
    if channels == 2:
        expected = [0, 0, math.log(2) / 3, math.log(5) / 3]
        assert logs[0, 1].tolist() == pytest.approx(expected)
        assert not ones[0, 1].any()


@pytest.mark.parametrize("depth_channels", [False, True])
def test_conv_net_is_its_layers_in_turn(depth_channels: bool) -> None:
    net = ready(VoxelConvNet(SHAPE, 2, (3, 4), depth_channels, threshold=0.05))
    x = torch.rand(7, *SHAPE).double() * (torch.rand(7, *SHAPE) < 0.3) * 9
    z = net.scale(x)
    z = z.flatten(1, 2) if depth_channels else z
    one, two = net.convolutions
    z = torch.relu(one(z) / math.sqrt(1 + 1e-5))  # norms as they begin
    pool = nn.functional.max_pool2d if depth_channels else nn.functional.max_pool3d
    z = torch.relu(two(pool(z, 2)) / math.sqrt(1 + 1e-5))
    torch.testing.assert_close(net(x), net.head(z.flatten(1)), rtol=1e-6, atol=1e-8)
    assert net.features(x).shape == (7, net.head.in_features)


@pytest.mark.parametrize("depth_channels", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1, 7), (2, 10, 1, 1), (1, 3, 2, 9)])
def test_conv_net_takes_any_grid(depth_channels: bool, shape: tuple) -> None:
    net = ready(VoxelConvNet(shape, 3, (2, 3, 4), depth_channels))
    assert net(torch.rand(2, *shape).double()).shape == (2, 3)


def test_conv_nets_know_weights_in_their_norms() -> None:
    from skastro.neural_network.modules import WeightedBatchNorm2d

    net = VoxelConvNet(SHAPE, 2, (3, 4))
    assert all(isinstance(norm, WeightedBatchNorm2d) for norm in net.norms)


@pytest.mark.parametrize("binarize", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_set_net_does_not_see_order_or_padding(binarize: bool, channels: int) -> None:
    shape = (channels, *SHAPE[1:])
    net = ready(VoxelSetNet(shape, 2, 8, 1, 2, binarize=binarize))
    x = hits(9, 6, channels)
    expected = net(x)
    # The first hit is the largest; the order of the others says nothing.
    order = torch.tensor([0, 3, 1, 5, 2, 4])
    full = x[:1]
    torch.testing.assert_close(net(full[:, order]), expected[:1])
    more = torch.zeros(9, 11, x.shape[2]).double()
    more[..., 0] = -1
    more[:, :6] = x
    torch.testing.assert_close(net(more), expected)
    alone = torch.cat([net(row[None]) for row in x])
    torch.testing.assert_close(alone, expected)
    if binarize:
        x[..., 1] = torch.where(x[..., 1] > 0, 5.0, 0.0)
        torch.testing.assert_close(net(x), expected)
        torch.testing.assert_close(net(full[:, order.flip(0)]), expected[:1])


def test_bias_of_a_pair_is_the_layers_on_its_distance() -> None:
    net = ready(VoxelSetNet(SHAPE, 2, 8, 1, 2))
    position = net._position(torch.tensor([[0.0, 37.0, 119.0]]).double())
    bias = net._bias(position)
    assert bias.shape == (1, 2, 3, 3)
    place = [(0, 0, 0), (1, 1, 1), (3, 4, 5)]
    for i, a in enumerate(place):
        for j, b in enumerate(place):
            up, back, right = (abs(p - q) for p, q in zip(a, b, strict=True))
            across, height = math.hypot(back, right) / 4, up / 3
            apart = torch.tensor([across, height, math.hypot(across, height)]).double()
            expected = net.bias_out(nn.functional.gelu(net.bias_in(apart)))
            torch.testing.assert_close(bias[0, :, i, j], expected)


def test_set_net_without_hits_and_with_huge_ones_is_finite() -> None:
    net = ready(VoxelSetNet(SHAPE, 2, 8, 2, 2)).float()
    x = hits(3, 6).float()
    x[1] = 0
    x[1, :, 0] = -1
    x[2, :, 1] = 1e38
    for batch in (x, x[1:2]):
        assert torch.isfinite(net(batch)).all()
    assert not torch.equal(net(x)[0], net(x)[1])


@pytest.mark.parametrize("module", [VoxelSetNet, VoxelConvNet])
def test_all_weights_learn(module: type[nn.Module]) -> None:
    net = ready(module(SHAPE, 2)).train()
    x = torch.rand(6, *SHAPE).double() * 9 if module is VoxelConvNet else hits(6, 5)
    net(x)[:, 0].square().sum().backward()
    # A bias that is common to all keys drops out of the softmax.
    names = [n for n, p in net.named_parameters() if not bool(p.grad.abs().sum() > 0)]
    assert names == []
