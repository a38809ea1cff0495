"""Shrinking and enlarging as matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from skastro.utils import (
    area_matrix,
    enlarge_matrix,
    gaussian_matrix,
    resize_matrices,
    shrunk_size,
)


def test_sizes_are_rounded_half_to_even() -> None:
    assert [shrunk_size(64, k) for k in range(1, 9)] == [64, 32, 21, 16, 13, 11, 9, 8]
    assert shrunk_size(5, 2) == 2
    assert shrunk_size(7, 2) == 4
    assert shrunk_size(3, 8) == 1
    assert shrunk_size(64, 2.5) == 26


def test_block_means_by_hand() -> None:
    x = np.arange(8.0)
    # 8 / 3 rounds to 3: the last cell has the two pixels that are left.
    assert np.allclose(area_matrix(8, 3) @ x, [1, 4, 6.5])
    # 7 / 3 rounds to 2: the last pixel is left out.
    assert np.allclose(area_matrix(7, 3) @ x[:7], [1, 4])
    # Exact: cells of 3.5 pixels.
    exact = area_matrix(7, 3, "exact") @ x[:7]
    assert np.allclose(exact, [(0 + 1 + 2 + 1.5) / 3.5, (1.5 + 4 + 5 + 6) / 3.5])


@pytest.mark.parametrize("rounding", ["block", "exact"])
@pytest.mark.parametrize("factor", [1, 2, 3, 7, 2.5, 3.3, 1.01])
@pytest.mark.parametrize("n", [1, 2, 5, 64, 101, 700])
def test_means_are_kept(n: int, factor: float, rounding: str) -> None:
    matrix = area_matrix(n, factor, rounding)
    assert matrix.shape == (shrunk_size(n, factor), n)
    assert matrix.data.min() > 0
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-12)
    if rounding == "exact":
        # Every pixel counts as much as any other.
        assert np.allclose(matrix.sum(axis=0), matrix.shape[0] / n, atol=1e-12)


def test_the_two_roundings_agree_on_multiples_only() -> None:
    for factor in (2, 4, 8):
        block, exact = area_matrix(64, factor), area_matrix(64, factor, "exact")
        assert np.abs(block - exact).max() < 1e-15
    for factor in (3, 5, 6, 7):
        block, exact = area_matrix(64, factor), area_matrix(64, factor, "exact")
        assert np.abs(block - exact).max() > 0.01


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 7), (2, 9), (9, 64), (64, 64)])
def test_enlarging_keeps_a_constant(method: str, m: int, n: int) -> None:
    for single in (False, True):
        matrix = enlarge_matrix(m, n, method, single=single)
        assert matrix.shape == (n, m)
        assert np.allclose(matrix.sum(axis=1), 1, atol=2e-7 if single else 1e-14)
    if m == n:
        assert np.array_equal(matrix.toarray(), np.eye(n))


def test_enlarging_keeps_a_ramp_inside() -> None:
    inside = slice(16, 48)
    centres = (np.arange(64) + 0.5) / 8 - 0.5
    for method in ("bilinear", "bicubic"):
        ramp = enlarge_matrix(8, 64, method) @ np.arange(8.0)
        # Cubic with a = -0.75 reproduces a ramp only roughly.
        tolerance = 1e-12 if method == "bilinear" else 0.1
        assert np.allclose(ramp[inside], centres[inside], atol=tolerance)
    nearest = enlarge_matrix(9, 64, "nearest") @ np.arange(9)
    assert np.array_equal(nearest, np.floor(np.arange(64) * 9 / 64))


@pytest.mark.parametrize("n", [1, 2, 5, 64])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.7, 6.0])
def test_gaussian_equals_scipy(n: int, sigma: float) -> None:
    x = np.random.default_rng(0).normal(size=(3, n))
    expected = gaussian_filter1d(x, sigma, axis=1, mode="reflect")
    matrix = gaussian_matrix(n, sigma)
    assert np.allclose(x @ matrix.T, expected, atol=1e-13)
    assert np.allclose(matrix.sum(axis=0), 1)


def test_identity_is_none() -> None:
    assert resize_matrices((64, 64), 1) == (None, None, None, None)
    # 3 / 1.1 and 4 / 1.1 round back: OpenCV copies such an image.
    assert resize_matrices((3, 4), 1.1) == (None, None, None, None)
    assert resize_matrices((3, 40), 1.1)[0].shape == (3, 3)
    assert resize_matrices((64, 64), 2, enlarge=None)[2:] == (None, None)


def test_matrices_are_built_once() -> None:
    assert area_matrix(64, 5) is area_matrix(64, 5)
    assert enlarge_matrix(13, 64, "bicubic") is enlarge_matrix(13, 64, "bicubic")


@pytest.mark.parametrize("factor", [0, False, 0.5, -1, float("nan"), float("inf"), "2"])
def test_factors_that_make_no_sense(factor):
    with pytest.raises(ValueError, match="factor"):
        shrunk_size(8, factor)


@pytest.mark.parametrize("n", [0, -1, True, 2.0, None])
def test_numbers_of_pixels_that_make_no_sense(n):
    with pytest.raises(ValueError, match="whole number"):
        gaussian_matrix(n, 1.0)


def test_unknown_ways_were_taken_for_others_before():
    with pytest.raises(ValueError, match="rounding"):
        area_matrix(8, 3, "x")
    with pytest.raises(ValueError, match="method"):
        enlarge_matrix(4, 8, "x")
    with pytest.raises(ValueError, match="enlarge"):
        resize_matrices((8, 8), 1, enlarge="x")
    with pytest.raises(ValueError, match="sigma"):
        gaussian_matrix(8, float("inf"))
