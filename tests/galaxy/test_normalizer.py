"""From counts or nanomaggies to the input of a net."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skastro.galaxy import CutoutNormalizer, ResolutionDegrader

SKY, NOISE = 1146.0, 5.9


def counts(n: int = 12, size: int = 64, seed: int = 0) -> np.ndarray:
    """Frames as DR7 has them: bias and sky in them, galaxies of many brightnesses."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    peaks = np.geomspace(5, 5000, n)[:, None, None]
    galaxies = peaks * np.exp(-np.hypot(x, y) / 4)
    return np.rint(rng.normal(SKY + galaxies, NOISE)).astype(np.uint16)


def test_sky_and_noise_are_those_of_astropy() -> None:
    stats = pytest.importorskip("astropy.stats")
    rng = np.random.default_rng(0)
    images = counts(20).astype(float)
    images[3, 0, 0] = -1e6
    images[4, 5, 5] = 1e9
    images[5] = rng.exponential(size=(64, 64))
    images[6] = np.rint(images[6] / 40)  # few values, many of them equal
    images[7, :40] = 3.0
    for sigma, maxiters in ((3.0, 5), (2.0, 10), (5.0, 1), (3.0, 50)):
        levels = CutoutNormalizer(sigma=sigma, maxiters=maxiters).levels(images)
        for i, image in enumerate(images):
            _, median, std = stats.sigma_clipped_stats(
                image, sigma=sigma, maxiters=maxiters
            )
            assert np.isclose(levels.sky[i, 0], median, rtol=1e-12)
            assert np.isclose(levels.noise[i, 0], std, rtol=1e-9)


def test_stretch_is_that_of_astropy() -> None:
    visualization = pytest.importorskip("astropy.visualization")
    images = counts()
    for a in (0.01, 0.1, 1.0):
        linear = CutoutNormalizer(stretch="linear").transform(images)
        stretched = CutoutNormalizer(asinh_a=a).transform(images)
        expected = visualization.AsinhStretch(a)(linear, clip=False)
        assert np.allclose(stretched, expected, atol=1e-12)


def test_counts_and_nanomaggies_give_the_same_input() -> None:
    raw = counts()
    reference = CutoutNormalizer().transform(raw)
    rng = np.random.default_rng(1)
    for calibration in (1e-3, 4.7e-3, 1e-2, 0.1, 1e4):
        sky = rng.normal(SKY, 1, size=(len(raw), 1, 1))
        for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-11)):
            nanomaggies = ((raw - sky) * calibration).astype(dtype)
            got = CutoutNormalizer().transform(nanomaggies)
            assert got.dtype == dtype
            assert np.abs(got - reference).max() < tolerance


def test_levels_of_a_known_image() -> None:
    levels = CutoutNormalizer().levels(counts())
    assert levels.pixels == "flux"
    assert levels.sky.shape == (12, 1)
    # The faint ones: without galaxy light, the sky of a frame.
    assert np.abs(levels.sky[:4] - SKY).max() <= 1
    assert np.abs(levels.noise[:4] - NOISE).max() < 0.3
    # A galaxy that does not stand out is not blown up.
    assert np.allclose(levels.scale[:3], 10 * levels.noise[:3])
    assert levels.scale[-1] > 30 * NOISE
    bright = np.percentile(counts()[-1], 99.5) - levels.sky[-1, 0]
    assert np.isclose(levels.scale[-1, 0], bright)


def test_an_empty_sky_stays_quiet() -> None:
    empty = np.random.default_rng(0).normal(SKY, NOISE, size=(5, 64, 64))
    out = CutoutNormalizer(stretch="linear").transform(empty)
    assert np.allclose(out.std(axis=(1, 2)), 0.1, atol=0.005)
    bold = CutoutNormalizer(stretch="linear", noise_floor=0).transform(empty)
    assert bold.std() > 0.3


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16, np.uint8])
@pytest.mark.parametrize("value", [0, 1, 200])
def test_constant_images_become_zeros(value: int, dtype: type) -> None:
    images = np.full((3, 8, 8), value, dtype)
    normalizer = CutoutNormalizer(pixels="flux")
    assert np.array_equal(normalizer.transform(images), np.zeros((3, 8, 8)))
    assert (normalizer.levels(images).scale > 0).all()


