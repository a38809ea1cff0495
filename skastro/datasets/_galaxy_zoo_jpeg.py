"""Cut-outs of Galaxy Zoo galaxies from the public image service of SDSS."""

from __future__ import annotations

import errno
import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skastro.datasets._galaxy_zoo import fetch_galaxy_zoo1_table
from skastro.datasets._galaxy_zoo_cutouts import CUTOUT_FILES, as_bunch
from skastro.galaxy._catalogue import flag_labels
from skastro.galaxy._galaxy_zoo_parse import FLAGS
from skastro.utils._fetch import fetch_file, get_data_home
from skastro.utils._hash_record import write_atomically
from skastro.utils._optional import import_optional
from skastro.utils._progress import progress_bar

_SERVICE = "https://skyserver.sdss.org/dr17/SkyServerWS/ImgCutout/getjpeg"
_SIZE = 64
# The columns whose largest is the majority vote, with the short names of the sample.
_VOTE_COLUMNS = {
    "p_el": "E",
    "p_cw": "CW",
    "p_acw": "ACW",
    "p_edge": "EDGE",
    "p_dk": "DK",
    "p_mg": "MG",
}


class _NoImageError(ValueError):
    """The service has no usable image of an object."""


def fetch_galaxy_zoo1_cutouts(
    n_per_class: int = 300,
    *,
    classes: tuple[str, ...] = FLAGS,
    scale: float = 0.396,
    random_state: int = 0,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    delay: float = 0.5,
    table: pd.DataFrame | None = None,
    url: str | None = None,
    verbose: int = 0,
) -> Any:
    """Load 64 x 64 cut-outs of flagged galaxies from the SDSS image service.

    Galaxies are drawn at random from Table 2 (20 MB, downloaded when needed) and their
    JPEGs are asked for one by one, 2 to 3 kB each. Each image is kept, so a call that
    was stopped goes on where it was, and a larger `n_per_class` reuses the smaller.

    Parameters
    ----------
    n_per_class : int, default=300
        Galaxies of each class.
    classes : tuple of str, default=("spiral", "elliptical", "uncertain")
        Flags of the table to draw from.
    scale : float, default=0.396
        Arcsec per pixel; 0.396 is that of the camera.
    random_state : int, default=0
        Seed of the draw; an int, because it names the result.
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
    download_if_missing : bool, default=True
        If False, anything missing is an error.
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.
    delay : float, default=0.5
        Seconds between two requests. The service is free and shared; be kind.
    table : pandas.DataFrame, default=None
        Galaxies to draw from, with the 16 columns of `read_galaxy_zoo1_table`, after a
        cut in redshift for instance. None takes all of Table 2.
    url : str, default=None
        Another address of the service.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Bunch or (images, target)
        As `load_galaxy_zoo1_cutouts` gives it: ``images`` (uint8, green channel: the
        r band), ``objid``, ``ra``, ``dec``, ``majority_vote``, ``flag``, ``target``,
        ``scale_arcsec``, ``filename``, ``DESCR``; also ``skipped`` : list of
        (objid, reason), galaxies without an image, which others of the class replace.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded. What came so far is kept.
    ValueError
        If a parameter is wrong, a class has too few galaxies, or the service sends
        something else than images again and again.
    ImportError
        If Pillow is missing (``pip install "skastro[plot]"``).

    See Also
    --------
    load_galaxy_zoo1_cutouts : Loads the last result without asking anyone.
    fetch_sdss_frames : Calibrated pixels instead of pictures.

    Notes
    -----
    Source: SkyServer ImgCutout of DR17. Licence: SDSS images may be used with credit to
    the Sloan Digital Sky Survey. The pictures are rendered on request, so there is no
    hash to pin: size and format are checked and the first hash is kept beside each.
    They are colour composites with an arcsinh stretch, all at one scale; crops that
    are scaled per galaxy show other pixels.

    References
    ----------
    Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.
    Lupton et al. 2004, PASP 116, 133 (the stretch).

    Examples
    --------
    >>> from skastro.datasets import fetch_galaxy_zoo1_cutouts
    >>> zoo = fetch_galaxy_zoo1_cutouts(n_per_class=10)  # doctest: +SKIP
    >>> zoo.images.shape, zoo.scale_arcsec  # doctest: +SKIP
    ((30, 64, 64), 0.396)
    """
    classes = _check_parameters(n_per_class, classes, scale, random_state, delay)
    import_optional("PIL.Image", extra="plot")
    home = get_data_home(data_home)
    if table is None:
        table = fetch_galaxy_zoo1_table(
            data_home=home, download_if_missing=download_if_missing, verbose=verbose
        ).table
    candidates = _draw(table, classes, random_state)
    service = _Service(url or _SERVICE, scale, home, delay, download_if_missing)
    rows, images, skipped = [], [], []
    bar = progress_bar(total=n_per_class * len(classes), verbose=verbose, unit="image")
    with bar:
        for flag in classes:
            n_found = 0
            members = candidates[flag]
            # Column by column: a row of a data frame would turn ids into floats.
            columns = ("objid", "ra", "dec", "majority_vote")
            for objid, ra, dec, vote in zip(
                *(members[c].tolist() for c in columns), strict=True
            ):
                if n_found == n_per_class:
                    break
                try:
                    images.append(service.image(objid, ra, dec))
                except _NoImageError as error:
                    skipped.append((objid, str(error)))
                    _give_up_on(skipped, n_per_class * len(classes))
                    continue
                rows.append((objid, ra, dec, vote, flag))
                n_found += 1
                bar.update()
            if n_found < n_per_class:
                raise ValueError(
                    f"The table has only {n_found} usable galaxies with the flag "
                    f"{flag!r}, {n_per_class} are wanted."
                )
    bunch = _save(rows, images, scale, home)
    if return_X_y:
        return bunch.images, bunch.target
    bunch.skipped = skipped
    return bunch


