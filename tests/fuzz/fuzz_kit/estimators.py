"""Every estimator: hostile data at fit, hostile data later, junk parameters."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import note
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from fuzz_kit.arrays import JUNK, hostile, moderate, relaid
from fuzz_kit.guard import strict_numbers
from fuzz_kit.same import same
from fuzz_kit.target import Target
from skastro import calibration, diffraction, galaxy, gaps, inspection, sampling, xray
from skastro import neural_network as nn

N = 12
Data = tuple[np.ndarray, Any]
_METHODS = ("predict", "predict_proba", "decision_function", "transform")
_TINY = {"max_epochs": 1, "random_state": 0, "batch_size": 8}


def _labels(n: int = N) -> np.ndarray:
    return np.array(["a", "b"])[np.arange(n) % 2]


def _features(rng: np.random.Generator) -> Data:
    y = _labels(24)
    return rng.normal(size=(24, 3)) + 0.5 * (y == "a")[:, None], y


def _regression(rng: np.random.Generator) -> Data:
    X = rng.normal(size=(N, 3))
    return X, X[:, :2]


def _images(rng: np.random.Generator) -> Data:
    return rng.gamma(1.0, size=(N, 9, 9)), _labels()


def _volumes(rng: np.random.Generator) -> Data:
    X = rng.gamma(1.0, size=(6, 10, 12, 12)) * (rng.random((6, 10, 12, 12)) < 0.02)
    return X.astype(np.float32), _labels(6)


def _patterns(rng: np.random.Generator) -> Data:
    d = rng.normal(size=(8, 3))
    X = rng.gamma(1.0, size=(8, 12, 12))
    return X, d / np.linalg.norm(d, axis=1, keepdims=True)


@functools.cache
def _simulator() -> Any:
    return diffraction.KinematicSimulator(
        "silver", shape=(24, 24), scale=0.08, max_g=0.9, relrod_width=0.05
    )


def _spots(rng: np.random.Generator) -> Data:
    d = rng.normal(size=(2, 3))
    images = _simulator().images(d, rng.uniform(0, 360, 2), random_state=0)
    return images, d / np.linalg.norm(d, axis=1, keepdims=True)


def _bands(rng: np.random.Generator) -> Data:
    return rng.gamma(2.0, size=(N, 3)), _labels()


def _curves(rng: np.random.Generator) -> Data:
    return rng.gamma(2.0, size=(N, 3, 8)).cumsum(axis=2), _labels()


_TEMPLATES: dict[str, Any] = {
    "crystal": "silver",
    "scale": 0.08,
    "max_g": 0.9,
    "relrod_width": 0.05,
    "random_state": 0,
}


def _matcher() -> Any:
    cls = diffraction.TemplateMatcher
    known = cls().get_params()
    more = {k: v for k, v in (("grid_step", 15.0), ("resolution", 15.0)) if k in known}
    return cls(**{k: v for k, v in _TEMPLATES.items() if k in known}, **more)


# Name, estimator, data, share of NaN-free promises, cases (short, long).
def _table() -> list[tuple[Any, Callable[..., Data], int, int]]:
    logistic = LogisticRegression()
    net = {"filters": (2, 2), **_TINY}
    return [
        (galaxy.CutoutNormalizer(), _images, 20, 1200),
        (galaxy.ResolutionDegrader(factor=2), _images, 20, 1200),
        (diffraction.BackgroundSubtractor(size=3.0), _images, 20, 1000),
        (diffraction.PatternCenterer(beam_radius=2.0), _images, 20, 1000),
        (diffraction.ScaleCalibrator(crystal="silver", scale=0.08), _spots, 3, 100),
        (xray.HardnessRatio(), _bands, 20, 1200),
        (xray.VariabilityFeatures(), _curves, 20, 1000),
        (gaps.VoxelSummary(), _volumes, 5, 300),
        (gaps.PrimaryTrackMasker(), _volumes, 5, 300),
        (inspection.NMFParts(max_iter=5, random_state=0), _images, 6, 300),
        (
            sampling.CappedResampler(cap=6, k_neighbors=1, random_state=0),
            _features,
            8,
            600,
        ),
        (nn.DenseClassifier(hidden_layer_sizes=(4,), **_TINY), _features, 6, 500),
        (nn.DenseRegressor(hidden_layer_sizes=(4,), **_TINY), _regression, 6, 500),
        (
            nn.NetEmbedder(nn.DenseClassifier(hidden_layer_sizes=(4,), **_TINY)),
            _features,
            5,
            400,
        ),
        (
            galaxy.GalaxyCNNClassifier(**net),
            _images,
            5,
            500,
        ),
        (
            gaps.GAPSVoxelClassifier(
                layout="conv3d", filters=(2, 2), max_epochs=1, random_state=0
            ),
            _volumes,
            4,
            200,
        ),
        (
            diffraction.DiffractionOrientationRegressor(
                n_directions=1, filters=(2,), dense_layer_sizes=(4,), **_TINY
            ),
            _patterns,
            4,
            300,
        ),
        (
            diffraction.TwoStageOrientationRegressor(
                diffraction.DiffractionOrientationRegressor(
                    n_directions=1, filters=(2,), dense_layer_sizes=(4,), **_TINY
                ),
                selector="learned",
            ),
            _patterns,
            2,
            60,
        ),
        (_matcher(), _spots, 2, 100),
        (
            calibration.CalibratedEnsembleClassifier([("a", GaussianNB())], cv=2),
            _features,
            4,
            150,
        ),
        (
            calibration.ConformalSetClassifier(logistic, random_state=0),
            _features,
            4,
            200,
        ),
        (
            calibration.FeatureErrorEnsemble(logistic, n_draws=2, random_state=0),
            _features,
            4,
            300,
        ),
        (calibration.MacroF1Classifier(logistic, cv=2), _features, 4, 200),
        (calibration.PriorCorrectedClassifier(logistic), _features, 6, 400),
        (
            calibration.RejectClassifier(logistic, cv=2, random_state=0),
            _features,
            4,
            200,
        ),
    ]


def _length(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") and X.shape else len(X)


def _check_output(estimator: Any, method: str, X: Any, out: Any) -> None:
    """Assert what every answer to every input has."""
    values = out.toarray() if sparse.issparse(out) else np.asarray(out)
    assert len(values) == _length(X), f"{method}: {len(values)} rows of {_length(X)}"
    if method == "predict" and hasattr(estimator, "classes_"):
        assert set(np.unique(values).tolist()) <= set(estimator.classes_.tolist())
    if method == "predict_proba":
        assert np.isfinite(values).all(), "a probability is not finite"
        assert (values >= -1e-7).all(), "a probability is negative"
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-4)
    if method in ("predict", "decision_function") and values.dtype.kind == "f":
        assert not np.isnan(values).any(), f"{method} gives NaN"
    if method == "transform" and values.dtype.kind == "f":
        plain = isinstance(X, np.ndarray) and X.dtype.kind in "fiub"
        # Float32 holds less: infinite there is what the cast gives.
        if plain and np.isfinite(X).all() and not _may_miss(estimator):
            assert np.isfinite(values).all(), "finite values became NaN or inf"


def _may_miss(estimator: Any) -> bool:
    """Tell whose NaN is an answer: a ratio of nothing, an event without a track."""
    return isinstance(
        estimator, (xray.HardnessRatio, xray.VariabilityFeatures, gaps.VoxelSummary)
    )


def _use(estimator: Any, X: Any, y: Any, strict: bool, rng: Any) -> None:
    """Call every method twice; the input must stay."""
    before = copy.deepcopy(X)
    if hasattr(estimator, "fit_resample"):
        with strict_numbers(strict):
            X2, y2 = estimator.fit_resample(X, y)
        assert _length(X2) == _length(y2)
        assert same(X, before), "X was changed"
        return
    for method in _METHODS:
        if not hasattr(estimator, method):
            continue
        with strict_numbers(strict and moderate(X)) as warned:
            out = getattr(estimator, method)(X)
            again = getattr(estimator, method)(X)
        assert same(X, before), f"{method} changed X"
        if not _draws(estimator):
            assert same(out, again), f"{method}: two calls, two results"
        if warned:
            continue
        _check_output(estimator, method, X, out)
        if (
            isinstance(X, np.ndarray)
            and method == "transform"
            and not _draws(estimator)
        ):
            with strict_numbers(False):
                other = getattr(estimator, method)(relaid(X, rng))
            assert same(out, other, 1e-4), f"{method}: another layout, another result"


def _draws(estimator: Any) -> bool:
    return isinstance(estimator, galaxy.ResolutionDegrader) and bool(
        estimator.noise_sigma
    )


def target(model: Any, data: Callable[..., Data], short: int, long: int) -> Target:
    """Make the target of an estimator."""
    cls = type(model)
    name = cls.__name__
    room = cls.__module__.split(".")[1]
    # What scikit-learn fits may warn of overflow by itself.
    strict = room not in ("calibration", "sampling")

    @functools.cache
    def fitted() -> Any:
        X, y = data(np.random.default_rng(0))
        return clone(model).fit(X, y) if hasattr(model, "fit") else model

    def case(draw: Callable[[Any], Any], folder: Path) -> None:
        rng = np.random.default_rng(draw(st.integers(0, 2**20)))
        X, y = data(rng)
        what = draw(st.sampled_from(("later", "later", "fit", "y", "parameter")))
        if what == "later":
            if hasattr(model, "fit_resample"):
                return
            X = draw(hostile(X))
            note(f"{name}: later {X!r:.1500}")
            _use(fitted(), X, y, strict, rng)
            return
        estimator = clone(model)
        if what == "fit":
            X = draw(hostile(X))
        elif what == "y":
            y = draw(hostile(y))
        else:
            parameter = draw(st.sampled_from(sorted(cls().get_params(deep=False))))
            estimator.set_params(**{parameter: draw(st.sampled_from(JUNK))})
        note(f"{name}: {what} {estimator!r:.300} {X!r:.900} {y!r:.300}")
        before = copy.deepcopy((X, y))
        threads = torch.get_num_threads()
        if not hasattr(estimator, "fit_resample"):
            try:
                with strict_numbers(strict and moderate([X, y])) as warned:
                    estimator.fit(X, y)
            finally:
                assert same((X, y), before), "fit changed X or y"
                assert torch.get_num_threads() == threads
            if warned:
                return
        _use(estimator, X, y, strict, rng)

    return Target(name, (f"{room}.{name}",), case, short, long)


ESTIMATORS = [target(*row) for row in _table()]
