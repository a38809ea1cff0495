"""The quick pooling gives torch's maxima, or leaves them to torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from skastro.inspection._cam_passes import _Front
from skastro.inspection._cam_pooling import block_maxima


@pytest.mark.parametrize("shape", [(2, 3, 9, 8), (2, 3, 5, 7, 6)])
@pytest.mark.parametrize(
    ("arguments", "quick"),
    [
        ({"kernel_size": 2}, True),
        ({"kernel_size": 3, "stride": 3}, True),
        ({"kernel_size": (1, 2, 3)}, True),
        ({"kernel_size": 2, "stride": (2, 2, 2), "padding": (0, 0, 0)}, True),
        ({"kernel_size": 3, "stride": 2}, False),
        ({"kernel_size": 2, "padding": 1}, False),
        ({"kernel_size": 2, "dilation": 2}, False),
        ({"kernel_size": 2, "ceil_mode": True}, False),
    ],
)
def test_equals_torch(shape: tuple[int, ...], arguments: dict, quick: bool) -> None:
    n_axes = len(shape) - 2
    given: dict[str, Any] = {
        k: v[:n_axes] if isinstance(v, tuple) else v for k, v in arguments.items()
    }
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0] = float("nan")
    x[0, 1] = float("-inf")
    pool = functional.max_pool2d if n_axes == 2 else functional.max_pool3d
    layer = (nn.MaxPool2d if n_axes == 2 else nn.MaxPool3d)(**given)
    expected = pool(x, **given)
    assert (block_maxima(n_axes, x, **given) is not None) == quick
    for memory in (torch.contiguous_format, None):
        last = torch.channels_last if n_axes == 2 else torch.channels_last_3d
        laid = x.contiguous(memory_format=memory or last)
        with torch.no_grad(), _Front():
            for out in (pool(laid, **given), layer(laid)):
                torch.testing.assert_close(
                    out, expected, rtol=0, atol=0, equal_nan=True
                )


def test_what_torch_refuses_is_refused() -> None:
    x = torch.zeros(1, 1, 1, 4)
    with torch.no_grad(), _Front():
        with pytest.raises(RuntimeError, match="too small"):
            functional.max_pool2d(x, 2)
        values, places = functional.max_pool2d(
            torch.arange(4.0).view(1, 1, 2, 2), 2, return_indices=True
        )
    assert values.item() == places.item() == 3
