"""The map of orientations in a scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from skastro.diffraction import (
    KinematicSimulator,
    OrientationMapDisplay,
    OrientationResult,
    TemplateMatcher,
    ipf_colors,
)

OPTIONS = {"shape": (96, 96), "max_g": 1.2, "spot_sigma": 1.1, "scale": 0.027}
SILVER = KinematicSimulator("silver", **OPTIONS)
ANATASE = KinematicSimulator("anatase", **OPTIONS)
GREY = 0.72


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def scan() -> np.ndarray:
    """Two rows of silver and anatase, three columns; the last column is empty."""
    X = np.zeros((2, 3, 96, 96), dtype=np.float32)
    X[0, :2] = SILVER.images([[1, 1, 4], [1, 0, 1]], in_plane=[0.2, 0.9])
    X[1, :2] = ANATASE.images([[1, 0.3, 0.7], [0.3, 0.1, 1]], in_plane=[0.5, 1.4])
    return X


@pytest.fixture(scope="module")
def matcher(scan: np.ndarray) -> TemplateMatcher:
    return TemplateMatcher(
        ["silver", "anatase"],
        max_g=1.2,
        spot_sigma=1.1,
        scale=0.027,
        zone_spacing=4.0,
        fixed=("relrod",),
    ).fit(scan)


@pytest.fixture(scope="module")
def result(scan: np.ndarray, matcher: TemplateMatcher) -> OrientationResult:
    return matcher.match(scan)


def test_colors_are_those_of_the_directions(
    scan: np.ndarray, matcher: TemplateMatcher, result: OrientationResult
) -> None:
    display = OrientationMapDisplay.from_estimator(matcher, scan)
    assert display.valid.tolist() == [[True, True, False]] * 2
    assert display.phase[:, :2].tolist() == [[0, 0], [1, 1]]
    colors = display.colors()
    assert colors.shape == (2, 3, 3)
    assert np.allclose(colors[:, 2], GREY)
    known = ipf_colors([[1, 1, 4], [1, 0, 1]], "m-3m", power=1.0)
    assert np.allclose(display.colors(power=1.0)[0, :2], known, atol=0.01)
    known = ipf_colors([[1, 0.3, 0.7], [0.3, 0.1, 1]], "4/mmm", power=1.0)
    assert np.allclose(display.colors(power=1.0)[1, :2], known, atol=0.01)
    for axis, row in (("x", 0), ("y", 1), ("z", 2)):
        u = result.rotation_matrices.reshape(2, 3, 3, 3)[1, :2, row]
        drawn = display.colors(axis)[1, :2]
        assert np.allclose(drawn, ipf_colors(u, "4/mmm"), atol=1e-6)


def test_picture_holds_the_colors(result: OrientationResult) -> None:
    display = OrientationMapDisplay.from_result(result).plot(direction="x")
    assert np.array_equal(display.image_.get_array(), display.colors("x"))
    assert display.image_.get_extent() == [-0.5, 2.5, 1.5, -0.5]
    # One rectangle for the empty pixel of each row.
    corners = display.hatch_.get_path().vertices
    assert corners[:, 0].min() == 1.5
    assert corners[:, 0].max() == 2.5
    assert display.hatch_.get_hatch()
    titles = [ax.get_title() for ax in display.key_axes_]
    assert titles == ["silver", "anatase"]
    names = [{t.get_text() for t in ax.texts} for ax in display.key_axes_]
    assert names == [{"[001]", "[101]", "[111]"}, {"[001]", "[100]", "[110]"}]
    (legend,) = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert legend == "not valid"


def test_key_has_the_colors_of_the_sector(result: OrientationResult) -> None:
    display = OrientationMapDisplay.from_result(result).plot(phase="silver")
    (axes,) = display.key_axes_
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    assert np.allclose([left, bottom], 0.0)
    colors = np.asarray(image.get_array())
    # [001] is the origin, [101] the right end of the lower side.
    assert np.allclose(colors[0, 0], [1, 0, 0], atol=0.1)
    assert np.allclose(colors[0, -1], [0, 1, 0], atol=0.1)
    assert np.isclose(right, np.tan(np.pi / 8))
    # [111] is the upper end of the diagonal.
    column = int((top - left) / (right - left) * colors.shape[1]) - 1
    assert np.allclose(colors[-1, column], [0, 0, 1], atol=0.1)


def test_one_phase(result: OrientationResult) -> None:
    display = OrientationMapDisplay.from_result(result)
    colors = display.colors(phase="anatase")
    assert np.allclose(colors[0, :2], 1.0)
    assert np.array_equal(colors[1], display.colors()[1])
    assert display.shown_phases("anatase") == [1]
    assert display.shown_phases() == [0, 1]
    with pytest.raises(ValueError, match="gold"):
        display.colors(phase="gold")


def test_phases_in_colors_of_their_own(result: OrientationResult) -> None:
    display = OrientationMapDisplay.from_result(result).plot(color_by="phase")
    colors = np.asarray(display.image_.get_array())
    assert np.array_equal(colors[0, 0], colors[0, 1])
    assert np.array_equal(colors[1, 0], colors[1, 1])
    assert np.abs(colors[0, 0] - colors[1, 0]).max() > 0.3
    legend = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert legend == ["silver", "anatase", "not valid"]
    assert not display.key_axes_


def test_shading_follows_the_reliability(result: OrientationResult) -> None:
    margin = np.array([1.0, 0.5, 1.0, 1.0, 0.0, 1.0])[:, None]
    changed = replace(
        result,
        margin=margin,
        twin_margin=np.full((6, 1), 1.0),
        residual_flag=np.zeros(6, dtype=bool),
    )
    display = OrientationMapDisplay.from_result(changed)
    plain, shaded = display.colors(), display.colors(shade=True)
    assert np.allclose(shaded[0, 0], plain[0, 0])
    assert np.allclose(shaded[0, 1], 0.65 * plain[0, 1])
    assert np.allclose(shaded[1, 1], 0.3 * plain[1, 1])
    assert np.allclose(shaded[:, 2], GREY)


def test_scan_of_valid_and_of_invalid_pixels(result: OrientationResult) -> None:
    good = replace(result, valid=np.ones_like(result.valid))
    display = OrientationMapDisplay.from_result(good).plot(shade=True)
    assert display.hatch_ is None
    bad = replace(result, valid=np.zeros_like(result.valid))
    display = OrientationMapDisplay.from_result(bad).plot(shade=True)
    assert np.allclose(display.image_.get_array(), GREY)
    assert not display.key_axes_
    vertices = display.hatch_.get_path().vertices
    assert vertices.min() == -0.5
    assert vertices[:, 0].max() == 2.5


def test_steps_and_given_axes(result: OrientationResult) -> None:
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    display = OrientationMapDisplay.from_result(result)
    display.plot(ax, step=4.0, unit="µm", key=False)
    assert display.ax_ is ax
    assert display.image_.get_extent() == [-2.0, 10.0, 6.0, -2.0]
    assert ax.get_xlabel() == "x (µm)"
    assert not display.key_axes_


def test_nonsense_is_refused(
    scan: np.ndarray, matcher: TemplateMatcher, result: OrientationResult
) -> None:
    with pytest.raises(ValueError, match="not of a scan"):
        OrientationMapDisplay.from_result(replace(result, scan_shape=None))
    with pytest.raises(ValueError, match="rows, columns"):
        OrientationMapDisplay.from_estimator(matcher, scan[0])
    with pytest.raises(ValueError, match="grain"):
        OrientationMapDisplay.from_result(result, grain=1)
    display = OrientationMapDisplay.from_result(result)
    with pytest.raises(ValueError, match="direction"):
        display.colors("u")
    with pytest.raises(ValueError, match="color_by"):
        display.plot(color_by="grain")
