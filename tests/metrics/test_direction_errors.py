"""Errors and angles of predicted directions."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import mean_absolute_error

from skastro.metrics import direction_angle, direction_l1
from skastro.utils import fold_directions, laue_operations
from skastro.utils._laue import LAUE_GROUPS


def directions(n: int, k: int, seed: int = 0) -> np.ndarray:
    u = np.random.default_rng(seed).normal(size=(n, k, 3))
    return (u / np.linalg.norm(u, axis=2, keepdims=True)).reshape(n, 3 * k)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_l1_is_the_sum_over_components(k: int) -> None:
    y, p = directions(50, k), directions(50, k, seed=1)
    a = np.array(
        [[sum(abs(t[3 * j : 3 * j + 3] - q[3 * j : 3 * j + 3])) for j in range(k)]
         for t, q in zip(y, p, strict=True)]
    )  # fmt: skip
    mean, std = direction_l1(y, p, return_std=True)
    np.testing.assert_allclose(mean, a.mean(axis=0))
    np.testing.assert_allclose(std, np.sqrt(((a - a.mean(axis=0)) ** 2).mean(axis=0)))
    np.testing.assert_allclose(direction_l1(y, p), mean)
    mean, std = direction_l1(y, p, return_std=True, multioutput="uniform_average")
    assert isinstance(mean, float)
    assert isinstance(std, float)
    assert mean == pytest.approx(3 * mean_absolute_error(y, p))
    assert std == pytest.approx(a.std())


@pytest.mark.parametrize("k", [2, 3, 4])
def test_best_assignment_undoes_any_permutation(k: int) -> None:
    y = directions(40, k)
    noisy = (y + 0.01 * directions(40, k, seed=2)).reshape(40, k, 3)
    expected = direction_l1(y, noisy.reshape(40, -1))
    rng = np.random.default_rng(3)
    mixed = np.stack([row[rng.permutation(k)] for row in noisy]).reshape(40, -1)
    np.testing.assert_allclose(direction_l1(y, mixed, assignment="best"), expected)
    assert direction_l1(y, mixed).max() > 10 * expected.max()
    angle = direction_angle(y, noisy.reshape(40, -1), assignment="ordered")
    np.testing.assert_allclose(direction_angle(y, mixed), angle)


def test_best_assignment_is_the_best_of_all() -> None:
    y, p = directions(30, 3), directions(30, 3, seed=1)
    total = [
        np.abs(y - p.reshape(30, 3, 3)[:, list(order)].reshape(30, 9)).sum(axis=1)
        for order in permutations(range(3))
    ]
    best = direction_l1(y, p, assignment="best", multioutput="uniform_average")
    assert best == pytest.approx(np.min(total, axis=0).mean() / 3)


def test_swapped_perfect_predictor_of_the_thesis() -> None:
    # A perfect predictor that swaps a share p of the pairs: 2.0 p for orthogonal axes.
    y = np.tile([1.0, 0, 0, 0, 1, 0], (100, 1))
    p = y.copy()
    p[:10] = p[:10, [3, 4, 5, 0, 1, 2]]
    np.testing.assert_allclose(direction_l1(y, p), [0.2, 0.2])
    np.testing.assert_allclose(direction_l1(y, p, assignment="best"), 0)


def test_constant_predictors_of_the_sphere_and_the_sector() -> None:
    u = directions(400_000, 1)
    zero = direction_l1(u, np.zeros_like(u))[0]
    assert zero == pytest.approx(1.5, abs=0.003)
    folded = fold_directions(u, "4/mmm")
    for constant, score in ((folded.mean(axis=0), 0.582), ([0.75, 0.275, 0.5], 0.578)):
        guess = np.broadcast_to(constant, folded.shape)
        assert direction_l1(folded, guess)[0] == pytest.approx(score, abs=0.002)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_equivalents_are_at_no_angle(group: str) -> None:
    u = directions(60, 1)
    for operation in laue_operations(group):
        assert direction_angle(u, u @ operation.T, laue_group=group).max() < 1e-13
    folded = fold_directions(u, group)
    assert direction_angle(u, folded, laue_group=group).max() < 1e-13
    v = directions(60, 1, seed=1)
    angle = direction_angle(u, v, laue_group=group)[:, 0]
    dots = np.einsum("ni,oij,nj->on", u, laue_operations(group), v)
    np.testing.assert_allclose(angle, np.degrees(np.arccos(dots.max(axis=0))))
    # Symmetric, and the larger group gives the smaller angle.
    np.testing.assert_allclose(direction_angle(v, u, laue_group=group)[:, 0], angle)
    assert (angle <= direction_angle(u, v, laue_group="-1")[:, 0] + 1e-12).all()
    given = direction_angle(u, v, laue_group=laue_operations(group)[: len(dots) // 2])
    np.testing.assert_allclose(given[:, 0], angle)


@pytest.mark.parametrize("degrees", [1e-9, 1e-6, 1e-3, 0.5, 20.0])
def test_small_angles_are_exact(degrees: float) -> None:
    u = directions(100, 1)
    across = np.cross(u, directions(100, 1, seed=4))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    turned = Rotation.from_rotvec(across * degrees, degrees=True).apply(u)
    angle = direction_angle(u, turned, laue_group="-1")
    np.testing.assert_allclose(angle, degrees, rtol=1e-9, atol=3e-14)


def test_angles_by_hand() -> None:
    y = [[0, 0, 1], [0, 0, 1], [1, 0, 0], [1, 1, 1]]
    p = [[0, 0, -5], [1, 0, 0], [1, 1, 0], [0, 0, 1]]
    expected = [0, 90, 45, np.degrees(np.arccos(1 / np.sqrt(3)))]
    np.testing.assert_allclose(direction_angle(y, p)[:, 0], expected, atol=1e-12)
    expected[1] = 0
    cubic = direction_angle(y, p, laue_group="m-3m")
    np.testing.assert_allclose(cubic[:, 0], expected, atol=1e-12)


def test_lengths_do_not_matter_to_angles() -> None:
    y, p = directions(20, 2), directions(20, 2, seed=1)
    angle = direction_angle(y, p)
    for factor in (1e-310, 1e-200, 3.0, 1e200):
        scaled = direction_angle(y * 7, p * factor)
        np.testing.assert_allclose(scaled, angle, atol=1e-9)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = directions(23, 2), directions(23, 2, seed=1)
    angle = direction_angle(y, p)
    monkeypatch.setattr("skastro.metrics._direction_angle._CHUNK", 5)
    np.testing.assert_array_equal(direction_angle(y, p), angle)


def test_vectors_without_direction() -> None:
    y = directions(3, 2)
    p = y.copy()
    p[1, 3:] = 0
    with pytest.warns(UndefinedMetricWarning, match="1 of 6 predicted vectors"):
        angle = direction_angle(y, p)
    expected = [[0, 0], [0, 90], [0, 0]]
    np.testing.assert_allclose(angle, expected, atol=1e-13)
    with pytest.raises(ValueError, match="y_true has vectors of length zero"):
        direction_angle(p, y)
    np.testing.assert_allclose(direction_l1(p, p), 0)


def test_tables_lists_and_float32() -> None:
    y, p = directions(10, 2), directions(10, 2, seed=1)
    angle = direction_angle(pd.DataFrame(y), p.tolist())
    np.testing.assert_array_equal(angle, direction_angle(y, p))
    single = direction_angle(y.astype(np.float32), p.astype(np.float32))
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, angle, atol=1e-4)


@pytest.mark.parametrize("function", [direction_l1, direction_angle])
def test_wrong_input_is_refused(function: object) -> None:
    y = directions(4, 2)
    bad = y.copy()
    bad[2, 1] = np.nan
    for true, pred, match in [
        (bad, y, "y_true contains NaN"),
        (y, bad, "y_pred contains NaN"),
        (y, np.where(np.isnan(bad), np.inf, bad), "y_pred contains infinity"),
        (y, y[:, :3], "shape"),
        (y, y[:3], "shape"),
        (y[:, :4], y[:, :4], "three columns"),
        (y[0], y[0], "2D array"),
        (y[:0], y[:0], "0 sample"),
    ]:
        with pytest.raises(ValueError, match=match):
            function(true, pred)  # type: ignore[operator]
    with pytest.raises(ValueError, match="assignment must be"):
        function(y, y, assignment="hungarian")  # type: ignore[operator]
    five = directions(4, 5)
    with pytest.raises(ValueError, match="at most 4 directions"):
        function(five, five, assignment="best")  # type: ignore[operator]


def test_unknown_options_are_refused() -> None:
    y = directions(4, 1)
    with pytest.raises(ValueError, match="multioutput must be"):
        direction_l1(y, y, multioutput="variance_weighted")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="laue_group must be"):
        direction_angle(y, y, laue_group="4mm")
