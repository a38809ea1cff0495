"""Cut-outs land where the galaxies are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("astropy")
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from skastro.galaxy import SDSSFrame, extract_cutouts, read_frame

SHAPE = (300, 400)


def make_frame(angle=0.0, swapped=False, unit="DN", subtracted=False):
    """Build a frame whose pixel values say where they are: 1000 y + x."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["DEC--TAN", "RA---TAN"] if swapped else ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [20.0, 150.0] if swapped else [150.0, 20.0]
    wcs.wcs.crpix = [200.5, 150.5]
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    wcs.wcs.cd = 1.1e-4 * np.array([[c, -s], [s, c]])
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    data = (1000 * y + x).astype(np.float32)
    return SDSSFrame(
        data, unit, 7.0, "header", subtracted, wcs, 1, 1, 1, "r", "made up"
    )


def sky_of(frame, x, y):
    sky = frame.wcs.pixel_to_world(np.asarray(x, float), np.asarray(y, float))
    return np.column_stack([sky.ra.deg, sky.dec.deg])


@pytest.mark.parametrize("angle", [0.0, 90.0, 33.0])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("size", [64, 65, 7, 1])
def test_positions(angle, swapped, size):
    frame = make_frame(angle, swapped)
    rng = np.random.default_rng(0)
    xy = rng.uniform([60, 60], [330, 230], (20, 2))
    out = extract_cutouts(frame, sky_of(frame, *xy.T), size)
    assert out.images.shape == (20, size, size)
    assert out.images.dtype == np.float32
    np.testing.assert_allclose(out.positions, xy, atol=1e-6)
    # Read back where the cut-out begins, from the values of its first pixel.
    start = np.column_stack([out.images[:, 0, 0] % 1000, out.images[:, 0, 0] // 1000])
    np.testing.assert_allclose(start + out.offsets, xy, atol=1e-6)
    middle = (size - 1) / 2
    assert (out.offsets > middle - 0.5 - 1e-6).all()
    assert (out.offsets <= middle + 0.5 + 1e-6).all()
    # x runs along the last axis.
    np.testing.assert_array_equal(
        out.images[:, 0, -1] - out.images[:, 0, 0], np.full(20, size - 1)
    )
    assert out.kept.tolist() == list(range(20))
    assert out.dropped.size == 0
    assert out.n_filled.sum() == 0


def test_even_size_convention():
    """A source on a pixel centre sits at index 32 of 64, just right of the middle."""
    frame = make_frame()
    out = extract_cutouts(frame, sky_of(frame, [100.0], [90.0]), 64)
    assert out.images[0, 32, 32] == 1000 * 90 + 100
    assert out.offsets.tolist() == [[32.0, 32.0]]
    out = extract_cutouts(frame, sky_of(frame, [100.01], [90.01]), 64)
    np.testing.assert_allclose(out.offsets, 31.01, atol=2e-6)


def edge_frame_and_coords():
    frame = make_frame()
    # Inside, over the left edge, over a corner, off by a hair, far outside.
    xy = np.array([[200, 150], [10, 150], [395, 295], [-32.2, 150], [5000, 150.0]])
    return frame, np.vstack(
        [sky_of(frame, *xy.T), [[330.0, -20.0]], [[np.nan, np.nan]]]
    )


IDS = np.array([587727178986356823 + i for i in range(7)])


def test_edge_raise():
    frame, coords = edge_frame_and_coords()
    with pytest.raises(ValueError, match="6 of 7 cut-outs") as caught:
        extract_cutouts(frame, coords, ids=IDS)
    message = str(caught.value)
    assert all(str(i) in message for i in IDS[1:])
    assert str(IDS[0]) not in message
    assert "made up" in message


def test_edge_drop():
    frame, coords = edge_frame_and_coords()
    out = extract_cutouts(frame, coords, edge="drop", ids=IDS)
    assert out.kept.tolist() == IDS[:1].tolist()
    assert out.dropped.tolist() == IDS[1:].tolist()
    assert out.kept.dtype == np.int64
    assert np.isfinite(out.images).all()


def test_edge_fill():
    frame, coords = edge_frame_and_coords()
    out = extract_cutouts(frame, coords, edge="fill", ids=IDS)
    assert out.kept.tolist() == IDS[:3].tolist()
    assert out.dropped.tolist() == IDS[3:].tolist()
    np.testing.assert_array_equal(np.isnan(out.images).sum(axis=(1, 2)), out.n_filled)
    # Columns -22..-1 of 64; and 395 - 32 + 64 - 400 = 27 of both axes.
    assert out.n_filled.tolist() == [0, 22 * 64, 64 * 64 - 37 * 37]
    zero = extract_cutouts(frame, coords, edge="fill", fill_value=0.0)
    np.testing.assert_array_equal(zero.images, np.nan_to_num(out.images))
    sky = extract_cutouts(frame, coords, edge="fill", fill_value="sky")
    assert sky.images[1, 0, 0] == 7.0
    clean = make_frame(subtracted=True)
    assert (
        extract_cutouts(clean, coords, edge="fill", fill_value="sky").images[1, 0, 0]
        == 0.0
    )


def test_antipode_is_outside():
    frame = make_frame()
    out = extract_cutouts(frame, [[330.0, -20.0], [150.0, 20.0]], edge="drop")
    assert out.dropped.tolist() == [0]


def test_skycoord_in_another_frame():
    frame = make_frame()
    coords = sky_of(frame, [100, 200], [100, 120])
    sky = SkyCoord(coords, unit="deg")
    expected = extract_cutouts(frame, coords).images
    np.testing.assert_array_equal(extract_cutouts(frame, sky).images, expected)
    np.testing.assert_array_equal(extract_cutouts(frame, sky.galactic).images, expected)
    np.testing.assert_array_equal(extract_cutouts(frame, sky[0]).images, expected[:1])
    table = pd.DataFrame(coords, columns=["ra", "dec"])
    np.testing.assert_array_equal(
        extract_cutouts(frame, table[["ra", "dec"]]).images, expected
    )


def test_nothing_to_cut():
    out = extract_cutouts(make_frame(), np.zeros((0, 2)))
    assert out.images.shape == (0, 64, 64)
    assert extract_cutouts(make_frame(), []).kept.size == 0


def test_unit_travels_along():
    frame = make_frame(unit="nanomaggy", subtracted=True)
    out = extract_cutouts(frame, sky_of(frame, [100], [100]))
    assert out.unit == "nanomaggy"
    assert out.sky_subtracted


def test_cutouts_are_copies():
    frame = make_frame()
    out = extract_cutouts(frame, sky_of(frame, [100], [100]))
    out.images[...] = 0
    assert frame.data[100, 100] == 100_100


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"coords": [150.0, 20.0]}, ValueError, "shape"),
        ({"coords": [[150.0, 120.0]]}, ValueError, "degrees; row 0"),
        ({"coords": [[np.inf, 20.0]]}, ValueError, "degrees; row 0"),
        ({"size": 0}, ValueError, "positive integer"),
        ({"size": 64.0}, ValueError, "positive integer"),
        ({"edge": "wrap"}, ValueError, "edge must be"),
        ({"ids": [1, 2]}, ValueError, "ids must have shape"),
        ({"ids": [5.8e17]}, TypeError, "lose digits"),
        ({"fill_value": "mean"}, ValueError, "fill_value"),
    ],
)
def test_bad_parameters(kwargs, error, match):
    kwargs = {"coords": [[150.0, 20.0]], **kwargs}
    with pytest.raises(error, match=match):
        extract_cutouts(make_frame(), **kwargs)


