"""Draw X-ray sources and observe them as XMM-Newton's EPIC would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from skastro.xray._simulation_classes import CLASSES, RECIPES, Spectrum
from skastro.xray._simulation_sky import (
    Fields,
    draw_fields,
    offset,
    scatter_in_field,
    to_degrees,
)
from skastro.xray._spectra import band_rates, energy_conversion

# Background counts per second within the extraction circle, bands 1 to 5.
_BACKGROUND = np.array([5e-4, 4e-4, 4e-4, 5e-4, 7e-4])
_SIGMA = 5.0  # faintest signal-to-noise of a source that is in the catalogue
_ARCSEC = np.pi / (180.0 * 3600.0)


@dataclass(frozen=True)
class Sources:
    """True properties, one entry a source."""

    class_code: np.ndarray  # position in CLASSES
    fields: Fields
    direction: np.ndarray  # unit vectors (n, 3)
    rates: np.ndarray  # (n, 5), ct/s for a catalogue flux of one
    log_flux: np.ndarray  # log10 erg/cm2/s
    fvar: np.ndarray
    extent: np.ndarray  # arcsec, 0 for points


def draw_sources(class_code: np.ndarray, rng: np.random.Generator) -> Sources:
    """Draw the sources of a catalogue.

    Parameters
    ----------
    class_code : ndarray of int of shape (n_sources,)
        Positions in `CLASSES`.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Sources
        Bright enough to be detected in their fields.
    """
    n = class_code.size
    site = np.zeros(n, dtype=np.intp)
    for code, mine in _by_class(class_code):
        site[mine] = rng.choice(4, size=mine.size, p=RECIPES[CLASSES[code]].sites)
    fields = draw_fields(site, rng)
    rates = np.empty((n, 5))
    log_flux, fvar, extent = np.empty(n), np.empty(n), np.zeros(n)
    for code, mine in _by_class(class_code):
        recipe = RECIPES[CLASSES[code]]
        through = fields.log_nh[fields.number[mine]]
        if CLASSES[code] != "AGN":
            # Somewhere within the Galaxy, not behind all of it.
            through = through + np.log10(rng.uniform(0.02, 1.0, mine.size))
        rates[mine] = _draw_spectra(recipe.spectra, through, rng)
        fvar[mine] = 10.0 ** rng.normal(*recipe.log_fvar, mine.size)
        wide = mine[rng.random(mine.size) < recipe.extended]
        extent[wide] = rng.uniform(6.0, 20.0, wide.size)
        faintest = np.log10(
            _faintest(rates[mine], fields.exposure[fields.number[mine]])
        )
        mean, spread = recipe.log_flux
        # A normal law cut off below; at the far end its own number is lost.
        lost = special.ndtr((faintest - mean) / spread)
        share = np.minimum(lost + (1 - lost) * rng.random(mine.size), 1 - 1e-12)
        log_flux[mine] = np.maximum(mean + spread * special.ndtri(share), faintest)
    direction = scatter_in_field(fields.center[fields.number], rng)
    # Nothing varies by more than its own mean, by much.
    return Sources(
        class_code, fields, direction, rates, log_flux, np.minimum(fvar, 1.5), extent
    )


def _by_class(class_code: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """List the rows of every class that has any."""
    found = ((code, np.flatnonzero(class_code == code)) for code in range(len(CLASSES)))
    return [(code, rows) for code, rows in found if rows.size]


def _draw_spectra(
    spectra: tuple[Spectrum, ...], log_nh: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw spectra of a class behind the given columns."""
    n = log_nh.size
    kind = rng.choice(len(spectra), size=n, p=[s.share for s in spectra])
    rates = np.empty((n, 5))
    for i, s in enumerate(spectra):
        mine = np.flatnonzero(kind == i)
        own = rng.normal(*s.log_nh, mine.size)
        total = np.log10(10.0**own + 10.0 ** log_nh[mine])
        rates[mine] = band_rates(s.model, rng.normal(*s.parameter, mine.size), total)
    return rates


