"""Features of an event that need no track: sums, largest deposits, thresholds."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from skastro.gaps._geometry import voxel_centres, voxel_indices

N_LARGEST = 8
_NO_SPREAD_CM = 1e-4
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)


def basic_names(n_layers: int) -> list[str]:
    """Name the features, energies with their unit.

    Parameters
    ----------
    n_layers : int
        Layers of the grid.

    Returns
    -------
    list of str
        In the order of `basic_features`.
    """
    layers = range(n_layers)
    return [
        "energy_max_mev",
        "energy_total_mev",
        "n_hits",
        *(f"energy_layer{k}_mev" for k in layers),
        *(f"energy_max_layer{k}_mev" for k in layers),
        *(f"energy_rank{r}_mev" for r in range(1, N_LARGEST + 1)),
        *(f"n_hits_above_{t:g}_mev" for t in THRESHOLDS),
        *(f"energy_above_{t:g}_mev" for t in THRESHOLDS),
        "energy_without_max_mev",
        "layer_mean",
        "layer_deepest",
        "layer_first",
        "n_layers_hit",
        "axis1_cm",
        "axis2_cm",
        "axis3_cm",
        "axis1_cosine",
    ]


def basic_features(X: csr_array, shape: tuple[int, ...]) -> np.ndarray:
    """Compute them.

    Parameters
    ----------
    X : csr_array of shape (n, n_voxels)
        Deposits above threshold in MeV, without explicit zeros.
    shape : (layers, rows, columns)
        The grid.

    Returns
    -------
    ndarray of shape (n, n_features)
        In float64; zeros for events without hits.
    """
    n, n_layers = X.shape[0], shape[0]
    counts = np.diff(X.indptr)
    event = np.repeat(np.arange(n), counts)
    energy = X.data.astype(np.float64)
    layer = voxel_indices(X.indices.astype(np.int64), shape)[0]
    place = event * n_layers + layer
    sums = np.bincount(place, energy, n * n_layers).reshape(n, n_layers)
    largest = np.zeros(n * n_layers)
    np.maximum.at(largest, place, energy)
    largest = largest.reshape(n, n_layers)
    ranked = np.zeros((n, N_LARGEST))
    order = np.lexsort((-energy, event))
    rank = np.arange(len(event)) - np.repeat(X.indptr[:-1], counts)
    some = rank < N_LARGEST
    ranked[event[some], rank[some]] = energy[order][some]
    above = [energy >= t for t in THRESHOLDS]
    total = sums.sum(axis=1)
    hit = np.bincount(place, minlength=n * n_layers).reshape(n, n_layers) > 0
    deepest = np.where(hit, np.arange(n_layers), -1).max(axis=1).clip(min=0)
    columns = [
        ranked[:, :1],
        total[:, None],
        counts[:, None],
        sums,
        largest,
        ranked,
        *(np.bincount(event[a], minlength=n)[:, None] for a in above),
        *(np.bincount(event[a], energy[a], n)[:, None] for a in above),
        (total - ranked[:, 0])[:, None],
        (sums @ np.arange(n_layers) / _positive(total))[:, None],
        deepest[:, None],
        hit.argmax(axis=1)[:, None],
        hit.sum(axis=1)[:, None],
        _principal_axes(event, energy, X.indices, total, shape),
    ]
    return np.concatenate(columns, axis=1)


def _principal_axes(
    event: np.ndarray,
    energy: np.ndarray,
    voxel: np.ndarray,
    total: np.ndarray,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Give the spreads of the deposits along their axes, and how steep the first is."""
    n = len(total)
    weight = energy / _positive(total)[event]
    position = np.stack(voxel_centres(voxel.astype(np.int64), shape), axis=1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(event, weight * values, n)

    centre = np.stack([mean(c) for c in position.T], axis=1)
    off = position - centre[event]
    tensor = np.zeros((n, 3, 3))
    for a in range(3):
        for b in range(a, 3):
            tensor[:, a, b] = tensor[:, b, a] = mean(off[:, a] * off[:, b])
    values, vectors = np.linalg.eigh(tensor)
    spread = np.sqrt(np.maximum(values[:, ::-1], 0))
    spread[spread < _NO_SPREAD_CM] = 0  # what rounding leaves of a line or a point
    # No direction where all deposits are in one place.
    cosine = np.where(spread[:, 0] > 0, np.abs(vectors[:, 2, 2]), 0)
    return np.concatenate([spread, cosine[:, None]], axis=1)


def _positive(total: np.ndarray) -> np.ndarray:
    return np.where(total > 0, total, 1.0)
