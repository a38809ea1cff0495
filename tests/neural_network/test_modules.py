from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from skastro.neural_network.modules import (
    MLP,
    GalaxyCompactNet,
    GalaxyThesisNet,
    SeededDropout,
    WeightedBatchNorm2d,
    initialize_weights,
)
from skastro.neural_network.modules._layers import max_pool


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_sizes_of_the_thesis_net() -> None:
    net = GalaxyThesisNet((1, 64, 64), 2)
    convolutions = 32 * 10 + 64 * (32 * 9 + 1) + 128 * (64 * 4 + 1)
    # 64-62-31-29-14-13-6: 128 maps of 6x6 are 4,608 numbers.
    dense = 1024 * 4609 + 1024 * 1025 + 2 * 1025
    assert count(net) == convolutions + dense
    same = GalaxyThesisNet((1, 64, 64), 2, padding="same")
    assert same.dense[1].in_features == 128 * 8 * 8
    assert same(torch.rand(2, 1, 64, 64)).shape == (2, 2)


@pytest.mark.parametrize("module", [GalaxyThesisNet, GalaxyCompactNet])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 7), (3, 20, 33), (1, 5, 2)])
def test_galaxy_nets_take_any_shape(
    module: type[nn.Module], shape: tuple[int, int, int]
) -> None:
    net = module(shape, 4)
    net.train()
    assert net(torch.rand(3, *shape)).shape == (3, 4)


def test_mlp_counts() -> None:
    assert count(MLP((28, 28), 10, (128,))) == 785 * 128 + 129 * 10
    assert count(MLP((5,), 2, ())) == 12


def test_batch_norm_with_weights_is_batch_norm_of_repeated_rows() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    weight = torch.tensor([1.0, 0.0, 3.0, 2.0, 1.0], dtype=torch.float64)
    weighted, repeated = (WeightedBatchNorm2d(3).double() for _ in range(2))
    weighted.sample_weight = weight
    rows = torch.repeat_interleave(torch.arange(5), weight.long())
    out = weighted(x)
    expected = repeated(x[rows])
    assert torch.allclose(out[rows], expected, rtol=1e-12)
    for name in ("running_mean", "running_var"):
        assert torch.allclose(
            getattr(weighted, name), getattr(repeated, name), rtol=1e-12
        )


def test_running_statistics_of_few_batches_are_their_mean() -> None:
    layer = WeightedBatchNorm2d(2)
    batches = [torch.randn(8, 2, 3, 3) + 5 for _ in range(4)]
    for batch in batches:
        layer(batch)
    means = torch.stack([b.mean(dim=(0, 2, 3)) for b in batches])
    assert torch.allclose(layer.running_mean, means.mean(dim=0), rtol=1e-5)
    torchs, late = nn.BatchNorm2d(2), WeightedBatchNorm2d(2)
    late.num_batches_tracked.fill_(1000)
    assert torch.allclose(torchs(batches[0]), late(batches[0]))
    # torch keeps the unbiased variance, we the one of the batch: 72 values each.
    theirs, ours = torchs.running_var - 0.9, late.running_var - 0.9
    assert torch.allclose(ours, theirs * 71 / 72, rtol=1e-4)


def test_one_value_a_channel_leaves_running_statistics_alone() -> None:
    layer = WeightedBatchNorm2d(2)
    out = layer(torch.full((1, 2, 1, 1), 3.0))
    assert torch.allclose(out, torch.full_like(out, 3.0), atol=1e-4)
    assert layer.running_var.tolist() == [1.0, 1.0]


def test_dropout_draws_from_its_generator() -> None:
    layer = SeededDropout(0.3)
    x = torch.ones(1000, 10)
    layer.generator = torch.Generator().manual_seed(1)
    state = torch.get_rng_state()
    out = layer(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert float((out == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.02)
    layer.eval()
    assert torch.equal(layer(x), x)


def test_initial_weights_have_the_variance_of_the_papers() -> None:
    net = nn.Sequential(nn.Conv2d(8, 64, 3), nn.Linear(300, 500))
    conv, linear = (layer.weight.detach() for layer in net)
    for scheme, conv_var in (("glorot", 2 / (72 + 576)), ("he", 2 / 72)):
        initialize_weights(net, torch.Generator().manual_seed(0), scheme)
        assert float(conv.var()) == pytest.approx(conv_var, rel=0.05)
        assert float(linear.var()) == pytest.approx(2 / 800, rel=0.02)
        assert not net[1].bias.detach().any()
    assert float(linear.abs().max()) <= np.sqrt(6 / 800)


@pytest.mark.parametrize("shape", [(2, 3, 9, 8), (2, 3, 1, 7), (1, 1, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pools_without_a_graph_are_torchs_to_the_bit(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-3, 4, shape, generator=generator).to(dtype)
    for layout in (torch.contiguous_format, torch.channels_last):
        images = x.contiguous(memory_format=layout)
        expected = max_pool(images.requires_grad_())
        assert expected.requires_grad
        for no_graph in (torch.no_grad, torch.inference_mode):
            with no_graph():
                pooled = max_pool(images)
            assert torch.equal(pooled, expected)
            assert pooled.is_contiguous(memory_format=layout) or 1 in shape
    images = torch.full(shape, float("nan"), dtype=dtype)
    with torch.inference_mode():
        assert max_pool(images).isnan().all()
