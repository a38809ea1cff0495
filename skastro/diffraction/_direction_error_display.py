"""A picture of the errors of predicted directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skastro.metrics import direction_angle
from skastro.utils import import_optional
from skastro.utils._class_looks import COLOURS, add_legend, dress

_KINDS = ("both", "histogram", "cumulative")
_DIRECTIONS = ("better", "worse", "both")
_DASHES = {"worse": "-", "better": (0, (4, 1.5))}
# No angle of directions up to the inversion is larger, in degrees.
_LARGEST = 90.0


class DirectionErrorDisplay:
    """Angles between true and predicted directions, of one or several models.

    Make it with `from_predictions` or `from_estimator`, then call `plot`. Of patterns
    with several directions it shows the best and the worst one.

    Parameters
    ----------
    errors : dict of str to ndarray of shape (n_samples, n_directions)
        Folded angles in degrees, of each model.

    Attributes
    ----------
    figure_ : matplotlib Figure
        What was drawn on.
    ax_ : Axes or ndarray of two Axes
        The histogram and the cumulative share, or the one that was asked for.
    bars_ : dict of (str, str) to StepPatch
        Histograms by model and "better" or "worse".
    lines_ : dict of (str, str) to Line2D
        Cumulative shares, likewise.
    limit_lines_ : list of Line2D
        The marked angles, in all axes.
    legend_ : matplotlib Legend
        Models, with medians.

    See Also
    --------
    skastro.metrics.direction_angle : The angles.
    skastro.metrics.direction_summary : The same in numbers.

    Examples
    --------
    >>> from skastro.diffraction import DirectionErrorDisplay
    >>> display = DirectionErrorDisplay.from_predictions(
    ...     [[0, 0, 1, 1, 0, 0]], {"net": [[1, 0, 0, 0, 1, 10]]})
    >>> display.values("net", "worse").round(2)
    array([5.71])
    """

    def __init__(self, *, errors: Mapping[str, Any]) -> None:
        if not errors:
            raise ValueError("There is no model.")
        self.errors: dict[str, np.ndarray] = {}
        for name, values in errors.items():
            angles = np.asarray(values, dtype=np.float64)
            if angles.ndim != 2 or not angles.size:
                raise ValueError(
                    f"Errors of {name!r} must have shape (n_samples, n_directions), "
                    f"got {angles.shape}."
                )
            # A right angle may be rounded up.
            if not ((angles >= 0) & (angles <= _LARGEST + 1e-6)).all():
                raise ValueError(f"Errors of {name!r} are not all in [0, 90] degrees.")
            self.errors[str(name)] = np.minimum(angles, _LARGEST)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        laue_group: Any = "4/mmm",
        assignment: Any = "best",
        name: str = "model",
    ) -> DirectionErrorDisplay:
        """Compare predictions with the truth.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, 3 * n_directions)
            The true directions, Cartesian.
        y_pred : array-like of the same shape, or dict of str to array-like
            Predictions, of several models by name.
        laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
            As `skastro.metrics.direction_angle` takes it.
        assignment : {"ordered", "best"}, default="best"
            As `skastro.metrics.direction_angle` takes it.
        name : str, default="model"
            Of a single model.

        Returns
        -------
        DirectionErrorDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If shapes do not fit or the group is unknown.
        """
        models = y_pred if isinstance(y_pred, Mapping) else {name: y_pred}
        return cls(
            errors={
                key: direction_angle(
                    y_true, value, laue_group=laue_group, assignment=assignment
                )
                for key, value in models.items()
            }
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        laue_group: Any = "4/mmm",
        assignment: Any = "best",
        name: str | None = None,
    ) -> DirectionErrorDisplay:
        """Predict, and compare with the truth.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted.
        X : array-like of shape (n_samples, ...)
            Patterns.
        y : array-like of shape (n_samples, 3 * n_directions)
            Their true directions.
        laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
            As `skastro.metrics.direction_angle` takes it.
        assignment : {"ordered", "best"}, default="best"
            As `skastro.metrics.direction_angle` takes it.
        name : str, default=None
            Of a single estimator; None is its class.

        Returns
        -------
        DirectionErrorDisplay
            Not drawn yet.
        """
        if not isinstance(estimator, Mapping):
            estimator = {name or type(estimator).__name__: estimator}
        predictions = {key: one.predict(X) for key, one in estimator.items()}
        return cls.from_predictions(
            y, predictions, laue_group=laue_group, assignment=assignment
        )

    def values(self, model: str, which: str = "worse") -> np.ndarray:
        """Give one angle a sample.

        Parameters
        ----------
        model : str
            Its name.
        which : {"better", "worse"}, default="worse"
            The smallest or the largest angle of each sample.

        Returns
        -------
        ndarray of shape (n_samples,)
            In degrees.
        """
        angles = self.errors[model]
        return np.asarray(
            angles.min(axis=1) if which == "better" else angles.max(axis=1)
        )

    def plot(
        self,
        ax: Any = None,
        *,
        kind: str | None = None,
        which: str = "both",
        log: bool = True,
        floor: float = 1e-3,
        bins: int = 40,
        limits: Sequence[float] = (1.0, 2.0, 5.0),
    ) -> DirectionErrorDisplay:
        """Draw the histogram and the share of samples below each angle.

        Parameters
        ----------
        ax : Axes or sequence of two Axes, default=None
            Where to draw; None makes a new figure.
        kind : {"both", "histogram", "cumulative"}, default=None
            What to draw; None is "both", in a single ``ax`` "cumulative".
        which : {"better", "worse", "both"}, default="both"
            Directions of each sample; "better" is left out where there is but one.
        log : bool, default=True
            Whether angles are on a logarithmic scale.
        floor : float, default=1e-3
            Smallest angle on a logarithmic scale, in degrees; smaller ones are drawn
            there.
        bins : int, default=40
            Of the histogram.
        limits : sequence of float, default=(1.0, 2.0, 5.0)
            Angles to mark, in degrees.

        Returns
        -------
        DirectionErrorDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an option is unknown, or the axes are too few.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        if kind is None:
            kind = "both" if ax is None or np.size(ax) == 2 else "cumulative"
        if kind not in _KINDS or which not in _DIRECTIONS:
            raise ValueError(
                f"kind must be one of {_KINDS} and which one of {_DIRECTIONS}, got "
                f"{kind!r} and {which!r}."
            )
        if not 0 < floor < _LARGEST:
            raise ValueError(f"floor must be above 0 and below 90, got {floor}.")
        n_axes = 2 if kind == "both" else 1
        own = ax is None
        if ax is None:
            size = (4.6 * n_axes, 4.4)
            _, ax = pyplot.subplots(1, n_axes, figsize=size, layout="constrained")
        axes = list(np.ravel(ax))
        if len(axes) != n_axes:
            raise ValueError(f"kind={kind!r} needs {n_axes} axes, got {len(axes)}.")
        self.ax_, self.figure_ = ax, axes[0].figure
        self.bars_: dict[tuple[str, str], Any] = {}
        self.lines_: dict[tuple[str, str], Any] = {}
        self.limit_lines_: list[Any] = []
        low, high = self._range(log, floor)
        for one in axes:
            dress(one)
            if log:
                one.set_xscale("log")
            one.set(xlim=(low, high), xlabel="Angle to the true direction (°)")
            for limit in limits:
                self.limit_lines_.append(
                    one.axvline(limit, color="0.6", linewidth=0.8, zorder=0.5)
                )
        if kind != "cumulative":
            self._draw_histogram(axes[0], which, low, high, bins, log)
        if kind != "histogram":
            self._draw_shares(axes[-1], which, low)
        self._name_limits(axes, limits)
        drawn = (self.lines_ or self.bars_).values()
        self.legend_ = add_legend(axes[-1], list(drawn), own_figure=own)
        return self

    def _range(self, log: bool, floor: float) -> tuple[float, float]:
        """Choose the ends of the axis from all models."""
        top = max(float(angles.max()) for angles in self.errors.values())
        if not log:
            return 0.0, max(1.05 * top, floor)
        bottom = min(float(angles.min()) for angles in self.errors.values())
        low = max(bottom / 1.3, floor)
        return low, max(1.3 * top, 10.0 * low)

    def _arms(self, which: str) -> list[tuple[str, str, str, np.ndarray, str]]:
        """List what is drawn: model, direction, colour, angles and label."""
        arms = []
        for i, (model, angles) in enumerate(self.errors.items()):
            single = angles.shape[1] == 1
            wanted = ("worse", "better") if which == "both" else (which,)
            for direction in ("worse",) if single else wanted:
                values = self.values(model, direction)
                part = "" if single else f", {direction} direction"
                label = f"{model}{part} (median {np.median(values):.2g}°)"
                arms.append(
                    (model, direction, COLOURS[i % len(COLOURS)], values, label)
                )
        return arms

    def _draw_histogram(
        self, ax: Any, which: str, low: float, high: float, bins: int, log: bool
    ) -> None:
        space = np.geomspace if log else np.linspace
        edges = space(low, high, bins + 1)
        for model, direction, colour, values, label in self._arms(which):
            counts, _ = np.histogram(np.clip(values, low, high), edges)
            self.bars_[model, direction] = ax.stairs(
                counts / len(values),
                edges,
                color=colour,
                linestyle=_DASHES[direction],
                linewidth=1.4,
                label=label,
            )
        ax.set_ylim(bottom=0.0)
        ax.set_ylabel("Share of samples in a bin")

    def _draw_shares(self, ax: Any, which: str, low: float) -> None:
        for model, direction, colour, values, label in self._arms(which):
            angles = np.sort(np.maximum(values, low))
            share = np.arange(1, len(angles) + 1) / len(angles)
            (self.lines_[model, direction],) = ax.step(
                np.append(low, np.append(angles, _LARGEST)),
                np.append(0.0, np.append(share, 1.0)),
                where="post",
                color=colour,
                linestyle=_DASHES[direction],
                label=label,
            )
        ax.set_ylim(0.0, 1.02)
        ax.set_ylabel("Share of samples with at most this angle")

    def _name_limits(self, axes: Sequence[Any], limits: Sequence[float]) -> None:
        """Write marked angles above the axes, where they do not touch."""
        for ax in axes:
            to_share = ax.transData + ax.transAxes.inverted()
            last = -1.0
            for limit in sorted(limits):
                place = float(to_share.transform((limit, 0.0))[0])
                if not 0 < place < 1 or place - last < 0.06:
                    continue
                last = place
                ax.annotate(
                    f"{limit:g}°",
                    (limit, 1.0),
                    xycoords=("data", "axes fraction"),
                    xytext=(0, 2),
                    textcoords="offset points",
                    ha="center",
                    fontsize="x-small",
                    color="0.35",
                )
