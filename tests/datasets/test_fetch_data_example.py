"""What `make data` runs: fetches, resumes, and fails with a message."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skastro.datasets import (
    _csc_training,
    _fashion_mnist,
    _galaxy_zoo,
    _lin2024,
    load_galaxy_zoo1_cutouts,
)
from skastro.xray import _read_csc, _read_lin2024

pillow = pytest.importorskip("PIL.Image")
SCRIPT = Path(__file__).parents[2] / "examples/fetch_data.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("fetch_data", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def public(web, monkeypatch):
    """Play the archives: 12 galaxies with a picture each, 2 + 1 clothes."""
    n = 12
    flags = np.eye(3, dtype=int)[np.arange(n) % 3]
    table = pd.DataFrame({"OBJID": 587727178986356823 + np.arange(n)})
    table["RA"] = [f"{i:02d}:30:00.5" for i in range(n)]
    table["DEC"] = [f"-00:{i:02d}:00.5" for i in range(n)]
    table["NVOTE"] = 20
    names = "P_EL,P_CW,P_ACW,P_EDGE,P_DK,P_MG,P_CS,P_EL_DEBIASED,P_CS_DEBIASED"
    for name in names.split(","):
        table[name] = 0.1
    table[["SPIRAL", "ELLIPTICAL", "UNCERTAIN"]] = flags
    out = io.BytesIO()
    ramp = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    pillow.fromarray(np.stack([ramp] * 3, axis=-1)).save(out, "JPEG")
    web.files["t"] = gzip.compress(table.to_csv(index=False).encode())
    web.files["c"] = out.getvalue()
    monkeypatch.setattr(_galaxy_zoo, "_TABLE_ROWS", n)
    for part, count in (("train", 2), ("t10k", 1)):
        monkeypatch.setitem(_fashion_mnist._N_SAMPLES, part, count)
        images = struct.pack(">4i", 2051, count, 28, 28) + bytes(count * 784)
        labels = struct.pack(">2i", 2049, count) + bytes(count)
        for name, content in (("images-idx3", images), ("labels-idx1", labels)):
            packed = gzip.compress(content)
            web.files[f"f/{part}-{name}-ubyte.gz"] = packed
            digest = hashlib.sha256(packed).hexdigest()
            pins = _fashion_mnist._SHA256
            monkeypatch.setitem(pins, f"{part}-{name}-ubyte.gz", digest)
    for name, module, reader in (
        ("x", _csc_training, _read_csc),
        ("m", _lin2024, _read_lin2024),
    ):
        cells = {c.raw: "a" if c.kind == "text" else "1" for c in reader._LAYOUT}
        cells["class"] = "AGN"
        table = f"{','.join(cells)}\n{','.join(cells.values())}\n".encode()
        web.files[name] = table
        monkeypatch.setattr(module, "_SHA256", hashlib.sha256(table).hexdigest())
    return web


def arguments(web, home):
    return [
        "--data-home",
        str(home),
        "--n-per-class",
        "2",
        "--delay",
        "0",
        "--table-url",
        web.url("t"),
        "--fashion-url",
        web.url("f"),
        "--chandra-url",
        web.url("x"),
        "--xmm-url",
        web.url("m"),
        "--cutout-url",
        web.url("c"),
    ]


def test_fetches_everything_once(script, public, tmp_path, capsys):
    assert script.main(arguments(public, tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "6 images" in printed
    assert printed.count("1 sources: ") == 2
    assert f"3 images: {tmp_path / 'fashion_mnist'}" in printed
    assert f"export SKASTRO_DATA={tmp_path}" in printed
    assert load_galaxy_zoo1_cutouts(data_home=tmp_path).images.shape == (6, 64, 64)
    assert len(public.requests) == 13
    assert script.main(arguments(public, tmp_path)) == 0
    assert len(public.requests) == 13


def test_failure_is_a_message_and_can_be_resumed(script, public, tmp_path, capsys):
    public.faults["c"] = [None, None, 404]
    assert script.main(arguments(public, tmp_path)) == 1
    printed = capsys.readouterr().out
    assert "could not be fetched" in printed
    assert "404" in printed
    assert "By hand" in printed
    assert "Traceback" not in printed
    assert script.main(arguments(public, tmp_path)) == 0
    assert len(public.requests) == 10 + 4  # two pictures were there


def test_interruption(script, public, tmp_path, capsys, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "fetch_galaxy_zoo1_cutouts", stop)
    assert script.main(arguments(public, tmp_path)) == 130
    assert "run it again to go on" in capsys.readouterr().out


def test_default_folder(script, monkeypatch, tmp_path):
    monkeypatch.setenv("SKASTRO_DATA", str(tmp_path))
    assert script.parse([]).data_home == tmp_path
    monkeypatch.delenv("SKASTRO_DATA")
    assert script.parse([]).data_home == SCRIPT.parents[1] / "data"
