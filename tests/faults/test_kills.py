"""kill -9 while a file is written: the old one or the new one is there, whole.

Fits are killed in tests/model_selection/test_checkpoint*.py, downloads in
test_downloads.py.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
NAMES = (
    *("events.npz", "events.h5", "events.root", "map.ang", "map.ctf"),
    *("classes.csv", "classes.csv.gz", "model.skops", "table.sha256.json"),
)


def test_a_few_kills_of_writers(run_program: Any, tmp_path: Path) -> None:
    # Those whose libraries take long to import are for `make stress`.
    names = ["events.npz", "map.ang", "classes.csv.gz", "table.sha256.json"]
    found = run_program(
        do="kill_writers",
        seed=secrets.randbits(32),
        names=names,
        kills=4,
        folder=str(tmp_path),
    )
    assert sum(one["kills"] for one in found.values()) == 4 * len(names)


@pytest.mark.stress
def test_many_kills_of_writers(
    run_program: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SKASTRO_FAULT_SEED", secrets.randbits(32)))
    found = run_program(
        do="kill_writers", seed=seed, names=NAMES, kills=100, folder=str(tmp_path)
    )
    midway = sum(one["while writing"] for one in found.values())
    kills = sum(one["kills"] for one in found.values())
    with capsys.disabled():
        print(
            f"\n{kills} kills of {len(NAMES)} writers, {midway} of them while a file "
            f"was half written: the file always whole (seed {seed})"
        )
    assert midway > kills // 10


def test_a_fit_that_is_killed_leaves_no_files(run_program: Any, tmp_path: Path) -> None:
    """A fit writes nothing that could be left half done."""
    found = run_program(do="kill_fit", folder=str(tmp_path))
    assert found == {"killed": True, "files": ["began"]}
