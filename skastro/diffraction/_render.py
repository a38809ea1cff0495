"""Spot lists to images."""

from __future__ import annotations

import math

import numpy as np
import torch

# Half the side of a spot's patch, in standard deviations: the tail left out is below
# 0.3 % of the peak.
_REACH = 3.4


def patch_radius(sigma: float) -> int:
    """Give half the side of the patch that a spot is drawn on.

    Parameters
    ----------
    sigma : float
        Standard deviation of the spots, in pixels.

    Returns
    -------
    int
        In pixels.
    """
    return max(1, math.ceil(_REACH * sigma - 0.5))


class SpotRenderer:
    """Draws spots as Gaussians at their sub-pixel positions.

    Every spot is the outer product of two one-dimensional Gaussians on a small patch;
    one scatter-add puts all patches of a batch on a canvas that is kept between calls,
    since fresh memory costs more than the drawing.

    Parameters
    ----------
    shape : (h, w)
        Of each image, in pixels.
    sigma : float
        Standard deviation of the spots, in pixels.
    """

    def __init__(self, shape: tuple[int, int], sigma: float) -> None:
        self.shape = shape
        self.sigma = sigma
        self.radius = patch_radius(sigma)
        # A frame of this width takes what is cut off, so that no patch needs a test.
        self.margin = 2 * self.radius
        self.height, self.width = (s + 2 * self.margin for s in shape)
        steps = torch.arange(-self.radius, self.radius + 1)
        self._steps = steps.float()
        self._offsets = (steps[:, None] * self.width + steps).ravel()
        self._canvas = torch.empty(0)

    def draw(
        self,
        image: np.ndarray,
        row: np.ndarray,
        col: np.ndarray,
        intensity: np.ndarray,
        n_images: int,
    ) -> np.ndarray:
        """Draw a batch.

        Parameters
        ----------
        image : ndarray of shape (n_spots,), int
            Which image each spot is on.
        row, col : ndarray of shape (n_spots,)
            Positions in pixels; outside of the image they add what reaches in.
        intensity : ndarray of shape (n_spots,)
            Summed over the pixels of a spot that lies inside, to 0.1 % where sigma is
            0.7 or more; narrower Gaussians are sampled too coarsely for that.
        n_images : int
            Number of images.

        Returns
        -------
        ndarray of shape (n_images, h, w), float32
            A view of the canvas: the next call overwrites it.
        """
        h, w = self.shape
        reach = self.radius
        near = (row > -reach) & (row < h - 1 + reach)
        near &= (col > -reach) & (col < w - 1 + reach)
        if not near.all():
            image, row, col = image[near], row[near], col[near]
            intensity = intensity[near]
        size = n_images * self.height * self.width
        if len(self._canvas) < size:
            self._canvas = torch.empty(size)
        canvas = self._canvas[:size].zero_()
        r0, c0 = np.rint(row), np.rint(col)
        start = (image * self.height + r0.astype(np.int64) + self.margin) * self.width
        start += c0.astype(np.int64) + self.margin
        by_row = self._profile(r0 - row)
        by_row *= torch.from_numpy(
            (intensity / (2 * np.pi * self.sigma**2)).astype(np.float32)
        )[:, None]
        patches = by_row[:, :, None] * self._profile(c0 - col)[:, None, :]
        index = torch.from_numpy(start)[:, None] + self._offsets
        canvas.scatter_add_(0, index.ravel(), patches.ravel())
        frame = canvas.numpy().reshape(n_images, self.height, self.width)
        m = self.margin
        return frame[:, m : m + h, m : m + w]

    def _profile(self, shift: np.ndarray) -> torch.Tensor:
        """Give one-dimensional Gaussians on the pixels of a patch."""
        distance = torch.from_numpy(shift.astype(np.float32))[:, None] + self._steps
        return torch.exp(distance.square_().mul_(-0.5 / self.sigma**2))
