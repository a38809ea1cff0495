"""Batches of mixtures that exist only while they are needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._pair_mixer import PairMixer
from skastro.neural_network._loader import TensorLoader


class MixingLoader(TensorLoader):
    """Iterate over pairs of indices and render every batch.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Indices.
    *args : tuple
        As `TensorLoader` takes them.
    mixer : PairMixer
        Renders.
    **kwargs : dict
        As `TensorLoader` takes them.
    """

    def __init__(
        self, X: np.ndarray, *args: Any, mixer: PairMixer, **kwargs: Any
    ) -> None:
        super().__init__(X, *args, **kwargs)
        # Pairs are not what a module takes: nobody may gather them as such.
        self._X = None
        self._pairs = X
        self.mixer = mixer

    def take(self, index: Tensor | slice) -> Tensor:
        """Render the samples at ``index`` as the module takes them."""
        where: Any = index if isinstance(index, slice) else index.numpy()
        images = torch.from_numpy(self.mixer(self._pairs[where]))
        batch = images.to(self.device).to(self.dtype)
        batch = batch.reshape(len(batch), *self.input_shape)
        if self.augment is not None:
            assert self.augment_generator is not None
            batch = self.augment(batch, self.augment_generator)
        if self.channels_last:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch
