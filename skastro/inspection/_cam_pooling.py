"""Maximum pooling for passes without a graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from skastro.neural_network.modules._block_maxima import (
    block_maxima as maxima_of_blocks,
)

POOLS = {
    torch.max_pool2d: 2,
    torch.max_pool3d: 3,
    functional.max_pool2d: 2,
    functional.max_pool3d: 3,
}


def block_maxima(
    n_axes: int,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | None:
    """Take the same maxima some ten times as fast; None where blocks overlap.

    torch's pooling walks block by block for the sake of the places of the maxima,
    which nobody asks for here.

    Parameters
    ----------
    n_axes : int
        Axes of space.
    x : Tensor of shape (n, channels, ...)
        What is pooled.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As torch's functions take them.

    Returns
    -------
    Tensor or None
        What torch's function gives.
    """
    kernel = [kernel_size] * n_axes if isinstance(kernel_size, int) else kernel_size
    step = [stride] * n_axes if isinstance(stride, int) else stride or kernel
    plain = not (ceil_mode or return_indices) and x.ndim == n_axes + 2
    for given, usual in ((padding, 0), (dilation, 1)):
        plain &= all(g == usual for g in ([given] if isinstance(given, int) else given))
    if not plain or tuple(step) != tuple(kernel):
        return None
    if any(size < width for size, width in zip(x.shape[2:], kernel, strict=True)):
        return None  # torch says what is wrong
    return maxima_of_blocks(x, kernel)
