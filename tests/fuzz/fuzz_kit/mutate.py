"""Damage to the bytes of valid files."""

from __future__ import annotations

import bz2
import gzip
import io
import pickle
import zipfile
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

# What readers of several formats react to.
TOKENS = (
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\n",
    b"\r",
    b'"',
    b",",
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 30,
    b"-1",
    b"0",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"<html>",
    b"NAXIS   =           2147483647",
    b"END" + b" " * 77,
    b"|O",
    b"(1000000000000,)",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"\x80\x04c",
)


class Payload:
    """Would write a file if it were unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


@st.composite
def damaged(draw: st.DrawFn, valid: Sequence[bytes]) -> bytes:
    """Draw a damaged file: flips, cuts, insertions, splices, other wrappings."""
    content = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2, 3)))):
        size = len(content)
        # Headers decide more than what follows.
        place = draw(
            st.integers(0, size)
            if draw(st.booleans())
            else st.integers(0, min(size, 400))
        )
        kind = draw(st.integers(0, 8))
        if kind == 0 and place < size:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1 and place < size:
            content[place] = draw(st.integers(0, 255))
        elif kind == 2:
            del content[place:]
        elif kind == 3:
            content[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif kind == 4:
            token = draw(st.sampled_from(TOKENS))
            content[place : place + len(token)] = token
        elif kind == 5:
            content[place:place] = draw(st.sampled_from(TOKENS))
        elif kind == 6:
            del content[place : place + draw(st.integers(1, 40))]
        elif kind == 7:
            other = draw(st.sampled_from(valid))
            content[place:] = other[draw(st.integers(0, len(other))) :]
        else:
            length = draw(st.integers(1, 80))
            content[place:place] = content[place : place + length]
    return wrapped(bytes(content), draw(st.integers(0, 24)))


def wrapped(content: bytes, kind: int) -> bytes:
    """Compress one file in a few of many."""
    if kind == 0:
        return gzip.compress(content, 1)
    if kind == 1:
        return bz2.compress(content, 1)
    if kind == 2:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../escaped.csv", content)
        return out.getvalue()
    if kind == 3:
        return gzip.compress(gzip.compress(content, 1), 1)
    if kind == 4:
        return pickle.dumps(Payload("escaped"))
    return content
