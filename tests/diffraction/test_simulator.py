"""Spot lists and images of the kinematic simulator."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from skastro.diffraction import (
    Crystal,
    KinematicSimulator,
    camera_scale,
    rotation_from_direction,
)
from skastro.diffraction import _simulator as module
from skastro.utils import laue_operations, proper_operations

RELRODS = ["binary", "linear", "lorentzian", "gaussian", "sinc2"]


def some_directions(n: int, seed: int = 0) -> np.ndarray:
    u = np.random.RandomState(seed).normal(size=(n, 3))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(axis=1) / norm


def one_spot(**changes: Any) -> KinematicSimulator:
    """Make patterns of [001] silver with the four 200 spots alone."""
    settings = {"max_g": 0.5, "scale": 0.0123, "shape": (128, 120), "normalize": None}
    return KinematicSimulator("silver", **settings | changes)


# Spots


@pytest.mark.parametrize("relrod", RELRODS)
def test_spots_by_definition(relrod: str) -> None:
    """Positions, excitation errors and intensities, reflection by reflection."""
    simulator = KinematicSimulator(
        "anatase", relrod=relrod, relrod_width=0.015, voltage_kv=100, max_g=2.0
    )
    rotation = Rotation.random(20, rng=0)
    spots = simulator.spots(rotation)
    reflections = simulator.reflections_
    radius = 1 / simulator.wavelength_
    cut = 0.0375 if relrod == "gaussian" else 0.015
    assert simulator.cut_ == pytest.approx(cut)
    for number, matrix in enumerate(rotation.as_matrix()):
        g = reflections.g @ matrix.T
        s = radius - np.sqrt(radius**2 - g[:, 0] ** 2 - g[:, 1] ** 2) - g[:, 2]
        near = np.abs(s) < cut
        mine = spots.pattern == number
        np.testing.assert_array_equal(spots.hkl[mine], reflections.hkl[near])
        np.testing.assert_allclose(spots.g[mine], g[near, :2], atol=1e-13)
        np.testing.assert_allclose(spots.excitation_error[mine], s[near], atol=1e-12)
        x = s[near] / 0.015
        weight = {
            "binary": np.ones_like(x),
            "linear": 1 - np.abs(x),
            "lorentzian": 1 / (np.pi**2 * x**2 + 1),
            "gaussian": np.exp(-(x**2) / 2),
            "sinc2": np.sinc(x) ** 2,
        }[relrod]
        np.testing.assert_allclose(
            spots.intensity[mine],
            np.abs(reflections.structure_factor[near]) ** 2 * weight,
            rtol=1e-9,
            atol=1e-10,
        )


@pytest.mark.parametrize(
    ("kv", "max_g", "cut"), [(2, 1.5, 0.3), (30, 6.0, 0.1), (1000, 3.0, 0.002)]
)
def test_no_spot_is_lost_by_the_quick_test(kv: float, max_g: float, cut: float) -> None:
    """The flat-sphere test that comes first may only let too much through."""
    simulator = KinematicSimulator(
        "silver", voltage_kv=kv, max_g=max_g, max_excitation_error=cut
    )
    rotation = Rotation.random(10, rng=1)
    g = np.einsum("nij,mj->nmi", rotation.as_matrix(), simulator.reflections_.g)
    radius = 1 / simulator.wavelength_
    s = radius - np.sqrt(radius**2 - (g[..., :2] ** 2).sum(axis=2)) - g[..., 2]
    assert len(simulator.spots(rotation)) == (np.abs(s) < cut).sum()


def test_spot_list() -> None:
    simulator = KinematicSimulator("anatase")
    u = some_directions(150)
    spots = simulator.spots(u, in_plane=0.3)
    assert spots.n_patterns == 150
    assert (np.diff(spots.pattern) >= 0).all()
    counts = np.bincount(spots.pattern, minlength=150)
    # The knowledge of such patterns: 20-82 spots, 36 in the mean.
    assert counts.min() >= 15
    assert counts.max() <= 90
    assert 30 < counts.mean() < 45
    assert sum(len(part) for part in spots) == len(spots)
    alone = simulator.spots(u[[149]], in_plane=0.3)
    for name in ("hkl", "g", "excitation_error", "intensity", "pattern"):
        for part in (spots[149], spots[-1]):
            np.testing.assert_allclose(
                getattr(part, name), getattr(alone, name), atol=1e-12
            )
    with pytest.raises(IndexError, match="150 patterns"):
        spots[150]
    none = simulator.spots(np.zeros((0, 3)))
    assert (len(none), none.n_patterns, none.hkl.shape) == (0, 0, (0, 3))


def test_a_rotation_is_its_direction_with_an_angle() -> None:
    simulator = KinematicSimulator("silver", shape=(64, 64))
    u = some_directions(5)
    angle = np.linspace(-1, 2, 5)
    images = simulator.images(u * 3.0, angle)
    np.testing.assert_array_equal(
        images, simulator.images(rotation_from_direction(u, angle))
    )
    np.testing.assert_array_equal(
        simulator.images(Rotation.identity()), simulator.images([[0, 0, 1]])
    )


def test_positive_angles_turn_from_columns_to_rows() -> None:
    simulator = KinematicSimulator("anatase", shape=(81, 81))
    u = some_directions(5)
    plain, turned = simulator.images(u), simulator.images(u, np.pi / 2)
    # x -> y: what is to the right comes below; rot90 turns the other way.
    np.testing.assert_allclose(np.rot90(plain, -1, axes=(1, 2)), turned, atol=1e-6)


def test_intensity_power_and_debye_waller() -> None:
    settings: dict = {"crystal": "silver", "relrod": "binary"}
    plain = KinematicSimulator(**settings, b_iso=0.0).spots([[0, 0, 1]])
    half = KinematicSimulator(**settings, b_iso=0.0, intensity_power=0.5)
    np.testing.assert_allclose(
        half.spots([[0, 0, 1]]).intensity, np.sqrt(plain.intensity)
    )
    damped = KinematicSimulator(**settings, b_iso=0.8).spots([[0, 0, 1]])
    g = np.linalg.norm(
        damped.hkl @ Crystal.from_name("silver").reciprocal_basis, axis=1
    )
    np.testing.assert_allclose(
        damped.intensity, plain.intensity * np.exp(-0.8 * g**2 / 2)
    )


# Symmetry


def test_the_eight_operations_of_422_give_the_same_image() -> None:
    simulator = KinematicSimulator("anatase", shape=(96, 96))
    rotation = Rotation.random(6, rng=2)
    images = simulator.images(rotation)
    operations = proper_operations("4/mmm")
    assert len(operations) == 8
    for operation in operations:
        same = simulator.images(rotation * Rotation.from_matrix(operation))
        np.testing.assert_allclose(same, images, atol=1e-5)
    other = simulator.images(rotation * Rotation.from_euler("x", 60, degrees=True))
    assert correlation(other, images).max() < 0.9


@pytest.mark.parametrize("crystal", ["rutile", "silicon"])
def test_operations_of_other_crystals(crystal: str) -> None:
    simulator = KinematicSimulator(crystal, shape=(64, 64))
    rotation = Rotation.random(3, rng=3)
    images = simulator.images(rotation)
    for operation in simulator.crystal_.point_operations:
        same = simulator.images(rotation * Rotation.from_matrix(operation))
        np.testing.assert_allclose(same, images, atol=1e-5)


def test_minus_u_is_the_mirror_image() -> None:
    # With an odd side spots along the axes do not lie half-way between two pixels.
    simulator = KinematicSimulator("anatase", shape=(97, 97))
    u = some_directions(12, seed=4)
    images = simulator.images(u)
    # diag(-1, 1, -1) R is the mirror diag(1, -1, 1) R times the inversion.
    matrices = np.diag([-1.0, 1.0, -1.0]) @ rotation_from_direction(u).as_matrix()
    np.testing.assert_allclose(matrices[:, 2], -u, atol=1e-14)
    exact = simulator.images(Rotation.from_matrix(matrices))
    np.testing.assert_allclose(exact, images[:, ::-1], atol=1e-5)
    # By the convention of the in-plane angle it is mirrored from left to right.
    opposite = simulator.images(-u)
    np.testing.assert_allclose(opposite, images[:, :, ::-1], atol=1e-5)
    # Without the mirror it is another image.
    assert np.median(correlation(opposite, images)) < 0.7


def test_all_equivalents_share_a_pattern_up_to_rotation_and_mirror() -> None:
    simulator = KinematicSimulator("anatase")
    u = some_directions(1, seed=5)[0]
    radii, intensities = [], []
    for operation in laue_operations("4/mmm"):
        spots = simulator.spots([operation @ u])
        radius = np.hypot(*spots.g.T).round(9)
        order = np.lexsort([spots.intensity.round(6), radius])
        radii.append(radius[order])
        intensities.append(spots.intensity[order])
    np.testing.assert_allclose(radii, np.tile(radii[0], (16, 1)), atol=1e-8)
    np.testing.assert_allclose(intensities, np.tile(intensities[0], (16, 1)), rtol=1e-6)


def test_half_a_turn_is_another_image() -> None:
    """The Ewald sphere is curved; a flat one would have no such difference."""
    simulator = KinematicSimulator("anatase")
    images = simulator.images(some_directions(50, seed=6))
    same = correlation(images, images[:, ::-1, ::-1])
    assert 0.8 < np.mean(same) < 0.97
    assert same.min() < 0.75
    flat = KinematicSimulator("anatase")
    flat.wavelength_ = 1e-6
    images = flat.images(some_directions(5, seed=6))
    assert correlation(images, images[:, ::-1, ::-1]).min() > 0.9999


def test_tilting_decorrelates() -> None:
    simulator = KinematicSimulator("anatase")
    rotation = Rotation.random(50, rng=7)
    images = simulator.images(rotation)
    means = []
    for degrees in (1, 2, 5, 10):
        tilt = Rotation.from_euler("x", degrees, degrees=True)
        means.append(correlation(simulator.images(tilt * rotation), images).mean())
    np.testing.assert_allclose(means, [0.959, 0.868, 0.555, 0.312], atol=0.06)


# Images


def test_centroids_of_isolated_spots() -> None:
    rng = np.random.RandomState(0)
    for angle in rng.uniform(0, 2 * np.pi, 10):
        center = rng.uniform(55, 65, 2)
        simulator = one_spot(center=center)
        spots = simulator.spots([[0, 0, 1]], in_plane=angle)
        assert len(spots) == 4
        image = simulator.images([[0, 0, 1]], in_plane=angle)[0].astype(float)
        row, col = np.indices(image.shape)
        for (gx, gy), intensity in zip(spots.g, spots.intensity, strict=True):
            r, c = center[0] + gy / 0.0123, center[1] + gx / 0.0123
            near = np.hypot(row - r, col - c) < 9
            total = image[near].sum()
            assert (row[near] * image[near]).sum() / total == pytest.approx(r, abs=0.01)
            assert (col[near] * image[near]).sum() / total == pytest.approx(c, abs=0.01)
            assert total == pytest.approx(intensity, rel=1e-3)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.2, 3.0])
def test_intensity_is_kept(sigma: float) -> None:
    simulator = KinematicSimulator(
        "anatase", spot_sigma=sigma, normalize=None, scale=0.016
    )
    u = some_directions(20)
    total = np.bincount(simulator.spots(u).pattern, simulator.spots(u).intensity)
    images = simulator.images(u)
    np.testing.assert_allclose(images.sum(axis=(1, 2)), total, rtol=2.5e-3)
    assert images.dtype == np.float32
    assert images.min() >= 0


def test_spots_on_the_border_are_cut_smoothly() -> None:
    """What reaches in is drawn, as on a larger detector, but for the last tails."""
    u = some_directions(10)
    small = KinematicSimulator("anatase", shape=(61, 75), scale=0.02, normalize=None)
    large = KinematicSimulator("anatase", shape=(161, 175), scale=0.02, normalize=None)
    images = small.images(u)
    expected = large.images(u)[:, 50:111, 50:125]
    assert images[:, [0, -1]].max() > 0.05 * images.max()
    np.testing.assert_allclose(images, expected, atol=2e-4 * images.max())


def test_normalization() -> None:
    u = some_directions(5)
    raw = KinematicSimulator("silver", normalize=None).images(u)
    by_max = KinematicSimulator("silver").images(u)
    by_sum = KinematicSimulator("silver", normalize="sum").images(u)
    np.testing.assert_allclose(by_max.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(by_sum.sum(axis=(1, 2), dtype=float), 1, rtol=1e-5)
    np.testing.assert_allclose(
        by_max, raw / raw.max(axis=(1, 2), keepdims=True), rtol=1e-5
    )


def test_no_spot_at_all() -> None:
    for normalize in ("max", "sum", None):
        simulator = KinematicSimulator(
            "silver",
            max_g=0.43,
            relrod_width=1e-4,
            normalize=normalize,
            counts=1e4,
            background=0.5,
        )
        assert (simulator.images([[0.31, 0.2, 0.9]], random_state=0) == 0).all()
    assert simulator.images(np.zeros((0, 3))).shape == (0, 224, 224)


def test_default_scale_and_camera() -> None:
    simulator = KinematicSimulator("anatase")
    assert simulator.scale_ == pytest.approx(1.5 / 108)
    assert simulator.center_ == (111.5, 111.5)
    camera = KinematicSimulator("anatase", camera_length=400, pixel_size=55)
    assert camera.scale_ == pytest.approx(camera_scale(200, 400, 55))
    # Twice the camera length puts spots twice as far.
    far = KinematicSimulator("anatase", camera_length=800, pixel_size=55)
    assert camera.scale_ == pytest.approx(2 * far.scale_)


def test_direct_beam_and_beam_stop() -> None:
    simulator = one_spot(direct_beam=2.0, center=(60.0, 50.0))
    image = simulator.images([[0, 0, 1]])[0]
    strongest = simulator.reflections_.intensity.max()
    assert image[50:71, 40:61].sum() == pytest.approx(2 * strongest, rel=1e-3)
    assert np.unravel_index(image.argmax(), image.shape) == (60, 50)
    stopped = one_spot(direct_beam=2.0, center=(60.0, 50.0), beam_stop=12.5)
    image = stopped.images([[0, 0, 1]])[0]
    distance = np.hypot(*(np.indices(image.shape) - np.array([[[60]], [[50]]])))
    assert (image[distance < 12.5] == 0).all()
    np.testing.assert_array_equal(
        image[distance >= 12.5], simulator.images([[0, 0, 1]])[0][distance >= 12.5]
    )


def test_background_has_its_share_and_its_length() -> None:
    plain = one_spot().images([[0, 0, 1]])[0].astype(float)
    both = one_spot(background=1.7, background_length=0.2).images([[0, 0, 1]])[0]
    halo = both - plain
    assert halo.sum() == pytest.approx(1.7 * plain.sum(), rel=1e-4)
    center = one_spot().center_
    distance = np.hypot(*(np.indices(halo.shape) - np.array(center)[:, None, None]))
    dark = plain == 0
    slope = np.polyfit(distance[dark] * 0.0123, np.log(halo[dark]), 1)[0]
    assert slope == pytest.approx(-1 / 0.2, rel=1e-3)


def test_centers_scatter_around_the_middle() -> None:
    simulator = one_spot(center_jitter=1.5)
    images = simulator.images(np.tile([0, 0, 1.0], (400, 1)), random_state=0)
    row, col = np.indices(images.shape[1:])
    total = images.sum(axis=(1, 2))
    centers = np.column_stack(
        [
            (images * row).sum(axis=(1, 2)) / total,
            (images * col).sum(axis=(1, 2)) / total,
        ]
    )
    np.testing.assert_allclose(centers.mean(axis=0), simulator.center_, atol=0.25)
    np.testing.assert_allclose(centers.std(axis=0), 1.5, rtol=0.12)


def test_counts() -> None:
    simulator = KinematicSimulator(
        "silver", shape=(64, 64), counts=5000.0, background=0.3, beam_stop=3
    )
    u = np.tile([[0.1, 0.2, 1.0]], (300, 1))
    images = simulator.images(u, random_state=0)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, np.rint(images))
    total = images.sum(axis=(1, 2))
    assert total.mean() == pytest.approx(5000, abs=5 * np.sqrt(5000 / 300))
    assert total.var() == pytest.approx(5000, rel=0.3)
    # Each pixel is Poissonian about the clean image.
    clean = KinematicSimulator(
        "silver", shape=(64, 64), background=0.3, beam_stop=3, normalize="sum"
    ).images(u[:1])[0]
    expected = clean * 5000
    bright = expected > 5
    np.testing.assert_allclose(images.mean(axis=0)[bright], expected[bright], rtol=0.12)


def test_noise_is_seeded_and_leaves_the_global_state() -> None:
    simulator = KinematicSimulator(
        "silver", shape=(48, 48), counts=1000.0, center_jitter=1.0
    )
    u = some_directions(4)
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = simulator.images(u, random_state=3)
    np.testing.assert_array_equal(first, simulator.images(u, random_state=3))
    assert (first != simulator.images(u, random_state=4)).any()
    assert (simulator.images(u) != simulator.images(u)).any()
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(before, after)
    generator = np.random.RandomState(3)
    np.testing.assert_array_equal(first, simulator.images(u, random_state=generator))
    # A generator goes on.
    assert (first != simulator.images(u, random_state=generator)).any()


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    u = some_directions(70)
    settings: dict = {"crystal": "anatase", "shape": (56, 60)}
    noisy = KinematicSimulator(
        **settings, counts=2000.0, center_jitter=1.0, background=0.5, beam_stop=2
    )
    clean = KinematicSimulator(**settings, direct_beam=0.3)
    expected = noisy.images(u, random_state=0), clean.images(u), clean.spots(u)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    np.testing.assert_array_equal(noisy.images(u, random_state=0), expected[0])
    np.testing.assert_array_equal(clean.images(u), expected[1])
    np.testing.assert_array_equal(clean.spots(u).g, expected[2].g)
    np.testing.assert_array_equal(clean.spots(u).pattern, expected[2].pattern)


def test_many_at_once_are_each_alone() -> None:
    simulator = KinematicSimulator("anatase", shape=(56, 60), background=0.5)
    u = some_directions(70)
    together = simulator.images(u, np.arange(70.0))
    alone = [simulator.images(u[[i]], float(i))[0] for i in range(70)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_images_into_a_memory_map(tmp_path: Path) -> None:
    simulator = KinematicSimulator("silver", shape=(40, 44))
    u = some_directions(70)
    out = np.lib.format.open_memmap(
        tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(70, 40, 44)
    )
    assert simulator.images(u, out=out) is out
    out.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), simulator.images(u))
    double = np.empty((70, 40, 44))
    np.testing.assert_array_equal(simulator.images(u, out=double), simulator.images(u))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 40, 44), dtype=np.float32), "shape"),
        (np.empty((1, 44, 40), dtype=np.float32), "shape"),
        (np.empty((1, 40, 44), dtype=np.uint8), "float32 or float64"),
        (np.empty((1, 40, 44), dtype=np.float16), "float32 or float64"),
    ],
)
def test_places_that_images_cannot_go_to(out: np.ndarray, message: str) -> None:
    simulator = KinematicSimulator("silver", shape=(40, 44))
    with pytest.raises(ValueError, match=message):
        simulator.images([[0, 0, 1]], out=out)


# torch


def matrices(u: Any, angle: Any = 0.0) -> torch.Tensor:
    return torch.from_numpy(rotation_from_direction(u, angle).as_matrix().copy())


@pytest.mark.parametrize("relrod", RELRODS)
@pytest.mark.parametrize("normalize", ["max", "sum", None])
def test_torch_images_equal_the_others(relrod: str, normalize: str | None) -> None:
    simulator = KinematicSimulator(
        "anatase",
        shape=(100, 90),
        relrod=relrod,
        normalize=normalize,
        direct_beam=0.1,
        center=(48.2, 47.9),
        intensity_power=0.7,
    )
    u = some_directions(6)
    plain = simulator.images(u, 0.4)
    images = simulator.torch_images(matrices(u, 0.4)).numpy()
    assert images.dtype == np.float64
    # The patches leave tails below 0.2 % of a spot's peak out, and several may overlap.
    np.testing.assert_allclose(images, plain, atol=4e-3 * plain.max())
    single = simulator.torch_images(matrices(u, 0.4).float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), images, atol=1e-4 * plain.max())


@pytest.mark.parametrize("relrod", ["gaussian", "lorentzian", "sinc2"])
def test_gradients_of_torch_images(relrod: str) -> None:
    simulator = KinematicSimulator(
        "anatase", shape=(40, 40), relrod=relrod, normalize=None, spot_sigma=1.2
    )
    base = Rotation.random(2, rng=1).as_matrix()
    weight = torch.from_numpy(np.random.RandomState(0).rand(2, 40, 40))

    def value(turn: torch.Tensor) -> torch.Tensor:
        zero = torch.zeros_like(turn[:, 0])
        x, y, z = turn.T
        skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1)
        spin = torch.linalg.matrix_exp(skew.reshape(-1, 3, 3))
        return (simulator.torch_images(spin @ torch.from_numpy(base)) * weight).sum()

    turn = torch.zeros((2, 3), dtype=torch.float64, requires_grad=True)
    value(turn).backward()
    step = 1e-7
    for i in range(2):
        for j in range(3):
            d = torch.zeros((2, 3), dtype=torch.float64)
            d[i, j] = step
            slope = float((value(d) - value(-d)) / (2 * step))
            assert float(turn.grad[i, j]) == pytest.approx(slope, rel=1e-5, abs=1e-3)


def test_gradients_lead_to_the_orientation() -> None:
    simulator = KinematicSimulator("silver", shape=(64, 64))
    true = Rotation.from_euler("ZXZ", [[0.3, 0.5, 0.2]])
    target = torch.from_numpy(simulator.images(true)).double()
    start = (Rotation.from_rotvec([[0.004, -0.005, 0.006]]) * true).as_matrix()
    turn = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([turn], lr=5e-4)
    losses = []
    for _ in range(60):
        x, y, z = turn
        zero = torch.zeros_like(x)
        skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
        spin = torch.linalg.matrix_exp(skew) @ torch.from_numpy(start)
        loss = (simulator.torch_images(spin) - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]


def test_few_spots_of_torch_are_the_strongest() -> None:
    simulator = KinematicSimulator("silver", shape=(64, 64), normalize=None)
    u = some_directions(3)
    spots = simulator.spots(u)
    total = [np.sort(part.intensity)[-5:].sum() for part in spots]
    images = simulator.torch_images(matrices(u), max_spots=5)
    np.testing.assert_allclose(images.sum(dim=(1, 2)).numpy(), total, rtol=1e-2)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3), (1, 3, 2)])
def test_rotations_of_another_shape(shape: tuple) -> None:
    with pytest.raises(ValueError, match="rotations must have shape"):
        KinematicSimulator("silver").torch_images(torch.zeros(shape))


# Errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crystal": "gold"}, "built-in"),
        ({"voltage_kv": 0}, "voltage_kv"),
        ({"voltage_kv": np.nan}, "voltage_kv"),
        ({"max_g": -1}, "max_g"),
        ({"max_g": np.inf}, "max_g"),
        ({"max_g": 45.0}, "outside of the Ewald sphere"),
        ({"max_g": 0.01}, "no reflection"),
        ({"relrod": "box"}, "relrod must be one of"),
        ({"relrod_width": 0}, "relrod_width"),
        ({"max_excitation_error": 0}, "max_excitation_error"),
        ({"b_iso": -0.1}, "b_iso"),
        ({"b_iso": np.nan}, "b_iso"),
        ({"intensity_power": 0}, "intensity_power"),
        ({"direct_beam": -1}, "direct_beam"),
        ({"shape": 224}, "shape"),
        ({"shape": (224,)}, "shape"),
        ({"shape": (224, 1)}, "shape"),
        ({"shape": (22.5, 30)}, "shape"),
        ({"scale": 0}, "scale"),
        ({"scale": np.nan}, "scale"),
        ({"scale": 0.01, "camera_length": 100}, "Give scale, or"),
        ({"scale": 0.01, "camera_length": 100, "pixel_size": 5}, "Give scale, or"),
        ({"camera_length": 100}, "need each other"),
        ({"pixel_size": 10}, "need each other"),
        ({"camera_length": -1, "pixel_size": 10}, "camera_length"),
        ({"center": (1, 2, 3)}, "center"),
        ({"center": 5}, "center"),
        ({"center": (1, np.nan)}, "center"),
        ({"spot_sigma": 0}, "spot_sigma"),
        ({"normalize": "mean"}, "normalize"),
        ({"background": -1}, "background"),
        ({"background_length": 0}, "background_length"),
        ({"beam_stop": -1}, "beam_stop"),
        ({"center_jitter": -1}, "center_jitter"),
        ({"counts": 0}, "counts"),
        ({"counts": np.inf}, "counts"),
    ],
)
def test_simulators_that_are_none(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KinematicSimulator(**{"crystal": "silver"} | changes)


@pytest.mark.parametrize(
    ("orientations", "in_plane", "message"),
    [
        ([[0, 0, 0]], 0, "not zero"),
        ([[0, np.nan, 1]], 0, "finite"),
        ([[0, 1]], 0, "shape"),
        ([[0, 0, 1]], [0, 1], "in_plane"),
        (Rotation.identity(2), 0.1, "not to rotations"),
    ],
)
def test_orientations_that_are_none(
    orientations: Any, in_plane: Any, message: str
) -> None:
    simulator = KinematicSimulator("silver", shape=(32, 32))
    with pytest.raises(ValueError, match=message):
        simulator.spots(orientations, in_plane)
    with pytest.raises(ValueError, match=message):
        simulator.images(orientations, in_plane)


def test_representation_and_pickling() -> None:
    simulator = KinematicSimulator("silver", shape=(32, 32), scale=0.05)
    assert repr(simulator) == (
        "<KinematicSimulator of silver, 200 kV, 32 x 32 pixels of 0.05 1/Å, gaussian "
        "relrod>"
    )
    again = pickle.loads(pickle.dumps(simulator))
    u = some_directions(3)
    np.testing.assert_array_equal(again.images(u), simulator.images(u))


def test_no_reflection_within_max_g_is_an_error():
    with pytest.raises(ValueError, match="no reflection"):
        KinematicSimulator("silver", max_g=1e-3, scale=0.01, shape=(8, 8))
