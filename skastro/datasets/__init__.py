"""Data sets: fetch_* downloads and caches, make_* simulates offline, load_* reads."""

from skastro.datasets._fashion_mnist import fetch_fashion_mnist
from skastro.datasets._galaxy_zoo import fetch_galaxy_zoo1_table
from skastro.datasets._galaxy_zoo_cutouts import load_galaxy_zoo1_cutouts
from skastro.datasets._galaxy_zoo_jpeg import fetch_galaxy_zoo1_cutouts
from skastro.datasets._make_galaxies import make_galaxies
from skastro.datasets._sdss import fetch_sdss_frames

__all__ = [
    "fetch_fashion_mnist",
    "fetch_galaxy_zoo1_cutouts",
    "fetch_galaxy_zoo1_table",
    "fetch_sdss_frames",
    "load_galaxy_zoo1_cutouts",
    "make_galaxies",
]
