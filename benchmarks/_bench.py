"""What all benchmarks share: runs in turns, ratios with their spread, recorded rows.

A ratio is always the peer's time over ours, of two runs of one round: above one, ours
is the quicker. `record` appends a row to the file that ``SKASTRO_BENCH_ROWS`` names, as
`run_all.py` sets it; without that variable it does nothing, and a script only prints.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROWS = "SKASTRO_BENCH_ROWS"
CLOCKS: dict[str, Callable[[], float]] = {
    "CPU": time.process_time,
    "wall": time.perf_counter,
}


@dataclass
class Turns:
    """Seconds and results of contestants that took turns."""

    clock: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    results: dict[str, list[Any]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def median(self, who: str) -> float:
        """Give the median seconds of one."""
        return statistics.median(self.seconds[who])

    def ratios(self, peer: str, ours: str | None = None) -> list[float]:
        """Give the peer's time over ours, round by round."""
        own = self.seconds[next(iter(self.seconds)) if ours is None else ours]
        return [a / b for a, b in zip(self.seconds[peer], own, strict=True)]


def paired(
    works: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    clock: str = "CPU",
    warm_up: bool = True,
) -> Turns:
    """Let contestants run in turns, every other round backwards; ours is the first."""
    turns, now = Turns(clock), CLOCKS[clock]
    for who in works:
        turns.seconds[who], turns.results[who] = [], []
    for number in range(-warm_up, rounds):
        for who in list(works)[:: -1 if number % 2 else 1]:
            start = now()
            result = works[who]()
            seconds = now() - start
            if number < 0:  # imports, compilation, worker processes
                turns.first[who] = seconds
            else:
                turns.seconds[who].append(seconds)
                turns.results[who].append(result)
    return turns


def spread(ratios: Sequence[float], digits: int = 2) -> str:
    """Write the median of ratios, and the least and the largest."""
    middle, least, most = statistics.median(ratios), min(ratios), max(ratios)
    return f"{middle:,.{digits}f} ({least:,.{digits}f} to {most:,.{digits}f})"


def version_of(*names: str) -> str:
    """Name distributions with their versions."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} (not installed)")
    return ", ".join(found)


def record(
    job: str,
    *,
    peer: str = "",
    ratios: Sequence[float] = (),
    ours: str = "",
    clock: str = "",
    score: str = "",
    score_ours: Any = "",
    score_peer: Any = "",
    target: float | None = None,
) -> None:
    """Append a row to the record of this run.

    `ours` is a speed with its unit; `peer` names the other library with its version.
    """
    _append(
        {
            "job": job,
            "peer": peer,
            "ratios": [float(r) for r in ratios],
            "ours": ours,
            "clock": clock,
            "score": score,
            "score_ours": _score(score_ours),
            "score_peer": _score(score_peer),
            "target": target,
        }
    )


def absent(job: str, peer: str, why: str) -> None:
    """Record that a peer could not be run, and say so."""
    print(f"{job}: {peer} is absent ({why})", flush=True)
    _append({"job": job, "peer": peer, "absent": why})


def record_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append a table as it stands."""
    texts = [{str(k): str(v) for k, v in row.items()} for row in rows]
    _append({"table": title, "rows": texts})


def record_fact(name: str, value: Any) -> None:
    """Append something else that the page of benchmarks needs, of any JSON type."""
    _append({"fact": name, "value": value})


def machine() -> dict[str, str]:
    """Describe processor, cores and versions; no path and no name of a computer."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{_processor()}, {os.cpu_count()} cores ({platform.machine()})",
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": version_of("numpy", "scipy", "scikit-learn", "torch", "skorch"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _score(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _append(entry: Mapping[str, Any]) -> None:
    path = os.environ.get(ROWS)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
