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


def inference_batch(n_values: int, device: str) -> int:
    """Choose how many samples pass at once where nothing is learnt.

    Parameters
    ----------
    n_values : int
        Values in one sample.
    device : str
        Where the net is.

    Returns
    -------
    int
        At least 1, at most 4096.
    """
    most = (1 << 21) // n_values
    if device == "cpu":
        # The feature maps of more images are blocks that the C allocator takes from
        # the system anew for each batch, which takes longer than the net itself.
        most = max((1 << 18) // n_values, min(64, most))
    return max(1, min(4096, most))
