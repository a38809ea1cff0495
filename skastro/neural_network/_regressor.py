"""What all regressing nets have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array
from torch import nn

from skastro.neural_network._base import BaseTorchEstimator


class HalfSquaredError(nn.Module):
    """Half the squared error of each sample, summed over its outputs.

    Its gradient is that of scikit-learn's `MLPRegressor`.
    """

    def forward(self, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Give the loss, shape (n,)."""
        return 0.5 * (output - y).square().sum(dim=1)


class BaseTorchRegressor(RegressorMixin, BaseTorchEstimator):
    """Base of the regressors: any number of outputs."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Any:
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Training samples: flat rows or images, without NaN or infinity.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.
        X_val : array-like, default=None
            Validation samples in one of the layouts of ``X``. They are scored after
            each epoch, and used by ``early_stopping`` instead of a part of ``X``.
        y_val : array-like of the shape of ``y``, default=None
            Their targets.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If the input is empty, not finite, of a wrong shape, or does not fit the
            parameters. The message says what was expected and what came.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for one epoch more.

        ``max_epochs`` calls on the same data give the net that one ``fit`` without
        early stopping gives, to the bit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.

        Returns
        -------
        estimator
            The estimator itself.

        Raises
        ------
        ValueError
            If ``early_stopping`` is set or the width of ``y`` changes.
        """
        # "auto" belongs to a layout's fit, and says nothing of single epochs.
        if self.early_stopping and self.early_stopping != "auto":
            raise ValueError(
                f"partial_fit does not support early_stopping={self.early_stopping!r}."
            )
        return self._fit(X, y, sample_weight, incremental=True)

    def _encode_target(self, y: Any, *, first: bool) -> np.ndarray:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim > 2:
            raise ValueError(
                "y must be (n_samples,) or (n_samples, n_outputs), got shape "
                f"{y.shape}."
            )
        width = 1 if y.ndim == 1 else y.shape[1]
        if first:
            self.n_outputs_ = width
            self._y_ndim = y.ndim
        elif width != self.n_outputs_:
            raise ValueError(
                f"y has {width} outputs, but the net was fitted with {self.n_outputs_}."
            )
        out: np.ndarray = y.reshape(len(y), width)
        return out

    def _criterion(self) -> nn.Module:
        return HalfSquaredError()

    def _validation_score(
        self, output: torch.Tensor, y: np.ndarray, weight: np.ndarray | None
    ) -> float:
        if len(y) < 2:  # R² is not defined for one sample
            return -float(np.square(output.cpu().numpy() - y).mean())
        return float(r2_score(y, output.cpu().numpy(), sample_weight=weight))

    def predict(self, X: Any) -> np.ndarray:
        """Give the targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, with the axes that y had in ``fit``.
        """
        y = np.concatenate([out.numpy() for out in self._forward(X)])
        return y[:, 0] if self._y_ndim == 1 else y

    def __sklearn_tags__(self) -> Any:
        """Add what these regressors can do to scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
