"""
Parts of events
===============

The study factorises the events of each class by NMF, with two parts and with ninety,
and looks at the pictures. Pictures always look like something. So here is how much of
the events the parts explain, of those they were fitted to and of others, with events as
they are and with the largest deposit moved to the middle.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _gaps_study as study
from _gaps_study import INCIDENCES, scale

from skastro.inspection import NMFParts, NMFPartsDisplay

few, many = 2, 90 if scale.n_events is None else 20
parts, rows, held = {}, [], {}
for incidence in INCIDENCES:
    sample = study.load(incidence, n_events=scale.n_events)
    print(f"Data: {sample.source}")
    train, test = study.halves(sample)
    X = sample.events.to_csr()  # sparse rows: half a per cent is not zero
    held[incidence] = X[test], sample.y[test]
    for center in ("none", "largest"):
        for k in (few, many):
            model = NMFParts(
                k, center=center, image_shape=(10, 12, 12), random_state=0
            ).fit(X[train], sample.y[train])
            parts[incidence, center, k] = model
            unseen = model.explained_share(*held[incidence])
            over = model.explained_share(*held[incidence], relative_to="mean")
            rows += [
                {
                    "incidence": incidence,
                    "centred": "yes" if center == "largest" else "no",
                    "K": k,
                    "class": label,
                    "training": f"{model.explained_share_[label]:.1%}",
                    "unseen": f"{unseen[label]:.1%}",
                    "unseen, over mean event": f"{over[label]:.1%}",
                }
                for label in model.classes_.tolist()
            ]
study.show_table("Share of the squares that the parts explain", rows)

# %%
# What the numbers say
# --------------------
# At vertical incidence all primaries go down one column: two parts hold much of the
# energy. At random incidence two parts hold next to nothing, and the pictures are those
# of a few events with very large deposits; the share of unseen events tells. Ninety
# parts hold more of the training events, and hardly more of others: they are fitted to
# single events.
#
# Centring makes shares large for a trivial reason, since every event then has its
# largest value in the same voxel. The last column takes the mean event for granted.

names = ("layer", "row", "column")
for incidence in INCIDENCES:
    display = NMFPartsDisplay.from_estimator(
        parts[incidence, "none", few], *held[incidence], events="unseen events"
    ).plot(axis_names=names)
    display.figure_.suptitle(f"{incidence} incidence")

# %%
# The same events, centred
# ------------------------
# The study finds no difference between the species with two parts at vertical incidence
# and a wider spread for antideuterons at random incidence. With the largest deposit in
# the middle the parts of both species are alike.

display = NMFPartsDisplay.from_estimator(
    parts["random", "largest", few], *held["random"], events="unseen events"
).plot(axis_names=names)
display.figure_.suptitle("random incidence, largest deposit in the middle")

# %%
# Many parts
# ----------

display = NMFPartsDisplay.from_estimator(
    parts["vertical", "none", many], *held["vertical"], events="unseen events"
).plot(axis_names=names, max_parts=18)
display.figure_.suptitle("vertical incidence")
plt.show()
