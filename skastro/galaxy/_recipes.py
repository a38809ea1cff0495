"""The layouts of the galaxy net and how each is trained."""

from __future__ import annotations

from typing import Any

from torch import nn

from skastro.galaxy._random_resolution import RandomResolution
from skastro.neural_network._loader import Augmentation
from skastro.neural_network.augmentation import NAMED_AUGMENTATIONS
from skastro.neural_network.modules import GalaxyCompactNet, GalaxyThesisNet

# How each layout is trained where a parameter is "auto". The thesis states no
# optimiser; its recipe here is the one with which its accuracies are reproduced.
RECIPES: dict[str, dict[str, Any]] = {
    "compact": {
        "filters": (16, 32, 64, 128),
        "dropout": 0.2,
        "solver": "adamw",
        "weight_decay": 0.05,
        "learning_rate": "one_cycle",
        "learning_rate_init": 3e-3,
    },
    "thesis": {
        "filters": (32, 64, 128),
        "dropout": 0.5,
        "solver": "adam",
        "weight_decay": 0.0,
        "learning_rate": "constant",
        "learning_rate_init": 3e-4,
    },
}
IMAGE_BATCH = 32

AUGMENTATIONS: dict[str, tuple[Augmentation, ...]] = {
    **NAMED_AUGMENTATIONS,
    "resolution": (*NAMED_AUGMENTATIONS["geometric"], RandomResolution()),
}


def make_galaxy_module(layout: str, **config: Any) -> nn.Module:
    """Make the module of a layout.

    Parameters
    ----------
    layout : {"compact", "thesis"}
        Which one.
    **config : dict
        Its keyword arguments.

    Returns
    -------
    nn.Module
        With weights as torch initialises them.
    """
    kinds = {"compact": GalaxyCompactNet, "thesis": GalaxyThesisNet}
    net: nn.Module = kinds[layout](**config)
    return net
