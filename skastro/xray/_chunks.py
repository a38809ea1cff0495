"""Class probabilities of a catalogue that does not fit in memory."""

from __future__ import annotations

import gzip
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skastro.utils._atomic import replacing
from skastro.utils._progress import progress_bar
from skastro.xray._catalogue import check_chunksize

_PREDICTED = "predicted"


@overload
def classify_catalogue(
    estimator: Any,
    chunks: pd.DataFrame | Iterable[pd.DataFrame],
    *,
    keep: Sequence[str] = ...,
    features: Sequence[str] | None = ...,
    chunksize: int = ...,
    output: None = ...,
    verbose: int = ...,
) -> Iterator[pd.DataFrame]: ...
@overload
def classify_catalogue(
    estimator: Any,
    chunks: pd.DataFrame | Iterable[pd.DataFrame],
    *,
    keep: Sequence[str] = ...,
    features: Sequence[str] | None = ...,
    chunksize: int = ...,
    output: str | os.PathLike[str],
    verbose: int = ...,
) -> pd.Series: ...
def classify_catalogue(
    estimator: Any,
    chunks: pd.DataFrame | Iterable[pd.DataFrame],
    *,
    keep: Sequence[str] = ("source_id", "ra", "dec"),
    features: Sequence[str] | None = None,
    chunksize: int = 50_000,
    output: str | os.PathLike[str] | None = None,
    verbose: int = 0,
) -> Iterator[pd.DataFrame] | pd.Series:
    """Classify a catalogue chunk by chunk, in memory that does not grow with it.

    Parameters
    ----------
    estimator : classifier
        Fitted, with ``predict_proba``, ``predict`` and ``classes_``.
    chunks : DataFrame or iterable of DataFrame
        The catalogue, such as ``read_4xmm(path, chunksize=50_000)``. A single frame is
        cut into chunks.
    keep : sequence of str, default=("source_id", "ra", "dec")
        Columns that go along to the result.
    features : sequence of str, default=None
        Columns that `estimator` gets, in this order. None gives it those that it was
        fitted with, or the whole chunk if it does not know them.
    chunksize : int, default=50_000
        Rows at a time if `chunks` is a single frame.
    output : path-like, default=None
        CSV file for the result; compressed if its name ends with ``.gz``. It appears
        when all is done, or not at all; a file of that name is replaced.
    verbose : int, default=0
        1 shows a progress bar that counts rows.

    Returns
    -------
    iterator of DataFrame, or Series
        One frame for each chunk, with its index: the kept columns, ``predicted`` (what
        ``estimator.predict`` says, which need not be the most probable class) and
        ``p_<class>`` for each class. With `output`, the number of rows predicted of
        each class.

    Raises
    ------
    ValueError
        If columns are missing or clash, there are no rows, or a probability is not
        finite.
    sklearn.exceptions.NotFittedError
        If `estimator` is not fitted.
    OSError
        If `output` cannot be written; an old file is then left alone.

    See Also
    --------
    read_4xmm : Reads a catalogue in chunks.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> import pandas as pd
    >>> from skastro.xray import classify_catalogue
    >>> table = pd.DataFrame({"source_id": [1, 2, 3], "hr1_rate": [-0.5, 0.2, 0.9]})
    >>> star = LogisticRegression().fit(table[["hr1_rate"]], ["STAR", "AGN", "AGN"])
    >>> for part in classify_catalogue(star, table, keep=["source_id"], chunksize=2):
    ...     print(len(part), list(part.columns))
    2 ['source_id', 'predicted', 'p_AGN', 'p_STAR']
    1 ['source_id', 'predicted', 'p_AGN', 'p_STAR']
    """
    check_is_fitted(estimator)
    for method in ("predict", "predict_proba"):
        if not hasattr(estimator, method):
            raise TypeError(f"{type(estimator).__name__} has no {method}.")
    keep = [keep] if isinstance(keep, str) else list(keep)
    added = [_PREDICTED, *(f"p_{name}" for name in estimator.classes_)]
    if clash := [name for name in added if keep.count(name) or added.count(name) > 1]:
        raise ValueError(f"columns of the result would have the same name: {clash}.")
    if isinstance(chunks, pd.DataFrame):
        chunks = _cut(chunks, check_chunksize(chunksize))
    results = _classify(estimator, chunks, keep, features, added, verbose)
    return results if output is None else _write(results, Path(output))