def test_rounding_errors_are_not_blown_up() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        nearly = 1146 * (1 + 2 * np.finfo(dtype).eps * rng.normal(size=(3, 32, 32)))
        out = CutoutNormalizer().transform(nearly.astype(dtype))
        assert np.abs(out).max() < 1e-5


def test_one_bright_pixel_on_a_flat_image() -> None:
    image = np.full((1, 32, 32), 5.0)
    image[0, 3, 4] = 25.0
    out = CutoutNormalizer().transform(image)
    assert out[0, 3, 4] == 1
    assert np.count_nonzero(out) == 1


def test_extreme_units() -> None:
    images = counts().astype(float) - SKY
    expected = CutoutNormalizer().transform(images)
    for unit in (1e-200, 1e200):
        assert np.allclose(CutoutNormalizer().transform(images * unit), expected)


@pytest.mark.parametrize("per_band", [False, True])
def test_bands(per_band: bool) -> None:
    bands = np.stack([counts(seed=s) for s in range(3)], axis=1).astype(float)
    bands[:, 1] = 3 * (bands[:, 1] - SKY)  # brighter, and another sky
    normalizer = CutoutNormalizer(stretch="linear", per_band=per_band)
    out = normalizer.transform(bands)
    levels = normalizer.levels(bands)
    assert levels.scale.shape == (12, 3)
    alone = [CutoutNormalizer(stretch="linear").levels(bands[:, b]) for b in range(3)]
    assert np.array_equal(levels.sky, np.hstack([one.sky for one in alone]))
    own = np.hstack([one.scale for one in alone])
    expected = own if per_band else np.repeat(own.max(axis=1, keepdims=True), 3, axis=1)
    assert np.array_equal(levels.scale, expected)
    flat = clone(normalizer).set_params(image_shape=(3, 64, 64))
    assert np.array_equal(flat.transform(bands.reshape(12, -1)), out.reshape(12, -1))


def test_a_dead_band_does_not_set_the_scale() -> None:
    bands = np.stack([counts(), np.full((12, 64, 64), 60_000)], axis=1)
    out = CutoutNormalizer().transform(bands)
    assert np.allclose(out[:, 0], CutoutNormalizer().transform(counts()))
    assert np.abs(out[:, 1]).max() == 0


@pytest.mark.parametrize("stretch", ["asinh", "linear", None])
def test_inverse(stretch: str | None) -> None:
    raw = np.stack([counts(), counts(seed=1)], axis=1)
    for images in (raw, raw.astype(np.float32), raw.reshape(12, -1)):
        normalizer = CutoutNormalizer(stretch=stretch, image_shape=(2, 64, 64))
        levels = normalizer.levels(images)
        back = normalizer.inverse_transform(normalizer.transform(images), levels)
        assert back.shape == images.shape
        tolerance = 0.05 if images.dtype == np.float32 else 1e-6
        assert np.abs(back - images).max() < tolerance
    with pytest.raises(ValueError, match="levels are those of 12 images"):
        normalizer.inverse_transform(normalizer.transform(images[:5]), levels)


def test_images_for_display_are_only_divided() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 9)).astype(np.uint8)
    normalizer = CutoutNormalizer()
    out = normalizer.transform(images)
    assert out.dtype == np.float32
    assert np.allclose(out, images / 255)
    levels = normalizer.levels(images)
    assert levels.pixels == "display"
    back = normalizer.inverse_transform(out, levels)
    assert np.array_equal(np.rint(back), images)
    flux = CutoutNormalizer(pixels="flux").transform(images)
    assert np.allclose(flux, CutoutNormalizer().transform(images.astype(float)))


