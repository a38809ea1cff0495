"""SDSS frames: unit, pedestal, sky and coordinates, or an error."""

from __future__ import annotations

import bz2
import gzip
import io

import numpy as np
import pytest

fits = pytest.importorskip("astropy.io.fits")

from skastro.galaxy import SDSSFrame, read_frame  # noqa: E402
from skastro.galaxy._sdss_frame import _clipped_median  # noqa: E402

REAL = {
    "fpC-001739-r2-0302.fit.gz": (1739, 2, 302, 146.11),
    "fpC-002662-r5-0282.fit.gz": (2662, 5, 282, None),
    "fpC-002662-r5-0283.fit.gz": (2662, 5, 283, None),
    "fpC-002662-r6-0283.fit.gz": (2662, 6, 283, None),
    "fpC-003325-r5-0108.fit.gz": (3325, 5, 108, 135.52),
}
SHAPE = (60, 80)


def wcs_cards(header, swapped=False):
    axes = ("DEC--TAN", "RA---TAN") if swapped else ("RA---TAN", "DEC--TAN")
    values = (2.0, 150.0) if swapped else (150.0, 2.0)
    for i, (axis, value) in enumerate(zip(axes, values, strict=True), 1):
        header[f"CTYPE{i}"], header[f"CRVAL{i}"], header[f"CUNIT{i}"] = (
            axis,
            value,
            "deg",
        )
        header[f"CRPIX{i}"] = 30.5
    header["CD1_1"], header["CD1_2"] = 1e-9, 1.1e-4
    header["CD2_1"], header["CD2_2"] = 1.1e-4, -1e-9


def fpc_bytes(sky=150.0, **cards):
    """Write an fpC as DR7 did: 16 bits, BZERO, SOFTBIAS."""
    rng = np.random.default_rng(0)
    counts = np.rint(1000 + 150.3 + 5 * rng.standard_normal(SHAPE))
    counts[20:25, 30:35] = 40_000  # above 32767
    hdu = fits.PrimaryHDU(counts.astype(np.uint16))
    wcs_cards(hdu.header)
    values = {
        "RUN": 94,
        "CAMCOL": 3,
        "FRAME": 12,
        "FILTER": "g",
        "SOFTBIAS": 1000,
        "BUNIT": "DNs",
        "SKY": sky,
    }
    values.update(cards)
    for key, value in values.items():
        if value is not None:
            hdu.header[key] = value
    out = io.BytesIO()
    hdu.writeto(out)
    return out.getvalue()


def frame_bytes(dtype=np.float32, asdf=True, **cards):
    """Write a frame as DR8 and later did."""
    rng = np.random.default_rng(1)
    hdu = fits.PrimaryHDU((0.02 * rng.standard_normal(SHAPE)).astype(dtype))
    wcs_cards(hdu.header)
    # FRAME is not the field in these files.
    values = {
        "RUN": 94,
        "CAMCOL": 3,
        "FRAME": 77,
        "FILTER": "g",
        "BUNIT": "nanomaggy",
        "NMGY": 0.005,
    }
    values.update(cards)
    for key, value in values.items():
        if value is not None:
            hdu.header[key] = value
    hdus = [hdu, fits.ImageHDU(np.ones(80, dtype=np.float32))]
    if asdf:
        columns = [
            fits.Column(name=n, format="J", array=[v])
            for n, v in (("RUN", 94), ("CAMCOL", 3), ("FIELD", 12))
        ]
        hdus.append(fits.BinTableHDU.from_columns(columns))
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()


def write(folder, content, name="fpC-000094-g3-0012.fit"):
    path = folder / name
    path.write_bytes(content)
    return path


def test_counts(tmp_path):
    frame = read_frame(write(tmp_path, fpc_bytes()))
    assert isinstance(frame, SDSSFrame)
    assert frame.data.dtype == np.float32
    assert frame.data.shape == SHAPE
    assert (frame.run, frame.camcol, frame.field, frame.band) == (94, 3, 12, "g")
    assert (frame.unit, frame.sky, frame.sky_source) == ("DN", 150.0, "header")
    assert not frame.sky_subtracted
    assert np.median(frame.data) == pytest.approx(150, abs=1)
    assert frame.data.max() == 39_000
    assert frame.data.min() > 100


