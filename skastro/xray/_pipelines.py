"""Ready classifiers for tidy X-ray catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline as ResamplingPipeline
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
)

from skastro.calibration import CalibratedEnsembleClassifier, MacroF1Classifier
from skastro.neural_network import DenseClassifier
from skastro.sampling import CappedResampler
from skastro.utils._typing import Seed
from skastro.xray._features import xray_features
from skastro.xray._source_pipeline import SourcePipeline


def xray_pipeline(
    columns: pd.DataFrame | Iterable[str],
    preset: str = "recommended",
    *,
    counterparts: bool | None = None,
    missing: str | None = None,
    floor: float | Mapping[str, float] | None = None,
    decision: str = "macro_f1",
    n_jobs: int | None = None,
    random_state: Seed = None,
) -> Pipeline:
    """Make a pipeline that classifies the sources of a tidy catalogue.

    Parameters
    ----------
    columns : DataFrame or iterable of str
        The catalogue that it is for, or the names of its columns, see `xray_features`.
    preset : {"recommended", "study"}, default="recommended"
        "recommended" has the steps "features" (rich, missing values kept) and
        "classifier": boosted trees and dense nets, calibrated on inner folds and
        averaged, with decisions for the largest macro-F1. "study" is that of the
        4XMM-DR13 study: "features" (plain, medians and flags for what is missing),
        "resample" (`CappedResampler`), "power" (Yeo-Johnson), "scale" (to [0, 1]) and
        "classifier" (`DenseClassifier`, two layers of 30).
    counterparts : bool, default=None
        Whether other wavelengths are used. None means yes for "recommended" and no
        for "study", which had X-rays only.
    missing : {"keep", "indicate", "impute", "drop"}, default=None
        See `xray_features`. None is "keep" for "recommended" and "indicate" for
        "study", which cannot take NaN. With "drop" neither learns what was missing.
    floor : float or mapping, default=None
        See `xray_features`.
    decision : {"macro_f1", "argmax"}, default="macro_f1"
        Of "recommended": `MacroF1Classifier`, which finds more of the rare classes,
        or the most probable class, which is right more often. Probabilities are the
        same.
    n_jobs : int or None, default=None
        Trainings of "recommended" that run at once.
    random_state : int, RandomState instance or None, default=None
        Of all steps.

    Returns
    -------
    Pipeline
        Not fitted. "study" is imbalanced-learn's. "recommended" takes a ``source_id``
        that repeats as groups for its inner folds, and ``classifier__groups`` in
        ``fit``, such as `skastro.model_selection.sky_groups`, before that.

    Raises
    ------
    ValueError
        If a parameter is wrong, or no feature can be made of the columns.

    See Also
    --------
    xray_features : The first step.
    skastro.calibration.PriorCorrectedClassifier : For the probabilities of "study",
        which are those of resampled classes.

    Notes
    -----
    The study's early stopping validates on rows that have been resampled, as it did
    there; with `n_iter_no_change` of 60 it ends late enough. Adam's unusual
    coefficients are the study's, too: the defaults do as well and are better
    calibrated, see the results in the documentation.

    Examples
    --------
    >>> from skastro.datasets import make_xray_sources
    >>> from skastro.xray import xray_pipeline
    >>> X, y = make_xray_sources(400, random_state=0, return_X_y=True)
    >>> model = xray_pipeline(X, "study", random_state=0)
    >>> list(model.named_steps)
    ['features', 'resample', 'power', 'scale', 'classifier']
    """
    for name, value, allowed in (
        ("preset", preset, ("recommended", "study")),
        ("decision", decision, ("macro_f1", "argmax")),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")
    if preset == "study":
        if missing == "keep":
            raise ValueError(
                'The study\'s net takes no NaN: missing="keep" is not for it.'
            )
        features = xray_features(
            columns,
            detail="plain",
            counterparts=bool(counterparts),
            missing=missing or "indicate",
            floor=floor,
        )
        return ResamplingPipeline(
            [
                ("features", features),
                ("resample", CappedResampler(random_state=random_state)),
                ("power", PowerTransformer()),
                ("scale", MinMaxScaler()),
                ("classifier", _study_net(random_state)),
            ]
        )
    features = xray_features(
        columns,
        counterparts=counterparts is None or counterparts,
        missing=missing or "keep",
        floor=floor,
    )
    ensemble: Any = CalibratedEnsembleClassifier(
        [("trees", _trees()), ("net", _net())],
        cv=10,
        n_jobs=n_jobs,
        random_state=random_state,
    )
    if decision == "macro_f1":
        ensemble = MacroF1Classifier(ensemble)
    return SourcePipeline([("features", features), ("classifier", ensemble)])


def _study_net(random_state: Seed) -> DenseClassifier:
    return DenseClassifier(
        hidden_layer_sizes=(30, 30),
        activation="relu",
        solver="adam",
        alpha=1e-4,
        learning_rate_init=0.01,
        beta_1=0.15,
        beta_2=0.990,
        epsilon=1e-10,
        early_stopping=True,
        n_iter_no_change=60,
        max_epochs=600,
        random_state=random_state,
    )


def _trees() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=12,
        min_samples_leaf=8,
        l2_regularization=5.0,
        max_features=0.35,
        # Half the time of 255, without a difference in score.
        max_bins=64,
        early_stopping=False,
    )


def _net() -> Pipeline:
    return Pipeline(
        [
            # Normal quantiles suit nets whatever the law of a column, and pass NaN on.
            (
                "quantiles",
                QuantileTransformer(n_quantiles=200, output_distribution="normal"),
            ),
            # Values beyond all known ones would else lie at 5 and dominate.
            ("clip", FunctionTransformer(np.clip, kw_args={"a_min": -3, "a_max": 3})),
            (
                "missing",
                SimpleImputer(
                    strategy="constant",
                    fill_value=0.0,
                    add_indicator=True,
                    keep_empty_features=True,
                ),
            ),
            (
                "dense",
                DenseClassifier(
                    hidden_layer_sizes=(96, 48),
                    dropout=0.2,
                    solver="adamw",
                    alpha=0.0,
                    weight_decay=0.02,
                    learning_rate="one_cycle",
                    learning_rate_init=4e-3,
                    max_epochs=60,
                    batch_size=128,
                    dtype="float32",
                ),
            ),
        ]
    )
