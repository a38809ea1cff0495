"""Galaxy morphology: networks, resolution, and the tables and frames it needs."""

from skastro.galaxy._catalogue import (
    flag_labels,
    join_redshift,
    probability_table,
    redshift_selection,
)
from skastro.galaxy._cutouts import Cutouts, extract_cutouts
from skastro.galaxy._galaxy_cnn import GalaxyCNNClassifier
from skastro.galaxy._galaxy_zoo import read_galaxy_zoo1_table
from skastro.galaxy._normalizer import CutoutNormalizer
from skastro.galaxy._objid import ObjidParts, unpack_objid
from skastro.galaxy._random_resolution import RandomResolution
from skastro.galaxy._resolution import ResolutionDegrader
from skastro.galaxy._resolution_display import ResolutionCurveDisplay
from skastro.galaxy._sdss_frame import SDSSFrame, read_frame
from skastro.galaxy._sky_levels import CutoutLevels

__all__ = [
    "CutoutLevels",
    "CutoutNormalizer",
    "Cutouts",
    "GalaxyCNNClassifier",
    "ObjidParts",
    "RandomResolution",
    "ResolutionCurveDisplay",
    "ResolutionDegrader",
    "SDSSFrame",
    "extract_cutouts",
    "flag_labels",
    "join_redshift",
    "probability_table",
    "read_frame",
    "read_galaxy_zoo1_table",
    "redshift_selection",
    "unpack_objid",
]
