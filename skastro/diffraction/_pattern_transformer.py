"""What the transformers of diffraction patterns have in common."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from skastro.diffraction._scan_rows import ScanRows
from skastro.utils import LazyRows, as_lazy_rows, check_images, map_transformer

# Patterns are worked on in pieces of about this many pixels, which stay in the cache.
_CHUNK_PIXELS = 1 << 18


class PatternTransformer(TransformerMixin, BaseEstimator):
    """Base of transformers that work pattern by pattern."""

    image_shape: Any

    def _lazily(self, X: Any) -> Any:
        """Transform what is not in memory; None for what is.

        LazyRows stay so, and the work is done when they are read. Of other arrays on
        disk blocks are read, and the result is an ordinary array.
        """
        rows = as_lazy_rows(X)
        if rows is None:
            return None
        made = map_transformer(self, rows)
        return made if isinstance(X, LazyRows) else np.asarray(made)

    def _check_patterns(
        self, X: Any
    ) -> tuple[Any, tuple[int, int, int], tuple[int, ...]]:
        """Validate parameters and X, fitted or not; it may stay on disk.

        A fitted transformer refuses patterns of another shape. One that was not fitted
        takes any, and remembers nothing of it.
        """
        self._validate_params()
        fitted = hasattr(self, "input_shape_")
        who = self if fitted else copy.copy(self)
        return check_images(who, X, self.image_shape, reset=not fitted, lazy=True)

    def __sklearn_tags__(self) -> Tags:
        """Say that single precision stays so, and that fit may be left out."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def as_patterns(X: Any) -> tuple[Any, tuple[int, ...]]:
    """Take a scan (rows, columns, h, w) row by row; patterns have no channels.

    Parameters
    ----------
    X : array-like
        Patterns in any layout.

    Returns
    -------
    X : array-like
        The same, or (rows * columns, h, w).
    scan : tuple of int
        (rows, columns) of a scan, else ().
    """
    if getattr(X, "ndim", 2) != 4:
        return X, ()
    rows = as_lazy_rows(X)
    scan = (int(X.shape[0]), int(X.shape[1]))
    if rows is not None:
        return LazyRows(ScanRows(rows)), scan
    X = np.asanyarray(X)
    return X.reshape(-1, *X.shape[2:]), scan


def float_dtype(X: np.ndarray) -> np.dtype:
    """Give the precision of what is made of X: uint8 becomes float32."""
    return np.dtype(np.float64 if X.dtype == np.float64 else np.float32)


def chunks(n: int, shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut n patterns of a shape into pieces that fit into a cache."""
    step = max(1, _CHUNK_PIXELS // math.prod(shape))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def pattern_blocks(
    X: Any, shape: tuple[int, int, int]
) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut patterns, in memory or not, into pieces that fit into a cache.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n, c * h * w)
        Validated.
    shape : (c, h, w)
        Of a row.

    Yields
    ------
    slice
        Which of the n * c images.
    ndarray of shape (k, h, w)
        These.
    """
    c, h, w = shape
    outer = X.blocks() if isinstance(X, LazyRows) else [(slice(0, len(X)), X)]
    for rows, block in outer:
        images = block.reshape(-1, h, w)
        for part in chunks(len(images), (h, w)):
            first = rows.start * c
            yield slice(first + part.start, first + part.stop), images[part]


def check_center(center: Any, shape: tuple[int, int]) -> tuple[float, float]:
    """Give the centre of patterns: the given one, or the middle of the image.

    Parameters
    ----------
    center : sequence of 2 float, or None
        Row and column in pixels.
    shape : (h, w)
        Of a pattern.

    Returns
    -------
    (row, column)
        In pixels; pixel (0, 0) has its middle at (0, 0).

    Raises
    ------
    ValueError
        If it is not two finite numbers.
    """
    if center is None:
        return (shape[0] - 1) / 2, (shape[1] - 1) / 2
    try:
        values = np.asarray(center, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (2,) or not np.isfinite(values).all():
        raise ValueError(f"center must be None or (row, column), got {center!r}.")
    return float(values[0]), float(values[1])


def radius_map(shape: tuple[int, int], center: tuple[float, float]) -> np.ndarray:
    """Give the distance of each pixel from the centre, in pixels; (h, w)."""
    rows = np.arange(shape[0]) - center[0]
    columns = np.arange(shape[1]) - center[1]
    out: np.ndarray = np.hypot(rows[:, None], columns[None, :])
    return out
