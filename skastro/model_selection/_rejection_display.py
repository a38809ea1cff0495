"""A picture of efficiency against rejection, on the axis where rejection matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from skastro.metrics import RejectionCurve, rejection_curve
from skastro.metrics._signal_scores import signal_scores
from skastro.utils import import_optional
from skastro.utils._class_looks import COLOURS, dress

# Below this number of background events that pass, the curve is dashed.
_STEADY = 10
# Rejections at which the curve is computed, at most.
_POINTS = 120


class RejectionCurveDisplay:
    """Efficiency of the signal against the background that passes, logarithmic.

    Make it with `from_predictions` or `from_estimator`, then call `plot`. The curve is
    dashed where fewer than ten background events pass, and ends at the last one: what
    lies beyond was not measured.

    Parameters
    ----------
    curve : RejectionCurve
        Of `skastro.metrics.rejection_curve`.
    name : str, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure.
    line_ : Line2D
        The curve where at least ten background events pass; without points if there are
        not as many.
    sparse_line_ : Line2D
        The dashed part.
    band_ : PolyCollection or None
        The intervals.

    See Also
    --------
    skastro.metrics.efficiency_at_rejection : Single points with their errors.
    sklearn.metrics.RocCurveDisplay : The same on linear axes.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skastro.model_selection import RejectionCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GaussianNB().fit(X[::2], y[::2])
    >>> display = RejectionCurveDisplay.from_estimator(model, X[1::2], y[1::2])
    >>> display.curve
    <RejectionCurve: 214 thresholds, 174 signal, 110 background>
    """

    def __init__(self, *, curve: RejectionCurve, name: str | None = None) -> None:
        self.curve = curve
        self.name = name

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        *,
        pos_label: Any = None,
        name: str | None = None,
    ) -> RejectionCurveDisplay:
        """Compute the curve of some scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true classes, two of them.
        y_score : array-like of shape (n_samples,)
            Larger is more like the signal.
        pos_label : class, default=None
            The signal. None is 1 where the classes are 0 and 1, or -1 and 1.
        name : str, default=None
            Name of the model, for the legend.

        Returns
        -------
        RejectionCurveDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            As in `skastro.metrics.rejection_curve`.
        """
        return cls(
            curve=rejection_curve(y_true, y_score, pos_label=pos_label), name=name
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        pos_label: Any = None,
        name: str | None = None,
    ) -> RejectionCurveDisplay:
        """Compute the curve of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, for two classes; or a pipeline that ends with one. Its
            ``decision_function`` is taken where there is one, else ``predict_proba``.
        X : array-like of shape (n_samples, ...)
            Test data.
        y : array-like of shape (n_samples,)
            Their true classes.
        pos_label : class, default=None
            The signal. None is 1 where the classes are 0 and 1, or -1 and 1.
        name : str, default=None
            Name of the model, for the legend; None is that of its class, in a pipeline
            that of the last step.

        Returns
        -------
        RejectionCurveDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            As in `skastro.metrics.rejection_curve`, or if the classifier does not have
            two classes.
        """
        score = signal_scores(estimator, X, pos_label)
        if name is None:
            steps = getattr(estimator, "steps", [("", estimator)])
            name = type(steps[-1][1]).__name__
        return cls.from_predictions(y, score, pos_label=pos_label, name=name)

    def plot(
        self,
        ax: Any = None,
        *,
        axis: Literal["rejection", "background"] = "rejection",
        band: Literal["total", "binomial"] | None = "total",
        confidence_level: float = 0.95,
        rejections: Iterable[float] = (),
        **line_kw: Any,
    ) -> RejectionCurveDisplay:
        """Draw the curve; several displays on one Axes have a colour each.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        axis : {"rejection", "background"}, default="rejection"
            What the horizontal axis has: the rejection factor, or its inverse, the
            share of background that passes. Both are logarithmic.
        band : {"total", "binomial"} or None, default="total"
            Intervals with or without the error of the threshold, see
            `skastro.metrics.efficiency_at_rejection`.
        confidence_level : float, default=0.95
            Of the band.
        rejections : iterable of float, default=()
            Rejections to mark by a vertical line.
        **line_kw : dict
            Look of both lines, for ``Axes.plot``.

        Returns
        -------
        RejectionCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an option is not known, there is no signal or no background, or the Axes
            have the other horizontal axis already.
        """
        if axis not in _LABELS:
            raise ValueError(f"axis must be one of {list(_LABELS)}, got {axis!r}.")
        if band not in ("total", "binomial", None):
            raise ValueError(f'band must be "total", "binomial" or None, got {band!r}.')
        passing = self._numbers()
        kind: Literal["total", "binomial"] = "total" if band == "total" else "binomial"
        efficiency, low, high = self.curve.band(
            passing, confidence_level=confidence_level, kind=kind
        )
        share = passing / len(self.curve.background)
        x = share if axis == "background" else 1.0 / share
        if ax is None:
            pyplot = import_optional("matplotlib.pyplot", extra="plot")
            _, ax = pyplot.subplots(figsize=(6.0, 4.4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self._prepare(axis)
        before = {line.get_color() for line in ax.get_lines() if line.get_gid() == _GID}
        look: dict[str, Any] = {
            "color": COLOURS[len(before) % len(COLOURS)],
            "linewidth": 1.8,
            "gid": _GID,
        } | line_kw
        steady = passing >= _STEADY
        # The point where both parts meet belongs to both.
        sparse = passing <= max(_STEADY, passing.min())
        label = self.name or "efficiency"
        solid, dashed = {"label": label}, {"label": "_nolegend_"}
        if not steady.any():
            solid, dashed = dashed, solid
        (self.line_,) = ax.plot(x[steady], efficiency[steady], **look, **solid)
        (self.sparse_line_,) = ax.plot(
            x[sparse], efficiency[sparse], **(look | {"linestyle": _DASHES} | dashed)
        )
        self.band_ = None
        if band is not None:
            self.band_ = ax.fill_between(
                x, low, high, color=self.line_.get_color(), alpha=0.16, linewidth=0
            )
        for rejection in rejections:
            at = 1.0 / rejection if axis == "background" else rejection
            ax.axvline(at, color="0.45", linewidth=0.9, linestyle=":", zorder=0.5)
        title = f"dashed: fewer than {_STEADY} background events pass"
        if band is not None:
            note = "with" if band == "total" else "without"
            title += f"\n{100 * confidence_level:g} % bands, {note} the cut's error"
        ax.legend(
            title=title,
            loc="best",
            fontsize="small",
            title_fontsize="small",
            framealpha=0.85,
            edgecolor="none",
        )
        return self

    def _numbers(self) -> np.ndarray:
        """Choose numbers of background events that pass, even on a logarithmic axis."""
        n = len(self.curve.background)
        if not n or not len(self.curve.signal):
            raise ValueError(
                f"A curve needs signal and background, got {len(self.curve.signal)} "
                f"and {n} events."
            )
        numbers = np.unique(np.rint(np.geomspace(1, n, _POINTS)).astype(np.int64))
        # The ends and the place where the dashes begin are always there.
        extra = [k for k in (1, _STEADY, n) if k <= n]
        return np.unique(np.append(numbers, extra))

    def _prepare(self, axis: str) -> None:
        """Give the axes their look, once."""
        ax = self.ax_
        if ax.get_xlabel() in _LABELS.values():
            if ax.get_xlabel() != _LABELS[axis]:
                raise ValueError(
                    f'The axes have "{ax.get_xlabel()}" already, not axis={axis!r}.'
                )
            return
        dress(ax)
        ax.set_xscale("log")
        ax.set(xlabel=_LABELS[axis], ylabel="Efficiency of the signal", ylim=(0, 1.02))


_LABELS = {
    "rejection": "Rejection of the background",
    "background": "Share of the background that passes",
}
_GID = "skastro-rejection"
_DASHES = (0, (3, 1.6))
