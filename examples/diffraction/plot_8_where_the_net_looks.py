"""
Where a net of diffraction patterns looks
=========================================

A net that reads the direction of a crystal should look at the spots. The thesis's net
has convolutions, so Grad-CAM can ask it; the compact net unrolls the pattern to polar
coordinates first, so that parts of the image are hidden instead (occlusion). Both maps
are then tested: hide pixels in the order of the map and see how far the prediction
moves.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _patterns as patterns
from _patterns import scale

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import DiffractionOrientationRegressor, KinematicSimulator
from skastro.inspection import (
    GradCAM,
    GradCAMDisplay,
    cam_mass_shares,
    occlusion_maps,
    perturbation_curves,
)
from skastro.metrics import direction_angle

simulator = KinematicSimulator(
    "anatase", shape=(48, 48), spot_sigma=0.8, max_g=1.1, counts=2e4
)
n_train = 10 * scale.n_singles
train = make_diffraction_patterns(n_train, simulator=simulator, random_state=0)
test = make_diffraction_patterns(60, simulator=simulator, random_state=1)
X = test.data.astype(np.float32)
print(
    f"Data: {n_train} SIMULATED anatase patterns of 48 x 48 pixels, one direction each"
)

nets = {
    "thesis": DiffractionOrientationRegressor(
        layout="thesis",
        filters=(8, 16),
        dense_layer_sizes=(64,),
        conv_dropout=0.0,
        dropout=0.0,
        early_stopping=False,
        batch_size=32,
        max_epochs=scale.epochs,
        random_state=0,
    ),
    "compact": DiffractionOrientationRegressor(
        filters=(32,),
        dense_layer_sizes=(64,),
        early_stopping=False,
        batch_size=32,
        max_epochs=scale.epochs,
        random_state=0,
    ),
}
for net in nets.values():
    net.fit(train.data.astype(np.float32), train.target)

# %%
# Maps
# ----
# Of a regressor Grad-CAM explains the length of the whole output, whose gradient points
# along the predicted direction. Occlusion gives how far the prediction moves when a
# square of four pixels is hidden.

maps = {
    "thesis: Grad-CAM": ("thesis", GradCAM(nets["thesis"])(X)),
    "thesis: HiResCAM at the input": (
        "thesis",
        GradCAM(nets["thesis"], layer="input", method="hirescam")(X),
    ),
    "thesis: occlusion": (
        "thesis",
        occlusion_maps(nets["thesis"], X, X.shape[1:], patch=4),
    ),
    "compact: occlusion": (
        "compact",
        occlusion_maps(nets["compact"], X, X.shape[1:], patch=4),
    ),
}
figure, axes = plt.subplots(
    1, 1 + len(maps), figsize=(2.9 * (1 + len(maps)), 3.1), layout="constrained"
)
axes[0].imshow(np.sqrt(X[0]), cmap="gray")
axes[0].set_title("pattern (square root)", fontsize="medium")
for ax, (name, (_, values)) in zip(axes[1:], maps.items(), strict=True):
    GradCAMDisplay.from_maps(values).plot(0, ax=ax, colorbar=False)
    ax.set_title(name, fontsize="medium")
for ax in axes:
    ax.set_axis_off()

# %%
# Do they show the spots, and are they true?
# ------------------------------------------
# Spots are the brightest tenth of the pixels. An enrichment of 1 is a flat map. The
# gain is in the units of the prediction (vectors of length one), over hiding pixels in
# a random order: 0 is a map that knows nothing.

spots = np.quantile(X.reshape(len(X), -1), 0.9, axis=1)[:, None, None] < X
rows = []
for name, (which, values) in maps.items():
    net = nets[which]
    angle = direction_angle(test.target, net.predict(X)).ravel()
    shares = cam_mass_shares(values, {"spots": spots})["spots"].mean()
    summary = perturbation_curves(net, X, values, random_state=0).summary()
    row = {"map": name, "net's median error": f"{np.median(angle):.1f}°"}
    row |= {"on the spots": f"{shares['mass']:.2f}"}
    row["enrichment"] = f"{shares['enrichment']:.1f}"
    for kind in ("deletion", "insertion"):
        gain, error = summary.loc[kind, ["gain", "std_error"]]
        row[f"{kind}: gain"] = f"{gain:+.3f} ± {error:.3f}"
    rows.append(row)
patterns.show_table(f"Maps of {len(X)} new patterns", rows)

# %%
# Hiding scattered pixels breaks spots, which no net has seen in training: so a random
# order moves the prediction, too, and deletion and insertion need not agree. A map that
# gains in neither is a picture and no explanation.

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for name, (which, values) in maps.items():
    found = perturbation_curves(nets[which], X, values, random_state=0).mean_curves()
    ax.plot(-found["deletion"], label=name)
ax.set(
    xlabel="Share of the pixels hidden", ylabel="Distance from the whole's prediction"
)
ax.legend(frameon=False)
plt.show()
