"""Measure the peak memory of training on data that are larger than memory.

Run as ``python benchmarks/memory.py``; ``--scale smoke`` (or ``--quick``) only shows
that it works. Each case is a process of its own, and its peak is what the operating
system tells at its end (VmHWM). It needs 6.1 GB of disk for some minutes, in the folder
that ``TMPDIR`` names.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _bench import RESULTS, record
from _memory_worker import CHUNK, SHAPE
from _page import Page

LIMIT_MIB = 2048
#: Samples of each case: mixtures, cut-outs in a memory map, and in zarr.
SCALES = {
    "full": {"mixtures": 100_000, "memmap": 32_768, "zarr": 4096},
    "smoke": {"mixtures": 512, "memmap": 256, "zarr": 128},
}
WORKER = Path(__file__).with_name("_memory_worker.py")


def run(case: str, n: int, folder: str) -> Any:
    """Run a case in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(WORKER), case, str(n), folder],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def gigabytes(n: int, values: int, size: int) -> float:
    """Give what n samples take in memory, in GB."""
    return n * values * size / 1e9


def show(
    page: Page, title: str, rows: list[dict[str, str]], whole: float, naive: str
) -> int:
    """Add a table, and give the peak."""
    top = int(rows[-1]["peak MiB"])
    page.table(title, rows)
    page.text(
        f"The data are {whole:.1f} GB; {naive} The process took {top:,} MiB at most, "
        f"{'below' if top < LIMIT_MIB else 'ABOVE'} the limit of {LIMIT_MIB:,} MiB."
    )
    record(
        title,
        score=f"peak memory, MiB (limit {LIMIT_MIB})",
        score_ours=f"{top:,}",
    )
    return top


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", choices=list(SCALES), default="full")
    parser.add_argument("--quick", action="store_true", help="--scale smoke")
    args = parser.parse_args()
    scale = "smoke" if args.quick else args.scale
    n = SCALES[scale]
    path = RESULTS / "memory.rst" if scale == "full" else None
    page = Page(path, "Data larger than memory")
    page.text(page_head(scale))
    values = math.prod(SHAPE)
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free / 1e9
        needed = gigabytes(n["memmap"] + n["zarr"], values, 8)
        if free < needed + 1:
            raise SystemExit(f"{needed + 1:.0f} GB of disk are needed, {free:.0f} left")
        whole = gigabytes(n["mixtures"], 224 * 224, 4)
        tops = [
            show(
                page,
                f"{n['mixtures']:,} mixtures of 224 x 224 pixels, made batch by batch",
                run("mixtures", n["mixtures"], folder),
                whole,
                f"as one float32 array they alone would take {whole:.1f} GB.",
            )
        ]
        run("write npy", n["memmap"], folder)
        whole = gigabytes(n["memmap"], values, 8)
        naive = "X and its normalised copy would take {:.1f} GB in memory, and half of "
        naive += "X again in a fold of two."
        title = f"{n['memmap']:,} cut-outs of 64 x 64 pixels in five bands, float64, "
        rows = run("memmap", n["memmap"], folder)
        title += "memory map"
        tops.append(show(page, title, rows, whole, naive.format(2 * whole)))
        run("write zarr", n["zarr"], folder)
        whole = gigabytes(n["zarr"], values, 8)
        title = f"{n['zarr']:,} of them in zarr, chunks of {CHUNK}"
        rows = run("zarr", n["zarr"], folder)
        tops.append(show(page, title, rows, whole, naive.format(2 * whole)))
    if max(tops) >= LIMIT_MIB:
        raise SystemExit(f"{max(tops):,} MiB are above the limit of {LIMIT_MIB:,}.")


def page_head(scale: str) -> str:
    """Say how the numbers came about."""
    from _bench import machine

    facts = ", ".join(machine().values())
    command = "``python benchmarks/memory.py" + (
        "``" if scale == "full" else f" --scale {scale}``"
    )
    return (
        f"Made by {command}: {facts}; one thread. Each case is a process of its own; "
        "peak is the most resident memory that it had up to the end of a step (VmHWM "
        "of Linux), libraries included; seconds are wall time, of a machine that may "
        "have had other work. The net for mixtures is the compact one with 8 "
        "filters and goes through every mixture once in training and once in "
        "prediction. Cut-outs are simulated galaxies, turned and with new noise, as "
        "`LazyRows` of the file in a pipeline of `CutoutNormalizer` and the compact "
        "`GalaxyCNNClassifier`. Files are read, not mapped, so that the system's cache "
        "of them is no part of the numbers."
    )


if __name__ == "__main__":
    main()
