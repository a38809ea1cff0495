"""X-ray source catalogues: readers, features, pipelines and pictures."""

from skastro.xray._chunks import classify_catalogue
from skastro.xray._features import xray_features
from skastro.xray._hardness_display import HardnessRatioDisplay
from skastro.xray._hardness_ratio import HardnessRatio
from skastro.xray._light_curve_array import light_curve_array
from skastro.xray._pipelines import xray_pipeline
from skastro.xray._read_4xmm import read_4xmm
from skastro.xray._read_csc import read_csc_training
from skastro.xray._read_lin2024 import read_lin2024
from skastro.xray._sky_map import SkyMapDisplay
from skastro.xray._variability import VariabilityFeatures

__all__ = [
    "HardnessRatio",
    "HardnessRatioDisplay",
    "SkyMapDisplay",
    "VariabilityFeatures",
    "classify_catalogue",
    "light_curve_array",
    "read_4xmm",
    "read_csc_training",
    "read_lin2024",
    "xray_features",
    "xray_pipeline",
]
