"""
Learning from votes, serving flags
==================================

Only a few hundred of the real cut-outs have an official flag, but thousands have a
majority vote. A net trained on the votes of galaxies *without* a flag has seen none of
those that it is tested on; its penultimate layer then serves the flags, through
`NetEmbedder` and a logistic regression, or by fine-tuning. This is the strongest of the
examples, at full resolution and across the gap.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedShuffleSplit, cross_validate

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _study as study

from skastro.galaxy import ResolutionDegrader
from skastro.metrics import transformed_scorer, tss_scorer
from skastro.neural_network import NetEmbedder

data = study.load_galaxies(2000)
X = study.pixels(data.images)
winding = np.isin(data.majority_vote, ["CW", "ACW"])
vote = np.where(winding, "spiral", data.majority_vote)

unflagged = np.flatnonzero(data.flag == "")
if len(unflagged) == 0:  # simulated galaxies all have a flag: set half of them apart
    unflagged = np.arange(len(X) // 2)
two = np.setdiff1d(np.flatnonzero(np.isin(data.flag, study.TWO)), unflagged)
three = np.setdiff1d(np.flatnonzero(np.isin(data.flag, study.THREE)), unflagged)

# %%
# Train on votes
# --------------
# Two nets: one on sharp images, one on images of random resolution. At the quick scale
# they see a part of the votes. What follows them is a logistic regression, whose
# strength is chosen by cross-validation inside the training part; in one model it also
# sees blurred copies of the training images.

quick = study.SCALE in ("glance", "quick")
rng = np.random.default_rng(0)
seen = rng.choice(unflagged, min(1000, len(unflagged)), False) if quick else unflagged
settings = {"max_epochs": 10, "average_symmetries": False} if quick else {}
sharp = study.vote_net("geometric", **settings).fit(X[seen], vote[seen])
degraded = study.vote_net("resolution", **settings).fit(X[seen], vote[seen])

# %%
# Serve the flags
# ---------------
# The gap is a scorer, so scikit-learn's own `cross_validate` measures it.

scoring = {"accuracy": "accuracy", "TSS": tss_scorer}
scoring |= {
    f"1/{k}": transformed_scorer("accuracy", ResolutionDegrader(factor=k))
    for k in (4, 8)
}
rows = []
models = study.transfer_models(sharp, degraded, epochs=5 if quick else 20)
for name, model in models.items():
    for task, keep in (("two", two), ("three", three)):
        cv = StratifiedShuffleSplit(
            study.scale.n_repeats, test_size=0.3, random_state=0
        )
        result = cross_validate(model, X[keep], data.flag[keep], cv=cv, scoring=scoring)
        row = {"net of votes": name, "classes": task}
        for metric in scoring:
            values = result[f"test_{metric}"]
            error = values.std(ddof=1) / len(values) ** 0.5
            row[metric] = f"{values.mean():.3f} ± {error:.3f}"
        rows.append(row)
study.show_table(
    f"Flags from a net of votes, {study.scale.n_repeats} splits of 7 : 3, "
    "mean ± standard error",
    rows,
)

# %%
# What the penultimate layer knows
# --------------------------------

plane = PCA(2).fit_transform(NetEmbedder(sharp).fit_transform(X[three]))
figure, ax = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
for label, colour in zip(study.THREE, ("#D55E00", "#0072B2", "#999999"), strict=True):
    here = data.flag[three] == label
    ax.scatter(*plane[here].T, s=12, alpha=0.7, color=colour, label=label)
ax.set(xlabel="First component", ylabel="Second component")
ax.legend(title="Flag (not seen in training)")
plt.show()
