"""Files of Galaxy Zoo 1 cut-outs with their labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skastro.galaxy._galaxy_zoo_parse import FLAGS
from skastro.utils._fetch import get_data_home
from skastro.utils._npz import read_npz

# The first of these that is there is loaded.
CUTOUT_FILES = (
    "galaxy_zoo1/sdss_gz1_cutouts_64.npz",
    "galaxy_zoo1/sdss_jpeg_cutouts_64.npz",
)
_VOTES = ("E", "CW", "ACW", "EDGE", "DK", "MG")

_CUTOUT_DESCR = """Cut-outs of Galaxy Zoo 1 galaxies

{n} images of SDSS galaxies, green channel (the r band) of colour JPEGs, 8 bit,
arcsinh-stretched: neither linear flux nor calibrated. Pixel scale: {scale}.
Flags: {counts}.
File: {path}

Cite: SDSS (York et al. 2000, AJ 120, 1579); Lintott et al. 2008, MNRAS 389, 1179;
Lintott et al. 2011, MNRAS 410, 166.
"""


def load_galaxy_zoo1_cutouts(
    path: str | os.PathLike[str] | None = None,
    *,
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
) -> Any:
    """Load a file of Galaxy Zoo 1 cut-outs (``.npz``).

    Parameters
    ----------
    path : path-like, default=None
        The file. None looks in the data folder for ``sdss_gz1_cutouts_64.npz`` (crops
        that are scaled per galaxy), then for ``sdss_jpeg_cutouts_64.npz`` (what
        `fetch_galaxy_zoo1_cutouts` made last), in ``galaxy_zoo1``.
    data_home : path-like, default=None
        Folder of downloads, if `path` is None.
    return_X_y : bool, default=False
        Return ``(images, target)`` of the **flagged** galaxies only.

    Returns
    -------
    Bunch or (images, target)
        - ``images`` : ndarray of uint8 of shape (n, h, w).
        - ``objid`` : ndarray of int64 of shape (n,), unique.
        - ``ra``, ``dec`` : ndarray of float64, degrees; NaN where unknown.
        - ``majority_vote`` : ndarray of str, E, CW, ACW, EDGE, DK or MG. The vote
          with the largest share is not the flag: most of "E" are uncertain.
        - ``flag``, ``target`` : ndarray of str, "spiral", "elliptical", "uncertain",
          or "" where the flag is unknown.
        - ``scale_arcsec`` : float, arcsec per pixel; NaN if it differs by galaxy.
        - ``filename``, ``DESCR`` : str.

    Raises
    ------
    FileNotFoundError
        If there is no such file, with the ways to get one.
    ValueError
        If the file is truncated or something else; the message names it.

    Notes
    -----
    Nothing is unpickled: a file cannot run code.

    References
    ----------
    Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.

    Examples
    --------
    >>> from skastro.datasets import load_galaxy_zoo1_cutouts
    >>> X, y = load_galaxy_zoo1_cutouts(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (725, 64, 64)
    """
    found = _find_cutouts(data_home) if path is None else Path(path)
    if not found.is_file():
        raise FileNotFoundError(f"Cut-out file {found} does not exist.")
    arrays = _read_npz(found)
    _check_arrays(arrays, found)
    flagged = arrays["flag"] != ""
    if return_X_y:
        return arrays["images"][flagged], arrays["flag"][flagged]
    return as_bunch(arrays, str(found))


def as_bunch(arrays: dict[str, Any], filename: str) -> Bunch:
    """Describe the arrays of a cut-out file.

    Parameters
    ----------
    arrays : dict of str to ndarray
        As they are in the file.
    filename : str
        The file, or "" where it could not be written.

    Returns
    -------
    Bunch
        What `load_galaxy_zoo1_cutouts` documents.
    """
    arrays = dict(arrays)
    scale = float(arrays.pop("scale_arcsec", np.nan))
    names, counts = np.unique(arrays["flag"], return_counts=True)
    shown = [f"{n or 'unknown'} {c}" for n, c in zip(names, counts, strict=True)]
    return Bunch(
        **arrays,
        target=arrays["flag"].copy(),
        target_names=list(FLAGS),
        scale_arcsec=scale,
        filename=filename,
        DESCR=_CUTOUT_DESCR.format(
            n=len(arrays["flag"]),
            scale="differs by galaxy" if np.isnan(scale) else f"{scale:g} arcsec",
            counts=", ".join(shown),
            path=filename or "not written, the folder is read-only",
        ),
    )


def _find_cutouts(data_home: str | os.PathLike[str] | None) -> Path:
    """Look for a file of cut-outs in the data folder."""
    home = get_data_home(data_home)
    for name in CUTOUT_FILES:
        if (home / name).is_file():
            return home / name
    raise FileNotFoundError(
        f"No Galaxy Zoo cut-outs in {home} ({' or '.join(CUTOUT_FILES)}). Get some "
        "with 'make data' or skastro.datasets.fetch_galaxy_zoo1_cutouts(), or simulate "
        "them with skastro.datasets.make_galaxies()."
    )


def _read_npz(path: Path) -> dict[str, Any]:
    """Read the arrays of an npz file that may be broken or foreign."""
    try:
        return read_npz(path)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} is no readable .npz file of cut-outs (truncated, or something "
            f"else): {error}"
        ) from error


def _check_arrays(arrays: dict[str, Any], path: Path) -> None:
    """Check names, types, shapes and values; drop what is not known."""
    kinds = {
        "images": "u",
        "objid": "i",
        "ra": "f",
        "dec": "f",
        "majority_vote": "U",
        "flag": "U",
    }
    missing = sorted(set(kinds) - set(arrays))
    if missing:
        raise ValueError(f"{path} lacks the arrays {missing}; it has {list(arrays)}.")
    for key in set(arrays) - set(kinds) - {"scale_arcsec"}:
        del arrays[key]
    n = len(arrays["images"]) if arrays["images"].ndim else 0
    for key, kind in kinds.items():
        array = arrays[key]
        shape_ok = array.ndim == 3 if key == "images" else array.shape == (n,)
        if array.dtype.kind != kind or not shape_ok or n == 0:
            raise ValueError(
                f"{path}: {key} has dtype {array.dtype} and shape {array.shape}, which "
                f"does not fit {n} images with one {key} each."
            )
    if arrays["images"].dtype != np.uint8 or arrays["objid"].dtype != np.int64:
        raise ValueError(
            f"{path}: images must be uint8 and objid int64, not "
            f"{arrays['images'].dtype} and {arrays['objid'].dtype}."
        )
    if np.unique(arrays["objid"]).size != n:
        raise ValueError(f"{path}: {n - np.unique(arrays['objid']).size} ids repeat.")
    for key, allowed in (("flag", (*FLAGS, "")), ("majority_vote", _VOTES)):
        unknown = sorted(set(np.unique(arrays[key])) - set(allowed))
        if unknown:
            raise ValueError(f"{path}: {key} has unknown values {unknown}.")
    scale = arrays.get("scale_arcsec")
    if scale is not None and (scale.shape != () or scale.dtype.kind != "f"):
        raise ValueError(f"{path}: scale_arcsec must be one number.")
