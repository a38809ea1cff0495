"""A small modern net for galaxy cut-outs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import relu

from skastro.neural_network.modules._layers import (
    SeededDropout,
    WeightedBatchNorm2d,
    max_pool,
)


class GalaxyCompactNet(nn.Module):
    """Convolutions with batch normalisation and global average pooling.

    The first convolution is 5x5 with stride 2, which shrinks already; all others are
    3x3 and pooled 2x2, before normalisation and ReLU: both then work on a quarter of
    the values.

    Parameters
    ----------
    input_shape : (c, h, w)
        Shape of one image, in pixels.
    n_outputs : int
        Width of the last layer.
    filters : sequence of int
        Filters of the convolutions, as many as there are numbers.
    dropout : float
        Share of the pooled features dropped in training.
    """

    init_scheme = "he"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        filters: Sequence[int] = (16, 32, 64, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels = input_shape[0]
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        for depth, n_filters in enumerate(filters):
            first = depth == 0
            self.convolutions.append(
                nn.Conv2d(
                    channels,
                    n_filters,
                    5 if first else 3,
                    stride=2 if first else 1,
                    padding=2 if first else 1,
                    bias=False,  # batch normalisation has one
                )
            )
            self.norms.append(WeightedBatchNorm2d(n_filters))
            channels = n_filters
        self.dropout = SeededDropout(dropout)
        self.head = nn.Linear(channels, n_outputs)

    def features(self, x: Tensor) -> Tensor:
        """Give the averaged last feature maps.

        Parameters
        ----------
        x : Tensor of shape (n, c, h, w)
            The images.

        Returns
        -------
        Tensor of shape (n, filters[-1])
            What the last layer sees.
        """
        for depth, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            x = convolution(x)
            x = relu(norm(max_pool(x) if depth else x))
        out: Tensor = self.dropout(x.mean(dim=(2, 3)))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs before the softmax, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out
