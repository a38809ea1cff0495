"""Learning curves of repeated studies over the epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._drawing import (
    COLOURS,
    add_legend,
    as_list,
    as_studies,
    band_note,
    check_band,
    choose_parts,
    draw_curve,
    dress_axes,
    epoch_table,
    make_panels,
    metric_label,
)
from skastro.model_selection._epoch_looks import epoch_handles, looks_of


class EpochCurveDisplay:
    """Metrics over the epochs: means over the repeats of a study, with bands.

    Make it with `from_result`, or with `from_results` to lay several studies over each
    other, then call `plot`.

    Parameters
    ----------
    curves : DataFrame
        A row for each study, metric, split, variant and epoch: columns of these names,
        and "mean", "std", "ste", "corrected_ste" and "n".
    chosen : dict of str to ndarray of shape (n_repeats,)
        The epochs that each study chose.
    rules : dict of str to str
        By which rule: "validation", "test-mean" or "last".
    band : {"std", "ste", "corrected_ste"} or None, default="std"
        What the bands show to both sides of the mean.
    n_bands : int, default=1
        Number of nested bands.

    Attributes
    ----------
    axes_ : ndarray of shape (n_metrics,)
        What was drawn on, one a metric.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : dict
        The line of each (study, metric, split, variant). A study alone has the
        name "".
    bands_ : dict
        Lists of their bands; empty where there is but one run.
    epoch_lines_ : dict
        The vertical line of each (study, metric) at the median of the chosen epochs.
    legend_ : matplotlib Legend
        The legend of all axes.

    See Also
    --------
    repeated_holdout : Runs a study.
    OverfittingDisplay : Training against validation, with a verdict.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skastro.model_selection import EpochCurveDisplay, repeated_holdout
    >>> from skastro.neural_network import DenseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(hidden_layer_sizes=(8,), max_epochs=5)
    >>> study = repeated_holdout(net, X, y, n_repeats=3, random_state=0, verbose=0)
    >>> display = EpochCurveDisplay.from_result(study, metric=["accuracy", "loss"])
    >>> len(display.curves)  # two metrics, three parts, five epochs
    30
    """

    def __init__(
        self,
        *,
        curves: pd.DataFrame,
        chosen: Mapping[str, np.ndarray],
        rules: Mapping[str, str],
        band: str | None = "std",
        n_bands: int = 1,
    ) -> None:
        check_band(band, n_bands)
        self.curves = curves
        self.chosen = chosen
        self.rules = rules
        self.band = band
        self.n_bands = n_bands

    @classmethod
    def from_result(
        cls,
        result: Any,
        *,
        metric: str | Iterable[str] | None = None,
        splits: str | Iterable[str] | None = None,
        variants: str | Iterable[str] | None = None,
        select: str | None = None,
        band: str | None = "std",
        n_bands: int = 1,
    ) -> EpochCurveDisplay:
        """Average the curves of one study.

        Parameters
        ----------
        result : RepeatedHoldoutResult
            Of `repeated_holdout`, with a history by epoch.
        metric : str or list of str, default=None
            One axes each; None is the first metric.
        splits : str or list of str, default=None
            Some of "train", "validation" and "test"; None is all.
        variants : str or list of str, default=None
            Versions of the test part; None is all.
        select : {"validation", "test-mean", "last"}, default=None
            Whose chosen epochs to mark; None is the study's own rule.
        band : {"std", "ste", "corrected_ste"} or None, default="std"
            The standard deviation of one run, the standard error of the mean (too
            small, since the splits overlap), Nadeau and Bengio's, see
            `RepeatedHoldoutResult.summary`, or no band.
        n_bands : int, default=1
            Number of nested bands, the k-th of k times the width.

        Returns
        -------
        EpochCurveDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If the study has final scores only, or a name is unknown.
        """
        if splits is None:
            splits = list(result.splits)
        return cls.from_results(
            {"": result},
            metric=metric,
            splits=splits,
            variants=variants,
            select=select,
            band=band,
            n_bands=n_bands,
        )

    @classmethod
    def from_results(
        cls,
        results: Mapping[str, Any],
        *,
        metric: str | Iterable[str] | None = None,
        splits: str | Iterable[str] | None = None,
        variants: str | Iterable[str] | None = None,
        select: str | None = None,
        band: str | None = "std",
        n_bands: int = 1,
    ) -> EpochCurveDisplay:
        """Average the curves of several studies, to compare nets.

        Parameters
        ----------
        results : dict of str to RepeatedHoldoutResult
            Studies by name; a colour each.
        metric : str or list of str, default=None
            One axes each; None is the first metric of the first study.
        splits : str or list of str, default=None
            Which parts, a kind of dash each; None is train and validation, or train and
            test where a study has no validation part.
        variants : str or list of str, default=None
            Versions of the test part; None is all, where "test" is among the splits.
        select : {"validation", "test-mean", "last"}, default=None
            Whose chosen epochs to mark; None is each study's own rule.
        band : {"std", "ste", "corrected_ste"} or None, default="std"
            See `from_result`.
        n_bands : int, default=1
            See `from_result`.

        Returns
        -------
        EpochCurveDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If a study has final scores only, or a name is unknown.
        """
        check_band(band, n_bands)
        studies = as_studies(results)
        first = next(iter(studies.values()))
        metrics = [first.metrics[0]] if metric is None else as_list(metric)
        if splits is None:
            held = all("validation" in study.splits for study in studies.values())
            splits = ["train", "validation" if held else "test"]
        splits = as_list(splits)
        tables, chosen, rules = [], {}, {}
        for name, study in studies.items():
            table = epoch_table(study, metrics, choose_parts(study, splits, variants))
            table.insert(0, "study", name)
            tables.append(table)
            rules[name] = study.select if select is None else select
            chosen[name] = study.best_epoch(rules[name])
        return cls(
            curves=pd.concat(tables, ignore_index=True),
            chosen=chosen,
            rules=rules,
            band=band,
            n_bands=n_bands,
        )

    def plot(self, ax: Any = None, *, mark_epoch: bool = True) -> EpochCurveDisplay:
        """Draw the curves, their bands and the chosen epochs.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            Where to draw: one a metric. None makes a new figure; a single one of a grid
            is divided if there are several metrics.
        mark_epoch : bool, default=True
            Whether to mark the chosen epoch: a line at the median over the repeats, and
            for a single study a grey field between the quartiles.

        Returns
        -------
        EpochCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the number of axes is wrong.
        """
        metrics = list(dict.fromkeys(self.curves["metric"]))
        panels, own_figure = make_panels(ax, len(metrics), (6.0, 4.2))
        self.axes_ = np.array(panels, dtype=object)
        self.ax_, self.figure_ = panels[0], panels[0].figure
        self.lines_: dict[Any, Any] = {}
        self.bands_: dict[Any, list[Any]] = {}
        self.epoch_lines_: dict[Any, Any] = {}
        chosen = self.chosen if mark_epoch else dict.fromkeys(self.chosen)
        looks, handles = looks_of(self.curves, chosen, self.rules)
        for panel, metric in zip(panels, metrics, strict=True):
            self._draw_panel(panel, metric, looks, mark_epoch)
        if mark_epoch:
            handles += epoch_handles(self.chosen, self.rules)
        note = band_note(self.curves["n"], self.band, self.n_bands)
        self.legend_ = add_legend(panels, own_figure, handles, note)
        return self

    def _draw_panel(
        self, ax: Any, metric: str, looks: Mapping[Any, Any], mark: bool
    ) -> None:
        """Draw one metric of all studies."""
        ours = self.curves[self.curves["metric"] == metric]
        for key, table in ours.groupby(["study", "split", "variant"], sort=False):
            study, split, variant = key
            whole = (study, metric, split, variant)
            self.lines_[whole], self.bands_[whole] = draw_curve(
                ax, table, self.band, self.n_bands, **looks[study, (split, variant)]
            )
        dress_axes(ax)
        ax.set_ylabel(metric_label(metric))
        if not mark:
            return
        for i, (study, epochs) in enumerate(self.chosen.items()):
            low, middle, high = np.percentile(epochs, [25, 50, 75])
            alone = len(self.chosen) == 1
            colour = "0.35" if alone else COLOURS[i % len(COLOURS)]
            self.epoch_lines_[study, metric] = ax.axvline(
                middle, color=colour, linewidth=1.0, linestyle="-.", zorder=1
            )
            if alone and high > low:
                ax.axvspan(low, high, color="0.5", alpha=0.12, linewidth=0, zorder=0)
