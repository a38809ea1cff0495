"""Annihilation stars: pions, photons and fragments, and what pions do to nuclei."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skastro.gaps import _mc_nuclei as nuclei
from skastro.gaps import _mc_spectra as spectra
from skastro.gaps._mc_charged import ANTIPROTON, FRAGMENTS, PI_MINUS, PI_PLUS
from skastro.gaps._mc_electrons import isotropic_electrons
from skastro.gaps._mc_nuclei import Nucleus
from skastro.gaps._mc_particles import Hits, Points, Tracks, isotropic_tracks
from skastro.gaps._mc_photons import isotropic_photons
from skastro.gaps._mc_ranges import NEUTRAL_PION_MASS, PION_MASS


class Output:
    """What comes out of stars, to be followed.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    hits : Hits
        Takes deposits that stay where they are.
    """

    def __init__(self, rng: np.random.Generator, hits: Hits) -> None:
        self.rng, self.hits = rng, hits
        self.tracks: list[Tracks] = []
        self.photons: list[Tracks] = []
        self.electrons: list[Tracks] = []

    def energies(self, values: Sequence[float], n: int) -> np.ndarray:
        """Draw n energies from quantiles."""
        return spectra.quantiles(values)(self.rng.random(n, dtype=np.float32))

    def charged(self, points: Points, energy: np.ndarray, kind: int) -> None:
        """Send charged particles in all directions, one a point."""
        if len(points):
            self.tracks.append(isotropic_tracks(self.rng, points, energy, kind))

    def neutral_pions(self, points: Points, energy: np.ndarray) -> None:
        """Let neutral pions decay to two photons each, one pion a point."""
        if not len(points):
            return
        mass = np.float32(NEUTRAL_PION_MASS)
        total = energy + mass
        momentum = np.sqrt(energy * (energy + 2 * mass))
        lean = self.rng.random(len(points), dtype=np.float32) * momentum
        first, second = (total + lean) / 2, (total - lean) / 2
        self.photons.append(isotropic_photons(self.rng, points, first))
        # Dalitz's decay: one of the photons is a pair from the start.
        inner = self.rng.random(len(points), dtype=np.float32) < spectra.DALITZ
        rest = np.flatnonzero(~inner)
        self.photons.append(
            isotropic_photons(self.rng, points.take(rest), second[rest])
        )
        pair, energy = points.take(inner), second[inner]
        share = self.rng.random(len(pair), dtype=np.float32)
        light = isotropic_electrons(self.rng, pair, energy * share)
        self.electrons.append(light)
        self.electrons.append(
            Tracks(pair, energy * (1 - share), light.kind, light.direction)
        )

    def break_up(self, points: Points, nucleus: Nucleus) -> None:
        """Let nuclei break up, one a point."""
        n = len(points)
        if not n:
            return
        recoil = self.energies(nucleus.recoil, n)
        self.hits.add(points.voxel_key(), recoil, points.time)
        hot = self.rng.random(n, dtype=np.float32) < nucleus.hot
        for which, fragments in zip((~hot, hot), nucleus.fragments, strict=True):
            index = np.flatnonzero(which)
            for fragment in fragments:
                number = spectra.draw_number(self.rng, fragment.number, len(index))
                who = np.repeat(index, number)
                energy = self.energies(fragment.energy, len(who))
                self.charged(points.take(who), energy, FRAGMENTS[fragment.name])
        who = np.repeat(np.arange(n), self.rng.poisson(nucleus.n_gammas, n))
        energy = self.energies(nucleus.gammas, len(who))
        self.photons.append(isotropic_photons(self.rng, points.take(who), energy))

    def mesons(self, points: Points, anti_neutron: np.ndarray) -> None:
        """Let antinucleons annihilate, one a point; a mask says which are neutral."""
        rng, n = self.rng, len(points)
        if not n:
            return
        number = spectra.draw_number(rng, spectra.PION_NUMBER, n)
        # Charge is kept: an odd pion is negative after an antiproton met a neutron,
        # positive after an antineutron met a proton.
        half, odd = number // 2, number % 2
        scale = np.array(spectra.ENERGY_SCALE, dtype=np.float32)[number]
        for kind, count in (
            (PI_MINUS, half + odd * ~anti_neutron),
            (PI_PLUS, half + odd * anti_neutron),
        ):
            who = np.repeat(np.arange(n), count)
            energy = self.energies(spectra.PION, len(who)) * scale[who]
            self.charged(points.take(who), energy, kind)
        mean = np.array(spectra.PI0_MEAN, dtype=np.float32)[number]
        width = np.sqrt(np.array(spectra.PI0_VARIANCE, dtype=np.float32))[number]
        # Rounding after + 0.5 - 0.02: the cut at zero lifts the mean by that.
        neutral = mean + width * rng.standard_normal(n, dtype=np.float32)
        count = np.maximum(np.rint(neutral - np.float32(0.02)), 0).astype(np.int64)
        who = np.repeat(np.arange(n), count)
        self.neutral_pions(points.take(who), self.energies(spectra.PION, len(who)))
        share = rng.random(n, dtype=np.float32)
        self._eta_primes(points.take(np.flatnonzero(share < spectra.ETA_PRIMES)))
        share -= np.float32(spectra.ETA_PRIMES)
        self._etas(points.take(np.flatnonzero((share > 0) & (share < spectra.ETAS))))

    def _etas(self, points: Points) -> None:
        """Let etas decay; branching ratios of the Particle Data Group, rounded."""
        share = self.rng.random(len(points), dtype=np.float32)
        two = points.take(share < 0.39)
        for _ in range(2):
            energy = 274 + 150 * (self.rng.random(len(two), dtype=np.float32) - 0.5)
            self.photons.append(isotropic_photons(self.rng, two, energy))
        three = points.take(
            np.repeat(np.flatnonzero((share > 0.39) & (share < 0.72)), 3)
        )
        self.neutral_pions(three, self.energies(spectra.ETA_PION, len(three)))
        charged = points.take(share > 0.72)
        self._pion_pairs(charged, spectra.ETA_PION)
        one = points.take((share > 0.72) & (share < 0.95))
        self.neutral_pions(one, self.energies(spectra.ETA_PION, len(one)))

    def _eta_primes(self, points: Points) -> None:
        """Let eta' decay: to an eta and two pions, or to a photon and a rho."""
        share = self.rng.random(len(points), dtype=np.float32)
        self._pion_pairs(points.take(share < 0.43), spectra.ETA_PION)
        two = points.take(np.repeat(np.flatnonzero((share > 0.43) & (share < 0.66)), 2))
        self.neutral_pions(two, self.energies(spectra.ETA_PION, len(two)))
        self._etas(points.take(share < 0.66))
        self._pion_pairs(points.take((share > 0.66) & (share < 0.96)), spectra.RHO_PION)

    def _pion_pairs(self, points: Points, values: Sequence[float]) -> None:
        for kind in (PI_PLUS, PI_MINUS):
            self.charged(points, self.energies(values, len(points)), kind)

    def antiprotons(self, points: Points, in_flight: np.ndarray) -> None:
        """Let antiprotons end, one a point; a mask says which are not at rest."""
        share = self.rng.random(len(points), dtype=np.float32)
        scattered = in_flight & (share < spectra.SCATTERED_IN_FLIGHT)
        gone = in_flight & (
            share < spectra.SCATTERED_IN_FLIGHT + spectra.EXCHANGED_IN_FLIGHT
        )
        out = points.take(scattered)
        energy = self.energies(spectra.ANTIPROTON_AT_REST, len(out))
        self.charged(out, energy, ANTIPROTON)
        stars = points.take(~gone)
        self.mesons(stars, np.zeros(len(stars), dtype=bool))
        self.break_up(points.take(~in_flight), nuclei.ANTIPROTON_AT_REST)
        self.break_up(points.take(in_flight), nuclei.ANTIPROTON_IN_FLIGHT)

    def antideuterons(self, points: Points, in_flight: np.ndarray) -> None:
        """Let antideuterons end, one a point; a mask says which are not at rest.

        Antineutrons that get away are not followed: one in ten would be seen.
        """
        n = len(points)
        share = self.rng.random(n, dtype=np.float32)
        each = np.where(
            in_flight, spectra.REEMITTED_IN_FLIGHT, spectra.REEMITTED_AT_REST
        )
        both = np.where(in_flight, spectra.BROKEN_IN_FLIGHT, 0)
        proton_out = share < each + both
        neutron_out = (share < both) | (
            (share >= each + both) & (share < 2 * each + both)
        )
        for mask, neutral in ((~proton_out, False), (~neutron_out, True)):
            stars = points.take(mask)
            self.mesons(stars, np.full(len(stars), neutral))
        for mask, values in (
            (proton_out & ~in_flight, spectra.ANTIPROTON_AT_REST),
            (proton_out & in_flight, spectra.ANTIPROTON_IN_FLIGHT),
        ):
            out = points.take(mask)
            self.charged(out, self.energies(values, len(out)), ANTIPROTON)
        self.break_up(points.take(~in_flight), nuclei.ANTIDEUTERON_AT_REST)
        self.break_up(points.take(in_flight), nuclei.ANTIDEUTERON_IN_FLIGHT)

    def pions_absorbed(
        self, points: Points, kind: np.ndarray, energy: np.ndarray
    ) -> None:
        """Let pions meet nuclei in flight: absorbed, scattered or made neutral."""
        share = self.rng.random(len(points), dtype=np.float32)
        kept = self.energies(spectra.PION_KEPT, len(points)) * energy
        for one in (PI_PLUS, PI_MINUS):
            mask = (share < 0.47) & (kind == one)
            self.charged(points.take(mask), kept[mask], one)
        mask = (share > 0.47) & (share < 0.585)
        self.neutral_pions(
            points.take(mask), kept[mask] + np.float32(PION_MASS - 134.977)
        )
        self.break_up(points.take(kind == PI_PLUS), nuclei.PI_PLUS_IN_FLIGHT)
        self.break_up(points.take(kind == PI_MINUS), nuclei.PI_MINUS_IN_FLIGHT)

    def pions_captured(self, points: Points) -> None:
        """Let negative pions at rest be captured, one a point."""
        self.break_up(points, nuclei.PI_MINUS_CAPTURE)
