"""xray_features: from tidy catalogues to features."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

from skastro.datasets import make_xray_sources
from skastro.xray import read_csc_training, read_lin2024, xray_features

CSC = "xray/CSC_TD_11042023_MW.csv"
LIN = "xray/lin2024_4xmm_dr13_custom.csv"


def chandra() -> pd.DataFrame:
    """Make three rows by hand: ordinary, empty band, everything missing."""
    return pd.DataFrame(
        {
            "source_id": ["a", "b", "c"],
            "ra": [1.0, 2, 3],
            "dec": [1.0, 2, 3],
            "label": ["AGN", "CV", "NS"],
            "p_any": [1.0, 1, 0],
            "flux_s": [1e-14, 0.0, np.nan],
            "flux_m": [3e-14, 2e-14, np.nan],
            "flux_h": [1e-14, 6e-14, np.nan],
            "flux_s_err": [1e-15, 1e-15, np.nan],
            "flux_m_err": [3e-15, np.nan, np.nan],
            "flux_h_err": [1e-15, 2e-15, np.nan],
            "var_intra_prob": [0.9, 1.0, np.nan],
            "gmag": [15.0, np.nan, np.nan],
            "jmag": [13.0, 12.0, np.nan],
            "kmag": [12.5, 11.0, np.nan],
            "pm": [10.0, 0.0, np.nan],
            "distance": [100.0, 0.0, np.nan],
        }
    )


def test_values_by_hand() -> None:
    X = chandra()
    out = xray_features(X).fit_transform(X)
    first = out.iloc[0]
    assert first["log_flux_total"] == pytest.approx(np.log10(5e-14))
    assert first["log_flux_s"] == pytest.approx(-14)
    assert first["log_flux_m_err"] == pytest.approx(np.log10(3e-15))
    assert first["log_snr_flux_s"] == pytest.approx(1)
    assert first["hr_sm_flux"] == pytest.approx(0.5)
    assert first["hr_mh_flux"] == pytest.approx(-0.5)
    assert first["hr_sh_flux"] == 0
    sigma = 2 * np.hypot(1 * 3e-15 * 1e-14, 3e-14 * 1e-15) / (4e-14) ** 2
    assert first["hr_sm_flux_err"] == pytest.approx(sigma)
    assert first["tail_var_intra_prob"] == pytest.approx(1)
    assert first["g-j"] == 2.0
    assert first["g-k"] == 2.5
    assert first["j-k"] == 0.5
    assert first["log_fx_jmag"] == pytest.approx(np.log10(5e-14) + 0.4 * 13)
    assert first["log_pm"] == 1
    assert first["log_luminosity"] == pytest.approx(np.log10(5e-14) + 4)
    assert first["absolute_gmag"] == pytest.approx(10)
    assert first["absolute_kmag"] == pytest.approx(7.5)
    assert first["log_speed"] == pytest.approx(3)
    second = out.iloc[1]
    assert second["log_flux_s"] == -18
    assert np.isnan(second["log_snr_flux_s"])
    assert second["hr_sm_flux"] == 1
    assert second["tail_var_intra_prob"] == 8
    assert np.isnan(second["g-j"])
    assert second["log_pm"] == -3
    assert np.isnan(second["log_luminosity"])
    assert np.isnan(second["absolute_kmag"])
    assert out.iloc[2].isna().all()
    assert (out.dtypes == np.float64).all()


def test_nothing_that_tells_the_label_is_a_feature() -> None:
    X = chandra()
    used = {c for _, _, columns in xray_features(X).transformers for c in columns}
    assert not used & {"source_id", "ra", "dec", "label", "p_any"}


def test_plain_is_a_part_and_counterparts_can_be_left_out() -> None:
    X = chandra()
    plain = xray_features(X, detail="plain").fit_transform(X)
    assert list(plain) == [
        "log_flux_total",
        "hr_sm_flux",
        "hr_mh_flux",
        "hr_sh_flux",
        "var_intra_prob",
        "gmag",
        "jmag",
        "kmag",
        "g-j",
        "j-k",
        "log_pm",
        "log_distance",
    ]
    rich = xray_features(X, counterparts=False).fit_transform(X)
    assert not any(word in name for name in rich for word in ("mag", "g-", "j-", "pm"))
    pd.testing.assert_frame_equal(
        plain.iloc[:, :5], rich[list(plain)[:5]], check_exact=True
    )


@pytest.mark.parametrize("missing", ["keep", "indicate", "impute"])
def test_missing(missing: str) -> None:
    X = chandra()
    features = xray_features(X, missing=missing)
    assert isinstance(features, ColumnTransformer)
    out = features.fit_transform(X)
    flags = [name for name in out if name.startswith("missingindicator_")]
    assert out.isna().any(axis=None) == (missing == "keep")
    assert bool(flags) == (missing == "indicate")
    if flags:
        # One a column of the catalogue, not one for everything made of it.
        assert len(flags) == len(set(flags)) == 12
        assert out["missingindicator_gmag"].tolist() == [False, True, True]
        assert "missingindicator_g-j" not in flags
    if missing != "keep":
        assert out["log_flux_m"].iloc[2] == pytest.approx(
            np.log10([3e-14, 2e-14]).mean()
        )


def test_only_columns_without_gaps() -> None:
    X = chandra().iloc[:2]
    features = xray_features(X, missing="drop")
    out = features.fit_transform(X)
    # A flux and a distance of zero have no logarithm.
    gaps = {"log_snr_flux_s", "log_luminosity", "absolute_kmag"}
    assert set(out.columns[out.isna().any()]) == gaps
    used = {name for _, _, names in features.transformers for name in names}
    assert "gmag" not in used
    assert "flux_m_err" not in used
    assert {"flux_s", "flux_s_err", "jmag", "pm"} <= used
    with pytest.raises(ValueError, match="names"):
        xray_features(list(X), missing="drop")


def test_brightness_is_a_rate_in_plain_features_and_a_flux_in_rich_ones() -> None:
    X = make_xray_sources(50, random_state=0, missing=False).frame
    plain = xray_features(X, detail="plain").fit_transform(X)
    np.testing.assert_allclose(plain["log_rate"], np.log10(X["rate"]))
    assert "log_flux_8" not in plain
    rich = xray_features(X).fit_transform(X)
    assert {"log_rate", "log_flux_8"} <= set(rich)


def test_a_gap_that_was_not_in_fit_is_filled() -> None:
    X = chandra()
    features = xray_features(X, missing="indicate").fit(X.iloc[:1])
    out = features.transform(X)
    assert not out.isna().any(axis=None)
    assert not any(name.startswith("missingindicator_") for name in out)


def test_floor() -> None:
    X = chandra()
    low = xray_features(X, floor=1e-15).fit_transform(X)
    assert low["log_flux_s"].iloc[1] == -15
    one = xray_features(X, floor={"flux": 1e-16}).fit_transform(X)
    assert one["log_flux_s"].iloc[1] == -16
    for wrong in (0.0, -1.0, {"flux": -1}, {"colour": 1.0}, np.nan, np.inf, "x"):
        with pytest.raises(ValueError, match="floor"):
            xray_features(X, floor=wrong)


@pytest.mark.parametrize("missing", ["keep", "indicate"])
def test_names_clone_pickle_and_new_rows(missing: str) -> None:
    X, _ = make_xray_sources(300, random_state=0, return_X_y=True, counterparts=True)
    features = xray_features(X, missing=missing)
    out = clone(features).fit(X).transform(X)
    fitted = pickle.loads(pickle.dumps(features.fit(X)))
    pd.testing.assert_frame_equal(fitted.transform(X), out)
    assert list(fitted.get_feature_names_out()) == list(out)
    pd.testing.assert_frame_equal(fitted.transform(X.iloc[5:9]), out.iloc[5:9])
    assert {"hr1_rate", "log_rate", "log_flux_8", "tail_chi2_prob"} <= set(out)


def test_a_column_less_in_prediction_is_said() -> None:
    X = chandra()
    features = xray_features(X).fit(X)
    with pytest.raises(ValueError, match="flux_m"):
        features.transform(X.drop(columns="flux_m"))


@pytest.mark.parametrize(
    ("name", "value"), [("detail", "all"), ("missing", "hide"), ("missing", None)]
)
def test_wrong_words(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        xray_features(chandra(), **{name: value})


def test_a_foreign_table() -> None:
    with pytest.raises(ValueError, match="read_4xmm"):
        xray_features(["petal", "sepal"])


@pytest.mark.real_data
def test_real_catalogues(data_home: Path) -> None:
    frame = read_csc_training(data_home / CSC)
    assert xray_features(frame, counterparts=False).fit_transform(frame).shape == (
        3126,
        23,
    )
    out = xray_features(frame).fit_transform(frame)
    assert out["log_flux_total"].notna().all()
    assert out["gmag"].isna().sum() == 745
    lin = read_lin2024(data_home / LIN)
    plain = xray_features(lin, detail="plain", counterparts=False).fit_transform(lin)
    assert plain["log_flux_8_mean"].notna().all()
    assert list(plain) == [
        "log_flux_8_mean",
        *(f"hr{i}_flux" for i in (1, 2, 3, 4)),
        "chi2_prob",
        "extent",
        "fvar",
    ]
