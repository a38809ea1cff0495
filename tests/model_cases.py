"""One small fitted case of every public estimator, for tests that walk over all.

Also a program, which prints a digest of what each case says.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from skastro.calibration import (
    CalibratedEnsembleClassifier,
    ConformalSetClassifier,
    FeatureErrorEnsemble,
    MacroF1Classifier,
    PriorCorrectedClassifier,
    RejectClassifier,
)
from skastro.datasets import make_galaxies, make_gaps_events, make_light_curves
from skastro.diffraction import (
    BackgroundSubtractor,
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PatternCenterer,
    ScaleCalibrator,
    TemplateMatcher,
    TwoStageOrientationRegressor,
)
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier, ResolutionDegrader
from skastro.gaps import GAPSVoxelClassifier, PrimaryTrackMasker, VoxelSummary
from skastro.inspection import NMFParts
from skastro.neural_network import DenseClassifier, DenseRegressor, NetEmbedder
from skastro.sampling import CappedResampler
from skastro.xray import HardnessRatio, VariabilityFeatures

Data = tuple[np.ndarray, Any]


@cache
def table() -> Data:
    """Give three classes in four columns."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    return rng.normal(size=(90, 4)) + y[:, None], np.array(["a", "b", "c"])[y]


@cache
def curves() -> Data:
    return make_light_curves(24, n_points=30, return_X_y=True, random_state=0)


@cache
def fluxes() -> Data:
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=(30, 2))
    return np.hstack([values, 0.1 * values]), None


@cache
def galaxies() -> Data:
    X, y = make_galaxies(40, size=24, return_X_y=True, random_state=0)
    return np.asarray(X), np.where(np.asarray(y) == "spiral", "spiral", "other")


@cache
def patterns() -> Data:
    """Give patterns with a direct beam, and beam directions."""
    simulator = KinematicSimulator(
        "silver", shape=(64, 64), scale=0.05, direct_beam=5.0, background=0.2
    )
    u = np.random.default_rng(0).normal(size=(16, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return np.asarray(simulator.images(u, in_plane=0.3)), u


@cache
def events() -> Data:
    X, y = make_gaps_events(60, return_X_y=True, random_state=0)
    return np.asarray(X), np.asarray(y)


@cache
def energies() -> Data:
    X, y = events()
    return X.reshape(len(X), -1), y


BOOSTED = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=4)
DENSE = DenseClassifier(hidden_layer_sizes=(8,), max_epochs=3, random_state=0)
CNN = GalaxyCNNClassifier(filters=(4, 6), max_epochs=2, random_state=0)
ORIENTATION = DiffractionOrientationRegressor(
    n_directions=1, filters=(6,), dense_layer_sizes=(7,), max_epochs=2, random_state=0
)
TWO_STAGE = TwoStageOrientationRegressor(
    clone(ORIENTATION), clone(ORIENTATION), crystal="silver", random_state=0
)
SET_NET = GAPSVoxelClassifier(
    layout="set", width=8, n_blocks=1, n_heads=2, max_epochs=2, random_state=0
)
CASES: dict[str, tuple[Any, Callable[[], Data]]] = {
    "BackgroundSubtractor": (BackgroundSubtractor(direct_beam_radius=3.0), patterns),
    "CalibratedEnsembleClassifier": (
        CalibratedEnsembleClassifier(
            [("trees", BOOSTED), ("net", DENSE)], cv=2, random_state=0
        ),
        table,
    ),
    "CappedResampler": (CappedResampler(cap=20, random_state=0), table),
    "ConformalSetClassifier": (ConformalSetClassifier(random_state=0), table),
    "CutoutNormalizer": (CutoutNormalizer(), galaxies),
    "DenseClassifier": (DENSE, table),
    "DenseRegressor": (
        DenseRegressor(hidden_layer_sizes=(8,), max_epochs=3, random_state=0),
        lambda: (table()[0], table()[0][:, :2] ** 2),
    ),
    "DiffractionOrientationRegressor": (ORIENTATION, patterns),
    "FeatureErrorEnsemble": (
        FeatureErrorEnsemble(n_draws=3, random_state=0),
        lambda: (np.hstack([table()[0], 0.1 + 0 * table()[0]]), table()[1]),
    ),
    "GAPSVoxelClassifier": (
        GAPSVoxelClassifier(
            width=8,
            n_blocks=1,
            n_heads=2,
            max_epochs=2,
            summary_estimator=BOOSTED,
            random_state=0,
        ),
        events,
    ),
    "GalaxyCNNClassifier": (CNN, galaxies),
    "HardnessRatio": (HardnessRatio(bands=[(0, 1)]), fluxes),
    "MacroF1Classifier": (MacroF1Classifier(cv=2), table),
    "NMFParts": (NMFParts(n_components=2, random_state=0), energies),
    "NetEmbedder": (NetEmbedder(CNN), galaxies),
    "PatternCenterer": (PatternCenterer(), patterns),
    "PrimaryTrackMasker": (PrimaryTrackMasker(), events),
    "PriorCorrectedClassifier": (
        PriorCorrectedClassifier(priors={"a": 0.5, "b": 0.3, "c": 0.2}),
        table,
    ),
    "RejectClassifier": (RejectClassifier(), table),
    "ResolutionDegrader": (ResolutionDegrader(factor=2), galaxies),
    "ScaleCalibrator": (
        ScaleCalibrator(crystal="silver", scale=0.05, direct_beam_radius=3.0),
        patterns,
    ),
    "TemplateMatcher": (
        TemplateMatcher(
            "silver", scale=0.05, zone_spacing=8.0, erase=False, score_limit=0.3
        ),
        patterns,
    ),
    "TwoStageOrientationRegressor": (TWO_STAGE, patterns),
    "VariabilityFeatures": (VariabilityFeatures(), curves),
    "VoxelSummary": (VoxelSummary(), events),
}


def fit(name: str, dtype: Any = None) -> tuple[Any, np.ndarray, Any]:
    """Give a fitted copy of a case with its data."""
    estimator, data = CASES[name]
    X, y = data()
    X = X if dtype is None else X.astype(dtype)
    estimator = clone(estimator)
    if hasattr(estimator, "fit_resample"):
        estimator.fit_resample(X, y)
        return estimator, X, y
    return estimator.fit(X, y), X, y


def outputs(estimator: Any, X: np.ndarray, y: Any = None) -> dict[str, np.ndarray]:
    """Give what an estimator says of X, by method."""
    found = {}
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(estimator, method):
            found[method] = np.asarray(getattr(estimator, method)(X))
    if hasattr(estimator, "fit_resample"):
        found["fit_resample"] = np.asarray(estimator.fit_resample(X, y)[0])
    return found


def digest(name: str) -> str:
    """Give a hash over every bit of what a fitted case says."""
    model, X, y = fit(name)
    found = hashlib.sha256()
    for method, values in sorted(outputs(model, X, y).items()):
        found.update(f"{method} {values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(CASES)
    print(json.dumps({name: digest(name) for name in chosen}))
