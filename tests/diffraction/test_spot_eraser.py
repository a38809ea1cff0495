from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import KinematicSimulator, SpotEraser
from skastro.diffraction._erase_spots import discs
from skastro.utils import fold_directions

N = 60
SIMULATOR = KinematicSimulator("anatase")


@pytest.fixture(scope="module")
def mixtures() -> Any:
    bunch = make_diffraction_patterns(N, n_directions=2, random_state=1)
    bunch.singles = [SIMULATOR.images(r) for r in bunch.rotations]
    return bunch


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (x.reshape(len(x), -1).astype(float) for x in (a, b))
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def misorientation(a: Rotation, b: Rotation) -> np.ndarray:
    """Angle in degrees up to the rotations of the crystal, which keep the pattern."""
    group = SIMULATOR.crystal_.point_operations
    trace = np.einsum("nij,ojk,nik->no", a.as_matrix(), group, b.as_matrix()).max(1)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def found_or_the_same(a: Rotation, b: Rotation, images: np.ndarray) -> np.ndarray:
    """Within 1 degree, or of the same pattern: beside a mirror plane u and -u are."""
    same = correlation(SIMULATOR.images(a), images) > 0.9995
    near = misorientation(a, b) < 1
    assert near.mean() > 0.97
    return near | same


def own_spots_alone(bunch: Any) -> np.ndarray:
    """Which mixtures have crystals that share no bright pixels."""
    return correlation(*bunch.singles) < 0.1


@pytest.mark.parametrize("method", ["mask", "subtract"])
@pytest.mark.parametrize("given", ["rotation", "direction", "folded"])
def test_the_other_pattern_is_left(mixtures: Any, method: str, given: str) -> None:
    u = mixtures.target[:, :3]
    what = {
        "rotation": mixtures.rotations[0],
        "direction": u,
        "folded": fold_directions(u, "4/mmm"),
    }[given]
    rest = SpotEraser(SIMULATOR, method=method).erase(mixtures.data, what)
    assert rest.shape == mixtures.data.shape
    assert rest.dtype == np.float32
    assert rest.min() >= 0
    gone, left = (correlation(rest, single) for single in mixtures.singles)
    clear = own_spots_alone(mixtures)
    assert clear.mean() > 0.7
    assert correlation(mixtures.data, mixtures.singles[0])[clear].min() > 0.5
    assert np.median(left[clear]) > 0.995
    assert np.quantile(left[clear], 0.1) > 0.9
    assert np.median(gone[clear]) < 0.02
    if method == "subtract":  # also where spots lie on each other
        assert np.quantile(left, 0.1) > 0.99


def test_pixels_outside_of_the_discs_are_kept_to_the_bit(mixtures: Any) -> None:
    eraser = SpotEraser(SIMULATOR, radius=4.0)
    rest = eraser.erase(mixtures.data, mixtures.rotations[0])
    spots = SIMULATOR.spots(mixtures.rotations[0])
    down, right = np.mgrid[:224, :224]
    for i, one in enumerate(list(spots)[:10]):
        strong = one.intensity > 0.02 * one.intensity.max()
        row, col = (111.5 + one.g[strong, j] / SIMULATOR.scale_ for j in (1, 0))
        far = np.hypot(down[..., None] - row, right[..., None] - col).min(axis=2)
        assert np.array_equal(rest[i][far >= 4.5], mixtures.data[i][far >= 4.5])
        assert (rest[i][far <= 3.5] == 0).all()
        edge = (far > 3.5) & (far < 4.5)
        expected = mixtures.data[i][edge] * (far[edge] - 3.5)
        assert np.allclose(rest[i][edge], expected, atol=1e-5)


