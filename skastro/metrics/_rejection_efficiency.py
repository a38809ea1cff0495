"""What is known of an efficiency at a rejection."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False)
class RejectionEfficiency:
    """Efficiency of a signal at a rejection, as `efficiency_at_rejection` finds it.

    Parameters
    ----------
    rejection : float
        The rejection factor R: at most one background event in R passes.
    efficiency : float
        Share of the signal that passes. NaN if the background is too small to tell, or
        there is no signal.
    low, high : float
        Interval of the efficiency at this very threshold: the signal's binomial error
        alone. NaN where the efficiency is.
    low_total, high_total : float
        Interval of the efficiency at this rejection, with the error of the threshold,
        which the background determines. This is the one to publish. NaN where the
        efficiency is.
    upper_limit : float
        One-sided upper limit of the efficiency at this rejection, with both errors. It
        is there also where the efficiency is NaN.
    threshold : float
        Lowest score that passes. Infinite if none does.
    n_signal, n_background : int
        Numbers of events.
    n_signal_passing, n_background_passing : int
        How many of them have at least the threshold.
    background_upper_limit : float
        One-sided upper limit of the share of background that passes the threshold;
        its inverse is the rejection that these events prove.
    confidence_level : float
        Of all intervals and limits.
    method : {"exact", "wilson", "wilsoncc"}
        How `low` and `high` were found.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.metrics import efficiency_at_rejection
    >>> y = np.repeat(["signal", "background"], 200)
    >>> score = np.append(np.linspace(0.3, 1, 200), np.linspace(0, 0.6, 200))
    >>> efficiency_at_rejection(y, score, rejection=20, pos_label="signal")
    <RejectionEfficiency at R = 20: 0.615 (0.533 to 0.686), 200 signal, 200 background>
    """

    rejection: float
    efficiency: float
    low: float
    high: float
    low_total: float
    high_total: float
    upper_limit: float
    threshold: float
    n_signal: int
    n_background: int
    n_signal_passing: int
    n_background_passing: int
    background_upper_limit: float
    confidence_level: float
    method: str

    def to_frame(self) -> pd.DataFrame:
        """Give it as a table of one row.

        Returns
        -------
        DataFrame of shape (1, 15)
            A column for each attribute.
        """
        return pd.DataFrame([asdict(self)])

    def __repr__(self) -> str:
        if np.isnan(self.efficiency):
            what = f"not measured, below {self.upper_limit:.3f}"
        else:
            what = (
                f"{self.efficiency:.3f} ({self.low_total:.3f} to {self.high_total:.3f})"
            )
        return (
            f"<RejectionEfficiency at R = {self.rejection:g}: {what}, "
            f"{self.n_signal} signal, {self.n_background} background>"
        )
