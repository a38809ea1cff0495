"""Fuzz tests: where their parts are, and the number of cases at the end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

# Parts of the tests, no tests.
collect_ignore = ["fuzz_kit"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many cases ran in this process."""
    target = sys.modules.get("fuzz_kit.target")
    if target is not None and target.CASES:
        n, refused = sum(target.CASES.values()), sum(target.REFUSED.values())
        terminalreporter.write_line(
            f"fuzz: {n:,} cases of {len(target.CASES)} targets, {refused:,} refused "
            f"with a documented exception, seed {target.SEED}"
        )
