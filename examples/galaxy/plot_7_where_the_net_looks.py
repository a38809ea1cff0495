"""
Where a net of galaxies looks
=============================

A net tells spirals from ellipticals: by the arms, or by a neighbour at the edge? Maps
of three kinds, how much of them lies on the galaxy, and the test of whether they are
true: pixels are blurred away in the order of the map, and the probability has to fall
sooner than in a random order.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _study as study
from sklearn.model_selection import train_test_split

from skastro.galaxy import GalaxyCNNClassifier
from skastro.inspection import (
    GradCAM,
    GradCAMDisplay,
    cam_mass_shares,
    class_mean_maps,
    occlusion_maps,
    perturbation_curves,
    randomized_weights_check,
)

data = study.load_galaxies()
clear = np.isin(data.flag, study.TWO)
X, y = study.pixels(data.images[clear]), data.flag[clear]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)
net = GalaxyCNNClassifier(max_epochs=study.scale.compact_epochs, random_state=0)
net.fit(X_train, y_train)
X_test, y_test = X_test[:120], y_test[:120]
predicted = net.predict(X_test)
print(
    f"Test accuracy {net.score(X_test, y_test):.3f} on {len(y_test)}; spirals: "
    f"{np.mean(y_test == 'spiral'):.3f}"
)

# %%
# Maps
# ----
# Of the predicted class. Grad-CAM is of the last convolution; the gradient times the
# pixel has the resolution of the image; occlusion needs no gradient, and hides squares
# of eight pixels under the image's own blur. This net ends with the mean of its last
# maps, so that Grad-CAM, which averages gradients, forgets nothing: HiResCAM is the
# same. A net with a dense layer there is another matter (see the GAPS examples).

maps = {
    "Grad-CAM": GradCAM(net)(X_test),
    "gradient x pixel": GradCAM(net, layer="input", method="hirescam")(X_test),
    "occlusion": occlusion_maps(net, X_test, X.shape[1:], patch=8, baseline="blur"),
}
other = GradCAM(net, method="hirescam")(X_test)
print(f"HiResCAM differs by {np.abs(other - maps['Grad-CAM']).max():.1e} at most.")
for label in study.TWO:
    event = np.flatnonzero((y_test == label) & (predicted == label))[0]
    display = GradCAMDisplay.from_maps(maps["Grad-CAM"], X_test).plot(event)
    display.figure_.suptitle(f"{label}, found")

# %%
# Are they true?
# --------------
# "On the galaxy" are the pixels within 16 of the middle, half of the image's side.
# Enrichment 1 is a flat map. Gains are over random orders of the pixels, in units of
# probability; the ranks of a map should be lost as weights are drawn anew.

side = X.shape[1]
yy, xx = np.indices(X.shape[1:]) - (side - 1) / 2
middle = np.hypot(yy, xx) < side / 4
checks: dict = {"Grad-CAM": {}}
checks["gradient x pixel"] = {"layer": "input", "method": "hirescam"}
rows, curves = [], {}
for name, values in maps.items():
    shares = cam_mass_shares(values, {"middle": middle})["middle"].mean()
    curves[name] = perturbation_curves(
        net, X_test, values, baseline="blur", random_state=0
    )
    summary = curves[name].summary()
    row = {"map": name, "on the galaxy": f"{shares['mass']:.2f}"}
    row["enrichment"] = f"{shares['enrichment']:.1f}"
    for kind in ("deletion", "insertion"):
        gain, error = summary.loc[kind, ["gain", "std_error"]]
        row[f"{kind}: gain"] = f"{gain:+.3f} ± {error:.3f}"
    if name in checks:
        table = randomized_weights_check(
            net, X_test[:40], n_repeats=2, random_state=0, **checks[name]
        )
        row["rank correlation, all random"] = (
            f"{table['rank_correlation'].iloc[-1]:+.2f}"
        )
    rows.append(row)
study.show_table(f"Maps of {len(X_test)} test galaxies", rows)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for ax, kind in zip(axes, ("deletion", "insertion"), strict=True):
    for name, found in curves.items():
        ax.plot(found.mean_curves()[kind], label=name)
    ax.plot(found.mean_curves()[f"random_{kind}"], "--", color="0.5", label="random")
    ax.set(title=kind, xlabel="Share of the pixels")
axes[0].set_ylabel("Probability of the predicted class")
axes[1].legend(frameon=False)

# %%
# Means
# -----
# Mean Grad-CAM maps for the class "spiral", by true class. Ellipticals are known by
# their middle; what speaks for a spiral is all over the image.

spiral = GradCAM(net, signed=True)(X_test, target="spiral")
found = class_mean_maps(spiral, y_test).means
limit = max(np.abs(mean).max() for mean in found.values())
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
for ax, (label, mean) in zip(axes, found.items(), strict=True):
    image = ax.imshow(mean, cmap="PuOr_r", vmin=-limit, vmax=limit, origin="lower")
    ax.set_title(label)
    ax.set_axis_off()
figure.colorbar(image, ax=axes, label="For spiral (logit)")
plt.show()
