"""Bands, seeing, noise and units of simulated galaxies."""

from __future__ import annotations

import numpy as np
import pytest

from skastro.galaxy._observation import (
    BANDS,
    PIXEL_SCALE,
    SOFTBIAS,
    add_sky,
    jpeg_scale,
    observe,
    to_jpeg_like,
    to_nanomaggies,
)
from skastro.galaxy._population import draw_galaxies


@pytest.fixture(scope="module")
def table():
    flags = np.repeat(["spiral", "elliptical", "uncertain"], 20)
    return draw_galaxies(flags, np.random.default_rng(3))


def take(table, *, seed=0, scale=PIXEL_SCALE, **options):
    settings = {
        "size": 64,
        "bands": ["r"],
        "psf": "moffat",
        "psf_fwhm": 1.32,
        "sky": None,
        "noise": 0.0,
    }
    settings.update(options)
    scale = np.broadcast_to(np.asarray(scale, dtype=float), len(table))
    return observe(table, scale=scale, rng=np.random.default_rng(seed), **settings)


def test_flux_is_the_magnitude(table):
    # Large frames of small galaxies without neighbours: all the light is in them.
    small = table[(table["r_e_arcsec"] < 3.5) & (table["sersic_n"] < 4)].copy()
    assert len(small) > 10
    small["magnitude"] = 13.0
    nanomaggies = to_nanomaggies(take(small, size=200), ["r"])
    total = nanomaggies.sum(axis=(1, 2, 3), dtype=np.float64)
    # Neighbours are of r = 16 and fainter.
    np.testing.assert_allclose(22.5 - 2.5 * np.log10(total), 13.0, atol=0.08)
    assert np.median(22.5 - 2.5 * np.log10(total)) == pytest.approx(13.0, abs=0.02)


def test_surface_brightness_does_not_depend_on_the_pixels(table):
    bright = table.copy()
    bright["magnitude"] = 13.0
    fine, coarse = (
        take(bright, size=size, scale=scale).sum(axis=(1, 2, 3)) * scale**2
        for size, scale in ((128, 0.25), (64, 0.5))
    )
    np.testing.assert_allclose(fine, coarse, rtol=0.1)
    assert np.median(fine / coarse) == pytest.approx(1.0, abs=0.01)


def test_seeing_widens(table):
    images = {fwhm: take(table, psf_fwhm=fwhm) for fwhm in (0.8, 1.32, 3.0)}
    peaks = {k: v.max(axis=(1, 2, 3)) for k, v in images.items()}
    # All else is drawn alike, up to the neighbours near the border of a wider frame.
    assert np.mean(peaks[0.8] > peaks[1.32]) > 0.9
    assert np.mean(peaks[1.32] > peaks[3.0]) > 0.9
    gaussian = take(table, psf="gaussian")
    assert not np.allclose(gaussian, images[1.32], rtol=1e-3)


@pytest.mark.parametrize("band", list(BANDS))
def test_noise_is_that_of_photons_and_readout(table, band):
    clean = take(table, bands=[band])
    noisy = take(table, bands=[band], noise=1.0)
    doubled = take(table, bands=[band], noise=2.0)
    grain = noisy - clean
    camera = BANDS[band]
    variance = (clean + camera.sky) / camera.gain + camera.dark_variance
    pull = grain / np.sqrt(variance)
    assert pull.mean() == pytest.approx(0.0, abs=0.01)
    assert pull.std() == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(doubled - clean, 2 * grain, atol=0.05)
    brighter = take(table, bands=[band], noise=1.0, sky=4 * camera.sky) - clean
    assert brighter.std() > 1.3 * grain.std()


def test_counts_have_sky_and_bias(table):
    dn = take(table, noise=1.0)
    counts = add_sky(dn.copy(), ["r"], None)
    np.testing.assert_array_equal(counts, np.rint(counts))
    np.testing.assert_allclose(counts - dn, SOFTBIAS + 142.0, atol=0.5001)
    # The real frames at hand have medians of 1136 to 1191 and a noise of 5.9.
    corner = counts[:, 0, :8, :8]
    assert 1136 < np.median(corner) < 1191
    assert np.median(corner.std(axis=(1, 2))) == pytest.approx(5.9, abs=0.5)
    assert add_sky(dn * 1e6, ["r"], 0.0).max() == 65535


def test_colours(table):
    bands = list("ugriz")
    dn = take(table, bands=bands)
    light = to_nanomaggies(dn.copy(), bands).sum(axis=(2, 3), dtype=np.float64)
    g_r = -2.5 * np.log10(light[:, 1] / light[:, 2])
    early = (table["kind"] == "elliptical").to_numpy()
    late = (table["kind"] == "spiral").to_numpy()
    assert 0.7 < np.median(g_r[early]) < 1.3
    assert 0.3 < np.median(g_r[late]) < 0.8
    u_z = -2.5 * np.log10(light[:, 0] / light[:, 4])
    assert np.median(u_z[early]) > np.median(u_z[late]) + 0.7
    # One band is the same picture whether others are taken with it or not.
    np.testing.assert_allclose(take(table, bands=["g"])[:, 0], dn[:, 1], rtol=1e-6)


def test_arms_are_blue(table):
    late = table[(table["n_arms"] > 0) & (table["axis_ratio"] > 0.5)].copy()
    assert len(late) > 4
    late["arm_contrast"], late["patchiness"] = 0.7, 0.0
    late["magnitude"] = 13.0
    smooth = late.assign(arm_contrast=0.0)
    spread = {}
    for band in "gi":
        ratio = take(late, bands=[band]) / take(smooth, bands=[band])
        spread[band] = ratio.std(axis=(1, 2, 3))
    assert np.all(spread["g"] > spread["i"])


def test_jpeg_like_stretch(table):
    rng = np.random.default_rng(0)
    scale = jpeg_scale(table, rng)
    assert scale.shape == (len(table),)
    assert np.all((scale >= 0.15) & (scale <= 2.0))
    assert np.corrcoef(scale, table["r_e_arcsec"])[0, 1] > 0.7
    images = to_jpeg_like(take(table, scale=scale, noise=1.0), ["r"])
    assert images.dtype == np.uint8
    levels = np.array([[[[0.0, 10.0, 100.0, 1e4, 1e6]]]], dtype=np.float32)
    stretched = to_jpeg_like(levels, ["r"])[0, 0, 0]
    assert np.all(np.diff(stretched.astype(int)) >= 0)
    assert stretched[0] < 10
    assert stretched[-1] == 255


def test_noise_of_resampled_pixels(table):
    for scale in (0.2, PIXEL_SCALE, 0.792):
        clean = take(table, scale=scale)
        noisy = take(table, scale=scale, noise=1.0, sky=1e5)
        # The mean over a fixed area of sky does not depend on the pixels.
        side = round(6.336 / scale)
        corner = (noisy - clean)[:, 0, :side, :side].mean(axis=(1, 2))
        expected = np.sqrt(1e5 / BANDS["r"].gain) * PIXEL_SCALE / (side * scale)
        assert corner.std() == pytest.approx(expected, rel=0.3)
