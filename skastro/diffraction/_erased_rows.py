"""What an eraser leaves of patterns, made when it is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from skastro.diffraction._spot_eraser import SpotEraser
from skastro.utils import LazyRows


class ErasedRows:
    """Erase one crystal from each pattern that is asked for; a source of `LazyRows`.

    Parameters
    ----------
    eraser : SpotEraser
        Erases.
    images : LazyRows of shape (n, h, w)
        Patterns.
    gone : Rotation or ndarray of shape (n, 3)
        What is erased of each, as `SpotEraser.erase` takes it.
    """

    def __init__(
        self, eraser: SpotEraser, images: LazyRows, gone: Rotation | np.ndarray
    ) -> None:
        self.eraser = eraser
        self.images = images
        self.gone = gone
        self.shape = images.shape
        double = images.dtype == np.float64
        self.dtype = np.dtype(np.float64 if double else np.float32)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read patterns and erase.

        Parameters
        ----------
        key : slice or ndarray of shape (k,), int
            Which.

        Returns
        -------
        ndarray of shape (k, h, w)
            What is left.
        """
        return self.eraser.erase(np.asarray(self.images[key]), self.gone[key])
