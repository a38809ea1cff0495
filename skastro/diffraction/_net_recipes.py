"""The layouts of the orientation net and how each is trained."""

from __future__ import annotations

from typing import Any

from torch import nn

from skastro.neural_network._loader import Augmentation
from skastro.neural_network.augmentation import (
    NAMED_AUGMENTATIONS,
    RandomAffine,
    RandomSymmetry,
)
from skastro.neural_network.modules import DiffractionCompactNet, DiffractionThesisNet

# How each layout is trained where a parameter is "auto". Adadelta's numbers are the
# defaults that Keras had in 2019.
RECIPES: dict[str, dict[str, Any]] = {
    "compact": {
        "filters": (512,),
        "dense_layer_sizes": (1024, 1024, 512, 256),
        "dropout": 0.0,
        "solver": "adamw",
        "weight_decay": 0.01,
        "learning_rate": "one_cycle",
        "learning_rate_init": 4e-3,
        "rho": 0.9,
        "epsilon": 1e-8,
        "early_stopping": False,
        "n_iter_no_change": 10,
        "validation_fraction": 0.1,
    },
    "thesis": {
        "filters": (32, 64),
        "dense_layer_sizes": (512, 256),
        "dropout": 0.5,
        "solver": "adadelta",
        "weight_decay": 0.0,
        "learning_rate": "constant",
        "learning_rate_init": 1.0,
        "rho": 0.95,
        "epsilon": 1e-7,
        # All epochs are run, and the best one is restored.
        "early_stopping": True,
        "n_iter_no_change": "max_epochs",
        "validation_fraction": 0.2,
    },
}
# Flat rows are no images.
FLAT_RECIPE: dict[str, Any] = {
    "dropout": 0.0,
    "dense_layer_sizes": (512, 256),
    "early_stopping": False,
    "n_iter_no_change": 10,
    "validation_fraction": 0.1,
}
COMPACT_BATCH = 64
# Of images with one direction, and with more.
THESIS_BATCH = (16, 128)
PARTS = ("conv", "dense", "head")


def named_augmentations(*, mirror: bool) -> dict[str, tuple[Augmentation, ...]]:
    """Give what the short names of augmentations stand for.

    Parameters
    ----------
    mirror : bool
        Whether a mirrored pattern has the same label.

    Returns
    -------
    dict of str to tuple of callable
        By name.
    """
    turn = RandomAffine(rotation=180.0, shift=0.0, zoom=0.0)
    return {
        "symmetry": (RandomSymmetry(mirror=mirror),),
        "rotation": (RandomSymmetry(mirror=mirror), turn),
        "geometric": (RandomSymmetry(mirror=mirror), RandomAffine()),
    }


AUGMENTATION_NAMES = {"rotation", *NAMED_AUGMENTATIONS}


def make_orientation_module(layout: str, **config: Any) -> nn.Module:
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
    kind = {"compact": DiffractionCompactNet, "thesis": DiffractionThesisNet}[layout]
    net: nn.Module = kind(**config)
    return net
