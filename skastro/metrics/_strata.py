"""Rows sorted into strata by a quantity."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

MISSING = "missing"
OUTSIDE = "outside"


def make_strata(values: Any, bins: Any, name: str, n: int) -> dict[str, np.ndarray]:
    """Sort rows into strata; every row is in exactly one.

    Parameters
    ----------
    values : array-like of shape (n,)
        Floating-point numbers are binned; all else are classes.
    bins : int, array-like of float or None
        Number of quantile bins, or edges; edges bin whole numbers too. None is four
        bins for floating-point numbers.
    name : str
        Of the quantity, for messages.
    n : int
        Number of rows.

    Returns
    -------
    dict of str to ndarray of bool of shape (n,)
        Which rows are in each stratum. NaN and None are "missing"; what no bin has is
        "outside".

    Raises
    ------
    ValueError
        If lengths differ, or edges do not rise.
    """
    array = np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), got {array.shape}.")
    missing = np.asarray(pd.isna(array), dtype=bool)
    strata: dict[str, np.ndarray] = {}
    if array.dtype.kind != "f" and bins is None:
        found = array[~missing].tolist()
        mixed = len({isinstance(value, str) for value in found}) > 1
        # Numbers before strings, which do not compare with them.
        key = (lambda v: (isinstance(v, str), str(v))) if mixed else None
        labels = sorted(set(found), key=key)
        for label in labels:
            # The number 1 and the string "1" are two strata.
            known = str(label) in strata or str(label) == MISSING
            strata[repr(label) if known else str(label)] = (array == label) & ~missing
    elif array.dtype.kind not in "iuf":
        raise ValueError(f"{name} has bins, but it holds {array.dtype}, no numbers.")
    else:
        edges = _edges(array[~missing], 4 if bins is None else bins, name)
        inside = np.zeros(n, dtype=bool)
        for i, (low, high) in enumerate(itertools.pairwise(edges)):
            last = i == len(edges) - 2
            member = (array >= low) & ((array <= high) if last else (array < high))
            label = f"{low:.4g} to {high:.4g}"
            if label in strata:
                label = f"{low!r} to {high!r}"
            strata[label] = member
            inside |= member
        if (~inside & ~missing).any():
            strata[OUTSIDE] = ~inside & ~missing
    if missing.any():
        strata[MISSING] = missing
    return strata


def _edges(values: np.ndarray, bins: Any, name: str) -> list[float]:
    """Give edges of bins, from low to high."""
    if np.ndim(bins) == 0:
        if isinstance(bins, (bool, np.bool_)) or bins % 1 != 0 or bins < 1:
            raise ValueError(f"bins of {name} must be 1 or more, got {bins!r}.")
        finite = values[np.isfinite(values)]
        if not finite.size:
            return []
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, int(bins) + 1)))
        return [float(e) for e in (edges if len(edges) > 1 else np.repeat(edges, 2))]
    edges = np.asarray(bins, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not (edges[1:] > edges[:-1]).all():
        raise ValueError(f"Edges of {name} must be two or more and rise, got {bins!r}.")
    return [float(e) for e in edges]
