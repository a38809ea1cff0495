"""Long jobs of the library, some seconds each, for the note on where time goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from _growth_cases import READ
from scipy.spatial.transform import Rotation
from training import cnn_data, dense_data

from skastro.datasets import make_gaps_events, make_xray_sources
from skastro.diffraction import (
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PairMixer,
    TemplateMatcher,
)
from skastro.galaxy import GalaxyCNNClassifier
from skastro.gaps import GAPSVoxelClassifier
from skastro.neural_network import DenseClassifier
from skastro.xray import xray_pipeline

Job = Callable[[], Any]


def galaxy(size: float) -> tuple[str, Job]:
    n = max(32, int(600 * size))
    X, y = cnn_data(n)
    net = GalaxyCNNClassifier(
        layout="thesis", max_epochs=10, batch_size=32, random_state=0
    )
    return f"fit of the galaxy thesis's net, {n} images, 10 epochs", lambda: net.fit(
        X, y
    )


def dense(size: float) -> tuple[str, Job]:
    n = max(200, int(12_000 * size))
    X, y = dense_data(n)
    net = DenseClassifier(hidden_layer_sizes=(30, 30), max_epochs=30, random_state=0)
    return f"fit of a dense 30-30 net, {n:,} rows, 30 epochs", lambda: net.fit(X, y)


def xray(size: float) -> tuple[str, Job]:
    n = max(300, int(2000 * size))
    made = make_xray_sources(n, random_state=0)
    X = made.frame[READ]
    # Its ensembles take long however few the sources are: not to try things out.
    preset = "recommended" if size >= 0.1 else "study"
    model = xray_pipeline(X, preset, random_state=0)
    return f"fit of the X-ray preset {preset!r}, {n:,} sources", lambda: model.fit(
        X, made.target
    )


def gaps(size: float) -> tuple[str, Job]:
    n = max(200, int(5000 * size))
    X, y = make_gaps_events(
        n, stopped_only=True, as_sparse=True, return_X_y=True, random_state=0
    )
    net = GAPSVoxelClassifier(max_epochs=3, random_state=0)
    return f"fit of the GAPS hybrid, {n:,} events, 3 epochs", lambda: net.fit(X, y)


def diffraction(size: float) -> tuple[str, Job]:
    n = max(16, int(200 * size))
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    images = KinematicSimulator("anatase").images(
        directions, rng.uniform(0, 2 * np.pi, n)
    )
    mixer = PairMixer(np.rint(255 * np.sqrt(images)).astype(np.uint8), directions)
    pairs = rng.integers(n, size=(max(64, int(4000 * size)), 2))
    net = DiffractionOrientationRegressor(mixer=mixer, max_epochs=1, random_state=0)
    return (
        f"fit of the compact diffraction net, {len(pairs):,} mixtures",
        lambda: net.fit(pairs, mixer.labels(pairs)),
    )


def matching(size: float) -> tuple[str, Job]:
    n = max(2, int(300 * size))
    simulator = KinematicSimulator("anatase")
    first, second = (
        simulator.images(Rotation.random(n, random_state=s)) for s in (0, 1)
    )
    X = (first + second) / 2
    matcher = TemplateMatcher(n_matches=2).fit(X[:2])
    return f"match of {n} mixtures, refined", lambda: matcher.match(X)


ALL = (galaxy, dense, xray, gaps, diffraction, matching)
