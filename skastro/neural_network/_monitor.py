"""Callbacks of the training loop: early stopping, progress bar, scikit-learn's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from tqdm.auto import tqdm


class ValidationMonitor(Callback):
    """Score the validation data after each epoch, keep the best weights, stop.

    The rule is that of scikit-learn's `MLPClassifier`: stop once the score has not
    risen by more than ``tol`` for ``n_iter_no_change`` epochs in a row; the best
    epoch is the first with the highest score.

    Parameters
    ----------
    score : callable
        Takes the outputs of the module for the validation data and gives a number,
        higher being better.
    early_stopping : bool
        Whether to stop, and to restore the best weights at the end.
    tol : float
        Least rise that counts.
    n_iter_no_change : int
        Epochs without one after which to stop.
    """

    def __init__(
        self,
        score: Callable[[torch.Tensor], float],
        *,
        early_stopping: bool,
        tol: float,
        n_iter_no_change: int,
    ) -> None:
        self.score = score
        self.early_stopping = early_stopping
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.best_score = -np.inf
        self.best_epoch = 0
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.exhausted = False
        self._bar = -np.inf
        self._waited = 0

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Score, compare, and note when patience is at its end."""
        score = float(self.score(net.valid_output_))
        net.history.record("valid_score", score)
        if score > self.best_score or self.best_epoch == 0:
            self.best_score = score
            self.best_epoch = len(net.history)
            if self.early_stopping:
                state = net.module_.state_dict()
                self.best_weights = {k: v.detach().clone() for k, v in state.items()}
        if score > self._bar + self.tol:
            self._waited = 0
        else:
            self._waited += 1
        self._bar = max(self._bar, score)
        self.exhausted = self.early_stopping and self._waited >= self.n_iter_no_change

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Go back to the best weights, also after Ctrl-C."""
        if self.early_stopping and self.best_weights is not None:
            net.module_.load_state_dict(self.best_weights)


class Stopper(Callback):
    """End the training once the monitor's patience is at its end.

    It stands last, so that the other callbacks are still told of the epoch.

    Parameters
    ----------
    monitor : ValidationMonitor
        Whose patience it is.
    """

    def __init__(self, monitor: ValidationMonitor) -> None:
        self.monitor = monitor

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Stop if it is time."""
        if self.monitor.exhausted:
            # This is how skorch's own EarlyStopping ends the loop.
            raise KeyboardInterrupt


class ProgressBar(Callback):
    """One tqdm bar over the epochs, with loss and score.

    Parameters
    ----------
    description : str
        What stands before the bar.
    n_epochs : int
        Its length.
    """

    def __init__(self, description: str, n_epochs: int) -> None:
        self.description = description
        self.n_epochs = n_epochs

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(desc=self.description, total=self.n_epochs, unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move it on."""
        last = net.history[-1]
        shown = {
            label: f"{last[key]:.4f}"
            for key, label in (
                ("train_loss", "loss"),
                ("valid_loss", "validation loss"),
                ("valid_score", "validation score"),
            )
            if key in last
        }
        self.bar_.set_postfix(shown, refresh=False)
        self.bar_.update()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close it."""
        self.bar_.close()


class SklearnCallbackBridge(Callback):
    """Tell scikit-learn's callbacks (1.9 and later) about each epoch.

    Parameters
    ----------
    estimator : estimator
        The one being fitted.
    context : sklearn.callback.CallbackContext
        Of its ``fit``.
    X, y : array-like
        The training data, as the callbacks get them.
    """

    def __init__(self, estimator: Any, context: Any, X: Any, y: Any) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the epoch's task."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(
            estimator=self.estimator, X=self.X, y=self.y, reconstruction_attributes={}
        )

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Close it, and end the training if a callback asks for that."""
        net.module_.eval()
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes={"n_iter_": len(net.history)},
        )
        if stop:
            raise KeyboardInterrupt
