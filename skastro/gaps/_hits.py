"""The largest hits of each event, in arrays of equal length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array, issparse
from torch import Tensor

from skastro.gaps._geometry import voxel_centres, voxel_indices


class Hits(NamedTuple):
    """The hits of n events, the largest first, padded with zeros to h of them."""

    energy: Tensor  # (n, h), MeV; 0 where there is no hit
    layer: Tensor  # (n, h), int64; -1 where there is no hit
    voxel: Tensor  # (n, h), int64: flat index; -1 where there is no hit
    position: Tensor  # (n, h, 3), cm: x, y, z upwards from the middle of the tracker
    time: Tensor | None  # (n, h), ns after the first hit of the event


def pad_hits(
    X: csr_array,
    shape: tuple[int, ...],
    n_hits: int,
    times: csr_array | None = None,
    dtype: torch.dtype = torch.float32,
) -> Hits:
    """List the largest hits of each event.

    Parameters
    ----------
    X : csr_array of shape (n, n_voxels)
        Deposits in MeV, without explicit zeros.
    shape : (layers, rows, columns)
        The grid.
    n_hits : int
        How many to list; what is smaller is left out.
    times : csr_array of shape (n, n_voxels), default=None
        Times plus 1 ns.
    dtype : torch.dtype, default=torch.float32
        Of energies, positions and times.

    Returns
    -------
    Hits
        Equal energies are in the order of their voxels.
    """
    n = X.shape[0]
    counts = np.diff(X.indptr)
    event = np.repeat(np.arange(n), counts)
    order = np.lexsort((X.indices, -X.data, event))
    rank = np.arange(len(event)) - np.repeat(X.indptr[:-1], counts)
    chosen = rank < n_hits
    place = event[chosen] * n_hits + rank[chosen]
    voxel = X.indices[order][chosen].astype(np.int64)
    energy = _spread(X.data[order][chosen], place, (n, n_hits), dtype)
    index = torch.full((n * n_hits,), -1, dtype=torch.int64)
    layer = index.clone()
    index[torch.from_numpy(place)] = torch.from_numpy(voxel)
    layer[torch.from_numpy(place)] = torch.from_numpy(voxel_indices(voxel, shape)[0])
    position = [
        _spread(c, place, (n, n_hits), dtype) for c in voxel_centres(voxel, shape)
    ]
    time = None
    if times is not None:
        found = times[event[chosen], voxel]
        # No index at all gives a sparse array.
        found = found.toarray() if issparse(found) else np.asarray(found)
        found = found.ravel()
        # Without a time (a hit that a user masked there), it is one of the first.
        after = np.maximum(found - 1, 0)
        time = _spread(after, place, (n, n_hits), dtype)
    return Hits(
        energy,
        layer.reshape(n, n_hits),
        index.reshape(n, n_hits),
        torch.stack(position, dim=-1),
        time,
    )


def _spread(
    values: np.ndarray, place: np.ndarray, size: tuple[int, int], dtype: torch.dtype
) -> Tensor:
    flat = torch.zeros(size[0] * size[1], dtype=dtype)
    flat[torch.from_numpy(place)] = torch.from_numpy(np.ascontiguousarray(values)).to(
        dtype
    )
    return flat.reshape(size)
