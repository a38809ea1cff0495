"""Axes that show the standard sector in stereographic projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.diffraction._ipf_colors import ipf_colors
from skastro.diffraction._standard_sector import StandardSector, stereographic
from skastro.utils import import_optional

# Pixels of the colour key along each axis.
_KEY_PIXELS = 240

# Room for the names of corners, as a share of the sector's width.
_ROOM = 0.16


def draw_sector(
    ax: Any, sector: StandardSector, names: Sequence[str], fontsize: str = "medium"
) -> Any:
    """Draw the outline and the names of the corners, and set the axes up.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    sector : StandardSector
        Which.
    names : sequence of str
        Of its corners; empty ones are left out.
    fontsize : str, default="medium"
        Of the names.

    Returns
    -------
    matplotlib PathPatch
        The outline, for clipping.
    """
    patches = import_optional("matplotlib.patches", extra="plot")
    outline = stereographic(sector.outline())
    patch = patches.Polygon(
        outline, closed=True, fill=False, edgecolor="0.1", linewidth=1.0, zorder=3.0
    )
    ax.add_patch(patch)
    low, high = outline.min(axis=0), outline.max(axis=0)
    room = _ROOM * (high - low).max()
    ax.set(
        xlim=(low[0] - room, high[0] + room),
        ylim=(low[1] - room, high[1] + room),
        aspect="equal",
    )
    ax.set_axis_off()
    middle = (low + high) / 2
    for corner, name in zip(stereographic(sector.corners), names, strict=True):
        above = corner[1] > middle[1]
        ax.annotate(
            name,
            corner,
            xytext=(0.0, 4.0 if above else -4.0),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=fontsize,
        )
    return patch


def draw_color_key(
    ax: Any,
    laue_group: Any,
    *,
    names: Sequence[str] | None = None,
    title: str | None = None,
    power: float = 0.5,
) -> Any:
    """Draw the colours of all directions in the sector.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    laue_group : str or ndarray of shape (n_operations, 3, 3)
        As `skastro.utils.proper_operations` takes it.
    names : sequence of str, default=None
        Of the corners; None names those of a named group.
    title : str, default=None
        Above it.
    power : float, default=0.5
        As `ipf_colors` takes it.

    Returns
    -------
    matplotlib AxesImage
        The colours.
    """
    sector = StandardSector(laue_group)
    names = sector.corner_names() if names is None else names
    patch = draw_sector(ax, sector, names, fontsize="small")
    outline = stereographic(sector.outline())
    low, high = outline.min(axis=0), outline.max(axis=0)
    x, y = (
        np.linspace(a, b, 2 * _KEY_PIXELS + 1)[1::2]
        for a, b in zip(low, high, strict=True)
    )
    plane = np.stack(np.meshgrid(x, y), axis=-1)
    # The projection backwards.
    square = np.square(plane).sum(axis=-1, keepdims=True)
    u = np.concatenate([2 * plane, 1 - square], axis=-1) / (1 + square)
    # Just outside it is the colour of the equivalent, so that no edge is left white.
    image = ax.imshow(
        ipf_colors(u, laue_group, power=power),
        origin="lower",
        extent=(low[0], high[0], low[1], high[1]),
        interpolation="bilinear",
    )
    image.set_clip_path(patch)
    if title:
        ax.set_title(title, fontsize="small")
    return image
