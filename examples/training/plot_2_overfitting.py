"""
When does a net over-fit, and what helps?
=========================================

The lecture draws training (solid) and validation (dotted) for three nets of two hidden
layers, of 4, 16 and 512 units each, and reads from one run of each: more units, more
over-fitting. Here every net is trained several times on small splits of the training
images, and `skastro.model_selection.diagnose_overfitting` judges the validation curves
with their error; where they do not tell, it says so. Then three remedies are tried
on all three nets: dropout, a penalty on the weights, and augmentation. Their settings
are common ones, fixed in advance.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _fashion as fashion

from skastro.model_selection import EpochCurveDisplay, OverfittingDisplay

data = fashion.load_images()
n_pool = len(data.y_train)

# %%
# How strong is an L2 penalty?
# ----------------------------
# Keras' ``l2(strength)`` adds strength · ||W||² to the mean loss of a batch;
# scikit-learn's ``alpha``, which this package follows, adds 0.5 · alpha · ||W||² / n
# for a batch of n. The two are the same for alpha = 2 · strength · n. One step of plain
# gradient descent shows it: the penalty must move the weights W by
# -learning rate · 2 · strength · W.

n, rate = fashion.BATCH_SIZE, 0.1
alpha = fashion.keras_l2(fashion.KERAS_L2, n)
step = {"solver": "sgd", "momentum": 0.0, "max_epochs": 1, "learning_rate_init": rate}


def first_weights(**settings):
    net = fashion.lecture_net(**{**step, **settings})
    return net.fit(data.X_train[:n], data.y_train[:n]).module_.head.weight.detach()


initial = first_weights(learning_rate_init=1e-30)
moved = first_weights(alpha=alpha) - first_weights()
ratio = float((moved * initial).sum() / (initial**2).sum())
print(
    f"alpha = {alpha:g}: the step by the penalty is {ratio:.3g} W, and that of "
    f"l2({fashion.KERAS_L2:g}) in Keras is {-rate * 2 * fashion.KERAS_L2:.3g} W"
)

# %%
# Three nets
# ----------
# Each repeat draws its own rows for training, validation and test from the training
# images. Bands are the standard deviation of one run. The line across marks the epoch
# that validation chooses, at the median of the repeats.

studies = {
    (size, remedy): fashion.overfitting_study(
        fashion.study_net(size, remedy, data.shape), data
    )
    for size in fashion.SIZES
    for remedy in fashion.REMEDIES
}
names = {size: f"{size} {units[0]}-{units[1]}" for size, units in fashion.SIZES.items()}
plain = {names[size]: studies[size, "none"] for size in fashion.SIZES}
first = next(iter(plain.values()))
print(
    f"{first.n_repeats} repeats: {first.n_train[0]} training, {first.n_validation[0]} "
    f"validation and {first.n_test[0]} test images"
)
curves = EpochCurveDisplay.from_results(plain, metric=["loss", "accuracy"]).plot()

# %%
# The verdicts
# ------------
# "effect" is what decides: the relative rise of the validation loss to the end of the
# training, the drop of the accuracy, or what the last tenth of the training improved,
# with one-sided bounds at 95 %. The test accuracy is read at the epoch that validation
# chose; its standard error is that of the repeats.

rows = [
    {"net": names[size], "remedy": remedy, **fashion.verdict_row(study, n_pool)}
    for (size, remedy), study in studies.items()
]
table = fashion.show_table("Verdicts on over-fitting", rows)

# %%
# One net with its verdict
# ------------------------

study = studies["baseline", "none"]
diagnosis = fashion.diagnose(study, n_pool)
print(diagnosis)
display = OverfittingDisplay.from_result(study, diagnosis=diagnosis).plot()

# %%
# What the remedies do
# --------------------
# Dropout of one half starves a net of sixteen units, which then under-fits; the big net
# has units to spare. Augmentation makes each epoch's images new ones.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), sharey=True, layout="constrained")
colours = ("#000000", "#0072B2", "#009E73", "#D55E00")
for ax, size in zip(axes, fashion.SIZES, strict=True):
    for remedy, colour in zip(fashion.REMEDIES, colours, strict=True):
        study = studies[size, remedy]
        for split, style in (("train", "-"), ("validation", ":")):
            loss = study.curve("loss", split=split).mean(axis=0)
            label = remedy if split == "train" else None
            ax.plot(study.epochs, loss, style, color=colour, label=label)
    ax.set(title=names[size], xlabel="Epoch")
    ax.grid(color="0.9")
axes[0].set(ylabel="Loss: train solid, validation dotted", ylim=(0, 2))
axes[0].legend(fontsize=8)
plt.show()
