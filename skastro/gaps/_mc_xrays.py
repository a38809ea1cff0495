"""X-rays of exotic atoms: a heavy negative particle that falls to a nucleus."""

from __future__ import annotations

import numpy as np

from skastro.gaps._mc_ranges import DEUTERON_MASS, ELECTRON_MASS, PROTON_MASS

RYDBERG_KEV = 13.605693e-3
ATOMIC_MASS_UNIT = 931.494102
# Charge and mass number of nuclei.
NUCLEI = {"Al": (13, 26.981538), "Si": (14, 27.976927)}
_MASSES = {"antiproton": PROTON_MASS, "antideuteron": DEUTERON_MASS}
# Shells from which the last lines before the capture by the nucleus start, in silicon,
# and how often an atom sends out each; the GAPS studies quote 0.7 to 0.9.
_LINES = {"antiproton": (8, 7, 6, 5), "antideuteron": (9, 8, 7, 6)}
YIELD = 0.8


def transition_energy(shell: int, particle: str, element: str = "Si") -> float:
    """Give the energy of the X-ray of a step from one shell to the next lower one.

    Parameters
    ----------
    shell : int
        Principal quantum number before.
    particle : {"antiproton", "antideuteron"}
        What is bound.
    element : {"Si", "Al"}, default="Si"
        The nucleus: silicon-28 or aluminium-27.

    Returns
    -------
    float
        In keV, by Bohr's formula with the reduced mass.
    """
    charge, number = NUCLEI[element]
    nucleus = number * ATOMIC_MASS_UNIT - charge * ELECTRON_MASS
    mass = _MASSES[particle]
    reduced = mass * nucleus / (mass + nucleus)
    step = 1 / (shell - 1) ** 2 - 1 / shell**2
    return RYDBERG_KEV * charge**2 * reduced / ELECTRON_MASS * step


def xray_energies(particle: str, element: str = "Si") -> np.ndarray:
    """Give the lines of an exotic atom.

    Parameters
    ----------
    particle : {"antiproton", "antideuteron"}
        What is bound.
    element : {"Si", "Al"}, default="Si"
        The nucleus.

    Returns
    -------
    ndarray of shape (4,)
        In keV, increasing.
    """
    lines = _LINES[particle]
    return np.array([transition_energy(n, particle, element) for n in lines])
