"""Labels, redshifts and probabilities, joined by exact ids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skastro.galaxy import (
    flag_labels,
    join_redshift,
    probability_table,
    read_galaxy_zoo1_table,
    redshift_selection,
)

# Neighbours that a float64 cannot tell apart.
IDS = [587727178986356823, 587727178986356824, 587727178986356825]
Z = pd.DataFrame({"objid": IDS[::-1], "z": [0.3, 0.2, 0.1], "zerr": 0.0})


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "objid": np.array(IDS),
            "ra": [1.0, 2.0, 3.0],
            "p_cs_debiased": [0.9, 0.1, 0.75],
            "p_el_debiased": [0.1, 0.8, 0.2],
            "spiral": [True, False, False],
            "elliptical": [False, False, True],
            "uncertain": [False, True, False],
        }
    )


def test_flags_become_labels(table):
    labels = flag_labels(table)
    assert labels.tolist() == ["spiral", "uncertain", "elliptical"]
    assert labels.index.tolist() == IDS
    assert labels.index.dtype == np.int64
    assert labels.dtype == object
    assert all(type(v) is str for v in labels)
    assert labels.to_numpy(dtype=str).dtype.kind == "U"
    kept = flag_labels(table, uncertain="drop")
    assert kept.to_dict() == {IDS[0]: "spiral", IDS[2]: "elliptical"}


def test_threshold_is_another_label(table):
    labels = flag_labels(table, threshold=0.8)
    assert labels.tolist() == ["spiral", "elliptical", "uncertain"]
    assert flag_labels(table, threshold=0.7).tolist()[2] == "spiral"
    table.loc[0, "p_el_debiased"] = 0.95
    assert flag_labels(table, threshold=0.8).tolist()[0] == "uncertain"
    for wrong in (0.5, 1.1, 0):
        with pytest.raises(ValueError, match="threshold must be"):
            flag_labels(table, threshold=wrong)


def test_labels_refuse_bad_tables(table):
    with pytest.raises(ValueError, match=r"lacks the columns.*spiral"):
        flag_labels(table.drop(columns="spiral"))
    with pytest.raises(ValueError, match="uncertain must be"):
        flag_labels(table, uncertain="maybe")
    table["elliptical"] = [True, False, True]
    with pytest.raises(ValueError, match="the first is row 0"):
        flag_labels(table)


@pytest.mark.real_data
def test_labels_of_the_real_sample(data_home):
    path = data_home / "galaxy_zoo1/gz1_table2_flags_sample.csv.gz"
    labels = flag_labels(read_galaxy_zoo1_table(path))
    counts = labels.value_counts().to_dict()
    assert sum(counts.values()) == 67_899
    with np.load(data_home / "galaxy_zoo1/sdss_gz1_cutouts_64.npz") as sample:
        flagged = sample["flag"] != ""
        np.testing.assert_array_equal(
            labels.loc[sample["objid"][flagged]].to_numpy(dtype=str),
            sample["flag"][flagged],
        )


def test_join_is_exact_and_in_order(table):
    joined = join_redshift(table, Z)
    assert joined["z"].tolist() == [0.1, 0.2, 0.3]
    assert joined["objid"].tolist() == IDS
    assert joined["objid"].dtype == np.int64
    assert "zerr" not in joined
    assert "z" not in table


def test_join_keeps_or_drops_what_has_no_redshift(table):
    left = join_redshift(table, Z[Z["objid"] != IDS[1]])
    assert np.isnan(left["z"]).tolist() == [False, True, False]
    assert left["objid"].dtype == np.int64
    inner = join_redshift(table, Z[Z["objid"] != IDS[1]], how="inner")
    assert inner["objid"].tolist() == [IDS[0], IDS[2]]
    assert inner["z"].tolist() == [0.1, 0.3]
    assert inner.index.tolist() == [0, 1]


def test_join_takes_series_strings_and_other_names(table):
    series = pd.Series([0.1, 0.2, 0.3], index=IDS)
    assert join_redshift(table, series)["z"].tolist() == [0.1, 0.2, 0.3]
    text = Z.assign(objid=Z["objid"].astype(str)).rename(
        columns={"objid": "bestObjID", "z": "redshift"}
    )
    joined = join_redshift(table, text, objid_column="bestObjID", z_column="redshift")
    assert joined["z"].tolist() == [0.1, 0.2, 0.3]


def test_join_refuses(table):
    with pytest.raises(ValueError, match=r"repeated in.*spectroscopy") as caught:
        join_redshift(table, pd.concat([Z, Z.iloc[:1]]))
    assert str(IDS[2]) in str(caught.value)
    assert str(IDS[0]) not in str(caught.value)
    with pytest.raises(ValueError, match=r"repeated in.*table"):
        join_redshift(pd.concat([table, table]), Z)
    with pytest.raises(TypeError, match="last digits are lost"):
        join_redshift(table, Z.assign(objid=Z["objid"].astype(float)))
    with pytest.raises(ValueError, match="None of the 3 object ids"):
        join_redshift(table, Z.assign(objid=[1, 2, 3]))
    with pytest.raises(ValueError, match="already"):
        join_redshift(table.assign(z=0), Z)
    with pytest.raises(ValueError, match="lacks the columns"):
        join_redshift(table, Z.drop(columns="z"))
    with pytest.raises(ValueError, match="no numbers"):
        join_redshift(table, Z.assign(z="far"))
    with pytest.raises(ValueError, match="how must be"):
        join_redshift(table, Z, how="outer")


def test_redshift_selection_is_open():
    z = np.array([-0.1, 0.0, 1e-9, 0.1, 0.2 - 1e-9, 0.2, 0.3, np.nan])
    mask = redshift_selection(z)
    assert mask.tolist() == [False, False, True, True, True, False, False, False]
    assert redshift_selection(pd.Series(z), z_max=1).sum() == 5
    with pytest.raises(ValueError, match="below"):
        redshift_selection(z, 0.2, 0.2)


@pytest.mark.real_data
def test_real_redshifts(data_home):
    folder = data_home / "galaxy_zoo1"
    for name, share in (("z_list_el.npy", 0.771), ("z_list_sp.npy", 0.994)):
        z = np.load(folder / name)
        assert redshift_selection(z).mean() == pytest.approx(share, abs=5e-4)


def test_probabilities(table):
    proba = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], dtype=np.float32)
    out = probability_table(IDS, proba, np.array(["elliptical", "spiral"]))
    assert list(out) == ["objid", "p_elliptical", "p_spiral", "predicted"]
    assert out["objid"].tolist() == IDS
    assert out["objid"].dtype == np.int64
    assert out["predicted"].tolist() == ["spiral", "elliptical", "elliptical"]
    np.testing.assert_array_equal(out["p_spiral"], proba[:, 1].astype(float))
    joined = probability_table(
        IDS[:2], proba[:2], ["elliptical", "spiral"], table.iloc[::-1][["objid", "ra"]]
    )
    assert joined["ra"].tolist() == [1.0, 2.0]
    numbered = probability_table(IDS, proba, [0, 1])
    assert numbered["predicted"].tolist() == [1, 0, 0]


def test_probabilities_refuse(table):
    proba = np.full((3, 2), 0.5)
    classes = ["a", "b"]
    with pytest.raises(ValueError, match="must have shape"):
        probability_table(IDS[:2], proba, classes)
    with pytest.raises(ValueError, match="must have shape"):
        probability_table(IDS, proba, ["a", "b", "c"])
    with pytest.raises(ValueError, match="repeated"):
        probability_table([IDS[0]] * 3, proba, classes)
    with pytest.raises(ValueError, match="classes must differ"):
        probability_table(IDS, proba, ["a", "a"])
    for bad in (proba * 2, proba - 1, proba * np.nan):
        with pytest.raises(ValueError, match="no probabilities"):
            probability_table(IDS, bad, classes)
    with pytest.raises(TypeError, match="lost"):
        probability_table(np.array(IDS, dtype=float), proba, classes)
    with pytest.raises(ValueError, match="table lacks object ids") as caught:
        probability_table(IDS, proba, classes, table.iloc[:2])
    assert str(IDS[2]) in str(caught.value)
    with pytest.raises(ValueError, match="already"):
        probability_table(IDS, proba, classes, table.assign(p_a=1))
