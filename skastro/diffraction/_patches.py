"""Images as a board from which small patches about spots are read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._render import patch_radius

# Images are brought to this sum.
_TOTAL = 1e4


class PatchBoard:
    """Projects images, or what a model leaves of them, on the spots of the model.

    Parameters
    ----------
    images : Tensor of shape (n, h, w), float32
        Not negative.
    sigma : float
        Width that spots are expected to have, in pixels; sets the size of patches.
    """

    def __init__(self, images: Tensor, sigma: float) -> None:
        n, h, w = images.shape
        self.shape = (h, w)
        self.radius = patch_radius(sigma)
        # A margin of two radii holds the patches of all spots that reach in.
        self.margin = 2 * self.radius
        self.height, self.width = h + 2 * self.margin, w + 2 * self.margin
        total = images.sum(dim=(1, 2), dtype=torch.float64).clamp_min(1e-30)
        self.factor = _TOTAL / total
        self.canvas = torch.zeros((n, self.height, self.width))
        self._inside(self.canvas)[...] = images * self.factor[:, None, None].float()
        steps = torch.arange(-self.radius, self.radius + 1)
        self._steps = steps.float()
        self._offsets = (steps[:, None] * self.width + steps).ravel()
        self._root: Tensor | None = None

    def _inside(self, canvas: Tensor) -> Tensor:
        h, w = self.shape
        m = self.margin
        return canvas[:, m : m + h, m : m + w]

    @property
    def images(self) -> Tensor:
        """The images, each of sum 10,000."""
        return self._inside(self.canvas)

    @property
    def root(self) -> Tensor:
        """Their square roots, computed once."""
        if self._root is None:
            self._root = torch.sqrt(self.images)
        return self._root

    @property
    def empty(self) -> np.ndarray:
        """Which images are zero everywhere."""
        found: np.ndarray = (self.root.amax(dim=(1, 2)) == 0).numpy()
        return found

    def take(self, index: np.ndarray) -> PatchBoard:
        """Give some of the images.

        Parameters
        ----------
        index : ndarray of int
            Which.

        Returns
        -------
        PatchBoard
            With copies of them.
        """
        board = object.__new__(PatchBoard)
        board.__dict__.update(self.__dict__)
        board._root = None
        board.canvas = self.canvas[torch.from_numpy(np.asarray(index))]
        board.factor = self.factor[torch.from_numpy(np.asarray(index))]
        return board

    def less(self, model: Tensor) -> PatchBoard:
        """Subtract a model and clip at zero.

        Parameters
        ----------
        model : Tensor of shape (n, h, w)
            In the units of the board.

        Returns
        -------
        PatchBoard
            Of what is left.
        """
        board = object.__new__(PatchBoard)
        board.__dict__.update(self.__dict__)
        board._root = None
        board.canvas = torch.zeros_like(self.canvas)
        board._inside(board.canvas)[...] = (self.images - model).clamp_min(0)
        return board

    def _patches(
        self, image: np.ndarray, row: np.ndarray, col: np.ndarray, sigma: np.ndarray
    ) -> tuple[np.ndarray, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Give which spots reach in, their pixels, and offsets and profiles."""
        h, w = self.shape
        reach = self.radius
        near = (row > -reach) & (row < h - 1 + reach)
        near &= (col > -reach) & (col < w - 1 + reach)
        r0 = np.rint(row[near])
        c0 = np.rint(col[near])
        start = (image[near] * self.height + r0.astype(np.int64) + self.margin) * (
            self.width
        )
        start += c0.astype(np.int64) + self.margin
        index = torch.from_numpy(start)[:, None] + self._offsets
        width = torch.from_numpy(sigma[near].astype(np.float32))[:, None]
        down = (
            self._steps + torch.from_numpy((r0 - row[near]).astype(np.float32))[:, None]
        ) / width
        right = (
            self._steps + torch.from_numpy((c0 - col[near]).astype(np.float32))[:, None]
        ) / width
        by_row = torch.exp(-0.5 * down * down)
        by_col = torch.exp(-0.5 * right * right)
        by_row = by_row / (2 * torch.pi * width * width)
        return near, index, down, right, by_row, by_col

    def draw(
        self,
        image: np.ndarray,
        row: np.ndarray,
        col: np.ndarray,
        sigma: np.ndarray,
        intensity: np.ndarray,
    ) -> Tensor:
        """Draw spots.

        Parameters
        ----------
        image, row, col, sigma, intensity : ndarray of shape (n_spots,)
            Image, position and width in pixels, and sum of each spot.

        Returns
        -------
        Tensor of shape (n, h, w)
            The drawn images.
        """
        near, index, _, _, by_row, by_col = self._patches(image, row, col, sigma)
        value = torch.from_numpy(intensity[near].astype(np.float32))
        patches = (by_row * value[:, None])[:, :, None] * by_col[:, None, :]
        canvas = torch.zeros_like(self.canvas)
        canvas.view(-1).scatter_add_(0, index.ravel(), patches.ravel())
        return self._inside(canvas)

    def project(
        self,
        image: np.ndarray,
        row: np.ndarray,
        col: np.ndarray,
        sigma: np.ndarray,
        intensity: np.ndarray | None = None,
        with_shift: bool = True,
    ) -> tuple[np.ndarray, ...]:
        """Compare the images with a model at its spots.

        The difference is projected on a spot, its two derivatives in position and the
        one in the logarithm of its width.

        Parameters
        ----------
        image, row, col, sigma : ndarray of shape (n_spots,)
            Image, position and width of each spot, in pixels.
        intensity : ndarray of shape (n_spots,), default=None
            Of the model, which is subtracted; None subtracts nothing.
        with_shift : bool, default=True
            Whether more than the first projection is wanted.

        Returns
        -------
        tuple of ndarray of shape (n_spots,)
            Difference in intensity; intensity times shift along columns and along
            rows, in pixels; second moment; and 1.0 where a spot counts: patches that
            the border cuts do not.
        """
        near, index, down, right, by_row, by_col = self._patches(image, row, col, sigma)
        canvas = self.canvas
        if intensity is not None:
            canvas = canvas.clone()
            value = torch.from_numpy(-intensity[near].astype(np.float32))
            patches = (by_row * value[:, None])[:, :, None] * by_col[:, None, :]
            canvas.view(-1).scatter_add_(0, index.ravel(), patches.ravel())
        side = 2 * self.radius + 1
        values = canvas.view(-1)[index].view(-1, side, side)
        width = torch.from_numpy(sigma[near].astype(np.float32))
        norm = 4 * torch.pi * width * width
        out = np.zeros((5, len(row)))
        along = torch.bmm(values, by_col[:, :, None])[..., 0]
        gap = (along * by_row).sum(dim=1) * norm
        out[0, near] = gap.numpy()
        h, w = self.shape
        edge = self.radius - 0.5
        whole = (row > edge) & (row < h - 1 - edge)
        whole &= (col > edge) & (col < w - 1 - edge)
        out[4] = whole
        if not with_shift:
            return tuple(out)
        moment = torch.bmm(values, (by_col * right)[:, :, None])[..., 0]
        second = torch.bmm(values, (by_col * right * right)[:, :, None])[..., 0]
        out[1, near] = ((moment * by_row).sum(dim=1) * (2 * width * norm)).numpy()
        out[2, near] = ((along * by_row * down).sum(dim=1) * (2 * width * norm)).numpy()
        square = (second * by_row).sum(dim=1) + (along * by_row * down * down).sum(1)
        out[3, near] = (square * norm - 2 * gap).numpy()
        return tuple(out)
