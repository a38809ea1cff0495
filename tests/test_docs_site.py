"""The pages as a whole: the gallery has every example, and no link leads nowhere."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TASKS = (
    "I have cut-outs",
    "I have a catalogue",
    "I have diffraction patterns",
    "I have voxels",
    "My net over-fits",
)


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])
    return importlib.import_module("skastro_docs.links")


def write(folder: Path, name: str, body: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"<html><body>{body}</body></html>", encoding="utf-8")


def test_every_example_stands_under_one_goal() -> None:
    text = (DOCS / "gallery.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   (\w+/plot_\w+)$", text, flags=re.MULTILINE)
    there = {
        f"{path.parent.name}/{path.stem}"
        for path in (ROOT / "examples").glob("*/plot_*.py")
    }
    assert sorted(listed) == sorted(there), "list the example in docs/gallery.rst"


def test_landing_page_has_every_task_with_code_and_a_guide() -> None:
    text = (DOCS / "index.rst").read_text(encoding="utf-8")
    cards = text.split(".. container:: task-card")[1:]
    for task in TASKS:
        (card,) = (c for c in cards if f".. rubric:: {task}\n" in c)
        assert 3 <= card.count(">>> ") <= 9
        assert "<user_guide/" in card
        assert "<auto_examples/" in card


@pytest.mark.parametrize(
    "page",
    [p for p in sorted((DOCS / "user_guide").glob("*.rst")) if p.stem != "index"],
    ids=lambda page: page.stem,
)
def test_every_guide_says_its_limits(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    limits = text.split("\nLimits\n------\n")
    assert len(limits) == 2
    assert limits[1].count("\n- ") >= 3
    listed = (DOCS / "user_guide" / "index.rst").read_text(encoding="utf-8")
    assert f"\n   {page.stem}\n" in listed


@pytest.mark.parametrize("tool", ["keras", "skorch", "pyxem", "muwclass", "grad_cam"])
def test_pages_for_those_who_come_from_elsewhere(tool: str) -> None:
    text = (DOCS / "coming_from" / f"{tool}.rst").read_text(encoding="utf-8")
    assert ".. list-table::" in text
    assert ">>> " in text
    assert "\nWhat differs\n" in text
    assert "\nWhen to stay" in text


def test_good_links_pass(links: Any, tmp_path: Path) -> None:
    write(
        tmp_path, "index.html", '<a href="sub/a.html#there">a</a><a href="#top">b</a>'
    )
    write(tmp_path, "sub/a.html", '<p id="there"></p><a href="../index.html">back</a>')
    write(tmp_path, "b.html", '<a href="https://a.org/x">x</a><a href="sub%2Fa.html">')
    (tmp_path / "index.html").write_text(
        (tmp_path / "index.html").read_text() + '<p id="top"></p>'
    )
    assert links.broken_links(tmp_path) == ([], ["https://a.org/x"])


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("gone.html", "has no such file"),
        ("index.html#gone", "has no such place"),
        ("#gone", "has no such place"),
        ("../outside.html", "leaves the pages"),
        ("_images/gone.png", "has no such file"),
        ("http://a.org", "is not https"),
        ("https://nohost", "is no well-formed address"),
        ("https://a.org/a b", "is no well-formed address"),
    ],
)
def test_bad_links_are_found(
    links: Any, tmp_path: Path, link: str, reason: str
) -> None:
    write(tmp_path, "index.html", f'<a href="{link}">x</a>')
    broken, _ = links.broken_links(tmp_path)
    assert broken == [("index.html", link, reason)]


def test_sources_of_images_are_links_too(links: Any, tmp_path: Path) -> None:
    write(tmp_path, "index.html", '<img src="a.png" srcset="a.png, b.png 2x">')
    (tmp_path / "a.png").write_bytes(b"")
    broken, _ = links.broken_links(tmp_path)
    assert broken == [("index.html", "b.png", "has no such file")]


def test_images_of_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])
    to_rst = importlib.import_module("skastro_docs.markdown").to_rst
    lines = to_rst("![Time against n](_static/x.png)")
    assert ".. image:: _static/x.png" in lines
    assert "   :alt: Time against n" in lines
