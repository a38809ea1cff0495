from __future__ import annotations

import pickle

import pytest
import torch

from skastro.neural_network.augmentation import (
    Compose,
    RandomAffine,
    RandomSymmetry,
    apply_symmetry,
    as_augmentation,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_symmetries_of_a_square_are_eight_and_all_drawn() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    turned = RandomSymmetry()(image.repeat(400, 1, 1, 1), generator())
    kinds = {tuple(t.flatten().tolist()) for t in turned}
    expected = {
        tuple(apply_symmetry(image, k, flip=f).flatten().tolist())
        for k in range(4)
        for f in (False, True)
    }
    assert kinds == expected
    assert len(expected) == 8


def test_symmetries_of_a_rectangle_keep_its_shape() -> None:
    images = torch.rand(50, 2, 3, 5)
    turned = RandomSymmetry()(images, generator())
    assert turned.shape == images.shape
    kinds = {
        tuple(t.flatten().tolist())
        for t in RandomSymmetry()(
            torch.arange(6.0).reshape(1, 1, 2, 3).repeat(200, 1, 1, 1), generator()
        )
    }
    assert len(kinds) == 4


def test_without_mirror_handedness_is_kept() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    turned = RandomSymmetry(mirror=False)(image.repeat(200, 1, 1, 1), generator())
    assert len({tuple(t.flatten().tolist()) for t in turned}) == 4


def test_affine_moves_a_blob_by_at_most_the_shift() -> None:
    axis = torch.arange(32.0) - 15.5
    blob = torch.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / 8)[None, None]
    moved = RandomAffine(rotation=0, shift=3, zoom=0)(
        blob.repeat(300, 1, 1, 1), generator()
    )
    mass = moved.sum(dim=(1, 2, 3))
    x = (moved * axis).sum(dim=(1, 2, 3)) / mass
    y = (moved * axis[:, None]).sum(dim=(1, 2, 3)) / mass
    for offset in (x, y):
        assert 2.8 < offset.abs().max() < 3.05
        assert abs(float(offset.mean())) < 0.3
    assert torch.allclose(mass, blob.sum(), rtol=0.02)


def test_affine_zoom_and_rotation_on_a_long_frame() -> None:
    """In a frame that is not square a rotation is still a rotation."""
    rows, cols = torch.arange(24.0) - 11.5, torch.arange(48.0) - 23.5
    disk = ((rows[:, None] ** 2 + cols[None, :] ** 2) < 36).float()[None, None]
    turned = RandomAffine(rotation=180, shift=0, zoom=0)(
        disk.repeat(20, 1, 1, 1), generator()
    )
    assert (turned - disk).abs().mean() < 0.02
    zoomed = RandomAffine(rotation=0, shift=0, zoom=0.5)(
        disk.repeat(200, 1, 1, 1), generator()
    )
    area = zoomed.sum(dim=(1, 2, 3)) / disk.sum()
    assert 1.5**2 * 0.9 < area.max() < 1.5**2 * 1.05
    assert 1 / 1.5**2 * 0.9 < area.min() < 1 / 1.5**2 * 1.1


@pytest.mark.parametrize(
    "augment", [RandomSymmetry(), RandomAffine(), Compose((RandomSymmetry(),))]
)
def test_draws_come_from_the_generator_alone(augment: object) -> None:
    images = torch.rand(30, 1, 8, 8)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = augment(images, generator(3))
    assert torch.equal(first, augment(images, generator(3)))
    assert not torch.equal(first, augment(images, generator(4)))
    assert torch.equal(torch.get_rng_state(), state)
    assert pickle.loads(pickle.dumps(augment)) == augment
    assert first.dtype == images.dtype
    double = augment(images.double(), generator(3))
    assert double.dtype == torch.float64
    assert torch.allclose(double.float(), first, atol=1e-5)


def test_names_lists_and_callables() -> None:
    assert as_augmentation(None) is None
    assert as_augmentation([]) is None
    both = as_augmentation(["symmetry", lambda batch, generator: batch + 1])
    assert both is not None
    assert float(both(torch.zeros(2, 1, 4, 4), generator()).mean()) == 1.0
    with pytest.raises(ValueError, match="the names are"):
        as_augmentation("blur")
    with pytest.raises(ValueError, match="callable"):
        as_augmentation([3])
    with pytest.raises(ValueError, match="negative"):
        RandomAffine(shift=-1)
    with pytest.raises(ValueError, match="needs images"):
        RandomSymmetry()(torch.rand(5, 1, 1, 7), generator())
