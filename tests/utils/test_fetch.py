"""Downloads against a server on this machine: faults, resuming, hashes, offline."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import socket
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from skastro.utils import fetch_file as real_fetch_file
from skastro.utils import get_data_home
from skastro.utils._fetch import _WORK
from skastro.utils._http import ResumingDownloader

# Large enough for several blocks of the downloader.
BODY = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()
NAME = "set/data.bin"

fetch_file = partial(real_fetch_file, backoff=0.001, timeout=5.0)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def leftovers(home: Path) -> set[str]:
    """Name everything below a folder except the lock."""
    found = {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()}
    return found - {f"set/{_WORK}/lock"}


def test_download_and_reuse(web, tmp_path):
    web.files["a"] = BODY
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path == tmp_path / NAME
    assert path.read_bytes() == BODY
    assert leftovers(tmp_path) == {NAME}
    assert path.stat().st_mode & 0o044 == 0o044  # readable like any other file
    fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA.upper())
    assert len(web.requests) == 1


def test_no_network_when_cached(tmp_path, no_network):
    (tmp_path / "set").mkdir()
    (tmp_path / NAME).write_bytes(BODY)
    for known in (SHA, None):
        path = fetch_file(
            "https://example.org/a", NAME, data_home=tmp_path, known_hash=known
        )
        assert path.read_bytes() == BODY


def test_cut_connection_resumes(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 100_000), ("cut", 100_000)]
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert path.read_bytes() == BODY
    first, second, third = web.ranges
    assert first is None
    assert second == "bytes=100000-"
    assert third == "bytes=200000-"


def test_cut_call_resumes_in_the_next_call(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 70_000)]
    with pytest.raises(OSError, match=r"cut|IncompleteRead"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=0)
    assert not (tmp_path / NAME).exists()
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert path.read_bytes() == BODY
    assert web.ranges == [None, "bytes=70000-"]


def test_many_cuts_with_progress_still_arrive(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 40_000)] * 7
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=1)
    assert path.read_bytes() == BODY


def test_cuts_without_progress_end(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 0)] * 50
    with pytest.raises(OSError, match="By hand"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=2)
    assert len(web.requests) == 3


def test_server_without_ranges_restarts(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 100_000), "whole"]
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY


def test_changed_file_is_not_glued(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 100_000)]
    with pytest.raises(OSError):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=0)
    web.files["a"] = BODY[::-1]
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert path.read_bytes() == BODY[::-1]


def test_without_version_or_hash_nothing_is_resumed(web, tmp_path):
    web.etags = False
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 100_000)]
    assert fetch_file(web.url("a"), NAME, data_home=tmp_path).read_bytes() == BODY
    assert web.ranges == [None, None]


def test_wrong_part_is_fetched_again(web, tmp_path):
    """A part file of other bytes: the hash notices, and the file comes afresh."""
    web.etags = False
    web.files["a"] = BODY
    work = tmp_path / "set" / _WORK
    work.mkdir(parents=True)
    (work / "data.bin").write_bytes(b"x" * 1000)
    note = {"url": web.url("a"), "version": None}
    (work / "data.bin.json").write_text(json.dumps(note))
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY
    assert web.ranges == ["bytes=1000-", None]


def test_too_long_part_restarts(web, tmp_path):
    web.files["a"] = BODY
    work = tmp_path / "set" / _WORK
    work.mkdir(parents=True)
    (work / "data.bin").write_bytes(BODY + b"x")
    note = {"url": web.url("a"), "version": None}
    (work / "data.bin.json").write_text(json.dumps(note))
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY


def test_wrong_hash_names_both_and_leaves_nothing(web, tmp_path):
    web.files["a"] = BODY + b"!"
    with pytest.raises(ValueError) as caught:
        fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    message = str(caught.value)
    assert SHA in message
    assert hashlib.sha256(BODY + b"!").hexdigest() in message
    assert web.url("a") in message
    assert leftovers(tmp_path) == set()


def test_wrong_hash_keeps_the_old_file(web, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / NAME).write_bytes(b"old")
    web.files["a"] = b"also wrong"
    with pytest.raises(ValueError, match="expected"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert (tmp_path / NAME).read_bytes() == b"old"
    web.files["a"] = BODY
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("status", [404, 403, 410])
def test_missing_file_is_final(web, tmp_path, status):
    web.faults["a"] = [status] * 9
    with pytest.raises(OSError, match=str(status)) as caught:
        fetch_file(web.url("a"), NAME, data_home=tmp_path, known_hash=SHA)
    message = str(caught.value)
    assert web.url("a") in message
    assert "By hand" in message
    assert str(tmp_path / NAME) in message
    assert SHA in message
    assert len(web.requests) == 1


def test_busy_server_is_asked_again(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [503, 500, 429]
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert path.read_bytes() == BODY
    assert len(web.requests) == 4


def test_server_that_stays_broken(web, tmp_path):
    web.faults["a"] = [500] * 9
    with pytest.raises(OSError, match="500"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, retries=2)
    assert len(web.requests) == 3


def test_mirrors_are_tried_in_turn(web, tmp_path):
    web.files.update(bad=b"wrong", good=BODY)
    urls = [web.url(n) for n in ("gone", "bad", "good")]
    path = fetch_file(urls, NAME, data_home=tmp_path, known_hash=SHA)
    assert path.read_bytes() == BODY
    assert [p for p, _ in web.requests] == ["gone", "bad", "good"]


def test_no_server(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/a"
    with pytest.raises(OSError, match="By hand") as caught:
        fetch_file(url, NAME, data_home=tmp_path, retries=1)
    assert url in str(caught.value)
    assert "object at 0x" not in str(caught.value)


def test_not_downloaded_on_demand(web, tmp_path):
    web.files["a"] = BODY
    with pytest.raises(OSError, match="download_if_missing is False") as caught:
        fetch_file(web.url("a"), NAME, data_home=tmp_path, download_if_missing=False)
    assert web.url("a") in str(caught.value)
    assert web.requests == []
    assert leftovers(tmp_path) == set()


def test_first_hash_is_recorded_and_compared(web, tmp_path):
    web.files["a"] = BODY
    path = fetch_file(web.url("a"), NAME, data_home=tmp_path)
    note = json.loads((tmp_path / (NAME + ".sha256.json")).read_text())
    assert note["sha256"] == SHA
    assert note["bytes"] == len(BODY)
    assert note["url"] == web.url("a")
    path.write_bytes(b"changed")
    with pytest.raises(ValueError, match="has changed") as caught:
        fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert SHA in str(caught.value)
    path.unlink()
    web.files["a"] = b"another rendering"
    with pytest.raises(ValueError, match="accept what the server sends now"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path)
    assert not path.exists()


def test_damaged_record(web, tmp_path):
    web.files["a"] = BODY
    fetch_file(web.url("a"), NAME, data_home=tmp_path)
    (tmp_path / (NAME + ".sha256.json")).write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path)


def test_content_is_validated_under_its_own_name(web, tmp_path):
    web.files["a"] = b"<html>please log in</html>"
    seen = []

    def validate(path):
        seen.append(path.name)
        if path.read_bytes().startswith(b"<"):
            raise ValueError(f"{path.name} is a web page")

    with pytest.raises(ValueError, match="is a web page"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, validate=validate)
    assert set(seen) == {"data.bin"}
    assert leftovers(tmp_path) == set()
    # A file that somebody put there is looked at as well.
    (tmp_path / NAME).write_bytes(b"<")
    with pytest.raises(ValueError, match="is a web page"):
        fetch_file(web.url("a"), NAME, data_home=tmp_path, validate=validate)


def test_folder_that_cannot_be_written(web, tmp_path):
    web.files["a"] = BODY
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(OSError, match=r"(?s)cannot be written.*another data_home"):
        fetch_file(web.url("a"), NAME, data_home=blocked)
    assert web.requests == []


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "a/../../x", "", "a\\..\\x", "c:x", "a\nb", "x\0", f"a/{_WORK}/b"],
)
def test_hostile_names(name, tmp_path):
    with pytest.raises(ValueError, match="no plain path"):
        fetch_file("https://example.org/a", name, data_home=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["file:///a", "ftp://h/a", "/a", "", "http://", "https:///a"]
)
def test_hostile_addresses(url, tmp_path):
    with pytest.raises(ValueError, match="no http or https"):
        fetch_file(url, NAME, data_home=tmp_path)


def test_malformed_hash(tmp_path):
    with pytest.raises(ValueError, match="no SHA-256"):
        fetch_file("https://h/a", NAME, data_home=tmp_path, known_hash="abc")


def test_folder_names_of_all_kinds(web, tmp_path):
    web.files["a"] = BODY
    home = tmp_path / "with space, ünïcode & 100%"
    path = fetch_file(web.url("a"), NAME, data_home=home, known_hash=f"sha256:{SHA}")
    assert path.read_bytes() == BODY


def test_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("SKASTRO_DATA", str(tmp_path))
    assert get_data_home() == tmp_path
    assert get_data_home(tmp_path / "x") == tmp_path / "x"
    assert get_data_home("~/x") == Path("~/x").expanduser()
    monkeypatch.delenv("SKASTRO_DATA")
    assert get_data_home().name == "skastro"
    monkeypatch.chdir(tmp_path)
    assert get_data_home("data") == tmp_path / "data"


def _fetch_in_process(url, home, out):
    path = real_fetch_file(url, NAME, data_home=home, known_hash=SHA, backoff=0.001)
    out.put(hashlib.sha256(path.read_bytes()).hexdigest())


def test_two_processes_at_once(web, tmp_path):
    web.files["a"] = BODY
    web.faults["a"] = [("cut", 90_000)]
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    arguments = (web.url("a"), str(tmp_path), out)
    workers = [
        context.Process(target=_fetch_in_process, args=arguments) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    results = [out.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert results == [SHA, SHA]
    # One downloads (twice, because of the cut), the other finds the file.
    assert len(web.requests) == 2
    assert leftovers(tmp_path) == {NAME}


def test_downloader_follows_poochs_protocol(web, tmp_path):
    import pooch

    web.files["a"] = BODY
    downloader = ResumingDownloader(tmp_path / "part")
    path = pooch.retrieve(web.url("a"), SHA, "x.bin", tmp_path, downloader=downloader)
    assert Path(path).read_bytes() == BODY
