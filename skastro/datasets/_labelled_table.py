"""Bunches of labelled catalogue tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skastro.xray._catalogue import feature_names


def labelled_bunch(
    frame: pd.DataFrame, path: Path, descr: str, return_X_y: bool, as_frame: bool
) -> Any:
    """Split a tidy frame into data and classes.

    Parameters
    ----------
    frame : DataFrame
        With a column ``label``.
    path : Path
        Its file.
    descr : str
        Description.
    return_X_y : bool
        Whether to give only data and classes.
    as_frame : bool
        Whether classes are a Series.

    Returns
    -------
    Bunch or (data, target)
        What the fetchers document.
    """
    data = frame.drop(columns="label")
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
        feature_names=feature_names(data.columns),
        target_names=names,
        filename=str(path),
        DESCR=descr,
    )
