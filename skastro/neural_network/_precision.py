"""Automatic mixed precision: weights in float32, products in half of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def half_dtype(device: torch.device) -> torch.dtype | None:
    """Choose the half precision of a device.

    Parameters
    ----------
    device : torch.device
        Where the products are made.

    Returns
    -------
    torch.dtype or None
        On CUDA bfloat16, which has the range of float32, or float16 where the hardware
        has no bfloat16. Elsewhere None: all stays in float32. On the CPU torch has
        bfloat16 too, but with version 2.13 the gradients of three-dimensional
        convolutions in it differed from run to run, up to NaN.
    """
    if device.type != "cuda":
        return None
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def forward(function: Callable[[Tensor], Tensor], batch: Tensor, mixed: bool) -> Tensor:
    """Call a module or a function of one.

    Parameters
    ----------
    function : callable
        Takes a batch.
    batch : Tensor
        On the device of the module.
    mixed : bool
        Whether convolutions and matrix products are made in half precision, on
        devices that have it.

    Returns
    -------
    Tensor
        The output; with ``mixed`` in float32.
    """
    half = half_dtype(batch.device) if mixed else None
    if half is None:
        return function(batch)
    with torch.autocast(batch.device.type, half):
        output = function(batch)
    return output.float()


def make_scaler(device: torch.device, mixed: bool) -> torch.amp.GradScaler:
    """Make what keeps gradients inside the range of float16.

    Parameters
    ----------
    device : torch.device
        Where the net trains.
    mixed : bool
        Whether it does in mixed precision.

    Returns
    -------
    torch.amp.GradScaler
        One that does nothing, unless the products are made in float16.
    """
    needed = mixed and half_dtype(device) == torch.float16
    return torch.amp.GradScaler(device.type, enabled=needed)
