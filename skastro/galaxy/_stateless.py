"""What the stateless transformers of images have in common."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags

from skastro.utils import check_finite, check_images

# Images are worked on in pieces of about this many pixels: a piece and what is made
# of it stay in the cache of one core.
_CHUNK_PIXELS = 1 << 18


class StatelessImageTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Base of transformers that work image by image and learn nothing."""

    image_shape: Any

    def _check_images(
        self, X: Any, *, finite: bool = True
    ) -> tuple[np.ndarray, tuple[int, int, int], tuple[int, ...]]:
        """Validate parameters and X, fitted or not.

        A fitted transformer refuses images of another shape. One that was not fitted
        takes any, and remembers nothing of it. With ``finite=False`` the values may be
        left unchecked, for `FiniteCheck`.
        """
        self._validate_params()
        fitted = hasattr(self, "input_shape_")
        if not finite and self.image_shape is None and _is_plain(X):
            c, h, w = (1, *X.shape[1:]) if X.ndim == 3 else X.shape[1:]
            # Nothing but a shape that was not fitted could be wrong with it.
            if not fitted or (c, h, w) == tuple(self.input_shape_):
                return X.reshape(len(X), -1), (c, h, w), X.shape[1:]
        who = self if fitted else copy.copy(self)
        return check_images(who, X, self.image_shape, reset=not fitted)

    def __sklearn_tags__(self) -> Tags:
        """Say that nothing is learnt and that single precision stays so."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class FiniteCheck:
    """Refuse values that are not finite, piece by piece while they are worked on.

    This costs nothing: it also brings the piece into the cache.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        All images, for the message.
    estimator : estimator
        Whose input it is, for the message.
    trailing : tuple of int
        What one image was, for the message.
    """

    def __init__(
        self, X: np.ndarray, estimator: Any, trailing: tuple[int, ...]
    ) -> None:
        self.X = X
        self.trailing = trailing
        self.estimator = estimator
        self.done = X.dtype.kind != "f"

    def __call__(self, piece: np.ndarray) -> None:
        """Look at the next piece."""
        if self.done:
            return
        # The sum of squares is the quickest number that every value goes into.
        values = piece.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.dot(values, values)
        if not np.isfinite(total):
            # Either large numbers, whose squares overflow, or the real thing.
            check_finite(self.X, estimator=self.estimator, trailing=self.trailing)
            self.done = True


def _is_plain(X: Any) -> bool:
    """Say whether X is an array of images that needs no conversion.

    For a thousand small images, scikit-learn's own validation takes longer than this
    by a tenth of the time of the work.
    """
    return (
        type(X) in (np.ndarray, np.memmap)
        and X.dtype in (np.float64, np.float32, np.uint8)
        and X.dtype.isnative
        and X.ndim in (3, 4)
        and X.size > 0
    )


def float_dtype(X: np.ndarray) -> np.dtype:
    """Give the precision of what is made of X: uint8 becomes float32."""
    return np.dtype(np.float64 if X.dtype == np.float64 else np.float32)


def chunks(n: int, image_shape: tuple[int, int, int]) -> Iterator[slice]:
    """Cut n images into pieces that fit into a cache.

    Parameters
    ----------
    n : int
        Number of images.
    image_shape : (c, h, w)
        Of one image.

    Yields
    ------
    slice
        Of the images of a piece; at least one.
    """
    step = max(1, _CHUNK_PIXELS // math.prod(image_shape))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
