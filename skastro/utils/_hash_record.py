"""First-seen hashes of downloads that nobody publishes a hash of."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pooch

from skastro.utils._atomic import replacing


def check_hash(known_hash: str | None) -> str | None:
    """Normalise a SHA-256."""
    if known_hash is None:
        return None
    digest = str(known_hash).lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"{known_hash!r} is no SHA-256 in hexadecimal digits.")
    return digest


def sidecar(path: Path) -> Path:
    """Name the file that holds the first hash."""
    return path.with_name(path.name + ".sha256.json")


def recorded_hash(path: Path) -> str | None:
    """Read the hash of the first download, if there was one."""
    try:
        note = json.loads(sidecar(path).read_text(encoding="utf-8"))
        return check_hash(note["sha256"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{sidecar(path)} is damaged ({error}); delete it to record the hash of "
            f"{path.name} anew."
        ) from error


def record_hash(path: Path, url: str | None) -> None:
    """Write the hash of a file beside it, atomically."""
    note = {
        "sha256": pooch.file_hash(str(path)),
        "bytes": path.stat().st_size,
        "url": url,
        "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_atomically(sidecar(path), (json.dumps(note, indent=1) + "\n").encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    content : bytes
        What it holds.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there before is as it was.
    """
    with replacing(path) as work:
        work.write_bytes(content)
