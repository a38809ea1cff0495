"""
What does a loss of resolution cost?
====================================

The thesis trains on sharp galaxies and tests on blurred ones: shrunk by area averaging
and enlarged back. A degrader inside a pipeline would blur both, which is another
question; the gap is a property of the *score*. Four arms:

- **plain**: trained on sharp images;
- **rotations and flips** (with small shifts and zooms): the usual augmentation;
- **with RandomResolution**: each training image is also degraded by its own factor;
- **ceiling**: trained at the resolution that it is tested at.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _study as study
from sklearn.pipeline import make_pipeline

from skastro.galaxy import (
    GalaxyCNNClassifier,
    ResolutionCurveDisplay,
    ResolutionDegrader,
)
from skastro.model_selection import repeated_holdout

data = study.load_galaxies()
clear = np.isin(data.flag, study.TWO)
X, y = study.pixels(data.images[clear]), data.flag[clear]
repeats = study.scale.n_repeats

# %%
# Originals, shrunk, enlarged
# ---------------------------

factors = (2, 4, 8)
figure, axes = plt.subplots(4, 5, figsize=(9, 7.4), layout="constrained")
examples = [*np.flatnonzero(y == "spiral")[:2], *np.flatnonzero(y == "elliptical")[:2]]
for number, (row, i) in enumerate(zip(axes, examples, strict=True)):
    shown = {"original": X[i]}
    shrink = ResolutionDegrader(factor=4, enlarge=None)
    shown["shrunk to 1/4"] = shrink.fit_transform(X[i : i + 1])[0]
    for method in ("nearest", "bilinear", "bicubic"):
        degrader = ResolutionDegrader(factor=4, enlarge=method)
        shown[f"1/4, {method}"] = degrader.fit_transform(X[i : i + 1])[0]
    for ax, (title, image) in zip(row, shown.items(), strict=True):
        ax.imshow(image, cmap="gray", origin="lower", vmin=0, vmax=1)
        ax.set_axis_off()
        if number == 0:
            ax.set_title(title, fontsize=9)

# %%
# Factor and interpolation, one training for all
# ----------------------------------------------
# One training scores every variant. The thesis calls a factor usable where accuracy is
# about 0.9, so the share of runs that reach it is shown too.

methods = ("nearest", "bilinear", "bicubic")
all_factors = (2, 3, 4, 5, 6, 7, 8)
variants = study.degraders(all_factors, methods)
thesis_net = GalaxyCNNClassifier(layout="thesis", max_epochs=study.scale.thesis_epochs)
with study.workers():
    thesis_result = repeated_holdout(
        thesis_net,
        X,
        y,
        n_repeats=repeats,
        balance=True,
        test_variants=variants,
        **study.FIXED_EPOCHS,
    )
rows = [
    {"enlarged by": method, **study.reach(thesis_result, all_factors, method)}
    for method in methods
]
study.show_table(
    f"Thesis net, plain, balanced: accuracy (share of {repeats} runs that reach 0.9)",
    rows,
)
tidy = pd.concat(
    pd.DataFrame(
        {
            "factor": k,
            "enlarge": method,
            "repeat": range(repeats),
            "value": thesis_result.values(
                "accuracy", variant="original" if k == 1 else f"1/{k} {method}"
            ),
        }
    )
    for k in (1, *all_factors)
    for method in methods
)
display = ResolutionCurveDisplay.from_scores(tidy, band="ste").plot(
    score_name="Test accuracy, thesis net"
)

# %%
# Four arms
# ---------
# Each arm is scored with all three interpolations. The ceiling is trained at the
# resolution that it is tested at, so it needs a training for each; bilinear here.

arms = {
    "plain": None,
    "rotations and flips": "geometric",
    "with RandomResolution": "resolution",
}
rows, gains, curves = [], [], []
for layout, epochs in (
    ("thesis", study.scale.thesis_epochs),
    ("compact", study.scale.compact_epochs),
):
    results = {}
    for arm, augment in arms.items():
        results[arm] = study.study_of(
            GalaxyCNNClassifier(layout=layout, augment=augment, max_epochs=epochs),
            X,
            y,
            n_repeats=repeats,
            test_variants=study.degraders(factors, methods),
        )
        for method in methods:
            names = {"layout": layout, "arm": arm, "enlarged by": method}
            rows.append({**names, **study.reach(results[arm], factors, method)})
        for k in (1, *factors):
            variant = "original" if k == 1 else f"1/{k} bilinear"
            values = results[arm].values("accuracy", variant=variant)
            curves += [
                {"factor": k, "arm": f"{layout}, {arm}", "repeat": r, "value": v}
                for r, v in enumerate(values)
            ]
    ceiling = {"layout": layout, "arm": "ceiling", "enlarged by": "bilinear"}
    for k in factors:
        # Inside the pipeline a degrader blurs training and test images alike.
        net = GalaxyCNNClassifier(layout=layout, augment="geometric", max_epochs=epochs)
        result = study.study_of(
            make_pipeline(ResolutionDegrader(factor=k), net), X, y, n_repeats=repeats
        )
        ceiling |= {f"1/{k}": study.reach(result, ())["sharp"]}
    rows.append(ceiling)
    better, without = results["with RandomResolution"], results["rotations and flips"]
    gains.append({"layout": layout, **study.recovery(better, without, factors)})
study.show_table("Test accuracy (share of runs that reach 0.9)", rows)
study.show_table(
    "What RandomResolution recovers: accuracy with it minus without, ± corrected "
    "standard error",
    gains,
)
arms_display = ResolutionCurveDisplay.from_scores(pd.DataFrame(curves), hue="arm").plot(
    score_name="Test accuracy"
)
plt.show()
