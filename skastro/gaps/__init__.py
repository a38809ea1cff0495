"""Antiparticles in a voxel tracker: events, features, nets."""

from skastro.gaps._voxel_events import VoxelEvents

__all__ = [
    "VoxelEvents",
]
