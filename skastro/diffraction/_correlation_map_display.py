"""A picture of how well all directions fit a pattern."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.diffraction._crystal import Crystal, as_crystal
from skastro.diffraction._matcher_input import take_pattern
from skastro.diffraction._sector_axes import draw_sector
from skastro.diffraction._standard_sector import (
    StandardSector,
    folded_units,
    stereographic,
)
from skastro.utils import import_optional


class CorrelationMapDisplay:
    """Correlation of one pattern with the templates of a phase, over the sector.

    Make it with `from_estimator`, then call `plot`. A sharp single maximum is a sure
    answer; several of one height are a pattern that several directions explain, or
    several grains.

    Parameters
    ----------
    zones : ndarray of shape (n_zones, 3)
        Beam directions of the templates, Cartesian, in the standard sector.
    correlation : ndarray of shape (n_zones,)
        Of the pattern with each, in [-1, 1].
    crystal : Crystal or str
        The phase.
    y_true : array-like of shape (3 * n_directions,) or (n_directions, 3), default=None
        Known directions, Cartesian; they are folded into the sector.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    mesh_ : TriMesh
        The map. Its first n_zones values are those of the zones; behind them are
        copies just outside the sector, so that colours reach its border.
    best_point_, true_points_ : PathCollection
        The marks; the second is None without known directions.
    colorbar_ : Colorbar or None
        The scale.

    See Also
    --------
    TemplateMatcher.correlation_map : The numbers.

    Examples
    --------
    >>> from skastro.diffraction import (
    ...     CorrelationMapDisplay, KinematicSimulator, TemplateMatcher)
    >>> X = KinematicSimulator("silver").images([[1, 1, 4]])
    >>> matcher = TemplateMatcher("silver", zone_spacing=5.0).fit(X)
    >>> display = CorrelationMapDisplay.from_estimator(matcher, X, y_true=[1, 1, 4])
    >>> display.best_zone.round(2)
    array([0.22, 0.21, 0.95])
    """

    def __init__(
        self,
        *,
        zones: Any,
        correlation: Any,
        crystal: Crystal | str,
        y_true: Any = None,
    ) -> None:
        self.zones = np.asarray(zones, dtype=np.float64)
        self.correlation = np.asarray(correlation, dtype=np.float64)
        if self.zones.ndim != 2 or self.zones.shape != (len(self.correlation), 3):
            raise ValueError(
                f"zones of shape {self.zones.shape} and correlation of shape "
                f"{self.correlation.shape} do not fit."
            )
        if len(self.zones) < 3:
            raise ValueError("A map needs at least three zones.")
        self.crystal = as_crystal(crystal)
        self.y_true = None
        if y_true is not None:
            vectors = np.asarray(y_true, dtype=np.float64).reshape(-1, 3)
            self.y_true = folded_units(vectors, self.crystal.point_operations)

    @classmethod
    def from_estimator(
        cls,
        matcher: Any,
        X: Any,
        index: Any = 0,
        *,
        phase: int | str = 0,
        y_true: Any = None,
    ) -> CorrelationMapDisplay:
        """Correlate a pattern with the templates of one phase.

        Parameters
        ----------
        matcher : TemplateMatcher
            Fitted.
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.
        index : int or (row, column), default=0
            Which of them; in a scan a single number counts row by row.
        phase : int or str, default=0
            Number or name of the phase.
        y_true : array-like of shape (3 * n_directions,), default=None
            Known directions of this pattern, Cartesian.

        Returns
        -------
        CorrelationMapDisplay
            Not drawn yet.

        Raises
        ------
        IndexError
            If there is no such pattern.
        ValueError
            If there is no such phase.
        """
        crystals = [s.crystal_ for s in matcher.simulators_]
        number = phase_number(crystals, phase)
        correlation = matcher.correlation_map(take_pattern(X, index))[0]
        mine = matcher._get_solver().library.phases == number
        return cls(
            zones=matcher.zones_[mine],
            correlation=correlation[mine],
            crystal=crystals[number],
            y_true=y_true,
        )

    @property
    def best_zone(self) -> np.ndarray:
        """The zone with the largest correlation."""
        return np.asarray(self.zones[self.correlation.argmax()])

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = "viridis",
        vmin: float | None = None,
        vmax: float | None = None,
        show_zones: bool = False,
        colorbar: bool = True,
    ) -> CorrelationMapDisplay:
        """Draw the map in stereographic projection.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str or Colormap, default="viridis"
            Colours.
        vmin, vmax : float, default=None
            Ends of the scale; None takes the smallest and the largest correlation.
        show_zones : bool, default=False
            Whether to put a dot on each template's zone.
        colorbar : bool, default=True
            Whether to draw the scale.

        Returns
        -------
        CorrelationMapDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        if ax is None:
            _, ax = pyplot.subplots(figsize=(5.6, 4.4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        sector = StandardSector(self.crystal.point_operations)
        names = sector.corner_names(self.crystal.direct_basis)
        # Three times the distance of neighbours.
        cosines = self.zones @ self.zones.T
        np.fill_diagonal(cosines, -1.0)
        nearest = np.degrees(np.arccos(np.clip(cosines.max(axis=1), -1.0, 1.0)))
        around, index = sector.with_surroundings(self.zones, 3.0 * nearest.max())
        patch = draw_sector(ax, sector, names)
        self.mesh_ = ax.tripcolor(
            *stereographic(around).T,
            self.correlation[index],
            shading="gouraud",
            cmap=cmap,
            vmin=self.correlation.min() if vmin is None else vmin,
            vmax=self.correlation.max() if vmax is None else vmax,
        )
        self.mesh_.set_clip_path(patch)
        if show_zones:
            ax.scatter(*stereographic(self.zones).T, s=2.0, color="white", zorder=2.0)
        self._mark(ax)
        ax.set_title(self.crystal.name)
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = ax.figure.colorbar(
                self.mesh_, ax=ax, label="Correlation", shrink=0.8
            )
        return self

    def _mark(self, ax: Any) -> None:
        """Mark the best zone and what is known."""
        look = {"facecolors": "none", "linewidths": 1.6, "zorder": 4.0}
        self.true_points_ = None
        if self.y_true is not None:
            several = "s" if len(self.y_true) > 1 else ""
            self.true_points_ = ax.scatter(
                *stereographic(self.y_true).T,
                s=150.0,
                edgecolors="#D55E00",
                label=f"true direction{several}",
                **look,
            )
        self.best_point_ = ax.scatter(
            *stereographic(self.best_zone[None]).T,
            s=70.0,
            marker="+",
            color="black",
            linewidths=1.6,
            zorder=4.1,
            label=f"best zone, {self.correlation.max():.2f}",
        )
        ax.legend(loc="upper left", fontsize="small", framealpha=0.85, edgecolor="none")


def phase_number(crystals: Any, phase: int | str) -> int:
    """Find a phase by number or name.

    Parameters
    ----------
    crystals : sequence of Crystal
        All phases.
    phase : int or str
        Which.

    Returns
    -------
    int
        Its place.

    Raises
    ------
    ValueError
        If there is none.
    """
    names = [crystal.name for crystal in crystals]
    if isinstance(phase, str):
        if phase not in names:
            raise ValueError(f"There is no phase {phase!r}, only {names}.")
        return names.index(phase)
    if not 0 <= phase < len(names):
        raise ValueError(f"phase={phase}: there are {len(names)}, {names}.")
    return int(phase)
