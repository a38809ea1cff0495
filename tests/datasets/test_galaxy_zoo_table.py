"""Fetching the official Galaxy Zoo table, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pandas as pd
import pytest

from skastro.datasets import _galaxy_zoo, fetch_galaxy_zoo1_table
from skastro.galaxy import read_galaxy_zoo1_table

TEXT = """OBJID,RA,DEC,NVOTE,P_EL,P_CW,P_ACW,P_EDGE,P_DK,P_MG,P_CS,\
P_EL_DEBIASED,P_CS_DEBIASED,SPIRAL,ELLIPTICAL,UNCERTAIN
587727178986356823,00:00:00.41,-10:22:25.7,59,.61,.034,0,.153,.153,.051,.186,.61,.186,0,0,1
587727227300741210,00:00:00.74,-00:13:40.3,18,.61,0,.167,.222,0,0,.389,.203,.797,1,0,0
587727225153257596,23:59:59.99,+15:12:42.0,68,.73,.029,0,.147,.074,.015,.176,.432,.428,0,1,0
"""
PACKED = gzip.compress(TEXT.encode(), mtime=0)
FILE = "galaxy_zoo1/GalaxyZoo1_DR_table2.csv.gz"


@pytest.fixture
def three_rows(monkeypatch):
    """Let the official table have the three rows of the test."""
    monkeypatch.setattr(_galaxy_zoo, "_TABLE_ROWS", 3)


def test_bunch(web, tmp_path, three_rows):
    web.files["t"] = PACKED
    zoo = fetch_galaxy_zoo1_table(data_home=tmp_path, url=web.url("t"))
    assert zoo.data.shape == (3, 9)
    assert zoo.data.dtype == np.float64
    assert zoo.target.tolist() == ["uncertain", "spiral", "elliptical"]
    assert zoo.target.dtype.kind == "U"
    assert zoo.objid.tolist()[0] == 587727178986356823
    assert zoo.dec[1] < 0
    assert zoo.filename == str(tmp_path / FILE)
    assert "Lintott" in zoo.DESCR
    assert zoo.feature_names == list(zoo.table.columns[4:13])
    pd.testing.assert_frame_equal(zoo.table, read_galaxy_zoo1_table(tmp_path / FILE))
    X, y = fetch_galaxy_zoo1_table(
        data_home=tmp_path, url=web.url("t"), return_X_y=True, as_frame=True
    )
    assert list(X.columns) == zoo.feature_names
    assert X.index.equals(y.index)
    assert len(web.requests) == 1


def test_pinned_file(web, tmp_path, three_rows, monkeypatch):
    web.files["t"] = PACKED
    monkeypatch.setattr(_galaxy_zoo, "_TABLE_URLS", (web.url("gone"), web.url("t")))
    with pytest.raises(ValueError, match=_galaxy_zoo._TABLE_SHA256):
        fetch_galaxy_zoo1_table(data_home=tmp_path)
    assert not (tmp_path / FILE).exists()
    digest = hashlib.sha256(PACKED).hexdigest()
    monkeypatch.setattr(_galaxy_zoo, "_TABLE_SHA256", digest)
    assert len(fetch_galaxy_zoo1_table(data_home=tmp_path).table) == 3
    found = {p.name for p in (tmp_path / "galaxy_zoo1").iterdir()}
    assert found == {".part", "GalaxyZoo1_DR_table2.csv.gz"}


def test_too_few_rows(web, tmp_path):
    web.files["t"] = PACKED
    with pytest.raises(ValueError, match="must have 667944 rows"):
        fetch_galaxy_zoo1_table(data_home=tmp_path, url=web.url("t"))
    assert not (tmp_path / FILE).exists()


def test_not_downloaded_on_demand(tmp_path):
    with pytest.raises(OSError, match=r"galaxy-zoo-1\.s3\.amazonaws\.com") as caught:
        fetch_galaxy_zoo1_table(data_home=tmp_path, download_if_missing=False)
    assert "By hand" in str(caught.value)
    assert _galaxy_zoo._TABLE_SHA256 in str(caught.value)


def test_a_web_page_instead(web, tmp_path):
    web.files["t"] = b"<html>sign in</html>"
    with pytest.raises(ValueError, match="web page"):
        fetch_galaxy_zoo1_table(data_home=tmp_path, url=web.url("t"))
    assert not (tmp_path / FILE).exists()
