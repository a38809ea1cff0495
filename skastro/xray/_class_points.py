"""Points of classes in a picture: who is drawn on top, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skastro.utils._class_looks import UNLABELLED, class_looks

NO_CLASS = "no class"


def check_columns(frame: Any, names: Sequence[str]) -> None:
    """Refuse a frame without these columns."""
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(f"frame must be a DataFrame, got {type(frame).__name__}.")
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"The table has no column {missing}; it has {list(frame.columns)}."
        )


def read_classes(labels: Any, n: int, classes: Any) -> tuple[np.ndarray, list[Any]]:
    """Take labels as objects, None where there is none, and list the classes."""
    if labels is None:
        return np.full(n, None, dtype=object), []
    array = np.asarray(labels, dtype=object)
    if array.shape != (n,):
        raise ValueError(f"labels must have shape ({n},), got {array.shape}.")
    missing = pd.isna(array)
    array = array.copy()
    array[missing] = None
    found = set(array[~missing].tolist())
    if classes is None:
        return array, sorted(found, key=lambda label: (str(type(label)), label))
    classes = list(classes)
    strangers = sorted(map(str, found - set(classes)))
    if strangers or len(set(classes)) < len(classes):
        raise ValueError(
            f"classes must be different and hold every label; {classes} lacks "
            f"{strangers}."
        )
    return array, classes


def layers(
    labels: np.ndarray, classes: list[Any], shown: np.ndarray
) -> list[tuple[Any, np.ndarray, dict[str, Any]]]:
    """List what is to be drawn, the rarest class last, so that it is on top.

    Parameters
    ----------
    labels : ndarray of shape (n,) of object
        As `read_classes` gives them.
    classes : list
        All classes; their places fix the looks.
    shown : ndarray of shape (n,) of bool
        Rows with a place in the picture.

    Returns
    -------
    list of tuple
        Class (`NO_CLASS` for rows without one), its rows, and the look for ``scatter``.
    """
    looks = class_looks(classes)
    found = []
    for label in classes:
        rows = np.flatnonzero(shown & (labels == label))
        look = {"color": looks[label]["color"], "marker": looks[label]["marker"]}
        found.append((label, rows, look))
    found.sort(key=lambda layer: -len(layer[1]))
    nameless = np.flatnonzero(shown & pd.isna(labels))
    if len(nameless):
        found.insert(0, (NO_CLASS, nameless, {"color": UNLABELLED, "marker": "."}))
    return [(label, rows, {**look, **_size(len(rows))}) for label, rows, look in found]


def _size(n: int) -> dict[str, float]:
    """Make the points of large classes small and let them shine through."""
    area = float(np.clip(1000.0 / max(n, 1) ** 0.6, 3.0, 36.0))
    alpha = float(np.clip(12.0 / max(n, 1) ** 0.4, 0.4, 0.95))
    return {"s": area, "alpha": alpha, "linewidth": 0.0}


def legend_handles(
    lines: Any, drawn: Sequence[tuple[Any, np.ndarray, dict[str, Any]]], notes: Any
) -> list[Any]:
    """Make handles of one size, whatever the size of the points."""
    return [
        lines.Line2D(
            [],
            [],
            linestyle="none",
            marker="o" if label == NO_CLASS else look["marker"],
            color=look["color"],
            markersize=5.5,
            label=f"{label} ({notes[label]})",
        )
        for label, _, look in drawn
    ]
