"""Files of cut-outs: the real sample, and broken ones."""

from __future__ import annotations

import numpy as np
import pytest

from skastro.datasets import load_galaxy_zoo1_cutouts

FLAGS = ["spiral", "elliptical", "uncertain", ""]


def arrays(**changes):
    rng = np.random.default_rng(0)
    content = {
        "images": rng.integers(0, 256, (4, 64, 64), dtype=np.uint8),
        "objid": np.arange(4, dtype=np.int64) + 587727178986356823,
        "ra": np.array([1.0, 2.0, 3.0, np.nan]),
        "dec": np.array([-1.0, 2.0, 3.0, np.nan]),
        "majority_vote": np.array(["CW", "E", "MG", "DK"]),
        "flag": np.array(FLAGS),
    }
    content.update(changes)
    return {k: v for k, v in content.items() if v is not None}


def write(path, **changes):
    np.savez(path, **arrays(**changes))
    return path


def test_load(tmp_path):
    path = write(tmp_path / "c.npz", comment=np.array("ignored"))
    zoo = load_galaxy_zoo1_cutouts(path)
    expected = arrays()
    for key, value in expected.items():
        np.testing.assert_array_equal(zoo[key], value, err_msg=key)
    assert zoo.target.tolist() == FLAGS
    assert zoo.objid.dtype == np.int64
    assert np.isnan(zoo.scale_arcsec)
    assert "comment" not in zoo
    assert "4 images" in zoo.DESCR
    assert zoo.filename == str(path)
    X, y = load_galaxy_zoo1_cutouts(path, return_X_y=True)
    assert X.shape == (3, 64, 64)
    assert y.tolist() == FLAGS[:3]
    scaled = write(tmp_path / "s.npz", scale_arcsec=np.float64(0.396))
    assert load_galaxy_zoo1_cutouts(scaled).scale_arcsec == 0.396


def test_data_home_order(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="make data"):
        load_galaxy_zoo1_cutouts(data_home=tmp_path)
    folder = tmp_path / "galaxy_zoo1"
    folder.mkdir()
    write(folder / "sdss_jpeg_cutouts_64.npz", scale_arcsec=np.float64(0.4))
    assert load_galaxy_zoo1_cutouts(data_home=tmp_path).scale_arcsec == 0.4
    write(folder / "sdss_gz1_cutouts_64.npz")
    monkeypatch.setenv("SKASTRO_DATA", str(tmp_path))
    assert np.isnan(load_galaxy_zoo1_cutouts().scale_arcsec)


BROKEN = {
    "no images": ({"images": None}, "lacks the arrays.*images"),
    "no flag": ({"flag": None}, "lacks the arrays.*flag"),
    "float images": ({"images": np.zeros((4, 64, 64))}, "images has dtype"),
    "wide images": ({"images": np.zeros((4, 64, 64), np.uint16)}, "must be uint8"),
    "flat images": ({"images": np.zeros((4, 4096), np.uint8)}, "images has dtype"),
    "float ids": ({"objid": np.arange(4.0)}, "objid has dtype float64"),
    "short ids": ({"objid": np.arange(3)}, "objid has dtype"),
    "narrow ids": ({"objid": np.arange(4, dtype=np.int32)}, "objid int64"),
    "same ids": ({"objid": np.zeros(4, np.int64)}, "3 ids repeat"),
    "other flag": ({"flag": np.array(["disk"] * 4)}, "unknown values.*disk"),
    "other vote": ({"majority_vote": np.array(["?"] * 4)}, "majority_vote has unknown"),
    "scales": ({"scale_arcsec": np.ones(4)}, "one number"),
    "pickled": ({"flag": np.array(FLAGS, dtype=object)}, "pickle"),
    "empty": (
        {k: v[:0] for k, v in arrays().items()},
        "does not fit 0 images",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_wrong_arrays_are_named(tmp_path, case):
    changes, match = BROKEN[case]
    path = write(tmp_path / "c.npz", **changes)
    with pytest.raises(ValueError, match=match) as caught:
        load_galaxy_zoo1_cutouts(path)
    assert str(path) in str(caught.value)


def test_broken_files_are_named(tmp_path):
    whole = write(tmp_path / "c.npz").read_bytes()
    damaged = bytearray(whole)
    damaged[5000] ^= 0xFF
    np.save(tmp_path / "single.npy", np.zeros(3))
    contents = {
        "cut": whole[: len(whole) // 2],
        "start": whole[:10],
        "empty": b"",
        "text": b"objid,ra,dec\n",
        "bit": bytes(damaged),
        "single": (tmp_path / "single.npy").read_bytes(),
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.npz is no readable"):
            load_galaxy_zoo1_cutouts(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_galaxy_zoo1_cutouts(tmp_path / "gone.npz")


@pytest.mark.real_data
def test_real_sample(data_home):
    zoo = load_galaxy_zoo1_cutouts(data_home / "galaxy_zoo1/sdss_gz1_cutouts_64.npz")
    assert zoo.images.shape == (4976, 64, 64)
    names, counts = np.unique(zoo.flag, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "": 4251,
        "elliptical": 122,
        "spiral": 284,
        "uncertain": 319,
    }
    np.testing.assert_array_equal(np.isnan(zoo.ra), zoo.flag == "")
    X, y = load_galaxy_zoo1_cutouts(data_home=data_home, return_X_y=True)
    assert X.shape == (725, 64, 64)
    assert set(y) == {"spiral", "elliptical", "uncertain"}


@pytest.mark.real_data
def test_real_sample_cut_short(data_home, tmp_path):
    content = (data_home / "galaxy_zoo1/sdss_gz1_cutouts_64.npz").read_bytes()
    path = tmp_path / "cut.npz"
    path.write_bytes(content[:10_000_000])
    with pytest.raises(ValueError, match=r"cut\.npz is no readable"):
        load_galaxy_zoo1_cutouts(path)
