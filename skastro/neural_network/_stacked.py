"""Many equal dense nets trained at once.

A small net spends most of its time on calling torch, not on arithmetic. Nets of one
shape, each with its own data, weights and random numbers, are therefore stacked: one
batched matrix product does a layer of all of them. Every number is drawn from the
generator that the net would use alone, so that the results are the same up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skastro.neural_network._base import BaseTorchEstimator
from skastro.neural_network._dense_classifier import DenseClassifier
from skastro.neural_network._dense_regressor import DenseRegressor
from skastro.neural_network._loader import TensorLoader
from skastro.neural_network._optim import learning_rate_factor, make_optimizer
from skastro.neural_network.modules import SeededDropout
from skastro.utils import torch_threads
from skastro.utils._allocator import keep_freed_memory

# Values in the largest layer of one evaluated block: it should stay in the cache.
_BLOCK_VALUES = 1 << 20


def can_stack(estimator: Any) -> str | None:
    """Tell why nets like this one cannot be stacked.

    Parameters
    ----------
    estimator : estimator
        Not necessarily a net.

    Returns
    -------
    str or None
        The reason, to be put after "because"; None where they can.
    """
    # Not subclasses: they may do anything in their own way.
    if type(estimator) not in (DenseClassifier, DenseRegressor):
        return f"{type(estimator).__name__} is no dense net of skastro"
    if estimator.callbacks or getattr(estimator, "_skl_callbacks", None):
        return "callbacks watch one net"
    if estimator.early_stopping:
        return "early_stopping ends each net at its own epoch"
    if estimator.dtype == "mixed":
        return "mixed precision is for nets that fill a GPU each"
    if estimator.warm_start:
        return "warm_start=True goes on with one net"
    if getattr(estimator, "class_weight", None) is not None:
        return "class_weight weights the batches of each net differently"
    return None


def n_parameters(estimator: Any, n_features: int, n_outputs: int) -> int:
    """Count the weights and biases of a dense net.

    Parameters
    ----------
    estimator : DenseClassifier or DenseRegressor
        Fitted or not.
    n_features, n_outputs : int
        Of the data.

    Returns
    -------
    int
        Their number.
    """
    sizes: Any = estimator.hidden_layer_sizes
    hidden: list[Any] = [sizes] if np.isscalar(sizes) else list(sizes)
    widths: list[int] = [n_features, *hidden, n_outputs]
    pairs = pairwise(widths)
    return int(sum((a + 1) * b for a, b in pairs))


class StackedNets:
    """Equal dense nets that learn side by side.

    Parameters
    ----------
    estimators : list of DenseClassifier or of DenseRegressor
        Not fitted, alike but for ``random_state``; see `can_stack`. Their modules
        become views into the stack, so that each can be used while it learns.
    data : list of (X, y)
        Training data of each, equally many rows.
    classes : array-like, default=None
        All labels, for classifiers.
    names : list of str, default=None
        What to call each net in an error.

    Raises
    ------
    ValueError
        If the nets cannot be stacked or their data differ in shape.
    """

    def __init__(
        self,
        estimators: Sequence[Any],
        data: Sequence[tuple[Any, Any]],
        classes: Any = None,
        names: Sequence[str] | None = None,
    ) -> None:
        for estimator in estimators:
            reason = can_stack(estimator)
            if reason is not None:
                raise ValueError(f"The nets cannot be stacked because {reason}.")
        self.estimators = list(estimators)
        self.names = list(names or (f"net {i}" for i in range(len(estimators))))
        loaders = [
            _set_up(estimator, X, y, classes)
            for estimator, (X, y) in zip(self.estimators, data, strict=True)
        ]
        first: BaseTorchEstimator = self.estimators[0]
        shapes = {(loader.n_samples, loader.input_shape) for loader in loaders}
        configs = [estimator.module_config_ for estimator in self.estimators]
        if len(shapes) > 1 or any(config != configs[0] for config in configs):
            raise ValueError(
                "Stacked nets need equally many training rows of one shape, got "
                f"{sorted(shapes)}."
            )
        self.loaders = loaders
        self._features = StackedRows(loaders)
        self.epoch = 0
        self._criterion = first._criterion()
        self._settings = first._net_settings()
        self._stack_layers()
        self._optimizer = make_optimizer(
            self.weights,
            self.biases,
            self._settings["solver"],
            **self._settings["optimizer"],
        )

    def _stack_layers(self) -> None:
        """Gather the layers of all nets; the nets then look into the stack."""
        modules: list[Any] = [estimator.module_ for estimator in self.estimators]
        chains = [[*module.features, module.head] for module in modules]
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        self._chain: list[Any] = []
        for layers in zip(*chains, strict=True):
            if isinstance(layers[0], nn.Linear):
                weight = torch.stack([layer.weight.detach() for layer in layers])
                bias = torch.stack([layer.bias.detach() for layer in layers])
                for number, layer in enumerate(layers):
                    layer.weight.data = weight[number]
                    layer.bias.data = bias[number]
                self._chain.append(len(self.weights))
                self.weights.append(weight.requires_grad_())
                self.biases.append(bias.requires_grad_())
            elif isinstance(layers[0], SeededDropout):
                self._chain.append(list(layers))
            elif not isinstance(layers[0], (nn.Flatten, nn.Identity)):
                self._chain.append(layers[0])

    def _forward(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Give the outputs of all nets, (n_nets, n_outputs, n).

        Samples are columns here: batched products are a third quicker this way.
        """
        x = x.transpose(1, 2)
        for step in self._chain:
            if isinstance(step, int):
                bias = self.biases[step].unsqueeze(2)
                x = torch.baddbmm(bias, self.weights[step], x)
            elif isinstance(step, list):
                if training:
                    # A mask is drawn sample by sample, as for one net.
                    rows = x.transpose(1, 2).contiguous()
                    pairs = zip(step, rows, strict=True)
                    x = torch.stack([drop.train()(part) for drop, part in pairs])
                    x = x.transpose(1, 2)
            else:
                x = step(x)
        return x

    def train_epoch(self) -> np.ndarray:
        """Train all nets for one epoch.

        Returns
        -------
        ndarray of shape (n_nets,)
            Mean loss of each over the epoch while its weights change.

        Raises
        ------
        ValueError
            If the loss of a net is no longer finite.
        """
        keep_freed_memory()
        n_nets = len(self.estimators)
        alpha, schedule = self._settings["alpha"], self._settings["schedule"]
        total = torch.zeros(n_nets, dtype=self.weights[0].dtype)
        total = total.to(self.weights[0].device)
        with torch_threads(self.estimators[0].n_jobs):
            n_batches = len(self.loaders[0])
            for number, (x, y) in enumerate(self._batches()):
                if schedule != "constant":
                    done = self.epoch + number / n_batches
                    self._set_learning_rate(schedule, done)
                self._optimizer.zero_grad(set_to_none=True)
                output = self._forward(x, training=True)
                if y.ndim == 2:  # codes of classes
                    losses = self._criterion(output, y)
                else:
                    rows_first = output.transpose(1, 2).flatten(0, 1)
                    losses = self._criterion(rows_first, y.flatten(0, 1))
                loss = losses.view(n_nets, -1).mean(dim=1)
                loss.sum().backward()
                rows = x.shape[1]
                if alpha:
                    for weight in self.weights:
                        assert weight.grad is not None
                        weight.grad.add_(weight.detach(), alpha=alpha / rows)
                self._optimizer.step()
                total += loss.detach() * rows
        self.epoch += 1
        mean = (total / self.loaders[0].n_samples).cpu().numpy()
        self._record(mean)
        return np.asarray(mean)

    def _record(self, losses: np.ndarray) -> None:
        """Write the epoch into the nets, as training alone would."""
        for net, name, loss in zip(self.estimators, self.names, losses, strict=True):
            if not math.isfinite(loss):
                raise ValueError(
                    f"The training diverged: the loss of epoch {self.epoch} of "
                    f"{name} is {loss}. Lower learning_rate_init, or "
                    "scale the input (sklearn.preprocessing.StandardScaler)."
                )
            row = {"epoch": self.epoch, "train_loss": float(loss)}
            net.history_ = [*net.history_, row]
            net.loss_curve_ = [r["train_loss"] for r in net.history_]
            net.n_iter_ = self.epoch
            net.module_.eval()

    def _set_learning_rate(self, schedule: str, epochs: float) -> None:
        factor = learning_rate_factor(schedule, epochs / self._settings["max_epochs"])
        rate = self._settings["optimizer"]["learning_rate_init"] * factor
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (n_nets, n, ...) batches, each net's in the order it would have."""
        order = [loader.permutation() for loader in self.loaders]
        targets: list[Any] = [loader._y for loader in self.loaders]
        y = torch.stack(targets)
        for start, stop in pairwise(self.loaders[0]._edges()):
            if order[0] is None:
                index: Any = slice(start, stop)
                yield self._features.take(index), y[:, index]
                continue
            index = torch.stack([p[start:stop] for p in order if p is not None])
            where = index.to(y.device)
            if y.ndim == 2:
                yield self._features.take(index), y.gather(1, where)
            else:
                nets = torch.arange(len(y), device=y.device)[:, None]
                yield self._features.take(index), y[nets, where]

    def load(self, parts: Sequence[Any]) -> StackedRows:
        """Make data ready for `outputs`.

        Parameters
        ----------
        parts : list of array-like
            Samples for each net, equally many.

        Returns
        -------
        StackedRows
            May be used after every epoch.
        """
        loaders = []
        for net, X in zip(self.estimators, parts, strict=True):
            X, _, _ = net._check_input(X, reset=False)
            loaders.append(net._loader(X, None, None, X.shape[0]))
        return StackedRows(loaders)

    def outputs(self, rows: StackedRows) -> Iterator[tuple[slice, Tensor]]:
        """Yield what all nets give for data of their own, block by block.

        Parameters
        ----------
        rows : StackedRows
            From `load`.

        Yields
        ------
        slice
            The rows of this block.
        Tensor of shape (n_nets, n_outputs, n_block)
            Before any softmax, on the CPU.
        """
        widest = max(max(weight.shape[1:]) for weight in self.weights)
        step = max(1, _BLOCK_VALUES // (widest * len(self.estimators)))
        with torch_threads(self.estimators[0].n_jobs), torch.inference_mode():
            for start in range(0, rows.n_samples, step):
                block = slice(start, min(start + step, rows.n_samples))
                yield block, self._forward(rows.take(block)).cpu()


class StackedRows:
    """Rows of several nets as one (n_nets, n, n_features) tensor.

    Parameters
    ----------
    loaders : list of TensorLoader
        One for each net.
    """

    def __init__(self, loaders: Sequence[TensorLoader]) -> None:
        self.loaders = loaders
        self.n_samples = loaders[0].n_samples
        if any(loader.n_samples != self.n_samples for loader in loaders):
            raise ValueError("Stacked nets need equally many rows each.")
        simple = all(
            loader._X is not None and loader.augment is None for loader in loaders
        )
        self._flat: Tensor | None = None
        if simple:
            # One gather for all nets instead of one each.
            tensors: list[Any] = [loader._X for loader in loaders]
            self._flat = torch.cat([t.reshape(self.n_samples, -1) for t in tensors])
            for loader in loaders:
                loader._X = None  # not to be held twice

    def take(self, index: slice | Tensor) -> Tensor:
        """Give rows of each net: the same ones, or those of an (n_nets, n) index."""
        if self._flat is None:
            each = [index] * len(self.loaders) if isinstance(index, slice) else index
            rows = [
                loader.take(i).flatten(1)
                for loader, i in zip(self.loaders, each, strict=True)
            ]
            return torch.stack(rows)
        n_nets = len(self.loaders)
        if isinstance(index, slice):
            return self._flat.view(n_nets, self.n_samples, -1)[:, index]
        offset = torch.arange(n_nets)[:, None] * self.n_samples
        where = (index + offset).flatten().to(self._flat.device)
        return self._flat.index_select(0, where).view(n_nets, -1, self._flat.shape[1])


def _set_up(estimator: Any, X: Any, y: Any, classes: Any) -> TensorLoader:
    """Validate and initialise a net as its own first epoch would."""
    if classes is not None:
        estimator._announced_classes = np.unique(np.asarray(classes))
    estimator._validate_params()
    try:
        X, y, weight, _ = estimator._prepare(X, y, None, None, None, True)
    finally:
        estimator.__dict__.pop("_announced_classes", None)
    order = estimator._generators["order"] if estimator.shuffle else None
    out: TensorLoader = estimator._loader(
        X,
        y,
        weight,
        estimator._batch_size(X.shape[0]),
        order,
        estimator._augmentation(),
    )
    return out
