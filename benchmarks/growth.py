"""How cost grows with images, sources, templates, repeats and events: ours and a peer.

    python benchmarks/growth.py [--rounds 2] [--largest 1e9] [--figure FILE]

Every job runs at several sizes, in turns with a peer where there is one; the time of a
size is the best of its rounds, wall-clock, on one thread. The exponent b of a line is
fitted to time = a n^b over the upper half of its sizes, where what a call costs
whatever its size no longer counts. Draws ``docs/_static/benchmarks_growth.png``.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _bench import absent, paired, record_fact
from _growth_cases import CASES, Case, one_thread
from threadpoolctl import threadpool_limits

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "_static"
FIGURE /= "benchmarks_growth.png"
LINES = {"ours": ("skastro", "#1f77b4", "o-"), "peer": ("peer", "#d95f02", "s--")}


def measure(case: Case, rounds: int, largest: float) -> dict[str, Any]:
    """Time a case at all its sizes."""
    found: dict[str, list[list[float]]] = {"ours": [], "peer": []}
    sizes = sorted(
        n
        for some in (case.sizes, case.peer_sizes or ())
        for n in [n for n in some if n <= largest] or some[:1]
    )
    for n in dict.fromkeys(sizes):
        # Imports and compilation happen at the first size.
        turns = paired(case.works(n), rounds, clock="wall", warm_up=n == sizes[0])
        for who, seconds in turns.seconds.items():
            found[who].append([n, min(seconds)])
    if case.peer and not found["peer"]:
        absent(case.name, case.peer, "not installed")
    return {
        "name": case.name,
        "what": case.what,
        "against": case.peer if found["peer"] else "",
        **found,
        "exponent": {who: exponent(points) for who, points in found.items()},
    }


def exponent(points: list[list[float]]) -> float | None:
    """Fit the slope of the upper half of the sizes, on logarithms."""
    upper = np.log(points[-max(2, (len(points) + 1) // 2) :])
    if len(upper) < 2:
        return None
    return float(np.polyfit(upper[:, 0], upper[:, 1], 1)[0])


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Draw a panel a case, with log-log axes and a slope of one beside it."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    columns = 3
    rows = -(-len(found) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(11, 3.1 * rows), squeeze=False)
    # Opaque: the same picture stands on light and on dark pages.
    figure.set_facecolor("white")
    for ax, case in zip(axes.flat, found, strict=False):
        for who, (name, color, style) in LINES.items():
            if not case[who]:
                continue
            n, seconds = np.transpose(case[who])
            slope = case["exponent"][who]
            label = case["against"] if who == "peer" else name
            if slope is not None:
                label += f", $n^{{{slope:.2f}}}$"
            ax.plot(n, seconds, style, color=color, label=label, markersize=4)
        n, seconds = np.transpose(case["ours"])
        guide = seconds[-1] * (n / n[-1])
        ax.plot(n, guide, ":", color="0.55", label="in proportion", zorder=0)
        ax.set(xscale="log", yscale="log", xlabel=case["what"], ylabel="seconds")
        # Room for the legend above the lines.
        low, high = ax.get_ylim()
        ax.set_ylim(low, high * (high / low) ** 0.5)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_minor_formatter(NullFormatter())
        ax.set_title(case["name"], fontsize=10)
        ax.legend(fontsize=7.5, framealpha=0.8, loc="upper left")
        ax.grid(color="0.9")
    for ax in axes.flat[len(found) :]:
        ax.set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--largest", type=float, default=float("inf"))
    parser.add_argument("--figure", type=Path, default=FIGURE)
    parser.add_argument("--only", nargs="*", help="words of names")
    arguments = parser.parse_args()
    one_thread()
    warnings.simplefilter("ignore")  # MLPClassifier's warning that it could go on
    words = arguments.only or [""]
    found = []
    with threadpool_limits(1):
        for case in CASES:
            if any(word in case.name for word in words):
                found.append(measure(case, arguments.rounds, arguments.largest))
                print(found[-1], flush=True)
    record_fact("growth", found)
    draw(found, arguments.figure)


if __name__ == "__main__":
    main()
