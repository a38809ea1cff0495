"""Observe simulated galaxies: bands, seeing, noise and units of the Sloan survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.fft

from skastro.galaxy._seeing import add_points, convolve, psf_transfer
from skastro.galaxy._simulation import arm_excess, render_exponential, render_sersic

PIXEL_SCALE = 0.396  # arcsec
SOFTBIAS = 1000.0  # DN, added to every pixel of a DR7 corrected frame

# Surface brightness in nanomaggies per square arcsec at which the JPEG-like stretch
# turns from linear to logarithmic, and at which it reaches white; its black level.
_STRETCH_SOFT, _STRETCH_WHITE, _STRETCH_BLACK = 0.5, 48.0, 0.03


# The survey's JPEG stretch is that of the mean of three bands, which has less noise;
# compression adds some of its own, in DN and in each pixel of the image by itself.
# Both are set to the texture of the real images.
_JPEG_NOISE, _COMPRESSION_NOISE = 0.4, 0.9


class Band(NamedTuple):
    """How the survey's camera sees one band: typical values of DR7 frames."""

    nanomaggies_per_dn: float
    sky: float  # DN per pixel
    gain: float  # electrons per DN
    dark_variance: float  # DN^2
    old: float  # magnitude of old stars minus their r magnitude, at redshift 0
    young: float  # of a star-forming disk
    old_by_redshift: float  # what a unit of redshift adds to it
    young_by_redshift: float
    arm_contrast: float  # arms are bluer than what lies between them


BANDS = {
    "u": Band(0.0107, 42.0, 1.62, 9.6, 2.60, 1.50, 1.5, 0.8, 1.30),
    "g": Band(0.0038, 88.0, 3.85, 4.0, 0.78, 0.45, 1.6, 0.8, 1.15),
    "r": Band(0.0052, 142.0, 4.71, 1.8, 0.00, 0.00, 0.0, 0.0, 1.00),
    "i": Band(0.0067, 195.0, 5.00, 6.0, -0.38, -0.22, -0.3, -0.2, 0.88),
    "z": Band(0.0320, 120.0, 4.75, 1.0, -0.68, -0.35, -0.5, -0.3, 0.80),
}


def observe(
    table: pd.DataFrame,
    *,
    size: int,
    scale: np.ndarray,
    bands: Sequence[str],
    psf: str,
    psf_fwhm: float,
    sky: float | None,
    noise: float,
    rng: np.random.Generator,
    compressed: bool = False,
) -> np.ndarray:
    """Take images of galaxies, in DN with the sky subtracted.

    Parameters
    ----------
    table : pandas.DataFrame
        What `draw_galaxies` gave, or a part of it.
    size : int
        Pixels a side.
    scale : ndarray of shape (n_galaxies,)
        Arcsec per pixel. Where it is not `PIXEL_SCALE`, the image is what a resampling
        of the camera's pixels gives: DN still count per camera pixel, and the noise
        is averaged or correlated.
    bands : sequence of str
        Letters out of `BANDS`.
    psf : {"moffat", "gaussian"}
        Profile of the seeing.
    psf_fwhm : float
        Its full width at half maximum, arcsec.
    sky : float or None
        DN per camera pixel; None takes the value of each band.
    noise : float
        Factor on the standard deviation of the noise, 0 for none.
    rng : numpy.random.Generator
        Source of randomness.
    compressed : bool, default=False
        Whether the noise is that of a JPEG image.

    Returns
    -------
    ndarray of shape (n_galaxies, n_bands, size, size)
        float32.
    """
    fwhm = psf_fwhm / scale
    margin = int(np.ceil(min(1.5 * float(fwhm.max()), 0.5 * size)))
    full = scipy.fft.next_fast_len(size + 2 * max(margin, 2), real=True)
    old, young, arms, points = _components(table, full, size, scale, rng)
    transfer = psf_transfer(full, fwhm, psf)
    redshift = table["redshift"].to_numpy()
    first = (full - size) // 2
    window = slice(first, first + size)
    images = np.empty((len(table), len(bands), size, size), dtype=np.float32)
    for i, name in enumerate(bands):
        band = BANDS[name]
        weights = [
            10.0 ** (-0.4 * (band.old + band.old_by_redshift * redshift)),
            10.0 ** (-0.4 * (band.young + band.young_by_redshift * redshift)),
        ]
        weights.append(weights[1] * band.arm_contrast)
        # Neighbours are red and blue in equal parts.
        weights.append(np.full(len(table), 10.0 ** (-0.2 * (band.old + band.young))))
        # Nanomaggies per square arcsec of the image become DN per camera pixel.
        unit = (PIXEL_SCALE / scale) ** 2 / band.nanomaggies_per_dn
        light = np.zeros_like(old)
        for part, weight in zip((old, young, arms, points), weights, strict=True):
            light += (weight * unit).astype(np.float32)[:, None, None] * part
        light = convolve(light, transfer)
        if noise:
            level = band.sky if sky is None else sky
            variance = np.maximum(light + np.float32(level), 0.0)
            variance /= np.float32(band.gain)
            variance += np.float32(band.dark_variance)
            grain = rng.standard_normal(light.shape, dtype=np.float32)
            grain *= np.sqrt(variance)
            grain = _resampled_noise(grain, scale)
            if compressed:
                grain *= np.float32(_JPEG_NOISE)
                grain += np.float32(_COMPRESSION_NOISE) * rng.standard_normal(
                    light.shape, dtype=np.float32
                )
            light += np.float32(noise) * grain
        images[:, i] = light[:, window, window]
    return images


