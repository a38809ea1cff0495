"""The skorch net that an estimator owns."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn

from skastro.neural_network._loader import TensorLoader
from skastro.neural_network._optim import learning_rate_factor, split_parameters
from skastro.neural_network._precision import forward, make_scaler
from skastro.neural_network.modules import WeightedBatchNorm2d


class TrainingData(NamedTuple):
    """What one call of the training loop runs on."""

    train: TensorLoader
    valid: TensorLoader | None


class WeightedNet(NeuralNet):
    """skorch's training loop with sample weights, and without its overhead.

    It differs from ``skorch.NeuralNet`` in five seams: the data are loaders already;
    the loss of a batch is sum(w l) / sum(w); ``alpha`` is scikit-learn's L2 penalty;
    the learning rate may follow a schedule; and losses are collected as tensors and
    written to ``history`` once an epoch. Callbacks work as in skorch; the hooks of
    single batches are called, and batch losses recorded, where a callback has such a
    hook.

    Parameters
    ----------
    module : nn.Module
        Initialised.
    criterion : nn.Module
        Gives the loss of every sample.
    make_optimizer : callable
        Takes weights and other parameters of the module, which is on its device by
        then, and gives its optimiser.
    alpha : float
        Strength of the L2 penalty.
    schedule : str
        Of the learning rate.
    learning_rate_init : float
        What the schedule multiplies.
    mixed : bool
        Whether products are made in half precision.
    **kwargs : dict
        Of ``skorch.NeuralNet``.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: nn.Module,
        *,
        make_optimizer: Any = None,
        alpha: float = 0.0,
        schedule: str = "constant",
        learning_rate_init: float = 1e-3,
        mixed: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, criterion=criterion, **kwargs)
        self.make_optimizer = make_optimizer
        self.alpha = alpha
        self.schedule = schedule
        self.learning_rate_init = learning_rate_init
        self.mixed = mixed

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks; note when one of them ends the training."""
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt:
            self.ended_by_callback_ = True
            raise

    def initialize_optimizer(self, triggered_directly: Any = None) -> WeightedNet:
        """Make the optimiser and list what the loop needs often."""
        self._weights, others = split_parameters(self.module_)
        self.optimizer_ = self.make_optimizer(self._weights, others)
        self._scaler = make_scaler(torch.device(self.device), self.mixed)
        self._weighted_layers = [
            m for m in self.module_.modules() if isinstance(m, WeightedBatchNorm2d)
        ]
        return self

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Take training and validation data as they come."""
        return X.train, X.valid

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Take the loader itself."""
        return dataset

    def run_single_epoch(
        self,
        iterator: Any,
        training: bool,
        prefix: str,
        step_fn: Any,
        **fit_params: Any,
    ) -> None:
        """Run one epoch and record its mean loss."""
        if iterator is None:
            return
        per_batch = self._has_batch_hooks()
        total: Any = 0.0
        weights: Any = 0.0
        n_batches = 0
        outputs = []
        self._set_training(training)
        epochs_done = len(self.history) - 1
        steps = len(iterator)
        for number, batch in enumerate(iterator):
            if training:
                self._set_learning_rate(epochs_done + number / steps)
            if per_batch:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            loss, weight = step["loss"].detach(), step["weight"]
            total = total + loss * weight
            weights = weights + weight
            n_batches += 1
            if not training:
                outputs.append(step["y_pred"])
            if per_batch:
                self.history.record_batch(f"{prefix}_loss", float(loss))
                self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
                self.notify("on_batch_end", batch=batch, training=training, **step)
        if not training:
            self.valid_output_ = torch.cat(outputs)
        # Only validation data can all have a weight of zero; they then have no loss.
        weight = float(weights)
        loss = float(total) / weight if weight > 0 else float("nan")
        if training and not math.isfinite(loss):
            raise ValueError(
                f"The training diverged: the loss of epoch {epochs_done + 1} is "
                f"{loss}. Lower learning_rate_init, or scale the input "
                "(sklearn.preprocessing.StandardScaler, CutoutNormalizer)."
            )
        self.history.record(f"{prefix}_batch_count", n_batches)
        self.history.record(f"{prefix}_loss", loss)

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take one step of the optimiser."""
        X, target = batch
        y, w = target if isinstance(target, tuple) else (target, None)
        if w is not None and not bool(w.any()):
            # Nothing to learn from, and its mean would be 0 / 0.
            return {"loss": w.new_zeros(()), "y_pred": y, "weight": w.new_zeros(())}
        self.optimizer_.zero_grad(set_to_none=True)
        for layer in self._weighted_layers:
            layer.sample_weight = w
        y_pred = forward(self.module_, X, self.mixed)
        loss, weight = self._loss(y_pred, y, w)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self.optimizer_)
        for layer in self._weighted_layers:
            layer.sample_weight = None
        if self.alpha:
            strength = self.alpha / float(weight)
            for parameter in self._weights:
                if parameter.grad is None:  # frozen by a callback
                    continue
                parameter.grad.add_(parameter.detach(), alpha=strength)
        if self.callbacks_:
            self.notify(
                "on_grad_computed",
                named_parameters=list(self.module_.named_parameters()),
                batch=batch,
                training=True,
            )
        self._scaler.step(self.optimizer_)
        self._scaler.update()
        return {"loss": loss, "y_pred": y_pred.detach(), "weight": weight}

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take the loss of a batch without learning from it."""
        X, target = batch
        y, w = target if isinstance(target, tuple) else (target, None)
        with torch.no_grad():
            y_pred = forward(self.module_, X, self.mixed)
            loss, weight = self._loss(y_pred, y, w)
        return {"loss": loss, "y_pred": y_pred, "weight": weight}

    def _loss(self, y_pred: Tensor, y: Tensor, w: Tensor | None) -> tuple[Tensor, Any]:
        losses = self.criterion_(y_pred, y)
        if w is None:
            return losses.mean(), len(losses)
        weight = w.sum()
        # A batch in which every weight is zero teaches nothing, and must not divide
        # by zero.
        safe = weight if bool(weight > 0) else torch.ones_like(weight)
        return (losses * w).sum() / safe, weight

    def _set_learning_rate(self, epochs: float) -> None:
        if self.schedule == "constant":
            return
        factor = learning_rate_factor(self.schedule, epochs / self.max_epochs)
        for group in self.optimizer_.param_groups:
            group["lr"] = self.learning_rate_init * factor

    def _has_batch_hooks(self) -> bool:
        hooks = ("on_batch_begin", "on_batch_end")
        return any(
            getattr(type(callback), hook, None) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in hooks
        )
