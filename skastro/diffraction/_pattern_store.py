"""Single patterns, wherever they are kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.utils._row_store import RowStore


class PatternStore:
    """Read patterns by index from memory or from a file, and only those asked for.

    Stored with pickle it keeps the place of a file (a ``.npy``, a memory map or a
    dataset of HDF5), not the patterns in it.

    Parameters
    ----------
    source : ndarray, memmap, path, h5py dataset, zarr or Dask array, or LazyRows
        Of shape (n, h, w). A path is that of a ``.npy`` file or of a zarr array.

    Raises
    ------
    ValueError
        If a path is of another kind, or the source has another number of axes, holds
        no numbers or is empty.
    """

    def __init__(self, source: Any) -> None:
        kind = getattr(source, "dtype", None)
        if kind is not None and np.dtype(kind).kind not in "uif":
            raise ValueError(f"patterns must be real numbers, got {kind}.")
        self._rows = RowStore(source)
        shape = self._rows.shape
        if len(shape) != 3 or 0 in shape:
            raise ValueError(
                f"patterns must have shape (n_patterns, h, w) and not be empty, got "
                f"{shape}."
            )
        if self._rows.dtype.kind not in "uif":
            raise ValueError(f"patterns must be real numbers, got {self._rows.dtype}.")
        self.n_patterns, h, w = shape
        self.shape = (h, w)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Give patterns.

        Parameters
        ----------
        indices : ndarray of shape (n,), int
            Which ones, in any order; may repeat.

        Returns
        -------
        ndarray of shape (n, h, w)
            In the type that they are stored in.
        """
        return self._rows.read(indices)
