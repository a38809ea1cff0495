"""The standard sector and the colours in it."""

from __future__ import annotations

import numpy as np
import pytest

from skastro.diffraction import Crystal, ipf_colors
from skastro.diffraction._standard_sector import (
    StandardSector,
    format_indices,
    stereographic,
)
from skastro.utils import fold_directions, laue_operations
from skastro.utils._laue import LAUE_GROUPS

MIRRORED = ("mmm", "4/mmm", "6/mmm", "m-3m")
CORNERS = {
    "mmm": ["[001]", "[100]", "[010]"],
    "4/mmm": ["[001]", "[100]", "[110]"],
    "6/mmm": ["[001]", "[100]", "[210]"],
    "m-3m": ["[001]", "[101]", "[111]"],
}


def random_units(n: int, seed: int = 0) -> np.ndarray:
    u = np.random.RandomState(seed).normal(size=(n, 3))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_sector_is_where_directions_are_folded_to(group: str) -> None:
    sector = StandardSector(group)
    u = random_units(3000)
    folded = fold_directions(u, group)
    assert sector.contains(folded).all()
    stays = np.abs(folded - u).max(axis=1) < 1e-12
    assert np.array_equal(sector.contains(u), stays)
    # Each equivalent has a sector of its own.
    assert np.isclose(stays.mean(), 1 / len(laue_operations(group)), atol=0.02)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_outline_is_the_border(group: str) -> None:
    sector = StandardSector(group)
    outline = sector.outline(91)
    assert np.array_equal(outline[0], outline[-1])
    assert np.allclose(np.linalg.norm(outline, axis=1), 1.0)
    assert sector.contains(outline).all()
    away = outline + 1e-4 * (outline - sector.middle)
    assert not sector.contains(away / np.linalg.norm(away, axis=1)[:, None]).any()
    for corner in sector.corners:
        assert np.abs(outline - corner).max(axis=1).min() < 1e-9


@pytest.mark.parametrize("group", CORNERS)
def test_corners_are_named(group: str) -> None:
    assert StandardSector(group).corner_names() == CORNERS[group]


def test_corners_take_the_names_of_the_crystal() -> None:
    anatase = Crystal.from_name("anatase")
    sector = StandardSector(anatase.point_operations)
    assert sector.corner_names() == ["", "", ""]
    assert sector.corner_names(anatase.direct_basis) == CORNERS["4/mmm"]


def test_names_of_slanted_corners_need_the_length_of_c() -> None:
    # The corners of -3m beside [001] are no low-index directions for any c.
    assert StandardSector("-3m").corner_names() == ["[001]", "", ""]


def test_indices_are_written_with_bars() -> None:
    assert format_indices([1, 0, 1]) == "[101]"
    assert format_indices([-1, 0, 4]) == r"$[\bar{1}04]$"
    assert format_indices([3, -10, 1], brackets="") == r"$3\,\bar{10}\,1$"


def test_projection() -> None:
    plane = stereographic([[0, 0, 1], [1, 0, 0], [0, 0.6, 0.8]])
    assert np.allclose(plane, [[0, 0], [1, 0], [0, 1 / 3]])


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_surroundings_are_equivalents_outside(group: str) -> None:
    sector = StandardSector(group)
    inside = fold_directions(random_units(60), group)
    around, index = sector.with_surroundings(inside, 12.0)
    assert np.array_equal(around[:60], inside)
    assert np.array_equal(index[:60], np.arange(60))
    assert len(around) > 60
    assert not sector.contains(around[60:]).any()
    assert np.allclose(fold_directions(around, group), inside[index], atol=1e-9)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_corners_are_pure_and_the_middle_is_white(group: str) -> None:
    sector = StandardSector(group)
    assert np.allclose(ipf_colors(sector.middle, group), 1.0, atol=1e-6)
    colors = ipf_colors(sector.corners, group)
    if len(sector.corners) == 3:
        assert np.allclose(colors, np.eye(3), atol=1e-6)
    elif len(sector.corners) > 3:
        pure = {tuple(c) for c in colors.round(6) + 0.0 if c.sum() < 1 + 1e-6}
        assert pure >= {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    border = ipf_colors(sector.outline(), group)
    assert np.allclose(border.max(axis=1), 1.0)
    assert np.abs(border.min(axis=1)).max() < 1e-3


def test_known_colors_of_cubic_crystals() -> None:
    directions = [[0, 0, 3], [0, -1, 1], [-1, 1, -1], [1, 0, 2]]
    # [102] lies between [001] and [101]: u = [001] + [101].
    half = np.sqrt([1.0, 1 / np.sqrt(0.5), 0.0])
    half /= half.max()
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], half]
    assert np.allclose(ipf_colors(directions, "m-3m"), expected, atol=1e-6)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_equivalents_have_one_color(group: str) -> None:
    u = random_units(40, seed=3)
    colors = ipf_colors(u, group)
    assert colors.shape == (40, 3)
    assert colors.min() >= 0
    assert np.allclose(colors.max(axis=1), 1.0)
    for operation in laue_operations(group):
        assert np.allclose(ipf_colors(u @ operation.T, group), colors, atol=1e-5)


@pytest.mark.parametrize("group", MIRRORED)
def test_colors_are_continuous(group: str) -> None:
    u = random_units(4000, seed=1)
    near = u + 1e-6 * random_units(4000, seed=2)
    change = np.abs(ipf_colors(u, group, power=1) - ipf_colors(near, group, power=1))
    assert change.max() < 1e-4


def test_matrices_do_as_well_as_names() -> None:
    u = random_units(20).reshape(4, 5, 3)
    silver = Crystal.from_name("silver")
    by_matrix = ipf_colors(u, silver.point_operations)
    assert by_matrix.shape == (4, 5, 3)
    assert np.allclose(by_matrix, ipf_colors(u, "m-3m"))


def test_a_smaller_power_is_paler() -> None:
    u = random_units(50)
    assert (ipf_colors(u, power=0.3) >= ipf_colors(u, power=1.0) - 1e-12).all()


@pytest.mark.parametrize(
    ("u", "group", "power", "message"),
    [
        ([0, 0, 0], "mmm", 0.5, "not be zero"),
        ([0, 0, np.nan], "mmm", 0.5, "NaN"),
        ([0, 0, 1], "5/m", 0.5, "laue_group"),
        ([0, 0, 1], "mmm", 0.0, "power"),
    ],
)
def test_nonsense_is_refused(u: list, group: str, power: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ipf_colors(u, group, power=power)
