"""Small valid files of every format, made by the helpers of the readers' own tests."""

from __future__ import annotations

import bz2
import functools
import gzip
import importlib.util
import io
import struct
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np

_TESTS = Path(__file__).parents[2]


@functools.cache
def helper(place: str) -> ModuleType:
    """Load a test module for the files that it can write."""
    spec = importlib.util.spec_from_file_location(
        "skastro_fuzz_" + place.replace("/", "_").removesuffix(".py"), _TESTS / place
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def valid(kind: str) -> tuple[bytes, ...]:
    """Give the bytes of some valid files of a kind."""
    return tuple(_MAKERS[kind]())


def _written(write: Any, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _events(suffix: str) -> list[bytes]:
    from skastro.gaps import write_voxel_events

    sample = helper("gaps/test_event_files.py").sample
    return [
        _written(lambda p, e=e: write_voxel_events(e, p), f"e.{suffix}")
        for e in (sample(5), sample(5, full=False), sample(0))
    ]


def _foreign_h5() -> list[bytes]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["event"] = np.array([0, 0, 1])
            file["voxel"] = np.array([1, 5, 9])
            file["energy"] = np.array([1.0, 2.0, 3.0], "f4")
            file["n_events"] = 3

    return [_written(write, "f.h5")]


def _xmm() -> list[bytes]:
    made = helper("xray/test_read_4xmm.py")
    full, slim = made.columns_full(6), made.columns_slim(6)
    fits = [
        _written(lambda p, v=v: made.write_fits(p, v), "a.fits") for v in (full, slim)
    ]
    text = []
    for values in (full, slim):
        rows = zip(*(v.tolist() for v in values.values()), strict=True)
        lines = [",".join(values), *(",".join(map(str, row)) for row in rows)]
        lines = [line.replace(",2,", ",1,") for line in lines]
        text.append(("\n".join(lines) + "\n").encode())
    return [*fits, *text, gzip.compress(fits[1]), gzip.compress(text[1])]


def _csc() -> list[bytes]:
    made = helper("xray/test_read_csc.py")
    text = "\n".join([made.HEADER, made.row(), made.row(name="b"), ""]).encode()
    return [text, text, gzip.compress(text)]


def _lin() -> list[bytes]:
    made = helper("xray/test_read_lin2024.py")
    text = made.text(made.row(), made.BLANK, made.row(name="x", Class="CV"))
    return [text, text, gzip.compress(text)]


def _zoo() -> list[bytes]:
    made = helper("galaxy/test_galaxy_zoo.py")
    text, compact = made.OFFICIAL.encode(), made.COMPACT.encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", text)
    fits = _written(made.official_fits, "z.fits")
    return [text, compact, fits, gzip.compress(text), out.getvalue()]


def _frame() -> list[bytes]:
    made = helper("galaxy/test_sdss_frame.py")
    shape, made.SHAPE = made.SHAPE, (6, 8)
    try:
        # The star of the counts lies outside so small a frame.
        plain = [made.fpc_bytes(), made.frame_bytes(), made.fpc_bytes(sky=None)]
    finally:
        made.SHAPE = shape
    return [*plain, gzip.compress(plain[0]), bz2.compress(plain[1])]


def _blo() -> list[bytes]:
    made = helper("diffraction/test_read_blo.py")
    data = np.random.default_rng(0).integers(0, 256, (2, 3, 6, 6), dtype=np.uint8)
    return [_written(lambda p: made.write(p, data), "a.blo")]


def _hspy() -> list[bytes]:
    made = helper("diffraction/test_read_hspy.py")
    small = made.scan_data((2, 2, 5, 6))
    return [
        _written(lambda p: made.write(p, small, title="Ag"), "a.hspy"),
        _written(lambda p: made.write(p, small[0], made.AXES[1:]), "b.hspy"),
    ]


def _cif() -> list[bytes]:
    made = helper("diffraction/test_crystal.py")
    other = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,-y,-z'"
    return [
        _written(made.write_cif, "a.cif"),
        _written(lambda p: made.write_cif(p, symmetry=other), "b.cif"),
    ]


def _cutouts() -> list[bytes]:
    made = helper("datasets/test_galaxy_zoo_cutouts.py")
    small = made.arrays()["images"][:, :4, :4].copy()
    odd = np.array([{"a": 1}] * 4, dtype=object)
    return [
        _written(lambda p: made.write(p, images=small), "a.npz"),
        _written(lambda p: made.write(p, images=small, scale_arcsec=0.4), "b.npz"),
        _written(lambda p: made.write(p, images=small, flag=odd), "c.npz"),
    ]


def _idx() -> list[bytes]:
    images = struct.pack(">4BIII", 0, 0, 8, 3, 3, 2, 2) + bytes(range(12))
    labels = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([0, 1, 2])
    return [images, labels, gzip.compress(images), gzip.compress(labels)]


def _npy() -> list[bytes]:
    rng = np.random.default_rng(0)

    def stored(a: Any, **options: Any) -> bytes:
        out = io.BytesIO()
        np.save(out, a, **options)
        return out.getvalue()

    patterns = rng.random((4, 6, 6)).astype("f4")
    objects = np.array([{"a": 1}], dtype=object)
    return [
        stored(patterns),
        stored((9 * patterns).astype("u1")),
        stored(np.asfortranarray(patterns)),
        stored(objects, allow_pickle=True),
    ]


def _jpeg() -> list[bytes]:
    from PIL import Image

    made = []
    for size in ((64, 64), (5, 7)):
        out = io.BytesIO()
        Image.new("RGB", size, (9, 99, 200)).save(out, "JPEG")
        made.append(out.getvalue())
    return made


def _model() -> list[bytes]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB

    from skastro.utils import save_model

    X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    models = [LogisticRegression().fit(X, y), GaussianNB().fit(X, y)]
    return [
        _written(lambda p, m=m: save_model(m, p), "a.skops")  # type: ignore[misc]
        for m in models
    ]


_MAKERS: dict[str, Any] = {
    "events.npz": lambda: _events("npz"),
    "events.h5": lambda: [*_events("h5"), *_foreign_h5()],
    "events.root": lambda: _events("root"),
    "4xmm": _xmm,
    "csc": _csc,
    "lin2024": _lin,
    "zoo": _zoo,
    "frame": _frame,
    "blo": _blo,
    "hspy": _hspy,
    "cif": _cif,
    "cutouts": _cutouts,
    "idx": _idx,
    "npy": _npy,
    "model": _model,
    "jpeg": _jpeg,
}
