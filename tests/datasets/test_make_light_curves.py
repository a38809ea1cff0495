"""Simulated light curves: counting noise, red noise, flares, gaps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from skastro.datasets import make_light_curves


def test_parts_and_shapes() -> None:
    curves = make_light_curves(10, n_points=40, random_state=0)
    assert curves.data.shape == (10, 3, 40)
    assert Counter(curves.target.tolist()) == {
        "constant": 4,
        "flare": 3,
        "red_noise": 3,
    }
    assert np.array_equal(curves.data[3, 0], (np.arange(40) + 0.5) * 100)
    X, y = make_light_curves(10, n_points=40, return_X_y=True, random_state=0)
    assert np.array_equal(X, curves.data)
    assert np.array_equal(y, curves.target)


def test_noise_is_poisson_and_errors_fit() -> None:
    curves = make_light_curves(600, kinds=["constant"], n_points=50, random_state=0)
    counts = curves.data[:, 1] * 100.0
    np.testing.assert_allclose(counts, counts.round(), atol=1e-9)
    assert counts.mean() == pytest.approx(50.0, rel=0.01)
    assert counts.var() == pytest.approx(50.0, rel=0.03)
    pull = (curves.data[:, 1] - curves.true_rate) / curves.data[:, 2]
    assert pull.std() == pytest.approx(1.0, abs=0.02)
    exact = make_light_curves(5, noise=False, random_state=0)
    assert np.array_equal(exact.data[:, 1], exact.true_rate)
    faint = make_light_curves(5, mean_rate=1e-5, random_state=0)
    assert (faint.data[:, 2] > 0).all()


@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_red_noise_has_its_spectrum(slope: float) -> None:
    curves = make_light_curves(
        1500, kinds=["red_noise"], n_points=256, slope=slope, fvar=0.2, random_state=0
    )
    series = np.log(curves.true_rate)
    # A taper keeps the power of slow changes out of the fast ones.
    taper = np.hanning(256)
    power = np.abs(np.fft.rfft((series - series.mean(axis=1)[:, None]) * taper)) ** 2
    frequency = np.fft.rfftfreq(256)
    use = slice(4, 60)
    fit = stats.linregress(np.log(frequency[use]), np.log(power.mean(axis=0)[use]))
    assert fit.slope == pytest.approx(-slope, abs=0.12)


def test_red_noise_has_its_amplitude_and_mean() -> None:
    # White noise has all of its variance within any cut.
    white = make_light_curves(
        400, kinds=["red_noise"], slope=0.0, fvar=0.4, mean_rate=3.0, random_state=0
    )
    assert white.true_rate.mean() == pytest.approx(3.0, rel=0.01)
    assert white.true_rate.std() / 3.0 == pytest.approx(0.4, rel=0.03)
    assert white.fvar.mean() == pytest.approx(0.4, rel=0.03)
    red = make_light_curves(400, kinds=["red_noise"], fvar=0.4, random_state=0)
    # All cuts together have it; one cut misses the slowest changes.
    assert red.true_rate.std() / red.true_rate.mean() == pytest.approx(0.4, rel=0.2)
    assert red.fvar.mean() < 0.3
    assert (red.true_rate > 0).all()


def test_flares_rise_at_once_and_decay() -> None:
    curves = make_light_curves(
        200, kinds=["flare"], noise=False, mean_rate=1.0, random_state=0
    )
    top = curves.true_rate.max(axis=1)
    assert 4 < np.median(top) < 12
    for rate in curves.true_rate:
        peak = int(np.argmax(rate))
        assert np.all(rate[: max(peak - 1, 0)] == 1.0)
        assert np.all(np.diff(rate[peak:]) <= 0)
    # Binning loses no photon: twice as many bins of half the length, the same law.
    from skastro.datasets import _make_light_curves as made

    coarse, fine = (
        made._flares(50, n, 5.0, np.random.default_rng(0)) for n in (40, 80)
    )
    np.testing.assert_allclose(
        coarse, fine.reshape(50, 40, 2).mean(axis=2), rtol=1e-9, atol=1e-12
    )
    # Without a flare there is none.
    calm = make_light_curves(
        50, kinds=["flare"], flare_amplitude=0.0, noise=False, random_state=0
    )
    assert np.all(calm.true_rate == 0.5)


def test_gaps() -> None:
    curves = make_light_curves(30, n_points=20, gap_fraction=0.25, random_state=0)
    gone = np.isnan(curves.data[:, 1])
    assert (gone.sum(axis=1) == 5).all()
    assert np.array_equal(gone, np.isnan(curves.data[:, 2]))
    assert np.isfinite(curves.data[:, 0]).all()
    assert np.isfinite(curves.fvar).all()
    assert len({tuple(row) for row in gone.tolist()}) > 10
    least = make_light_curves(3, n_points=5, gap_fraction=0.99, random_state=0)
    assert (np.isfinite(least.data[:, 1]).sum(axis=1) == 2).all()


def test_seed_and_global_random_state() -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (make_light_curves(6, random_state=3).data for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, make_light_curves(6, random_state=4).data)
    make_light_curves(3)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_points": 1}, "n_points"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["pulsar"]}, "kinds"),
        ({"kinds": ["flare", "flare"]}, "kinds"),
        ({"mean_rate": 0.0}, "mean_rate must be positive"),
        ({"time_step": -1.0}, "time_step"),
        ({"fvar": np.nan}, "fvar"),
        ({"slope": np.inf}, "slope"),
        ({"gap_fraction": 1.0}, "gap_fraction"),
    ],
)
def test_wrong_parameters(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_light_curves(**parameters)
