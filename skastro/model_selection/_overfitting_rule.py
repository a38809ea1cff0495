"""The criterion of `diagnose_overfitting`, on plain arrays of validation curves.

Curves have the shape (n_repeats, n_epochs). `correlation` is that of two repeats, which
share one pool of rows; `level` is that of a one-sided test or bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

FEWEST_REPEATS = 3
FEWEST_EPOCHS = 5
#: Share of the training whose mean counts as the end.
TAIL = 0.1
#: The epochs since which a rise is tested, as shares of those before the tail.
SINCE = (2 / 3, 1 / 3, 1 / 6, 1 / 15)
#: Shares of the level that the two ways of over-fitting get before one is shown.
LOSS_SHARE, SCORE_SHARE = 0.8, 0.2
#: What the last tenth must have brought to call a curve improving, in margins: at this
#: pace half as much training again would bring the margin.
IMPROVEMENT_SHARE = 0.2
#: Correlation of the effects of two repeats, in units of Nadeau and Bengio's. Theirs
#: suits levels; of effects within a curve, a quarter of it and less was measured.
OVERLAP_SHARE = 0.5
#: A loss below this share of its first value is close to nothing.
NEAR_ZERO = 1e-3


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One effect: its estimate, bounds and test against zero.

    Parameters
    ----------
    estimate : float
        Mean effect; positive is what the name of the effect says.
    low, high : float
        One-sided bounds, each at the confidence of the diagnosis.
    p_value : float
        One-sided, against an effect of zero or less; NaN if the error is unknown.
    p_excluded : float
        One-sided, against an effect as large as `margin` or larger; 1 if the error is
        unknown.
    margin : float
        Least effect that matters.
    since : int
        The epoch, from 1, since which the estimate is counted.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    p_excluded: float
    margin: float
    since: int

    @property
    def material(self) -> bool:
        """Whether the estimate is beyond the margin."""
        return self.estimate > self.margin

    @property
    def excluded(self) -> bool:
        """Whether an effect as large as the margin is excluded."""
        return self.high < self.margin

    def shown(self, level: float) -> bool:
        """Tell whether the effect is there and matters; NaN shows nothing."""
        return self.material and self.p_value < level


def tail_width(n_epochs: int) -> int:
    """Epochs whose mean counts as the end of the training."""
    return max(1, round(TAIL * n_epochs))


def smoothed(curves: np.ndarray, last: int) -> np.ndarray:
    """Means around each of the first `last` epochs, shape (n_repeats, last).

    The window around epoch e reaches a tenth of e to both sides, since what happens
    early happens fast, but no further than half the tail, and not beyond `last`.
    """
    epoch = np.arange(1, last + 1)
    most = tail_width(curves.shape[1]) // 2
    reach = np.minimum(np.minimum(epoch // 10, most), last - epoch)
    means = curves[:, :last].astype(np.float64)
    for width in range(1, int(reach.max()) + 1):
        at = np.flatnonzero(reach == width)
        near = at[:, None] + np.arange(-width, width + 1)
        means[:, at] = curves[:, near].mean(axis=2)
    return means


def lowest_epoch(curves: np.ndarray) -> int:
    """Number of the epoch, from 1, around which the mean curve is lowest."""
    return int(smoothed(curves, curves.shape[1]).mean(axis=0).argmin()) + 1


def candidates(last: int) -> np.ndarray:
    """Indices of the epochs since which a rise is tested.

    They are fixed, so that no noise chooses them, and few, so that testing all of them
    costs little.
    """
    return np.unique([max(1, round(share * last)) for share in SINCE]) - 1


def estimate(
    effect: np.ndarray, unit: np.ndarray, correlation: float, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ratio of the means of `effect` and `unit` along the first axis, and its error.

    The error is that of the linearised ratio, from at least the spread `floor`. Where
    the repeats do not vary it is unknown, hence infinite, unless nothing moves in any
    of them.
    """
    n, mean = len(effect), unit.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = effect.mean(axis=0) / mean
        residuals = (effect - ratio * unit) / mean
        spread = np.maximum(residuals.std(axis=0, ddof=1), floor)
        # Equal up to rounding is equal: a spread of 1e-17 would prove anything.
        tiny = 8 * np.finfo(np.float64).eps * (1.0 + np.abs(ratio))
        moves = (np.abs(effect / mean) > tiny).any(axis=0)
    spread = np.where(spread > tiny, spread, np.where(moves, np.inf, 0.0))
    return ratio, spread * np.sqrt(1.0 / n + correlation / (1.0 - correlation))


