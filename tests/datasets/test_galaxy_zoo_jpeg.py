"""Cut-outs from the image service, played by a server on this machine."""

from __future__ import annotations

import io
import socket
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

from skastro.datasets import fetch_galaxy_zoo1_cutouts, load_galaxy_zoo1_cutouts

pillow = pytest.importorskip("PIL.Image")

N = 30
VOTES = ["p_el", "p_cw", "p_acw", "p_edge", "p_dk", "p_mg"]
FLAGS = ["spiral", "elliptical", "uncertain"]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    flags = np.arange(N) % 3
    out = pd.DataFrame(
        {
            "objid": 587727178986356823 + np.arange(N) * 3,
            "ra": rng.uniform(0, 360, N).round(4),
            "dec": rng.uniform(-10, 60, N).round(4),
        }
    )
    out[VOTES] = rng.dirichlet(np.ones(6), N)
    for i, name in enumerate(FLAGS):
        out[name] = flags == i
    return out.sample(frac=1, random_state=0).reset_index(drop=True)


def picture(query, size=64):
    """Draw an image that depends on where it is asked for."""
    asked = {k: v[0] for k, v in parse_qs(query).items()}
    assert asked["width"] == asked["height"] == "64"
    seed = abs(hash((asked["ra"], asked["dec"]))) % 1000
    y, x = np.mgrid[:size, :size]
    rgb = np.zeros((size, size, 3), dtype=np.uint8)
    rgb[..., 0] = 200  # red and blue must not get in
    rgb[..., 1] = (x * 2 + y + seed) % 200
    out = io.BytesIO()
    pillow.fromarray(rgb).save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.fixture
def service(web):
    web.files["getjpeg"] = picture
    return web


def fetch(service, home, table, n=3, **kwargs):
    return fetch_galaxy_zoo1_cutouts(
        n,
        data_home=home,
        table=table,
        url=service.url("getjpeg"),
        **{"delay": 0.0, **kwargs},
    )


def test_bunch_like_the_real_sample(service, tmp_path, table):
    zoo = fetch(service, tmp_path, table)
    assert zoo.images.shape == (9, 64, 64)
    assert zoo.images.dtype == np.uint8
    assert zoo.scale_arcsec == 0.396
    assert zoo.flag.tolist() == [f for f in FLAGS for _ in range(3)]
    assert zoo.target.tolist() == zoo.flag.tolist()
    assert zoo.skipped == []
    rows = table.set_index("objid").loc[zoo.objid]
    np.testing.assert_array_equal(zoo.ra, rows["ra"])
    for flag, (_, row) in zip(zoo.flag, rows.iterrows(), strict=True):
        assert row[flag]
    expected = rows[VOTES].idxmax(axis=1).str[2:].str.upper().tolist()
    assert zoo.majority_vote.tolist() == [v.replace("EL", "E") for v in expected]
    for objid, image in zip(zoo.objid, zoo.images, strict=True):
        path = tmp_path / f"galaxy_zoo1/jpeg_64px_0.396arcsec/{objid}.jpg"
        with pillow.open(path) as jpeg:
            np.testing.assert_array_equal(image, np.asarray(jpeg)[:, :, 1])
    saved = load_galaxy_zoo1_cutouts(data_home=tmp_path)
    np.testing.assert_array_equal(saved.images, zoo.images)
    np.testing.assert_array_equal(saved.objid, zoo.objid)
    assert saved.scale_arcsec == 0.396


def test_what_is_asked(service, tmp_path, table):
    zoo = fetch(service, tmp_path, table, n=1, classes="spiral", scale=0.2)
    ((asked, _),) = service.requests
    assert asked == (
        f"getjpeg?ra={zoo.ra[0]:.6f}&dec={zoo.dec[0]:.6f}&scale=0.2&width=64&height=64"
    )


def test_draw_depends_on_the_seed_only(service, tmp_path, table):
    first = fetch(service, tmp_path / "a", table)
    shuffled = table.sample(frac=1, random_state=5)
    again = fetch(service, tmp_path / "b", shuffled)
    np.testing.assert_array_equal(first.objid, again.objid)
    np.testing.assert_array_equal(first.images, again.images)
    spirals = fetch(service, tmp_path / "c", table, classes=("spiral",))
    assert spirals.objid.tolist() == first.objid[:3].tolist()
    other = fetch(service, tmp_path / "d", table, random_state=1)
    assert other.objid.tolist() != first.objid.tolist()


