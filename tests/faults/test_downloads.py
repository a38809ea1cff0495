"""Downloads: killed, several at once, into full and read-only folders."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skastro.utils import fetch_file as real_fetch_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
BODY = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()
NAME = "set/data.bin"
fetch_file = partial(real_fetch_file, backoff=0.001, timeout=5.0)


def names(folder: Path) -> set[str]:
    found = folder.rglob("*")
    return {p.relative_to(folder).as_posix() for p in found if p.is_file()}


# --- kill -9 -----------------------------------------------------------------------


def kill_downloads(
    run_program: Any, web: Any, folder: Path, kills: int, seed: int, **more: Any
) -> Any:
    """Kill downloads of 8 MB, whose version changes now and then on the server."""
    bodies = [np.random.default_rng(i).bytes(8_000_000) for i in range(2)]
    paths = []
    for number, body in enumerate(bodies):
        path = folder / f"body_{number}"
        path.write_bytes(body)
        paths.append(str(path))
    asked = 0

    def serve(_: str) -> bytes:
        nonlocal asked
        asked += 1
        return bodies[0] if "sha256" in more else bodies[asked // 4 % 2]

    web.files["a"] = serve
    (folder / "home").mkdir()
    found = run_program(
        do="kill_downloads",
        url=web.url("a"),
        folder=str(folder / "home"),
        bodies=paths,
        kills=kills,
        seconds=0.05,
        seed=seed,
        **{k: hashlib.sha256(bodies[0]).hexdigest() for k in more},
    )
    assert found["kills"] == kills
    return {**found, "resumed": sum(r is not None for r in web.ranges)}


def test_a_few_kills_of_downloads(run_program: Any, web: Any, tmp_path: Path) -> None:
    found = kill_downloads(run_program, web, tmp_path, 12, secrets.randbits(32))
    assert found["resumed"] > 0


@pytest.mark.stress
@pytest.mark.parametrize("pinned", [True, False])
def test_many_kills_of_downloads(
    run_program: Any,
    web: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    pinned: bool,
) -> None:
    seed = int(os.environ.get("SKASTRO_FAULT_SEED", secrets.randbits(32)))
    more = {"sha256": None} if pinned else {}
    found = kill_downloads(run_program, web, tmp_path, 300, seed, **more)
    with capsys.disabled():
        print(
            f"\n{found['kills']} kills of downloads of {found['files']} files, "
            f"{'with' if pinned else 'without'} a pinned hash: {found['resumed']} "
            f"resumed, every file whole and of one version (seed {seed})"
        )
    assert found["resumed"] > 100


def test_a_kill_between_note_and_bytes(web: Any, tmp_path: Path) -> None:
    """A new version's name is never given to the bytes of the old one."""
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 100_000)]
    with pytest.raises(OSError):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=0)
    web.files["a"] = BODY[::-1]

    class Killed(BaseException):
        pass

    def die(*args: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skastro.utils._http.ResumingDownloader._store", die)
        with pytest.raises(Killed):
            fetch_file(web.url("a"), NAME, data_home=tmp_path)
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert path.read_bytes() == BODY[::-1]


def test_what_killed_processes_left_is_removed(web: Any, tmp_path: Path) -> None:
    web.files["a"] = BODY
    whole = tmp_path / "set" / ".part" / "whole"
    whole.mkdir(parents=True)
    (whole / "tmpabc").write_bytes(b"half")
    (whole / "data.bin").write_bytes(b"not what was asked for")
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY
    assert names(tmp_path) == {NAME, "set/.part/lock"}


# --- several at once ---------------------------------------------------------------


@pytest.mark.parametrize("children", [2, 4])
def test_processes_that_fetch_the_same_file(
    run_program: Any, web: Any, tmp_path: Path, children: int
) -> None:
    web.files["a"] = BODY
    for folder in ("home", "errors"):
        (tmp_path / folder).mkdir()
    found = run_program(
        do="fetch_at_once",
        url=web.url("a"),
        name=NAME,
        folder=str(tmp_path / "home"),
        errors=str(tmp_path / "errors"),
        children=children,
    )
    assert found == {"codes": [0] * children, "errors": []}
    # One of them downloaded.
    assert len(web.requests) == 1
    assert (tmp_path / "home" / NAME).read_bytes() == BODY
    left = {NAME, f"{NAME}.sha256.json", "set/.part/lock"}
    assert names(tmp_path / "home") == left


def test_a_killed_holder_of_the_lock_blocks_nobody(
    run_program: Any, web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits is told so, and goes on as soon as the other is dead."""
    first, end = threading.Event(), threading.Event()

    def serve(_: str) -> bytes:
        if not first.is_set():
            first.set()
            end.wait(60)
        return BODY

    web.files["a"] = serve
    monkeypatch.setattr("skastro.utils._fetch._PATIENCE", 0.05)
    task = {"url": web.url("a"), "name": NAME, "folder": str(tmp_path)}
    holder = run_program(do="start_fetch", **task)["child"]
    try:
        assert first.wait(60)
        timer = threading.Timer(0.3, os.kill, (holder, signal.SIGKILL))
        timer.start()
        with pytest.warns(UserWarning, match="Another process is downloading"):
            path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    finally:
        end.set()
        assert run_program(do="reap", child=holder)["killed"]
    assert path.read_bytes() == BODY
    assert len(web.requests) == 2


# --- no room -----------------------------------------------------------------------


@contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("known", [SHA, None])
def test_a_full_disk_keeps_what_came(
    web: Any, tmp_path: Path, known: str | None
) -> None:
    web.files["a"] = BODY
    settings = {"data_home": tmp_path, "known_hash": known}
    with file_size_limit(130_000), pytest.raises(OSError) as caught:
        fetch_file(web.url("a"), NAME, **settings)
    message = str(caught.value)
    assert caught.value.errno == errno.EFBIG
    for part in (web.url("a"), str(tmp_path / NAME), "goes on from there", "By hand"):
        assert part in message
    assert len(web.requests) == 1  # nothing to be gained by asking again
    part = tmp_path / "set" / ".part" / "data.bin"
    assert BODY.startswith(part.read_bytes())
    assert not (tmp_path / NAME).exists()
    path = fetch_file(web.url("a"), NAME, **settings)
    assert path.read_bytes() == BODY
    assert web.ranges[1] == f"bytes={130_000}-"


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_full_disk_keeps_an_old_file(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    web.files["a"] = BODY
    (tmp_path / "set").mkdir()
    (tmp_path / NAME).write_bytes(b"old")
    real = getattr(os, step)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match=r"(?s)No space left.*make room") as caught:
        fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / NAME).read_bytes() == b"old"
    monkeypatch.setattr(os, step, real)
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY
    assert names(tmp_path) == {NAME, "set/.part/lock"}


# --- read-only ---------------------------------------------------------------------

NOBODY = 65534


@pytest.fixture
def read_only(web: Any) -> Iterator[Path]:
    """A cache of somebody else, with one file that has a hash and one that has none."""
    web.files["a"] = BODY
    # Not below pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        home = folder / "home"
        fetch_file(web.url("a"), NAME, data_home=home)
        (home / "set" / "bare.bin").write_bytes(BODY)
        (folder / "errors").mkdir()
        (folder / "errors").chmod(0o777)
        for path in [home, *home.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        web.requests.clear()
        yield folder
        for path in [home, *home.rglob("*")]:
            path.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "known", "code"),
    [
        (NAME, None, 0),
        (NAME, SHA, 0),
        ("set/bare.bin", None, 0),
        ("set/bare.bin", SHA, 0),
        ("set/new.bin", SHA, 1),
        ("other/new.bin", None, 1),
        (NAME, "0" * 64, 1),
    ],
)
def test_a_read_only_cache(
    run_program: Any, web: Any, read_only: Path, name: str, known: str | None, code: int
) -> None:
    home = read_only / "home"
    before = names(home)
    found = run_program(
        do="fetch_at_once",
        url=web.url("a"),
        name=name,
        folder=str(home),
        errors=str(read_only / "errors"),
        children=1,
        sha256=known,
        user=NOBODY if os.geteuid() == 0 else None,
    )
    assert found["codes"] == [code], found
    assert names(home) == before
    assert web.requests == []
    if code:
        message = found["errors"][0]
        for part in ("cannot be written", "data_home", web.url("a"), str(home / name)):
            assert part in message


# --- clocks ------------------------------------------------------------------------


class BadClock:
    """A clock that jumps by years, forwards and back, each time that it is read."""

    def __init__(self) -> None:
        self.real, self.calls = time.time, 0

    def __call__(self) -> float:
        self.calls += 1
        return self.real() + (3e9 if self.calls % 2 else -1.6e9)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the library asked to sleep, and a clock that is of no use."""
    waits: list[float] = []
    monkeypatch.setattr(time, "time", BadClock())
    monkeypatch.setattr("skastro.utils._http.time.sleep", waits.append)
    return waits


@pytest.mark.parametrize(
    "after",
    [
        None,
        "2",
        "99999999999",
        "-5",
        "Fri, 31 Dec 2099 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ],
)
def test_no_clock_makes_a_download_wait(
    web: Any, tmp_path: Path, slept: list[float], after: str | None
) -> None:
    import requests

    class Busy(requests.Response):
        def __init__(self) -> None:
            super().__init__()
            self.status_code, self.reason = 503, "Busy"
            self.raw = open(os.devnull, "rb")  # noqa: SIM115
            if after is not None:
                self.headers["Retry-After"] = after
                self.headers["Date"] = "Thu, 01 Jan 1970 00:00:00 GMT"

    web.files["a"] = BODY
    real, busy = requests.get, [Busy(), Busy()]

    def get(*args: Any, **kwargs: Any) -> Any:
        return busy.pop() if busy else real(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "get", get)
        path = fetch_file(web.url("a"), NAME, data_home=tmp_path, verbose=1)
    assert path.read_bytes() == BODY
    assert len(slept) == 2
    assert all(0 <= wait <= 60 for wait in slept)


@pytest.mark.parametrize("moment", [0.0, 1.0, 4e9])
def test_no_date_of_a_file_decides(
    web: Any, tmp_path: Path, slept: list[float], moment: float
) -> None:
    """A cached file is right by its hash, wherever its dates are."""
    web.files["a"] = BODY
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    for file in [p for p in tmp_path.rglob("*") if p.is_file()]:
        os.utime(file, (moment, moment))
    fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert len(web.requests) == 1
    stamp = path.stat()
    path.write_bytes(b"x" + BODY[1:])
    os.utime(path, (stamp.st_atime, stamp.st_mtime))  # same size, same date
    with pytest.raises(ValueError, match="has changed"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path)


def test_a_part_of_the_future_is_resumed(
    web: Any, tmp_path: Path, slept: list[float]
) -> None:
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 70_000)]
    with pytest.raises(OSError):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=0)
    for file in (tmp_path / "set" / ".part").iterdir():
        os.utime(file, (4e9, 4e9))
    assert fetch_file(web.url("a"), NAME, data_home=tmp_path).read_bytes() == BODY
    assert web.ranges == [None, "bytes=70000-"]


def test_a_record_of_an_odd_clock(web: Any, tmp_path: Path, slept: list[float]) -> None:
    web.files["a"] = BODY
    fetch_file(web.url("a"), NAME, data_home=tmp_path)
    record = json.loads((tmp_path / f"{NAME}.sha256.json").read_text())
    assert record["sha256"] == SHA


def test_no_source_goes_by_the_wall_clock() -> None:
    """Waits go by the monotonic clock, and no decision by a date."""
    import ast

    import skastro

    for path in sorted(Path(skastro.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                owner = getattr(node.value, "id", "")
                assert (owner, node.attr) != ("time", "time"), path
                assert (owner, node.attr) != ("datetime", "now"), path
                assert node.attr not in ("st_mtime", "st_ctime", "getmtime"), path
