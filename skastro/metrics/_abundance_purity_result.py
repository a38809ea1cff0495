"""What is known of a purity at natural abundances."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class AbundancePurity:
    """Purity of a selection, as `abundance_weighted_purity` finds it.

    Parameters
    ----------
    purity : float
        Share of the signal among the selected events; NaN if nothing is selected.
    low, high : float
        Its interval.
    confidence_level : float
        Of the interval.
    per_class : DataFrame
        A row a class, the signal first: "abundance", "acceptance", "n" test events,
        "n_selected", their "share" with its interval "low" and "high", and "rate",
        abundance times acceptance times share.

    Examples
    --------
    >>> from skastro.metrics import abundance_weighted_purity
    >>> purity = abundance_weighted_purity(
    ...     ["d"] * 4 + ["p"] * 8, ["d"] * 3 + ["p"] * 8 + ["d"],
    ...     abundances={"d": 1, "p": 2}, pos_label="d")
    >>> purity.purity  # 3/4 against 2 * 1/8
    0.75
    >>> purity.per_class[["n", "n_selected", "rate"]]
           n  n_selected  rate
    class
    d      4           3  0.75
    p      8           1  0.25
    """

    purity: float
    low: float
    high: float
    confidence_level: float
    per_class: pd.DataFrame

    def __repr__(self) -> str:
        counts = " and ".join(
            f"{k} of {n}"
            for k, n in zip(
                self.per_class["n_selected"], self.per_class["n"], strict=True
            )
        )
        return (
            f"<AbundancePurity: {self.purity:.3g} ({self.low:.3g} to {self.high:.3g}), "
            f"{counts} selected>"
        )
