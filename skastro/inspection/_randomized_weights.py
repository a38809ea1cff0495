"""Do maps depend on what the net has learned?"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from sklearn.utils.validation import _num_samples
from torch import nn

from skastro.inspection._cam_estimator import Targets, batches, find_net, net_input
from skastro.inspection._cam_passes import at_rest
from skastro.inspection._event_grid import count
from skastro.inspection._grad_cam import GradCAM
from skastro.utils import own_random_state, torch_threads
from skastro.utils._typing import Seed


def randomized_weights_check(
    estimator: Any,
    X: Any,
    *,
    target: Any = None,
    n_repeats: int = 3,
    random_state: Seed = None,
    **parameters: Any,
) -> pd.DataFrame:
    """Randomise the net from the top layer down and compare its maps with the original.

    Maps that stay what they were while the weights are lost show edges or energies of
    the input and nothing that was learned. The correlation of ranks should fall towards
    zero as more layers are randomised.

    Parameters
    ----------
    estimator : estimator or GradCAM
        A fitted net as `GradCAM` takes it, or one with its parameters. A copy is
        randomised.
    X : array-like
        Events as the estimator takes them.
    target : label, array-like of shape (n_samples,) or None, default=None
        As `GradCAM` takes it. None is the class that the original net predicts, also
        for the randomised ones.
    n_repeats : int, default=3
        How often the whole cascade is drawn.
    random_state : int, RandomState instance or None, default=None
        Fixes the draws.
    **parameters : dict
        Of `GradCAM`, such as ``layer``; not together with a `GradCAM`.

    Returns
    -------
    DataFrame
        A row a stage, the first one for the net as it is. Columns: "layer", the one
        randomised last; "n_layers", how many are; "rank_correlation", Spearman's of the
        map with the original one, mean over events and repeats; "std", its standard
        deviation over these; "undefined", the share left out because one of both
        maps is constant, such as a rectified one without anything positive (set
        ``signed=True`` if these are many).

    Raises
    ------
    ValueError
        If a parameter is out of range or X does not fit.

    Notes
    -----
    Weights are drawn from a normal distribution with mean 0 and the standard deviation
    of the trained ones; biases and parameters of a normalisation are shuffled. Running
    statistics stay. Layers are taken in the order of use, or of definition where a
    layer with weights is not called as one.

    References
    ----------
    J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import GalaxyCNNClassifier
    >>> from skastro.inspection import randomized_weights_check
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.random((40, 16, 16)), np.repeat([0, 1], 20)
    >>> net = GalaxyCNNClassifier(filters=(4,), max_epochs=2, random_state=0).fit(X, y)
    >>> randomized_weights_check(net, X, random_state=0)["layer"].tolist()
    ['', 'head', 'norms.0', 'convolutions.0']
    """
    n_repeats = count("n_repeats", n_repeats)
    if isinstance(estimator, GradCAM):
        if parameters:
            raise ValueError(
                f"{sorted(parameters)} belong to the GradCAM that was given."
            )
        parameters = estimator.parameters()
        estimator = estimator.estimator
    rng = own_random_state(random_state)
    original = GradCAM(estimator, **parameters)
    steps, net = find_net(estimator)
    target = _fixed_target(net, net_input(steps, X), target)
    first = _ranks(original(X, target))
    order = _top_down(net, net_input(steps, X[:1]))
    values: dict[int, list[np.ndarray]] = {0: [np.ones(len(first))]}
    values[0][0][~_varies(first)] = np.nan
    for _ in range(n_repeats):
        cam = GradCAM(copy.deepcopy(estimator), **parameters)
        module = find_net(cam.estimator)[1].module_
        for stage, name in enumerate(order, 1):
            _randomize(module.get_submodule(name), rng)
            ranks = _ranks(cam(X, target))
            values.setdefault(stage, []).append(_correlation(first, ranks))
    rows = []
    for stage, name in enumerate(["", *order]):
        found = np.concatenate(values[stage])
        defined = found[np.isfinite(found)]
        rows.append(
            {
                "layer": name,
                "n_layers": stage,
                "rank_correlation": defined.mean() if len(defined) else np.nan,
                "std": defined.std() if len(defined) else np.nan,
                "undefined": 1.0 - len(defined) / len(found),
            }
        )
    return pd.DataFrame(rows)


def _fixed_target(net: Any, X: Any, target: Any) -> Any:
    """Turn the net's own choice into labels, since a randomised net has others."""
    targets = Targets(net, X, target, _num_samples(X))
    if targets.rule != "predicted":
        return target if targets.codes is None else _labels(targets)
    with torch_threads(getattr(net, "n_jobs", None)), at_rest(net.module_):
        codes = [net.module_(b).argmax(dim=1).cpu() for b in batches(net, X, "auto")]
    targets.codes = torch.cat(codes)
    return _labels(targets)


def _labels(targets: Targets) -> np.ndarray:
    assert targets.codes is not None
    codes = targets.codes.numpy()
    return codes if targets.classes is None else targets.classes[codes]


def _own_parameters(part: nn.Module) -> list[nn.Parameter]:
    return list(part.parameters(recurse=False))


def _top_down(net: Any, X: Any) -> list[str]:
    """List the layers with weights, the one used last first."""
    named = [
        name for name, part in net.module_.named_modules() if _own_parameters(part)
    ]
    used: list[str] = []
    handles = [
        net.module_.get_submodule(name).register_forward_hook(
            lambda *_, name=name: used.append(name)
        )
        for name in named
    ]
    try:
        with torch_threads(getattr(net, "n_jobs", None)), at_rest(net.module_):
            for batch in batches(net, X, "auto"):
                net.module_(batch)
    finally:
        for handle in handles:
            handle.remove()
    in_use = list(dict.fromkeys(used))
    return (in_use if set(in_use) == set(named) else named)[::-1]


def _randomize(part: nn.Module, rng: np.random.RandomState) -> None:
    with torch.no_grad():
        for values in _own_parameters(part):
            trained = values.detach().cpu().numpy()
            if trained.ndim > 1:
                drawn = rng.normal(0.0, trained.std(), trained.shape)
            else:
                drawn = rng.permutation(trained)
            values.copy_(torch.from_numpy(np.ascontiguousarray(drawn)))


def _ranks(maps: np.ndarray) -> np.ndarray:
    out: np.ndarray = rankdata(maps.reshape(len(maps), -1), axis=1)
    return out


def _varies(ranks: np.ndarray) -> np.ndarray:
    return np.asarray(np.ptp(ranks, axis=1) > 0)


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give Pearson's correlation of each pair of rows, NaN where one is constant."""
    a, b = (r - r.mean(axis=1, keepdims=True) for r in (first, second))
    both = _varies(first) & _varies(second)
    product = np.einsum("ij,ij->i", a, b)
    length = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
    return np.where(both, product / np.where(both, length, 1.0), np.nan)
