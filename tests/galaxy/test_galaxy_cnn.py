from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from skastro.datasets import load_galaxy_zoo1_cutouts, make_galaxies
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier, ResolutionDegrader
from skastro.metrics import transformed_scorer, tss_scorer
from skastro.neural_network import NetEmbedder


def blobs(n: int = 60, size: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make round and long blobs, turned by any angle."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    angle = rng.uniform(0, np.pi, n)[:, None, None]
    axis = np.arange(size) - (size - 1) / 2
    u = np.cos(angle) * axis[:, None] + np.sin(angle) * axis
    v = -np.sin(angle) * axis[:, None] + np.cos(angle) * axis
    ratio = np.where(y, 4.0, 1.0)[:, None, None]
    X = np.exp(-(u**2 / ratio + v**2 * ratio) / 8) + rng.normal(0, 0.1, u.shape)
    return X.astype(np.float32), np.array(["round", "long"])[y]


def small(**parameters: Any) -> GalaxyCNNClassifier:
    settings = {"filters": (8, 16), "max_epochs": 50, "random_state": 0}
    return GalaxyCNNClassifier(**{**settings, **parameters})


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"augment": "geometric"},
        {"augment": "resolution"},
        {
            "layout": "thesis",
            "filters": (8, 8, 8),
            "dense_layer_sizes": (32,),
            "learning_rate_init": 3e-3,
        },
    ],
    ids=["plain", "geometric", "resolution", "thesis"],
)
def test_learns_shapes(parameters: dict) -> None:
    X, y = blobs(120)
    net = small(**parameters).fit(X[:80], y[:80])
    assert net.score(X[80:], y[80:]) >= 0.9


def test_averaging_over_symmetries_makes_predictions_symmetric() -> None:
    X, y = blobs()
    net = small(max_epochs=3).fit(X, y)
    turned = np.rot90(X, axes=(1, 2))[:, :, ::-1]
    assert np.abs(net.predict_proba(X) - net.predict_proba(turned)).max() > 1e-3
    net.set_params(average_symmetries=True)
    np.testing.assert_allclose(
        net.predict_proba(X), net.predict_proba(turned), atol=1e-5
    )
    np.testing.assert_allclose(net.embed(X), net.embed(turned), atol=1e-4)
    np.testing.assert_allclose(net.predict_proba(X).sum(1), 1, atol=1e-6)


def test_several_bands() -> None:
    X, y = blobs()
    rng = np.random.default_rng(1)
    noise = rng.normal(size=X.shape)
    cube = np.stack([noise, X, noise[::-1]], axis=1)
    net = small().fit(cube, y)
    assert net.input_shape_ == (3, 16, 16)
    assert net.score(cube, y) > 0.9


def test_fine_tuning_keeps_the_convolutions_it_starts_from() -> None:
    X, y = blobs(200)
    source = small().fit(X[:100], y[:100])
    before = pickle.dumps(source.predict_proba(X))
    three = np.where(X[:, 8, 8] > 1.1, "bright", y)
    tuned = source.fine_tune(
        X[100:], three[100:], max_epochs=1, learning_rate_init=1e-7, solver="sgd"
    )
    assert tuned.classes_.tolist() == ["bright", "long", "round"]
    # With next to no step size the body is the source's and only the head is new.
    np.testing.assert_allclose(tuned.embed(X), source.embed(X), rtol=0.2, atol=0.05)
    for old, new in zip(
        source.module_.convolutions, tuned.module_.convolutions, strict=True
    ):
        assert np.allclose(
            old.weight.detach().numpy(), new.weight.detach().numpy(), atol=1e-4
        )
    assert pickle.dumps(source.predict_proba(X)) == before


def test_init_from_composes_with_cross_validation() -> None:
    X, y = blobs(160)
    source = small().fit(X[:100], y[:100])
    few = X[100:], y[100:]
    tuned = clone(source).set_params(init_from=FrozenEstimator(source), max_epochs=2)
    fresh = clone(source).set_params(max_epochs=2)
    assert cross_val_score(tuned, *few, cv=3).mean() > 0.9
    assert (
        cross_val_score(tuned, *few, cv=3).mean()
        > cross_val_score(fresh, *few, cv=3).mean()
    )
    loaded = pickle.loads(pickle.dumps(tuned.fit(*few)))
    assert np.array_equal(loaded.predict_proba(X), tuned.predict_proba(X))


def test_init_from_refuses_another_net() -> None:
    X, y = blobs()
    source = small().fit(X, y)
    with pytest.raises(ValueError, match="filters"):
        small(filters=(8, 17), init_from=FrozenEstimator(source)).fit(X, y)
    with pytest.raises(ValueError, match="input_shape"):
        small(init_from=FrozenEstimator(source)).fit(X[:, :12], y)
    with pytest.raises(ValueError, match="fitted"):
        small(init_from=small()).fit(X, y)
    with pytest.raises(TypeError, match="net of skastro"):
        small(init_from=LogisticRegression()).fit(X, y)


