"""Whether a repeated study over-fits, told with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from skastro.model_selection import _overfitting_rule as rule
from skastro.model_selection._overfitting_rule import Evidence
from skastro.model_selection._overfitting_text import sentence


@dataclass(frozen=True, kw_only=True)
class OverfittingDiagnosis:
    """What `diagnose_overfitting` found; ``print`` it for two readable lines.

    Parameters
    ----------
    verdict : str
        "still improving", "no over-fitting", "loss over-fitting", "score over-fitting"
        or "undecided".
    sentence : str
        The verdict in plain words.
    stop_epoch : int
        Epoch to stop at, from 1: the lowest mean loss (the highest mean score, for
        "score over-fitting" or without a loss); the last one if still improving.
    effect : str
        What decides the verdict: "loss rise", "score drop", "improvement", or "none"
        if there are too few repeats or epochs to judge.
    effect_size : float
        Its estimate: relative to the loss, or in units of the score. NaN for "none".
    confidence_interval : tuple of two floats
        Each end is a one-sided bound at `confidence`.
    p_value : float
        One-sided. Against an effect as large as the margin for "no over-fitting", else
        against no effect; NaN if the error is unknown.
    loss_rise, score_drop : Evidence or None
        The two ways of over-fitting: each with ``estimate``, ``low``, ``high``,
        ``p_value``, ``p_excluded``, ``margin`` and ``since``, the epoch since which the
        estimate is counted. None if not judged.
    improvement : Evidence or None
        What the last tenth of the epochs brought against the tenth before.
    loss, score : str or None
        Names of the metrics; None if there is none.
    n_repeats, n_epochs : int
        Size of the study.
    correlation : float
        Correlation of two repeats that the errors allow for.
    confidence : float
        One minus the level of each test.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from skastro.model_selection import diagnose_overfitting
    >>> rng, epoch = np.random.default_rng(0), np.arange(1, 41)
    >>> loss = 0.5 + 0.4 / epoch + 0.004 * epoch + rng.normal(0, 0.02, (10, 40))
    >>> result = SimpleNamespace(
    ...     metrics=["loss"], splits=["train", "validation"], epochs=epoch,
    ...     n_train=np.full(10, 700), n_validation=np.full(10, 100),
    ...     curve=lambda metric, split: loss)
    >>> print(diagnose_overfitting(result))
    loss over-fitting: The validation loss rises by 14 % (at least 10 %) from ...
    """

    verdict: str
    sentence: str
    stop_epoch: int
    effect: str
    effect_size: float
    confidence_interval: tuple[float, float]
    p_value: float
    loss_rise: Evidence | None
    score_drop: Evidence | None
    improvement: Evidence | None
    loss: str | None
    score: str | None
    n_repeats: int
    n_epochs: int
    correlation: float
    confidence: float

    def __str__(self) -> str:
        low, high = self.confidence_interval
        size = f"{self.n_repeats} repeats of {self.n_epochs} epochs"
        if self.effect == "none":
            return f"{self.verdict}: {self.sentence}\n{size}"
        return (
            f"{self.verdict}: {self.sentence}\n"
            f"{self.effect} {self.effect_size:+.4f}, interval [{low:+.4f}, "
            f"{high:+.4f}] (each end at {self.confidence:g}), p = {self.p_value:.3g}, "
            f"{size}, correlation {self.correlation:.3f}"
        )


def diagnose_overfitting(
    result: Any,
    *,
    loss: str | Literal[False] = "loss",
    score: str | Literal[False] | None = None,
    split: str = "validation",
    loss_margin: float = 0.05,
    score_margin: float = 0.01,
    correlation: float | None = None,
    confidence: float = 0.95,
) -> OverfittingDiagnosis:
    r"""Tell whether the repeats of a study over-fit, and where to stop.

    The verdict rests on confidence bounds of two effects: the relative rise of the
    validation loss, and the drop of a validation score, from their best to the end of
    the training. Where the bounds do not tell, it is "undecided".

    Parameters
    ----------
    result : RepeatedHoldoutResult
        Of `repeated_holdout`, with a history by epoch.
    loss : str or False, default="loss"
        Metric of which less is better, and never negative. False, or a study that has
        none of this name, judges the score alone.
    score : str or False, default=None
        Metric of which more is better. None takes the first that is not the loss;
        False judges the loss alone.
    split : str, default="validation"
        Whose curves to judge: any split but "train". An epoch that is read from test
        rows is an optimistic choice.
    loss_margin : float, default=0.05
        Least relative rise of the loss that matters.
    score_margin : float, default=0.01
        Least drop that matters, in units of the score.
    correlation : float, default=None
        Correlation of the effects of two repeats, in [0, 1), which share one pool of
        rows. None takes half of Nadeau and Bengio's, n_validation / (n_validation +
        n_train); see the notes. 0 is for repeats on data of their own.
    confidence : float, default=0.95
        One minus the level of each test.

    Returns
    -------
    OverfittingDiagnosis
        A frozen dataclass.

    Raises
    ------
    ValueError
        If a metric or split is not there, a curve is not finite (a repeat diverged or
        stopped early), the loss is negative, or a parameter is out of its range.

    Notes
    -----
    Let :math:`v_{re}` be the value of repeat r around epoch e (mean of the epochs from
    0.9 e to 1.1 e, at most as many as the tail has) and :math:`T_r` its mean over the
    tail, the last tenth of the epochs. The rise since epoch e, and the drop of a score,
    are

    .. math:: g_e = \bar T / \bar v_e - 1, \qquad s_e = \bar v_e - \bar T .

    The standard error of :math:`g_e` comes from the residuals
    :math:`(T_r - (1 + g_e) v_{re}) / \bar v_e` of the R repeats, their variance times
    :math:`1/R + \rho/(1-\rho)`, where :math:`\rho` is `correlation` [1]_; bounds use
    Student's t with R - 1 degrees of freedom. A score is not taken to be known finer
    than one validation row. If :math:`\bar v_e` is below a thousandth of the first
    epoch's loss, a rise must be large against that thousandth to be shown.

    *A rise is shown* if it is significant since four epochs fixed in advance (2/3, 1/3,
    1/6 and 1/15 of the way to the tail), tested together by Simes's method [2]_, and if
    its estimate exceeds the margin. No epoch is chosen by its noise. Loss and score
    share the level by Holm's method, 4 : 1; the first that is shown passes its share
    on.

    *A rise is excluded* if its upper bound lies below the margin since **every** epoch
    before the tail, so that none needs to be chosen and no correction is due.

    In this order, the verdict is

    1. "score over-fitting": a drop of the score is shown;
    2. "loss over-fitting": a rise of the loss is shown, a drop of the score is not;
    3. "still improving": the last tenth improved the loss (else the score)
       significantly over the tenth before, by a fifth of the margin or more, and no
       estimate of a rise or drop exceeds its margin;
    4. "no over-fitting": rise and drop are both excluded;
    5. "undecided", also with fewer than 3 repeats or 5 epochs.

    So ``1 - confidence`` bounds the nominal rate of each of three wrong verdicts:
    over-fitting (of either kind) where nothing rises, "no over-fitting" where a rise or
    a drop reaches its margin, and "still improving" where nothing does; on a plateau,
    the first and the last may add up. What lies between zero and the margin may be
    called over-fitting or not.

    Nadeau and Bengio's correlation suits the level of a curve. For effects within a
    curve it is too large: over independent pools, between -0.02 and 0.06 were measured
    on the 11 nets of the validation (up to 0.12 in smaller looks before), where theirs
    is 0.2 to 0.33. Half of theirs is taken.

    Validation (``benchmarks/overfitting.py``; tables in the documentation): on
    simulated curves with the assumed correlation, means over 20 kinds of noise and
    (the worst of them), nominal 5 %: over-fitting on a plateau in 0.1-0.4 % (4.5 %) of
    the studies, "still improving" there in 2.5-3.6 % (8 %), "no over-fitting" on a rise
    of 5 % in 0.2-1.8 % (5.5 %), of 10 % in less than 0.1 % (0.5 %). Were the
    correlation Nadeau and Bengio's, these would be up to 1.1 % (10.5 %), 6.9 %
    (16.5 %), 3.3 % (10 %) and less than 0.1 % (0.5 %). With 10 repeats and noise of
    4 % an epoch, a rise of 10 % is found in 88 %, a plateau in 47 % of the studies,
    else "undecided"; with 3 repeats in 46 and 2 %. On 588 studies of real nets with 10
    repeats, 55 % of the verdicts were right, 1.4 % wrong and the others undecided; 87,
    0.3 and 13 % by the loss alone. To bound the drop of an accuracy by 0.01 takes some
    2,000 validation rows or 30 repeats; else expect "undecided", or judge the loss
    alone by ``score=False``.

    In contrast with the criteria of Prechelt [3]_, which stop a single run when its
    loss has risen by some share of its minimum (GL), this judges the expected curve.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52 (2003) 239-281.
    .. [2] R. J. Simes, "An improved Bonferroni procedure for multiple tests of
       significance", Biometrika 73 (1986) 751-754.
    .. [3] L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the
       Trade, Springer (1998) 55-69.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from skastro.model_selection import diagnose_overfitting
    >>> rng, epoch = np.random.default_rng(0), np.arange(1, 41)
    >>> loss = 0.5 + 0.4 / epoch**2 + rng.normal(0, 0.005, (10, 40))
    >>> result = SimpleNamespace(
    ...     metrics=["loss"], splits=["train", "validation"], epochs=epoch,
    ...     n_train=np.full(10, 700), n_validation=np.full(10, 100),
    ...     curve=lambda metric, split: loss)
    >>> diagnose_overfitting(result).verdict
    'no over-fitting'
    """
    _check_parameters(loss_margin, score_margin, correlation, confidence)
    loss_name, score_name = _metrics(result, loss, score)
    if split == "train" or split not in list(result.splits):
        raise ValueError(
            f"split must be one of {[s for s in result.splits if s != 'train']}, since "
            f"over-fitting does not show on training rows; got {split!r}."
        )
    losses = _curve(result, loss_name, split)
    scores = _curve(result, score_name, split)
    if losses is not None and losses.min() < 0:
        raise ValueError(
            f"{loss_name!r} has values below zero ({losses.min():g}): a relative rise "
            "would mean nothing. Judge the score alone with loss=False."
        )
    n_held = float(np.mean(getattr(result, f"n_{split}", result.n_validation)))
    n_train = float(np.mean(result.n_train))
    if not (n_held > 0 and n_train > 0):
        raise ValueError(
            f"Numbers of rows must be positive: {n_train:g} for training, {n_held:g} "
            f"for {split}."
        )
    if correlation is None:
        correlation = rule.OVERLAP_SHARE * n_held / (n_held + n_train)
    level = 1.0 - confidence
    rise, drop, gain = rule.evidence(
        losses,
        scores,
        loss_margin=loss_margin,
        score_margin=score_margin,
        resolution=1.0 / n_held,
        correlation=float(correlation),
        level=level,
    )
    some = losses if losses is not None else scores
    assert some is not None  # _metrics sees to it
    n_repeats, n_epochs = some.shape
    verdict, effect = "undecided", "none"
    if gain is not None:
        verdict, effect = rule.verdict_of(rise, drop, gain, level)
    stop = np.asarray(result.epochs)[rule.stop_epoch(verdict, losses, scores) - 1]
    size, interval, p_value = float("nan"), (float("nan"), float("nan")), float("nan")
    decisive = {"loss rise": rise, "score drop": drop, "improvement": gain}.get(effect)
    if decisive is not None:
        size, interval = decisive.estimate, (decisive.low, decisive.high)
        excluded = verdict == "no over-fitting"
        p_value = decisive.p_excluded if excluded else decisive.p_value
    names = (f"{split} {loss_name}", f"{split} {score_name}")
    return OverfittingDiagnosis(
        verdict=verdict,
        sentence=sentence(
            verdict, rise, drop, gain, names, int(stop), (n_repeats, n_epochs)
        ),
        stop_epoch=int(stop),
        effect=effect,
        effect_size=size,
        confidence_interval=interval,
        p_value=p_value,
        loss_rise=rise,
        score_drop=drop,
        improvement=gain,
        loss=loss_name,
        score=score_name,
        n_repeats=n_repeats,
        n_epochs=n_epochs,
        correlation=float(correlation),
        confidence=float(confidence),
    )


def _check_parameters(
    loss_margin: float,
    score_margin: float,
    correlation: float | None,
    confidence: float,
) -> None:
    """Refuse parameters out of range."""
    for name, value in (("loss_margin", loss_margin), ("score_margin", score_margin)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite, got {value!r}.")
    if correlation is not None and not 0.0 <= correlation < 1.0:
        raise ValueError(f"correlation must be in [0, 1), got {correlation!r}.")
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"confidence must be in (0.5, 1), got {confidence!r}.")


def _metrics(
    result: Any, loss: str | Literal[False], score: str | Literal[False] | None
) -> tuple[str | None, str | None]:
    """Names of the loss and of the score, None for what is not judged."""
    names: Sequence[str] = list(result.metrics)
    loss_name = None if loss is False else loss
    if loss_name is not None and loss_name not in names:
        if loss_name != "loss":
            raise ValueError(f"There is no metric {loss!r}, only {names}.")
        loss_name = None
    score_name = None if score is False else score
    if score is None:
        # A loss that is left out is still no score.
        score_name = next((n for n in names if n not in ("loss", loss_name)), None)
    elif score is not False and score not in names:
        raise ValueError(f"There is no metric {score!r}, only {names}.")
    if loss_name is None and score_name is None:
        raise ValueError(f"Neither a loss nor a score is left to judge, of {names}.")
    if loss_name == score_name:
        raise ValueError(f"{loss_name!r} cannot be both the loss and the score.")
    return loss_name, score_name


def _curve(result: Any, metric: str | None, split: str) -> np.ndarray | None:
    """Curves of a metric, checked."""
    if metric is None:
        return None
    curves = np.asarray(result.curve(metric, split=split), dtype=np.float64)
    if curves.ndim != 2 or 0 in curves.shape:
        raise ValueError(
            f"The curves of {metric!r} must have the shape (n_repeats, n_epochs), got "
            f"{curves.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(curves).all(axis=1))
    if len(bad):
        raise ValueError(
            f"The {split} curves of {metric!r} hold NaN or infinite values in the "
            f"repeats {bad[:10].tolist()} of {len(curves)}: they diverged, or stopped "
            "before the others. Over-fitting is judged on complete curves."
        )
    return curves
