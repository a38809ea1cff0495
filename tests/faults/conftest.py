"""The program that forks and kills, started once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def run_program() -> Iterator[Callable[..., Any]]:
    """Give what runs a task of kill_loop.py."""
    if os.name != "posix":
        pytest.skip("needs fork and signals")
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    # Its children reach the local server past any proxy.
    past = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("kill_loop.py"))],
        env={**os.environ, **one, **past},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask(**task: Any) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "the program ended"
            found = json.loads(answer)
            assert "failed" not in found, found["failed"]
            return found

        yield ask
        assert process.stdin is not None
        process.stdin.close()
