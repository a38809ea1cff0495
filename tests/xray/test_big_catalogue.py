"""The whole of 4XMM-DR13, as long as it is, in chunks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "xray_catalogue.py"


@pytest.mark.stress
def test_all_rows_of_dr13_stay_below_the_limit() -> None:
    # The script itself fails above 4 GiB, or if a row is lost.
    command = [sys.executable, str(SCRIPT), "--dry", "--runs", "983948:study"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "983,948" in done.stdout
    assert "and classify, write CSV" in done.stdout


def test_a_small_one_goes_through_the_same_steps() -> None:
    command = [sys.executable, str(SCRIPT), "--dry", "--runs", "3000:study"]
    command += ["--chunk", "1000", "--fillers", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3,000") == 3
