"""A picture of what rejecting doubtful rows buys, and which classes pay for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skastro.metrics import RiskCoverageCurve, risk_coverage_curve
from skastro.utils import import_optional
from skastro.utils._class_looks import COLOURS, add_legend, class_looks, dress

# Below this coverage a few errors make the curve jump; it does not set the scale.
_STEADY = 0.05
# More points than a screen has pixels.
_POINTS = 2000


class RiskCoverageDisplay:
    """Error rate of the accepted rows against their share, and the share by class.

    Make it with `from_predictions` or `from_estimator`, then call `plot`.

    Parameters
    ----------
    curve : RiskCoverageCurve
        Of `skastro.metrics.risk_coverage_curve`.
    name : str, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the risk was drawn on.
    classes_ax_ : matplotlib Axes or None
        What the coverages of the classes were drawn on.
    figure_ : matplotlib Figure
        The figure.
    line_ : Line2D
        The risk.
    class_lines_ : dict of class to Line2D
        The coverage of each class.

    See Also
    --------
    RejectClassifier : Accept what is sure enough.
    skastro.metrics.risk_coverage_curve : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skastro.calibration import RiskCoverageDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GaussianNB().fit(X[::2], y[::2])
    >>> display = RiskCoverageDisplay.from_estimator(model, X[1::2], y[1::2])
    >>> round(float(display.curve.risk[-1]) + model.score(X[1::2], y[1::2]), 6)
    1.0
    """

    def __init__(self, *, curve: RiskCoverageCurve, name: str | None = None) -> None:
        self.curve = curve
        self.name = name

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        confidence: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        name: str | None = None,
    ) -> RiskCoverageDisplay:
        """Compute the curve of some predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true classes.
        y_pred : array-like of shape (n_samples,)
            The predicted classes.
        confidence : array-like of shape (n_samples,)
            Larger is surer, for instance the largest probability.
        labels : array-like of shape (n_classes,), default=None
            Classes in the order wanted; None sorts those of `y_true`.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        name : str, default=None
            Name of the model, for the legend.

        Returns
        -------
        RiskCoverageDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            As in `skastro.metrics.risk_coverage_curve`.
        """
        curve = risk_coverage_curve(
            y_true, y_pred, confidence, labels=labels, sample_weight=sample_weight
        )
        return cls(curve=curve, name=name)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        name: str | None = None,
    ) -> RiskCoverageDisplay:
        """Compute the curve of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted. Its own ``confidence(X)`` is taken where it has one, as
            `RejectClassifier` and `FeatureErrorEnsemble` do, or else its largest
            probability.
        X : array-like of shape (n_samples, ...)
            Test data.
        y : array-like of shape (n_samples,)
            Their true classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        name : str, default=None
            Name of the model, for the legend; None is that of its class.

        Returns
        -------
        RiskCoverageDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            As in `skastro.metrics.risk_coverage_curve`.
        """
        if hasattr(estimator, "confidence"):
            confidence = estimator.confidence(X)
        else:
            confidence = np.asarray(estimator.predict_proba(X)).max(axis=1)
        return cls.from_predictions(
            y,
            estimator.predict(X),
            confidence,
            sample_weight=sample_weight,
            name=type(estimator).__name__ if name is None else name,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        per_class: bool | None = None,
        thresholds: float | Iterable[float] | None = None,
        **line_kw: Any,
    ) -> RiskCoverageDisplay:
        """Draw the risk, and beside it the coverage of each class.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of two Axes, default=None
            Where to draw; None makes a new figure. Several displays on one Axes share
            its legend.
        per_class : bool, default=None
            Whether to draw the coverage of the classes. None does unless `ax` is a
            single Axes.
        thresholds : float or iterable of float, default=None
            Confidences to mark on the curve.
        **line_kw : dict
            Look of the risk, for ``Axes.plot``.

        Returns
        -------
        RiskCoverageDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` does not have as many axes as `per_class` needs.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        own = ax is None
        given = None if own else list(np.ravel(np.asarray(ax, dtype=object)))
        if per_class is None:
            per_class = given is None or len(given) == 2
        n = 1 + per_class
        if given is None:
            _, made = pyplot.subplots(
                1, n, figsize=(4.8 * n, 4.4), layout="constrained", squeeze=False
            )
            given = list(made[0])
        if len(given) != n:
            raise ValueError(f"per_class={per_class} needs {n} axes, got {len(given)}.")
        self.ax_, self.figure_ = given[0], given[0].figure
        self.classes_ax_ = given[1] if per_class else None
        self._draw_risk(line_kw)
        if thresholds is not None:
            self._mark(np.atleast_1d(np.asarray(thresholds, dtype=float)))
        self.class_lines_: dict[Any, Any] = {}
        if per_class:
            self._draw_classes(given[1], own)
        return self

    def _draw_risk(self, line_kw: dict[str, Any]) -> None:
        """Draw the risk; a curve that is there already keeps its place."""
        ax, curve = self.ax_, self.curve
        top, n_before = 0.0, len(ax.get_lines())
        if n_before:
            top = ax.get_ylim()[1]
        else:
            dress(ax)
        look: dict[str, Any] = {
            "color": COLOURS[n_before % len(COLOURS)],
            "linewidth": 1.8,
            "marker": "o" if len(curve.thresholds) <= 25 else None,
            "markersize": 4.0,
            "label": f"{self.name or 'risk'} (AURC {curve.aurc:.4f})",
        }
        points = self._points()
        (self.line_,) = ax.plot(
            curve.coverage[points], curve.risk[points], **{**look, **line_kw}
        )
        steady = curve.risk[curve.coverage >= _STEADY]
        top = max(top, 1.12 * float(steady.max()), 0.01)
        ax.set(xlim=(0, 1.01), ylim=(0, min(top, 1.0)))
        ax.set_xlabel("Coverage (share of the rows accepted)")
        ax.set_ylabel("Risk (share of errors among them)")
        ax.legend(loc="best", fontsize="small", framealpha=0.85, edgecolor="none")

    def _mark(self, thresholds: np.ndarray) -> None:
        """Mark thresholds with their coverage and risk."""
        for threshold in thresholds:
            point = self.curve.at(float(threshold))
            if not point["coverage"] > 0:
                continue
            self.ax_.plot(
                point["coverage"],
                point["risk"],
                color=self.line_.get_color(),
                marker="D",
                markersize=6.0,
                markeredgecolor="white",
            )
            # Curves rise to the right, so there is room above a point and to its left.
            right = point["coverage"] < 0.3
            self.ax_.annotate(
                f"≥ {threshold:g}: {point['coverage']:.0%} kept,\n"
                f"{1 - point['risk']:.1%} right",
                (point["coverage"], point["risk"]),
                xytext=(0 if right else -6, 8 if right else 3),
                textcoords="offset points",
                ha="left" if right else "right",
                va="bottom",
                fontsize="x-small",
            )

    def _draw_classes(self, ax: Any, own: bool) -> None:
        """Draw the coverage of each class against that of all."""
        curve = self.curve
        dress(ax)
        (alike,) = ax.plot(
            [0, 1], [0, 1], color="0.4", linestyle=":", linewidth=1.2, label="all alike"
        )
        points = self._points()
        for k, (label, look) in enumerate(class_looks(curve.classes).items()):
            (self.class_lines_[label],) = ax.plot(
                np.append(0.0, curve.coverage[points]),
                np.append(0.0, curve.class_coverage[points, k]),
                color=look["color"],
                linestyle=look["linestyle"],
                linewidth=1.6,
                label=f"{label} ({curve.support[k]:,.6g})",
            )
        ax.set(xlim=(0, 1.01), ylim=(0, 1.01))
        ax.set_xlabel("Coverage of all rows")
        ax.set_ylabel("Coverage of the class")
        add_legend(ax, [alike, *self.class_lines_.values()], own_figure=own)

    def _points(self) -> np.ndarray:
        """Choose the points to draw, the last one always."""
        n = len(self.curve.coverage)
        if n <= _POINTS:
            return np.arange(n)
        wanted = np.linspace(self.curve.coverage[0], 1.0, _POINTS)
        places = np.searchsorted(self.curve.coverage, wanted)
        return np.unique(np.append(np.minimum(places, n - 1), n - 1))
