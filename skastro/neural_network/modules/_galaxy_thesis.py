"""The net of the galaxy thesis."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pad, relu

from skastro.neural_network.modules._layers import SeededDropout, max_pool

KERNELS = (3, 3, 2)


class GalaxyThesisNet(nn.Module):
    """Three convolutions of 3x3, 3x3 and 2x2, each pooled, and dense layers.

    The thesis gives the kernels, the pooling and two dense layers of 1,024 ("after
    Cheng et al."); numbers of filters, padding and dropout are not stated there and
    are parameters here.

    Parameters
    ----------
    input_shape : (c, h, w)
        Shape of one image, in pixels.
    n_outputs : int
        Width of the last layer.
    filters : sequence of 3 int
        Filters of the three convolutions.
    dense_layer_sizes : sequence of int
        Widths of the dense layers.
    dropout : float
        Share dropped in training, after every dense layer.
    padding : {"valid", "same"}
        Of the convolutions.

    References
    ----------
    T.-Y. Cheng et al., MNRAS 493, 4209 (2020).
    """

    init_scheme = "glorot"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        filters: Sequence[int] = (32, 64, 128),
        dense_layer_sizes: Sequence[int] = (1024, 1024),
        dropout: float = 0.5,
        padding: str = "valid",
    ) -> None:
        super().__init__()
        channels, *size = input_shape
        self.convolutions = nn.ModuleList()
        self.pads: list[tuple[int, int, int, int]] = []
        for kernel, n_filters in zip(KERNELS, filters, strict=True):
            # One row of pixels (a flat sample) has no room for a square kernel.
            clamped = min(kernel, size[0]), min(kernel, size[1])
            self.convolutions.append(nn.Conv2d(channels, n_filters, clamped))
            if padding == "valid":
                size = [s - k + 1 for s, k in zip(size, clamped, strict=True)]
            # An even kernel has no middle; as in Keras the odd row goes below.
            down, right = (k - 1 if padding == "same" else 0 for k in clamped)
            self.pads.append(
                (right // 2, right - right // 2, down // 2, down - down // 2)
            )
            size = [max(1, s // 2) for s in size]
            channels = n_filters
        width = channels * size[0] * size[1]
        layers: list[nn.Module] = [nn.Flatten()]
        for n_units in dense_layer_sizes:
            layers += [nn.Linear(width, n_units), nn.ReLU(), SeededDropout(dropout)]
            width = n_units
        self.dense = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_outputs)

    def features(self, x: Tensor) -> Tensor:
        """Give the penultimate layer.

        Parameters
        ----------
        x : Tensor of shape (n, c, h, w)
            The images.

        Returns
        -------
        Tensor of shape (n, last dense width)
            What the last layer sees.
        """
        for convolution, padding in zip(self.convolutions, self.pads, strict=True):
            if any(padding):
                x = pad(x, padding)
            # Maximum and ReLU commute; on a quarter of the values ReLU is cheaper.
            x = relu(max_pool(convolution(x)))
        out: Tensor = self.dense(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs before the softmax, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out
