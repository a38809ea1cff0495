"""The over-fitting diagnosis: its rule by hand, its edges, and its error rates."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from skastro.model_selection import OverfittingDiagnosis, diagnose_overfitting
from skastro.model_selection import _overfitting_rule as rule

EPOCHS = np.arange(1, 61)
FALL = np.exp(-EPOCHS / 5)


def study(*, n_train=700, n_validation=100, **curves):
    """A stand-in for a result: the attributes that the diagnosis reads."""
    n, n_epochs = next(iter(curves.values())).shape
    return SimpleNamespace(
        metrics=list(curves),
        splits=["train", "validation", "test"],
        epochs=np.arange(1, n_epochs + 1),
        n_train=np.broadcast_to(n_train, n),
        n_validation=np.broadcast_to(n_validation, n),
        curve=lambda metric, split="validation": curves[metric],
    )


def losses(rise=0.0, size=0.01, n=10, seed=0):
    noise = np.random.default_rng(seed).normal(0, size, (n, 60))
    return 0.5 + 0.4 * FALL + 0.5 * rise * EPOCHS / 60 + noise


def scores(drop=0.0, size=0.004, n=10, seed=1):
    noise = np.random.default_rng(seed).normal(0, size, (n, 60))
    return 0.85 - 0.2 * FALL - drop * EPOCHS / 60 + noise


@pytest.mark.parametrize(
    ("curves", "verdict", "effect"),
    [
        ({"loss": losses(), "accuracy": scores()}, "no over-fitting", "score drop"),
        ({"loss": losses()}, "no over-fitting", "loss rise"),
        ({"accuracy": scores()}, "no over-fitting", "score drop"),
        (
            {"loss": losses(0.3), "accuracy": scores()},
            "loss over-fitting",
            "loss rise",
        ),
        (
            {"loss": losses(0.3), "accuracy": scores(0.08)},
            "score over-fitting",
            "score drop",
        ),
        (
            {"loss": losses(), "accuracy": scores(0.08)},
            "score over-fitting",
            "score drop",
        ),
        ({"accuracy": scores(0.08)}, "score over-fitting", "score drop"),
        ({"loss": losses() * EPOCHS**-0.4}, "still improving", "improvement"),
        ({"accuracy": scores(-0.5)}, "still improving", "improvement"),
        ({"loss": losses(size=0.1)}, "undecided", "loss rise"),
        ({"loss": losses(), "accuracy": scores(size=0.05)}, "undecided", "score drop"),
    ],
)
def test_verdicts(curves, verdict, effect):
    found = diagnose_overfitting(study(**curves))
    assert (found.verdict, found.effect) == (verdict, effect)
    assert str(found).startswith(f"{verdict}: {found.sentence}\n{effect} ")
    low, high = found.confidence_interval
    assert low <= found.effect_size <= high
    assert 1 <= found.stop_epoch <= 60
    assert (found.n_repeats, found.n_epochs) == (10, 60)
    if verdict == "undecided":
        assert found.p_value > 0.04
    else:
        assert found.p_value < 0.05
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.verdict = "no over-fitting"


def test_rise_by_hand():
    """Ten epochs, so that no epoch is averaged: all from single values."""
    loss = np.random.default_rng(0).normal(1.0, 0.05, (6, 10))
    loss[:, 4] -= 0.4
    evidence = rule.loss_rise(loss, correlation=0.2, margin=0.05, level=0.05)
    # Nine epochs come before the tail of one; since 2/3, 1/3, 1/6, 1/15 of them.
    at = [0, 1, 2, 5]
    assert rule.candidates(9).tolist() == at
    factor = math.sqrt(1 / 6 + 0.25)
    end, p_values, lows, highs = loss[:, 9], [], {}, []
    for e in range(9):
        start = loss[:, e]
        rise = end.mean() / start.mean() - 1
        residuals = (end - (1 + rise) * start) / start.mean()
        error = residuals.std(ddof=1) * factor
        highs.append(rise + stats.t.isf(0.05, 5) * error)
        if e in at:
            p_values.append(stats.t.sf(rise / error, 5))
            for i in range(1, 5):
                bound = rise - stats.t.isf(0.05 * i / 4, 5) * error
                lows.setdefault(i, []).append((bound, rise, e))
    simes = min(p * 4 / i for i, p in enumerate(sorted(p_values), start=1))
    low = max(sorted((b for b, *_ in lows[i]), reverse=True)[i - 1] for i in lows)
    _, estimate, since = max(lows[4])
    assert evidence.p_value == pytest.approx(simes)
    assert evidence.low == pytest.approx(low)
    assert evidence.estimate == pytest.approx(estimate)
    assert evidence.since == since + 1
    # The dip is no candidate, yet it forbids to exclude a rise.
    assert evidence.high == pytest.approx(max(highs)) == pytest.approx(highs[4])
    assert not evidence.excluded


def test_simes_test_and_bound_agree():
    rng = np.random.default_rng(5)
    for _ in range(200):
        loss = rng.normal(1.0, 0.05, (4, 20)) + rng.normal(0, 0.05, (1, 20))
        found = rule.loss_rise(loss, correlation=0.1, margin=0.05, level=0.1)
        assert (found.low > 0) == (found.p_value < 0.1)
        assert found.excluded == (found.p_excluded < 0.1)
        assert found.low <= found.estimate <= found.high


def test_windows_widen_with_the_epoch():
    curves = np.arange(100.0)[None] ** 2
    assert rule.tail_width(100) == 10
    means = rule.smoothed(curves, 90)
    assert means.shape == (1, 90)
    assert means[0, :9] == pytest.approx(curves[0, :9])  # epochs 1 to 9: themselves
    assert means[0, 29] == pytest.approx(curves[0, 26:33].mean())  # epoch 30: 27 to 33
    assert means[0, 79] == pytest.approx(curves[0, 74:85].mean())  # half a tail at most
    assert means[0, 89] == curves[0, 89]  # not into the tail
    assert [rule.tail_width(n) for n in (5, 14, 15, 100, 900)] == [1, 1, 2, 10, 90]


def test_bounds_ignore_the_unit_and_the_order():
    loss, score = losses(0.2), scores()
    found = diagnose_overfitting(study(loss=loss, accuracy=score))
    scaled = diagnose_overfitting(study(loss=1e6 * loss, accuracy=score))
    mixed = np.random.default_rng(0).permutation(10)
    shuffled = diagnose_overfitting(study(loss=loss[mixed], accuracy=score[mixed]))
    single = diagnose_overfitting(
        study(loss=loss.astype(np.float32), accuracy=score.astype(np.float32))
    )
    for other in (scaled, shuffled, single):
        assert other.verdict == found.verdict
        assert other.stop_epoch == found.stop_epoch
        assert other.effect_size == pytest.approx(found.effect_size, rel=1e-5)
        assert other.confidence_interval == pytest.approx(
            found.confidence_interval, rel=1e-4
        )


def test_holm_passes_the_level_on():
    def shows(p):
        return rule.Evidence(
            estimate=0.1,
            low=0.0,
            high=1.0,
            p_value=p,
            p_excluded=1.0,
            margin=0.01,
            since=1,
        )

    none = dataclasses.replace(shows(1.0), estimate=0.0)
    for p_loss, p_score, verdict in (
        (0.045, 1.0, "undecided"),
        (0.035, 1.0, "loss over-fitting"),
        (0.035, 0.045, "score over-fitting"),
        (0.045, 0.02, "undecided"),
        (0.045, 0.009, "score over-fitting"),
        (1.0, 0.009, "score over-fitting"),
        (np.nan, np.nan, "undecided"),
    ):
        assert rule.verdict_of(shows(p_loss), shows(p_score), none, 0.05)[0] == verdict
    assert rule.verdict_of(shows(0.045), None, none, 0.05)[0] == "loss over-fitting"
    assert rule.verdict_of(None, shows(0.045), none, 0.05)[0] == "score over-fitting"
    # Significant but immaterial is no over-fitting; nor is it "no over-fitting".
    small = dataclasses.replace(shows(0.001), estimate=0.005)
    assert rule.verdict_of(small, None, none, 0.05)[0] == "undecided"


def test_few_repeats_or_epochs_are_undecided():
    for loss in (losses(0.5, n=1), losses(0.5, n=2), losses(0.5)[:, :4]):
        found = diagnose_overfitting(study(loss=loss))
        assert (found.verdict, found.effect) == ("undecided", "none")
        assert "Too few repeats" in found.sentence
        assert math.isnan(found.p_value)
        assert math.isnan(found.effect_size)
        assert found.loss_rise is None
        assert f"{len(loss)} repeats of" in str(found)
    clear = losses(0.9, size=1e-3, n=3)
    assert diagnose_overfitting(study(loss=clear)).verdict == "loss over-fitting"


def test_repeats_that_do_not_differ_prove_nothing():
    rising = np.tile(0.5 + 0.4 * FALL + 0.2 * EPOCHS / 60, (5, 1))
    for loss in (np.full((5, 60), 0.3), np.zeros((5, 60)), rising, rising / 3):
        found = diagnose_overfitting(study(loss=loss))
        assert found.verdict == "undecided"
        assert "do not differ" in found.sentence
        assert math.isnan(found.p_value)


def test_curves_that_stand_still_at_the_end():
    """After it converged, a net stays where it is, to the bit."""
    loss = losses(size=0.002)
    loss[:, 30:] = loss[:, 30:31]
    assert diagnose_overfitting(study(loss=loss)).verdict == "no over-fitting"


def test_perfect_score_is_as_fine_as_one_row():
    loss, perfect = losses(), np.ones((10, 60))
    found = diagnose_overfitting(
        study(loss=loss, accuracy=perfect, n_train=7000, n_validation=1000)
    )
    assert found.verdict == "no over-fitting"
    assert 0 < found.score_drop.high < 0.01
    found = diagnose_overfitting(study(loss=loss, accuracy=perfect, n_validation=20))
    assert found.verdict == "undecided"


def test_loss_near_zero():
    """A rise from 1e-6 to 1e-5 is neither over-fitting nor excluded."""
    noise = np.exp(np.random.default_rng(0).normal(0, 0.02, (10, 60)))
    start = 0.7 * np.exp(-EPOCHS)
    small = (start + 1e-6 + 9e-6 * EPOCHS / 60) * noise
    found = diagnose_overfitting(study(loss=small))
    assert found.verdict == "undecided"
    assert found.loss_rise.high > 1
    assert found.loss_rise.estimate < 0.05
    flat = (start + 1e-6) * noise
    assert diagnose_overfitting(study(loss=flat)).verdict == "no over-fitting"
    large = (start + 1e-3 + 2e-3 * EPOCHS / 60) * noise
    assert diagnose_overfitting(study(loss=large)).verdict == "loss over-fitting"
    zeros = np.maximum(0.0, 0.5 - 0.1 * EPOCHS) * noise
    assert diagnose_overfitting(study(loss=zeros)).verdict == "undecided"


def test_stop_epoch():
    rng = np.random.default_rng(0)
    loss = 0.5 + 0.002 * (EPOCHS - 23) ** 2 / 10 + rng.normal(0, 0.003, (10, 60))
    score = 0.9 - 0.0002 * (EPOCHS - 35) ** 2 + rng.normal(0, 0.003, (10, 60))
    both = diagnose_overfitting(study(loss=loss, accuracy=score))
    assert both.verdict == "score over-fitting"
    assert abs(both.stop_epoch - 35) <= 3
    only = diagnose_overfitting(study(loss=loss))
    assert only.verdict == "loss over-fitting"
    assert abs(only.stop_epoch - 23) <= 3
    falling = diagnose_overfitting(study(loss=losses() * EPOCHS**-0.4))
    assert falling.stop_epoch == 60
    # A rise from the very first epoch.
    first = 0.5 + 0.3 * EPOCHS / 60 + rng.normal(0, 0.003, (10, 60))
    found = diagnose_overfitting(study(loss=first))
    assert found.verdict == "loss over-fitting"
    assert found.stop_epoch <= 2


def test_correlation_of_overlapping_repeats():
    curves = {"loss": losses(0.2, size=0.03)}
    usual = diagnose_overfitting(study(**curves))
    assert usual.correlation == pytest.approx(50 / 800)
    independent = diagnose_overfitting(study(**curves), correlation=0)
    assert independent.loss_rise.low > usual.loss_rise.low
    assert independent.loss_rise.high < usual.loss_rise.high
    uneven = study(**curves, n_train=np.r_[[600] * 5, [800] * 5])
    assert diagnose_overfitting(uneven).correlation == usual.correlation
    # More repeats do not make the error as small as one likes.
    loss = losses(0.2, size=0.03, n=400)
    many = diagnose_overfitting(study(loss=loss, n_train=200)).loss_rise
    free = diagnose_overfitting(study(loss=loss), correlation=0).loss_rise
    assert many.high - many.estimate > 5 * (free.high - free.estimate)


def test_metrics_are_found_by_name():
    loss, score = losses(0.3), scores()
    three = study(loss=loss, accuracy=score, f1=score - 0.1)
    found = diagnose_overfitting(three)
    assert (found.loss, found.score) == ("loss", "accuracy")
    assert diagnose_overfitting(three, score="f1").score == "f1"
    alone = diagnose_overfitting(three, score=False)
    assert (alone.score, alone.score_drop) == (None, None)
    assert alone.verdict == "loss over-fitting"
    no_loss = diagnose_overfitting(three, loss=False)
    assert (no_loss.loss, no_loss.loss_rise) == (None, None)
    assert no_loss.verdict == "no over-fitting"
    own = diagnose_overfitting(study(brier=loss, accuracy=score), loss="brier")
    assert own.verdict == "loss over-fitting"
    assert "validation brier rises" in own.sentence
    test = diagnose_overfitting(three, split="test")
    assert "test loss" in test.sentence
    assert isinstance(test, OverfittingDiagnosis)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "log_loss"}, "no metric 'log_loss'"),
        ({"score": "auc"}, "no metric 'auc'"),
        ({"score": "loss"}, "both"),
        ({"loss": False, "score": False}, "Neither"),
        ({"split": "train"}, "split must be one of"),
        ({"split": "holdout"}, "split must be one of"),
        ({"loss_margin": 0.0}, "loss_margin"),
        ({"score_margin": np.nan}, "score_margin"),
        ({"correlation": 1.0}, "correlation"),
        ({"correlation": -0.1}, "correlation"),
        ({"confidence": 0.5}, "confidence"),
        ({"confidence": 95}, "confidence"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        diagnose_overfitting(study(loss=losses(), accuracy=scores()), **options)


def test_bad_curves_are_refused():
    for bad in (np.nan, np.inf):
        loss = losses()
        loss[3, 40:] = bad
        with pytest.raises(ValueError, match=r"'loss' hold NaN .* repeats \[3\] of 10"):
            diagnose_overfitting(study(loss=loss))
        with pytest.raises(ValueError, match="'accuracy' hold NaN"):
            diagnose_overfitting(study(loss=losses(), accuracy=loss))
    with pytest.raises(ValueError, match="below zero"):
        diagnose_overfitting(study(loss=losses() - 1))
    with pytest.raises(ValueError, match="shape"):
        diagnose_overfitting(study(loss=np.empty((3, 0))))
    with pytest.raises(ValueError, match="must be positive"):
        diagnose_overfitting(study(loss=losses(), n_train=0))


def test_error_rates():
    """Rates over 400 studies of 8 drifting repeats, correlated as the rule assumes.

    Nominal rates are 0.05; 0.08 is more than two and a half standard errors above.
    """
    rng = np.random.default_rng(7)
    n, n_studies, correlation = 8, 400, 0.2

    def rate(expected, verdicts):
        count = 0
        for _ in range(n_studies):
            own = np.cumsum(rng.normal(size=(n, 60)), axis=1)
            common = np.cumsum(rng.normal(size=(1, 60)), axis=1)
            wobble = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common
            loss = np.maximum(expected + 0.003 * wobble, 0.0)
            found = diagnose_overfitting(study(loss=loss), correlation=correlation)
            count += found.verdict in verdicts
        return count / n_studies

    flat = 0.5 + 0.4 * FALL
    over = ["loss over-fitting", "score over-fitting"]
    assert rate(flat, over) < 0.08
    assert rate(flat, ["still improving"]) < 0.08
    rising = flat + 0.1 * EPOCHS / 60  # 10 % from its minimum
    assert rate(rising, ["no over-fitting"]) < 0.01
    assert rate(rising + 0.1 * EPOCHS / 60, over) > 0.8


def test_noise_is_undecided():
    """It must not say no where it cannot see: five noisy repeats of a rise of 10 %."""
    rng = np.random.default_rng(3)
    expected = 0.5 + 0.4 * FALL + 0.05 * EPOCHS / 60
    for _ in range(200):
        loss = expected + 0.08 * rng.normal(size=(5, 60))
        found = diagnose_overfitting(study(loss=np.maximum(loss, 0.0)))
        assert found.verdict != "no over-fitting"
