"""The thesis's experiments and the four splits, as result pages."""

from __future__ import annotations

import sys
from pathlib import Path

from _page import Page

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "diffraction"))

import _thesis as thesis


def study(results: Path, about: str, *, quick: bool = False) -> None:
    """Run both parts and write the page."""
    scale = thesis.QUICK if quick else thesis.FULL
    path = None if quick else results / "diffraction_thesis.rst"
    page = Page(path, "The diffraction thesis again")
    page.text(f"{about} {scale.describe()}")
    for tables in (thesis.run_thesis(scale), thesis.run_splits(scale)):
        for key, rows in tables.items():
            page.table(thesis.TITLES[key], rows)
