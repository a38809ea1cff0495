from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skastro.galaxy import GalaxyCNNClassifier
from skastro.neural_network import DenseClassifier, DenseRegressor
from skastro.neural_network._parameters import hold_out
from skastro.neural_network.stopping import (
    NAMED_CRITERIA,
    GeneralizationLoss,
    ProgressQuotient,
    SuccessiveRises,
    as_stopping_criterion,
    training_progress,
)

CRITERIA = [GeneralizationLoss(), ProgressQuotient(), SuccessiveRises()]


def stopping_epoch(criterion: Any, train: Any, valid: Any) -> int | None:
    """Run a criterion as a training does; None if it never stops."""
    for epoch in range(1, len(valid) + 1):
        if criterion(list(train[:epoch]), list(valid[:epoch])):
            return epoch
    return None


NETS: list[Any] = [
    DenseClassifier(hidden_layer_sizes=(40,), learning_rate_init=0.03),
    DenseClassifier(hidden_layer_sizes=(40,), learning_rate_init=0.03, dropout=0.2),
    DenseRegressor(hidden_layer_sizes=(40,), learning_rate_init=0.1),
    GalaxyCNNClassifier(
        filters=(4, 6), learning_rate="constant", learning_rate_init=0.02
    ),
]


@pytest.fixture(params=range(len(NETS)), ids=lambda i: f"{type(NETS[i]).__name__}-{i}")
def net(request: pytest.FixtureRequest) -> Any:
    """A net that over-fits, before any criterion."""
    return clone(NETS[request.param]).set_params(max_epochs=60, random_state=2)


def data(net: Any, n: int = 160) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 6, 6)).astype("f4")
    signal = X[:, :3, 2].sum(axis=1) + rng.normal(size=n)
    y = (signal > 0).astype(int) if is_classifier(net) else signal
    half = n // 2
    return X[:half], y[:half], X[half:], y[half:]


def weights(net: Any) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in net.module_.state_dict().items()}


def assert_same_weights(one: Any, two: Any) -> None:
    a, b = weights(one), weights(two)
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert np.array_equal(value, b[key]), key


def replay(net: Any, criterion: Any) -> tuple[int, int]:
    """Give the best and the last epoch that the history should have led to."""
    train = [row["train_loss"] for row in net.history_]
    valid = [row["valid_loss"] for row in net.history_]
    last = stopping_epoch(criterion, train, valid) or net.max_epochs
    return int(np.argmin(valid[:last])) + 1, last


@pytest.mark.parametrize(
    "early_stopping", ["GL", ProgressQuotient(alpha=0.02), "UP"], ids=str
)
def test_a_net_stops_as_told_with_the_weights_of_the_lowest_loss(
    net: Any, early_stopping: Any
) -> None:
    X, y, X_val, y_val = data(net)
    stopped = clone(net).set_params(early_stopping=early_stopping)
    stopped.fit(X, y, X_val=X_val, y_val=y_val)
    whole = clone(net).fit(X, y, X_val=X_val, y_val=y_val)
    criterion = as_stopping_criterion(early_stopping)
    best, last = replay(whole, criterion)
    assert best < last < net.max_epochs
    assert (stopped.best_epoch_, stopped.n_iter_) == (best, last)
    assert stopped.history_ == whole.history_[:last]
    assert stopped.best_validation_score_ == stopped.validation_scores_[best - 1]
    short = clone(net).set_params(max_epochs=best)
    short.fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_weights(stopped, short)
    method = "predict_proba" if is_classifier(net) else "predict"
    assert np.array_equal(
        getattr(stopped, method)(X_val), getattr(short, method)(X_val)
    )
    # An object does what its name does.
    again = clone(net).set_params(early_stopping=criterion)
    assert_same_weights(again.fit(X, y, X_val=X_val, y_val=y_val), stopped)


@pytest.mark.parametrize("name", sorted(NAMED_CRITERIA))
def test_every_name_stops_a_net(name: str) -> None:
    net = clone(NETS[0]).set_params(early_stopping=name, max_epochs=60, random_state=2)
    X, y, X_val, y_val = data(net)
    net.fit(X, y, X_val=X_val, y_val=y_val)
    assert replay(net, NAMED_CRITERIA[name]) == (net.best_epoch_, net.n_iter_)
    assert net.n_iter_ < 60


