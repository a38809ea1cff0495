"""What `perturbation_curves` returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class PerturbationResult:
    """Probabilities while voxels are removed or inserted, in two orders.

    `perturbation_curves` makes it.

    Parameters
    ----------
    share : ndarray of shape (n_steps + 1,)
        Share of the ranked voxels that are removed or inserted, 0 to 1.
    deletion : ndarray of shape (n_samples, n_steps + 1)
        Probability of the class (or the output) with the first voxels removed.
    insertion : ndarray of shape (n_samples, n_steps + 1)
        With none but the first voxels there.
    random_deletion : ndarray of shape (n_samples, n_steps + 1)
        As ``deletion`` in a random order, mean over the orders drawn.
    random_insertion : ndarray of shape (n_samples, n_steps + 1)
        Likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import PerturbationResult
    >>> falling, rising = np.array([[1.0, 0.2, 0.0]]), np.array([[0.0, 0.8, 1.0]])
    >>> even = np.array([[0.0, 0.5, 1.0]])
    >>> result = PerturbationResult(
    ...     np.linspace(0, 1, 3), falling, rising, 1 - even, even)
    >>> result.areas().round(2).to_dict("records")
    [{'deletion': 0.35, 'insertion': 0.65, 'random_deletion': 0.5,
      'random_insertion': 0.5}]
    """

    share: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray

    def _curves(self) -> dict[str, np.ndarray]:
        return {
            "deletion": self.deletion,
            "insertion": self.insertion,
            "random_deletion": self.random_deletion,
            "random_insertion": self.random_insertion,
        }

    def areas(self) -> pd.DataFrame:
        """Give the area under every event's curves, by trapezia.

        Returns
        -------
        DataFrame
            A row an event; columns "deletion", "insertion", "random_deletion",
            "random_insertion", in units of probability. A map that tells what matters
            has a smaller area of deletion than random orders have, and a larger one
            of insertion.
        """
        return pd.DataFrame(
            {
                name: np.trapezoid(curve, self.share, axis=1)
                for name, curve in self._curves().items()
            }
        )

    def summary(self) -> pd.DataFrame:
        """Average areas and their gain over the random order.

        Returns
        -------
        DataFrame
            Rows "deletion" and "insertion"; columns "area", "random" (mean areas),
            "gain" (mean of their difference per event, positive if the map is better
            than chance), "std_error" (of the gain; NaN for one event) and "better"
            (share of events with a positive gain).
        """
        areas, rows = self.areas(), {}
        for name, sign in (("deletion", -1.0), ("insertion", 1.0)):
            gain = sign * (areas[name] - areas[f"random_{name}"])
            rows[name] = {
                "area": areas[name].mean(),
                "random": areas[f"random_{name}"].mean(),
                "gain": gain.mean(),
                "std_error": gain.std(ddof=1) / np.sqrt(len(gain)),
                "better": (gain > 0).mean(),
            }
        return pd.DataFrame.from_dict(rows, orient="index")

    def mean_curves(self) -> pd.DataFrame:
        """Average the curves over the events.

        Returns
        -------
        DataFrame
            Index "share"; the same columns as `areas`.
        """
        means = {name: curve.mean(axis=0) for name, curve in self._curves().items()}
        return pd.DataFrame(means, index=pd.Index(self.share, name="share"))
