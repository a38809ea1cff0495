"""Data sets: fetch_* downloads and caches, make_* simulates offline, load_* reads."""

from skastro.datasets._4xmm import fetch_4xmm_dr13
from skastro.datasets._csc_training import fetch_csc_training
from skastro.datasets._fashion_mnist import fetch_fashion_mnist
from skastro.datasets._galaxy_zoo import fetch_galaxy_zoo1_table
from skastro.datasets._galaxy_zoo_cutouts import load_galaxy_zoo1_cutouts
from skastro.datasets._galaxy_zoo_jpeg import fetch_galaxy_zoo1_cutouts
from skastro.datasets._lin2024 import fetch_lin2024_subset
from skastro.datasets._load_gaps_sample import load_gaps_sample
from skastro.datasets._make_diffraction_patterns import make_diffraction_patterns
from skastro.datasets._make_galaxies import make_galaxies
from skastro.datasets._make_gaps_events import make_gaps_events
from skastro.datasets._make_light_curves import make_light_curves
from skastro.datasets._make_xray_sources import make_xray_sources
from skastro.datasets._sdss import fetch_sdss_frames

__all__ = [
    "fetch_4xmm_dr13",
    "fetch_csc_training",
    "fetch_fashion_mnist",
    "fetch_galaxy_zoo1_cutouts",
    "fetch_galaxy_zoo1_table",
    "fetch_lin2024_subset",
    "fetch_sdss_frames",
    "load_galaxy_zoo1_cutouts",
    "load_gaps_sample",
    "make_diffraction_patterns",
    "make_galaxies",
    "make_gaps_events",
    "make_light_curves",
    "make_xray_sources",
]
