"""The patterns of a scan one after the other, without reading the scan."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.utils import LazyRows


class ScanRows:
    """Number the patterns of a scan row by row; a source of `LazyRows`.

    Parameters
    ----------
    scan : LazyRows of shape (rows, columns, h, w)
        Where the patterns are.
    """

    def __init__(self, scan: LazyRows) -> None:
        self.scan = scan
        rows, self._columns, h, w = scan.shape
        self.shape = (rows * self._columns, h, w)
        self.dtype = scan.dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read patterns; every row of the scan that has one of them is read once.

        Parameters
        ----------
        key : slice or ndarray of shape (k,), int
            Which.

        Returns
        -------
        ndarray of shape (k, h, w)
            These.
        """
        numbers = np.arange(self.shape[0])[key]
        row, column = np.divmod(numbers, self._columns)
        out = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        for one in np.unique(row):
            here = row == one
            out[here] = self.scan[int(one)][column[here]]
        return out
