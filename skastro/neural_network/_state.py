"""A fitted net as plain data: what pickle, joblib and skops store."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch.history import History

from skastro.neural_network._random import (
    generators_from_arrays,
    generators_to_arrays,
)

_TORCH_ATTRIBUTES = ("module_", "net_", "_generators")
_STATE = "_net_state"


class NetState:
    """Turn the torch objects of an estimator into arrays and back.

    The stored state has only numbers, strings, lists, dicts and NumPy arrays, so that
    loading a model runs no code of torch's and needs no GPU.
    """

    @staticmethod
    def pack(estimator: Any, attributes: dict[str, Any]) -> dict[str, Any]:
        """Replace the torch objects by one dict of arrays.

        Parameters
        ----------
        estimator : BaseTorchEstimator
            Fitted or not.
        attributes : dict
            Its ``__dict__``, as scikit-learn would store it.

        Returns
        -------
        dict
            A copy that holds no torch object.
        """
        if "module_" not in attributes:
            return attributes
        state = {k: v for k, v in attributes.items() if k not in _TORCH_ATTRIBUTES}
        packed: dict[str, Any] = {
            "weights": {
                name: tensor.detach().cpu().numpy().copy()
                for name, tensor in estimator.module_.state_dict().items()
            },
            "generators": generators_to_arrays(estimator._generators),
        }
        net = getattr(estimator, "net_", None)
        if net is not None and getattr(net, "initialized_", False):
            packed["optimizer"] = [
                [
                    int(index),
                    {k: _to_plain(v) for k, v in values.items()},
                ]
                for index, values in net.optimizer_.state_dict()["state"].items()
            ]
            packed["rates"] = [g["lr"] for g in net.optimizer_.param_groups]
            packed["epochs"] = len(net.history)
        state[_STATE] = packed
        return state

    @staticmethod
    def unpack(estimator: Any, state: dict[str, Any]) -> dict[str, Any]:
        """Take the stored arrays out and keep them aside for `restore`.

        Parameters
        ----------
        estimator : BaseTorchEstimator
            Being loaded.
        state : dict
            From `pack`.

        Returns
        -------
        dict
            The ordinary attributes.
        """
        state = dict(state)
        estimator.__dict__[_STATE] = state.pop(_STATE, None)
        return state

    @staticmethod
    def restore(estimator: Any) -> None:
        """Set module, optimiser and generators up as they were.

        Parameters
        ----------
        estimator : BaseTorchEstimator
            Has its ordinary attributes already.
        """
        packed = estimator.__dict__.pop(_STATE, None)
        if packed is None:
            return
        try:
            torch.empty(0, device=estimator.device_)
        except (RuntimeError, AssertionError):
            # Fitted on a GPU, loaded where there is none.
            estimator.device_ = "cpu"
        device = torch.device(estimator.device_)
        estimator._generators = generators_from_arrays(packed["generators"], device)
        module = estimator._new_module(estimator.module_config_)
        module = module.to(getattr(torch, estimator.dtype_))
        module.load_state_dict(
            {k: torch.from_numpy(np.array(v)) for k, v in packed["weights"].items()}
        )
        estimator.module_ = estimator._place(module)
        if "optimizer" not in packed:
            return
        estimator._build_net(estimator._built_with)
        net = estimator.net_
        groups = net.optimizer_.state_dict()["param_groups"]
        for group, rate in zip(groups, packed["rates"], strict=True):
            group["lr"] = rate
        parameters = [p for g in net.optimizer_.param_groups for p in g["params"]]
        entries = {
            int(index): {
                k: _from_plain(v, parameters[int(index)]) for k, v in values.items()
            }
            for index, values in packed["optimizer"]
        }
        net.optimizer_.load_state_dict({"state": entries, "param_groups": groups})
        net.history_ = History()
        epochs = packed["epochs"]
        for row in estimator.history_[-epochs:] if epochs else []:
            net.history.new_epoch()
            for key, value in row.items():
                net.history.record(key, value)


def _to_plain(value: Any) -> Any:
    return value.detach().cpu().numpy().copy() if torch.is_tensor(value) else value


def _from_plain(value: Any, parameter: torch.Tensor) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    tensor = torch.from_numpy(np.array(value))
    if tensor.shape != parameter.shape:
        return tensor
    # Fused optimisers walk through memory: the moments must lie there as the weights
    # do (channels last, for convolutions), or they would belong to other weights.
    return torch.empty_like(parameter, device="cpu", dtype=tensor.dtype).copy_(tensor)
