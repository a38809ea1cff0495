"""What comes out of a net, before anyone takes it for an answer."""

from __future__ import annotations

import torch


def refuse_overflow(output: torch.Tensor) -> torch.Tensor:
    """Give the output back if it is finite.

    Softmax makes NaN of infinity, and the largest of NaN probabilities is the first:
    a class would be named where nothing was computed.

    Parameters
    ----------
    output : Tensor
        Of a net.

    Returns
    -------
    Tensor
        The same.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    n_bad = int((~output.isfinite()).any(dim=-1).sum())
    if n_bad:
        raise ValueError(
            f"The net's answer is not finite for {n_bad} of {len(output)} samples of "
            "a batch: values of X are too large for the arithmetic of "
            f"{str(output.dtype).removeprefix('torch.')}, or the training diverged."
        )
    return output