def half_width(
    error: np.ndarray, n_repeats: int, level: float | np.ndarray
) -> np.ndarray:
    """Distance of a one-sided bound from the estimate, by Student's t."""
    out: np.ndarray = -special.stdtrit(n_repeats - 1, level) * error
    return out


def p_below(distance: np.ndarray, error: np.ndarray, n_repeats: int) -> np.ndarray:
    """Probability of an estimate so far below, or further; 1 if the error is unknown.

    `distance` is the estimate minus the value that it is tested against.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = special.stdtr(n_repeats - 1, distance / error)
    return np.where(np.isfinite(error) & np.isfinite(p_value), p_value, 1.0)


def largest(
    effect: np.ndarray,
    unit: np.ndarray,
    unit_shown: np.ndarray,
    *,
    correlation: float,
    margin: float,
    level: float,
    floor: float = 0.0,
) -> Evidence:
    """Judge the largest of the effects since each epoch, shape (n_repeats, n_epochs).

    To show one, K fixed epochs are tested together, by Simes's test. To exclude one, it
    must be excluded since every epoch, each at `level`.
    """
    n = len(effect)
    at = candidates(effect.shape[1])
    ratio, error = estimate(effect[:, at], unit_shown[:, at], correlation, floor)
    # Simes: i of the K epochs must each show the effect at the level i / K.
    ranks = np.arange(1, len(at) + 1)
    p_values = np.sort(p_below(-ratio, error, n)) * len(at) / ranks
    levels = level * ranks[:, None] / len(at)
    lows = np.nan_to_num(
        ratio - half_width(error, n, levels), nan=-np.inf, neginf=-np.inf
    )
    best = int((lows[-1] if np.isfinite(lows[-1]).any() else ratio).argmax())
    told = bool(np.any(np.isfinite(error) & (error > 0)))
    # Where nothing moves in any repeat, or all is zero, nothing is known.
    ratios, errors = estimate(effect, unit, correlation, floor)
    highs = ratios + half_width(errors, n, level)
    known = bool(np.any(errors > 0)) and not np.any(np.isnan(highs))
    return Evidence(
        estimate=float(ratio[best]),
        low=float(max(-np.sort(-row)[i] for i, row in enumerate(lows))),
        high=float(highs.max()) if known else np.inf,
        p_value=float(p_values.min()) if told else np.nan,
        p_excluded=float(p_below(ratios - margin, errors, n).max()) if known else 1.0,
        margin=margin,
        since=int(at[best]) + 1,
    )


def near_zero(loss: np.ndarray) -> float:
    """Loss below which a rise is related to this value, not to the loss."""
    return NEAR_ZERO * float(np.median(loss[:, 0]))


def loss_rise(
    loss: np.ndarray, *, correlation: float, margin: float, level: float
) -> Evidence:
    """Judge the rise of the loss to its end, relative to where it rises from."""
    width = tail_width(loss.shape[1])
    end = loss[:, -width:].mean(axis=1, keepdims=True)
    before = smoothed(loss, loss.shape[1] - width)
    floor = near_zero(loss)
    return largest(
        end - before,
        before,
        np.where(before.mean(axis=0) < floor, floor, before),
        correlation=correlation,
        margin=margin,
        level=level,
    )


def score_drop(
    score: np.ndarray, *, correlation: float, margin: float, level: float, floor: float
) -> Evidence:
    """Judge the drop of the score to its end, in units of the score."""
    width = tail_width(score.shape[1])
    end = score[:, -width:].mean(axis=1, keepdims=True)
    drop = smoothed(score, score.shape[1] - width) - end
    one = np.ones_like(drop)
    return largest(
        drop,
        one,
        one,
        correlation=correlation,
        margin=margin,
        level=level,
        floor=floor,
    )


def improvement(
    curves: np.ndarray,
    *,
    lower_is_better: bool,
    correlation: float,
    margin: float,
    level: float,
    floor: float,
) -> Evidence:
    """Judge what the last tenth brought against the tenth before it."""
    n_epochs = curves.shape[1]
    width = tail_width(n_epochs)
    end = curves[:, -width:].mean(axis=1)
    before = curves[:, -2 * width : -width].mean(axis=1)
    gain, unit = end - before, np.ones_like(end)
    if lower_is_better:
        least = near_zero(curves)
        gain, floor = -gain, 0.0
        unit = np.full_like(end, least) if before.mean() < least else before
    ratio, error = estimate(gain[:, None], unit[:, None], correlation, floor)
    n, least_gain = len(gain), IMPROVEMENT_SHARE * margin
    half = half_width(error, n, level)
    told = bool(np.isfinite(error[0]) and error[0] > 0)
    return Evidence(
        estimate=float(ratio[0]),
        low=float(ratio[0] - half[0]),
        high=float(ratio[0] + half[0]),
        p_value=float(p_below(-ratio, error, n)[0]) if told else np.nan,
        p_excluded=float(p_below(ratio - least_gain, error, n)[0]),
        margin=least_gain,
        since=n_epochs - 2 * width + 1,
    )


def evidence(
    loss: np.ndarray | None,
    score: np.ndarray | None,
    *,
    loss_margin: float,
    score_margin: float,
    resolution: float,
    correlation: float,
    level: float,
) -> tuple[Evidence | None, Evidence | None, Evidence | None]:
    """Rise of the loss, drop of the score, improvement; None for what is not judged.

    `resolution` is the step of a score, one validation row.
    """
    some = loss if loss is not None else score
    if some is None or some.shape[0] < FEWEST_REPEATS or some.shape[1] < FEWEST_EPOCHS:
        return None, None, None
    rise = drop = None
    if loss is not None:
        rise = loss_rise(loss, correlation=correlation, margin=loss_margin, level=level)
    if score is not None:
        drop = score_drop(
            score,
            correlation=correlation,
            margin=score_margin,
            level=level,
            floor=resolution,
        )
    gain = improvement(
        some,
        lower_is_better=loss is not None,
        correlation=correlation,
        margin=loss_margin if loss is not None else score_margin,
        level=level,
        floor=resolution,
    )
    return rise, drop, gain


def verdict_of(
    rise: Evidence | None, drop: Evidence | None, gain: Evidence, level: float
) -> tuple[str, str]:
    """Verdict, and the name of the evidence that decides it."""
    rises, drops = False, False
    if rise is not None and drop is not None:
        rises, drops = rise.shown(LOSS_SHARE * level), drop.shown(SCORE_SHARE * level)
        # Weighted Holm: what is shown passes its share of the level to the other.
        rises, drops = (
            rises or (drops and rise.shown(level)),
            drops or (rises and drop.shown(level)),
        )
    elif rise is not None:
        rises = rise.shown(level)
    elif drop is not None:
        drops = drop.shown(level)
    if drops:
        return "score over-fitting", "score drop"
    if rises:
        return "loss over-fitting", "loss rise"
    both = [("loss rise", rise), ("score drop", drop)]
    known = [(name, e) for name, e in both if e is not None]
    if gain.shown(level) and not any(e.material for _, e in known):
        return "still improving", "improvement"
    # The one that is harder to exclude decides.
    name = max(known, key=lambda item: item[1].p_excluded)[0]
    if all(e.excluded for _, e in known):
        return "no over-fitting", name
    return "undecided", name


def stop_epoch(verdict: str, loss: np.ndarray | None, score: np.ndarray | None) -> int:
    """Epoch to stop at, from 1."""
    if score is not None and (loss is None or verdict == "score over-fitting"):
        loss = -score
    assert loss is not None
    return loss.shape[1] if verdict == "still improving" else lowest_epoch(loss)
