from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest

from skastro.neural_network.stopping import (
    GeneralizationLoss,
    ProgressQuotient,
    SuccessiveRises,
    as_stopping_criterion,
    generalization_loss,
    training_progress,
)

CRITERIA = [GeneralizationLoss(), ProgressQuotient(), SuccessiveRises()]


def stopping_epoch(criterion: Any, train: Any, valid: Any) -> int | None:
    """Run a criterion as a training does; None if it never stops."""
    for epoch in range(1, len(valid) + 1):
        if criterion(list(train[:epoch]), list(valid[:epoch])):
            return epoch
    return None


def test_generalization_loss_by_hand() -> None:
    valid = [4.0, 2.0, 2.09, 1.9, 2.0, 1.6, 1.7, 1.68]
    train = [1.0] * 8
    # Above the lowest so far, in percent: 0, 0, 4.5, 0, 5.26, 0, 6.25, 5.
    expected = [0, 0, 4.5, 0, 100 * 0.1 / 1.9, 0, 6.25, 5]
    got = [generalization_loss(valid[:t]) for t in range(1, 9)]
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert stopping_epoch(GeneralizationLoss(alpha=4), train, valid) == 3
    assert stopping_epoch(GeneralizationLoss(alpha=5), train, valid) == 5
    assert stopping_epoch(GeneralizationLoss(alpha=6), train, valid) == 7
    assert stopping_epoch(GeneralizationLoss(alpha=7), train, valid) is None


def test_the_threshold_itself_does_not_stop() -> None:
    # Powers of two: all quotients are exact.
    assert not GeneralizationLoss(alpha=50)([1, 1], [2, 3])
    assert GeneralizationLoss(alpha=49.99)([1, 1], [2, 3])
    # GL = 50 %, P = 1000 (6 / 4 - 1) = 500 per mille, quotient 0.1.
    assert not ProgressQuotient(alpha=0.125, strip_length=2)([4, 2], [2, 3])
    assert generalization_loss([2, 3]) / training_progress([4, 2], 2) == 0.1
    assert not ProgressQuotient(alpha=0.1, strip_length=2)([4, 2], [2, 3])
    assert ProgressQuotient(alpha=0.0999, strip_length=2)([4, 2], [2, 3])
    # No rise is no rise.
    assert not SuccessiveRises(n_strips=1, strip_length=1)([1, 1], [2, 2])


def test_training_progress_by_hand() -> None:
    # (5 + 4 + 3 + 2 + 1) / (5 * 1) - 1 = 2; the 9 is of the strip before.
    assert training_progress([9, 5, 4, 3, 2, 1]) == 2000
    assert training_progress([9, 5, 4, 3, 2, 1], strip_length=2) == 500
    # The lowest need not be the last.
    assert training_progress([1, 3], strip_length=2) == 1000
    assert training_progress([7], strip_length=1) == 0
    assert training_progress([0.1] * 3, strip_length=3) == 0


def test_progress_quotient_by_hand() -> None:
    #       strip 1        | strip 2          | strip 3
    train = [1.0, 0.6, 0.5, 0.45, 0.42, 0.4, 0.402, 0.401, 0.4]
    valid = [2.0, 1.0, 1.5, 0.90, 1.50, 1.2, 0.950, 2.000, 0.909]
    # Strip 1: GL = 50, P = 1000 (2.1 / 1.5 - 1) = 400, quotient 0.125.
    # Strip 2: GL = 33.3, P = 1000 (1.27 / 1.2 - 1) = 58.3, quotient 0.571.
    # Strip 3: GL = 1, P = 1000 (1.203 / 1.2 - 1) = 2.5, quotient 0.4.
    for alpha, epoch in ((0.1, 3), (0.13, 6), (0.5, 6), (0.6, None)):
        criterion = ProgressQuotient(alpha=alpha, strip_length=3)
        assert stopping_epoch(criterion, train, valid) == epoch
    third = ProgressQuotient(alpha=0.39, strip_length=3)
    assert third(train, valid)
    assert not ProgressQuotient(alpha=0.41, strip_length=3)(train, valid)
    # Within a strip the same losses say nothing.
    assert not any(third(train[:t], valid[:t]) for t in (1, 2, 4, 5, 7, 8))


def test_successive_rises_by_hand() -> None:
    # Ends of the strips of two: 3, 2, 4, 5, 6; within them it goes up and down.
    valid = [9, 3, 9, 2, 1, 4, 1, 5, 9, 6]
    train = [1] * 10
    stops = {
        s: [
            t
            for t in range(1, 11)
            if SuccessiveRises(n_strips=s, strip_length=2)(train[:t], valid[:t])
        ]
        for s in (1, 2, 3, 4)
    }
    assert stops == {1: [6, 8, 10], 2: [8, 10], 3: [10], 4: []}
    # Rises from the first strip on: s + 1 strips are needed at least.
    up = list(range(1, 31))
    for s in (1, 2, 3):
        assert stopping_epoch(SuccessiveRises(n_strips=s), up, up) == 5 * (s + 1)


def papers_up(valid: list[float], t: int, s: int, k: int) -> bool:
    """UP of s strips after epoch t, word for word as the paper defines it."""
    if t % k or t - k < 1:
        return False
    rose = valid[t - 1] > valid[t - k - 1]
    return rose if s == 1 else rose and papers_up(valid, t - k, s - 1, k)


def papers_pq(
    train: list[float], valid: list[float], t: int, alpha: float, k: int
) -> bool:
    if t % k:
        return False
    strip = train[t - k : t]
    progress = 1000 * (sum(strip) / (k * min(strip)) - 1)
    return 100 * (valid[t - 1] / min(valid[:t]) - 1) / progress > alpha


