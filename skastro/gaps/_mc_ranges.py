"""Ranges, energies and straggling of charged particles in silicon."""

from __future__ import annotations

from functools import cache

import numpy as np

# MeV: CODATA / PDG; the deuteron is the bare nucleus.
ELECTRON_MASS = 0.51099895
PROTON_MASS = 938.27209
DEUTERON_MASS = 1875.6129
HELIUM_MASS = 3727.3794
PION_MASS = 139.57039
NEUTRAL_PION_MASS = 134.9768
SPEED_OF_LIGHT = 29.9792458  # cm/ns

# Silicon: Sternheimer's density parameters and the mean excitation energy in MeV.
Z_OVER_A = 14 / 28.0855
EXCITATION = 173e-6
K_BETHE = 0.307075  # MeV cm2 / mol
RADIATION_LENGTH = 21.82  # g/cm2
_C, _X0, _X1, _A, _POWER = 4.4355, 0.2015, 2.8716, 0.1492, 3.2546

# Bethe's formula fails at the lowest speeds; below this T/M (0.9 MeV for a proton,
# 0.004 g/cm2 of range) the stopping power is held.
_LOWEST_TAU = 1e-3


def kinetic_energy(beta: np.ndarray, mass: float) -> np.ndarray:
    """Give the kinetic energy of a speed.

    Parameters
    ----------
    beta : array-like
        Speed over that of light.
    mass : float
        In MeV.

    Returns
    -------
    ndarray
        In MeV.
    """
    beta = np.asarray(beta)
    out: np.ndarray = mass * (1 / np.sqrt(1 - beta * beta) - 1)
    return out


def stopping_power(tau: np.ndarray, mass: float = PROTON_MASS) -> np.ndarray:
    """Give Bethe's mean energy loss of a singly charged particle.

    Parameters
    ----------
    tau : array-like
        Kinetic energy over mass.
    mass : float, default=938.27209
        In MeV; it enters by the largest transfer to an electron, which hardly matters.

    Returns
    -------
    ndarray
        In MeV cm2/g.
    """
    tau = np.maximum(np.asarray(tau, dtype=float), _LOWEST_TAU)
    gamma = tau + 1
    beta2 = 1 - 1 / gamma**2
    bg2 = gamma**2 - 1
    ratio = ELECTRON_MASS / mass
    largest = 2 * ELECTRON_MASS * bg2 / (1 + 2 * gamma * ratio + ratio**2)
    x = np.log10(bg2) / 2
    bend = np.where(x < _X1, _A * np.maximum(_X1 - x, 0) ** _POWER, 0)
    density = np.where(x < _X0, 0, 2 * np.log(10) * x - _C + bend)
    logarithm = np.log(2 * ELECTRON_MASS * bg2 * largest / EXCITATION**2) / 2
    return K_BETHE * Z_OVER_A / beta2 * (logarithm - beta2 - density / 2)


class LogTable:
    """A function on a grid that is even in the logarithm, looked up linearly.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Increasing positive x; what lies outside is taken at the ends.
    n_points : int, default=4096
        Points of the grid.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, n_points: int = 4096) -> None:
        grid = np.geomspace(x[0], x[-1], n_points)
        self.values = np.interp(grid, x, y).astype(np.float32)
        self.slopes = np.append(np.diff(self.values), np.float32(0))
        self.start = np.float32(np.log(x[0]))
        self.scale = np.float32((n_points - 1) / np.log(x[-1] / x[0]))
        self.lowest, self.last = np.float32(x[0]), np.float32(n_points - 1)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Look up.

        Parameters
        ----------
        x : ndarray of float32
            Where.

        Returns
        -------
        ndarray of float32
            The values.
        """
        place: np.ndarray = np.log(np.maximum(x, self.lowest))
        place -= self.start
        place *= self.scale
        np.minimum(place, self.last, out=place)
        cell = place.astype(np.int32)
        place -= cell
        place *= self.slopes.take(cell)
        place += self.values.take(cell)
        return place


class RangeTable:
    """Range, energy and range straggling of every heavy particle from one table.

    At equal speed the range goes as mass over charge squared, so that a table in
    ``T / M`` serves protons, deuterons, helium and pions alike. It also holds that an
    antideuteron has exactly twice the range of an antiproton of its speed.

    Attributes
    ----------
    range : LogTable
        From ``T / M`` to ``R z**2 / M`` in g/cm2/MeV.
    energy : LogTable
        Back.
    variance : LogTable
        From ``T / M`` to the variance of the range times ``z**4 / M``.
    """

    def __init__(self) -> None:
        tau = np.geomspace(1e-5, 20, 20_000)
        loss = stopping_power(tau)
        gamma = tau + 1
        beta2 = 1 - 1 / gamma**2
        # Bohr's variance of the loss, MeV2 cm2/g, with the relativistic factor.
        spread = K_BETHE * Z_OVER_A * ELECTRON_MASS * gamma**2 * (1 - beta2 / 2)
        reach = _integral(tau, 1 / loss)
        self.range = LogTable(tau, reach)
        self.energy = LogTable(reach, tau)
        self.variance = LogTable(tau, _integral(tau, spread / loss**3))


def _integral(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Integrate from 0, with y constant before the first point."""
    steps = np.diff(x) * (y[1:] + y[:-1]) / 2
    return np.concatenate([[x[0] * y[0]], x[0] * y[0] + np.cumsum(steps)])


@cache
def range_table() -> RangeTable:
    """Give the table, made once.

    Returns
    -------
    RangeTable
        For silicon.
    """
    return RangeTable()


@cache
def electron_tables() -> tuple[LogTable, LogTable]:
    """Give range of electrons from energy and energy from range.

    Returns
    -------
    tuple of two LogTable
        MeV to g/cm2, and back.

    References
    ----------
    .. [1] L. Katz and A. S. Penfold, Rev. Mod. Phys. 24 (1952) 28-44.
    """
    energy = np.geomspace(1e-3, 2000, 8000)
    power = 1.265 - 0.0954 * np.log(energy)
    low = 0.412 * energy**power
    reach = np.where(energy < 2.5, low, 0.530 * energy - 0.106)
    reach = np.maximum.accumulate(reach + 1e-9 * energy)
    return LogTable(energy, reach), LogTable(reach, energy)
