"""SDSS imaging frames: fpC files of DR7 in counts, frame files of DR8+ in nanomaggies.

The two look alike and mean different things: counts with a pedestal and the sky in
them, or calibrated fluxes without sky. Nothing here is guessed; a file that is not
clearly one of them is refused.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skastro.galaxy._sdss_fits import load_hdus
from skastro.utils._optional import import_optional

_NAMES = (
    re.compile(
        r"fpC-(?P<run>\d{6})-(?P<band>[ugriz])(?P<camcol>[1-6])-(?P<field>\d{4})"
    ),
    re.compile(
        r"frame-(?P<band>[ugriz])-(?P<run>\d{6})-(?P<camcol>[1-6])-(?P<field>\d{4})"
    ),
)
_COUNTS = ("", "DN", "DNS", "ADU", "ADUS")


@dataclass(frozen=True, eq=False)
class SDSSFrame:
    """One frame of one band, its unit and its sky.

    Parameters
    ----------
    data : ndarray of float32 of shape (n_rows, n_columns)
        Pixel values in `unit`. SOFTBIAS is off; the sky is in or off, see
        `sky_subtracted`.
    unit : {"DN", "nanomaggy"}
        Counts (DR7) or calibrated flux, 1 nanomaggy = 3.631e-6 Jy (DR8+).
    sky : float
        Sky level in `unit` per pixel, of DR7 frames, whether it is still in `data` or
        not. NaN for DR8+, where the survey took a surface off.
    sky_source : {"header", "median", "survey"}
        Where `sky` is from: the SKY card, a sigma-clipped median, or neither.
    sky_subtracted : bool
        Whether `data` is free of sky.
    wcs : astropy.wcs.WCS
        World coordinates of pixel centres (0-based); axes may be rotated or swapped.
    run, camcol : int
        Imaging run, camera column.
    field : int or None
        Field within the run; None where a DR8+ file was renamed.
    band : {"u", "g", "r", "i", "z"}
        Filter.
    filename : str
        Where it was read from.

    See Also
    --------
    read_frame : Reads one.
    extract_cutouts : Cuts galaxies out of one.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import SDSSFrame
    >>> frame = SDSSFrame(data=np.zeros((1489, 2048), np.float32), unit="nanomaggy",
    ...                   sky=float("nan"), sky_source="survey", sky_subtracted=True,
    ...                   wcs=None, run=3325, camcol=5, field=108, band="r",
    ...                   filename="made up")
    >>> frame.data.shape, frame.unit
    ((1489, 2048), 'nanomaggy')
    """

    data: np.ndarray
    unit: str
    sky: float
    sky_source: str
    sky_subtracted: bool
    wcs: Any
    run: int
    camcol: int
    field: int | None
    band: str
    filename: str


def read_frame(
    path: str | os.PathLike[str], *, subtract_sky: bool = False
) -> SDSSFrame:
    """Read an SDSS corrected frame of DR7 (fpC) or of DR8 and later (frame).

    Parameters
    ----------
    path : str or path-like
        ``fpC-*.fit`` or ``frame-*.fits``, plain, ``.gz`` or ``.bz2``, recognised by
        content.
    subtract_sky : bool, default=False
        Take the sky off a DR7 frame: the SKY card of its header, or, where that is
        missing or not positive, the sigma-clipped median (3 sigma, interpolated
        within the count). A DR8+ frame has no sky and stays as it is.

    Returns
    -------
    SDSSFrame
        Pixels as float32 with their unit, sky, world coordinates and identity.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is truncated or no FITS file.
    ValueError
        If it is another kind of image, its unit is ambiguous, it has no celestial
        coordinates, or name and header disagree about which frame it is. Each message
        names the file.
    ImportError
        If astropy is missing (``pip install "skastro[astro]"``).

    Notes
    -----
    DR7 stores unsigned 16-bit counts with a pedestal: value = SOFTBIAS + sky + source.
    The pedestal is taken off here after the cast to float32, since unsigned integers
    would wrap around.

    References
    ----------
    SDSS data model, fpC (DR7) and frame (DR8 and later).

    Examples
    --------
    >>> from skastro.galaxy import read_frame
    >>> read_frame("fpC-003325-r5-0108.fit.gz")
    Traceback (most recent call last):
    FileNotFoundError: SDSS frame fpC-003325-r5-0108.fit.gz does not exist.
    """
    path = Path(path)
    hdus = load_hdus(path)
    image = hdus[0]
    header = image.header
    who = f"SDSS frame {path}"
    if header.get("NAXIS") != 2:
        raise ValueError(
            f"{who}: the first HDU must hold a 2-D image, it has "
            f"{header.get('NAXIS', 0)} axes."
        )
    unit = _unit(header, who)
    identity = _identity(header, hdus, path, who, unit)
    wcs = _celestial_wcs(header, who)
    data = image.data.astype(np.float32)
    if unit == "DN":
        data, sky, source = _counts(data, header, who)
    else:
        sky, source = float("nan"), "survey"
        _check_flux(data, header, who)
    subtracted = unit == "nanomaggy"
    if subtract_sky and not subtracted:
        data -= np.float32(sky)
        subtracted = True
    return SDSSFrame(
        data=data,
        unit=unit,
        sky=sky,
        sky_source=source,
        sky_subtracted=subtracted,
        wcs=wcs,
        filename=str(path),
        **identity,
    )


def _unit(header: Any, who: str) -> str:
    """Decide between counts and nanomaggies, or refuse."""
    bunit = str(header.get("BUNIT", "")).strip()
    softbias = header.get("SOFTBIAS")
    bitpix = header["BITPIX"]
    if bunit.lower() in ("nanomaggy", "nanomaggies", "nmgy"):
        if bitpix < 0:
            return "nanomaggy"
        raise ValueError(
            f"{who}: BUNIT is {bunit!r}, but the pixels are integers (BITPIX "
            f"{bitpix}): neither a DR8+ frame nor a DR7 fpC."
        )
    if softbias is not None and bitpix == 16 and bunit.upper() in _COUNTS:
        return "DN"
    raise ValueError(
        f"{who}: cannot tell counts from nanomaggies. A DR7 fpC has SOFTBIAS, 16-bit "
        "integers and counts; a DR8+ frame has floats and BUNIT 'nanomaggy'. Here: "
        f"SOFTBIAS {softbias!r}, BITPIX {bitpix}, BUNIT {bunit!r}."
    )


def _counts(data: np.ndarray, header: Any, who: str) -> tuple[np.ndarray, float, str]:
    """Take the pedestal off and find the sky level."""
    softbias = _number(header["SOFTBIAS"])
    if softbias is None or softbias < 0:
        raise ValueError(f"{who}: SOFTBIAS is {header['SOFTBIAS']!r}, not a number.")
    data -= np.float32(softbias)
    median = float(np.median(data))
    if median < -0.5:
        raise ValueError(
            f"{who}: the median pixel is {median + softbias:g}, below SOFTBIAS "
            f"({softbias:g}): was the pedestal taken off already?"
        )
    sky = _number(header.get("SKY"))
    # -9999 and 0 stand for "unknown" in these headers.
    if sky is not None and sky > 0:
        return data, sky, "header"
    return data, _clipped_median(data), "median"


def _number(value: Any) -> float | None:
    """Read a header value as a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if np.isfinite(value) else None


