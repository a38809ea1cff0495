"""Pictures show the numbers that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest
import scipy.sparse as sp

matplotlib.use("Agg")

from matplotlib import pyplot
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skastro.galaxy import GalaxyCNNClassifier
from skastro.inspection import GradCAM, GradCAMDisplay


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    pyplot.close("all")


def volumes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.random((3, 10, 12, 12)) * (rng.random((3, 10, 12, 12)) < 0.02)
    return rng.random(X.shape), X


def test_projections() -> None:
    maps, X = volumes()
    display = GradCAMDisplay.from_maps(maps, X).plot(1)
    for axis, image in enumerate(display.images_):
        np.testing.assert_allclose(image.get_array(), maps[1].sum(axis=axis))
        assert image.get_clim() == display.images_[0].get_clim()
        assert image.get_clim()[0] == 0
        marks = display.axes_[axis].collections[0].get_offsets()
        row, column = np.nonzero(X[1].sum(axis=axis))
        np.testing.assert_array_equal(marks, np.column_stack([column, row]))
        # A white rim, for dark voxels.
        assert display.axes_[axis].collections[0].get_path_effects()
    names = [(a.get_xlabel(), a.get_ylabel()) for a in display.axes_]
    assert names == [("Column", "Row"), ("Column", "Layer"), ("Row", "Layer")]
    # Layer 0 is on top, row 0 below.
    down = [a.get_ylim()[0] > a.get_ylim()[1] for a in display.axes_]
    assert down == [False, True, True]
    assert display.colorbar_.ax.get_ylabel() == "Grad-CAM"
    display.figure_.draw_without_rendering()


def test_slices_and_means() -> None:
    maps, X = volumes()
    both = np.stack([X, 100 * X], axis=1)
    for given in (X, both, sp.csr_array(X.reshape(3, -1)), both.reshape(3, -1)):
        display = GradCAMDisplay.from_maps(maps, given)
        np.testing.assert_array_equal(display.deposits, X)
    second = GradCAMDisplay.from_maps(maps, both, channel=1)
    np.testing.assert_array_equal(second.deposits, 100 * X)
    display = GradCAMDisplay.from_maps(maps - 0.5).plot(None, kind="slices")
    assert len(display.images_) == 10
    low, high = display.images_[0].get_clim()
    assert low == -high
    assert high == pytest.approx(np.abs(maps.mean(axis=0) - 0.5).max())
    np.testing.assert_allclose(
        display.images_[4].get_array(), maps.mean(axis=0)[4] - 0.5
    )
    assert display.images_[0].get_cmap().name == "PuOr_r"
    assert not display.axes_[0].collections


def test_mean_maps_with_holes_can_be_drawn() -> None:
    maps, _ = volumes()
    maps[:, 0] = np.nan
    display = GradCAMDisplay.from_maps(maps).plot(0)
    assert np.isfinite(display.images_[0].get_array()).all()


def test_over_an_image_through_a_pipeline() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.random((20, 16, 16)), np.repeat([0, 1], 10)
    net = GalaxyCNNClassifier(filters=(4, 4), max_epochs=1, random_state=0)
    pipe = make_pipeline(FunctionTransformer(lambda X: 3 * X), net).fit(X, y)
    display = GradCAMDisplay.from_estimator(pipe, X, target=y, signed=True).plot(2)
    picture, over = display.axes_
    np.testing.assert_array_equal(picture.images[0].get_array(), 3 * X[2])
    maps = GradCAM(pipe, signed=True)(X, y)
    np.testing.assert_array_equal(over.images[1].get_array(), maps[2])
    assert display.images_[0].get_alpha().max() <= 0.85
    colours = np.stack([X, X], axis=1)
    summed = GradCAMDisplay.from_maps(maps, colours)
    np.testing.assert_array_equal(summed.deposits, 2 * X)
    alone = GradCAMDisplay.from_estimator(pipe, X, upsample=False).plot(colorbar=False)
    assert alone.deposits is None
    assert len(alone.axes_) == 1


def test_own_axes() -> None:
    maps, X = volumes()
    figure, axes = pyplot.subplots(1, 3)
    display = GradCAMDisplay.from_maps(maps, X).plot(ax=axes, vmax=5.0, cmap="viridis")
    assert display.figure_ is figure
    assert display.images_[0].get_clim() == (0, 5)
    assert display.images_[0].get_cmap().name == "viridis"
    with pytest.raises(ValueError, match="10 axes"):
        display.plot(ax=axes, kind="slices")


def test_what_does_not_fit() -> None:
    maps, X = volumes()
    wrong: list[tuple[Any, Any]] = [
        (maps[0, 0], None),
        (maps, X[:2]),
        (maps, X[..., :5]),
        (maps[:0], None),
    ]
    for given, events in wrong:
        with pytest.raises(ValueError, match="maps"):
            GradCAMDisplay.from_maps(given, events)
    display = GradCAMDisplay.from_maps(maps, X)
    for kind in ("overlay", "top"):
        with pytest.raises(ValueError, match="kind"):
            display.plot(kind=kind)
    with pytest.raises(ValueError, match="kind"):
        GradCAMDisplay.from_maps(maps[:, 0]).plot(kind="slices")
    with pytest.raises(IndexError):
        display.plot(9)
    for channel in (1, -1):
        with pytest.raises(ValueError, match="channel must be from 0 to 0"):
            GradCAMDisplay.from_maps(maps, X, channel=channel)
    # As many voxels, but other axes.
    with pytest.raises(ValueError, match="do not fit"):
        GradCAMDisplay.from_maps(maps, X.transpose(0, 3, 2, 1))
    with pytest.raises(ValueError, match="axes to name"):
        GradCAMDisplay.from_maps(maps, axis_names=("a", "b"))
