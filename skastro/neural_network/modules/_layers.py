"""Layers that torch has, with the two properties that an estimator needs.

Dropout draws from a generator that it is given, so that a fit never touches torch's
global random state; batch normalisation knows sample weights, so that a weight of two
is the same as the image given twice.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, max_pool2d

from skastro.neural_network.modules._block_maxima import block_maxima


class SeededDropout(nn.Module):
    """Dropout that draws its mask from ``generator``.

    Parameters
    ----------
    p : float
        Probability of setting a value to zero.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Drop values in training; do nothing otherwise."""
        if not self.training or self.p == 0:
            return x
        keep = 1.0 - self.p
        mask = torch.empty_like(x).bernoulli_(keep, generator=self.generator)
        return x * mask.div_(keep)


class WeightedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose batch statistics are weighted.

    It gives what torch's own gives in training. The running statistics differ in three
    points: they take the variance without Bessel's correction, so that they do not
    depend on the scale of the weights; the first batches are averaged; and a batch
    that has but one value a channel, which has no variance, is normalised with them
    and leaves them alone. ``sample_weight`` is set by the training loop before each
    weighted batch.

    Parameters
    ----------
    num_features : int
        Number of channels.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)
        self.sample_weight: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x``, an image batch."""
        n_values = x.shape[0] * x.shape[2] * x.shape[3]
        if not self.training or n_values == 1:
            return batch_norm(
                x,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                False,
                0.0,
                self.eps,
            )
        weight = self.sample_weight
        if weight is None:
            # In the type of the parameters: x may be of half their precision.
            assert self.running_mean is not None
            mean = torch.zeros_like(self.running_mean)
            var = torch.ones_like(self.running_mean)
            # With a momentum of 1 torch writes the statistics of the batch there.
            out = batch_norm(x, mean, var, self.weight, self.bias, True, 1.0, self.eps)
            self._update(mean, var * ((n_values - 1) / n_values))
            return out
        per_pixel = weight / (weight.sum() * x.shape[2] * x.shape[3])
        share = per_pixel[:, None, None, None]
        mean = (x * share).sum(dim=(0, 2, 3))
        centred = x - mean[:, None, None]
        var = (centred.square() * share).sum(dim=(0, 2, 3))
        self._update(mean.detach(), var.detach())
        scaled = centred * torch.rsqrt(var + self.eps)[:, None, None]
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]

    def _update(self, mean: Tensor, var: Tensor) -> None:
        momentum = self._count_batch()
        assert self.running_mean is not None
        assert self.running_var is not None
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(var, momentum)

    def _count_batch(self) -> float:
        """Give the share of this batch in the running statistics.

        They start at 0 and 1, which are nobody's statistics; a short training would
        be judged with them. So the first batches are averaged, and only then forgotten
        at torch's rate.
        """
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        rate = 0.1 if self.momentum is None else self.momentum
        return max(rate, 1.0 / int(self.num_batches_tracked))


def max_pool(x: Tensor) -> Tensor:
    """Pool 2x2, or less where an image has one row (a flat sample).

    Parameters
    ----------
    x : Tensor of shape (n, c, h, w)
        The images.

    Returns
    -------
    Tensor of shape (n, c, max(1, h // 2), max(1, w // 2))
        The largest value of each block.
    """
    kernel = min(2, x.shape[2]), min(2, x.shape[3])
    return max_pool2d(x, kernel) if needs_places(x) else block_maxima(x, kernel)


def needs_places(x: Tensor) -> bool:
    """Tell whether a pool is better left to torch, which notes where maxima are.

    Parameters
    ----------
    x : Tensor
        What is pooled.

    Returns
    -------
    bool
        True where gradients will flow back, and off the CPU, where one kernel is best.
    """
    return torch.is_grad_enabled() or x.device.type != "cpu"


def initialize_weights(
    module: nn.Module, generator: torch.Generator, scheme: str = "glorot"
) -> None:
    """Set every weight from ``generator``; biases start at zero.

    Parameters
    ----------
    module : nn.Module
        Is changed in place. Its tensors may be uninitialised.
    generator : torch.Generator
        On the CPU. Values are drawn in float64, so that a float32 and a float64 net
        start at the same place.
    scheme : {"glorot", "he", "lecun"}, default="glorot"
        "glorot" draws all weights from U(-b, b), b² = 6 / (fan_in + fan_out) [1]_,
        which is also Keras's and scikit-learn's rule; "he" draws those of
        convolutions from N(0, 2 / fan_in) [2]_; "lecun" draws all from U(-b, b),
        b² = 1 / fan_in, as torch does, which suits attention with its many residual
        branches.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS 2010, equation 16.
    .. [2] K. He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.Conv3d)):
            field = math.prod(layer.weight.shape[2:])
            fan_in = layer.weight.shape[1] * field
            fan_out = layer.weight.shape[0] * field
            values = torch.empty(layer.weight.shape, dtype=torch.float64)
            if scheme == "he" and not isinstance(layer, nn.Linear):
                values.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
            else:
                bound = math.sqrt(6.0 / (fan_in + fan_out))
                if scheme == "lecun":
                    bound = math.sqrt(1.0 / fan_in)
                values.uniform_(-bound, bound, generator=generator)
            with torch.no_grad():
                layer.weight.copy_(values)
                if layer.bias is not None:
                    layer.bias.zero_()
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.LayerNorm):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
