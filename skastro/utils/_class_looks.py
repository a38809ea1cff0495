"""How classes look in pictures: colours, markers, dashes and one legend for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# Okabe and Ito's colours without the pale yellow, and two dark ones. Simulated for the
# three dichromacies (Machado et al. 2009), the nearest two of the nine are as far apart
# as the nearest two of the seven.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#882255",
    "#332288",
)
# Shapes and dashes differ too, for print in black and white.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.1)), "-.")
UNLABELLED = "0.75"


def class_looks(classes: Iterable[Any]) -> dict[Any, dict[str, Any]]:
    """Give every class a colour, a marker and dashes.

    Parameters
    ----------
    classes : iterable
        The classes. The looks follow the places in this order.

    Returns
    -------
    dict of class to dict
        With "color", "marker" and "linestyle". Beyond nine classes colours come again
        with other markers.

    Examples
    --------
    >>> from skastro.utils._class_looks import class_looks
    >>> class_looks(["AGN", "CV"])["CV"]["color"]
    '#D55E00'
    """
    n = len(COLOURS)
    return {
        label: {
            "color": COLOURS[i % n],
            "marker": MARKERS[(i + i // n) % len(MARKERS)],
            "linestyle": DASHES[(i + i // n) % len(DASHES)],
        }
        for i, label in enumerate(classes)
    }


def dress(ax: Any) -> None:
    """Give axes the common look.

    Parameters
    ----------
    ax : matplotlib Axes
        To be changed.
    """
    ax.grid(alpha=0.3, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def add_legend(
    ax: Any, handles: Sequence[Any], *, own_figure: bool, title: str | None = None
) -> Any:
    """Put a legend below an own figure, or else beside or into the axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Where the legend belongs.
    handles : sequence of matplotlib artists
        With labels.
    own_figure : bool
        Whether the figure is ours to make room in.
    title : str, default=None
        Of the legend.

    Returns
    -------
    matplotlib Legend
        The legend.
    """
    if not own_figure:
        # A layout engine makes room beside the axes, where no point is covered.
        arranged = ax.get_figure(root=True).get_layout_engine() is not None
        beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
        return ax.legend(
            handles=handles,
            title=title,
            fontsize="x-small",
            title_fontsize="x-small",
            framealpha=0.85,
            edgecolor="none",
            **(beside if arranged else {}),
        )
    # About 4.6 points a letter, and 36 for the sample of the look and the gap.
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    room = ax.get_figure(root=True).get_size_inches()[0] * 72.0
    columns = max(1, int(room / (4.6 * longest + 36.0)))
    rows = -(-len(handles) // columns)
    return ax.get_figure(root=True).legend(
        handles=handles,
        title=title,
        loc="outside lower center",
        # As few columns as these rows need, so that the last is no stub.
        ncols=max(1, -(-len(handles) // max(rows, 1))),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
    )
