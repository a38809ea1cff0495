"""All benchmarks in one go, and ``docs/benchmarks.md`` from what they record.

    python benchmarks/run_all.py [--only NAME ...] [--scale smoke] [--page FILE]

``make bench`` runs it: some half an hour on two cores. Every job is a process of its
own; one that fails or hangs is named on the page and makes the exit status 1, while
the others go on. Rows, output and pages of the jobs are kept under
``build/benchmarks/``; with ``--report`` the page is written again from there, and with
``--only`` the rows of the other jobs are those of the last run. Peers that need an
environment of their own are found by ``SKASTRO_BENCH_KERAS`` and
``SKASTRO_BENCH_PYXEM``, which name its Python.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _bench import ROWS, machine
from _jobs import HERE, JOBS, Job
from _report import write_report

ROOT = HERE.parent
BUILD = ROOT / "build" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"
TAIL = 15  # lines of what a failed job wrote


def command_of(job: Job, *, smoke: bool) -> str:
    """Write the command as a user would type it."""
    arguments = job.smoke if smoke else job.arguments
    parts = ["python", f"benchmarks/{job.script}", *arguments]
    # The Python of a peer is a path of this machine.
    shown = ["PYTHON" if os.sep in part and "{" not in part else part for part in parts]
    shown[1] = parts[1]
    prefix = f"SKASTRO_BENCH_STUDY={job.study} " if job.study else ""
    return prefix + shlex.join(shown)


def run(job: Job, build: Path, *, smoke: bool) -> dict[str, Any]:
    """Run a job; what becomes of it is in the answer and in its file."""
    rows, pages, log = (build / f"{job.name}.{e}" for e in ("jsonl", "pages", "log"))
    rows.unlink(missing_ok=True)
    arguments = job.smoke if smoke else job.arguments
    filled = [part.replace("{pages}", str(pages)) for part in arguments]
    environment = {**os.environ, "MPLBACKEND": "Agg", **job.environment}
    environment[ROWS] = str(rows)
    environment["SKASTRO_BENCH_PAGES"] = str(pages)
    environment.setdefault("OMP_NUM_THREADS", "1")
    if job.study:
        environment["SKASTRO_BENCH_STUDY"] = "glance" if smoke else job.study
    answer: dict[str, Any] = {
        "job": job.name,
        "command": command_of(job, smoke=smoke),
        "machine": machine(),
        "failed": "",
    }
    if (ROOT / "data").is_dir():
        environment.setdefault("SKASTRO_DATA", str(ROOT / "data"))
    if job.data and not environment.get("SKASTRO_DATA"):
        return answer | {"skipped": "it needs the real files of `make data`"}
    print(f"{job.name}: {answer['command']}", flush=True)
    start = time.perf_counter()
    with log.open("w") as output:
        # A group of its own, so that what it started ends with it.
        process = subprocess.Popen(
            [sys.executable, str(HERE / job.script), *filled],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        try:
            status = process.wait(60 * job.minutes)
            if status:
                answer["failed"] = f"ended with status {status}"
        except subprocess.TimeoutExpired:
            answer["failed"] = f"did not end within {job.minutes:g} minutes"
        except BaseException:
            _end(process)
            raise
        if answer["failed"]:
            _end(process)
    answer["seconds"] = time.perf_counter() - start
    # Where the copy lies on this machine is nobody's business.
    text = log.read_text(errors="replace").replace(f"{ROOT}{os.sep}", "")
    answer["tail"] = text.splitlines()[-TAIL:]
    verdict = answer["failed"] or "done"
    print(f"{job.name}: {verdict}, {answer['seconds']:.0f} s", flush=True)
    if answer["failed"]:
        print("\n".join(f"    {line}" for line in answer["tail"]), flush=True)
    return answer


def _end(process: subprocess.Popen) -> None:
    """End a job with what it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def run_jobs(jobs: Sequence[Job], build: Path, *, smoke: bool) -> list[dict[str, Any]]:
    """Run what is timed one after the other, then the rest two at a time."""
    build.mkdir(parents=True, exist_ok=True)
    alone = [job for job in jobs if job.speed]
    others = [job for job in jobs if not job.speed]
    for job in alone:
        _keep(run(job, build, smoke=smoke), build)
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for answer in pool.map(lambda job: run(job, build, smoke=smoke), others):
            _keep(answer, build)
    return collect(jobs, build)


def _keep(answer: dict[str, Any], build: Path) -> None:
    (build / f"{answer['job']}.json").write_text(json.dumps(answer, indent=1))


def collect(jobs: Sequence[Job], build: Path) -> list[dict[str, Any]]:
    """Read what the last run of every job left, rows included."""
    found = []
    for job in jobs:
        path = build / f"{job.name}.json"
        if not path.exists():
            why = "no run of it is stored"
            found.append({"job": job.name, "failed": "", "skipped": why, "rows": []})
            continue
        answer = json.loads(path.read_text())
        rows = build / f"{job.name}.jsonl"
        lines = rows.read_text().splitlines() if rows.exists() else []
        found.append({**answer, "rows": [json.loads(line) for line in lines]})
    return found


def main(arguments: Sequence[str] | None = None, jobs: Sequence[Job] = JOBS) -> int:
    """Run, write the page, give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [job.name for job in jobs]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME")
    parser.add_argument("--scale", choices=["full", "smoke"], default="full")
    parser.add_argument("--page", type=Path, help="default: docs/benchmarks.md")
    parser.add_argument("--build", type=Path, help="default: build/benchmarks")
    parser.add_argument("--report", action="store_true", help="only write the page")
    options = parser.parse_args(arguments)
    smoke = options.scale == "smoke"
    build = options.build or BUILD / options.scale
    # A smoke run tells nothing, so it does not replace the page.
    page = options.page or (build / "benchmarks.md" if smoke else PAGE)
    chosen = [job for job in jobs if job.name in (options.only or names)]
    start = time.perf_counter()
    if options.report:
        answers = collect(chosen, build)
    else:
        answers = run_jobs(chosen, build, smoke=smoke)
    whole = collect(jobs, build) if options.only else answers
    write_report(page, {job.name: job for job in jobs}, whole)
    failed = [answer["job"] for answer in answers if answer["failed"]]
    seconds = time.perf_counter() - start
    print(f"{page.name} written, {seconds / 60:.0f} minutes", flush=True)
    if failed:
        print(f"FAILED: {', '.join(failed)}", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
