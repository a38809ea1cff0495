"""Runs studies in children of its own that are killed at given moments.

A program of its own: it has the imports done, a single thread, and has never trained
anything, so that forking it is quick and safe, whatever the tests' process is doing.
One request a line comes as JSON on the standard input, one answer a line goes out.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

LOG = "SKASTRO_TEST_LOG"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class KillServer:
    """The client's side."""

    def __enter__(self) -> Self:
        one = ("OMP", "OPENBLAS", "MKL")
        threads = {f"{name}_NUM_THREADS": "1" for name in one}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **threads},
            text=True,
        )
        return self

    def __exit__(self, *details: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Run a job in a child; see `serve` for what can be asked."""
        self.send(**request)
        return self.receive()

    def send(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the kill server ended")
        found: dict[str, Any] = json.loads(answer)
        return found

    def result(self, **job: Any) -> dict[str, Any]:
        """Run a job to its end and give what it gave."""
        answer = self.ask(job=job)
        assert answer["status"] == 0, answer["errors"]
        found: dict[str, Any] = pickle.loads(Path(job["out"]).read_bytes())
        return {**found, "seconds": answer["seconds"]}


class Campaign:
    """Kills a study at random moments, and sees that nothing is lost or done twice.

    Parameters
    ----------
    server : KillServer
        Running.
    folder : Path
        For all files.
    stretch : float, default=1
        How much longer a study takes than one without workers.
    **job : dict
        See `study_jobs.run_job`.
    """

    def __init__(
        self, server: KillServer, folder: Path, stretch: float = 1, **job: Any
    ) -> None:
        self.server, self.folder, self.job = server, folder, job
        folder.mkdir()
        self.kills = self.studies = self.starts = 0
        # Kills while a file was written: on purpose, and by chance.
        self.aimed = self.by_chance = 0
        reference = self._files("reference")
        # Another number of jobs must not make a difference, and one tells the order.
        alone = {**job, "engine": _alone(job.get("engine", "sequential"))}
        self.truth = server.result(**reference, **alone)
        seeds = Path(reference["log"]).read_text().split()
        names = sorted(p.name for p in Path(reference["folder"]).glob("*.npz"))
        assert len(seeds) == len(set(seeds)) == len(names)
        self.longest = 0.4 * stretch * self.truth["seconds"]
        self.seed_of = dict(zip(names, seeds, strict=True))

    def _files(self, name: str) -> dict[str, str]:
        ends = {"folder": "", "log": ".log", "out": ".out"}
        return {key: f"{self.folder / name}{end}" for key, end in ends.items()}

    def run(self, n_kills: int, seed: int) -> None:
        """Kill until there were so many kills, study after study; finish the last."""
        draw = random.Random(seed)
        while self.kills < n_kills:
            self.studies += 1
            moments: list[float] = []
            try:
                self._run_study(n_kills, draw, moments)
            except AssertionError as error:
                error.add_note(f"seed {seed}, {self.job}, killed after {moments} s")
                raise

    def _run_study(
        self, n_kills: int, draw: random.Random, moments: list[float]
    ) -> None:
        files = self._files(f"study_{self.studies}")
        log, known, barren = Path(files["log"]), set[str](), 0
        started: list[str] = []
        log.touch()
        while True:
            request: dict[str, Any] = {"job": {**self.job, **files}}
            if self.kills < n_kills:
                # Longer where a slow machine gets nothing done meanwhile.
                moments.append(draw.uniform(0, self.longest * 2 ** (barren // 4)))
                request["kill_after"] = moments[-1]
                # Every other kill waits from there for the next writing to begin.
                request["in_writing"] = draw.random() < 0.5
            answer = self.server.ask(**request)
            # What cannot be read is run again, with a warning: that must not be needed.
            assert "run again" not in answer["errors"], answer["errors"]
            text = log.read_text()
            assert not text or text.endswith("\n")
            new = text.split()[len(started) :]
            started += new
            assert len(new) == len(set(new)), "a repeat ran twice at a time"
            again = [name for name in known if self.seed_of[name] in new]
            assert not again, f"finished repeats ran again: {again}"
            finished = {name for name in answer["files"] if name.endswith(".npz")}
            assert known <= finished, f"lost: {known - finished}"
            barren = 0 if finished - known else barren + 1
            known = finished
            if not answer["killed"]:
                break
            self.kills += 1
            if any(f.endswith(".unfinished") for f in answer["files"]):
                self.aimed += request["in_writing"]
                self.by_chance += not request["in_writing"]
        assert answer["status"] == 0, answer["errors"]
        assert answer["files"] == sorted([*self.seed_of, "study.json", "study.lock"])
        assert set(started) == set(self.seed_of.values())
        self.starts += len(started)
        found = pickle.loads(Path(files["out"]).read_bytes())
        assert differences(found, self.truth) == []


def _alone(engine: str) -> str:
    return "sequential" if engine == "processes" else engine


def differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    """Name what is not the same bit for bit."""
    if isinstance(wanted, dict):
        return [
            text
            for key in wanted
            if key != "seconds"
            for text in differences(found[key], wanted[key], f"{name}.{key}")
        ]
    same = found.shape == wanted.shape and found.tobytes() == wanted.tobytes()
    return [] if same and found.dtype == wanted.dtype else [name]


def log_start(seed: int) -> None:
    """Write down that a training starts: one line, whole even if a kill follows."""
    descriptor = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{seed}\n".encode())
    os.close(descriptor)


def serve() -> None:
    """Answer requests until the standard input ends.

    ``job`` says what to run, see `run_job`. Its child is killed after ``kill_after``
    seconds, with ``in_writing`` as soon as it then writes, or when the file
    ``kill_at`` is there, or never. ``spare`` leaves the child's own children alive,
    until ``clear`` gives their group.
    """
    import study_jobs

    # Orphans come to this process, which can see when they are gone (Linux).
    _control(_PR_SET_CHILD_SUBREAPER, 1)
    for line in sys.stdin:
        request = json.loads(line)
        if "clear" in request:
            _clear(request["clear"])
            print("{}", flush=True)
            continue
        job = request["job"]
        if job.get("engine") == "stacked":
            # What torch imports with its first optimiser: seconds, for every child.
            import torch._dynamo  # noqa: F401
        errors = Path(job["log"]).with_suffix(".err")
        start = time.monotonic()
        child = os.fork()
        if not child:
            _be_child(study_jobs.run_job, job, errors)
        limit = start + request.get("kill_after", float("inf"))
        status = _wait(child, limit, request.get("kill_at"))
        if status is None and request.get("in_writing"):
            status = _wait_for_writing(child, Path(job["folder"]))
        seconds = time.monotonic() - start
        killed = status is None
        if killed:
            os.kill(child, signal.SIGKILL)
            _, code = os.waitpid(child, 0)
            status = os.waitstatus_to_exitcode(code)
        if not request.get("spare"):
            _clear(child)
        folder = Path(job["folder"])
        answer = {
            "killed": killed and status == -signal.SIGKILL,
            "status": status,
            "seconds": seconds,
            "files": sorted(p.name for p in folder.iterdir())
            if folder.is_dir()
            else [],
            "errors": errors.read_text() if errors.exists() else "",
            "group": child,
        }
        print(json.dumps(answer), flush=True)


def _control(option: int, value: int) -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _be_child(run: Any, job: dict[str, Any], errors: Path) -> None:
    os.setsid()
    _control(_PR_SET_PDEATHSIG, signal.SIGKILL)  # not to outlive the tests
    out = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ[LOG] = job["log"]
    code = 1
    try:
        run(job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, limit: float, sign: str | None) -> int | None:
    """Give the exit status of a child, or None when it is to be killed."""
    if limit == float("inf") and sign is None:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    while True:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(code)
        left = limit - time.monotonic()
        if left <= 0 or (sign is not None and os.path.exists(sign)):
            return None
        time.sleep(min(left, 0.002))


def _wait_for_writing(child: int, folder: Path) -> int | None:
    """Give the exit status of a child, or None when it begins to write a file."""
    while True:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(code)
        with suppress(FileNotFoundError):
            if any(entry.name.endswith(".unfinished") for entry in os.scandir(folder)):
                return None
        time.sleep(0.0001)


def _clear(group: int) -> None:
    """End the workers of a child, and wait until they are gone.

    SIGTERM ends them but not the trackers beside them, which remove what a dead process
    has left in the memory and then end themselves.
    """
    limit = time.monotonic() + 10
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < limit:
            with suppress(ChildProcessError):
                os.waitpid(-group, os.WNOHANG)
            os.killpg(group, 0)  # fails when nobody is left
            time.sleep(0.002)
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    serve()
    os._exit(0)  # there is nothing to tidy up, which takes torch seconds
