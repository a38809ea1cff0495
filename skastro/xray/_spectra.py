"""Count rates of model spectra in the five energy bands of XMM-Newton's EPIC."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Edges of the bands 1 to 5, keV.
BAND_EDGES = np.array([0.2, 0.5, 1.0, 2.0, 4.5, 12.0])
_KEV = 1.602176634e-9  # erg
_ENERGY = np.geomspace(BAND_EDGES[0], BAND_EDGES[-1], 1201)

# Effective area of the three cameras together, cm2 at keV: a smooth curve through the
# published on-axis areas, good to some ten per cent, which is all that is needed for
# plausible colours.
_AREA_AT = [0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 1.9, 2.2, 3.0, 4.5, 6.0]
_AREA = [350, 650, 880, 1050, 1400, 1900, 2400, 2300, 1850, 1600, 1650, 1500]
_AREA_AT += [7.0, 8.0, 9.0, 10.0, 12.0]
_AREA += [1150, 750, 550, 330, 120]

# Photoelectric cross-section per hydrogen atom, 1e-24 cm2 keV3: upper edge of the
# interval (keV) and three coefficients (Morrison and McCammon 1983, table 2).
_ABSORPTION = np.array(
    [
        [0.284, 34.6, 267.9, -476.1],
        [0.400, 78.1, 18.8, 4.3],
        [0.532, 71.4, 66.8, -51.4],
        [0.707, 95.5, 145.8, -61.1],
        [0.867, 308.9, -380.6, 294.0],
        [1.303, 120.6, 169.3, -47.7],
        [1.840, 141.3, 146.8, -31.5],
        [2.471, 202.7, 104.7, -17.0],
        [3.210, 342.7, 18.7, 0.0],
        [4.038, 352.2, 18.7, 0.0],
        [7.111, 433.9, -2.4, 0.75],
        [8.331, 629.0, 30.9, 0.0],
        [np.inf, 701.2, 25.2, 0.0],
    ]
)

# The grid that spectra are tabulated on: parameter of the model by absorption.
_PARAMETERS = {
    "powerlaw": np.linspace(-1.0, 5.0, 31),  # photon index
    "plasma": np.linspace(-1.0, 2.0, 31),  # log10 of the temperature in keV
    "blackbody": np.linspace(-1.5, 0.7, 31),  # log10 of the temperature in keV
}
_LOG_NH = np.linspace(19.0, 24.0, 41)


def cross_section(energy: np.ndarray) -> np.ndarray:
    """Give the photoelectric cross-section of the interstellar medium.

    Parameters
    ----------
    energy : ndarray
        keV, 0.1 or more.

    Returns
    -------
    ndarray
        cm2 per hydrogen atom.
    """
    row = np.searchsorted(_ABSORPTION[:, 0], energy, side="right")
    c0, c1, c2 = np.moveaxis(_ABSORPTION[row, 1:], -1, 0)
    out: np.ndarray = 1e-24 * (c0 + c1 * energy + c2 * energy**2) / energy**3
    return out


def photons(model: str, parameter: float, energy: np.ndarray) -> np.ndarray:
    """Give the photons per keV of a model spectrum, in free units.

    Parameters
    ----------
    model : {"powerlaw", "plasma", "blackbody"}
        "plasma" is bremsstrahlung with the two bumps that iron and oxygen lines make
        in cool coronae.
    parameter : float
        Photon index, or log10 of the temperature in keV.
    energy : ndarray
        keV.

    Returns
    -------
    ndarray
        Of the shape of `energy`.
    """
    if model == "powerlaw":
        return energy**-parameter
    kt = 10.0**parameter
    if model == "blackbody":
        planck: np.ndarray = energy**2 / np.expm1(np.minimum(energy / kt, 700.0))
        return planck
    continuum: np.ndarray = energy**-1.4 * np.exp(-energy / kt)
    # Lines fade as the ions lose their last electrons.
    for center, width, strength in ((0.65, 0.06, 1.5), (0.9, 0.13, 6.0)):
        shape = np.exp(-0.5 * ((energy - center) / width) ** 2)
        continuum += (
            strength * np.exp(-center / kt) * np.exp(-1.5 * kt / center) * shape
        )
    return continuum


def _integrals(spectrum: np.ndarray) -> np.ndarray:
    """Integrate over each of the bands, along the last axis."""
    steps = 0.5 * (spectrum[..., 1:] + spectrum[..., :-1]) * np.diff(_ENERGY)
    total = np.concatenate(
        [np.zeros((*steps.shape[:-1], 1)), np.cumsum(steps, axis=-1)], axis=-1
    )
    # The edges fall between points of the grid; the sum is smooth there.
    at = np.interp(BAND_EDGES, _ENERGY, np.arange(len(_ENERGY)))
    low = np.minimum(at.astype(int), len(_ENERGY) - 2)
    part = at - low
    value = total[..., low] * (1.0 - part) + total[..., low + 1] * part
    return np.diff(value, axis=-1)


@lru_cache(maxsize=1)
def energy_conversion() -> np.ndarray:
    """Compute the factors from flux to count rate.

    As in the catalogues of XMM-Newton they are those of a power law of index 1.7
    behind 3e20 hydrogen atoms per cm2, whatever the source is.

    Returns
    -------
    ndarray of shape (5,)
        ct/s per erg/cm2/s, bands 1 to 5.
    """
    seen = photons("powerlaw", 1.7, _ENERGY) * np.exp(-3e20 * cross_section(_ENERGY))
    area = np.interp(_ENERGY, _AREA_AT, _AREA)
    out: np.ndarray = _integrals(seen * area) / _integrals(seen * _ENERGY * _KEV)
    return out


@lru_cache(maxsize=3)
def _table(model: str) -> np.ndarray:
    """Tabulate log count rates for a catalogue flux of one."""
    spectra = np.stack([photons(model, p, _ENERGY) for p in _PARAMETERS[model]])
    through = np.exp(-(10.0 ** _LOG_NH[:, None]) * cross_section(_ENERGY))
    area = np.interp(_ENERGY, _AREA_AT, _AREA)
    rates = _integrals(spectra[:, None] * through * area)
    flux = rates / energy_conversion()
    out: np.ndarray = np.log(np.maximum(rates / flux.sum(axis=-1, keepdims=True), 1e-3))
    return out


def band_rates(model: str, parameter: np.ndarray, log_nh: np.ndarray) -> np.ndarray:
    """Give the count rates of absorbed sources for a catalogue flux of one.

    Parameters
    ----------
    model : {"powerlaw", "plasma", "blackbody"}
        Shape of the spectrum.
    parameter : ndarray of shape (n,)
        Photon index, or log10 of the temperature in keV.
    log_nh : ndarray of shape (n,)
        log10 of the hydrogen atoms per cm2 in front.

    Returns
    -------
    ndarray of shape (n, 5)
        ct/s in bands 1 to 5 for a total catalogue flux (the five rates over their
        `energy_conversion`) of 1 erg/cm2/s.
    """
    table = _table(model)
    x, i = _cell(_PARAMETERS[model], parameter)
    y, j = _cell(_LOG_NH, log_nh)
    x, y = x[:, None], y[:, None]
    below = table[i, j] * (1 - y) + table[i, j + 1] * y
    above = table[i + 1, j] * (1 - y) + table[i + 1, j + 1] * y
    rates = np.exp(below * (1 - x) + above * x)
    # Between points of the grid the logarithms are right, their sum nearly so.
    flux = (rates / energy_conversion()).sum(axis=1, keepdims=True)
    out: np.ndarray = rates / flux
    return out


def _cell(grid: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where values lie in an even grid; beyond its ends, at them."""
    at = np.clip((value - grid[0]) / (grid[1] - grid[0]), 0.0, len(grid) - 1.0)
    cell = np.minimum(at.astype(np.intp), len(grid) - 2)
    return at - cell, cell