def test_in_plane_angle_and_mirror_are_found(mixtures: Any) -> None:
    eraser = SpotEraser(SIMULATOR)
    for k, rotation in enumerate(mixtures.rotations):
        u = fold_directions(mixtures.target[:, 3 * k : 3 * k + 3], "4/mmm")
        found, correlated = eraser.locate(mixtures.data, u)
        mirrored = np.einsum("nj,nj->n", found.as_matrix()[:, 2], u) < 0
        assert 0.2 < mirrored.mean() < 0.8
        error = misorientation(found, rotation)
        assert (error < 1).mean() > 0.97
        assert np.median(error) < 0.1
        assert (correlated > 0.3).all()
        pure, exact = eraser.locate(mixtures.singles[k], u)
        assert (exact > 0.98).all()
        assert found_or_the_same(pure, rotation, mixtures.singles[k]).all()


def test_mirror_is_not_tried_if_it_shall_not(mixtures: Any) -> None:
    u = -mixtures.target[:, :3]
    eraser = SpotEraser(SIMULATOR)
    plain, low = eraser.locate(mixtures.singles[0], u, mirror=False)
    assert np.allclose(plain.as_matrix()[:, 2], u)
    both, high = eraser.locate(mixtures.singles[0], u)
    assert np.median(high - low) > 0.05
    single = mixtures.singles[0]
    assert found_or_the_same(both, mixtures.rotations[0], single).all()


def test_a_given_angle_is_used() -> None:
    u = np.array([[0.3, 0.2, 0.9], [1.0, 0.1, 0.2]])
    X = SIMULATOR.images(u, in_plane=[0.4, 1.9])
    eraser = SpotEraser(SIMULATOR, method="subtract")
    assert eraser.erase(X, u, in_plane=[0.4, 1.9]).max() < 1e-5
    assert eraser.erase(X, u, in_plane=0.0).max() > 0.5
    assert eraser.erase(X, u).max() < 0.1


def test_agreement_ranks_orientations(mixtures: Any) -> None:
    eraser = SpotEraser(SIMULATOR)
    right = eraser.agreement(mixtures.data, mixtures.rotations[1])
    tilt = Rotation.from_rotvec([np.radians(6.0), 0, 0])
    wrong = eraser.agreement(mixtures.data, tilt * mixtures.rotations[1])
    # It does not matter how much else is in the image.
    pure = eraser.agreement(mixtures.singles[1], mixtures.rotations[1])
    assert (right > 0.9).all()
    assert (pure > 0.95).all()
    assert (right > wrong).mean() > 0.97
    empty = eraser.agreement(np.zeros((1, 224, 224)), mixtures.rotations[0][:1])
    assert empty.tolist() == [0.0]


def test_background_fills_the_discs(mixtures: Any) -> None:
    level = 0.05
    X = mixtures.data[:4] + np.float32(level)
    rotations = mixtures.rotations[0][:4]
    zero = SpotEraser(SIMULATOR).erase(X, rotations)
    filled = SpotEraser(SIMULATOR, fill="background").erase(X, rotations)
    assert zero.min() == 0
    assert filled.min() >= 0.99 * level
    assert (filled <= X).all()
    assert np.allclose(np.median(filled, axis=(1, 2)), level, rtol=0.02)


def test_noise_and_background_of_the_simulator_are_not_drawn() -> None:
    noisy = KinematicSimulator(
        shape=(96, 96), spot_sigma=0.8, counts=500.0, background=1.0, direct_beam=1.0
    )
    clean = KinematicSimulator(shape=(96, 96), spot_sigma=0.8)
    X = clean.images([[0.2, 0.3, 0.9]], in_plane=0.5)
    rests = [
        SpotEraser(s, method="subtract").erase(X, [[0.2, 0.3, 0.9]])
        for s in (noisy, clean)
    ]
    assert np.array_equal(*rests)
    assert noisy.counts == 500.0  # the user's own is left alone


def test_poisson_noise(mixtures: Any) -> None:
    noisy = make_diffraction_patterns(
        N,
        n_directions=2,
        simulator=KinematicSimulator("anatase", counts=1e4),
        random_state=1,
    )
    assert np.allclose(noisy.target, mixtures.target)
    u = fold_directions(noisy.target[:, :3], "4/mmm")
    eraser = SpotEraser(SIMULATOR)
    found, _ = eraser.locate(noisy.data, u)
    assert (misorientation(found, noisy.rotations[0]) < 1).mean() > 0.9
    left = correlation(eraser.erase(noisy.data, u), mixtures.singles[1])
    assert np.median(left[own_spots_alone(mixtures)]) > 0.9


