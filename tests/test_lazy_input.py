"""Every estimator of images takes arrays on disk, and reads them in parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skastro.calibration import (
    CalibratedEnsembleClassifier,
    ConformalSetClassifier,
    MacroF1Classifier,
    PriorCorrectedClassifier,
    RejectClassifier,
)
from skastro.datasets import load_gaps_sample, make_diffraction_patterns
from skastro.diffraction import (
    BackgroundSubtractor,
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PatternCenterer,
    ScaleCalibrator,
    TemplateMatcher,
    TwoStageOrientationRegressor,
)
from skastro.diffraction import _pattern_transformer as pattern_transformer
from skastro.diffraction import _template_matcher as template_matcher
from skastro.diffraction import _two_stage_data as two_stage_data
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier, ResolutionDegrader
from skastro.gaps import GAPSVoxelClassifier, PrimaryTrackMasker, VoxelSummary
from skastro.inspection import GradCAM, NMFParts, occlusion_maps, perturbation_curves
from skastro.model_selection import (
    ClusterBalancedKFold,
    cluster_subsets,
    repeated_holdout,
)
from skastro.neural_network import (
    BaseTorchEstimator,
    DenseClassifier,
    DenseRegressor,
    NetEmbedder,
)
from skastro.utils import (
    LazyRows,
    _lazy_rows,
    _row_store,
    _sparse_rows,
    _validation,
    all_estimators,
)

KINDS = ["lazy", "zarr", "dask", "memmap"]
# Its products of many images at once round by their number.
ROUNDS = {"ResolutionDegrader"}
# Not more than this share of all rows may be asked for in one reading.
SHARE = 0.35

NO_IMAGES = {
    "FeatureErrorEnsemble": "columns of a catalogue with their errors",
    "HardnessRatio": "columns of a catalogue",
    "VariabilityFeatures": "light curves of a catalogue",
    "CappedResampler": "its neighbours and synthetic rows need all rows in memory",
}


class Data(NamedTuple):
    X: np.ndarray
    y: Any = None


class Case(NamedTuple):
    make: Callable[[], Any]
    data: Callable[[], Data]
    methods: tuple[str, ...]
    kinds: tuple[str, ...] = ("lazy", "zarr", "dask", "memmap")


@cache
def galaxies() -> Data:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    r = np.hypot(*(np.indices((16, 16)) - 7.5))
    X = np.exp(-r / (2 + 2 * y[:, None, None])) + rng.normal(0, 0.05, (60, 16, 16))
    return Data(X.astype(np.float32), y)


@cache
def patterns() -> Data:
    simulator = KinematicSimulator("silver", shape=(48, 48), scale=0.06)
    X, y = make_diffraction_patterns(
        30, simulator=simulator, return_X_y=True, random_state=0
    )
    return Data(np.ascontiguousarray(X, dtype=np.float32), y)


@cache
def counts() -> Data:
    X, y = patterns()
    return Data(np.round(100 * X / X.max()).astype(np.uint16), y)


@cache
def pairs() -> Data:
    simulator = KinematicSimulator("silver", shape=(48, 48), scale=0.06)
    X, y = make_diffraction_patterns(
        12, n_directions=2, simulator=simulator, return_X_y=True, random_state=0
    )
    return Data(np.ascontiguousarray(X, dtype=np.float32), y)


@cache
def zones() -> Data:
    simulator = KinematicSimulator("silver", shape=(64, 64), scale=0.04)
    places = [[0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 1, 2], [1, 0, 3]]
    return Data(simulator.images(places * 3))


@cache
def events() -> Data:
    X, y = load_gaps_sample(incidence="vertical", return_X_y=True)
    return Data(np.ascontiguousarray(X[:60]), y[:60])


@cache
def hits() -> Data:
    X, y = events()
    return Data(X > 0.4, y)


def net(**settings: Any) -> DenseClassifier:
    given = {"max_epochs": 2, "batch_size": 8, "random_state": 0, **settings}
    return DenseClassifier(hidden_layer_sizes=(6,), **given)


def voxels(layout: str) -> GAPSVoxelClassifier:
    return GAPSVoxelClassifier(
        layout=layout,
        filters=(4,) if layout not in ("set", "hybrid") else "auto",
        width=8,
        n_blocks=1,
        n_heads=2,
        max_epochs=1,
        batch_size=16,
        average_symmetries=False,
        random_state=0,
    )


def orientation(**settings: Any) -> DiffractionOrientationRegressor:
    given = {"max_epochs": 1, "batch_size": 6, "filters": (4,), "random_state": 0}
    return DiffractionOrientationRegressor(**given, **settings)


def two_stage() -> TwoStageOrientationRegressor:
    simulator = KinematicSimulator("silver", shape=(48, 48), scale=0.06)
    group = {"laue_group": simulator.crystal_.laue_group}
    return TwoStageOrientationRegressor(
        orientation(**group), orientation(**group), simulator=simulator, random_state=0
    )


def matcher() -> TemplateMatcher:
    return TemplateMatcher("silver", scale=0.06, zone_spacing=8.0, refine=False)


META = ("lazy", "zarr", "dask")  # folds of a memory map are ordinary arrays
PROBA = ("predict", "predict_proba")
CASES = {
    "BackgroundSubtractor": Case(BackgroundSubtractor, patterns, ("transform",)),
    "CalibratedEnsembleClassifier": Case(
        lambda: CalibratedEnsembleClassifier([("net", net())], cv=2, random_state=0),
        galaxies,
        PROBA,
        META,
    ),
    "ConformalSetClassifier": Case(
        lambda: ConformalSetClassifier(net(), cv=2, random_state=0),
        galaxies,
        ("predict_set",),
        META,
    ),
    "CutoutNormalizer": Case(CutoutNormalizer, galaxies, ("transform",)),
    "DenseClassifier": Case(net, galaxies, (*PROBA, "embed")),
    "DenseRegressor": Case(
        lambda: DenseRegressor(max_epochs=2, batch_size=8, random_state=0),
        patterns,
        ("predict",),
    ),
    "DiffractionOrientationRegressor": Case(orientation, counts, ("predict",)),
    "GAPSVoxelClassifier": Case(lambda: voxels("hybrid"), events, PROBA),
    "GAPSVoxelClassifier, 3D": Case(lambda: voxels("conv3d"), events, PROBA),
    "GAPSVoxelClassifier, bytes": Case(lambda: voxels("set"), hits, PROBA),
    "GalaxyCNNClassifier": Case(
        lambda: GalaxyCNNClassifier(max_epochs=1, batch_size=8, random_state=0),
        galaxies,
        PROBA,
    ),
    "MacroF1Classifier": Case(
        lambda: MacroF1Classifier(net(), cv=2), galaxies, PROBA, META
    ),
    "NMFParts": Case(lambda: NMFParts(random_state=0), events, ("transform",)),
    "NetEmbedder": Case(lambda: NetEmbedder(net()), galaxies, ("transform",)),
    "PatternCenterer": Case(PatternCenterer, patterns, ("transform", "find_centers")),
    "PatternCenterer, common": Case(
        lambda: PatternCenterer(method="friedel", common=True),
        counts,
        ("transform",),
    ),
    "PrimaryTrackMasker": Case(PrimaryTrackMasker, events, ("transform", "track_mask")),
    "PriorCorrectedClassifier": Case(
        lambda: PriorCorrectedClassifier(net(), priors=[0.7, 0.3]),
        galaxies,
        PROBA,
        META,
    ),
    "RejectClassifier": Case(
        lambda: RejectClassifier(net(), coverage=0.6, cv=2), galaxies, PROBA, META
    ),
    "ResolutionDegrader": Case(ResolutionDegrader, galaxies, ("transform",)),
    "ScaleCalibrator": Case(
        lambda: ScaleCalibrator(crystal="silver", scale=0.038, output_scale=0.05),
        zones,
        ("transform",),
    ),
    "TemplateMatcher": Case(matcher, patterns, ("predict", "correlation_map")),
    "TwoStageOrientationRegressor": Case(two_stage, pairs, ("predict",)),
    "VoxelSummary": Case(VoxelSummary, events, ("transform",)),
}


def on_disk(kind: str, X: np.ndarray, folder: Path) -> Any:
    """Give the same array as it comes from a file."""
    path = folder / "X.npy"
    if kind == "zarr":
        zarr = pytest.importorskip("zarr")
        chunks = (3, *X.shape[1:])
        array = zarr.open_array(
            str(folder / "X.zarr"),
            mode="w",
            shape=X.shape,
            chunks=chunks,
            dtype=X.dtype,
        )
        array[:] = X
        return array
    if kind == "dask":
        return pytest.importorskip("dask.array").from_array(X, chunks=(7, *X.shape[1:]))
    np.save(path, X)
    return LazyRows(path) if kind == "lazy" else np.load(path, mmap_mode="r")


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make all blocks small, and record the share of rows in each reading."""
    shares: list[float] = []
    read = _row_store.RowStore.read

    def recorded(self: Any, rows: Any) -> np.ndarray:
        out = read(self, rows)
        # A source that itself stands for lazy rows is read further down.
        if not type(self.data).__module__.startswith("skastro"):
            shares.append(len(out) / self.shape[0])
        return out

    monkeypatch.setattr(_row_store.RowStore, "read", recorded)
    monkeypatch.setattr(_lazy_rows, "_SMALL_BYTES", 0)
    monkeypatch.setattr(_lazy_rows, "_BLOCK_VALUES", 5000)
    monkeypatch.setattr(_validation, "_CHUNK_VALUES", 2000)
    monkeypatch.setattr(pattern_transformer, "_CHUNK_PIXELS", 5000)
    monkeypatch.setattr(template_matcher, "_CHUNK", 4)
    monkeypatch.setattr(two_stage_data, "_CHUNK", 3)
    for cls in (BaseTorchEstimator, GAPSVoxelClassifier):
        monkeypatch.setattr(cls, "_inference_batch", lambda self: 4)
    return shares