def test_the_part_that_is_split_off_does_the_same(net: Any) -> None:
    X, y, _, _ = data(net)
    net.set_params(validation_fraction=0.4)
    flat = X.reshape(len(X), -1)
    left, y_left, _, (X_val, y_val, _) = hold_out(flat, y, None, 0.4, net.random_state)
    stopped = clone(net).set_params(early_stopping="GL").fit(X, y)
    assert stopped.n_iter_ < net.max_epochs
    short = clone(net).set_params(max_epochs=stopped.best_epoch_)
    short.fit(
        left.reshape(-1, 6, 6), y_left, X_val=X_val.reshape(-1, 6, 6), y_val=y_val
    )
    assert_same_weights(stopped, short)
    assert short.history_ == stopped.history_[: stopped.best_epoch_]


def test_loss_and_score_choose_different_epochs() -> None:
    net = clone(NETS[0]).set_params(max_epochs=40, random_state=2)
    X, y, X_val, y_val = data(net)
    by_loss = clone(net).set_params(early_stopping="UP")
    by_loss.fit(X, y, X_val=X_val, y_val=y_val)
    by_score = clone(net).set_params(early_stopping=True)
    by_score.fit(X, y, X_val=X_val, y_val=y_val)
    assert by_loss.best_epoch_ != by_score.best_epoch_
    assert by_score.best_validation_score_ == max(by_score.validation_scores_)
    assert by_loss.best_validation_score_ < max(by_loss.validation_scores_)
    losses = [row["valid_loss"] for row in by_loss.history_]
    assert losses[by_loss.best_epoch_ - 1] == min(losses)


def test_without_a_stop_max_epochs_ends_and_the_best_weights_come_back() -> None:
    net = clone(NETS[0]).set_params(max_epochs=25, random_state=2)
    X, y, X_val, y_val = data(net)
    never = clone(net).set_params(early_stopping=lambda train, valid: False)
    never.fit(X, y, X_val=X_val, y_val=y_val)
    assert never.n_iter_ == 25 > never.best_epoch_
    short = clone(net).set_params(max_epochs=never.best_epoch_)
    assert_same_weights(never, short.fit(X, y, X_val=X_val, y_val=y_val))


@pytest.mark.parametrize(("step", "best"), [(1e-30, 1), (1e-5, 6)])
def test_the_first_of_the_lowest_losses_is_the_best(step: float, best: int) -> None:
    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(
        early_stopping="UP", solver="sgd", learning_rate_init=step, max_epochs=6
    )
    net.set_params(random_state=0, dtype="float64")
    net.fit(X, y, X_val=X_val, y_val=y_val)
    losses = [row["valid_loss"] for row in net.history_]
    # Either all the same, or falling by next to nothing.
    assert max(losses) - min(losses) < 1e-3
    assert np.unique(losses).size == best
    assert net.best_epoch_ == best


def test_patience_and_tolerance_play_no_part_in_a_criterion() -> None:
    X, y, X_val, y_val = data(NETS[0])
    fits = [
        clone(NETS[0])
        .set_params(early_stopping="UP", random_state=0, n_iter_no_change=n, tol=tol)
        .fit(X, y, X_val=X_val, y_val=y_val)
        for n, tol in ((1, 10.0), (10, 1e-4))
    ]
    assert fits[0].n_iter_ == fits[1].n_iter_ >= 15
    assert_same_weights(*fits)


def test_own_criteria_see_all_losses_and_cannot_change_them() -> None:
    seen = []

    def own(train: list[float], valid: list[float]) -> Any:
        seen.append((tuple(train), tuple(valid)))
        train.clear()
        valid.clear()
        return np.bool_(len(seen) == 7)

    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(early_stopping=own, random_state=0)
    net.fit(X, y, X_val=X_val, y_val=y_val)
    assert net.n_iter_ == 7
    for t, (train, valid) in enumerate(seen, 1):
        assert list(train) == net.loss_curve_[:t]
        assert list(valid) == [row["valid_loss"] for row in net.history_[:t]]


