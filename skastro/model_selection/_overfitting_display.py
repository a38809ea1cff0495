"""Training against validation, with the verdict on over-fitting."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._drawing import (
    COLOURS,
    SPLIT_DASHES,
    add_legend,
    band_note,
    check_band,
    draw_curve,
    dress_axes,
    epoch_table,
    make_panels,
    metric_label,
)
from skastro.model_selection._overfitting import (
    OverfittingDiagnosis,
    diagnose_overfitting,
)
from skastro.model_selection._single_run import read_single_run
from skastro.model_selection._study.preparation import ORIGINAL
from skastro.utils import import_optional

_SPLIT_COLOURS = {"train": COLOURS[0], "validation": COLOURS[1], "test": COLOURS[2]}
_STOPS = {
    "undecided": "best epoch, undecided",
    "still improving": "last epoch, still improving",
}


class OverfittingDisplay:
    """Loss and score of training against validation, with a verdict in the title.

    Make it with `from_result`, for a repeated study, or with `from_estimator`, for a
    single fit, then call `plot`.

    Parameters
    ----------
    curves : DataFrame
        A row for each metric, split and epoch: columns "metric", "split", "epoch",
        "mean", "std", "ste", "corrected_ste" and "n".
    verdict : str
        Of `diagnose_overfitting`; "undecided" for a single fit.
    sentence : str
        The verdict in plain words.
    stop_epoch : int
        Epoch to mark.
    stop_label : str, default="epoch to stop at"
        What it is.
    train_label : str, default="train"
        What the training curve is.
    band : {"std", "ste", "corrected_ste"} or None, default="std"
        What the bands show to both sides of the mean.
    n_bands : int, default=1
        Number of nested bands.

    Attributes
    ----------
    axes_ : ndarray of shape (n_metrics,)
        What was drawn on: the loss first.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : dict
        The line of each (metric, split).
    bands_ : dict
        Lists of their bands; empty for a single fit.
    stop_lines_ : dict
        The vertical line of each metric.
    title_ : matplotlib Text
        The verdict.
    legend_ : matplotlib Legend
        The legend of all axes.

    See Also
    --------
    diagnose_overfitting : Gives the verdict.
    EpochCurveDisplay : All metrics and parts of a study.

    Notes
    -----
    In a study all curves are evaluated after the epoch. The training curve of a single
    fit is the running mean of the loss over the epoch while the weights change, with
    dropout and augmentation at work: it lags behind, so that a validation loss below it
    in the first epochs means nothing. scikit-learn's includes the L2 penalty.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skastro.model_selection import OverfittingDisplay
    >>> from skastro.neural_network import DenseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(hidden_layer_sizes=(8,), max_epochs=5, random_state=0)
    >>> net = net.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    >>> OverfittingDisplay.from_estimator(net).verdict  # one run has no error
    'undecided'
    """

    def __init__(
        self,
        *,
        curves: pd.DataFrame,
        verdict: str,
        sentence: str,
        stop_epoch: int,
        stop_label: str = "epoch to stop at",
        train_label: str = "train",
        band: str | None = "std",
        n_bands: int = 1,
    ) -> None:
        check_band(band, n_bands)
        self.curves = curves
        self.verdict = verdict
        self.sentence = sentence
        self.stop_epoch = stop_epoch
        self.stop_label = stop_label
        self.train_label = train_label
        self.band = band
        self.n_bands = n_bands

    @classmethod
    def from_result(
        cls,
        result: Any,
        *,
        diagnosis: OverfittingDiagnosis | None = None,
        split: str = "validation",
        band: str | None = "std",
        n_bands: int = 1,
    ) -> OverfittingDisplay:
        """Draw a repeated study.

        Parameters
        ----------
        result : RepeatedHoldoutResult
            Of `repeated_holdout`, with a history by epoch.
        diagnosis : OverfittingDiagnosis, default=None
            Of `diagnose_overfitting` for this study, where its parameters are to be
            chosen; None makes one with the default parameters.
        split : {"validation", "test"}, default="validation"
            Against what to draw the training part; it must be what `diagnosis` judged.
        band : {"std", "ste", "corrected_ste"} or None, default="std"
            See `EpochCurveDisplay.from_result`.
        n_bands : int, default=1
            Number of nested bands, the k-th of k times the width.

        Returns
        -------
        OverfittingDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If the study has final scores only or no such split, or `diagnosis` is that
            of another study.
        """
        check_band(band, n_bands)
        if len(result.epochs) < 2:
            epoch_table(result, [], [])  # says what is missing
        if diagnosis is None:
            diagnosis = diagnose_overfitting(result, split=split)
        judged = getattr(diagnosis, "split", split)
        if judged != split:
            raise ValueError(f"The diagnosis is of split={judged!r}, not {split!r}.")
        size = (result.n_repeats, len(result.epochs))
        if (diagnosis.n_repeats, diagnosis.n_epochs) != size:
            raise ValueError(
                f"The diagnosis is of {diagnosis.n_repeats} repeats of "
                f"{diagnosis.n_epochs} epochs, the study has {size[0]} of {size[1]}."
            )
        metrics = [m for m in (diagnosis.loss, diagnosis.score) if m is not None]
        parts = [("train", ORIGINAL), (split, ORIGINAL)]
        return cls(
            curves=epoch_table(result, metrics, parts),
            verdict=diagnosis.verdict,
            sentence=diagnosis.sentence,
            stop_epoch=diagnosis.stop_epoch,
            stop_label=_STOPS.get(diagnosis.verdict, "epoch to stop at"),
            band=band,
            n_bands=n_bands,
        )

    @classmethod
    def from_estimator(cls, estimator: Any) -> OverfittingDisplay:
        """Draw a single fit.

        One run has no error, so the verdict is always "undecided"; the sentence has the
        numbers that are seen.

        Parameters
        ----------
        estimator : estimator
            Fitted with validation data: a net of skastro, scikit-learn's
            `MLPClassifier` or `MLPRegressor`, or a pipeline that ends in one.

        Returns
        -------
        OverfittingDisplay
            Not drawn yet.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If it keeps no learning curves, or had no validation data.
        """
        run = read_single_run(estimator)
        restored = ", weights restored" if run.restored else ""
        return cls(
            curves=run.table(),
            verdict="undecided",
            sentence=run.sentence(),
            stop_epoch=run.best_epoch,
            stop_label=f"{run.by}{restored}",
            train_label="train (running mean over the epoch: lags behind)",
            band=None,
        )

    def plot(self, ax: Any = None) -> OverfittingDisplay:
        """Draw the curves, the epoch to stop at, and the verdict.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            Where to draw: one a metric. None makes a new figure; a single one of a grid
            is divided if there are two metrics.

        Returns
        -------
        OverfittingDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the number of axes is wrong.
        """
        line = import_optional("matplotlib.lines", extra="plot").Line2D
        metrics = list(dict.fromkeys(self.curves["metric"]))
        panels, own_figure = make_panels(ax, len(metrics), (5.0, 4.4))
        self.axes_ = np.array(panels, dtype=object)
        self.ax_, self.figure_ = panels[0], panels[0].figure
        self.lines_: dict[Any, Any] = {}
        self.bands_: dict[Any, list[Any]] = {}
        self.stop_lines_: dict[str, Any] = {}
        handles: dict[str, Any] = {}
        for panel, metric in zip(panels, metrics, strict=True):
            ours = self.curves[self.curves["metric"] == metric]
            for split, table in ours.groupby("split", sort=False):
                look = {
                    "color": _SPLIT_COLOURS[split],
                    "linestyle": SPLIT_DASHES[split],
                    "label": self.train_label if split == "train" else split,
                }
                self.lines_[metric, split], self.bands_[metric, split] = draw_curve(
                    panel, table, self.band, self.n_bands, **look
                )
                handles.setdefault(split, self.lines_[metric, split])
            self.stop_lines_[metric] = panel.axvline(
                self.stop_epoch, color="0.35", linewidth=1.0, linestyle="-.", zorder=1
            )
            dress_axes(panel)
            panel.set_ylabel(metric_label(metric))
        stop = f"{self.stop_label}: {self.stop_epoch}"
        mark = line([], [], color="0.35", linewidth=1.0, linestyle="-.", label=stop)
        self._write_title(own_figure)
        note = band_note(self.curves["n"], self.band, self.n_bands)
        handled = [*handles.values(), mark]
        self.legend_ = add_legend(panels, own_figure, handled, note)
        return self

    def _write_title(self, own_figure: bool) -> None:
        """Write the verdict over the panels, in lines that fit."""
        first, last = self.axes_[0].get_position(), self.axes_[-1].get_position()
        share = 1.0 if own_figure else max(first.width, last.x1 - first.x0)
        width = share * self.figure_.get_size_inches()[0] * 72.0
        lines = textwrap.wrap(self.sentence, max(24, int(width / 5.4)))
        text = "\n".join([f"Verdict: {self.verdict}", *lines])
        if own_figure:
            self.title_ = self.figure_.suptitle(text, fontsize="medium")
        else:
            self.title_ = self.ax_.set_title(text, fontsize="small", loc="left")
