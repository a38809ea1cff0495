"""Draw the picture of the README from the tables that `benchmarks/galaxy.py` wrote.

python benchmarks/figure.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import pandas as pd

from skastro.galaxy import ResolutionCurveDisplay

DOCS = Path(__file__).resolve().parents[1] / "docs"
ARMS = {
    ("thesis", "plain"): "thesis's net",
    ("compact", "rotations and flips"): "compact net, rotations and flips",
    ("compact", "with RandomResolution"): "compact net + RandomResolution",
    ("degraded, frozen, blurred copies", "two classes"): "the same, pre-trained",
}
COLUMNS = {"sharp": 1, "1/2": 2, "1/4": 4, "1/8": 8}


def read_tables(path: Path) -> list[dict[str, str]]:
    """Read the rows of all list-tables of a page."""
    rows: list[dict[str, str]] = []
    names: list[str] = []
    cells: list[str] = []
    for line in [*path.read_text().splitlines(), ".. list-table::"]:
        starts = line.startswith(("   * -", ".. list-table::"))
        if starts and cells:
            if names:
                rows.append(dict(zip(names, cells, strict=True)))
            else:
                names = cells
            cells = []
        if line.startswith(".. list-table::"):
            names = []
        elif line.startswith(("   * -", "     -")):
            cells = [*cells, line[7:].strip()]
    return rows


def main() -> None:
    """Draw it."""
    summary = []
    for row in read_tables(DOCS / "results" / "galaxy_study.rst"):
        arm = ARMS.get(tuple(row.values())[:2])
        if arm is None or "TSS" not in row:
            continue
        for column, factor in COLUMNS.items():
            mean, error = map(float, row[column].split("±"))
            summary.append({"arm": arm, "factor": factor, "mean": mean, "ste": error})
    table = pd.DataFrame(summary).assign(std=float("nan"), n=10)
    display = ResolutionCurveDisplay(summary=table, hue="arm", value="accuracy")
    display.plot(score_name="Test accuracy, real galaxies")
    display.figure_.savefig(
        DOCS / "_static" / "galaxy_resolution_gap.png", dpi=120, bbox_inches="tight"
    )


if __name__ == "__main__":
    main()
