"""What all nets have in common: parameters, the fit, the forward pass."""

from __future__ import annotations

import copy
import math
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skastro.neural_network._device import inference_batch, resolve_device
from skastro.neural_network._loader import Augmentation, TensorLoader
from skastro.neural_network._monitor import (
    ProgressBar,
    SklearnCallbackBridge,
    ValidationMonitor,
    arrange_callbacks,
)
from skastro.neural_network._net import TrainingData, WeightedNet
from skastro.neural_network._optim import OPTIMIZER_PARAMETERS, make_optimizer
from skastro.neural_network._output import refuse_overflow
from skastro.neural_network._parameters import (
    TRAINING_CONSTRAINTS,
    HeldOut,
    check_weights,
    hold_out,
)
from skastro.neural_network._precision import forward
from skastro.neural_network._random import make_generators
from skastro.neural_network._state import NetState
from skastro.neural_network.modules import SeededDropout, initialize_weights
from skastro.neural_network.stopping import as_stopping_criterion
from skastro.utils import check_images, torch_threads
from skastro.utils._allocator import keep_freed_memory
from skastro.utils._callbacks import CallbackSupportMixin, with_callbacks

_HISTORY_KEYS = ("train_loss", "valid_loss", "valid_score")
_VALIDATION_ATTRIBUTES = ("validation_scores_", "best_validation_score_", "best_epoch_")


