"""Geant4 as a process: start, progress, time limit, failures."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from skastro.gaps._geant4_data import make_environment

# Lines of Geant4's output that an error message shows.
_LAST_LINES = 25

_WORKER = Path(__file__).with_name("_geant4_worker.py")


def run_geant4(
    task: dict[str, np.ndarray],
    installed: dict[str, str],
    timeout: float | None,
    bar: Any,
) -> dict[str, np.ndarray]:
    """Run Geant4 on one species in a process of its own.

    Parameters
    ----------
    task : dict of str to ndarray
        What the worker takes.
    installed : dict
        Variables and folders of the official data sets; empty to do without.
    timeout : float or None
        Seconds after which the run is given up.
    bar : tqdm
        Progress bar that counts events.

    Returns
    -------
    dict of str to ndarray
        What the worker gives.

    Raises
    ------
    RuntimeError
        If the process fails; the message has the last lines that Geant4 printed.
    TimeoutError
        If it took too long.
    """
    with tempfile.TemporaryDirectory(prefix="skastro-geant4-") as name:
        folder = Path(name)
        np.savez(folder / "task.npz", **task)  # type: ignore[arg-type]
        environment = {**os.environ, **make_environment(folder, installed)}
        command = [sys.executable, "-P", str(_WORKER), "task.npz", "result.npz"]
        with (
            open(folder / "log", "wb") as log,
            subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as child,
        ):
            late = threading.Event()

            def give_up() -> None:
                late.set()
                child.kill()

            # Longer than a thread can wait is no limit.
            seconds = float("inf") if timeout is None else float(timeout)
            timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), give_up)
            if seconds < threading.TIMEOUT_MAX:
                timer.start()
            try:
                done = 0
                for line in child.stdout or []:
                    bar.update(int(line) - done)
                    done = int(line)
                code = child.wait()
            finally:
                timer.cancel()
                child.kill()
        if late.is_set():
            raise TimeoutError(
                f"Geant4 had transported {done} of {len(task['beta'])} events of "
                f"{task['particle']} when {timeout} s were over."
            )
        if code or not (folder / "result.npz").is_file():
            text = (folder / "log").read_text(errors="replace").splitlines()
            lines = [line for line in text if line.strip()][-_LAST_LINES:]
            if installed:
                lines.append(
                    'physics="data-free" does without the data sets '
                    f"{', '.join(installed.values())}"
                )
            raise RuntimeError(
                f"Geant4 ended with exit status {code} after {done} of "
                f"{len(task['beta'])} events. It printed last:\n" + "\n".join(lines)
            )
        with np.load(folder / "result.npz") as result:
            return dict(result)
