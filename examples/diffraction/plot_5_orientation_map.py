"""
A map of orientations
=====================

A scan is an array ``(rows, columns, h, w)``: a pattern at each position of the beam.
Here two grains of anatase are simulated. Their boundary is inclined to the foil, so
that in between the beam goes through both, and patterns there are mixtures of changing
weights. The left grain is bent: its orientation turns by some degrees along the way.

`TemplateMatcher` takes the scan as it is, and text files of the map can be opened in
other programs for orientation maps.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
from _patterns import scale

from skastro.diffraction import (
    KinematicSimulator,
    OrientationMapDisplay,
    TemplateMatcher,
    direction_from_rotation,
    rotation_from_direction,
    write_ang,
    write_ctf,
)
from skastro.metrics import direction_angle

rows, columns = scale.scan
row, column = np.mgrid[:rows, :columns]
# The share of the right grain: 0 or 1 but in a band, which is inclined in the map too.
place = column / columns + 0.15 * row / rows - 0.55
right = np.clip(0.5 + place / 0.25, 0.0, 1.0).ravel()

left_grain = rotation_from_direction([[0.2, 0.1, 1.0]], 0.3)
bend = Rotation.from_rotvec(np.radians(8) * np.outer(column / columns, [0, 1, 0]))
first = bend * left_grain
second = rotation_from_direction(np.tile([[1.0, 0.35, 0.4]], (right.size, 1)), 1.1)
simulator = KinematicSimulator("anatase", normalize="sum")
mean = (1 - right[:, None, None]) * simulator.images(first)
mean += right[:, None, None] * simulator.images(second)
rng = np.random.default_rng(0)
scan = rng.poisson(2e4 * mean).astype(np.float32).reshape(rows, columns, 224, 224)
print(f"Data: a SIMULATED scan of {rows} x {columns} patterns, 20,000 electrons each")

# %%
# Match the scan
# --------------
# Two grains are asked for everywhere. Where there is but one, the second answer is
# marked as not valid: it is the first one again, it is no better than chance, or its
# share of the pattern is below ``min_share``. That is higher here than by default: what
# the first grain leaves unexplained can look like a few per cent of its own twin.

matcher = TemplateMatcher(n_matches=2, min_share=0.08).fit(scan)
result = matcher.match(scan)
print(f"{len(result)} patterns, scan of {result.scan_shape}")
print(result.to_frame().round(2).iloc[[0, 1, -2, -1]].T.to_string(header=False))

figure, axes = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
for grain, name in enumerate(("Brighter grain", "Fainter grain")):
    display = OrientationMapDisplay.from_result(result, grain=grain)
    display.plot(axes[grain])
    axes[grain].set_title(f"{name}: direction of the beam in the crystal")

# %%
# Overlap at the boundary
# -----------------------
# Where both grains are valid, the share of the second one can be drawn, and compared
# with what was put in.

share = np.where(result.valid, result.share, np.nan)
u = direction_from_rotation(second)
is_right = np.stack(
    [direction_angle(u, result.directions[:, k]).ravel() < 5 for k in (0, 1)], axis=1
)
found = np.where(is_right & result.valid, share, 0.0).sum(axis=1)
figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
for ax, values, title in (
    (axes[0], right, "Right grain, share put in"),
    (axes[1], found, "share found"),
):
    picture = ax.imshow(values.reshape(rows, columns), vmin=0, vmax=1, cmap="viridis")
    ax.set(title=title, xlabel="column", ylabel="row")
figure.colorbar(picture, ax=axes[:2])
picture = axes[2].imshow(result.reliability.reshape(rows, columns), cmap="magma")
axes[2].set(title="Reliability of both", xlabel="column")
figure.colorbar(picture, ax=axes[2])

# %%
# Errors of the directions, inside and at the boundary:

true = np.stack([direction_from_rotation(first), u], axis=1)
for name, part, k in (
    ("left grain alone", right == 0, 0),
    ("right grain alone", right == 1, 1),
):
    angle = direction_angle(true[part, k], result.directions[part, 0]).ravel()
    print(
        f"{name}: {part.sum()} patterns, median {np.median(angle):.3f}°, largest "
        f"{angle.max():.2f}°"
    )
both = (right > 0.1) & (right < 0.9)
angle = direction_angle(
    true[both].reshape(-1, 6), result.directions[both].reshape(-1, 6)
).max(axis=1)
print(
    f"overlap: {both.sum()} patterns, median of the worse direction "
    f"{np.median(angle):.3f}°, {(angle < 2).mean():.0%} < 2°"
)

# %%
# Files
# -----
# ``.ang`` and ``.ctf`` hold one orientation a point: the brighter grain's. Frames of
# crystals differ between programs; by default the writers follow the vendor's.

brighter = result.rotations[::2]
common = {
    "scan_shape": result.scan_shape,
    "step": 5.0,
    "phases": result.crystals,
    "phase_ids": result.phase[:, 0],
    "invalid": ~result.valid[:, 0],
}
with tempfile.TemporaryDirectory() as folder:
    ang, ctf = Path(folder) / "map.ang", Path(folder) / "map.ctf"
    write_ang(ang, brighter, reliability=result.reliability, **common)
    write_ctf(ctf, brighter, **common)
    for path in (ang, ctf):
        lines = path.read_text().splitlines()
        print(f"{path.name}, {len(lines)} lines, the last two:")
        print("\n".join(lines[-2:]))
plt.show()
