"""Where the time of the three slowest jobs goes, and how far that is from the machine.

    python benchmarks/limits.py [--size 1]

Measures what one thread of this machine can do (matrix products in float32 through
torch and NumPy, copy and triad of arrays beyond the caches), times the long jobs of
``_profile_cases.py``, and profiles the three that last longest: by torch's operators
where most of the time is in torch, by functions of Python where not. Arithmetic is that
of matrix products and convolutions, counted by torch; all else counts as none.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import os
import pstats
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from _bench import record_fact
from _profile_cases import ALL
from threadpoolctl import threadpool_limits
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

N_PROFILED, N_LINES = 3, 8
# Sizes, relative to that of the timed run.
WARM_UP, SHARE = 0.01, 0.1
#: Operators whose work is counted as arithmetic; the others move memory.
ARITHMETIC = (
    "aten::convolution_backward",
    "aten::mkldnn_convolution",
    "aten::slow_conv3d_forward",
    "aten::mm",
    "aten::addmm",
    "aten::bmm",
    "aten::baddbmm",
)


def best(work: Callable[[], Any], rounds: int) -> float:
    """Give the least seconds of some runs after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def machine_limits(size: float) -> dict[str, float]:
    """Measure GFLOP/s and GB/s of one thread."""
    n = int(1536 * min(1.0, size**0.5))
    a, b = torch.rand(n, n), torch.rand(n, n)
    c = torch.empty(n, n)
    x, y = a.numpy(), b.numpy()
    z = c.numpy()
    operations = 2e-9 * n**3
    # Far beyond the caches: 256 MB an array.
    length = int(64e6 * min(1.0, size))
    one, two, three = (torch.ones(length) for _ in range(3))
    gb = 4e-9 * length
    return {
        "GEMM, torch, GFLOP/s": operations / best(lambda: torch.mm(a, b, out=c), 5),
        "GEMM, NumPy, GFLOP/s": operations / best(lambda: np.matmul(x, y, out=z), 5),
        "copy, GB/s": 2 * gb / best(lambda: one.copy_(two), 5),
        "triad, GB/s": 3
        * gb
        / best(lambda: torch.add(two, three, alpha=3.0, out=one), 5),
    }


def slowest(size: float) -> list[dict[str, Any]]:
    """Time all jobs, longest first."""
    found = []
    for make in ALL:
        make(WARM_UP)[1]()
        name, work = make(size)
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        print(f"{seconds:7.2f} s  {name}", flush=True)
        found.append({"name": name, "seconds": seconds, "work": work, "make": make})
    return sorted(found, key=lambda job: -job["seconds"])


def explain(job: dict[str, Any], size: float) -> dict[str, Any]:
    """Profile a job; what torch does not do is named by Python's functions."""
    work, make = job.pop("work"), job.pop("make")
    with FlopCounterMode(display=False) as counter:
        work()
    # Every call of an operator is an event: millions of them at full size.
    _, less = make(SHARE * size)
    less()
    activities = [ProfilerActivity.CPU]
    with profile(activities=activities, record_shapes=True) as operators:
        start = time.perf_counter()
        less()
        # Not what follows: the profiler sorts its events for long.
        seconds = time.perf_counter() - start
    events = operators.key_averages(group_by_input_shape=True)
    spent: Counter[str] = Counter()
    moved = 0.0
    for event in events:
        if event.key.startswith(("aten::", "Optimizer")):
            spent[event.key] += event.self_cpu_time_total / 1e6
            if event.key not in ARITHMETIC and event.self_cpu_time_total:
                moved += event.count * traffic(event.input_shapes)
    in_torch = sum(spent.values()) / seconds
    arithmetic = sum(spent[name] for name in ARITHMETIC) / seconds
    table, by = list(spent.items()), "operators of torch"
    whole = seconds
    if in_torch < 0.5:
        by = "functions"
        table, whole = functions(less)
    table = sorted(table, key=lambda line: -line[1])[:N_LINES]
    gflops = counter.get_total_flops() / 1e9 / job["seconds"]
    return {
        **job,
        "by": by,
        "share": SHARE,
        "in_torch": in_torch,
        "arithmetic": arithmetic,
        "gflops": gflops,
        "gflops_inside": gflops / arithmetic if arithmetic else 0.0,
        "gbytes": moved / 1e9 / max(1e-9, (in_torch - arithmetic) * seconds),
        "lines": [[name, own / whole] for name, own in table],
    }


def traffic(shapes: list[Any]) -> float:
    """Estimate an operator's bytes: inputs, and the largest again as output."""
    sizes = [math.prod(s) for s in shapes if s and isinstance(s[0], int)]
    return 4.0 * (sum(sizes) + max(sizes, default=0))


def functions(work: Callable[[], Any]) -> tuple[list[tuple[str, float]], float]:
    """Profile Python's functions by their own time."""
    profiler = cProfile.Profile()
    start = time.perf_counter()
    profiler.runcall(work)
    seconds = time.perf_counter() - start
    found = []
    stats: Any = pstats.Stats(profiler)
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():
        # Never a path: the module's own name says enough.
        place = Path(file).stem if file != "~" else "built in"
        found.append((f"{name} ({place})".replace("<", "").replace(">", ""), own))
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=1.0, help="of the jobs")
    size = parser.parse_args().size
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        limits = machine_limits(size)
        print(limits, flush=True)
        record_fact("limits", limits)
        jobs = slowest(size)
        record_fact("jobs", [[job["name"], job["seconds"]] for job in jobs])
        record_fact("profiles", [explain(job, size) for job in jobs[:N_PROFILED]])


if __name__ == "__main__":
    main()
