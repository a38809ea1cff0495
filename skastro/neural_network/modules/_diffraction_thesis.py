"""The net of the diffraction thesis."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pad, relu

from skastro.neural_network.modules._layers import SeededDropout, max_pool

_KERNEL = 3


class DiffractionThesisNet(nn.Module):
    """Blocks of two 3x3 convolutions, pooled, and dense layers.

    Every block is two "same" convolutions with ReLU, a 2x2 maximum pool and dropout;
    every dense layer has ReLU and dropout. The heads, one a direction, share all of
    this, so that they are one linear layer.

    Parameters
    ----------
    input_shape : (c, h, w)
        Shape of one image, in pixels.
    n_outputs : int
        Width of the last layer, three for each head.
    filters : sequence of int
        Filters of both convolutions of each block.
    dense_layer_sizes : sequence of int
        Widths of the dense layers.
    conv_dropout : float
        Share dropped in training, after every pool.
    dropout : float
        Share dropped in training, after every dense layer.

    Attributes
    ----------
    n_units : int
        Values that a forward pass holds for one image, counted as in the thesis: the
        input and the outputs of all layers, pools, dropouts and the flattening among
        them; ReLUs are part of their layer.
    """

    init_scheme = "glorot"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        filters: Sequence[int] = (32, 64),
        dense_layer_sizes: Sequence[int] = (512, 256),
        conv_dropout: float = 0.25,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        channels, h, w = (int(s) for s in input_shape)
        # One row of pixels (a flat sample) has no room for a square kernel.
        kernel = min(_KERNEL, h), min(_KERNEL, w)
        down, right = (k - 1 for k in kernel)
        self.padding = (right // 2, right - right // 2, down // 2, down - down // 2)
        self.conv = nn.ModuleList()
        units = channels * h * w
        for n_filters in filters:
            for _ in range(2):
                self.conv.append(nn.Conv2d(channels, n_filters, kernel))
                channels = n_filters
            units += 2 * channels * h * w
            h, w = max(1, h // 2), max(1, w // 2)
            units += 2 * channels * h * w  # pool and dropout
        self.conv_dropout = SeededDropout(conv_dropout)
        width = channels * h * w
        units += width  # flattening
        layers: list[nn.Module] = [nn.Flatten()]
        for n_units in dense_layer_sizes:
            layers += [nn.Linear(width, n_units), nn.ReLU(), SeededDropout(dropout)]
            width = n_units
            units += 2 * n_units
        self.dense = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_outputs)
        self.n_units = units + n_outputs

    def features(self, x: Tensor) -> Tensor:
        """Give the penultimate layer.

        Parameters
        ----------
        x : Tensor of shape (n, c, h, w)
            The images.

        Returns
        -------
        Tensor of shape (n, dense_layer_sizes[-1])
            What the heads see.
        """
        for number, convolution in enumerate(self.conv):
            x = convolution(pad(x, self.padding))
            # Maximum and ReLU commute; on a quarter of the values ReLU is cheaper.
            x = self.conv_dropout(relu(max_pool(x))) if number % 2 else relu(x)
        out: Tensor = self.dense(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs of all heads, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out
