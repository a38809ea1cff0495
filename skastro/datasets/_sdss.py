"""SDSS corrected frames from the public archives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skastro.galaxy._sdss_frame import read_frame
from skastro.utils._fetch import fetch_file

# The data archive of DR7 as its documentation gives it, and its copy on the present
# server.
_DR7_BASES = (
    "http://das.sdss.org/imaging",
    "https://data.sdss.org/sas/dr7/das2/imaging",
)
_DR17_BASES = ("https://data.sdss.org/sas/dr17/eboss/photoObj/frames",)
_RERUN = {7: 40, 17: 301}

_DESCR = """SDSS corrected frames, data release {release}

{n} frames, {what}. 2048 x 1489 pixels of 0.396 arcsec.

Source: {base}. Licence: SDSS data are public; see https://www.sdss.org/collaboration/.
Cite: York et al. 2000, AJ 120, 1579, and the paper of the release
({paper}).
"""


def fetch_sdss_frames(
    run: int,
    camcol: int,
    field: int | Iterable[int],
    band: str = "r",
    *,
    release: int = 17,
    rerun: int | None = None,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    load: bool = True,
    url: str | None = None,
    verbose: int = 0,
) -> Bunch:
    """Load SDSS imaging frames of one run and camera column (2 to 4 MB each).

    `skastro.galaxy.unpack_objid` tells run, camera column and field of an object id.
    DR7 ids (587..., 588...) belong to DR7 frames; DR8+ ids to DR17 frames.

    Parameters
    ----------
    run : int
        Imaging run.
    camcol : int
        Camera column, 1 to 6.
    field : int or iterable of int
        Fields within the run.
    band : str, default="r"
        One or several of "ugriz", such as "gri".
    release : {7, 17}, default=17
        7: fpC files, counts with sky. 17: frame files, nanomaggies without sky.
    rerun : int, default=None
        Version of the pipeline. None takes 40 for DR7 (some fields have 41, 42 or
        44: `unpack_objid` knows) and 301 for DR17.
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
        Frames are in ``sdss_dr7`` and ``sdss_dr17``.
    download_if_missing : bool, default=True
        If False, a missing file is an error.
    load : bool, default=True
        Read the frames (12 MB of memory each) and not only find them.
    url : str, default=None
        Another archive with the same tree below it.
    verbose : int, default=0
        1 shows progress bars.

    Returns
    -------
    Bunch
        - ``frames`` : list of SDSSFrame, field by field and band by band; empty if
          `load` is False.
        - ``filenames`` : list of str, ``field``, ``band`` : ndarray, in that order.
        - ``run``, ``camcol``, ``release`` : int. ``DESCR`` : str.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded; the message has the address and
        the steps to do by hand.
    ValueError
        If a parameter is out of range, or a file is not the frame of its name.

    See Also
    --------
    skastro.galaxy.read_frame : Reads one file.
    skastro.galaxy.extract_cutouts : Cuts galaxies out of a frame.

    Notes
    -----
    The archive publishes no checksums. Each file is read completely before it is
    accepted, and the hash of the first download is kept beside it.

    References
    ----------
    York et al. 2000, AJ 120, 1579. Abazajian et al. 2009, ApJS 182, 543 (DR7).
    Abdurro'uf et al. 2022, ApJS 259, 35 (DR17).

    Examples
    --------
    >>> from skastro.datasets import fetch_sdss_frames
    >>> sdss = fetch_sdss_frames(3325, 5, 108, release=7)  # doctest: +SKIP
    >>> sdss.frames[0].unit  # doctest: +SKIP
    'DN'
    """
    if release not in _RERUN:
        raise ValueError(f"release must be 7 or 17, got {release!r}.")
    run = _integer(run, "run", 1, 999_999)
    camcol = _integer(camcol, "camcol", 1, 6)
    given = [field] if isinstance(field, (int, np.integer)) else list(field)
    fields = [_integer(f, "field", 0, 9999) for f in given]
    if not fields:
        raise ValueError("At least one field is needed.")
    if not isinstance(band, str) or not band or set(band) - set("ugriz"):
        raise ValueError(f"band must be letters of 'ugriz', got {band!r}.")
    version = _integer(_RERUN[release] if rerun is None else rerun, "rerun", 1, 999)
    bases = (url.rstrip("/"),) if url else _DR7_BASES if release == 7 else _DR17_BASES
    paths, frames, shown = [], [], []
    for number in fields:
        for letter in dict.fromkeys(band):
            folder, name = _location(release, run, version, camcol, number, letter)
            path = fetch_file(
                [f"{base}/{folder}/{name}" for base in bases],
                f"sdss_dr{release}/{name}",
                data_home=data_home,
                validate=_FrameCheck(release),
                download_if_missing=download_if_missing,
                verbose=verbose,
            )
            paths.append(str(path))
            shown.append((number, letter))
            if load:
                frames.append(read_frame(path))
    return Bunch(
        frames=frames,
        filenames=paths,
        field=np.array([f for f, _ in shown]),
        band=np.array([b for _, b in shown]),
        run=run,
        camcol=camcol,
        release=release,
        DESCR=_DESCR.format(
            release=release,
            n=len(paths),
            what="counts (DN) with sky" if release == 7 else "nanomaggies without sky",
            base=bases[0],
            paper="Abazajian et al. 2009, ApJS 182, 543"
            if release == 7
            else "Abdurro'uf et al. 2022, ApJS 259, 35",
        ),
    )


def _location(
    release: int, run: int, rerun: int, camcol: int, field: int, band: str
) -> tuple[str, str]:
    """Give folder and name of a frame in the archive."""
    if release == 7:
        name = f"fpC-{run:06d}-{band}{camcol}-{field:04d}.fit.gz"
        return f"{run}/{rerun}/corr/{camcol}", name
    name = f"frame-{band}-{run:06d}-{camcol}-{field:04d}.fits.bz2"
    return f"{rerun}/{run}/{camcol}", name


class _FrameCheck:
    """Accept a file only if it is a frame of the release and of its name."""

    def __init__(self, release: int) -> None:
        self.unit = "DN" if release == 7 else "nanomaggy"

    def __call__(self, path: Path) -> None:
        # read_frame compares name and header.
        frame = read_frame(path)
        if frame.unit != self.unit:
            raise ValueError(
                f"SDSS frame {path} is in {frame.unit}, expected {self.unit}."
            )


def _integer(value: Any, name: str, low: int, high: int) -> int:
    """Check a whole number; it becomes a part of an address and of a file name."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise ValueError(
            f"{name} must be an integer from {low} to {high}, got {value!r}."
        )
    return int(value)
