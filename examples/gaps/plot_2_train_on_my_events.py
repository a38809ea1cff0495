"""
Train on my events
==================

Hits in a file, a species for each event: what is a good classifier, and what is it
worth in a flight, where antiprotons are ten thousand times as many? All here is
scikit-learn's: pipelines, folds, scorers.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _gaps_study as study
import _shortcut as shortcut
from _gaps_study import BACKGROUND, SIGNAL, scale
from sklearn.model_selection import StratifiedGroupKFold, cross_validate
from sklearn.pipeline import make_pipeline

from skastro.gaps import GAPSVoxelClassifier, VoxelSummary
from skastro.metrics import (
    abundance_weighted_purity,
    efficiency_at_rejection,
    make_rejection_scorer,
    stratified_efficiency,
)
from skastro.model_selection import RejectionCurveDisplay

# Own files: events = skastro.gaps.read_voxel_events("events.root"); X = events.to_csr()
sample = study.load("random", n_events=scale.n_events)
X, y = sample.events.to_csr(), sample.y
print(f"Data: {sample.source}")

# %%
# Three models, the same folds
# ----------------------------
# Boosted trees see the features of `VoxelSummary`; "depth_channels" is a convolutional
# net on the deposits; "hybrid" joins a transformer of the hits with the trees. Events
# that belong together, as two species drawn from one seed do, need a common group;
# here each event has one of its own.

short = {"max_epochs": 2 * scale.epochs, "random_state": 0}
models = {
    "boosting on VoxelSummary": make_pipeline(VoxelSummary(), shortcut.boosting()),
    "depth_channels": GAPSVoxelClassifier(layout="depth_channels", **short),
    "hybrid": GAPSVoxelClassifier(layout="hybrid", **short | {"max_epochs": 8}),
}
scoring = {
    "accuracy": "accuracy",
    "log loss": "neg_log_loss",
    "efficiency at 10": make_rejection_scorer(10, pos_label=SIGNAL, min_background=1),
}
cv = StratifiedGroupKFold(2)
proba, rows = {}, []
for name, model in models.items():
    result = cross_validate(
        model,
        X,
        y,
        cv=cv,
        groups=sample.groups,
        scoring=scoring,
        return_estimator=True,
        return_indices=True,
    )
    row = {"model": name}
    for metric in scoring:
        values = result[f"test_{metric}"]
        low, high = np.sort(np.abs(values))[[0, -1]]
        row[metric] = f"{np.abs(values).mean():.3f} ({low:.3f} to {high:.3f})"
    rows.append(row | {"seconds a fold": f"{result['fit_time'].mean():.0f}"})
    proba[name] = np.empty(len(y))
    for fitted, test in zip(
        result["estimator"], result["indices"]["test"], strict=True
    ):
        column = list(fitted.classes_).index(SIGNAL)
        proba[name][test] = fitted.predict_proba(X[test])[:, column]
study.show_table("Two folds, mean and range", rows)

# %%
# Efficiency at a rejection
# -------------------------
# With so few events to learn from, trees that are told the physics are far ahead of a
# net that convolves the raw deposits, and the transformer in the hybrid adds little.
# What counts is how many antideuterons are left where one antiproton in R passes. Which
# antiprotons those are is luck, too: the intervals ("total") know both errors. A
# rejection is only told with ten passing antiprotons or more; above that there is an
# upper limit.

rows = []
for name, score in proba.items():
    for found in efficiency_at_rejection(y, score, [10, 100, 1000], pos_label=SIGNAL):
        known = np.isfinite(found.efficiency)
        rows.append(
            {
                "model": name,
                "R": f"{found.rejection:g}",
                "efficiency": f"{found.efficiency:.3f}" if known else "not told",
                "95 % (total)": f"{found.low_total:.3f} to {found.high_total:.3f}"
                if known
                else f"below {found.upper_limit:.3f}",
                "antiprotons": found.n_background,
            }
        )
study.show_table("Antideuteron efficiency, both test folds together", rows)

figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for name, score in proba.items():
    RejectionCurveDisplay.from_predictions(y, score, pos_label=SIGNAL, name=name).plot(
        ax
    )
ax.set_title("Random incidence, stopped")

# %%
# In a flight
# -----------
# A threshold chosen on one half of the events and judged on the other, with the
# abundances of nature. This is why a rejection of 100 is the beginning only: the other
# detectors of the experiment have to give the rest.

best = proba["hybrid"]
half = np.random.default_rng(0).random(len(y)) < 0.5
rows = []
for rejection in (10, 50):
    cut = efficiency_at_rejection(
        y[half], best[half], rejection, pos_label=SIGNAL, min_background=5
    ).threshold
    purity = abundance_weighted_purity(
        y[~half],
        best[~half],
        abundances={SIGNAL: 1, BACKGROUND: 1e4},
        pos_label=SIGNAL,
        threshold=cut,
    )
    share = purity.per_class["share"]
    rows.append(
        {
            "rejection chosen": rejection,
            "antideuterons selected": f"{share[SIGNAL]:.3f}",
            "antiprotons selected": f"{share[BACKGROUND]:.4f}",
            "purity in nature": f"{purity.purity:.2g}",
            "95 %": f"{purity.low:.2g} to {purity.high:.2g}",
        }
    )
study.show_table("Purity of the hybrid's selection, 1 : 10,000", rows)

# %%
# Where it works
# --------------
# By what the simulation knows: one threshold for all events, efficiency and the share
# of antiprotons that pass it in each range. Antideuterons that annihilate in flight
# stop early and look like antiprotons.

truth = sample.events.truth
table = stratified_efficiency(
    y,
    best,
    {
        "stop layer": truth["stop_layer"].to_numpy(),
        "cos zenith": truth["cos_zenith"].to_numpy(),
        "beta": truth["beta"].to_numpy(),
        "in flight": truth["in_flight"].to_numpy(),
    },
    rejection=10,
    pos_label=SIGNAL,
    y_pred=np.where(best > 0.5, SIGNAL, BACKGROUND),
    bins={"stop layer": [0, 2, 4, 6, 10], "cos zenith": 3, "beta": 2},
    min_background=1,
)
columns = ["quantity", "stratum", "n_signal", "n_background", "efficiency", "low_total"]
columns += ["high_total", "background_share", "accuracy"]
study.show_table(
    "Hybrid at rejection 10, one threshold",
    table[columns].round(3).to_dict("records"),
)
plt.show()