def test_degraded_images_for_display_are_taken_as_those_of_the_training() -> None:
    """Bytes become floating point in the degrader, which must not change their kind."""
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16)).astype(np.uint8)
    normalizer = CutoutNormalizer().fit(images)
    assert normalizer.pixels_ == "display"
    degraded = ResolutionDegrader(factor=2).transform(images)
    assert np.allclose(normalizer.transform(degraded), degraded / 255)
    assert normalizer.levels(degraded).pixels == "display"
    pipe = make_pipeline(ResolutionDegrader(), CutoutNormalizer(pixels="display"))
    assert np.allclose(pipe.fit_transform(images), degraded / 255)
    # And the other way round: fitted on flux, bytes are flux.
    fitted = CutoutNormalizer().fit(images.astype(float))
    assert fitted.levels(images).pixels == "flux"


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", "<i4", ">u2", "<f2"])
def test_arrays_as_fits_files_have_them(dtype: str) -> None:
    images = counts()[:3].astype(dtype)
    expected = CutoutNormalizer().transform(images.astype(np.float64))
    for given in (images, images[:, ::-1][:, ::-1]):
        out = CutoutNormalizer().fit_transform(given)
        assert out.dtype.isnative
        assert np.allclose(out, expected, atol=1e-4)


def test_pieces_do_not_matter() -> None:
    images = np.tile(counts(), (12, 1, 1))
    out = CutoutNormalizer().transform(images)
    assert np.array_equal(out[-12:], CutoutNormalizer().transform(images[:12]))


def test_input_is_not_changed() -> None:
    images = counts().astype(float)
    before = images.copy()
    normalizer = CutoutNormalizer().fit(images)
    out = normalizer.transform(images)
    normalizer.inverse_transform(out, normalizer.levels(images))
    assert np.array_equal(images, before)
    assert np.array_equal(pickle.loads(pickle.dumps(normalizer)).transform(images), out)


def test_a_hole_is_refused_with_its_place() -> None:
    images = counts().astype(float)
    images[7, 2, 3] = np.nan
    with pytest.raises(ValueError, match=r"1 of 49152 values.*\(7, 2, 3\)"):
        CutoutNormalizer().transform(images)


@pytest.mark.parametrize(
    "parameters",
    [
        {"stretch": "log"},
        {"asinh_a": 0},
        {"percentile": 101},
        {"sigma": 0.5},
        {"noise_floor": -1},
        {"maxiters": 0},
        {"pixels": "jpeg"},
    ],
)
def test_parameters_without_meaning_are_refused(parameters: dict) -> None:
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=name):
        CutoutNormalizer(**parameters).transform(counts())


@pytest.mark.real_data
def test_real_frame(data_home: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    path = data_home / "sdss_dr7" / "fpC-001739-r2-0302.fit.gz"
    frame = fits.getdata(path)[:1472, :2048]
    images = frame.reshape(23, 64, 32, 64).swapaxes(1, 2).reshape(-1, 64, 64)
    levels = CutoutNormalizer().levels(images)
    assert abs(np.median(levels.sky) - 1146) < 1.5
    assert abs(np.median(levels.noise) - 5.8) < 0.4
    out = CutoutNormalizer().transform(images)
    assert np.isfinite(out).all()
    nanomaggies = ((images - 1146.11) * 0.0047).astype(np.float32)
    assert np.abs(CutoutNormalizer().transform(nanomaggies) - out).max() < 2e-5


def test_inverse_without_levels_undoes_the_stretch() -> None:
    X = np.random.default_rng(0).normal(100, 5, (4, 24, 24))
    X[:, 10:14, 10:14] += 500
    normalizer = CutoutNormalizer().fit(X)
    levels = normalizer.levels(X)
    linear = normalizer.inverse_transform(normalizer.transform(X))
    expected = (X - levels.sky[:, :, None]) / levels.scale[:, :, None]
    np.testing.assert_allclose(linear, expected, rtol=1e-9, atol=1e-12)
