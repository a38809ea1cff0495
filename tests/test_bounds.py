"""The bounds of pyproject.toml are those that the two constraint files are run with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Tools of the developers: nothing that runs at a user's needs them.
TOOLS = {"lint", "docs", "dev"}


def pins(name: str) -> dict[str, Version]:
    lines = (ROOT / name).read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert len({canonicalize_name(n) for n, _ in pairs}) == len(pairs)
    return {canonicalize_name(n): Version(v) for n, v in pairs}


def requirements(*, tools: bool) -> list[Requirement]:
    lists = [v for k, v in EXTRAS.items() if tools or k not in TOOLS]
    lines = sum(lists, start=list(PROJECT["dependencies"]))
    found = [Requirement(line) for line in lines]
    return [r for r in found if r.name != PROJECT["name"]]


@pytest.mark.parametrize("needed", requirements(tools=False), ids=str)
def test_lowest_is_the_lower_bound(needed: Requirement) -> None:
    (bound,) = needed.specifier
    assert bound.operator == ">="
    pinned = pins("constraints-lowest.txt")[canonicalize_name(needed.name)]
    assert pinned == Version(bound.version)


@pytest.mark.parametrize("needed", requirements(tools=True), ids=str)
def test_tested_versions_are_within_the_bounds(needed: Requirement) -> None:
    pinned = pins("constraints.txt")[canonicalize_name(needed.name)]
    assert needed.specifier.contains(str(pinned))


def test_the_test_extra_takes_every_run_time_extra() -> None:
    """So that no bound is left that `make test-lowest` does not install."""
    (own,) = (Requirement(t) for t in EXTRAS["test"] if t.startswith("skastro["))
    lowest = re.search(
        r'-c constraints-lowest\.txt -e "\.\[(.*?)\]"', (ROOT / "Makefile").read_text()
    )
    assert lowest
    installed = own.extras | set(lowest[1].split(","))
    assert installed == set(EXTRAS) - TOOLS
