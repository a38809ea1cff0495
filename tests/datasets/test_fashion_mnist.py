"""Fashion-MNIST: small files from a server on this machine, and the real ones."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import socket
import struct

import numpy as np
import pandas as pd
import pytest

from skastro.datasets import _fashion_mnist, fetch_fashion_mnist

NAMES = [
    f"{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]
COUNTS = {"train": 20, "t10k": 10}


def pack(array):
    head = struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def clothes():
    """Images and labels of a small set; every test pixel is above every other."""
    rng = np.random.default_rng(0)
    made = {}
    for part, low in (("train", 0), ("t10k", 128)):
        n = COUNTS[part]
        made[part] = (rng.integers(low, low + 128, (n, 28, 28)), np.arange(n) % 10)
    return made


@pytest.fixture
def serve(web, monkeypatch):
    """Put a file on the server, and take it for the official one."""

    def put(name, content):
        web.files[f"f/{name}"] = content
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(_fashion_mnist._SHA256, name, digest)

    return put


@pytest.fixture
def small(web, serve, clothes, monkeypatch):
    """Play the archive with the small set."""
    for part, (images, labels) in clothes.items():
        monkeypatch.setitem(_fashion_mnist._N_SAMPLES, part, COUNTS[part])
        serve(f"{part}-images-idx3-ubyte.gz", pack(images))
        serve(f"{part}-labels-idx1-ubyte.gz", pack(labels))
    monkeypatch.setattr(_fashion_mnist, "_BASES", (web.url("f"),))
    return web


@pytest.mark.parametrize(("subset", "part"), [("train", "train"), ("test", "t10k")])
def test_bunch(small, clothes, tmp_path, subset, part):
    fashion = fetch_fashion_mnist(subset=subset, data_home=tmp_path)
    n = COUNTS[part]
    images, labels = clothes[part]
    np.testing.assert_array_equal(fashion.images, images)
    np.testing.assert_array_equal(fashion.target, labels)
    assert fashion.images.dtype == fashion.data.dtype == np.uint8
    assert fashion.target.dtype == np.int64
    assert fashion.data.shape == (n, 784)
    assert np.shares_memory(fashion.data, fashion.images)
    assert fashion.data[3, fashion.feature_names.index("pixel_2_5")] == images[3, 2, 5]
    assert fashion.target_names[fashion.target[9]] == "Ankle boot"
    assert len(fashion.target_names) == 10
    assert fashion.frame is None
    folder = tmp_path / "fashion_mnist"
    names = [name for name in NAMES if name.startswith(part)]
    assert fashion.filenames == [str(folder / name) for name in names]
    assert {p.name for p in folder.iterdir()} == {*names, ".part"}
    assert f"{n} grey images" in fashion.DESCR
    assert "MIT" in fashion.DESCR
    assert "1708.07747" in fashion.DESCR


def test_train_is_the_default(small, tmp_path):
    assert len(fetch_fashion_mnist(data_home=tmp_path).images) == COUNTS["train"]


def test_all_is_train_and_then_test(small, clothes, tmp_path):
    fashion = fetch_fashion_mnist(subset="all", data_home=tmp_path)
    expected = [
        np.concatenate(arrays) for arrays in zip(*clothes.values(), strict=True)
    ]
    np.testing.assert_array_equal(fashion.images, expected[0])
    np.testing.assert_array_equal(fashion.target, expected[1])
    assert np.shares_memory(fashion.data, fashion.images)
    assert len(fashion.filenames) == 4


def test_nothing_is_asked_for_twice(small, tmp_path):
    fetch_fashion_mnist(subset="test", data_home=tmp_path)
    fetch_fashion_mnist(subset="all", data_home=tmp_path)
    fetch_fashion_mnist(subset="train", data_home=tmp_path, download_if_missing=False)
    asked = [path for path, _ in small.requests]
    assert sorted(asked) == sorted(f"f/{name}" for name in NAMES)


@pytest.mark.parametrize("subset", ["train", "all"])
def test_return_X_y(small, tmp_path, subset):
    fashion = fetch_fashion_mnist(subset=subset, data_home=tmp_path)
    X, y = fetch_fashion_mnist(subset=subset, data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, fashion.data)
    np.testing.assert_array_equal(y, fashion.target)
    np.testing.assert_array_equal(X.reshape(-1, 28, 28), fashion.images)


def test_as_frame(small, tmp_path):
    plain = fetch_fashion_mnist(data_home=tmp_path)
    fashion = fetch_fashion_mnist(data_home=tmp_path, as_frame=True)
    assert fashion.frame.shape == (20, 785)
    assert list(fashion.frame.columns) == [*fashion.feature_names, "target"]
    assert (fashion.data.dtypes == np.uint8).all()
    np.testing.assert_array_equal(fashion.data, plain.data)
    np.testing.assert_array_equal(fashion.frame["target"], plain.target)
    np.testing.assert_array_equal(fashion.images, plain.images)
    X, y = fetch_fashion_mnist(data_home=tmp_path, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, fashion.data)
    pd.testing.assert_series_equal(y, fashion.target)
    assert y.name == "target"


def test_mirrors(small, tmp_path, monkeypatch):
    monkeypatch.setattr(_fashion_mnist, "_BASES", (small.url("gone"), small.url("f")))
    assert len(fetch_fashion_mnist(data_home=tmp_path / "a").data) == 20
    assert small.requests[0][0] == "gone/train-images-idx3-ubyte.gz"
    monkeypatch.setattr(_fashion_mnist, "_BASES", (small.url("gone"),))
    url = small.url("f") + "/"
    assert len(fetch_fashion_mnist(data_home=tmp_path / "b", url=url).data) == 20


def test_a_download_that_was_cut_goes_on(small, tmp_path):
    small.faults["f/train-images-idx3-ubyte.gz"] = [("cut", 1000)]
    assert len(fetch_fashion_mnist(data_home=tmp_path).data) == 20
    assert small.ranges[:2] == [None, "bytes=1000-"]


def test_another_hash_is_refused(small, clothes, tmp_path):
    name = "train-images-idx3-ubyte.gz"
    small.files[f"f/{name}"] = pack(255 - clothes["train"][0])
    with pytest.raises(ValueError, match=_fashion_mnist._SHA256[name]):
        fetch_fashion_mnist(data_home=tmp_path)
    with pytest.raises(ValueError, match=_fashion_mnist._SHA256[name]):
        fetch_fashion_mnist(data_home=tmp_path, url=small.url("f"))
    assert not (tmp_path / "fashion_mnist" / name).exists()


def test_a_file_that_was_damaged_later(small, tmp_path):
    path = tmp_path / "fashion_mnist/train-labels-idx1-ubyte.gz"
    fetch_fashion_mnist(data_home=tmp_path)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(OSError, match="has sha256"):
        fetch_fashion_mnist(data_home=tmp_path, download_if_missing=False)
    assert len(fetch_fashion_mnist(data_home=tmp_path).target) == 20
    assert path.read_bytes() == good


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("images-idx3", pack(np.zeros((19, 28, 28))), "20 x 28 x 28, .* 19 x 28 x 28"),
        ("images-idx3", pack(np.zeros((20, 28, 27))), "20 x 28 x 28, .* 20 x 28 x 27"),
        ("images-idx3", pack(np.zeros(20)), "2051 .*got 2049"),
        ("labels-idx1", pack(np.zeros((20, 28, 28))), "2049 .*got 2051"),
        ("labels-idx1", pack(np.zeros(19)), "sizes 20, .* announces 19"),
        ("labels-idx1", pack(np.arange(20) % 11), "from 0 to 9, got 10 at position 10"),
        ("labels-idx1", pack(np.zeros(20))[:-3], "truncated or damaged"),
        ("images-idx3", b"<html>sign in</html>", "first bytes b'<htm'"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_wrong_content(small, serve, tmp_path, name, content, match):
    """Even with the right hash; and the same for a file that is there already."""
    name = f"train-{name}-ubyte.gz"
    serve(name, content)
    with pytest.raises(ValueError, match=match):
        fetch_fashion_mnist(data_home=tmp_path)
    path = tmp_path / "fashion_mnist" / name
    assert not path.exists()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match) as caught:
        fetch_fashion_mnist(data_home=tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("subset", ["Train", "t10k", "", None, 1, ["train"], b"test"])
def test_unknown_subset(tmp_path, subset):
    with pytest.raises(ValueError, match="subset must be one of"):
        fetch_fashion_mnist(subset=subset, data_home=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("subset", "part"), [("train", "train"), ("test", "t10k"), ("all", "train")]
)
def test_not_downloaded_on_demand(tmp_path, subset, part):
    with pytest.raises(OSError, match="By hand") as caught:
        fetch_fashion_mnist(
            subset=subset, data_home=tmp_path, download_if_missing=False
        )
    name = f"{part}-images-idx3-ubyte.gz"
    commit = "b2617bb6d3ffa2e429640350f613e3291e10b141"
    repository = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist"
    for text in (
        f"{repository}/{commit}/data/fashion/{name}",
        f"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{name}",
        str(tmp_path / "fashion_mnist" / name),
        _fashion_mnist._SHA256[name],
    ):
        assert text in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("subset", "n", "mean", "md5"),
    [
        ("train", 60_000, 0.2860, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        ("test", 10_000, 0.2868, "8181f5470baa50b63fa0f6fddb340f0a"),
    ],
)
def test_real_files(data_home, no_network, subset, n, mean, md5):
    fashion = fetch_fashion_mnist(subset=subset, data_home=data_home)
    assert fashion.images.shape == (n, 28, 28)
    assert np.bincount(fashion.target).tolist() == [n // 10] * 10
    assert fashion.images.mean() / 255 == pytest.approx(mean, abs=5e-5)
    # The file as it unpacks, rebuilt from what was read.
    raw = struct.pack(">4i", 2051, n, 28, 28) + fashion.images.tobytes()
    assert hashlib.md5(raw).hexdigest() == md5
    path = fashion.filenames[1]
    with gzip.open(path) as file:
        assert file.read()[8:] == fashion.target.astype(np.uint8).tobytes()


@pytest.mark.real_data
def test_real_files_together(data_home, no_network):
    both = fetch_fashion_mnist(subset="all", data_home=data_home)
    test = fetch_fashion_mnist(subset="test", data_home=data_home)
    assert both.data.shape == (70_000, 784)
    np.testing.assert_array_equal(both.data[60_000:], test.data)
    np.testing.assert_array_equal(both.target[60_000:], test.target)


@pytest.mark.real_data
def test_real_files_have_the_published_md5(data_home):
    """What the authors' README lists; the SHA-256 that are pinned are of these."""
    published = {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    assert sorted(_fashion_mnist._SHA256) == sorted(published)
    for name, md5 in published.items():
        content = (data_home / "fashion_mnist" / name).read_bytes()
        assert hashlib.md5(content).hexdigest() == md5
        assert hashlib.sha256(content).hexdigest() == _fashion_mnist._SHA256[name]


@pytest.mark.real_data
def test_real_labels_for_the_wrong_images(data_home, tmp_path, monkeypatch):
    """The labels of the test set under the name of the others do not fit."""
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    source = data_home / "fashion_mnist"
    shutil.copy(source / "train-images-idx3-ubyte.gz", folder)
    name = "train-labels-idx1-ubyte.gz"
    shutil.copy(source / "t10k-labels-idx1-ubyte.gz", folder / name)
    with pytest.raises(OSError, match="has sha256 67da17c7"):
        fetch_fashion_mnist(data_home=tmp_path, download_if_missing=False)
    pins = _fashion_mnist._SHA256
    monkeypatch.setitem(pins, name, pins["t10k-labels-idx1-ubyte.gz"])
    with pytest.raises(ValueError, match=r"sizes 60000, .* announces 10000"):
        fetch_fashion_mnist(data_home=tmp_path, download_if_missing=False)
