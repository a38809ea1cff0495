"""What the galaxy examples share: the data, the protocol of the studies, the tables.

`skastro.model_selection.repeated_holdout` runs the studies: splits of 7 : 3 (the
thesis's), stratified. Numbers of epochs are fixed in advance, except where an example
says that it shows how they may be chosen. The same seed gives the same splits whatever
the net, so that nets are compared split by split.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from imblearn import FunctionSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import BaseCrossValidator, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skastro.datasets import load_galaxy_zoo1_cutouts, make_galaxies
from skastro.galaxy import (
    CutoutNormalizer,
    GalaxyCNNClassifier,
    ResolutionDegrader,
)
from skastro.model_selection import RepeatedHoldoutResult as Result
from skastro.model_selection import compare, repeated_holdout
from skastro.neural_network import NetEmbedder

# The one constant: "quick" takes minutes, "table" made the tables of the
# documentation, "thesis" is 30 runs of up to 900 epochs ("glance" is for the build of
# the documentation, whose figures say nothing but how they look).
SCALE = os.environ.get("SKASTRO_SCALE", "quick")


class Scale(NamedTuple):
    """How much is computed."""

    n_repeats: int
    thesis_epochs: int
    compact_epochs: int
    curve_epochs: int


SCALES = {
    "glance": Scale(2, 3, 8, 4),
    "quick": Scale(3, 15, 25, 20),
    "table": Scale(10, 30, 60, 60),
    "thesis": Scale(30, 900, 900, 900),
}
scale = SCALES[SCALE]

# Of the thesis: mean test accuracy, and of a second set of runs TSS and recalls.
THESIS = {
    "three classes": {"accuracy": 0.688},
    "two classes": {"accuracy": 0.931, "TSS": 0.791, "spiral": 0.948, "ell.": 0.842},
    "two, balanced": {"accuracy": 0.922, "TSS": 0.828, "spiral": 0.919, "ell.": 0.909},
}
TWO = ("elliptical", "spiral")
THREE = ("elliptical", "spiral", "uncertain")


def load_galaxies(n_simulated: int = 1200) -> Bunch:
    """Load the real cut-outs where they are at hand, else simulate, and say which."""
    here = Path(__file__).resolve().parents[2] if "__file__" in globals() else Path()
    home = os.environ.get("SKASTRO_DATA") or here / "data"
    try:
        data = load_galaxy_zoo1_cutouts(data_home=home)
    except OSError:
        data = make_galaxies(n_simulated, output="uint8", random_state=0)
        data.source = (
            f"{n_simulated} SIMULATED galaxies (make_galaxies). `make data` fetches "
            "real ones; SKASTRO_DATA names the folder where they are."
        )
    else:
        data.source = (
            f"{int((data.flag != '').sum())} real SDSS galaxies with a Galaxy Zoo 1 "
            "flag."
        )
    print(f"Data: {data.source}")
    return data


def pixels(images: np.ndarray) -> np.ndarray:
    """Scale display images to 0..1; nothing is learnt from them."""
    return CutoutNormalizer(pixels="display").fit_transform(images)


# Epochs fixed in advance, and two repeats at a time. `workers` makes them threads:
# torch lets go of Python's lock, and threads need no start-up.
FIXED_EPOCHS: dict[str, Any] = {
    "validation_size": None,
    "select": "last",
    "record": "final",
    "scoring": ["accuracy", "balanced_accuracy", "tss"],
    "engine": "processes",
    "random_state": 0,
    "verbose": 0,
}


def workers() -> Any:
    """Run two repeats at a time, as threads."""
    return joblib.parallel_config(backend="threading", n_jobs=2)


def study_of(net: Any, X: np.ndarray, y: np.ndarray, **options: Any) -> Result:
    """Run a study with epochs that are fixed in advance."""
    with workers():
        return repeated_holdout(net, X, y, **{**FIXED_EPOCHS, **options})


def mean_ste(values: np.ndarray) -> str:
    """Write mean ± standard error of the repeats, which is too small an error."""
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{values.mean():.3f} ± {error:.3f}"


def recalls(result: Result, label: str) -> np.ndarray:
    """Give the share of a class that is found, one number a repeat."""
    counts = result.confusion_matrices()
    i = list(result.classes).index(label)
    return counts[:, i, i] / counts[:, i].sum(axis=1)


def degraders(
    factors: Sequence[int], enlarge: Sequence[str] = ("bilinear",)
) -> dict[str, ResolutionDegrader]:
    """Make the blurred variants of a test set, named "1/4 bilinear" and so on."""
    return {
        f"1/{k} {method}": ResolutionDegrader(factor=k, enlarge=method)
        for method in enlarge
        for k in factors
    }


def recovery(better: Result, plain: Result, factors: Sequence[int]) -> dict[str, str]:
    """What one arm gains on another, paired by split, ± corrected standard error."""
    row = {}
    for k in (1, *factors):
        variant = "original" if k == 1 else f"1/{k} bilinear"
        test = compare(better, plain, variant=variant)
        name = "sharp" if k == 1 else f"1/{k}"
        row[name] = f"{test.mean:+.3f} ± {test.standard_error:.3f} ({test.verdict})"
    return row


def reach(result: Result, factors: Sequence[int], method: str = "bilinear") -> dict:
    """Give mean accuracy at each factor and the share of repeats that reach 0.9."""
    row = {}
    for k in (1, *factors):
        variant = "original" if k == 1 else f"1/{k} {method}"
        values = result.values("accuracy", variant=variant)
        name = "sharp" if k == 1 else f"1/{k}"
        row[name] = f"{values.mean():.3f} ({(values >= 0.9).mean():.0%})"
    return row


def add_blurred_copies(X: np.ndarray, y: np.ndarray) -> tuple:
    """Add copies of the training images at 1/4 and 1/8, for a `FunctionSampler`."""
    blurred = [ResolutionDegrader(factor=k).fit_transform(X) for k in (4, 8)]
    return np.concatenate([X, *blurred]), np.tile(y, 3)


class CopiesKFold(BaseCrossValidator):
    """Stratified folds that keep the three copies of a galaxy together."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return 5

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple]:
        n = len(y) // 3
        for train, test in StratifiedKFold(5).split(np.zeros(n), y[:n]):
            yield tuple(np.concatenate([i, i + n, i + 2 * n]) for i in (train, test))


