"""A picture of two hardness ratios by class."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from skastro.utils import import_optional
from skastro.utils._class_looks import add_legend, dress
from skastro.xray._class_points import (
    NO_CLASS,
    check_columns,
    layers,
    legend_handles,
    read_classes,
)

# What a ratio was computed from, as the names of tidy catalogues end.
_ORIGIN = re.compile(r"_(rate|flux|counts)$")
_WORDS = {"rate": "count rates", "flux": "fluxes", "counts": "counts"}


class HardnessRatioDisplay:
    """Sources in the plane of two hardness ratios, by class.

    Make it with `from_frame`, then call `plot`. Rare classes are drawn on top.

    Parameters
    ----------
    x, y : array-like of shape (n_sources,)
        Hardness ratios, in [-1, 1]; NaN where one is not known.
    labels : array-like of shape (n_sources,), default=None
        Class of each source; None or NaN where it has none.
    names : tuple of two str, default=("hr1", "hr2")
        Names of the ratios, for the axes. An ending "_rate", "_flux" or "_counts" says
        what they were computed from.
    x_err, y_err : array-like of shape (n_sources,), default=None
        Their errors of one standard deviation.
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
    bars_ : dict of class to ErrorbarContainer
        The error bars that were drawn.
    n_missing_ : int
        Sources that lack one of the ratios and are not drawn.
    legend_ : matplotlib Legend or None
        The classes with their numbers of sources.

    See Also
    --------
    HardnessRatio : Compute the ratios.

    Notes
    -----
    Ratios of count rates carry the response of the telescope, ratios of fluxes do not:
    the two are different quantities, and a plane has one of them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.xray import HardnessRatioDisplay
    >>> table = pd.DataFrame({"hr1_rate": [0.1, 0.6], "hr2_rate": [-0.2, 0.3],
    ...                       "hr2_flux": [0.0, 0.4], "label": ["AGN", "HMXB"]})
    >>> HardnessRatioDisplay.from_frame(table).classes
    ['AGN', 'HMXB']
    >>> HardnessRatioDisplay.from_frame(table, y="hr2_flux")
    Traceback (most recent call last):
    ValueError: hr1_rate is made of count rates and hr2_flux of fluxes: ...
    """

    def __init__(
        self,
        *,
        x: Any,
        y: Any,
        labels: Any = None,
        names: tuple[str, str] = ("hr1", "hr2"),
        x_err: Any = None,
        y_err: Any = None,
        classes: Any = None,
    ) -> None:
        _check_origin(*names)
        self.names = names
        self.x = _check_ratio(x, names[0])
        self.y = _check_ratio(y, names[1])
        if self.x.shape != self.y.shape:
            raise ValueError(f"x has {self.x.size} values and y has {self.y.size}.")
        self.x_err = _check_error(x_err, self.x.size, f"{names[0]}_err")
        self.y_err = _check_error(y_err, self.y.size, f"{names[1]}_err")
        self.labels, self.classes = read_classes(labels, self.x.size, classes)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        x: str = "hr1_rate",
        y: str = "hr2_rate",
        by: str | None = "label",
        *,
        classes: Any = None,
    ) -> HardnessRatioDisplay:
        """Take two ratios and the classes from a catalogue.

        Parameters
        ----------
        frame : DataFrame
            Has the columns below; errors are taken from the columns with "_err" behind
            the names of the ratios, where there are any.
        x, y : str, default="hr1_rate" and "hr2_rate"
            Columns with the ratios.
        by : str or None, default="label"
            Column with the classes; None draws all sources alike.
        classes : array-like of shape (n_classes,), default=None
            All classes, in the order of their looks.

        Returns
        -------
        HardnessRatioDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If a column is missing, one ratio is of count rates and the other of fluxes,
            a ratio is outside [-1, 1], or a label is not among `classes`.
        """
        check_columns(frame, [x, y] + ([] if by is None else [by]))
        return cls(
            x=frame[x],
            y=frame[y],
            labels=None if by is None else frame[by],
            names=(x, y),
            x_err=frame.get(f"{x}_err"),
            y_err=frame.get(f"{y}_err"),
            classes=classes,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        max_error_bars: int = 40,
        legend: bool = True,
        **scatter_kw: Any,
    ) -> HardnessRatioDisplay:
        """Draw the plane.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        max_error_bars : int, default=40
            Classes of more sources are drawn without error bars; 0 draws none.
        legend : bool, default=True
            Whether to list the classes with their numbers.
        **scatter_kw : dict
            Look of all points, for ``Axes.scatter``.

        Returns
        -------
        HardnessRatioDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        lines = import_optional("matplotlib.lines", extra="plot")
        own = ax is None
        if ax is None:
            _, ax = pyplot.subplots(figsize=(5.6, 6.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        dress(ax)
        known = np.isfinite(self.x) & np.isfinite(self.y)
        self.n_missing_ = int((~known).sum())
        drawn = layers(self.labels, self.classes, known)
        self.points_: dict[Any, Any] = {}
        self.bars_: dict[Any, Any] = {}
        for k, (label, rows, look) in enumerate(drawn):
            self.points_[label] = ax.scatter(
                self.x[rows],
                self.y[rows],
                zorder=2.0 + 0.01 * k,
                # Ratios of a band without counts lie on the frame itself.
                clip_on=False,
                rasterized=len(rows) > 5000,
                **{**look, **scatter_kw},
            )
            if 0 < len(rows) <= max_error_bars and label != NO_CLASS:
                self._draw_errors(label, rows, look["color"], 1.99 + 0.01 * k)
        ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
        ticks = [-1, -0.5, 0, 0.5, 1]
        ax.set_xticks(ticks)
        ax.set_yticks(ticks)
        ax.set_xlabel(_axis_label(self.names[0]))
        ax.set_ylabel(_axis_label(self.names[1]))
        self.legend_ = None
        if legend and drawn:
            self.legend_ = self._list_classes(ax, lines, drawn, own)
        return self

    def _draw_errors(
        self, label: Any, rows: np.ndarray, colour: str, zorder: float
    ) -> None:
        """Draw the error bars of a class that has some."""
        errors = {
            axis: err[rows]
            for axis, err in (("xerr", self.x_err), ("yerr", self.y_err))
            if err is not None and np.isfinite(err[rows]).any()
        }
        if errors:
            self.bars_[label] = self.ax_.errorbar(
                self.x[rows],
                self.y[rows],
                **errors,
                linestyle="none",
                ecolor=colour,
                elinewidth=0.7,
                alpha=0.6,
                zorder=zorder,
            )

    def _list_classes(self, ax: Any, lines: Any, drawn: Any, own: bool) -> Any:
        """Write the legend; where sources are missing, say how many."""
        notes = {}
        for label, rows, _ in drawn:
            nameless = label == NO_CLASS
            mine = pd.isna(self.labels) if nameless else self.labels == label
            total = int(np.sum(mine))
            of_all = f" of {total:,}" if total > len(rows) else ""
            notes[label] = f"{len(rows):,}{of_all}"
        order = sorted(drawn, key=lambda d: (*self.classes, NO_CLASS).index(d[0]))
        title = None
        if self.n_missing_:
            title = f"{self.n_missing_:,} of {self.x.size:,} lack a ratio"
        handles = legend_handles(lines, order, notes)
        return add_legend(ax, handles, own_figure=own, title=title)


def _origin(name: str) -> str | None:
    """Read from a name what a ratio was computed from."""
    found = _ORIGIN.search(name)
    return found.group(1) if found else None


def _check_origin(x: str, y: str) -> None:
    """Refuse two ratios that are different quantities."""
    origins = _origin(x), _origin(y)
    if origins[0] == origins[1]:
        return
    if None in origins:
        name = x if origins[0] is None else y
        raise ValueError(
            f"{x} against {y}: the name {name} does not say what the ratio is made of. "
            'Let it end with "_rate", "_flux" or "_counts".'
        )
    words = [_WORDS[origin] for origin in origins if origin]
    raise ValueError(
        f"{x} is made of {words[0]} and {y} of {words[1]}: they are different "
        "quantities and do not share a plane."
    )


def _check_ratio(values: Any, name: str) -> np.ndarray:
    """Take a ratio as floats; refuse what is none."""
    try:
        array = pd.to_numeric(pd.Series(values)).to_numpy(float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers: {error}") from error
    outside = np.abs(array) > 1.0 + 1e-6
    if outside.any():
        raise ValueError(
            f"{name} must lie in [-1, 1]; {int(outside.sum())} of {array.size} do not, "
            f"for instance {array[outside][0]:g}."
        )
    return array


def _check_error(values: Any, n: int, name: str) -> np.ndarray | None:
    """Take errors as floats; refuse negative ones."""
    if values is None:
        return None
    array = pd.to_numeric(pd.Series(values)).to_numpy(float, na_value=np.nan)
    if array.shape != (n,) or (array < 0).any():
        raise ValueError(f"{name} must have {n} values that are not negative.")
    return array


def _axis_label(name: str) -> str:
    """Name a ratio for an axis: "hr1_rate" becomes "HR1 (count rates)"."""
    origin = _origin(name)
    if origin is None:
        return name.upper()
    return f"{_ORIGIN.sub('', name).upper()} ({_WORDS[origin]})"
