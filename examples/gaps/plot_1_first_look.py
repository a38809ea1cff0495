"""
Events of antiprotons and antideuterons
=======================================

What do the events look like, and which numbers tell the species apart before any
learning? The carried sample was made by Geant4: ten layers of 12 x 12 silicon wafers,
speeds from 0.26 to 0.30 c. `skastro.datasets.make_gaps_events` makes more, fast.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _gaps_study as study
from _gaps_study import BACKGROUND, COLOURS, INCIDENCES, SIGNAL, scale

from skastro.datasets import make_gaps_events

stopped = {i: study.load(i, n_events=scale.n_events) for i in INCIDENCES}
every = {i: study.load(i, stopped=False, n_events=scale.n_events) for i in INCIDENCES}
for sample in every.values():
    print(f"Data: {sample.source}")

# %%
# Two of each
# -----------
# From the side, layer 0 on top; the area of a mark goes with the deposit. The primary
# comes from above, loses more and more, and annihilates; pions and protons leave the
# stop in all directions. At the same speed an antideuteron goes twice as far. The first
# events are drawn that have six hits or more.

figure, axes = plt.subplots(
    2, 4, figsize=(11, 5.6), sharex=True, sharey=True, layout="constrained"
)
for line, incidence in zip(axes, INCIDENCES, strict=True):
    sample = stopped[incidence]
    hits = (sample.X > 0).sum(axis=(1, 2, 3))
    for k, ax in enumerate(line):
        name = (BACKGROUND, SIGNAL)[k // 2]
        event = np.flatnonzero((sample.y == name) & (hits > 5))[k % 2]
        side = sample.X[event].sum(axis=1)
        layer, column = np.nonzero(side)
        ax.scatter(
            column,
            layer,
            s=4 + 5 * side[layer, column],
            color=COLOURS[name],
            alpha=0.7,
            linewidth=0,
        )
        ax.set_title(f"{name}, {incidence}\n{side.sum():.0f} MeV", fontsize="medium")
axes[0, 0].set(xlim=(-0.7, 11.7), ylim=(9.7, -0.7), xticks=range(0, 12, 3))
for ax in axes[:, 0]:
    ax.set_ylabel("Layer")
for ax in axes[1]:
    ax.set_xlabel("Column")

# %%
# Who stops
# ---------
# Studies select events whose primary stopped. A simulation knows; an instrument has to
# infer it. The species do not stop equally often, so that this choice alone changes the
# mixture: whatever is measured on stopped events is worth a second look on all.

rows = []
for incidence, sample in every.items():
    truth = sample.events.truth
    for name in (BACKGROUND, SIGNAL):
        here = truth[sample.y == name]
        ended = here[here["stopped"]]
        rows.append(
            {
                "incidence": incidence,
                "species": name,
                "events": len(here),
                "stopped": f"{here['stopped'].mean():.3f}",
                "of these in flight": f"{ended['in_flight'].mean():.3f}",
                "mean stop layer": f"{ended['stop_layer'].mean():.2f}",
                "events without a hit": int(
                    (sample.X[sample.y == name].max(axis=(1, 2, 3)) == 0).sum()
                ),
            }
        )
study.show_table("Stops, Geant4", rows)

# %%
# The largest deposit
# -------------------
# The study gives mean and variance of the largest deposit of an event at vertical
# incidence. Geant4 and the fast simulation agree with each other; both have larger
# means and variances than the study, and about its ratio of the species.

made = {
    i: make_gaps_events(len(s.y), incidence=i, stopped_only=True, random_state=0)
    for i, s in stopped.items()
}
samples = {}
for incidence, sample in stopped.items():
    fast = made[incidence]
    samples[f"Geant4, {incidence}, stopped"] = sample
    samples[f"Geant4, {incidence}, all"] = every[incidence]
    samples[f"fast Monte Carlo, {incidence}, stopped"] = sample._replace(
        X=fast.data, y=fast.target, events=fast.events
    )
study.show_table("Largest deposit of an event", study.largest_rows(samples))
print(study.WHY_NOT_THE_SAME)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
edges = np.arange(0, 121, 5)
for ax, (incidence, sample) in zip(axes, stopped.items(), strict=True):
    for name in (BACKGROUND, SIGNAL):
        fast = made[incidence]
        for X, y, style, what in (
            (sample.X, sample.y, "-", "Geant4"),
            (fast.data, fast.target, ":", "fast"),
        ):
            largest = X[y == name].max(axis=(1, 2, 3))
            ax.hist(
                largest,
                edges,
                density=True,
                histtype="step",
                color=COLOURS[name],
                linestyle=style,
                label=f"{name}, {what}",
            )
    ax.set(title=f"{incidence} incidence", xlabel="Largest deposit (MeV)")
axes[0].set_ylabel("Density (1/MeV)")
axes[1].legend(frameon=False)
plt.show()
