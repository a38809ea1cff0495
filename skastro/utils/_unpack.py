"""Compressed files, unpacked within bounds: a few bytes can hold gigabytes of zeros."""

from __future__ import annotations

import io
import zipfile
from typing import IO, Any

# Measurements pack two to ten to one; zeros a thousand to one, and far better in bzip2.
_MOST_PACKED = 100
# Small files may be as empty as they like.
_FREE = 1 << 26


def most_bytes(packed: int) -> int:
    """Give the number of bytes that so many may unpack to.

    Parameters
    ----------
    packed : int
        Bytes of the file.

    Returns
    -------
    int
        64 MiB, and 100 times the size of the file.

    Examples
    --------
    >>> from skastro.utils._unpack import most_bytes
    >>> most_bytes(10_000)
    68108864
    """
    return _FREE + _MOST_PACKED * packed


def check_member(member: zipfile.ZipInfo) -> None:
    """Refuse a member of a zip archive that cannot be unpacked piece by piece.

    Parameters
    ----------
    member : ZipInfo
        Of the archive.

    Raises
    ------
    ValueError
        If it is neither stored nor deflated. Of the other methods zipfile unpacks some
        kB at once, and these may hold gigabytes.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"{member.filename!r} is compressed by method {member.compress_type}; "
            "only stored and deflated members are read."
        )


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where it becomes too long."""

    def __init__(self, file: Any, limit: int) -> None:
        self._file = file
        self._limit = self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(
                f"it unpacks to more than {self._limit} bytes, which is no data: it "
                "would fill the memory."
            )
        buffer[: len(content)] = content
        return len(content)


def bounded(file: Any, packed: int) -> IO[bytes]:
    """Read a stream that unpacks a file, and no more than is plausible.

    Parameters
    ----------
    file : binary file
        Such as `gzip.open` gives.
    packed : int
        Bytes of the file that is unpacked.

    Returns
    -------
    binary file
        Reading raises ValueError beyond `most_bytes`. Closing it leaves `file` open.

    Examples
    --------
    >>> import io
    >>> from skastro.utils._unpack import bounded
    >>> bounded(io.BytesIO(b"abc"), 3).read()
    b'abc'
    """
    return io.BufferedReader(_Bounded(file, most_bytes(packed)), 1 << 16)