def _check_parameters(
    n_per_class: int, classes: Any, scale: float, random_state: int, delay: float
) -> tuple[str, ...]:
    """Check before anything is downloaded."""
    names = (classes,) if isinstance(classes, str) else tuple(classes)
    if not names or set(names) - set(FLAGS) or len(set(names)) != len(names):
        raise ValueError(f"classes must be some of {FLAGS}, got {classes!r}.")
    for name, value in (("n_per_class", n_per_class), ("random_state", random_state)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < (name == "n_per_class"):
            raise ValueError(f"{name} must be a whole number, got {value!r}.")
    if not 0.01 <= scale <= 10:
        raise ValueError(f"scale must be 0.01 to 10 arcsec a pixel, got {scale!r}.")
    if not 0 <= delay <= 3600:
        raise ValueError(f"delay must be 0 to 3600 seconds, got {delay!r}.")
    return names


def _draw(
    table: pd.DataFrame, classes: tuple[str, ...], random_state: int
) -> dict[str, pd.DataFrame]:
    """Put the galaxies of each class into an order that depends on the seed only."""
    missing = [c for c in ("ra", "dec", *_VOTE_COLUMNS) if c not in table.columns]
    if missing:
        raise ValueError(f"table lacks the columns {missing}: 16 columns are needed.")
    table = table[table["ra"].notna() & table["dec"].notna()]
    labels = flag_labels(table).to_numpy(dtype=str)
    votes = np.array(list(_VOTE_COLUMNS.values()))
    winner = table[list(_VOTE_COLUMNS)].to_numpy().argmax(axis=1)
    small = table[["objid", "ra", "dec"]].assign(majority_vote=votes[winner])
    drawn = {}
    for flag in classes:
        # Sorted, so that the order of the rows plays no part; own seeds, so that
        # leaving a class out does not change another.
        members = small[labels == flag].sort_values("objid")
        rng = np.random.default_rng([random_state, FLAGS.index(flag)])
        drawn[flag] = members.iloc[rng.permutation(len(members))]
    return drawn


def _give_up_on(skipped: list[tuple[int, str]], n_wanted: int) -> None:
    """Stop where most galaxies have no image: then the service is not what we think."""
    if len(skipped) > max(10, n_wanted // 10):
        raise ValueError(
            f"{len(skipped)} galaxies have no usable image; the last reason: "
            f"{skipped[-1][1]}. Is the address right?"
        )


class _Service:
    """The image service with a cache: asks once for each object."""

    def __init__(
        self, url: str, scale: float, home: Path, delay: float, may_ask: bool
    ) -> None:
        self.url = url
        self.scale = scale
        self.home = home
        self.delay = delay
        self.may_ask = may_ask
        self.folder = f"galaxy_zoo1/jpeg_{_SIZE}px_{scale:g}arcsec"
        self.last = -np.inf

    def image(self, objid: int, ra: float, dec: float) -> np.ndarray:
        """Give the green channel of one object."""
        name = f"{self.folder}/{int(objid)}.jpg"
        path = self.home / name
        refusal = path.with_suffix(".none")
        if refusal.is_file():
            raise _NoImageError(refusal.read_text(encoding="utf-8"))
        if not path.is_file() and self.may_ask:
            time.sleep(max(0.0, self.delay - (time.monotonic() - self.last)))
        address = (
            f"{self.url}?ra={ra:.6f}&dec={dec:.6f}&scale={self.scale:g}"
            f"&width={_SIZE}&height={_SIZE}"
        )
        known = path.is_file()
        reasons: list[str] = []
        try:
            fetch_file(
                address,
                name,
                data_home=self.home,
                validate=lambda p: _note(_decode_green, p, reasons),
                download_if_missing=self.may_ask,
            )
        except ValueError as error:
            # A file that was fine and is not any more must not change the draw.
            if known or not reasons:
                raise
            write_atomically(refusal, reasons[-1].encode())
            raise _NoImageError(reasons[-1]) from error
        finally:
            if not known:
                self.last = time.monotonic()
        return _decode_green(path)


def _note(check: Any, path: Path, reasons: list[str]) -> None:
    """Remember why a check failed: not every ValueError is about the picture."""
    try:
        check(path)
    except _NoImageError as error:
        reasons.append(str(error))
        raise


def _decode_green(path: Path) -> np.ndarray:
    """Decode a JPEG and take its green channel, which shows the r band."""
    pillow = import_optional("PIL.Image", extra="plot")
    try:
        with pillow.open(io.BytesIO(path.read_bytes()), formats=["JPEG"]) as image:
            size = image.size
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise _NoImageError(f"no readable JPEG ({type(error).__name__})") from error
    if size != (_SIZE, _SIZE):
        raise _NoImageError(f"a picture of {size} instead of {(_SIZE, _SIZE)} pixels")
    green = np.ascontiguousarray(pixels[:, :, 1])
    if green.min() == green.max():
        raise _NoImageError("an empty picture: outside of the imaged sky")
    return green


def _save(
    rows: list[tuple[Any, ...]], images: list[np.ndarray], scale: float, home: Path
) -> Bunch:
    """Write the result in the layout of the real sample, where that is possible."""
    objid, ra, dec, vote, flag = zip(*rows, strict=True)
    arrays: dict[str, Any] = {
        "images": np.stack(images),
        "objid": np.array(objid, dtype=np.int64),
        "ra": np.array(ra, dtype=np.float64),
        "dec": np.array(dec, dtype=np.float64),
        "majority_vote": np.array(vote, dtype="U4"),
        "flag": np.array(flag, dtype="U10"),
        "scale_arcsec": np.float64(scale),
    }
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    path = home / CUTOUT_FILES[1]
    try:
        write_atomically(path, content.getvalue())
    except OSError as error:
        # Everything was there already, in a folder that is read-only. A full disk is
        # another matter.
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return as_bunch(arrays, "")
    return as_bunch(arrays, str(path))
