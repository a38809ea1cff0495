"""PatternCenterer on simulated and real patterns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sklearn.exceptions import NotFittedError

from skastro.diffraction import KinematicSimulator, PatternCenterer


def blobs(centers: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    row, column = np.indices((61, 64))
    r, c = centers.T[:, :, None, None]
    return np.exp(-((row - r) ** 2 + (column - c) ** 2) / (2 * sigma**2))


def patterns(
    n: int,
    center: tuple[float, float],
    *,
    direct_beam: float,
    relrod_width: float = 0.02,
) -> np.ndarray:
    """Poisson patterns of random silver crystals."""
    simulator = KinematicSimulator(
        "silver",
        shape=(112, 112),
        scale=0.027,
        center=center,
        direct_beam=direct_beam,
        relrod_width=relrod_width,
    )
    rotations = Rotation.random(n, random_state=np.random.RandomState(0))
    images = simulator.images(rotations)
    images = images / images.max(axis=(1, 2), keepdims=True)
    rng = np.random.default_rng(0)
    return rng.poisson(300 * images + 3).astype(np.float32)


def distance(found: np.ndarray, true: Any) -> np.ndarray:
    return np.hypot(*(found - np.asarray(true)).T)


def test_direct_beam_to_a_tenth_of_a_pixel() -> None:
    true = np.array([30, 31.5]) + np.random.default_rng(0).uniform(-12, 12, (40, 2))
    images = 1000 * blobs(true) + 20
    for beam in (images, np.minimum(images, 255)):
        assert distance(PatternCenterer().find_centers(beam), true).max() < 0.1


def test_direct_beam_among_diffraction_spots() -> None:
    for center in [(55.5, 55.5), (60.2, 49.7)]:
        images = patterns(20, center, direct_beam=3.0)
        found = PatternCenterer().find_centers(images)
        assert distance(found, center).max() < 0.15


@pytest.mark.parametrize("method", ["direct_beam", "friedel"])
@pytest.mark.parametrize("interpolation", ["cubic", "linear"])
def test_transform_moves_the_centre_to_the_middle(
    method: str, interpolation: str
) -> None:
    true = np.array([[30, 31.5], [24.3, 35.8], [37.75, 28.1]])
    centerer = PatternCenterer(method=method, interpolation=interpolation)
    images = 100 * blobs(true)
    out = centerer.transform(images)
    assert distance(centerer.find_centers(out), (30, 31.5)).max() < 0.1
    assert out.min() >= 0
    np.testing.assert_allclose(out.sum(axis=(1, 2)), images.sum(axis=(1, 2)), rtol=2e-3)


def test_cubic_interpolation_is_near_the_truth() -> None:
    true = np.array([[32.37, 26.89]])
    expected = blobs(np.array([[30.0, 31.5]]))
    for interpolation, worst in (("cubic", 0.02), ("linear", 0.08)):
        centerer = PatternCenterer(interpolation=interpolation, beam_radius=6)
        shifted = centerer.transform(blobs(true))
        assert np.abs(shifted - expected).max() < worst


def test_friedel_needs_no_beam_near_a_zone_axis() -> None:
    zones = [[0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 1, 2], [1, 1, 4]]
    center = (58.3, 52.9)
    simulator = KinematicSimulator(
        "silver", shape=(112, 112), scale=0.027, center=center
    )
    images = simulator.images(zones, in_plane=0.3)
    found = PatternCenterer(method="friedel").find_centers(images)
    assert distance(found, center).max() < 0.1


def test_common_friedel_centre_of_any_orientations() -> None:
    center = (58.3, 52.9)
    # Thick crystals, which show one side of most patterns only.
    images = patterns(60, center, direct_beam=0.0, relrod_width=0.007)
    single = PatternCenterer(method="friedel").find_centers(images)
    common = PatternCenterer(method="friedel", common=True).fit(images)
    assert distance(common.center_[None], center)[0] < 0.1
    # What the class says of single patterns away from a zone axis.
    assert np.median(distance(single, center)) > 1
    assert np.array_equal(common.find_centers(images[:2]), [common.center_] * 2)


def test_common_direct_beam_is_the_median() -> None:
    true = np.array([[30.0, 31.5], [31.0, 31.0], [12.0, 50.0]])
    centerer = PatternCenterer(common=True).fit(blobs(true))
    assert distance(centerer.center_[None], (30, 31.5))[0] < 0.1
    out = centerer.transform(blobs(true))
    single = PatternCenterer()
    assert distance(single.find_centers(out)[1:2], (31, 31))[0] < 0.1


def test_common_centre_must_be_fitted() -> None:
    centerer = PatternCenterer(common=True)
    for method in (centerer.transform, centerer.find_centers):
        with pytest.raises(NotFittedError):
            method(blobs(np.array([[30.0, 30.0]])))


def test_max_shift_leaves_out_brighter_spots() -> None:
    images = blobs(np.array([[31.2, 30.4]])) + 3 * blobs(np.array([[10.0, 50.0]]))
    assert distance(PatternCenterer().find_centers(images), (10, 50)).max() < 0.1
    limited = PatternCenterer(max_shift=8).find_centers(images)
    assert distance(limited, (31.2, 30.4)).max() < 0.1


@pytest.mark.parametrize("method", ["direct_beam", "friedel"])
def test_empty_patterns_stay_where_they_are(method: str) -> None:
    images = np.full((2, 12, 15), 7.0)
    centerer = PatternCenterer(method=method)
    assert np.array_equal(centerer.find_centers(images), [[5.5, 7]] * 2)
    np.testing.assert_allclose(centerer.transform(images), images)


def test_layouts_agree_and_bytes_become_single() -> None:
    images = np.rint(200 * blobs(np.array([[28.2, 33.1], [33.4, 30.2]]))).astype(
        np.uint8
    )
    centerer = PatternCenterer(image_shape=(61, 64)).fit(images)
    out = centerer.transform(images)
    assert out.dtype == np.float32
    assert np.array_equal(centerer.transform(images[:, None])[:, 0], out)
    flat = centerer.transform(images.reshape(2, -1))
    assert np.array_equal(flat, out.reshape(2, -1))
    centers = centerer.find_centers(images.reshape(2, -1))
    assert np.array_equal(centers, centerer.find_centers(images))


@pytest.mark.real_data
def test_real_silver_patterns(data_home: Path) -> None:
    with np.load(data_home / "diffraction" / "ag_sped_two_grains.npz") as file:
        images, stated = file["patterns"], file["center_px"]
    h, w = images.shape[1:]
    row, column = np.indices((h, w))
    blocked = images.astype(np.float64)
    blocked[:, np.hypot(row - stated[0], column - stated[1]) < 7] = 0
    direct = PatternCenterer().find_centers(images)
    friedel = PatternCenterer(method="friedel").find_centers(images)
    stopped = PatternCenterer(method="friedel").find_centers(blocked)
    for found in (direct, friedel, stopped):
        assert distance(found, stated).max() < 0.5
    # Two ways that know nothing of each other agree better than with the stated pixel.
    assert distance(direct, friedel).max() < 0.25
    assert distance(direct, stopped).max() < 0.25
