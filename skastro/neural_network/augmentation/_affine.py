"""Rotation by any angle, shift and zoom."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from skastro.neural_network.augmentation._checks import check_is_image


@dataclass(frozen=True)
class RandomAffine:
    """Rotate, shift and zoom each image by its own random amounts.

    Values between pixels are interpolated linearly, which smooths a little; outside
    the frame the border pixel goes on.

    Parameters
    ----------
    rotation : float, default=180.0
        Largest angle, in degrees, to both sides.
    shift : float, default=4.0
        Largest shift along each axis, in pixels.
    zoom : float, default=0.1
        Largest relative change of size: the factor is drawn from
        [1 / (1 + zoom), 1 + zoom], uniformly in its logarithm.

    Examples
    --------
    >>> import torch
    >>> from skastro.neural_network.augmentation import RandomAffine
    >>> images = torch.rand(2, 1, 8, 8)
    >>> same = RandomAffine(rotation=0, shift=0, zoom=0)(images, torch.Generator())
    >>> torch.allclose(same, images, atol=1e-6)
    True
    """

    rotation: float = 180.0
    shift: float = 4.0
    zoom: float = 0.1

    def __post_init__(self) -> None:
        """Refuse amounts that mean nothing."""
        for name in ("rotation", "shift", "zoom"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must not be negative, got {value!r}.")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Transform the images of a batch.

        Parameters
        ----------
        images : Tensor of shape (n, c, h, w)
            A batch.
        generator : torch.Generator
            On the CPU; the only source of randomness.

        Returns
        -------
        Tensor of shape (n, c, h, w)
            The transformed images.
        """
        check_is_image(images, self)
        n, _, h, w = images.shape
        draws = torch.rand(4, n, generator=generator, dtype=torch.float64) * 2 - 1
        angle = draws[0] * math.radians(self.rotation)
        # The grid looks up where each output pixel comes from, so it is the inverse
        # map; with symmetric ranges that is the same distribution.
        scale = torch.exp(draws[1] * math.log1p(self.zoom))
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        # Coordinates run from -1 to 1 along each axis, whatever its length.
        theta = torch.stack(
            [
                torch.stack([cos, -sin * h / w, draws[2] * self.shift * 2 / w], dim=1),
                torch.stack([sin * w / h, cos, draws[3] * self.shift * 2 / h], dim=1),
            ],
            dim=1,
        ).to(images.device, images.dtype)
        grid = affine_grid(theta, list(images.shape), align_corners=False)
        return grid_sample(
            images, grid, mode="bilinear", padding_mode="border", align_corners=False
        )
