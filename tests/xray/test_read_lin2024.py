"""The labelled XMM-Newton sources of Lin et al."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from skastro.xray import read_lin2024

HEADER = (
    "name,ra,dec,poserr,Xcoord,name_cat,Class,SubClass,ref,sc_det_ml,F1,F2,F3,F4,F5,F8,"
    "HR1,HR2,HR3,HR4,sc_chi2prob,sc_extent,sc_ext_ml,sc_var_flag,sc_ep_8_fmin,"
    "sc_ep_8_fmax,sc_fvar,sc_sum_flag,G,BP,RP,J,H,K,W1,W2,W3,dist,F_x/F_o,BP-G,BP-RP,"
    "G-K,J-H,H-K,W1-W2,M_G"
)
NAMES = HEADER.split(",")
BLANK = "," * (len(NAMES) - 1)


def row(**changes):
    cells = {
        **dict.fromkeys(NAMES, "NaN"),
        "name": "4XMM J000002.7-251136",
        "ra": "0.0112697",
        "dec": "-25.19",
        "Xcoord": "XMM",
        "Class": "AGN",
        "F1": "6.01E-15",
        "HR1": "0.17",
        "sc_var_flag": "f",
        "sc_sum_flag": "0",
        "sc_ep_8_fmin": "7.40E-14",
        "sc_ep_8_fmax": "7.50E-14",
        "dist": "45.998",
        "F_x/F_o": "4.28E-01",
        **changes,
    }
    return ",".join(cells[name] for name in NAMES)


def text(*rows):
    return ("\r\n".join([HEADER, *rows]) + "\r\n").encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "custom.csv"


def test_tidy(path):
    other = row(name="x", Xcoord="CSC", Class="NS_BIN", sc_var_flag="t")
    unknown = row(name="y", Class="", sc_var_flag="", sc_sum_flag="3")
    path.write_bytes(text(row(), BLANK, unknown, other, BLANK))
    table = read_lin2024(path)
    assert table.index.tolist() == [0, 1]
    assert table["label"].tolist() == ["AGN", "NS_BIN"]
    assert table["source_id"].tolist() == table["name"].tolist()
    assert table["position_from"].tolist() == ["XMM", "CSC"]
    assert table["flux_1"].tolist() == [6.01e-15] * 2
    assert table["flux_8_max"][0] == 7.5e-14
    assert np.isnan(table["flux_5"][0])
    assert table["var_flag"].tolist() == [False, True]
    assert table["var_flag"].dtype == "boolean"
    assert table["distance"][0] == 45.998
    assert table["fx_fo"][0] == 0.428
    # Ratios of fluxes must never pass for those of count rates.
    assert [c for c in table if c.startswith("hr")] == [
        *("hr1_flux", "hr2_flux", "hr3_flux", "hr4_flux")
    ]
    assert table.attrs["units"]["flux_8_min"] == "erg/cm2/s"
    assert table.attrs["units"]["gmag"] == "mag"
    everything = read_lin2024(path, labelled_only=False)
    assert everything["name"].tolist() == [table["name"][0], "y", "x"]
    assert everything["label"].isna().tolist() == [False, True, False]
    assert everything["var_flag"].isna().tolist() == [False, True, False]


def test_packed(path):
    path.write_bytes(gzip.compress(text(row())))
    assert len(read_lin2024(path)) == 1


@pytest.mark.parametrize("name", ["Class", "F8", "HR3", "F_x/F_o"])
def test_missing_column(path, name):
    lines = text(row()).decode().split("\r\n")
    place = NAMES.index(name)
    cut = [",".join(np.delete(line.split(","), place)) for line in lines if line]
    path.write_bytes(("\n".join(cut) + "\n").encode())
    with pytest.raises(ValueError, match=rf"lacks the columns \['{name.lower()}'\]"):
        read_lin2024(path)


def test_no_class(path):
    path.write_bytes(text(BLANK, row(Class="")))
    with pytest.raises(ValueError, match="no row with a class"):
        read_lin2024(path)


def test_wrong_values(path):
    for changes, match in (
        ({"F1": "faint"}, "line 2, column f1: expected a number, got 'faint'"),
        ({"sc_var_flag": "maybe"}, "column sc_var_flag: expected true or false"),
        ({"sc_sum_flag": "0.5"}, "column sc_sum_flag: expected a small whole"),
        ({"dec": "-91"}, "dec must be"),
    ):
        path.write_bytes(text(row(**changes)))
        with pytest.raises(ValueError, match=match):
            read_lin2024(path)


def test_cut_anywhere(path):
    content = text(row(), BLANK, row())
    for offset in range(len(content)):
        if content[offset - 1 : offset] == b"\n" and offset > len(HEADER) + 2:
            continue
        path.write_bytes(content[:offset])
        with pytest.raises(ValueError, match=r"custom\.csv"):
            read_lin2024(path)


def test_gone(path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_lin2024(path)


@pytest.mark.real_data
def test_real_file(data_home):
    path = data_home / "xray" / "lin2024_4xmm_dr13_custom.csv"
    table = read_lin2024(path)
    assert table["label"].value_counts().to_dict() == {
        "AGN": 682,
        "LM-STAR": 287,
        "CV": 19,
        "NS": 7,
        "HMXB": 7,
        "HM-STAR": 4,
        "LMXB": 1,
        "NS_BIN": 1,
    }
    assert table["source_id"].is_unique
    assert table["position_from"].value_counts().to_dict() == {"XMM": 916, "CSC": 92}
    assert table["var_flag"].value_counts().to_dict() == {False: 344, True: 22}
    assert table["sum_flag"].value_counts().to_dict() == {0: 823, 1: 167, 2: 10, 3: 8}
    assert table["ra"].max() < 31.4
    assert (table["flux_8_max"] >= table["flux_8_min"]).all()
    # The name says it: these ratios are of the flux columns.
    ratio = (table["flux_2"] - table["flux_1"]) / (table["flux_2"] + table["flux_1"])
    assert (ratio - table["hr1_flux"]).abs().median() < 0.005
    assert len(read_lin2024(path, labelled_only=False)) == 1008
