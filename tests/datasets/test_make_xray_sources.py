"""The simulated catalogue: shares, gaps, ratios, fields of view and their physics."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from skastro.datasets import make_xray_sources
from skastro.xray import HardnessRatio, _spectra
from skastro.xray._simulation_classes import CLASSES, MISSING_SHARES, STUDY_COUNTS


@pytest.fixture(scope="module")
def xray() -> Any:
    return make_xray_sources(15_954, counterparts=True, random_state=0)


def test_class_sizes_are_the_study_s(xray: Any) -> None:
    assert Counter(xray.target.tolist()) == STUDY_COUNTS
    assert list(xray.target_names) == sorted(STUDY_COUNTS)
    # In any number of rows, to within one.
    for n in (1, 7, 1000):
        counts = Counter(make_xray_sources(n, random_state=1).target.tolist())
        assert sum(counts.values()) == n
        for name, size in STUDY_COUNTS.items():
            assert abs(counts[name] - n * size / 15_954) < 1


def test_class_weights() -> None:
    both = make_xray_sources(9, class_weights={"CV": 2, "NS": 1}, random_state=0)
    assert Counter(both.target.tolist()) == {"CV": 6, "NS": 3}
    assert list(both.target_names) == ["CV", "NS"]


@pytest.mark.parametrize("column", sorted(MISSING_SHARES))
def test_missing_shares_are_the_study_s(xray: Any, column: str) -> None:
    gone = xray.frame[column].isna().groupby(xray.frame["label"]).sum()
    for name, size in STUDY_COUNTS.items():
        assert abs(gone[name] - MISSING_SHARES[column][name] * size) <= 0.5 + 1e-9


def test_values_are_missing_where_sources_are_faint(xray: Any) -> None:
    frame = xray.frame
    for name, rows in frame.groupby("label"):
        faint = rows["chi2_prob"].isna()
        significance = rows["rate"] / rows["rate_err"]
        assert significance[faint].median() < significance[~faint].median(), name
    # Whatever has no time series has no amplitude, either.
    assert frame["fvar"].isna()[frame["chi2_prob"].isna()].all()
    for c in ("rate", "extent", "ra", "dec", "flux_8"):
        assert frame[c].notna().all()
    assert (frame["fvar"].isna() == frame["fvar_err"].isna()).all()


def test_hardness_ratios_are_those_of_the_band_rates(xray: Any) -> None:
    frame = xray.frame.copy()
    for i in range(1, 6):
        frame[f"band_{i}"] = frame[f"flux_{i}"] * xray.energy_conversion[i - 1]
        frame[f"band_{i}_err"] = frame[f"flux_{i}_err"] * xray.energy_conversion[i - 1]
    bands = list(itertools.pairwise(f"band_{i}" for i in range(1, 6)))
    ratio = HardnessRatio(bands=bands, errors="suffix").set_output(transform="pandas")
    columns = [c for c in frame if c.startswith("band_")]
    again = ratio.fit_transform(frame[columns])
    np.testing.assert_allclose(frame[list(again)], again, rtol=1e-9, atol=1e-12)
    ratios = frame[[f"hr{i}_rate" for i in range(1, 5)]]
    assert ratios.abs().max().max() <= 1.0
    np.testing.assert_allclose(
        frame["rate"], frame[[f"band_{i}" for i in range(1, 6)]].sum(axis=1)
    )
    np.testing.assert_allclose(
        frame["flux_8"], frame[[f"flux_{i}" for i in range(1, 6)]].sum(axis=1)
    )


def test_errors_of_ratios_are_their_spread() -> None:
    # Many detections of few sources that do not vary from one to the next.
    frame = make_xray_sources(
        4000, n_detections=400, class_weights={"HM-STAR": 1}, random_state=0
    ).frame
    pulls = []
    for _, rows in frame.groupby("source_id"):
        bright = rows[rows["rate"] / rows["rate_err"] > 20]
        pull = (bright["hr2_rate"] - bright["hr2_rate"].median()) / bright[
            "hr2_rate_err"
        ]
        pulls.append(pull)
    assert len(pd.concat(pulls)) > 100
    assert pd.concat(pulls).std() == pytest.approx(1.0, abs=0.1)


def test_colours_by_class(xray: Any) -> None:
    middle = xray.frame.groupby("label")[[f"hr{i}_rate" for i in range(1, 5)]].median()
    # Coronae are soft, young stars and neutron stars in wind absorbed and hard.
    assert middle.loc["LM-STAR", "hr2_rate"] < -0.1 < middle.loc["AGN", "hr2_rate"]
    assert middle.loc["LM-STAR", "hr3_rate"] < -0.6 < middle.loc["AGN", "hr3_rate"]
    assert middle.loc["HMXB", "hr2_rate"] > 0.6
    assert middle.loc["YSO", "hr2_rate"] > 0.4
    # Most cataclysmic variables lie where nine tenths of the active galaxies do.
    bright = xray.frame[xray.frame["rate"] / xray.frame["rate_err"] > 10]
    plane = bright[["hr2_rate", "hr3_rate"]]
    agn, cv = (plane[bright["label"] == name].dropna() for name in ("AGN", "CV"))
    low, high = agn.quantile(0.05), agn.quantile(0.95)
    assert ((cv > low) & (cv < high)).all(axis=1).mean() > 0.6


def test_without_gaps_nothing_is_missing() -> None:
    whole = make_xray_sources(
        3000, missing=False, counterparts=True, random_state=0
    ).frame
    numbers = whole.drop(columns="label").to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    assert (whole.filter(like="_err") > 0).all().all()
    assert whole["chi2_prob"].between(0, 1).all()
    # No band is empty, so that no ratio is at its end.
    assert whole[[f"hr{i}_rate" for i in range(1, 5)]].abs().max().max() < 1


def test_columns_units_and_parts_of_the_bunch(xray: Any) -> None:
    frame = xray.frame
    assert frame["source_id"].dtype == frame["detection_id"].dtype == np.int64
    assert frame["detection_id"].is_unique
    assert frame["source_id"].is_unique
    assert frame["ra"].between(0, 360, inclusive="left").all()
    assert frame["dec"].between(-90, 90).all()
    assert (frame["extent"] >= 0).all()
    assert 0.005 < (frame["extent"] > 0).mean() < 0.03
    assert frame.attrs["catalogue"] == "simulated"
    units = frame.attrs["units"]
    assert units["flux_1"] == "erg/cm2/s"
    assert units["rate_err"] == "ct/s"
    assert {"ra", "dec", "source_id", "label", "pos_err"}.isdisjoint(xray.feature_names)
    assert set(frame) - {"label", "source_id", "detection_id"} <= set(units)
    bare = make_xray_sources(50, errors=False, random_state=0)
    assert [c for c in bare.frame if c.endswith("_err")] == ["pos_err"]
    # The same numbers otherwise.
    full = make_xray_sources(50, random_state=0)
    pd.testing.assert_frame_equal(full.frame[list(bare.frame)], bare.frame)
    X, y = make_xray_sources(50, return_X_y=True, as_frame=True, random_state=0)
    assert list(X) == full.feature_names
    assert isinstance(y, pd.Series)
    assert np.asarray(y)[:, None].shape == (50, 1)
    assert (y == full.target).all()


def test_repeated_detections_of_a_source() -> None:
    xray = make_xray_sources(6000, n_detections=2.5, random_state=0)
    groups = xray.frame.groupby("source_id")
    assert 6000 / groups.ngroups == pytest.approx(2.5, rel=0.01)
    assert (groups["label"].agg(lambda names: len(set(names))) == 1).all()
    # The same place, to within errors of position of some arcseconds.
    spread = groups["dec"].agg(np.ptp) * 3600
    assert 0 < spread.max() < 30
    # Detections of one source are more alike than those of two.
    rate = np.log10(xray.frame["rate"])
    within = rate.groupby(xray.frame["source_id"]).std().median()
    assert within < 0.5 * rate.std()
    assert xray.frame["detection_id"].is_unique


def galactic_latitude(frame: pd.DataFrame) -> np.ndarray:
    ra, dec = np.radians(frame["ra"]), np.radians(frame["dec"])
    pole_ra, pole_dec = np.radians(192.85948), np.radians(27.12825)
    sine = np.sin(dec) * np.sin(pole_dec)
    sine += np.cos(dec) * np.cos(pole_dec) * np.cos(ra - pole_ra)
    return np.degrees(np.arcsin(sine))


def test_positions(xray: Any) -> None:
    frame = xray.frame.assign(b=galactic_latitude(xray.frame))
    height = frame["b"].abs().groupby(frame["label"]).median()
    assert 24 < height["AGN"] < 32  # 30 all over the sky
    assert height["HMXB"] < 4
    assert height["LMXB"] < 8
    # Sources come in fields of view: several neighbours within a quarter of a degree,
    # and many among young stars.
    from sklearn.neighbors import BallTree

    sky = np.radians(frame[["dec", "ra"]])
    near = BallTree(sky, metric="haversine").query_radius(
        sky, np.radians(0.25), count_only=True
    )
    crowd = pd.Series(near, index=frame.index).groupby(frame["label"]).median()
    assert crowd["AGN"] > 3
    assert crowd["YSO"] > 20
    # And they are faint or absorbed together.
    pytest.importorskip("astropy")
    from astropy.coordinates import SkyCoord

    there = SkyCoord(frame["ra"].to_numpy(), frame["dec"].to_numpy(), unit="deg")
    np.testing.assert_allclose(there.galactic.b.deg, frame["b"], atol=1e-4)


def test_galactic_axes_are_astropy_s() -> None:
    pytest.importorskip("astropy")
    from astropy.coordinates import SkyCoord

    from skastro.xray import _simulation_sky as sky

    l, b = np.array([0.0, 121.0, 250.0]), np.array([0.0, 40.0, -80.0])
    ra, dec = sky.to_degrees(sky._vectors(l, b) @ sky._GALACTIC.T)
    there = SkyCoord(l=l, b=b, unit="deg", frame="galactic").icrs
    np.testing.assert_allclose(ra, there.ra.deg, atol=1e-4)
    np.testing.assert_allclose(dec, there.dec.deg, atol=1e-4)


def test_counterparts(xray: Any) -> None:
    frame = xray.frame
    middle = frame.groupby("label")[["gmag", "parallax", "pm"]].median()
    assert frame.loc[frame["label"] == "NS", "gmag"].isna().all()
    assert middle.loc["LM-STAR", "gmag"] < 15 < middle.loc["AGN", "gmag"]
    assert middle.loc["LM-STAR", "parallax"] > 1
    assert abs(middle.loc["AGN", "parallax"]) < 0.1
    agn = frame[frame["label"] == "AGN"]
    pull = (agn["parallax"] / agn["parallax_err"]).dropna()
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    assert 0.1 < agn["gmag"].isna().mean() < 0.5
    assert (frame["gmag"].isna() == frame["gmag_err"].isna()).all()


def test_seed_and_global_random_state() -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (
        make_xray_sources(300, counterparts=True, random_state=5).frame
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)
    other = make_xray_sources(300, random_state=6).frame
    assert not np.array_equal(first["rate"], other["rate"])
    make_xray_sources(20)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": 2.0}, "n_samples"),
        ({"n_detections": 0.5}, "n_detections"),
        ({"n_detections": np.nan}, "n_detections"),
        ({"class_weights": {"GALAXY": 1}}, "GALAXY"),
        ({"class_weights": {"AGN": -1}}, "not negative"),
        ({"class_weights": {}}, "not all zero"),
    ],
)
def test_wrong_parameters(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_xray_sources(**parameters)


def test_tabulated_spectra_are_the_integrals() -> None:
    edges = _spectra.BAND_EDGES
    conversion = _spectra.energy_conversion()

    def rate(low: float, high: float) -> float:
        e = np.linspace(low, high, 200_001)
        through = np.exp(-(10**21.37) * _spectra.cross_section(e))
        area = np.interp(e, _spectra._AREA_AT, _spectra._AREA)
        return float(integrate.trapezoid(e**-1.33 * through * area, e))

    exact = np.array([rate(a, b) for a, b in itertools.pairwise(edges)])
    exact /= (exact / conversion).sum()
    table = _spectra.band_rates("powerlaw", np.array([1.33]), np.array([21.37]))[0]
    np.testing.assert_allclose(table, exact, rtol=0.005)
    # The total flux is one by definition.
    assert (table / conversion).sum() == pytest.approx(1.0, rel=1e-12)
    # Beyond the table: its end, not nonsense.
    ends = _spectra.band_rates("plasma", np.array([-9.0, 9.0]), np.array([10.0, 30.0]))
    assert np.isfinite(ends).all()


def test_conversion_factors_are_near_the_catalogue_s() -> None:
    # 4XMM's, three cameras together, 1e11 ct cm2/erg, to about ten per cent.
    ours = _spectra.energy_conversion() / 1e11
    np.testing.assert_allclose(ours, [13.0, 11.9, 9.9, 3.4, 0.85], rtol=0.12)


def test_every_class_has_a_recipe() -> None:
    from skastro.xray._simulation_classes import RECIPES

    assert tuple(RECIPES) == CLASSES == tuple(sorted(CLASSES))
    for recipe in RECIPES.values():
        assert sum(recipe.sites) == pytest.approx(1)
        assert sum(s.share for s in recipe.spectra) == pytest.approx(1)
