"""The picture of a pattern with its spots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.diffraction import (
    BackgroundSubtractor,
    Crystal,
    DiffractionPatternDisplay,
    KinematicSimulator,
    TemplateMatcher,
)
from skastro.diffraction._spot_overlay import choose_labels, nearest_zone

SIMULATOR = KinematicSimulator("silver", shape=(96, 112), spot_sigma=1.1, max_g=1.2)
DIRECTIONS = [[1, 1, 4], [1, 0, 1]]


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def mixture() -> tuple[np.ndarray, TemplateMatcher]:
    singles = SIMULATOR.images(DIRECTIONS, in_plane=[0.3, 1.1])
    X = np.stack([singles[0], singles.mean(axis=0)])
    matcher = TemplateMatcher(
        "silver",
        n_matches=2,
        max_g=1.2,
        spot_sigma=1.1,
        scale=SIMULATOR.scale_,
        zone_spacing=4.0,
    )
    return X, matcher.fit(X)


def test_spots_of_both_grains_lie_on_the_pattern(mixture: tuple) -> None:
    X, matcher = mixture
    display = DiffractionPatternDisplay.from_estimator(matcher, X, 1).plot()
    truth = SIMULATOR.spots(
        Rotation.from_matrix(matcher.match(X[1:]).rotation_matrices[0])
    )
    assert len(display.points_) == 2
    for grain, points in enumerate(display.points_):
        offsets = np.asarray(points.get_offsets())
        gaps = np.linalg.norm(offsets[:, None] - truth[grain].g, axis=2).min(axis=1)
        assert gaps.max() < 1e-3
        sizes = points.get_sizes()
        assert (np.diff(sizes) <= 0).all()
        # Where a spot is drawn, the picture is dark: its value is near a local top.
        col = np.rint(offsets[:3, 0] / display.scale + display.center[1]).astype(int)
        row = np.rint(offsets[:3, 1] / display.scale + display.center[0]).astype(int)
        assert (X[1][row, col] > 0.1 * X[1].max()).all()
    colours = {tuple(p.get_edgecolor()[0]) for p in display.points_}
    shapes = {len(p.get_paths()[0].vertices) for p in display.points_}
    assert len(colours) == len(shapes) == 2
    texts = sorted(t.get_text() for t in display.legend_.get_texts())
    assert texts[0].startswith("1: silver ")
    assert texts[1].startswith("2: silver ")
    assert all("not valid" not in text for text in texts)


def test_labels_obey_the_zone_law(mixture: tuple) -> None:
    X, matcher = mixture
    display = DiffractionPatternDisplay.from_estimator(matcher, X, 0)
    matrix = matcher.match(X[:1]).rotation_matrices[0, 0]
    uvw, angle = nearest_zone(matrix[2], matcher.simulators_[0].crystal_)
    assert sorted(np.abs(uvw).tolist()) == [1, 1, 4]
    # The second grain that is not there pulls a little.
    assert angle < 0.5
    chosen = choose_labels(display.spots[0], np.arange(5), 5, 1.0, [])
    assert chosen
    zone = display.spots[0].hkl @ uvw
    strong = display.spots[0].intensity > 0.2 * display.spots[0].intensity.max()
    assert (zone[strong] == 0).all()


def test_picture_and_axes(mixture: tuple) -> None:
    X, _ = mixture
    h, w = X.shape[1:]
    spots = SIMULATOR.spots(DIRECTIONS[:1], in_plane=0.3)
    display = DiffractionPatternDisplay.from_spots(
        X[0], spots, scale=SIMULATOR.scale_, center=(40.0, 50.0), names=["Ag"]
    ).plot(power=0.25)
    assert np.allclose(display.image_.get_array(), X[0].astype(float) ** 0.25)
    left, right, bottom, top = display.image_.get_extent()
    # The direct beam is at zero; rows go down.
    assert np.isclose(left, -50.5 * SIMULATOR.scale_)
    assert np.isclose(bottom - top, h * SIMULATOR.scale_)
    assert np.isclose(right - left, w * SIMULATOR.scale_)
    assert bottom > top
    assert "1/Å" in display.ax_.get_xlabel()
    assert [t.get_text() for t in display.legend_.get_texts()] == ["Ag"]
    plain = DiffractionPatternDisplay.from_spots(X[0], [], scale=0.03).plot(power=1)
    assert np.allclose(plain.image_.get_array(), X[0])
    assert plain.legend_ is None


def test_labels_are_few_and_not_of_opposite_spots(mixture: tuple) -> None:
    X, matcher = mixture
    display = DiffractionPatternDisplay.from_estimator(matcher, X, 1)
    texts = [t.get_text() for t in display.plot(n_labels=3).labels_]
    assert 1 <= len(texts) <= 6
    # At the places of strong spots.
    places = {tuple(np.round(g, 9)) for s in display.spots for g in s.g}
    assert all(tuple(np.round(t.xy, 9)) in places for t in display.labels_)
    spots = SIMULATOR.spots([[0, 0, 1]])[0]
    order = np.argsort(-spots.intensity)
    chosen = spots.hkl[choose_labels(spots, order, 10, 1e-6, [])]
    assert not any((a == -b).all() for a in chosen for b in chosen)
    assert not display.plot(n_labels=0).labels_


def test_residual_is_what_no_grain_explains(mixture: tuple) -> None:
    X, matcher = mixture
    result = matcher.match(X)
    both = DiffractionPatternDisplay.from_estimator(matcher, X, 1, result=result)
    # The simulator cuts Gaussians off at 0.3 % of their peaks.
    assert np.abs(both.residual).max() < 5e-3 * X[1].max()
    one = DiffractionPatternDisplay(
        pattern=both.pattern,
        spots=both.spots[:1],
        center=both.center,
        scale=both.scale,
        spot_sigma=both.spot_sigma,
    )
    singles = SIMULATOR.images(DIRECTIONS, in_plane=[0.3, 1.1])
    truth = np.array(DIRECTIONS) / np.linalg.norm(DIRECTIONS, axis=1)[:, None]
    first = (truth @ result.directions[1, 0]).argmax()
    missing = one.residual[singles[first] < 1e-3]
    assert missing.max() > 0.2 * X[1].max()
    plot = one.plot(view="residual", power=0.5)
    shown = plot.image_.get_array()
    expected = np.sign(one.residual) * np.sqrt(np.abs(one.residual))
    assert np.allclose(shown, expected)
    assert plot.image_.norm.vmin == -plot.image_.norm.vmax
    assert np.isclose(plot.image_.norm.vmax, np.sqrt(X[1].max()))
    assert np.allclose(one.plot(view="model", power=1).image_.get_array(), one.model)


def test_index_of_a_scan(mixture: tuple) -> None:
    X, matcher = mixture
    scan = np.stack([X, X[::-1], X])
    by_pair = DiffractionPatternDisplay.from_estimator(matcher, scan, (1, 0))
    assert np.array_equal(by_pair.pattern, X[1])
    by_number = DiffractionPatternDisplay.from_estimator(matcher, scan, 2)
    assert np.array_equal(by_number.pattern, X[1])
    last = DiffractionPatternDisplay.from_estimator(matcher, scan, -1)
    assert np.array_equal(last.pattern, X[1])
    result = matcher.match(scan)
    given = DiffractionPatternDisplay.from_estimator(
        matcher, scan, (1, 0), result=result
    )
    assert given.names == by_pair.names
    # Of two orientations with the same pattern either may be found: compare the spots.
    spots = [np.sort(d.spots[1].g[:, 0]) for d in (given, by_pair)]
    assert np.allclose(*spots, atol=1e-6)
    with pytest.raises(ValueError, match="6 patterns"):
        DiffractionPatternDisplay.from_estimator(matcher, X, 0, result=result)
    for wrong in [(3, 0), (0, 2), 6, (0, 0, 0)]:
        with pytest.raises(IndexError):
            DiffractionPatternDisplay.from_estimator(matcher, scan, wrong)
    with pytest.raises(IndexError):
        DiffractionPatternDisplay.from_estimator(matcher, X, (0, 1))


def test_flat_rows_and_given_axes(mixture: tuple) -> None:
    from matplotlib import pyplot

    X, _ = mixture
    matcher = TemplateMatcher(
        "silver",
        max_g=1.2,
        spot_sigma=1.1,
        scale=SIMULATOR.scale_,
        image_shape=X.shape[1:],
        zone_spacing=6.0,
    ).fit(X.reshape(2, -1))
    display = DiffractionPatternDisplay.from_estimator(matcher, X.reshape(2, -1), 0)
    assert np.array_equal(display.pattern, X[0])
    _, ax = pyplot.subplots()
    assert display.plot(ax, scale_bar=True).ax_ is ax
    assert [t.get_text() for t in ax.texts if "Å" in t.get_text()] == ["1 Å⁻¹"]
    (bar,) = ax.lines
    assert np.isclose(np.ptp(bar.get_xdata()), 1.0)
    assert not len(ax.get_xticks())


def test_a_grain_that_is_not_there_is_called_so() -> None:
    X = SIMULATOR.images([[1, 1, 4]])
    empty = np.concatenate([X, np.random.RandomState(0).rand(*X.shape)])
    matcher = TemplateMatcher(
        "silver", max_g=1.2, scale=SIMULATOR.scale_, zone_spacing=6.0, max_score=0.3
    ).fit(empty)
    display = DiffractionPatternDisplay.from_estimator(matcher, empty, 1)
    assert display.names[0].endswith("not valid")


def test_nearest_zone() -> None:
    anatase = Crystal.from_name("anatase")
    a, _, c = anatase.direct_basis
    assert nearest_zone(a + c, anatase)[0].tolist() == [1, 0, 1]
    uvw, angle = nearest_zone(a + c + [0, 0.01 * np.linalg.norm(a + c), 0], anatase)
    assert uvw.tolist() == [1, 0, 1]
    assert np.isclose(angle, np.degrees(np.arctan(0.01)))


def test_nonsense_is_refused() -> None:
    image = np.ones((8, 8))
    make = DiffractionPatternDisplay.from_spots
    with pytest.raises(ValueError, match="shape"):
        make(np.full((8, 8), np.nan), [], scale=0.1)
    with pytest.raises(ValueError, match="scale"):
        make(image, [], scale=0.0)
    with pytest.raises(ValueError, match="names"):
        make(image, [], scale=0.1, names=["a"])
    with pytest.raises(ValueError, match="view"):
        make(image, [], scale=0.1).plot(view="left")
    with pytest.raises(ValueError, match="power"):
        make(image, [], scale=0.1).plot(power=0)


@pytest.mark.real_data
def test_spots_lie_on_measured_ones(data_home: Path) -> None:
    with np.load(data_home / "diffraction" / "ag_sped_two_grains.npz") as file:
        raw = file["patterns"].astype(np.float64)
        scale = float(file["scale_inv_angstrom_per_px"])
    X = BackgroundSubtractor().fit_transform(raw)
    matcher = TemplateMatcher(
        "silver", scale=scale, center=(56.0, 56.0), fixed=("relrod",)
    ).fit(X)
    for index, zone in enumerate(["[101]", "[114]"]):
        display = DiffractionPatternDisplay.from_estimator(matcher, X, index).plot()
        digits = display.names[0].replace(r"\bar", "")
        assert sorted(d for d in digits.split("+")[0][3:] if d.isdigit()) == sorted(
            zone[1:-1]
        )
        places = np.asarray(display.points_[0].get_offsets())[:6]
        col = np.rint(places[:, 0] / display.scale + display.center[1]).astype(int)
        row = np.rint(places[:, 1] / display.scale + display.center[0]).astype(int)
        assert (X[index][row, col] > 10 * np.median(X[index])).all()
        assert np.square(display.residual).sum() < 0.6 * np.square(X[index]).sum()
