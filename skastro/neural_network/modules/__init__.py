"""Plain torch modules, one layout a file; they know nothing of scikit-learn."""

from skastro.neural_network.modules._diffraction_compact import DiffractionCompactNet
from skastro.neural_network.modules._diffraction_thesis import DiffractionThesisNet
from skastro.neural_network.modules._galaxy_compact import GalaxyCompactNet
from skastro.neural_network.modules._galaxy_thesis import GalaxyThesisNet
from skastro.neural_network.modules._layers import (
    SeededDropout,
    WeightedBatchNorm2d,
    initialize_weights,
)
from skastro.neural_network.modules._mlp import MLP
from skastro.neural_network.modules._voxel_conv import VoxelConvNet
from skastro.neural_network.modules._voxel_set import VoxelSetNet

__all__ = [
    "MLP",
    "DiffractionCompactNet",
    "DiffractionThesisNet",
    "GalaxyCompactNet",
    "GalaxyThesisNet",
    "SeededDropout",
    "VoxelConvNet",
    "VoxelSetNet",
    "WeightedBatchNorm2d",
    "initialize_weights",
]
