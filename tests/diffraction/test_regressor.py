from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PairMixer,
    all_pairs,
    training_memory,
)
from skastro.diffraction._direction_loss import (
    AbsoluteError,
    AssignedDistance,
    best_assignment,
)
from skastro.model_selection._single_run import read_single_run
from skastro.model_selection._study.preparation import n_epochs
from skastro.utils import fold_directions, trusted_types

SIMULATOR = KinematicSimulator(shape=(40, 40), spot_sigma=0.8, max_g=1.0)
SMALL: dict[str, Any] = {"filters": (24,), "dense_layer_sizes": (32,)}
THESIS: dict[str, Any] = {
    "layout": "thesis",
    "filters": (3, 4),
    "dense_layer_sizes": (8,),
}


@pytest.fixture(scope="module")
def pool() -> Any:
    bunch = make_diffraction_patterns(30, simulator=SIMULATOR, random_state=0)
    mixer = PairMixer(bunch.data, bunch.target)
    pairs = all_pairs(30)
    return mixer, pairs, mixer.labels(pairs)


def net(**parameters: Any) -> DiffractionOrientationRegressor:
    return DiffractionOrientationRegressor(
        **{**SMALL, "max_epochs": 2, "random_state": 0, **parameters}
    )


def weights(estimator: Any, part: str) -> list[np.ndarray]:
    module = getattr(estimator.module_, part)
    return [p.detach().numpy().copy() for p in module.parameters()]


# Losses


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_loss_does_not_see_the_order(k: int) -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(20, k, 3, generator=generator)
    output = torch.randn(20, 4 * k, generator=generator) / 2
    loss = AssignedDistance(k)
    first = loss(output, y.flatten(1))
    predicted = output[:, : 3 * k].view(20, k, 3)
    scale = output[:, 3 * k :]
    for order in permutations(range(k)):
        torch.testing.assert_close(loss(output, y[:, order].flatten(1)), first)
        moved = torch.cat([predicted[:, order].flatten(1), scale[:, order]], dim=1)
        torch.testing.assert_close(loss(moved, y.flatten(1)), first)
    # By hand: the least sum of distances, and log s + e / s.
    table = (predicted[:, :, None] - y[:, None]).norm(dim=3)
    for row in range(20):
        sums = {
            order: sum(float(table[row, i, j]) for i, j in enumerate(order))
            for order in permutations(range(k))
        }
        order = min(sums, key=sums.__getitem__)
        expected = sums[order]
        for i, j in enumerate(order):
            s = float(scale[row, i].exp())
            expected += 0.1 * (np.log(s) + float(table[row, i, j]) / s)
        assert float(first[row]) == pytest.approx(expected, rel=1e-5)
        best = best_assignment(
            predicted[row].reshape(1, -1), y[row].reshape(1, -1), k
        ).view(k, 3)
        assert float((best - y[row]).norm(dim=1).sum()) == pytest.approx(sums[order])


def test_expected_errors_do_not_move_the_directions() -> None:
    output = torch.randn(5, 8, requires_grad=True)
    y = torch.randn(5, 6)
    AssignedDistance(2)(output, y).sum().backward()
    with_errors = output.grad[:, :6].clone()
    output.grad = None
    AssignedDistance(2)(output[:, :6], y).sum().backward()
    torch.testing.assert_close(output.grad[:, :6], with_errors)


def test_loss_of_a_perfect_prediction_has_a_finite_gradient() -> None:
    y = torch.randn(5, 6)
    output = y.clone().requires_grad_()
    AssignedDistance(2)(output, y).sum().backward()
    assert torch.isfinite(output.grad).all()


def test_loss_of_the_thesis_is_summed_over_heads() -> None:
    loss = AbsoluteError()(torch.zeros(1, 6), torch.tensor([[1.0, -2, 3, -4, 5, -6]]))
    assert loss.tolist() == [21]


# The thesis


