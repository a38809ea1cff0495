"""A few bytes that unpack to very many are refused, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits

# More than 64 MiB, where the readers stop, however much would follow.
SIZE = 160 << 20
# What a reader may take beyond Python and its libraries, in bytes.
ROOM = 400_000_000

READ = """
    import resource, sys
    from {module} import {name}
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + {room}, used + {room}))
    try:
        {name}(sys.argv[1])
    except ({errors}) as error:
        print("refused:", error)
    else:
        print("read")
"""


def zeros(head: bytes, pack: Callable[[], object], size: int = SIZE) -> bytes:
    """Pack a head and very many zeros, block by block."""
    packer = pack()
    block, parts = bytes(1 << 24), [packer.compress(head)]  # type: ignore[attr-defined]
    parts += [packer.compress(block) for _ in range(size >> 24)]  # type: ignore[attr-defined]
    return b"".join([*parts, packer.flush()])  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def bz2_frame() -> bytes:
    """Give 160 MiB in less than 1 kB: an image that is announced and is there."""
    header = fits.Header()
    header.update(SIMPLE=True, BITPIX=-32, NAXIS=2, NAXIS1=1 << 13, NAXIS2=5120)
    return zeros(header.tostring().encode(), bz2.BZ2Compressor)


def npz_bomb(method: int) -> bytes:
    """Pack an array of zeros with what NumPy itself does not write."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (SIZE,)}
    )
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", method) as archive,
        archive.open("event.npy", "w", force_zip64=True) as member,
    ):
        member.write(head.getvalue())
        for _ in range(SIZE >> 24):
            member.write(bytes(1 << 24))
    return out.getvalue()


def announced(path: Path, name: str, shape: tuple[int, ...]) -> None:
    """Write a data set that has a shape and not one byte."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            name, shape, "u1", chunks=(1,) * (len(shape) - 1) + (9,)
        )
        group = data.parent
        for i, size in enumerate(shape):
            axis = group.create_group(f"axis-{i}")
            axis.attrs.update(
                size=size, scale=1.0, units="nm", navigate=i < len(shape) - 2
            )


def read(path: Path, module: str, name: str, errors: str) -> str:
    """Read a file in a process of little memory."""
    code = textwrap.dedent(READ).format(
        module=module, name=name, errors=errors, room=ROOM
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


needs_limits = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is bounded on Linux only"
)


@needs_limits
def test_frame(tmp_path: Path, bz2_frame: bytes) -> None:
    assert len(bz2_frame) < 10_000
    path = tmp_path / "frame-g-000094-3-0012.fits.bz2"
    path.write_bytes(bz2_frame)
    assert "fill the memory" in read(path, "skastro.galaxy", "read_frame", "OSError")


@needs_limits
@pytest.mark.parametrize("method", ["ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_zip(tmp_path: Path, method: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(npz_bomb(getattr(zipfile, method)))
    why = "fill the memory" if method == "ZIP_DEFLATED" else "compressed by method"
    for module, name in (
        ("skastro.gaps", "read_voxel_events"),
        ("skastro.datasets", "load_galaxy_zoo1_cutouts"),
    ):
        assert why in read(path, module, name, "ValueError")
    # One line without an end, if it is taken for a table.
    out = read(path, "skastro.galaxy", "read_galaxy_zoo1_table", "ValueError")
    assert out.startswith("refused")


@needs_limits
def test_gzip_of_a_table(tmp_path: Path) -> None:
    """The ratio of gzip ends at a thousand, so it needs more bytes."""
    path = tmp_path / "a.csv.gz"
    head = b"name,ra\n" + b"a,1\n"
    with gzip.open(path, "wb", 9) as file:
        file.write(head)
        for _ in range(SIZE >> 24):
            file.write(b"\n" * (1 << 24))
    assert path.stat().st_size < 400_000
    for name in ("read_4xmm", "read_csc_training", "read_lin2024"):
        assert read(path, "skastro.xray", name, "ValueError").startswith("refused")


@needs_limits
@pytest.mark.parametrize(
    ("module", "name", "key"),
    [
        ("skastro.gaps", "read_voxel_events", "event"),
        ("skastro.diffraction", "read_hspy", "Experiments/a/data"),
    ],
)
def test_hdf5_that_only_announces(
    tmp_path: Path, module: str, name: str, key: str
) -> None:
    path = tmp_path / "a.h5"
    announced(path, key, (1 << 12, 1 << 12, 1 << 12))
    with h5py.File(path, "a") as file:
        for other in ("voxel", "energy"):
            file[other] = np.zeros(3)
    assert "fill the memory" in read(path, module, name, "ValueError")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_packed_twice_is_no_table(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    from skastro.xray import read_4xmm

    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(pack(b"srcid\n1\n")))
    with pytest.raises(ValueError, match=r"a\.csv"):
        read_4xmm(path)
