"""Where a net is trained."""

from __future__ import annotations

import torch


def resolve_device(device: str) -> str:
    """Choose the device.

    Parameters
    ----------
    device : str
        "auto" takes CUDA, else MPS, else the CPU; all else is torch's name of one.

    Returns
    -------
    str
        The name of a device that there is.

    Raises
    ------
    ValueError
        If torch does not know it or it is not there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={device!r} cannot be used: {error}") from error
    return device
