"""What every augmentation asks of its input."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def check_is_image(images: Tensor, who: Any) -> None:
    """Refuse flat rows: turning a row of unrelated features means nothing.

    Parameters
    ----------
    images : Tensor
        A batch.
    who : object
        The augmentation, for the message.

    Raises
    ------
    ValueError
        If it is not (n, c, h, w) with more than one row and column.
    """
    if images.ndim != 4 or min(images.shape[2:]) < 2:
        raise ValueError(
            f"{type(who).__name__} needs images (n, channels, height, width), got a "
            f"batch of shape {tuple(images.shape)}. For flat rows set image_shape."
        )