def test_the_papers_full_rule_is_an_own_criterion() -> None:
    def prechelt(train: list[float], valid: list[float]) -> bool:
        converged = len(train) % 5 == 0 and training_progress(train) < 0.1
        return GeneralizationLoss(alpha=1e6)(train, valid) or converged

    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(
        early_stopping=prechelt, solver="sgd", learning_rate_init=1e-7, random_state=0
    )
    net.fit(X, y, X_val=X_val, y_val=y_val)
    assert net.n_iter_ == 5


@pytest.mark.parametrize("answer", [None, 1, 0.5, "yes"])
def test_an_own_criterion_must_answer_yes_or_no(answer: Any) -> None:
    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(early_stopping=lambda train, valid: answer)
    with pytest.raises(TypeError, match="True or False"):
        net.fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("bad", ["gl", "MAX", 3, None, 0.5, GeneralizationLoss, int])
def test_wrong_values_are_refused_and_leave_a_fitted_net_alone(
    net: Any, bad: Any
) -> None:
    X, y, X_val, y_val = data(net)
    net.set_params(max_epochs=2).fit(X, y)
    before = weights(net)
    with pytest.raises(ValueError, match="early_stopping"):
        net.set_params(early_stopping=bad).fit(X, y)
    with pytest.raises(ValueError, match="early_stopping"):
        net.fit(X, y, X_val=X_val, y_val=y_val)
    assert all(np.array_equal(v, before[k]) for k, v in weights(net).items())
    assert not hasattr(net, "best_epoch_")


@pytest.mark.parametrize(
    "early_stopping", ["GL", "PQ", SuccessiveRises(), lambda train, valid: False, True]
)
def test_partial_fit_refuses_early_stopping(net: Any, early_stopping: Any) -> None:
    X, y, _, _ = data(net)
    net.set_params(early_stopping=early_stopping)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        net.partial_fit(X, y)


def test_parameters_clone_print_and_search() -> None:
    criterion = SuccessiveRises(n_strips=1, strip_length=2)
    net = clone(NETS[0]).set_params(early_stopping=criterion, max_epochs=12)
    assert net.get_params()["early_stopping"] == criterion
    assert clone(net).early_stopping == criterion
    assert "early_stopping=SuccessiveRises(n_strips=1, strip_length=2)" in repr(net)
    X, y, _, _ = data(net)
    grid = [False, True, "GL", "UP", criterion, ProgressQuotient(alpha=0.1)]
    search = GridSearchCV(
        net.set_params(random_state=0), {"early_stopping": grid}, cv=2
    ).fit(X, y)
    assert search.best_params_["early_stopping"] in grid
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert [type(p["early_stopping"]) for p in search.cv_results_["params"]] == [
        type(value) for value in grid
    ]


@pytest.mark.parametrize("store", ["pickle", "skops"])
@pytest.mark.parametrize("early_stopping", ["GL", *CRITERIA], ids=str)
def test_a_stored_net_keeps_its_criterion(store: str, early_stopping: Any) -> None:
    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(early_stopping=early_stopping, random_state=0)
    net.fit(X, y, X_val=X_val, y_val=y_val)
    if store == "pickle":
        loaded = pickle.loads(pickle.dumps(net))
    else:
        sio = pytest.importorskip("skops.io")
        stored = sio.dumps(net)
        trusted = sio.get_untrusted_types(data=stored)
        assert all(name.startswith("skastro.") for name in trusted)
        loaded = sio.loads(stored, trusted=trusted)
    assert loaded.early_stopping == early_stopping
    assert loaded.best_epoch_ == net.best_epoch_
    assert_same_weights(loaded, net)
    assert_same_weights(loaded.fit(X, y, X_val=X_val, y_val=y_val), net)