def outputs(case: Case, X: Any, y: Any) -> dict[str, np.ndarray]:
    estimator = case.make()
    estimator.fit(X, y)
    return {name: np.asarray(getattr(estimator, name)(X)) for name in case.methods}


EXPECTED: dict[str, dict[str, np.ndarray]] = {}


def test_every_estimator_has_a_case_or_a_reason() -> None:
    names = {name for name, _ in all_estimators()}
    assert names == {name.partition(",")[0] for name in CASES} | NO_IMAGES.keys()


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, case in CASES.items() for kind in case.kinds],
)
def test_what_is_on_disk_gives_the_same_bits(
    name: str, kind: str, tmp_path: Path, readings: list[float]
) -> None:
    case = CASES[name]
    X, y = case.data()
    if name not in EXPECTED:
        EXPECTED[name] = outputs(case, X, y)
        assert not readings
    found = outputs(case, on_disk(kind, X, tmp_path), y)
    for method, expected in EXPECTED[name].items():
        assert found[method].dtype == expected.dtype, method
        if name in ROUNDS:
            np.testing.assert_allclose(found[method], expected, rtol=0, atol=1e-6)
        else:
            assert np.array_equal(found[method], expected), method
    assert readings, "nothing was read lazily"
    assert max(readings) <= SHARE


