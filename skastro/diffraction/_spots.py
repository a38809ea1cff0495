"""Lists of diffraction spots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SpotList:
    """The spots of n patterns, one row a spot.

    Parameters
    ----------
    n_patterns : int
        Number of patterns; one may have no spot.
    pattern : ndarray of shape (n_spots,), int
        Which pattern a spot belongs to; rising.
    hkl : ndarray of shape (n_spots, 3), int
        Miller indices.
    g : ndarray of shape (n_spots, 2)
        Positions (gx, gy) in 1/Å: x along columns, y along rows.
    excitation_error : ndarray of shape (n_spots,)
        Distance from the Ewald sphere along z, in 1/Å.
    intensity : ndarray of shape (n_spots,)
        ``|F|²`` times the relrod's weight, in Å².

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator
    >>> spots = KinematicSimulator("silver").spots([[0, 0, 1]])
    >>> len(spots), spots.hkl[:2].tolist()
    (28, [[-2, 0, 0], [0, -2, 0]])
    """

    n_patterns: int
    pattern: np.ndarray
    hkl: np.ndarray
    g: np.ndarray
    excitation_error: np.ndarray
    intensity: np.ndarray

    def __len__(self) -> int:
        """Count the spots of all patterns."""
        return len(self.pattern)

    def __iter__(self) -> Iterator[SpotList]:
        """Give the patterns one by one."""
        return (self[i] for i in range(self.n_patterns))

    def __getitem__(self, index: int) -> SpotList:
        """Give one pattern.

        Parameters
        ----------
        index : int
            Its number.

        Returns
        -------
        SpotList
            Of one pattern.
        """
        if not -self.n_patterns <= index < self.n_patterns:
            raise IndexError(f"There are {self.n_patterns} patterns, not {index}.")
        index %= self.n_patterns
        start, stop = np.searchsorted(self.pattern, [index, index + 1])
        part = slice(start, stop)
        return SpotList(
            1,
            np.zeros(stop - start, dtype=self.pattern.dtype),
            self.hkl[part],
            self.g[part],
            self.excitation_error[part],
            self.intensity[part],
        )
