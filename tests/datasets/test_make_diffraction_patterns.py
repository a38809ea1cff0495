from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import KinematicSimulator, direction_from_rotation
from skastro.utils import fold_directions

SMALL = {"shape": (48, 48), "spot_sigma": 0.8}


def test_singles_are_the_simulators() -> None:
    simulator = KinematicSimulator(**SMALL)
    bunch = make_diffraction_patterns(5, simulator=simulator, random_state=0)
    assert bunch.data.shape == (5, 48, 48)
    assert bunch.data.dtype == np.float32
    assert np.array_equal(bunch.data, simulator.images(bunch.rotations[0]))
    assert bunch.pairs is None
    np.testing.assert_allclose(
        direction_from_rotation(bunch.rotations[0]), bunch.target, atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.norm(bunch.target, axis=1), 1)
    assert "anatase" in bunch.DESCR


def test_default_is_the_set_up_of_the_thesis() -> None:
    bunch = make_diffraction_patterns(1, random_state=0)
    assert bunch.data.shape == (1, 224, 224)
    assert bunch.simulator.scale_ == pytest.approx(1.5 / 108)


def test_mixtures_are_sums_with_labels_in_order() -> None:
    simulator = KinematicSimulator(**SMALL)
    bunch = make_diffraction_patterns(
        4, n_directions=2, weights=(0.7, 0.3), simulator=simulator, random_state=0
    )
    parts = [simulator.images(r) for r in bunch.rotations]
    expected = np.float32(0.7) * parts[0] + np.float32(0.3) * parts[1]
    np.testing.assert_allclose(bunch.data, expected, rtol=1e-6)
    for j, rotations in enumerate(bunch.rotations):
        u = bunch.target[:, 3 * j : 3 * j + 3]
        np.testing.assert_allclose(direction_from_rotation(rotations), u, atol=1e-12)


def test_pairs_of_a_pool_are_those_of_the_thesis() -> None:
    bunch = make_diffraction_patterns(
        45,
        n_directions=2,
        n_singles=10,
        simulator=KinematicSimulator(**SMALL),
        random_state=0,
    )
    # All pairs of ten singles, each once.
    assert len({tuple(sorted(p)) for p in bunch.pairs.tolist()}) == 45
    expected = bunch.singles[bunch.pairs].mean(axis=1)
    np.testing.assert_allclose(bunch.data, expected, rtol=1e-6, atol=1e-8)
    u = bunch.single_directions
    assert np.array_equal(bunch.target, u[bunch.pairs].reshape(45, 6))
    with pytest.raises(ValueError, match="45 pairs"):
        make_diffraction_patterns(46, n_directions=2, n_singles=10)


def test_directions_cover_the_sphere_or_the_sector() -> None:
    small = KinematicSimulator("silver", shape=(8, 8), max_g=0.6)
    _, u = make_diffraction_patterns(
        2000, simulator=small, return_X_y=True, random_state=0
    )
    # Uniform on the sphere: every component is uniform in [-1, 1].
    np.testing.assert_allclose(u.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.square(u).mean(axis=0), 1 / 3, atol=0.03)
    _, v = make_diffraction_patterns(
        50, simulator=small, directions="sector", return_X_y=True, random_state=0
    )
    np.testing.assert_allclose(fold_directions(v, "m-3m"), v, atol=1e-12)


def test_given_directions_are_taken() -> None:
    simulator = KinematicSimulator(**SMALL)
    given = np.array([[0, 0, 2.0, 1, 0, 0], [1, 1, 0, 0, 3, 4]])
    bunch = make_diffraction_patterns(
        n_directions=2, directions=given, in_plane=0.3, simulator=simulator
    )
    expected = [[0, 0, 1, 1, 0, 0], [0.5**0.5, 0.5**0.5, 0, 0, 0.6, 0.8]]
    np.testing.assert_allclose(bunch.target, expected)
    alone = simulator.images(given[:, :3], 0.3), simulator.images(given[:, 3:], 0.3)
    np.testing.assert_allclose(bunch.data, (alone[0] + alone[1]) / 2, rtol=1e-5)


def test_a_mixture_is_one_exposure() -> None:
    shaken = KinematicSimulator(**SMALL, center_jitter=2.0, direct_beam=5.0)
    given = np.array([[0, 0, 1.0, 0, 0, 1]] * 3)
    data, _ = make_diffraction_patterns(
        n_directions=2,
        directions=given,
        in_plane=0.0,
        simulator=shaken,
        return_X_y=True,
        random_state=0,
    )
    # With one centre for both, twice the same crystal is that crystal.
    np.testing.assert_allclose(data.max(axis=(1, 2)), 1, rtol=1e-6)
    counting = KinematicSimulator(**SMALL, counts=1e4)
    noisy, _ = make_diffraction_patterns(
        50, n_directions=2, simulator=counting, return_X_y=True, random_state=0
    )
    assert np.array_equal(noisy, np.round(noisy))
    total = noisy.sum(axis=(1, 2))
    # Poisson: mean and variance of the total are the counts.
    assert abs(total.mean() - 1e4) < 60
    assert 60 < total.std() < 145
    assert counting.counts == 1e4


def test_laue_group_is_that_of_the_crystal() -> None:
    for crystal, group in (("anatase", "4/mmm"), ("silver", "m-3m")):
        simulator = KinematicSimulator(crystal, shape=(16, 16))
        bunch = make_diffraction_patterns(1, simulator=simulator, random_state=0)
        assert bunch.laue_group == group


def test_a_simulator_must_be_one() -> None:
    with pytest.raises(TypeError, match="must be a KinematicSimulator, got 'x'"):
        make_diffraction_patterns(1, simulator="x")


def test_seeded_and_quiet() -> None:
    simulator = KinematicSimulator(**SMALL, counts=1000.0, center_jitter=1.0)
    state = np.random.get_state()[1].copy()  # noqa: NPY002

    def draw(seed: Any) -> np.ndarray:
        data, _ = make_diffraction_patterns(
            3, n_directions=2, simulator=simulator, return_X_y=True, random_state=seed
        )
        return data

    assert np.array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))
    assert np.array_equal(draw(np.random.RandomState(3)), draw(3))
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": True}, "n_samples"),
        ({"n_directions": 0}, "n_directions"),
        ({"n_singles": 1, "n_directions": 2}, "n_singles"),
        ({"n_singles": 5}, "n_directions must be 2"),
        ({"in_plane": "all"}, "in_plane"),
        ({"in_plane": np.nan}, "in_plane"),
        ({"weights": (0.5, 0.5)}, "weights"),
        ({"weights": (-1.0,)}, "weights"),
        ({"directions": "plane"}, "directions"),
        ({"directions": [[0, 0, 0]]}, "not zero"),
        ({"directions": [[0, 0, 1, 1, 0, 0]]}, "shape"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_diffraction_patterns(**arguments)
