from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    Crystal,
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PairMixer,
    SpotEraser,
    TemplateMatcher,
    TwoStageOrientationRegressor,
    all_pairs,
)
from skastro.diffraction._two_stage_data import tilted
from skastro.diffraction._two_stage_heads import as_heads
from skastro.metrics import direction_angle, direction_l1
from skastro.utils import fold_directions

N = 60
SMALL = KinematicSimulator("anatase", shape=(48, 48), spot_sigma=0.8)
QUICK = {"filters": (24,), "max_epochs": 3, "random_state": 0}


class Perturbed(RegressorMixin, BaseEstimator):
    """Knows the labels of the images that it was fitted on, up to an error."""

    def __init__(self, errors: tuple[float, float] = (1.0, 8.0)) -> None:
        self.errors = errors

    def fit(self, X: Any, y: Any) -> Perturbed:
        self.keys_ = self.key(X)
        rng = np.random.RandomState(0)
        u = np.asarray(y).reshape(-1, 2, 3)
        bad = rng.randint(2, size=len(u))
        axis = np.cross(u, rng.normal(size=u.shape))
        axis /= np.linalg.norm(axis, axis=2, keepdims=True)
        degrees = np.where(bad[:, None] == [0, 1], self.errors[1], self.errors[0])
        angle = np.radians(degrees)[..., None]
        u = np.cos(angle) * u + np.sin(angle) * axis
        self.better_ = 1 - bad
        self.known_ = fold_directions(u, "4/mmm").reshape(-1, 6)
        return self

    def key(self, X: Any) -> np.ndarray:
        flat = np.asarray(X).reshape(len(X), -1)
        return flat @ np.random.RandomState(1).rand(flat.shape[1])

    def rows(self, X: Any) -> np.ndarray:
        return np.abs(self.key(X)[:, None] - self.keys_).argmin(axis=1)

    def predict(self, X: Any) -> np.ndarray:
        return self.known_[self.rows(X)]

    def predict_error(self, X: Any) -> np.ndarray:
        better = self.better_[self.rows(X)]
        return np.where(better[:, None] == [0, 1], *self.errors)


@pytest.fixture(scope="module")
def mixtures() -> tuple[np.ndarray, np.ndarray]:
    return make_diffraction_patterns(N, n_directions=2, return_X_y=True, random_state=3)


@pytest.fixture(scope="module")
def small() -> tuple[np.ndarray, np.ndarray]:
    return make_diffraction_patterns(
        40, n_directions=2, simulator=SMALL, return_X_y=True, random_state=3
    )


@pytest.fixture(scope="module")
def perturbed(mixtures: Any) -> TwoStageOrientationRegressor:
    second = TemplateMatcher(refine=False)
    return TwoStageOrientationRegressor(Perturbed(), second, random_state=0).fit(
        *mixtures
    )


