"""A web server for tests: files, and faults on demand."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalServer:
    """What is served, what went wrong on purpose, and what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | Callable[[str], bytes]] = {}
        # Per path, one fault for each of the next requests: an HTTP status,
        # ("cut", n) to close the connection after n bytes of the body, or "whole" to
        # ignore a Range.
        self.faults: dict[str, list[object]] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.etags = True
        self.base = ""

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    @property
    def ranges(self) -> list[str | None]:
        return [r for _, r in self.requests]


def _handler(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            path, _, query = self.path.lstrip("/").partition("?")
            wanted = self.headers.get("Range")
            server.requests.append((self.path.lstrip("/"), wanted))
            faults = server.faults.get(path, [])
            fault = faults.pop(0) if faults else None
            content = server.files.get(path)
            if isinstance(fault, int) or content is None:
                status = fault if isinstance(fault, int) else 404
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = content(query) if callable(content) else content
            tag = f'"{hashlib.md5(body).hexdigest()}"'
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            start = int(match[1]) if match and fault != "whole" else 0
            if self.headers.get("If-Range") not in (None, tag):
                start = 0
            if start >= len(body) > 0:
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                last = len(body) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(body)}")
            if server.etags:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            if isinstance(fault, tuple):
                self.wfile.write(body[start : start + fault[1]])
                self.close_connection = True
                return
            self.wfile.write(body[start:])

    return Handler


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """Serve on a free port of this machine until the block ends."""
    state = LocalServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.base = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield state
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
