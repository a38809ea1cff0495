"""Several augmentations after each other, and their short names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from skastro.neural_network.augmentation._affine import RandomAffine
from skastro.neural_network.augmentation._symmetry import RandomSymmetry

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Compose:
    """Apply augmentations in turn.

    Parameters
    ----------
    steps : tuple of callable
        Each takes a batch and a generator, and gives a batch.

    Examples
    --------
    >>> from skastro.neural_network.augmentation import (
    ...     Compose, RandomAffine, RandomSymmetry)
    >>> both = Compose((RandomSymmetry(), RandomAffine(rotation=10)))
    >>> len(both.steps)
    2
    """

    steps: tuple[Augmentation, ...]

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a batch.

        Parameters
        ----------
        images : Tensor of shape (n, c, h, w)
            A batch.
        generator : torch.Generator
            On the CPU; the only source of randomness.

        Returns
        -------
        Tensor of shape (n, c, h, w)
            The augmented images.
        """
        for step in self.steps:
            images = step(images, generator)
        return images


NAMED_AUGMENTATIONS: dict[str, tuple[Augmentation, ...]] = {
    "symmetry": (RandomSymmetry(),),
    "geometric": (RandomSymmetry(), RandomAffine()),
}


def as_augmentation(
    augment: Any, named: Mapping[str, tuple[Augmentation, ...]] = NAMED_AUGMENTATIONS
) -> Augmentation | None:
    """Turn an ``augment`` parameter into something to call.

    Parameters
    ----------
    augment : str, callable, list of these, or None
        A short name, an augmentation, or several in turn.
    named : mapping of str to tuple of callable
        What the short names stand for.

    Returns
    -------
    callable or None
        Takes a batch and a generator.

    Raises
    ------
    ValueError
        If a name is not known or something cannot be called.
    """
    if augment is None:
        return None
    steps: list[Augmentation] = []
    for item in augment if isinstance(augment, (list, tuple)) else [augment]:
        if isinstance(item, str):
            if item not in named:
                raise ValueError(
                    f"augment={item!r} is not known; the names are {sorted(named)}."
                )
            steps.extend(named[item])
        elif callable(item):
            steps.append(item)
        else:
            raise ValueError(
                "augment must be a name, a callable (batch, generator) -> batch, a "
                f"list of these, or None; got {item!r}."
            )
    return Compose(tuple(steps)) if steps else None