class BaseTorchEstimator(CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the estimators that train a torch module.

    It owns a skorch net instead of being one: scikit-learn's rules for parameters and
    fitted attributes then hold without exception. A subclass says which module it
    trains (`_module_class`, `_module_config`) and how targets are encoded.
    """

    _module_class: ClassVar[Callable[..., nn.Module]]

    _parameter_constraints: dict[str, Any] = TRAINING_CONSTRAINTS

    # Which estimators keep the axes of an image, and so use channels_last.
    _image_module = False

    @abstractmethod
    def _module_config(self, input_shape: tuple[int, int, int]) -> dict[str, Any]:
        """Give the module's keyword arguments, from parameters and fitted state."""

    @abstractmethod
    def _encode_target(self, y: Any, *, first: bool) -> np.ndarray:
        """Validate y; on the first fit, learn what it consists of."""

    @abstractmethod
    def _criterion(self) -> nn.Module:
        """Give the loss of every sample, unreduced."""

    @abstractmethod
    def _validation_score(
        self, output: torch.Tensor, y: np.ndarray, weight: np.ndarray | None
    ) -> float:
        """Score the module's outputs for the validation data; higher is better."""

    def _recipe(self, name: str) -> Any:
        """Give a training parameter; a subclass may resolve "auto" here."""
        return getattr(self, name)

    def _augmentation(self) -> Augmentation | None:
        """Give the augmentation of training batches."""
        return None

    def _check_input(self, X: Any, *, reset: bool) -> tuple[np.ndarray, Any, Any]:
        """Validate X; a seam for rows that stand for images."""
        return check_images(self, X, self.image_shape, reset=reset, lazy=True)

    def _check_sample_weight(
        self, sample_weight: Any, X: np.ndarray, y: np.ndarray
    ) -> np.ndarray | None:
        """Validate the weights and join them with any other."""
        return check_weights(sample_weight, X.shape[0])

    @with_callbacks
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        *,
        incremental: bool = False,
    ) -> Any:
        """Train: from new weights, on from the old ones, or for one more epoch."""
        before = dict(self.__dict__)
        try:
            work = self._prepare(X, y, sample_weight, X_val, y_val, incremental)
        except Exception:
            # What was refused must leave no trace: a fitted net keeps its labels.
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        context = None
        if hasattr(self, "_init_callback_context"):
            epochs = 1 if incremental else self.max_epochs
            context = self._init_callback_context(max_subtasks=epochs)
        with torch_threads(self.n_jobs):
            self._train(*work, context, incremental=incremental)
        return self

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, more: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, HeldOut | None]:
        """Validate everything, then set module and net up."""
        as_stopping_criterion(self._recipe("early_stopping"))  # refuses what is none
        fitted = self.__sklearn_is_fitted__()
        first = not (fitted and (more or self.warm_start))
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together.")
        X, shape, trailing = self._check_input(X, reset=first)
        y = self._encode_target(y, first=first)
        if X.shape[0] != len(y):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: "
                f"{[X.shape[0], len(y)]}"
            )
        weight = self._check_sample_weight(sample_weight, X, y)
        validation: HeldOut | None = None
        if X_val is not None:
            X_val, _, _ = self._check_input(X_val, reset=False)
            validation = X_val, self._encode_target(y_val, first=False), None
        elif self._recipe("early_stopping") and not more:
            X, y, weight, validation = hold_out(
                X, y, weight, self._recipe("validation_fraction"), self.random_state
            )
        if first:
            as_image = bool(trailing) or self.image_shape is not None
            self._initialize(shape, self._resolve_dtype(X, as_image))
        elif not more and self._module_config(shape) != self.module_config_:
            raise ValueError(
                "warm_start=True goes on with the same net, but its parameters were "
                f"changed: it is {self.module_config_}, not "
                f"{self._module_config(shape)}. Fit with warm_start=False."
            )
        if first or not more or not hasattr(self, "net_"):
            self._build_net(self._net_settings())
        return X, y, weight, validation

    def _resolve_dtype(self, X: np.ndarray, as_image: bool) -> str:
        if self.dtype in ("float32", "float64"):
            out: str = self.dtype
            return out
        if self.dtype == "mixed" or (self.dtype == "auto" and as_image):
            return "float32"
        return "float64" if X.dtype == np.float64 else "float32"

    def _initialize(self, shape: tuple[int, int, int], dtype: str) -> None:
        """Make a new module; its weights are drawn from own generators."""
        self.device_ = resolve_device(self.device)
        self.dtype_ = dtype
        self.mixed_precision_ = self.dtype == "mixed"
        self._generators = make_generators(
            self.random_state, torch.device(self.device_)
        )
        self.module_config_ = self._module_config(shape)
        module = self._new_module(self.module_config_)
        scheme = getattr(module, "init_scheme", "glorot")
        initialize_weights(module, self._generators["weights"], scheme)
        self._inherit_weights(module)
        self.module_ = self._place(module)
        self.history_: list[dict[str, float]] = []
        self.n_iter_ = 0

    def _inherit_weights(self, module: nn.Module) -> None:
        """Change the initial weights; a seam for fine-tuning."""

    def _new_module(self, config: dict[str, Any]) -> nn.Module:
        # On the meta device constructors draw no random numbers.
        with torch.device("meta"):
            module = type(self)._module_class(**config)
        return module.to_empty(device="cpu")

    def _place(self, module: nn.Module) -> nn.Module:
        """Give a module its dtype, device, memory layout and random numbers."""
        placed: Any = module.to(self.device_, getattr(torch, self.dtype_))
        if self._image_module:
            placed = placed.to(memory_format=torch.channels_last)
        for layer in placed.modules():
            if isinstance(layer, SeededDropout):
                layer.generator = self._generators["dropout"]
        ready: nn.Module = placed.eval()
        return ready

    def _net_settings(self) -> dict[str, Any]:
        """Give what the training depends on, as it is now."""
        return {
            "optimizer": {name: self._recipe(name) for name in OPTIMIZER_PARAMETERS},
            "solver": self._recipe("solver"),
            "alpha": self.alpha,
            "schedule": self._recipe("learning_rate"),
            "max_epochs": self.max_epochs,
            "mixed": self.mixed_precision_,
        }

    def _build_net(self, settings: dict[str, Any]) -> None:
        """Set up skorch's net around the module, with a new optimiser."""
        optimizer, solver = settings["optimizer"], settings["solver"]
        # Kept with the model: parameters may be changed after the fit.
        self._built_with = settings
        self.net_ = WeightedNet(
            self.module_,
            self._criterion(),
            make_optimizer=partial(make_optimizer, solver=solver, **optimizer),
            alpha=settings["alpha"],
            schedule=settings["schedule"],
            learning_rate_init=optimizer["learning_rate_init"],
            max_epochs=settings["max_epochs"],
            mixed=settings["mixed"],
            callbacks=copy.deepcopy(self.callbacks) or [],
            device=self.device_,
            verbose=0,
        )
        self.net_.initialize()

    def _train(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        validation: HeldOut | None,
        context: Any,
        *,
        incremental: bool,
    ) -> None:
        """Run the training loop and take its results over."""
        keep_freed_memory()
        net = self.net_
        batch_size = self._batch_size(X.shape[0])
        order = self._generators["order"] if self.shuffle else None
        train = self._loader(X, y, weight, batch_size, order, self._augmentation())
        valid = monitor = bridge = bar = None
        epochs = 1 if incremental else self.max_epochs
        if validation is not None:
            X_val, y_val, w_val = validation
            if w_val is not None and not w_val.any():
                w_val = None
            valid = self._loader(X_val, y_val, w_val, self._inference_batch())
            monitor = ValidationMonitor(
                lambda output: self._validation_score(output, y_val, w_val),
                early_stopping=False if incremental else self._recipe("early_stopping"),
                tol=self.tol,
                n_iter_no_change=self._recipe("n_iter_no_change"),
            )
        if context is not None and getattr(self, "_skl_callbacks", None):
            bridge = SklearnCallbackBridge(self, context, X, y)
        if self.verbose and not incremental:
            bar = ProgressBar(type(self).__name__, epochs)
        own = list(net.callbacks_)
        net.callbacks_ = arrange_callbacks(own, monitor=monitor, bridge=bridge, bar=bar)
        net.ended_by_callback_ = False
        before = len(net.history)
        if incremental and net.schedule != "constant" and before >= net.max_epochs:
            warnings.warn(
                f"The learning rate's schedule {net.schedule!r} ended after "
                f"{net.max_epochs} epochs, so this one changes next to nothing. Set "
                'max_epochs to all the epochs to come, or learning_rate="constant".',
                stacklevel=4,
            )
        try:
            net.partial_fit(TrainingData(train, valid), epochs=epochs)
        finally:
            net.callbacks_ = own
            self.module_.eval()
        rows = [
            {k: float(row[k]) for k in _HISTORY_KEYS if k in row}
            for row in net.history[before:]
            if "train_loss" in row
        ]
        if len(rows) < epochs and not net.ended_by_callback_:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self.history_ = [
            *self.history_,
            *({"epoch": self.n_iter_ + i, **row} for i, row in enumerate(rows, 1)),
        ]
        first_epoch = self.n_iter_
        self.n_iter_ += len(rows)
        self.loss_curve_ = [row["train_loss"] for row in self.history_]
        if monitor is not None:
            self.validation_scores_ = [r["valid_score"] for r in rows]
            self.best_validation_score_ = monitor.best_score
            self.best_epoch_ = first_epoch + monitor.best_epoch
        else:
            for name in _VALIDATION_ATTRIBUTES:
                self.__dict__.pop(name, None)

    def _batch_size(self, n_samples: int) -> int:
        size = self._recipe("batch_size")
        return min(200, n_samples) if size == "auto" else min(int(size), n_samples)

    def _inference_batch(self) -> int:
        """Give a batch size that bounds the memory of a forward pass."""
        return inference_batch(math.prod(self.input_shape_), self.device_)

    def _loader(
        self,
        X: np.ndarray,
        y: np.ndarray | None,
        weight: np.ndarray | None,
        batch_size: int,
        order: torch.Generator | None = None,
        augment: Augmentation | None = None,
    ) -> TensorLoader:
        return TensorLoader(
            X,
            y,
            weight,
            input_shape=self.input_shape_,
            batch_size=batch_size,
            dtype=getattr(torch, self.dtype_),
            device=torch.device(self.device_),
            channels_last=self._image_module,
            order=order,
            augment=augment,
            augment_generator=self._generators["augment"] if augment else None,
        )

    def _forward(
        self, X: Any, layer: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield the module's (or another function's) outputs, batch by batch."""
        check_is_fitted(self)
        X, _, _ = self._check_input(X, reset=False)
        function = self._apply if layer is None else layer
        loader = self._loader(X, None, None, self._inference_batch())
        with torch_threads(self.n_jobs), torch.inference_mode():
            for batch, _ in loader:
                yield refuse_overflow(function(batch).cpu())

    def _apply(self, batch: torch.Tensor) -> torch.Tensor:
        return forward(self.module_, batch, self.mixed_precision_)

    def embed(self, X: Any) -> np.ndarray:
        """Give the features that the last layer sees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples, n_embedded)
            The penultimate layer, without units.
        """
        check_is_fitted(self)
        return np.concatenate([f.numpy() for f in self._forward(X, self._features)])

    def _features(self, batch: torch.Tensor) -> torch.Tensor:
        module: Any = self.module_
        return forward(module.features, batch, self.mixed_precision_)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is a trained module."""
        return hasattr(self, "module_") and (
            hasattr(self, "loss_curve_") or self.n_iter_ > 0
        )

    def __getstate__(self) -> dict[str, Any]:
        """Give the state with weights as plain arrays, and nothing of torch."""
        return NetState.pack(self, super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the module up again, on a device that there is."""
        super().__setstate__(NetState.unpack(self, state))
        NetState.restore(self)
