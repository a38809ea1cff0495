"""Do the groups of a cross-validation keep each source together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd


class RepeatedSourceWarning(UserWarning):
    """A source has several rows, and nothing keeps them in one fold.

    Examples
    --------
    >>> import warnings
    >>> from skastro.model_selection import RepeatedSourceWarning, check_source_groups
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", RepeatedSourceWarning)
    ...     check_source_groups([7, 8, 7])
    array([0, 1, 0])
    """


def check_source_groups(source_id: Any, groups: Any = None) -> np.ndarray:
    """Check that groups keep every source together; without groups, warn of repeats.

    A catalogue of detections has several rows a source, whose features and labels
    hardly differ. A splitter that does not know it puts some into the training and some
    into the test part, and scores what was learnt by heart.

    Parameters
    ----------
    source_id : array-like of shape (n_samples,)
        Number or name of the source of each row.
    groups : array-like of shape (n_samples,), default=None
        Groups for a splitter such as `sklearn.model_selection.StratifiedGroupKFold`.
        None stands for a splitter that takes none.

    Returns
    -------
    ndarray of shape (n_samples,) of int
        The groups, numbered from 0 in the order of first appearance; the sources
        themselves where `groups` is None. Pass them on as ``groups``.

    Raises
    ------
    ValueError
        If the groups split a source, an entry is missing, or the lengths differ.

    Warns
    -----
    RepeatedSourceWarning
        If a source has several rows and `groups` is None.

    See Also
    --------
    StratifiedSourceKFold : Folds that keep sources together without being told.
    sky_groups : Groups of neighbours on the sky.

    Examples
    --------
    >>> from skastro.model_selection import check_source_groups
    >>> check_source_groups(["A", "B", "A"], groups=["north", "south", "north"])
    array([0, 1, 0])
    """
    source = number_entries(source_id, "source_id")
    if groups is None:
        size = np.bincount(source)
        if (size > 1).any():
            warnings.warn(
                f"{int((size > 1).sum())} of {len(size)} sources have more than one "
                f"row (up to {size.max()}), and no groups are given: their rows get "
                "into the training and the test part. Use StratifiedSourceKFold, or a "
                "group splitter with the source as groups.",
                RepeatedSourceWarning,
                stacklevel=2,
            )
        return source
    group = number_entries(groups, "groups")
    if len(group) != len(source):
        raise ValueError(
            f"source_id has {len(source)} rows, but groups has {len(group)}."
        )
    pairs = np.unique(np.column_stack([source, group]), axis=0)
    split = np.flatnonzero(np.bincount(pairs[:, 0]) > 1)
    if split.size:
        names = np.asarray(source_id)
        some = [str(names[np.argmax(source == number)]) for number in split[:3]]
        raise ValueError(
            f"The groups split {split.size} of {source.max() + 1} sources, for "
            f"instance {some}: a source would be in the training and in the test part."
        )
    return group


def number_entries(values: Any, name: str) -> np.ndarray:
    """Number different entries in the order of first appearance."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked entries: they belong nowhere.")
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n_samples,), got {array.shape}.")
    n_missing = int(pd.isna(array).sum())
    if n_missing:
        raise ValueError(
            f"{name} is missing in {n_missing} of {len(array)} rows: they belong "
            "nowhere."
        )
    return pd.factorize(array)[0].astype(np.intp)
