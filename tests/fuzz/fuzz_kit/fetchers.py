"""Fetchers against a server that sends what no server should."""

from __future__ import annotations

import functools
import os
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from hypothesis import note
from hypothesis import strategies as st

from fuzz_kit.files import valid
from fuzz_kit.mutate import damaged
from fuzz_kit.target import Target
from skastro import datasets
from skastro.utils import fetch_file, get_data_home

_ERRORS = (ValueError, OSError)


class _Server(socketserver.ThreadingTCPServer):
    """Sends the same bytes to whoever asks for anything."""

    daemon_threads = True
    allow_reuse_address = True
    reply = b""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(5)
        try:
            got = b""
            while b"\r\n\r\n" not in got:
                block = self.request.recv(4096)
                if not block:
                    return
                got += block
            self.request.sendall(self.server.reply)  # type: ignore[attr-defined]
        except OSError:
            return


@functools.cache
def _server() -> _Server:
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


_HEADERS = (
    b'ETag: "a"',
    b"Content-Disposition: attachment; filename=../../escaped",
    b"Content-Location: /etc/passwd",
    b"Content-Encoding: gzip",
    b"Content-Range: bytes 5-9/10",
    b"Last-Modified: \xff\xfe",
    b"Set-Cookie: a=../../b",
    b"Retry-After: \xb2",
    b"Retry-After: 99999999",
    b"X: " + b"y" * 4000,
)


@st.composite
def replies(draw: st.DrawFn, body: bytes, base: str) -> bytes:
    """Draw a whole HTTP answer."""
    status = draw(
        st.sampled_from((200, 200, 200, 200, 206, 302, 304, 403, 416, 500, 503, 999))
    )
    lengths: tuple[Any, ...] = (
        len(body),
        len(body),
        len(body),
        len(body) + 7,
        max(len(body) - 7, 0),
        0,
        -5,
        "x",
        "\xb2",
        10**30,
        None,
    )
    length = draw(st.sampled_from(lengths))
    lines = [b"HTTP/1.1 %d Whatever" % status, b"Connection: close"]
    if length is not None:
        lines.append(f"Content-Length: {length}".encode("latin-1"))
    if status == 302:
        places = (base + "/again", "file:///etc/passwd", "//", "ftp://x/", "http://[")
        lines.append(b"Location: " + draw(st.sampled_from(places)).encode())
    lines += draw(st.lists(st.sampled_from(_HEADERS), max_size=2))
    if draw(st.integers(0, 12)) == 0:
        lines.append(b"Transfer-Encoding: chunked")
    if draw(st.integers(0, 30)) == 0:
        return body  # no HTTP at all
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _quick() -> Any:
    """Do not wait between attempts."""
    return mock.patch("skastro.utils._http.time.sleep")


