"""What comes out of a net, before anyone takes it for an answer."""

from __future__ import annotations

import torch


def refuse_nan(output: torch.Tensor) -> torch.Tensor:
    """Give the output back if it has no NaN.

    The largest of NaN probabilities is the first, so that a class would be named where
    nothing was computed.

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
        If a value is NaN.
    """
    n_bad = int(output.isnan().any(dim=-1).sum())
    if n_bad:
        raise ValueError(
            f"The net's answer is NaN for {n_bad} of {len(output)} samples of a batch: "
            "values of X are too large for the arithmetic of "
            f"{str(output.dtype).removeprefix('torch.')}, or the training diverged."
        )
    return output
