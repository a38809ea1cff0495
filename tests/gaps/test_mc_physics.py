"""Formulas and tables behind the fast simulation."""

from __future__ import annotations

import numpy as np
import pytest

from skastro.gaps import _mc_spectra as spectra
from skastro.gaps._geometry import N_VOXELS, voxel_indices
from skastro.gaps._mc_charged import HELIUM, PI_PLUS, PROTON, pass_charged
from skastro.gaps._mc_events import FastSimulator
from skastro.gaps._mc_fluctuations import highland_angle, landau_table
from skastro.gaps._mc_geometry import chord, deflect, isotropic
from skastro.gaps._mc_particles import Hits, Points, isotropic_tracks
from skastro.gaps._mc_photons import (
    attenuation,
    compton_electrons,
    isotropic_photons,
    klein_nishina,
    pass_photons,
)
from skastro.gaps._mc_primary import stop_primaries
from skastro.gaps._mc_ranges import (
    DEUTERON_MASS,
    PION_MASS,
    PROTON_MASS,
    electron_tables,
    kinetic_energy,
    range_table,
    stopping_power,
)
from skastro.gaps._mc_stars import Output
from skastro.gaps._mc_xrays import transition_energy, xray_energies


def in_the_middle(n: int, layer: int = 5) -> Points:
    zero = np.zeros(n, dtype=np.float32)
    event = np.arange(n, dtype=np.int32)
    layers = np.full(n, layer, dtype=np.int32)
    return Points(event, layers, zero + 78, zero + 78, zero, zero)


@pytest.mark.parametrize(
    ("beta", "proton", "deuteron"),
    [
        (0.20, 0.521, 1.041),
        (0.25, 1.190, 2.379),
        (0.30, 2.375, 4.748),
        (0.35, 4.320, 8.635),
        (0.40, 7.351, 14.7),
    ],
)
def test_ranges_in_silicon(beta: float, proton: float, deuteron: float) -> None:
    table = range_table()
    tau = np.float32([kinetic_energy(beta, 1.0)])
    reach = table.range(tau)
    assert PROTON_MASS * reach[0] == pytest.approx(proton, rel=0.01)
    assert DEUTERON_MASS * reach[0] == pytest.approx(deuteron, rel=0.01)
    assert table.energy(reach)[0] == pytest.approx(tau[0], rel=1e-3)


def test_kinetic_energies() -> None:
    assert kinetic_energy(0.3, PROTON_MASS) == pytest.approx(45.3, abs=0.05)
    assert kinetic_energy(0.3, DEUTERON_MASS) == pytest.approx(90.6, abs=0.05)


def test_stopping_power() -> None:
    # The least loss of silicon is 1.664 MeV cm2/g at beta gamma 3.5 (PDG).
    gamma = np.geomspace(1.5, 20, 300)
    least = stopping_power(gamma - 1, mass=105.66).min()
    assert least == pytest.approx(1.664, rel=0.005)
    # It falls as 1 / beta**2 or slower below.
    ratio = stopping_power(30 / PROTON_MASS) / stopping_power(100 / PROTON_MASS)
    assert 2.0 < ratio < 3.0


def test_range_straggling() -> None:
    # One to one and a half per cent of the range for protons at these energies.
    table = range_table()
    tau = np.float32([40 / PROTON_MASS])
    width = np.sqrt(table.variance(tau) * PROTON_MASS)
    share = width / (table.range(tau) * PROTON_MASS)
    assert 0.010 < share[0] < 0.015


def test_electron_ranges() -> None:
    forward, back = electron_tables()
    energy = np.float32([0.1, 1, 10, 60])
    np.testing.assert_allclose(forward(energy)[1:3], [0.412, 5.19], rtol=0.01)
    np.testing.assert_allclose(back(forward(energy)), energy, rtol=2e-3)


def test_landau() -> None:
    table = landau_table()
    share = np.linspace(0, 1, 200_001, dtype=np.float32)
    values = table(share)
    # Quantiles by the stable distribution of SciPy 1.17, and the most probable value.
    found = values[[10_000, 50_000, 100_000, 150_000, 180_000]]
    expected = [-1.498, -0.2046, 1.3558, 4.4584, 11.649]
    np.testing.assert_allclose(found, expected, rtol=0.002, atol=0.002)
    counts, edges = np.histogram(values, bins=np.arange(-3, 5, 0.2))
    mode = edges[counts.argmax()] + 0.1
    assert mode == pytest.approx(-0.223, abs=0.2)


def test_highland_angle() -> None:
    # 13.6 MeV / (p beta) at one radiation length.
    tau = np.float32(1000 / PROTON_MASS)
    momentum_beta = PROTON_MASS * tau * (tau + 2) / (tau + 1)
    angle = highland_angle(np.float32([21.82]), tau, PROTON_MASS)
    assert angle[0] == pytest.approx(13.6 / momentum_beta, rel=1e-5)


