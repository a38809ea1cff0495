"""Sparse rows of a dense array that is read block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from skastro.utils._lazy_rows import LazyRows, as_lazy_rows

# Bytes and truth values take several times their memory as numbers.
_SMALL_BYTES = 1 << 26


def rows_to_convert(X: Any) -> LazyRows | None:
    """Take what is in a file, or would grow when it is made floating, as lazy rows.

    Parameters
    ----------
    X : object
        What a user gave.

    Returns
    -------
    LazyRows or None
        None for what can be converted at once.
    """
    rows = as_lazy_rows(X)
    if rows is not None or not isinstance(X, np.ndarray) or X.ndim < 2:
        return rows
    whole = X.dtype.kind in "bui" and X.nbytes > _SMALL_BYTES
    return LazyRows(X) if whole else None


def sparse_rows(rows: LazyRows, dtype: Any, max_share: float = 1.0) -> csr_array | None:
    """Read dense rows block by block, and keep what is not zero.

    Parameters
    ----------
    rows : LazyRows of shape (n, n_features)
        What is read.
    dtype : dtype
        Of the result.
    max_share : float, default=1.0
        Of the entries that may be other than zero.

    Returns
    -------
    csr_array of shape (n, n_features), or None
        Of canonical format, NaN kept; 8 or 12 bytes an entry. None if there are more
        entries than ``max_share``.
    """
    parts: list[csr_array] = []
    most, found = max_share * rows.size, 0
    for _, block in rows.blocks():
        flat = block.reshape(len(block), math.prod(block.shape[1:]))
        parts.append(csr_array(flat).astype(dtype, copy=False))
        found += parts[-1].nnz
        if found > most:
            return None
    if not parts:
        return csr_array(rows.shape, dtype=dtype)
    return csr_array(vstack(parts, format="csr"))
