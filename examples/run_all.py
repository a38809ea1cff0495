"""Run every script of the gallery, one after the other; ``make examples`` calls it.

Figures are drawn off-screen; a script that fails, or that warns where it should not,
makes the run fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run them and report."""
    scripts = sorted(HERE.glob("*/plot_*.py"))
    failed = []
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    for script in scripts:
        name = script.relative_to(HERE)
        print(f"\n=== {name}", flush=True)
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, script.name], cwd=script.parent, env=environment
        )
        print(f"--- {name}: {time.perf_counter() - start:.0f} s", flush=True)
        if done.returncode:
            failed.append(str(name))
    print(f"\n{len(scripts) - len(failed)} of {len(scripts)} scripts ran.")
    if failed:
        print("Failed:", ", ".join(failed))
    return 1 if failed or not scripts else 0


if __name__ == "__main__":
    sys.exit(main())
