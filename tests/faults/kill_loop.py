"""Forks children that write or download, and kills them at random moments.

A program of its own, with the imports done and one thread, so that forking is quick and
safe. One task a line comes as JSON on the standard input, one answer a line goes out.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def spawn(work: Callable[[], Any], errors: Path | None = None) -> int:
    """Start work in a child."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        if errors is not None:
            errors.write_text(f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


def kill(child: int) -> bool:
    """Kill a child, and tell whether it was still alive."""
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def listing(folder: Path) -> dict[str, int]:
    names = folder.rglob("*")
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in names}


def kill_writers(task: dict[str, Any]) -> dict[str, Any]:
    """Kill each writer so many times while it replaces a file.

    After each kill the file is whole, and what else is there has the documented name.
    The next writing removes it.
    """
    import writers

    draw = random.Random(task["seed"])
    found: dict[str, Any] = {}
    for name in task["names"]:
        folder = Path(task["folder"], name)
        folder.mkdir()
        writers.make(name, folder)  # the imports
        start = time.monotonic()
        path = writers.make(name, folder)
        seconds = time.monotonic() - start
        expected = path.read_bytes()
        assert listing(folder) == {name: len(expected)}
        midway = 0

        def again(name: str = name, folder: Path = folder) -> None:
            while True:
                writers.make(name, folder)

        for _ in range(task["kills"]):
            child = spawn(again)
            time.sleep(draw.uniform(0.0, 3 * seconds) + 0.002)
            assert kill(child), f"{name} failed by itself"
            assert writers.is_whole(path, expected), f"{name} is not whole"
            left = set(listing(folder)) - {name}
            midway += bool(left)
            odd = {x for x in left if not x.startswith(f".{name}.")}
            odd |= {x for x in left if not x.endswith(".unfinished")}
            assert not odd, odd
            # What was there before goes when the next one begins.
            assert len(left) <= 1, left
        writers.make(name, folder)
        assert set(listing(folder)) == {name}
        found[name] = {"kills": task["kills"], "while writing": midway}
    return found


def kill_downloads(task: dict[str, Any]) -> dict[str, Any]:
    """Kill a download at random moments until it is through, file after file."""
    from skastro.utils import fetch_file

    draw = random.Random(task["seed"])
    home, bodies = Path(task["folder"]), [Path(b).read_bytes() for b in task["bodies"]]
    kills = files = 0
    known = task.get("sha256")
    while kills < task["kills"]:
        files += 1
        path = home / f"{files}/data.bin"

        def fetch(name: str = f"{files}/data.bin") -> None:
            fetch_file(task["url"], name, data_home=home, known_hash=known)

        start = time.monotonic()
        barren = 0
        while True:
            child = spawn(fetch)
            if barren < 6 and kills < task["kills"]:
                # Every fourth kill goes by time, the others by what has come.
                if kills % 4 == 0:
                    time.sleep(draw.uniform(0.0, task["seconds"]))
                    ended, code = os.waitpid(child, os.WNOHANG)
                else:
                    ended, code = wait_for_bytes(child, path, len(bodies[0]), draw)
                if not ended:
                    assert kill(child)
                    kills += 1
                    barren += 1
                    check_download(path, bodies)
                    continue
            else:
                _, code = os.waitpid(child, 0)
            assert code == 0
            break
        assert time.monotonic() - start < 120
        assert path.read_bytes() in bodies
        fetch()  # finds it
        rest = set(listing(path.parent)) - {path.name, ".part", ".part/lock"}
        assert rest <= {f"{path.name}.sha256.json", f".part/{path.name}.json"}, rest
        if known is None:
            record = json.loads(Path(f"{path}.sha256.json").read_text())
            assert record["bytes"] == path.stat().st_size
    return {"kills": kills, "files": files}


def wait_for_bytes(
    child: int, path: Path, size: int, draw: random.Random
) -> tuple[int, int]:
    """Wait until a part of a random length is there, or the child has ended."""
    part = path.parent / ".part" / path.name
    first = part.stat().st_size if part.exists() else 0
    wanted = draw.uniform(first, size)
    while True:
        ended, code = os.waitpid(child, os.WNOHANG)
        # A new version begins anew, below what was there.
        if ended or (part.exists() and wanted <= part.stat().st_size):
            return ended, code
        time.sleep(0.0002)


def check_download(path: Path, bodies: list[bytes]) -> None:
    """See that the file is whole or not there, and its part a part of one version."""
    if path.exists():
        assert path.read_bytes() in bodies
    part = path.parent / ".part" / path.name
    if part.exists():
        content = part.read_bytes()
        assert any(body.startswith(content) for body in bodies)


def fetch_at_once(task: dict[str, Any]) -> dict[str, Any]:
    """Fetch the same files in several children, as another user where asked."""
    from skastro.utils import fetch_file

    def work() -> None:
        if task.get("user"):
            os.setgroups([])
            os.setgid(task["user"])
            os.setuid(task["user"])
        fetch_file(
            task["url"],
            task["name"],
            data_home=task["folder"],
            known_hash=task.get("sha256"),
            retries=0,
        )

    errors = [Path(task["errors"], f"{i}") for i in range(task["children"])]
    children = [spawn(work, path) for path in errors]
    codes = [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children]
    return {"codes": codes, "errors": [p.read_text() for p in errors if p.exists()]}


def start_fetch(task: dict[str, Any]) -> dict[str, Any]:
    """Fetch in a child that goes on meanwhile; `reap` ends it."""
    from skastro.utils import fetch_file

    name, home = task["name"], task["folder"]
    return {"child": spawn(lambda: fetch_file(task["url"], name, data_home=home))}


def reap(task: dict[str, Any]) -> dict[str, Any]:
    """Kill a child."""
    return {"killed": kill(task["child"])}


def kill_fit(task: dict[str, Any]) -> dict[str, Any]:
    """Kill a fit, and tell which files are left where it could have put some."""
    import numpy as np

    from skastro.neural_network import DenseClassifier

    folder = Path(task["folder"])

    def fit() -> None:
        os.chdir(folder)
        os.environ.update(TMPDIR=str(folder), HOME=str(folder))
        X, y = np.zeros((500, 20)), np.arange(500) % 2
        net = DenseClassifier(max_epochs=2).fit(X, y)
        (folder / "began").touch()
        net.set_params(max_epochs=10**6).fit(X, y)

    child = spawn(fit, folder / "error")
    while not any((folder / name).exists() for name in ("began", "error")):
        time.sleep(0.01)
    time.sleep(0.3)
    dead = kill(child)
    # torch makes an empty folder for what it compiles.
    files = [p.name for p in folder.rglob("*") if p.is_file()]
    return {"killed": dead, "files": sorted(files)}


def serve() -> None:
    """Answer until the standard input ends."""
    # Children would import these one by one, each again.
    import requests  # noqa: F401

    import skastro.utils  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = globals()[request["do"]](request)
        except Exception:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    serve()
    os._exit(0)
