"""Numbers by which simulations of the tracker are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.gaps._geometry import N_VOXELS, THRESHOLD_MEV, VOXEL_SHAPE
from skastro.gaps._voxel_events import VoxelEvents

_HIGH_MEV = 0.3


def event_statistics(
    events: VoxelEvents, *, threshold: float = THRESHOLD_MEV
) -> dict[str, Any]:
    """Sum up events of one population: largest deposit, hits, layer profiles.

    Parameters
    ----------
    events : VoxelEvents
        At least one event.
    threshold : float, default=0.05
        Deposits below it are no hits, in MeV.

    Returns
    -------
    dict
        ``n_events``; ``max_mean`` (MeV) and ``max_variance`` (MeV2) of the largest
        deposit of an event, ``max_layer``, the mean layer it lies in, ``total``, the
        mean sum of an event (MeV); ``hits`` and ``hits_0.3``, mean numbers above the
        threshold and above 0.3 MeV; ``layer_energy`` (MeV) and ``layer_hits``, means
        by layer, of shape (10,). Events without a hit count as 0, but not in
        ``max_layer``.

    Examples
    --------
    >>> from skastro.gaps import VoxelEvents
    >>> from skastro.gaps._event_statistics import event_statistics
    >>> events = VoxelEvents([0, 0, 1], [6, 150, 6], [8.0, 41.0, 0.2], n_events=2)
    >>> found = event_statistics(events)
    >>> found["max_mean"], found["hits"], found["hits_0.3"], found["max_layer"]
    (20.6, 1.5, 1.0, 0.5)
    """
    n = len(events)
    if n == 0:
        raise ValueError("There are no events.")
    keep = events.energy >= threshold
    event, energy = events.event[keep], events.energy[keep].astype(np.float64)
    layer = events.voxel[keep] // (N_VOXELS // VOXEL_SHAPE[0])
    largest = np.zeros(n)
    np.maximum.at(largest, event, energy)
    at = np.flatnonzero(energy == largest[event])
    # A tie is counted once.
    _, first = np.unique(event[at], return_index=True)
    layers = layer[at[first]]

    def by_layer(weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(layer, weights, minlength=VOXEL_SHAPE[0]) / n

    return {
        "n_events": n,
        "max_mean": float(np.round(largest.mean(), 6)),
        "max_variance": float(largest.var()),
        "max_layer": float(layers.mean()) if len(layers) else float("nan"),
        "total": float(energy.sum() / n),
        "hits": len(energy) / n,
        "hits_0.3": float((energy > _HIGH_MEV).sum() / n),
        "layer_energy": by_layer(energy),
        "layer_hits": by_layer(None),
    }
