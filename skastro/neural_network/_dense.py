"""The part that both dense nets share."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skastro.neural_network._base import BaseTorchEstimator
from skastro.neural_network._loader import Augmentation
from skastro.neural_network.augmentation import as_augmentation
from skastro.neural_network.modules import MLP
from skastro.neural_network.modules._mlp import ACTIVATIONS

DENSE_CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": [
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "augment": [StrOptions({"symmetry", "geometric"}), callable, list, None],
}


class DenseMixin(BaseTorchEstimator):
    """The module of both dense estimators."""

    _module_class = MLP

    hidden_layer_sizes: Sequence[int] | int
    activation: str
    dropout: float
    augment: Any

    def _config(self, input_shape: tuple[int, int, int], n_out: int) -> dict[str, Any]:
        given: Any = self.hidden_layer_sizes
        sizes: list[Any] = [given] if isinstance(given, Integral) else list(given)
        if any(not isinstance(s, Integral) or s < 1 for s in sizes):
            raise ValueError(
                "hidden_layer_sizes must be positive integers, got "
                f"{self.hidden_layer_sizes!r}."
            )
        return {
            "input_shape": list(input_shape),
            "n_outputs": n_out,
            "hidden_layer_sizes": [int(s) for s in sizes],
            "activation": self.activation,
            "dropout": float(self.dropout),
        }

    def _augmentation(self) -> Augmentation | None:
        return as_augmentation(self.augment)
