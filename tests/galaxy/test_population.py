"""The simulated population against the laws and the real sample it follows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skastro.galaxy._population import (
    REDSHIFT_LAW,
    VOTE_THRESHOLD,
    _distances,
    draw_galaxies,
)


@pytest.fixture(scope="module")
def table():
    flags = np.repeat(["spiral", "elliptical", "uncertain"], 1500)
    return draw_galaxies(flags, np.random.default_rng(0))


def of(table, flag):
    return table[table["flag"] == flag]


def test_flags_are_the_wanted_ones_in_order(table):
    flags = np.array(["uncertain", "spiral", "spiral", "elliptical"] * 5)
    drawn = draw_galaxies(flags, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn["flag"].to_numpy(dtype=str), flags)
    assert drawn.index.tolist() == list(range(20))
    numbers = table.select_dtypes("number").drop(
        columns=["pitch_angle_deg", "disk_scale_arcsec"]
    )
    assert np.isfinite(numbers.to_numpy()).all()


def test_flags_follow_from_the_votes(table):
    shares = table[["p_el", "p_cw", "p_acw", "p_edge", "p_dk", "p_mg"]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(table["p_cs"], shares[:, 1:4].sum(axis=1))
    spiral = table["p_cs"] >= VOTE_THRESHOLD
    elliptical = table["p_el"] >= VOTE_THRESHOLD
    expected = np.select([spiral, elliptical], ["spiral", "elliptical"], "uncertain")
    np.testing.assert_array_equal(table["flag"].to_numpy(dtype=str), expected)
    names = np.array(["E", "CW", "ACW", "EDGE", "DK", "MG"])
    np.testing.assert_array_equal(
        table["majority_vote"].to_numpy(dtype=str), names[shares.argmax(axis=1)]
    )
    # As in the real sample, most uncertain ones look elliptical to most volunteers.
    uncertain = of(table, "uncertain")
    assert 0.55 < (uncertain["majority_vote"] == "E").mean() < 0.85
    edge_on = of(table, "spiral")["majority_vote"] == "EDGE"
    assert 0.15 < edge_on.mean() < 0.40


@pytest.mark.parametrize("flag", ["spiral", "elliptical"])
def test_redshifts_follow_the_stated_law(table, flag):
    shape, scale = REDSHIFT_LAW[flag]
    law = stats.weibull_min(shape, scale=scale)
    assert stats.kstest(of(table, flag)["redshift"], law.cdf).statistic < 0.045


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("flag", "name", "distance"),
    [("elliptical", "z_list_el", 0.055), ("spiral", "z_list_sp", 0.078)],
)
def test_law_is_close_to_the_real_redshifts(data_home, flag, name, distance):
    real = np.load(data_home / "galaxy_zoo1" / f"{name}.npy")
    shape, scale = REDSHIFT_LAW[flag]
    law = stats.weibull_min(shape, scale=scale)
    assert stats.kstest(real, law.cdf).statistic < distance


@pytest.mark.parametrize("flag", ["spiral", "elliptical", "uncertain"])
def test_far_galaxies_are_small_and_faint(table, flag):
    some = of(table, flag)
    z = some["redshift"]
    assert stats.spearmanr(z, some["magnitude"]).statistic > 0.3
    assert stats.spearmanr(z, some["r_e_arcsec"]).statistic < -0.25
    assert some["magnitude"].between(13.5, 17.77).all()


def test_shapes_are_those_of_the_kinds(table):
    ranges = {
        "axis_ratio": (0.05, 1.0),
        "bulge_fraction": (0.0, 1.0),
        "sersic_n": (0.8, 6.5),
        "arm_contrast": (0.0, 0.75),
        "bulge_axis_ratio": (0.3, 1.0),
        "extra_axis_ratio": (0.1, 1.0),
        "extra_fraction": (0.0, 0.5),
    }
    for name, (low, high) in ranges.items():
        assert table[name].between(low, high).all(), name
    early = table["kind"] == "elliptical"
    assert (table.loc[early, "bulge_fraction"] == 1.0).all()
    assert table.loc[early, "disk_scale_arcsec"].isna().all()
    assert (table.loc[early, "n_arms"] == 0).all()
    late = table["kind"] == "spiral"
    assert table.loc[late, "n_arms"].isin([2, 3, 4]).all()
    assert table.loc[late, "pitch_angle_deg"].abs().between(7, 36).all()
    assert 0.4 < (table.loc[late, "pitch_angle_deg"] > 0).mean() < 0.6
    # Spirals seen at all angles, ellipticals never like a needle.
    assert of(table, "elliptical")["axis_ratio"].quantile(0.01) > 0.3
    assert of(table, "spiral")["axis_ratio"].quantile(0.1) < 0.25


def test_distances_are_those_of_astropy():
    cosmology = pytest.importorskip("astropy.cosmology")
    z = np.array([0.005, 0.05, 0.1, 0.3, 0.8])
    modulus, kpc = _distances(z)
    flat = cosmology.FlatLambdaCDM(H0=70.0, Om0=0.3, Tcmb0=0.0)
    np.testing.assert_allclose(modulus, flat.distmod(z).value, atol=1e-4)
    expected = flat.kpc_proper_per_arcmin(z).value / 60.0
    np.testing.assert_allclose(kpc, expected, rtol=1e-4)
