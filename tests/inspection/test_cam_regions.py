"""Shares of mass and mean maps, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from skastro.inspection import cam_mass_shares, class_mean_maps, near_largest


def test_near_largest_by_hand() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((9, 4, 5, 6))
    X[8] = 0
    for radius in (0, 1, 1.5, 3):
        mask = near_largest(X, radius)
        places = np.stack(np.indices((4, 5, 6)), axis=-1)
        for i in range(8):
            top = np.array(np.unravel_index(X[i].argmax(), (4, 5, 6)))
            away = np.sqrt(((places - top) ** 2).sum(axis=-1))
            np.testing.assert_array_equal(mask[i], away <= radius)
        assert not mask[8].any()
    flat = X.reshape(9, -1)
    for same in (flat, sp.csr_array(flat)):
        np.testing.assert_array_equal(
            near_largest(same, 1, grid_shape=(4, 5, 6)), near_largest(X, 1)
        )
    assert near_largest(X, 1)[0].sum() <= 7
    with pytest.raises(ValueError, match="radius"):
        near_largest(X, -1)
    with pytest.raises(ValueError, match="grid"):
        near_largest(X, 1, grid_shape=(4, 5))


def test_mass_shares_by_hand() -> None:
    maps = np.array([[[3.0, 1.0], [0.0, -4.0]], [[0.0, 0.0], [0.0, -1.0]]])
    left = np.array([[True, False], [True, False]])
    none = np.zeros((2, 2, 2), dtype=bool)
    table = cam_mass_shares(maps, {"left": left, "none": none})
    assert table["left"]["mass"].tolist()[0] == 0.75
    assert np.isnan(table["left"]["mass"][1])
    assert table["left"]["size"].tolist() == [0.5, 0.5]
    assert table["left"]["enrichment"][0] == 1.5
    assert table["none"]["mass"][0] == 0
    assert np.isnan(table["none"]["enrichment"]).all()
    negative = cam_mass_shares(maps, {"left": left}, part="negative")
    assert negative["left"]["mass"].tolist() == [0, 0]
    absolute = cam_mass_shares(maps, {"left": left}, part="absolute")
    assert absolute["left"]["mass"].tolist() == [3 / 8, 0]
    for wrong in (left.astype(int), left[:1]):
        with pytest.raises(ValueError, match="left"):
            cam_mass_shares(maps, {"left": wrong})
    with pytest.raises(ValueError, match="part"):
        cam_mass_shares(maps, {}, part="all")
    with pytest.raises(ValueError, match="finite"):
        cam_mass_shares(maps * np.nan, {})


def test_class_means_counts_and_errors() -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(40, 3, 4)).astype(np.float32)
    y = np.array(["d", "p"])[rng.integers(0, 2, 40)]
    y_pred = np.array(["d", "p"])[rng.integers(0, 2, 40)]
    weight = rng.random(40)
    weight[0] = 0
    result = class_mean_maps(maps, y, sample_weight=weight)
    assert sorted(result.means) == ["d", "p"]
    for label in "dp":
        rows = np.flatnonzero((y == label) & (weight > 0))
        np.testing.assert_array_equal(result.indices[label], rows)
        w = weight[rows]
        mean = np.average(maps[rows], axis=0, weights=w)
        np.testing.assert_allclose(result.means[label], mean, rtol=1e-6)
        assert result.weights[label] == pytest.approx(w.sum())
        assert result.means[label].dtype == np.float64
    plain = class_mean_maps(maps, y)
    chosen = maps[y == "d"]
    error = chosen.std(axis=0, ddof=1) / np.sqrt(len(chosen))
    np.testing.assert_allclose(plain.std_errors["d"], error, rtol=1e-5)
    right = class_mean_maps(maps, y, y_pred, only="correct")
    wrong = class_mean_maps(maps, y, y_pred, only="misclassified")
    assert list(wrong.means) == [("d", "p"), ("p", "d")]
    np.testing.assert_array_equal(
        wrong.indices["p", "d"], np.flatnonzero((y == "p") & (y_pred == "d"))
    )
    counted = pd_sum(right) + pd_sum(wrong)
    assert counted == 40
    assert wrong.table().columns.tolist() == ["true", "predicted", "n", "weight"]
    assert right.table()["class"].tolist() == ["d", "p"]


def pd_sum(result: object) -> int:
    return int(result.table()["n"].sum())  # type: ignore[attr-defined]


def test_aligned_means() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((12, 2, 3, 4))
    X[11] = 0
    result = class_mean_maps(X, np.zeros(12, int), align=X)
    assert result.means[0].shape == (3, 5, 7)
    assert len(result.indices[0]) == 11
    # The middle of the mean of the deposits themselves is the mean largest deposit.
    assert result.means[0][1, 2, 3] == pytest.approx(X[:11].max((1, 2, 3)).mean())
    full = np.full((11, 3, 5, 7), np.nan)
    for i in range(11):
        k, j, m = np.unravel_index(X[i].argmax(), (2, 3, 4))
        full[i, 1 - k : 3 - k, 2 - j : 5 - j, 3 - m : 7 - m] = X[i]
    reached = np.isfinite(full).any(axis=0)
    np.testing.assert_array_equal(np.isfinite(result.means[0]), reached)
    expected = np.nansum(full, axis=0)[reached] / np.isfinite(full).sum(axis=0)[reached]
    np.testing.assert_allclose(result.means[0][reached], expected)
    flat = class_mean_maps(X, np.zeros(12, int), align=sp.csr_array(X.reshape(12, -1)))
    np.testing.assert_array_equal(flat.means[0], result.means[0])


def test_class_means_refuse_what_does_not_fit() -> None:
    maps, y = np.ones((3, 2, 2)), ["a", "b", "a"]
    for wrong in (
        {"y": y[:2]},
        {"y": y, "only": "false"},
        {"y": y, "only": "correct"},
        {"y": y, "sample_weight": [1, -1, 1]},
        {"y": y, "align": np.ones((3, 5))},
    ):
        with pytest.raises(ValueError, match=r"y|only|sample_weight|align"):
            class_mean_maps(maps, **wrong)


def test_shapes_and_labels_of_different_kinds_are_refused() -> None:
    maps = np.ones((6, 3, 4))
    with pytest.raises(ValueError, match="align"):
        class_mean_maps(maps, [0] * 6, align=np.ones((6, 4, 3)))
    with pytest.raises(ValueError, match="grid"):
        near_largest(np.ones((6, 4, 3)), grid_shape=(3, 4))
    with pytest.raises(ValueError, match="one kind"):
        class_mean_maps(maps, ["0", "1"] * 3, [0, 1] * 3, only="misclassified")
