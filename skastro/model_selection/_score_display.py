"""The scores of single runs, study by study."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._drawing import (
    COLOURS,
    add_legend,
    as_studies,
    dress_axes,
    make_panels,
    metric_label,
)
from skastro.model_selection._score_columns import collect_scores
from skastro.utils import import_optional

_RUNS, _COLLAPSED, _MEAN = COLOURS[:3]


class ScoreDistributionDisplay:
    """Scores of all runs, one column for each study and test variant.

    Make it with `from_result`, then call `plot`. A column has a point for every run, a
    box from the lower to the upper quartile with the median, and beside it the mean
    with its errors.

    Parameters
    ----------
    scores : DataFrame
        A row a run: "column" (its label), "study", "variant", "repeat", "value" and
        "collapsed".
    summary : DataFrame
        A row a column, in their order, with the index "column": "mean", "std", "ste",
        "corrected_ste", "median", "n_repeats" and "rule".
    metric : str, default="score"
        What was measured.
    split : {"train", "validation", "test"}, default="test"
        On which part.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    points_ : dict of str to PathCollection
        The runs of each column, collapsed ones left out.
    collapsed_ : dict of str to PathCollection
        The collapsed ones, where there are any.
    boxes_ : dict of str to dict
        Artists of the boxes; none for a single run.
    means_ : dict of str to Line2D
        The mean of each column; none for a single run.
    errors_ : dict of str to list of LineCollection
        Bars of the standard error and of the corrected one; none for a single run.
    legend_ : matplotlib Legend
        The legend.

    See Also
    --------
    compare : Tells two studies apart.
    RepeatedHoldoutResult.summary : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skastro.model_selection import ScoreDistributionDisplay, repeated_holdout
    >>> X, y = load_wine(return_X_y=True)
    >>> trees = {
    ...     f"depth {n}": repeated_holdout(
    ...         DecisionTreeClassifier(max_depth=n), X, y, n_repeats=5,
    ...         random_state=0, verbose=0)
    ...     for n in (1, 3)}
    >>> display = ScoreDistributionDisplay.from_result(trees)
    >>> display.summary["median"].is_monotonic_increasing
    True
    """

    def __init__(
        self,
        *,
        scores: pd.DataFrame,
        summary: pd.DataFrame,
        metric: str = "score",
        split: str = "test",
    ) -> None:
        self.scores = scores
        self.summary = summary
        self.metric = metric
        self.split = split

    @classmethod
    def from_result(
        cls,
        result: Any,
        *,
        metric: str | None = None,
        split: str = "test",
        variants: str | Iterable[str] | None = None,
        select: str | None = None,
        collapsed_below: float = 0.05,
    ) -> ScoreDistributionDisplay:
        """Collect the scores of one study or several.

        Parameters
        ----------
        result : RepeatedHoldoutResult or dict of str to RepeatedHoldoutResult
            Of `repeated_holdout`; several by name.
        metric : str, default=None
            None is the first metric of the first study.
        split : {"train", "validation", "test"}, default="test"
            Which part.
        variants : str or list of str, default=None
            Versions of the test part, a column each; None is all.
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch; None is each study's own rule. Columns of "test-mean" are
            labelled optimistic.
        collapsed_below : float, default=0.05
            Skill below which a run has collapsed, see `RepeatedHoldoutResult.summary`.

        Returns
        -------
        ScoreDistributionDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If a name is unknown, or a score is NaN.
        """
        if variants is not None and split != "test":
            raise ValueError(
                f"variants are versions of the test part, and split is {split!r}."
            )
        studies = as_studies(result)
        metric = next(iter(studies.values())).metrics[0] if metric is None else metric
        scores, summary = collect_scores(
            studies, metric, split, variants, select, collapsed_below
        )
        return cls(scores=scores, summary=summary, metric=metric, split=split)

    def plot(
        self, ax: Any = None, *, score_name: str | None = None
    ) -> ScoreDistributionDisplay:
        """Draw the columns.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure, wider for more columns.
        score_name : str, default=None
            Label of the vertical axis.

        Returns
        -------
        ScoreDistributionDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        width = float(np.clip(1.4 * len(self.summary) + 1.5, 5.0, 16.0))
        (ax,), own_figure = make_panels(ax, 1, (width, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        self.points_: dict[str, Any] = {}
        self.collapsed_: dict[str, Any] = {}
        self.boxes_: dict[str, Any] = {}
        self.means_: dict[str, Any] = {}
        self.errors_: dict[str, list[Any]] = {}
        # The same picture each time, without a touch on the global random state.
        jitter = np.random.default_rng(0)
        dress_axes(ax, epochs=False)
        ax.grid(visible=False, axis="x")
        for place, column in enumerate(self.summary.index):
            self._draw_column(ax, place, column, jitter)
        ticks = [self._tick(column) for column in self.summary.index]
        ax.set_xticks(range(len(ticks)), ticks)
        ax.set_xlim(-0.6, len(ticks) - 0.3)
        if max(len(line) for tick in ticks for line in tick.split("\n")) > 18:
            ax.tick_params(axis="x", labelsize="small")
        ax.set_ylabel(score_name or f"{metric_label(self.metric)} ({self.split})")
        self.legend_ = add_legend([ax], own_figure, self._handles(), "")
        return self

    def _draw_column(
        self, ax: Any, place: int, column: str, jitter: np.random.Generator
    ) -> None:
        """Draw points, box and mean of one column."""
        runs = self.scores[self.scores["column"] == column]
        row = self.summary.loc[column]
        x = place - 0.08 + jitter.uniform(-0.14, 0.14, len(runs))
        value, bad = runs["value"].to_numpy(), runs["collapsed"].to_numpy(dtype=bool)
        self.points_[column] = ax.scatter(
            x[~bad], value[~bad], s=16, color=_RUNS, alpha=0.65, linewidth=0, zorder=3
        )
        if bad.any():
            self.collapsed_[column] = ax.scatter(
                x[bad], value[bad], s=42, marker="X", color=_COLLAPSED, zorder=4
            )
        if len(runs) == 1:
            return
        self.boxes_[column] = ax.boxplot(
            value,
            positions=[place - 0.08],
            widths=0.44,
            whis=0,
            showcaps=False,
            showfliers=False,
            manage_ticks=False,
            boxprops={"color": "0.45"},
            medianprops={"color": "black", "linewidth": 1.8},
        )
        middle = row["mean"]
        self.errors_[column] = [
            ax.vlines(
                place + 0.26,
                middle - row[error],
                middle + row[error],
                color=_MEAN,
                linewidth=width,
                zorder=4,
            )
            for error, width in (("ste", 4.0), ("corrected_ste", 1.2))
        ]
        (self.means_[column],) = ax.plot(
            [place + 0.26],
            [middle],
            "D",
            color="white",
            markeredgecolor=_MEAN,
            markersize=6.0,
            zorder=5,
        )

    def _tick(self, column: str) -> str:
        """Label a column."""
        row: Any = self.summary.loc[column]
        n_bad = int(self.scores.loc[self.scores["column"] == column, "collapsed"].sum())
        n = int(row["n_repeats"])
        lines = [column, "one run" if n == 1 else f"{n} runs"]
        if n_bad:
            lines.append(f"{n_bad} collapsed")
        if row["rule"] == "test-mean":
            lines += ["optimistic: epoch", "chosen on test data"]
        return "\n".join(line for line in lines if line)

    def _handles(self) -> list[Any]:
        """Say what the signs mean."""
        line = import_optional("matplotlib.lines", extra="plot").Line2D
        patch = import_optional("matplotlib.patches", extra="plot").Patch
        handles = [line([], [], ls="", marker="o", ms=4, color=_RUNS, label="one run")]
        if self.collapsed_:
            mark = {"ls": "", "marker": "X", "ms": 6, "color": _COLLAPSED}
            handles.append(line([], [], label="collapsed run", **mark))
        if self.boxes_:
            handles.append(
                patch(fill=False, ec="0.45", label="quartiles and median of the runs")
            )
            mark = {"marker": "D", "ms": 5, "mfc": "white", "color": _MEAN}
            label = "mean, ± ste (thick), ± corrected ste (thin)"
            handles.append(line([], [], label=label, **mark))
        return handles
