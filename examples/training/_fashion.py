"""What the training examples share: the images, the lecture's net, the small study.

The lecture is one on image classification with Keras. Its net is flat pixels, 128
ReLU, 10 softmax; its second part compares three nets of two hidden layers, which
over-fit the more the bigger they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch
from skorch.callbacks import Callback

from skastro.datasets import fetch_fashion_mnist
from skastro.model_selection import (
    OverfittingDiagnosis,
    RepeatedHoldoutResult,
    diagnose_overfitting,
    repeated_holdout,
)
from skastro.neural_network import DenseClassifier
from skastro.neural_network.augmentation import RandomAffine

# The one constant: "quick" takes a minute an example, "table" made the tables of the
# documentation, "glance" is for the build of the documentation, whose figures say
# nothing but how they look.
SCALE = os.environ.get("SKASTRO_SCALE", "quick")


class Scale(NamedTuple):
    """How much is computed."""

    watched_images: int
    watched_epochs: int
    n_repeats: int
    n_train: int
    n_validation: int
    n_test: int
    epochs: int
    bigger_epochs: int
    n_jobs: int


SCALES = {
    "glance": Scale(10_000, 6, 3, 500, 300, 500, 10, 6, 1),
    "quick": Scale(60_000, 12, 4, 1000, 500, 500, 60, 15, 2),
    "table": Scale(60_000, 20, 10, 2000, 1000, 5000, 60, 30, 2),
}
# The galaxy examples have a larger one.
scale = SCALES["table" if SCALE == "thesis" else SCALE]

# Of the lecture: means over an epoch while the weights change, as Keras prints them.
LECTURE = {
    "loss": (0.5026, 0.3774, 0.3413, 0.3162, 0.2960),
    "accuracy": (0.8225, 0.8638, 0.8754, 0.8845, 0.8907),
}
BATCH_SIZE = 32

DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)

SIZES = {"smaller": (4, 4), "baseline": (16, 16), "bigger": (512, 512)}
REMEDIES = ("none", "dropout 0.5", "L2 0.001", "augmentation")
KERAS_L2 = 0.001


def keras_l2(strength: float, batch_size: int) -> float:
    """Give the `alpha` that penalises weights as ``keras.regularizers.l2`` does.

    Keras adds strength ||W||² to the mean loss of a batch; here, as in scikit-learn,
    it is 0.5 alpha ||W||² / n with n samples in the batch. A last, smaller batch is
    penalised more than Keras does.
    """
    return 2.0 * strength * batch_size


def load_images() -> Bunch:
    """Load Fashion-MNIST where it is at hand, else scikit-learn's digits; say which.

    Pixels are flat and scaled to 0..1; nothing is learnt from them.
    """
    here = Path(__file__).resolve().parents[2] if "__file__" in globals() else Path()
    home = os.environ.get("SKASTRO_DATA") or here / "data"
    options = {"data_home": home, "download_if_missing": False}
    try:
        train = fetch_fashion_mnist(subset="train", **options)
        test = fetch_fashion_mnist(subset="test", **options)
    except OSError:
        digits = load_digits()
        parts = train_test_split(
            digits.data.astype(np.float32) / 16,
            digits.target,
            test_size=500,
            stratify=digits.target,
            random_state=0,
        )
        data = Bunch(real=False, shape=(8, 8), names=np.array(DIGITS))
        data.source = (
            "scikit-learn's DIGITS (1,797 of 8x8), for want of Fashion-MNIST: "
            "`make data` fetches it; SKASTRO_DATA names the folder where it is."
        )
    else:
        scaled = [part.data / np.float32(255) for part in (train, test)]
        parts = [*scaled, train.target, test.target]
        data = Bunch(real=True, shape=(28, 28), names=train.target_names)
        data.source = "Fashion-MNIST, 60,000 training and 10,000 test images of 28x28."
    data.X_train, data.X_test, data.y_train, data.y_test = parts
    print(f"Data: {data.source}")
    return data


class RunningAccuracy(Callback):
    """Record the mean training accuracy of an epoch while the weights change.

    That is what Keras prints. It lags behind the accuracy at the end of the epoch, and
    is not to be compared with one on validation images.
    """

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self.hits, self.seen = 0, 0

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        if training:
            _, y = batch
            self.hits += int((kwargs["y_pred"].argmax(dim=1) == y).sum())
            self.seen += len(y)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        net.history.record("train_accuracy", self.hits / self.seen)


def lecture_net(**parameters: Any) -> DenseClassifier:
    """Make the lecture's net, with Keras' defaults for what it does not say."""
    settings = {
        "hidden_layer_sizes": (128,),
        "alpha": 0.0,
        "batch_size": BATCH_SIZE,
        "learning_rate_init": 1e-3,
        "epsilon": 1e-7,
        "random_state": 0,
    }
    return DenseClassifier(**{**settings, **parameters})


def train_by_epoch(net: DenseClassifier, data: Bunch, n_epochs: int) -> pd.DataFrame:
    """Train and give, for each epoch, running values and those at its end.

    No choice is made from the test values: the number of epochs is the lecture's.
    """
    rows = []
    for epoch in range(1, n_epochs + 1):
        net.partial_fit(data.X_train, data.y_train)
        last = net.net_.history[-1]
        rows.append(
            {
                "epoch": epoch,
                "loss": last["train_loss"],
                "accuracy": last["train_accuracy"],
                "train accuracy at the end": net.score(data.X_train, data.y_train),
                "test accuracy at the end": net.score(data.X_test, data.y_test),
            }
        )
    return pd.DataFrame(rows).set_index("epoch")


def study_net(size: str, remedy: str, shape: tuple[int, int]) -> DenseClassifier:
    """Make one of the nets of the over-fitting study; all settings are fixed."""
    if remedy not in REMEDIES:
        raise ValueError(f"remedy must be one of {REMEDIES}, got {remedy!r}.")
    net = lecture_net(
        hidden_layer_sizes=SIZES[size],
        max_epochs=scale.bigger_epochs if size == "bigger" else scale.epochs,
        image_shape=shape,
    )
    if remedy == "dropout 0.5":
        net.set_params(dropout=0.5)
    elif remedy == "L2 0.001":
        net.set_params(alpha=keras_l2(KERAS_L2, BATCH_SIZE))
    elif remedy == "augmentation":
        # Two pixels of 28; clothes and digits have a top, so no quarter turns.
        affine = RandomAffine(rotation=10, shift=shape[0] / 14, zoom=0.1)
        net.set_params(augment=affine)
    return net


def overfitting_study(
    net: DenseClassifier, data: Bunch, n_repeats: int | None = None
) -> RepeatedHoldoutResult:
    """Train and score a net on splits of the training images.

    The official test images stay out: the test part of each repeat is drawn from the
    training images too.
    """
    sizes = (scale.n_train, scale.n_validation, scale.n_test)
    # The digits are few.
    share = min(1.0, len(data.y_train) / sum(sizes))
    n_train, n_validation, n_test = (int(share * size) for size in sizes)
    return repeated_holdout(
        net,
        data.X_train,
        data.y_train,
        n_repeats=n_repeats or scale.n_repeats,
        train_size=n_train + n_validation,
        validation_size=n_validation,
        test_size=n_test,
        scoring="accuracy",
        n_jobs=scale.n_jobs,
        random_state=0,
        verbose=0,
    )


def diagnose(result: RepeatedHoldoutResult, n_pool: int) -> OverfittingDiagnosis:
    """Judge a study whose repeats use a small part of one pool.

    Two repeats are correlated by the rows that they share. The default, half of Nadeau
    and Bengio's value, is for repeats of the whole pool; of 60,000 images another
    repeat has a twentieth of these 3,000 again, and that share is taken here.
    """
    used, held = result.n_train[0] + result.n_validation[0], result.n_validation[0]
    return diagnose_overfitting(
        result, correlation=float(min(used / n_pool, held / used))
    )


def verdict_row(result: RepeatedHoldoutResult, n_pool: int) -> dict[str, Any]:
    """Sum a study up in one row."""
    found = diagnose(result, n_pool)
    loss = result.curve("loss", split="validation").mean(axis=0)
    low, high = found.confidence_interval
    sizes = {"train": "train", "validation": "val."}
    row: dict[str, Any] = {
        f"{label} accuracy, end": f"{result.curve(split=split)[:, -1].mean():.3f}"
        for split, label in sizes.items()
    }
    row["val. loss, least → end"] = f"{loss.min():.3f} → {loss[-1]:.3f}"
    row["verdict"] = found.verdict
    row["effect"] = (
        f"{found.effect} {found.effect_size:+.3f} [{low:+.3f}, {high:+.3f}]"
        if found.effect != "none"
        else ""
    )
    row["p"] = f"{found.p_value:.2g}" if np.isfinite(found.p_value) else ""
    row["stop at"] = f"{found.stop_epoch} of {found.n_epochs}"
    row["test accuracy"] = mean_and_ste(result.values(select="validation"))
    return row


def mean_and_ste(values: np.ndarray) -> str:
    """Write mean ± standard error of the runs."""
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{values.mean():.3f} ± {error:.3f}"


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table and give it back."""
    table = pd.DataFrame(rows).fillna("")
    print(f"\n{title}\n{table.to_string(index=False)}")
    return table
