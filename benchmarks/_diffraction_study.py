"""The thesis's experiments and the four splits, as result pages."""

from __future__ import annotations

import sys
from pathlib import Path

from _page import Page

EXAMPLES = Path(__file__).parents[1] / "examples" / "diffraction"


def study(results: Path, about: str, *, quick: bool = False) -> None:
    """Run both parts and write the page."""
    sys.path.insert(0, str(EXAMPLES))
    import _thesis as thesis
    import _two_stages as two_stages

    scale = thesis.QUICK if quick else thesis.FULL
    path = None if quick else results / "diffraction_thesis.rst"
    page = Page(path, "The diffraction thesis again")
    page.text(f"{about} {scale.describe()}")
    for tables in (thesis.run_thesis(scale), thesis.run_splits(scale)):
        for key, rows in tables.items():
            page.table(thesis.TITLES[key], rows)
    for rows in two_stages.run_two_stages(scale).values():
        page.table(two_stages.TITLE, rows)
