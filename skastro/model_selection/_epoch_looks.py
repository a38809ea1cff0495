"""Colours, dashes and legend of learning curves over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._drawing import (
    COLOURS,
    OPTIMISTIC,
    part_dashes,
    part_label,
)
from skastro.model_selection._study.preparation import Part
from skastro.utils import import_optional

_RULES = {
    "validation": "best validation epoch",
    "test-mean": "best epoch of the mean test curve",
    "last": "last epoch",
}


def looks_of(
    curves: pd.DataFrame,
    chosen: Mapping[str, np.ndarray | None],
    rules: Mapping[str, str],
) -> tuple[dict[Any, dict[str, Any]], list[Any]]:
    """Choose colours and dashes, and say in a legend what they mean.

    A study alone has a colour for each part; several have one for each study, and a
    kind of dash for each part.

    Parameters
    ----------
    curves : DataFrame
        Of `EpochCurveDisplay`.
    chosen : dict of str to ndarray or None
        Epochs that each study chose; None where they are not marked.
    rules : dict of str to str
        By which rule.

    Returns
    -------
    looks : dict
        Keyword arguments for the line of each (study, part).
    handles : list of Line2D
        For the legend.
    """
    lines = import_optional("matplotlib.lines", extra="plot")
    pairs = zip(curves["split"], curves["variant"], strict=True)
    parts: list[Part] = list(dict.fromkeys(pairs))
    dashes, studies = part_dashes(parts), list(chosen)
    alone = len(studies) == 1
    looks = {}
    for i, study in enumerate(studies):
        for j, part in enumerate(parts):
            colour = COLOURS[(j if alone else i) % len(COLOURS)]
            looks[study, part] = {"color": colour, "linestyle": dashes[part]}

    def sample(label: str, **look: Any) -> Any:
        return lines.Line2D([], [], linewidth=1.8, label=label, **look)

    if alone:
        return looks, [sample(part_label(*p), **looks[studies[0], p]) for p in parts]
    handles = []
    for study in studies:
        label, epochs = study, chosen[study]
        if epochs is not None:
            mark = f" ({OPTIMISTIC})" * (rules[study] == "test-mean")
            label += f": epoch {np.median(epochs):g}{mark}"
        handles.append(sample(label, color=looks[study, parts[0]]["color"]))
    if len(parts) > 1:
        handles += [
            sample(part_label(*p), color="0.3", linestyle=dashes[p]) for p in parts
        ]
    return looks, handles


def epoch_handles(
    chosen: Mapping[str, np.ndarray], rules: Mapping[str, str]
) -> list[Any]:
    """Say what the vertical lines mean.

    Parameters
    ----------
    chosen : dict of str to ndarray
        Epochs that each study chose.
    rules : dict of str to str
        By which rule.

    Returns
    -------
    list of Line2D
        For the legend.
    """
    lines = import_optional("matplotlib.lines", extra="plot")
    marks = {"test-mean": f" ({OPTIMISTIC})"}
    labels = []
    if len(chosen) == 1:
        ((study, epochs),) = chosen.items()
        low, middle, high = np.percentile(epochs, [25, 50, 75])
        rule = rules[study]
        where = f"{middle:g}" if np.ptp(epochs) == 0 else f"median {middle:g}"
        spread = f", quartiles {low:.3g} to {high:.3g}" if np.ptp(epochs) else ""
        labels = [f"{_RULES[rule]}: {where}{spread}{marks.get(rule, '')}"]
    else:
        for rule in dict.fromkeys(rules.values()):
            median = " (median)" * (rule == "validation")
            labels.append(f"{_RULES[rule]}{median}{marks.get(rule, '')}")
    return [
        lines.Line2D([], [], color="0.35", linewidth=1.0, linestyle="-.", label=t)
        for t in labels
    ]
