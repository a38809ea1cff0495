"""A small transformer of the set of hits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu

from skastro.neural_network.modules._layers import SeededDropout
from skastro.neural_network.modules._voxel_scale import VoxelScale

# No wafer holds more; what is beyond must not overflow, in MeV.
_MOST = 1e6
# Distances are divided by these many voxels, and energies by this many MeV.
_WIDE, _HIGH, _ENERGY = 4.0, 3.0, 30.0
_ABSENT = -1e4


class VoxelSetNet(nn.Module):
    """Self-attention among the hits of an event, with a bias by their distance.

    Hits have no order, and an event has a few of 1,440 voxels, so nothing is spent on
    empty space [1]_. Positions are given both absolutely and from the largest deposit.
    After the blocks the hits are joined by their mean, maximum and energy-weighted
    mean.

    Parameters
    ----------
    input_shape : (c, d, h, w)
        Channels (energies, or energies and times), layers, rows and columns.
    n_outputs : int
        Width of the last layer.
    width : int
        Of each hit's representation.
    n_blocks, n_heads : int
        Of the attention; width is a multiple of n_heads.
    dropout : float
        Share of the joined hits dropped in training.
    log_energy, binarize : bool
        Of `VoxelScale`.

    References
    ----------
    .. [1] J. Lee et al., "Set Transformer", ICML 2019.
    """

    init_scheme = "lecun"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        width: int = 48,
        n_blocks: int = 2,
        n_heads: int = 4,
        dropout: float = 0.1,
        log_energy: bool = True,
        binarize: bool = False,
    ) -> None:
        super().__init__()
        self.shape = tuple(int(s) for s in input_shape)
        self.binarize = binarize
        self.scale = VoxelScale(log_energy, binarize, 0.0)
        n_columns = 8 + (self.shape[0] - 1)
        self.embed_in = nn.Linear(n_columns, width)
        self.embed_out = nn.Linear(width, width)
        self.bias_in = nn.Linear(3, 16)
        self.bias_out = nn.Linear(16, n_heads)
        self.blocks = nn.ModuleList(
            AttentionBlock(width, n_heads) for _ in range(n_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = SeededDropout(dropout)
        self.dense = nn.Linear(3 * width, 64)
        self.head = nn.Linear(64, n_outputs)

    def features(self, x: Tensor) -> Tensor:
        """Give what the last layer sees.

        Parameters
        ----------
        x : Tensor of shape (n, n_hits, 2 or 3)
            Flat index of the voxel, deposit in MeV (0 where there is no hit), and time
            in ns plus 1; the largest deposit first.

        Returns
        -------
        Tensor of shape (n, 64)
            Features of the event.
        """
        # Padding that no event of the batch needs costs time and changes nothing.
        longest = max(1, int((x[..., 1] > 0).sum(dim=1).max()))
        x = x[:, :longest]
        x = torch.cat([x[..., :1], x[..., 1:].clamp(max=_MOST)], dim=2)
        energy = x[..., 1]
        present = energy > 0
        voxel = torch.where(present, x[..., 0], 0)
        position = self._position(voxel)
        bias = self._bias(position)
        bias = bias.masked_fill(~present[:, None, None], _ABSENT)
        hits = self._columns(x, position, present)
        z = self.embed_out(gelu(self.embed_in(hits)))
        for block in self.blocks:
            z = block(z, bias)
        z = self.norm(z)
        there = present[..., None].to(z.dtype)
        share = energy / energy.sum(dim=1, keepdim=True).clamp(min=1e-6)
        if self.binarize:
            share = there[..., 0] / there.sum(dim=1).clamp(min=1)
        # An event without hits has no maximum; zero is then as good as any number.
        highest = z.masked_fill(~present[..., None], _ABSENT).amax(dim=1)
        highest = torch.where(present.any(dim=1)[:, None], highest, 0)
        total = (z * there).sum(dim=1) / 8
        weighted = (z * share[..., None]).sum(dim=1)
        joined = torch.cat([total, highest, weighted], dim=1)
        features: Tensor = gelu(self.dense(self.dropout(joined)))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs before the softmax, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out

    def _position(self, voxel: Tensor) -> Tensor:
        """Give layer, row and column from the middle of the grid, (n, h, 3)."""
        _, d, h, w = self.shape
        layer = torch.div(voxel, h * w, rounding_mode="floor")
        row = torch.div(voxel, w, rounding_mode="floor") - layer * h
        column = voxel - (layer * h + row) * w
        parts = zip((layer, row, column), (d, h, w), strict=True)
        return torch.stack([p - (size - 1) / 2 for p, size in parts], dim=-1)

    def _columns(self, x: Tensor, position: Tensor, present: Tensor) -> Tensor:
        """Give the columns of every hit."""
        deposits = self.scale(x[..., 1:].transpose(1, 2)).transpose(1, 2)
        linear = x[..., 1:2] / _ENERGY
        if self.binarize:
            linear = 0 * linear
        half = position.new_tensor([max(1.0, s / 2) for s in self.shape[1:]])
        # Without energies there is no largest deposit.
        start = 0 * position[:, :1] if self.binarize else position[:, :1]
        from_largest = (position - start) / position.new_tensor([_HIGH, _WIDE, _WIDE])
        hits = torch.cat([deposits, linear, position / half, from_largest], dim=-1)
        return hits * present[..., None]

    def _bias(self, position: Tensor) -> Tensor:
        """Give the bias of every pair, (n, n_heads, n_hits, n_hits).

        Offsets are whole voxels, so that there are no more different ones than voxels:
        the layers run on these, and pairs look them up.
        """
        _, d, h, w = self.shape
        grid = torch.meshgrid(
            *(torch.arange(s, device=position.device) for s in (d, h, w)),
            indexing="ij",
        )
        down, back, right = (g.reshape(-1).to(position.dtype) for g in grid)
        across = (back.square() + right.square()).sqrt() / _WIDE
        height = down / _HIGH
        between = torch.stack(
            [across, height, (across.square() + height.square()).sqrt()], dim=1
        )
        table = self.bias_out(gelu(self.bias_in(between)))
        apart = (position[:, :, None] - position[:, None]).abs().round().long()
        index = (apart[..., 0] * h + apart[..., 1]) * w + apart[..., 2]
        return embedding(index, table).permute(0, 3, 1, 2)


class AttentionBlock(nn.Module):
    """Attention with a bias for each pair, then two dense layers; both residual.

    Parameters
    ----------
    width : int
        Of each hit.
    n_heads : int
        Heads.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_in = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.join = nn.Linear(width, width)
        self.norm_out = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Let the hits see each other.

        Parameters
        ----------
        x : Tensor of shape (n, n_hits, width)
            Hits.
        bias : Tensor of shape (n, n_heads, n_hits, n_hits)
            Added to the logits of the attention.

        Returns
        -------
        Tensor of shape (n, n_hits, width)
            Hits that know of others.
        """
        n, n_hits, width = x.shape

        def heads(z: Tensor) -> Tensor:
            return z.reshape(n, n_hits, self.n_heads, -1).transpose(1, 2)

        z = self.norm_in(x)
        query, key = heads(self.query(z)), heads(self.key(z))
        logits = query @ key.transpose(-1, -2) / math.sqrt(width / self.n_heads)
        seen = (logits + bias).softmax(dim=-1) @ heads(self.value(z))
        x = x + self.join(seen.transpose(1, 2).reshape(n, n_hits, width))
        out: Tensor = x + self.down(gelu(self.up(self.norm_out(x))))
        return out
