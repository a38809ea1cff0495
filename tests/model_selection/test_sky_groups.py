"""Friends of friends on the sphere: against brute force, and where spheres are odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN

from skastro.model_selection import sky_groups


def reference(ra: Any, dec: Any, linking: float) -> np.ndarray:
    """Single linking by the haversine formula, which shares nothing with ours."""
    positions = np.radians(np.column_stack([dec, ra]))
    search = DBSCAN(
        eps=np.radians(linking) * (1 + 1e-12),
        min_samples=1,
        metric="haversine",
        algorithm="ball_tree",
    )
    return pd.factorize(search.fit(positions).labels_)[0]


def sky(kind: str, n: int, linking: float, rng: np.random.Generator) -> Any:
    if kind == "whole":
        return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    if kind == "pole":
        far = np.abs(rng.normal(0, 10 * linking, n)).clip(0, 180)
        return rng.uniform(0, 360, n), 90 - far
    centre = rng.uniform(-80, 80, 12)[rng.integers(0, 12, n)]
    ra = rng.choice([0.0, 180.0], n) + rng.normal(0, 4 * linking, n)
    return ra % 360, (centre + rng.normal(0, 4 * linking, n)).clip(-90, 90)


@pytest.mark.parametrize("kind", ["whole", "pole", "fields"])
@pytest.mark.parametrize("linking", [0.001, 0.3, 3.0, 25.0])
def test_groups_are_those_of_brute_force(kind: str, linking: float) -> None:
    rng = np.random.default_rng(int(1000 * linking))
    for n in (2, 50, 700):
        ra, dec = sky(kind, n, linking, rng)
        expected = reference(ra, dec, linking)
        assert sky_groups(ra, dec, linking).tolist() == expected.tolist()


def test_across_zero_and_over_the_pole() -> None:
    assert sky_groups([359.95, 0.05, 0.2], [0, 0, 0], 0.1).tolist() == [0, 0, 1]
    assert sky_groups([-0.05, 0.05], [0, 0], 0.11).tolist() == [0, 0]
    # At the pole all right ascensions are one; 0.1 + 0.1 degrees lie between the two.
    assert sky_groups([0, 90, 180], [90, 90, 90], 1e-6).tolist() == [0, 0, 0]
    assert sky_groups([10, 190], [89.9, 89.9], 0.201).tolist() == [0, 0]
    assert sky_groups([10, 190], [89.9, 89.9], 0.199).tolist() == [0, 1]
    # Away from the equator a degree of right ascension is shorter.
    assert sky_groups([0, 1], [60, 60], 0.51).tolist() == [0, 0]
    assert sky_groups([0, 1], [0, 0], 0.99).tolist() == [0, 1]


@pytest.mark.parametrize("linking", [1e-6, 1e-3, 0.3, 30.0])
def test_the_linking_length_itself_links(linking: float) -> None:
    dec = np.array([0.0, linking, 2 * linking])
    assert sky_groups(np.zeros(3), dec, linking).tolist() == [0, 0, 0]
    assert sky_groups(np.zeros(3), dec, linking * (1 - 1e-6)).tolist() == [0, 1, 2]


def test_a_chain_is_one_group_and_numbers_follow_first_appearance() -> None:
    ra = np.array([50.0, 10.4, 10.0, 10.2, 50.1])
    assert sky_groups(ra, np.zeros(5), 0.21).tolist() == [0, 1, 1, 1, 0]
    assert sky_groups([], [], 1.0).tolist() == []
    assert sky_groups([0.0, 180.0], [0.0, 0.0], 180).tolist() == [0, 0]


def test_a_crowded_field_has_too_many_pairs_to_list() -> None:
    rng = np.random.default_rng(0)
    n = 60_000
    # 5e8 pairs within 0.3 degrees; two clumps that only one bridge source connects.
    ra, dec = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    ra[n // 2 :] += 1.5
    assert len(set(sky_groups(ra, dec, 0.3))) == 2
    bridge = sky_groups(np.append(ra, 1.25), np.append(dec, 0.5), 0.3)
    assert len(set(bridge)) == 1


def test_units_and_frames() -> None:
    units = pytest.importorskip("astropy.units")
    table = pytest.importorskip("astropy.table")
    ra, dec = np.array([10.0, 10.1, 20.0]), np.array([0.0, 0.0, 0.0])
    for column in (
        np.radians(ra) * units.rad,
        (ra / 15) * units.hourangle,
        table.Table({"ra": ra * units.deg})["ra"],
        table.MaskedColumn(np.radians(ra), unit="rad"),
        pd.Series(ra, dtype="Float64"),
    ):
        assert sky_groups(column, dec * units.deg, 0.2).tolist() == [0, 0, 1]
    masked = table.MaskedColumn(ra, mask=[True, False, False], unit="deg")
    for column, message in ((masked, "1 masked"), (ra * units.m, "not convertible")):
        with pytest.raises(ValueError, match=message):
            sky_groups(column, dec, 0.2)
    with pytest.raises(ValueError, match="ra has 1 values of 3 not finite"):
        sky_groups(pd.Series([1.0, None, 2.0], dtype="Float64"), dec, 0.2)


@pytest.mark.parametrize(
    ("ra", "dec", "linking", "message"),
    [
        ([1.0, np.nan], [0, 0], 1, "ra has 1 values of 2 not finite"),
        ([1.0, 2.0], [0, np.inf], 1, "dec has 1"),
        ([1.0], [90.1], 1, r"dec must lie in \[-90, 90\]"),
        ([400.0], [0], 1, r"ra must lie"),
        ([1.0, 2.0], [0], 1, "ra has 2 values and dec has 1"),
        (["1h"], [0], 1, "numbers in degrees"),
        (np.ma.masked_equal([1.0, 2.0], 2.0), [0, 0], 1, "masked"),
        ([[1.0]], [[0.0]], 1, "shape"),
        ([1.0], [0], 0, "linking_deg"),
        ([1.0], [0], -0.3, "linking_deg"),
        ([1.0], [0], np.nan, "linking_deg"),
        ([1.0], [0], 181, "linking_deg"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ra: Any, dec: Any, linking: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sky_groups(ra, dec, linking)


@pytest.mark.real_data
def test_fields_of_the_chandra_training_set(data_home: Any) -> None:
    frame = pd.read_csv(data_home / "xray" / "CSC_TD_11042023_MW.csv")
    groups = sky_groups(frame["ra"], frame["dec"], 0.3)
    assert groups.tolist() == reference(frame["ra"], frame["dec"], 0.3).tolist()
    assert 10 < len(set(groups)) < len(frame)
