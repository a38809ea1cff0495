"""The README is short, its snippets run, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_it_is_short_and_shows_one_picture() -> None:
    assert len(TEXT.splitlines()) <= 140
    assert len(re.findall(r"!\[", TEXT)) == 1


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)
    here = [link for link in links if "://" not in link]
    assert len(here) > 15
    missing = [link for link in here if not (ROOT / link).exists()]
    assert missing == []


def test_snippets_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS) == 1
    # Fewer galaxies and epochs than in the text, so that it takes a second.
    code = BLOCKS[0].replace("make_galaxies(300,", "make_galaxies(60, size=32,")
    code = code.replace('augment="resolution"', 'augment="resolution", max_epochs=2')
    assert code.count("max_epochs=2") == code.count("size=32") == 1
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert len(capsys.readouterr().out.split()) == 2
