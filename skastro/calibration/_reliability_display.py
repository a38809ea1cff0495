"""A picture of stated probabilities against what happens."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from skastro.metrics import expected_calibration_error
from skastro.metrics._calibration_error import reliability_tables
from skastro.metrics._class_data import (
    check_classes,
    check_probabilities,
    check_weights,
    encode_classes,
)
from skastro.utils import import_optional
from skastro.utils._class_looks import COLOURS, add_legend, class_looks, dress

_TOP = "top"


class ReliabilityDisplay:
    """Reliability diagram of a classifier with two or more classes.

    Make it with `from_predictions` or `from_estimator`, then call `plot`.

    Parameters
    ----------
    bins : DataFrame
        A row a filled bin, with the columns "class" (None for the largest probability),
        "low" and "high" (edges), "stated" (mean probability), "observed" (share that
        came true), "count" (samples), "weight" and "effective" (number of equally
        weighted samples of the same precision).
    error : float
        Expected calibration error over all bins.
    kind : {"top", "classwise"}, default="top"
        What was binned, see `skastro.metrics.expected_calibration_error`.
    n_bins : int, default=10
        Number of bins, for the title.
    support : dict of class to int, default=None
        Members of each class, for the legend of "classwise".
    name : str, default=None
        Name of the model, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the diagram was drawn on.
    counts_ax_ : matplotlib Axes or None
        What the numbers of samples were drawn on.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict
        The line of each class; the key is "top" for the largest probability.

    See Also
    --------
    skastro.metrics.expected_calibration_error : The number in the title.
    sklearn.calibration.CalibrationDisplay : For two classes.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skastro.calibration import ReliabilityDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GaussianNB().fit(X[::2], y[::2])
    >>> display = ReliabilityDisplay.from_estimator(model, X[1::2], y[1::2])
    >>> int(display.bins["count"].sum())
    89
    """

    def __init__(
        self,
        *,
        bins: pd.DataFrame,
        error: float,
        kind: str = _TOP,
        n_bins: int = 10,
        support: dict[Any, int] | None = None,
        name: str | None = None,
    ) -> None:
        self.bins = bins
        self.error = error
        self.kind = kind
        self.n_bins = n_bins
        self.support = support
        self.name = name

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        proba: Any,
        *,
        labels: Any = None,
        n_bins: int = 10,
        strategy: Literal["uniform", "quantile"] = "uniform",
        kind: Literal["top", "classwise"] = "top",
        sample_weight: Any = None,
        name: str | None = None,
    ) -> ReliabilityDisplay:
        """Bin probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true classes.
        proba : array-like or DataFrame of shape (n_samples, n_classes)
            Probabilities. The columns of a DataFrame are aligned by name; those of an
            array follow `labels`.
        labels : array-like of shape (n_classes,), default=None
            The class of each column, as in `expected_calibration_error`.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width or of equal counts.
        kind : {"top", "classwise"}, default="top"
            The largest probability of each row, or a curve for each class.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        name : str, default=None
            Name of the model, for the title.

        Returns
        -------
        ReliabilityDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            As in `expected_calibration_error`.
        """
        error = expected_calibration_error(
            y_true,
            proba,
            labels=labels,
            n_bins=n_bins,
            strategy=strategy,
            kind=kind,
            sample_weight=sample_weight,
        )
        y = check_classes(y_true, "y_true")
        p, classes = check_probabilities(y, proba, labels)
        weight = check_weights(sample_weight, len(y))
        codes = encode_classes(y, classes, "y_true")
        tables = reliability_tables(codes, p, weight, n_bins, strategy, kind)
        parts = [
            # An array of objects: pandas would make a NaN of None.
            pd.DataFrame(
                {"class": np.full(len(table.count), label, dtype=object)}
            ).assign(**vars(table))
            for label, table in zip(
                [None] if kind == _TOP else classes, tables, strict=True
            )
        ]
        members = np.bincount(codes[weight > 0], minlength=len(classes))
        return cls(
            bins=pd.concat(parts, ignore_index=True),
            error=error,
            kind=kind,
            n_bins=int(n_bins),
            support=dict(zip(classes, members.tolist(), strict=True)),
            name=name,
        )

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, **options: Any
    ) -> ReliabilityDisplay:
        """Bin the probabilities of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba``.
        X : array-like of shape (n_samples, ...)
            Test data.
        y : array-like of shape (n_samples,)
            Their true classes.
        **options : dict
            `n_bins`, `strategy`, `kind`, `sample_weight` and `name` of
            `from_predictions`; the name is that of the estimator's class by default.

        Returns
        -------
        ReliabilityDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            As in `from_predictions`.
        """
        options = {"name": type(estimator).__name__, **options}
        proba = estimator.predict_proba(X)
        return cls.from_predictions(y, proba, labels=estimator.classes_, **options)

    def plot(
        self, ax: Any = None, *, min_count: int | None = None
    ) -> ReliabilityDisplay:
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of two Axes, default=None
            Where to draw: the diagram, and the numbers of samples below it. None makes
            a new figure. There are no numbers for "classwise", nor on a single Axes.
        min_count : int, default=None
            Bins of fewer samples are not drawn; the error counts them. None is 1 for
            "top" and 10 for "classwise", where the curves of rare classes would jump.

        Returns
        -------
        ReliabilityDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` has another number of axes.

        Notes
        -----
        Error bars are Wilson's intervals of one standard deviation (68 %).
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        own, counts_ax = ax is None, None
        if ax is None and self.kind == _TOP:
            _, (ax, counts_ax) = pyplot.subplots(
                2,
                1,
                figsize=(5.0, 5.6),
                sharex=True,
                height_ratios=(3.4, 1),
                layout="constrained",
            )
        elif ax is None:
            _, ax = pyplot.subplots(figsize=(5.6, 6.2), layout="constrained")
        elif isinstance(ax, (list, tuple, np.ndarray)):
            given = list(np.ravel(np.asarray(ax, dtype=object)))
            if len(given) not in (1, 2) or (len(given) == 2 and self.kind != _TOP):
                raise ValueError(
                    f"The {self.kind!r} diagram takes one or two axes, two only for "
                    f"'top'; got {len(given)}."
                )
            ax, counts_ax = given[0], (given[1] if len(given) == 2 else None)
        self.ax_, self.counts_ax_, self.figure_ = ax, counts_ax, ax.figure
        dress(ax)
        (diagonal,) = ax.plot(
            [0, 1],
            [0, 1],
            color="0.4",
            linestyle=":",
            linewidth=1.2,
            label="calibrated",
        )
        if min_count is None:
            min_count = 1 if self.kind == _TOP else 10
        # NaN breaks the lines where a bin is left out.
        shown = self.bins.copy()
        shown.loc[shown["count"] < min_count, "observed"] = np.nan
        self.lines_: dict[Any, Any] = {}
        if self.kind == _TOP:
            self._draw_top(shown)
        else:
            self._draw_classes(shown)
            handles = [diagonal, *self.lines_.values()]
            add_legend(ax, handles, own_figure=own)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        if counts_ax is not None:
            # Equal aspect would make the two panels differ in width.
            ax.set_aspect("auto")
        what = "class" if self.kind != _TOP else "predicted class"
        (ax if counts_ax is None else counts_ax).set_xlabel(
            f"Probability stated for the {what}"
        )
        ax.set_ylabel(
            "Share that is right" if self.kind == _TOP else "Share that is of the class"
        )
        ax.set_title(self._title(min_count), fontsize="medium")
        return self

    def _draw_top(self, shown: pd.DataFrame) -> None:
        """Draw the bins of the largest probability, and how full they are."""
        ax = self.ax_
        stated, observed = shown["stated"], shown["observed"]
        low, high = _wilson(observed.to_numpy(), shown["effective"].to_numpy())
        # The gap to the diagonal is what the error sums up.
        ax.vlines(
            stated,
            observed,
            stated,
            color=COLOURS[1],
            alpha=0.45,
            linewidth=5,
            label="gap",
        )
        container = ax.errorbar(
            stated,
            observed,
            yerr=np.maximum([observed - low, high - observed], 0.0),
            color=COLOURS[0],
            marker="o",
            markersize=4.5,
            linewidth=1.5,
            elinewidth=1.0,
            capsize=2.0,
            label="measured (68 %)",
        )
        ax.legend(loc="upper left", fontsize="small", framealpha=0.85, edgecolor="none")
        self.lines_[_TOP] = container.lines[0]
        if self.counts_ax_ is None:
            return
        counts = self.counts_ax_
        dress(counts)
        bars = counts.bar(
            self.bins["low"],
            self.bins["count"],
            width=self.bins["high"] - self.bins["low"],
            align="edge",
            color=COLOURS[5],
            edgecolor="white",
            linewidth=0.6,
        )
        # Many narrow bins leave no room for numbers.
        if len(self.bins) <= 12:
            counts.bar_label(bars, fmt="{:,.0f}", fontsize="x-small", padding=1)
            counts.margins(y=0.22)
        counts.set_ylabel("Samples")

    def _draw_classes(self, shown: pd.DataFrame) -> None:
        """Draw a curve for each class."""
        support = self.support or {}
        classes = list(support) or list(dict.fromkeys(self.bins["class"]))
        for label, look in class_looks(classes).items():
            rows = shown[shown["class"] == label]
            note = f" ({support[label]:,})" if label in support else ""
            (self.lines_[label],) = self.ax_.plot(
                rows["stated"],
                rows["observed"],
                markersize=4.5,
                linewidth=1.3,
                label=f"{label}{note}",
                **look,
            )

    def _title(self, min_count: int) -> str:
        """Say what the numbers are."""
        name = f"{self.name}: " if self.name else ""
        kind = "top label" if self.kind == _TOP else "classwise"
        title = f"{name}ECE {self.error:.3f} ({kind}, {self.n_bins} bins)"
        hidden = int((self.bins["count"] < min_count).sum())
        if hidden:
            bins = "1 bin" if hidden == 1 else f"{hidden} bins"
            title += f"\n{bins} of fewer than {min_count} samples not drawn"
        return title


def _wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give Wilson's interval of one standard deviation for shares of n samples."""
    centre = (share + 0.5 / n) / (1.0 + 1.0 / n)
    half = np.sqrt(share * (1.0 - share) / n + 0.25 / n**2) / (1.0 + 1.0 / n)
    return centre - half, centre + half
