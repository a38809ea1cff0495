"""Parameters of the simulator, checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from skastro.diffraction._detector import camera_scale
from skastro.diffraction._relrod import RELRODS

if TYPE_CHECKING:
    from skastro.diffraction._simulator import KinematicSimulator

# No microscope has more.
_HIGHEST_KV = 5000.0

# Relrods are about as wide as one over the thickness.
_WIDEST_RELROD = 0.5


def check_parameters(simulator: KinematicSimulator) -> None:
    """Refuse values that make no sense, but those of the detector.

    Parameters
    ----------
    simulator : KinematicSimulator
        Whose wavelength is known.

    Raises
    ------
    ValueError
        If a value is out of range.
    """
    if simulator.relrod not in RELRODS:
        raise ValueError(
            f"relrod must be one of {', '.join(RELRODS)}, got {simulator.relrod!r}."
        )
    cut = simulator.max_excitation_error
    for name, value in (
        ("max_g", simulator.max_g),
        ("relrod_width", simulator.relrod_width),
        ("max_excitation_error", 1.0 if cut is None else cut),
        ("intensity_power", simulator.intensity_power),
    ):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite, got {value}.")
    if simulator.voltage_kv > _HIGHEST_KV:
        raise ValueError(
            f"voltage_kv is in kV, at most {_HIGHEST_KV:g}; got {simulator.voltage_kv}."
        )
    if simulator.relrod_width > _WIDEST_RELROD:
        raise ValueError(
            f"relrod_width is in 1/Å, and that of a crystal one unit cell thick is "
            f"below {_WIDEST_RELROD}; got {simulator.relrod_width}."
        )
    for name, value in (
        ("b_iso", simulator.b_iso),
        ("direct_beam", simulator.direct_beam),
    ):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite, at least 0, got {value}.")
    if simulator.max_g * simulator.wavelength_ >= 1:
        raise ValueError(
            f"max_g = {simulator.max_g} 1/Å is outside of the Ewald sphere, whose "
            f"radius is {1 / simulator.wavelength_:.3g} 1/Å."
        )


def check_scale(simulator: KinematicSimulator) -> None:
    """Refuse a scale, or a cell, with which no spot can be seen.

    Parameters
    ----------
    simulator : KinematicSimulator
        Whose reflections and scale are known.

    Raises
    ------
    ValueError
        If all reflections fall on one pixel, or none on the image.
    """
    lengths, scale = simulator.reflections_.g_length, simulator.scale_
    h, w = simulator.shape
    if not len(lengths):
        raise ValueError(
            f"{simulator.crystal_.name!r} has no reflection up to max_g="
            f"{simulator.max_g:g} 1/Å."
        )
    where = (
        f"the reflections of {simulator.crystal_.name!r} have {lengths[0]:.3g} to "
        f"{lengths[-1]:.3g} 1/Å, and a pixel of the {h} x {w} is {scale:.3g} 1/Å. "
        "Are cell and scale in Å and 1/Å per pixel?"
    )
    if lengths[0] / scale > math.hypot(h, w):
        raise ValueError(f"No spot is on the image: {where}")
    given = simulator.scale is not None or simulator.camera_length is not None
    if given and lengths[-1] < scale:
        raise ValueError(f"All spots are on one pixel: {where}")


def choose_scale(simulator: KinematicSimulator) -> float | None:
    """Take the scale from the camera, if that is how it was given.

    Parameters
    ----------
    simulator : KinematicSimulator
        With its parameters.

    Returns
    -------
    float or None
        1/Å per pixel; None leaves it to the detector.

    Raises
    ------
    ValueError
        If it was given twice or in half.
    """
    length, pixel = simulator.camera_length, simulator.pixel_size
    if length is None and pixel is None:
        return simulator.scale
    if simulator.scale is not None:
        raise ValueError("Give scale, or camera_length with pixel_size.")
    if length is None or pixel is None:
        raise ValueError("camera_length and pixel_size need each other.")
    return camera_scale(simulator.voltage_kv, length, pixel)


def check_out(out: np.ndarray, shape: tuple[int, int, int]) -> None:
    """Refuse an array that cannot take the images.

    Parameters
    ----------
    out : ndarray
        What a user gave.
    shape : (n, h, w)
        Of the images.

    Raises
    ------
    ValueError
        If shape or type is another: whole numbers would cut off what is below 1.
    """
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, got {out.shape}.")
    if out.dtype not in (np.float32, np.float64):
        raise ValueError(f"out must be float32 or float64, got {out.dtype}.")
