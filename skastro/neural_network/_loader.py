"""Batches straight from memory, without a ``DataLoader``.

torch's ``DataLoader`` fetches samples one by one and stacks them; for data that are in
memory already this costs more than training a small net. Here a batch is one index
operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from skastro.utils import LazyRows

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


class TensorLoader:
    """Iterate over the batches of one epoch.

    Parameters
    ----------
    X : ndarray, csr_array or LazyRows of shape (n_samples, n_features)
        Floating arrays are held as one tensor; uint8, memory-mapped, lazy and sparse
        ones stay as they are and are converted batch by batch.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs), or None
        Codes of the classes (int64) or the targets.
    weight : ndarray of shape (n_samples,) or None
        Sample weights.
    input_shape : tuple of int
        Shape of one sample as the module takes it.
    batch_size : int
        Samples in a batch; the last one has what is left.
    dtype : torch.dtype
        Of the batches.
    device : torch.device
        Where the batches go.
    channels_last : bool, default=False
        Memory layout of image batches.
    order : torch.Generator or None, default=None
        Shuffles each epoch; None keeps the order.
    augment : callable or None, default=None
        Called as ``augment(batch, generator)`` on each batch.
    augment_generator : torch.Generator or None, default=None
        Its second argument.
    """

    def __init__(
        self,
        X: Any,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        *,
        input_shape: tuple[int, ...],
        batch_size: int,
        dtype: torch.dtype,
        device: torch.device,
        channels_last: bool = False,
        order: torch.Generator | None = None,
        augment: Augmentation | None = None,
        augment_generator: torch.Generator | None = None,
    ) -> None:
        self.input_shape = input_shape
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device
        self.channels_last = channels_last and len(input_shape) == 3
        self.order = order
        self.augment = augment
        self.augment_generator = augment_generator
        self.n_samples = X.shape[0]
        self._lazy: Any = None
        self._X: Tensor | None = None
        stays = issparse(X) or isinstance(X, LazyRows) or is_memory_mapped(X)
        if X.dtype == np.uint8 or stays:
            self._lazy = X
        else:
            self._X = to_tensor(X, dtype).to(device)
            if X.dtype == np.float64 and dtype == torch.float32:
                check_overflow(self._X)
        self._y: Tensor | None = None
        self._weight: Tensor | None = None
        if y is not None:
            y_dtype = torch.int64 if y.dtype.kind in "iu" else dtype
            self._y = to_tensor(y, y_dtype).to(device)
        if weight is not None:
            self._weight = to_tensor(weight, dtype).to(device)

    def __len__(self) -> int:
        """Count the batches."""
        return len(self._edges()) - 1

    def _edges(self) -> list[int]:
        """Give where batches begin and end; one image alone joins the one before."""
        edges = [*range(0, self.n_samples, self.batch_size), self.n_samples]
        if self.channels_last and len(edges) > 2 and edges[-1] - edges[-2] == 1:
            del edges[-2]
        return edges

    def take(self, index: Tensor | slice) -> Tensor:
        """Give the samples at ``index`` as the module takes them."""
        if self._X is None:
            assert self._lazy is not None
            where: Any = index if isinstance(index, slice) else index.numpy()
            part = self._lazy[where]
            part = part.toarray() if issparse(part) else np.asarray(part)
            rows = to_tensor(part, None)
            batch = rows.to(self.device).to(self.dtype)
            if rows.dtype == torch.float64 and self.dtype == torch.float32:
                check_overflow(batch)
        elif isinstance(index, slice):
            batch = self._X[index]
        else:
            batch = self._X.index_select(0, index.to(self._X.device))
        batch = batch.reshape(batch.shape[0], *self.input_shape)
        if self.augment is not None:
            if isinstance(index, slice):
                batch = batch.clone()  # an augmentation may work in place
            assert self.augment_generator is not None
            batch = self.augment(batch, self.augment_generator)
        if self.channels_last:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch

    def permutation(self) -> Tensor | None:
        """Draw the order of an epoch; None keeps it."""
        if self.order is None:
            return None
        return torch.randperm(self.n_samples, generator=self.order)

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        """Yield ``(X, y)`` of every batch, or ``(X, (y, weight))``."""
        permutation = self.permutation()
        for start, stop in pairwise(self._edges()):
            index: Tensor | slice = slice(start, stop)
            if permutation is not None:
                index = permutation[index]
            yield self.take(index), self._target(index)

    def _target(self, index: Tensor | slice) -> Any:
        if self._y is None:
            return None
        if not isinstance(index, slice):
            # Several times as quick as indexing, which a small net would feel.
            index = index.to(self._y.device)
            y = self._y.index_select(0, index)
            if self._weight is None:
                return y
            return y, self._weight.index_select(0, index)
        if self._weight is None:
            return self._y[index]
        return self._y[index], self._weight[index]


def to_tensor(values: np.ndarray, dtype: torch.dtype | None) -> Tensor:
    """Make a tensor that shares memory where it safely can.

    Parameters
    ----------
    values : ndarray
        May be read-only or in foreign byte order; then it is copied.
    dtype : torch.dtype or None
        None keeps it.

    Returns
    -------
    Tensor
        On the CPU, contiguous.
    """
    values = np.asarray(values)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    values = np.ascontiguousarray(values)
    if not values.flags.writeable:
        values = values.copy()
    tensor = torch.from_numpy(values)
    return tensor if dtype is None else tensor.to(dtype)


def check_overflow(X: Tensor) -> None:
    """Refuse values that were finite in float64 and are not in float32.

    Parameters
    ----------
    X : Tensor
        In float32.

    Raises
    ------
    ValueError
        If one is infinite.
    """
    if X.numel() and not bool(torch.isfinite(X.abs().max())):
        raise ValueError(
            "Input X has values too large for float32, in which images are trained: "
            'scale them, or set dtype="preserve".'
        )


def is_memory_mapped(values: Any) -> bool:
    """Tell whether an array looks into a file.

    Parameters
    ----------
    values : ndarray
        It, or one of its bases, may be a ``numpy.memmap``.

    Returns
    -------
    bool
        True for a memory map and for a view of one.
    """
    while values is not None:
        if isinstance(values, np.memmap):
            return True
        values = getattr(values, "base", None)
    return False
