"""
What resampling and missing values do to a score
================================================

The study cuts its large classes, lets its small ones grow by SMOTE, and marks which
values are missing. Both are useful, and both can make a score that no other catalogue
will repeat. Six questions, with a forest or the study's net, on X-rays alone unless
said:

- which class sizes come out of the resampling?
- what happens if one resamples *before* the cross-validation?
- is the resampled model better than the one without?
- which classes lack which values?
- what is left without the incomplete sources, and for whom does that model work?
- how much of the score is the pattern of gaps alone?
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _sources as sources
from imblearn import FunctionSampler
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import MissingIndicator

from skastro.sampling import CappedResampler
from skastro.xray import xray_features, xray_pipeline

frame, y, _ = sources.load_chandra()
X = frame.drop(columns="label")
classes, counts = np.unique(y, return_counts=True)
order = classes[np.argsort(-counts)]
resampler = CappedResampler(random_state=0)
forest = RandomForestClassifier(
    sources.scale.n_trees, min_samples_leaf=2, random_state=0
)
print(f"{sources.scale.n_folds} folds; scores are means ± deviation of one fold")

# %%
# The study's class sizes
# -----------------------
# `skastro.sampling.CappedResampler` has one rule: larger classes are cut to 500,
# smaller ones grow to 500, and a class of less than 100 grows by 1.86 at most. The last
# columns agree.

labels = np.repeat(
    list(sources.STUDY_SIZES), [before for before, _ in sources.STUDY_SIZES.values()]
)
ours = resampler.fit(np.zeros((labels.size, 1)), labels).sampling_strategy_
sources.show_table(
    "Training set of the study",
    [
        {"class": name, "before": before, "study's slides": after, "here": ours[name]}
        for name, (before, after) in sources.STUDY_SIZES.items()
    ],
)

# %%
# Resampling before the cross-validation
# --------------------------------------
# SMOTE puts a new row between two old ones. If that is done first and the folds are
# drawn afterwards, synthetic rows are tested whose parents were trained on, and real
# rows are tested whose children were. The test part is no catalogue any more, either:
# its classes are of one size. In a pipeline of imbalanced-learn the sampler sees
# training rows only.
#
# Here all classes go to 500, rare ones too (``rare_below=0``). The two rows in the
# middle are on the same real sources, those that the cut leaves, and differ by nothing
# but the leak.

plain = xray_features(X, detail="plain", counterparts=False, missing="indicate")
level = CappedResampler(rare_below=0, random_state=0)
honest = sources.cross_predict(
    make_pipeline(clone(plain), clone(level), clone(forest)), X, y
)
X_all, y_all = level.fit_resample(clone(plain).fit_transform(X), y)
leaked = sources.cross_predict(clone(forest), X_all, y_all)
kept = level.kept_indices_
# The real rows come first.
is_real = np.arange(len(y_all)) < kept.size
runs = [
    ("in the training part", "all sources", honest),
    ("in the training part", "sources that the cut leaves", honest.only(kept)),
    ("first (the leak)", "sources that the cut leaves", leaked.only(is_real)),
    ("first (the leak)", "all rows, as one would report", leaked),
]
sources.show_table(
    "A forest",
    [{"resampled": how, "tested on": where, **run.row()} for how, where, run in runs],
)

# %%
figure, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
pair = {"resampled in the training part": honest, "resampled first (the leak)": leaked}
for k, (name, run) in enumerate(pair.items()):
    f1 = run.summary().per_class.loc[order]
    ax.bar(
        np.arange(len(order)) + 0.4 * (k - 0.5),
        f1["f1"],
        0.4,
        yerr=f1["f1_fold_std"],
        color=("#0072B2", "#D55E00")[k],
        ecolor="0.3",
        label=f"{name}: macro-F1 {run.row()['macro-F1']}",
    )
names = [f"{name}\n({n})" for name, n in zip(order, np.sort(counts)[::-1], strict=True)]
ax.set_xticks(range(len(order)), names)
ax.set(ylabel="F1", ylim=(0, 1), title="The same forest, the same sources")
figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)

# %%
# Resampled or not?
# -----------------
# Resampling gives away accuracy on the large classes for recall of small ones; the
# table tells whether macro-F1 gains by it. Read differences against the deviation of a
# fold. Class weights pull the same way, but throw no real row away and invent none.

study = xray_pipeline(X, "study", random_state=0)
unresampled = clone(study).set_params(resample="passthrough")
weighted = clone(forest).set_params(class_weight="balanced_subsample")
variants = {
    "study's net, resampled": study,
    "study's net, as they are": unresampled,
    "forest, resampled": make_pipeline(clone(plain), clone(resampler), clone(forest)),
    "forest, as they are": make_pipeline(clone(plain), clone(forest)),
    "forest, class weights": make_pipeline(clone(plain), weighted),
}
compared = {name: sources.cross_predict(m, X, y) for name, m in variants.items()}
sources.show_table(
    "With and without resampling",
    [{"classifier": name, **run.row()} for name, run in compared.items()],
)

# %%
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
nets = ("study's net, resampled", "study's net, as they are")
for k, (name, marker) in enumerate(zip(nets, "os", strict=True)):
    table = compared[name].summary().per_class.loc[order]
    ax.errorbar(
        np.arange(len(order)) + 0.2 * (k - 0.5),
        table["recall"],
        table["recall_fold_std"],
        fmt=marker,
        color=("#0072B2", "#D55E00")[k],
        label=name,
    )
ax.set_xticks(range(len(order)), names)
ax.set(ylabel="Recall: share that is found", ylim=(-0.03, 1.03))
ax.set_title(
    "What the study's net finds; bars are the deviation of a fold", fontsize=11
)
ax.grid(axis="y", color="0.9")
ax.legend(frameon=False)

# %%
# Who lacks what
# --------------
# A time series needs a bright source, a counterpart one that other surveys see: values
# are not missing at random, and the pattern of gaps differs by class.


def columns_of(transformer):
    used = {c for _, _, names in transformer.transformers for c in names}
    return [c for c in X if c in used]


used = [c for c in columns_of(xray_features(X)) if not c.endswith("_err")]
gaps = X[[c for c in used if X[c].isna().any()]].isna()
share = gaps.groupby(y).mean().loc[order]
share.loc["all"] = gaps.mean()
print(share.T.map("{:.0%}".format).to_string())

figure, ax = plt.subplots(figsize=(9, 4.2), layout="constrained")
image = ax.imshow(share, cmap="viridis", vmin=0, vmax=1, aspect="auto")
ax.set_xticks(range(share.shape[1]), share.columns, rotation=45, ha="right")
ax.set_yticks(range(len(share)), [*(name.replace("\n", " ") for name in names), "all"])
ax.axhline(len(order) - 0.5, color="white", lw=2)
for (i, j), value in np.ndenumerate(share.to_numpy()):
    colour = "black" if value > 0.6 else "white"
    ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", color=colour)
figure.colorbar(image, label="Share of missing values")

# %%
# Complete sources only
# ---------------------
# The study also trained on sources without any gap. As a step of the pipeline,
# imbalanced-learn's ``FunctionSampler`` drops rows in ``fit`` and never in ``predict``:
# a catalogue has sources with gaps, and they want a class, too. They get one: what they
# lack is filled with the medians of the complete training sources. A class with
# fewer than five complete sources in the training part cannot be learnt, and is never
# predicted then.
#
# Two scores follow, and the difference matters: on the complete test sources, which is
# what a study sees that dropped the others first, and on all of them. The classifier
# trained on all sources stands beside it on the same rows.

needed = [c for c in columns_of(plain) if X[c].isna().any()]


def drop_incomplete(rows, labels):
    kept = rows[needed].notna().all(axis=1).to_numpy()
    names, complete = np.unique(labels[kept], return_counts=True)
    kept = kept & np.isin(labels, names[complete >= 5])
    return rows[kept], labels[kept]


complete = X[needed].notna().all(axis=1).to_numpy()
print(f"Needed: {', '.join(needed)}. Complete: {complete.sum():,} of {len(y):,}")
left = pd.Series(y[complete]).value_counts().reindex(order, fill_value=0)
print("Complete sources of each class:", left.to_dict())

only_complete = clone(study)
only_complete.steps.insert(
    0, ("complete", FunctionSampler(func=drop_incomplete, validate=False))
)
runs = {
    "all sources": compared["study's net, resampled"],
    "complete sources": sources.cross_predict(only_complete, X, y),
}
rows = [
    {"trained on": name, "tested on": where, **run.only(part).row()}
    for where, part in (("complete ones", complete), ("all", np.full(len(y), True)))
    for name, run in runs.items()
]
sources.show_table("The study's net", rows)

# %%
# What the gaps alone tell
# ------------------------
# A forest that gets no value at all, only which ones are missing, beside forests that
# get the values: of columns without any gap ("drop"), with gaps filled by medians
# ("impute"), or filled and flagged ("indicate"). Every counterpart column has gaps.
# Whatever the flags achieve is knowledge of how deep and where surveys looked. It need
# not hold in the next catalogue: show both.

largest = sources.cross_predict(DummyClassifier(), X, y)
rows = [{"columns": "none", "gaps": "largest class", **largest.row()}]
for what, counterparts in (("X-rays", False), ("with counterparts", True)):
    columns = columns_of(xray_features(X, counterparts=counterparts))
    flags = make_pipeline(MissingIndicator(features="all"), clone(forest))
    found = sources.cross_predict(flags, X[columns], y)
    rows.append({"columns": what, "gaps": "flags alone", **found.row()})
    ways = ("impute", "indicate") if counterparts else ("drop", "impute", "indicate")
    for missing in ways:
        values = xray_features(X, counterparts=counterparts, missing=missing)
        found = sources.cross_predict(make_pipeline(values, clone(forest)), X, y)
        rows.append({"columns": what, "gaps": missing, **found.row()})
sources.show_table("Forests", rows)

# %%
# Where "impute" does as well as "indicate", that is no proof that gaps do not matter.
# Filled values are all alike, which is a pattern, too. Can a forest tell from filled
# features whether a source had a magnitude in J?

had = np.where(X["jmag"].notna(), "had one", "had none")
filled = make_pipeline(xray_features(X, missing="impute"), clone(forest))
found = sources.cross_predict(filled, X, had).row()
print(f"Which sources had one, told from filled values: accuracy {found['accuracy']}")
plt.show()