def to_nanomaggies(images: np.ndarray, bands: Sequence[str]) -> np.ndarray:
    """Calibrate DN of several bands, shape (n, n_bands, size, size), in place."""
    for i, name in enumerate(bands):
        images[:, i] *= np.float32(BANDS[name].nanomaggies_per_dn)
    return images


def add_sky(images: np.ndarray, bands: Sequence[str], sky: float | None) -> np.ndarray:
    """Make raw counts of sky-subtracted DN: whole numbers with sky and SOFTBIAS."""
    for i, name in enumerate(bands):
        images[:, i] += np.float32(SOFTBIAS + (BANDS[name].sky if sky is None else sky))
    return np.clip(np.rint(images, out=images), 0.0, 65535.0, out=images)


def to_jpeg_like(images: np.ndarray, bands: Sequence[str]) -> np.ndarray:
    """Stretch DN to the 8 bits of the survey's JPEG images (arcsinh)."""
    images = to_nanomaggies(images, bands)
    images *= np.float32(PIXEL_SCALE**-2)
    images += np.float32(_STRETCH_BLACK)
    np.arcsinh(images / np.float32(_STRETCH_SOFT), out=images)
    images *= np.float32(255.0 / np.arcsinh(_STRETCH_WHITE / _STRETCH_SOFT))
    out: np.ndarray = np.clip(np.rint(images), 0.0, 255.0).astype(np.uint8)
    return out


def jpeg_scale(table: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Draw the pixel scale of the Galaxy Zoo JPEGs: the larger, the coarser.

    Parameters
    ----------
    table : pandas.DataFrame
        What `draw_galaxies` gave.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_galaxies,)
        Arcsec per pixel, about 0.048 Petrosian radii.
    """
    # Fewer half-light radii for what is concentrated; measured in circles, so less for
    # what is flat, and more for what the seeing widens.
    petrosian = table["r_e_arcsec"] * (1.75 - 0.4 * table["bulge_fraction"])
    circular = (petrosian * table["axis_ratio"] ** 0.25).to_numpy()
    scatter = np.exp(rng.normal(0.0, 0.08, len(table)))
    out: np.ndarray = np.clip(0.048 * np.hypot(circular, 1.3) * scatter, 0.15, 2.0)
    return out


def _components(
    table: pd.DataFrame,
    full: int,
    size: int,
    scale: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Render old stars, disk, arms and neighbours, r-band nanomaggies per pixel."""

    def column(name: str) -> np.ndarray:
        return table[name].to_numpy()

    n = len(table)
    # A cut-out is centred to within a pixel.
    x, y = 0.5 * (full - 1) + rng.uniform(-0.5, 0.5, size=(2, n))
    angle = np.deg2rad(column("position_angle_deg"))
    flux = 10.0 ** (0.4 * (22.5 - column("magnitude")))
    bulge, extra = column("bulge_fraction"), column("extra_fraction")
    main = flux * (1.0 - extra)
    old = render_sersic(
        main * bulge,
        column("bulge_r_e_arcsec") / scale,
        column("sersic_n"),
        column("bulge_axis_ratio"),
        angle,
        x,
        y,
        full,
    )
    young, arms, points = np.zeros_like(old), np.zeros_like(old), np.zeros_like(old)
    disk = np.flatnonzero(bulge < 1.0)
    if disk.size:
        h = column("disk_scale_arcsec")[disk] / scale[disk]
        q = column("axis_ratio")[disk]
        place = (h, q, angle[disk], x[disk], y[disk])
        young[disk] = render_exponential((main * (1.0 - bulge))[disk], *place, full)
        young[disk] *= _patches(column("patchiness")[disk], h, young[disk], rng)
    # Where a disk is edge-on, arms hide behind each other.
    some = np.flatnonzero((column("n_arms") > 0) & (column("axis_ratio") > 0.25))
    if some.size:
        arms[some] = arm_excess(
            young[some],
            column("disk_scale_arcsec")[some] / scale[some],
            column("axis_ratio")[some],
            angle[some],
            x[some],
            y[some],
            contrast=column("arm_contrast")[some],
            n_arms=column("n_arms")[some],
            pitch=np.deg2rad(column("pitch_angle_deg")[some]),
            phase=column("arm_phase")[some],
            sharpness=column("arm_sharpness")[some],
        )
    some = np.flatnonzero(extra > 0)
    if some.size:
        part = render_sersic(
            (flux * extra)[some],
            column("extra_r_e_arcsec")[some] / scale[some],
            column("extra_n")[some],
            column("extra_axis_ratio")[some],
            column("extra_angle")[some],
            x[some] + column("extra_x_arcsec")[some] / scale[some],
            y[some] + column("extra_y_arcsec")[some] / scale[some],
            full,
        )
        bar = (column("kind")[some] == "spiral")[:, None, None]
        old[some] += np.where(bar, part, 0.0)
        young[some] += np.where(bar, 0.0, part)
    _add_neighbours(points, size, scale, rng)
    return old, young, arms, points


