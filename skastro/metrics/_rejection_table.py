"""Efficiencies at several rejections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from skastro.metrics._rejection_efficiency import RejectionEfficiency


@dataclass(frozen=True)
class RejectionTable:
    """Efficiencies at several rejections, as `efficiency_at_rejection` finds them.

    It has a length, can be indexed and iterated over.

    Parameters
    ----------
    rows : tuple of RejectionEfficiency
        One for each rejection, in the order in which they were asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.metrics import efficiency_at_rejection
    >>> y, score = np.repeat([1, 0], 200), np.append(np.arange(200), np.arange(200) / 2)
    >>> table = efficiency_at_rejection(y, score, rejection=[2, 10, 100])
    >>> len(table), table[1].efficiency
    (3, 0.55)
    >>> table.to_frame()[["rejection", "efficiency", "n_background_passing"]]
       rejection  efficiency  n_background_passing
    0        2.0        0.75                   100
    1       10.0        0.55                    20
    2      100.0         NaN                     2
    """

    rows: tuple[RejectionEfficiency, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RejectionEfficiency]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> RejectionEfficiency:
        return self.rows[index]

    def to_frame(self) -> pd.DataFrame:
        """Give all of it as a table.

        Returns
        -------
        DataFrame of shape (n_rejections, 15)
            A row a rejection, a column for each attribute of `RejectionEfficiency`.
        """
        return pd.concat([row.to_frame() for row in self.rows], ignore_index=True)
