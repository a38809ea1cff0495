"""VoxelEvents: what is taken, what is refused, and rows for estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from skastro.gaps import VoxelEvents


def events(**options: Any) -> VoxelEvents:
    fields: dict[str, Any] = {
        "event": [2, 0, 0, 2, 4],
        "voxel": [6, 150, 6, 1439, 0],
        "energy": [3.2, 41.0, 8.5, 0.04, 0.05],
        "n_events": 6,
        "time": [0.0, 1.5, 0.0, 7.0, 2.0],
        "target": np.array(["antiproton", "antideuteron"] * 3),
        "truth": {"beta": np.linspace(0.26, 0.3, 6), "stop_layer": [1, 2, 3, -1, 5, 6]},
    }
    return VoxelEvents(**{**fields, **options})


def test_hits_are_sorted_and_typed() -> None:
    e = events()
    assert e.event.tolist() == [0, 0, 2, 2, 4]
    assert e.voxel.tolist() == [6, 150, 6, 1439, 0]
    assert e.energy.tolist() == pytest.approx([8.5, 41, 3.2, 0.04, 0.05])
    assert e.time is not None
    assert e.time.tolist() == [0, 1.5, 0, 7, 2]
    kinds = (e.event.dtype, e.voxel.dtype, e.energy.dtype, e.time.dtype)
    assert kinds == (np.int64, np.int32, np.float32, np.float32)
    assert (len(e), e.shape) == (6, (10, 12, 12))
    assert isinstance(e.truth, pd.DataFrame)


def test_rows_and_volumes() -> None:
    e = events()
    rows = e.to_csr(channels=("energy", "time"))
    assert isinstance(rows, csr_array)
    assert (rows.shape, rows.dtype) == ((6, 2880), np.float32)
    assert rows.has_canonical_format
    volumes = e.to_dense(channels=("energy", "time"))
    assert volumes.shape == (6, 2, 10, 12, 12)
    assert np.array_equal(volumes.reshape(6, -1), rows.toarray())
    assert np.array_equal(e.to_dense(), volumes[:, 0])
    assert volumes[0, 0, 1, 0, 6] == 41
    assert volumes[0, 1, 1, 0, 6] == 2.5  # a time has 1 added
    assert volumes[2, 1, 0, 0, 6] == 1
    assert volumes[2, :, 9, 11, 11].tolist() == [0, 0]  # below threshold: no hit
    assert volumes[4, 0, 0, 0, 0] == np.float32(0.05)  # at threshold: a hit
    assert e.to_csr(threshold=0).nnz == 5
    assert e.to_csr(threshold=100).nnz == 0
    assert e.to_dense(channels=("time",)).shape == (6, 10, 12, 12)


@pytest.mark.parametrize(
    "index",
    [
        slice(1, 5),
        slice(None, None, -1),
        [4, 0, 0, 2],
        np.array([True, False, True, False, False, True]),
        [],
        np.array([-1, -4]),
    ],
)
def test_some_of_the_events(index: Any) -> None:
    e = events()
    index = np.asarray(index, dtype=int) if isinstance(index, list) else index
    some = e[index]
    expected = e.to_dense(threshold=0, channels=("energy", "time"))[index]
    found = some.to_dense(threshold=0, channels=("energy", "time"))
    assert np.array_equal(found, expected)
    assert np.array_equal(some.target, e.target[index])
    truth = e.truth.iloc[np.arange(6)[index]].reset_index(drop=True)
    pd.testing.assert_frame_equal(some.truth, truth)


def test_one_event_or_too_many_are_no_part() -> None:
    e = events()
    with pytest.raises(IndexError, match="not one number"):
        e[3]
    with pytest.raises(IndexError):
        e[[6]]
    with pytest.raises(IndexError):
        e[np.ones(5, dtype=bool)]


def test_without_anything() -> None:
    none = VoxelEvents([], [], [], n_events=0)
    assert none.to_csr().shape == (0, 1440)
    assert none.to_dense().shape == (0, 10, 12, 12)
    empty = VoxelEvents([], [], [], n_events=3, time=[])
    assert not empty.to_dense(channels=("energy", "time")).any()
    assert empty.truth.shape == (3, 0)
    assert empty.target is None
    with pytest.raises(ValueError, match="no times"):
        none.to_csr(channels=("time",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event": [2, 0, 0, 2, 6]}, r"within 0 to 5.*first is 6, at hit 4"),
        ({"event": [2, 0, 0, 2, -1]}, "at hit 4"),
        ({"event": [2.0, 0, 0, 2, 4]}, "1D array of integers"),
        ({"voxel": [6, 150, 6, 1440, 0]}, r"voxel.*1440, at hit 3"),
        ({"event": [0, 0, 0, 2, 4]}, "event 0, voxel 6. Add their energies"),
        ({"energy": [3.2, -1, 8, 1, 1]}, r"negative.*first is -1.0 MeV, at hit 1"),
        ({"energy": [3.2, np.nan, 8, 1, 1]}, "nan MeV"),
        ({"energy": [3.2, 1e39, 8, 1, 1]}, "not finite"),
        ({"energy": [3.2, 1, 8, 1]}, "equally long, got 5 and 4"),
        ({"energy": ["a"] * 5}, "1D array of numbers in MeV"),
        ({"time": [0, 1, 2, 3, -1.0]}, "-1.0 ns"),
        ({"time": [0, 1, 2, 3]}, "event and time"),
        ({"n_events": -1}, "n_events"),
        ({"n_events": 2.5}, "n_events"),
        ({"target": ["a"] * 5}, r"shape \(6,\)"),
        ({"truth": {"beta": [0.1] * 5}}, "6 rows"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(
    options: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        events(**options)


@pytest.mark.parametrize("channels", [("charge",), (), "energy"])
def test_channels_that_there_are_not(channels: Any) -> None:
    with pytest.raises(ValueError, match="channel"):
        events().to_csr(channels=channels)


def test_events_cannot_be_changed_by_name() -> None:
    with pytest.raises(AttributeError):
        events().n_events = 7  # type: ignore[misc]


@pytest.mark.parametrize("n_events", [float("inf"), float("nan"), -1, 1.5])
def test_numbers_of_events_that_make_no_sense(n_events):
    with pytest.raises(ValueError, match=r"n_events|NaN"):
        VoxelEvents([], [], [], n_events)
