"""The verdicts of `diagnose_overfitting` in plain words."""

from __future__ import annotations

import math

from skastro.model_selection._overfitting_rule import (
    FEWEST_EPOCHS,
    FEWEST_REPEATS,
    Evidence,
    tail_width,
)


def percent(value: float) -> str:
    """Write a share in per cent with two digits, or what there are."""
    value *= 100
    return f"{value:.0f} %" if abs(value) >= 9.95 else f"{value:.1f} %"


def sentence(
    verdict: str,
    rise: Evidence | None,
    drop: Evidence | None,
    gain: Evidence | None,
    names: tuple[str, str],
    stop: int,
    shape: tuple[int, int],
) -> str:
    """Say the verdict; `names` are those of the loss and the score."""
    loss, score = names
    n_repeats, n_epochs = shape
    if gain is None:
        return (
            f"Too few repeats ({n_repeats}) or epochs ({n_epochs}) to tell: at least "
            f"{FEWEST_REPEATS} and {FEWEST_EPOCHS} are needed."
        )
    if verdict == "score over-fitting" and drop is not None:
        also = ""
        if rise is not None and rise.material and rise.low > 0:
            also = f", and the {loss} rises by {percent(rise.estimate)}"
        return (
            f"The {score} drops by {drop.estimate:.4f} (at least {drop.low:.4f}) from "
            f"epoch {drop.since} to the end{also}: stop at epoch {stop}."
        )
    if verdict == "loss over-fitting" and rise is not None:
        return (
            f"The {loss} rises by {percent(rise.estimate)} (at least "
            f"{percent(rise.low)}) from epoch {rise.since} to the end"
            f"{_beside(drop, score)}: stop at epoch {stop}."
        )
    if verdict == "still improving":
        name, change = loss, f"{percent(gain.estimate)}"
        if rise is None:
            name, change = score, f"{gain.estimate:.4f}"
        moved = "fell" if rise is not None else "rose"
        width = tail_width(n_epochs)
        return (
            f"The {name} still {moved} by {change} over the last tenth of the training "
            f"({width} of {n_epochs} epochs): train longer."
        )
    if verdict == "no over-fitting":
        bounds = []
        if rise is not None:
            by = f"rises by less than {percent(rise.high)}"
            bounds.append(f"the {loss} {by if rise.high > 0 else 'does not rise'}")
        if drop is not None:
            by = f"drops by less than {drop.high:.4f}"
            bounds.append(f"the {score} {by if drop.high > 0 else 'does not drop'}")
        return (
            f"From its best to the end {' and '.join(bounds)}: no need to stop early."
        )
    return _open(rise, drop, loss, score)


def _beside(drop: Evidence | None, score: str) -> str:
    """Say what is known of the score where the loss over-fits."""
    if drop is None:
        return ""
    if drop.excluded:
        return f", while the {score} does not drop by {drop.margin:g} or more"
    return f"; whether the {score} drops by {drop.margin:g} or more is undecided"


def _open(rise: Evidence | None, drop: Evidence | None, loss: str, score: str) -> str:
    """Say what could not be told."""
    left = []
    if all(e is None or math.isnan(e.p_value) for e in (rise, drop)):
        return "The repeats do not differ from each other, so no error is known."
    if rise is not None and not rise.excluded:
        bound = f" (at most {percent(rise.high)})" if rise.high < 10 else ""
        left.append(
            f"whether the {loss} rises by {100 * rise.margin:g} % or more{bound}"
        )
    if drop is not None and not drop.excluded:
        left.append(
            f"whether the {score} drops by {drop.margin:g} or more (at most "
            f"{drop.high:.4f})"
        )
    return (
        f"These repeats do not tell {' and '.join(left)}: more repeats, or more "
        "validation rows, are needed."
    )
