"""Wavelengths and scattering factors."""

from __future__ import annotations

import numpy as np
import pytest

from skastro.diffraction import camera_scale, electron_wavelength, scattering_factor


@pytest.mark.parametrize(
    ("kv", "wavelength"),
    [(100, 0.0370144), (200, 0.0250793), (300, 0.0196875)],
)
def test_wavelength(kv: float, wavelength: float) -> None:
    assert electron_wavelength(kv) == pytest.approx(wavelength, abs=5e-8)


def test_wavelength_falls_with_the_voltage() -> None:
    values = [electron_wavelength(kv) for kv in (1, 30, 80, 120, 400, 1000)]
    assert (np.diff(values) < 0).all()
    # Without relativity: 12.2643 Å / sqrt(V).
    assert electron_wavelength(1e-3) == pytest.approx(12.2643, rel=1e-5)


@pytest.mark.parametrize("kv", [0, -200, np.nan, np.inf])
def test_voltages_that_are_none(kv: float) -> None:
    with pytest.raises(ValueError, match="voltage_kv"):
        electron_wavelength(kv)


TABLE = {
    "Ti": [
        (8.57595775, 6.00780669),
        (-210.33156347, 2.60285857),
        (206.09717260, 2.55352345),
        (0.04777739, 0.07114295),
        (0.00050572, 0.00485628),
    ],
    "O": [
        (29.94740452, 1.30283988),
        (-77.61012663, 1.15794105),
        (99.88177647, 1.00988549),
        (-51.21270055, 0.94332797),
        (0.00819619, 0.04331976),
    ],
    "Ag": [
        (1.553172, 8.156202),
        (2.639304, 1.216009),
        (0.1420155, 0.0790099),
        (0.0010085, 0.0029655),
        (1.946e-7, 0.0001746),
    ],
}


@pytest.mark.parametrize("element", TABLE)
def test_factor_from_the_published_numbers(element: str) -> None:
    g = np.linspace(0, 3, 31)
    expected = sum(a * (2 + b * g**2) / (1 + b * g**2) ** 2 for a, b in TABLE[element])
    np.testing.assert_allclose(scattering_factor(element, g), expected, rtol=2e-6)


@pytest.mark.parametrize(
    ("element", "off"), [("Ti", 0.01), ("O", 0.025), ("Ag", 0.02), ("Si", 0.02)]
)
def test_factor_near_that_of_another_table(element: str, off: float) -> None:
    gemmi = pytest.importorskip("gemmi")
    other = gemmi.Element(element).c4322
    for g in (0.2, 0.5, 1.0, 1.5):
        expected = other.calculate_sf(g * g / 4)
        assert scattering_factor(element, g) == pytest.approx(expected, rel=off)


def test_every_element_falls_off_and_stays_positive() -> None:
    from skastro.diffraction._scattering import _table

    assert len(_table()) == 103
    g = np.linspace(0, 6, 200)
    for element in _table():
        f = scattering_factor(element, g)
        assert (f > 0).all()
        assert (np.diff(f) < 0).all()
        # Far out it is that of a bare nucleus: 2 Z / (8 pi² a0 s²), s = g / 2.
    heavy = scattering_factor("Au", 20.0) * 20.0**2
    assert heavy == pytest.approx(79 / (2 * np.pi**2 * 0.529177), rel=0.15)


def test_shape_and_spelling() -> None:
    assert scattering_factor("Ti", np.ones((2, 3))).shape == (2, 3)
    assert scattering_factor(" ti4+", 0.5) == scattering_factor("Ti", 0.5)
    assert scattering_factor("O2-", 0.5) == scattering_factor("O", 0.5)
    # float32 would lose the cancelling terms.
    g = np.array([0.5], dtype=np.float32)
    assert scattering_factor("O", g).dtype == np.float64
    assert scattering_factor("O", g)[0] == scattering_factor("O", 0.5)


@pytest.mark.parametrize("element", ["", "X", "D", "Ti O"])
def test_elements_that_are_none(element: str) -> None:
    with pytest.raises(ValueError, match="no scattering factor"):
        scattering_factor(element, 0.5)


def test_camera_scale() -> None:
    # R d = lambda L: a spacing of 2 Å at 100 mm lies at 1.254 mm.
    scale = camera_scale(200, camera_length=100, pixel_size=10)
    radius_mm = (1 / 2.0) / scale * 10e-3
    assert radius_mm * 2.0 == pytest.approx(electron_wavelength(200) * 100)


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf])
def test_cameras_that_are_none(bad: float) -> None:
    with pytest.raises(ValueError, match="voltage_kv"):
        camera_scale(bad, 100, 10)
    with pytest.raises(ValueError, match="camera_length"):
        camera_scale(200, bad, 10)
    with pytest.raises(ValueError, match="pixel_size"):
        camera_scale(200, 100, bad)


@pytest.mark.parametrize("voltage_kv", [0, -1, 5e-324, 1e308, float("nan")])
def test_voltages_that_make_no_sense(voltage_kv):
    with pytest.raises(ValueError, match="voltage_kv"):
        electron_wavelength(voltage_kv)


def test_arguments_of_other_kinds():
    with pytest.raises(TypeError, match="element"):
        scattering_factor(None, 0.5)
    with pytest.raises(ValueError, match="finite"):
        scattering_factor("Ti", [0.5, float("nan")])


def test_float32_does_not_lose_the_masses_of_electrons():
    for voltage_kv in (1.0, 200.0, 300.0):
        exact = electron_wavelength(voltage_kv)
        assert electron_wavelength(np.float32(voltage_kv)) == exact
        single = camera_scale(np.float32(voltage_kv), np.float32(400), np.float32(55))
        assert single == camera_scale(voltage_kv, 400, 55)
