"""Sky map and hardness plane: every point where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skastro.xray import HardnessRatioDisplay, SkyMapDisplay

NAMES = np.array(
    ["AGN", "CV", "HM-STAR", "HMXB", "LM-STAR", "LMXB", "NS", "NS_BIN", "YSO"]
)
COUNTS = np.array([300, 20, 15, 14, 250, 12, 30, 3, 40])


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def catalogue() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = NAMES.repeat(COUNTS)
    n = len(label)
    frame = pd.DataFrame(
        {
            "ra": rng.uniform(0, 360, n),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "label": label,
        }
    )
    for kind in ("rate", "flux"):
        for i in (1, 2):
            frame[f"hr{i}_{kind}"] = rng.uniform(-1, 1, n)
    frame["hr1_rate_err"] = frame["hr2_rate_err"] = 0.1
    return frame.sample(frac=1, random_state=0, ignore_index=True)


def overlapping(texts: list[Any]) -> bool:
    texts[0].get_figure(root=True).draw_without_rendering()
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_longitude_grows_to_the_left_from_the_galactic_centre() -> None:
    pytest.importorskip("astropy")
    lon, lat = [0.0, 90.0, 179.0, 181.0, 270.0, 359.0], [0, 10, 0, 0, -20, 80]
    display = SkyMapDisplay.from_coordinates(lon, lat, frame="galactic").plot()
    (points,) = display.points_.values()
    x, y = np.degrees(points.get_offsets().T)
    np.testing.assert_allclose(x, [0, -90, -179, 179, 90, 1])
    np.testing.assert_allclose(y, lat)
    ticks = np.degrees(display.ax_.get_xticks())
    names = [int(t.get_text().rstrip("°")) for t in display.ax_.get_xticklabels()]
    np.testing.assert_allclose(np.array(names) % 360, -ticks % 360)
    assert names[0] == 150
    assert names[-1] == 210
    heights = np.degrees(display.ax_.get_yticks())
    texts = [float(t.get_text().rstrip("°")) for t in display.ax_.get_yticklabels()]
    np.testing.assert_allclose(texts, heights)
    display.figure_.draw_without_rendering()
    # On the page: l = 90 is left of the centre.
    place = display.ax_.transData.transform(points.get_offsets())
    assert place[1, 0] < place[0, 0] < place[4, 0]
    assert not overlapping(display.ax_.get_xticklabels())


def test_positions_of_known_objects() -> None:
    pytest.importorskip("astropy")
    # Sgr A*, the north Galactic pole and the Crab (SIMBAD, J2000).
    display = SkyMapDisplay.from_coordinates(
        [266.41684, 192.85948, 83.63308], [-29.00781, 27.12825, 22.01450]
    )
    np.testing.assert_allclose(display.lon[[0, 2]], [359.9442, 184.5575], atol=1e-3)
    np.testing.assert_allclose(display.lat, [-0.0462, 90.0, -5.7843], atol=1e-3)


def test_galactic_coordinates_are_the_rotation_of_hipparcos() -> None:
    pytest.importorskip("astropy")
    # ESA 1997, The Hipparcos and Tycho Catalogues, volume 1, equation 1.5.11.
    rotation = np.array(
        [
            [-0.0548755604, -0.8734370902, -0.4838350155],
            [0.4941094279, -0.4448296300, 0.7469822445],
            [-0.8676661490, -0.1980763734, 0.4559837762],
        ]
    )
    frame = catalogue()
    ra, dec = np.radians(frame["ra"].to_numpy()), np.radians(frame["dec"].to_numpy())
    vector = [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]
    x, y, z = rotation @ np.array(vector)
    display = SkyMapDisplay.from_frame(frame)
    # astropy goes through FK5, which differs from ICRS by some 0.02 arcsec.
    away = (display.lon - np.degrees(np.arctan2(y, x)) + 180) % 360 - 180
    assert np.abs(away * np.cos(np.radians(display.lat))).max() < 3e-5
    np.testing.assert_allclose(display.lat, np.degrees(np.arcsin(z)), atol=3e-5)


def test_every_source_is_drawn_and_rare_classes_are_on_top() -> None:
    frame = catalogue()
    frame.loc[:30, "label"] = None
    for display in (
        SkyMapDisplay.from_coordinates(
            frame["ra"], frame["dec"], frame["label"], frame="galactic"
        ).plot(),
        HardnessRatioDisplay.from_frame(frame).plot(),
    ):
        sizes = {label: len(p.get_offsets()) for label, p in display.points_.items()}
        left = frame["label"].value_counts().to_dict()
        assert sizes == {**left, "no class": 31}
        order = sorted(display.points_, key=lambda c: display.points_[c].get_zorder())
        assert order[0] == "no class"
        assert order[-1] == "NS_BIN"
        assert [sizes[c] for c in order[1:]] == sorted(left.values(), reverse=True)
        texts = display.legend_.get_texts()
        expected = [f"{c} ({left[c]})" for c in NAMES] + ["no class (31)"]
        assert [text.get_text() for text in texts] == expected
        assert not overlapping(texts)
        looks = {
            (h.get_color(), h.get_marker()) for h in display.legend_.legend_handles
        }
        assert len(looks) == 10


def test_looks_follow_the_given_classes() -> None:
    frame = catalogue()
    full = SkyMapDisplay.from_coordinates(
        frame["ra"], frame["dec"], frame["label"], frame="galactic"
    ).plot()
    some = frame[frame["label"].isin(["NS", "YSO"])]
    part = HardnessRatioDisplay.from_frame(some, classes=NAMES).plot()
    for label in ("NS", "YSO"):
        a, b = full.points_[label], part.points_[label]
        assert (a.get_facecolor()[0, :3] == b.get_facecolor()[0, :3]).all()
    with pytest.raises(ValueError, match=r"lacks \['YSO'\]"):
        HardnessRatioDisplay.from_frame(some, classes=["NS"])


def test_points_and_errors_are_the_columns() -> None:
    frame = catalogue()
    frame.loc[frame["label"] == "NS_BIN", "hr2_rate"] = [0.5, np.nan, -0.25]
    display = HardnessRatioDisplay.from_frame(frame).plot(max_error_bars=15)
    rows = frame[(frame["label"] == "NS_BIN") & frame["hr2_rate"].notna()]
    np.testing.assert_allclose(
        display.points_["NS_BIN"].get_offsets(), rows[["hr1_rate", "hr2_rate"]]
    )
    few = {c for c, n in zip(NAMES, COUNTS, strict=True) if n <= 15}
    assert set(display.bars_) == few
    (across, up) = display.bars_["NS_BIN"].lines[2]
    width = np.diff(np.array(across.get_segments())[:, :, 0])
    np.testing.assert_allclose(width, 0.2)
    assert len(up.get_segments()) == 2
    assert display.n_missing_ == 1
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert "NS_BIN (2 of 3)" in texts
    assert "1 of 684 lack a ratio" in display.legend_.get_title().get_text()
    assert display.ax_.get_xlim() == display.ax_.get_ylim() == (-1, 1)
    assert display.ax_.get_xlabel() == "HR1 (count rates)"
    none = HardnessRatioDisplay.from_frame(frame).plot(max_error_bars=0, legend=False)
    assert none.bars_ == {}
    assert none.legend_ is None


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ("hr1_rate", "hr2_flux", "made of count rates and hr2_flux of fluxes"),
        ("hr1_flux", "hr2_rate", "made of fluxes and hr2_rate of count rates"),
        ("hr1_rate", "hr_ms", "hr_ms does not say"),
        ("hr1_rate", "hr3_rate", r"no column \['hr3_rate'\]"),
    ],
)
def test_ratios_of_different_origin_share_no_plane(
    x: str, y: str, message: str
) -> None:
    frame = catalogue().assign(hr_ms=0.0)
    with pytest.raises(ValueError, match=message):
        HardnessRatioDisplay.from_frame(frame, x, y)


def test_ratios_without_a_named_origin_may_meet() -> None:
    frame = catalogue().assign(hr_ms=0.0, hr_hm=1.0)
    display = HardnessRatioDisplay.from_frame(frame, "hr_ms", "hr_hm", by=None).plot()
    assert list(display.points_) == ["no class"]
    assert display.ax_.get_xlabel() == "HR_MS"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hr1_rate": 1.5}, r"hr1_rate must lie in \[-1, 1\]"),
        ({"hr1_rate": "hard"}, "hr1_rate must be numbers"),
        ({"hr1_rate_err": -0.1}, "not negative"),
    ],
)
def test_what_is_no_hardness_ratio_is_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        HardnessRatioDisplay.from_frame(catalogue().assign(**change))


def test_nullable_columns_and_own_axes() -> None:
    from matplotlib import pyplot

    frame = catalogue().convert_dtypes()
    frame.loc[0, "hr1_rate"] = pd.NA
    figure, axes = pyplot.subplots(1, 2)
    display = HardnessRatioDisplay.from_frame(frame).plot(axes[0])
    assert display.n_missing_ == 1
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="mollweide"):
        SkyMapDisplay.from_coordinates([0.0], [0.0], frame="galactic").plot(axes[1])
    with pytest.raises(ValueError, match="frame must be"):
        SkyMapDisplay.from_coordinates([0.0], [0.0], frame="fk5")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dec must lie in"):
        SkyMapDisplay.from_coordinates([0.0], [99.0])
    with pytest.raises(ValueError, match=r"no column \['dec'\]"):
        SkyMapDisplay.from_frame(frame.drop(columns="dec"))


@pytest.mark.real_data
def test_real_catalogues(data_home: Any) -> None:
    pytest.importorskip("astropy")
    from skastro.xray import read_csc_training, read_lin2024

    chandra = read_csc_training(data_home / "xray" / "CSC_TD_11042023_MW.csv")
    sky = SkyMapDisplay.from_frame(chandra).plot()
    assert sum(len(p.get_offsets()) for p in sky.points_.values()) == 3126
    # High-mass binaries hug the plane, AGN avoid it.
    low = np.abs(sky.lat) < 10
    assert low[sky.labels == "HMXB"].mean() > 0.8 > low[sky.labels == "AGN"].mean()
    lin = read_lin2024(data_home / "xray" / "lin2024_4xmm_dr13_custom.csv")
    plane = HardnessRatioDisplay.from_frame(lin, "hr1_flux", "hr2_flux").plot()
    drawn = sum(len(p.get_offsets()) for p in plane.points_.values())
    assert drawn + plane.n_missing_ == 1008