def centroid(image, start, sigma=2.0):
    """Find the flux centre by an adaptive Gaussian weight."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    cx, cy = start
    for _ in range(50):
        w = np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / sigma**2) * image
        cx, cy = 2 * (w * x).sum() / w.sum() - cx, 2 * (w * y).sum() / w.sum() - cy
    return np.array([cx, cy])


@pytest.mark.real_data
def test_real_galaxies_land_on_their_peaks(data_home):
    galaxies = pd.read_csv(data_home / "sdss_dr7/galaxies_in_frames.csv")
    n_checked = 0
    for name, rows in galaxies.groupby("frame"):
        frame = read_frame(data_home / "sdss_dr7" / str(name), subtract_sky=True)
        coords = rows[["ra", "dec"]].to_numpy()
        out = extract_cutouts(frame, coords, edge="fill", ids=rows["objid"].to_numpy())
        assert out.kept.tolist() == rows["objid"].tolist()
        np.testing.assert_allclose(out.positions, rows[["x", "y"]], atol=0.1)
        np.testing.assert_allclose(out.positions, rows[["x", "y"]], atol=1e-6)
        assert out.n_filled.tolist() == rows["n_nan"].tolist()
        ra_axis = 1  # right ascension runs along y in all five
        for i in np.flatnonzero(out.n_filled == 0):
            off = centroid(out.images[i], out.offsets[i]) - out.offsets[i]
            # The list rounds ra to 3 to 6 digits; dec, and long ra, are exact.
            digits = len(str(rows["ra"].iloc[i]).partition(".")[2])
            slack = 0.5 * 10.0**-digits / 1.1e-4
            assert abs(off[1 - ra_axis]) < 0.1
            assert abs(off[ra_axis]) < 0.1 + slack
            n_checked += 1
    assert n_checked == 4


@pytest.mark.real_data
def test_a_galaxy_of_two_overlapping_frames_is_the_same(data_home):
    ids, coords = [587731187277693072], [[0.01975, 0.7817222]]
    images = []
    for field in (282, 283):
        frame = read_frame(
            data_home / f"sdss_dr7/fpC-002662-r5-0{field}.fit.gz", subtract_sky=True
        )
        images.append(extract_cutouts(frame, coords, edge="fill", ids=ids).images[0])
    both = np.isfinite(images[0])
    assert both.sum() == 64 * 64 - 1856
    # The frames share their rows of counts; only the sky estimates differ.
    assert np.abs(images[0][both] - images[1][both]).max() < 2.5


def test_float_ids_hidden_among_objects_are_refused() -> None:
    from skastro.galaxy._cutouts import _check_ids

    ids = np.array([588015509806252115.0, 1], dtype=object)
    with pytest.raises(TypeError, match="lose digits"):
        _check_ids(ids, 2)
