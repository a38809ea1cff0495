"""BackgroundSubtractor against known backgrounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skastro.diffraction import BackgroundSubtractor

METHODS = ["radial_median", "tophat", "gaussian"]


def spots(shape: tuple[int, int], places: list[tuple[float, float]]) -> np.ndarray:
    row, column = np.indices(shape)
    return sum(
        np.exp(-((row - r) ** 2 + (column - c) ** 2) / (2 * 1.5**2)) for r, c in places
    )


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patterns, the spots alone, and the distance from the centre."""
    radius = np.hypot(*(np.indices((72, 81)) - np.array([35.5, 40.0])[:, None, None]))
    alone = np.stack(
        [100 * spots((72, 81), [(20, 30), (51, 50), (10.4, 60.7), (45, 12)])] * 3
    )
    smooth = 400 * np.exp(-radius / 15) + 30
    return alone + smooth * np.array([0.5, 1, 2])[:, None, None], alone, radius


@pytest.mark.parametrize(
    ("method", "nearest", "steepest", "worst"),
    [("radial_median", 12, 3, 8), ("tophat", 25, 1, 10), ("gaussian", 25, 1, 10)],
)
def test_spots_stay_and_background_goes(
    scene: Any, method: str, nearest: float, steepest: int, worst: float
) -> None:
    patterns, alone, radius = scene
    # Only the rings follow a background that is steep; a square of 10 pixels leaves
    # some 5 times the slope of it under a spot.
    patterns = patterns[:steepest]
    clean = BackgroundSubtractor(method=method).transform(patterns)
    assert clean.min() >= 0
    away = radius > nearest
    assert (alone[0] > 50)[away].sum() > 5
    assert np.abs(clean - alone[:steepest])[:, away].max() < worst


def test_radial_median_is_exact_for_any_profile_along_the_radius(scene: Any) -> None:
    _, alone, radius = scene
    profile = 1000 / (1 + radius) + 50 * np.cos(radius / 4)
    clean = BackgroundSubtractor().transform((alone[0] + profile)[None])[0]
    # Three pixels from the centre on: the innermost rings are joined. Where spots raise
    # the median of a ring by a little, less than their own height is lost.
    assert np.abs(clean - alone[0])[radius > 6].max() < 8


def test_lower_quantile_keeps_rings_that_are_full_of_spots() -> None:
    angle = np.arange(0, 2 * np.pi, 0.3)
    places = [(40 + 25 * np.sin(a), 40 + 25 * np.cos(a)) for a in angle]
    pattern = 100 * spots((81, 81), places)[None] + 20.0
    ring = pattern[0] > 110
    half, low = (
        BackgroundSubtractor(quantile=q).transform(pattern)[0] for q in (0.5, 0.05)
    )
    assert half[ring].mean() < 65
    assert low[ring].mean() > 75


def test_direct_beam_is_masked_about_the_given_centre(scene: Any) -> None:
    patterns, _, _ = scene
    center = (20.0, 30.0)
    clean = BackgroundSubtractor(direct_beam_radius=6, center=center).transform(
        patterns
    )
    distance = np.hypot(*(np.indices((72, 81)) - np.array(center)[:, None, None]))
    assert np.all(clean[:, distance <= 6] == 0)
    assert np.all(clean[:, distance > 6].max(axis=1) > 50)


@pytest.mark.parametrize("method", METHODS)
def test_layouts_and_batches_agree(scene: Any, method: str) -> None:
    patterns, _, _ = scene
    subtractor = BackgroundSubtractor(method=method, direct_beam_radius=3)
    out = subtractor.transform(patterns)
    one = np.concatenate([subtractor.transform(p[None]) for p in patterns])
    np.testing.assert_allclose(out, one)
    channels = subtractor.transform(patterns[:, None])
    assert np.array_equal(channels[:, 0], out)
    flat = BackgroundSubtractor(
        method=method, direct_beam_radius=3, image_shape=(72, 81)
    ).fit(patterns)
    assert np.array_equal(flat.transform(patterns.reshape(3, -1)), out.reshape(3, -1))


def test_precision_is_kept_and_bytes_become_single(scene: Any) -> None:
    patterns, _, _ = scene
    subtractor = BackgroundSubtractor()
    exact = subtractor.transform(patterns)
    single = subtractor.transform(patterns.astype(np.float32))
    assert (exact.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(single, exact, atol=1e-3)
    bytes_ = subtractor.transform((patterns / 8).astype(np.uint8))
    assert bytes_.dtype == np.float32
    assert bytes_.max() > 5


def test_input_is_left_alone(scene: Any) -> None:
    patterns, _, _ = scene
    before = patterns.copy()
    for method in METHODS:
        BackgroundSubtractor(method=method, direct_beam_radius=5).transform(patterns)
    assert np.array_equal(patterns, before)


@pytest.mark.parametrize(
    "bad",
    [
        {"method": "median"},
        {"quantile": 1.5},
        {"size": 0},
        {"direct_beam_radius": -1},
        {"center": (1, 2, 3)},
        {"center": (np.nan, 2)},
    ],
)
def test_senseless_parameters_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        BackgroundSubtractor(**bad).fit(np.zeros((2, 9, 9)))