def _clipped_median(data: np.ndarray) -> float:
    """Estimate the sky in counts, finer than the step of the counts.

    Pixels are whole counts, so a plain median is one too, up to half a count off; it
    is interpolated within its count as the median of grouped data is.
    """
    stats = import_optional("astropy.stats", extra="astro")
    kept = stats.sigma_clip(data, sigma=3, maxiters=5, masked=False, copy=False)
    middle = float(np.median(kept))
    below = float(np.mean(kept < middle - 0.5))
    inside = float(np.mean(np.abs(kept - middle) <= 0.5))
    return middle - 0.5 + (0.5 - below) / inside


def _check_flux(data: np.ndarray, header: Any, who: str) -> None:
    """Refuse nanomaggies that still seem to have a pedestal or are not finite."""
    if not np.isfinite(data).all():
        n_bad = int((~np.isfinite(data)).sum())
        raise ValueError(f"{who}: {n_bad} pixels are not finite.")
    softbias = _number(header.get("SOFTBIAS"))
    median = float(np.median(data))
    if softbias and abs(median) > 0.01 * softbias:
        raise ValueError(
            f"{who}: BUNIT says nanomaggy, but SOFTBIAS is {softbias:g} and the "
            f"median pixel {median:g}: ambiguous."
        )


def _identity(
    header: Any, hdus: list[Any], path: Path, who: str, unit: str
) -> dict[str, Any]:
    """Read run, camera column, field and band; name and header must agree."""
    match = next((m for p in _NAMES if (m := p.search(path.name))), None)
    named: dict[str, Any] = {}
    if match:
        named = {k: v if k == "band" else int(v) for k, v in match.groupdict().items()}
    found: dict[str, Any] = {
        "run": header.get("RUN"),
        "camcol": header.get("CAMCOL"),
        "band": str(header.get("FILTER", "")).strip() or None,
    }
    if unit == "DN":
        # Only here is FRAME the field; in DR8+ headers it counts something else.
        found["field"] = header.get("FRAME", header.get("FIELD"))
    else:
        found["field"] = _field_of_astrom(hdus)
    identity = {}
    for key in ("run", "camcol", "field", "band"):
        a, b = named.get(key), found[key]
        if key != "band" and b is not None and not str(b).strip().isdigit():
            raise ValueError(f"{who}: {key} in the header is {b!r}, no number.")
        if a is not None and b is not None and a != b:
            raise ValueError(
                f"{who}: the name says {key} {a}, the header {b}. Was it renamed?"
            )
        identity[key] = a if b is None else b
    missing = [k for k in ("run", "camcol", "band") if identity[k] is None]
    if missing or identity["band"] not in tuple("ugriz"):
        raise ValueError(
            f"{who}: neither name nor header tell {', '.join(missing) or 'the band'}; "
            "this is no SDSS frame."
        )
    return {k: v if k == "band" or v is None else int(v) for k, v in identity.items()}


def _field_of_astrom(hdus: list[Any]) -> int | None:
    """Look the field up in the astrometric table of a DR8+ frame (its HDU 3)."""
    for hdu in hdus[1:]:
        columns = getattr(hdu, "columns", None)
        if columns is not None and {"RUN", "CAMCOL", "FIELD"} <= set(columns.names):
            fields = np.ravel(hdu.data["FIELD"])
            return int(fields[0]) if len(fields) else None
    return None


def _celestial_wcs(header: Any, who: str) -> Any:
    """Build the world coordinates; old header dialects are no reason to warn."""
    astropy_wcs = import_optional("astropy.wcs", extra="astro")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", astropy_wcs.FITSFixedWarning)
        warnings.filterwarnings("ignore", message=".*RADECSYS.*")
        warnings.filterwarnings("ignore", message=".*EQUINOX.*")
        try:
            wcs = astropy_wcs.WCS(header, naxis=2)
        except Exception as error:
            raise ValueError(f"{who}: bad world coordinates: {error}") from error
    if not wcs.has_celestial:
        raise ValueError(
            f"{who} has no celestial coordinates (CTYPE {list(wcs.wcs.ctype)})."
        )
    return wcs