def _patches(
    strength: np.ndarray, h: np.ndarray, disk: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw factors that make a disk patchy and leave its flux as it is."""
    field = rng.standard_normal(disk.shape, dtype=np.float32)
    # A Gaussian of a third of the scale length, at least a pixel, and at most a share
    # of the image, so that there is a pattern on it.
    size = disk.shape[-1]
    width = np.clip(0.33 * h, 1.0, 0.12 * size) * np.sqrt(8.0 * np.log(2.0))
    field = convolve(field, psf_transfer(size, width, "gaussian"))
    field -= field.mean(axis=(1, 2), keepdims=True)
    field /= field.std(axis=(1, 2), keepdims=True)
    factor = np.exp(np.asarray(strength, dtype=np.float32)[:, None, None] * field)
    total = (disk * factor).sum(axis=(1, 2), keepdims=True)
    out: np.ndarray = factor * (
        disk.sum(axis=(1, 2), keepdims=True) / np.maximum(total, 1e-30)
    )
    return out


def _add_neighbours(
    points: np.ndarray, size: int, scale: np.ndarray, rng: np.random.Generator
) -> None:
    """Add stars and far galaxies of r = 16 to 22, about four to a square arcmin."""
    full = points.shape[-1]
    area = (full * scale / 60.0) ** 2
    owner = np.repeat(np.arange(len(points)), rng.poisson(4.0 * area))
    # Counts rise as 10^(0.3 m).
    low, high = 10.0 ** (0.3 * 16.0), 10.0 ** (0.3 * 22.0)
    magnitude = np.log10(low + (high - low) * rng.random(owner.size)) / 0.3
    x, y = rng.uniform(0.0, full - 1.001, size=(2, owner.size))
    # What lies on top of the galaxy would make another galaxy of it.
    apart = np.hypot(x - 0.5 * (full - 1), y - 0.5 * (full - 1)) > 0.1 * size
    flux = 10.0 ** (0.4 * (22.5 - magnitude))
    add_points(points, owner[apart], flux[apart], x[apart], y[apart])


def _resampled_noise(grain: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Average or correlate the noise of camera pixels to that of an image's pixels."""
    zoom = PIXEL_SCALE / scale
    if np.allclose(zoom, 1.0):
        return grain
    # The power at large scales stays. Interpolation smooths by half a camera pixel, the
    # making of a JPEG by half an image pixel.
    grain *= zoom.astype(np.float32)[:, None, None]
    width = np.sqrt((0.45 * zoom) ** 2 + 0.5**2) * np.sqrt(8.0 * np.log(2.0))
    return convolve(grain, psf_transfer(grain.shape[-1], width, "gaussian"))
