"""The labelled Chandra sources of MUWCLASS."""

from __future__ import annotations

import pytest

from skastro.xray import read_csc_training
from skastro.xray._catalogue import feature_names

HEADER = (
    "name,ra,dec,Class,significance,Fcsc_s,e_Fcsc_s,Fcsc_m,e_Fcsc_m,Fcsc_h,e_Fcsc_h,"
    "var_intra_prob,var_inter_prob,powlaw_gamma_mean,e_powlaw_gamma_mean,MW_MW,p_any,"
    "p_i,Gmag,BPmag,RPmag,e_Gmag,e_BPmag,e_RPmag,RPlx,PM,epsi,sepsi,ruwe,rgeo,Jmag,"
    "Hmag,Kmag,e_Jmag,e_Hmag,e_Kmag,W1mag,W2mag,W3mag,e_W1mag,e_W2mag,e_W3mag"
)
NAMES = HEADER.split(",")


def row(**changes):
    cells = {
        **dict.fromkeys(NAMES, ""),
        "name": "2CXO J204710.2+105307",
        "ra": "311.79",
        "dec": "10.88",
        "Class": "LMXB",
        "significance": "3.75000000000006",
        "MW_MW": "-99",
        "Fcsc_s": "7.135862012704652e-16",
        "e_Fcsc_s": "4.4e-16",
        "p_any": "0.5",
        "PM": "0.027017",
        "epsi": "0.000087",
        "RPlx": "222.0284",
        "rgeo": "265.99",
        **changes,
    }
    return ",".join(cells[name] for name in NAMES)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "csc.csv"
    path.write_text("\n".join([HEADER, row(), row(name="b", MW_MW="gcat"), ""]))
    return path


def test_tidy(path):
    table = read_csc_training(path)
    assert table["source_id"].tolist() == ["2CXO J204710.2+105307", "b"]
    assert table["label"].tolist() == ["LMXB", "LMXB"]
    assert table["mw_counterpart"].tolist() == ["-99", "gcat"]
    assert table["flux_s"][0] == 7.135862012704652e-16
    assert table["flux_s_err"][0] == 4.4e-16
    assert table["pm"][0] == pytest.approx(27.017)
    assert table["excess_noise"][0] == pytest.approx(0.087)
    assert table["parallax_snr"][0] == 222.0284
    assert "parallax" not in table
    assert table.attrs["units"]["pm"] == "mas/yr"
    assert table.attrs["units"]["flux_h"] == "erg/cm2/s"
    assert not {"mw_counterpart", "p_any", "p_i", "ra", "label"} & set(
        feature_names(table.columns)
    )


def test_wrong_files(path):
    content = path.read_text()
    for changed, match in (
        (content.replace("Fcsc_m", "Fcsc_x", 1), r"lacks the columns \['fcsc_m'\]"),
        (content.replace("LMXB", ""), "row 0 has no class"),
        (content.replace("7.135862012704652e-16", "?"), "line 2, column fcsc_s"),
        (content[: -len(row()) // 2], "line 3 has no line end"),
        (content.replace("gcat", "gcat,"), "line 3 has 43 cells, the header has 42"),
        ("", "empty"),
    ):
        path.write_text(changed)
        with pytest.raises(ValueError, match=match) as caught:
            read_csc_training(path)
        assert str(path) in str(caught.value)


def test_cut_anywhere(path):
    content = path.read_bytes()
    for offset in range(0, len(content), 3):
        if content[offset - 1 : offset] == b"\n" and offset > len(HEADER) + 1:
            continue
        path.write_bytes(content[:offset])
        with pytest.raises(ValueError, match=r"csc\.csv"):
            read_csc_training(path)


@pytest.mark.real_data
def test_real_file(data_home):
    table = read_csc_training(data_home / "xray" / "CSC_TD_11042023_MW.csv")
    assert table["label"].value_counts().to_dict() == {
        "AGN": 1596,
        "LM-STAR": 826,
        "YSO": 352,
        "HM-STAR": 108,
        "NS": 100,
        "LMXB": 64,
        "CV": 46,
        "HMXB": 34,
    }
    assert table["source_id"].is_unique
    for name, n_missing in (
        *(("var_intra_prob", 42), ("var_inter_prob", 1806), ("gmag", 745)),
        *(("jmag", 1434), ("w1mag", 440), ("w3mag", 742), ("parallax_snr", 898)),
    ):
        assert table[name].isna().sum() == n_missing
    bands = ["flux_s", "flux_m", "flux_h"]
    assert (table[bands] > 0).all(axis=None)
    assert table["mw_counterpart"].nunique() == 19
    # The units of proper motion: stars pass at tens of km/s, not metres a second.
    stars = table[table["label"] == "LM-STAR"]
    speed = 4.74e-3 * stars["pm"] * stars["distance"]
    assert 5 < speed.median() < 60