def test_thesis_recipe(pool: Any) -> None:
    mixer, pairs, y = pool
    estimator = net(mixer=mixer, **THESIS).fit(pairs, y)
    optimizer = estimator.net_.optimizer_
    assert type(optimizer).__name__ == "Adadelta"
    group = optimizer.param_groups[0]
    assert (group["lr"], group["rho"], group["eps"]) == (1.0, 0.95, 1e-7)
    assert estimator._batch_size(10_000) == 128
    assert isinstance(estimator.net_.criterion_, AbsoluteError)
    one = net(**THESIS).fit(mixer.read(np.arange(30)), mixer.directions)
    assert one._batch_size(10_000) == 16
    assert estimator.module_.head.out_features == 6
    # Raw outputs: neither of unit length nor folded.
    length = np.linalg.norm(estimator.predict(pairs).reshape(-1, 3), axis=1)
    assert np.abs(length - 1).max() > 0.01


def test_defaults_of_the_thesis_give_its_net() -> None:
    estimator = DiffractionOrientationRegressor(layout="thesis")
    estimator.n_outputs_, estimator.n_directions_ = 6, 2
    estimator.input_shape_ = (1, 224, 224)
    with torch.device("meta"):
        module = estimator._module_class(**estimator._module_config((1, 224, 224)))
    assert sum(p.numel() for p in module.parameters()) == 102_958_822


def test_memory_rule_of_the_thesis() -> None:
    assert training_memory(6_273_542, 128, 102_958_822) == pytest.approx(7.25, abs=0.01)


def test_best_validation_epoch_is_restored(pool: Any) -> None:
    mixer, pairs, y = pool
    parameters = {**THESIS, "mixer": mixer, "learning_rate_init": 3.0, "max_epochs": 6}
    run = {"early_stopping": True, "n_iter_no_change": 6}
    estimator = net(**parameters, **run)
    estimator.fit(pairs[:300], y[:300], X_val=pairs[300:], y_val=y[300:])
    assert estimator.n_iter_ == 6
    error = np.abs(estimator.predict(pairs[300:]) - y[300:])
    both = error[:, :3].sum(axis=1).mean() + error[:, 3:].sum(axis=1).mean()
    assert both == pytest.approx(-estimator.best_validation_score_, rel=1e-5)
    assert both == pytest.approx(-max(estimator.validation_scores_), rel=1e-5)


def test_thesis_keeps_the_best_epoch_by_default(pool: Any) -> None:
    mixer, pairs, y = pool
    # A step that is too long: the last epoch is not the best one.
    parameters = {**THESIS, "mixer": mixer, "learning_rate_init": 3.0, "max_epochs": 12}
    X_val, y_val = pairs[300:], y[300:]
    estimator = net(**parameters).fit(pairs[:300], y[:300], X_val=X_val, y_val=y_val)
    assert len(estimator.validation_scores_) == estimator.n_iter_ == 12
    assert estimator.best_epoch_ < 12
    error = np.abs(estimator.predict(X_val) - y_val).mean(axis=0).sum()
    assert error == pytest.approx(-max(estimator.validation_scores_), rel=1e-5)
    assert read_single_run(estimator).restored
    # Without validation data, a fifth is kept apart.
    own = net(**parameters).fit(pairs, y)
    said = {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 12}
    same = net(**parameters, **said).fit(pairs, y)
    assert own.validation_scores_ == same.validation_scores_
    assert np.array_equal(own.predict(pairs), same.predict(pairs))
    assert not hasattr(
        net(**parameters, early_stopping=False).fit(pairs, y), "best_epoch_"
    )


def test_compact_and_flat_rows_keep_nothing_apart(pool: Any) -> None:
    mixer, pairs, y = pool
    compact = net(mixer=mixer).fit(pairs, y)
    assert not hasattr(compact, "validation_scores_")
    images = mixer.read(np.arange(30)).reshape(30, -1)
    flat = net(**THESIS).fit(images, mixer.directions)
    assert not hasattr(flat, "validation_scores_")
    # Other numbers of the recipe count where early stopping is asked for.
    stopped = net(mixer=mixer, early_stopping=True)
    assert stopped._recipe("n_iter_no_change") == 10
    assert stopped._recipe("validation_fraction") == 0.1
    # Single epochs take the default; what is said is refused.
    net(**THESIS, mixer=mixer).partial_fit(pairs, y)
    with pytest.raises(ValueError, match="partial_fit does not support"):
        net(**THESIS, mixer=mixer, early_stopping=True).partial_fit(pairs, y)
    assert [n_epochs(net()), n_epochs(net(**THESIS))] == [2, None]


