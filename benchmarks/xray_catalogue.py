"""Classify a catalogue of a million rows in chunks: time and peak memory.

A FITS file like the full table of 4XMM-DR13 is written piece by piece into a temporary
folder: its number of rows, the columns that skastro reads, and as many others as a
user's copy may have (`--fillers`). A child process then reads it in chunks, classifies
every row end to end and writes a CSV; its peak is what the operating system counted
for the process, Python and all libraries included. Two more children tell how much
of that is there anyway: one that only imports and fits, one that reads only. The rates,
ratios and flags are drawn at random: the time does not depend on them, and no score is
reported.

Run it with ``python benchmarks/xray_catalogue.py [--runs ROWS:PRESET ...]``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from _bench import record
from _page import Page
from astropy.io import fits

from skastro.datasets import make_xray_sources
from skastro.xray import classify_catalogue, read_4xmm, xray_pipeline

ROWS = 983_948  # detections of 4XMM-DR13
PIECE = 20_000
LIMIT_GIB = 4.0
THREADS = 1
PAGE = Path(__file__).parents[1] / "docs" / "results" / "xray_catalogue.rst"
TYPES = {"K": ">i8", "D": ">f8", "E": ">f4", "I": ">i2", "L": "i1"}
READ = [
    *("source_id", "ra", "dec", "rate", "rate_err"),
    *(f"flux_{b}{error}" for b in (1, 2, 3, 4, 5, 8) for error in ("", "_err")),
    *(f"hr{n}_rate{error}" for n in (1, 2, 3, 4) for error in ("", "_err")),
    *("extent", "chi2_prob", "fvar", "fvar_err"),
]


def columns_of(n_fillers: int) -> list[tuple[str, str]]:
    """Name and FITS format of every column; the fillers are other cameras' values."""
    names = ["EP_8_RATE", "EP_8_RATE_ERR", "EP_8_DET_ML", "POSERR"]
    for band in (1, 2, 3, 4, 5, 8, 9):
        names += [f"EP_{band}_FLUX", f"EP_{band}_FLUX_ERR"]
    for number in (1, 2, 3, 4):
        names += [f"EP_HR{number}", f"EP_HR{number}_ERR"]
    names += ["EP_EXTENT", "EP_EXTENT_ERR", "EP_EXTENT_ML", "EP_CHI2PROB"]
    names += ["PN_FVAR", "PN_FVARERR"]
    return [
        *(("DETID", "K"), ("SRCID", "K"), ("IAUNAME", "22A"), ("OBS_ID", "10A")),
        *(("RA", "D"), ("DEC", "D"), ("MJD_START", "D")),
        *((name, "E") for name in names),
        *(("VAR_FLAG", "L"), ("SUM_FLAG", "I")),
        *((f"CAMERA_{number}", "E") for number in range(n_fillers)),
    ]


def draw(dtype: np.dtype, start: int, n: int) -> np.ndarray:
    """Make some rows, big-endian as FITS has them."""
    rng = np.random.default_rng(start)
    rows = np.zeros(n, dtype=dtype)
    number = np.arange(start, start + n)
    rows["DETID"] = 101_000_000_000_000 + number
    rows["SRCID"] = 201_000_000_000_000 + number // 3 * 2
    rows["IAUNAME"] = [b"4XMM J%06d.0+%06d" % (i % 240_000, i % 90_000) for i in number]
    rows["OBS_ID"] = b"0123700101"
    rows["RA"], rows["DEC"] = rng.uniform(0, 360, n), rng.uniform(-90, 90, n)
    rows["VAR_FLAG"], rows["SUM_FLAG"] = ord("F"), rng.integers(0, 5, n)
    rows["VAR_FLAG"][rng.random(n) < 0.64] = 0
    for name in dtype.names or ():
        if dtype[name].base.char != "f":
            continue
        if "HR" in name and not name.endswith("ERR"):
            rows[name] = rng.uniform(-1, 1, n)
        else:
            rows[name] = np.exp(rng.normal(-31.0 if "FLUX" in name else -4.0, 1.0, n))
        missing = 0.64 if name in ("EP_CHI2PROB", "PN_FVAR", "PN_FVARERR") else 0.03
        if name != "EP_EXTENT" and not name.startswith("EP_8_RATE"):
            rows[name][rng.random(n) < missing] = np.nan
    rows["EP_EXTENT"][rng.random(n) < 0.9] = 0.0
    return rows


def write_catalogue(path: Path, n_rows: int, n_fillers: int) -> int:
    """Write the file piece by piece and count its bytes."""
    formats = columns_of(n_fillers)
    empty = fits.BinTableHDU.from_columns(
        [
            fits.Column(name, form, null=-99 if form == "I" else None)
            for name, form in formats
        ],
        nrows=0,
        name="4XMM_DR13_SIMULATED",
    )
    empty.header["NAXIS2"] = n_rows
    dtype = np.dtype([(n, TYPES.get(f, f"S{f[:-1]}")) for n, f in formats])
    if dtype.itemsize != empty.header["NAXIS1"]:
        raise AssertionError("rows and header differ in width")
    with path.open("wb") as file:
        file.write(fits.PrimaryHDU().header.tostring().encode())
        file.write(empty.header.tostring().encode())
        for start in range(0, n_rows, PIECE):
            file.write(draw(dtype, start, min(PIECE, n_rows - start)).tobytes())
        file.write(b"\0" * (-file.tell() % 2880))
        return file.tell()


