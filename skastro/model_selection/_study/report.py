"""The report of a study in words and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

_RULES = {
    "validation": "best validation epoch of each repeat",
    "test-mean": "best epoch of the mean test curve: OPTIMISTIC, chosen on test data",
    "last": "last epoch",
}


def write_report(result: Any) -> str:
    """Write the test scores by every rule side by side.

    Parameters
    ----------
    result : RepeatedHoldoutResult
        Of a study.

    Returns
    -------
    str
        Lines for printing.
    """
    n, parts = result.n_repeats, result.splits
    sizes = ", ".join(
        f"{round(float(np.mean(getattr(result, f'n_{name}'))))} {name}"
        for name in ("train", "validation", "test")
        if name in parts
    )
    lines = [
        f"{n} repeats; rows: {sizes}; engine: {result.engine} ({result.engine_reason})",
        "mean ± ste [corrected ste, for overlapping splits] (std), test part",
    ]
    one_epoch = len(result.epochs) == 1
    rules = ["last"] if one_epoch else ["validation", "test-mean", "last"]
    if "validation" not in parts and "validation" in rules:
        rules.remove("validation")
    for rule in rules:
        mark = " <- select" if rule == result.select and not one_epoch else ""
        lines += ["", f"{_RULES[rule]}{mark}" if not one_epoch else "as fitted"]
        lines += _rule_lines(result, rule)
    return "\n".join(lines)


def _rule_lines(result: Any, rule: str) -> list[str]:
    second = rule == "test-mean" and result.second_set is not None
    epochs = result.best_epoch(rule)
    where = (
        f"epoch {epochs[0]}"
        if np.all(epochs == epochs[0])
        else f"epochs {epochs.min()} to {epochs.max()}, median {np.median(epochs):g}"
    )
    lines = [f"  {where}" + (", second set of new splits" * second)]
    table = result.summary(rule)
    for (split, variant, metric), row in table.iterrows():
        if split != "test":
            continue
        collapsed = row["n_collapsed"]
        note = (
            f"; {int(collapsed)} collapsed"
            if metric == result.metrics[0] and np.isfinite(collapsed) and collapsed
            else ""
        )
        lines.append(
            f"  {variant:<16} {metric:<18} {row['mean']:8.4f} ± {row['ste']:.4f} "
            f"[{row['corrected_ste']:.4f}] ({row['std']:.4f}), median "
            f"{row['median']:.4f}{note}"
        )
    return lines