class InterruptIn(Callback):
    """What Ctrl-C does in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        if len(net.history) == self.epoch:
            net.module_.register_forward_pre_hook(self.interrupt)

    @staticmethod
    def interrupt(module: torch.nn.Module, inputs: Any) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_leaves_the_best_weights() -> None:
    net = clone(NETS[0]).set_params(random_state=2)
    X, y, X_val, y_val = data(net)
    stopped = clone(net).set_params(
        early_stopping=SuccessiveRises(n_strips=50), callbacks=[InterruptIn(22)]
    )
    with pytest.warns(UserWarning, match="interrupted"):
        stopped.fit(X, y, X_val=X_val, y_val=y_val)
    assert stopped.n_iter_ == 21 > stopped.best_epoch_
    short = clone(net).set_params(max_epochs=stopped.best_epoch_)
    assert_same_weights(stopped, short.fit(X, y, X_val=X_val, y_val=y_val))


def test_a_warm_start_counts_its_own_epochs() -> None:
    net = clone(NETS[0]).set_params(
        early_stopping="UP", warm_start=True, random_state=2
    )
    X, y, X_val, y_val = data(net)
    net.fit(X, y, X_val=X_val, y_val=y_val)
    first = net.n_iter_
    net.fit(X, y, X_val=X_val, y_val=y_val)
    assert net.n_iter_ - first >= 15
    second = [row["valid_loss"] for row in net.history_[first:]]
    assert net.best_epoch_ == first + int(np.argmin(second)) + 1
    assert (net.n_iter_ - first) % 5 == 0


def test_callbacks_are_told_of_the_last_epoch() -> None:
    told = []

    class Listener(Callback):
        def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
            told.append(net.history[-1, "valid_score"])

    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(early_stopping="GL", random_state=0)
    net.set_params(callbacks=[Listener()]).fit(X, y, X_val=X_val, y_val=y_val)
    assert told == net.validation_scores_
    assert len(told) == net.n_iter_ < net.max_epochs


def test_the_schedule_is_still_planned_over_max_epochs() -> None:
    rates = []

    class Spy(Callback):
        def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
            rates.append(net.optimizer_.param_groups[0]["lr"])

    X, y, X_val, y_val = data(NETS[0])
    net = clone(NETS[0]).set_params(
        learning_rate="cosine", max_epochs=60, random_state=2, callbacks=[Spy()]
    )
    clone(net).fit(X, y, X_val=X_val, y_val=y_val)
    whole = rates.copy()
    rates.clear()
    net.set_params(early_stopping="UP").fit(X, y, X_val=X_val, y_val=y_val)
    assert net.net_.max_epochs == 60
    assert len(rates) == net.n_iter_ < 60
    assert rates == whole[: net.n_iter_]


def test_a_held_out_part_without_weight_is_judged_without_weights() -> None:
    """All its weights are zero: its weighted loss would be 0 / 0."""
    X, y, _, _ = data(NETS[0])
    rows = np.arange(len(X), dtype=float)[:, None]
    held = hold_out(rows, y, None, 0.1, 0)[3][0].astype(int).ravel()
    weight = np.ones(len(y))
    weight[held] = 0
    net = clone(NETS[0]).set_params(early_stopping="UP", random_state=0)
    net.fit(X, y, sample_weight=weight)
    losses = [row["valid_loss"] for row in net.history_]
    assert np.isfinite(losses).all()
    assert net.best_epoch_ == int(np.argmin(losses)) + 1
    # The rows without weight are not in the training part: nothing else changes.
    plain = clone(net).fit(X, y)
    np.testing.assert_allclose(losses, [row["valid_loss"] for row in plain.history_])


def test_validation_weights_count_in_the_loss() -> None:
    X, y, _, _ = data(NETS[0])
    doubled, wrong = np.r_[X, X], np.r_[y, 1 - y]
    weight = np.r_[np.ones(len(y)), np.zeros(len(y))]
    net = clone(NETS[0]).set_params(early_stopping="UP", random_state=0)
    net.fit(doubled, wrong, sample_weight=weight)
    assert net.history_[net.best_epoch_ - 1]["valid_loss"] < math.log(2)


@pytest.mark.parametrize("scale", [1e30, 3e37])
@pytest.mark.parametrize("early_stopping", ["GL", lambda train, valid: False])
def test_a_validation_loss_that_is_no_number_says_so(
    early_stopping: Any, scale: float
) -> None:
    net = DenseRegressor(early_stopping=early_stopping, max_epochs=3, random_state=0)
    X = np.random.default_rng(0).normal(size=(30, 4)).astype("f4")
    far = (X * scale).astype("f4")
    assert np.isfinite(far).all()
    with pytest.raises(ValueError, match=r"validation loss.* epoch 1 is (inf|nan)"):
        net.fit(X, X[:, 0], X_val=far, y_val=X[:, 0])
