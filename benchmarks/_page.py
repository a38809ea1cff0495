"""A page of the results: an rst file that grows by text and tables, printed too."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _bench import record_table


class Page:
    """An rst page, written anew after each addition so that a stopped run leaves it.

    Parameters
    ----------
    path : Path or None
        The file; None only prints. ``SKASTRO_BENCH_PAGES`` names another folder, for
        runs that shall not replace a table of the documentation.
    title : str
        Heading.
    """

    def __init__(self, path: Path | None, title: str) -> None:
        elsewhere = os.environ.get("SKASTRO_BENCH_PAGES")
        if path is not None and elsewhere:
            path = Path(elsewhere) / path.name
        self.path, self.lines = path, [title, "-" * len(title), ""]
        print(f"\n{title}\n{'=' * len(title)}", flush=True)

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self.lines += [text, ""]
        self._write()
        print(f"\n{text}", flush=True)

    def table(self, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a table; what a row lacks stays empty."""
        record_table(title, rows)
        names = list(dict.fromkeys(name for row in rows for name in row))
        texts = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
        out = [f".. list-table:: {title}", "   :header-rows: 1", ""]
        for cells in texts:
            lines = [
                f"   {'  ' if i else '* '}- {cell}" for i, cell in enumerate(cells)
            ]
            out += [line.rstrip() for line in lines]
        self.lines += [*out, ""]
        self._write()
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        print(f"\n{title}")
        for cells in texts:
            padded = (cell.ljust(w) for cell, w in zip(cells, widths, strict=True))
            print(f"  {'  '.join(padded).rstrip()}", flush=True)

    def grid(
        self, title: str, names: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        """Add a table of rows that are sequences."""
        self.table(title, [dict(zip(names, row, strict=True)) for row in rows])

    def _write(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("\n".join(self.lines))
