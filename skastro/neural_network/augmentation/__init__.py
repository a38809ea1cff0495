"""Random changes of training images, each image by its own draw.

An augmentation is any callable ``(batch, generator) -> batch`` on tensors of shape
(n, channels, height, width); it draws from the generator it is given and from nothing
else. Those here are frozen dataclasses, so that they pickle, print and compare.
"""

from skastro.neural_network.augmentation._affine import RandomAffine
from skastro.neural_network.augmentation._checks import check_is_image
from skastro.neural_network.augmentation._compose import (
    NAMED_AUGMENTATIONS,
    Compose,
    as_augmentation,
)
from skastro.neural_network.augmentation._symmetry import (
    RandomSymmetry,
    apply_symmetry,
)

__all__ = [
    "NAMED_AUGMENTATIONS",
    "Compose",
    "RandomAffine",
    "RandomSymmetry",
    "apply_symmetry",
    "as_augmentation",
    "check_is_image",
]
