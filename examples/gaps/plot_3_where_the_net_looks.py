"""
Where a net of voxels looks
===========================

The study's first part: a net that convolves in three dimensions, and Grad-CAM maps of
what it looks at, for vertical and random incidence, for right and wrong events. Then
the question that a map does not answer by itself: is it true? Hits are removed in the
order of the map; if the map is right, the prediction falls sooner than with hits
removed at random.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _explained as explained
import _gaps_study as study
from _gaps_study import BACKGROUND, INCIDENCES, SIGNAL, scale

from skastro.inspection import GradCAM, GradCAMDisplay, class_mean_maps

samples = {i: study.load(i, n_events=scale.n_events) for i in INCIDENCES}
nets, tests, rows = {}, {}, []
for incidence, sample in samples.items():
    print(f"Data: {sample.source}")
    train, test = study.halves(sample)
    net = study.make_net("conv3d").fit(sample.X[train], sample.y[train])
    nets[incidence], tests[incidence] = net, test
    found = study.score(net, sample.X[test], sample.y[test])
    row = {"incidence": incidence}
    rows.append(row | study.score_row([found], "energy", incidence))
study.show_table("conv3d on energies, beside the study's slides", rows)
print(study.WHY_NOT_THE_SAME)

# %%
# One event, two maps
# -------------------
# The same antideuteron, explained twice for the class "antideuteron". Above, Grad-CAM
# at the last convolution, as the study has it. Below, the gradient times the value of
# each voxel (HiResCAM at the net's first part): what speaks for the class is orange,
# what speaks against it purple. Circles are deposits.

sample, net, test = samples["vertical"], nets["vertical"], tests["vertical"]
predicted = net.predict(sample.X[test])
right = test[(sample.y[test] == SIGNAL) & (predicted == SIGNAL)][:1]
for name in (explained.LAST, explained.FAITHFUL):
    display = GradCAMDisplay.from_estimator(
        net, sample.X[right], target=SIGNAL, **explained.METHODS[name]
    ).plot()
    display.figure_.suptitle(name)

# %%
# Grad-CAM weights the feature maps by mean gradients and so forgets *where* the last
# layer, which is dense, gives them their weight. On maps of 2 x 3 x 3 places it lights
# up regions without a hit.
#
# What is in the maps
# -------------------
# Mean shares of the maps of test events: within a voxel of the largest deposit, on the
# primary track, on the other hits, and where there is no hit. A flat map has the shares
# of the last row.

rng = np.random.default_rng(0)
some = {i: rng.permutation(t)[: scale.n_maps] for i, t in tests.items()}
maps, curves = {}, {}
for incidence, sample in samples.items():
    X = sample.X[some[incidence]]
    maps[incidence] = explained.maps_of(nets[incidence], X)
    study.show_table(
        f"Shares of the maps, {incidence}, {len(X)} test events",
        explained.share_rows(maps[incidence], X),
    )

# %%
# Are they true?
# --------------
# Gains over hits in random order, in units of probability: 0 is a map that knows
# nothing. Grad-CAM has none, or less than none; gradient times value has a clear one.
# It also loses its order when the weights are drawn anew, as it should.

for incidence, sample in samples.items():
    X = sample.X[some[incidence]][: scale.n_maps // 2]
    few = {name: values[: len(X)] for name, values in maps[incidence].items()}
    faith = explained.faithfulness(nets[incidence], X, few)
    curves[incidence] = faith.curves
    study.show_table(f"Gain over random orders, {incidence}", faith.rows)
X = samples["vertical"].X[some["vertical"]][: scale.n_maps // 4]
study.show_table(
    "Rank correlation of maps with those of randomised weights, vertical",
    explained.randomised_rows(nets["vertical"], X),
)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for ax, (incidence, found) in zip(axes, curves.items(), strict=True):
    for name, colour in zip(found, ("#0072B2", "#56B4E9", "#D55E00"), strict=True):
        mean = found[name].mean_curves()
        ax.plot(mean["deletion"], color=colour, label=name)
    ax.plot(mean["random_deletion"], color="0.5", linestyle="--", label="random order")
    ax.set(title=f"{incidence} incidence", xlabel="Share of the hits removed")
axes[0].set_ylabel("Probability of the predicted class")
axes[1].legend(frameon=False, fontsize="small")

# %%
# Right and wrong
# ---------------
# The study reads from single maps that antiprotons taken for antideuterons had long
# entry tracks, and that antideuterons taken for antiprotons were decided near the
# largest deposit alone. As numbers, over all test events; "HiResCAM near largest" is
# the share of that map.

for incidence, sample in samples.items():
    X, y = sample.X[tests[incidence]], sample.y[tests[incidence]]
    predicted = nets[incidence].predict(X)
    cam = GradCAM(nets[incidence], **explained.METHODS[explained.FAITHFUL])
    table = explained.describe(X, {explained.FAITHFUL: cam(X)})
    flight = sample.events.truth["in_flight"].to_numpy()[tests[incidence]]
    table["in flight (truth)"] = flight.astype(float)
    study.show_table(
        f"Means by true and predicted class, {incidence}",
        explained.mistake_rows(table, y, predicted),
    )
    length = explained.difference(table, y, predicted, BACKGROUND, "track (cm)")
    near = explained.difference(table, y, predicted, SIGNAL, "HiResCAM near largest")
    print(
        f"{incidence}: antiprotons taken for antideuterons have a track longer by "
        f"{length[0]:.1f} ± {length[1]:.1f} cm than the others; antideuterons taken "
        f"for antiprotons have a share near the largest deposit that differs by "
        f"{near[0]:+.2f} ± {near[1]:.2f}."
    )

# %%
# Means of classes
# ----------------
# Single maps can be chosen; means cannot. For the class "antideuteron", vertical
# incidence: hits in the layers where antiprotons stop speak against it, hits below
# for it. What is read is the depth, and the antideuterons taken for antiprotons are
# those that did not get there: most interacted in flight (table above).

sample, net, test = samples["vertical"], nets["vertical"], tests["vertical"]
X, y, predicted = sample.X[test], sample.y[test], net.predict(sample.X[test])
signed = GradCAM(net, **explained.METHODS[explained.FAITHFUL])(X, target=SIGNAL)
groups = {
    f"{name}s, right": means
    for name, means in class_mean_maps(
        signed, y, predicted, only="correct"
    ).means.items()
}
wrong = class_mean_maps(signed, y, predicted, only="misclassified")
groups |= {f"{a}s taken for {b}s": m for (a, b), m in wrong.means.items()}
fronts = {name: mean.sum(axis=1) for name, mean in groups.items()}
limit = max(np.abs(front).max() for front in fronts.values())
figure, axes = plt.subplots(
    1, len(fronts), figsize=(2.9 * len(fronts), 3.2), layout="constrained", sharey=True
)
for ax, (name, front) in zip(np.atleast_1d(axes), fronts.items(), strict=True):
    image = ax.imshow(front, cmap="PuOr_r", vmin=-limit, vmax=limit)
    ax.set(title=name.replace(" taken", "\ntaken"), xlabel="Column")
    ax.title.set_fontsize("medium")
np.atleast_1d(axes)[0].set_ylabel("Layer")
figure.colorbar(image, ax=axes, label="For antideuteron (logit)", shrink=0.8)
plt.show()
