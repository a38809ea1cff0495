"""Files that appear complete or not at all, and outlive a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

UNFINISHED = ".unfinished"
# What file systems answer that cannot flush a folder, and have no need to.
_NO_FOLDER_SYNC = {
    getattr(errno, name)
    for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EACCES")
    if hasattr(errno, name)
}


def write_file(path: Path, data: bytes) -> None:
    """Write a file under another name, flush it, rename it, and flush the folder.

    Parameters
    ----------
    path : Path
        Its name at the end; until then it ends with ``UNFINISHED``.
    data : bytes
        All of it.

    Raises
    ------
    OSError
        If it cannot be written. What had the name before still has it then, unless
        nothing but the flush of the folder failed.
    """
    work = path.with_name(path.name + UNFINISHED)
    try:
        with work.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(work, path)
    except BaseException:
        with contextlib.suppress(OSError):
            work.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and flush what they are in.

    Parameters
    ----------
    folder : Path
        May be there already.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        sync_folder(new.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        # A disk that is full or broken is another matter.
        if error.errno not in _NO_FOLDER_SYNC:
            raise
