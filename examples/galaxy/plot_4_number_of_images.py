"""
How many images are needed?
===========================

The thesis has a section on the number of training images without a result. Here it
is: the same test sets, and nets that see fewer and fewer of the training images,
stratified. Epochs are fixed in advance; with fewer images an epoch has fewer steps.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _study as study

from skastro.galaxy import GalaxyCNNClassifier

data = study.load_galaxies()
clear = np.isin(data.flag, study.TWO)
X, y = study.pixels(data.images[clear]), data.flag[clear]

sizes = (35, 70, 140, 280)
nets = {
    "thesis": (GalaxyCNNClassifier(layout="thesis"), study.scale.thesis_epochs),
    "compact + rotations": (
        GalaxyCNNClassifier(augment="geometric"),
        study.scale.compact_epochs,
    ),
}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
rows = []
for name, (net, epochs) in nets.items():
    results = [
        study.study_of(
            net.set_params(max_epochs=epochs),
            X,
            y,
            n_repeats=study.scale.n_repeats,
            train_size=size,
        )
        for size in sizes
    ]
    row = {"net": name}
    for ax, metric in zip(axes, ("accuracy", "tss"), strict=True):
        values = np.array([result.values(metric) for result in results])
        ax.errorbar(
            sizes,
            values.mean(1),
            values.std(1, ddof=1),
            marker="o",
            capsize=3,
            label=name,
        )
        ax.set(
            xlabel="Training images",
            ylabel=f"Test {metric}".replace("tss", "TSS"),
            xscale="log",
        )
        ax.set_xticks(sizes, [str(s) for s in sizes])
        ax.minorticks_off()
    for size, result in zip(sizes, results, strict=True):
        row[str(size)] = study.mean_ste(result.values("accuracy"))
    rows.append(row)
majority = max(np.mean(y == c) for c in study.TWO)
axes[0].axhline(majority, color="0.6", ls=":")
axes[0].text(sizes[0], majority + 0.005, "majority class")
axes[1].legend()
study.show_table("Test accuracy, mean ± standard error", rows)
plt.show()
