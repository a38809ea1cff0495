"""Overlapping patterns, made while a net trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.diffraction._pattern_store import PatternStore
from skastro.utils import proper_operations
from skastro.utils._real_array import real_array

# Sums of integers with such weights are far from overflow.
_MOST_WEIGHT = 1e12


class PairMixer:
    """Mix single patterns by their indices.

    A thousand singles have 499,500 pairs: 25 GB as bytes, but 50 MB of singles. So a
    row of X is a pair of indices ``(i, j)``, and
    ``DiffractionOrientationRegressor(mixer=...)`` renders a batch when it trains on it.
    Three and more columns are that many overlapping grains.

    Parameters
    ----------
    patterns : ndarray, memmap, path, h5py dataset, zarr or Dask array, or LazyRows
        Single patterns of shape (n_patterns, h, w), of any real type. Files are read
        lazily, a batch at a time; a path is that of a ``.npy`` file or a zarr array.
        Values are taken as they are: bytes are not scaled to one.
    directions : array-like of shape (n_patterns, 3), default=None
        Beam direction of each in the crystal frame, for `labels`.
    weights : sequence of float, "equal" or "random", default=(0.5, 0.5)
        Factor of each column. "equal" is one over the number of columns. With "random"
        every pair has weights of its own, which add up to one; they depend on its
        indices and ``seed`` alone, so that the same row is always the same image, and
        (j, i) is the same as (i, j).
    min_weight : float, default=0.2
        Least weight of "random".
    seed : int, default=0
        Of "random".
    laue_group : str, array-like of shape (n, 3, 3) or None, default=None
        Laue group of the crystal, as in ``Crystal.laue_group``. A compact net whose
        own ``laue_group`` is "auto" folds by it; nothing is folded here.

    Attributes
    ----------
    n_patterns : int
        Number of singles.
    shape : (h, w)
        Of each, in pixels.

    Raises
    ------
    ValueError
        If shapes do not fit, or a weight is out of range.

    See Also
    --------
    all_pairs : Every pair once.
    DiffractionOrientationRegressor : Trains on what this mixes.

    Notes
    -----
    `sklearn.base.clone` keeps the same mixer and does not copy the patterns. A stored
    model holds the patterns if they were given as an array in memory, and only the
    place of the file otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.diffraction import PairMixer
    >>> mixer = PairMixer(np.arange(12.0).reshape(3, 2, 2), directions=np.eye(3))
    >>> mixer([[0, 2]])
    array([[[4., 5.],
            [6., 7.]]], dtype=float32)
    >>> mixer.labels([[0, 2]])
    array([[1., 0., 0., 0., 0., 1.]])
    """

    def __init__(
        self,
        patterns: Any,
        directions: Any = None,
        *,
        weights: Sequence[float] | str = (0.5, 0.5),
        min_weight: float = 0.2,
        seed: int = 0,
        laue_group: Any = None,
    ) -> None:
        self._store = PatternStore(patterns)
        self.n_patterns = self._store.n_patterns
        self.shape = self._store.shape
        self.min_weight = min_weight
        self.seed = int(seed)
        self.laue_group = laue_group
        if laue_group is not None:
            proper_operations(laue_group)  # refuses what is none
        self.weights: str | tuple[float, ...]
        if isinstance(weights, str):
            if weights not in ("equal", "random"):
                raise ValueError(
                    f'weights must be numbers, "equal" or "random", got {weights!r}.'
                )
            self.weights = weights
        else:
            self.weights = numbers = tuple(float(w) for w in np.atleast_1d(weights))
            good = all(0 <= w <= _MOST_WEIGHT for w in numbers)
            if not numbers or not good or not sum(numbers):
                raise ValueError(
                    "weights must be finite, not negative, not all zero and at most "
                    f"{_MOST_WEIGHT:g}, got {weights!r}."
                )
        if not 0 <= min_weight <= 1:
            raise ValueError(f"min_weight must be 0 to 1, got {min_weight!r}.")
        self.directions = None
        if directions is not None:
            u = real_array(directions, "directions").copy()
            if u.shape != (self.n_patterns, 3) or not np.isfinite(u).all():
                raise ValueError(
                    f"directions must be finite, of shape ({self.n_patterns}, 3); got "
                    f"{u.shape}."
                )
            self.directions = u

    def __repr__(self) -> str:
        """Name number, size and weights."""
        h, w = self.shape
        return (
            f"<PairMixer of {self.n_patterns} patterns of {h} x {w}, "
            f"weights {self.weights}>"
        )

    def __len__(self) -> int:
        """Count the singles."""
        return self.n_patterns

    def __sklearn_clone__(self) -> PairMixer:
        """Share the patterns, which nobody changes."""
        return self

    def check_pairs(self, pairs: Any) -> np.ndarray:
        """Validate indices.

        Parameters
        ----------
        pairs : array-like of shape (n, n_columns)
            Whole numbers, of any type.

        Returns
        -------
        ndarray of shape (n, n_columns), int64
            The same.

        Raises
        ------
        ValueError
            If a value is no index of a pattern, or the number of columns is not that
            of the weights.
        """
        given = np.asarray(pairs)
        if given.ndim != 2 or given.shape[1] < 1 or given.dtype.kind not in "uif":
            raise ValueError(
                "pairs must be indices of shape (n, n_columns), got shape "
                f"{given.shape} of {given.dtype}."
            )
        n_columns = given.shape[1]
        if not isinstance(self.weights, str) and len(self.weights) != n_columns:
            raise ValueError(
                f"pairs has {n_columns} columns, but there are {len(self.weights)} "
                "weights."
            )
        if self.weights == "random" and n_columns * self.min_weight > 1:
            raise ValueError(
                f"{n_columns} weights cannot all be at least {self.min_weight}."
            )
        return self._check_indices(given, "pairs")

    def _check_indices(self, given: np.ndarray, name: str) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            bad = ~((given >= 0) & (given < self.n_patterns) & (given % 1 == 0))
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"{name} must be indices from 0 to {self.n_patterns - 1}; got "
                f"{given[first]} at {first if len(first) > 1 else first[0]}, and "
                f"{int(bad.sum())} such values in all."
            )
        return given.astype(np.int64)

    def __call__(self, pairs: Any) -> np.ndarray:
        """Mix.

        Parameters
        ----------
        pairs : array-like of shape (n, n_columns)
            Indices of patterns.

        Returns
        -------
        ndarray of shape (n, h, w), float32
            Weighted sums.

        Raises
        ------
        ValueError
            If an index is out of range, or a pattern has values that are not finite.
        """
        pairs = self.check_pairs(pairs)
        factors = self.factors(pairs)
        singles = self._store.read(pairs.T.ravel())
        singles = singles.reshape(*pairs.T.shape, *self.shape)
        mixed = np.zeros((len(pairs), *self.shape), dtype=np.float32)
        # What does not fit is refused below, with its place.
        with np.errstate(over="ignore", invalid="ignore"):
            for part, factor in zip(singles, factors.T, strict=True):
                mixed += part.astype(np.float32) * factor[:, None, None]
        if singles.dtype.kind == "f" and not np.isfinite(mixed).all():
            row = int(np.argmin(np.isfinite(mixed).all(axis=(1, 2))))
            raise ValueError(
                f"A pattern of the pair {pairs[row].tolist()} has values that are not "
                "finite in float32."
            )
        return mixed

    def read(self, indices: Any) -> np.ndarray:
        """Give singles.

        Parameters
        ----------
        indices : array-like of shape (n,)
            Which ones.

        Returns
        -------
        ndarray of shape (n, h, w), float32
            The patterns.

        Raises
        ------
        ValueError
            If an index is out of range, or a pattern has values that are not finite.
        """
        given = np.asarray(indices)
        if given.ndim != 1 or given.dtype.kind not in "uif":
            raise ValueError(
                f"indices must be whole numbers of shape (n,), got shape {given.shape} "
                f"of {given.dtype}."
            )
        rows = self._check_indices(given, "indices")
        with np.errstate(over="ignore"):
            singles = self._store.read(rows).astype(np.float32)
        finite = np.isfinite(singles).all(axis=(1, 2))
        if not finite.all():
            raise ValueError(
                f"Pattern {rows[finite.argmin()]} has values that are not finite in "
                "float32."
            )
        return singles

    def labels(self, pairs: Any) -> np.ndarray:
        """Give the directions of mixtures.

        Parameters
        ----------
        pairs : array-like of shape (n, n_columns)
            Indices of patterns.

        Returns
        -------
        ndarray of shape (n, 3 * n_columns)
            The directions of the first column, then those of the second.

        Raises
        ------
        ValueError
            If the mixer has no directions or an index is out of range.
        """
        if self.directions is None:
            raise ValueError("PairMixer was made without directions.")
        pairs = self.check_pairs(pairs)
        out: np.ndarray = self.directions[pairs].reshape(len(pairs), -1)
        return out

    def factors(self, pairs: Any) -> np.ndarray:
        """Give the weight of each pattern in its mixture.

        Parameters
        ----------
        pairs : array-like of shape (n, n_columns)
            Indices of patterns.

        Returns
        -------
        ndarray of shape (n, n_columns), float32
            The weights.
        """
        pairs = self.check_pairs(pairs)
        n, k = pairs.shape
        if isinstance(self.weights, str) and self.weights == "equal":
            return np.full((n, k), 1.0 / k, dtype=np.float32)
        if not isinstance(self.weights, str):
            return np.tile(np.asarray(self.weights, dtype=np.float32), (n, 1))
        # A hash of the row instead of a stream of draws: no state, no order.
        own = pairs.astype(np.uint64)
        row = _scramble(own).sum(axis=1, dtype=np.uint64) + np.uint64(
            self.seed % (1 << 64)
        )
        bits = _scramble(_scramble(row)[:, None] ^ own) >> np.uint64(11)
        draws = -np.log((bits + 0.5) * 2.0**-53)
        shares = draws / draws.sum(axis=1, keepdims=True)
        weights = self.min_weight + (1 - k * self.min_weight) * shares
        return np.asarray(weights, dtype=np.float32)


def _scramble(values: np.ndarray) -> np.ndarray:
    """Mix the bits of whole numbers, as the generator SplitMix64 does."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
