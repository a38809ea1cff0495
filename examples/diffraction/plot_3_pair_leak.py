"""
A split that leaks
==================

The diffraction thesis adds 1,000 simulated patterns in all 499,500 pairs and puts
10,000 of these aside to test on, at random. Each of the 1,000 patterns is then in some
980 training pairs: no orientation of the test pairs is new. What does a score on such a
split say? Here two nets, a look-up table, a constant and a template matcher meet four
splits of `skastro.model_selection.PairGroupKFold`.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _patterns as patterns
import _thesis as thesis

from skastro.diffraction import all_pairs
from skastro.model_selection import PairGroupKFold

scale = thesis.chosen_scale(patterns.SCALE)
print(
    f"Data: {scale.split_singles} SIMULATED anatase patterns of {scale.split_side} x "
    f"{scale.split_side} pixels, all of their pairs"
)

# %%
# Who was seen in training?
# -------------------------
# The thesis repeated: "pair". "orientation" holds single patterns out, so that both
# parents of a test pair are new; pairs with one parent on each side are dropped.
# "block" holds out whole cells of neighbouring directions.

pairs = all_pairs(scale.split_singles)
u = thesis.make_pool(scale, splits=True).directions
rows, folds = [], {}
for mode in ("pair", "single-seen", "orientation", "block"):
    cv = PairGroupKFold(5, mode=mode, directions=u, random_state=0)
    folds[mode] = next(cv.split(pairs))
    first = cv.summary(pairs).iloc[0]
    rows.append(
        {
            "split": mode,
            "leaky": cv.leaky,
            "training pairs": f"{first['n_train']:.0f}",
            "test pairs": f"{first['n_test']:.0f}",
            "dropped": f"{first['n_dropped']:.0f}",
            "both parents seen": f"{first['both_seen']:.0%}",
            "one": f"{first['one_seen']:.0%}",
            "none": f"{first['none_seen']:.0%}",
        }
    )
patterns.show_table("The first fold of each split", rows)

figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
for ax, (mode, (train, test)) in zip(axes, folds.items(), strict=True):
    seen, tested = (np.unique(pairs[part]) for part in (train, test))
    only = np.setdiff1d(tested, seen)
    for part, colour, marker, name in (
        (np.setdiff1d(seen, tested), "#999999", "o", "in training only"),
        (np.intersect1d(seen, tested), "#D55E00", "s", "in both"),
        (only, "#0072B2", "^", "in the test only"),
    ):
        x, y = (u[part, :2] / (1 + u[part, 2:])).T
        ax.scatter(x, y, 18, colour, marker=marker, label=name)
    ax.set(title=mode, aspect="equal", xticks=[], yticks=[])
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
figure.suptitle("Beam directions of the singles (stereographic)")

# %%
# The same methods on all four
# ----------------------------
# The dictionary has all singles of the training pairs and takes the pair whose sum is
# nearest to the image. It learns nothing, and on the leaky split it is never wrong. A
# net that does well there has at best learned the same list by heart. The matcher is
# not trained on patterns at all.

rows = thesis.run_splits(scale)["splits"]
patterns.show_table(thesis.TITLES["splits"], rows)

# %%
# In a picture: the same nets lose from left to right, the more of the test is new, and
# in cells of directions that were held out, training on so few singles is worth next to
# nothing. It takes many more of them, see :doc:`plot_4_train_on_mixtures`, and only the
# right split tells.

shares: dict[str, dict[str, float]] = {}
for row in rows:
    share = float(row["both < 5°"].rstrip("%"))
    shares.setdefault(row["method"], {})[row["split"]] = share
ax = pd.DataFrame(shares).plot.bar(
    figsize=(9, 4.4),
    rot=0,
    width=0.8,
    color=["#999999", "#000000", "#0072B2", "#56B4E9", "#D55E00"],
)
ax.set(ylabel="Test pairs with both directions < 5° (%)", xlabel="", ylim=(0, 105))
ax.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
ax.figure.tight_layout()
plt.show()
