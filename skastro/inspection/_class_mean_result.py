"""What `class_mean_maps` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class ClassMeanMaps:
    """Mean maps by class, with what they rest on; `class_mean_maps` makes it.

    Parameters
    ----------
    means : dict of key to ndarray
        Weighted mean map. Keys are labels, or pairs (true, predicted) of the
        misclassified. NaN where no event reaches.
    std_errors : dict of key to ndarray
        Its standard error, from the effective number of events; NaN for one event.
    indices : dict of key to ndarray of int
        The rows that were averaged.
    weights : dict of key to float
        Sum of their weights.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import class_mean_maps
    >>> result = class_mean_maps(np.array([[1.0, 3.0], [3.0, 5.0]]), ["a", "a"])
    >>> result.means["a"], result.indices["a"]
    (array([2., 4.]), array([0, 1]))
    """

    means: dict[Any, np.ndarray]
    std_errors: dict[Any, np.ndarray]
    indices: dict[Any, np.ndarray]
    weights: dict[Any, float]

    def table(self) -> pd.DataFrame:
        """Say how many events every mean has.

        Returns
        -------
        DataFrame
            A row a key; columns "class" (or "true" and "predicted"), "n" and "weight".
        """
        rows = []
        for key, index in self.indices.items():
            names = ("true", "predicted") if isinstance(key, tuple) else ("class",)
            labels = key if isinstance(key, tuple) else (key,)
            row = dict(zip(names, labels, strict=True))
            rows.append(row | {"n": len(index), "weight": self.weights[key]})
        return pd.DataFrame(rows)
