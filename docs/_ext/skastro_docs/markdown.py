"""The little Markdown that the project writes, as reStructuredText.

Headings, lists, paragraphs, tables, code blocks, images, links, emphasis and inline
code: enough for the changelog and the tables of results, and one dependency less.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_BARE = re.compile(r"(?<!`)<(https?://[^>\s]+)>")
_IMAGE = re.compile(r"^!\[([^\]]*)\]\(([^)\s]+)\)\s*$")
_CODE = re.compile(r"`([^`]+)`")
_ITEM = re.compile(r"^(\s*)([-*]|\d+\.)\s+")


def inline(text: str) -> str:
    """Convert links, inline code and brackets within a line."""
    kept: list[str] = []

    def keep(converted: str) -> str:
        kept.append(converted)
        return f"\0{len(kept) - 1}\0"

    text = _CODE.sub(lambda m: keep(f"``{m[1]}``"), text)
    text = _LINK.sub(lambda m: keep(f"`{m[1]} <{m[2]}>`__"), text)
    text = _BARE.sub(lambda m: m[1], text)
    # Keep a Changelog's version headings are written as links without a target.
    text = re.sub(r"\[([^\]]+)\](?!\[|\()", r"\1", text)
    text = re.sub(r"([|\\])", r"\\\1", text)
    return re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], text)


def _cells(row: str) -> list[str]:
    inner = row.strip().strip("|")
    return [inline(cell.strip()) for cell in re.split(r"(?<!\\)\|", inner)]


def _table(rows: list[str]) -> list[str]:
    """Convert a pipe table; its second row only says where the head ends."""
    head, _, *body = rows
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *body):
        cells = _cells(row)
        cells += [""] * (len(_cells(head)) - len(cells))
        bullets = ["*", *" " * (len(cells) - 1)]
        lines += [f"   {b} - {c}".rstrip() for b, c in zip(bullets, cells, strict=True)]
    return [*lines, ""]


def to_rst(text: str, levels: str = "=-~^") -> list[str]:
    """Convert Markdown to lines of reStructuredText.

    Parameters
    ----------
    text : str
        Markdown.
    levels : str
        Underlines of the headings, from ``#`` downwards.

    Returns
    -------
    list of str
        The lines.
    """
    source = text.splitlines()
    lines: list[str] = []
    i = 0
    while i < len(source):
        line = source[i]
        i += 1
        if line.startswith("```"):
            lines += ["", f".. code-block:: {line.strip('` ') or 'text'}", ""]
            while i < len(source) and not source[i].startswith("```"):
                lines.append(f"   {source[i]}")
                i += 1
            i += 1
            lines.append("")
        elif heading := re.match(r"(#+)\s+(.*)", line):
            title = inline(heading[2])
            mark = levels[min(len(heading[1]), len(levels)) - 1]
            lines += ["", title, mark * len(title), ""]
        elif line.lstrip().startswith("|"):
            rows = [line]
            while i < len(source) and source[i].lstrip().startswith("|"):
                rows.append(source[i])
                i += 1
            lines += ["", *(_table(rows) if len(rows) > 1 else [inline(line)]), ""]
        elif image := _IMAGE.match(line):
            lines += ["", f".. image:: {image[2]}", f"   :alt: {image[1]}", ""]
        elif re.match(r"\[[^\]]+\]:\s", line):
            continue  # targets of links that `inline` writes as plain text
        else:
            # An item needs a blank line before it unless it follows an item.
            item = _ITEM.match(line)
            before = lines[-1] if lines else ""
            if item and before.strip() and not _ITEM.match(before) and before[0] != " ":
                lines.append("")
            lines.append(inline(line))
    return lines


class IncludeFiles(SphinxDirective):
    """Include the files that match a pattern; none is no fault.

    The argument is a pattern below the documentation's folder. ``.md`` is converted,
    ``.rst`` is taken as it is. The content stands there if no file matches.
    """

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Put the files into the page."""
        source = Path(self.env.srcdir)
        patterns = self.arguments[0].split()
        paths = sorted({path for p in patterns for path in source.glob(p)})
        if not paths:
            return self.parse_content_to_nodes(allow_section_headings=True)
        for path in reversed(paths):
            self.env.note_dependency(str(path.resolve()))
            text = path.read_text(encoding="utf-8")
            lines = to_rst(text) if path.suffix == ".md" else text.splitlines()
            self.state_machine.insert_input(
                StringList([*lines, ""], source=str(path)), str(path)
            )
        return []


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive ``include-files``."""
    app.add_directive("include-files", IncludeFiles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
