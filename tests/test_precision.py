"""float32 and float64 agree, each estimator, net, metric and simulator to its bound.

Bounds are in units of float32's eps (1.2e-7) times the largest value of the output. The
values that go in are the same in both, so what differs is the arithmetic alone.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skastro.diffraction import KinematicSimulator
from skastro.metrics import (
    classification_summary,
    direction_angle,
    direction_l1,
    efficiency_at_rejection,
    expected_calibration_error,
    rejection_curve,
    risk_coverage_curve,
    stratified_efficiency,
)

_SPEC = importlib.util.spec_from_file_location(
    "skastro_model_cases", Path(__file__).with_name("model_cases.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(cases)

EPS = float(np.finfo(np.float32).eps)

COPY = (0, "values are copied, or all is computed in one precision whatever comes")
ROUNDED = (1, "computed in float64 and rounded once, half an eps of each value")
DRAWN = (4, "a weighted mean of two rows: three roundings of half an eps each")
CUBIC = (16, "a sum of 16 products for each pixel, each rounded by half an eps twice")
# lbfgs ends where the gradient of the mean loss is below 1e-4, and in the other
# precision somewhere else within that; probabilities follow the gradient one to one.
LBFGS = (1e-4 / EPS, "lbfgs ends at a gradient of 1e-4")
# Sums over the 60 events of 1440 voxels, whose roundings add up like a random walk.
SUMS = (np.sqrt(60 * 1440), "sums over 86400 values: a random walk of roundings")
# Adam divides a gradient by its own size: one that is zero but for rounding moves a
# weight by the whole learning rate, 1e-3, in either direction.
ADAM = (1e-3 / EPS, "Adam moves a weight by the learning rate, 1e-3, either way")
BOUNDS: dict[str, tuple[float, str]] = {
    "BackgroundSubtractor": ROUNDED,
    "CalibratedEnsembleClassifier": ADAM,
    "CappedResampler": DRAWN,
    "ConformalSetClassifier": LBFGS,
    "CutoutNormalizer": ROUNDED,
    "DenseClassifier": ADAM,
    "DenseRegressor": ADAM,
    "DiffractionOrientationRegressor": ADAM,
    "FeatureErrorEnsemble": LBFGS,
    "GAPSVoxelClassifier": ADAM,
    "GalaxyCNNClassifier": ADAM,
    "HardnessRatio": ROUNDED,
    "MacroF1Classifier": LBFGS,
    "NMFParts": SUMS,
    "NetEmbedder": COPY,
    "PatternCenterer": CUBIC,
    "PrimaryTrackMasker": COPY,
    "PriorCorrectedClassifier": LBFGS,
    "RejectClassifier": LBFGS,
    "ResolutionDegrader": ROUNDED,
    "ScaleCalibrator": ROUNDED,
    "TemplateMatcher": ROUNDED,
    "TwoStageOrientationRegressor": COPY,
    "VariabilityFeatures": ROUNDED,
    "VoxelSummary": ROUNDED,
}


def test_every_estimator_has_a_bound() -> None:
    assert set(BOUNDS) == set(cases.CASES)


def distance(one: Any, two: Any) -> float:
    """Give the largest difference in units; what is no number has to be the same."""
    one, two = np.asarray(one), np.asarray(two)
    assert one.shape == two.shape
    if two.dtype.kind != "f":
        return 0.0 if np.array_equal(one, two) else np.inf
    np.testing.assert_array_equal(np.isnan(one), np.isnan(two))
    one, two = np.nan_to_num(one.astype(float)), np.nan_to_num(two.astype(float))
    size = np.abs(two).max(initial=0.0)
    return float(np.abs(one - two).max(initial=0.0) / (size * EPS)) if size else 0.0


@pytest.mark.parametrize("name", BOUNDS)
def test_estimators(name: str) -> None:
    found = []
    for dtype in (np.float32, np.float64):
        estimator, make = cases.CASES[name]
        X, y = make()
        X = np.asarray(X, np.float32).astype(dtype)
        estimator = clone(estimator)
        if "dtype" in estimator.get_params():
            estimator.set_params(dtype="preserve")
        if hasattr(estimator, "fit"):
            estimator.fit(X, y)
        found.append(cases.outputs(estimator, X, y))
    single, double = found
    bound, reason = BOUNDS[name]
    for method, values in double.items():
        assert distance(single[method], values) <= bound, (method, reason)


NETS = ("DenseClassifier", "DenseRegressor", "GalaxyCNNClassifier")
NETS = (*NETS, "DiffractionOrientationRegressor", "voxels")


@pytest.mark.parametrize("name", NETS)
def test_nets_with_the_same_weights(name: str) -> None:
    """Forward: at most 8 layers, each a random walk over at most 2000 products."""
    bound = 8 * np.sqrt(2000)
    estimator, make = cases.CASES.get(name, (cases.SET_NET, cases.events))
    X, y = make()
    net = clone(estimator).set_params(dtype="preserve").fit(X.astype(float), y)
    double = np.asarray(next(net._forward(X.astype(float))))
    low = copy.deepcopy(net)
    low.module_ = low.module_.to(torch.float32)
    low.dtype_ = "float32"
    single = np.asarray(next(low._forward(X.astype(np.float32))))
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    assert 0 < distance(single, double) <= bound


# --- metrics -----------------------------------------------------------------------


def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    return y, np.clip(rng.normal(0.3 + 0.4 * y, 0.2), 0.01, 0.99).astype(np.float32)


def pairs(p: np.ndarray) -> np.ndarray:
    """Give both classes' probabilities, exactly the same in both precisions."""
    p = np.round(p * 256) / 256
    return np.stack([1 - p, p], axis=1)