def _local() -> Any:
    """Go past any proxy."""
    return mock.patch.dict(
        os.environ, {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    )


def fetcher(
    name: str,
    fetch: Callable[..., Any],
    kind: str,
    short: int = 6,
    long: int = 150,
) -> Target:
    """Make the target of a fetcher: ``fetch(base, home)``."""

    def case(draw: Callable[[Any], Any], folder: Path) -> None:
        server = _server()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        body = draw(damaged(valid(kind)))
        if draw(st.integers(0, 9)) == 0:
            body = b"<!DOCTYPE html><html>log in</html>"
        server.reply = draw(replies(body, base))
        note(f"{name}: {server.reply[:1500]!r}")
        home = folder / "home"
        for left in sorted(home.rglob("*"), reverse=True):
            left.unlink() if left.is_file() else left.rmdir()
        before = set(os.listdir(folder)) | {"home"}
        try:
            with _quick(), _local():
                fetch(base, home)
        finally:
            assert set(os.listdir(folder)) <= before, "a file outside of the folder"
            assert not os.path.exists("escaped")

    return Target(name, (f"datasets.{name}",), case, short, long, _ERRORS)


_NAMES = (
    "a.csv",
    "b/c.csv",
    "../a.csv",
    "/etc/passwd",
    "a/../../b",
    ".",
    "",
    "~",
    "~root/x",
    "a\nb",
    "a\0b",
    "é ü.csv",
    "x" * 300,
    ".part",
    ".PART/x",
    "lock",
    "a.sha256.json",
    "con:",
    "$(touch escaped)",
    "; rm -rf x",
    "a\\..\\b",
    "a//b",
    "a/./b",
    "-rf",
    " ",
    "a ",
)
_URLS = (
    "file:///etc/passwd",
    "",
    "http://",
    "ftp://a/b",
    "http:// /a",
    "http://[::1/a",
)


def _any_file(draw: Callable[[Any], Any], folder: Path) -> None:
    """Fetch one file under a hostile name."""
    server = _server()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    body = draw(st.binary(max_size=40))
    server.reply = draw(replies(body, base))
    given = draw(st.sampled_from(_NAMES))
    url = base + "/x" if draw(st.integers(0, 9)) else draw(st.sampled_from(_URLS))
    known = draw(st.sampled_from((None, None, "0" * 64, "x", "sha256:" + "a" * 64)))
    home = folder / "home"
    for left in sorted(home.rglob("*"), reverse=True):
        left.unlink() if left.is_file() else left.rmdir()
    note(f"fetch_file {given!r} {url!r} {known} {server.reply!r:.800}")
    path = None
    try:
        with _quick(), _local():
            path = fetch_file(
                url, given, data_home=home, known_hash=known, retries=1, timeout=5
            )
    finally:
        assert set(os.listdir(folder)) <= {"home"}, "a file outside of the folder"
        done = [p for p in home.rglob("*") if p.is_file() and ".part" not in p.parts]
        if path is None:
            assert not done, f"refused, and yet there: {done}"
        else:
            assert path.is_file()
            assert home in path.parents
            assert path.read_bytes() in server.reply


def _home(draw: Callable[[Any], Any], folder: Path) -> None:
    name = draw(st.sampled_from(_NAMES))
    assert get_data_home(folder / name).is_absolute()
    assert get_data_home(name).is_absolute()


def _zoo_table(n: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "objid": 587727178986356823 + pd.RangeIndex(n).to_numpy(),
            "ra": [1.0, 2.0, 3.0][:n],
            "dec": [1.0, 2.0, 3.0][:n],
            "spiral": [True, False, False][:n],
            "elliptical": [False, True, False][:n],
            "uncertain": [False, False, True][:n],
        }
    )


_D = datasets

FETCHERS = [
    Target("fetch_file", ("utils.fetch_file",), _any_file, 10, 1500, _ERRORS),
    Target("get_data_home", ("utils.get_data_home",), _home, 10, 500, _ERRORS),
    fetcher(
        "fetch_4xmm_dr13",
        lambda base, home: _D.fetch_4xmm_dr13(url=base + "/a.fits.gz", data_home=home),
        "4xmm",
    ),
    fetcher(
        "fetch_csc_training",
        lambda base, home: _D.fetch_csc_training(url=base + "/a.csv", data_home=home),
        "csc",
    ),
    fetcher(
        "fetch_lin2024_subset",
        lambda base, home: _D.fetch_lin2024_subset(url=base + "/a.csv", data_home=home),
        "lin2024",
    ),
    fetcher(
        "fetch_fashion_mnist",
        lambda base, home: _D.fetch_fashion_mnist(url=base, data_home=home),
        "idx",
    ),
    fetcher(
        "fetch_galaxy_zoo1_table",
        lambda base, home: _D.fetch_galaxy_zoo1_table(url=base + "/t", data_home=home),
        "zoo",
    ),
    fetcher(
        "fetch_galaxy_zoo1_cutouts",
        lambda base, home: _D.fetch_galaxy_zoo1_cutouts(
            1, table=_zoo_table(), url=base, data_home=home, delay=0.0
        ),
        "jpeg",
    ),
    fetcher(
        "fetch_sdss_frames",
        lambda base, home: _D.fetch_sdss_frames(
            94, 3, 12, "g", release=7, url=base, data_home=home
        ),
        "frame",
    ),
]