@pytest.mark.parametrize(
    ("particle", "element", "lines"),
    [
        ("antiproton", "Si", [22.6, 34.8, 57.8, 106.3]),
        ("antideuteron", "Si", [29.9, 43.7, 67.3, 111.6]),
    ],
)
def test_silicon_lines(particle: str, element: str, lines: list[float]) -> None:
    np.testing.assert_allclose(xray_energies(particle, element), lines, atol=0.1)


@pytest.mark.parametrize(
    ("particle", "shells", "lines"),
    [
        ("antideuteron", (8, 7, 6), [37.6, 57.9, 96.0]),
        ("antiproton", (7, 6, 5), [30.0, 49.7, 91.6]),
    ],
)
def test_aluminium_lines(particle: str, shells: tuple, lines: list[float]) -> None:
    found = [transition_energy(n, particle, "Al") for n in shells]
    np.testing.assert_allclose(found, lines, atol=0.1)


def test_attenuation() -> None:
    # Totals of NIST's XCOM less coherent scattering (below 2 per cent from 0.3 MeV).
    energy = np.float32([0.3, 0.5, 1, 2, 5, 10, 20])
    total = [0.1082, 0.0875, 0.0636, 0.0448, 0.0297, 0.0246, 0.0234]
    np.testing.assert_allclose(attenuation()[0](energy), total, rtol=0.025)
    thomson = 0.6652458 * 0.6022141 * 14 / 28.0855
    assert klein_nishina(1e-4) == pytest.approx(thomson, rel=1e-3)


def test_compton_electrons() -> None:
    rng = np.random.default_rng(0)
    kinetic, cosine = compton_electrons(rng, np.full(50_000, 1.0, dtype=np.float32))
    # The edge, and the mean share of the energy at 1 MeV (0.440).
    assert kinetic.max() <= 2 / (2 + 0.511) + 1e-3
    assert kinetic.mean() == pytest.approx(0.440, abs=0.005)
    assert cosine.min() >= 0


def test_chord() -> None:
    zero, one = np.float32([0]), np.float32([1])
    half = np.float32([0.125])
    assert chord(zero, zero, zero, zero, -half, half)[0] == pytest.approx(0.25)
    # Along a diameter, past the rim, and cut by it.
    far = np.float32([50])
    assert chord(zero, zero, one, zero, -far, far)[0] == pytest.approx(10)
    assert chord(zero, one * 6, one, zero, -far, far)[0] == 0
    assert chord(one * 4, zero, one, zero, zero, far)[0] == pytest.approx(1)


def test_deflect() -> None:
    rng = np.random.default_rng(1)
    old = isotropic(rng, 1000)
    cosine = rng.uniform(-1, 1, 1000).astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi, 1000).astype(np.float32)
    new = deflect(old, cosine, turn)
    dot = sum(a * b for a, b in zip(old, new, strict=True))
    np.testing.assert_allclose(dot, cosine, atol=2e-4)
    np.testing.assert_allclose(sum(a * a for a in new), 1, atol=2e-4)


def test_alpha_particles_stay() -> None:
    # An alpha of 6 MeV goes 30 micrometres: all of it is deposited where it starts.
    rng, hits = np.random.default_rng(0), Hits()
    start = in_the_middle(500)
    energy = np.full(500, 6, dtype=np.float32)
    ends, deltas = pass_charged(rng, isotropic_tracks(rng, start, energy, HELIUM), hits)
    assert ends is not None
    assert ends.at_rest.all()
    assert deltas is None
    np.testing.assert_array_equal(np.concatenate(hits.keys), start.voxel_key())
    np.testing.assert_allclose(np.concatenate(hits.energies), 6, rtol=1e-5)


@pytest.mark.parametrize("kind", [PI_PLUS, PROTON])
def test_tracks_keep_their_energy(kind: int) -> None:
    rng, hits = np.random.default_rng(0), Hits()
    energy = rng.uniform(5, 30, 2000).astype(np.float32)
    pass_charged(rng, isotropic_tracks(rng, in_the_middle(2000), energy, kind), hits)
    event = np.concatenate(hits.keys) // N_VOXELS
    total = np.bincount(event, np.concatenate(hits.energies), minlength=2000)
    # Deposits fluctuate about the mean loss, which is kept.
    assert np.all(total <= energy * 1.35)
    assert total.sum() < energy.sum()