def test_subtract_sky(tmp_path):
    path = write(tmp_path, fpc_bytes())
    plain, clean = read_frame(path), read_frame(path, subtract_sky=True)
    assert clean.sky_subtracted
    assert clean.sky == plain.sky
    np.testing.assert_array_equal(clean.data, plain.data - np.float32(150))
    # A pixel under the sky is negative: unsigned integers would wrap.
    assert clean.data.min() < 0


@pytest.mark.parametrize("sky", [None, 0, -9999.0])
def test_missing_sky_is_estimated(tmp_path, sky):
    frame = read_frame(write(tmp_path, fpc_bytes(sky=sky)))
    assert frame.sky_source == "median"
    assert frame.sky == pytest.approx(150.3, abs=0.25)


def test_estimate_is_finer_than_a_count():
    rng = np.random.default_rng(3)
    for level in (150.0, 150.25, 150.5, 150.9):
        counts = np.rint(level + 5.9 * rng.standard_normal(400_000))
        counts[:4000] += 500
        assert _clipped_median(counts.astype(np.float32)) == pytest.approx(
            level, abs=0.06
        )


def test_nanomaggies(tmp_path):
    path = write(tmp_path, frame_bytes(), "frame-g-000094-3-0012.fits")
    frame = read_frame(path)
    assert frame.unit == "nanomaggy"
    assert frame.sky_subtracted
    assert frame.sky_source == "survey"
    assert np.isnan(frame.sky)
    assert (frame.run, frame.camcol, frame.field, frame.band) == (94, 3, 12, "g")
    again = read_frame(path, subtract_sky=True)
    np.testing.assert_array_equal(frame.data, again.data)


def test_field_of_a_renamed_frame(tmp_path):
    assert read_frame(write(tmp_path, frame_bytes(), "a.fits")).field == 12
    assert read_frame(write(tmp_path, frame_bytes(asdf=False), "b.fits")).field is None
    named = write(tmp_path, frame_bytes(asdf=False), "frame-g-000094-3-0012.fits")
    assert read_frame(named).field == 12
    assert read_frame(write(tmp_path, fpc_bytes(), "c.fit")).field == 12


def test_compression_by_content(tmp_path):
    plain = read_frame(write(tmp_path, fpc_bytes()))
    for pack in (gzip.compress, bz2.compress):
        packed = read_frame(write(tmp_path, pack(fpc_bytes()), "odd-name"))
        np.testing.assert_array_equal(packed.data, plain.data)


def test_stale_softbias_beside_nanomaggies(tmp_path):
    name = "frame-g-000094-3-0012.fits"
    assert read_frame(write(tmp_path, frame_bytes(SOFTBIAS=1000), name)).unit == (
        "nanomaggy"
    )
    content = fits.PrimaryHDU(np.full(SHAPE, 1100, np.float32))
    wcs_cards(content.header)
    for key, value in (("BUNIT", "nanomaggy"), ("SOFTBIAS", 1000), ("RUN", 94)):
        content.header[key] = value
    out = io.BytesIO()
    content.writeto(out)
    with pytest.raises(ValueError, match="ambiguous"):
        read_frame(write(tmp_path, out.getvalue(), name))


