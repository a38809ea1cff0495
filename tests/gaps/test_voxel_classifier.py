"""GAPSVoxelClassifier: layouts of net and input, weights, stores, pipelines."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, StandardScaler

from skastro.datasets import load_gaps_sample, make_gaps_events
from skastro.gaps import GAPSVoxelClassifier, PrimaryTrackMasker, VoxelSummary
from skastro.metrics import make_rejection_scorer
from skastro.neural_network import NetEmbedder

LAYOUTS = ["hybrid", "set", "conv3d", "depth_channels"]
SHAPE = (10, 12, 12)


def small(layout: str, **options: Any) -> GAPSVoxelClassifier:
    """Give a tiny net that is trained for a moment."""
    own: dict[str, Any] = {"max_epochs": 2, "random_state": 0}
    if layout in ("hybrid", "set"):
        own |= {"width": 8, "n_blocks": 1, "n_heads": 2}
    else:
        own |= {"filters": (4, 6)}
    if layout == "hybrid":
        own["summary_estimator"] = trees(15)
    return GAPSVoxelClassifier(**{"layout": layout, **own, **options})


def trees(n: int = 40) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=n, max_leaf_nodes=7, early_stopping=False, random_state=0
    )


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray]:
    """Vertical incidence with times, the easier one."""
    bunch = load_gaps_sample(incidence="vertical", channels=("energy", "time"))
    order = np.random.default_rng(0).permutation(len(bunch.target))[:1000]
    return bunch.data[order], bunch.target[order]


@pytest.fixture(scope="module")
def few(sample: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give a hundred events without times."""
    return np.ascontiguousarray(sample[0][:100, 0]), sample[1][:100]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_learns(sample: Any, layout: str) -> None:
    X, y = sample[0][:, 0], sample[1]
    options: dict[str, Any] = {"max_epochs": 6, "average_symmetries": False}
    if layout in ("hybrid", "set"):
        options |= {"width": 16, "learning_rate_init": 6e-3}
    else:
        options["filters"] = (8, 12)
    net = small(layout, **options).fit(X[:600], y[:600])
    assert net.score(X[600:], y[600:]) > (0.93 if layout == "hybrid" else 0.85)
    assert net.loss_curve_[-1] < net.loss_curve_[0]
    proba = net.predict_proba(X[:50])
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(net.predict_log_proba(X[:50])), proba, rtol=1e-5)
    assert net.classes_.tolist() == ["antideuteron", "antiproton"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("with_times", [False, True])
def test_layouts_of_the_input_agree(
    sample: Any, layout: str, with_times: bool, tmp_path: Path
) -> None:
    X, y = sample[0][:40], sample[1][:40]
    X = X if with_times else np.ascontiguousarray(X[:, 0])
    net = small(layout, max_epochs=1)
    expected = clone(net).fit(X, y).predict_proba(X)
    rows = X.reshape(40, -1)
    wide = csr_array(rows)
    wide.indices = wide.indices.astype(np.int64)
    wide.indptr = wide.indptr.astype(np.int64)
    np.save(tmp_path / "events.npy", X)
    frozen = X.copy()
    frozen.flags.writeable = False
    layouts = [rows, csr_array(rows), csr_matrix(rows), wide, frozen]
    layouts += [np.load(tmp_path / "events.npy", mmap_mode="r"), np.asfortranarray(X)]
    layouts += [] if with_times else [X[:, None]]
    for other in layouts:
        found = clone(net).fit(other, y).predict_proba(other)
        assert np.array_equal(found, expected)
    fitted = clone(net).fit(X, y)
    assert np.array_equal(fitted.predict_proba(csr_array(rows)), expected)
    double = clone(net).fit(X.astype(np.float64), y).predict_proba(X)
    np.testing.assert_allclose(double, expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_times_are_read(sample: Any, layout: str) -> None:
    X, y = sample[0][:60], sample[1][:60]
    net = small(layout).fit(X, y)
    assert net.input_shape_ == (2, *SHAPE)
    later = X.copy()
    later[:, 1] = np.where(X[:, 1] > 0, X[:, 1] * 3, 0)
    assert not np.allclose(net.predict_proba(later), net.predict_proba(X), atol=1e-4)
    blind = small(layout, binarize=True).fit(X, y)
    assert np.array_equal(blind.predict_proba(later), blind.predict_proba(X))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_binarize_is_a_binarizer_in_front(few: Any, layout: str) -> None:
    rows, y = few[0].reshape(100, -1), few[1]
    net = small(layout, binarize=True)
    expected = clone(net).fit(rows, y).predict_proba(rows)
    front = make_pipeline(Binarizer(threshold=0.05), clone(net)).fit(rows, y)
    assert np.array_equal(front.predict_proba(rows), expected)
    hits = (few[0] >= 0.05).astype(np.uint8)
    assert np.array_equal(clone(net).fit(hits, y).predict_proba(hits), expected)
    # Energies above threshold say nothing, even to events with more hits than it sees.
    scaled = np.random.default_rng(0).uniform(0.1, 9, rows.shape) * (rows >= 0.05)
    scaled = scaled.astype(np.float32)
    found = clone(net).set_params(max_hits=6).fit(scaled, y).predict_proba(scaled)
    same = clone(net).set_params(max_hits=6).fit(rows, y).predict_proba(rows)
    assert np.array_equal(found, same)


@pytest.mark.parametrize("layout", ["set", "conv3d", "depth_channels"])
def test_deposits_below_threshold_are_no_hits(few: Any, layout: str) -> None:
    X, y = few
    net = small(layout, threshold=1.5).fit(X, y)
    cut = np.where(X >= 1.5, X, 0)
    np.testing.assert_allclose(net.predict_proba(cut), net.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_average_symmetries_makes_predictions_invariant(few: Any, layout: str) -> None:
    X, y = few[0][:30], few[1][:30]
    net = small(layout, average_symmetries=True, dtype="float64").fit(X, y)
    expected, features = net.predict_proba(X), net.embed(X)
    for which in range(1, 8):
        turned = np.rot90(X, which % 4, axes=(2, 3))
        turned = np.ascontiguousarray(turned[..., ::-1] if which >= 4 else turned)
        found = net.predict_proba(turned)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(net.embed(turned), features, rtol=1e-5, atol=1e-6)
    net.set_params(average_symmetries=False)
    assert not np.allclose(net.predict_proba(X), expected, atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("augment", ["symmetry", "shift"])
def test_augmentation_loses_no_hit(sample: Any, layout: str, augment: str) -> None:
    X, y = sample[0][:64], sample[1][:64]
    seen = []

    def look(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        seen.append(batch.clone())
        return batch

    options = {"batch_size": 64, "shuffle": False, "max_hits": 50, "max_epochs": 1}
    net = small(layout, augment=[look], **options).fit(X, y)
    before, as_hits = seen.pop(), layout in ("hybrid", "set")
    augmentation = net.set_params(augment=augment)._augmentation()
    assert augmentation is not None
    kept = before.clone()
    after = augmentation(before, torch.Generator().manual_seed(1))
    assert torch.equal(before, kept)
    if as_hits:
        assert torch.equal(after[..., 1:], before[..., 1:])
        hit = after[..., 1] > 0
        volumes = torch.zeros(64, 1440).double()
        index = torch.where(hit, after[..., 0], 0).long()
        volumes.scatter_add_(1, index, torch.where(hit, after[..., 1], 0).double())
        assert torch.equal((volumes > 0).sum(1), hit.sum(1))  # no two on one voxel
        after_layers = volumes.reshape(64, 10, 144).sum(2)
    else:
        assert after.shape == before.shape == (64, 2, *SHAPE)
        hit = after[:, 0] > 0
        assert torch.equal(hit, after[:, 1] > 0)  # times move with their energies
        assert torch.equal(hit.sum(dim=(2, 3)), (before[:, 0] > 0).sum(dim=(2, 3)))
        after_layers = after[:, 0].double().sum(dim=(2, 3))
    expected = X[:, 0].astype(np.float64).sum(axis=(2, 3))
    np.testing.assert_allclose(after_layers, expected, rtol=1e-5, atol=1e-5)
    moved = (after != before).flatten(1).any(dim=1).double().mean()
    assert moved > (0.5 if augment == "symmetry" else 0.8)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_weight_of_two_is_the_event_twice(few: Any, layout: str) -> None:
    X, y = few[0][:30], few[1][:30]
    options: dict[str, Any] = {
        "dropout": 0.0,
        "augment": None,
        "shuffle": False,
        "batch_size": 100,
        "max_epochs": 4,
        "dtype": "float64",
    }
    if layout == "hybrid":
        options["summary_estimator"] = GaussianNB()
    net = small(layout, **options)
    weight = np.random.default_rng(0).integers(1, 4, 30)
    weighted = clone(net).fit(X, y, sample_weight=weight).predict_proba(X)
    again = np.repeat(np.arange(30), weight)
    repeated = clone(net).fit(X[again], y[again]).predict_proba(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-5, atol=1e-7)
    without = clone(net).fit(X, y, sample_weight=weight > 1).predict_proba(X)
    left = clone(net).fit(X[weight > 1], y[weight > 1]).predict_proba(X)
    np.testing.assert_allclose(without, left, rtol=1e-5, atol=1e-7)


# What a layout without partial_fit must be tested for apart from test_common.


def test_hybrid_has_no_partial_fit_and_says_why(few: Any) -> None:
    net = small("hybrid")
    assert not hasattr(net, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        _ = net.partial_fit
    assert 'Use layout="set"' in str(caught.value.__cause__ or caught.value)
    assert hasattr(small("set"), "partial_fit")


def test_hybrid_joins_trees_and_net(few: Any) -> None:
    X, y = few
    both = small("hybrid").fit(X, y)
    net = small("set").fit(X, y)
    only_net = both.set_params(summary_weight=0.0).predict_log_proba(X)
    np.testing.assert_allclose(only_net, net.predict_log_proba(X), rtol=1e-5, atol=1e-6)
    only_trees = both.set_params(summary_weight=1.0).predict_proba(X)
    features = VoxelSummary().fit_transform(X)
    alone = trees(15).fit(features, y).predict_proba(features)
    np.testing.assert_allclose(only_trees, alone, rtol=1e-5)
    share = 0.3 * np.log(alone) + 0.7 * net.predict_log_proba(X)
    joined = np.exp(share) / np.exp(share).sum(axis=1, keepdims=True)
    found = both.set_params(summary_weight=0.3).predict_proba(X)
    np.testing.assert_allclose(found, joined, rtol=1e-4)


def test_hybrid_is_repeatable_to_the_bit(few: Any) -> None:
    X, y = few
    net = small("hybrid", summary_estimator=None, random_state=3, max_epochs=1)
    first = net.fit(X, y).predict_proba(X)
    assert np.array_equal(clone(net).fit(X, y).predict_proba(X), first)
    assert np.array_equal(net.fit(X, y).predict_proba(X), first)
    other = clone(net).set_params(random_state=4).fit(X, y).predict_proba(X)
    assert not np.array_equal(other, first)
    state = clone(net).set_params(random_state=np.random.RandomState(3))
    assert np.array_equal(state.fit(X, y).predict_proba(X), first)


@pytest.mark.parametrize("store", ["pickle", "joblib", "skops"])
def test_hybrid_from_a_store_is_equal_to_the_bit(
    few: Any, store: str, tmp_path: Path
) -> None:
    X, y = few
    net = small("hybrid", summary_estimator=GaussianNB(), early_stopping="UP").fit(X, y)
    if store == "pickle":
        loaded = pickle.loads(pickle.dumps(net))
    elif store == "joblib":
        joblib.dump(net, tmp_path / "net.joblib")
        loaded = joblib.load(tmp_path / "net.joblib")
    else:
        sio = pytest.importorskip("skops.io")
        stored = sio.dumps(net)
        trusted = sio.get_untrusted_types(data=stored)
        assert all(name.startswith("skastro.") for name in trusted)
        loaded = sio.loads(stored, trusted=trusted)
    assert np.array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert np.array_equal(loaded.embed(X), net.embed(X))
    again = loaded.set_params(warm_start=True).fit(X, y)
    expected = net.set_params(warm_start=True).fit(X, y)
    assert np.array_equal(again.predict_proba(X), expected.predict_proba(X))


class Recorder(ClassifierMixin, BaseEstimator):
    """Keep what it was fitted on; may know one class only, or fail."""

    fails: Any = None

    def __init__(self, only: Any = None) -> None:
        self.only = only

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Recorder:
        """Remember."""
        if self.fails is not None:
            raise self.fails
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        self.classes_ = np.unique(y) if self.only is None else np.array([self.only])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give equal shares."""
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_hybrid_gives_weights_to_the_trees_too(few: Any) -> None:
    X, y = few
    net = small("hybrid", summary_estimator=Recorder())
    seen = clone(net).fit(X, y).summary_estimator_
    assert seen.weight_ is None
    assert seen.X_.shape == (100, 149)
    np.testing.assert_array_equal(seen.X_, VoxelSummary().fit_transform(X))
    weight = np.linspace(0.5, 2, 100)
    by_class = {"antideuteron": 3.0, "antiproton": 1.0}
    net.set_params(class_weight=by_class).fit(X, y, sample_weight=weight)
    seen = net.summary_estimator_
    expected = weight * np.where(y == "antideuteron", 3, 1)
    np.testing.assert_allclose(seen.weight_ / seen.weight_[0], expected / expected[0])


def test_events_without_weight_do_not_reach_the_trees(few: Any) -> None:
    X, y = few
    weight = (np.arange(100) % 3 > 0).astype(float)
    net = small("hybrid", summary_estimator=Recorder()).fit(X, y, sample_weight=weight)
    assert len(net.summary_estimator_.X_) == 66
    one = np.where(y == "antiproton", 1.0, 0.0)
    net = small("hybrid").fit(X, y, sample_weight=one)
    assert (net.set_params(summary_weight=1.0).predict(X) == "antiproton").all()


def test_hybrid_keeps_validation_events_from_the_trees(few: Any) -> None:
    X, y = few
    net = small("hybrid", summary_estimator=Recorder(), early_stopping=True)
    net.set_params(validation_fraction=0.2).fit(X, y)
    assert len(net.summary_estimator_.X_) == 80
    assert len(net.validation_scores_) == net.n_iter_


def test_a_class_that_the_summary_never_met_stays_improbable(few: Any) -> None:
    X, y = few
    net = small("hybrid", summary_estimator=Recorder("antiproton")).fit(X, y)
    proba = net.set_params(summary_weight=1.0).predict_proba(X)
    np.testing.assert_allclose(proba[:, 0], 1e-12, rtol=1e-3)
    assert set(net.set_params(summary_weight=0.0).predict(X)) <= {*net.classes_}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_trees_that_fail_leave_a_fitted_net_as_it_was(few: Any, error: Any) -> None:
    X, y = few
    net = small("hybrid", summary_estimator=Recorder()).fit(X, y)
    before, history = net.predict_proba(X), net.history_
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "fails", error)
        with pytest.raises(type(error)):
            net.fit(X[:50], y[:50])
        new = clone(net)
        with pytest.raises(type(error)):
            new.fit(X, y)
    assert np.array_equal(net.predict_proba(X), before)
    assert net.history_ == history
    assert not new.__sklearn_is_fitted__()


def test_ctrl_c_leaves_a_usable_hybrid(few: Any) -> None:
    from skastro.neural_network._net import WeightedNet

    original = WeightedNet.train_step

    def step(self: Any, batch: Any, **kwargs: Any) -> Any:
        if len(self.history) == 2:
            raise KeyboardInterrupt
        return original(self, batch, **kwargs)

    X, y = few
    options = {"learning_rate": "constant"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WeightedNet, "train_step", step)
        net = small("hybrid", max_epochs=5, **options)
        with pytest.warns(UserWarning, match="interrupted"):
            net.fit(X, y)
    assert net.n_iter_ == 1
    one = small("hybrid", max_epochs=1, **options).fit(X, y)
    assert np.array_equal(net.predict_proba(X), one.predict_proba(X))


def test_warm_start_from_the_fast_simulation(sample: Any) -> None:
    X, y = sample[0][:200, 0], sample[1][:200]
    fast, kinds = make_gaps_events(
        300, stopped_only=True, return_X_y=True, random_state=0
    )
    net = small("hybrid", warm_start=True, max_epochs=4).fit(fast, kinds)
    first = net.predict_proba(X)
    net.fit(X, y)
    assert net.n_iter_ == 8
    assert not np.array_equal(net.predict_proba(X), first)
    assert len(net.summary_estimator_.classes_) == 2
    cold = small("hybrid", max_epochs=4).fit(X, y)
    # The trees are fitted anew, the net goes on.
    one, two = (n.set_params(summary_weight=1.0).predict_proba(X) for n in (net, cold))
    assert np.array_equal(one, two)
    assert net.loss_curve_[4] < cold.loss_curve_[0]
    with pytest.raises(ValueError, match="warm_start"):
        net.set_params(width=16).fit(X, y)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_early_stopping_and_callbacks(few: Any, layout: str) -> None:
    from skorch.callbacks import EpochScoring

    X, y = few
    scoring = EpochScoring(lambda net, X, y=None: len(net.history), name="epochs")
    options = {"callbacks": [scoring], "n_iter_no_change": 1, "tol": 1.0}
    net = small(layout, early_stopping=True, max_epochs=9, **options).fit(X, y)
    assert net.n_iter_ < 9
    assert net.net_.history[:, "epochs"] == list(range(1, net.n_iter_ + 1))
    held = small(layout).fit(X, y, X_val=csr_array(X.reshape(100, -1)), y_val=y)
    assert len(held.validation_scores_) == 2


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("labels", [("p", "d", "t"), (7, -2, 4), (True, False, None)])
def test_any_labels(few: Any, layout: str, labels: tuple) -> None:
    X, _ = few
    code = np.arange(100) % (3 if labels[2] is not None else 2)
    y = np.array([labels[c] for c in code])
    net = small(layout, max_epochs=1).fit(X, y)
    assert np.array_equal(net.classes_, np.unique(y))
    assert net.predict_proba(X).shape == (100, len(net.classes_))
    assert set(net.predict(X).tolist()) <= set(y.tolist())
    assert net.predict(X).dtype == y.dtype


def test_grid_search_over_layouts_with_groups(few: Any) -> None:
    X, y = few
    grid = {"layout": ["set", "depth_channels"], "binarize": [False, True]}
    search = GridSearchCV(
        small("set", filters=(4,), max_epochs=1),
        grid,
        scoring=make_rejection_scorer(2.0, pos_label="antideuteron"),
        cv=StratifiedGroupKFold(2),
    )
    search.fit(X, y, groups=np.arange(100) // 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.predict(X).shape == (100,)


def test_in_pipelines_calibrated_and_resampled(few: Any) -> None:
    imblearn = pytest.importorskip("imblearn")
    from imblearn.over_sampling import SMOTE

    X, y = few
    net = small("hybrid", summary_estimator=LogisticRegression(C=1e-3, max_iter=9))
    net.set_params(summary_estimator=make_pipeline(StandardScaler(), GaussianNB()))
    calibrated = CalibratedClassifierCV(clone(net), cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (100, 2)
    masked = make_pipeline(PrimaryTrackMasker(), clone(net))
    proba = cross_val_predict(masked, X, y, cv=2, method="predict_proba")
    assert proba.shape == (100, 2)
    rows = X.reshape(100, -1)
    plenty, rare = (np.flatnonzero(y == name) for name in np.unique(y))
    some = np.r_[plenty, rare[:30]]
    fewer = imblearn.pipeline.make_pipeline(
        SMOTE(random_state=0, k_neighbors=3), clone(net)
    )
    fewer.fit(rows[some], y[some])
    assert fewer.predict(rows).shape == (100,)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_net_embedder(few: Any, layout: str) -> None:
    X, y = few
    embedder = NetEmbedder(small(layout, max_epochs=1))
    Z = embedder.fit(X, y).transform(X)
    assert Z.shape[0] == 100
    assert np.isfinite(Z).all()
    head = make_pipeline(embedder, StandardScaler(), LogisticRegression(max_iter=300))
    assert head.fit(X, y).score(X, y) > 0.7


def test_a_summary_of_ones_own(sample: Any) -> None:
    X, y = sample[0][:150, 0], sample[1][:150]
    narrow = small("hybrid", summary=VoxelSummary(beta=(0.26, 0.30))).fit(X, y)
    narrow.set_params(summary_weight=1.0)
    features = VoxelSummary(beta=(0.26, 0.30)).fit_transform(X)
    expected = trees(15).fit(features, y).predict_proba(features)
    np.testing.assert_allclose(narrow.predict_proba(X), expected, rtol=1e-5)
    assert roc_auc_score(y, narrow.predict_proba(X)[:, 1]) > 0.95
    # The classifier's threshold is the summary's as well.
    assert narrow.get_params()["summary__threshold"] == 0.05


@pytest.mark.parametrize("layout", LAYOUTS)
def test_order_and_batches_do_not_matter(few: Any, layout: str) -> None:
    X, y = few
    X = X.copy()
    X[3] = 0  # an event without hits among them
    net = small(layout).fit(X, y)
    expected = net.predict_proba(X)
    assert np.isfinite(expected).all()
    order = np.random.default_rng(5).permutation(100)
    found = net.predict_proba(X[order])
    np.testing.assert_allclose(found, expected[order], rtol=1e-4, atol=1e-6)
    alone = np.concatenate([net.predict_proba(X[i : i + 1]) for i in range(8)])
    np.testing.assert_allclose(alone, expected[:8], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(4, 6, 9), (1, 12, 12), (11, 1, 1), (2, 3, 13, 13)])
def test_other_trackers(layout: str, shape: tuple) -> None:
    rng = np.random.default_rng(0)
    X = rng.exponential(8, (24, *shape)) * (rng.random((24, *shape)) < 0.1)
    if len(shape) == 4:
        X[:, 1] = np.where(X[:, 0] > 0, 1 + X[:, 1], 0)
    y = np.arange(24) % 2
    net = small(layout, average_symmetries=True, augment="shift")
    expected = net.fit(X, y).predict_proba(X)
    assert np.isfinite(expected).all()
    flat = clone(net).set_params(image_shape=shape).fit(X.reshape(24, -1), y)
    assert np.array_equal(flat.predict_proba(X), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_hit_and_one_seen_hit(few: Any, layout: str) -> None:
    X, y = few
    one = np.where(X.max(axis=(1, 2, 3), keepdims=True) == X, X, 0)
    net = small(layout, max_hits=1).fit(one, y)
    proba = net.predict_proba(one)
    assert np.isfinite(proba).all()
    if layout == "set":  # the smaller hits are not seen
        np.testing.assert_allclose(net.predict_proba(X), proba, rtol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_huge_deposits_stay_finite(few: Any, layout: str) -> None:
    X, y = few
    net = small(layout).fit(X, y)
    X = X[:3].copy()
    X[0, 4, 4, 4] = 1e9
    X[1] = 1e30
    assert np.isfinite(net.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_heads": 5}, "width must be a multiple"),
        ({"layout": "conv3d", "filters": ()}, "filters must be positive"),
        ({"layout": "conv3d", "filters": (4, 0)}, "filters must be positive"),
        ({"layout": "cnn"}, "layout"),
        ({"augment": "rotate"}, "augment"),
        ({"summary": GaussianNB()}, "summary"),
        ({"summary_weight": 1.5}, "summary_weight"),
        ({"summary_estimator": StandardScaler()}, "summary_estimator"),
        ({"threshold": -0.1}, "threshold"),
        ({"max_hits": 0}, "max_hits"),
    ],
)
def test_parameters_that_make_no_sense(few: Any, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**{"layout": "set", **options}).fit(*few)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_events_that_are_none(few: Any, layout: str) -> None:
    X, y = few
    net = small(layout)
    bad = X.copy()
    bad[2, 3, 4, 5] = np.nan
    with pytest.raises(ValueError, match=r"NaN|nan"):
        net.fit(bad, y)
    bad[2, 3, 4, 5] = -1
    with pytest.raises(ValueError, match="Negative values"):
        net.fit(bad, y)
    for axes in ((0, 2, 3, 1), (0, 2, 1, 3)):
        with pytest.raises(ValueError, match="transpose X"):
            net.fit(X.transpose(axes), y)
    with pytest.raises(ValueError, match="0 sample"):
        net.fit(X[:0], y[:0])
    with pytest.warns(UserWarning, match="takes deposits in MeV"):
        net.fit(X * 1000, y)
    net.fit(X, y)
    with pytest.raises(ValueError, match=r"fitted on events|features"):
        net.predict(X[:, :9])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(np.zeros_like(X))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 5.0),
        ("layout", "set"),
        ("binarize", True),
        ("max_hits", 5),
        ("summary", VoxelSummary(beta=(0.1, 0.2))),
    ],
)
def test_a_fitted_net_refuses_another_encoding(name: str, value: Any) -> None:
    X, y = load_gaps_sample(as_sparse=True, return_X_y=True)
    net = GAPSVoxelClassifier(max_epochs=1, width=8, n_heads=2, n_blocks=1)
    net.fit(X[:60], y[:60]).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"{name} was .* fit again"):
        net.predict(X[:3])
    net.set_params(warm_start=True)
    with pytest.raises(ValueError, match=f"{name} was .* fit again"):
        net.fit(X[:60], y[:60])


def test_decision_function_orders_what_probabilities_round() -> None:
    X, y = load_gaps_sample(incidence="vertical", as_sparse=True, return_X_y=True)
    net = GAPSVoxelClassifier(max_epochs=2, width=8, n_heads=2, n_blocks=1)
    net.fit(X[:300], y[:300])
    odds = net.decision_function(X[300:500])
    proba = net.predict_proba(X[300:500])
    np.testing.assert_allclose(odds, np.log(proba[:, 1] / proba[:, 0]), atol=1e-3)
    assert np.array_equal(net.predict(X[300:500]), net.classes_[(odds > 0).astype(int)])


def test_units_of_another_kind_are_noticed_when_predicting() -> None:
    X, y = load_gaps_sample(as_sparse=True, return_X_y=True)
    net = GAPSVoxelClassifier(layout="depth_channels", filters=(4,), max_epochs=1)
    net.fit(X[:100], y[:100])
    with pytest.warns(UserWarning, match="Are the units the same"):
        net.predict(X[:50] * 1000)


def test_deposits_that_overflow_in_the_net_give_no_class() -> None:
    rng = np.random.default_rng(0)
    X = rng.gamma(1.0, size=(6, 10, 12, 12)) * (rng.random((6, 10, 12, 12)) < 0.02)
    net = GAPSVoxelClassifier(
        layout="conv3d", filters=(2, 2), max_epochs=1, random_state=0
    ).fit(X, np.arange(6) % 2)
    X[X > 0] = 3e38
    with pytest.raises(ValueError, match="too large"):
        net.predict(X)
