"""The IDX reader: right on good files, and a clear refusal of everything else."""

from __future__ import annotations

import gzip
import math
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skastro.datasets._idx import _read_stream, read_idx, read_idx_labels

SHORT = settings(max_examples=150, deadline=None, database=None, derandomize=True)


def header(*sizes, kind=8):
    return struct.pack(f">BBBB{len(sizes)}i", 0, 0, kind, len(sizes), *sizes)


def as_idx(array):
    return header(*array.shape) + array.tobytes()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)


@pytest.fixture
def store(tmp_path):
    def write(content, packed=False):
        path = tmp_path / "x-idx-ubyte"
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        return path

    return write


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(3, 4, 5), (None, 4, 5), [None, None, None]])
def test_images(store, images, packed, shape):
    result = read_idx(store(as_idx(images), packed), shape)
    assert result.dtype == np.uint8
    assert result.flags.writeable
    np.testing.assert_array_equal(result, images)
    assert read_idx(str(store(as_idx(images))), shape).shape == (3, 4, 5)


def test_by_hand(store):
    """258 = 0x0102 labels: big-endian sizes, and the magic number 2049."""
    content = bytes.fromhex("00000801 00000102") + bytes(range(256)) + b"\x07\x09"
    assert int.from_bytes(content[:4], "big") == 2049
    assert int.from_bytes(header(1, 1, 1)[:4], "big") == 2051
    labels = read_idx(store(content), (None,))
    assert labels.shape == (258,)
    assert labels[[0, 255, 256, 257]].tolist() == [0, 255, 7, 9]


def test_gzip_of_several_members_and_padding(store, images):
    content = as_idx(images)
    split = gzip.compress(content[:20]) + gzip.compress(content[20:])
    np.testing.assert_array_equal(read_idx(store(split), (3, 4, 5)), images)
    padded = gzip.compress(content) + bytes(512)
    np.testing.assert_array_equal(read_idx(store(padded), (3, 4, 5)), images)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (header(3) + bytes(3), r"magic number 2051 .*dimensions: 3\), got 2049"),
        (header(3, 4) + bytes(12), "2051 .*got 2050"),
        (header(3, 4, 5, 1) + bytes(60), "2051 .*got 2052"),
        (header(3, 4, 5, kind=9) + bytes(60), "2051 .*got 2307"),
        (header(3, 4, 5)[::-1] + bytes(60), "2051 .*got 83886080"),
        (b"\x01" + header(3, 4, 5)[1:] + bytes(60), "2051 .*got 16779267"),
        (b"<html>sign in</html>", r"2051 .*first bytes b'<htm'"),
        (pickle.dumps([1, 2]), "2051"),
        (gzip.compress(header(3, 4, 5) + bytes(60)), "2051"),
        (b"", r"2051 .*first bytes b''"),
        (b"\x00\x00\x08", "2051"),
        (header(3, 4, 5)[:15], "truncated: expected a header of 16 bytes, got 15"),
        (header(3, 4, 5)[:4], "expected a header of 16 bytes, got 4"),
        (header(4, 4, 5) + bytes(80), "sizes 3 x 4 x any, .* announces 4 x 4 x 5"),
        (header(3, 5, 4) + bytes(60), "sizes 3 x 4 x any, .* announces 3 x 5 x 4"),
        (header(3, 4, 0), "at least 1, the header announces 3 x 4 x 0"),
        (header(3, 4, -5) + bytes(60), "at least 1, .* announces 3 x 4 x -5"),
        (header(3, 4, 2**31 - 1), "at most 268435456 values, .* = 25769803764"),
        (header(3, 4, 5), r"truncated: expected 60 values \(3 x 4 x 5\), got 0"),
        (header(3, 4, 5) + bytes(59), "truncated: expected 60 .*, got 59"),
        (header(3, 4, 5) + bytes(61), "expected the end after 60 .*, got more"),
        (header(3, 4, 5) + bytes(10**6), "expected the end after 60 .*, got more"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else "",
)
def test_refused(store, content, match, packed):
    if packed and content.startswith(b"\x1f\x8b"):
        content = gzip.compress(content)
    elif content.startswith(b"\x1f\x8b"):
        packed = True  # gzip in gzip: only the outer one is unpacked
    path = store(content, packed)
    with pytest.raises(ValueError, match=match) as caught:
        read_idx(path, (3, 4, None))
    assert str(path) in str(caught.value)