def test_precision_chunks_and_input_are_left_alone(mixtures: Any) -> None:
    X = mixtures.data
    before = X.copy()
    eraser = SpotEraser(SIMULATOR, method="subtract")
    rest = eraser.erase(X, mixtures.rotations[0])
    assert np.array_equal(X, before)
    one = eraser.erase(X[40:41], mixtures.rotations[0][40:41])
    assert np.allclose(one[0], rest[40], atol=1e-6)
    double = eraser.erase(X[:3].astype(float), mixtures.rotations[0][:3])
    assert double.dtype == np.float64
    assert np.allclose(double, rest[:3], atol=1e-5)
    counts = np.rint(X[:3] * 250).astype(np.uint8)
    assert eraser.erase(counts, mixtures.rotations[0][:3]).dtype == np.float32


def test_pickle_and_repr(mixtures: Any) -> None:
    eraser = SpotEraser(SIMULATOR, fill="background", radius=3.0)
    again = pickle.loads(pickle.dumps(eraser))
    u = mixtures.target[:3, :3]
    assert np.array_equal(
        eraser.erase(mixtures.data[:3], u), again.erase(mixtures.data[:3], u)
    )
    assert "mask" in repr(eraser)


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize("row", [-2.9, 3.0, 13.9])
@pytest.mark.parametrize("col", [-2.9, 9.9])
def test_a_disc_about_a_spot_outside_reaches_in(
    image: int, row: float, col: float
) -> None:
    # Of the first image above, or the last below, it left the canvas.
    share = discs(np.array([image]), np.array([row]), np.array([col]), 3.0, (2, 12, 8))
    distance = np.hypot(np.arange(12)[:, None] - row, np.arange(8) - col)
    expected = np.zeros((2, 12, 8), np.float32)
    expected[image] = np.clip(3.5 - distance, 0, 1)
    assert np.array_equal(share, expected)


def test_empty_images_stay_empty() -> None:
    nothing = np.zeros((2, 224, 224), dtype=np.float32)
    for method in ("mask", "subtract"):
        rest = SpotEraser(SIMULATOR, method=method).erase(nothing, np.eye(3)[:2])
        assert not rest.any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "burn"}, "method must be one of"),
        ({"fill": "mean"}, "fill must be one of"),
        ({"radius": 0.0}, "radius must be positive"),
        ({"threshold": 1.0}, "threshold must be in"),
        ({"min_g": 1.5}, "min_g must be from 0"),
    ],
)
def test_wrong_parameters(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpotEraser(SIMULATOR, **parameters)


def test_wrong_input() -> None:
    with pytest.raises(TypeError, match="must be a KinematicSimulator"):
        SpotEraser("anatase")  # type: ignore[arg-type]
    eraser = SpotEraser(SIMULATOR)
    X = np.zeros((2, 224, 224))
    with pytest.raises(ValueError, match="images must have shape"):
        eraser.erase(X[:, :100], np.eye(3)[:2])
    with pytest.raises(ValueError, match="not be negative"):
        eraser.erase(X - 1, np.eye(3)[:2])
    with pytest.raises(ValueError, match="not finite"):
        eraser.erase(X * np.nan, np.eye(3)[:2])
    with pytest.raises(ValueError, match="2 images, but 3 directions"):
        eraser.erase(X, np.eye(3))
    with pytest.raises(ValueError, match="2 images, but 3 orientations"):
        eraser.erase(X, np.eye(3), in_plane=0.0)
    with pytest.raises(ValueError, match="in_plane belongs to beam directions"):
        eraser.erase(X, Rotation.identity(2), in_plane=0.1)
    with pytest.raises(ValueError, match="must be finite and not zero"):
        eraser.erase(X, np.zeros((2, 3)))
