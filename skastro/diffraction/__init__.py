"""Crystal orientations from electron-diffraction patterns, single and overlapping."""

from skastro.diffraction._crystal import Crystal
from skastro.diffraction._detector import camera_scale
from skastro.diffraction._orientation import (
    bunge_angles,
    cartesian_to_uvw,
    direction_from_rotation,
    rotation_from_direction,
    uvw_to_cartesian,
)
from skastro.diffraction._reflections import Reflections
from skastro.diffraction._scattering import electron_wavelength, scattering_factor
from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._spots import SpotList

__all__ = [
    "Crystal",
    "KinematicSimulator",
    "Reflections",
    "SpotList",
    "bunge_angles",
    "camera_scale",
    "cartesian_to_uvw",
    "direction_from_rotation",
    "electron_wavelength",
    "rotation_from_direction",
    "scattering_factor",
    "uvw_to_cartesian",
]
