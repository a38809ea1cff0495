"""The light profiles of simulated galaxies against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skastro.galaxy._seeing import add_points, convolve, psf_transfer
from skastro.galaxy._simulation import (
    arm_excess,
    half_light_radius,
    render_exponential,
    render_sersic,
    sersic_b,
)


def full(value, n=8):
    return np.full(n, float(value))


def centres(size, n=8, seed=0):
    rng = np.random.default_rng(seed)
    x, y = 0.5 * (size - 1) + rng.uniform(-1, 1, size=(2, n))
    return rng.uniform(0, np.pi, n), x, y


def elliptical_radius(size, q, angle, x, y):
    rows, columns = np.mgrid[:size, :size]
    dx, dy = columns - x, rows - y
    u = dx * np.cos(angle) + dy * np.sin(angle)
    v = dy * np.cos(angle) - dx * np.sin(angle)
    return np.hypot(u, v / q), np.arctan2(v / q, u)


def test_sersic_b():
    n = np.array([0.5, 1.0, 2.0, 4.0])
    known = [np.log(2.0), 1.67834699, 3.67206075, 7.66924944]
    np.testing.assert_allclose(sersic_b(n), known, rtol=1e-8)
    # The series of Ciotti & Bertin 1999, equation 18.
    series = 2 * n - 1 / 3 + 4 / (405 * n) + 46 / (25515 * n**2)
    np.testing.assert_allclose(sersic_b(n)[1:], series[1:], rtol=2e-4)


@pytest.mark.parametrize("q", [1.0, 0.5])
@pytest.mark.parametrize(
    ("n", "r_e", "tolerance"),
    [
        (0.7, 3.0, 0.002),
        (1.0, 1.5, 0.002),
        (2.0, 3.0, 0.002),
        (4.0, 1.5, 0.012),
        (4.0, 3.0, 0.005),
        (6.0, 1.5, 0.035),
    ],
)
def test_sersic_flux(n, r_e, q, tolerance):
    size = 301
    angle, x, y = centres(size)
    image = render_sersic(full(2.0), full(r_e), full(n), full(q), angle, x, y, size)
    assert image.dtype == np.float32
    total = image.sum(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(total, 2.0, rtol=tolerance)
    assert abs(total.mean() / 2.0 - 1.0) < 0.005


@pytest.mark.parametrize(("n", "q"), [(1.0, 1.0), (2.5, 0.6), (4.0, 0.8)])
def test_half_of_the_light_is_inside_the_half_light_radius(n, q):
    size, r_e = 241, 8.0
    angle, x, y = centres(size, 3)
    image = render_sersic(
        full(1, 3), full(r_e, 3), full(n, 3), full(q, 3), angle, x, y, size
    )
    for i in range(3):
        radius, _ = elliptical_radius(size, q, angle[i], x[i], y[i])
        order = np.argsort(radius, axis=None)
        growth = np.cumsum(image[i].ravel()[order], dtype=np.float64)
        measured = np.interp(0.5, growth, radius.ravel()[order])
        assert measured == pytest.approx(r_e, rel=0.02)


def test_profile_value_far_from_the_centre():
    size, n, r_e = 101, 3.0, 6.0
    x = full(50.0, 1)
    image = render_sersic(
        full(1, 1), full(r_e, 1), full(n, 1), full(1, 1), full(0, 1), x, x, size
    )[0]
    b = sersic_b(np.array([n]))[0]
    ratio = image[50, 80] / image[50, 65]
    expected = np.exp(-b * ((30 / r_e) ** (1 / n) - (15 / r_e) ** (1 / n)))
    assert ratio == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("q", [1.0, 0.5, 0.12])
@pytest.mark.parametrize("h", [1.5, 4.0])
def test_exponential_flux_shape_and_direction(h, q):
    size = 161
    angle, x, y = centres(size)
    image = render_exponential(full(3), full(h), full(q), angle, x, y, size)
    np.testing.assert_allclose(
        image.sum(axis=(1, 2), dtype=np.float64), 3.0, rtol=0.003
    )
    rows, columns = np.mgrid[:size, :size]
    for i in range(4):
        weight = image[i] / image[i].sum()
        dx, dy = columns - x[i], rows - y[i]
        assert np.sum(weight * dx) == pytest.approx(0.0, abs=0.02)
        xx, yy, xy = (
            np.sum(weight * m) for m in (dx * dx - 1 / 12, dy * dy - 1 / 12, dx * dy)
        )
        long, short = (
            0.5 * (xx + yy) + s * np.hypot(0.5 * (xx - yy), xy) for s in (1, -1)
        )
        # The second moment of an exponential disk is 3 h^2 on each axis.
        assert long == pytest.approx(3 * h**2, rel=0.02)
        assert short == pytest.approx(3 * (h * q) ** 2, rel=0.02, abs=0.05)
        if q < 1:
            turn = 0.5 * np.arctan2(2 * xy, xx - yy)
            assert np.cos(2 * (turn - angle[i])) > 0.999


def test_half_light_radius_of_bulge_and_disk():
    one = np.ones(3)
    fraction = np.array([0.0, 1.0, 0.5])
    radius = half_light_radius(fraction, 0.4 * one, 2 * one, one)
    # An exponential disk has 1.678 scale lengths, a pure bulge its own radius.
    np.testing.assert_allclose(radius[:2], [1.67834699, 0.4], rtol=1e-6)
    assert 0.4 < radius[2] < 1.678


def arms(size=121, q=1.0, contrast=0.6, pitch=0.3, n_arms=2, sharpness=1.5, h=12.0):
    angle, x, y = full(0.4, 1), full(60.2, 1), full(59.7, 1)
    place = (full(h, 1), full(q, 1), angle, x, y)
    disk = render_exponential(full(1, 1), *place, size)
    excess = arm_excess(
        disk,
        *place,
        contrast=full(contrast, 1),
        n_arms=full(n_arms, 1),
        pitch=full(pitch, 1),
        phase=full(0.0, 1),
        sharpness=full(sharpness, 1),
    )
    radius, theta = elliptical_radius(size, q, 0.4, 60.2, 59.7)
    return disk[0], excess[0], radius, theta


@pytest.mark.parametrize("q", [1.0, 0.5])
@pytest.mark.parametrize("n_arms", [2, 3, 4])
def test_arms_only_move_light_about(q, n_arms):
    disk, excess, radius, _ = arms(q=q, n_arms=n_arms)
    assert (disk + excess).min() >= 0.0
    assert excess.min() >= -0.6 * disk.max()
    assert np.all(excess >= -0.6001 * disk)
    for low in (10, 18, 26):
        ring = (radius > low) & (radius < low + 6)
        assert abs(excess[ring].sum()) < 0.03 * disk[ring].sum()
    assert np.abs(excess[radius < 1.5]).max() < 0.05 * disk.max()


@pytest.mark.parametrize("pitch", [0.3, -0.3, 0.5])
def test_arms_follow_the_logarithmic_spiral(pitch):
    disk, excess, radius, theta = arms(pitch=pitch)
    ratio = excess / disk
    ring = (radius > 12) & (radius < 40)
    phase = 2 * theta - 2 * np.log(radius) / np.tan(pitch)
    on, off = ring & (np.cos(phase) > 0.98), ring & (np.cos(phase) < -0.98)
    assert ratio[on].min() > 0.3
    assert ratio[off].max() < -0.2
    # Mirrored winding is another picture.
    mirrored = 2 * theta + 2 * np.log(radius) / np.tan(pitch)
    assert np.corrcoef(ratio[ring], np.cos(phase)[ring])[0, 1] > 0.9
    assert abs(np.corrcoef(ratio[ring], np.cos(mirrored)[ring])[0, 1]) < 0.3


def test_arms_vanish_when_blurred():
    disk, excess, _, _ = arms(size=120, h=9.0, n_arms=3)
    blocks = [
        np.abs(excess.reshape(120 // k, k, 120 // k, k).mean(axis=(1, 3))).mean()
        / disk.mean()
        for k in (1, 8, 20)
    ]
    assert blocks[0] > 0.2
    assert blocks[1] < 0.8 * blocks[0]
    assert blocks[2] < 0.25 * blocks[0]


@pytest.mark.parametrize("kind", ["moffat", "gaussian"])
@pytest.mark.parametrize("fwhm", [2.0, 3.3, 6.0])
def test_point_spread_function(kind, fwhm):
    size = 128
    image = np.zeros((1, size, size), dtype=np.float32)
    image[0, 64, 64] = 5.0
    blurred = convolve(image, psf_transfer(size, np.array([fwhm]), kind))[0]
    assert blurred.dtype == np.float32
    assert blurred.sum(dtype=np.float64) == pytest.approx(5.0, rel=1e-5)
    r = np.hypot(*(np.mgrid[:size, :size] - 64))
    if kind == "moffat":
        alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3.5) - 1))
        expected = 2.5 / (np.pi * alpha**2) * (1 + (r / alpha) ** 2) ** -3.5
    else:
        expected = stats.norm.pdf(r, scale=fwhm / np.sqrt(8 * np.log(2)))
        expected *= stats.norm.pdf(0, scale=fwhm / np.sqrt(8 * np.log(2)))
    # Two pixels a width are just enough for a sampled Moffat profile's sharp centre.
    tolerance = 0.04 if fwhm == 2.0 else 2e-3
    np.testing.assert_allclose(blurred, 5 * expected, atol=tolerance * blurred.max())


def test_convolution_conserves_the_flux_of_every_channel():
    rng = np.random.default_rng(0)
    images = rng.random((4, 3, 40, 40)).astype(np.float32)
    transfer = psf_transfer(40, np.array([2.0, 3.0, 4.0, 5.0]))
    blurred = convolve(images, transfer)
    assert blurred.shape == images.shape
    np.testing.assert_allclose(
        blurred.sum(axis=(2, 3)), images.sum(axis=(2, 3)), rtol=1e-5
    )
    for i in range(4):
        alone = convolve(images[i, 1:2], transfer[i : i + 1])[0]
        np.testing.assert_allclose(blurred[i, 1], alone, rtol=1e-5)
    none = psf_transfer(40, np.zeros(4))
    np.testing.assert_allclose(convolve(images, none), images, atol=1e-5)


def test_point_sources_keep_flux_and_place():
    images = np.zeros((2, 20, 20), dtype=np.float32)
    owner, flux = np.array([0, 1, 1]), np.array([1.0, 2.0, 2.0])
    x, y = np.array([3.25, 5.5, 5.5]), np.array([10.75, 6.0, 6.0])
    add_points(images, owner, flux, x, y)
    np.testing.assert_allclose(images.sum(axis=(1, 2)), [1.0, 4.0])
    rows, columns = np.mgrid[:20, :20]
    assert (images[0] * columns).sum() == pytest.approx(3.25)
    assert (images[0] * rows).sum() == pytest.approx(10.75)
    assert (images[1] * columns).sum() / 4 == pytest.approx(5.5)
