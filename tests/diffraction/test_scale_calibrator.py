"""ScaleCalibrator: the scale, what it refuses, and resampling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sklearn.pipeline import make_pipeline

from skastro.diffraction import (
    BackgroundSubtractor,
    Crystal,
    KinematicSimulator,
    PatternCenterer,
    ScaleCalibrator,
)

# Reciprocal lengths of silver with a = 4.08 Å, as the file of the real patterns has
# it: in fcc, indices are all even or all odd.
_INDICES = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3), axis=-1).reshape(-1, 3)
_FCC = _INDICES[np.ptp(_INDICES % 2, axis=1) == 0]
SILVER_G = np.unique(np.linalg.norm(_FCC, axis=1).round(9))[1:] / 4.08


def patterns(
    crystal: str, scale: float, n: int, *, center: tuple[float, float] | None = None
) -> np.ndarray:
    simulator = KinematicSimulator(
        crystal,
        shape=(112, 112),
        scale=scale,
        center=center,
        direct_beam=2.0,
        max_g=56 * scale,
    )
    rotations = Rotation.random(n, random_state=np.random.RandomState(1))
    images = simulator.images(rotations)
    images = images / images.max(axis=(1, 2), keepdims=True)
    return np.random.default_rng(1).poisson(400 * images + 4).astype(np.float32)


@pytest.mark.parametrize(
    ("crystal", "scale"), [("silver", 0.0267), ("anatase", 0.021), ("silicon", 0.02)]
)
@pytest.mark.parametrize("guess", [0.9, 1.0, 1.1, None])
def test_scale_of_simulated_patterns(
    crystal: str, scale: float, guess: float | None
) -> None:
    images = patterns(crystal, scale, 12)
    first = None if guess is None else guess * scale
    calibrator = ScaleCalibrator(crystal=crystal, scale=first).fit(images)
    assert calibrator.scale_ == pytest.approx(scale, rel=5e-3)
    assert calibrator.explained_ > 0.85
    assert calibrator.n_spots_ > 30


def test_centre_that_is_off_by_half_a_pixel_is_taken_care_of() -> None:
    images = patterns("silver", 0.0267, 12, center=(55.9, 55.1))
    found = ScaleCalibrator(crystal="silver", scale=0.025).fit(images).scale_
    assert found == pytest.approx(0.0267, rel=5e-3)


def test_pipeline_from_shifted_patterns() -> None:
    images = patterns("silver", 0.0267, 12, center=(61.3, 51.8))
    background = 40 * np.exp(-np.hypot(*(np.indices((112, 112)) - 56)) / 20)
    pipe = make_pipeline(
        PatternCenterer(),
        BackgroundSubtractor(),
        ScaleCalibrator(
            crystal="silver", scale=0.029, output_scale=0.03, output_shape=(80, 84)
        ),
    )
    out = pipe.fit_transform(images + background)
    assert out.shape == (12, 80, 84)
    assert out.dtype == np.float64
    assert pipe[-1].scale_ == pytest.approx(0.0267, rel=5e-3)
    again = ScaleCalibrator(crystal="silver", scale=0.03).fit(out)
    assert again.scale_ == pytest.approx(0.03, rel=5e-3)


def test_crystals_can_be_given_in_several_ways() -> None:
    images = patterns("silver", 0.0267, 12)
    silver = Crystal.from_name("silver")
    by_name, by_crystal, by_list = (
        ScaleCalibrator(crystal=c, scale=0.026).fit(images).scale_
        for c in ("silver", silver, [silver, "silver"])
    )
    assert by_name == by_crystal
    assert by_list == pytest.approx(by_name, rel=1e-4)
    g = np.unique(silver.reflections(2.0).g_length.round(6))
    by_length = ScaleCalibrator(crystal=g, scale=0.026).fit(images).scale_
    assert by_length == pytest.approx(by_name, rel=2e-3)


def test_patterns_of_something_else_are_refused() -> None:
    # A lattice whose lengths are those of no cubic crystal.
    i, j = np.meshgrid(np.arange(-9, 10), np.arange(-9, 10))
    place = i.reshape(-1, 1) * np.array([9.7, 1.3]) + j.reshape(-1, 1) * [2.9, 12.9]
    place = place[np.abs(place).max(axis=1) < 52] + 55.5
    row, column = np.indices((112, 112))
    image = sum(np.exp(-((row - r) ** 2 + (column - c) ** 2) / 4) for r, c in place)
    with pytest.raises(ValueError, match="do not tell the scale"):
        ScaleCalibrator(crystal="silver", scale=0.0267).fit(image[None])


def test_too_few_spots_are_refused() -> None:
    image = np.random.default_rng(0).poisson(5, (2, 64, 64))
    with pytest.raises(ValueError, match="too few"):
        ScaleCalibrator(crystal="silver", scale=0.0267).fit(image)


def test_known_scale_needs_no_crystal() -> None:
    X = np.random.default_rng(0).random((3, 20, 20), dtype=np.float32)
    calibrator = ScaleCalibrator(scale=0.02).fit(X)
    assert (calibrator.scale_, calibrator.n_spots_) == (0.02, 0)
    out = calibrator.transform(X)
    assert np.array_equal(out, X)
    assert not np.shares_memory(out, X)
    assert np.isnan(ScaleCalibrator().fit(X).scale_)


@pytest.mark.parametrize("output_scale", [0.012, 0.02, 0.031, 0.05])
def test_resampling_moves_spots_and_keeps_counts(output_scale: float) -> None:
    row, column = np.indices((112, 100))
    place = np.array([30.3, 61.8])
    image = np.exp(-((row - place[0]) ** 2 + (column - place[1]) ** 2) / (2 * 1.5**2))
    calibrator = ScaleCalibrator(
        scale=0.02, output_scale=output_scale, output_shape=(180, 181)
    )
    out = calibrator.fit_transform(image[None])[0]
    assert out.sum() == pytest.approx(image.sum(), rel=5e-3)
    found = np.array([(out * i).sum() / out.sum() for i in np.indices(out.shape)])
    # In 1/Å from either centre.
    expected = (place - [55.5, 49.5]) * 0.02
    np.testing.assert_allclose((found - [89.5, 90]) * output_scale, expected, atol=1e-4)


def test_same_scale_and_shape_change_nothing() -> None:
    X = np.random.default_rng(0).random((2, 20, 23))
    out = ScaleCalibrator(scale=0.02, output_scale=0.02).fit_transform(X)
    np.testing.assert_allclose(out, X, atol=1e-12)


def test_flat_rows_change_their_length() -> None:
    X = np.random.default_rng(0).random((3, 20, 24))
    parameters = {"scale": 0.02, "output_scale": 0.03, "output_shape": (10, 12)}
    nd = ScaleCalibrator(**parameters).fit_transform(X)
    flat = ScaleCalibrator(**parameters, image_shape=(20, 24))
    out = flat.set_output(transform="pandas").fit_transform(X.reshape(3, -1))
    assert out.shape == (3, 120)
    assert out.columns[0] == "scalecalibrator0"
    assert np.array_equal(out.to_numpy(), nd.reshape(3, -1))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"scale": 0.0}, "scale"),
        ({"search": (1.2, 0.8), "crystal": "silver"}, "search"),
        ({"output_shape": (5, 5)}, "output_shape is of no use"),
        ({"scale": 1.0, "output_scale": 1.0, "output_shape": (5, 0)}, "output_shape"),
        ({"output_scale": 0.02}, "needs the scale"),
        ({"crystal": "kryptonite", "scale": 0.02}, "no built-in crystal"),
        ({"crystal": [0.3, -0.2], "scale": 0.02}, "positive"),
    ],
)
def test_senseless_parameters_are_refused(bad: dict, message: str) -> None:
    images = patterns("silver", 0.0267, 3)
    with pytest.raises(ValueError, match=message):
        ScaleCalibrator(**bad).fit(images)


@pytest.mark.real_data
@pytest.mark.parametrize("guess", [0.9, 1.0, 1.1, None])
def test_real_silver_patterns(data_home: Path, guess: float | None) -> None:
    with np.load(data_home / "diffraction" / "ag_sped_two_grains.npz") as file:
        images, known = file["patterns"], float(file["scale_inv_angstrom_per_px"])
    first = None if guess is None else guess * known
    for stack in (images, images[:1]):
        pipe = make_pipeline(
            PatternCenterer(), ScaleCalibrator(crystal=SILVER_G, scale=first)
        ).fit(stack)
        assert pipe[-1].scale_ == pytest.approx(known, rel=5e-3)
        assert pipe[-1].explained_ > 0.9
