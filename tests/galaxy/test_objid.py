"""Object ids: every bit counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skastro.galaxy import ObjidParts, unpack_objid
from skastro.galaxy._objid import check_objids

REAL = 588015509806252115  # in fpC-003325-r5-0108


def test_real_id():
    parts = unpack_objid(REAL)
    assert isinstance(parts, ObjidParts)
    assert (parts.run, parts.camcol, parts.field, parts.rerun) == (3325, 5, 108, 41)
    assert (parts.skyversion, parts.first_field) == (1, 0)
    assert parts.id == REAL % 65536


def test_parts_make_up_the_id():
    rng = np.random.default_rng(0)
    n = 1000
    fields = {
        "skyversion": rng.integers(0, 16, n),
        "rerun": rng.integers(0, 2048, n),
        "run": rng.integers(0, 65536, n),
        "camcol": rng.integers(1, 7, n),
        "first_field": rng.integers(0, 2, n),
        "field": rng.integers(0, 4096, n),
        "id": rng.integers(0, 65536, n),
    }
    widths = (4, 11, 16, 3, 1, 12, 16)
    ids = np.zeros(n, dtype=np.int64)
    for values, width in zip(fields.values(), widths, strict=True):
        ids = (ids << width) | values
    parts = unpack_objid(ids)
    for name, values in fields.items():
        np.testing.assert_array_equal(getattr(parts, name), values, err_msg=name)


@pytest.mark.parametrize(
    "ids",
    [
        [REAL, REAL + 1],
        np.array([REAL, REAL + 1], dtype=np.uint64),
        [str(REAL), f" {REAL + 1} "],
        pd.Series([REAL, REAL + 1]),
        pd.Series([str(REAL), str(REAL + 1)]),
        pd.Series([str(REAL), str(REAL + 1)], dtype=object),
        np.array([REAL, REAL + 1], dtype=object),
        np.array([str(REAL), str(REAL + 1)], dtype="S"),
    ],
)
def test_all_kinds_of_exact_ids(ids):
    out = check_objids(ids)
    assert out.dtype == np.int64
    assert out.tolist() == [REAL, REAL + 1]


def test_shape_is_kept():
    ids = np.full((2, 3), REAL)
    assert unpack_objid(ids).run.shape == (2, 3)
    assert unpack_objid(np.zeros(0, dtype=np.int64)).run.shape == (0,)
    assert check_objids([]).dtype == np.int64


@pytest.mark.parametrize(
    "ids",
    [float(REAL), [REAL, np.nan], [True], [REAL, 1.5], pd.Series([REAL, None]), [None]],
)
def test_floats_are_refused(ids):
    with pytest.raises(TypeError, match="64"):
        unpack_objid(ids)


@pytest.mark.parametrize(
    ("ids", "match"),
    [
        (["5.88e17"], "whole numbers"),
        (["588015509806252115.0"], "whole numbers"),
        (["1_000"], "whole numbers"),
        ([""], "whole numbers"),
        (["x"], "whole numbers"),
        (["²"], "no whole number"),
        ([-REAL], "between 0"),
        (["9223372036854775808"], "between 0"),
        ([2**63], "between 0"),
        ([2**70], "between 0"),
    ],
)
def test_what_is_no_id(ids, match):
    with pytest.raises(ValueError, match=match):
        unpack_objid(ids)


def test_wrong_camera_column():
    with pytest.raises(ValueError, match="camera column must be 1 to 6"):
        unpack_objid([REAL, 17])


@pytest.mark.real_data
def test_ids_of_the_real_frames(data_home):
    galaxies = pd.read_csv(data_home / "sdss_dr7/galaxies_in_frames.csv")
    parts = unpack_objid(galaxies["objid"])
    for row, frame in enumerate(galaxies["frame"]):
        assert frame.startswith(f"fpC-{parts.run[row]:06d}-r{parts.camcol[row]}-")
    # The fourth row is the overlap of the field before.
    fields = galaxies["frame"].str[-11:-7].astype(int)
    assert (np.abs(parts.field - fields) <= 1).all()
