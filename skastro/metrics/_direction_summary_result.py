"""The tables of a summary of predicted directions, and how they print."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_ERROR_TITLES = {
    "mae": "MAE",
    "std": "sigma",
    "best_mae": "MAE, best order",
    "best_std": "sigma, best order",
    "min": "smallest",
    "max": "largest",
    "n_at_or_below": "at or below MAE",
}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class DirectionSummary:
    """Errors of predicted directions, as `direction_summary` finds them.

    Parameters
    ----------
    errors : DataFrame
        Errors `a` of `direction_l1`. The rows are "direction 1" and so on; with several
        directions also "all" and "oracle", which keeps in each sample the direction
        with the smaller error and so needs the truth. The columns are "mae" and "std"
        (``ddof=0``) of the predictions as they come; "best_mae" and "best_std" after
        the best assignment; "min", "max" and "n_at_or_below" again as they come: the
        range, and the number of samples whose error is at most the MAE of the row. For
        "all", every direction of the sample must be at most its own MAE.
    angles : DataFrame
        Folded angles in degrees after the best assignment, columns "median", "mean",
        "p90" and "max". The row "all" is over all directions; with several a sample,
        "better" and "worse" are the smallest and the largest angle of each.
    shares : Series
        Share of the samples with all directions below a limit; the index is the limit
        in degrees.
    n_samples : int
        Number of samples.
    n_directions : int
        Number of directions a sample.
    laue_group : str
        Symmetry of the angles.

    Examples
    --------
    >>> from skastro.metrics import direction_summary
    >>> y = [[0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1]]
    >>> summary = direction_summary(y, [[0, 0, 1]] * 4, laue_group="m-3m")
    >>> summary.angles.round(2)
         median   mean    p90    max
    all    22.5  24.93  51.81  54.74
    >>> summary.shares[2.0]
    np.float64(0.5)
    """

    errors: pd.DataFrame
    angles: pd.DataFrame
    shares: pd.Series
    n_samples: int
    n_directions: int
    laue_group: str

    def to_frame(self, name: Any = 0) -> pd.DataFrame:
        """Give all numbers as one row, to stack the rows of several models.

        Parameters
        ----------
        name : hashable, default=0
            Index of the row, such as the name of the model.

        Returns
        -------
        DataFrame of shape (1, n_numbers)
            Columns "n_samples"; "mae_1", "std_1" and so on for each direction, "_all"
            and "_oracle"; "angle_median_worse" and so on; "share_below_2" and so on.
        """
        row: dict[str, Any] = {"n_samples": self.n_samples}
        for part, values in self.errors.iterrows():
            row |= {
                f"{column}_{str(part).removeprefix('direction ')}": value
                for column, value in values.items()
            }
        for part, values in self.angles.iterrows():
            row |= {f"angle_{column}_{part}": v for column, v in values.items()}
        row |= {f"share_below_{limit:g}": v for limit, v in self.shares.items()}
        counts = {column: int for column in row if column.startswith("n_")}
        return pd.DataFrame(row, index=[name]).astype(counts)

    def to_text(self, digits: int = 4) -> str:
        """Write the tables.

        Parameters
        ----------
        digits : int, default=4
            Digits after the point of the errors; angles have two less.

        Returns
        -------
        str
            For printing.
        """
        tables = [table.to_string() for table in self._strings(digits)]
        return "\n\n".join([self._headline(), *tables, self._share_line()])

    def _headline(self) -> str:
        """Say what was judged."""
        many = "direction" if self.n_directions == 1 else "directions"
        return (
            f"{self.n_samples:,} samples of {self.n_directions} {many}, Laue group "
            f"{self.laue_group}"
        )

    def _share_line(self) -> str:
        """Write the shares below the limits."""
        what = "the angle" if self.n_directions == 1 else "all angles"
        shares = ", ".join(f"{v:.1%} < {x:g}°" for x, v in self.shares.items())
        return f"Samples with {what} below a limit: {shares}"

    def _strings(self, digits: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Format errors and angles."""
        errors = pd.DataFrame(
            {
                _ERROR_TITLES[name]: [
                    f"{v:,}" if name == "n_at_or_below" else f"{v:.{digits}f}"
                    for v in self.errors[name]
                ]
                for name in self.errors.columns
            },
            index=[
                "oracle (needs the truth)" if part == "oracle" else part
                for part in self.errors.index
            ],
        )
        places = max(digits - 2, 0)
        angles = self.angles.map(lambda v: f"{v:.{places}f}°")
        return errors, angles

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        tables = "".join(table.to_html(border=0) for table in self._strings(4))
        head, tail = html.escape(self._headline()), html.escape(self._share_line())
        return f"<p>{head}</p>{tables}<p>{tail}</p>"


def describe_group(laue_group: Any) -> str:
    """Name a Laue group that may be given as matrices."""
    if isinstance(laue_group, str):
        return laue_group
    return f"of {len(np.asarray(laue_group))} given rotations"
