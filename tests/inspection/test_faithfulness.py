"""The checks of maps: known maps of known models give known numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from torch import nn

from skastro.galaxy import GalaxyCNNClassifier
from skastro.inspection import (
    GradCAM,
    cam_mass_shares,
    near_largest,
    occlusion_maps,
    perturbation_curves,
    randomized_weights_check,
)
from skastro.neural_network import DenseClassifier

GRID = (2, 3, 4)
WEIGHTS = np.random.default_rng(5).normal(size=24)


class Linear(ClassifierMixin, BaseEstimator):
    """A probability that is linear in the voxels: every curve can be added up."""

    def fit(self, X: Any, y: Any = None) -> Linear:
        self.classes_ = np.array(["background", "signal"])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        assert isinstance(X, np.ndarray)
        signal = 0.5 + 0.01 * (X.reshape(len(X), -1) @ WEIGHTS)
        return np.column_stack([1 - signal, signal])


class Sums(RegressorMixin, BaseEstimator):
    """Two outputs: the sum of the first half and of the second one."""

    def fit(self, X: Any, y: Any = None) -> Sums:
        self.is_fitted_ = True
        return self

    def predict(self, X: Any) -> np.ndarray:
        return X.reshape(len(X), 2, -1).sum(axis=2)


@pytest.fixture
def events() -> np.ndarray:
    return np.random.default_rng(0).random((7, *GRID))


def test_curves_of_a_linear_model_add_up(events: np.ndarray) -> None:
    maps = events * WEIGHTS.reshape(GRID)
    model = Linear().fit(None)
    curves = perturbation_curves(
        model, events, maps, target="signal", steps=24, random_state=0
    )
    falling = np.sort(maps.reshape(7, -1), axis=1)[:, ::-1]
    gone = np.concatenate([np.zeros((7, 1)), np.cumsum(falling, axis=1)], axis=1)
    whole = model.predict_proba(events)[:, 1:]
    np.testing.assert_allclose(curves.share, np.arange(25) / 24)
    np.testing.assert_allclose(curves.deletion, whole - 0.01 * gone, atol=1e-12)
    np.testing.assert_allclose(curves.insertion, 0.5 + 0.01 * gone, atol=1e-12)
    areas = curves.areas()
    expected = np.trapezoid(curves.deletion, dx=1 / 24, axis=1)
    np.testing.assert_allclose(areas["deletion"], expected)
    assert (areas["deletion"] < areas["random_deletion"]).all()
    assert (areas["insertion"] > areas["random_insertion"]).all()
    summary = curves.summary()
    assert (summary["better"] == 1).all()
    gain = areas["insertion"] - areas["random_insertion"]
    np.testing.assert_allclose(summary.loc["insertion", "gain"], gain.mean())
    error = gain.std(ddof=1) / np.sqrt(7)
    np.testing.assert_allclose(summary.loc["insertion", "std_error"], error)
    assert curves.mean_curves().loc[0.0, "deletion"] == pytest.approx(whole.mean())


def test_ascending_order_and_other_class(events: np.ndarray) -> None:
    maps = events * WEIGHTS.reshape(GRID)
    model = Linear().fit(None)
    kw: dict[str, Any] = {"steps": 24, "random_state": 0}
    up = perturbation_curves(model, events, maps, order="ascending", **kw)
    negative = perturbation_curves(model, events, -maps, **kw)
    np.testing.assert_allclose(up.deletion, negative.deletion)
    one = perturbation_curves(model, events, maps, target="signal", **kw)
    other = perturbation_curves(model, events, maps, target=["background"] * 7, **kw)
    np.testing.assert_allclose(one.deletion, 1 - other.deletion)


def test_a_constant_map_is_as_good_as_chance() -> None:
    X = np.random.default_rng(0).random((300, *GRID))
    model = Linear().fit(None)
    curves = perturbation_curves(
        model, X, np.ones_like(X), steps=6, n_random=3, random_state=0
    )
    summary = curves.summary()
    assert (summary["gain"].abs() < 4 * summary["std_error"]).all()
    assert summary["std_error"].max() < 0.01
    again = perturbation_curves(
        model, X, np.ones_like(X), steps=6, n_random=3, random_state=0
    )
    np.testing.assert_array_equal(curves.random_deletion, again.random_deletion)


@pytest.mark.parametrize("layout", ["grid", "channels", "flat", "csr"])
def test_only_nonzero_voxels_are_ranked(layout: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((6, 24)) * (rng.random((6, 24)) < 0.3)
    X[0] = 0  # an event without deposits has flat curves
    maps = rng.random((6, *GRID))
    shaped: Any = {
        "grid": X.reshape(6, *GRID),
        "channels": X.reshape(6, 1, *GRID),
        "flat": X,
        "csr": sp.csr_array(X),
    }[layout]

    class Counting(Linear):
        def predict_proba(self, X: Any) -> np.ndarray:
            X = X.toarray() if sp.issparse(X) else X
            hits = (X.reshape(len(X), -1) > 0).mean(axis=1)
            return np.column_stack([1 - hits, hits])

    model = Counting().fit(None)
    curves = perturbation_curves(
        model, shaped, maps, target="signal", steps=2, only_nonzero=True
    )
    hits = (X > 0).sum(axis=1)
    half = np.round(hits / 2)
    np.testing.assert_allclose(
        curves.deletion * 24, np.stack([hits, hits - half, 0 * hits], axis=1)
    )
    np.testing.assert_allclose(
        curves.insertion * 24, np.stack([0 * hits, half, hits], axis=1)
    )


def test_baselines() -> None:
    X = np.random.default_rng(0).integers(1, 200, (5, 2, 8, 8)).astype(np.uint8)
    seen = []

    class Looking(Linear):
        def predict_proba(self, X: Any) -> np.ndarray:
            seen.append(X)
            return np.full((len(X), 2), 0.5)

    model, maps = Looking().fit(None), np.random.default_rng(1).random((5, 8, 8))
    for baseline in (0.0, 7, "mean", "blur", np.full((2, 8, 8), 3)):
        seen.clear()
        perturbation_curves(model, X, maps, steps=1, baseline=baseline)
        # The whole event, then the baseline alone (steps 0 and 1 of both curves).
        gone = seen[1]
        assert gone.shape == X.shape
        if baseline == "mean" if isinstance(baseline, str) else False:
            expected = X.mean(axis=(2, 3), keepdims=True) + np.zeros(X.shape)
            np.testing.assert_allclose(gone, expected, rtol=1e-6)
            assert gone.dtype == np.float32
        elif isinstance(baseline, str):
            np.testing.assert_allclose(gone.mean((2, 3)), X.mean((2, 3)), rtol=0.1)
            assert gone.std() < 0.5 * X.std()
        else:
            np.testing.assert_array_equal(gone, np.broadcast_to(baseline, X.shape))
            assert gone.dtype == np.uint8


def test_regressors_and_boosting(events: np.ndarray) -> None:
    model = Sums().fit(None)
    curves = perturbation_curves(model, events, events, target=1, steps=1)
    np.testing.assert_allclose(curves.deletion[:, 0], events[:, 1].sum((1, 2)))
    distance = perturbation_curves(model, events, events, steps=1)
    length = np.linalg.norm(model.predict(events), axis=1)
    np.testing.assert_allclose(distance.deletion, np.stack([0 * length, -length], 1))
    rng = np.random.default_rng(0)
    X = rng.random((200, 24))
    boosted = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    boosted.fit(X, X[:, 5] > 0.5)
    maps = occlusion_maps(boosted, X[:30], GRID, baseline="mean")
    assert np.unravel_index(np.abs(maps).mean(0).argmax(), GRID) == (0, 1, 1)
    curves = perturbation_curves(boosted, X[:30], np.abs(maps), baseline="mean")
    assert curves.summary().loc["deletion", "gain"] > 0


def test_perturbation_refuses_what_does_not_fit(events: np.ndarray) -> None:
    model = Linear().fit(None)
    for X, maps in (
        (events, events[:3]),
        (events, events[:, :, :2]),
        (events, np.full_like(events, np.nan)),
        (np.full_like(events, np.inf), events),
    ):
        with pytest.raises(ValueError, match=r"maps|grids|infinite"):
            perturbation_curves(model, X, maps)
    for wrong in (
        {"steps": 0},
        {"n_random": 1.5},
        {"order": "random"},
        {"baseline": "zero"},
        {"baseline": np.ones(5)},
        {"target": "muon"},
    ):
        with pytest.raises(ValueError, match=rf"{next(iter(wrong))}"):
            perturbation_curves(model, events, events, **wrong)


def test_occlusion_of_a_linear_model(events: np.ndarray) -> None:
    model = Linear().fit(None)
    maps = occlusion_maps(model, events, GRID, target="signal")
    np.testing.assert_allclose(
        maps, 0.01 * events * WEIGHTS.reshape(GRID), rtol=1e-5, atol=1e-8
    )
    # Parts of 2 x 2 x 3: the last ones are cut off by the grid's end.
    parts = occlusion_maps(model, events, GRID, target="signal", patch=(2, 2, 3))
    product = 0.01 * events * WEIGHTS.reshape(GRID)
    np.testing.assert_allclose(
        parts[:, 1, 1, 2], product[:, :, :2, :3].sum((1, 2, 3)), rtol=1e-5
    )
    np.testing.assert_allclose(
        parts[:, 0, 2, 3], product[:, :, 2:, 3:].sum((1, 2, 3)), rtol=1e-4
    )
    with pytest.raises(ValueError, match="patch"):
        occlusion_maps(model, events, GRID, patch=(1, 2))


def test_occlusion_passes_empty_voxels_over() -> None:
    rows = []

    class Counting(Linear):
        def predict_proba(self, X: Any) -> np.ndarray:
            rows.append(len(X))
            return super().predict_proba(X)

    X = np.zeros((4, 24))
    X[0, 3] = X[1, 3] = X[1, 7] = 1.0
    maps = occlusion_maps(Counting().fit(None), X, GRID, target="signal")
    assert rows == [4, 2, 1]
    assert np.count_nonzero(maps) == 3


@pytest.fixture(scope="module")
def trained() -> Any:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 16, 16)).astype(np.float32)
    y = np.repeat(["faint", "spot"], 30)
    for i in range(30, 60):
        row, column = rng.integers(2, 12, 2)
        X[i, row : row + 3, column : column + 3] += 4
    net = GalaxyCNNClassifier(filters=(6, 8), max_epochs=20, random_state=0)
    return net.fit(X, y), X, y


def test_grad_cam_is_better_than_chance(trained: Any) -> None:
    net, X, _ = trained
    for method in ("gradcam", "layercam", "guided_gradcam"):
        maps = GradCAM(net, method=method)(X[30:], "spot")
        curves = perturbation_curves(
            net, X[30:], maps, target="spot", n_random=2, random_state=0
        )
        assert (curves.summary()["gain"] > 3 * curves.summary()["std_error"]).all()
        near = near_largest(np.abs(X[30:]), radius=3)
        shares = cam_mass_shares(maps, {"spot": near})
        assert shares["spot"]["enrichment"].mean() > 1.5


def test_randomised_weights(trained: Any) -> None:
    net, X, _ = trained
    before = {k: v.clone() for k, v in net.module_.state_dict().items()}
    cam = GradCAM(net, signed=True)
    kept = cam(X)
    table = randomized_weights_check(cam, X, n_repeats=2, random_state=0)
    names = ["", "head", "norms.1", "convolutions.1", "norms.0", "convolutions.0"]
    assert table["layer"].tolist() == names
    assert table["n_layers"].tolist() == list(range(6))
    assert table.loc[0, "rank_correlation"] == 1
    assert table.loc[0, "std"] == 0
    assert table["rank_correlation"][1:].abs().max() < 0.95
    assert (table["undefined"] == 0).all()
    same = randomized_weights_check(
        net, X, signed=True, n_repeats=2, random_state=0, target=net.predict(X)
    )
    np.testing.assert_array_equal(table.to_numpy(), same.to_numpy())
    np.testing.assert_array_equal(cam(X), kept)
    assert all(torch.equal(v, before[k]) for k, v in net.module_.state_dict().items())
    with pytest.raises(ValueError, match="signed"):
        randomized_weights_check(cam, X, signed=True)
    with pytest.raises(ValueError, match="n_repeats"):
        randomized_weights_check(cam, X, n_repeats=0)


def test_randomised_weights_correlate_as_scipy_does() -> None:
    """A net of one layer: its maps before and after are the weights times X."""
    rng = np.random.default_rng(0)
    X, y = rng.random((20, 1, 4, 4)), np.repeat([0, 1], 10)
    net = DenseClassifier(hidden_layer_sizes=(), max_epochs=1, random_state=0)
    net.fit(X, y)
    table = randomized_weights_check(
        net,
        X,
        target=1,
        layer="input",
        method="hirescam",
        signed=True,
        n_repeats=1,
        random_state=3,
    )
    weight = net.module_.head.weight.detach().numpy()
    drawn = np.random.RandomState(3).normal(0.0, weight.std(), weight.shape)
    expected = [
        spearmanr(x.ravel() * weight[1], x.ravel() * drawn[1]).statistic for x in X
    ]
    assert table.loc[1, "rank_correlation"] == pytest.approx(np.mean(expected))
    assert table.loc[1, "std"] == pytest.approx(np.std(expected))


def test_constant_maps_are_counted_apart() -> None:
    X, y = np.zeros((10, 1, 4, 4)), np.repeat([0, 1], 5)
    X[:5, 0, 0, :2] = [1.0, 2.0]
    net = DenseClassifier(hidden_layer_sizes=(), max_epochs=1, random_state=0)
    net.fit(X, y)
    kw: dict[str, Any] = {"layer": "input", "method": "hirescam", "signed": True}
    table = randomized_weights_check(net, X, n_repeats=1, random_state=0, **kw)
    assert table["undefined"].tolist() == [0.5, 0.5]
    assert nn.Module  # the module is a plain torch one
    assert isinstance(net.module_, nn.Module)


@pytest.mark.parametrize("baseline", [-1, 300, -1.0, np.full(GRID, 256), 0.5])
def test_baselines_do_not_wrap_around(baseline: Any) -> None:
    X = np.random.default_rng(0).integers(1, 250, (4, *GRID)).astype(np.uint8)
    seen = []

    class Looking(Linear):
        def predict_proba(self, X: Any) -> np.ndarray:
            seen.append(X)
            return np.full((len(X), 2), 0.5)

    model = Looking().fit(None)
    perturbation_curves(model, X, X, steps=1, baseline=baseline)
    np.testing.assert_array_equal(seen[0], X)
    assert seen[0].dtype == seen[1].dtype == np.float32
    np.testing.assert_array_equal(seen[1], np.broadcast_to(baseline, X.shape))
    seen.clear()
    occlusion_maps(model, X, GRID, baseline=baseline)
    assert (seen[1][:, 0, 0, 0] == np.ravel(baseline)[0]).all()
    whole = X.astype(np.int64) + 2**40
    seen.clear()
    perturbation_curves(model, whole, X, steps=1, baseline=baseline)
    np.testing.assert_array_equal(seen[0], whole)
    np.testing.assert_array_equal(seen[1], np.broadcast_to(baseline, X.shape))


def test_baselines_too_large_are_refused(events: np.ndarray) -> None:
    model = Linear().fit(None)
    X = events.astype(np.float32)
    for given in (X, (X > 0.5), (X * 100).astype(np.uint8)):
        with pytest.raises(ValueError, match="baseline is too large"):
            perturbation_curves(model, given, X, baseline=1e300)
    perturbation_curves(model, events, X, baseline=1e300)


def test_the_class_is_that_of_predict() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6))
    y = np.where(X[:, 0] + rng.normal(size=80) > 0, "signal", "background")
    strict = FixedThresholdClassifier(
        LogisticRegression(), threshold=0.8, pos_label="signal"
    ).fit(X, y)
    predicted = strict.predict(X)
    largest = strict.classes_[strict.predict_proba(X).argmax(axis=1)]
    assert (predicted != largest).any()
    np.testing.assert_array_equal(
        occlusion_maps(strict, X, (6,)),
        occlusion_maps(strict, X, (6,), target=predicted),
    )
    curves = perturbation_curves(strict, X, X, random_state=0)
    same = perturbation_curves(strict, X, X, target=predicted, random_state=0)
    np.testing.assert_array_equal(curves.deletion, same.deletion)


def test_sparse_events_are_dense_from_the_first(events: np.ndarray) -> None:
    # `Linear` takes arrays only.
    rows = sp.csr_array(events.reshape(7, -1))
    model = Linear().fit(None)
    curves = perturbation_curves(model, rows, events, random_state=0)
    dense = perturbation_curves(model, events, events, random_state=0)
    np.testing.assert_allclose(curves.deletion, dense.deletion)
    maps = occlusion_maps(model, rows, GRID)
    np.testing.assert_array_equal(maps, occlusion_maps(model, events, GRID))
