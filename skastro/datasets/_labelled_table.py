"""Bunches of labelled catalogue tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skastro.xray._catalogue import feature_names


def labelled_bunch(
    frame: pd.DataFrame, return_X_y: bool, as_frame: bool, **more: Any
) -> Any:
    """Split a tidy frame into features and classes.

    Parameters
    ----------
    frame : DataFrame
        With a column ``label``.
    return_X_y : bool
        Whether to give only features and classes.
    as_frame : bool
        Whether classes are a Series.
    **more : dict
        Further entries of the Bunch.

    Returns
    -------
    Bunch or (data, target)
        What the loaders document.
    """
    features = feature_names(frame.columns)
    data = frame[features].copy()
    # The units are of columns that are there, in any case.
    data.attrs = dict(frame.attrs)
    # Not the array type of pandas: y[:, None] must work.
    target: Any = np.asarray(frame["label"], dtype=object)
    names = np.unique(target.astype(str))
    if as_frame:
        target = pd.Series(target, index=frame.index, name="label", dtype=object)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=features,
        target_names=names,
        **more,
    )
