"""4XMM catalogues: both tables, both formats, and files that are something else."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from sklearn.linear_model import LogisticRegression

from skastro.xray import classify_catalogue, read_4xmm

# One more than a float64 can hold.
BIG = 2**53 + 1
N = 23


def columns_full(n=N, upper=True):
    rng = np.random.default_rng(0)
    name = str.upper if upper else str.lower
    values = {
        "detid": np.arange(n) + 10**14,
        "srcid": BIG + np.arange(n) // 2,
        "iauname": np.array([f"4XMM J{i:06d}.0+000000" for i in range(n)]),
        "ra": rng.uniform(0, 360, n),
        "dec": rng.uniform(-90, 90, n),
        "poserr": rng.uniform(0.3, 3, n).astype("f4"),
        "ep_8_det_ml": rng.uniform(6, 100, n).astype("f4"),
        "ep_8_rate": rng.lognormal(-4, 1, n).astype("f4"),
        "ep_8_rate_err": rng.lognormal(-5, 1, n).astype("f4"),
        "ep_8_flux": rng.lognormal(-31, 1, n).astype("f4"),
        "ep_8_flux_err": rng.lognormal(-32, 1, n).astype("f4"),
        **{f"ep_hr{i}": rng.uniform(-1, 1, n).astype("f4") for i in (1, 2, 3, 4)},
        "ep_extent": np.zeros(n, "f4"),
        "ep_chi2prob": np.where(np.arange(n) % 3, np.nan, 0.5).astype("f4"),
        "pn_fvar": np.full(n, np.nan, "f4"),
        "var_flag": np.arange(n) % 3,  # 2 is null
        "sum_flag": np.where(np.arange(n) == 4, -99, np.arange(n) % 5),
        "filler": np.zeros(n, "f4"),
        "sc_ra": rng.uniform(0, 360, n),
    }
    values["ep_hr4"][5] = np.nan
    return {name(key): value for key, value in values.items()}


def columns_slim(n=N):
    rng = np.random.default_rng(1)
    return {
        "srcid": BIG + np.arange(n),
        "iauname": np.array([f"4XMM J{i:06d}.0+000000" for i in range(n)]),
        "sc_ra": rng.uniform(0, 360, n),
        "sc_dec": rng.uniform(-90, 90, n),
        "sc_ep_8_flux": rng.lognormal(-31, 1, n).astype("f4"),
        "sc_ep_8_fmin": rng.lognormal(-31, 1, n).astype("f4"),
        **{f"sc_hr{i}": rng.uniform(-1, 1, n).astype("f4") for i in (1, 2, 3, 4)},
        "sc_var_flag": np.arange(n) % 3,
        "sc_sum_flag": np.arange(n) % 5,
    }


FORMATS = {"i": "K", "f4": "E", "f8": "D"}


def to_hdus(values, release="4XMM-DR13"):
    made = []
    for name, value in values.items():
        low = name.lower()
        if low.endswith("var_flag"):
            column = fits.Column(name, "L", array=value == 1)
        elif low.endswith("sum_flag"):
            column = fits.Column(name, "I", null=-99, array=value.astype("i2"))
        elif value.dtype.kind == "U":
            column = fits.Column(name, "24A", array=value)
        else:
            kind = "i" if value.dtype.kind == "i" else value.dtype.str[1:]
            column = fits.Column(name, FORMATS[kind], array=value)
        made.append(column)
    table = fits.BinTableHDU.from_columns(made, name=release)
    return fits.HDUList([fits.PrimaryHDU(), table])


def write_fits(path, values, **options):
    hdus = to_hdus(values, **options)
    hdus.writeto(path)
    # FITS has a null for logicals that astropy does not write.
    flags = [k for k in values if k.lower().endswith("var_flag")]
    with fits.open(path) as found:
        start = found[1].fileinfo()["datLoc"]
        columns = found[1].columns
        width = found[1].header["NAXIS1"]
    content = bytearray(path.read_bytes())
    for flag in flags:
        offset = columns.dtype.fields[flag][1]
        for row in np.flatnonzero(values[flag] == 2):
            content[start + row * width + offset] = 0
    path.write_bytes(content)
    return path


def write_csv(path, values):
    frame = pd.DataFrame(values)
    for name in frame:
        if name.lower().endswith("var_flag"):
            frame[name] = frame[name].map({0: "f", 1: "T", 2: ""})
        if name.lower().endswith("sum_flag"):
            frame[name] = frame[name].astype("Int64").where(frame[name] >= 0)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def full(tmp_path):
    return write_fits(tmp_path / "full.fits", columns_full())


@pytest.fixture
def slim(tmp_path):
    return write_csv(tmp_path / "slim.csv", columns_slim())


def check_full(table, values):
    values = {k.lower(): v for k, v in values.items()}
    assert table["source_id"].dtype == np.int64
    assert table["source_id"].tolist() == values["srcid"].tolist()
    assert table["detection_id"].tolist() == values["detid"].tolist()
    assert table["name"].tolist() == values["iauname"].tolist()
    for name, raw in {
        "ra": "ra",
        "rate": "ep_8_rate",
        "flux_8": "ep_8_flux",
        "hr1_rate": "ep_hr1",
        "hr4_rate": "ep_hr4",
        "chi2_prob": "ep_chi2prob",
    }.items():
        assert table[name].dtype == np.dtype("float64"), name
        assert table[name].dtype.isnative
        expected = values[raw].astype("f8")
        np.testing.assert_allclose(table[name], expected, rtol=1e-6, err_msg=name)
    assert table["fvar"].isna().all()
    assert table["var_flag"].dtype == "boolean"
    expected = [{0: False, 1: True, 2: None}[i] for i in values["var_flag"].tolist()]
    assert [None if x is pd.NA else x for x in table["var_flag"]] == expected
    assert table["sum_flag"].dtype == "Int8"
    assert table["sum_flag"][4] is pd.NA
    assert table["sum_flag"][3] == 3
    assert table.attrs["table"] == "full"
    assert table.attrs["units"]["rate"] == "ct/s"
    assert "filler" not in table
    assert "rate_err" in table
    assert "flux_1" not in table


def test_full_fits(full):
    table = read_4xmm(full)
    check_full(table, columns_full())
    assert table.attrs["catalogue"] == "4XMM-DR13"
    # float32 becomes float64 to the bit.
    stored = columns_full()["EP_8_FLUX"].astype("f8")
    assert (table["flux_8"].to_numpy() == stored).all()


@pytest.mark.parametrize("upper", [True, False])
def test_full_csv_and_gz(tmp_path, upper):
    values = columns_full(upper=upper)
    path = write_csv(tmp_path / "a.csv", values)
    table = read_4xmm(path)
    check_full(table, values)
    assert table.attrs["catalogue"] == "4XMM"
    packed = tmp_path / "nameless"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    pd.testing.assert_frame_equal(read_4xmm(packed), table)


def test_formats_agree(full, tmp_path):
    from_fits = read_4xmm(full)
    packed = tmp_path / "full.fits.gz"
    packed.write_bytes(gzip.compress(full.read_bytes()))
    pd.testing.assert_frame_equal(read_4xmm(packed), from_fits)
    from_csv = read_4xmm(write_csv(tmp_path / "full.csv", columns_full()))
    from_fits.attrs = from_csv.attrs = {}
    pd.testing.assert_frame_equal(from_csv, from_fits, rtol=1e-6)


def test_slim(slim):
    table = read_4xmm(slim)
    values = columns_slim()
    assert table["source_id"].tolist() == values["srcid"].tolist()
    assert table.attrs["table"] == "slim"
    np.testing.assert_allclose(table["hr2_rate"], values["sc_hr2"], rtol=1e-6)
    np.testing.assert_allclose(table["flux_8_min"], values["sc_ep_8_fmin"], rtol=1e-6)
    assert "rate" not in table
    assert not [c for c in table if c.endswith("_flux")]
    with pytest.raises(ValueError, match=r"gives no \['rate'\]"):
        read_4xmm(slim, columns=["rate"])


def test_columns(full, slim):
    table = read_4xmm(full, columns=["dec", "source_id", "dec"])
    assert list(table.columns) == ["dec", "source_id"]
    assert table.attrs["units"] == {"dec": "deg"}
    with pytest.raises(ValueError, match=r"gives no \['ep_8_rate'\]"):
        read_4xmm(full, columns=["ep_8_rate"])
    with pytest.raises(ValueError, match=r"lacks the columns \['ep_1_flux'\]"):
        read_4xmm(full, columns=["flux_1"])
    with pytest.raises(ValueError, match="at least one"):
        read_4xmm(slim, columns=[])


@pytest.mark.parametrize("chunksize", [1, 5, 22, 23, 1000])
@pytest.mark.parametrize("kind", ["fits", "fits.gz", "csv", "csv.gz"])
def test_chunks(tmp_path, kind, chunksize):
    plain = tmp_path / "plain"
    (write_fits if "fits" in kind else write_csv)(plain, columns_full())
    path = tmp_path / f"a.{kind}"
    content = plain.read_bytes()
    path.write_bytes(gzip.compress(content) if kind.endswith("gz") else content)
    chunks = list(read_4xmm(path, chunksize=chunksize))
    assert [len(c) for c in chunks[:-1]] == [chunksize] * (len(chunks) - 1)
    assert chunks[0].attrs["units"]["ra"] == "deg"
    whole = read_4xmm(path)
    assert whole.index.tolist() == list(range(N))
    pd.testing.assert_frame_equal(pd.concat(chunks), whole)


@pytest.mark.parametrize("kind", ["fits", "csv"])
def test_blocks_of_the_file_do_not_show(tmp_path, monkeypatch, kind):
    path = tmp_path / "a"
    (write_fits if kind == "fits" else write_csv)(path, columns_full())
    whole = read_4xmm(path)
    module = f"skastro.xray._{kind}_table._BLOCK"
    for size in (1, 700):
        monkeypatch.setattr(module, size)
        pd.testing.assert_frame_equal(read_4xmm(path), whole)
        pieces = list(read_4xmm(path, chunksize=4))
        pd.testing.assert_frame_equal(pd.concat(pieces), whole)


@pytest.mark.parametrize("chunksize", [0, -1, 1.5, "3", True])
def test_wrong_chunksize(full, chunksize):
    with pytest.raises(ValueError, match="chunksize must be"):
        read_4xmm(full, chunksize=chunksize)


def test_errors_come_before_the_first_chunk(tmp_path):
    values = columns_full()
    del values["EP_HR2"], values["SRCID"]
    path = write_fits(tmp_path / "a.fits", values)
    with pytest.raises(ValueError, match=r"a\.fits: .*\['srcid', 'ep_hr2'\]"):
        read_4xmm(path, chunksize=3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("4XMM-DR9", "4XMM-DR9"),
        ("4XMM_DR14cat_v1.0", "4XMM-DR14"),
        ("4XMM", "4XMM"),
    ],
)
def test_release(tmp_path, name, expected):
    path = write_fits(tmp_path / "a.fits", columns_slim(), release=name)
    assert read_4xmm(path).attrs["catalogue"] == expected


def test_wide_and_scaled_columns(tmp_path):
    values = columns_full()
    hdus = to_hdus(values)
    columns = [c for c in hdus[1].columns if c.name not in ("SRCID", "EP_8_RATE")]
    ids = np.array([2**63 - 1 - i for i in range(N)], dtype=np.uint64)
    columns += [
        fits.Column("EP_8_RATE", "I", array=np.arange(N)),
        fits.Column("SRCID", "K", bzero=2**63, array=ids),
        fits.Column("IMAGE", "4E", array=np.zeros((N, 4))),
    ]
    path = tmp_path / "a.fits"
    fits.BinTableHDU.from_columns(columns).writeto(path)
    place = [c.name for c in columns].index("EP_8_RATE") + 1
    for key, value in (("TSCAL", 0.25), ("TZERO", 2.0), ("TNULL", 7)):
        fits.setval(path, f"{key}{place}", value=value, ext=1)
    table = read_4xmm(path)
    assert table["source_id"].tolist() == [int(i) for i in ids]
    expected = np.arange(N) * 0.25 + 2.0
    expected[7] = np.nan
    np.testing.assert_array_equal(table["rate"], expected)


def test_integer_null_becomes_nan(tmp_path):
    columns = [c for c in to_hdus(columns_full())[1].columns if c.name != "EP_8_RATE"]
    rates = np.arange(N)
    columns.append(fits.Column("EP_8_RATE", "J", null=3, array=rates))
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "a.fits")
    table = read_4xmm(tmp_path / "a.fits")
    assert np.isnan(table["rate"][3])
    assert table["rate"].drop(index=3).tolist() == [i for i in range(N) if i != 3]


@pytest.mark.parametrize(
    ("column", "match"),
    [
        (fits.Column("SRCID", "D", array=np.arange(N)), "an id must be exact"),
        (fits.Column("SRCID", "K", null=0, array=np.arange(N)), "row 0.*an id is null"),
        (fits.Column("SRCID", "24A", array=["x"] * N), "no plain numbers"),
        (fits.Column("SRCID", "2K", array=np.ones((N, 2))), "values a row"),
        (fits.Column("RA", "D", array=np.full(N, 361.0)), "row 0: ra must be"),
        (fits.Column("DEC", "D", array=np.linspace(80, 91, N)), "row 21: dec must"),
        (fits.Column("SUM_FLAG", "I", array=np.full(N, -1)), "small whole number"),
        (fits.Column("VAR_FLAG", "I", array=np.full(N, 2)), "true or false"),
        (fits.Column("EP_HR1", "L", array=np.zeros(N, bool)), "logical"),
        (fits.Column("EP_HR1", "M", array=np.zeros(N)), "no plain numbers"),
        (fits.Column("IAUNAME", "J", array=np.zeros(N)), "is no text"),
    ],
)
def test_wrong_fits_columns(tmp_path, column, match):
    others = [c for c in to_hdus(columns_full())[1].columns if c.name != column.name]
    path = tmp_path / "wrong.fits"
    fits.BinTableHDU.from_columns([*others, column]).writeto(path)
    with pytest.raises(ValueError, match=match) as caught:
        read_4xmm(path)
    assert "wrong.fits" in str(caught.value)
    if "ra" not in match and "dec" not in match:
        assert column.name.lower() in str(caught.value)


@pytest.mark.parametrize("value", ["", "20693901001.0", "1e15", "x", "9" * 19, "1_0"])
def test_ids_in_csv_are_exact_or_refused(tmp_path, value):
    text = "srcid,sc_ra,sc_dec\n1,2,3\n" + f"{value},2,3\n"
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match="line 3, column srcid"):
        read_4xmm(tmp_path / "a.csv", columns=["source_id"])


@pytest.mark.parametrize(
    ("cell", "match"),
    [
        ("abc", "column sc_hr1: expected a number, got 'abc'"),
        ("1,2", "4 cells"),
    ],
)
def test_wrong_cells(tmp_path, cell, match):
    text = f"srcid,sc_ra,sc_hr1\n1,2,0.5\n2,2,{cell}\n"
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        read_4xmm(tmp_path / "a.csv", columns=["hr1_rate"])


def test_blank_cells_of_all_spellings(tmp_path):
    cells = ["", "NaN", " nan ", "NULL", "null", " ", "N/A"]
    text = 'SRCID,"SC_HR1",sc_var_flag,iauname\r\n'
    text += "".join(f'{i},{c},{c},"{c.strip()}"\r\n' for i, c in enumerate(cells))
    text += '"7", .5 ,TRUE,"a, b"\r\n\r\n'
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    table = read_4xmm(
        tmp_path / "a.csv", columns=["source_id", "hr1_rate", "var_flag", "name"]
    )
    assert len(table) == 8
    assert table[["hr1_rate", "var_flag", "name"]].iloc[:7].isna().all(axis=None)
    assert table.iloc[7].tolist() == [7, 0.5, True, "a, b"]


def test_numbers_in_csv_are_exact(tmp_path):
    rng = np.random.default_rng(3)
    x = rng.normal(size=2000) * 10.0 ** rng.integers(-20, 5, 2000)
    text = "srcid,sc_hr1\n" + "".join(f"{i},{v!r}\n" for i, v in enumerate(x.tolist()))
    (tmp_path / "a.csv").write_text(text)
    assert read_4xmm(tmp_path / "a.csv", columns=["hr1_rate"])["hr1_rate"].eq(x).all()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["fits", "csv"])
def test_cut_anywhere(tmp_path, kind, packed):
    """No cut file gives a table, wherever it was cut."""
    path = tmp_path / "cut"
    (write_fits if kind == "fits" else write_csv)(path, columns_full())
    content = path.read_bytes()
    content = gzip.compress(content, mtime=0) if packed else content
    # A gzip trailer that is cut is found, too.
    last = len(content) - 1
    offsets = {*np.linspace(0, last, 60).astype(int), *range(last - 12, last + 1)}
    edges = {2880, 5760, 8640} if kind == "fits" and not packed else set()
    n_refused = 0
    for offset in sorted(o for o in offsets | edges if o <= last):
        path.write_bytes(content[:offset])
        if kind == "csv" and not packed and content[offset - 1 : offset] == b"\n":
            continue  # whole lines: nobody could tell
        with pytest.raises(ValueError, match="cut: "):
            read_4xmm(path)
        with pytest.raises(ValueError, match="cut: "):
            list(read_4xmm(path, chunksize=2))
        n_refused += 1
    assert n_refused > 60


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_bytes_never_crash(full, tmp_path, packed):
    """Damage gives a ValueError or a table, no other error and no endless work."""
    content = full.read_bytes()
    content = gzip.compress(content, mtime=0) if packed else content
    rng = np.random.default_rng(5)
    path = tmp_path / "damaged"
    n_refused = n_read = 0
    for _ in range(150):
        damaged = bytearray(content)
        # Mostly in the headers, where most harm is done.
        high = len(content) if rng.random() < 0.3 else min(9000, len(content))
        for place in rng.integers(0, high, size=3):
            damaged[place] = int(rng.choice([0, 32, 39, 48, 57, 65, 255]))
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                table = read_4xmm(path)
            except ValueError as error:
                n_refused += "damaged: " in str(error)
            else:
                assert len(table) <= N
                n_read += 1
    assert n_refused + n_read == 150
    assert n_refused > 5


def test_huge_sizes_in_a_header(full, tmp_path):
    content = full.read_bytes()
    old = f"NAXIS2  = {N:>20}".encode()
    assert old in content
    for rows in (10**12, 24, -1):
        changed = content.replace(old, f"NAXIS2  = {rows:>20}".encode())
        for damaged in (changed, gzip.compress(changed)):
            (tmp_path / "a").write_bytes(damaged)
            with pytest.raises(ValueError, match=r"truncated|damaged"):
                read_4xmm(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "empty"),
        (gzip.compress(b"", mtime=0), "empty once unpacked"),
        (b"<html>sign in</html>\n", "web page"),
        (b"PK\x03\x04abc", "zip-compressed"),
        (b"BZh91AY", "bzip2-compressed"),
        (b"\x80\x04\x95pickle\n", "no CSV text|neither"),
        (b"a,b\n1,2\n", "neither the columns of the full"),
        (b"srcid,sc_ra\n", r"lacks the columns \['sc_dec', 'sc_ep_8_flux', 'sc_hr1'"),
        (b"SIMPLE  =                    T", "truncated within a header"),
        (b"srcid,SRCID,detid\n1,2,3\n", r"columns twice: srcid"),
        (b"no line end", "truncated within its header"),
        (b"\0" * 5000, "truncated within its header|no CSV"),
    ],
)
def test_foreign_files(tmp_path, content, match):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match) as caught:
        read_4xmm(path)
    assert str(path) in str(caught.value)


def test_other_fits_files(tmp_path, slim):
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(path)
    with pytest.raises(ValueError, match="without a binary table"):
        read_4xmm(path)
    none = {k: v[:0] for k, v in columns_slim().items()}
    path = tmp_path / "none.fits"
    to_hdus(none).writeto(path)
    with pytest.raises(ValueError, match="no rows"):
        read_4xmm(path)
    text = slim.read_text().splitlines()[0] + "\n"
    slim.write_text(text)
    with pytest.raises(ValueError, match="no rows"):
        list(read_4xmm(slim, chunksize=10))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_4xmm(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_4xmm(tmp_path)


def test_table_behind_an_image(tmp_path):
    hdus = to_hdus(columns_full())
    image = fits.ImageHDU(np.ones((50, 60)))
    fits.HDUList([fits.PrimaryHDU(np.ones(9)), image, hdus[1]]).writeto(tmp_path / "a")
    assert len(read_4xmm(tmp_path / "a")) == N


def test_astropy_is_optional(full, slim, monkeypatch):
    import skastro.utils._optional as optional

    def gone(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(optional.importlib, "import_module", gone)
    assert len(read_4xmm(slim)) == N
    with pytest.raises(ImportError, match=r"skastro\[astro\]"):
        read_4xmm(full)


def test_from_file_to_classes(full):
    features = ["rate", "hr1_rate", "hr2_rate"]
    train = read_4xmm(full)
    y = np.where(train["hr1_rate"] > 0, "AGN", "STAR")
    model = LogisticRegression().fit(train[features], y)
    parts = list(classify_catalogue(model, read_4xmm(full, chunksize=7)))
    result = pd.concat(parts)
    assert result["source_id"].tolist() == train["source_id"].tolist()
    assert result["predicted"].tolist() == model.predict(train[features]).tolist()
    expected = model.predict_proba(train[features])
    np.testing.assert_array_equal(result[["p_AGN", "p_STAR"]], expected)
