"""A picture of a pattern with the spots of the grains found in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.diffraction._matcher_input import flat_index, take_pattern
from skastro.diffraction._orientation_result import OrientationResult
from skastro.diffraction._spot_overlay import (
    choose_labels,
    draw_bar,
    fit_model,
    marker_areas,
    result_spots,
    visible,
)
from skastro.diffraction._spots import SpotList
from skastro.diffraction._standard_sector import format_indices
from skastro.utils import import_optional
from skastro.utils._class_looks import COLOURS, add_legend

# Open shapes: a spot must be seen through its marker.
_MARKERS = ("o", "s", "^", "D", "v", "p")
_VIEWS = ("pattern", "model", "residual")


class DiffractionPatternDisplay:
    """A pattern, the indexed spots of each grain over it, and what they leave.

    Make it with `from_estimator` or `from_spots`, then call `plot`.

    Parameters
    ----------
    pattern : ndarray of shape (h, w)
        Bright spots on dark ground.
    spots : sequence of SpotList
        One a grain, each of one pattern.
    center : (row, col)
        Of the direct beam, in pixels.
    scale : float
        1/Å per pixel.
    names : sequence of str, default=None
        Of the grains, for the legend.
    spot_sigma : float, default=1.5
        Standard deviation of the modelled spots, in pixels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    image_ : AxesImage
        The pattern, the model or the residual, to the power that was asked for.
    points_ : list of PathCollection
        The spots of each grain, strongest first.
    labels_ : list of Annotation
        The indices hkl that were written.
    legend_ : matplotlib Legend or None
        The grains.

    See Also
    --------
    TemplateMatcher : Find the grains.
    CorrelationMapDisplay : How well other directions fit.

    Examples
    --------
    >>> from skastro.diffraction import DiffractionPatternDisplay, KinematicSimulator
    >>> simulator = KinematicSimulator("silver", shape=(64, 64), spot_sigma=1.0)
    >>> display = DiffractionPatternDisplay.from_spots(
    ...     simulator.images([[0, 0, 1]])[0], simulator.spots([[0, 0, 1]]),
    ...     scale=simulator.scale_, spot_sigma=1.0)
    >>> float(abs(display.residual).max().round(2))
    0.0
    """

    def __init__(
        self,
        *,
        pattern: Any,
        spots: Sequence[SpotList],
        center: Sequence[float],
        scale: float,
        names: Sequence[str] | None = None,
        spot_sigma: float = 1.5,
    ) -> None:
        self.pattern = np.asarray(pattern, dtype=np.float64)
        if self.pattern.ndim != 2 or not np.isfinite(self.pattern).all():
            raise ValueError(
                "pattern must be finite and have shape (h, w), got "
                f"{self.pattern.shape}."
            )
        if not (scale > 0 and spot_sigma > 0):
            raise ValueError("scale and spot_sigma must be above 0.")
        self.spots = list(spots)
        self.center = (float(center[0]), float(center[1]))
        self.scale = float(scale)
        n = len(self.spots)
        self.names = [f"grain {i + 1}" for i in range(n)] if names is None else names
        if len(self.names) != n:
            raise ValueError(f"There are {n} grains and {len(self.names)} names.")
        self.spot_sigma = spot_sigma

    @classmethod
    def from_spots(
        cls,
        pattern: Any,
        spots: SpotList | Sequence[SpotList],
        *,
        scale: float,
        center: Sequence[float] | None = None,
        names: Sequence[str] | None = None,
        spot_sigma: float = 1.5,
    ) -> DiffractionPatternDisplay:
        """Take spots that were simulated or found elsewhere.

        Parameters
        ----------
        pattern : array-like of shape (h, w)
            Bright spots on dark ground.
        spots : SpotList, or sequence of SpotList
            Each pattern in them is a grain.
        scale : float
            1/Å per pixel.
        center : (row, col), default=None
            Of the direct beam, in pixels; None is the middle.
        names : sequence of str, default=None
            Of the grains, for the legend.
        spot_sigma : float, default=1.5
            Standard deviation of the modelled spots, in pixels.

        Returns
        -------
        DiffractionPatternDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If shapes or numbers do not fit.
        """
        lists = [spots] if isinstance(spots, SpotList) else list(spots)
        grains = [one for part in lists for one in part]
        h, w = np.shape(pattern)
        center = ((h - 1) / 2, (w - 1) / 2) if center is None else center
        return cls(
            pattern=pattern,
            spots=grains,
            center=center,
            scale=scale,
            names=names,
            spot_sigma=spot_sigma,
        )

    @classmethod
    def from_estimator(
        cls,
        matcher: Any,
        X: Any,
        index: Any = 0,
        *,
        result: OrientationResult | None = None,
    ) -> DiffractionPatternDisplay:
        """Match a pattern and simulate the spots of what was found.

        Parameters
        ----------
        matcher : TemplateMatcher
            Fitted.
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.
        index : int or (row, column), default=0
            Which of them; in a scan a single number counts row by row.
        result : OrientationResult, default=None
            Of all of X, if it is at hand; None matches this one pattern.

        Returns
        -------
        DiffractionPatternDisplay
            Not drawn yet, with refined centre, scale and widths. Names of grains are
            the phase, the low-index zone axis within 2° (or the nearest one) and the
            angle to it; the axis is that of the rotation found, to which the indices
            of spots fit, and need not lie in the standard sector.

        Raises
        ------
        IndexError
            If there is no such pattern.
        ValueError
            If result is of another number of patterns.
        """
        one = take_pattern(X, index)
        row = 0
        if result is None:
            result = matcher.match(one)
        else:
            shape = np.shape(X)
            row = flat_index(shape, index)
            n = int(shape[0]) * (int(shape[1]) if len(shape) == 4 else 1)
            if len(result) != n:
                raise ValueError(f"result is of {len(result)} patterns, X of {n}.")
        grains, names = result_spots(matcher.simulators_, result, row)
        return cls(
            pattern=np.asarray(one).reshape(matcher.input_shape_[1:]),
            spots=grains,
            center=result.center[row].tolist(),
            scale=float(result.scale[row]),
            names=names,
            spot_sigma=float(result.spot_sigma[row]),
        )

    @property
    def model(self) -> np.ndarray:
        """The modelled pattern: spots of all grains, each brought to the best sum."""
        return fit_model(
            self.pattern, self.spots, self.center, self.scale, self.spot_sigma
        )

    @property
    def residual(self) -> np.ndarray:
        """The pattern less the model."""
        out: np.ndarray = self.pattern - self.model
        return out

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Borders of the picture in 1/Å: left, right, bottom and top (rows go down)."""
        h, w = self.pattern.shape
        row, col = self.center
        sides = np.array([-0.5 - col, w - 0.5 - col, h - 0.5 - row, -0.5 - row])
        left, right, bottom, top = (sides * self.scale).tolist()
        return left, right, bottom, top

    def plot(
        self,
        ax: Any = None,
        *,
        view: str = "pattern",
        power: float = 0.5,
        n_labels: int = 5,
        min_intensity: float = 0.005,
        scale_bar: bool = False,
        legend: bool = True,
        cmap: Any = None,
    ) -> DiffractionPatternDisplay:
        """Draw the pattern and the spots.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        view : {"pattern", "model", "residual"}, default="pattern"
            What is under the spots. The residual is on the scale of the pattern, with
            its sign: what the model lacks and what it has too much differ in colour.
        power : float, default=0.5
            Intensities are raised to it: 0.5 is the square root, 1 linear.
        n_labels : int, default=5
            Strongest spots of each grain whose hkl are written; 0 for none.
        min_intensity : float, default=0.005
            Spots below this share of the grain's strongest one are not drawn.
        scale_bar : bool, default=False
            Draw a bar instead of axes in 1/Å.
        legend : bool, default=True
            Whether to list the grains.
        cmap : str or Colormap, default=None
            Colours; None is "gray_r" (dark spots on white), for the residual "PuOr".

        Returns
        -------
        DiffractionPatternDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If view is unknown or power is not above 0.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        if view not in _VIEWS:
            raise ValueError(f"view must be one of {_VIEWS}, got {view!r}.")
        if not power > 0:
            raise ValueError(f"power must be above 0, got {power}.")
        own = ax is None
        if ax is None:
            _, ax = pyplot.subplots(figsize=(5.6, 6.0), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        shown = self.pattern if view == "pattern" else getattr(self, view)
        top = float(np.abs(self.pattern).max()) ** power or 1.0
        signed = view == "residual"
        self.image_ = ax.imshow(
            np.sign(shown) * np.abs(shown) ** power,
            cmap=cmap or ("PuOr" if signed else "gray_r"),
            vmin=-top if signed else 0.0,
            vmax=top,
            extent=self.extent,
            interpolation="nearest",
        )
        self._draw_spots(ax, n_labels, min_intensity)
        left, right, bottom, upper = self.extent
        ax.set(xlim=(left, right), ylim=(bottom, upper), aspect="equal")
        if signed and cmap is None:
            note = "Pattern - model: purple is left over, orange too much"
            ax.set_title(note, fontsize="small")
        ax.set_xlabel("$g_x$ (1/Å)")
        ax.set_ylabel("$g_y$ (1/Å)")
        if scale_bar:
            draw_bar(ax, self.extent)
        self.legend_ = None
        if legend and self.points_:
            self.legend_ = self._list_grains(
                ax, own, below=-0.02 if scale_bar else -0.15
            )
        return self

    def _draw_spots(self, ax: Any, n_labels: int, min_intensity: float) -> None:
        effects = import_optional("matplotlib.patheffects", extra="plot")
        halo = [effects.withStroke(linewidth=1.8, foreground="white")]
        field = self.extent[1] - self.extent[0]
        self.points_: list[Any] = []
        self.labels_: list[Any] = []
        taken: list[np.ndarray] = []
        for i, spots in enumerate(self.spots):
            order = visible(spots, self.extent, min_intensity)
            colour = COLOURS[i % len(COLOURS)]
            self.points_.append(
                ax.scatter(
                    *spots.g[order].T,
                    s=marker_areas(spots.intensity[order]),
                    marker=_MARKERS[i % len(_MARKERS)],
                    facecolors="none",
                    edgecolors=colour,
                    linewidths=1.0,
                    zorder=2.0 + 0.1 * i,
                    label=self.names[i],
                )
            )
            for j in choose_labels(spots, order, n_labels, field, taken):
                outward = 1.0 if spots.g[j, 0] < 0.5 * self.extent[1] else -1.0
                self.labels_.append(
                    ax.annotate(
                        format_indices(spots.hkl[j], brackets=""),
                        spots.g[j],
                        xytext=(7.0 * outward, 4.0),
                        textcoords="offset points",
                        ha="left" if outward > 0 else "right",
                        fontsize="x-small",
                        color=colour,
                        path_effects=halo,
                        zorder=4.0,
                        annotation_clip=True,
                    )
                )

    def _list_grains(self, ax: Any, own: bool, below: float) -> Any:
        """Show every grain at one size, whatever its faintest spot."""
        lines = import_optional("matplotlib.lines", extra="plot")
        handles = [
            lines.Line2D(
                [],
                [],
                linestyle="none",
                marker=_MARKERS[i % len(_MARKERS)],
                markerfacecolor="none",
                markeredgecolor=COLOURS[i % len(COLOURS)],
                label=name,
            )
            for i, name in enumerate(self.names)
        ]
        if own:
            return add_legend(ax, handles, own_figure=True)
        # Below: beside it, a legend takes the width that the picture needs.
        return ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, below),
            fontsize="x-small",
            frameon=False,
        )
