"""The map of correlations over the sector, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from skastro.diffraction import (
    BackgroundSubtractor,
    CorrelationMapDisplay,
    KinematicSimulator,
    TemplateMatcher,
)
from skastro.diffraction._library import to_polar
from skastro.diffraction._matcher_input import to_tensor
from skastro.diffraction._standard_sector import stereographic
from skastro.metrics import direction_angle

SIMULATOR = KinematicSimulator("anatase", shape=(96, 96), spot_sigma=1.0, max_g=1.2)
DIRECTIONS = [[0.3, 0.1, 1.0], [1.0, 0.3, 0.7], [0.8, 0.6, 0.4]]


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def fitted() -> tuple[np.ndarray, TemplateMatcher]:
    X = SIMULATOR.images(DIRECTIONS, in_plane=[0.1, 1.0, 2.0])
    matcher = TemplateMatcher(
        ["anatase", "silver"],
        max_g=1.2,
        spot_sigma=1.0,
        scale=SIMULATOR.scale_,
        zone_spacing=4.0,
        score_limit=0.1,
    )
    return X, matcher.fit(X)


def test_maxima_over_angle_and_mirror(fitted: tuple) -> None:
    X, matcher = fitted
    found = matcher.correlation_map(X)
    assert found.shape == (3, len(matcher.zones_))
    assert found.dtype == np.float32
    library = matcher._get_solver().library
    images = to_tensor(X.reshape(3, -1), matcher.input_shape_)
    everything = library.correlate(to_polar(library.grid, images)).numpy()
    assert np.array_equal(found, everything.max(axis=(1, 3)))
    best = matcher.zones_[found.argmax(axis=1)]
    assert (direction_angle(DIRECTIONS, best) < 4.0).all()
    assert (library.phases[found.argmax(axis=1)] == 0).all()


def test_scans_chunks_and_single_patterns_agree(fitted: tuple) -> None:
    X, matcher = fitted
    found = matcher.correlation_map(X)
    scan = np.tile(X, (13, 1, 1)).reshape(13, 3, 96, 96)
    of_scan = matcher.correlation_map(scan)
    assert of_scan.shape == (39, len(matcher.zones_))
    assert np.allclose(of_scan, np.tile(found, (13, 1)), atol=1e-5)
    assert np.allclose(matcher.correlation_map(X[1:2]), found[1:2], atol=1e-5)
    # Intensities may have any scale.
    assert np.allclose(matcher.correlation_map(7e4 * X), found, atol=1e-4)
    with pytest.raises(ValueError, match="Negative"):
        matcher.correlation_map(-X)


def test_in_plane_rotation_changes_little(fitted: tuple) -> None:
    _, matcher = fitted
    turned = SIMULATOR.images([DIRECTIONS[1]] * 4, in_plane=[0.0, 0.4, 1.3, 3.0])
    maps = matcher.correlation_map(turned)
    assert np.abs(maps - maps[0]).max() < 0.06


def test_map_holds_the_correlations_of_one_phase(fitted: tuple) -> None:
    X, matcher = fitted
    display = CorrelationMapDisplay.from_estimator(matcher, X, 1, y_true=DIRECTIONS[1])
    display.plot(show_zones=True)
    phases = matcher._get_solver().library.phases
    n = int((phases == 0).sum())
    assert len(display.zones) == n
    expected = matcher.correlation_map(X[1:2])[0, phases == 0]
    assert np.allclose(display.correlation, expected, atol=1e-5)
    drawn = np.asarray(display.mesh_.get_array())
    assert np.array_equal(drawn[:n], display.correlation)
    # Copies outside have the values of their equivalents.
    assert len(drawn) > n
    assert set(drawn[n:]) <= set(drawn[:n])
    best = stereographic(display.best_zone)
    assert np.allclose(display.best_point_.get_offsets(), [best])
    u = np.array(DIRECTIONS[1]) / np.linalg.norm(DIRECTIONS[1])
    assert np.allclose(display.true_points_.get_offsets(), [stereographic(u)])
    names = {text.get_text() for text in display.ax_.texts}
    assert names == {"[001]", "[100]", "[110]"}
    assert display.mesh_.get_clip_path() is not None
    assert display.colorbar_ is not None


def test_other_phase_and_no_truth(fitted: tuple) -> None:
    X, matcher = fitted
    display = CorrelationMapDisplay.from_estimator(matcher, X, 2, phase="silver")
    display.plot(colorbar=False)
    assert display.crystal.name == "silver"
    assert {t.get_text() for t in display.ax_.texts} == {"[001]", "[101]", "[111]"}
    assert display.true_points_ is None
    assert display.colorbar_ is None
    again = CorrelationMapDisplay.from_estimator(matcher, X, 2, phase=1)
    assert np.array_equal(again.correlation, display.correlation)
    for phase in ("gold", 2):
        with pytest.raises(ValueError, match="phase"):
            CorrelationMapDisplay.from_estimator(matcher, X, phase=phase)


def test_true_directions_are_folded() -> None:
    zones = np.random.RandomState(0).normal(size=(5, 3))
    display = CorrelationMapDisplay(
        zones=zones,
        correlation=np.arange(5.0) / 5,
        crystal="anatase",
        y_true=[-1, 2, -3, 0, 0, -1],
    )
    expected = np.array([[2, 1, 3] / np.sqrt(14), [0, 0, 1]])
    assert np.allclose(display.y_true, expected)
    with pytest.raises(ValueError, match="fit"):
        CorrelationMapDisplay(zones=zones, correlation=[1.0], crystal="anatase")


@pytest.mark.real_data
def test_best_zones_of_measured_patterns(data_home: Path) -> None:
    with np.load(data_home / "diffraction" / "ag_sped_two_grains.npz") as file:
        raw = file["patterns"].astype(np.float64)
        scale = float(file["scale_inv_angstrom_per_px"])
    X = BackgroundSubtractor().fit_transform(raw)
    matcher = TemplateMatcher(
        "silver", scale=scale, center=(56.0, 56.0), fixed=("relrod",)
    ).fit(X)
    for index, zone in enumerate([[1, 0, 1], [1, 1, 4]]):
        display = CorrelationMapDisplay.from_estimator(matcher, X, index, y_true=zone)
        angle = direction_angle([zone], [display.best_zone], laue_group="m-3m")
        assert angle < 3.0
