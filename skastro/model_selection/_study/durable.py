"""Files that appear complete or not at all, and outlive a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from skastro.utils._atomic import sync_folder

UNFINISHED = ".unfinished"


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
