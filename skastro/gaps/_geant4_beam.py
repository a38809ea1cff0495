"""Primaries of simulated events: where they enter, in which direction, how fast."""

from __future__ import annotations

import numpy as np

from skastro.gaps._geometry import (
    LAYER_GAP_CM,
    PITCH_CM,
    VOXEL_SHAPE,
    WAFER_THICKNESS_CM,
    voxel_centres,
)

# Primaries start on this plane, a millimetre above the wafers of the top layer.
START_Z_CM = (VOXEL_SHAPE[0] - 1) / 2 * LAYER_GAP_CM + WAFER_THICKNESS_CM / 2 + 0.1

# Vertical beams enter on a square spot around the middle of this wafer.
SPOT_VOXEL = 6 * VOXEL_SHAPE[2] + 6
SPOT_HALF_WIDTH_CM = 1.0

# Flatter directions than this get this cosine.
MIN_COS_ZENITH = 0.2


def draw_primaries(
    n: int,
    incidence: str,
    beta: tuple[float, float],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draw the primaries of a run.

    Five uniform numbers an event, event after event: the first events of a long run are
    those of a short one. An isotropic flux through a face has the density 2 cos, so
    that the cosine is the root of a uniform number.

    Parameters
    ----------
    n : int
        Number of events.
    incidence : {"vertical", "random"}
        Vertical on a spot of 2 cm by 2 cm, or isotropic over the top face.
    beta : (low, high)
        Velocities, uniform between them.
    rng : Generator
        What the numbers are from.

    Returns
    -------
    dict
        ``beta`` and ``cos_zenith`` of shape (n,), in float32, and ``position`` (cm) and
        ``direction`` (unit vectors) of shape (n, 3).

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.gaps._geant4_beam import draw_primaries
    >>> rng = np.random.default_rng(0)
    >>> beam = draw_primaries(3, "vertical", (0.26, 0.30), rng)
    >>> beam["direction"][0].tolist()
    [0.0, 0.0, -1.0]
    """
    u = rng.random((n, 5))
    low, high = beta
    position = np.empty((n, 3))
    position[:, 2] = START_Z_CM
    direction = np.zeros((n, 3))
    direction[:, 2] = -1.0
    cos = np.ones(n)
    if incidence == "vertical":
        x, y, _ = voxel_centres(np.array([SPOT_VOXEL]))
        position[:, 0] = x + SPOT_HALF_WIDTH_CM * (2 * u[:, 1] - 1)
        position[:, 1] = y + SPOT_HALF_WIDTH_CM * (2 * u[:, 2] - 1)
    else:
        position[:, 0] = VOXEL_SHAPE[2] * PITCH_CM * (u[:, 1] - 0.5)
        position[:, 1] = VOXEL_SHAPE[1] * PITCH_CM * (u[:, 2] - 0.5)
        cos = np.maximum(np.sqrt(u[:, 3]), MIN_COS_ZENITH)
        azimuth = 2 * np.pi * u[:, 4]
        sin = np.sqrt(1 - cos**2)
        direction = np.column_stack(
            [sin * np.cos(azimuth), sin * np.sin(azimuth), -cos]
        )
    return {
        # Rounding may push a velocity just out of a narrow range.
        "beta": np.clip(low + (high - low) * u[:, 0], low, high).astype(np.float32),
        "cos_zenith": cos.astype(np.float32),
        "position": position,
        "direction": direction,
    }
