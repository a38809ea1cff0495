"""Antiparticles in a voxel tracker: events, features, nets."""

from skastro.gaps._gaps_voxel_classifier import GAPSVoxelClassifier
from skastro.gaps._primary_track_masker import PrimaryTrackMasker
from skastro.gaps._read_events import read_voxel_events
from skastro.gaps._simulate_geant4 import simulate_geant4_events
from skastro.gaps._voxel_events import VoxelEvents
from skastro.gaps._voxel_summary import VoxelSummary
from skastro.gaps._write_events import write_voxel_events

__all__ = [
    "GAPSVoxelClassifier",
    "PrimaryTrackMasker",
    "VoxelEvents",
    "VoxelSummary",
    "read_voxel_events",
    "simulate_geant4_events",
    "write_voxel_events",
]