AMBIGUOUS = {
    "no softbias": lambda: fpc_bytes(SOFTBIAS=None),
    "other unit": lambda: fpc_bytes(BUNIT="Jy"),
    "integer nanomaggies": lambda: fpc_bytes(BUNIT="nanomaggy"),
    "float counts": lambda: frame_bytes(BUNIT="DNs", SOFTBIAS=1000),
    "no unit": lambda: frame_bytes(BUNIT=None),
    "pedestal off": lambda: fpc_bytes(SOFTBIAS=3000),
    "no number": lambda: fpc_bytes(SOFTBIAS="many"),
    "no wcs": lambda: fpc_bytes(CTYPE1="PIXEL", CTYPE2="PIXEL"),
    "other run": lambda: fpc_bytes(RUN=95),
    "other field": lambda: fpc_bytes(FRAME=13),
    "other band": lambda: fpc_bytes(FILTER="r"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_is_not_clear_is_refused(tmp_path, case):
    path = write(tmp_path, AMBIGUOUS[case]())
    with pytest.raises(ValueError) as caught:
        read_frame(path)
    assert str(path) in str(caught.value)


def test_not_finite(tmp_path):
    data = np.zeros(SHAPE, np.float32)
    data[3, 4] = np.nan
    hdu = fits.PrimaryHDU(data)
    wcs_cards(hdu.header)
    hdu.header["BUNIT"] = "nanomaggy"
    out = io.BytesIO()
    hdu.writeto(out)
    with pytest.raises(ValueError, match="1 pixels are not finite"):
        read_frame(write(tmp_path, out.getvalue(), "frame-g-000094-3-0012.fits"))


def test_other_fits_files(tmp_path):
    empty = io.BytesIO()
    fits.PrimaryHDU().writeto(empty)
    with pytest.raises(ValueError, match="2-D image"):
        read_frame(write(tmp_path, empty.getvalue()))
    nameless = fpc_bytes(RUN=None, CAMCOL=None, FILTER=None)
    with pytest.raises(ValueError, match="run, camcol, band"):
        read_frame(write(tmp_path, nameless, "x.fit"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("make", [fpc_bytes, frame_bytes])
def test_truncated(tmp_path, pack, share, make):
    content = pack(make())
    path = write(tmp_path, content[: int(len(content) * share)])
    with pytest.raises(OSError, match="truncated") as caught:
        read_frame(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n", bytes(5000)])
def test_no_fits(tmp_path, content):
    path = write(tmp_path, content)
    with pytest.raises(OSError, match="no FITS file") as caught:
        read_frame(path)
    assert str(path) in str(caught.value)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.fit does not exist"):
        read_frame(tmp_path / "gone.fit")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_frame(tmp_path)


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_frames(data_home, name):
    run, camcol, field, sky = REAL[name]
    frame = read_frame(data_home / "sdss_dr7" / name)
    assert (frame.run, frame.camcol, frame.field, frame.band) == (
        run,
        camcol,
        field,
        "r",
    )
    assert frame.data.shape == (1489, 2048)
    assert frame.unit == "DN"
    assert frame.sky_source == ("median" if sky is None else "header")
    # The estimate that stands in for SKY agrees with it where there is one.
    estimate = _clipped_median(frame.data)
    assert frame.sky == pytest.approx(sky or estimate)
    assert estimate == pytest.approx(frame.sky, abs=0.25)
    assert np.median(frame.data) == pytest.approx(frame.sky, abs=0.6)
    assert 130 < frame.sky < 192


@pytest.mark.real_data
def test_real_frame_cut_short(data_home, tmp_path):
    content = (data_home / "sdss_dr7/fpC-003325-r5-0108.fit.gz").read_bytes()
    path = write(tmp_path, content[:1_000_000], "fpC-003325-r5-0108.fit.gz")
    with pytest.raises(OSError, match="truncated"):
        read_frame(path)
    path = write(tmp_path, gzip.decompress(content)[:3_000_000], "b.fit")
    with pytest.raises(OSError, match="truncated"):
        read_frame(path)


def test_a_damaged_card_is_named(tmp_path):
    content = fpc_bytes().replace(b"RUN     =", b"RUN     = 'x /", 1)
    with pytest.raises(OSError, match="damaged"):
        read_frame(write(tmp_path, content))


def test_an_astrometric_table_without_rows_tells_no_field(tmp_path):
    hdus = fits.open(io.BytesIO(frame_bytes()))
    hdus[2].data = hdus[2].data[:0]
    out = io.BytesIO()
    hdus.writeto(out)
    frame = read_frame(write(tmp_path, out.getvalue(), "renamed.fits"))
    assert frame.field is None


def test_what_unpacks_to_too_much_is_refused(tmp_path):
    header = fits.Header()
    header.update(SIMPLE=True, BITPIX=8, NAXIS=1, NAXIS1=100 << 20)
    content = bz2.compress(header.tostring().encode() + bytes(100 << 20), 1)
    with pytest.raises(OSError, match="fill the memory"):
        read_frame(write(tmp_path, content, "fpC-000094-g3-0012.fit.bz2"))