@pytest.mark.parametrize("layout", ["thesis", "compact"])
@pytest.mark.parametrize("part", ["conv", "dense", "head"])
def test_frozen_parts_stay(pool: Any, layout: str, part: str) -> None:
    mixer, pairs, y = pool
    own = THESIS if layout == "thesis" else SMALL
    # A constant step size: the training goes on after max_epochs.
    estimator = net(mixer=mixer, learning_rate="constant", alpha=0.1, **own)
    estimator.partial_fit(pairs[:200], y[:200])
    before = {p: weights(estimator, p) for p in ("conv", "dense", "head")}
    estimator.set_params(freeze=(part,)).partial_fit(pairs[200:], y[200:])
    estimator.set_params(warm_start=True).fit(pairs[200:], y[200:])
    for name, old in before.items():
        new = weights(estimator, name)
        same = [np.array_equal(a, b) for a, b in zip(old, new, strict=True)]
        assert all(same) if name == part else not any(same)
    estimator.set_params(freeze=[]).partial_fit(pairs[200:], y[200:])
    assert not np.array_equal(weights(estimator, part)[0], before[part][0])


def test_frozen_features_stay_to_the_bit(pool: Any) -> None:
    mixer, pairs, y = pool
    images = mixer(pairs)

    def seen(estimator: Any) -> np.ndarray:
        module, batch = estimator.module_, torch.from_numpy(images)[:, None]
        with torch.no_grad():
            return module.norm(module.correlations(batch)[:, :, None, None]).numpy()

    estimator = net(mixer=mixer, learning_rate="constant").fit(pairs[:200], y[:200])
    before = seen(estimator)
    estimator.set_params(freeze=("conv",)).partial_fit(pairs[200:], y[200:])
    assert np.array_equal(seen(estimator), before)
    embedded = estimator.embed(images)
    estimator.set_params(freeze=("conv", "dense")).partial_fit(pairs[200:], y[200:])
    assert np.array_equal(estimator.embed(images), embedded)
    estimator.set_params(freeze=("dense",)).partial_fit(pairs[200:], y[200:])
    assert not np.array_equal(seen(estimator), before)
    # Frozen from the start: the scale of the training samples.
    start = seen(net(mixer=mixer, freeze=("conv",)).fit(pairs, y))
    np.testing.assert_allclose(start.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(start.std(axis=0), 1, atol=0.05)


@pytest.mark.parametrize("freeze", [("conv", "dense", "head"), ("convolution",)])
def test_freezing_all_or_nothing_known_is_refused(pool: Any, freeze: Any) -> None:
    mixer, pairs, y = pool
    with pytest.raises(ValueError, match="freeze must leave"):
        net(mixer=mixer, freeze=freeze).fit(pairs, y)


# The compact net


def test_compact_predicts_folded_unit_vectors(pool: Any) -> None:
    mixer, pairs, y = pool
    estimator = net(mixer=mixer, max_epochs=20).fit(pairs, y)
    predicted = estimator.predict(pairs).reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.norm(predicted, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(fold_directions(predicted), predicted, atol=1e-6)
    # Better than any constant, and the score does not depend on order or equivalents.
    score = estimator.score(pairs, y)
    assert score > 0.4
    assert estimator.score(pairs, -y[:, [3, 4, 5, 0, 1, 2]]) == pytest.approx(score)


def test_equivalent_labels_train_the_same_net(pool: Any) -> None:
    mixer, pairs, y = pool
    one = net(mixer=mixer).fit(pairs, y).predict(pairs)
    turned = y.reshape(-1, 3)[:, [1, 0, 2]] * [1, -1, -1]
    other = net(mixer=mixer).fit(pairs, turned.reshape(y.shape)).predict(pairs)
    np.testing.assert_allclose(one, other, atol=1e-5)
    cubic = net(mixer=mixer, laue_group="m-3m").fit(pairs, y).predict(pairs)
    vectors = cubic.reshape(-1, 3)
    np.testing.assert_allclose(fold_directions(vectors, "m-3m"), vectors, atol=1e-6)


def test_expected_errors_rank_the_predictions(pool: Any) -> None:
    mixer, pairs, y = pool
    estimator = net(mixer=mixer, max_epochs=5).fit(pairs, y)
    error = estimator.predict_error(pairs)
    assert error.shape == (len(pairs), 2)
    assert ((error > 0) & (error <= 180)).all()
    assert np.array_equal(estimator.predict_reliability(pairs), -error.max(axis=1))
    assert not hasattr(net(mixer=mixer, **THESIS).fit(pairs, y), "predict_error")
    thesis = net(mixer=mixer, **THESIS, loss="pit").fit(pairs, y)
    assert thesis.predict_error(pairs).shape == (len(pairs), 2)


def test_in_plane_rotation_changes_nothing() -> None:
    simulator = KinematicSimulator(shape=(112, 112))
    u = np.random.default_rng(0).normal(size=(12, 3))
    y = u / np.linalg.norm(u, axis=1, keepdims=True)
    estimator = net(max_epochs=1).fit(simulator.images(y, 0.0), y)

    def seen(directions: np.ndarray, angle: float) -> np.ndarray:
        images = torch.from_numpy(simulator.images(directions, angle))[:, None]
        return estimator.module_.correlations(images).detach().numpy()

    still = seen(y, 0.0)
    # -u gives the mirror image; turned ones differ by their pixels only.
    for other in (seen(y, np.pi / 3), seen(-y, 0.9)):
        assert np.abs(other - still).max() < 0.1
        assert np.corrcoef(other.ravel(), still.ravel())[0, 1] > 0.99
    # The filters started at the patterns.
    assert np.ptp(still, axis=1).min() > 0.4


def test_augmentation_does_not_mirror_unfolded_labels() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3).repeat(200, 1, 1, 1)
    for group, handed in (("4/mmm", False), (None, True)):
        estimator = net(augment="symmetry", laue_group=group)
        estimator.n_directions_, estimator.laue_group_ = 1, group
        out = estimator._augmentation()(image, torch.Generator().manual_seed(0))
        # Anticlockwise neighbours of the corner 0 keep their sense unless mirrored.
        kinds = {tuple(i.flatten().tolist()) for i in out}
        assert len(kinds) == (4 if handed else 8)


def test_a_fitted_net_folds_as_it_was_trained(pool: Any) -> None:
    mixer, pairs, y = pool
    estimator = net(mixer=mixer, learning_rate="constant").fit(pairs, y)
    expected, score = estimator.predict(pairs), estimator.score(pairs, y)
    assert estimator.laue_group_ == "4/mmm"
    estimator.set_params(laue_group="m-3m")
    assert np.array_equal(estimator.predict(pairs), expected)
    assert estimator.score(pairs, y) == score
    with pytest.raises(ValueError, match="laue_group='4/mmm' and cannot go on"):
        estimator.partial_fit(pairs, y)
    estimator.set_params(laue_group="4/mmm").partial_fit(pairs, y)
    with pytest.raises(ValueError, match="cannot go on with None"):
        estimator.set_params(laue_group=None).partial_fit(pairs, y)


def test_the_mixer_may_name_the_group(pool: Any) -> None:
    mixer, pairs, y = pool
    cubic = PairMixer(mixer.read(np.arange(30)), mixer.directions, laue_group="m-3m")
    by_mixer = net(mixer=cubic, learning_rate="constant").fit(pairs, y)
    said = net(mixer=mixer, learning_rate="constant", laue_group="m-3m").fit(pairs, y)
    assert by_mixer.laue_group_ == "m-3m"
    expected = said.predict(pairs)
    assert np.array_equal(by_mixer.predict(pairs), expected)
    own = net(mixer=cubic, laue_group="4/mmm").fit(pairs, y)
    assert own.laue_group_ == "4/mmm"
    # It goes on so without the mixer.
    by_mixer.set_params(mixer=None).partial_fit(mixer(pairs), y)
    folded = by_mixer.predict(mixer(pairs)).reshape(-1, 3)
    np.testing.assert_allclose(fold_directions(folded, "m-3m"), folded, atol=1e-6)
    assert net(mixer=cubic, **THESIS).fit(pairs, y).laue_group_ is None


# Pairs


def test_pairs_are_the_images_that_they_stand_for(pool: Any) -> None:
    mixer, pairs, y = pool
    estimator = net(mixer=mixer, learning_rate="constant").fit(pairs, y)
    from_pairs = estimator.predict(pairs)
    assert estimator.n_features_in_ == 2
    assert estimator.input_shape_ == (1, 40, 40)
    images = mixer(pairs)
    assert np.array_equal(estimator.predict(images), from_pairs)
    assert np.array_equal(estimator.predict(images[:, None]), from_pairs)
    assert np.array_equal(estimator.predict(pairs.astype(float)), from_pairs)
    # To be stored without the singles.
    alone = pickle.loads(pickle.dumps(clone(estimator).fit(pairs, y)))
    alone.set_params(mixer=None)
    assert np.array_equal(alone.predict(images), from_pairs)
    assert alone.partial_fit(images, y).n_iter_ == 3
    with pytest.raises(ValueError, match="fitted on images of shape"):
        estimator.predict(images[:, 1:])
    with pytest.raises(ValueError, match="features"):
        estimator.predict(pairs[:, :1])
    with pytest.raises(ValueError, match="0 to 29"):
        estimator.predict(pairs + 1)
    images[3, 4, 5] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        estimator.predict(images)
    with pytest.raises(ValueError, match="must be indices"):
        net(mixer=mixer).fit(mixer(pairs), y)


def test_pairs_train_as_images_do(pool: Any) -> None:
    mixer, pairs, y = pool
    # The compact net starts at singles or at mixtures; the thesis's does not.
    mixed = net(mixer=mixer, **THESIS).fit(pairs, y).predict(pairs)
    ready = net(**THESIS).fit(mixer(pairs), y).predict(mixer(pairs))
    assert np.array_equal(mixed, ready)


def test_nothing_leaks_from_patterns_out_of_training(pool: Any) -> None:
    mixer, pairs, y = pool
    train = (pairs < 20).all(axis=1)
    patterns = mixer.read(np.arange(30))
    spoiled = patterns.copy()
    spoiled[20:] = spoiled[20:, ::-1] * 3 + 1
    one = net(mixer=mixer).fit(pairs[train], y[train])
    other = net(mixer=PairMixer(spoiled)).fit(pairs[train], y[train])
    assert np.array_equal(one.predict(patterns), other.predict(patterns))


def test_seeded_to_the_bit_and_stored(pool: Any) -> None:
    mixer, pairs, y = pool
    estimator = net(mixer=mixer, augment="rotation").fit(pairs, y)
    expected = estimator.predict(pairs)
    assert np.array_equal(clone(estimator).fit(pairs, y).predict(pairs), expected)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(loaded.predict(pairs), expected)
    assert np.array_equal(loaded.predict_error(pairs), estimator.predict_error(pairs))
    sio = pytest.importorskip("skops.io")
    stored = sio.dumps(estimator)
    trusted = sio.get_untrusted_types(data=stored)
    # skops before 0.16 asks for numpy.dtype too.
    others = {name for name in trusted if not name.startswith("skastro.")}
    assert others <= set(trusted_types())
    loaded = sio.loads(stored, trusted=trusted)
    assert np.array_equal(loaded.predict(pairs), expected)


def test_grid_search_over_pairs(pool: Any) -> None:
    mixer, pairs, y = pool
    search = GridSearchCV(
        net(mixer=mixer, max_epochs=1),
        {"learning_rate_init": [1e-3, 4e-3], "augment": [None, "symmetry"]},
        cv=2,
        error_score="raise",
    ).fit(pairs, y)
    assert search.best_estimator_.mixer is mixer
    assert search.predict(pairs).shape == y.shape


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a program's peak"
)
def test_all_pairs_of_a_thousand_train_in_a_gibibyte() -> None:
    code = """
import numpy as np
from skorch.callbacks import Callback
from skastro.diffraction import DiffractionOrientationRegressor, PairMixer, all_pairs

class Stop(Callback):
    seen = 0
    def on_batch_end(self, net, **kwargs):
        self.seen += 1
        if self.seen == 3:
            raise KeyboardInterrupt

rng = np.random.default_rng(0)
patterns = rng.integers(0, 255, size=(1000, 224, 224), dtype=np.uint8)
u = rng.normal(size=(1000, 3))
mixer = PairMixer(patterns, u / np.linalg.norm(u, axis=1, keepdims=True))
X = all_pairs(1000)
net = DiffractionOrientationRegressor(
    mixer=mixer, max_epochs=1, callbacks=[Stop()], random_state=0)
net.fit(X, mixer.labels(X))
# Of this program alone: getrusage would give the peak of its parent, if larger.
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(int(line.split()[1]) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1024


# Targets


@pytest.mark.parametrize("width", [2, 3, 5, 6])
def test_other_targets_have_a_plain_head(width: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = X @ rng.normal(size=(4, width)) * 3
    estimator = DiffractionOrientationRegressor(max_epochs=60, random_state=0)
    assert estimator.fit(X, y).n_directions_ == 0
    assert estimator.predict(X).shape == y.shape
    assert estimator.score(X, y) > 0.95
    assert not hasattr(estimator, "predict_error")


def test_three_directions(pool: Any) -> None:
    mixer, _, _ = pool
    three = PairMixer(mixer.read(np.arange(30)), mixer.directions, weights="equal")
    rows = np.random.default_rng(0).integers(30, size=(50, 3))
    estimator = net(mixer=three, n_directions=3).fit(rows, three.labels(rows))
    assert estimator.predict(rows).shape == (50, 9)
    assert estimator.predict_error(rows).shape == (50, 3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_directions": 1}, "needs y of 3 columns, got 6"),
        ({"n_directions": 5}, "at most 4"),
        ({"loss": "pit", "n_directions": 0}, "needs y of directions"),
        ({"laue_group": "5/m"}, "laue_group must be"),
        ({"filters": (8, 8)}, "filters must be one"),
        ({"layout": "thesis", "filters": ()}, "filters must be positive"),
        ({"dense_layer_sizes": (0,)}, "dense_layer_sizes"),
        ({"mixer": 3}, "mixer"),
        ({"augment": "blur"}, "augment"),
    ],
)
def test_bad_parameters_are_refused(parameters: dict, message: str) -> None:
    y = np.tile([1.0, 0, 0, 0, 0, 1], (20, 1))
    X = np.random.default_rng(0).uniform(size=(20, 8, 8))
    with pytest.raises(ValueError, match=message):
        net(**parameters).fit(X, y)


def test_labels_of_another_length_are_refused() -> None:
    X = np.random.default_rng(0).uniform(size=(20, 8, 8))
    y = np.tile([1.0, 0, 0], (20, 1))
    y[4] *= 1.03
    with pytest.raises(ValueError, match="1 of 20 rows do not, the first at row 4"):
        net(n_directions=1).fit(X, y)
    assert net(**THESIS, n_directions=1).fit(X, y).n_directions_ == 1


@pytest.mark.parametrize("width", [3, 6])
def test_indices_for_directions_are_warned_of(width: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(20, 8, 8))
    uvw = rng.integers(-3, 4, size=(20, width)) + 0.5
    with pytest.warns(UserWarning, match="20 of 20 rows .*uvw_to_cartesian") as caught:
        estimator = net().fit(X, uvw)
    assert caught[0].filename == __file__
    assert estimator.n_directions_ == 0
    # Warnings are errors: none of these warns.
    net(n_directions=0).fit(X, uvw)
    net().fit(X.reshape(20, -1), uvw)
    net().fit(X, uvw[:, :2])


def test_rounded_labels_are_directions() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(20, 8, 8))
    u = rng.normal(size=(20, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    rounded = u.round(2)
    assert np.abs(np.linalg.norm(rounded, axis=1) - 1).max() > 2e-3
    estimator = net().fit(X, rounded)
    assert estimator.n_directions_ == 1
    exact = rounded / np.linalg.norm(rounded, axis=1, keepdims=True)
    other = net().fit(X, exact)
    np.testing.assert_allclose(estimator.predict(X), other.predict(X), atol=1e-6)
    # The thesis's net has labels of length one, too.
    own = net(**THESIS)
    own.input_shape_ = (1, 8, 8)
    np.testing.assert_allclose(own._encode_target(rounded, first=True), exact)
    rounded[3] *= 1.05
    with pytest.warns(UserWarning, match="1 of 20 rows"):
        assert net().fit(X, rounded).n_directions_ == 0
