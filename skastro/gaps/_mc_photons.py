"""Photons: Compton scattering, pairs, the photoelectric effect."""

from __future__ import annotations

from functools import cache

import numpy as np

from skastro.gaps._geometry import WAFER_RADIUS_CM
from skastro.gaps._mc_geometry import (
    DENSITY,
    FLAT_COSINE,
    HALF_CM,
    LAYERS,
    deflect,
)
from skastro.gaps._mc_particles import ELECTRON, PHOTON, Hits, Points, Tracks
from skastro.gaps._mc_ranges import (
    ELECTRON_MASS,
    SPEED_OF_LIGHT,
    Z_OVER_A,
    LogTable,
)
from skastro.gaps._mc_tracks import walk

_DIAMETER_CM = np.float32(2 * WAFER_RADIUS_CM)
_THOMSON = 0.6652458 * 0.6022141  # barn times Avogadro: cm2 per mole of electrons

# Silicon in cm2/g. Photoelectric: Elam, Ravel and Sieber (2002).
_PHOTO_KEV = (15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500)
_PHOTO = (
    9.8485, 4.0891, 1.1608, 0.46867, 0.23073, 0.12885, 0.05121, 0.02498, 0.00681,
    0.00274, 0.00079, 0.00018,
)  # fmt: skip
# Pairs: up to 20 MeV the total of NIST's XCOM less Klein-Nishina, above on the way to
# 7/9 of the inverse radiation length, by conversions of 150 MeV photons in Geant4.
_PAIR_MEV = (1.2, 2, 3, 5, 10, 15, 20, 30, 50, 80, 100, 150, 200, 300, 500, 1000)
_PAIR = (
    1e-5, 0.00087, 0.0022, 0.0048, 0.0093, 0.0122, 0.0143, 0.0177, 0.0216, 0.0245,
    0.0259, 0.0278, 0.0288, 0.0302, 0.0315, 0.0330,
)  # fmt: skip


def klein_nishina(energy: np.ndarray) -> np.ndarray:
    """Give Compton attenuation in silicon.

    Parameters
    ----------
    energy : array-like
        In MeV.

    Returns
    -------
    ndarray
        In cm2/g.
    """
    a = np.asarray(energy) / ELECTRON_MASS
    b = 1 + 2 * a
    log = np.log(b)
    shape = (1 + a) / a**2 * (2 * (1 + a) / b - log / a) + log / (2 * a)
    return 0.75 * _THOMSON * Z_OVER_A * (shape - (1 + 3 * a) / b**2)


@cache
def attenuation() -> tuple[LogTable, LogTable, LogTable]:
    """Give the attenuation of silicon without coherent scattering.

    Returns
    -------
    tuple of three LogTable
        From MeV to cm2/g: all together, the photoelectric effect, and that plus
        Compton scattering.
    """
    energy = np.geomspace(0.015, 1000, 4000)
    photo = np.exp(np.interp(np.log(energy * 1e3), np.log(_PHOTO_KEV), np.log(_PHOTO)))
    photo[energy > 0.5] = 0
    pair = np.interp(np.log(energy), np.log(_PAIR_MEV), _PAIR)
    pair[energy < 1.022] = 0
    both = photo + klein_nishina(energy)
    return (
        LogTable(energy, both + pair),
        LogTable(energy, photo),
        LogTable(energy, both),
    )


def isotropic_photons(
    rng: np.random.Generator, start: Points, energy: np.ndarray
) -> Tracks:
    """Send photons in all directions; those that must miss everything are left out.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    start : Points
        One a photon.
    energy : ndarray of float32
        MeV.

    Returns
    -------
    Tracks
        Of kind `PHOTON`; ``depth`` is how much silicon each crosses before it
        interacts.
    """
    n = len(start)
    depth = rng.standard_exponential(n, dtype=np.float32)
    depth /= attenuation()[0](energy)
    # Most pairs of photon and depth need no geometry: the way through all wafers ahead
    # is never longer than this.
    uz = rng.random(n, dtype=np.float32) * 2 - 1
    uz = np.copysign(np.maximum(np.abs(uz), np.float32(1e-4)), uz)
    ahead = np.where(uz > 0, start.layer + 1, LAYERS - start.layer)
    longest = np.minimum(2 * HALF_CM / np.abs(uz), _DIAMETER_CM) * DENSITY
    # A flat photon may cross a neighbour of its own layer too.
    keep = np.flatnonzero(depth < longest * (ahead + (np.abs(uz) < FLAT_COSINE) * 2))
    uz = uz[keep]
    angle = rng.random(keep.size, dtype=np.float32) * np.float32(2 * np.pi)
    across = np.sqrt(1 - uz * uz)
    direction = (across * np.cos(angle), across * np.sin(angle), uz)
    kind = np.full(keep.size, PHOTON, dtype=np.int8)
    tracks = Tracks(start.take(keep), energy[keep], kind, direction)
    tracks.depth = depth[keep]
    return tracks