def test_random_curves_agree_with_the_paper() -> None:
    rng = np.random.default_rng(0)
    stopped = []
    for _ in range(300):
        n = int(rng.integers(1, 45))
        fall = np.exp(-np.arange(n) / 8)
        train = (fall + 0.01 * rng.random(n) + 0.05).tolist()
        valid = (fall + 0.02 * np.arange(n) + 0.1 * rng.random(n)).tolist()
        s, k = int(rng.integers(1, 5)), int(rng.integers(1, 7))
        alpha = float(rng.uniform(0.05, 1))
        for t in range(1, n + 1):
            seen = train[:t], valid[:t]
            up = SuccessiveRises(n_strips=s, strip_length=k)(*seen)
            assert up == papers_up(valid, t, s, k)
            pq = ProgressQuotient(alpha=alpha, strip_length=k + 1)(*seen)
            assert pq == papers_pq(train, valid, t, alpha, k + 1)
            gl = GeneralizationLoss(alpha=20 * alpha)(*seen)
            assert gl == (100 * (valid[t - 1] / min(valid[:t]) - 1) > 20 * alpha)
            stopped.append((up, pq, gl))
    share = np.mean(stopped, axis=0)
    assert (share > 0.02).all()
    assert (share < 0.98).all()


def test_a_loss_of_exactly_zero() -> None:
    assert generalization_loss([1.0, 0.0]) == 0
    assert generalization_loss([0.0, 1e-300]) == math.inf
    assert not GeneralizationLoss()([1, 1, 1], [1.0, 0.0, 0.0])
    assert GeneralizationLoss()([1, 1, 1], [1.0, 0.0, 1e-300])
    assert training_progress([1.0, 0.0], 2) == math.inf
    assert training_progress([0.0, 0.0], 2) == 0
    pq = ProgressQuotient(strip_length=2)
    # Endless progress excuses any rise; with a flat training none is excused.
    assert not pq([1.0, 0.0], [1.0, 5.0])
    assert not pq([1.0, 0.0], [0.0, 5.0])
    for flat in (0.0, 0.1, 1 / 3):
        assert pq([flat] * 6, [1.0, 0.9, 0.8, 0.8, 0.8, 0.8 + 1e-12])
        assert not pq([flat] * 6, [1.0, 0.9, 0.8, 0.8, 0.8, 0.7])
        assert not pq([flat] * 2, [0.0, 0.0])


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1])
def test_losses_that_mean_nothing_are_refused(criterion: Any, bad: float) -> None:
    good = [1.0] * 5
    with pytest.raises(ValueError, match=r"validation losses .* epoch 2"):
        criterion(good, [1.0, bad, 1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"training losses .* epoch 1"):
        criterion([bad, 1.0, 1.0, 1.0, 1.0], good)
    with pytest.raises(ValueError, match="5 and 4"):
        criterion(good, good[:4])
    with pytest.raises(ValueError, match="first epoch"):
        criterion([], [])


def test_too_short_a_strip_is_refused() -> None:
    for length in (0, 3, -1):
        with pytest.raises(ValueError, match="strip_length"):
            training_progress([1.0, 0.5], length)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_criteria_are_plain_objects(criterion: Any) -> None:
    assert pickle.loads(pickle.dumps(criterion)) == criterion
    assert eval(repr(criterion)) == criterion
    assert hash(criterion) == hash(type(criterion)())
    with pytest.raises(dataclasses.FrozenInstanceError):
        criterion.strip_length = 3
    train, valid = [1.0] * 15, [1.0 + t for t in range(15)]
    assert criterion(train, valid) is True
    assert criterion(np.array(train), np.array(valid)) is True
    assert (len(train), valid[3]) == (15, 4.0)


@pytest.mark.parametrize(
    ("kind", "settings", "error"),
    [
        (GeneralizationLoss, {"alpha": 0}, ValueError),
        (GeneralizationLoss, {"alpha": -1.0}, ValueError),
        (GeneralizationLoss, {"alpha": math.nan}, ValueError),
        (GeneralizationLoss, {"alpha": math.inf}, ValueError),
        (GeneralizationLoss, {"alpha": "5"}, TypeError),
        (GeneralizationLoss, {"alpha": True}, TypeError),
        (ProgressQuotient, {"alpha": 0.0}, ValueError),
        (ProgressQuotient, {"strip_length": 1}, ValueError),
        (ProgressQuotient, {"strip_length": 2.5}, TypeError),
        (SuccessiveRises, {"n_strips": 0}, ValueError),
        (SuccessiveRises, {"n_strips": True}, TypeError),
        (SuccessiveRises, {"strip_length": 0}, ValueError),
        (SuccessiveRises, {"strip_length": 5.0}, TypeError),
    ],
)
def test_settings_are_checked(kind: Any, settings: dict, error: type) -> None:
    with pytest.raises(error, match=next(iter(settings))):
        kind(**settings)


def test_names_stand_for_the_default_settings() -> None:
    assert as_stopping_criterion("GL") == GeneralizationLoss(alpha=5.0)
    assert as_stopping_criterion("PQ") == ProgressQuotient(alpha=0.5, strip_length=5)
    assert as_stopping_criterion("UP") == SuccessiveRises(n_strips=2, strip_length=5)
    for plain in (True, False, np.True_, np.False_):
        assert as_stopping_criterion(plain) is None
    own = SuccessiveRises(n_strips=3)
    assert as_stopping_criterion(own) is own
    for bad in ("gl", "", 3, None, [GeneralizationLoss()], GeneralizationLoss):
        with pytest.raises(ValueError, match="early_stopping"):
            as_stopping_criterion(bad)
