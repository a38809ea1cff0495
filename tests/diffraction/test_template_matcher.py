"""Orientations by template matching, on patterns whose answer is known."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skastro.diffraction import (
    BackgroundSubtractor,
    Crystal,
    KinematicSimulator,
    TemplateMatcher,
    bunge_angles,
    direction_from_rotation,
    uvw_to_cartesian,
)
from skastro.metrics import direction_angle, make_direction_scorer
from skastro.utils import fold_directions, proper_operations

N = 24
SIMULATOR = KinematicSimulator("anatase", normalize="sum")


def folded(rotation: Rotation, group: Any = "4/mmm") -> np.ndarray:
    return fold_directions(direction_from_rotation(rotation), group)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give degrees between unit vectors, exact for small ones too."""
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1)))


def worse_angle(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Give the error of the worse grain, at the better assignment."""
    found = found.reshape(-1, 2, 3)
    straight = angle(found, true).max(axis=1)
    return np.minimum(straight, angle(found[:, ::-1], true).max(axis=1))


def poisson(images: np.ndarray, counts: float, seed: int = 0) -> np.ndarray:
    share = images / images.sum(axis=(1, 2), keepdims=True)
    return np.random.RandomState(seed).poisson(counts * share).astype(np.float32)


FIRST, SECOND = Rotation.random(N, rng=0), Rotation.random(N, rng=1)
TRUE = np.stack([folded(FIRST), folded(SECOND)], axis=1)


@pytest.fixture(scope="module")
def singles() -> np.ndarray:
    return SIMULATOR.images(FIRST)


@pytest.fixture(scope="module")
def pairs(singles: np.ndarray) -> np.ndarray:
    return 0.5 * (singles + SIMULATOR.images(SECOND))


@pytest.fixture(scope="module")
def one(singles: np.ndarray) -> TemplateMatcher:
    return TemplateMatcher().fit(singles)


@pytest.fixture(scope="module")
def two(pairs: np.ndarray) -> TemplateMatcher:
    return TemplateMatcher(n_matches=2).fit(pairs)


# Small and quick, for what does not depend on the accuracy.
SILVER_SIMULATOR = KinematicSimulator("silver", shape=(96, 96), scale=0.03, max_g=1.4)


@pytest.fixture(scope="module")
def silver() -> tuple[np.ndarray, np.ndarray]:
    rotation = Rotation.random(12, rng=2)
    return SILVER_SIMULATOR.images(rotation), folded(rotation, "m-3m")


def silver_matcher(**changes: Any) -> TemplateMatcher:
    settings: dict = {"crystal": "silver", "scale": 0.03, "max_g": 1.4}
    return TemplateMatcher(**settings | {"zone_spacing": 4.0} | changes)


# Accuracy


def test_clean_singles(one: TemplateMatcher, singles: np.ndarray) -> None:
    result = one.match(singles)
    error = angle(result.directions[:, 0], TRUE[:, 0])
    assert np.median(error) < 0.002
    # What is wrong is the twin, which then is the truth.
    twin = angle(result.twin_directions[:, 0], TRUE[:, 0])
    assert np.minimum(error, twin).max() < 0.002
    assert (error < 0.002).sum() >= N - 2
    assert (result.twin_margin[error > 0.002] < 1e-4).all()
    assert result.valid.all()
    assert not result.residual_flag.any()
    assert result.score.max() < 1e-3
    np.testing.assert_allclose(result.center, 111.5, atol=1e-3)
    np.testing.assert_allclose(result.scale, 1.5 / 108, rtol=1e-5)
    np.testing.assert_allclose(result.relrod_width, 0.02, rtol=1e-3)
    np.testing.assert_allclose(result.spot_sigma, 1.5, rtol=1e-3)


def test_full_rotations(one: TemplateMatcher, singles: np.ndarray) -> None:
    found = one.predict_rotation(singles)
    assert len(found) == N
    trace = np.einsum(
        "nij,ojk,nik->no",
        FIRST.as_matrix(),
        proper_operations("4/mmm"),
        found.as_matrix(),
    ).max(axis=1)
    off = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    assert (off < 0.02).sum() >= N - 2
    result = one.match(singles)
    np.testing.assert_allclose(
        result.rotation_matrices[:, 0], found.as_matrix(), atol=1e-12
    )
    # The rotation explains the image.
    again = SIMULATOR.images(found)
    np.testing.assert_allclose(again, singles, atol=0.01 * singles.max())
    upward = direction_from_rotation(found)
    np.testing.assert_allclose(
        fold_directions(upward, "4/mmm"), result.directions[:, 0], atol=1e-12
    )
    np.testing.assert_allclose(result.bunge()[:, 0], bunge_angles(found))


def test_clean_pairs(two: TemplateMatcher, pairs: np.ndarray) -> None:
    result = two.match(pairs)
    error = worse_angle(result.directions, TRUE)
    assert np.median(error) < 0.002
    assert (error < 2).sum() >= N - 3
    assert (error < 5).all()
    assert result.valid.all()
    # Brighter grain first.
    assert (np.diff(result.share, axis=1) <= 0).all()
    np.testing.assert_allclose(result.share.sum(axis=1), 1)


def test_noisy_singles_and_pairs(
    one: TemplateMatcher, two: TemplateMatcher, singles: np.ndarray, pairs: np.ndarray
) -> None:
    error = angle(one.predict(poisson(singles, 1e4)), TRUE[:, 0])
    assert np.median(error) < 0.1
    assert (error < 5).sum() >= N - 1
    error = worse_angle(two.predict(poisson(pairs, 1e4)), TRUE)
    assert np.median(error) < 0.15
    assert (error < 5).sum() >= N - 2


def test_another_camera_and_relrod() -> None:
    simulator = KinematicSimulator(
        "anatase",
        center=(112.3, 110.9),
        scale=1.5 / 108 * 1.01,
        relrod_width=0.025,
        spot_sigma=1.6,
    )
    X = simulator.images(FIRST)
    result = TemplateMatcher().fit(X).match(X)
    error = angle(result.directions[:, 0], TRUE[:, 0])
    assert np.median(error) < 0.01
    assert (error < 0.05).sum() >= N - 2
    np.testing.assert_allclose(result.center, [[112.3, 110.9]] * N, atol=0.01)
    np.testing.assert_allclose(result.scale, simulator.scale_, rtol=1e-4)
    np.testing.assert_allclose(result.relrod_width, 0.025, rtol=0.02)
    np.testing.assert_allclose(result.spot_sigma, 1.6, rtol=0.01)


@pytest.mark.parametrize(
    ("name", "attribute", "start"),
    [
        ("center", "center", 47.5),
        ("scale", "scale", 0.03),
        ("relrod", "relrod_width", 0.02),
        ("spot", "spot_sigma", 1.5),
    ],
)
def test_what_is_fixed_stays(
    silver: Any, name: str, attribute: str, start: float
) -> None:
    X = KinematicSimulator(
        "silver",
        shape=(96, 96),
        max_g=1.4,
        scale=0.0302,
        center=(47.9, 47.3),
        relrod_width=0.024,
        spot_sigma=1.6,
    ).images(Rotation.random(4, rng=2))
    found = getattr(silver_matcher(fixed=(name,)).fit(X).match(X), attribute)
    np.testing.assert_allclose(found, start, rtol=1e-6)
    free = getattr(silver_matcher().fit(X).match(X), attribute)
    assert (np.abs(free - start) > 1e-3 * start).any()


def test_given_center_and_rectangles() -> None:
    """Rows are rows and columns are columns."""
    rotation = Rotation.random(6, rng=3)
    simulator = KinematicSimulator(
        "silver", shape=(101, 127), center=(40.3, 70.2), scale=0.03, max_g=1.4
    )
    X = simulator.images(rotation)
    matcher = silver_matcher(center=(40.3, 70.2)).fit(X)
    result = matcher.match(X)
    error = angle(result.directions[:, 0], folded(rotation, "m-3m"))
    assert np.median(error) < 0.01
    np.testing.assert_allclose(result.center, [[40.3, 70.2]] * 6, atol=0.02)


def test_lorentzian_relrods() -> None:
    X = KinematicSimulator("anatase", relrod="lorentzian", relrod_width=0.03).images(
        FIRST
    )
    own = TemplateMatcher(relrod="lorentzian", relrod_width=0.03).fit(X)
    assert np.median(angle(own.predict(X), TRUE[:, 0])) < 0.01
    other = TemplateMatcher().fit(X)
    assert np.median(angle(other.predict(X), TRUE[:, 0])) < 0.3


@pytest.mark.parametrize("name", ["quartz", "triclinic"])
def test_crystals_of_lower_symmetry(name: str) -> None:
    crystal = {
        "quartz": Crystal(
            "quartz",
            (4.913, 4.913, 5.405, 90, 90, 120),
            [("Si", 0.47, 0, 1 / 3), ("O", 0.413, 0.266, 0.2146)],
            ["-y,x-y,z+1/3", "y,x,-z"],
        ),
        "triclinic": Crystal(
            "triclinic",
            (5, 6, 7, 85, 95, 100),
            [("Ti", 0, 0, 0), ("O", 0.2, 0.3, 0.4), ("Si", 0.61, 0.1, 0.77)],
        ),
    }[name]
    rotation = Rotation.random(8, rng=3)
    X = KinematicSimulator(crystal, max_g=1.2, shape=(160, 160)).images(rotation)
    matcher = TemplateMatcher(crystal, max_g=1.2, zone_spacing=4.0).fit(X)
    error = angle(matcher.predict(X), folded(rotation, crystal.point_operations))
    assert np.median(error) < 0.01
    assert (error < 0.1).sum() >= 7


def test_without_refinement(one: TemplateMatcher, singles: np.ndarray) -> None:
    coarse = TemplateMatcher(refine=False).fit(singles)
    result = coarse.match(singles)
    error = angle(result.directions[:, 0], TRUE[:, 0])
    assert 0.3 < np.median(error) < 1.6
    assert error.max() < 5
    assert np.median(angle(one.predict(singles), TRUE[:, 0])) < 0.1 * np.median(error)
    for name in ("score", "share", "twin_margin", "twin_directions"):
        assert np.isnan(getattr(result, name)).all()
    assert result.valid.all()
    assert np.isinf(coarse.score_limit_)
    # The zone that was taken is in the library.
    gaps = np.linalg.norm(result.directions - coarse.zones_, axis=2)
    assert gaps.min(axis=1).max() < 1e-6


@pytest.mark.parametrize("refine", [True, False])
def test_erasing_finds_faint_grains(singles: np.ndarray, refine: bool) -> None:
    X = 0.85 * singles + 0.15 * SIMULATOR.images(SECOND)
    found = {}
    for erase in (True, False):
        matcher = TemplateMatcher(n_matches=2, erase=erase, refine=refine).fit(X)
        found[erase] = (worse_angle(matcher.predict(X), TRUE) < 5).mean()
    assert found[True] > 0.85
    assert found[False] < found[True] - 0.2


def test_finer_templates_are_nearer(singles: np.ndarray) -> None:
    medians = []
    for spacing in (8.0, 4.0, 2.0):
        coarse = TemplateMatcher(refine=False, zone_spacing=spacing).fit(singles)
        medians.append(np.median(angle(coarse.predict(singles), TRUE[:, 0])))
    assert medians[0] > 1.4 * medians[1] > 1.4**2 * medians[2]


def test_three_grains(pairs: np.ndarray) -> None:
    third = Rotation.random(N, rng=5)
    X = (2 * pairs + SIMULATOR.images(third)) / 3
    true = np.concatenate([TRUE, folded(third)[:, None]], axis=1)
    result = TemplateMatcher(n_matches=3).fit(X).match(X)
    gaps = np.stack([angle(result.directions, true[:, [i]]) for i in range(3)], axis=1)
    assert (gaps.min(axis=2).max(axis=1) < 5).mean() > 0.6
    assert result.rotations.as_matrix().shape == (3 * N, 3, 3)


# The twin


def test_the_twin_is_returned() -> None:
    """All spots in one zone: half a turn about its normal changes nothing."""
    normal = uvw_to_cartesian([[1, 1, 1]], "anatase")[0]
    tilt = np.cross(normal, [0.2, -0.5, 0.1])
    tilt *= np.radians(3) / np.linalg.norm(tilt)
    u = Rotation.from_rotvec(tilt).apply(normal)
    simulator = KinematicSimulator("anatase")
    hkl = simulator.spots([u]).hkl
    assert (hkl.sum(axis=1) == 0).all()
    half_turn = Rotation.from_rotvec(np.pi * normal)
    rotation = Rotation.from_matrix(
        np.array([np.cross([0, 0, 1.0], u), np.cross(u, np.cross([0, 0, 1.0], u)), u])
        / np.array([[np.linalg.norm(np.cross([0, 0, 1.0], u))]] * 2 + [[1.0]])
    )
    X = simulator.images(rotation)
    same = simulator.images(rotation * half_turn)
    np.testing.assert_allclose(same, X, atol=1e-5)
    twin = 2 * (u @ normal) * normal - u
    both = fold_directions(np.array([u, twin]), "4/mmm")
    assert angle(both[0], both[1]) > 2
    result = TemplateMatcher().fit(X).match(X)
    found = np.array([result.directions[0, 0], result.twin_directions[0, 0]])
    order = [0, 1] if angle(found[0], both[0]) < 1 else [1, 0]
    assert angle(found[order], both).max() < 0.05
    assert result.twin_margin[0, 0] < 1e-4
    # An undecided twin halves the reliability.
    assert result.reliability[0] == pytest.approx(0.5 * result.margin[0, 0])


def test_margin_of_the_twin(one: TemplateMatcher, singles: np.ndarray) -> None:
    result = one.match(singles)
    assert (result.twin_margin >= 0).all()
    far = angle(result.directions[:, 0], result.twin_directions[:, 0]) > 5
    assert np.median(result.twin_margin[far]) > 0.01
    np.testing.assert_allclose(np.linalg.norm(result.twin_directions, axis=2), 1)


# Reliability


def test_a_missed_grain_is_flagged(
    one: TemplateMatcher, singles: np.ndarray, pairs: np.ndarray
) -> None:
    result = one.match(pairs)
    assert result.residual_flag.all()
    assert result.score.min() > 10 * one.score_limit_
    assert (result.reliability < one.predict_reliability(singles)).mean() > 0.8


def test_one_grain_where_two_were_asked_for(
    two: TemplateMatcher, singles: np.ndarray
) -> None:
    result = two.match(singles)
    assert result.valid[:, 0].all()
    assert not result.valid[:, 1].any()
    error = angle(result.directions[:, 0], TRUE[:, 0])
    assert (error < 0.1).sum() >= N - 2
    assert (result.reliability == 0).all()


def test_another_phase_is_flagged(one: TemplateMatcher) -> None:
    for name in ("silver", "silicon"):
        other = KinematicSimulator(name, scale=1.5 / 108).images(
            Rotation.random(8, rng=3)
        )
        result = one.match(other)
        assert result.residual_flag.all()
        assert result.reliability.max() < 0.25


@pytest.mark.parametrize("k", [1, 2])
def test_noise_is_not_valid(one: Any, two: Any, k: int) -> None:
    noise = np.random.RandomState(0).poisson(1.0, size=(6, 224, 224))
    result = (one if k == 1 else two).match(noise)
    assert not result.valid.any()
    assert result.residual_flag.all()
    assert (result.reliability == 0).all()
    assert np.isfinite(result.directions).all()


@pytest.mark.parametrize("k", [1, 2])
def test_empty_patterns(silver: Any, k: int) -> None:
    X, _ = silver
    X = np.concatenate([X[:4], np.zeros((9, 96, 96), np.float32)])
    matcher = silver_matcher(n_matches=k).fit(X)
    result = matcher.match(X)
    assert not result.valid[4:].any()
    assert result.valid[:4, 0].all()
    assert np.isnan(result.score[4:]).all()
    assert np.isfinite(result.score[:4]).all()
    assert np.isfinite(result.directions).all()
    assert (result.reliability[4:] == 0).all()
    # Empty patterns say nothing of how well others are usually explained.
    assert matcher.score_limit_ == silver_matcher(n_matches=k).fit(X[:4]).score_limit_


def test_limits_that_are_given(silver: Any) -> None:
    X, _ = silver
    assert silver_matcher(score_limit=0.25).fit(X).score_limit_ == 0.25
    assert not silver_matcher(min_contrast=50.0).fit(X).match(X).valid.any()
    assert not silver_matcher(max_score=0.0).fit(X).match(X).valid.any()
    faint = silver_matcher(n_matches=2, min_share=0.5).fit(X).match(X)
    np.testing.assert_array_equal(faint.valid.sum(axis=1) <= 1, True)


# Phases


def test_phases_are_told_apart() -> None:
    phases = ["anatase", "rutile", "silver"]
    rotation = Rotation.random(6, rng=5)
    images = [
        KinematicSimulator(p, scale=1.5 / 108, normalize="sum").images(rotation)
        for p in phases
    ]
    X = np.concatenate(images)
    matcher = TemplateMatcher(phases).fit(X)
    assert [s.crystal_.name for s in matcher.simulators_] == phases
    result = matcher.match(X)
    np.testing.assert_array_equal(result.phase[:, 0], np.repeat([0, 1, 2], 6))
    assert [c.name for c in result.crystals] == phases
    groups = ["4/mmm"] * 12 + ["m-3m"] * 6
    true = [
        fold_directions(u, g)
        for u, g in zip(
            np.tile(direction_from_rotation(rotation), (3, 1)), groups, strict=True
        )
    ]
    error = angle(result.directions[:, 0], np.array(true))
    assert np.median(error) < 0.01
    assert (error < 5).mean() > 0.9
    assert not result.residual_flag.any()
    mixed = 0.5 * (images[0] + images[2])
    result = TemplateMatcher(phases, n_matches=2).fit(mixed).match(mixed)
    np.testing.assert_array_equal(np.sort(result.phase, axis=1), [[0, 2]] * 6)
    assert result.valid.all()
    frame = result.to_frame()
    assert set(frame["phase"]) == {"anatase", "silver"}


# Input


def test_scan_and_flat_rows(silver: Any) -> None:
    X, _ = silver
    matcher = silver_matcher().fit(X)
    stacked = matcher.match(X)
    assert stacked.scan_shape is None
    scan = matcher.match(X.reshape(3, 4, 96, 96))
    assert scan.scan_shape == (3, 4)
    np.testing.assert_array_equal(scan.directions, stacked.directions)
    frame = scan.to_frame()
    np.testing.assert_array_equal(frame["row"], np.repeat([0, 1, 2], 4))
    np.testing.assert_array_equal(frame["column"], np.tile([0, 1, 2, 3], 3))
    assert "row" not in stacked.to_frame()
    flat = silver_matcher(image_shape=(96, 96)).fit(X.reshape(12, -1))
    np.testing.assert_array_equal(
        flat.predict(X.reshape(12, -1)), stacked.directions[:, 0].astype(np.float32)
    )
    assert flat.n_features_in_ == matcher.n_features_in_ == 96 * 96
    assert flat.input_shape_ == matcher.input_shape_ == (1, 96, 96)
    fitted_on_scan = silver_matcher().fit(X.reshape(3, 4, 96, 96))
    np.testing.assert_array_equal(fitted_on_scan.predict(X), matcher.predict(X))
    assert matcher.predict(X[:2].tolist()).shape == (2, 3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float32", "float64"])
def test_kinds_of_numbers(silver: Any, dtype: str) -> None:
    X, _ = silver
    top = {"uint8": 255, "uint16": 65535, "int64": 10**9}.get(dtype, 1e-3)
    scaled = X.astype(np.float64) * top
    scaled = np.rint(scaled) if "int" in dtype else scaled
    matcher = silver_matcher().fit(scaled.astype(dtype))
    found = matcher.predict(scaled.astype(dtype))
    assert found.dtype == (np.float32 if dtype == "float32" else np.float64)
    expected = silver_matcher().fit(X).predict(X)
    # 8 bits lose the faintest spots.
    assert np.median(angle(found, expected)) < (0.2 if dtype == "uint8" else 0.01)


def test_neither_order_nor_batch_matters(two: Any, pairs: np.ndarray) -> None:
    """Noise or none: 40 patterns are more than one chunk."""
    X = np.concatenate([pairs, poisson(pairs[:16], 1e4)]).astype(np.float64)
    together = two.predict(X)
    order = np.random.RandomState(0).permutation(len(X))
    np.testing.assert_allclose(two.predict(X[order]), together[order], atol=1e-5)
    alone = [two.predict(x[None])[0] for x in X[30:36]]
    np.testing.assert_allclose(alone, together[30:36], atol=1e-5)


def test_threads_and_random_state(silver: Any) -> None:
    X, _ = silver
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    found = silver_matcher().fit(X).predict(X)
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(state, after)
    np.testing.assert_array_equal(silver_matcher().fit(X).predict(X), found)
    np.testing.assert_allclose(
        silver_matcher(n_jobs=2).fit(X).predict(X), found, atol=1e-5
    )


def test_progress_bar(silver: Any, capsys: pytest.CaptureFixture[str]) -> None:
    X, _ = silver
    matcher = silver_matcher().fit(X)
    matcher.predict(X)
    assert capsys.readouterr().err == ""
    matcher.set_params(verbose=1).predict(X)
    assert "TemplateMatcher" in capsys.readouterr().err


# scikit-learn


def test_parameters_changed_after_fitting_change_nothing(silver: Any) -> None:
    X, _ = silver
    matcher = silver_matcher(n_matches=2).fit(X)
    before = matcher.match(X)
    matcher.set_params(
        n_matches=1,
        refine=False,
        erase=False,
        min_contrast=50.0,
        max_score=0.0,
        min_share=1.0,
        scale=0.05,
        crystal="anatase",
        zone_spacing=9.0,
        min_g=0.5,
        fixed=("scale",),
        intensity_weight=5.0,
        score_limit=0.5,
    )
    after = matcher.match(X)
    for again in (after, pickle.loads(pickle.dumps(matcher)).match(X)):
        np.testing.assert_array_equal(again.directions, before.directions)
        np.testing.assert_array_equal(again.valid, before.valid)
        np.testing.assert_array_equal(again.score, before.score)
    # Fitting again takes them up.
    matcher.set_params(crystal="silver", scale=0.03, max_score=0.7, fixed=())
    assert matcher.fit(X).predict(X).shape == (12, 3)


def test_saved_matchers_answer_alike(silver: Any, tmp_path: Path) -> None:
    X, _ = silver
    crystal = Crystal(
        "Ag",
        (4.08,) * 3 + (90,) * 3,
        [("Ag", 0, 0, 0)],
        Crystal.from_name("silver").operations,
    )
    matcher = silver_matcher(n_matches=2, crystal=[crystal, "rutile"]).fit(X)
    expected = matcher.match(X)

    def agrees(other: TemplateMatcher) -> None:
        found = other.match(X)
        np.testing.assert_array_equal(found.directions, expected.directions)
        np.testing.assert_array_equal(found.score, expected.score)
        np.testing.assert_array_equal(found.valid, expected.valid)

    data = pickle.dumps(matcher)
    # The library, which is made again, is not in it.
    assert len(data) < 3e5
    agrees(pickle.loads(data))
    joblib.dump(matcher, tmp_path / "m.joblib")
    agrees(joblib.load(tmp_path / "m.joblib"))


def test_skops_round_trip(silver: Any) -> None:
    io = pytest.importorskip("skops.io")
    X, _ = silver
    matcher = silver_matcher(n_matches=2).fit(X)
    data = io.dumps(matcher)
    trusted = io.get_untrusted_types(data=data)
    assert trusted
    assert all(name.startswith("skastro.diffraction.") for name in trusted)
    again = io.loads(data, trusted=trusted)
    np.testing.assert_array_equal(again.predict(X), matcher.predict(X))


def test_clone(silver: Any) -> None:
    X, _ = silver
    matcher = silver_matcher(crystal=Crystal.from_name("silver"), fixed=["relrod"])
    copy = clone(matcher.fit(X))
    assert not hasattr(copy, "zones_")
    np.testing.assert_array_equal(copy.fit(X).predict(X), matcher.predict(X))


def test_pipeline_and_grid_search(silver: Any) -> None:
    X, true = silver
    radius = np.hypot(*(np.indices((96, 96)) - 47.5))
    X = X.astype(np.float64) + 0.5 * np.exp(-radius / 12)
    pipeline = make_pipeline(BackgroundSubtractor(), silver_matcher())
    error = angle(pipeline.fit(X).predict(X), true)
    assert np.median(error) < 0.5
    search = GridSearchCV(
        pipeline,
        {"templatematcher__scale": [0.03, 0.036]},
        scoring=make_direction_scorer("median", laue_group="m-3m"),
        cv=2,
    ).fit(X, true)
    assert search.best_params_ == {"templatematcher__scale": 0.03}
    assert search.best_score_ > -0.5
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] < scores[0] - 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fixed": ("relrod", "beam")}, "fixed may hold"),
        ({"fixed": "relrod"}, "fixed"),
        ({"min_g": 1.4}, "min_g = 1.4 must be below"),
        ({"min_g": 2.0}, "must be below"),
        ({"min_g": -0.1}, "min_g"),
        ({"crystal": "gold"}, "no built-in crystal 'gold'"),
        ({"crystal": ["silver", "gold"]}, "no built-in crystal 'gold'"),
        ({"crystal": []}, "no phase"),
        ({"crystal": 3}, "crystal"),
        ({"n_matches": 0}, "n_matches"),
        ({"n_matches": 1.5}, "n_matches"),
        ({"voltage_kv": -200.0}, "voltage_kv"),
        ({"voltage_kv": np.nan}, "voltage_kv"),
        ({"scale": 0.0}, "scale"),
        ({"center": (1, 2, 3)}, "center"),
        ({"center": (1, np.nan)}, "center"),
        ({"max_g": 45.0}, "Ewald"),
        ({"relrod": "sinc2"}, "relrod"),
        ({"relrod_width": 0}, "relrod_width"),
        ({"zone_spacing": 0.0}, "zone_spacing"),
        ({"score_limit": "low"}, "score_limit"),
        ({"intensity_weight": 0}, "intensity_weight"),
        ({"erase": "yes"}, "erase"),
        ({"image_shape": (96,)}, "image_shape"),
    ],
)
def test_parameters_that_make_no_sense(
    silver: Any, changes: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        silver_matcher(**changes).fit(silver[0])


def test_phases_of_another_kind(silver: Any) -> None:
    with pytest.raises(TypeError, match="A crystal is"):
        silver_matcher(crystal=["silver", 3]).fit(silver[0])


def test_patterns_that_make_no_sense(silver: Any) -> None:
    X, _ = silver
    matcher = silver_matcher().fit(X)
    negative, missing = X.copy(), X.copy()
    negative[1, 3, 4] = -1e-3
    missing[2, 5, 6] = np.nan
    for estimate in (matcher.predict, silver_matcher().fit):
        with pytest.raises(ValueError, match=r"[Nn]egative"):
            estimate(negative)
        with pytest.raises(ValueError, match="NaN"):
            estimate(missing)
        with pytest.raises(ValueError, match="inf"):
            estimate(np.where(np.isnan(missing), np.inf, missing))
    with pytest.raises(ValueError, match=r"features|shape|pixels"):
        matcher.predict(X[:, :90])
    with pytest.raises(ValueError, match=r"features|shape|pixels"):
        matcher.predict(np.swapaxes(X[:, :48], 1, 2))
    with pytest.raises(ValueError, match="sample"):
        matcher.predict(X[:0])
    with pytest.raises(NotFittedError):
        silver_matcher().predict(X)


def test_table(two: TemplateMatcher, pairs: np.ndarray) -> None:
    result = two.match(pairs)
    frame = result.to_frame()
    assert len(result) == N
    assert len(frame) == 2 * N
    np.testing.assert_array_equal(frame["pattern"], np.repeat(np.arange(N), 2))
    np.testing.assert_array_equal(frame["grain"], np.tile([0, 1], N))
    np.testing.assert_allclose(
        frame[["ux", "uy", "uz"]], result.directions.reshape(-1, 3)
    )
    angles = frame[["phi1", "Phi", "phi2"]].to_numpy()
    again = Rotation.from_euler("ZXZ", angles, degrees=True)
    np.testing.assert_allclose(
        again.as_matrix(), result.rotations.as_matrix(), atol=1e-9
    )
    np.testing.assert_allclose(
        two.predict(pairs), result.directions.reshape(N, 6), atol=1e-7
    )
    np.testing.assert_allclose(np.linalg.norm(result.directions, axis=2), 1)
    assert ((result.margin >= 0) & (result.margin <= 1)).all()
    assert (result.contrast > 1.5).all()
    assert (np.abs(result.correlation) <= 1 + 1e-6).all()


@pytest.mark.parametrize("crystal", ["silver", "silicon", "aluminium"])
def test_exact_zone_axes(crystal: str) -> None:
    """A wide relrod explains a tilted pattern as well: it must not get the chance."""
    zones = np.array([[0.0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 1, 4]])
    zones /= np.linalg.norm(zones, axis=1, keepdims=True)
    X = KinematicSimulator(crystal).images(zones, np.linspace(0, 2, 4))
    result = TemplateMatcher(crystal).fit(X).match(X)
    error = direction_angle(zones, result.directions[:, 0], laue_group="m-3m")
    assert error.max() < 0.05
    np.testing.assert_allclose(result.relrod_width, 0.02, rtol=0.02)


def test_proposer_saves_the_search(pairs: np.ndarray) -> None:
    class Nearby:
        def __init__(self, spread: float) -> None:
            self.spread = spread

        def predict(self, X: np.ndarray) -> np.ndarray:
            assert X.shape[1:] == pairs.shape[1:]
            rng = np.random.default_rng(0)
            noise = rng.normal(scale=self.spread, size=(len(X), 6))
            return TRUE.reshape(N, 6)[: len(X)] + noise

    for spread in (0.03, 10.0):  # the second one is of no use
        X = pairs[:24]
        matcher = TemplateMatcher(n_matches=2, proposer=Nearby(spread)).fit(X)
        result = matcher.match(X)
        error = direction_angle(
            TRUE.reshape(N, 6)[: len(X)], result.directions.reshape(len(X), 6)
        )
        assert (error.max(axis=1) < 0.02).mean() > 0.9
        assert np.isfinite(result.margin).all()
        assert ((result.margin >= 0) & (result.margin <= 1)).all()
    wrong = TemplateMatcher(proposer=Nearby(0.03)).fit(X)
    with pytest.raises(ValueError, match="proposer must give 1 directions"):
        wrong.predict(X)


@pytest.mark.parametrize("ending", ["ang", "ctf"])
def test_scan_to_text(
    silver: tuple[np.ndarray, np.ndarray], tmp_path: Path, ending: str
) -> None:
    """What a scan gives is read back by another program."""
    io = pytest.importorskip("orix.io")
    scan = silver[0].reshape(3, 4, 96, 96).copy()
    scan[1, 2] = 0
    result = silver_matcher().fit(scan).match(scan)
    path = tmp_path / f"map.{ending}"
    result.write_map(path, step=2.0)
    read = io.load(path)
    assert read.shape == (3, 4)
    assert not read.is_indexed[1 * 4 + 2]
    assert read.is_indexed.sum() == 11
    matrices = (
        read.rotations.to_matrix()[:, 0]
        if read.rotations.ndim > 1
        else (read.rotations.to_matrix())
    )
    seen = read.is_indexed
    # orix turns the lab into the crystal.
    np.testing.assert_allclose(
        matrices[seen].transpose(0, 2, 1),
        result.rotation_matrices[seen, 0],
        atol=1e-3,
    )
    with pytest.raises(ValueError, match="end with"):
        result.write_map(tmp_path / "map.txt", step=2.0)
    with pytest.raises(ValueError, match="grain must be"):
        result.write_map(path, step=2.0, grain=1)
    with pytest.raises(ValueError, match="no scan"):
        silver_matcher().fit(silver[0]).match(silver[0]).write_map(path, step=1.0)
