"""The page of benchmarks, in Markdown, from what the jobs recorded."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _bench import spread
from _jobs import Job

FIGURE = "_static/benchmarks_growth.png"
N_WORST, N_TABLE_ROWS, N_TAIL = 3, 20, 12
# From this share of the time on the operators of torch are what a job consists of.
TOLD = 0.5
Answer = Mapping[str, Any]

INTRO = """\
A ratio is the peer's time over ours in two runs of one round: the median of the rounds,
and the least and the largest; above 1, skastro is the quicker. The contestants take
turns, every other round backwards, on one thread unless a row says otherwise. CPU is
processor time, wall is wall-clock. Accuracy stands beside speed, since a fast wrong
answer is worth nothing: ours / the peer's. A peer that is not installed is named as
absent. The studies of accuracy run at the reduced scale that is stated; `make study`
makes the tables at their full size."""
GROWTH = """\
Seconds against size, both logarithmic; the dotted line grows in proportion. The
exponent b of time = a n^b is fitted to the upper half of the sizes."""


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Write a table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = (str(cell).replace("|", "/").replace("\n", " ") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def row_cells(row: Mapping[str, Any]) -> list[str]:
    """Write a row: job, peer, our speed, ratio, scores."""
    if "absent" in row:
        return [row["job"], f"{row['peer']}: absent, {row['absent']}", "", "", ""]
    ratio = ""
    if row["ratios"]:
        digits = 0 if statistics.median(row["ratios"]) >= 20 else 2
        ratio = f"{spread(row['ratios'], digits)}, {len(row['ratios'])} rounds"
        if row["target"] is not None:
            met = statistics.median(row["ratios"]) >= row["target"]
            ratio += f"; target {row['target']:g}: {'met' if met else 'missed'}"
    ours = f"{row['ours']}, {row['clock']}" if row["ours"] else ""
    scores = row["score_ours"]
    if row["score_peer"]:
        scores += f" / {row['score_peer']}"
    if scores:
        scores += f" ({row['score']})"
    return [row["job"], row["peer"], ours, ratio, scores]


def section(job: Job, answer: Answer) -> list[str]:
    """Write what one job found, or that it failed."""
    lines = [f"## {job.title}", ""]
    about = f"`{answer.get('command', job.script)}`"
    if "machine" in answer:
        about += f", {answer['machine']['date']}"
    if "seconds" in answer:
        about += f", {answer['seconds']:.0f} s"
    if job.note:
        about += f". Reduced: {job.note}"
    lines += [f"{about}.", ""]
    if answer.get("skipped"):
        return [*lines, f"Not run: {answer['skipped']}.", ""]
    if answer["failed"]:
        lines += [f"**FAILED**: it {answer['failed']}.", ""]
    rows = [row for row in answer["rows"] if "job" in row]
    tables = [entry for entry in answer["rows"] if "table" in entry]
    facts = {e["fact"]: e["value"] for e in answer["rows"] if "fact" in e}
    if rows:
        head = ("job", "peer", "skastro", "ratio", "score: ours / peer")
        lines += table(head, map(row_cells, rows))
    if job.tables:
        for entry in tables:
            names = list(dict.fromkeys(name for row in entry["rows"] for name in row))
            cells = [[row.get(name, "") for name in names] for row in entry["rows"]]
            lines += [f"{entry['table']}:", "", *table(names, cells[:N_TABLE_ROWS])]
    if "growth" in facts:
        lines += growth(facts["growth"])
    if "limits" in facts:
        lines += limits(facts)
    if not (rows or facts or answer["failed"] or (job.tables and tables)):
        lines += ["```", *answer.get("tail", ())[-N_TAIL:], "```", ""]
    return lines


def growth(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write exponents beside the picture."""
    lines = [GROWTH, "", f"![Time against size of nine jobs, log-log]({FIGURE})", ""]
    rows = []
    for case in found:
        slopes = case["exponent"]
        ours = case["ours"]
        times = f"{ours[0][1]:.3g} s at {ours[0][0]:,}"
        if len(ours) > 1:
            times += f", {ours[-1][1]:.3g} s at {ours[-1][0]:,}"
        peer = case["against"] or "none"
        if slopes["peer"] is not None:
            peer += f": n^{slopes['peer']:.2f}"
        shared = dict(map(tuple, case["peer"]))
        both = [(n, shared[n] / seconds) for n, seconds in ours if n in shared]
        ratio = f"{both[-1][1]:.2f} at {both[-1][0]:,}" if both else ""
        slope = "" if slopes["ours"] is None else f"n^{slopes['ours']:.2f}"
        rows.append([case["name"], case["what"], times, slope, peer, ratio])
    head = ("job", "n", "skastro", "growth", "peer", "ratio at the largest")
    return lines + table(head, rows)


