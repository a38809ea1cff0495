"""A map of the sources in Galactic coordinates."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from skastro.utils import import_optional
from skastro.utils._class_looks import add_legend
from skastro.utils._sky import check_sky
from skastro.xray._class_points import (
    NO_CLASS,
    check_columns,
    layers,
    legend_handles,
    read_classes,
)

_FRAMES = ("icrs", "galactic")


class SkyMapDisplay:
    """Sources on the whole sky, by class: Galactic coordinates, Mollweide projection.

    The Galactic centre is in the middle and the longitude grows to the left, as on
    other maps of the sky seen from inside. Areas are true. Make it with `from_frame` or
    `from_coordinates`, then call `plot`.

    Parameters
    ----------
    lon, lat : ndarray of shape (n_sources,)
        Galactic longitude and latitude, in degrees.
    labels : array-like of shape (n_sources,), default=None
        Class of each source; None or NaN where it has none.
    classes : array-like of shape (n_classes,), default=None
        All classes; their places fix colours and markers, so that two pictures agree.
        None sorts those that `labels` has.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    points_ : dict of class to PathCollection
        The points of each class, "no class" for sources without one.
    legend_ : matplotlib Legend or None
        The classes with their numbers of sources.

    See Also
    --------
    skastro.model_selection.sky_groups : Groups of neighbours on the sky.

    Examples
    --------
    >>> from skastro.xray import SkyMapDisplay
    >>> display = SkyMapDisplay.from_coordinates(
    ...     [0.0, 184.6], [0.0, -5.8], ["LMXB", "NS"], frame="galactic")
    >>> display.classes
    ['LMXB', 'NS']
    """

    def __init__(
        self,
        *,
        lon: Any,
        lat: Any,
        labels: Any = None,
        classes: Any = None,
    ) -> None:
        positions = check_sky(lon, lat, ("lon", "lat"))
        self.lon, self.lat = positions[:, 0] % 360.0, positions[:, 1]
        self.labels, self.classes = read_classes(labels, len(positions), classes)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        by: str | None = "label",
        *,
        ra: str = "ra",
        dec: str = "dec",
        classes: Any = None,
    ) -> SkyMapDisplay:
        """Take positions and classes from a catalogue.

        Parameters
        ----------
        frame : DataFrame
            Has the columns below.
        by : str or None, default="label"
            Column with the classes; None draws all sources alike.
        ra, dec : str, default="ra" and "dec"
            Columns with right ascension and declination (ICRS), in degrees.
        classes : array-like of shape (n_classes,), default=None
            All classes, in the order of their looks.

        Returns
        -------
        SkyMapDisplay
            Not drawn yet.

        Raises
        ------
        ImportError
            If astropy is not installed.
        ValueError
            If a column is missing, a position is missing or out of range, or a label is
            not among `classes`.
        """
        check_columns(frame, [ra, dec] + ([] if by is None else [by]))
        labels = None if by is None else frame[by]
        return cls.from_coordinates(frame[ra], frame[dec], labels, classes=classes)

    @classmethod
    def from_coordinates(
        cls,
        lon: Any,
        lat: Any,
        labels: Any = None,
        *,
        frame: Literal["icrs", "galactic"] = "icrs",
        classes: Any = None,
    ) -> SkyMapDisplay:
        """Take positions from arrays.

        Parameters
        ----------
        lon, lat : array-like of shape (n_sources,)
            Right ascension and declination, or Galactic longitude and latitude, in
            degrees.
        labels : array-like of shape (n_sources,), default=None
            Class of each source; None or NaN where it has none.
        frame : {"icrs", "galactic"}, default="icrs"
            What the positions are. ICRS is turned into Galactic by astropy.
        classes : array-like of shape (n_classes,), default=None
            All classes, in the order of their looks.

        Returns
        -------
        SkyMapDisplay
            Not drawn yet.

        Raises
        ------
        ImportError
            If astropy is needed and not installed.
        ValueError
            If `frame` is unknown, or as in `from_frame`.
        """
        if frame not in _FRAMES:
            raise ValueError(f"frame must be one of {_FRAMES}, got {frame!r}.")
        if frame == "icrs":
            positions = check_sky(lon, lat)
            coordinates = import_optional("astropy.coordinates", extra="astro")
            sky = coordinates.SkyCoord(*positions.T, unit="deg", frame="icrs").galactic
            lon, lat = sky.l.deg, sky.b.deg
        return cls(lon=lon, lat=lat, labels=labels, classes=classes)

    def plot(
        self, ax: Any = None, *, legend: bool = True, **scatter_kw: Any
    ) -> SkyMapDisplay:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, made with ``projection="mollweide"``; None makes a new
            figure.
        legend : bool, default=True
            Whether to list the classes with their numbers.
        **scatter_kw : dict
            Look of all points, for ``Axes.scatter``.

        Returns
        -------
        SkyMapDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` has another projection.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        effects = import_optional("matplotlib.patheffects", extra="plot")
        lines = import_optional("matplotlib.lines", extra="plot")
        own = ax is None
        if ax is None:
            _, ax = pyplot.subplots(
                figsize=(8.4, 5.2),
                subplot_kw={"projection": "mollweide"},
                layout="constrained",
            )
        if ax.name != "mollweide":
            raise ValueError(
                'ax must be made with projection="mollweide", got '
                f"{ax.name!r}: the curved frame cannot be added later."
            )
        self.ax_, self.figure_ = ax, ax.figure
        # The projection takes radians, from -pi to pi, and lets them grow to the right.
        x = -np.radians((self.lon + 180.0) % 360.0 - 180.0)
        y = np.radians(self.lat)
        drawn = layers(self.labels, self.classes, np.ones(len(x), dtype=bool))
        self.points_: dict[Any, Any] = {}
        for k, (label, rows, look) in enumerate(drawn):
            self.points_[label] = ax.scatter(
                x[rows],
                y[rows],
                zorder=1.0 + 0.01 * k,
                # Vector files of large catalogues would be unreadable.
                rasterized=len(rows) > 5000,
                **{**look, **scatter_kw},
            )
        self._write_degrees(ax, effects)
        self.legend_ = None
        if legend and (self.classes or NO_CLASS in self.points_):
            counts = {label: f"{len(rows):,}" for label, rows, _ in drawn}
            # The order of the classes is easier to read than that of drawing.
            order = sorted(drawn, key=lambda d: (*self.classes, NO_CLASS).index(d[0]))
            self.legend_ = add_legend(
                ax, legend_handles(lines, order, counts), own_figure=own
            )
        return self

    @staticmethod
    def _write_degrees(ax: Any, effects: Any) -> None:
        """Name the grid by Galactic longitude and latitude."""
        places = np.arange(-150, 151, 30)
        ax.set_xticks(np.radians(places), [f"{-place % 360}°" for place in places])
        latitudes = np.arange(-60, 61, 30)
        names = [f"{b:+d}°" if b else "0°" for b in latitudes]
        ax.set_yticks(np.radians(latitudes), names)
        ax.grid(alpha=0.35, linewidth=0.6, color="0.4")
        halo = [effects.withStroke(linewidth=2.0, foreground="white")]
        for text in ax.get_xticklabels():
            # They lie on the Galactic plane, where most sources are.
            text.set(fontsize="x-small", path_effects=halo, zorder=5)
        for text in ax.get_yticklabels():
            text.set(fontsize="x-small")
        ax.set_xlabel("Galactic longitude", fontsize="small")
        ax.set_ylabel("Galactic latitude", fontsize="small")
