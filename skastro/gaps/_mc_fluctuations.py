"""Fluctuations of the energy loss in thin layers, and scattering angles."""

from __future__ import annotations

from functools import cache

import numpy as np

from skastro.gaps._mc_ranges import (
    ELECTRON_MASS,
    K_BETHE,
    RADIATION_LENGTH,
    Z_OVER_A,
)

# Knock-on electrons above this are followed for themselves; it is the threshold of
# Geant4 for a range of 0.7 mm.
DELTA_CUT_MEV = 0.54
_EULER = 0.5772156649


class QuantileTable:
    """A distribution that is given by quantiles, drawn from evenly spaced ones.

    Parameters
    ----------
    shares : array-like
        Increasing, from 0 to 1.
    values : array-like
        Quantiles there; linear in between.
    n_points : int, default=1025
        Points of the table.
    """

    def __init__(
        self, shares: np.ndarray, values: np.ndarray, n_points: int = 1025
    ) -> None:
        grid = np.linspace(0, 1, n_points)
        self.values = np.interp(grid, shares, values).astype(np.float32)
        self.slopes = np.append(np.diff(self.values), np.float32(0))
        self.scale = np.float32(n_points - 1)

    def __call__(self, share: np.ndarray) -> np.ndarray:
        """Give quantiles.

        Parameters
        ----------
        share : ndarray of float32
            From 0 to 1.

        Returns
        -------
        ndarray of float32
            The values there.
        """
        place = share * self.scale
        cell = place.astype(np.int32)
        place -= cell
        place *= self.slopes.take(cell)
        place += self.values.take(cell)
        return place


@cache
def landau_table() -> QuantileTable:
    r"""Tabulate quantiles of Landau's distribution.

    Returns
    -------
    QuantileTable
        Up to lambda = 250; what is above comes as knock-on electrons.

    Notes
    -----
    The density is
    :math:`\frac{1}{\pi} \int_0^\infty e^{-\pi t/2} \cos(t \ln t + \lambda t) dt`.
    """
    t = np.linspace(0, 12, 2401)[1:]
    x = np.concatenate([np.linspace(-4, 10, 700), np.geomspace(10.05, 250, 200)])
    phase = x[:, None] * t + t * np.log(t)
    step = t[1] - t[0]
    density = (np.exp(-np.pi * t / 2) * np.cos(phase)).sum(axis=1) * step
    # The integrand is 1 at t = 0: half a step by the trapezium rule.
    density = np.maximum((density + step / 2) / np.pi, 0)
    below = np.append(0, np.cumsum(np.diff(x) * (density[1:] + density[:-1]) / 2))
    # What lies above 250 is close to 1/250.
    below = below / below[-1] * (1 - 1 / 250)
    shares = np.append(below, 1.0)
    return QuantileTable(shares, np.append(x, 250.0), 8193)


def thin_loss(
    rng: np.random.Generator,
    loss: np.ndarray,
    xi: np.ndarray,
    beta2: np.ndarray,
    cut: np.ndarray,
    largest: np.ndarray,
) -> np.ndarray:
    """Draw losses in thin layers by Landau's distribution below a cut.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    loss : ndarray of float32
        Mean of the whole loss, MeV.
    xi : ndarray of float32
        Landau's scale, MeV.
    beta2 : ndarray of float32
        Speed squared.
    cut : ndarray of float32
        Transfers above it do not count, MeV.
    largest : ndarray of float32
        Largest transfer, MeV.

    Returns
    -------
    ndarray of float32
        In MeV.
    """
    mean = np.float32(_EULER - 1) - beta2 - np.log(xi / cut)
    last = np.float32(0.60715) + np.float32(1.1934) * mean
    rise = np.exp(np.float32(0.94753) + np.float32(0.74442) * np.minimum(mean, 6))
    last += (np.float32(0.67794) + np.float32(0.052382) * mean) * rise
    share = rng.random(len(loss), dtype=np.float32)
    share *= 1 - 1 / np.maximum(last, np.float32(3))
    # Landau's value about its own mean, and less what goes into hard transfers.
    out: np.ndarray = loss + xi * (landau_table()(share) - mean - np.log(largest / cut))
    return out


