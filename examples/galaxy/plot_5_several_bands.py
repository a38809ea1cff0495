"""
Do several bands help?
======================

Images of several bands have the shape ``(n, bands, height, width)``. Simulated here:
bulges are red and arms are blue, so colour tells something that one band does not. Raw
counts go in; `CutoutNormalizer` finds sky and noise of every cut-out and band itself.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _study as study

from skastro.datasets import make_galaxies
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier
from skastro.metrics import tss_scorer

data = make_galaxies(
    500, bands=("g", "r", "i"), uncertain="drop", output="counts", random_state=1
)
print("Data: 500 SIMULATED galaxies in three bands (make_galaxies), raw counts.")
X, y = data.images, data.target
print("Images:", X.shape, X.dtype, "sky of about", int(np.median(X)), "counts")

epochs = min(study.scale.compact_epochs, 60)
rows, scores = [], {}
for name, bands in {"r": [1], "g, r, i": [0, 1, 2]}.items():
    pipe = make_pipeline(
        CutoutNormalizer(),
        GalaxyCNNClassifier(augment="symmetry", max_epochs=epochs, random_state=0),
    )
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    result = cross_validate(
        pipe, X[:, bands], y, cv=cv, scoring={"accuracy": "accuracy", "TSS": tss_scorer}
    )
    scores[name] = result["test_TSS"]
    rows.append(
        {
            "bands": name,
            "accuracy": f"{result['test_accuracy'].mean():.3f}",
            "TSS": f"{result['test_TSS'].mean():.3f}",
        }
    )
study.show_table("Three-fold cross-validation", rows)

# %%
# The galaxies in colour.

shown = CutoutNormalizer(per_band=True).fit_transform(X[:12]).clip(0, 1)
figure, axes = plt.subplots(2, 6, figsize=(10, 3.8), layout="constrained")
for ax, image, label in zip(axes.flat, shown, y, strict=False):
    ax.imshow(np.moveaxis(image[::-1], 0, 2), origin="lower")
    ax.set_title(label, fontsize=9)
    ax.set_axis_off()
plt.show()
