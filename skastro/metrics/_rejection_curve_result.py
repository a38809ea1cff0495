"""What the curve of efficiency against rejection holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import beta

from skastro.metrics._rejection_data import check_level, check_rejection, total_limit


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RejectionCurve:
    """Efficiency and background that passes, as `rejection_curve` finds them.

    Parameters
    ----------
    thresholds : ndarray of shape (n_thresholds,)
        The different scores, falling. What has at least the threshold passes.
    n_signal_passing : ndarray of int of shape (n_thresholds,)
        Signal events that pass.
    n_background_passing : ndarray of int of shape (n_thresholds,)
        Background events that pass.
    signal, background : ndarray
        Scores of the signal and of the background, rising.

    Attributes
    ----------
    efficiency : ndarray of shape (n_thresholds,)
        Share of the signal that passes; NaN without signal.
    background_share : ndarray of shape (n_thresholds,)
        Share of the background that passes, the false positive rate.
    rejection : ndarray of shape (n_thresholds,)
        One over that share; infinite where no background passes.

    Examples
    --------
    >>> from skastro.metrics import rejection_curve
    >>> curve = rejection_curve([0, 0, 1, 1, 1], [0.1, 0.6, 0.5, 0.7, 0.9])
    >>> curve.to_frame()[["threshold", "efficiency", "background_share"]].round(2)
       threshold  efficiency  background_share
    0        0.9        0.33               0.0
    1        0.7        0.67               0.0
    2        0.6        0.67               0.5
    3        0.5        1.00               0.5
    4        0.1        1.00               1.0
    """

    thresholds: np.ndarray
    n_signal_passing: np.ndarray
    n_background_passing: np.ndarray
    signal: np.ndarray
    background: np.ndarray

    @property
    def efficiency(self) -> np.ndarray:
        """Share of the signal that passes."""
        return self.n_signal_passing / (len(self.signal) or np.nan)

    @property
    def background_share(self) -> np.ndarray:
        """Share of the background that passes."""
        return self.n_background_passing / (len(self.background) or np.nan)

    @property
    def rejection(self) -> np.ndarray:
        """One over the share of the background that passes."""
        share = self.background_share
        out: np.ndarray = np.divide(
            1.0, share, out=np.full_like(share, np.inf), where=share != 0
        )
        return out

    def to_frame(self) -> pd.DataFrame:
        """Give the curve as a table.

        Returns
        -------
        DataFrame of shape (n_thresholds, 6)
            The columns "threshold", "efficiency", "background_share", "rejection",
            "n_signal_passing" and "n_background_passing".
        """
        names = ["efficiency", "background_share", "rejection"]
        names += ["n_signal_passing", "n_background_passing"]
        columns = {name: getattr(self, name) for name in names}
        return pd.DataFrame({"threshold": self.thresholds} | columns)

    def band(
        self,
        n_passing: np.ndarray,
        *,
        confidence_level: float = 0.95,
        kind: Literal["total", "binomial"] = "total",
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give efficiencies and their intervals at shares of the background.

        Parameters
        ----------
        n_passing : array-like of int of shape (n,)
            Numbers of background events that may pass, from 1 to all of them. The
            rejection is the number of background events over this.
        confidence_level : float, default=0.95
            Of the intervals.
        kind : {"total", "binomial"}, default="total"
            With or without the error of the threshold, see `efficiency_at_rejection`.

        Returns
        -------
        efficiency, low, high : ndarray of shape (n,)
            Efficiencies, and where their intervals begin and end. The binomial ones are
            Clopper and Pearson's.

        Raises
        ------
        ValueError
            If an option is not known, a number is out of range, or there is no signal
            or no background.
        """
        level = check_level(confidence_level)
        if kind not in ("total", "binomial"):
            raise ValueError(f'kind must be "total" or "binomial", got {kind!r}.')
        k = np.asarray(n_passing)
        n, m = len(self.signal), len(self.background)
        if not n or not m:
            raise ValueError(f"There are {n} signal and {m} background events.")
        if k.dtype.kind not in "iu" or (k.size and not 1 <= k.min() <= k.max() <= m):
            raise ValueError(f"n_passing must be whole numbers from 1 to {m}.")
        # Of the thresholds with the same background, the last has the most signal.
        place = np.searchsorted(self.n_background_passing, k, "right") - 1
        passing = np.where(place >= 0, self.n_signal_passing[place], 0)
        tail = (1.0 - level) / 2.0
        low = np.where(passing > 0, beta.ppf(tail, passing, n - passing + 1), 0.0)
        high = np.where(passing < n, beta.isf(tail, passing + 1, n - passing), 1.0)
        if kind == "total":
            factors = [check_rejection(m / i) for i in k.tolist()]
            lower, upper = (
                [
                    total_limit(self.signal, self.background, r, 1.0 - tail, upper=side)
                    for r in factors
                ]
                for side in (False, True)
            )
            low, high = np.minimum(low, lower), np.maximum(high, upper)
        return passing / n, low, high

    def __repr__(self) -> str:
        return (
            f"<RejectionCurve: {len(self.thresholds)} thresholds, {len(self.signal)} "
            f"signal, {len(self.background)} background>"
        )
