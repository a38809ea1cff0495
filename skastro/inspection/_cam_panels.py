"""What the pictures of maps are made of: panels, scales, marks of deposits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.utils import import_optional

# They run in one direction of lightness (from the middle, if signed) and have no red
# beside green. Over grey pictures colours must not be grey, and a peak not dark.
RECTIFIED, SIGNED, OVERLAY = "YlOrBr", "PuOr_r", "plasma"
# Areas of the marks of the largest and of small deposits, in points squared.
_LARGEST_MARK, _SMALLEST_MARK = 130.0, 4.0


def panels(ax: Any, n: int, per_row: int, size: tuple[float, float]) -> list[Any]:
    """Make panels or take those given.

    Parameters
    ----------
    ax : Axes, sequence of Axes or None
        None makes a new figure.
    n : int
        How many are needed.
    per_row : int
        Panels in a row of a new figure.
    size : (float, float)
        Width and height of a panel in inches.

    Returns
    -------
    list of Axes
        As many as needed.

    Raises
    ------
    ValueError
        If another number was given.
    """
    if ax is not None:
        given = list(np.ravel(np.asarray(ax, dtype=object)))
        if len(given) != n:
            raise ValueError(f"This picture needs {n} axes, got {len(given)}.")
        return given
    pyplot = import_optional("matplotlib.pyplot", extra="plot")
    columns = min(n, per_row)
    rows = math.ceil(n / columns)
    figure, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(size[0] * columns + 0.8, size[1] * rows + 0.3),
        layout="constrained",
        squeeze=False,
    )
    made = list(axes.ravel())
    for spare in made[n:]:
        figure.delaxes(spare)
    return made[:n]


def scale(
    values: Sequence[np.ndarray],
    cmap: str | None,
    vmax: float | None,
    rectified: str = RECTIFIED,
) -> dict[str, Any]:
    """Choose colours: diverging and centred at 0 if anything is negative."""
    found = [v[np.isfinite(v)] for v in values]
    low = min((float(v.min()) for v in found if v.size), default=0.0)
    high = max((float(np.abs(v).max()) for v in found if v.size), default=0.0)
    top = (high or 1.0) if vmax is None else float(vmax)
    signed = low < 0
    name = cmap or (SIGNED if signed else rectified)
    return {"cmap": name, "vmin": -top if signed else 0.0, "vmax": top}


def draw_map(
    ax: Any,
    values: np.ndarray,
    deposits: np.ndarray | None,
    largest: float,
    look: dict[str, Any],
    *,
    labels: tuple[str, str],
    down: bool,
) -> Any:
    """Draw one plane of a map, with circles where deposits are.

    Parameters
    ----------
    ax : Axes
        Is drawn on.
    values : ndarray of shape (rows, columns)
        The map.
    deposits : ndarray of shape (rows, columns) or None
        Areas of circles are as these.
    largest : float
        Deposit of the largest circle.
    look : dict
        Of `scale`.
    labels : (str, str)
        Names of columns and rows.
    down : bool
        Whether row 0 is on top.

    Returns
    -------
    AxesImage
        The map.
    """
    origin = "upper" if down else "lower"
    image = ax.imshow(values, origin=origin, interpolation="nearest", **look)
    if deposits is not None and largest > 0:
        row, column = np.nonzero(deposits > 0)
        effects = import_optional("matplotlib.patheffects", extra="plot")
        area = _LARGEST_MARK * deposits[row, column] / largest
        # Small deposits of one event stay visible; in the mean of many they are
        # everywhere.
        least = _SMALLEST_MARK if len(row) < deposits.size / 3 else 0.0
        ax.scatter(
            column,
            row,
            s=np.maximum(area, least),
            facecolors="none",
            edgecolors="#202020",
            linewidths=0.9,
            # A rim shows the circles on dark voxels, too.
            path_effects=[effects.withStroke(linewidth=2.3, foreground="white")],
        )
    ticker = import_optional("matplotlib.ticker", extra="plot")
    for axis, label in ((ax.xaxis, labels[0]), (ax.yaxis, labels[1])):
        axis.set_major_locator(ticker.MaxNLocator(4, integer=True))
        axis.set_label_text(label)
    return image


def draw_overlay(
    ax: Any, values: np.ndarray, picture: np.ndarray, look: dict[str, Any]
) -> Any:
    """Draw a map over a grey picture, the stronger the less transparent."""
    draw_picture(ax, picture)
    top = look["vmax"] or 1.0
    alpha = np.clip(0.85 * np.abs(np.nan_to_num(values)) / top, 0, 0.85)
    return ax.imshow(values, alpha=alpha, interpolation="nearest", **look)


def draw_picture(ax: Any, picture: np.ndarray) -> Any:
    """Draw a grey picture, stretched between its first and last percent."""
    low, high = np.percentile(picture, [1, 99.5])
    high = high if high > low else low + 1.0
    image = ax.imshow(
        picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest"
    )
    ax.set_xticks([])
    ax.set_yticks([])
    return image