def test_thin_layers() -> None:
    # Pions of 300 MeV lose 1.66 MeV cm2/g in the mean, less than 1 MeV mostly.
    rng, hits = np.random.default_rng(0), Hits()
    n = 20_000
    tracks = isotropic_tracks(
        rng, in_the_middle(n), np.full(n, 300, dtype=np.float32), PI_PLUS
    )
    zero = np.zeros(n, dtype=np.float32)
    tracks.start.z = zero - np.float32(0.12499)
    tracks.direction = (zero, zero, zero + 1)
    _, deltas = pass_charged(rng, tracks, hits)
    own = np.concatenate(hits.keys) % N_VOXELS == 5 * 144 + 6 * 12 + 6
    deposit = np.concatenate(hits.energies)[own]
    assert deltas is not None
    thrown = deltas.energy[deltas.start.layer == 5].sum()
    assert (deposit.sum() + thrown) / n == pytest.approx(
        stopping_power(300 / PION_MASS) * 0.25 * 2.329, rel=0.03
    )
    assert 0.70 < np.median(deposit) < 0.85


def test_photons_convert() -> None:
    rng, hits = np.random.default_rng(0), Hits()
    n = 200_000
    photons = isotropic_photons(rng, in_the_middle(n), np.full(n, 150, np.float32))
    # Straight up, through 0.125 cm and five wafers of the column.
    photons.direction = (photons.energy * 0, photons.energy * 0, photons.energy * 0 + 1)
    uz = np.abs(photons.direction[2])
    assert photons.depth is not None
    electrons = pass_photons(rng, photons, hits)
    assert electrons is not None
    assert uz.all()
    assert np.all(electrons.energy <= 150)
    layers = electrons.start.layer
    assert layers.min() >= 0
    assert layers.max() == 5


def test_antiproton_stars() -> None:
    rng = np.random.default_rng(0)
    output = Output(rng, Hits())
    n = 20_000
    output.mesons(in_the_middle(n), np.zeros(n, dtype=bool))
    kinds = np.concatenate([t.kind for t in output.tracks])
    plus, minus = np.bincount(kinds, minlength=2)[:2] / n
    # Direct pions of the knowledge of Geant4 (2.945), and those of etas.
    assert 3.05 < plus + minus < 3.35
    assert minus - plus == pytest.approx(0.51, abs=0.03)


def test_antideuteron_pions() -> None:
    # Two antinucleons of which one in four gets away: Geant4 has 5.197 direct charged
    # pions with a variance of 4.45.
    one = np.array(spectra.PION_NUMBER) / np.sum(spectra.PION_NUMBER)
    away = 2 * spectra.REEMITTED_AT_REST
    both = (1 - away) * np.convolve(one, one)
    both[: len(one)] += away * one
    number = np.arange(len(both))
    mean = (number * both).sum()
    assert mean == pytest.approx(5.197, rel=0.02)
    assert (number**2 * both).sum() - mean**2 == pytest.approx(4.45, rel=0.1)


@pytest.mark.parametrize("particle", ["antiproton", "antideuteron"])
def test_primaries_keep_energy(particle: str) -> None:
    rng, hits = np.random.default_rng(0), Hits()
    n = 5000
    event = np.arange(n, dtype=np.int32)
    done = stop_primaries(rng, event, particle, "random", (0.2, 0.4), hits)
    keys, energy = np.concatenate(hits.keys), np.concatenate(hits.energies)
    deposit = np.bincount(keys // N_VOXELS, energy, minlength=n)
    mass = {"antiproton": PROTON_MASS, "antideuteron": DEUTERON_MASS}[particle]
    kinetic = kinetic_energy(done.beta.astype(float), mass)
    assert np.all(energy >= 0)
    assert np.all(deposit <= kinetic * (1 + 1e-4))
    at_rest = done.stopped & ~done.in_flight
    np.testing.assert_allclose(deposit[at_rest], kinetic[at_rest], rtol=1e-3)
    layer, _, _ = voxel_indices(keys % N_VOXELS)
    deepest = np.full(n, -1)
    np.maximum.at(deepest, keys // N_VOXELS, layer)
    np.testing.assert_array_equal(deepest[done.stopped], done.layer[done.stopped])


def test_deuterons_go_twice_as_far() -> None:
    mean = {}
    for particle in ("antiproton", "antideuteron"):
        rng, hits = np.random.default_rng(0), Hits()
        event = np.arange(4000, dtype=np.int32)
        done = stop_primaries(
            rng, event, particle, "vertical", (0.28, 0.28), hits, in_flight=False
        )
        assert not done.in_flight.any()
        depth = done.points.layer * 0.25 + 0.125 - done.points.z
        mean[particle] = np.median(depth)
    assert mean["antideuteron"] == pytest.approx(2 * mean["antiproton"], rel=0.01)


def test_buffers_are_clean_between_runs() -> None:
    labels = np.array(["antideuteron"] * 300)
    simulator = FastSimulator()
    first = simulator.simulate(labels, np.random.default_rng(3))
    again = simulator.simulate(labels, np.random.default_rng(3))
    np.testing.assert_array_equal(first.energy, again.energy)
    np.testing.assert_array_equal(first.time, again.time)
