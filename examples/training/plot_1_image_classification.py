"""
The image-classification lecture: a dense net on pictures of clothes
====================================================================

A first lecture on neural networks trains flat pixels → 128 ReLU → 10 softmax on
Fashion-MNIST with Keras, five epochs at its defaults, and prints loss and accuracy of
the training. Here is the same with `skastro.neural_network.DenseClassifier`, an
ordinary scikit-learn estimator; the lecture's numbers stand beside ours.
``benchmarks/fashion.py`` does it for five seeds.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _fashion as fashion

from skastro.model_selection import OverfittingDisplay

data = fashion.load_images()

# %%
# The images
# ----------
# The first five training images of each class.

figure, axes = plt.subplots(5, 10, figsize=(10, 5.2), layout="constrained")
for code, name in enumerate(data.names):
    axes[0, code].set_title(f"{code}: {name}", fontsize=8)
    first = np.flatnonzero(data.y_train == code)[:5]
    for ax, i in zip(axes[:, code], first, strict=True):
        ax.imshow(data.X_train[i].reshape(data.shape), cmap="gray_r", vmin=0, vmax=1)
        ax.set_axis_off()

# %%
# Five epochs at batch 32
# -----------------------
# What the lecture prints are *running means*: they are collected over an epoch while
# the weights change, and lag behind the accuracy that the net has at its end, most of
# all in the first epoch. The last two columns are evaluated at the end of an epoch; the
# lecture shows no test value.

net = fashion.lecture_net(callbacks=[fashion.RunningAccuracy()])
table = fashion.train_by_epoch(net, data, n_epochs=5)
if data.real:
    for name in ("accuracy", "loss"):
        where = table.columns.get_loc(name) + 1
        table.insert(where, f"lecture's {name}", fashion.LECTURE[name])
print(f"\n{len(data.y_train)} training images\n{table.round(4).to_string()}")
accuracy = net.score(data.X_test, data.y_test)
print(f"\nTest accuracy after five epochs: {accuracy:.4f}")

# %%
# What it predicts
# ----------------
# The first ten test images, and the five mistakes that the net is surest of. A caption
# gives the predicted class, how sure the net is, and the true class in brackets; the
# bar of the predicted class is blue if that is right, else red, with the true one blue.

probability = net.predict_proba(data.X_test)
predicted = probability.argmax(axis=1)
surest = np.where(predicted == data.y_test, 0, probability.max(axis=1)).argsort()
shown = [*range(10), *surest[::-1][:5]]

figure, axes = plt.subplots(3, 10, figsize=(13, 5.3), layout="constrained")
axes[0, 1].set_title("probabilities of the classes", fontsize=9)
axes[2, 0].set_title("surest mistakes", fontsize=9)
for i, picture, bars in zip(shown, axes[:, ::2].flat, axes[:, 1::2].flat, strict=True):
    true, guess = data.y_test[i], predicted[i]
    colour = "#0072B2" if guess == true else "#C0392B"
    picture.imshow(data.X_test[i].reshape(data.shape), cmap="gray_r", vmin=0, vmax=1)
    picture.set(xticks=[], yticks=[])
    picture.set_xlabel(
        f"{data.names[guess]} {probability[i, guess]:.0%}\n({data.names[true]})",
        color=colour,
        fontsize=9,
    )
    colours = np.full(10, "#999999", dtype=object)
    colours[guess], colours[true] = "#C0392B", "#0072B2"
    bars.bar(range(10), probability[i], color=colours)
    bars.set(ylim=(0, 1), yticks=[], xticks=range(10))
    bars.tick_params(labelsize=7, length=2)
    bars.set_box_aspect(1)

# %%
# Does it over-fit?
# -----------------
# The lecture reads that from a curve of training and validation. So a tenth of the
# training images is kept for validation, and the training goes on for longer. One run
# shows no error of its own, so the display refuses a verdict: the next page repeats.

n = fashion.scale.watched_images
X, y = data.X_train[:n], data.y_train[:n]
X_fit, X_val, y_fit, y_val = train_test_split(
    X, y, test_size=0.1, stratify=y, random_state=0
)
watched = fashion.lecture_net(max_epochs=fashion.scale.watched_epochs)
watched.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
display = OverfittingDisplay.from_estimator(watched).plot()
print(display.sentence)
plt.show()