def test_grid_search_over_the_resolution_gap() -> None:
    """The example of the design, word for word but for its size."""
    X, y = blobs(120, size=32)
    pipe = make_pipeline(
        CutoutNormalizer(),
        small(),
    )
    search = GridSearchCV(
        pipe,
        {"galaxycnnclassifier__augment": [None, "resolution"]},
        cv=3,
        scoring={
            "full": tss_scorer,
            "quarter": transformed_scorer(tss_scorer, ResolutionDegrader(factor=4)),
        },
        refit="quarter",
    ).fit(X, y)
    assert search.cv_results_["mean_test_full"].max() > 0.7
    assert set(search.predict(X)) <= {"round", "long"}


def test_balanced_draws_come_from_imbalanced_learn() -> None:
    X, y = blobs(120)
    keep = np.r_[np.flatnonzero(y == "round"), np.flatnonzero(y == "long")[:20]]
    flat = X[keep].reshape(len(keep), -1)
    pipe = make_resampling_pipeline(
        RandomUnderSampler(random_state=0), small(image_shape=(16, 16))
    ).fit(flat, y[keep])
    assert pipe.score(X.reshape(len(X), -1), y) > 0.8


def test_simulated_galaxies_are_learnt_from_raw_counts() -> None:
    data = make_galaxies(400, random_state=0)
    clear = np.isin(data.target, ["spiral", "elliptical"])
    X, y = data.images[clear], data.target[clear]
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.3, stratify=y, random_state=0
    )
    pipe = make_pipeline(
        CutoutNormalizer(), GalaxyCNNClassifier(max_epochs=20, random_state=0)
    ).fit(X[train], y[train])
    assert tss_scorer(pipe, X[test], y[test]) > 0.5


def test_counts_and_nanomaggies_give_the_same_classes() -> None:
    data = make_galaxies(150, uncertain="drop", random_state=2)
    counts = np.round(data.images).astype(np.uint16)
    pipe = make_pipeline(
        CutoutNormalizer(),
        GalaxyCNNClassifier(filters=(8, 16), max_epochs=15, random_state=0),
    ).fit(counts, data.target)
    # As a DR8+ frame has it: sky subtracted, 0.0045 nanomaggies a count, float32.
    nanomaggies = ((counts.astype(float) - 1146.1) * 0.0045).astype(np.float32)
    assert np.array_equal(pipe.predict(counts), pipe.predict(nanomaggies))
    np.testing.assert_allclose(
        pipe.predict_proba(counts), pipe.predict_proba(nanomaggies), atol=1e-3
    )


@pytest.mark.real_data
def test_real_galaxies_reach_a_sensible_accuracy(data_home: Any) -> None:
    path = data_home / "galaxy_zoo1" / "sdss_gz1_cutouts_64.npz"
    data = load_galaxy_zoo1_cutouts(path)
    clear = np.isin(data.target, ["spiral", "elliptical"])
    X, y = data.images[clear], data.target[clear]
    assert len(y) == 406
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.3, stratify=y, random_state=0
    )
    net = make_pipeline(
        CutoutNormalizer(),
        GalaxyCNNClassifier(augment="geometric", max_epochs=30, random_state=0),
    ).fit(X[train], y[train])
    assert net.score(X[test], y[test]) > 0.9
    embedded = make_pipeline(NetEmbedder(net), LogisticRegression(C=0.1))
    assert embedded.fit(X[train], y[train]).score(X[test], y[test]) > 0.9


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"filters": (8, 0)}, "filters"),
        ({"layout": "thesis", "filters": (8, 8)}, "three"),
        ({"layout": "deep"}, "layout"),
        ({"augment": "blur"}, "augment"),
        ({"dropout": 1.0}, "dropout"),
        ({"image_shape": (15, 16)}, "image_shape"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict, match: str) -> None:
    X, y = blobs(20)
    with pytest.raises(ValueError, match=match):
        small(**parameters).fit(X, y)


def test_values_that_overflow_in_the_net_give_no_class():
    rng = np.random.default_rng(0)
    X = rng.gamma(1.0, size=(8, 9, 9))
    net = GalaxyCNNClassifier(filters=(2, 2), max_epochs=1, random_state=0)
    net.fit(X, np.arange(8) % 2)
    X[X > 1] = 3e38
    with pytest.raises(ValueError, match="too large"):
        net.predict(X)


def test_channels_last_and_single_images_are_refused() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 16, 16, 3)), np.arange(8) % 2
    with pytest.raises(ValueError, match=r"If channels come last.*moveaxis"):
        GalaxyCNNClassifier().fit(X, y)
    net = GalaxyCNNClassifier(filters=(4,), max_epochs=1)
    # Sixteen channels of narrow images are believed where they are said to be so.
    net.set_params(image_shape=(16, 16, 3)).fit(X, y)
    net.set_params(image_shape=None).fit(np.moveaxis(X, -1, 1), y)
    with pytest.raises(ValueError, match=r"looks like one of .* give X\[None\]"):
        net.predict(X[0, :, :, 0].T)