def _faintest(rates: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Compute the flux that just makes a detection."""
    background = _BACKGROUND.sum() * exposure
    counts = 0.5 * (_SIGMA**2 + np.sqrt(_SIGMA**4 + 4.0 * _SIGMA**2 * background))
    out: np.ndarray = counts / (rates.sum(axis=1) * exposure)
    return out


def observe(
    sources: Sources, which: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Observe sources, some of them perhaps several times.

    Parameters
    ----------
    sources : Sources
        From `draw_sources`.
    which : ndarray of int of shape (n_detections,)
        Number of the source of every detection.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    dict of str to ndarray
        ``ra``, ``dec``, ``pos_err``, ``band_rate`` and ``band_rate_err`` (n, 5), all
        positive, ``counts`` (total, source and background), ``det_ml``, ``extent``,
        ``chi2_prob``, ``excess``, ``fvar`` and ``fvar_err``.
    """
    n = which.size
    field = sources.fields.number[which]
    # Vignetting, and observations of different length.
    exposure = sources.fields.exposure[field] * 10.0 ** rng.normal(0.0, 0.12, n)
    exposure *= rng.uniform(0.5, 1.0, n)
    long_term = np.array([RECIPES[name].long_term for name in CLASSES])
    scatter = rng.normal(size=n) * long_term[sources.class_code[which]]
    flux = 10.0 ** (sources.log_flux[which] + scatter)
    # What is too faint in an observation is not in the catalogue.
    least = _faintest(sources.rates[which], exposure)
    flux = np.maximum(flux, least * (1.0 + 0.3 * rng.exponential(size=n)))
    expected = sources.rates[which] * (flux * exposure)[:, None]
    background = _BACKGROUND * exposure[:, None]
    counts = rng.poisson(expected + background).astype(np.float64)
    net = counts - background
    # The maximum of the likelihood lies near zero, not below.
    net = np.where(net > 0.5, net, rng.uniform(0.01, 0.5, net.shape))
    total, signal = counts.sum(axis=1), net.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = counts * np.log(counts / background) - (counts - background)
    det_ml = np.where(counts > background, gain, 0.0).sum(axis=1)
    pos_err = 0.4 + 3.0 / np.sqrt(signal)
    x, y = rng.normal(size=(2, n)) * pos_err / np.sqrt(2.0) * _ARCSEC
    ra, dec = to_degrees(offset(sources.direction[which], x, y))
    wide = sources.extent[which]
    seen = {
        "ra": ra,
        "dec": dec,
        "pos_err": pos_err,
        "band_rate": net / exposure[:, None],
        "band_rate_err": np.sqrt(np.maximum(counts, 1.0)) / exposure[:, None],
        "counts": total,
        "det_ml": det_ml,
        "extent": np.where(
            wide > 0, np.maximum(wide * rng.normal(1.0, 0.1, n), 1.0), 0.0
        ),
    }
    seen.update(_time_series(sources.fvar[which], total, signal, rng))
    return seen


def _time_series(
    fvar: np.ndarray, total: np.ndarray, signal: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw what the light curves of detections would give."""
    bins = np.clip(total / 20.0, 5.0, 100.0).round()
    noise = bins * total / signal**2  # variance of a bin over the squared mean
    fvar = fvar * 10.0 ** rng.normal(0.0, 0.15, fvar.size)
    degrees = bins - 1.0
    statistic = rng.chisquare(degrees) * (1.0 + fvar**2 / noise)
    constant = special.chdtrc(degrees, statistic)
    # The catalogue has the smallest of the cameras' probabilities.
    lowest = -np.expm1(2.0 * np.log1p(-np.minimum(constant, 1 - 1e-16)))
    excess = noise * (statistic / degrees - 1.0)
    measured = np.sqrt(np.maximum(excess, 0.0))
    with np.errstate(divide="ignore"):
        error = np.hypot(np.sqrt(0.5 / bins) * noise / measured, np.sqrt(noise / bins))
    # For hardly any excess the formula runs away; its square keeps a plain error.
    error = np.minimum(error, np.sqrt(np.sqrt(2.0 / bins) * noise))
    return {
        "chi2_prob": np.clip(lowest, 0.0, 1.0),
        "excess": excess,
        "fvar": measured,
        "fvar_err": error,
    }


def catalogue_flux(rate: np.ndarray) -> np.ndarray:
    """Turn rates in bands 1 to 5 (ct/s) into fluxes (erg/cm2/s)."""
    out: np.ndarray = rate / energy_conversion()
    return out
