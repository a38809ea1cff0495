"""Simulated galaxy cut-outs with Galaxy Zoo flags, as a stand-in for the real ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.utils import Bunch

from skastro.datasets._arguments import generator, is_number
from skastro.galaxy._galaxy_zoo_parse import FLAGS
from skastro.galaxy._observation import (
    BANDS,
    PIXEL_SCALE,
    add_sky,
    jpeg_scale,
    observe,
    to_jpeg_like,
    to_nanomaggies,
)
from skastro.galaxy._population import draw_galaxies
from skastro.utils._typing import Seed

# The official flags of the 725 real cut-outs that have one.
_REAL_COUNTS = {"spiral": 284, "elliptical": 122, "uncertain": 319}
_OUTPUTS = ("counts", "nanomaggies", "uint8")
_CHUNK = 64  # galaxies of 64 x 64 pixels rendered at once

_DESCR = """Simulated galaxies of Galaxy Zoo 1

{n} simulated cut-outs of {size} x {size} pixels, bands {bands}, as {output}.
Pixel scale: {scale}. Seeing: {psf}, FWHM {fwhm:g} arcsec.
Flags: {counts}.

None of it is an observation: ids and positions are made up. See the docstring of
skastro.datasets.make_galaxies for the physics and its limits.
"""


def make_galaxies(
    n_samples: int = 1000,
    *,
    size: int = 64,
    bands: str | Sequence[str] = ("r",),
    output: Literal["counts", "nanomaggies", "uint8"] = "counts",
    uncertain: Literal["keep", "drop"] = "keep",
    class_weights: Mapping[str, float] | None = None,
    psf: Literal["moffat", "gaussian"] = "moffat",
    psf_fwhm: float = 1.32,
    sky: float | None = None,
    noise: float = 1.0,
    return_X_y: bool = False,
    random_state: Seed = None,
) -> Any:
    r"""Simulate cut-outs of galaxies with their Galaxy Zoo flags.

    Ellipticals and bulges have Sérsic profiles; disks are exponential, inclined and
    patchy, those of spirals with logarithmic arms and a third of them with a bar. All
    are seen through the seeing, on the sky and with the noise of the Sloan survey,
    among some stars. Seeded, offline.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of galaxies.
    size : int, default=64
        Pixels a side, at least 16.
    bands : str or sequence of str, default=("r",)
        Letters out of "ugriz". With one band the images are ``(n, size, size)``, with
        several ``(n, n_bands, size, size)``. Bulges are red, arms blue.
    output : {"counts", "nanomaggies", "uint8"}, default="counts"
        - "counts": whole DN as in a DR7 corrected frame, with sky and the SOFTBIAS of
          1000, 0.396 arcsec a pixel, float32. They need a `CutoutNormalizer`.
        - "nanomaggies": the same, sky-subtracted and calibrated, as in DR8 and later.
        - "uint8": arcsinh-stretched 8-bit images at about 0.048 Petrosian radii a
          pixel, like the public colour JPEGs of Galaxy Zoo 1.
    uncertain : {"keep", "drop"}, default="keep"
        Whether there are galaxies without a clear majority.
    class_weights : mapping of str to float, default=None
        Shares of "spiral", "elliptical" and "uncertain"; they need not add up to 1,
        and a class that is left out is not drawn. None takes those of 725 real
        galaxies, 284 : 122 : 319. The counts follow them to within one.
    psf : {"moffat", "gaussian"}, default="moffat"
        Profile of the seeing (Moffat with an exponent of 3.5).
    psf_fwhm : float, default=1.32
        Full width at half maximum of the seeing, arcsec, 0.8 (two pixels; a
        sharper image would be undersampled) to 10. The default is the survey's
        median in r.
    sky : float, default=None
        Sky level, DN per pixel. None takes a typical value of each band, 142 in r.
    noise : float, default=1.0
        Factor on the standard deviation of the noise (photons of sky and source, read
        noise); 0 gives images without noise.
    return_X_y : bool, default=False
        Return ``(images, target)``.
    random_state : int, RandomState instance, Generator or None, default=None
        Same number, same galaxies. The global random state is never touched.

    Returns
    -------
    Bunch or (images, target)
        The keys of `load_galaxy_zoo1_cutouts`, and `redshift` and `truth`:

        - ``images`` : ndarray, see `output`.
        - ``objid`` : ndarray of int64 of shape (n,), unique and of a valid form.
        - ``ra``, ``dec`` : ndarray of float64, degrees.
        - ``majority_vote`` : ndarray of str, E, CW, ACW, EDGE, DK or MG.
        - ``flag``, ``target`` : ndarray of str.
        - ``target_names`` : list of str.
        - ``redshift`` : ndarray of float64 of shape (n,).
        - ``scale_arcsec`` : float, arcsec per pixel; NaN if it differs by galaxy.
        - ``bands`` : list of str.
        - ``truth`` : DataFrame of what was drawn: ``kind``, ``magnitude`` (r),
          ``r_e_arcsec`` (half-light radius, major axis), ``axis_ratio``,
          ``position_angle_deg``, ``sersic_n`` (of the bulge where there is a disk),
          ``bulge_fraction``, ``n_arms``, ``pitch_angle_deg`` (NaN without arms),
          ``arm_contrast``, ``p_el``, ``p_cs`` and the other shares of votes,
          ``scale_arcsec``, and more.
        - ``DESCR`` : str.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    load_galaxy_zoo1_cutouts : The real ones.

    Notes
    -----
    - Redshifts follow Weibull laws, shape 2.24 and scale 0.163 for ellipticals, 2.70
      and 0.108 for spirals (Kolmogorov-Smirnov distance to 1,000 real ones each: 0.05
      and 0.07); uncertain ones are of both kinds, half and half. They are not cut
      at 0.2.
    - Absolute magnitudes, within the survey's limits 13.5 < r < 17.77, and sizes that
      grow with luminosity become fluxes and angles in a flat universe (H0 = 70,
      matter 0.3), so that far galaxies are small and faint.
    - A flag comes from 20 to 60 simulated votes: arms count as far as the survey's
      seeing and noise show them. "spiral" and "elliptical" need 80 % of the votes;
      "uncertain" are lenticulars, spirals with weak or unresolved arms, flat
      ellipticals and mergers. `psf_fwhm`, `sky` and `noise` change images, not flags.
    - The "uint8" images were made to be about as hard as real ones for brightness
      statistics. For nets they are not the same: arms are more telling here, and the
      resolution gap is steeper. Take scores on simulated galaxies as qualitative.
    - Profiles are averaged over the pixels, on up to 20 x 20 points near the centre.
      Fluxes are right to 0.5 % (1 % for single ones) for Sérsic indices up to 4.5 and
      half-light radii of 1.5 pixels or more, to 3 % up to an index of 6.5; the seeing
      conserves them. Where a disk is flatter than 0.25, no arms are drawn.
    - Left out: dust, rings, blends, saturation, JPEG artefacts and cosmic rays.

    References
    ----------
    .. [1] L. Ciotti and G. Bertin, Astronomy and Astrophysics 352 (1999) 447-451.
    .. [2] C. Lintott et al., MNRAS 410 (2011) 166-178.
    .. [3] K. Abazajian et al., ApJS 182 (2009) 543-558.

    Examples
    --------
    >>> from skastro.datasets import make_galaxies
    >>> galaxies = make_galaxies(20, random_state=0)
    >>> galaxies.images.shape, str(galaxies.images.dtype)
    ((20, 64, 64), 'float32')
    >>> galaxies.truth[["r_e_arcsec", "axis_ratio"]].shape
    (20, 2)
    >>> X, y = make_galaxies(6, bands="gri", return_X_y=True, random_state=0)
    >>> X.shape
    (6, 3, 64, 64)
    """
    bands = list(bands)
    _check_parameters(n_samples, size, bands, output, psf, psf_fwhm, sky, noise)
    counts = _class_counts(int(n_samples), uncertain, class_weights)
    rng = generator(random_state)
    flags = np.repeat(FLAGS, [counts[name] for name in FLAGS])
    rng.shuffle(flags)
    table = draw_galaxies(flags, rng)
    scaled = output == "uint8"
    scale = jpeg_scale(table, rng) if scaled else np.full(len(table), PIXEL_SCALE)
    table["scale_arcsec"] = scale
    objid, ra, dec = _draw_positions(len(table), rng)
    images = np.empty(
        (len(table), len(bands), size, size), dtype=np.uint8 if scaled else np.float32
    )
    # Large images a few at a time, so that memory stays bounded.
    step = max(1, int(_CHUNK * min(1.0, (64 / size) ** 2)))
    for start in range(0, len(table), step):
        part = slice(start, start + step)
        dn = observe(
            table.iloc[part],
            size=int(size),
            scale=scale[part],
            bands=bands,
            psf=psf,
            psf_fwhm=float(psf_fwhm),
            sky=sky,
            noise=float(noise),
            compressed=scaled,
            rng=rng,
        )
        if scaled:
            images[part] = to_jpeg_like(dn, bands)
        elif output == "nanomaggies":
            images[part] = to_nanomaggies(dn, bands)
        else:
            images[part] = add_sky(dn, bands, sky)
    if len(bands) == 1:
        images = images[:, 0]
    target = table["flag"].to_numpy(dtype=str)
    if return_X_y:
        return images, target
    return Bunch(
        images=images,
        objid=objid,
        ra=ra,
        dec=dec,
        majority_vote=table["majority_vote"].to_numpy(dtype=str),
        flag=target.copy(),
        target=target,
        target_names=[name for name in FLAGS if counts[name]],
        redshift=table["redshift"].to_numpy(),
        scale_arcsec=float("nan") if scaled else PIXEL_SCALE,
        bands=bands,
        truth=table,
        DESCR=_DESCR.format(
            n=len(table),
            size=size,
            bands="".join(bands),
            output=output,
            scale="differs by galaxy" if scaled else f"{PIXEL_SCALE} arcsec",
            psf=psf,
            fwhm=psf_fwhm,
            counts=", ".join(f"{name} {counts[name]}" for name in FLAGS),
        ),
    )


# Widest seeing, in arcsec, and brightest sky, in counts, that are simulated rightly.
_WIDEST_PSF = 10.0
_BRIGHTEST_SKY = 30_000.0


def _check_parameters(
    n_samples: Any,
    size: Any,
    bands: list[str],
    output: str,
    psf: str,
    psf_fwhm: Any,
    sky: Any,
    noise: Any,
) -> None:
    """Refuse parameters out of range."""
    for name, value, least in (("n_samples", n_samples, 1), ("size", size, 16)):
        if not is_number(value, Integral) or value < least:
            raise ValueError(
                f"{name} must be an int of {least} or more, got {value!r}."
            )
    if not bands or len(set(bands)) != len(bands) or not set(bands) <= set(BANDS):
        raise ValueError(
            f"bands must be different letters out of {''.join(BANDS)!r}, got {bands!r}."
        )
    for name, choice, choices in (
        ("output", output, _OUTPUTS),
        ("psf", psf, ("moffat", "gaussian")),
    ):
        if choice not in choices:
            raise ValueError(f"{name} must be one of {choices}, got {choice!r}.")
    if not is_number(psf_fwhm, Real) or not 0.8 <= psf_fwhm <= _WIDEST_PSF:
        raise ValueError(
            f"psf_fwhm must be 0.8 to {_WIDEST_PSF:g} arcsec (beyond, light that falls "
            f"outside of the frame would be missed), got {psf_fwhm!r}."
        )
    for name, value in (("sky", 0.0 if sky is None else sky), ("noise", noise)):
        if not is_number(value, Real) or not 0.0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {value!r}.")
    if sky is not None and sky > _BRIGHTEST_SKY:
        raise ValueError(
            f"sky must be at most {_BRIGHTEST_SKY:g} counts, or 16-bit counts would "
            f"saturate; got {sky!r}."
        )


def _class_counts(
    n_samples: int, uncertain: str, class_weights: Mapping[str, float] | None
) -> dict[str, int]:
    """Share out the galaxies, the largest remainders first."""
    if uncertain not in ("keep", "drop"):
        raise ValueError(f"uncertain must be 'keep' or 'drop', got {uncertain!r}.")
    weights = dict(_REAL_COUNTS if class_weights is None else class_weights)
    unknown = sorted(set(weights) - set(FLAGS))
    if unknown:
        raise ValueError(f"class_weights has {unknown}; the classes are {list(FLAGS)}.")
    if uncertain == "drop":
        weights["uncertain"] = 0.0
    values = np.array([float(weights.get(name, 0.0)) for name in FLAGS])
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise ValueError(
            "class_weights must be finite, not negative and not all zero, got "
            f"{class_weights!r} with uncertain={uncertain!r}."
        )
    exact = n_samples * values / values.sum()
    counts = np.floor(exact + 1e-9).astype(int)
    rest = np.argsort(-(exact - counts), kind="stable")[: n_samples - counts.sum()]
    counts[rest] += 1
    return dict(zip(FLAGS, counts.tolist(), strict=True))


def _draw_positions(
    n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw unique ids of the survey's form, and positions in its northern cap."""
    # A row a galaxy in frames of 300 objects: no id can come twice.
    row = rng.permutation(n).astype(np.int64)
    frame, number = row // 300, row % 300 + 1
    run = 2000 + frame // (6 * 400)
    camcol = 1 + frame % 6
    field = 11 + frame // 6 % 400
    objid = (run << 32) | (camcol << 29) | (field << 16) | number
    objid |= (1 << 59) | (41 << 48)  # sky version and rerun
    ra = rng.uniform(120.0, 240.0, n)
    dec = np.degrees(np.arcsin(rng.uniform(0.0, np.sin(np.radians(60.0)), n)))
    return objid, ra, dec
