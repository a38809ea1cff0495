"""The maker of simulated antiparticles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import issparse

from skastro.datasets import make_gaps_events


@pytest.mark.parametrize("incidence", ["vertical", "random"])
def test_shapes_and_labels(incidence: str) -> None:
    gaps = make_gaps_events(101, incidence=incidence, random_state=0)
    assert gaps.data.shape == (101, 10, 12, 12)
    assert gaps.data.dtype == np.float32
    assert np.all(gaps.data >= 0)
    assert gaps.data[gaps.data > 0].min() >= 0.05
    assert set(gaps.target) == {"antideuteron", "antiproton"}
    assert 50 <= (gaps.target == "antideuteron").sum() <= 51
    np.testing.assert_array_equal(gaps.events.target, gaps.target)
    truth = gaps.events.truth
    assert list(truth) == ["beta", "cos_zenith", "stopped", "in_flight", "stop_layer"]
    assert truth["beta"].between(0.26, 0.3).all()
    assert truth["cos_zenith"].between(0.2, 1).all()
    stopped = truth["stopped"].to_numpy()
    assert np.all(truth["stop_layer"][~stopped] == -1)
    assert truth["stop_layer"][stopped].between(0, 9).all()
    assert not truth["in_flight"][~stopped].any()
    assert "no Geant4" in gaps.DESCR


def test_the_spot_is_in_one_column() -> None:
    gaps = make_gaps_events(500, random_state=0)
    assert np.all(gaps.data[:, 0, 6, 6] > 3)


def test_sparse_and_dense_agree() -> None:
    dense, y = make_gaps_events(50, return_X_y=True, random_state=1)
    rows, labels = make_gaps_events(50, as_sparse=True, return_X_y=True, random_state=1)
    assert issparse(rows)
    assert rows.shape == (50, 1440)
    np.testing.assert_array_equal(rows.toarray(), dense.reshape(50, -1))
    np.testing.assert_array_equal(y, labels)


def test_time_channel() -> None:
    X = make_gaps_events(40, channels=("energy", "time"), random_state=0).data
    assert X.shape == (40, 2, 10, 12, 12)
    np.testing.assert_array_equal(X[:, 0] > 0, X[:, 1] > 0)
    assert X[:, 1][X[:, 1] > 0].min() == 1


def test_seeds() -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    a = make_gaps_events(60, random_state=4)
    b = make_gaps_events(60, random_state=4)
    c = make_gaps_events(60, random_state=5)
    np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(a.target, b.target)
    assert not np.array_equal(a.data, c.data)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_stopped_only() -> None:
    gaps = make_gaps_events(400, incidence="random", stopped_only=True, random_state=0)
    assert gaps.events.truth["stopped"].all()
    assert (gaps.target == "antideuteron").sum() == 200
    np.testing.assert_array_equal(gaps.events.target, gaps.target)
    assert "ended in a wafer" in gaps.DESCR


def test_in_flight_can_be_switched_off() -> None:
    on = make_gaps_events(3000, as_sparse=True, random_state=0).events.truth
    off = make_gaps_events(3000, in_flight=False, as_sparse=True, random_state=0)
    assert on["in_flight"].mean() > 0.03
    assert not off.events.truth["in_flight"].any()


def test_xrays_add_little_hits() -> None:
    counts = [
        make_gaps_events(4000, xrays=xrays, as_sparse=True, random_state=0).data.nnz
        for xrays in (False, True)
    ]
    assert 0.99 < counts[1] / counts[0] < 1.03


def test_one_species() -> None:
    gaps = make_gaps_events(30, antideuteron_fraction=0, random_state=0)
    assert gaps.target_names == ["antiproton"]
    assert make_gaps_events(1, antideuteron_fraction=1.0, random_state=0).data.any()


def test_slow_ones_stop_in_the_first_layer() -> None:
    gaps = make_gaps_events(200, beta=(0.15, 0.15), random_state=0)
    assert np.all(gaps.events.truth["stop_layer"] == 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_samples": 0}, "n_samples must be an int of 1 or more"),
        ({"n_samples": 2.5}, "n_samples must be an int of 1 or more"),
        ({"n_samples": True}, "n_samples must be an int of 1 or more"),
        ({"incidence": "fixed"}, "incidence must be one of"),
        ({"beta": 0.3}, "beta must be two numbers"),
        ({"beta": (0.3, "a")}, "beta must be two numbers"),
        ({"beta": (0.3, 0.26)}, "beta must be increasing"),
        ({"beta": (0.0, 0.3)}, "within 0.1 to 0.9"),
        ({"beta": (0.2, float("nan"))}, "beta must be increasing"),
        ({"antideuteron_fraction": 1.5}, "within 0 to 1"),
        ({"threshold": -1}, "threshold must be 0 MeV or more"),
        ({"threshold": float("nan")}, "threshold must be 0 MeV or more"),
        ({"channels": ("charge",)}, 'channels may be "energy" and "time"'),
        (
            {"beta": (0.8, 0.9), "stopped_only": True, "in_flight": False},
            "lower beta",
        ),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    parameters = {"n_samples": 5, "random_state": 0, **changes}
    with pytest.raises(ValueError, match=message):
        make_gaps_events(**parameters)