def kept_angle(y: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """From the nearer of both true directions, in degrees."""
    both = [direction_angle(y[:, i : i + 3], kept)[:, 0] for i in (0, 3)]
    return np.minimum(*both)


def best_head(model: Any, y: np.ndarray) -> np.ndarray:
    """Which head is nearer to a true direction."""
    known = model.first_.known_
    heads = [kept_angle(y, known[:, i : i + 3]) for i in (0, 3)]
    best = np.argmin(heads, axis=0)
    assert (best == model.first_.better_).mean() > 0.9
    return best


# Those of the default are in test_common.
@parametrize_with_checks([TwoStageOrientationRegressor(LinearRegression())])
def test_sklearn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_resimulate_finds_the_better_head(perturbed: Any, mixtures: Any) -> None:
    X, _ = mixtures
    kept, head = perturbed.kept_direction(X)
    assert set(head) == {0, 1}
    assert (head == perturbed.first_.better_).mean() > 0.9
    hard = clone(perturbed).set_params(first__errors=(2.0, 6.0)).fit(*mixtures)
    assert (hard.kept_direction(X)[1] == best_head(hard, mixtures[1])).mean() > 0.9
    assert kept.shape == (N, 3)
    assert np.array_equal(kept[head == 1], perturbed.first_.known_[head == 1, 3:])


def test_oracle_is_best_and_resimulate_better_than_first(
    perturbed: Any, mixtures: Any
) -> None:
    X, y = mixtures
    folded = fold_directions(y.reshape(-1, 2, 3), "4/mmm").reshape(-1, 6)
    errors = {"oracle": perturbed.kept_direction_oracle(X, y)[0]}
    for selector in ("resimulate", "reliability", "first"):
        errors[selector] = perturbed.set_params(selector=selector).kept_direction(X)[0]
    perturbed.set_params(selector="resimulate")
    mean = {k: kept_angle(folded, u).mean() for k, u in errors.items()}
    assert mean["oracle"] <= mean["resimulate"] + 1e-9
    assert mean["resimulate"] < 0.6 * mean["first"]
    assert mean["reliability"] == pytest.approx(mean["oracle"], abs=0.05)
    assert mean["oracle"] == pytest.approx(1.0, abs=0.05)
    l1 = [direction_l1(folded[:, :3], errors[k][:, :3])[0] for k in ("oracle", "first")]
    assert np.isfinite(l1).all()


def test_the_second_stage_finds_the_other_direction(mixtures: Any) -> None:
    """The first stage knows one direction, and nothing of the other."""
    X, y = mixtures
    first, second = Perturbed((0.2, 25.0)), TemplateMatcher(refine=False)
    model = TwoStageOrientationRegressor(first, second).fit(X, y)
    before = direction_angle(y, model.first_.predict(X)).max(axis=1)
    after = direction_angle(y, model.predict(X)).max(axis=1)
    assert np.median(before) > 15
    assert np.median(after) < 2.5
    assert (after < 3).mean() > 0.8
    # Kept first, then the other.
    _, head = model.kept_direction(X)
    own = y.reshape(-1, 2, 3)[np.arange(N), head]
    angle = direction_angle(own, model.predict(X)[:, :3])
    assert np.median(angle) < 0.3


def test_two_matchers_are_a_matcher_of_two(mixtures: Any) -> None:
    X, y = mixtures
    one = TemplateMatcher(refine=False)
    pair = TemplateMatcher(refine=False, n_matches=2).fit(X)
    theirs = np.sort(direction_angle(y, pair.predict(X)))
    for first in (one, pair):
        model = TwoStageOrientationRegressor(first, one).fit(X)
        ours = np.sort(direction_angle(y, model.predict(X)))
        assert np.median(ours[:, 1]) < 1.2 * np.median(theirs[:, 1])
        assert (ours[:, 1] < 5).mean() >= (theirs[:, 1] < 5).mean() - 0.02
        assert model.score(X, y) > 0.95
    assert set(model.set_params(selector="reliability").kept_direction(X)[1]) == {0, 1}


def test_oracle_only_by_its_own_methods(perturbed: Any, mixtures: Any) -> None:
    X, y = mixtures
    oracle = pickle.loads(pickle.dumps(perturbed)).set_params(selector="oracle")
    for method in (oracle.predict, oracle.kept_direction):
        with pytest.raises(ValueError, match="call predict_oracle"):
            method(X)
    predicted = oracle.predict_oracle(X, y)
    kept, head = oracle.kept_direction_oracle(X, y)
    assert np.array_equal(predicted[:, :3], kept)
    assert np.array_equal(head, best_head(perturbed, y))
    with pytest.raises(ValueError, match="y must have shape"):
        oracle.predict_oracle(X, y[:, :3])


def test_ordered_oracle_compares_as_they_are(perturbed: Any, mixtures: Any) -> None:
    X, y = mixtures
    known = perturbed.first_.known_.reshape(-1, 2, 3)
    _, head = perturbed.kept_direction_oracle(X, y, ordered=True)
    errors = np.abs(known - y.reshape(-1, 2, 3)).sum(axis=2)
    assert np.array_equal(head, errors.argmin(axis=1))
    # Folded, the order of the labels does not matter.
    swapped = np.roll(y, 3, axis=1)
    _, head = perturbed.kept_direction_oracle(X, swapped)
    assert np.array_equal(head, best_head(perturbed, y))


class Recorder(RegressorMixin, BaseEstimator):
    """Keeps what it was fitted on."""

    def fit(self, X: Any, y: Any) -> Recorder:
        self.X_, self.y_ = X, y
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.tile([0.0, 0.0, 1.0], (len(X), 1))


def test_the_second_stage_learns_from_remainders(small: Any) -> None:
    X, y = small
    model = TwoStageOrientationRegressor(Perturbed(), Recorder(), simulator=SMALL)
    seen = model.fit(X, y).second_
    assert np.array_equal(seen.y_[0::2], y[:, 3:])
    assert np.array_equal(seen.y_[1::2], y[:, :3])
    rest = SpotEraser(SMALL).erase(X, y[:, :3])
    assert np.array_equal(seen.X_[0::2], rest)
    singles, labels = X[:5] * 0.3, y[:5, :3]
    both = clone(model).fit(X, y, singles, labels).second_
    assert len(both.X_) == len(both.y_) == 2 * len(X) + 5
    assert np.array_equal(both.X_[-5:], singles)
    alone = clone(model).set_params(remainders=False).fit(X, y, singles, labels)
    assert np.array_equal(alone.second_.X_, singles)
    assert np.allclose(alone.second_.y_, labels)
    few = clone(model).set_params(max_remainders=7, random_state=1)
    one, two = (clone(few).fit(X, y).second_ for _ in range(2))
    assert len(one.X_) == 7
    assert np.array_equal(one.X_, two.X_)
    assert np.array_equal(one.y_, two.y_)
    tilt = clone(model).set_params(training_tilt=4.0, random_state=0).fit(X, y)
    assert np.array_equal(tilt.second_.y_, seen.y_)
    assert not np.array_equal(tilt.second_.X_, seen.X_)


def test_tilts_have_their_size() -> None:
    rng = np.random.RandomState(0)
    u = rng.normal(size=(4000, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = tilted(u, 2.0, rng)
    angle = np.degrees(np.arccos(np.clip((u * v).sum(axis=1), -1, 1)))
    assert np.sqrt((angle**2).mean() / 2) == pytest.approx(2.0, rel=0.05)
    assert np.abs((v - u).mean(axis=0)).max() < 0.002


def test_pairs_of_a_mixer() -> None:
    singles, u = make_diffraction_patterns(
        12, simulator=SMALL, return_X_y=True, random_state=0
    )
    mixer = PairMixer(singles, u)
    X = all_pairs(12)
    first = DiffractionOrientationRegressor(mixer=mixer, **QUICK)
    second = DiffractionOrientationRegressor(**QUICK)
    model = TwoStageOrientationRegressor(first, second, simulator=SMALL)
    model.fit(X, mixer.labels(X), singles, u)
    assert model.n_features_in_ == 2
    predicted = model.predict(X)
    assert predicted.shape == (66, 6)
    assert np.allclose(np.linalg.norm(predicted.reshape(-1, 3), axis=1), 1, atol=1e-5)
    assert np.allclose(model.predict(mixer(X)), predicted, atol=1e-5)
    assert model.set_params(selector="reliability").predict(X).shape == (66, 6)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("layout", ["flat", "frame", "channel"])
def test_layouts_agree(small: Any, layout: str) -> None:
    X, y = small
    stage = DiffractionOrientationRegressor(**QUICK)
    model = TwoStageOrientationRegressor(stage, stage, random_state=0)
    expected = clone(model).fit(X, y).predict(X)
    assert expected.shape == y.shape
    other = X[:, None]
    if layout != "channel":
        stage.set_params(image_shape=(48, 48))
        model.set_params(image_shape=(48, 48), first=stage, second=stage)
        other = X.reshape(len(X), -1)
    if layout == "frame":
        other = pd.DataFrame(other).add_prefix("p")
    model.fit(other, y)
    assert model.n_features_in_ == 48 * 48
    assert hasattr(model, "feature_names_in_") == (layout == "frame")
    assert np.allclose(model.predict(other), expected, atol=1e-5)


def test_defaults_clone_pickle_and_seed(small: Any) -> None:
    X, y = small
    model = TwoStageOrientationRegressor(random_state=0, max_remainders=10)
    model.set_params(first=DiffractionOrientationRegressor(**QUICK))
    model.set_params(first__max_epochs=2)
    assert model.get_params()["first__max_epochs"] == 2
    quick = clone(model).set_params(second=clone(model.first))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted = clone(quick).fit(X, y)
    predicted = fitted.predict(X)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert np.array_equal(clone(quick).fit(X, y).predict(X), predicted)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), predicted)
    default = TwoStageOrientationRegressor(crystal="silver", random_state=0)
    stages = default._stage(None, np.random.RandomState(0))
    assert isinstance(stages, DiffractionOrientationRegressor)
    operations = Crystal.from_name("silver").point_operations
    assert np.array_equal(stages.laue_group, operations)


def test_grid_search_over_the_selector(small: Any) -> None:
    X, y = small
    stage = DiffractionOrientationRegressor(**QUICK)
    model = TwoStageOrientationRegressor(stage, stage, simulator=SMALL)
    grid = {"selector": ["resimulate", "reliability", "first"]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == y.shape


def test_other_targets_are_left_to_the_first_stage(small: Any) -> None:
    X, y = small
    flat = X.reshape(len(X), -1)
    for target in (y[:, 0], y[:, :3], y[:, :4]):
        model = TwoStageOrientationRegressor(LinearRegression()).fit(flat, target)
        assert not model.two_stage_
        assert np.array_equal(
            model.predict(flat), LinearRegression().fit(flat, target).predict(flat)
        )
        assert model.score(flat, target) > 0.99
        assert not hasattr(model, "second_")
        with pytest.raises(ValueError, match="not two directions"):
            model.kept_direction(flat)
    with pytest.raises(ValueError, match="X_single needs y of two"):
        model.fit(flat, y[:, 0], flat, y[:, :3])


def test_score_knows_neither_order_nor_symmetry(perturbed: Any, mixtures: Any) -> None:
    X, y = mixtures
    score = perturbed.score(X, y)
    assert score == pytest.approx(perturbed.score(X, -np.roll(y, 3, axis=1)))
    assert score > perturbed.score(X, np.roll(y, 1, axis=0))
    assert perturbed.score(X, y, sample_weight=np.ones(N)) == pytest.approx(score)


def test_mistakes_are_told(small: Any) -> None:
    X, y = small
    stage = Perturbed()
    model = TwoStageOrientationRegressor(stage, Recorder())
    with pytest.raises(ValueError, match="give image_shape for flat rows"):
        model.fit(X.reshape(len(X), -1), y)
    with pytest.raises(ValueError, match="simulator makes images of"):
        clone(model).set_params(simulator=KinematicSimulator()).fit(X, y)
    with pytest.raises(ValueError, match="must be finite and not zero"):
        model.fit(X, 0 * y)
    with pytest.raises(ValueError, match="remainders=False needs X_single"):
        clone(model).set_params(remainders=False).fit(X, y)
    with pytest.raises(ValueError, match="if and only if"):
        model.fit(X, y, X)
    with pytest.raises(ValueError, match="y_single has 3 rows"):
        model.fit(X, y, X, y[:3, :3])
    with pytest.raises(ValueError, match="not be negative"):
        model.fit(X - 1, y)
    with pytest.raises(ValueError, match="one channel"):
        model.fit(np.repeat(X[:, None], 2, axis=1), y)
    broken = TwoStageOrientationRegressor(stage, Recorder()).fit(X, y)
    broken.second_ = broken.first_
    with pytest.raises(ValueError, match="second must predict one direction"):
        broken.predict(X)
    broken.first_ = LinearRegression().fit(X[:, 0], y[:, :4])
    with pytest.raises(ValueError, match="one or two directions"):
        as_heads(broken.first_.predict(X[:, 0]), "LinearRegression")
    flat = X.reshape(len(X), -1)
    blind = TwoStageOrientationRegressor(
        LinearRegression(), Recorder(), image_shape=(48, 48), selector="reliability"
    ).fit(flat, y)
    with pytest.raises(ValueError, match="needs a first stage with predict_error"):
        blind.predict(flat)
