"""The documentation tells the truth: snippets run, and every public name has a page."""

from __future__ import annotations

import doctest
import importlib
import sys
import tomllib
from pathlib import Path
from typing import Any

import matplotlib
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GENERATED = ("_build", "auto_examples", "generated", "results")
PAGES = sorted(
    path
    for path in DOCS.rglob("*.rst")
    if not set(path.relative_to(DOCS).parts) & set(GENERATED)
)
REAL_DATA = ".. needs-real-data"


def option_flags() -> int:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = settings["tool"]["pytest"]["ini_options"]["doctest_optionflags"]
    return sum(doctest.OPTIONFLAGS_BY_NAME[name] for name in names)


def load(name: str) -> Any:
    folder = str(DOCS / "_ext")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(f"skastro_docs.{name}")
    finally:
        sys.path.remove(folder)


def run_page(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the snippets of a page as one session and count them."""
    text = path.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(
        text, {"__name__": "__main__"}, path.name, str(path), 0
    )
    monkeypatch.chdir(folder)
    matplotlib.use("Agg")
    runner = doctest.DocTestRunner(optionflags=option_flags(), verbose=False)
    report: list[str] = []
    runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)
    return len(test.examples)


def with_snippets(real_data: bool) -> list[Any]:
    texts = {path: path.read_text(encoding="utf-8") for path in PAGES}
    return [
        pytest.param(path, id=path.relative_to(DOCS).as_posix())
        for path, text in texts.items()
        if ">>> " in text and (REAL_DATA in text) == real_data
    ]


@pytest.mark.parametrize("path", with_snippets(real_data=False))
def test_snippets_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_page(path, tmp_path, monkeypatch) > 0


@pytest.mark.real_data
@pytest.mark.parametrize("path", with_snippets(real_data=True))
def test_snippets_on_real_data_run(
    path: Path, data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(data_home.resolve()))
    assert run_page(path, tmp_path, monkeypatch) > 0


def test_every_public_name_gets_a_page(tmp_path: Path) -> None:
    api = load("api")
    written = {path.name for path in api.write_pages(tmp_path)}
    index = (tmp_path / "api" / "generated" / "index.inc").read_text(encoding="utf-8")
    for module in api.public_modules("skastro"):
        for name in module.__all__:
            assert f"{module.__name__}.{name}.rst" in written
            assert f"generated/{module.__name__}.{name}\n" in index
    stale = tmp_path / "api" / "generated" / "skastro.gone.Name.rst"
    stale.write_text("Name\n====\n")
    api.write_pages(tmp_path)
    assert not stale.exists()


def test_markdown_becomes_restructured_text() -> None:
    text = "# Title\n\nA [link](https://a.org) and `code`.\n- item\n\n"
    text += "| a | b |\n|---|---|\n| 1 | |"
    lines = load("markdown").to_rst(text)
    assert lines[1:3] == ["Title", "====="]
    assert "A `link <https://a.org>`__ and ``code``." in lines
    assert lines[lines.index("- item") - 1] == ""
    assert "   * - 1" in lines
    assert "     -" in lines


def test_failing_snippet_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.rst"
    page.write_text("Text\n\n>>> 1 + 1\n3\n")
    with pytest.raises(AssertionError, match="Got"):
        run_page(page, tmp_path, monkeypatch)
