"""How the intensity of a reflection falls off beside the Ewald sphere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

RELRODS = ("binary", "linear", "lorentzian", "gaussian", "sinc2")

# |s| in units of the width beyond which a Gaussian relrod is cut by default: its
# weight is 0.044 there.
_GAUSSIAN_CUT = 2.5


def relrod_weight(kind: str, s: Any, width: float) -> Any:
    """Give the share of a reflection's intensity at an excitation error.

    Parameters
    ----------
    kind : {"binary", "linear", "lorentzian", "gaussian", "sinc2"}
        Shape. "lorentzian" is 1 / ((pi s / width)² + 1), "gaussian" has the standard
        deviation ``width``, "sinc2" is that of a foil of thickness 1 / ``width``,
        "linear" falls to 0 at ``width``.
    s : ndarray or torch.Tensor
        Excitation errors, in 1/Å.
    width : float
        In 1/Å.

    Returns
    -------
    ndarray or torch.Tensor
        In [0, 1], 1 at s = 0.
    """
    if isinstance(s, np.ndarray):
        xp: Any = np
    else:
        import torch as xp
    x = s / width
    if kind == "lorentzian":
        return 1.0 / ((math.pi * x) ** 2 + 1.0)
    if kind == "gaussian":
        return xp.exp(-0.5 * x * x)
    if kind == "sinc2":
        return xp.sinc(x) ** 2
    if kind == "linear":
        return (1.0 - abs(x)).clip(0.0)
    return xp.ones_like(x)


def default_cut(kind: str, width: float) -> float:
    """Give the excitation error beyond which a reflection is left out.

    Parameters
    ----------
    kind : str
        Shape of the relrod.
    width : float
        Its width, in 1/Å.

    Returns
    -------
    float
        In 1/Å.
    """
    return _GAUSSIAN_CUT * width if kind == "gaussian" else width
