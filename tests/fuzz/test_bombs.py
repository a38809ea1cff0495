"""A few bytes that unpack to very many are refused, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits

# More than the 64 MiB where the readers stop, however much would follow.
SIZE = 96 << 20
BLOCK = bytes(1 << 20)
# What all readers may take beyond Python and its libraries, in bytes.
ROOM = 400_000_000

# One process for all: it starts slowly. The libraries are loaded before the bound.
READ = """
    import importlib, json, resource, sys
    import astropy.io.fits, astropy.wcs, h5py, pandas
    jobs = json.loads(sys.argv[1])
    readers = {name: getattr(importlib.import_module(m), name) for m, name, _ in jobs}
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    limit = used + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for module, name, path in jobs:
        try:
            readers[name](path)
        except Exception as error:
            print(json.dumps([type(error).__name__, str(error)]))
        else:
            print(json.dumps(["read", ""]))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is bounded on Linux only"
)


def frame(path: Path) -> None:
    """Write an image that is announced and is there, 96 MiB in less than 1 kB."""
    header = fits.Header()
    header.update(SIMPLE=True, BITPIX=8, NAXIS=2, NAXIS1=1 << 13, NAXIS2=SIZE >> 13)
    with bz2.open(path, "wb", 1) as file:
        file.write(header.tostring().encode())
        for _ in range(SIZE >> 20):
            file.write(BLOCK)
    assert path.stat().st_size < 10_000


def archive(path: Path, method: int) -> None:
    """Write an array of zeros into a zip archive."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (SIZE,)}
    )
    with (
        zipfile.ZipFile(path, "w", method, compresslevel=9) as out,
        out.open("event.npy", "w", force_zip64=True) as member,
    ):
        member.write(head.getvalue())
        for _ in range(SIZE >> 20):
            member.write(BLOCK)


def lines(path: Path) -> None:
    """Write a table of blank lines."""
    with gzip.open(path, "wb", 6) as file:
        file.write(b"name,ra\n")
        for _ in range(SIZE >> 20):
            file.write(b"\n" * len(BLOCK))


def announced(path: Path) -> None:
    """Write data sets that have a shape and not one byte."""
    shape = (1 << 12, 1 << 12, 1 << 12)
    with h5py.File(path, "w") as file:
        for key in ("event", "voxel", "energy", "Experiments/a/data"):
            file.create_dataset(key, shape, "u1", chunks=(1, 1, 9))
        group = file["Experiments/a"]
        for i, size in enumerate(shape):
            axis = group.create_group(f"axis-{i}")
            axis.attrs.update(size=size, scale=1.0, units="nm", navigate=i < 1)


JOBS = (
    ("skastro.galaxy", "read_frame", "frame-g-000094-3-0012.fits.bz2", "fill the mem"),
    ("skastro.gaps", "read_voxel_events", "deflated.npz", "fill the memory"),
    ("skastro.datasets", "load_galaxy_zoo1_cutouts", "deflated.npz", "fill the memory"),
    ("skastro.gaps", "read_voxel_events", "bzip2.npz", "compressed by method"),
    ("skastro.datasets", "load_galaxy_zoo1_cutouts", "bzip2.npz", "compressed by"),
    ("skastro.galaxy", "read_galaxy_zoo1_table", "bzip2.npz", "compressed by method"),
    # One line without an end, if it is taken for a table.
    ("skastro.galaxy", "read_galaxy_zoo1_table", "deflated.npz", ""),
    ("skastro.galaxy", "read_galaxy_zoo1_table", "lines.csv.gz", ""),
    ("skastro.xray", "read_4xmm", "lines.csv.gz", ""),
    ("skastro.xray", "read_csc_training", "lines.csv.gz", ""),
    ("skastro.gaps", "read_voxel_events", "announced.h5", "fill the memory"),
    ("skastro.diffraction", "read_hspy", "announced.h5", "fill the memory"),
)


def test_bombs_are_refused(tmp_path: Path) -> None:
    frame(tmp_path / "frame-g-000094-3-0012.fits.bz2")
    archive(tmp_path / "deflated.npz", zipfile.ZIP_DEFLATED)
    archive(tmp_path / "bzip2.npz", zipfile.ZIP_BZIP2)
    lines(tmp_path / "lines.csv.gz")
    announced(tmp_path / "announced.h5")
    jobs = [[module, name, str(tmp_path / file)] for module, name, file, _ in JOBS]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READ), json.dumps(jobs), str(ROOM)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for (_, name, file, why), (kind, message) in zip(JOBS, answers, strict=True):
        assert kind in ("ValueError", "OSError"), (name, file, kind, message)
        assert why in message, (name, file, message)
