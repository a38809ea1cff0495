"""Fetching SDSS frames from a server on this machine."""

from __future__ import annotations

import bz2
import gzip
import io
import shutil

import numpy as np
import pytest

from skastro.datasets import fetch_sdss_frames

fits = pytest.importorskip("astropy.io.fits")


def frame_bytes(release, run=94, camcol=3, field=12, band="g"):
    rng = np.random.default_rng(field)
    noise = rng.standard_normal((40, 50))
    if release == 7:
        hdu = fits.PrimaryHDU(np.rint(1150 + 5 * noise).astype(np.uint16))
        cards = {"SOFTBIAS": 1000, "BUNIT": "DNs", "SKY": 150.0, "FRAME": field}
    else:
        hdu = fits.PrimaryHDU(noise.astype(np.float32))
        cards = {"BUNIT": "nanomaggy"}
    cards.update(
        RUN=run,
        CAMCOL=camcol,
        FILTER=band,
        CTYPE1="RA---TAN",
        CTYPE2="DEC--TAN",
        CRVAL1=1.0,
        CRVAL2=2.0,
        CRPIX1=1.0,
        CRPIX2=1.0,
        CD1_1=1e-4,
        CD1_2=0.0,
        CD2_1=0.0,
        CD2_2=1e-4,
    )
    for key, value in cards.items():
        hdu.header[key] = value
    out = io.BytesIO()
    hdu.writeto(out)
    pack = gzip.compress if release == 7 else bz2.compress
    return pack(out.getvalue())


def location(release, field=12, band="g", rerun=None):
    if release == 7:
        return f"x/94/{rerun or 40}/corr/3/fpC-000094-{band}3-{field:04d}.fit.gz"
    return f"x/{rerun or 301}/94/3/frame-{band}-000094-3-{field:04d}.fits.bz2"


@pytest.mark.parametrize("release", [7, 17])
def test_one_frame(web, tmp_path, release):
    web.files[location(release)] = frame_bytes(release)
    sdss = fetch_sdss_frames(
        94, 3, 12, "g", release=release, data_home=tmp_path, url=web.url("x")
    )
    (frame,) = sdss.frames
    assert frame.unit == ("DN" if release == 7 else "nanomaggy")
    assert (frame.run, frame.camcol, frame.field, frame.band) == (94, 3, 12, "g")
    name = location(release).rpartition("/")[2]
    assert sdss.filenames == [str(tmp_path / f"sdss_dr{release}" / name)]
    assert frame.filename == sdss.filenames[0]
    assert f"release {release}" in sdss.DESCR
    fetch_sdss_frames(
        94, 3, 12, "g", release=release, data_home=tmp_path, url=web.url("x")
    )
    assert len(web.requests) == 1


def test_several_fields_and_bands(web, tmp_path):
    for field in (12, 13):
        for band in "gr":
            web.files[location(17, field, band)] = frame_bytes(
                17, field=field, band=band
            )
    sdss = fetch_sdss_frames(
        94, 3, range(12, 14), "gr", data_home=tmp_path, url=web.url("x") + "/"
    )
    assert [(f.field, f.band) for f in sdss.frames] == [
        (12, "g"),
        (12, "r"),
        (13, "g"),
        (13, "r"),
    ]
    assert sdss.field.tolist() == [12, 12, 13, 13]
    assert sdss.band.tolist() == ["g", "r", "g", "r"]
    paths = fetch_sdss_frames(
        94, 3, [12, 13], "gr", data_home=tmp_path, url=web.url("x"), load=False
    )
    assert paths.frames == []
    assert paths.filenames == sdss.filenames


def test_rerun_is_part_of_the_address(web, tmp_path):
    web.files[location(7, rerun=41)] = frame_bytes(7)
    sdss = fetch_sdss_frames(
        94, 3, 12, "g", release=7, rerun=41, data_home=tmp_path, url=web.url("x")
    )
    assert len(sdss.frames) == 1


def test_wrong_frames_are_refused(web, tmp_path):
    web.files[location(17)] = frame_bytes(17, run=95)
    with pytest.raises(ValueError, match="the name says run 94, the header 95"):
        fetch_sdss_frames(94, 3, 12, "g", data_home=tmp_path, url=web.url("x"))
    web.files[location(7)] = frame_bytes(17)
    with pytest.raises(ValueError, match="is in nanomaggy, expected DN"):
        fetch_sdss_frames(
            94, 3, 12, "g", release=7, data_home=tmp_path, url=web.url("x")
        )
    web.files[location(7)] = frame_bytes(7)[:2000]
    with pytest.raises(ValueError, match="truncated"):
        fetch_sdss_frames(
            94, 3, 12, "g", release=7, data_home=tmp_path, url=web.url("x")
        )
    assert not list(tmp_path.glob("sdss*/f*"))


def test_missing_frame(web, tmp_path):
    with pytest.raises(OSError, match="404") as caught:
        fetch_sdss_frames(94, 3, 12, "g", data_home=tmp_path, url=web.url("x"))
    assert location(17) in str(caught.value)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (7, "http://das.sdss.org/imaging/3325/40/corr/5/fpC-003325-r5-0108.fit.gz"),
        (
            17,
            (
                "https://data.sdss.org/sas/dr17/eboss/photoObj/frames/301/3325/5/"
                "frame-r-003325-5-0108.fits.bz2"
            ),
        ),
    ],
)
def test_public_addresses(tmp_path, release, expected):
    with pytest.raises(OSError, match="By hand") as caught:
        fetch_sdss_frames(
            3325,
            5,
            108,
            release=release,
            data_home=tmp_path,
            download_if_missing=False,
        )
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"run": 0}, "run must be"),
        ({"run": "94"}, "run must be"),
        ({"run": 94.0}, "run must be"),
        ({"run": True}, "run must be"),
        ({"camcol": 7}, "camcol must be"),
        ({"field": -1}, "field must be"),
        ({"field": []}, "At least one field"),
        ({"field": ["../1"]}, "field must be"),
        ({"band": "../../etc"}, "band must be"),
        ({"band": ""}, "band must be"),
        ({"band": "G"}, "band must be"),
        ({"release": 8}, "release must be"),
        ({"rerun": "../x"}, "rerun must be"),
    ],
)
def test_hostile_parameters(tmp_path, changes, match):
    arguments = {"run": 94, "camcol": 3, "field": 12, **changes}
    with pytest.raises(ValueError, match=match):
        fetch_sdss_frames(**arguments, data_home=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real_data
def test_real_frame_that_is_there(data_home, tmp_path):
    name = "fpC-003325-r5-0108.fit.gz"
    (tmp_path / "sdss_dr7").mkdir()
    shutil.copy(data_home / "sdss_dr7" / name, tmp_path / "sdss_dr7" / name)
    sdss = fetch_sdss_frames(
        3325, 5, 108, release=7, data_home=tmp_path, download_if_missing=False
    )
    assert sdss.frames[0].data.shape == (1489, 2048)
    assert sdss.frames[0].sky == 135.52
