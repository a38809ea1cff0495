"""A map of the orientations in a scan."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.diffraction._correlation_map_display import phase_number
from skastro.diffraction._ipf_colors import ipf_colors
from skastro.diffraction._orientation_result import OrientationResult
from skastro.diffraction._sector_axes import draw_color_key
from skastro.diffraction._standard_sector import StandardSector
from skastro.utils import import_optional
from skastro.utils._class_looks import COLOURS

# Row of a rotation, crystal to lab, that is a lab axis in the crystal frame.
_AXES = {"x": 0, "y": 1, "z": 2}
_COLOR_BY = ("ipf", "phase")
_INVALID, _OTHER = 0.72, 1.0
# Brightness of the least reliable pixel, and the quantile that has the full one.
_DARKEST, _FULL = 0.3, 0.9


class OrientationMapDisplay:
    """Orientations of a scan in the colours of the inverse pole figure.

    Make it with `from_result` or `from_estimator`, then call `plot`. Pixels whose
    grain is not valid are grey and hatched.

    Parameters
    ----------
    result : OrientationResult
        Of a scan.
    grain : int, default=0
        Which grain of each pattern; 0 is the brightest.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    image_ : AxesImage
        The map; its array has shape (rows, columns, 3).
    hatch_ : PathPatch or None
        What covers pixels that are not valid.
    key_axes_ : list of Axes
        Colour keys of the phases in the picture, or the legend's place.

    See Also
    --------
    ipf_colors : The colours.
    TemplateMatcher : Find the orientations.

    Examples
    --------
    >>> from skastro.diffraction import (
    ...     KinematicSimulator, OrientationMapDisplay, TemplateMatcher)
    >>> X = KinematicSimulator("silver").images([[1, 1, 4], [1, 0, 1]])
    >>> matcher = TemplateMatcher("silver", fixed=["relrod"]).fit(X)
    >>> scan = X.reshape(1, 2, 224, 224)
    >>> OrientationMapDisplay.from_estimator(matcher, scan).colors().round(1) + 0.0
    array([[[1. , 0. , 0.8],
            [0. , 1. , 0. ]]])
    """

    def __init__(self, *, result: OrientationResult, grain: int = 0) -> None:
        if result.scan_shape is None:
            raise ValueError(
                "The result is not of a scan: match patterns of shape (rows, columns, "
                "h, w)."
            )
        n_grains = result.phase.shape[1]
        if not 0 <= grain < n_grains:
            raise ValueError(f"grain={grain}: each pattern has {n_grains}.")
        self.result = result
        self.grain = grain

    @classmethod
    def from_result(
        cls, result: OrientationResult, *, grain: int = 0
    ) -> OrientationMapDisplay:
        """Take what a matcher found.

        Parameters
        ----------
        result : OrientationResult
            Of a scan.
        grain : int, default=0
            Which grain of each pattern; 0 is the brightest.

        Returns
        -------
        OrientationMapDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If it is not of a scan, or has fewer grains.
        """
        return cls(result=result, grain=grain)

    @classmethod
    def from_estimator(
        cls, matcher: Any, X: Any, *, grain: int = 0
    ) -> OrientationMapDisplay:
        """Match the patterns of a scan.

        Parameters
        ----------
        matcher : TemplateMatcher
            Fitted.
        X : array-like of shape (rows, columns, h, w)
            Patterns.
        grain : int, default=0
            Which grain of each pattern; 0 is the brightest.

        Returns
        -------
        OrientationMapDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If X is not a scan.
        """
        if np.ndim(X) != 4:
            raise ValueError(
                f"X must have shape (rows, columns, h, w), got {np.shape(X)}."
            )
        return cls(result=matcher.match(X), grain=grain)

    def _pixels(self, values: np.ndarray) -> np.ndarray:
        """Bring values of patterns to the shape of the scan."""
        assert self.result.scan_shape is not None
        return values.reshape(*self.result.scan_shape, *values.shape[1:])

    @property
    def valid(self) -> np.ndarray:
        """Whether the grain of each pixel can be trusted, of shape (rows, columns)."""
        return self._pixels(self.result.valid[:, self.grain])

    @property
    def phase(self) -> np.ndarray:
        """Number of the phase of each pixel, of shape (rows, columns)."""
        return self._pixels(self.result.phase[:, self.grain])

    def colors(
        self,
        direction: str = "z",
        *,
        color_by: str = "ipf",
        phase: int | str | None = None,
        shade: bool = False,
        power: float = 0.5,
    ) -> np.ndarray:
        """Give the colours of all pixels.

        Parameters
        ----------
        direction : {"x", "y", "z"}, default="z"
            Lab axis whose place in the crystal is coloured; z is the beam, x goes
            along columns of a pattern and y down its rows.
        color_by : {"ipf", "phase"}, default="ipf"
            "phase" gives every phase one colour.
        phase : int or str, default=None
            Only this phase; pixels of others are white. None shows all.
        shade : bool, default=False
            Whether less reliable pixels are darker: 30 % at reliability 0, full from
            the 90 % quantile of valid pixels on.
        power : float, default=0.5
            As `ipf_colors` takes it.

        Returns
        -------
        ndarray of shape (rows, columns, 3)
            From 0 to 1; grey where a pixel is not valid.

        Raises
        ------
        ValueError
            If an option is unknown.
        """
        if direction not in _AXES:
            raise ValueError(f'direction must be "x", "y" or "z", got {direction!r}.')
        if color_by not in _COLOR_BY:
            raise ValueError(f"color_by must be one of {_COLOR_BY}, got {color_by!r}.")
        chosen = self.shown_phases(phase)
        valid = self.valid
        out = np.full((*valid.shape, 3), _OTHER)
        matrices = self._pixels(self.result.rotation_matrices[:, self.grain])
        for number, crystal in enumerate(self.result.crystals):
            mine = valid & (self.phase == number)
            if number not in chosen or not mine.any():
                continue
            if color_by == "phase":
                out[mine] = _rgb(COLOURS[number % len(COLOURS)])
                continue
            u = matrices[mine][:, _AXES[direction]]
            out[mine] = ipf_colors(u, crystal.point_operations, power=power)
        if shade:
            trust = self._pixels(self.result.reliability)
            top = float(np.quantile(trust[valid], _FULL)) if valid.any() else 0.0
            share = np.clip(trust / top, 0.0, 1.0) if top > 0 else np.ones_like(trust)
            shown = valid & np.isin(self.phase, chosen)
            out[shown] *= (_DARKEST + (1.0 - _DARKEST) * share[shown])[:, None]
        out[~valid] = _INVALID
        return out

    def shown_phases(self, phase: int | str | None = None) -> list[int]:
        """Say which phases a map shows.

        Parameters
        ----------
        phase : int or str, default=None
            Only this one; None is all that have a valid pixel.

        Returns
        -------
        list of int
            Their numbers.
        """
        if phase is not None:
            return [phase_number(self.result.crystals, phase)]
        out: list[int] = np.unique(self.phase[self.valid]).tolist()
        return out

    def plot(
        self,
        ax: Any = None,
        *,
        direction: str = "z",
        color_by: str = "ipf",
        phase: int | str | None = None,
        shade: bool = False,
        power: float = 0.5,
        step: float | None = None,
        unit: str = "nm",
        key: bool = True,
    ) -> OrientationMapDisplay:
        """Draw the map and its colour keys.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        direction : {"x", "y", "z"}, default="z"
            As `colors` takes it.
        color_by : {"ipf", "phase"}, default="ipf"
            As `colors` takes it.
        phase : int or str, default=None
            As `colors` takes it.
        shade : bool, default=False
            As `colors` takes it.
        power : float, default=0.5
            As `colors` takes it.
        step : float, default=None
            Distance of pixels; None counts them.
        unit : str, default="nm"
            Its unit, for the axes.
        key : bool, default=True
            Whether to draw the colour key of each phase, to the right of the map.

        Returns
        -------
        OrientationMapDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an option is unknown.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        colors = self.colors(
            direction, color_by=color_by, phase=phase, shade=shade, power=power
        )
        if ax is None:
            _, ax = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        rows, columns = colors.shape[:2]
        size = 1.0 if step is None else float(step)
        edges = np.array([-0.5, columns - 0.5, rows - 0.5, -0.5]) * size
        self.image_ = ax.imshow(
            colors, extent=tuple(edges.tolist()), interpolation="nearest"
        )
        self.hatch_ = self._hatch(ax, size)
        ax.set_xlabel("Column" if step is None else f"x ({unit})")
        ax.set_ylabel("Row" if step is None else f"y ({unit})")
        what = (
            "Phases" if color_by == "phase" else f"Crystal direction along {direction}"
        )
        ax.set_title(
            what + (", dark is unreliable" if shade else ""), fontsize="medium"
        )
        if step is None:
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.yaxis.get_major_locator().set_params(integer=True)
        self.key_axes_: list[Any] = []
        if key:
            self._draw_keys(ax, color_by, self.shown_phases(phase), power)
        return self

    def _hatch(self, ax: Any, size: float) -> Any:
        """Hatch pixels that are not valid, each run of a row as one rectangle."""
        path = import_optional("matplotlib.path", extra="plot").Path
        patches = import_optional("matplotlib.patches", extra="plot")
        boxes = []
        for row, bad in enumerate(~self.valid):
            ends = np.flatnonzero(np.diff(np.concatenate([[0], bad, [0]])))
            for start, stop in ends.reshape(-1, 2):
                x0, x1, y0, y1 = start - 0.5, stop - 0.5, row - 0.5, row + 0.5
                corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
                boxes.append(path(np.array(corners) * size, closed=True))
        if not boxes:
            return None
        return ax.add_patch(
            patches.PathPatch(
                path.make_compound_path(*boxes),
                facecolor="none",
                edgecolor="0.45",
                hatch="////",
                linewidth=0.0,
                label="not valid",
            )
        )

    def _draw_keys(
        self, ax: Any, color_by: str, phases: list[int], power: float
    ) -> None:
        """Explain the colours beside the map."""
        patches = import_optional("matplotlib.patches", extra="plot")
        crystals = self.result.crystals
        handles = (
            []
            if self.hatch_ is None
            else [
                patches.Patch(
                    facecolor=str(_INVALID),
                    edgecolor="0.45",
                    hatch="////",
                    label="not valid",
                )
            ]
        )
        if color_by == "phase":
            handles = [
                patches.Patch(color=COLOURS[p % len(COLOURS)], label=crystals[p].name)
                for p in phases
            ] + handles
        else:
            height = min(0.48, 0.9 / max(len(phases), 1))
            for place, number in enumerate(phases):
                crystal = crystals[number]
                low = 1.0 - (place + 1) * (height + 0.02)
                inset = ax.inset_axes([1.03, low, 0.42, height - 0.12])
                sector = StandardSector(crystal.point_operations)
                draw_color_key(
                    inset,
                    crystal.point_operations,
                    names=sector.corner_names(crystal.direct_basis),
                    title=crystal.name,
                    power=power,
                )
                self.key_axes_.append(inset)
        if handles:
            # Beside the map if that is free, else below it.
            beside = not self.key_axes_
            ax.legend(
                handles=handles,
                loc="upper left" if beside else "upper right",
                bbox_to_anchor=(1.02, 1.0) if beside else (1.0, -0.08),
                fontsize="small",
                frameon=False,
            )


def _rgb(colour: str) -> list[float]:
    """Read a colour as #RRGGBB."""
    return [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