def test_sizes_that_overflow_are_too_many(store):
    """2**31 - 1 squared is negative in 64 bits when one more such size comes."""
    path = store(header(2**31 - 1, 2**31 - 1, 2**31 - 1))
    with pytest.raises(ValueError, match="expected at most 268435456 values"):
        read_idx(path, (None, None, None))
    with pytest.raises(ValueError, match="expected at most 59 values"):
        read_idx(store(header(3, 4, 5) + bytes(60)), (3, 4, 5), max_values=59)
    assert read_idx(path, (3, 4, 5), max_values=60).size == 60


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none", (None,))


def test_every_cut_of_a_gzip_stream(store, images):
    whole = gzip.compress(as_idx(images), mtime=0)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="expected"):
            read_idx(store(whole[:length]), (3, 4, 5))
    with pytest.raises(ValueError, match="whole gzip stream, it is truncated"):
        read_idx(store(whole[:-1]), (3, 4, 5))


@pytest.mark.parametrize("byte", [-1, -4, -5, -8, 30, 2])
def test_damaged_gzip_stream(store, images, byte):
    """Length, checksum, data and method: one bit is wrong in each."""
    whole = bytearray(gzip.compress(as_idx(images), mtime=0))
    whole[byte] ^= 0x80
    with pytest.raises(ValueError, match="expected a whole gzip stream"):
        read_idx(store(bytes(whole)), (3, 4, 5))


def test_what_follows_the_gzip_stream(store, images):
    whole = gzip.compress(as_idx(images))
    with pytest.raises(ValueError, match="expected a whole gzip stream"):
        read_idx(store(whole + b"more"), (3, 4, 5))
    with pytest.raises(ValueError, match="got more bytes"):
        read_idx(store(whole + gzip.compress(b"\x00")), (3, 4, 5))


@pytest.mark.parametrize(
    ("n_images", "n_bytes", "packed", "match"),
    [
        (1, 1 << 26, True, "got more bytes"),
        (1 << 26, 9, True, "truncated: .*, got 9"),
        (1 << 26, 9, False, "truncated: .*, got 9"),
    ],
)
def test_memory_is_bounded_by_header_and_by_content(
    store, n_images, n_bytes, packed, match
):
    path = store(header(n_images, 2, 2) + bytes(n_bytes), packed)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match):
            read_idx(path, (None, 2, 2))
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_no_more_is_unpacked_than_announced(tmp_path):
    """Counted where the decompressor hands out its bytes, below any buffer."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(5) + bytes(1 << 22)))
    with gzip.open(path) as file:
        with pytest.raises(ValueError, match="got more bytes"):
            _read_stream(file, "bomb", (5,), 100)
        # What GzipFile has unpacked so far, wherever it is.
        assert file._buffer.raw.tell() == 8 + 5 + 1


def test_labels(store):
    path = store(as_idx(np.array([0, 9, 3], dtype=np.uint8)), packed=True)
    labels = read_idx_labels(path, 3, 10)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 9, 3]
    with pytest.raises(ValueError, match=r"to 8, got 9 at position 1 \(1 such"):
        read_idx_labels(path, 3, 9)
    with pytest.raises(ValueError, match=r"sizes 4, .* announces 3"):
        read_idx_labels(path, 4, 10)
    with pytest.raises(ValueError, match=r"2049 .*got 2051"):
        read_idx_labels(store(as_idx(np.zeros((3, 1, 1), np.uint8))), 3, 10)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


@SHORT
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
    packed=st.booleans(),
)
def test_round_trip(scratch, shape, seed, packed):
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    content = as_idx(array)
    scratch.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(read_idx(scratch, [None] * len(shape)), array)


@SHORT
@given(data=st.data(), packed=st.sampled_from(["no", "before", "after"]))
def test_hostile_bytes(scratch, data, packed):
    """Whatever the bytes are: a ValueError, or exactly what they say."""
    content = data.draw(
        st.one_of(st.binary(max_size=80), st.just(header(2, 3, 4) + bytes(24)))
    )
    if packed == "before":
        content = gzip.compress(content, mtime=0)
    spoiled = bytearray(content)
    for _ in range(data.draw(st.integers(0, 3))):
        if spoiled:
            place = data.draw(st.integers(0, len(spoiled) - 1))
            spoiled[place] = data.draw(st.integers(0, 255))
    spoiled = spoiled[: data.draw(st.integers(0, len(spoiled)))] or spoiled
    spoiled += data.draw(st.binary(max_size=2))
    content = bytes(spoiled)
    if packed == "after":
        content = gzip.compress(content, mtime=0)
    scratch.write_bytes(content)
    refusal = ""
    try:
        result = read_idx(scratch, (None, None, None))
    except ValueError as error:
        refusal = str(error)
    if refusal:
        assert str(scratch) in refusal
        return
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert plain == as_idx(result)
    assert result.size == math.prod(result.shape) > 0
