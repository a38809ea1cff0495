"""All pairs of single patterns."""

from __future__ import annotations

import numpy as np


def all_pairs(n_patterns: int) -> np.ndarray:
    """List every unordered pair of patterns once.

    Parameters
    ----------
    n_patterns : int
        Number of single patterns.

    Returns
    -------
    ndarray of shape (n_patterns * (n_patterns - 1) / 2, 2), int64
        Rows (i, j) with i < j, in lexical order: rows of X for `PairMixer`.

    Raises
    ------
    ValueError
        If there are fewer than two patterns.

    Examples
    --------
    >>> from skastro.diffraction import all_pairs
    >>> all_pairs(3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    >>> len(all_pairs(1000))
    499500
    """
    if not isinstance(n_patterns, int | np.integer) or n_patterns < 2:
        raise ValueError(
            f"a pair needs two patterns or more, got n_patterns={n_patterns}."
        )
    return np.column_stack(np.triu_indices(int(n_patterns), k=1)).astype(np.int64)