def pass_photons(
    rng: np.random.Generator, photons: Tracks, hits: Hits
) -> Tracks | None:
    """Follow photons to their first interaction.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    photons : Tracks
        From `isotropic_photons`.
    hits : Hits
        Takes what photoelectrons deposit on the spot.

    Returns
    -------
    Tracks or None
        The electrons of Compton scattering and of pairs. A scattered photon is lost.
    """
    assert photons.depth is not None
    left = photons.depth.copy()
    found: list[tuple[np.ndarray, ...]] = []

    def visit(
        who: np.ndarray, length: np.ndarray, middle: np.ndarray, key: np.ndarray
    ) -> np.ndarray:
        depth = length * DENSITY
        here = left[who]
        goes_on: np.ndarray = here > depth
        at = np.flatnonzero(~goes_on)
        if at.size:
            spot = middle[at] - length[at] / 2 + here[at] / DENSITY
            found.append((who[at], spot, key[at]))
        left[who] = here - depth
        return goes_on

    walk(photons, visit)
    if not found:
        return None
    who, spot, key = (np.concatenate(part) for part in zip(*found, strict=True))
    energy = photons.energy[who]
    places = photons.start.take(who).moved(
        tuple(part[who] for part in photons.direction), spot
    )
    places.time = places.time + spot / np.float32(SPEED_OF_LIGHT)
    total, photo, both = (table(energy) for table in attenuation())
    share = rng.random(len(who), dtype=np.float32) * total
    absorbed = share < photo
    hits.add(key[absorbed], energy[absorbed], places.time[absorbed])
    compton = np.flatnonzero(~absorbed & (share < both))
    pair = np.flatnonzero((share >= both) & (energy > 1.022))
    direction = [part[who] for part in photons.direction]
    kinetic, cosine = compton_electrons(rng, energy[compton])
    turn = rng.random(compton.size, dtype=np.float32) * np.float32(2 * np.pi)
    thrown = deflect(tuple(part[compton] for part in direction), cosine, turn)
    shared = energy[pair] - np.float32(2 * ELECTRON_MASS)
    first = shared * rng.random(pair.size, dtype=np.float32)
    index = np.concatenate([compton, pair, pair])
    return Tracks(
        places.take(index),
        np.concatenate([kinetic, first, shared - first]),
        np.full(index.size, ELECTRON, dtype=np.int8),
        tuple(
            np.concatenate([new, old[pair], old[pair]])
            for new, old in zip(thrown, direction, strict=True)
        ),
    )


def compton_electrons(
    rng: np.random.Generator, energy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw Compton electrons by the Klein-Nishina formula.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    energy : ndarray of float32
        Of the photons, MeV.

    Returns
    -------
    kinetic : ndarray of float32
        MeV.
    cosine : ndarray of float32
        Of the angle between photon and electron.

    References
    ----------
    .. [1] J. C. Butcher and H. Messel, Nucl. Phys. 20 (1960) 15-128: the sampling.
    """
    alpha = energy / np.float32(ELECTRON_MASS)
    lowest = 1 / (1 + 2 * alpha)
    kept = np.empty_like(energy)
    todo = np.arange(len(energy))
    while todo.size:
        low, a = lowest[todo], alpha[todo]
        first = -np.log(low)
        second = (1 - low * low) / 2
        which, share, test = rng.random((3, todo.size), dtype=np.float32)
        power = np.exp(-first * share)
        root = np.sqrt(low * low + (1 - low * low) * share)
        ratio = np.where(which * (first + second) < first, power, root)
        t = (1 - ratio) / (a * ratio)
        reject = 1 - ratio * t * (2 - t) / (1 + ratio * ratio)
        good = test < reject
        kept[todo[good]] = ratio[good]
        todo = todo[~good]
    kinetic = energy * (1 - kept)
    momentum = np.sqrt(kinetic * (kinetic + np.float32(2 * ELECTRON_MASS)))
    out = kept * energy
    cosine = (energy**2 + momentum**2 - out**2) / np.maximum(
        2 * energy * momentum, np.float32(1e-12)
    )
    return kinetic, np.clip(cosine, -1, 1)
