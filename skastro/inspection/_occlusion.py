"""Maps from hiding one part after the other, for any estimator."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from skastro.inspection._event_grid import EventGrid, count, rows_of
from skastro.inspection._probability import Explained
from skastro.utils import as_lazy_rows


def occlusion_maps(
    estimator: Any,
    X: Any,
    grid_shape: Sequence[int],
    *,
    target: Any = None,
    patch: int | Sequence[int] = 1,
    baseline: Any = 0.0,
    only_nonzero: bool = True,
) -> np.ndarray:
    """Map how much the prediction falls when a part of the event is hidden.

    It needs nothing but predictions, so that it takes boosting on raw voxels, set
    transformers and nets without a convolution as well as any other; the price is one
    prediction for each part.

    Parameters
    ----------
    estimator : estimator
        Fitted; a classifier needs ``predict_proba``.
    X : array-like or sparse matrix of shape (n_samples, ...)
        Events as the estimator takes them; the last axes are the grid, or the rows
        are flat, channels first. Sparse ones are given to the estimator dense; what is
        on disk (`LazyRows`, zarr, HDF5, Dask, a large memory map) block by block.
    grid_shape : sequence of int
        Shape of the grid, such as (10, 12, 12) or (64, 64).
    target : label, array-like of shape (n_samples,) or None, default=None
        Of which class the probability is looked at; None is that of ``predict``. Of a
        regressor: the number of an output; None is the distance of the prediction
        from that of the whole event, in the units of y.
    patch : int or sequence of int, default=1
        Size of a part along every axis of the grid, in voxels. Parts tile the grid.
    baseline : float, "mean", "blur" or array, default=0.0
        What takes a part's place, as in `perturbation_curves`.
    only_nonzero : bool, default=True
        Whether empty parts are passed over with 0, which saves most of the work on
        sparse events.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        The fall of the probability or output (for a regressor without target the
        distance), in float32; every voxel of a part has its value.

    Raises
    ------
    ValueError
        If X does not fit the grid, or a parameter is out of range.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks",
    ECCV 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skastro.inspection import occlusion_maps
    >>> X = np.random.default_rng(0).random((40, 6))
    >>> model = LogisticRegression().fit(X, X[:, 4] > 0.5)
    >>> maps = occlusion_maps(model, X[:8], (2, 3))
    >>> np.unravel_index(np.abs(maps).mean(axis=0).argmax(), (2, 3))
    (np.int64(1), np.int64(1))
    """
    lazy = as_lazy_rows(X)
    if lazy is not None and len(lazy):
        settings: dict[str, Any] = {"patch": patch, "only_nonzero": only_nonzero}
        blocks = [
            occlusion_maps(
                estimator,
                block,
                grid_shape,
                target=rows_of(target, part, lazy.shape, axes=1),
                baseline=rows_of(baseline, part, lazy.shape, axes=lazy.ndim),
                **settings,
            )
            for part, block in lazy.blocks()
        ]
        return np.concatenate(blocks)
    events = EventGrid(X, grid_shape, baseline)
    given = np.ravel(np.asarray(patch, dtype=object)).tolist()
    if len(given) not in (1, len(events.grid)):
        raise ValueError(
            f"patch must be one integer or one for each of {len(events.grid)} axes, "
            f"got {patch!r}."
        )
    sizes = [count("patch", s) for s in given] * (len(events.grid) // len(given))
    explained = Explained(estimator, events.whole(), target)
    maps = np.zeros((len(events), *events.grid), dtype=np.float32)
    starts = [range(0, g, s) for g, s in zip(events.grid, sizes, strict=True)]
    for corner in product(*starts):
        part = np.zeros(events.grid, dtype=bool)
        part[tuple(slice(c, c + s) for c, s in zip(corner, sizes, strict=True))] = True
        flat = part.reshape(-1)
        rows = np.arange(len(events))
        if only_nonzero:
            rows = np.flatnonzero(events.occupied[:, flat].any(axis=1))
        if not len(rows):
            continue
        hidden = np.broadcast_to(flat, (len(rows), flat.size))
        fall = explained.fall(events.replaced(rows, hidden), rows)
        maps[rows] += fall.astype(np.float32).reshape(-1, *[1] * part.ndim) * part
    return maps
