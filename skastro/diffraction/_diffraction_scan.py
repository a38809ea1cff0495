"""What a file of diffraction patterns holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

# Å in a unit of length.
_ANGSTROMS = {
    "a": 1.0,
    "å": 1.0,
    "ang": 1.0,
    "angstrom": 1.0,
    "ångström": 1.0,
    "ångstrom": 1.0,
    "pm": 0.01,
    "nm": 10.0,
    "um": 1e4,
    "µm": 1e4,
    "micrometer": 1e4,
    "mm": 1e7,
    "m": 1e10,
}


@dataclass(frozen=True)
class DiffractionScan:
    """Diffraction patterns of one file, and their calibration.

    Parameters
    ----------
    data : array-like of shape (..., h, w)
        The patterns: an array, or what reads slices of the file when they are asked
        for. The axes before the last two are those of the scan: rows and columns.
    scale : float or None
        In 1/Å per pixel, as the file has it; None if it has none. Microscopes write
        nominal values: `ScaleCalibrator` measures it.
    navigation_shape : tuple of int
        Shape of the scan, ``data.shape[:-2]``.
    step : tuple of float or None
        Distance of neighbouring points along each axis of the scan, in nm; None if not
        known.
    metadata : dict
        What else the file says, as plain values.

    See Also
    --------
    read_blo : Read NanoMEGAS files.
    read_hspy : Read HyperSpy files.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.diffraction import DiffractionScan
    >>> scan = DiffractionScan(np.zeros((2, 3, 64, 64)), 0.02, (2, 3), (5.0, 5.0), {})
    >>> scan.data.reshape(-1, 64, 64).shape  # what estimators take
    (6, 64, 64)
    """

    data: Any
    scale: float | None
    navigation_shape: tuple[int, ...]
    step: tuple[float, ...] | None
    metadata: dict[str, Any]


def angstroms(unit: str) -> float | None:
    """Give a unit of length in Å, or None if it is none."""
    return _ANGSTROMS.get(_plain(unit))


def reciprocal_of(unit: str) -> float | None:
    """Give the length that a unit is the reciprocal of, however it is written.

    Parameters
    ----------
    unit : str
        Such as "1/Å", "nm^-1", "$A^{-1}$" or "Å⁻¹".

    Returns
    -------
    float or None
        In Å: 10 for 1/nm; None if it is no reciprocal length.
    """
    match = re.fullmatch(r"1/(\w+)|(\w+?)(?:\^|\*\*)?\(?-1\)?", _plain(unit))
    if match is None:
        return None
    return _ANGSTROMS.get(match[1] or match[2])


def _plain(unit: str) -> str:
    """Take the decoration from a unit: TeX, superscripts, blanks."""
    # The Ångström sign, the Greek mu and the minus sign have each a second code.
    for odd, usual in (
        ("\u212b", "å"),
        ("\u03bc", "µ"),
        ("\u2212", "-"),
        ("⁻", "-"),
        ("¹", "1"),
        ("\\AA", "å"),
        ("\\mathrm", ""),
        ("\\mu", "µ"),
    ):
        unit = unit.replace(odd, usual)
    return re.sub(r"[\s${}\\]", "", unit).lower().replace("a\u030a", "å")


def check_stack(data: Any, name: str) -> None:
    """Refuse what are no patterns.

    Parameters
    ----------
    data : array-like
        Has a shape and a dtype.
    name : str
        Of the file, for the message.

    Raises
    ------
    ValueError
        If it has fewer than two axes, no pixels, or values that are not real numbers.
    """
    shape, dtype = tuple(data.shape), np.dtype(data.dtype)
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"{name} has data of shape {shape}, which are no patterns.")
    if dtype.kind not in "uifb":
        raise ValueError(f"{name} has data of dtype {dtype}, which are no patterns.")
