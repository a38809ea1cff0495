"""Callbacks of the training loop: early stopping, progress bar, scikit-learn's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from tqdm.auto import tqdm

from skastro.neural_network.stopping import as_stopping_criterion


class ValidationMonitor(Callback):
    """Score the validation data after each epoch, keep the best weights, stop.

    Without a criterion the rule is that of scikit-learn's `MLPClassifier`: stop once
    the score has not risen by more than ``tol`` for ``n_iter_no_change`` epochs in a
    row; the best epoch is the first with the highest score. With a criterion, that one
    decides from the losses, and the best epoch is the first with the lowest validation
    loss.

    Parameters
    ----------
    score : callable
        Takes the outputs of the module for the validation data and gives a number,
        higher being better.
    early_stopping : bool, str or callable
        Whether to stop, and to restore the best weights at the end; a criterion of
        `skastro.neural_network.stopping` or its name says when.
    tol : float
        Least rise that counts; not used by a criterion.
    n_iter_no_change : int
        Epochs without one after which to stop; not used by a criterion.
    """

    def __init__(
        self,
        score: Callable[[torch.Tensor], float],
        *,
        early_stopping: Any,
        tol: float,
        n_iter_no_change: int,
    ) -> None:
        self.score = score
        self.criterion = as_stopping_criterion(early_stopping)
        self.early_stopping = self.criterion is not None or bool(early_stopping)
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.best_score = -np.inf
        self.best_loss = np.inf
        self.best_epoch = 0
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.exhausted = False
        self._bar = -np.inf
        self._waited = 0
        self._train_losses: list[float] = []
        self._valid_losses: list[float] = []

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Score, compare, and note when patience is at its end."""
        loss = float(net.history[-1, "valid_loss"])
        if self.criterion is not None and not math.isfinite(loss):
            raise ValueError(
                f"early_stopping={self.criterion!r} looks at the validation loss, and "
                f"that of epoch {len(net.history)} is {loss}. Lower "
                "learning_rate_init, or scale the input, X_val included."
            )
        score = float(self.score(net.valid_output_))
        net.history.record("valid_score", score)
        if self.criterion is None:
            better = score > self.best_score
        else:
            better = loss < self.best_loss
        if better or self.best_epoch == 0:
            self.best_score = score
            self.best_loss = loss
            self.best_epoch = len(net.history)
            if self.early_stopping:
                state = net.module_.state_dict()
                self.best_weights = {k: v.detach().clone() for k, v in state.items()}
        if self.criterion is None:
            self.exhausted = self.early_stopping and self._out_of_patience(score)
        else:
            self.exhausted = self._ask_criterion(net.history[-1, "train_loss"], loss)

    def _out_of_patience(self, score: float) -> bool:
        """Count the epochs without a rise of the score, as `MLPClassifier` does."""
        if score > self._bar + self.tol:
            self._waited = 0
        else:
            self._waited += 1
        self._bar = max(self._bar, score)
        return self._waited >= self.n_iter_no_change

    def _ask_criterion(self, train_loss: float, valid_loss: float) -> bool:
        """Show the criterion all losses so far."""
        self._train_losses.append(float(train_loss))
        self._valid_losses.append(valid_loss)
        assert self.criterion is not None
        # Copies: what a criterion does with its lists must not reach the next epoch.
        stop = self.criterion([*self._train_losses], [*self._valid_losses])
        if not isinstance(stop, (bool, np.bool_)):
            # A forgotten return would otherwise mean "never stop".
            raise TypeError(
                f"early_stopping={self.criterion!r} must return True or False, got "
                f"{stop!r}."
            )
        return bool(stop)

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


def arrange_callbacks(
    own: list[tuple[str, Callback]],
    *,
    monitor: ValidationMonitor | None,
    bridge: Callback | None,
    bar: Callback | None,
) -> list[tuple[str, Callback]]:
    """Put the callbacks of a training in the order in which they are told of an epoch.

    Parameters
    ----------
    own : list of (str, Callback)
        Those of the net: the user's, initialised.
    monitor : ValidationMonitor or None
        It comes first, so that callbacks of the user can look at its score.
    bridge : SklearnCallbackBridge or None
        To scikit-learn's callbacks.
    bar : ProgressBar or None
        To show.

    Returns
    -------
    list of (str, Callback)
        All of them, initialised.
    """
    stopper = None if monitor is None else Stopper(monitor)
    after = [("sklearn", bridge), ("bar", bar), ("stopper", stopper)]
    return [
        *((name, cb.initialize()) for name, cb in [("monitor", monitor)] if cb),
        *own,
        *((name, cb.initialize()) for name, cb in after if cb),
    ]


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