def vote_net(augment: str, **parameters: Any) -> GalaxyCNNClassifier:
    """Make the net that learns from votes."""
    settings = {"max_epochs": 30, "average_symmetries": True, **parameters}
    return GalaxyCNNClassifier(
        augment=augment,
        batch_size=64,
        learning_rate_init=4e-3,
        random_state=0,
        **settings,
    )


def logistic(cv: Any = 5) -> Any:
    """Make a logistic regression whose strength is chosen on training data."""
    return make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=np.logspace(-4, 0, 9),
            cv=cv,
            scoring="neg_log_loss",
            max_iter=3000,
            l1_ratios=(0,),
            use_legacy_attributes=False,
        ),
    )


def transfer_models(
    sharp: GalaxyCNNClassifier, degraded: GalaxyCNNClassifier, epochs: int = 20
) -> dict[str, Any]:
    """Make the models that serve flags with nets of votes."""
    return {
        "sharp, frozen": make_pipeline(NetEmbedder(sharp), logistic()),
        "degraded, frozen": make_pipeline(NetEmbedder(degraded), logistic()),
        "degraded, frozen, blurred copies": make_resampling_pipeline(
            FunctionSampler(func=add_blurred_copies, validate=False),
            NetEmbedder(degraded),
            logistic(CopiesKFold()),
        ),
        "degraded, fine-tuned": GalaxyCNNClassifier(
            augment="resolution",
            init_from=FrozenEstimator(degraded),
            max_epochs=epochs,
            learning_rate_init=1.5e-3,
            average_symmetries=degraded.average_symmetries,
            random_state=0,
        ),
    }


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table and give it back."""
    table = pd.DataFrame(rows).fillna("")
    print(f"\n{title}\n{table.to_string(index=False)}")
    return table
