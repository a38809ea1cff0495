"""Geant4 as a process: start, progress, time limit, failures."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skastro.gaps._geant4_data import make_environment
from skastro.gaps._geant4_worker import NOT_WRITTEN

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
    OSError
        If the folder for temporary files cannot be written or is full.
    """
    with _folder() as folder:
        try:
            np.savez(folder / "task.npz", **task)  # type: ignore[arg-type]
            environment = {**os.environ, **make_environment(folder, installed)}
        except (OSError, ValueError) as error:
            # NumPy closes a file that it could not write with a ValueError.
            cause = error if isinstance(error, OSError) else error.__context__
            raise _not_written(folder, cause) from error
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
        if code == NOT_WRITTEN:
            raise _not_written(folder, None)
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
        with np.load(folder / "result.npz", allow_pickle=False) as result:
            return dict(result)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that is removed at the end."""
    try:
        made = tempfile.TemporaryDirectory(prefix="skastro-geant4-")
    except OSError as error:
        raise _not_written(Path(tempfile.gettempdir()), error) from error
    with made as name:
        yield Path(name)


def _not_written(folder: Path, cause: BaseException | None) -> OSError:
    """Explain that the folder for temporary files is full or read-only."""
    number = getattr(cause, "errno", None) or errno.ENOSPC
    return OSError(
        number,
        f"Geant4's files could not be written to {folder} ({os.strerror(number)}). "
        "Make room there, or set TMPDIR to a folder on another disk",
    )
