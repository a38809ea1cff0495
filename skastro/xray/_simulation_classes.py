"""What the nine classes of the X-ray study look like, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

# Rows of the study (second table of its slides).
STUDY_COUNTS = {
    "AGN": 7159,
    "CV": 375,
    "HM-STAR": 303,
    "HMXB": 331,
    "LM-STAR": 6187,
    "LMXB": 285,
    "NS": 611,
    "NS_BIN": 53,
    "YSO": 650,
}
CLASSES = tuple(STUDY_COUNTS)

# Rows of the study (first table of its slides), and how many of them miss a value.
_ROWS = (7153, 373, 299, 322, 6231, 292, 614, 50, 650)
_MISSING = {
    "hr1_rate": (6, 1, 1, 2, 1, 0, 4, 0, 10),
    "hr2_rate": (1, 0, 0, 0, 0, 1, 0, 0, 0),
    "hr3_rate": (2, 0, 0, 0, 33, 0, 0, 0, 0),
    "hr4_rate": (28, 1, 2, 0, 306, 1, 3, 0, 6),
    "chi2_prob": (4428, 35, 145, 27, 4167, 20, 58, 17, 325),
    "fvar": (6161, 102, 240, 112, 5318, 170, 337, 40, 491),
}
MISSING_SHARES = {
    column: {
        name: n / rows for name, n, rows in zip(CLASSES, counts, _ROWS, strict=True)
    }
    for column, counts in _MISSING.items()
}


@dataclass(frozen=True)
class Spectrum:
    """One kind of spectrum within a class; parameters are normal."""

    share: float
    model: str
    parameter: tuple[float, float]  # index or log10 keV: mean, spread
    log_nh: tuple[float, float]  # of its own, log10 per cm2: mean, spread


@dataclass(frozen=True)
class Counterpart:
    """Magnitudes and motion; pairs are mean and spread of a normal."""

    fx_fo: tuple[float, float]  # log10 of the flux plus G / 2.5
    bp_rp: tuple[float, float]
    g_j: tuple[float, float]
    j_k: tuple[float, float]
    k_w1: tuple[float, float]
    w1_w2: tuple[float, float]
    log_distance: tuple[float, float] | None  # log10 pc; None is beyond parallax
    speed: float  # km/s, of each component on the sky


@dataclass(frozen=True)
class Recipe:
    """How a class is drawn; pairs are mean and spread of a normal."""

    spectra: tuple[Spectrum, ...]
    log_flux: tuple[float, float]  # log10 erg/cm2/s, 0.2-12 keV
    log_fvar: tuple[float, float]  # log10 of the fractional variability
    long_term: float  # spread of log10 of the flux between observations
    sites: tuple[float, float, float, float]  # shares: sky, plane, bulge, nursery
    extended: float  # share with an extent
    counterpart: Counterpart | None


RECIPES = {
    "AGN": Recipe(
        spectra=(
            Spectrum(0.8, "powerlaw", (1.85, 0.25), (19.8, 0.4)),
            Spectrum(0.2, "powerlaw", (1.75, 0.25), (21.9, 0.6)),
        ),
        log_flux=(-13.3, 0.5),
        log_fvar=(-0.9, 0.25),
        long_term=0.15,
        sites=(0.94, 0.04, 0.0, 0.02),
        extended=0.01,
        counterpart=Counterpart(
            (-5.55, 0.55),
            (0.8, 0.4),
            (2.2, 1.0),
            (1.35, 0.35),
            (1.0, 0.4),
            (0.95, 0.33),
            None,
            0.0,
        ),
    ),
    # Bremsstrahlung of 10 keV has the colours of a power law of index 1.4 to 1.6: in
    # hardness ratios these lie inside the cloud of active galaxies.
    "CV": Recipe(
        spectra=(Spectrum(1.0, "plasma", (1.0, 0.2), (20.6, 0.5)),),
        log_flux=(-12.5, 0.8),
        log_fvar=(-0.5, 0.2),
        long_term=0.25,
        sites=(0.5, 0.35, 0.15, 0.0),
        extended=0.01,
        counterpart=Counterpart(
            (-5.5, 1.0),
            (0.8, 0.6),
            (1.7, 0.9),
            (0.7, 0.3),
            (0.25, 0.2),
            (0.2, 0.2),
            (2.8, 0.3),
            25.0,
        ),
    ),
    "HM-STAR": Recipe(
        spectra=(Spectrum(1.0, "plasma", (-0.2, 0.2), (21.5, 0.3)),),
        log_flux=(-13.5, 0.6),
        log_fvar=(-1.0, 0.25),
        long_term=0.08,
        sites=(0.05, 0.7, 0.05, 0.2),
        extended=0.02,
        counterpart=Counterpart(
            (-9.3, 0.8),
            (1.3, 0.8),
            (1.9, 1.0),
            (0.55, 0.35),
            (0.2, 0.17),
            (0.03, 0.15),
            (3.25, 0.25),
            10.0,
        ),
    ),
    "HMXB": Recipe(
        spectra=(Spectrum(1.0, "powerlaw", (1.0, 0.4), (21.9, 0.5)),),
        log_flux=(-11.9, 1.0),
        log_fvar=(-0.4, 0.2),
        long_term=0.5,
        sites=(0.05, 0.85, 0.0, 0.1),
        extended=0.01,
        counterpart=Counterpart(
            (-6.9, 1.0),
            (1.7, 0.8),
            (2.3, 0.7),
            (0.9, 0.5),
            (0.5, 0.35),
            (0.15, 0.15),
            (3.5, 0.25),
            15.0,
        ),
    ),
    "LM-STAR": Recipe(
        spectra=(Spectrum(1.0, "plasma", (-0.12, 0.18), (20.5, 0.5)),),
        log_flux=(-13.7, 0.5),
        log_fvar=(-0.7, 0.3),
        long_term=0.2,
        sites=(0.55, 0.25, 0.05, 0.15),
        extended=0.01,
        counterpart=Counterpart(
            (-9.0, 1.0),
            (1.3, 0.7),
            (1.6, 0.7),
            (0.55, 0.28),
            (0.07, 0.08),
            (0.0, 0.07),
            (2.4, 0.35),
            25.0,
        ),
    ),
    "LMXB": Recipe(
        spectra=(Spectrum(1.0, "powerlaw", (1.8, 0.4), (21.4, 0.5)),),
        log_flux=(-12.3, 1.1),
        log_fvar=(-0.6, 0.25),
        long_term=0.5,
        sites=(0.2, 0.25, 0.55, 0.0),
        extended=0.03,
        counterpart=Counterpart(
            (-5.4, 0.8),
            (1.2, 0.5),
            (2.4, 1.2),
            (0.8, 0.4),
            (0.2, 0.4),
            (0.1, 0.3),
            (3.6, 0.25),
            40.0,
        ),
    ),
    "NS": Recipe(
        spectra=(
            Spectrum(0.6, "powerlaw", (1.6, 0.4), (21.5, 0.6)),
            Spectrum(0.4, "blackbody", (-0.8, 0.2), (20.8, 0.5)),
        ),
        log_flux=(-12.8, 0.9),
        log_fvar=(-1.0, 0.3),
        long_term=0.08,
        sites=(0.2, 0.65, 0.15, 0.0),
        extended=0.03,
        counterpart=None,
    ),
    "NS_BIN": Recipe(
        spectra=(
            Spectrum(0.6, "powerlaw", (2.2, 0.5), (20.8, 0.4)),
            Spectrum(0.4, "blackbody", (-0.75, 0.15), (20.8, 0.4)),
        ),
        log_flux=(-13.7, 0.5),
        log_fvar=(-0.7, 0.25),
        long_term=0.15,
        sites=(0.5, 0.3, 0.2, 0.0),
        extended=0.03,
        counterpart=Counterpart(
            (-5.3, 0.9),
            (1.1, 0.5),
            (2.0, 0.8),
            (0.7, 0.3),
            (0.1, 0.2),
            (0.1, 0.2),
            (3.4, 0.25),
            70.0,
        ),
    ),
    "YSO": Recipe(
        spectra=(Spectrum(1.0, "plasma", (0.3, 0.2), (21.8, 0.4)),),
        log_flux=(-13.8, 0.5),
        log_fvar=(-0.5, 0.25),
        long_term=0.25,
        sites=(0.0, 0.1, 0.0, 0.9),
        extended=0.02,
        counterpart=Counterpart(
            (-7.4, 0.6),
            (2.8, 0.9),
            (3.7, 1.0),
            (1.8, 0.8),
            (0.65, 0.45),
            (0.5, 0.4),
            (2.6, 0.15),
            5.0,
        ),
    ),
}