def test_cache_grows_and_needs_no_network(service, tmp_path, table, monkeypatch):
    few = fetch(service, tmp_path, table, n=2)
    more = fetch(service, tmp_path, table, n=4)
    assert len(service.requests) == 12
    assert set(few.objid) < set(more.objid)

    def refuse(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    again = fetch(service, tmp_path, table, n=4, download_if_missing=False)
    np.testing.assert_array_equal(again.images, more.images)


def test_resumes_after_a_failure(service, tmp_path, table):
    service.faults["getjpeg"] = [None] * 4 + [404]
    with pytest.raises(OSError, match="404"):
        fetch(service, tmp_path, table)
    assert len(service.requests) == 5
    assert fetch(service, tmp_path, table).images.shape[0] == 9
    assert len(service.requests) == 5 + 5  # four were there


def test_cut_and_busy_are_retried(service, tmp_path, table):
    service.faults["getjpeg"] = [("cut", 100), None, 503]
    zoo = fetch(service, tmp_path, table)
    assert len(zoo.images) == 9
    assert len(service.requests) == 11


def flat(query):
    out = io.BytesIO()
    pillow.new("RGB", (64, 64), (0, 0, 0)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (flat, "empty picture"),
        (lambda q: picture(q, size=32), "32"),
        (lambda q: b"not a picture", "no readable JPEG"),
        (lambda q: picture(q)[:600], "no readable JPEG"),
    ],
)
def test_galaxies_without_a_picture_are_replaced(
    service, tmp_path, table, content, reason
):
    good = fetch(service, tmp_path / "a", table, n=4)
    lost = int(good.objid[1])
    ra = f"ra={good.ra[1]:.6f}"
    service.files["getjpeg"] = lambda q: content(q) if ra in q else picture(q)
    zoo = fetch(service, tmp_path / "b", table, n=3)
    assert zoo.objid[:3].tolist() == [good.objid[i] for i in (0, 2, 3)]
    ((objid, why),) = zoo.skipped
    assert objid == lost
    assert reason in why
    # Remembered: the next call asks for nothing and draws the same.
    n_before = len(service.requests)
    again = fetch(service, tmp_path / "b", table, n=3, download_if_missing=False)
    np.testing.assert_array_equal(again.objid, zoo.objid)
    assert again.skipped == zoo.skipped
    assert len(service.requests) == n_before


def test_a_service_of_something_else_is_given_up(service, tmp_path, table):
    service.files["getjpeg"] = lambda q: b"<html></html>"
    table = pd.concat([table.assign(objid=table["objid"] + 1000 * i) for i in range(3)])
    with pytest.raises(ValueError, match="11 galaxies have no usable image"):
        fetch(service, tmp_path, table)


def test_damaged_cache_does_not_change_the_draw(service, tmp_path, table):
    zoo = fetch(service, tmp_path, table)
    path = tmp_path / f"galaxy_zoo1/jpeg_64px_0.396arcsec/{zoo.objid[0]}.jpg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="has changed"):
        fetch(service, tmp_path, table)
    path.unlink()
    np.testing.assert_array_equal(fetch(service, tmp_path, table).images, zoo.images)


def test_too_few_galaxies(service, tmp_path, table):
    with pytest.raises(ValueError, match=r"only 10 usable galaxies.*'spiral'"):
        fetch(service, tmp_path, table, n=11)


def test_polite(service, tmp_path, table, monkeypatch):
    waits = []
    monkeypatch.setattr("skastro.datasets._galaxy_zoo_jpeg.time.sleep", waits.append)
    fetch(service, tmp_path, table, n=2, classes="spiral", delay=0.7)
    assert waits[0] == 0.0
    assert 0.3 < waits[1] <= 0.7
    fetch(service, tmp_path, table, n=2, classes="spiral", delay=0.7)
    assert len(waits) == 2  # what is there needs no waiting


def test_offline(tmp_path, table):
    with pytest.raises(OSError, match=r"(?s)skyserver\.sdss\.org.*By hand"):
        fetch_galaxy_zoo1_cutouts(
            1, data_home=tmp_path, table=table, download_if_missing=False
        )
    with pytest.raises(OSError, match="GalaxyZoo1_DR_table2"):
        fetch_galaxy_zoo1_cutouts(1, data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"n": 0}, "n_per_class"),
        ({"n": 2.5}, "n_per_class"),
        ({"classes": ("disk",)}, "classes must be"),
        ({"classes": ()}, "classes must be"),
        ({"classes": ("spiral", "spiral")}, "classes must be"),
        ({"scale": 0}, "scale must be"),
        ({"scale": float("nan")}, "scale must be"),
        ({"random_state": None}, "random_state"),
        ({"random_state": -1}, "random_state"),
        ({"delay": -1}, "delay must be"),
    ],
)
def test_bad_parameters(service, tmp_path, table, kwargs, match):
    with pytest.raises(ValueError, match=match):
        fetch(service, tmp_path, table, **kwargs)
    assert service.requests == []
    assert list(tmp_path.iterdir()) == []


def test_return_X_y(service, tmp_path, table):
    X, y = fetch(service, tmp_path, table, return_X_y=True)
    assert X.shape == (9, 64, 64)
    assert y.tolist() == [f for f in FLAGS for _ in range(3)]


def test_compact_table_is_refused(service, tmp_path, table):
    with pytest.raises(ValueError, match="16 columns"):
        fetch(service, tmp_path, table.drop(columns="p_cw"))
