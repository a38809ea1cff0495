"""Serving one label set with a net that was trained on another."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skastro.neural_network._base import BaseTorchEstimator


class TransferMixin(BaseTorchEstimator):
    """Fine-tuning to new labels.

    The last layer of the module is ``head``; all others are kept.
    """

    init_from: Any

    def fine_tune(
        self, X: Any, y: Any, sample_weight: Any = None, **parameters: Any
    ) -> Any:
        """Train a copy on, with a new last layer for the classes of ``y``.

        All layers but the last start from the weights of this net, which is left as
        it is. Inside cross-validation use the parameter ``init_from`` instead, so
        that each fold fine-tunes a net of its own.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples of the same shape as those the net was fitted on.
        y : array-like of shape (n_samples,)
            Labels, of any classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.
        **parameters : dict
            Parameters that the copy shall have, such as ``max_epochs=20`` and
            ``learning_rate_init=1.5e-3``.

        Returns
        -------
        estimator
            A new, fitted estimator.

        Raises
        ------
        ValueError
            If the shape of a sample is not that of the net.
        """
        check_is_fitted(self)
        copy = clone(self).set_params(init_from=FrozenEstimator(self), **parameters)
        return copy.fit(X, y, sample_weight)

    def _inherit_weights(self, module: nn.Module) -> None:
        """Copy all layers but the last from ``init_from``."""
        if self.init_from is None:
            return
        source = source_net(self.init_from)
        check_is_fitted(
            source, msg="init_from must be a fitted net; this %(name)s is not."
        )
        old = {k: v for k, v in source.module_config_.items() if k != "n_outputs"}
        new = {k: v for k, v in self.module_config_.items() if k != "n_outputs"}
        # Dropout has no weights, so it may differ.
        differing = [
            k for k in new if k != "dropout" and new.get(k) != old.get(k, object())
        ]
        if source._module_class is not self._module_class or (
            type(source.module_) is not type(module) or differing
        ):
            raise ValueError(
                "init_from is another net: "
                + "; ".join(f"{k} is {old.get(k)!r}, not {new[k]!r}" for k in differing)
                + f" ({type(source.module_).__name__} against {type(module).__name__})."
            )
        weights = source.module_.state_dict()
        body = {k: v for k, v in weights.items() if not k.startswith("head.")}
        module.load_state_dict(body, strict=False)


def source_net(estimator: BaseEstimator) -> Any:
    """Take a net out of the wrapper that keeps `clone` from unfitting it.

    Parameters
    ----------
    estimator : estimator
        A net, or ``FrozenEstimator(net)``.

    Returns
    -------
    estimator
        The net.

    Raises
    ------
    TypeError
        If it is no net of this package.
    """
    net = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    if not isinstance(net, BaseTorchEstimator):
        raise TypeError(
            f"expected a net of skastro, maybe in a FrozenEstimator, got {net!r}."
        )
    return net
