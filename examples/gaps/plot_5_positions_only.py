"""
Positions only
==============

The study's third part: all voxels that were hit become 1.0, and the net learns again.
How much is left without energies, where does it look now, and which events does it
lose? The deposits are cut at 0.05 MeV first: what is below is no hit.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _explained as explained
import _gaps_study as study
from _gaps_study import INCIDENCES, SIGNAL, scale
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer

from skastro.inspection import GradCAM, GradCAMDisplay, class_mean_maps

VALUES = ("energy", "binarised")
n_events = scale.n_events or 3000
samples = {i: study.load(i, n_events=n_events) for i in INCIDENCES}
nets, tests, rows = {}, {}, []
for incidence, sample in samples.items():
    print(f"Data: {sample.source}")
    train, tests[incidence] = study.halves(sample)
    for values in VALUES:
        net = study.make_net("conv3d", values=values)
        nets[incidence, values] = net.fit(sample.X[train], sample.y[train])
        test = tests[incidence]
        found = study.score(net, sample.X[test], sample.y[test])
        row = {"input": values, "incidence": incidence}
        rows.append(row | study.score_row([found], values, incidence))
study.show_table("conv3d, beside the study's slides", rows)
print(study.WHY_NOT_THE_SAME)

# %%
# scikit-learn's way
# ------------------
# ``binarize=True`` is one way; a pipeline with `sklearn.preprocessing.Binarizer` on
# flat rows is the other. Any classifier can follow it.

flat = samples["vertical"].events.to_csr()
y = samples["vertical"].y
train, test = study.halves(samples["vertical"])
model = make_pipeline(Binarizer(threshold=0.05), study.make_net("depth_channels"))
model.fit(flat[train], y[train])
option = study.make_net("depth_channels", values="binarised")
option.fit(flat[train], y[train])
print(
    f"depth_channels, vertical: {model.score(flat[test], y[test]):.3f} behind a "
    f"Binarizer, {option.score(flat[test], y[test]):.3f} with binarize=True"
)

# %%
# Which events are lost
# ---------------------
# If energies and positions told different things, the events missed by the one net
# would be no worse than others for the other. But most of the missed antideuterons are
# missed again: at vertical incidence those that interacted in flight, too high up.

for incidence, sample in samples.items():
    X, y = sample.X[tests[incidence]], sample.y[tests[incidence]]
    predicted = {values: nets[incidence, values].predict(X) for values in VALUES}
    study.show_table(
        f"Missed before and after binarising, {incidence}",
        explained.missed_rows(y, predicted["energy"], predicted["binarised"]),
    )
    truth = sample.events.truth.iloc[tests[incidence]]
    flight = truth["in_flight"].to_numpy()
    again = (predicted["energy"] != y) & (predicted["binarised"] != y) & (y == SIGNAL)
    print(
        f"{incidence}: {flight[again].mean():.0%} of the antideuterons that both miss "
        f"interacted in flight, of all {flight[y == SIGNAL].mean():.0%}."
    )

# %%
# Where the binarised net looks
# -----------------------------
# The shares of gradient times value leave the largest deposit, which this net cannot
# see, for the hits off the track.

for incidence, sample in samples.items():
    some = np.random.default_rng(0).permutation(tests[incidence])[: scale.n_maps // 2]
    X = sample.X[some]
    for values in VALUES:
        net = nets[incidence, values]
        maps = explained.maps_of(net, X)
        study.show_table(
            f"Shares of the maps, {values}, {incidence}", explained.share_rows(maps, X)
        )
        if values == "binarised":
            study.show_table(
                f"Gain over random orders, {values}, {incidence}",
                explained.faithfulness(net, X, maps).rows,
            )

# %%
# Means over the test events, for the class "antideuteron", vertical incidence, seen
# from the front: with energies above, binarised below.

X, y = (
    samples["vertical"].X[tests["vertical"]],
    samples["vertical"].y[tests["vertical"]],
)
for values in VALUES:
    cam = GradCAM(nets["vertical", values], **explained.METHODS[explained.FAITHFUL])
    means = class_mean_maps(cam(X, target=SIGNAL), y).means
    figure, axes = plt.subplots(2, 3, figsize=(9, 5.4), layout="constrained")
    limit = max(np.abs(m.sum(axis=a)).max() for m in means.values() for a in range(3))
    for line, (label, mean) in zip(axes, means.items(), strict=True):
        display = GradCAMDisplay.from_maps(mean[None], label="logit").plot(
            ax=line, vmax=limit
        )
        line[0].set_ylabel(f"{label}\n{line[0].get_ylabel()}")
    figure.suptitle(f"{values}: mean evidence for antideuteron")
plt.show()
