"""Deletion and insertion: does the prediction follow the map?"""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.inspection._event_grid import EventGrid, count
from skastro.inspection._perturbation_result import PerturbationResult
from skastro.inspection._probability import Explained
from skastro.utils import own_random_state
from skastro.utils._typing import Seed

_ORDERS = ("descending", "ascending")
_STREAM = 20170607


def perturbation_curves(
    estimator: Any,
    X: Any,
    maps: Any,
    *,
    target: Any = None,
    steps: int = 10,
    baseline: Any = 0.0,
    order: str = "descending",
    only_nonzero: bool = False,
    n_random: int = 1,
    random_state: Seed = None,
) -> PerturbationResult:
    """Remove and insert voxels in the order of a map and follow the prediction.

    If a map is faithful, the probability of the class falls quickly when its highest
    voxels are removed, and rises quickly when they alone are put on the baseline;
    both are compared with random orders of the same voxels. It needs predictions only,
    so that it judges maps of any origin for any estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted; a classifier needs ``predict_proba``.
    X : array-like or sparse matrix of shape (n_samples, ...)
        Events as the estimator takes them: the last axes are those of the maps, or the
        rows are flat, channels first. A voxel is replaced in all its channels. Rows of
        a sparse matrix are given to the estimator dense, changed or not. All of X is
        held in memory, like the maps and their orders: of many events take some.
    maps : array-like of shape (n_samples, ...)
        A map of each event, such as `GradCAM` gives.
    target : label, array-like of shape (n_samples,) or None, default=None
        Of which class the probability is followed; None is the class that ``predict``
        gives the whole event. Of a regressor: the number of an output; None is the only
        output, or of several, minus the distance from the whole event's prediction.
    steps : int, default=10
        Number of equal steps.
    baseline : float, "mean", "blur" or array, default=0.0
        What stands for a removed voxel: a number, the event's mean in each channel,
        the event blurred by an eighth of each axis, or an array that fits X. Whole
        numbers become floats where they cannot hold it.
    order : {"descending", "ascending"}, default="descending"
        Whether the highest or the lowest values of the map come first. Equal values
        are ordered at random.
    only_nonzero : bool, default=False
        Whether only voxels with a value other than 0 are ranked, and shares are of
        these. Set it for sparse events: else nearly all steps remove nothing.
    n_random : int, default=1
        Random orders drawn for each event and averaged.
    random_state : int, RandomState instance or None, default=None
        Fixes the random orders.

    Returns
    -------
    PerturbationResult
        The curves of every event, areas and their gain over the random orders.

    Raises
    ------
    ValueError
        If the maps do not fit X, or a parameter is out of range.

    Notes
    -----
    Events with removed voxels are no events that the estimator was trained on; a
    prediction for them mixes what is missing with what is strange. Compare baselines.

    References
    ----------
    W. Samek et al., "Evaluating the visualization of what a deep neural network has
    learned", IEEE Trans. Neural Netw. Learn. Syst. 28, 2660 (2017); V. Petsiuk et al.,
    "RISE", BMVC 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skastro.inspection import perturbation_curves
    >>> X = np.random.default_rng(0).random((60, 6))
    >>> model = LogisticRegression().fit(X, X[:, 4] > 0.5)
    >>> maps = X * model.coef_ * np.sign(model.decision_function(X))[:, None]
    >>> curves = perturbation_curves(model, X, maps, steps=6, random_state=0)
    >>> bool((curves.summary()["gain"] > 0).all())
    True
    """
    steps, n_random = count("steps", steps), count("n_random", n_random)
    if order not in _ORDERS:
        raise ValueError(f"order must be one of {list(_ORDERS)}, got {order!r}.")
    maps = np.asarray(maps)
    if maps.ndim < 2 or not np.isfinite(maps).all():
        raise ValueError("maps must be finite and have an axis of events and a grid.")
    events = EventGrid(X, maps.shape[1:], baseline)
    if len(maps) != len(events):
        raise ValueError(f"There are {len(maps)} maps for {len(events)} events.")
    explained = Explained(estimator, events.whole(), target)
    ranked = events.occupied if only_nonzero else np.ones_like(events.occupied)
    rng = _generator(random_state)
    values = maps.reshape(len(maps), -1)
    values = -values if order == "descending" else values
    share = np.linspace(0.0, 1.0, steps + 1)
    ours = _both(explained, events, _ranks(values, ranked, rng), ranked, share)
    random = np.mean(
        [
            _both(
                explained,
                events,
                _ranks(np.zeros_like(values), ranked, rng),
                ranked,
                share,
            )
            for _ in range(n_random)
        ],
        axis=0,
    )
    return PerturbationResult(share, *ours, *random)


def _generator(random_state: Seed) -> np.random.Generator:
    """Make the stream of random orders; None is fresh entropy."""
    if random_state is None:
        return np.random.default_rng()
    seed = own_random_state(random_state).randint(2**31 - 1)
    # A stream of its own: events that were simulated with the same seed would be
    # ordered by the very numbers that they are made of.
    return np.random.default_rng([int(seed), _STREAM])


def _ranks(
    values: np.ndarray, ranked: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Give the place of each voxel in the order, ties at random, others last."""
    keys = (rng.random(values.shape), values, ~ranked)
    order = np.lexsort(keys, axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(values.shape[1])[None], axis=1)
    return ranks


def _both(
    explained: Explained,
    events: EventGrid,
    ranks: np.ndarray,
    ranked: np.ndarray,
    share: np.ndarray,
) -> np.ndarray:
    """Follow deletion and insertion, shape (2, n_samples, n_steps + 1)."""
    rows, count = np.arange(len(events)), ranked.sum(axis=1)
    curves = np.empty((2, len(events), len(share)))
    for step, part in enumerate(share):
        first = ranks < np.round(part * count).astype(np.int64)[:, None]
        for kind, hidden in enumerate((first, ranked & ~first)):
            if hidden.any():
                curves[kind, :, step] = explained.of(
                    events.replaced(rows, hidden), rows
                )
            else:
                curves[kind, :, step] = explained.whole
    return curves
