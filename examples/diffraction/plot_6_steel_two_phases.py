"""
Two phases, and patterns that are neither
=========================================

Precipitates in steel: the beam goes through austenite and, at places, through a second
phase whose cell is given by a CIF file. The matcher is given both crystals; each grain
gets the phase that fits it better. What fits neither must say so: a grain is valid if
its correlation is well above what the same rings turned at random reach
(``min_contrast``), if its share of the pattern is not too small, and if the model
explains the pattern at all.

The real patterns have no labels: what can be shown is what is found, and how sure it
is.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _patterns as patterns

from skastro.diffraction import (
    CorrelationMapDisplay,
    DiffractionPatternDisplay,
    cartesian_to_uvw,
    orientation_pipeline,
)

images, crystals, scale, directions, real = patterns.load_steel()
print(f"{images.shape}: rows, columns and pixels; {scale} 1/Å per pixel")
for crystal in crystals:
    a, b, c = crystal.cell[:3]
    print(
        f"{crystal.name}: {a:.3f} x {b:.3f} x {c:.3f} Å, {len(crystal.elements)} atoms"
    )

# %%
# Settings for measured patterns
# ------------------------------
# Precession makes intensities flatter and relrods wide, and dynamical scattering makes
# them unlike the kinematic ones: their weight beside the positions of the spots is
# taken down (``intensity_weight``), and the relrods are Lorentzian and are not refined.

pipe = orientation_pipeline(
    crystals,
    scale,
    n_matches=2,
    direct_beam_radius=13.0,
    min_g=0.3,
    max_g=1.4,
    spot_sigma=2.0,
    relrod="lorentzian",
    relrod_width=0.03,
    intensity_weight=0.01,
    min_contrast=3.0,
).fit(images)
matcher, clean = pipe[-1], pipe[:-1].transform(images)
result = matcher.match(clean)
names = [c.name for c in crystals]
rows = []
for (pattern, grain), phase in np.ndenumerate(result.phase):
    uvw = cartesian_to_uvw(result.directions[pattern, [grain]], crystals[phase])[0]
    rows.append(
        {
            "pattern": pattern,
            "grain": grain,
            "phase": names[phase],
            "[uvw]": " ".join(f"{v:.2f}" for v in uvw + 0.0),
            "share": f"{result.share[pattern, grain]:.2f}",
            "contrast": f"{result.contrast[pattern, grain]:.1f}",
            "margin": f"{result.margin[pattern, grain]:.3f}",
            "score": f"{result.score[pattern]:.2f}",
            "valid": result.valid[pattern, grain],
        }
    )
patterns.show_table("Two grains asked for in each pattern", rows)

# %%
# Look before believing
# ---------------------
# Rings and crosses over spots that are there, and none where there is nothing, convince
# more than any number.

figure, axes = plt.subplots(2, 2, figsize=(10, 11), layout="constrained")
for k, ax in enumerate(axes.flat):
    picture = DiffractionPatternDisplay.from_estimator(matcher, clean, k, result=result)
    picture.plot(ax, power=0.4, n_labels=3)
    valid = ", ".join("valid" if v else "NOT valid" for v in result.valid[k])
    ax.set_title(f"Pattern {k}: {valid}", fontsize=11)

# %%
# One phase at a time: how the correlation with its zones is spread over its sector. A
# phase that is not there has no peak.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for k, ax in enumerate(axes):
    CorrelationMapDisplay.from_estimator(matcher, clean, 0, phase=k).plot(ax)
    ax.set_title(f"Pattern 0, zones of {names[k]}")
plt.show()
