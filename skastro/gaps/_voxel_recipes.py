"""The layouts of the voxel net and how each is trained."""

from __future__ import annotations

from typing import Any

from torch import nn

from skastro.neural_network.modules import VoxelConvNet, VoxelSetNet

SET_LAYOUTS = ("hybrid", "set")
LAYOUTS = ("conv3d", "depth_channels", *SET_LAYOUTS)

_CONV: dict[str, Any] = {
    "dropout": 0.3,
    "solver": "adamw",
    "weight_decay": 0.05,
    "learning_rate": "one_cycle",
    "learning_rate_init": 3e-3,
    "batch_size": 128,
    "average_symmetries": False,
}
_SET: dict[str, Any] = {
    "dropout": 0.0,
    "solver": "adamw",
    "weight_decay": 0.02,
    "learning_rate": "one_cycle",
    "learning_rate_init": 2e-3,
    "batch_size": 64,
    "average_symmetries": True,
}
# How each layout is trained where a parameter is "auto".
RECIPES: dict[str, dict[str, Any]] = {
    "conv3d": {"filters": (16, 32, 64), **_CONV},
    "depth_channels": {"filters": (48, 48, 64), **_CONV},
    "set": _SET,
    "hybrid": _SET,
}


def make_voxel_module(layout: str, **config: Any) -> nn.Module:
    """Make the module of a layout.

    Parameters
    ----------
    layout : {"conv3d", "depth_channels", "set", "hybrid"}
        Which one; the net of "hybrid" is that of "set".
    **config : dict
        Its keyword arguments.

    Returns
    -------
    nn.Module
        With weights as torch initialises them.
    """
    if layout in SET_LAYOUTS:
        return VoxelSetNet(**config)
    return VoxelConvNet(depth_channels=layout == "depth_channels", **config)
