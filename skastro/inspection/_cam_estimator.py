"""Find the net in what the user has, and feed it as it is fed in inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skastro.utils import LazyRows

# Of a net that says nothing about memory itself.
_EVENTS = 128


def find_net(estimator: Any) -> tuple[list[Any], Any]:
    """Look through pipelines, frozen estimators and searches.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    steps : list of transformers
        What X goes through before the net.
    net : estimator
        The fitted net.

    Raises
    ------
    TypeError
        If there is no torch module at the end.
    """
    if isinstance(estimator, FrozenEstimator):
        return find_net(estimator.estimator)
    if isinstance(estimator, Pipeline):
        check_is_fitted(estimator)
        steps, net = find_net(estimator.steps[-1][1])
        return [*([estimator[:-1]] if len(estimator) > 1 else []), *steps], net
    if hasattr(estimator, "best_estimator_"):
        return find_net(estimator.best_estimator_)
    if hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    if not isinstance(getattr(estimator, "module_", None), nn.Module):
        raise TypeError(
            "Grad-CAM needs a fitted net with a torch module in `module_`, or a "
            f"pipeline that ends in one; got {estimator!r}. occlusion_maps takes any "
            "classifier or regressor."
        )
    return [], estimator


def net_input(steps: list[Any], X: Any) -> Any:
    """Take X through the steps before the net."""
    for step in steps:
        X = step.transform(X)
    return X


def batches(net: Any, X: Any, batch_size: int | str) -> Iterator[torch.Tensor]:
    """Yield batches as the net's own forward pass takes them.

    Parameters
    ----------
    net : estimator
        Its validation, dtype, device and memory layout are used where it has them;
        X goes to the module's dtype and device otherwise.
    X : array-like
        What the net takes.
    batch_size : int or "auto"
        Events in a batch.

    Yields
    ------
    Tensor
        A batch, outside of any graph.
    """
    own = hasattr(net, "_loader") and hasattr(net, "_check_input")
    if own:
        X, *_ = net._check_input(X, reset=False)
    if isinstance(batch_size, str):
        limit = net._inference_batch() if hasattr(net, "_inference_batch") else _EVENTS
        batch_size = min(_EVENTS, limit)
    if own:
        for batch, _ in net._loader(X, None, None, batch_size):
            yield batch
        return
    X = X if isinstance(X, LazyRows) else np.asarray(X)
    like = next(net.module_.parameters())
    for start in range(0, len(X), batch_size):
        rows = torch.from_numpy(np.array(X[start : start + batch_size]))
        yield rows.to(like.device, like.dtype)


class Targets:
    """Which score of which event is explained.

    Parameters
    ----------
    net : estimator
        The fitted net.
    X : array-like
        What the net takes, for nets that predict by more than one pass.
    target : object
        As `GradCAM` takes it.
    n_samples : int
        Events in X.

    Raises
    ------
    ValueError
        If a label is unknown or the number of labels is not that of X.
    """

    def __init__(self, net: Any, X: Any, target: Any, n_samples: int) -> None:
        self.classes = (
            getattr(net, "classes_", None) if is_net_classifier(net) else None
        )
        self.n_outputs = getattr(net, "n_outputs_", None)
        self.codes: torch.Tensor | None = None
        self.rule = ""
        self._at = 0
        if target is None and _averages(net):
            # One pass alone may favour another class than the net predicts.
            target = net.predict(X)
        if target is None:
            self.rule = "norm" if self.classes is None else "predicted"
            return
        if isinstance(target, str) and target == "norm" and self.classes is None:
            self.rule = "norm"
            return
        values = np.asarray(target)
        if values.ndim > 1 or (values.ndim and len(values) != n_samples):
            raise ValueError(
                "target must be None, one label or column, or one for each of the "
                f"{n_samples} events; got shape {values.shape}."
            )
        codes = self._encode(values.reshape(-1))
        self.codes = torch.from_numpy(np.broadcast_to(codes, n_samples).copy())

    def _encode(self, values: np.ndarray) -> np.ndarray:
        if self.classes is None:
            if values.dtype.kind not in "iu":
                raise ValueError(
                    'target of a regressor must be "norm" or columns of the output, '
                    f"got {values[:3].tolist()}."
                )
            return values.astype(np.int64)
        code_of = {label: i for i, label in enumerate(self.classes.tolist())}
        unknown = sorted({str(v) for v in values.tolist() if v not in code_of})
        if unknown:
            raise ValueError(
                f"target has {unknown}, but the classes are {self.classes.tolist()}."
            )
        return np.array([code_of[v] for v in values.tolist()], dtype=np.int64)

    def of_batch(self, output: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Give the function that takes the score of each event of the next batch.

        Parameters
        ----------
        output : Tensor of shape (n, n_outputs)
            Of the module for this batch, without a graph.

        Returns
        -------
        callable
            Takes outputs of the same shape; gives shape (n,).

        Raises
        ------
        ValueError
            If the outputs do not fit the classes or columns.
        """
        if output.ndim != 2:
            raise ValueError(
                "The module must give (n_samples, n_outputs), got shape "
                f"{tuple(output.shape)}."
            )
        n, width = output.shape
        if self.classes is not None and width != len(self.classes):
            raise ValueError(
                f"The module has {width} outputs for {len(self.classes)} classes."
            )
        if self.rule == "norm":
            return self._length
        if self.codes is None:
            codes = output.argmax(dim=1)
        else:
            codes = self.codes[self._at : self._at + n].to(output.device)
            self._at += n
            if not bool(((codes >= 0) & (codes < width)).all()):
                raise ValueError(
                    f"target has columns {int(codes.min())} to {int(codes.max())}, but "
                    f"the module has {width}."
                )
        return lambda out: out.gather(1, codes[:, None])[:, 0]

    def _length(self, output: torch.Tensor) -> torch.Tensor:
        # Outputs behind those of y, as expected errors, are no part of a target.
        vector = output[:, : self.n_outputs]
        if vector.shape[1] == 1:
            return vector[:, 0]
        out: torch.Tensor = torch.linalg.vector_norm(vector, dim=1)
        return out


def is_net_classifier(net: Any) -> bool:
    """Tell whether the outputs are scores of classes."""
    try:
        return bool(is_classifier(net))
    except AttributeError:  # no tags: no scikit-learn estimator
        return hasattr(net, "classes_")


def at_input(net: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """Give the function of the input whose scores the net predicts by.

    Parameters
    ----------
    net : estimator
        The fitted net.

    Returns
    -------
    callable
        The module, or where predictions are means over symmetries, the mean of its
        outputs over these: its gradient is the mean of those of all orientations,
        each turned back.
    """
    if hasattr(net, "_symmetric") and _averages(net):
        return lambda batch: net._symmetric(net.module_, batch)
    module: Callable[[torch.Tensor], torch.Tensor] = net.module_
    return module


def _averages(net: Any) -> bool:
    """Tell whether predictions are means over several passes."""
    if not hasattr(net, "average_symmetries"):
        return False
    recipe = getattr(net, "_recipe", lambda name: getattr(net, name))
    return bool(recipe("average_symmetries"))
