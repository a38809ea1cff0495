"""What makes rows of rows, when they are read; all of it can be pickled."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Step(NamedTuple):
    """What makes rows of rows."""

    function: Callable[[np.ndarray], np.ndarray]
    trailing: tuple[int, ...]
    dtype: np.dtype[Any]

    def take(self, values: np.ndarray) -> np.ndarray:
        made = np.asarray(self.function(values))
        expected = (len(values), *self.trailing)
        if made.shape != expected or made.dtype != self.dtype:
            raise ValueError(
                f"A function of LazyRows gave {made.dtype} of shape {made.shape}, "
                f"expected {self.dtype} of {expected}."
            )
        return made


class AsType:
    """Convert; an object, so that it can be pickled."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return values.astype(self.dtype, copy=False)


class Reshape:
    """Reshape each row; an object, so that it can be pickled."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(len(values), *self.shape)


class Transform:
    """Call the transformer as it was when the rows were asked for."""

    def __init__(self, transformer: Any) -> None:
        self.transformer = copy.deepcopy(transformer)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(self.transformer.transform(values))
