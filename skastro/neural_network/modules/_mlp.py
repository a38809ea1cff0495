"""A multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from skastro.neural_network.modules._layers import SeededDropout

ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
}


class MLP(nn.Module):
    """Dense layers on flattened input.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample, without the batch axis.
    n_outputs : int
        Width of the last layer, which has no activation.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
    activation : {"identity", "logistic", "tanh", "relu"}
        After every hidden layer.
    dropout : float
        Share of hidden values dropped in training, after every hidden layer.
    """

    init_scheme = "glorot"

    def __init__(
        self,
        input_shape: Sequence[int],
        n_outputs: int,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        width = math.prod(input_shape)
        for size in hidden_layer_sizes:
            layers += [nn.Linear(width, size), ACTIVATIONS[activation]()]
            if dropout:
                layers.append(SeededDropout(dropout))
            width = size
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Give the outputs before any softmax, shape (n, n_outputs)."""
        out: Tensor = self.head(self.features(x))
        return out
