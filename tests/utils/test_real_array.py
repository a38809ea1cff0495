"""Numbers of users become floats without a silent loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skastro.diffraction import rotation_from_direction, scattering_factor
from skastro.galaxy import redshift_selection
from skastro.model_selection import corrected_resampled_ttest, sky_groups
from skastro.utils import fold_directions
from skastro.utils._real_array import real_array


@pytest.mark.parametrize("values", [[1, 2], [True, 2.5], np.array([1, 2], ">i4")])
def test_numbers(values: Any) -> None:
    out = real_array(values, "z")
    assert out.dtype == np.float64
    assert out.tolist() == [float(v) for v in values]


@pytest.mark.parametrize(
    "values",
    [
        [1j],
        None,
        [None, 1.0],
        ["1"],
        np.array([1j, None], object),
        np.array([np.complex64(1 + 2j)], object),
        np.array([np.datetime64("2020"), 1], object),
        np.array([np.timedelta64(3, "s")], object),
        np.array(["1.5", 2], object),
        10**400,
        np.ma.array([1.0, 2.0], mask=[False, True]),
        [[1], [1, 2]],
    ],
)
def test_what_would_lose_something(values: Any) -> None:
    with pytest.raises(ValueError, match=r"z must be real|inhomogeneous|z has masked"):
        real_array(values, "z")


def test_complex_numbers_lost_their_imaginary_parts_before() -> None:
    odd = np.ones((4, 3)) + 1j
    for call in (
        lambda: rotation_from_direction(odd),
        lambda: fold_directions(odd),
        lambda: redshift_selection(odd[0]),
        lambda: scattering_factor("Ti", odd[0]),
        lambda: corrected_resampled_ttest(odd[:, 0], n_train=3, n_test=1),
        lambda: sky_groups(odd[0], odd[0], 1.0),
    ):
        with pytest.raises(ValueError, match=r"real|complex"):
            call()