def limits(facts: Mapping[str, Any]) -> list[str]:
    """Write the machine's limits and the profiles of the slowest jobs."""
    top = facts["limits"]
    gemm = top["GEMM, torch, GFLOP/s"]
    lines = ["What one thread of this machine can do, measured in this run:", ""]
    lines += table(("measure", "value"), ((k, f"{v:.1f}") for k, v in top.items()))
    if "jobs" in facts:
        timed = (f"{name} ({seconds:.1f} s)" for name, seconds in facts["jobs"])
        lines += [f"The long jobs of the library: {'; '.join(timed)}.", ""]
    for job in facts.get("profiles", ()):
        lines += [f"### {job['name']}", ""]
        told = (
            f"{job['seconds']:.1f} s without the profiler, {job['gflops']:.1f} GFLOP/s "
            f"of counted arithmetic: {100 * job['gflops'] / gemm:.0f} % of the matrix "
            f"product's {gemm:.0f}. Operators of torch take "
            f"{100 * job['in_torch']:.0f} % of the time "
            f"(at {100 * job['share']:.0f} % of that size)"
        )
        if job["in_torch"] >= TOLD:
            told += (
                f": products and convolutions {100 * job['arithmetic']:.0f} %, at "
                f"{job['gflops_inside']:.0f} GFLOP/s, and the others "
                f"{100 * (job['in_torch'] - job['arithmetic']):.0f} %, moving some "
                f"{job['gbytes']:.0f} GB/s of the triad's {top['triad, GB/s']:.0f} "
                "(what is in the caches goes faster)."
            )
        else:
            told += "; the rest is Python and other libraries, see the functions."
        lines += [told, ""]
        shares = ((f"`{name}`", f"{100 * share:.1f} %") for name, share in job["lines"])
        lines += table((job["by"], "share of the time"), shares)
    return lines


def worst(answers: Sequence[Answer], count: int = N_WORST) -> list[list[str]]:
    """Give the rows where ours is least ahead."""
    rows = [row for a in answers for row in a["rows"] if row.get("ratios")]
    rows.sort(key=lambda row: statistics.median(row["ratios"]))
    return [row_cells(row)[:4] for row in rows[:count]]


def write_report(
    path: Path, jobs: Mapping[str, Job], answers: Sequence[Answer]
) -> None:
    """Write the page."""
    about = next((a["machine"] for a in answers if "machine" in a), None)
    lines = ["# Benchmarks", ""]
    if about:
        written = (
            f"Written by `make bench` on {about['date']}: {about['processor']}, "
            f"{about['system']}, Python {about['python']}; {about['versions']}."
        )
        lines += [written, ""]
    lines += [INTRO, ""]
    failed = [a for a in answers if a["failed"]]
    if failed:
        names = ", ".join(a["job"] for a in failed)
        lines += [f"**Failed in this run: {names}.**", ""]
    if rows := worst(answers):
        lines += ["The rows where skastro is least ahead, or behind:", ""]
        lines += table(("job", "peer", "skastro", "ratio"), rows)
    for answer in answers:
        lines += section(jobs[answer["job"]], answer)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
