"""The Galaxy Zoo table: exact ids, exact coordinates, no silent repair."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from skastro.galaxy import _galaxy_zoo_files as files
from skastro.galaxy import read_galaxy_zoo1_table

HEADER = (
    "OBJID,RA,DEC,NVOTE,P_EL,P_CW,P_ACW,P_EDGE,P_DK,P_MG,P_CS,P_EL_DEBIASED,"
    "P_CS_DEBIASED,SPIRAL,ELLIPTICAL,UNCERTAIN"
)
# The first is the first row of the official file.
ROWS = [
    (
        "587727178986356823,00:00:00.41,-10:22:25.7,59,"
        "0.61,0.034,0.0,0.153,0.153,0.051,0.186,0.61,0.186,0,0,1"
    ),
    (
        "587727227300741210,00:00:00.74,-00:13:40.3,18,"
        "0.611,0.0,0.167,0.222,0.0,0.0,0.389,0.203,0.797,1,0,0"
    ),
    (
        "587727225153257596,23:59:59.99,+15:12:42.0,68,"
        "0.735,0.029,0.0,0.147,0.074,0.015,0.176,0.432,0.428,0,1,0"
    ),
]
OFFICIAL = "\n".join([HEADER, *ROWS]) + "\n"
COMPACT_HEADER = "OBJID,RA_DEG,DEC_DEG,SPIRAL,ELLIPTICAL,UNCERTAIN"
COMPACT = (
    COMPACT_HEADER
    + "\n588848900996792404,203.758,0.7081944,1,0,0\n588007004171010196,,,0,1,0\n"
)
IDS = [587727178986356823, 587727227300741210, 587727225153257596]


def write(folder, text, name="table.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_fits(path, columns):
    fits = pytest.importorskip("astropy.io.fits")
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column(name=n, format=f, array=a) for n, f, a in columns]
    )
    hdu.writeto(path)
    return path


def official_fits(path, objid_format="K"):
    frame = pd.read_csv(io.StringIO(OFFICIAL), dtype={"RA": str, "DEC": str})
    columns = []
    for name in frame.columns:
        if name in ("RA", "DEC"):
            columns.append((name, "11A", frame[name].to_numpy(dtype="S")))
        elif name == "OBJID":
            columns.append((name, objid_format, frame[name].to_numpy()))
        elif name in ("NVOTE", "SPIRAL", "ELLIPTICAL", "UNCERTAIN"):
            columns.append((name, "I", frame[name].to_numpy()))
        else:
            columns.append((name, "D", frame[name].to_numpy()))
    return write_fits(path, columns)


def check_official(table):
    assert table["objid"].tolist() == IDS
    assert table.dtypes["objid"] == np.int64
    assert table.dtypes["nvote"] == np.int32
    assert table.dtypes["spiral"] == np.bool_
    assert table.shape == (3, 16)
    ra = [0.41 / 240, 0.74 / 240, 360 - 0.01 / 240]
    dec = [
        -(10 + 22 / 60 + 25.7 / 3600),
        -(13 / 60 + 40.3 / 3600),
        15 + 12 / 60 + 42 / 3600,
    ]
    np.testing.assert_allclose(table["ra"], ra, rtol=0, atol=1e-11)
    np.testing.assert_allclose(table["dec"], dec, rtol=0, atol=1e-12)
    assert table["p_el"].tolist() == [0.61, 0.611, 0.735]
    assert table["p_cs_debiased"].tolist() == [0.186, 0.797, 0.428]
    assert table["uncertain"].tolist() == [True, False, False]
    assert table["spiral"].tolist() == [False, True, False]


def test_official_csv(tmp_path):
    check_official(read_galaxy_zoo1_table(write(tmp_path, OFFICIAL)))


def test_official_wrappings(tmp_path):
    packed = write(tmp_path, gzip.compress(OFFICIAL.encode()), "t.csv.gz")
    check_official(read_galaxy_zoo1_table(packed))
    check_official(read_galaxy_zoo1_table(str(packed)))
    # The content decides, not the name.
    packed = write(tmp_path, gzip.compress(OFFICIAL.encode()), "t.csv")
    check_official(read_galaxy_zoo1_table(packed))
    archive = tmp_path / "t.csv.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("GalaxyZoo1_DR_table2.csv", OFFICIAL)
        content.writestr("__MACOSX/._GalaxyZoo1_DR_table2.csv", "x")
    check_official(read_galaxy_zoo1_table(archive))


@pytest.mark.parametrize(
    "text",
    [
        OFFICIAL.lower(),
        "\ufeff" + OFFICIAL,
        OFFICIAL.replace("\n", "\r\n"),
        OFFICIAL.replace(",", ", "),
        OFFICIAL.rstrip("\n"),
        OFFICIAL.replace("\n", "\n\n"),
    ],
)
def test_dialects(tmp_path, text):
    check_official(read_galaxy_zoo1_table(write(tmp_path, text)))


def test_other_columns_and_order_do_not_matter(tmp_path):
    frame = pd.read_csv(io.StringIO(OFFICIAL), dtype=str)
    frame.insert(0, "comment", "x")
    frame = frame[frame.columns[::-1]]
    table = read_galaxy_zoo1_table(write(tmp_path, frame.to_csv(index=False)))
    check_official(table)


@pytest.mark.parametrize("name", ["t.fits", "t.fits.gz"])
def test_official_fits(tmp_path, name):
    check_official(read_galaxy_zoo1_table(official_fits(tmp_path / name)))


def test_fits_with_text_ids_and_logical_flags(tmp_path):
    frame = pd.read_csv(io.StringIO(OFFICIAL), dtype=str)
    kinds = {"OBJID": "18A", "RA": "11A", "DEC": "11A"}
    columns = [(n, f, frame[n].to_numpy(dtype="S")) for n, f in kinds.items()]
    flags = ("SPIRAL", "ELLIPTICAL", "UNCERTAIN")
    columns += [(n, "L", (frame[n] == "1").to_numpy()) for n in flags]
    table = read_galaxy_zoo1_table(write_fits(tmp_path / "t.fits", columns))
    assert table["objid"].tolist() == IDS
    assert table["spiral"].tolist() == [False, True, False]
    np.testing.assert_allclose(table["dec"][1], -(13 / 60 + 40.3 / 3600))


def test_chunks_give_the_same(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    n = 57
    flags = np.eye(3, dtype=int)[rng.integers(0, 3, n)]
    frame = pd.DataFrame(
        {
            "OBJID": 587727178986356823 + rng.permutation(n),
            "RA": rng.uniform(0, 360, n),
            "DEC": rng.uniform(-90, 90, n),
            "SPIRAL": flags[:, 0],
            "ELLIPTICAL": flags[:, 1],
            "UNCERTAIN": flags[:, 2],
        }
    )
    path = write(tmp_path, frame.to_csv(index=False))
    whole = read_galaxy_zoo1_table(path)
    monkeypatch.setattr(files, "CHUNK_ROWS", 10)
    pd.testing.assert_frame_equal(read_galaxy_zoo1_table(path), whole)
    # Degrees come back to the last bit.
    assert whole["ra"].tolist() == frame["RA"].tolist()
    assert whole["dec"].tolist() == frame["DEC"].tolist()


def test_sexagesimal_round_trip(tmp_path):
    coordinates = pytest.importorskip("astropy.coordinates")
    rng = np.random.default_rng(1)
    n = 200
    dec = np.r_[rng.uniform(-1, 1, n // 2), rng.uniform(-90, 90, n // 2)]
    sky = coordinates.SkyCoord(rng.uniform(0, 360, n), dec, unit="deg")
    text = pd.DataFrame(
        {
            "objid": np.arange(n) + IDS[0],
            "ra": sky.ra.to_string("hour", sep=":", precision=6, pad=True),
            "dec": sky.dec.to_string("deg", sep=":", precision=5, alwayssign=True),
            "spiral": 1,
            "elliptical": 0,
            "uncertain": 0,
        }
    )
    table = read_galaxy_zoo1_table(write(tmp_path, text.to_csv(index=False)))
    np.testing.assert_allclose(table["ra"], sky.ra.deg, atol=1e-8)
    np.testing.assert_allclose(table["dec"], sky.dec.deg, atol=1e-8)


def test_compact_form_with_blank_coordinates(tmp_path):
    table = read_galaxy_zoo1_table(write(tmp_path, COMPACT))
    assert list(table.columns) == [
        "objid",
        "ra",
        "dec",
        "spiral",
        "elliptical",
        "uncertain",
    ]
    assert table["objid"].tolist() == [588848900996792404, 588007004171010196]
    assert np.isnan(table["ra"]).tolist() == [False, True]
    assert table["dec"][0] == 0.7081944


def test_blank_sexagesimal_coordinate(tmp_path):
    text = OFFICIAL.replace("00:00:00.74,-00:13:40.3", ",")
    table = read_galaxy_zoo1_table(write(tmp_path, text))
    assert np.isnan(table["ra"]).tolist() == [False, True, False]
    assert table["objid"].tolist() == IDS


def test_columns(tmp_path):
    path = write(tmp_path, OFFICIAL)
    table = read_galaxy_zoo1_table(path, columns=["p_el", "ra"])
    assert list(table.columns) == ["objid", "p_el", "ra"]
    assert list(read_galaxy_zoo1_table(path, columns="ra")) == ["objid", "ra"]
    with pytest.raises(ValueError, match=r"no column.*redshift"):
        read_galaxy_zoo1_table(path, columns=["redshift"])
    with pytest.raises(ValueError, match="compact form has no votes"):
        read_galaxy_zoo1_table(write(tmp_path, COMPACT, "c"), columns=["p_el"])


def test_duplicates(tmp_path):
    path = write(tmp_path, OFFICIAL + ROWS[1] + "\n" + ROWS[1] + "\n")
    check_official(read_galaxy_zoo1_table(path))
    kept = read_galaxy_zoo1_table(path, duplicates="keep")
    assert kept["objid"].tolist() == [*IDS, IDS[1], IDS[1]]
    with pytest.raises(ValueError, match="2 repeated rows, of 1 object ids") as caught:
        read_galaxy_zoo1_table(path, duplicates="raise")
    assert str(IDS[1]) in str(caught.value)
    assert str(IDS[0]) not in str(caught.value)
    with pytest.raises(ValueError, match="duplicates must be"):
        read_galaxy_zoo1_table(path, duplicates="first")


def test_duplicates_with_blank_coordinates_are_identical(tmp_path):
    row = COMPACT.splitlines()[2]
    table = read_galaxy_zoo1_table(write(tmp_path, COMPACT + row + "\n"))
    assert len(table) == 2


@pytest.mark.parametrize("option", ["drop", "raise", "keep"])
def test_contradictions_are_always_refused(tmp_path, option):
    other = ROWS[1].replace("1,0,0", "0,1,0")
    path = write(tmp_path, OFFICIAL + ROWS[0] + "\n" + other + "\n")
    with pytest.raises(ValueError, match="contradict each other") as caught:
        read_galaxy_zoo1_table(path, duplicates=option)
    assert str(IDS[1]) in str(caught.value)
    assert str(IDS[0]) not in str(caught.value)
    assert str(path) in str(caught.value)


BROKEN = {
    "float id": (OFFICIAL.replace(str(IDS[1]), f"{IDS[1]}.0"), "OBJID must hold whole"),
    "exponent id": (OFFICIAL.replace(str(IDS[1]), "5.87727e17"), "OBJID must hold"),
    "blank id": (OFFICIAL.replace(str(IDS[1]), ""), "OBJID is blank.*row 1"),
    "missing column": (OFFICIAL.replace("P_MG", "P_XX"), "columns are missing: P_MG"),
    "no flags": ("OBJID,RA,DEC\n1,2,3\n", "SPIRAL, ELLIPTICAL, UNCERTAIN"),
    "foreign": ("name,age\nx,3\n", "columns are missing: OBJID"),
    "two flags": (OFFICIAL.replace("0.797,1,0,0", "0.797,1,1,0"), "exactly one.*row 1"),
    "no flag": (OFFICIAL.replace("0.797,1,0,0", "0.797,0,0,0"), "exactly one.*row 1"),
    "odd flag": (OFFICIAL.replace("0.797,1,0,0", "0.797,2,0,0"), "SPIRAL is not 0/1"),
    "text flag": (OFFICIAL.replace("0.797,1,0,0", "0.797,yes,0,0"), "SPIRAL.*'yes'"),
    "cut row": (OFFICIAL[: OFFICIAL.rindex(",")], "UNCERTAIN is blank.*truncated"),
    "cut field": (OFFICIAL[: OFFICIAL.rindex(",") + 1], "UNCERTAIN is blank"),
    "cut early": (OFFICIAL[: -len(ROWS[2]) + 10], "blank|missing"),
    "hour 25": (OFFICIAL.replace("23:59:59.99", "25:00:00.0"), "RA .degrees. is not"),
    "minute 60": (OFFICIAL.replace("23:59:59.99", "23:60:00.0"), "over 60"),
    "dec 91": (OFFICIAL.replace("+15:12", "+91:12"), "DEC .degrees. is not"),
    "two signs": (OFFICIAL.replace("+15:12", "+-15:12"), "not sexagesimal"),
    "inner sign": (OFFICIAL.replace("+15:12", "+15:-12"), "not sexagesimal"),
    "mixed": (OFFICIAL.replace("+15:12:42.0", "15.2"), "not sexagesimal.*row 2"),
    "text dec": (OFFICIAL.replace("+15:12:42.0", "a:b:c"), "not sexagesimal"),
    "nan text": (OFFICIAL.replace("0.611", "nan"), "P_EL is no number.*row 1"),
    "inf": (OFFICIAL.replace("0.611", "inf"), "P_EL is not between 0 and 1"),
    "underscore": (OFFICIAL.replace(",59,", ",5_9,"), "NVOTE is no number"),
    "fraction 1.2": (OFFICIAL.replace("0.797", "1.797"), "P_CS_DEBIASED is not"),
    "blank fraction": (OFFICIAL.replace("0.797", ""), "P_CS_DEBIASED is blank"),
    "half vote": (OFFICIAL.replace(",59,", ",5.5,"), "NVOTE is not a whole"),
    "long row": (OFFICIAL.replace(ROWS[1], ROWS[1] + ",7"), "do not fit its header"),
    "long first row": (OFFICIAL.replace(ROWS[0], "7," + ROWS[0]), "do not fit|OBJID"),
    "all rows long": ("OBJID,RA\n1,2,3\n", "do not fit|missing"),
    "twice": (OFFICIAL.replace("P_CW", "P_EL"), "columns twice.*p_el"),
    "header only": (HEADER + "\n", "no rows"),
    "header without end": (HEADER, "no rows"),
    "empty": ("", "is empty"),
    "html": ("<html><body>login</body></html>", "web page"),
    "votable": ('<?xml version="1.0"?><VOTABLE/>', "web page or a VOTable"),
    "bytes": (bytes(range(128, 256)) * 20, "no CSV text|missing"),
    "latin": (OFFICIAL.encode() + b"\xff\xfe\n", "codec can't decode"),
    "bz2": (b"BZh9xxxx", "bzip2"),
    "cut gzip": (gzip.compress(OFFICIAL.encode() * 3)[:-20], "truncated or damaged"),
    "short gzip": (gzip.compress(OFFICIAL.encode())[:6], "truncated or damaged"),
    "bad zip": (b"PK\x03\x04" + bytes(50), "truncated or damaged"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(tmp_path, case):
    text, match = BROKEN[case]
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=match) as caught:
        read_galaxy_zoo1_table(path)
    assert str(caught.value).count(str(path)) == 1


def test_row_numbers_count_through_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK_ROWS", 2)
    path = write(tmp_path, OFFICIAL.replace("0.428,0,1,0", "0.428,0,0,0"))
    with pytest.raises(ValueError, match="the first is row 2"):
        read_galaxy_zoo1_table(path)


def test_zip_of_two(tmp_path):
    archive = tmp_path / "t.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("a.csv", OFFICIAL)
        content.writestr("b.csv", OFFICIAL)
    with pytest.raises(ValueError, match="must hold one CSV"):
        read_galaxy_zoo1_table(archive)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv does not exist"):
        read_galaxy_zoo1_table(tmp_path / "nothing.csv")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_galaxy_zoo1_table(tmp_path)


def test_fits_with_float_ids(tmp_path):
    path = official_fits(tmp_path / "t.fits", "D")
    with pytest.raises(ValueError, match="last digits are lost") as caught:
        read_galaxy_zoo1_table(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("end", [-3000, 3000, 100])
def test_truncated_fits(tmp_path, end):
    whole = official_fits(tmp_path / "whole.fits").read_bytes()
    path = write(tmp_path, whole[:end], "cut.fits")
    with pytest.raises(ValueError, match=r"truncated|without a table") as caught:
        read_galaxy_zoo1_table(path)
    assert str(path) in str(caught.value)


def test_fits_without_a_table(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(path)
    with pytest.raises(ValueError, match="without a table"):
        read_galaxy_zoo1_table(path)


@pytest.mark.real_data
def test_real_sample(data_home):
    path = data_home / "galaxy_zoo1/gz1_table2_flags_sample.csv.gz"
    everything = read_galaxy_zoo1_table(path, duplicates="keep")
    assert len(everything) == 68_024
    flags = everything[["spiral", "elliptical", "uncertain"]]
    assert flags.sum().tolist() == [27_443, 12_878, 27_703]
    table = read_galaxy_zoo1_table(path)
    assert len(table) == 68_024 - 125
    assert table["objid"].is_unique
    text = pd.read_csv(path, dtype=str)
    assert everything["objid"].astype(str).tolist() == text["OBJID"].tolist()
    with pytest.raises(ValueError, match="125 repeated rows"):
        read_galaxy_zoo1_table(path, duplicates="raise")


@pytest.mark.real_data
def test_real_sample_cut_short(data_home, tmp_path):
    path = data_home / "galaxy_zoo1/gz1_table2_flags_sample.csv.gz"
    cut = write(tmp_path, path.read_bytes()[:500_000], "cut.csv.gz")
    with pytest.raises(ValueError, match=r"cut\.csv\.gz: it is truncated"):
        read_galaxy_zoo1_table(cut)


def test_a_table_survives_its_own_round_trip(tmp_path):
    first = tmp_path / "compact.csv"
    first.write_text(
        "OBJID,RA,DEC,SPIRAL,ELLIPTICAL,UNCERTAIN\n"
        "588848900996792404,203.758,0.708,1,0,0\n"
        "587725551743729769,153.88,64.27,0,0,1\n"
    )
    table = read_galaxy_zoo1_table(first)
    table.to_csv(tmp_path / "again.csv", index=False)
    again = read_galaxy_zoo1_table(tmp_path / "again.csv")
    assert again.equals(table)


def test_fits_with_a_damaged_header_card(tmp_path):
    path = official_fits(tmp_path / "t.fits")
    path.write_bytes(path.read_bytes().replace(b"BITPIX", b"BITPIZ"))
    with pytest.raises(ValueError, match="damaged"):
        read_galaxy_zoo1_table(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods_that_cannot_be_bounded_are_refused(tmp_path, method):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("t.csv", OFFICIAL)
    with pytest.raises(ValueError, match="compressed by method"):
        read_galaxy_zoo1_table(path)