def directions() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    u = rng.normal(size=(2, 50, 3))
    u /= np.linalg.norm(u, axis=-1, keepdims=True)
    return u[0].astype(np.float32), (u[0] + 0.1 * u[1]).astype(np.float32)


Y, P = scores()
U, V = directions()
# Sums of 400 values, and bounds of bins that values fall on the same side of.
MEAN = 20.0
# An angle of about 0.1 from a cosine: its error is eps / sin(0.1), ten times eps, and
# of the normalisation and three products as much again.
ANGLE = 100.0
METRICS: dict[str, tuple[float, Callable[[type], Any]]] = {
    "expected_calibration_error": (
        MEAN,
        lambda t: expected_calibration_error(Y, pairs(P).astype(t)),
    ),
    "classwise calibration error": (
        MEAN,
        lambda t: expected_calibration_error(Y, pairs(P).astype(t), kind="classwise"),
    ),
    "classification_summary": (
        MEAN,
        lambda t: classification_summary(Y, pairs(P).astype(t)).overall.to_numpy(float),
    ),
    "efficiency_at_rejection": (
        1.0,
        lambda t: [
            getattr(efficiency_at_rejection(Y, P.astype(t), 10), name)
            for name in ("efficiency", "low", "high", "threshold")
        ],
    ),
    "rejection_curve": (1.0, lambda t: rejection_curve(Y, P.astype(t)).thresholds),
    "risk_coverage_curve": (
        1.0,
        lambda t: [risk_coverage_curve(Y, Y[::-1], P.astype(t)).aurc],
    ),
    "stratified_efficiency": (
        1.0,
        lambda t: (
            stratified_efficiency(
                Y, P.astype(t), {"half": np.arange(400) % 2}, rejection=10
            )
            .select_dtypes("number")
            .to_numpy(float)
        ),
    ),
    "direction_l1": (MEAN, lambda t: direction_l1(U.astype(t), V.astype(t))),
    "direction_angle": (ANGLE, lambda t: direction_angle(U.astype(t), V.astype(t))),
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics(name: str) -> None:
    bound, measure = METRICS[name]
    assert distance(measure(np.float32), measure(np.float64)) <= bound


# --- simulators --------------------------------------------------------------------


def test_the_simulator_of_diffraction() -> None:
    """A direction off by eps moves a spot of sigma 1.5 at radius 32 by 32 eps.

    The steepest slope of a Gaussian is exp(-1/2) / sigma, so its height changes by 13
    eps; excitation errors of the relrod, 0.02 wide at 1.5 from the centre, by 1.5 over
    0.02 times 0.6 eps, 45; both twice, as the direction and the rotation are rounded.
    """
    simulator = KinematicSimulator("silver", shape=(64, 64), scale=0.05)
    found = [simulator.images(U.astype(t), in_plane=0.3) for t in ("f4", "f8")]
    assert distance(found[0], found[1]) <= 2 * (13 + 45)