def knock_on_energy(
    rng: np.random.Generator, largest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw electrons above the cut by their 1/T**2 spectrum.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    largest : ndarray of float32
        Largest transfer, MeV.

    Returns
    -------
    energy : ndarray of float32
        MeV.
    cosine : ndarray of float32
        Of the angle to the particle that threw them.
    """
    cut, mass = np.float32(DELTA_CUT_MEV), np.float32(2 * ELECTRON_MASS)
    share = rng.random(len(largest), dtype=np.float32)
    energy = 1 / (1 / cut - share * (1 / cut - 1 / largest))
    ratio = energy * (largest + mass) / (largest * (energy + mass))
    return energy, np.sqrt(np.minimum(ratio, 1))


def fluctuate(
    rng: np.random.Generator,
    loss: np.ndarray,
    depth: np.ndarray,
    tau: np.ndarray,
    charge2: np.ndarray,
    mass: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw deposits around mean losses.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    loss : ndarray of float32
        Mean loss in MeV.
    depth : ndarray of float32
        Silicon crossed, g/cm2.
    tau : ndarray of float32
        Kinetic energy over mass at the entrance.
    charge2 : ndarray of float32
        Charge squared.
    mass : ndarray of float32
        In MeV.

    Returns
    -------
    deposit : ndarray of float32
        In MeV, without the hard knock-on electrons.
    n_deltas : ndarray of float32
        Mean number of electrons above 0.54 MeV.
    largest : ndarray of float32
        Largest energy of one, MeV.

    Notes
    -----
    Gauss where the loss is many times the largest transfer (xi / Tmax above 0.3),
    else Landau, cut where the mean is that of the restricted loss.

    References
    ----------
    .. [1] GEANT 3.21 manual, CERN W5013 (1994), section PHYS332.
    """
    gamma = tau + np.float32(1)
    bg2 = tau * (tau + np.float32(2))
    beta2 = bg2 / (gamma * gamma)
    ratio = np.float32(ELECTRON_MASS) / mass
    largest = np.float32(2 * ELECTRON_MASS) * bg2 / (1 + 2 * gamma * ratio)
    xi = np.float32(K_BETHE * Z_OVER_A / 2) * charge2 * depth / beta2
    cut = np.minimum(largest, np.float32(DELTA_CUT_MEV))
    kappa = xi / cut
    deposit = loss.copy()
    thin = kappa < np.float32(0.3)
    thick = np.flatnonzero(~thin)
    if thick.size:
        sigma = np.sqrt(xi[thick] * cut[thick] * (1 - beta2[thick] / 2))
        noise = rng.standard_normal(thick.size, dtype=np.float32)
        deposit[thick] += sigma * noise
    at = np.flatnonzero(thin)
    deposit[at] = thin_loss(rng, loss[at], xi[at], beta2[at], cut[at], largest[at])
    n_deltas = np.where(largest > cut, xi * (1 / cut - 1 / largest), 0)
    np.clip(deposit, np.float32(0.3) * loss, np.float32(20) * loss, out=deposit)
    return deposit, n_deltas, largest


def highland_angle(depth: np.ndarray, tau: np.ndarray, mass: float) -> np.ndarray:
    """Give the width of the projected scattering angle of singly charged particles.

    Parameters
    ----------
    depth : ndarray
        Silicon crossed, g/cm2.
    tau : ndarray
        Kinetic energy over mass.
    mass : float
        In MeV.

    Returns
    -------
    ndarray
        In rad.

    References
    ----------
    .. [1] V. L. Highland, Nucl. Instrum. Methods 129 (1975) 497-499.
    """
    momentum_beta = mass * tau * (tau + 2) / (tau + 1)
    thickness = np.maximum(depth / np.float32(RADIATION_LENGTH), np.float32(1e-6))
    width = np.float32(13.6) / momentum_beta * np.sqrt(thickness)
    out: np.ndarray = width * (1 + np.float32(0.038) * np.log(thickness))
    return out