def peak_memory() -> int:
    """Count the bytes of this process at its fullest.

    Linux gives a child's `ru_maxrss` the peak of its parent too, so its own
    high-water mark is taken where there is one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        marks = [s for s in status.read_text().splitlines() if s.startswith("VmHWM:")]
        if marks:
            return int(marks[0].split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def child(arguments: argparse.Namespace) -> None:
    """Import, fit, read and classify, as far as `task` says; print what it took."""
    start = time.perf_counter()
    train = make_xray_sources(4000, random_state=0)
    known = train.frame[READ]
    model = xray_pipeline(known, arguments.preset, random_state=0)
    model.fit(known, train.target)
    fitted = time.perf_counter()
    n_rows = 0
    if arguments.task != "fit":
        chunks = read_4xmm(arguments.path, columns=READ, chunksize=arguments.chunk)
        if arguments.task == "read":
            n_rows = sum(len(chunk) for chunk in chunks)
        else:
            out = arguments.path.with_suffix(".csv")
            n_rows = int(classify_catalogue(model, chunks, output=out).sum())
    took = {"fit": fitted - start, "rest": time.perf_counter() - fitted}
    print(json.dumps({"n_rows": n_rows, "peak": peak_memory(), **took}))


def measure(task: str, path: Path, preset: str, chunk: int) -> dict[str, Any]:
    """Run a child and read what it printed."""
    command = [sys.executable, __file__, "--task", task, "--path", str(path)]
    command += ["--chunk", str(chunk), "--preset", preset]
    threads = {"OMP_NUM_THREADS": str(THREADS)}
    done = subprocess.run(
        command, env={**os.environ, **threads}, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: argparse.Namespace) -> None:
    page = Page(None if arguments.dry else PAGE, "A catalogue of a million rows")
    page.text(
        f"Made on {datetime.now(UTC):%Y-%m-%d} by ``python "
        f"benchmarks/xray_catalogue.py`` on one thread of {platform.machine()}, "
        f"Python {platform.python_version()}, pandas {pd.__version__}, scikit-learn "
        f"{sklearn.__version__}. The catalogue is a generated FITS file like the full "
        "table of 4XMM-DR13 (983,948 detections). A child process fits a preset of "
        "`xray_pipeline` to 4,000 simulated sources, reads the catalogue in chunks of "
        f"{arguments.chunk:,} rows, and writes ids, positions, class and the "
        "probabilities of nine classes to a CSV file. Peak is the resident memory of "
        f"the whole process; the limit is {LIMIT_GIB:.0f} GiB."
    )
    table = []
    for run in arguments.runs:
        rows, _, preset = run.partition(":")
        n_rows = int(rows)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "catalogue.fits")
            size = write_catalogue(path, n_rows, arguments.fillers)
            for task, what in (
                ("fit", "import, simulate and fit"),
                ("read", "and read all rows"),
                ("classify", "and classify, write CSV"),
            ):
                found = measure(task, path, preset, arguments.chunk)
                if found["n_rows"] != (0 if task == "fit" else n_rows):
                    raise AssertionError(f"{task}: {found['n_rows']} of {n_rows} rows")
                seconds = found["rest"] if task != "fit" else found["fit"]
                gib = found["peak"] / 2**30
                if gib > LIMIT_GIB:
                    raise AssertionError(f"{task}: {gib:.2f} GiB")
                row = {
                    "rows": f"{n_rows:,}",
                    "file": f"{size / 2**20:,.0f} MiB",
                    "preset": preset,
                    "step": what,
                    "seconds": f"{seconds:.1f}",
                    "rows a second": "",
                    "peak": f"{gib * 1024:,.0f} MiB",
                }
                if task != "fit":
                    row["rows a second"] = f"{n_rows / seconds:,.0f}"
                table.append(row)
                if task == "classify":
                    record(
                        f"{n_rows:,} rows of FITS to a CSV of nine probabilities, "
                        f"preset {preset!r}",
                        ours=f"{n_rows / seconds:,.0f} rows a second",
                        clock="wall",
                        score="peak memory",
                        score_ours=f"{gib * 1024:,.0f} MiB",
                    )
    page.table("Time and peak memory of the process", table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs",
        nargs="+",
        default=[f"{ROWS}:study", "1000000:study", "100000:recommended"],
    )
    parser.add_argument("--chunk", type=int, default=50_000)
    parser.add_argument("--fillers", type=int, default=200)
    parser.add_argument("--dry", action="store_true", help="print only, write no page")
    parser.add_argument("--task", choices=["fit", "read", "classify"])
    parser.add_argument("--path", type=Path)
    parser.add_argument("--preset")
    given = parser.parse_args()
    if given.task:
        child(given)
    else:
        main(given)
