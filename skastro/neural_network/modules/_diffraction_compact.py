"""A small net for spot patterns that does not see how they are turned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample

from skastro.neural_network.modules._layers import SeededDropout, WeightedBatchNorm2d

# Larger images are averaged down to about this many pixels a side: the rings then
# sample spots that are wide enough to be sampled.
_SIDE = 112


class DiffractionCompactNet(nn.Module):
    """Filters on the whole circle, correlated over all in-plane angles, and an MLP.

    An image is resampled on rings about its middle and raised to ``power``, which
    brings weak spots up, and scaled to unit length. Each filter is as large as the
    ringed image and is correlated with it at all angles, plain and mirrored, by
    products of Fourier coefficients along the rings; the largest correlation of each
    is what the dense layers see. A turned or mirrored pattern gives the same output
    up to resampling, whatever the weights are.

    Flat rows (images of one row) go into the dense layers as they are.

    Parameters
    ----------
    input_shape : (c, h, w)
        Shape of one image, in pixels.
    n_outputs : int
        Width of the last layer.
    n_filters : int
        Number of filters.
    dense_layer_sizes : sequence of int
        Widths of the dense layers.
    dropout : float
        Share dropped in training, after the last dense layer.
    n_rings : int
        Rings between the middle and the border; small images have fewer.
    n_frequencies : int
        Fourier coefficients that are kept along the rings; small images have fewer.
    power : float
        Exponent of the resampled values; the sign of negative ones is kept.
    mirror : bool
        Whether mirrored images are taken as the same.
    """

    init_scheme = "glorot"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        n_filters: int = 512,
        dense_layer_sizes: Sequence[int] = (1024, 1024, 512, 256),
        dropout: float = 0.0,
        n_rings: int = 48,
        n_frequencies: int = 32,
        power: float = 0.3,
        mirror: bool = True,
    ) -> None:
        super().__init__()
        channels, h, w = (int(s) for s in input_shape)
        self.power = power
        self.mirror = mirror
        self.is_image = min(h, w) > 1
        width = channels * h * w
        if self.is_image:
            self.pool = max(1, round(min(h, w) / _SIDE))
            side = min(h, w) // self.pool
            self.n_rings = min(n_rings, max(1, side // 2))
            # Two samples for each coefficient, and a third one for the higher ones
            # that the power makes.
            self.n_frequencies = min(n_frequencies, max(2, side))
            self.n_angles = 3 * self.n_frequencies
            rows = channels * self.n_rings
            # Real and imaginary parts; without frequency 0, which has no angle.
            self.conv = nn.Conv2d(
                rows, n_filters, (self.n_frequencies - 1, 2), bias=False
            )
            self.norm = WeightedBatchNorm2d(n_filters)
            width = n_filters
        layers: list[nn.Module] = []
        for n_units in dense_layer_sizes:
            layers += [nn.Linear(width, n_units), nn.ReLU()]
            width = n_units
        self.dense = nn.Sequential(*layers, SeededDropout(dropout))
        self.head = nn.Linear(width, n_outputs)
        self._grids: dict[tuple[object, ...], Tensor] = {}

    def rings(self, x: Tensor) -> Tensor:
        """Give the Fourier coefficients along the rings.

        Parameters
        ----------
        x : Tensor of shape (n, c, h, w)
            The images.

        Returns
        -------
        Tensor of shape (n, c * n_rings, n_frequencies - 1, 2)
            Real and imaginary parts; the sum of their squares is 1.
        """
        x = avg_pool2d(x, self.pool) if self.pool > 1 else x
        grid = self._grid(x)
        polar = grid_sample(
            x.contiguous(),
            grid.expand(len(x), -1, -1, -1),
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        polar = polar.sign() * polar.abs().pow(self.power)
        spectrum = torch.fft.rfft(polar.flatten(1, 2), dim=2)
        kept = torch.view_as_real(spectrum[:, :, 1 : self.n_frequencies])
        length = kept.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        return kept / length.clamp_min(torch.finfo(x.dtype).tiny)

    def _grid(self, x: Tensor) -> Tensor:
        """Give the points of the rings, as `grid_sample` takes them."""
        key = (*x.shape[2:], x.dtype, x.device)
        if key not in self._grids:
            h, w = x.shape[2:]
            outer = (min(h, w) - 1) / 2
            radius = torch.arange(1, self.n_rings + 1, dtype=torch.float64)
            radius = radius * (outer / self.n_rings)
            angle = torch.arange(self.n_angles, dtype=torch.float64)
            angle = angle * (2 * math.pi / self.n_angles)
            across = radius[:, None] * angle.cos() * (2 / w)
            down = radius[:, None] * angle.sin() * (2 / h)
            grid = torch.stack([across, down], dim=-1)[None]
            self._grids[key] = grid.to(x)
        return self._grids[key]

    def correlations(self, x: Tensor) -> Tensor:
        """Give the largest correlation of each filter over all angles.

        Parameters
        ----------
        x : Tensor of shape (n, c, h, w)
            The images.

        Returns
        -------
        Tensor of shape (n, n_filters)
            Of unit images; with filters of unit length at most 1.
        """
        image = self.rings(x)
        n, n_filters = len(x), self.conv.out_channels
        # (frequency, 2 n, ring) @ (frequency, ring, 2 filters): the four products of
        # real and imaginary parts serve the plain and the mirrored filter.
        left = image.permute(2, 3, 0, 1).flatten(1, 2)
        right = self.conv.weight.permute(2, 1, 3, 0).flatten(2)
        product = torch.bmm(left, right).view(-1, 2, n, 2, n_filters)
        rr, ri, ir, ii = (product[:, i, :, j] for i in (0, 1) for j in (0, 1))
        cos, sin = self._waves(x)
        # Which angle is best has no gradient; only that one is then written down for
        # the backward pass, which is most of the time saved.
        with torch.no_grad():
            even, odd = (w @ p.flatten(1) for w, p in ((cos, rr), (sin, ir)))
            even_2, odd_2 = (w @ p.flatten(1) for w, p in ((cos, ii), (sin, ri)))
            # Plain and mirrored filters differ by a sign, as do angles and their
            # negatives: these are all four combinations.
            ahead, behind = even_2 - odd_2, even_2 + odd_2
            if self.mirror:
                ahead, behind = ahead.abs_(), behind.abs_()
            ahead += even + odd
            behind += even - odd
            best_ahead, at_ahead = ahead.max(dim=0)
            best_behind, at_behind = behind.max(dim=0)
            turn = torch.where(best_ahead >= best_behind, 1.0, -1.0).to(x)
            at = torch.where(turn > 0, at_ahead, at_behind)
            mixed = even_2.gather(0, at[None]) - turn * odd_2.gather(0, at[None])
            plain = (mixed[0] >= 0) | (not self.mirror)
            mirror = torch.where(plain, 1.0, -1.0).to(x).view(n, n_filters)
            cos = cos[at].view(n, n_filters, -1).permute(2, 0, 1)
            sin = (turn[:, None] * sin[at]).view(n, n_filters, -1).permute(2, 0, 1)
        along = rr + mirror * ii
        across = ir - mirror * ri
        return (cos * along + sin * across).sum(dim=0)

    def _waves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give cosine and sine of half the angles, (n_angles, n_frequencies - 1)."""
        key = ("waves", x.dtype, x.device)
        if key not in self._grids:
            k = torch.arange(1, self.n_frequencies, dtype=torch.float64)
            angle = torch.arange(self.n_frequencies + 1, dtype=torch.float64)
            phase = angle[:, None] * k * (math.pi / self.n_frequencies)
            # A correlation with conj(filter) turned by t is Re(c exp(i k t)).
            self._grids[key] = torch.stack([phase.cos(), -phase.sin()]).to(x)
        both = self._grids[key]
        return both[0], both[1]

    def set_filters(self, images: Tensor, first: int = 0) -> None:
        """Let filters be images.

        Parameters
        ----------
        images : Tensor of shape (n, c, h, w)
            At most as many as there are filters from ``first`` on.
        first : int
            The first filter that is set.
        """
        with torch.no_grad():
            self.conv.weight[first : first + len(images)] = self.rings(images)

    def train(self, mode: bool = True) -> DiffractionCompactNet:
        """Choose training or inference; a frozen norm keeps its statistics.

        Parameters
        ----------
        mode : bool
            Whether to train.

        Returns
        -------
        DiffractionCompactNet
            This module.
        """
        super().train(mode)
        if self.is_image and not self.norm.weight.requires_grad:
            self.norm.eval()
        return self

    def measure(self, batches: Iterable[Tensor]) -> None:
        """Let the norm's statistics take samples in, and learn nothing else.

        Parameters
        ----------
        batches : iterable of Tensor of shape (n, c, h, w)
            The images; how they are cut into batches does not matter.
        """
        with torch.no_grad():
            seen = torch.cat([self.correlations(x) for x in batches])
            self.norm.train()
            self.norm(seen[:, :, None, None])
            self.norm.eval()

    def features(self, x: Tensor) -> Tensor:
        """Give what the last layer sees.

        Parameters
        ----------
        x : Tensor of shape (n, c, h, w)
            The images.

        Returns
        -------
        Tensor of shape (n, dense_layer_sizes[-1])
            The penultimate layer.
        """
        if self.is_image:
            x = self.norm(self.correlations(x)[:, :, None, None])
        out: Tensor = self.dense(x.flatten(1))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out
