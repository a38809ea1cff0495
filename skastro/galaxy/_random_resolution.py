"""Random loss of resolution while training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skastro.neural_network.augmentation import check_is_image
from skastro.utils import resize_matrices
from skastro.utils._resampling import ENLARGE_METHODS, ROUNDINGS


@dataclass(frozen=True)
class RandomResolution:
    """Lower the resolution of each training image by its own random factor.

    A net that is trained on sharp images alone loses its skill on blurred ones; one
    that is trained through this keeps most of it, at little cost on sharp ones. Give
    it to a classifier as ``augment=RandomResolution()``, or by the name "resolution"
    together with rotations and flips. An image with factor k is the one that
    `ResolutionDegrader` makes with ``factor=k``.

    Every image has a factor of its own. One factor for a whole batch would make the
    batch statistics of batch normalisation jump from batch to batch and ruin the net.

    Parameters
    ----------
    factors : tuple of float, default=(1, 2, 3, 4, 5, 6, 7, 8)
        The factors to draw from, each at least 1. Those other than 1 are equally
        likely.
    p_original : float, default=0.3
        Probability of factor 1, an image as it is, whether or not the factors name it.
    enlarge : {"nearest", "bilinear", "bicubic"} or tuple of them, default="bilinear"
        How images are brought back to their size. Of several, each image draws one.
    rounding : {"block", "exact"}, default="block"
        What happens where the size is no multiple of the factor, see
        `ResolutionDegrader`.

    Raises
    ------
    ValueError
        If a parameter has no meaning.

    See Also
    --------
    ResolutionDegrader : The same factor for all images, on arrays.

    Examples
    --------
    >>> import torch
    >>> from skastro.galaxy import RandomResolution
    >>> images = torch.eye(4).reshape(1, 1, 4, 4)
    >>> augment = RandomResolution(factors=(1, 2), p_original=0, enlarge="nearest")
    >>> augment(images, torch.Generator().manual_seed(0))[0, 0]
    tensor([[0.5000, 0.5000, 0.0000, 0.0000],
            [0.5000, 0.5000, 0.0000, 0.0000],
            [0.0000, 0.0000, 0.5000, 0.5000],
            [0.0000, 0.0000, 0.5000, 0.5000]])
    """

    factors: tuple[float, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    p_original: float = 0.3
    enlarge: str | tuple[str, ...] = "bilinear"
    rounding: str = "block"

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing."""
        # Lists would be no keys of a cache.
        object.__setattr__(self, "factors", tuple(self.factors))
        if not isinstance(self.enlarge, str):
            object.__setattr__(self, "enlarge", tuple(self.enlarge))
        if not self.factors or not all(
            math.isfinite(factor) and factor >= 1 for factor in self.factors
        ):
            raise ValueError(
                f"factors must be finite numbers of at least 1, got {self.factors!r}."
            )
        if not 0 <= self.p_original <= 1:
            raise ValueError(f"p_original must be in [0, 1], got {self.p_original!r}.")
        if not self._methods or not set(self._methods) <= set(ENLARGE_METHODS):
            raise ValueError(
                f"enlarge must be one or more of {ENLARGE_METHODS}, got "
                f"{self.enlarge!r}."
            )
        if self.rounding not in ROUNDINGS:
            raise ValueError(
                f"rounding must be one of {ROUNDINGS}, got {self.rounding!r}."
            )

    @property
    def _methods(self) -> tuple[str, ...]:
        """Names of the interpolations."""
        return (self.enlarge,) if isinstance(self.enlarge, str) else self.enlarge

    @property
    def _degrading(self) -> tuple[float, ...]:
        """Factors that change an image, each once."""
        changing = [float(factor) for factor in self.factors if factor != 1]
        return tuple(dict.fromkeys(changing))

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Lower the resolution of the images of a batch.

        Parameters
        ----------
        images : Tensor of shape (n, c, h, w)
            A batch of floating-point images.
        generator : torch.Generator
            On the CPU; the only source of randomness.

        Returns
        -------
        Tensor of shape (n, c, h, w)
            A new tensor of the same dtype, on the same device.

        Raises
        ------
        ValueError
            If the batch is no images, or not floating point.
        """
        check_is_image(images, self)
        if not images.is_floating_point():
            raise ValueError(
                "RandomResolution needs floating-point images (n, channels, height, "
                f"width), got {images.dtype} of shape {tuple(images.shape)}."
            )
        n, c, h, w = images.shape
        choice = self._draw(n, generator).to(images.device)
        rows, columns = _stacked_matrices(
            (h, w),
            self._degrading,
            self._methods,
            self.rounding,
            images.dtype,
            images.device,
        )
        # Mixed precision would round the pixels of the images that stay sharp.
        with torch.autocast(images.device.type, enabled=False):
            done = torch.bmm(images.reshape(n, c * h, w), columns[choice])
            # Channels are moved into the columns, for one product an image.
            done = done.view(n, c, h, w).transpose(1, 2).reshape(n, h, c * w)
            done = torch.bmm(rows[choice], done)
        return done.view(n, h, c, w).transpose(1, 2).contiguous()

    def _draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw the matrix of each image: 0 is the identity."""
        n_factors, n_methods = len(self._degrading), len(self._methods)
        original = torch.rand(n, generator=generator) < self.p_original
        if n_factors == 0:
            return torch.zeros(n, dtype=torch.int64)
        drawn = torch.randint(n_factors * n_methods, (n,), generator=generator)
        return torch.where(original, 0, drawn + 1)


@lru_cache(maxsize=16)
def _stacked_matrices(
    shape: tuple[int, int],
    factors: tuple[float, ...],
    methods: tuple[str, ...],
    rounding: str,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Shrinking and enlarging in one matrix for each factor and interpolation.

    Returns those of the rows, and the transposes of those of the columns; the first of
    each is the identity.
    """
    h, w = shape
    # OpenCV's two precisions are told apart by the dtype, see resize_matrices.
    numpy_dtype = np.float64 if dtype == torch.float64 else np.float32
    rows, columns = [np.eye(h)], [np.eye(w)]
    for factor in factors:
        for method in methods:
            down_h, down_w, up_h, up_w = resize_matrices(
                shape, factor, rounding=rounding, enlarge=method, dtype=numpy_dtype
            )
            rows.append(_product(up_h, down_h, h))
            columns.append(_product(up_w, down_w, w).T)
    return (
        torch.as_tensor(np.stack(rows), dtype=dtype, device=device),
        torch.as_tensor(np.stack(columns), dtype=dtype, device=device),
    )


def _product(up: Any, down: Any, n: int) -> np.ndarray:
    """Multiply two sparse matrices, or give the identity for none."""
    return np.eye(n) if up is None or down is None else (up @ down).toarray()
