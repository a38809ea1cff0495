"""
Track or star?
==============

The study closes with a doubt: the net may read how long the incoming track is, not the
star of the annihilation. The length depends on the speed, which is narrow in a
simulation and is not in a flight. So the track is removed and the net learns again;
and it learns on the track alone, and a rule learns on the depth alone.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _gaps_study as study
import _shortcut as shortcut
from _gaps_study import BACKGROUND, INCIDENCES, SIGNAL, scale

from skastro.inspection import GradCAMDisplay

samples = {i: study.load(i, n_events=scale.n_events or 3000) for i in INCIDENCES}
parts = {i: shortcut.take_apart(sample.X) for i, sample in samples.items()}

# %%
# What is removed
# ---------------
# `PrimaryTrackMasker` finds the straight heavy track from the deposits alone. Left: the
# event, middle: its track, right: what is left, the star.

sample, found = samples["random"], parts["random"]
long = found.track.sum(axis=(1, 2, 3)) > 5
event = np.flatnonzero((sample.y == SIGNAL) & long & found.track[:, 0].any((1, 2)))[0]
views = {
    "whole event": found.whole[event],
    "track": np.where(found.track[event], found.whole[event], 0),
    "star": np.where(found.track[event], 0, found.whole[event]),
}
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), sharey=True, layout="constrained")
limit = np.log1p(views["whole event"].sum(axis=1).max())
for ax, (name, view) in zip(axes, views.items(), strict=True):
    image = ax.imshow(np.log1p(view.sum(axis=1)), cmap="YlOrBr", vmin=0, vmax=limit)
    ax.set(title=name, xlabel="Column")
axes[0].set_ylabel("Layer")
figure.colorbar(image, ax=axes, label="ln(1 + MeV), summed over rows", shrink=0.85)

# %%
# Train on each part
# ------------------
# The same net, the same split. "Depth only" are four numbers of the track: layers of
# its first and last hit, number of hits, inclination. The last rows have events that
# stop well inside, so that the star can be moved to one place whatever its depth:
# removing the track leaves the star where the stop was.

scores = {}
for incidence, sample in samples.items():
    print(f"\nData: {sample.source}")
    scores[incidence] = shortcut.shortcut_scores(
        sample, parts[incidence], epochs=scale.epochs + 2, summaries=True
    )
    study.show_table(incidence, shortcut.shortcut_rows(scores[incidence]))

figure, axes = plt.subplots(
    1, 2, figsize=(10.5, 4.6), sharex=True, layout="constrained"
)
for ax, (incidence, found) in zip(axes, scores.items(), strict=True):
    inside = {name: s for (events, name), s in found.items() if events != "all"}
    names = list(inside)[::-1]
    values = [inside[name].auc for name in names]
    bars = ax.barh(names, values, color="#0072B2")
    ax.bar_label(bars, fmt="%.2f", padding=2)
    ax.set(title=f"{incidence} incidence", xlim=(0.5, 1.06), xlabel="Area under ROC")
axes[1].tick_params(labelleft=False)

# %%
# The answer
# ----------
# The track alone gives about what the whole event gives, and its depth alone most of
# it: at these speeds a net has no reason to look at the star. The star without its
# place tells the species better than chance, and not by much. A net that is to work
# without knowing the speed has to be trained on speeds as wide as those of the flight.

for incidence, found in scores.items():
    whole, depth = (
        found["all", name] for name in ("whole event (net)", "depth only (boosting)")
    )
    star = found[shortcut.INSIDE, "star about the stop (boosting)"]
    print(
        f"{incidence}: whole event {whole.accuracy:.3f}, depth only "
        f"{depth.accuracy:.3f}; star about the stop: area {star.auc:.3f}."
    )

# %%
# Means of the stars that are left, moved to the stop: antideuterons have more hits in
# all directions, as they annihilate into more pions.

windows, rows = shortcut.star_window(parts["vertical"])
y = samples["vertical"].y[rows]
for label in (BACKGROUND, SIGNAL):
    mean = (windows[y == label] > 0).mean(axis=0)
    print(f"{label}: {mean.sum():.2f} hits within two voxels of the stop")
    display = GradCAMDisplay.from_maps(mean[None], label="Hits an event").plot(vmax=1.0)
    display.figure_.suptitle(f"{label}s: hits about the stop, vertical incidence")
plt.show()