@pytest.mark.parametrize(
    "name",
    [n for n, c in CASES.items() if "transform" in c.methods],
)
def test_transformers_of_images_promise_lazy_rows(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    X, y = case.data()
    estimator = case.make().fit(X, y)
    made = estimator.transform(on_disk("lazy", X, tmp_path))
    features = name in ("NMFParts", "NetEmbedder", "VoxelSummary")
    assert isinstance(made, np.ndarray if features else LazyRows)


def test_a_pipeline_in_a_cross_validation_reads_rows(
    tmp_path: Path, readings: list[float]
) -> None:
    X, y = galaxies()
    pipe = make_pipeline(CutoutNormalizer(), net())
    expected = cross_val_score(pipe, X, y, cv=3)
    found = cross_val_score(pipe, on_disk("lazy", X, tmp_path), y, cv=3)
    assert np.array_equal(found, expected)
    assert readings
    assert max(readings) <= SHARE


@pytest.mark.parametrize("kind", ["lazy", "zarr"])
def test_a_scan_is_read_row_by_row(
    kind: str, tmp_path: Path, readings: list[float]
) -> None:
    X = patterns().X.reshape(6, 5, 48, 48)
    scan = on_disk(kind, X, tmp_path)
    for make in (matcher, lambda: PatternCenterer(method="friedel", common=True)):
        expected, found = make().fit(X), make().fit(scan)
        name = "predict" if hasattr(expected, "predict") else "transform"
        ours = np.asarray(getattr(found, name)(scan))
        assert np.array_equal(ours, getattr(expected, name)(X))
    assert max(readings) <= SHARE


@pytest.mark.parametrize("kind", META)
def test_repeated_studies_keep_rows_on_disk(
    kind: str, tmp_path: Path, readings: list[float]
) -> None:
    X, y = galaxies()
    settings: dict[str, Any] = {
        "n_repeats": 2,
        "test_variants": {"blurred": ResolutionDegrader()},
        "random_state": 0,
    }
    expected = repeated_holdout(net(), X, y, **settings)
    found = repeated_holdout(net(), on_disk(kind, X, tmp_path), y, **settings)
    assert found.summary().equals(expected.summary())
    assert max(readings) <= SHARE


@pytest.mark.parametrize("kind", KINDS)
def test_maps_are_made_block_by_block(
    kind: str, tmp_path: Path, readings: list[float]
) -> None:
    X, y = galaxies()
    model = GalaxyCNNClassifier(max_epochs=1, batch_size=8, random_state=0).fit(X, y)
    cam = GradCAM(model, batch_size=4)
    lazy = on_disk(kind, X, tmp_path)
    assert np.array_equal(cam(lazy), cam(X))
    expected = occlusion_maps(model, X, (16, 16), patch=8, target=y, baseline=X[::-1])
    readings.clear()
    found = occlusion_maps(model, lazy, (16, 16), patch=8, target=y, baseline=X[::-1])
    # Batches of another size may round otherwise.
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert max(readings) <= SHARE
    with pytest.raises(ValueError, match="one for each of the 60 events"):
        occlusion_maps(model, LazyRows(X), (16, 16), patch=8, target=y[:3])


@pytest.mark.parametrize("kind", KINDS)
def test_curves_take_what_is_on_disk(kind: str, tmp_path: Path) -> None:
    X, y = galaxies()
    model = net().fit(X, y)
    expected = perturbation_curves(model, X, X, steps=2, random_state=0)
    lazy = on_disk(kind, X, tmp_path)
    found = perturbation_curves(model, lazy, X, steps=2, random_state=0)
    assert found.summary().equals(expected.summary())


@pytest.mark.parametrize("kind", META)
def test_clusters_take_what_is_on_disk(kind: str, tmp_path: Path) -> None:
    X, y = galaxies()
    lazy = on_disk(kind, X, tmp_path)
    folds = ClusterBalancedKFold(2, n_clusters=3, random_state=0)
    for (a, b), (c, d) in zip(folds.split(X, y), folds.split(lazy, y), strict=True):
        assert np.array_equal(a, c)
        assert np.array_equal(b, d)
    settings: dict[str, Any] = {"n_subsets": 2, "n_clusters": 3, "random_state": 0}
    for a, b in zip(
        cluster_subsets(X, **settings), cluster_subsets(lazy, **settings), strict=True
    ):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("make", [lambda: voxels("set"), VoxelSummary, NMFParts])
@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_bad_values_are_found_with_their_place(
    make: Callable[[], Any], value: float, readings: list[float]
) -> None:
    X, y = events()
    X = X.copy()
    X[41, 3, 2, 1] = value
    place = r"\(41, 457\)" if value != -1 else "[Nn]egative"
    with pytest.raises(ValueError, match=place):
        make().fit(LazyRows(X), y)


def test_large_arrays_of_bytes_are_converted_block_by_block(
    monkeypatch: pytest.MonkeyPatch, readings: list[float]
) -> None:
    X, y = hits()
    monkeypatch.setattr(_sparse_rows, "_SMALL_BYTES", 0)
    expected = outputs(CASES["GAPSVoxelClassifier, bytes"], X, y)
    assert max(readings) <= SHARE
    dense = X.astype(np.float32)
    found = outputs(CASES["GAPSVoxelClassifier, bytes"], dense, y)
    for name, values in expected.items():
        assert np.array_equal(found[name], values)
