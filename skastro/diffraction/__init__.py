"""Crystal orientations from electron-diffraction patterns, single and overlapping."""

from skastro.diffraction._all_pairs import all_pairs
from skastro.diffraction._background import BackgroundSubtractor
from skastro.diffraction._correlation_map_display import CorrelationMapDisplay
from skastro.diffraction._crystal import Crystal
from skastro.diffraction._detector import camera_scale
from skastro.diffraction._diffraction_scan import DiffractionScan
from skastro.diffraction._direction_error_display import DirectionErrorDisplay
from skastro.diffraction._ipf_colors import ipf_colors
from skastro.diffraction._orientation import (
    bunge_angles,
    cartesian_to_uvw,
    direction_from_rotation,
    rotation_from_direction,
    uvw_to_cartesian,
)
from skastro.diffraction._orientation_map_display import OrientationMapDisplay
from skastro.diffraction._orientation_pipeline import orientation_pipeline
from skastro.diffraction._orientation_regressor import DiffractionOrientationRegressor
from skastro.diffraction._orientation_result import OrientationResult
from skastro.diffraction._pair_mixer import PairMixer
from skastro.diffraction._pattern_centerer import PatternCenterer
from skastro.diffraction._pattern_display import DiffractionPatternDisplay
from skastro.diffraction._read_blo import read_blo
from skastro.diffraction._read_hspy import read_hspy
from skastro.diffraction._reflections import Reflections
from skastro.diffraction._scale_calibrator import ScaleCalibrator
from skastro.diffraction._scattering import electron_wavelength, scattering_factor
from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._spot_eraser import SpotEraser
from skastro.diffraction._spots import SpotList
from skastro.diffraction._template_matcher import TemplateMatcher
from skastro.diffraction._training_memory import training_memory
from skastro.diffraction._two_stage_regressor import TwoStageOrientationRegressor
from skastro.diffraction._write_ang import write_ang
from skastro.diffraction._write_ctf import write_ctf

__all__ = [
    "BackgroundSubtractor",
    "CorrelationMapDisplay",
    "Crystal",
    "DiffractionOrientationRegressor",
    "DiffractionPatternDisplay",
    "DiffractionScan",
    "DirectionErrorDisplay",
    "KinematicSimulator",
    "OrientationMapDisplay",
    "OrientationResult",
    "PairMixer",
    "PatternCenterer",
    "Reflections",
    "ScaleCalibrator",
    "SpotEraser",
    "SpotList",
    "TemplateMatcher",
    "TwoStageOrientationRegressor",
    "all_pairs",
    "bunge_angles",
    "camera_scale",
    "cartesian_to_uvw",
    "direction_from_rotation",
    "electron_wavelength",
    "ipf_colors",
    "orientation_pipeline",
    "read_blo",
    "read_hspy",
    "rotation_from_direction",
    "scattering_factor",
    "training_memory",
    "uvw_to_cartesian",
    "write_ang",
    "write_ctf",
]
