"""Parameters of the simulator, checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from skastro.diffraction._detector import camera_scale
from skastro.diffraction._relrod import RELRODS

if TYPE_CHECKING:
    from skastro.diffraction._simulator import KinematicSimulator


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
