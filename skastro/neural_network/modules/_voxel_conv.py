"""Convolutional nets of voxels: in three dimensions, or with depth as channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import max_pool3d, relu

from skastro.neural_network.modules._block_maxima import block_maxima
from skastro.neural_network.modules._layers import (
    SeededDropout,
    WeightedBatchNorm2d,
    max_pool,
    needs_places,
)
from skastro.neural_network.modules._voxel_scale import VoxelScale


class VoxelConvNet(nn.Module):
    """3x3(x3) convolutions with batch normalisation, pooled, and one dense layer.

    After each convolution but the last the grid is pooled by two. The last maps are
    flattened rather than averaged: how deep a track goes is a place, not a texture.

    Parameters
    ----------
    input_shape : (c, d, h, w)
        Channels, layers, rows and columns.
    n_outputs : int
        Width of the last layer.
    filters : sequence of int
        Filters of the convolutions.
    depth_channels : bool
        Whether the layers are channels of a two-dimensional net.
    dropout : float
        Share of the flattened features dropped in training.
    log_energy, binarize : bool
        Of `VoxelScale`.
    threshold : float
        Of `VoxelScale`, in MeV.
    """

    init_scheme = "he"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        filters: Sequence[int] = (16, 32, 64),
        depth_channels: bool = False,
        dropout: float = 0.0,
        log_energy: bool = True,
        binarize: bool = False,
        threshold: float = 0.0,
    ) -> None:
        super().__init__()
        channels, *grid = input_shape
        self.depth_channels = depth_channels
        self.scale = VoxelScale(log_energy, binarize, threshold)
        if depth_channels:
            channels, grid = channels * grid[0], grid[1:]
        convolution = nn.Conv2d if depth_channels else nn.Conv3d
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        for depth, n_filters in enumerate(filters):
            self.convolutions.append(
                convolution(channels, n_filters, 3, padding=1, bias=False)
            )
            self.norms.append(WeightedBatchNorm2d(n_filters))
            channels = n_filters
            if depth + 1 < len(filters):
                grid = [max(1, size // 2) for size in grid]
        for size in grid:
            channels *= size
        self.dropout = SeededDropout(dropout)
        self.head = nn.Linear(channels, n_outputs)

    def features(self, x: Tensor) -> Tensor:
        """Give the flattened last feature maps.

        Parameters
        ----------
        x : Tensor of shape (n, c, d, h, w)
            Deposits in MeV, and times in ns plus 1.

        Returns
        -------
        Tensor of shape (n, n_features)
            What the last layer sees.
        """
        x = self.scale(x)
        if self.depth_channels:
            x = x.flatten(1, 2)
        last = len(self.convolutions) - 1
        for depth, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            x = convolution(x)
            if self.depth_channels:
                x = relu(norm(x))
                x = x if depth == last else max_pool(x)
            else:
                # One norm for two and three dimensions, which knows sample weights.
                x = relu(norm(x.flatten(2, 3)).reshape(x.shape))
                x = x if depth == last else _max_pool_3d(x)
        out: Tensor = self.dropout(x.flatten(1))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs before the softmax, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out


def _max_pool_3d(x: Tensor) -> Tensor:
    """Pool by two, or less along an axis of one voxel."""
    kernel = [min(2, size) for size in x.shape[2:]]
    return max_pool3d(x, kernel) if needs_places(x) else block_maxima(x, kernel)
