"""Electrons: their wavelength, and how atoms scatter them."""

from __future__ import annotations

import csv
import math
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from scipy import constants

from skastro.utils._real_array import real_array


def electron_wavelength(voltage_kv: float) -> float:
    """Give the relativistic wavelength of electrons.

    Parameters
    ----------
    voltage_kv : float
        Accelerating voltage in kV.

    Returns
    -------
    float
        Wavelength in Å: h / sqrt(2 m e V (1 + e V / 2 m c²)).

    Raises
    ------
    ValueError
        If the voltage is not positive and finite.

    Examples
    --------
    >>> from skastro.diffraction import electron_wavelength
    >>> round(electron_wavelength(200), 6)
    0.025079
    """
    # NumPy's float32 would stay one, and the masses of electrons underflow in it.
    voltage_kv = real_array(voltage_kv, "voltage_kv").item()
    # Outside of these bounds the arithmetic leaves the range of floats.
    if not 1e-100 < voltage_kv < 1e100:
        raise ValueError(f"voltage_kv must be positive and finite, got {voltage_kv}.")
    energy = constants.e * voltage_kv * 1e3
    rest = constants.m_e * constants.c**2
    momentum = math.sqrt(2 * constants.m_e * energy * (1 + energy / (2 * rest)))
    out: float = constants.h / momentum * 1e10
    return out


# In 1/Å; beyond it there is no scattering to speak of.
_LONGEST = 1e6


@cache
def _table() -> dict[str, np.ndarray]:
    text = resources.files("skastro.diffraction").joinpath("data/lobato_2014.csv")
    table = {}
    with text.open("r", encoding="ascii") as file:
        rows = csv.reader(file)
        next(rows)
        for element, *values in rows:
            table[element] = np.array(values, dtype=np.float64).reshape(5, 2)
    return table


def scattering_factor(element: str, g: Any) -> np.ndarray:
    """Give the electron scattering factor of a neutral atom.

    f(g) = sum of a (2 + b g²) / (1 + b g²)² over five terms, from the table of Lobato
    and Van Dyck. The terms nearly cancel, so it is always computed in float64.

    Parameters
    ----------
    element : str
        Symbol, "H" to "Lr"; charges as in "Ti4+" are ignored, since the table is for
        neutral atoms.
    g : array-like
        Lengths of reciprocal vectors, 1/d, in 1/Å.

    Returns
    -------
    ndarray, same shape as g
        In Å, first Born approximation, without the relativistic factor (which is the
        same for all atoms).

    Raises
    ------
    ValueError
        If the table has no such element.

    References
    ----------
    I. Lobato and D. Van Dyck, Acta Cryst. A 70, 636 (2014), "An accurate
    parameterization for scattering factors, electron densities and electrostatic
    potentials for neutral atoms that obey all physical constraints".

    Examples
    --------
    >>> from skastro.diffraction import scattering_factor
    >>> scattering_factor("Ti", [0.0, 0.5]).round(3)
    array([8.78 , 2.856])
    """
    if not isinstance(element, str):
        raise TypeError(f"element must be a str such as 'Ti', got {element!r}.")
    symbol = element.strip().rstrip("0123456789+-").capitalize()
    table = _table()
    if symbol not in table:
        raise ValueError(
            f"There is no scattering factor of {element!r}; the table has "
            f"{', '.join(table)}."
        )
    a, b = table[symbol].T
    length = real_array(g, "g")
    if not (np.abs(length) <= _LONGEST).all():
        raise ValueError(f"g must be finite and at most {_LONGEST:g} 1/Å.")
    square = np.square(length)[..., None] * b
    return np.asarray((a * (2 + square) / np.square(1 + square)).sum(axis=-1))
