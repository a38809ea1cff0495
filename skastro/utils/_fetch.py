"""Downloads into a cache folder: pinned, resumable, atomic, one process at a time."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pooch
from filelock import FileLock, Timeout

from skastro.utils._atomic import ADVICE
from skastro.utils._hash_record import (
    check_hash,
    record_hash,
    recorded_hash,
    sidecar,
)
from skastro.utils._http import DownloadError, ResumingDownloader

# Collects what is not finished; on the same file system, so that a move is atomic.
_WORK = ".part"
# Below that, where pooch puts what is whole before it gets its name.
_WHOLE = "whole"
# Seconds after which somebody who waits for another process is told so.
_PATIENCE = 10.0


def get_data_home(data_home: str | os.PathLike[str] | None = None) -> Path:
    """Give the folder that holds downloaded data; it is not created here.

    Parameters
    ----------
    data_home : path-like, default=None
        The folder itself. None takes the environment variable ``SKASTRO_DATA``, and
        the cache folder of the operating system where that is not set.

    Returns
    -------
    Path
        Absolute, with ``~`` expanded.

    Examples
    --------
    >>> from skastro.utils import get_data_home
    >>> get_data_home("sky").name
    'sky'
    """
    chosen = data_home or os.environ.get("SKASTRO_DATA") or pooch.os_cache("skastro")
    return Path(chosen).expanduser().absolute()


def fetch_file(
    url: str | Sequence[str],
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    known_hash: str | None = None,
    validate: Callable[[Path], Any] | None = None,
    download_if_missing: bool = True,
    retries: int = 3,
    backoff: float = 0.5,
    timeout: float = 30.0,
    verbose: int = 0,
) -> Path:
    """Give the path of a file, downloading it only where it is not there.

    The file appears under its name complete and checked, or not at all. A download
    that was cut goes on where it stopped, also in a later call. Processes that want
    files of one folder take turns, so that one downloads and the others find it; a
    process that is killed does not block the others. What is not finished lies in the
    folder ``.part`` beside the file, which may be deleted when nothing is downloading.

    Parameters
    ----------
    url : str or sequence of str
        Address, or several of the same file that are tried in turn.
    name : str
        Path below the data folder, with ``/``.
    data_home : path-like, default=None
        See `get_data_home`.
    known_hash : str, default=None
        Pinned SHA-256 as hexadecimal digits. None records the hash of the first
        download in ``<name>.sha256.json``; later the file must match that.
    validate : callable, default=None
        Called with the path before the file is accepted and, without a pinned hash,
        the first time that a file is met; raises ValueError for wrong content.
    download_if_missing : bool, default=True
        If False, nothing is downloaded.
    retries : int, default=3
        Attempts after the first that may fail without progress, for each URL.
    backoff : float, default=0.5
        Seconds before the second attempt; doubles each time.
    timeout : float, default=30
        Seconds without an answer before an attempt is given up.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file is missing and could not be downloaded, must not be, the folder
        cannot be written or the disk is full. The message has the URL and the steps to
        do by hand.
    ValueError
        If a hash or the content is wrong, or `url` or `name` is not acceptable.

    Examples
    --------
    >>> from skastro.utils import fetch_file
    >>> fetch_file("https://example.org/a.csv", "../a.csv")
    Traceback (most recent call last):
    ValueError: '../a.csv' is no plain path below the data folder.
    """
    urls = _check_urls(url)
    path = get_data_home(data_home) / _check_name(name)
    digest = check_hash(known_hash)
    found = path.is_file()
    if found and _is_good(path, digest, validate):
        return path
    problem = ""
    if found:
        problem = f"{path} has sha256 {pooch.file_hash(str(path))}, not {digest}. "
    if not download_if_missing:
        raise OSError(
            problem + _by_hand(urls, path, digest, "download_if_missing is False")
        )
    with _locked(path, urls, digest):
        # Another process may have been quicker while this one waited.
        if path.is_file() and _is_good(path, digest, validate):
            return path
        recorded = digest or recorded_hash(path)
        whole = path.parent / _WORK / _WHOLE
        reasons: list[str] = []
        refusal: ValueError | None = None
        for address in urls:
            downloader = ResumingDownloader(
                path.parent / _WORK / path.name,
                known_hash=recorded,
                validate=validate,
                retries=retries,
                backoff=backoff,
                timeout=timeout,
                progressbar=bool(verbose),
            )
            try:
                with _quiet_pooch():
                    pooch.retrieve(
                        address,
                        known_hash=recorded,
                        fname=path.name,
                        path=whole,
                        downloader=downloader,
                    )
                os.replace(whole / path.name, path)
                if digest is None:
                    record_hash(path, address)
                return path
            except DownloadError as error:
                reasons.append(f"{address}: {error}")
                continue
            except ValueError as error:
                refusal = refusal or ValueError(_refused(address, path, error, digest))
            except OSError as error:
                why = _not_stored(error, path)
                raise OSError(
                    error.errno or errno.EIO,
                    problem + _by_hand(urls, path, digest, why),
                ) from error
            finally:
                # Of a process that was killed, too: nobody else writes there now.
                shutil.rmtree(whole, ignore_errors=True)
    if refusal is not None:
        raise refusal
    raise OSError(problem + _by_hand(urls, path, digest, "\n  ".join(["", *reasons])))


def _is_good(
    path: Path, digest: str | None, validate: Callable[[Path], Any] | None
) -> bool:
    """Check a file that is there already."""
    if digest is not None:
        out: bool = pooch.file_hash(str(path)) == digest
        return out
    recorded = recorded_hash(path)
    if recorded is not None:
        actual = pooch.file_hash(str(path))
        if actual != recorded:
            raise ValueError(
                f"{path} has changed: its sha256 is {actual}, that of the first "
                f"download was {recorded}. Delete it to download it again, or delete "
                f"{sidecar(path)} to accept it."
            )
        return True
    if validate is not None:
        validate(path)
    with contextlib.suppress(OSError):  # a read-only folder keeps no record
        record_hash(path, None)
    return True


def _check_urls(url: str | Sequence[str]) -> list[str]:
    """Allow web addresses only."""
    urls = [url] if isinstance(url, str) else list(url)
    for address in urls:
        if not re.match(r"https?://[^/\s]+", address):
            raise ValueError(f"{address!r} is no http or https address.")
    if not urls:
        raise ValueError("At least one url is needed.")
    return urls


def _check_name(name: str) -> Path:
    """Refuse names that lead out of the data folder."""
    parts = PurePosixPath(name).parts
    odd = re.compile(r'[\\:*?"<>|\x00-\x1f]')
    bad = any(p in ("..", _WORK) or odd.search(p) for p in parts)
    # These names belong to the bookkeeping: locks, and records of hashes.
    ours = any(p.casefold() in (_WORK, _WHOLE, "lock") for p in parts)
    ours = ours or name.casefold().endswith(".sha256.json") or len(name) > 200
    if bad or ours or not parts or name.startswith("/"):
        raise ValueError(f"{name!r} is no plain path below the data folder.")
    return Path(*parts)


@contextlib.contextmanager
def _locked(path: Path, urls: list[str], digest: str | None) -> Iterator[None]:
    """Let one process at a time work in a folder; a dead one loses its lock."""
    work = path.parent / _WORK
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(work / "lock"))
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            warnings.warn(
                f"Another process is downloading into {path.parent}; waiting until it "
                "is done or dead.",
                stacklevel=4,
            )
            lock.acquire()
    except OSError as error:
        why = f"the folder cannot be written ({error}); choose another data_home"
        raise OSError(_by_hand(urls, path, digest, why)) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from printing a line for every file."""
    logger = pooch.get_logger()
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _by_hand(urls: list[str], path: Path, digest: str | None, why: str) -> str:
    """Explain how to get a file without us."""
    check = f"\n  3. Its sha256 must be {digest}." if digest else ""
    return (
        f"{path.name} is not in {path.parent} and was not downloaded from {urls[0]}: "
        f"{why}.\nBy hand:\n  1. Download {' or '.join(urls)} with a browser.\n"
        f"  2. Save it as {path}.{check}\n"
        "Or set SKASTRO_DATA (or data_home) to a folder that has it."
    )


def _not_stored(error: OSError, path: Path) -> str:
    """Explain that bytes came and could not be written."""
    advice = ADVICE.get(error.errno or errno.EIO, "choose another data_home")
    return (
        f"it could not be written there ({error.strerror or error}): {advice}. What "
        f"came is in {path.parent / _WORK}; the same call goes on from there"
    )


def _refused(url: str, path: Path, error: Exception, digest: str | None) -> str:
    """Explain a download that came whole but wrong."""
    hint = ""
    if digest is None and sidecar(path).is_file():
        hint = (
            f" The hash that was expected is of the first download; delete "
            f"{sidecar(path)} to accept what the server sends now."
        )
    return (
        f"What {url} sent is not the {path.name} that was expected and was thrown "
        f"away: {error}{hint}"
    )
