"""A picture of the score against the loss of resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import check_scoring

from skastro.galaxy._resolution import ResolutionDegrader
from skastro.utils import import_optional

# Okabe and Ito's colours, told apart by nearly everyone, without the pale yellow;
# markers differ too, for print in black and white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":")

_BANDS = {"std": "± 1 standard deviation", "ste": "± 1 standard error", None: ""}
_LEGEND_TITLES = {"enlarge": "Enlarged by"}
_AXIS_LABELS = {"factor": "Shrink factor of each axis", "value": "Score"}


class ResolutionCurveDisplay:
    """Score against the factor by which resolution is lost, one line an interpolation.

    Make it with `from_scores`, from a table of repeated runs, or with
    `from_estimator`, then call `plot`.

    Parameters
    ----------
    summary : DataFrame
        A row for each line and factor, with the columns ``hue``, ``x``, "mean",
        "std", "ste" and "n". Lines are drawn in the order of their first rows.
    x : str, default="factor"
        Column on the horizontal axis.
    hue : str, default="enlarge"
        Column that tells the lines apart.
    value : str, default="value"
        What was averaged, for the label of the axis.
    band : {"std", "ste"} or None, default="ste"
        What the bands show to both sides of the mean.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : dict of str to Line2D
        The line of each interpolation.
    bands_ : dict of str to PolyCollection or None
        Their bands; None where there is but one run.
    chance_line_ : Line2D or None
        The line of the chance level.

    See Also
    --------
    ResolutionDegrader : Lower the resolution of images.

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.galaxy import ResolutionCurveDisplay
    >>> scores = pd.DataFrame(
    ...     {"factor": [1, 1, 8, 8], "enlarge": "bilinear", "repeat": [0, 1, 0, 1],
    ...      "value": [0.97, 0.99, 0.75, 0.73]})
    >>> display = ResolutionCurveDisplay.from_scores(scores)
    >>> display.summary["mean"].round(2).tolist()
    [0.98, 0.74]
    """

    def __init__(
        self,
        *,
        summary: pd.DataFrame,
        x: str = "factor",
        hue: str = "enlarge",
        value: str = "value",
        band: str | None = "ste",
    ) -> None:
        if band not in _BANDS:
            raise ValueError(f'band must be "std", "ste" or None, got {band!r}.')
        self.summary = summary
        self.x = x
        self.hue = hue
        self.value = value
        self.band = band

    @classmethod
    def from_scores(
        cls,
        scores: pd.DataFrame,
        *,
        x: str = "factor",
        hue: str = "enlarge",
        value: str = "value",
        repeat: str = "repeat",
        band: str | None = "ste",
    ) -> ResolutionCurveDisplay:
        """Average a tidy table of scores, one row a run.

        Parameters
        ----------
        scores : DataFrame
            Has the four columns below.
        x : str, default="factor"
            Column with the factor.
        hue : str, default="enlarge"
            Column that tells the lines apart: the interpolation, or the arm of a study.
        value : str, default="value"
            Column with the score.
        repeat : str, default="repeat"
            Column that numbers the runs.
        band : {"std", "ste"} or None, default="ste"
            Show the standard deviation of the runs, the standard error of their mean,
            or no band. Runs that share images are not independent: their standard
            error is too small.

        Returns
        -------
        ResolutionCurveDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If a column is missing, a score is NaN, or a run has several rows for one
            factor of a line (which would count it more than once).
        """
        missing = [name for name in (x, hue, value, repeat) if name not in scores]
        if missing:
            raise ValueError(
                f"scores has no column {missing}; it has {list(scores.columns)}."
            )
        if scores.empty or scores[[x, hue]].isna().any().any():
            raise ValueError(
                f"scores must have rows, and none without a {x} or {hue}: such a row "
                "has no place in the picture."
            )
        n_bad = int(scores[value].isna().sum())
        if n_bad:
            raise ValueError(
                f"{n_bad} of {len(scores)} scores are NaN: drop those runs, or count "
                "them as the score of a failure."
            )
        doubled = scores.duplicated([hue, x, repeat])
        if doubled.any():
            first = scores.loc[doubled, [hue, x, repeat]].iloc[0].to_dict()
            raise ValueError(
                f"{int(doubled.sum())} rows repeat a run, the first is {first}: select "
                "one score or metric first."
            )
        grouped = scores.groupby([hue, x], sort=False, observed=True)[value]
        summary = grouped.agg(["mean", "std", "count"])
        summary = summary.rename(columns={"count": "n"}).reset_index()
        summary["ste"] = summary["std"] / np.sqrt(summary["n"])
        return cls(summary=summary, x=x, hue=hue, value=value, band=band)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        factors: Iterable[float] = range(1, 9),
        enlarge: Sequence[str] = ("nearest", "bilinear", "bicubic"),
        scorer: str | Callable[..., float] | None = None,
        rounding: str = "block",
        image_shape: tuple[int, ...] | None = None,
        band: str | None = "ste",
    ) -> ResolutionCurveDisplay:
        """Score fitted estimators on test images of ever lower resolution.

        Parameters
        ----------
        estimator : estimator or list of estimators
            Fitted, for images of the shape of X. Several are taken as repeated runs.
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Test images at full resolution.
        y : array-like of shape (n,)
            Their labels.
        factors : iterable of float, default=range(1, 9)
            Factors of `ResolutionDegrader`.
        enlarge : sequence of str, default=("nearest", "bilinear", "bicubic")
            Interpolations, one line each.
        scorer : str, callable or None, default=None
            As ``scoring`` in scikit-learn; None takes the estimator's own.
        rounding : {"block", "exact"}, default="block"
            As in `ResolutionDegrader`.
        image_shape : (h, w) or (c, h, w), default=None
            What a flat row is, in pixels.
        band : {"std", "ste"} or None, default="ste"
            See `from_scores`; a single estimator has none.

        Returns
        -------
        ResolutionCurveDisplay
            Not drawn yet.
        """
        estimators = estimator if isinstance(estimator, (list, tuple)) else [estimator]
        enlarge = [enlarge] if isinstance(enlarge, str) else list(enlarge)
        if None in enlarge:
            raise ValueError(
                "enlarge=None leaves images small, and a net takes one size only; name "
                "an interpolation."
            )
        scorers = [check_scoring(one, scoring=scorer) for one in estimators]
        rows = []
        for factor in factors:
            # Factor 1 is the same however it is enlarged.
            values: list[float] = []
            for method in enlarge:
                if factor != 1 or not values:
                    degraded = ResolutionDegrader(
                        factor=factor,
                        enlarge=method,
                        rounding=rounding,
                        image_shape=image_shape,
                    ).fit_transform(X)
                    values = [
                        score(one, degraded, y)
                        for score, one in zip(scorers, estimators, strict=True)
                    ]
                rows += [(factor, method, i, v) for i, v in enumerate(values)]
        scores = pd.DataFrame(rows, columns=["factor", "enlarge", "repeat", "value"])
        return cls.from_scores(scores, band=band)

    def plot(
        self,
        ax: Any = None,
        *,
        chance_level: float | None = None,
        score_name: str | None = None,
    ) -> ResolutionCurveDisplay:
        """Draw the lines and their bands.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        chance_level : float, default=None
            Score of guessing, drawn as a horizontal line.
        score_name : str, default=None
            Label of the vertical axis.

        Returns
        -------
        ResolutionCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        if ax is None:
            _, ax = pyplot.subplots(figsize=(6.0, 4.0), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_: dict[Any, Any] = {}
        self.bands_: dict[Any, Any] = {}
        lines = self.summary.groupby(self.hue, sort=False, observed=True)
        for i, (name, line) in enumerate(lines):
            line = line.sort_values(self.x)
            colour = _COLOURS[i % len(_COLOURS)]
            (self.lines_[name],) = ax.plot(
                line[self.x],
                line["mean"],
                color=colour,
                marker=_MARKERS[i % len(_MARKERS)],
                linestyle=_DASHES[i % len(_DASHES)],
                markersize=5.0,
                label=str(name),
            )
            self.bands_[name] = None
            if self.band is not None and line[self.band].notna().any():
                self.bands_[name] = ax.fill_between(
                    line[self.x],
                    line["mean"] - line[self.band],
                    line["mean"] + line[self.band],
                    color=colour,
                    alpha=0.18,
                    linewidth=0,
                )
        self.chance_line_ = None
        if chance_level is not None:
            self.chance_line_ = ax.axhline(
                chance_level, color="0.4", linewidth=1.0, linestyle=":", label="chance"
            )
        factors = np.unique(self.summary[self.x])
        if len(factors) <= 12:
            ax.set_xticks(factors, [f"{factor:g}" for factor in factors])
        ax.set_xlabel(_AXIS_LABELS.get(self.x, self.x))
        score_name = score_name or _AXIS_LABELS.get(self.value, self.value)
        banded = any(band is not None for band in self.bands_.values())
        note = f" ({_BANDS[self.band]})" if banded else ""
        ax.set_ylabel(f"{score_name}{note}")
        ax.grid(alpha=0.3, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        # Where lines leave no room, bands should not shine through.
        ax.legend(
            title=_LEGEND_TITLES.get(self.hue, self.hue),
            framealpha=0.85,
            edgecolor="none",
        )
        return self
