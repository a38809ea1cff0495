"""Rotations by 90 degrees and flips."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from skastro.neural_network.augmentation._checks import check_is_image


@dataclass(frozen=True)
class RandomSymmetry:
    """Turn each image by a random symmetry of its frame.

    A square has eight (four rotations by 90°, each with and without a mirror), any
    other rectangle four. Pixels are moved, never interpolated. Right where, as on the
    sky, no direction is special; handedness, such as the winding of spiral arms, is
    lost with ``mirror=True``.

    Parameters
    ----------
    mirror : bool, default=True
        Whether to mirror too.

    Examples
    --------
    >>> import torch
    >>> from skastro.neural_network.augmentation import RandomSymmetry
    >>> images = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> turned = RandomSymmetry()(images, torch.Generator().manual_seed(0))
    >>> torch.equal(turned.flatten().sort().values, images.flatten())
    True
    """

    mirror: bool = True

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Turn the images of a batch.

        Parameters
        ----------
        images : Tensor of shape (n, c, h, w)
            A batch.
        generator : torch.Generator
            On the CPU; the only source of randomness.

        Returns
        -------
        Tensor of shape (n, c, h, w)
            The turned images, a new tensor.
        """
        check_is_image(images, self)
        square = images.shape[2] == images.shape[3]
        choice = torch.randint(8, (images.shape[0],), generator=generator)
        turned = images.clone()
        for symmetry in range(8):
            quarter_turns, flip = symmetry % 4, symmetry >= 4
            if not square:
                quarter_turns -= quarter_turns % 2
            flip = flip and self.mirror
            if not quarter_turns and not flip:
                continue
            rows = torch.nonzero(choice == symmetry)[:, 0].to(images.device)
            if len(rows) == 0:
                continue
            part = apply_symmetry(images[rows], quarter_turns, flip=flip)
            turned[rows] = part
        return turned


def apply_symmetry(images: Tensor, quarter_turns: int, *, flip: bool) -> Tensor:
    """Turn all images alike.

    Parameters
    ----------
    images : Tensor of shape (n, c, h, w)
        A batch; square if ``quarter_turns`` is odd.
    quarter_turns : int
        Rotations by 90°, anticlockwise as displayed with row 0 on top.
    flip : bool
        Whether to mirror left and right first.

    Returns
    -------
    Tensor of shape (n, c, h, w)
        The turned images.
    """
    if flip:
        images = images.flip(3)
    return images.rot90(quarter_turns, (2, 3)) if quarter_turns else images
