"""Fashion-MNIST: small grey images of ten kinds of clothes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skastro.datasets._idx import read_idx, read_idx_labels
from skastro.utils._fetch import fetch_file

# The repository of the authors at a fixed commit, and the site that its README names.
_COMMIT = "b2617bb6d3ffa2e429640350f613e3291e10b141"
_BASES = (
    f"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/{_COMMIT}/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)
_FOLDER = "fashion_mnist"
_IMAGES = "{}-images-idx3-ubyte.gz"
_LABELS = "{}-labels-idx1-ubyte.gz"
_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}
_N_SAMPLES = {"train": 60_000, "t10k": 10_000}
# "t10k" is what the files call the test set.
_PARTS = {"train": ("train",), "test": ("t10k",), "all": ("train", "t10k")}
_SIZE = 28
_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_DESCR = """Fashion-MNIST

{n} grey images of articles from Zalando ({what}), 28 x 28 pixels of 8 bit; 0 is the
background. The whole set has 60,000 training and 10,000 test images, 6,000 and 1,000
of each of the ten classes:
{classes}.

Source: https://github.com/zalandoresearch/fashion-mnist, data/fashion.
Licence: MIT, Copyright 2017 Zalando SE.
Cite: H. Xiao, K. Rasul, R. Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms", arXiv:1708.07747.
"""


def fetch_fashion_mnist(
    *,
    subset: str = "train",
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    url: str | None = None,
    verbose: int = 0,
) -> Any:
    """Load Fashion-MNIST: 70,000 grey images of clothes in ten classes (31 MB).

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The official 60,000 training images, the official 10,000 test images, or both:
        all training rows first, in their order, and then all test rows. Only the
        files of the subset are needed.
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
        The files have their official names, in ``fashion_mnist``.
    download_if_missing : bool, default=True
        If False, a missing file is an error. A file that is there is never asked for.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch, with flat rows as scikit-learn's
        loaders do; ``data.reshape(-1, 28, 28)`` are the images.
    as_frame : bool, default=False
        Give ``data`` and ``target`` as pandas objects, and both in ``frame``.
    url : str, default=None
        Another folder on the web with the same four files. None takes the official
        ones. The pinned hashes hold for it, too.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : ndarray of uint8 or DataFrame of shape (n, 784), pixels from 0 to
          255, row by row.
        - ``images`` : ndarray of uint8 of shape (n, 28, 28), the memory of `data`
          unless `as_frame`.
        - ``target`` : ndarray of int64 or Series of shape (n,), 0 to 9.
        - ``target_names`` : ndarray of str of shape (10,), names of the classes.
        - ``feature_names`` : list of str, "pixel_0_0" to "pixel_27_27" (row, column).
        - ``frame`` : DataFrame of shape (n, 785) with `as_frame`, else None.
        - ``filenames`` : list of str. ``DESCR`` : str.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded; the message has the address and
        the steps to do by hand.
    ValueError
        If `subset` is unknown, or hash, format, sizes or labels of a file are wrong.

    See Also
    --------
    sklearn.datasets.load_digits : Small images that need no download.

    Notes
    -----
    Source: github.com/zalandoresearch/fashion-mnist at commit b2617bb, folder
    data/fashion. Licence: MIT, Copyright 2017 Zalando SE. The SHA-256 of the four
    files is pinned; their MD5 is the one that the authors publish.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for
    Benchmarking Machine Learning Algorithms", arXiv:1708.07747.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skastro.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (60000, 784)
    >>> with TemporaryDirectory() as empty:
    ...     fetch_fashion_mnist(data_home=empty, download_if_missing=False)
    Traceback (most recent call last):
    OSError: train-images-idx3-ubyte.gz is not in ... and was not downloaded from ...
    """
    if not isinstance(subset, str) or subset not in _PARTS:
        raise ValueError(f"subset must be one of {list(_PARTS)}, got {subset!r}.")
    bases = _BASES if url is None else (url.rstrip("/"),)
    readers: dict[str, Callable[[Path], Any]] = {
        name.format(part): partial(read, part=part)
        for part in _PARTS[subset]
        for name, read in ((_IMAGES, _read_images), (_LABELS, _read_labels))
    }
    # All downloads first: nothing big is in memory while they run.
    paths = [
        fetch_file(
            [f"{base}/{name}" for base in bases],
            f"{_FOLDER}/{name}",
            data_home=data_home,
            known_hash=_SHA256[name],
            validate=read,
            download_if_missing=download_if_missing,
            verbose=verbose,
        )
        for name, read in readers.items()
    ]
    arrays = [read(path) for path, read in zip(paths, readers.values(), strict=True)]
    images = np.concatenate(arrays[::2])
    target: Any = np.concatenate(arrays[1::2])
    data: Any = images.reshape(len(images), -1)
    features = [f"pixel_{i}_{j}" for i in range(_SIZE) for j in range(_SIZE)]
    frame = None
    if as_frame:
        data = pd.DataFrame(data, columns=features)
        target = pd.Series(target, name="target")
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        images=images,
        feature_names=features,
        target_names=np.array(_CLASSES),
        filenames=[str(path) for path in paths],
        DESCR=_DESCR.format(
            n=f"{len(images):,}",
            what="training, then test" if subset == "all" else f"the {subset} set",
            classes=fill(", ".join(f"{i} {c}" for i, c in enumerate(_CLASSES)), 84),
        ),
    )


def _read_images(path: Path, part: str) -> NDArray[np.uint8]:
    """Read the official images of "train" or "t10k"; other sizes are not them."""
    return read_idx(path, (_N_SAMPLES[part], _SIZE, _SIZE))


def _read_labels(path: Path, part: str) -> NDArray[np.int64]:
    """Read one label from 0 to 9 for each image."""
    return read_idx_labels(path, _N_SAMPLES[part], len(_CLASSES))
