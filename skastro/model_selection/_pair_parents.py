"""Index pairs of single patterns: checks, folds of singles, and who was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._clusters import fit_k_means
from skastro.utils import fold_directions


def check_pairs(X: Any, groups: Any) -> np.ndarray:
    """Take the index pairs of mixtures.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Index pairs, or anything if `groups` is given.
    groups : array-like of shape (n_samples, 2) or None
        Index pairs.

    Returns
    -------
    ndarray of shape (n_samples, 2) of int
        The pairs.
    """
    name, given = ("X", X) if groups is None else ("groups", groups)
    what = f"{name} must be index pairs (i, j) of single patterns"
    hint = "" if groups is not None else "; with images as X give the pairs as groups"
    pairs = np.asarray(given)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(
            f"{what}, shape (n_samples, 2), got shape {pairs.shape}{hint}."
        )
    if pairs.dtype.kind not in "iu":
        raise ValueError(f"{what}, which are integers, got {pairs.dtype}{hint}.")
    if groups is not None:
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        if n != len(pairs):
            raise ValueError(f"X has {n} rows, but groups has {len(pairs)}.")
    if not len(pairs):
        raise ValueError(f"{what}, but there is none.")
    if pairs.min() < 0:
        raise ValueError(f"{what}, but the smallest is {pairs.min()}.")
    return pairs.astype(np.int64)


def check_single_directions(directions: Any, laue_group: Any) -> np.ndarray:
    """Take the direction of each single as folded unit vectors."""
    folded = fold_directions(directions, laue_group)
    if folded.ndim != 2:
        raise ValueError(
            f"directions must have shape (n_singles, 3), got {folded.shape}."
        )
    length = np.linalg.norm(folded, axis=1, keepdims=True)
    if not length.all():
        raise ValueError("directions has vectors of length zero.")
    out: np.ndarray = folded / length
    return out


def deal_evenly(n: int, n_splits: int, rng: np.random.RandomState | None) -> np.ndarray:
    """Deal n things to folds whose sizes differ by at most one."""
    order = np.arange(n) if rng is None else rng.permutation(n)
    fold = np.empty(n, dtype=np.intp)
    for k, members in enumerate(np.array_split(order, n_splits)):
        fold[members] = k
    return fold


def deal_cells(
    directions: np.ndarray,
    n_splits: int,
    n_blocks: int,
    rng: np.random.RandomState | None,
) -> np.ndarray:
    """Deal cells of neighbouring directions to folds.

    Parameters
    ----------
    directions : ndarray of shape (n_singles, 3)
        Folded unit vectors.
    n_splits : int
        Number of folds.
    n_blocks : int
        Number of cells.
    rng : RandomState or None
        Of k-means, and of the order of equally large cells. None is fixed.

    Returns
    -------
    ndarray of shape (n_singles,) of int
        Fold of each single.
    """
    generator = np.random.RandomState(0) if rng is None else rng
    model = fit_k_means(directions, n_blocks, generator)
    if model is None:
        raise ValueError(
            f"n_blocks={n_blocks} is more than there are different directions among "
            f"the {len(directions)} singles."
        )
    size = np.bincount(model.labels_, minlength=n_blocks)
    order = np.arange(n_blocks) if rng is None else rng.permutation(n_blocks)
    load = np.zeros(n_splits, dtype=np.int64)
    fold_of_cell = np.empty(n_blocks, dtype=np.intp)
    # The largest cell first, into the emptiest fold: sizes come out as even as cells
    # allow.
    for cell in order[np.argsort(-size[order], kind="stable")]:
        fold_of_cell[cell] = load.argmin()
        load[fold_of_cell[cell]] += size[cell]
    out: np.ndarray = fold_of_cell[model.labels_]
    return out


def unordered(code: np.ndarray) -> np.ndarray:
    """Number the different pairs as they come, (i, j) the same as (j, i)."""
    low, high = code.min(axis=1), code.max(axis=1)
    out: np.ndarray = pd.factorize(low * (code.max() + 1) + high)[0]
    return out


def count_seen(pairs: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Count for each test pair how many of its two parents are in training pairs."""
    out: np.ndarray = np.isin(pairs[test], np.unique(pairs[train])).sum(axis=1)
    return out
