"""Fetching X-ray catalogues, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from skastro.datasets import (
    _4xmm,
    _csc_training,
    _lin2024,
    fetch_4xmm_dr13,
    fetch_csc_training,
    fetch_lin2024_subset,
)
from skastro.xray import read_4xmm, read_csc_training, read_lin2024
from skastro.xray._read_csc import _LAYOUT as CSC_LAYOUT
from skastro.xray._read_lin2024 import _LAYOUT as LIN_LAYOUT

KINDS = {"float": "1.5", "text": "abc", "flag": "t", "level": "2"}
FETCHERS = {
    "csc": (fetch_csc_training, _csc_training, CSC_LAYOUT, read_csc_training),
    "lin": (fetch_lin2024_subset, _lin2024, LIN_LAYOUT, read_lin2024),
}
FILES = {
    "csc": "xray/CSC_TD_11042023_MW.csv",
    "lin": "xray/lin2024_4xmm_dr13_custom.csv",
}


def table_of(layout, labels=("AGN", "CV", "AGN")):
    """A small CSV with every column that a reader wants."""
    raw = {column.raw: KINDS[column.kind] for column in layout}
    lines = [",".join(raw)]
    for number, label in enumerate(labels):
        cells = {**raw, "name": f"source {number}", "class": label}
        lines.append(",".join(cells.values()))
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(params=["csc", "lin"])
def source(request, web, monkeypatch):
    """A fetcher whose official address and hash are those of a small table."""
    fetch, module, layout, read = FETCHERS[request.param]
    content = table_of(layout)
    web.files["table"] = content
    monkeypatch.setattr(module, "_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(module, "_URLS", (web.url("gone"), web.url("table")))
    return fetch, read, FILES[request.param]


def test_bunch(source, web, tmp_path):
    fetch, read, file = source
    bunch = fetch(data_home=tmp_path)
    assert bunch.filename == str(tmp_path / file)
    frame = read(tmp_path / file)
    pd.testing.assert_frame_equal(bunch.frame, frame)
    pd.testing.assert_frame_equal(bunch.data, frame[bunch.feature_names])
    assert isinstance(bunch.target, np.ndarray)
    assert bunch.target.dtype == object
    assert bunch.target.tolist() == ["AGN", "CV", "AGN"]
    assert bunch.target_names.tolist() == ["AGN", "CV"]
    assert bunch.data.attrs["units"]
    leaks = {"mw_counterpart", "p_any", "p_i", "ra", "dec", "source_id", "sub_class"}
    assert not leaks & set(bunch.feature_names)
    assert "Licence: none" in bunch.DESCR
    assert "Cite" in bunch.DESCR
    n_requests = len(web.requests)
    X, y = fetch(data_home=tmp_path, return_X_y=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    assert y[:, None].shape == (3, 1)
    X, y = fetch(data_home=tmp_path, return_X_y=True, as_frame=True)
    assert isinstance(y, pd.Series)
    assert X.index.equals(y.index)
    assert len(web.requests) == n_requests


def test_wrong_content_is_thrown_away(source, web, tmp_path):
    fetch, _, file = source
    web.files["table"] = web.files["table"] + b"\n"
    with pytest.raises(ValueError, match=r"sha256|hash"):
        fetch(data_home=tmp_path)
    assert not (tmp_path / file).exists()
    # The pinned hash holds for another address, too.
    with pytest.raises(ValueError, match=r"sha256|hash"):
        fetch(data_home=tmp_path, url=web.url("table"))
    web.faults["table"] = [503]
    web.files["table"] = web.files["table"][:-1]
    assert len(fetch(data_home=tmp_path, url=web.url("table")).data) == 3


@pytest.mark.parametrize("name", ["csc", "lin"])
def test_not_downloaded_on_demand(tmp_path, name):
    fetch, module, _, _ = FETCHERS[name]
    with pytest.raises(OSError, match="By hand") as caught:
        fetch(data_home=tmp_path, download_if_missing=False)
    assert module._URLS[0] in str(caught.value)
    assert module._SHA256 in str(caught.value)
    assert "raw.githubusercontent.com" in module._URLS[0]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["csc", "lin"])
def test_real_files_have_the_pinned_hash(data_home, name):
    fetch = FETCHERS[name][0]
    bunch = fetch(data_home=data_home, download_if_missing=False)
    assert bunch.frame.shape == {"csc": (3126, 43), "lin": (1008, 40)}[name]
    assert len(bunch.target_names) == 8
    numbers = bunch.data.astype(float)
    assert numbers.shape[1] == {"csc": 35, "lin": 29}[name]


def catalogue(n=5, table="slim"):
    prefix = "sc_" if table == "slim" else ""
    ratios = "sc" if table == "slim" else "ep"
    values = {
        "SRCID": np.arange(n) + 2**53 + 1,
        f"{prefix}ra": np.linspace(0, 350, n),
        f"{prefix}dec": np.linspace(-80, 80, n),
        f"{prefix}ep_8_flux": np.full(n, 1e-14),
        **{f"{ratios}_hr{i}": np.zeros(n) for i in (1, 2, 3, 4)},
    }
    if table == "full":
        values |= {"DETID": np.arange(n), "ep_8_rate": np.ones(n)}
    columns = [
        fits.Column(name, "K" if value.dtype.kind == "i" else "D", array=value)
        for name, value in values.items()
    ]
    return fits.BinTableHDU.from_columns(columns, name="4XMM_DR13")


@pytest.fixture
def packed(tmp_path_factory, monkeypatch):
    """Small tables, which the fetcher takes for the official ones."""
    made = {}
    for table in ("slim", "full"):
        path = tmp_path_factory.mktemp("made") / f"{table}.fits"
        catalogue(table=table).writeto(path)
        made[table] = gzip.compress(path.read_bytes(), mtime=0)
        small = _4xmm._TABLES[table]._replace(n_rows=5)
        monkeypatch.setitem(_4xmm._TABLES, table, small)
    return made


@pytest.mark.parametrize("table", ["slim", "full"])
def test_4xmm(web, tmp_path, packed, table):
    web.files["cat"] = packed[table]
    options = {"table": table, "data_home": tmp_path, "url": web.url("cat")}
    xmm = fetch_4xmm_dr13(**options)
    assert xmm.filename == str(tmp_path / "xray" / _4xmm._TABLES[table].file)
    pd.testing.assert_frame_equal(xmm.data, read_4xmm(xmm.filename))
    assert xmm.data.attrs["catalogue"] == "4XMM-DR13"
    assert xmm.data["source_id"][4] == 2**53 + 5
    assert xmm.target is None
    assert {"hr1_rate", "flux_8"} < set(xmm.feature_names)
    assert "Webb" in xmm.DESCR
    assert table in xmm.DESCR
    with open(xmm.filename + ".sha256.json") as file:
        recorded = json.load(file)["sha256"]
    assert recorded == hashlib.sha256(packed[table]).hexdigest()
    xmm = fetch_4xmm_dr13(**options, columns=["ra"], chunksize=2)
    assert [c.shape for c in xmm.data] == [(2, 1), (2, 1), (1, 1)]
    assert len(web.requests) == 1


def test_4xmm_that_is_something_else(web, tmp_path, packed):
    for content, match in (
        (packed["full"], "is the full table of 4XMM, not the slim one"),
        (packed["slim"][:-4], "truncated"),
        (b"<html>", "web page"),
    ):
        web.files["cat"] = content
        with pytest.raises((ValueError, OSError), match=match):
            fetch_4xmm_dr13(data_home=tmp_path, url=web.url("cat"))
    assert not list((tmp_path / "xray").glob("4XMM*"))
    with pytest.raises(ValueError, match="table must be one of"):
        fetch_4xmm_dr13(table="../slim", data_home=tmp_path)


def test_4xmm_of_another_release(web, tmp_path, packed, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    web.files["cat"] = packed["slim"]
    with pytest.raises(ValueError, match="must have 656997 rows"):
        fetch_4xmm_dr13(data_home=tmp_path, url=web.url("cat"))


def test_4xmm_address(tmp_path):
    with pytest.raises(OSError, match="By hand") as caught:
        fetch_4xmm_dr13(table="full", data_home=tmp_path, download_if_missing=False)
    official = "http://xmmssc.irap.omp.eu/Catalogue/4XMM-DR13/4XMM_DR13cat_v1.0.fits.gz"
    assert official in str(caught.value)
