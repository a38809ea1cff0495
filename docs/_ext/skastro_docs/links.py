"""Check every link of the built pages, without a network.

Sphinx checks what is written as a reference to a page, a label or an image. This checks
what comes out: a link within the pages, whoever wrote it, has to lead to a file that
is there, and to a place in it that is there. Links that leave the pages are held to a
form and listed in ``external_links.txt``; ``make linkcheck`` asks their servers.

Names in single backquotes that begin with the package's own name are references too; of
them an unknown one is an error, while others may be anybody's.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
PACKAGE = "skastro"
LISTING = "external_links.txt"
_ATTRIBUTES = {"href", "src", "srcset"}
# Pages of the theme that are templates and not content.
_SKIPPED = {"genindex.html", "search.html", "_static/webpack-macros.html"}
_HOST = re.compile(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")


class _Page(HTMLParser):
    """The places of a page, and where its links go."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.places: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids and links."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.places.add(value)
            elif name == "srcset":
                self.links |= {part.split()[0] for part in value.split(",") if part}
            elif name in _ATTRIBUTES and not (tag == "link" and value == "#"):
                self.links.add(value)


def read_pages(folder: Path) -> dict[Path, _Page]:
    """Parse all pages.

    Parameters
    ----------
    folder : Path
        Where they were built.

    Returns
    -------
    dict
        Path to what is in the page.
    """
    pages = {}
    for path in sorted(folder.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        pages[path.resolve()] = page
    return pages


def broken_links(folder: Path) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Find links that lead nowhere.

    Parameters
    ----------
    folder : Path
        Where the pages were built.

    Returns
    -------
    broken : list of (page, link, reason)
        What is wrong.
    external : list of str
        Links to other hosts, sorted.
    """
    folder = folder.resolve()
    pages = read_pages(folder)
    broken: list[tuple[str, str, str]] = []
    external: set[str] = set()
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        if name in _SKIPPED:
            continue
        broken += [
            (name, link, reason)
            for link in sorted(page.links)
            if (reason := _judge(link, path, pages, folder, external))
        ]
    return broken, sorted(external)


def _judge(
    link: str, path: Path, pages: dict[Path, _Page], folder: Path, external: set[str]
) -> str | None:
    """Say what is wrong with a link, if anything."""
    if link.startswith(("data:", "mailto:", "javascript:")):
        return None
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        external.add(link)
        if parts.scheme != "https":
            return "is not https"
        if not _HOST.match(parts.netloc.lower()) or any(c.isspace() for c in link):
            return "is no well-formed address"
        return None
    target = path
    if parts.path:
        target = (path.parent / unquote(parts.path)).resolve()
        if target.is_dir():
            target /= "index.html"
    if not target.is_relative_to(folder):
        return "leaves the pages"
    if not target.is_file():
        return "has no such file"
    place = unquote(parts.fragment)
    if place and target in pages and place not in pages[target].places:
        return "has no such place"
    return None


def check_pages(app: Sphinx, exception: Exception | None) -> None:
    """Warn of every broken link, which ``-W`` makes an error."""
    if exception is not None or app.builder.format != "html":
        return
    broken, external = broken_links(Path(app.outdir))
    for page, link, reason in broken:
        _LOGGER.warning("link %s %s", link, reason, location=page, type="links")
    text = "".join(f"{link}\n" for link in external)
    (Path(app.outdir) / LISTING).write_text(text, encoding="utf-8")


def check_name(
    app: Sphinx, env: Any, node: nodes.Element, contnode: nodes.Node
) -> nodes.Node | None:
    """Warn of a name of the package that is not in the reference."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") == "py" and target.split(".")[0] == PACKAGE:
        _LOGGER.warning("no such public name: %s", target, location=node, type="links")
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Check names while pages are resolved, and links when all are written."""
    app.connect("missing-reference", check_name)
    app.connect("build-finished", check_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
