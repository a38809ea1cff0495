"""Files that appear complete or not at all, with errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

# What file systems answer that cannot flush a folder, and have no need to.
_NO_FOLDER_SYNC = {
    getattr(errno, name)
    for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EACCES")
    if hasattr(errno, name)
}
_PLACE = "choose a folder that can be written"
ADVICE = {
    errno.ENOSPC: "make room, or choose another disk",
    errno.EDQUOT: "make room within your quota, or choose another disk",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no file of this size",
    errno.EIO: "the disk may be failing; choose another one",
    errno.EACCES: _PLACE,
    errno.EPERM: _PLACE,
    errno.EROFS: _PLACE,
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "a part of its path is a file; choose another folder",
    errno.EISDIR: "there is a folder of this name; choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}
# Of these the disk is to blame, whichever library they came through.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_END = ".unfinished"
_LONGEST = 160


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name under which to write; the file then gets its own name in one step.

    The other name is hidden and in the same folder. It is gone after an error. A
    process that is killed leaves it behind; the next writing of the same file on the
    same machine removes it.

    Parameters
    ----------
    path : path-like
        The file at the end. What was there before stays until the new one is whole,
        which gets its permissions. Of a symbolic link the file behind it is written.

    Yields
    ------
    Path
        Where to write; nothing is there.

    Raises
    ------
    OSError
        If it cannot be written; the message has `path` and what to do.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skastro.utils._atomic import replacing
    >>> path = Path(tempfile.mkdtemp(), "notes.txt")
    >>> with replacing(path) as work:
    ...     _ = work.write_text("all of it")
    >>> path.read_text(), len(list(path.parent.iterdir()))
    ('all of it', 1)
    """
    path = Path(path)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    try:
        # Some libraries would make a folder that is missing, others not.
        os.scandir(path.parent).close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise explained(error, path) from error
    except OSError:
        pass  # A folder may be written and not be listed.
    stem, own = _names(path)
    _remove_leftovers(path.parent, stem)
    work = path.with_name(f"{stem}{own}-{secrets.token_hex(4)}{_END}")
    try:
        yield work
        with work.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # of a new file, or where there are none
            work.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(work, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            work.unlink(missing_ok=True)
        reason = _reason(error, (work, path))
        if reason is None:
            raise
        raise explained(reason, path) from error
    sync_folder(path.parent)


def explained(error: OSError, path: Path) -> OSError:
    """Say of an error of the system which file was not written, and what to do.

    Parameters
    ----------
    error : OSError
        With its number.
    path : Path
        The file.

    Returns
    -------
    OSError
        The same kind of error, with a longer message.

    Examples
    --------
    >>> import errno
    >>> from pathlib import Path
    >>> from skastro.utils._atomic import explained
    >>> str(explained(OSError(errno.ENOSPC, "No space left"), Path("a.npz")))[11:62]
    'a.npz was not written (No space left): make room, o'
    """
    number = error.errno or errno.EIO
    why = os.strerror(number) if error.errno is None else error.strerror
    advice = ADVICE.get(number, "choose another place")
    return OSError(
        number,
        f"{path} was not written ({why}): {advice}. Nothing half-written was left; a "
        "file that was there before is as it was",
    )


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    OSError
        If the disk is full or broken; not if it cannot flush folders.
    """
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _names(path: Path) -> tuple[str, str]:
    """Give how the hidden names of a file begin, and how those of this process do."""
    name = path.name
    if len(os.fsencode(name)) > _LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    host = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{name}.", f"{host}-{os.getpid()}"


def _remove_leftovers(folder: Path, stem: str) -> None:
    """Remove what processes of this machine were writing that are no more."""
    if os.name != "posix":
        return
    own = _names(Path("_"))[1].partition("-")[0]
    form = re.compile(re.escape(f"{stem}{own}-") + r"(\d+)-[0-9a-f]{8}" + _END)
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            found = form.fullmatch(entry.name)
            if found and not _lives(int(found[1])):
                os.unlink(entry.path)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _reason(error: BaseException | None, ours: tuple[Path, ...]) -> OSError | None:
    """Find the error of the system behind what a library raised, if it is about us."""
    seen: set[int] = set()
    names = {os.fspath(path) for path in ours}
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError):
            number = error.errno
            # Of HDF5 only the text has the number.
            if number is None and (found := re.search(r"errno = (\d+)", str(error))):
                number = int(found[1])
            of_ours = {str(error.filename), str(error.filename2)} & names
            if number is not None and (of_ours or number in _OF_THE_DISK):
                text = error.strerror if error.errno else None
                return OSError(number, text or os.strerror(number))
        error = error.__cause__ or error.__context__
    return None
