"""The picture of the parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from skastro.inspection import NMFParts, NMFPartsDisplay
from skastro.inspection._part_tiles import mosaic, projections, strip


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def fitted(n_components: int = 3, **options: object) -> NMFParts:
    rng = np.random.default_rng(0)
    X = rng.random((60, 3, 4, 5)) * (rng.random((60, 3, 4, 5)) < 0.1)
    y = np.repeat(["antiproton", "antideuteron"], 30)
    return NMFParts(n_components, random_state=0, **options).fit(X, y)


def test_projections_are_sums_along_the_axes_that_lie_side_by_side() -> None:
    volume = np.random.default_rng(0).random((2, 3, 4))
    tile = projections(volume)
    assert tile.shape == (3 + 1 + 2, 4 + 1 + 2)
    assert np.array_equal(tile[:3, :4], volume.sum(axis=0))
    assert np.array_equal(tile[4:, :4], volume.sum(axis=1))
    # A row of this view is the row of the one to its left.
    assert np.array_equal(tile[:3, 5:], volume.sum(axis=2).T)
    assert np.isnan(tile[3]).all()
    assert np.isnan(tile[4:, 4:]).all()
    layers = strip(volume)
    assert layers.shape == (3, 9)
    assert np.array_equal(layers[:, 5:], volume[1])


def test_tiles_lie_in_the_order_of_reading() -> None:
    tiles = [np.full((2, 3), k) for k in range(5)]
    picture, corners = mosaic(tiles, n_columns=3, head=2, gap=1)
    assert picture.shape == (8, 11)
    assert [picture[c] for c in corners] == [0, 1, 2, 3, 4]
    assert np.isnan(picture[:2]).all()
    assert np.isnan(picture[:, 3]).all()


def test_classes_stand_side_by_side_with_their_shares_in_the_titles() -> None:
    parts = fitted()
    display = NMFPartsDisplay.from_estimator(parts).plot(axis_names=("z", "y", "x"))
    assert list(display.axes_) == ["antideuteron", "antiproton"]
    boxes = [ax.get_position() for ax in display.axes_.values()]
    assert boxes[0].x1 <= boxes[1].x0
    for label, ax in display.axes_.items():
        share = parts.explained_share_[label]
        assert ax.get_title() == (
            f"{label}: 3 parts\n"
            f"explained share {100 * share:.1f} % of the training events"
        )
        shares = parts.part_shares_[label]
        assert display.order_[label].tolist() == np.argsort(-shares).tolist()
        texts = [t.get_text() for t in ax.texts[:3]]
        assert texts == [f"{100 * s:.1f} %" for s in sorted(shares)[::-1]]
    legend = display.axes_["antideuteron"].texts[3].get_text()
    assert "top left, sum over z; below, sum over y; right, sum over x" in legend
    assert len(display.axes_["antiproton"].texts) == 3


def test_pictures_are_the_parts_in_the_order_of_their_shares() -> None:
    parts = fitted()
    display = NMFPartsDisplay.from_estimator(parts, labels=["antiproton"])
    display.plot(n_columns=1)
    (picture,) = (image.get_array() for image in display.images_.values())
    first = parts.part_images("antiproton")[display.order_["antiproton"][0]]
    tile = projections(first)
    tile /= np.nanmax(tile)
    head = picture.shape[0] // 3 - tile.shape[0]
    assert head >= 2
    got = np.ma.filled(picture[head : head + tile.shape[0], : tile.shape[1]], np.nan)
    assert np.array_equal(got, tile, equal_nan=True)


def test_shares_of_other_events_and_of_centred_ones_are_named_as_such() -> None:
    parts = fitted(center="largest")
    rng = np.random.default_rng(1)
    X = rng.random((20, 3, 4, 5)) * (rng.random((20, 3, 4, 5)) < 0.1)
    y = np.repeat(["antiproton", "antideuteron"], 10)
    share = parts.explained_share(X, y)["antiproton"]
    display = NMFPartsDisplay.from_estimator(parts, X, y, events="held-out events")
    title = display.plot().axes_["antiproton"].get_title()
    assert f"{100 * share:.1f} % of the held-out events, centred" in title
    only = NMFPartsDisplay.from_estimator(parts, X[:10], y[:10])
    assert list(only.images) == ["antiproton"]
    assert only.events == "events given"


def test_only_the_strongest_parts_can_be_shown() -> None:
    display = NMFPartsDisplay.from_estimator(fitted(5)).plot(max_parts=2)
    ax = display.axes_["antiproton"]
    assert "5 parts, 2 shown" in ax.get_title()
    assert len(ax.texts) == 2


@pytest.mark.parametrize("view", ["projections", "strip"])
@pytest.mark.parametrize("shape", [(12,), (4, 5), (3, 4, 5), (2, 3, 4, 5)])
def test_any_shape_is_drawn(shape: tuple[int, ...], view: str) -> None:
    X = np.random.default_rng(0).random((20, *shape))
    display = NMFPartsDisplay.from_estimator(NMFParts(random_state=0).fit(X))
    channel = 1 if len(shape) == 4 else None
    display.plot(view=view, channel=channel).figure_.canvas.draw()
    picture = display.images_["all"].get_array()
    assert picture.min() >= 0
    assert picture.max() == 1


def test_channels_are_not_chosen_silently() -> None:
    X = np.random.default_rng(0).random((20, 2, 3, 4, 5))
    display = NMFPartsDisplay.from_estimator(NMFParts(random_state=0).fit(X))
    for channel in (None, 2):
        with pytest.raises(ValueError, match="2 channels: give channel"):
            display.plot(channel=channel)


def test_given_axes_are_used_and_counted() -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2)
    display = NMFPartsDisplay.from_estimator(fitted()).plot(axes)
    assert display.figure_ is figure
    assert list(display.axes_.values()) == list(axes)
    with pytest.raises(ValueError, match="2 classes need 2 axes, got 1"):
        display.plot(axes[0])


def test_a_share_that_is_not_known_is_not_made_up() -> None:
    display = NMFPartsDisplay(
        images={"a": np.ones((1, 2, 2))},
        part_shares={"a": np.array([0.004])},
        explained_share={"a": float("nan")},
    ).plot()
    assert "a: 1 part\nexplained share unknown" in display.axes_["a"].get_title()
    assert display.axes_["a"].texts[0].get_text() == "0.40 %"


def test_unknown_options_are_refused() -> None:
    display = NMFPartsDisplay.from_estimator(fitted())
    with pytest.raises(ValueError, match="view must be"):
        display.plot(view="side")
    with pytest.raises(ValueError, match="max_parts must be at least 1"):
        display.plot(max_parts=0)
    with pytest.raises(ValueError, match="axis_names must be three names"):
        display.plot(axis_names=("x", "y"))
    with pytest.raises(ValueError, match=r"unknown are \['kaon'\]"):
        NMFPartsDisplay.from_estimator(fitted(), labels=["kaon"])


def test_heads_and_title_are_of_the_same_events() -> None:
    parts = fitted()
    rng = np.random.default_rng(1)
    X = rng.random((20, 3, 4, 5)) * (rng.random((20, 3, 4, 5)) < 0.1)
    y = np.repeat(["antiproton", "antideuteron"], 10)
    display = NMFPartsDisplay.from_estimator(parts, X, y)
    for label, share in parts.explained_share(X, y).items():
        heads = display.part_shares[label]
        assert heads.sum() == pytest.approx(share)
        assert not np.allclose(heads, parts.part_shares_[label])
    nothing = NMFPartsDisplay.from_estimator(parts, 0 * X, y)
    assert np.isnan(nothing.part_shares["antiproton"]).all()
