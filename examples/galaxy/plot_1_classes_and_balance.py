"""
Three classes or two, balanced or as drawn?
===========================================

The thesis trains a net "after Cheng et al." on Galaxy Zoo flags three times: on
spirals, ellipticals and uncertain galaxies; on the two clear classes as they are drawn
(about 3 : 1); and on as many of each. It then picks the epoch with the highest mean
*test* accuracy and trains a second set of runs up to that epoch.

Here is the same, with the honest rule beside it: the epoch is picked on validation
images in each run, and the test set is read once. Confusion matrices have the true
classes as rows, as scikit-learn's do; the thesis prints the predicted ones as rows.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _study as study

from skastro.galaxy import GalaxyCNNClassifier

data = study.load_galaxies()
X, flag = study.pixels(data.images), data.flag
clear, flagged = np.isin(flag, study.TWO), np.isin(flag, study.THREE)
net = GalaxyCNNClassifier(layout="thesis")
settings = {"n_repeats": study.scale.n_repeats, "epochs": study.scale.curve_epochs}

experiments = {
    "three classes": (flagged, False),
    "two classes": (clear, False),
    "two, balanced": (clear, True),
}

# %%
# Learning curves, and two ways to choose the epoch
# -------------------------------------------------
# "test, thesis rule" and "test, best of each run" look at the test set in order to
# choose, and are optimistic for that reason.

colours = dict(zip(experiments, ("#0072B2", "#D55E00", "#009E73"), strict=True))
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
first, rows = {}, []
for name, (keep, balance) in experiments.items():
    runs = study.repeated_runs(
        net, X[keep], flag[keep], balance=balance, curves=True, **settings
    )
    choice = study.chosen_epochs(runs)
    first[name] = choice
    study.draw_curves(runs, axes, name, colours[name])
    rows.append(
        {
            "experiment": name,
            "by validation": f"{choice['validation'].mean():.3f}",
            "last epoch": f"{choice['last'].mean():.3f}",
            "optimistic: thesis rule": f"{choice['test-mean'].mean():.3f}",
            "optimistic: best of each run": f"{choice['test, each run'].mean():.3f}",
            "thesis": study.THESIS[name]["accuracy"],
            "epoch": choice["test-mean epoch"],
        }
    )
axes[0].set_ylim(0, 1.6)
axes[1].legend(fontsize=7)
curves_figure = figure
study.show_table(
    f"Test accuracy, mean of {settings['n_repeats']} runs of up to "
    f"{settings['epochs']} epochs",
    rows,
)

# %%
# The second set of runs
# ----------------------
# New splits, stopped at the epoch that the thesis's rule chose. The spread is the
# standard deviation of one run; see
# `skastro.model_selection.corrected_resampled_ttest` for why the standard error of
# runs that share galaxies is too small.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
rows = []
for ax, (name, (keep, balance)) in zip(axes, experiments.items(), strict=True):
    runs = study.repeated_runs(
        net,
        X[keep],
        flag[keep],
        balance=balance,
        n_repeats=settings["n_repeats"],
        epochs=first[name]["test-mean epoch"],
        first_seed=1000,
    )
    study.draw_confusion(runs, ax, name)
    thesis = study.THESIS[name]
    row = {"experiment": name}
    for label, metric in (
        ("accuracy", "accuracy"),
        ("TSS", "TSS"),
        ("spiral", "spiral"),
        ("ell.", "elliptical"),
    ):
        values = runs.of(metric)
        row[label] = f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"
        row[f"thesis {label}"] = thesis.get(label, "")
    rows.append(row)
study.show_table("Second set of runs: mean ± standard deviation of one run", rows)
plt.show()