def _cut(frame: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def _classify(
    estimator: Any,
    chunks: Iterable[pd.DataFrame],
    keep: list[str],
    features: Sequence[str] | None,
    added: list[str],
    verbose: int,
) -> Iterator[pd.DataFrame]:
    """Yield the result of each chunk."""
    n_rows = 0
    with progress_bar(desc="classified", unit="row", verbose=verbose) as bar:
        for chunk in chunks:
            if not isinstance(chunk, pd.DataFrame):
                raise TypeError(
                    f"chunks must yield DataFrames, got {type(chunk).__name__}."
                )
            if chunk.empty:
                continue
            result = _one_chunk(estimator, chunk, keep, features, added)
            n_rows += len(chunk)
            bar.update(len(chunk))
            # Nothing of the chunk stays while the next one is read.
            del chunk
            yield result
            del result
    if n_rows == 0:
        raise ValueError("chunks has no rows.")


def _one_chunk(
    estimator: Any,
    chunk: pd.DataFrame,
    keep: list[str],
    features: Sequence[str] | None,
    added: list[str],
) -> pd.DataFrame:
    wanted = [*keep, *(features or ())]
    if missing := [name for name in wanted if name not in chunk]:
        raise ValueError(
            f"the catalogue lacks the columns {missing}; it has {list(chunk.columns)}."
        )
    known = getattr(estimator, "feature_names_in_", None)
    X: Any
    if features is not None:
        X = chunk[list(features)]
        # An estimator that was fitted on an array warns about names.
        X = X.to_numpy(dtype=np.float64, na_value=np.nan) if known is None else X
    elif known is not None:
        # A column transformer names all columns it saw and needs only some of them;
        # whoever lacks one names it.
        X = chunk[[name for name in known if name in chunk]]
    else:
        X = chunk
    probability = np.asarray(estimator.predict_proba(X))
    # Classifiers of skastro.calibration decide by what is already there.
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    decide = getattr(last, "decide", None)
    predicted = np.asarray(
        estimator.predict(X) if decide is None else decide(probability)
    )
    if probability.shape != (len(chunk), len(added) - 1) or len(predicted) != len(
        chunk
    ):
        raise ValueError(
            f"{type(estimator).__name__} gives probabilities of shape "
            f"{probability.shape} for {len(chunk)} rows and {len(added) - 1} classes."
        )
    finite = np.isfinite(probability).all(axis=1)
    if not finite.all():
        row = chunk.index[int(np.argmin(finite))]
        raise ValueError(f"row {row}: a probability is not finite.")
    result = chunk[keep].copy()
    result[_PREDICTED] = predicted
    for name, column in zip(added[1:], probability.T, strict=True):
        result[name] = column
    return result


def _write(results: Iterator[pd.DataFrame], path: Path) -> pd.Series:
    """Write all results beside the file, then put them in its place."""
    counts: Counter[Any] = Counter()
    with replacing(path) as work, ExitStack() as stack:
        raw: Any = stack.enter_context(work.open("xb"))
        if path.suffix == ".gz":
            # Neither the hidden name nor the time goes in: same rows, same bytes.
            packed = gzip.GzipFile(path.stem, "wb", fileobj=raw, mtime=0)
            raw = stack.enter_context(packed)
        file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        stack.enter_context(file)
        for number, result in enumerate(results):
            result.to_csv(file, index=False, header=number == 0)
            counts.update(result[_PREDICTED].tolist())
    return pd.Series(dict(counts.most_common()), name="n_rows", dtype=np.int64)
