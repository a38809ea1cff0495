"""A pooch downloader that resumes, retries and never leaves half a file behind."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch

from skastro._version import __version__
from skastro.utils._progress import progress_bar

# What may go away by itself. 404 and 403 do not.
_RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
_MAX_WAIT = 60.0
_BLOCK = 1 << 16


class DownloadError(OSError):
    """A download that failed for good, with the reason."""


class _TryAgainError(Exception):
    """A failure that may go away; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class ResumingDownloader(pooch.HTTPDownloader):
    """Download over HTTP into a part file, and go on from there after a cut.

    Follows pooch's protocol, so it can be given to `pooch.retrieve`. Bytes are stored
    as they are sent: a ``.gz`` stays one even if the server labels it as an encoding.

    Parameters
    ----------
    part : Path
        Where the bytes collect; survives a failure. ``<part>.json`` beside it holds
        the URL and the server's version of the file, so that two versions are never
        glued together.
    known_hash : str, default=None
        SHA-256; a resumed file that does not match is fetched once more from the
        start.
    validate : callable, default=None
        Called with the finished part file; raises ValueError for wrong content.
    retries : int, default=3
        Attempts after the first without any progress.
    backoff : float, default=0.5
        Seconds before the second attempt; doubles each time.
    timeout : float, default=30
        Seconds without an answer before an attempt is given up.
    progressbar : bool, default=False
        Whether to show a tqdm bar.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skastro.utils._http import ResumingDownloader
    >>> ResumingDownloader(Path("table.csv"), retries=1).retries
    1
    """

    def __init__(
        self,
        part: Path,
        *,
        known_hash: str | None = None,
        validate: Callable[[Path], Any] | None = None,
        retries: int = 3,
        backoff: float = 0.5,
        timeout: float = 30.0,
        progressbar: bool = False,
    ) -> None:
        super().__init__(progressbar=progressbar, chunk_size=_BLOCK, timeout=timeout)
        self.part = part
        self.note = part.with_name(part.name + ".json")
        self.known_hash = known_hash
        self.validate = validate
        self.retries = retries
        self.backoff = backoff
        self.timeout = timeout

    def __call__(
        self, url: str, output_file: Any, pooch: Any, check_only: bool = False
    ) -> Any:
        """Download `url` and move it to `output_file` once it is complete.

        Parameters
        ----------
        url : str
            Address.
        output_file : path-like
            Where the finished file goes.
        pooch : object
            Not used; part of pooch's protocol.
        check_only : bool, default=False
            Only ask whether the file is there.

        Returns
        -------
        bool or None
            The answer if `check_only`.

        Raises
        ------
        DownloadError
            If it failed for good.
        ValueError
            If the hash is wrong or `validate` refuses the content.
        """
        if check_only:
            return super().__call__(url, output_file, pooch, check_only=True)
        resumed = self._collect(url)
        digest = self._digest()
        if resumed and digest != self.known_hash:
            self._forget()
            self._collect(url)
            digest = self._digest()
        # Before it gets another name: what is wrong is not kept, and a kill while a
        # large file is being read leaves it where the next call looks for it.
        if digest != self.known_hash:
            self._forget()
            raise ValueError(f"its sha256 is {digest}, expected {self.known_hash}.")
        try:
            if self.validate is not None:
                self.validate(self.part)
        except (OSError, ValueError) as error:
            self._forget()  # never resume from refused bytes
            raise ValueError(str(error)) from error
        os.replace(self.part, output_file)
        self.note.unlink(missing_ok=True)
        return None

    def _digest(self) -> str | None:
        """Give the hash of the part file, if one is known to compare it with."""
        if self.known_hash is None:
            return None
        digest: str = pooch.file_hash(str(self.part))
        return digest

    def _forget(self) -> None:
        """Drop what was collected."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _collect(self, url: str) -> bool:
        """Repeat attempts until the file is whole; tell whether any was resumed."""
        import requests
        import urllib3

        may_pass = (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.HTTPError,
            ConnectionError,
            TimeoutError,
            _TryAgainError,
        )
        failures, furthest, resumed = 0, -1, False
        while True:
            try:
                return self._attempt(url) or resumed
            except may_pass as error:
                size = self.part.stat().st_size if self.part.exists() else 0
                # A line that drops often still gets there if every attempt adds some.
                failures = 0 if size > furthest >= 0 else failures
                furthest = max(furthest, size)
                failures += 1
                if failures > self.retries:
                    raise DownloadError(_short(error)) from error
                wait = self.backoff * 2 ** (failures - 1)
                asked = getattr(error, "wait", 0.0)
                time.sleep(min(max(wait, asked), _MAX_WAIT))
                resumed = resumed or size > 0
            except requests.RequestException as error:
                raise DownloadError(_short(error)) from error

    def _attempt(self, url: str) -> bool:
        """Ask once, from where the part file ends; tell whether that worked."""
        import requests

        offset, version = self._resume_point(url)
        headers = {
            "Accept-Encoding": "identity",
            "User-Agent": f"skastro/{__version__} (pooch {pooch.__version__})",
        }
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if version:
                headers["If-Range"] = version
        with requests.get(
            url, headers=headers, stream=True, timeout=self.timeout
        ) as response:
            offset = self._check_answer(response, offset)
            length = response.headers.get("Content-Length", "")
            total = offset + int(length) if length.isdigit() else None
            version = response.headers.get("ETag") or response.headers.get(
                "Last-Modified"
            )
            if version and version.startswith("W/"):
                version = None  # a weak tag does not promise equal bytes
            if not offset:
                # A kill between the two lines below must not give the bytes of an
                # old version the name of the new one.
                self._forget()
            self.note.write_text(json.dumps({"url": url, "version": version}))
            self._store(response, offset, total)
        return offset > 0

    def _resume_point(self, url: str) -> tuple[int, str | None]:
        """Find out how much of the same file is there already."""
        try:
            note = json.loads(self.note.read_text())
            size = self.part.stat().st_size
        except (OSError, ValueError):
            note, size = {}, 0
        version = note.get("version") if isinstance(note, dict) else None
        same = isinstance(note, dict) and note.get("url") == url
        # Without a version or a hash nobody would notice that the file has changed.
        if not same or size == 0 or (version is None and self.known_hash is None):
            self._forget()
            return 0, None
        return size, version

    def _check_answer(self, response: Any, offset: int) -> int:
        """Look at status and range; tell from which byte on the body is."""
        status = response.status_code
        if status in _RETRY_STATUS:
            after = response.headers.get("Retry-After", "")
            raise _TryAgainError(
                f"the server answers {status} {response.reason}",
                wait=float(after) if after.isdigit() else 0.0,
            )
        if status == 416 and offset:
            self._forget()
            raise _TryAgainError("the server has a shorter file than before")
        if status == 206 and offset:
            sent = response.headers.get("Content-Range", "")
            if sent.startswith(f"bytes {offset}-"):
                return offset
            self._forget()
            raise _TryAgainError(f"the server sent another range ({sent!r})")
        if status == 200:
            return 0
        raise DownloadError(f"the server answers {status} {response.reason}")

    def _store(self, response: Any, offset: int, total: int | None) -> None:
        """Append the body to the part file and check its length."""
        bar = progress_bar(
            total=total,
            initial=offset,
            unit="B",
            unit_scale=True,
            desc=self.part.name,
            verbose=self.progressbar,
        )
        size = offset
        with bar, self.part.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            for block in response.raw.stream(_BLOCK, decode_content=False):
                file.write(block)
                size += len(block)
                bar.update(len(block))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        if size == 0 or (total is not None and size != total):
            raise _TryAgainError(
                f"the connection was cut after {size} of {total} bytes"
            )


def _short(error: Exception) -> str:
    """Say what went wrong without the nested objects that urllib3 prints."""
    text = str(error).split("Caused by ", 1)[-1]
    text = re.sub(r"<[^<>]* object at 0x[0-9a-f]+>:? ?", "", text)
    text = re.sub(r"HTTPS?Connection(Pool)?\([^()]*\):? ?", "", text)
    return f"{type(error).__name__.lstrip('_')}: {text}"
