"""Opening FITS files so that a broken one is an error and never a short image."""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
import zlib
from pathlib import Path
from typing import Any

from skastro.utils._optional import import_optional
from skastro.utils._unpack import bounded


def load_hdus(path: Path) -> list[Any]:
    """Read a whole FITS file, compressed or not, into memory.

    Parameters
    ----------
    path : Path
        Plain, gzip or bzip2 file, recognised by its first bytes.

    Returns
    -------
    list of astropy HDU
        All of them, with data read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is truncated, damaged or no FITS file; the message names it.
    """
    fits = import_optional("astropy.io.fits", extra="astro")
    content = _decompress(path)
    if not content.startswith(b"SIMPLE  ="):
        what = "empty" if not content else f"it starts with {content[:16]!r}"
        raise OSError(f"SDSS frame {path} is no FITS file: {what}.")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*truncated.*")
        # astropy before 7.2 words its error with a function that it deprecates.
        warnings.filterwarnings("ignore", message="The indent function")
        try:
            # Unsigned integers come as such with uint=True, whatever astropy's default.
            # No frame has compressed images within, of a size that is only announced.
            hdulist = fits.open(
                io.BytesIO(content),
                memmap=False,
                uint=True,
                disable_image_compression=True,
            )
            hdus = list(hdulist)
            for hdu in hdus:
                # Parses every card, which astropy puts off.
                list(hdu.header.items())
                start, size = hdu.fileinfo()["datLoc"], hdu.size
                if start + size > len(content):
                    raise OSError(
                        f"HDU {hdus.index(hdu)} needs {start + size} bytes, the file "
                        f"has {len(content)}"
                    )
                if size:
                    _ = hdu.data
        except Exception as error:
            # astropy answers damage with errors of many kinds.
            raise OSError(
                f"SDSS frame {path} is truncated or damaged: {error}"
            ) from error
    return hdus


def _decompress(path: Path) -> bytes:
    """Read the bytes behind any compression, to the end."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"SDSS frame {path} {what}.")
    raw = path.read_bytes()
    try:
        if raw.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(raw)) as packed:
                return bounded(packed, len(raw)).read()
        if raw.startswith(b"BZh"):
            with bz2.open(io.BytesIO(raw)) as packed:
                return bounded(packed, len(raw)).read()
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise OSError(
            f"SDSS frame {path} is truncated or damaged: its compression ends with "
            f"{error}"
        ) from error
    return raw
