"""The detector of the simulator: pixels, background and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.diffraction._scattering import electron_wavelength
from skastro.utils._real_array import real_array


def camera_scale(voltage_kv: float, camera_length: float, pixel_size: float) -> float:
    """Give 1/Å per pixel of a camera.

    Parameters
    ----------
    voltage_kv : float
        Accelerating voltage in kV.
    camera_length : float
        In mm.
    pixel_size : float
        In µm.

    Returns
    -------
    float
        Pixel / (lambda L), the small-angle relation R d = lambda L.

    Raises
    ------
    ValueError
        If a value is not positive and finite.

    Examples
    --------
    >>> from skastro.diffraction import camera_scale
    >>> round(camera_scale(200, camera_length=400, pixel_size=55), 6)
    0.005483
    """
    camera_length = real_array(camera_length, "camera_length").item()
    pixel_size = real_array(pixel_size, "pixel_size").item()
    for name, value in (("camera_length", camera_length), ("pixel_size", pixel_size)):
        if not 1e-100 < value < 1e100:
            raise ValueError(f"{name} must be positive and finite, got {value}.")
    wavelength = electron_wavelength(voltage_kv)
    return pixel_size * 1e-3 / (wavelength * camera_length)


class Detector:
    """Turns drawn spots into what a camera records.

    Parameters
    ----------
    shape : (h, w)
        In pixels.
    scale : float or None
        1/Å per pixel; None puts ``max_g`` just inside the nearer border of a centred
        pattern.
    center : (row, col) or None
        Of the direct beam; None is the middle.
    max_g : float
        In 1/Å.
    spot_sigma, normalize, background, background_length, beam_stop, center_jitter, \
            counts : object
        As in `KinematicSimulator`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        scale: float | None,
        center: Sequence[float] | None,
        max_g: float,
        spot_sigma: float,
        normalize: str | None,
        background: float,
        background_length: float,
        beam_stop: float,
        center_jitter: float,
        counts: float | None,
    ) -> None:
        sides = tuple(np.atleast_1d(shape))
        if len(sides) != 2 or any(s % 1 != 0 or s < 2 for s in sides):
            raise ValueError(
                f"shape must be two sides of at least 2 px, got {shape!r}."
            )
        self.shape = (int(sides[0]), int(sides[1]))
        middle = ((self.shape[0] - 1) / 2, (self.shape[1] - 1) / 2)
        if center is None:
            self.center = middle
        else:
            if np.shape(center) != (2,):
                raise ValueError(f"center must be (row, col), got {center!r}.")
            self.center = (float(center[0]), float(center[1]))
        if scale is None:
            # Spots at max_g shall be seen as a whole, where there is room for it.
            scale = max_g / max(min(middle) - 7 / 3 * spot_sigma, min(middle) / 2)
        self.scale = float(scale)
        positive = {
            "scale": self.scale,
            "spot_sigma": spot_sigma,
            "background_length": background_length,
            "counts": 1.0 if counts is None else counts,
        }
        for name, value in positive.items():
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}.")
        for name, value in (
            ("background", background),
            ("beam_stop", beam_stop),
            ("center_jitter", center_jitter),
        ):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite, at least 0, got {value}.")
        if not all(math.isfinite(c) for c in self.center):
            raise ValueError(f"center must be finite, got {center!r}.")
        if normalize not in ("max", "sum", None):
            raise ValueError(
                f'normalize must be "max", "sum" or None, got {normalize!r}.'
            )
        self.normalize = normalize
        self.background = background
        self.background_length = background_length
        self.beam_stop = beam_stop
        self.center_jitter = center_jitter
        self.counts = counts

    def draw_centers(self, n: int, rng: Any) -> np.ndarray:
        """Draw where the direct beam is on each image.

        Parameters
        ----------
        n : int
            Number of images.
        rng : RandomState
            Used only where the centre varies.

        Returns
        -------
        ndarray of shape (n, 2)
            Row and column.
        """
        centers = np.tile(np.array(self.center), (n, 1))
        if self.center_jitter:
            centers += rng.normal(scale=self.center_jitter, size=(n, 2))
        return centers

    def expose(self, images: np.ndarray, centers: np.ndarray, rng: Any) -> np.ndarray:
        """Add background and noise, and bring to the scale that was asked for.

        Parameters
        ----------
        images : ndarray of shape (n, h, w), float32
            Spots alone; overwritten.
        centers : ndarray of shape (n, 2)
            Of the direct beam.
        rng : RandomState
            Of the noise.

        Returns
        -------
        ndarray of shape (n, h, w), float32
            The recorded images.
        """
        if self.background or self.beam_stop:
            rows, cols = (np.arange(s, dtype=np.float64) for s in self.shape)
            distance = np.hypot(
                rows[:, None] - centers[:, :1, None],
                cols - centers[:, 1:, None],
            )
            if self.background:
                halo = np.exp(-distance * (self.scale / self.background_length))
                total = images.sum(axis=(1, 2), dtype=np.float64)
                halo *= (self.background * total / halo.sum(axis=(1, 2)))[:, None, None]
                images += halo.astype(np.float32)
            if self.beam_stop:
                images[distance < self.beam_stop] = 0
        if self.counts is not None:
            total = images.sum(axis=(1, 2), dtype=np.float64)
            factor = self.counts / np.where(total > 0, total, 1.0)
            drawn: np.ndarray = rng.poisson(images * factor[:, None, None])
            return drawn.astype(np.float32)
        if self.normalize is not None:
            if self.normalize == "max":
                size = images.max(axis=(1, 2))
            else:
                size = images.sum(axis=(1, 2), dtype=np.float64)
            # An image without a spot stays empty.
            size = np.where(size > 0, size, 1.0).astype(np.float32)
            images /= size[:, None, None]
        return images
