"""Random loss of resolution while training."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from skastro.galaxy import RandomResolution, ResolutionDegrader


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(
    shape: tuple[int, ...] = (6, 1, 64, 64), dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    return torch.randn(shape, generator=generator(9), dtype=dtype)


@pytest.mark.parametrize("rounding", ["block", "exact"])
@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)]
)
def test_equals_the_degrader_for_each_factor(
    dtype: torch.dtype, tolerance: float, method: str, rounding: str
) -> None:
    for shape in ((4, 1, 64, 64), (3, 3, 20, 33)):
        images = batch(shape, dtype)
        for factor in (1, 2, 3, 5, 8, 2.5):
            augment = RandomResolution(
                factors=(factor,), p_original=0, enlarge=method, rounding=rounding
            )
            got = augment(images, generator())
            assert got.dtype == dtype
            assert got.shape == shape
            expected = ResolutionDegrader(
                factor=factor, enlarge=method, rounding=rounding
            ).transform(images.numpy())
            assert np.abs(got.numpy() - expected).max() < tolerance


def test_every_image_has_its_own_factor() -> None:
    images = batch((400, 1, 24, 24), torch.float64)
    got = RandomResolution()(images, generator()).numpy()
    counts = {}
    unexplained = np.ones(400, bool)
    for factor in range(1, 9):
        expected = ResolutionDegrader(factor=factor).transform(images.numpy())
        same = np.abs(got - expected).max(axis=(1, 2, 3)) < 1e-10
        counts[factor] = int((same & unexplained).sum())
        unexplained &= ~same
    assert not unexplained.any()
    # 120 of 400 are expected to stay, 40 for each other factor; five deviations.
    assert abs(counts[1] - 120) < 46
    assert all(abs(counts[factor] - 40) < 30 for factor in range(2, 9))


def test_originals_are_equal_to_the_bit() -> None:
    images = batch()
    assert torch.equal(RandomResolution(p_original=1)(images, generator()), images)
    only = RandomResolution(factors=(1,), p_original=0)(images, generator())
    assert torch.equal(only, images)
    assert only.data_ptr() != images.data_ptr()


def test_several_interpolations_are_drawn() -> None:
    images = batch((60, 1, 16, 16), torch.float64)
    methods = ("nearest", "bicubic")
    augment = RandomResolution(factors=(4,), p_original=0, enlarge=methods)
    got = augment(images, generator()).numpy()
    found = 0
    for method in methods:
        expected = ResolutionDegrader(factor=4, enlarge=method).transform(
            images.numpy()
        )
        hits = int((np.abs(got - expected).max(axis=(1, 2, 3)) < 1e-10).sum())
        assert hits > 10
        found += hits
    assert found == 60


def test_only_the_given_generator_is_drawn_from() -> None:
    images = batch()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = RandomResolution()(images, generator(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(RandomResolution()(images, generator(3)), first)
    used = generator(3)
    assert torch.equal(RandomResolution()(images, used), first)
    assert not torch.equal(RandomResolution()(images, used), first)


def test_channels_of_an_image_share_its_factor() -> None:
    image = batch((5, 1, 16, 16), torch.float64)
    got = RandomResolution(p_original=0)(image.expand(5, 3, 16, 16), generator())
    assert torch.allclose(got, got[:, :1].expand_as(got), atol=1e-12)


def test_memory_layout_does_not_matter() -> None:
    images = batch((4, 3, 16, 12))
    expected = RandomResolution()(images, generator())
    turned = images.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(RandomResolution()(turned, generator()), expected, atol=1e-6)


def test_mixed_precision_leaves_pixels_alone() -> None:
    images = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = RandomResolution()(images, generator())
    assert got.dtype == torch.float32
    assert torch.equal(got, RandomResolution()(images, generator()))


def test_is_a_value() -> None:
    augment = RandomResolution(factors=[1, 2], enlarge=["nearest", "bicubic"])
    assert augment == RandomResolution(factors=(1, 2), enlarge=("nearest", "bicubic"))
    assert pickle.loads(pickle.dumps(augment)) == augment
    assert hash(augment)
    sio = pytest.importorskip("skops.io")
    stored = sio.dumps(augment)
    assert sio.loads(stored, trusted=sio.get_untrusted_types(data=stored)) == augment


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"factors": ()}, "factors"),
        ({"factors": (0.5,)}, "factors"),
        ({"factors": (float("nan"),)}, "factors"),
        ({"p_original": 1.5}, "p_original"),
        ({"p_original": float("nan")}, "p_original"),
        ({"enlarge": "cubic"}, "enlarge"),
        ({"enlarge": ()}, "enlarge"),
        ({"rounding": "floor"}, "rounding"),
    ],
)
def test_parameters_without_meaning_are_refused(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomResolution(**parameters)


@pytest.mark.parametrize(
    "images", [torch.rand(3, 64), torch.zeros(2, 1, 8, 8, dtype=torch.uint8)]
)
def test_what_is_no_image_is_refused(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"needs images|needs floating-point"):
        RandomResolution()(images, generator())
