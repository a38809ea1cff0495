"""Images in polar coordinates, and their spectra over the azimuth."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


class PolarGrid:
    """Resamples images on rings about the centre.

    Parameters
    ----------
    shape : (h, w)
        Of the images, in pixels.
    center : (row, col)
        Of the direct beam.
    scale : float
        1/Å per pixel.
    radii : ndarray of shape (n_rings,)
        Of the rings, in 1/Å.
    n_azimuths : int
        Points on each ring.
    n_frequencies : int
        Frequencies 1 to this one are kept.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        center: tuple[float, float],
        scale: float,
        radii: np.ndarray,
        n_azimuths: int,
        n_frequencies: int,
    ) -> None:
        self.shape = shape
        self.radii = radii
        self.n_azimuths = n_azimuths
        self.n_frequencies = min(n_frequencies, n_azimuths // 2)
        h, w = shape
        azimuth = 2 * np.pi * np.arange(n_azimuths) / n_azimuths
        radius = radii[:, None] / scale
        row = center[0] + radius * np.sin(azimuth)
        col = center[1] + radius * np.cos(azimuth)
        r0 = np.floor(row).astype(int)
        c0 = np.floor(col).astype(int)
        index, weight = [], []
        for dr in (0, 1):
            for dc in (0, 1):
                r, c = r0 + dr, c0 + dc
                share = (1 - np.abs(row - r)) * (1 - np.abs(col - c))
                seen = (r >= 0) & (r < h) & (c >= 0) & (c < w)
                index.append(np.where(seen, r * w + c, 0).ravel())
                weight.append(np.where(seen, share, 0.0).ravel())
        # Four corners of each point, gathered at once.
        self._index = torch.from_numpy(np.stack(index))
        self._weight = torch.from_numpy(np.stack(weight).astype(np.float32))
        # Long rings have more pixels than short ones.
        self._ring_weight = torch.from_numpy(
            np.sqrt(radii / radii.max()).astype(np.float32)
        )

    def sample(self, images: Tensor) -> Tensor:
        """Interpolate images on the rings.

        Parameters
        ----------
        images : Tensor of shape (n, h, w), float32
            The images.

        Returns
        -------
        Tensor of shape (n, n_rings, n_azimuths)
            Bilinear values; 0 outside of the image.
        """
        flat = images.reshape(len(images), -1)
        polar = flat.index_select(1, self._index[0]) * self._weight[0]
        for corner, weight in zip(self._index[1:], self._weight[1:], strict=True):
            polar.addcmul_(flat.index_select(1, corner), weight)
        return polar.reshape(len(images), len(self.radii), self.n_azimuths)

    def spectrum(self, polar: Tensor) -> Tensor:
        """Transform over the azimuth and bring to unit norm.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            As `sample` gives it.

        Returns
        -------
        Tensor of shape (n_frequencies, n, n_rings), complex64
            Without the mean of each ring.
        """
        polar = polar * self._ring_weight[:, None]
        spectrum = torch.fft.rfft(polar, dim=2)[:, :, 1 : self.n_frequencies + 1]
        norm = torch.linalg.vector_norm(
            torch.view_as_real(spectrum), dim=(1, 2, 3), keepdim=True
        )[..., 0]
        spectrum = spectrum / norm.clamp_min(1e-20)
        out: Tensor = spectrum.permute(2, 0, 1).contiguous()
        return out


def fourth_root(images: Any) -> Tensor:
    """Take the fourth root, which lets weak spots count.

    Parameters
    ----------
    images : Tensor
        Not negative.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    return torch.sqrt(torch.sqrt(images))
