"""Hostile input to everything public: documented exceptions, and sound results.

The short run is the same every time. The long one takes another seed from the variable
SKASTRO_FUZZ_SEED, and writes what it did to docs/results/fuzz.rst.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_kit.registry import EXEMPT, TARGETS, required
from fuzz_kit.report import write_report
from fuzz_kit.target import CASES, Target, run

pytestmark = [
    # What is fuzzed warns as it likes; the targets look at the warnings themselves.
    pytest.mark.filterwarnings("ignore"),
]

LEAST = 100_000
_SECONDS: dict[str, float] = {}
_FAILED: set[str] = set()

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder of its own: what is written by a relative name is seen."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not os.listdir(tmp_path), "a file beside where it should be"


def test_everything_public_has_a_target() -> None:
    covered = {name for target in TARGETS for name in target.covers}
    assert required() - covered - set(EXEMPT) == set()
    assert set(EXEMPT) <= required()


def test_names_of_targets_differ() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)


def test_the_long_run_is_long() -> None:
    assert sum(target.long for target in TARGETS) >= 1.15 * LEAST


@each_target
def test_short(target: Target) -> None:
    run(target, target.short, fixed=True)


@pytest.mark.stress
@each_target
def test_long(target: Target) -> None:
    start = time.monotonic()
    _FAILED.add(target.name)
    run(target, target.long, fixed=False)
    _FAILED.remove(target.name)
    _SECONDS[target.name] = time.monotonic() - start


@pytest.mark.stress
def test_the_long_run_was_long() -> None:
    missing = [t.name for t in TARGETS if t.name not in _SECONDS and not _FAILED]
    if missing:
        pytest.skip(f"only a part of the targets ran, not {missing[0]}")
    total = sum(CASES.values())
    print(f"{total:,} cases of {len(TARGETS)} targets")
    docs = Path(__file__).parents[2] / "docs" / "results" / "trust"
    write_report(docs, _SECONDS, _FAILED)
    assert total >= LEAST
    assert not _FAILED
