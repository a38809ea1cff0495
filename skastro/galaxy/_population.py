"""Draw a population of galaxies as the Sloan survey and Galaxy Zoo 1 saw them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special, stats

from skastro.galaxy._galaxy_zoo_parse import FLAGS
from skastro.galaxy._simulation import half_light_radius

# Weibull shape and scale of the redshifts. Fitted to 1,000 real ones of each class;
# the Kolmogorov-Smirnov distances are 0.05 and 0.07.
REDSHIFT_LAW = {"elliptical": (2.24, 0.163), "spiral": (2.70, 0.108)}
# Mean and spread of the absolute r magnitude, before the survey's limits.
_ABSOLUTE_MAGNITUDE = {
    "elliptical": (-21.8, 0.8),
    "lenticular": (-21.3, 0.8),
    "spiral": (-21.0, 0.9),
    "merger": (-21.0, 0.9),
}
_MAGNITUDE_LIMITS = (13.5, 17.77)
# Which galaxies are proposed for a flag; the votes then decide whether they get it.
_PROPOSALS = {
    "spiral": {"spiral": 1.0},
    "elliptical": {"elliptical": 0.8, "lenticular": 0.2},
    "uncertain": {
        "elliptical": 0.16,
        "lenticular": 0.54,
        "spiral": 0.27,
        "merger": 0.03,
    },
}
_VOTES = ("E", "CW", "ACW", "EDGE", "DK", "MG")
# A redshift at which nothing gets the flag is drawn again after so many trials.
_PATIENCE = 30
# What a vote needs to be decisive, as in Galaxy Zoo 1.
VOTE_THRESHOLD = 0.8
_SURVEY_SEEING = 1.32  # arcsec, median FWHM in r
_HUBBLE_RADIUS_MPC = 299792.458 / 70.0
_OMEGA_MATTER = 0.3


def draw_galaxies(flags: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one galaxy for each flag.

    At a redshift of its class a galaxy is proposed, gets votes from what could be seen
    of it in the survey's seeing, and is drawn again until the votes lead to the wanted
    flag: spiral and elliptical need `VOTE_THRESHOLD` of them.

    Parameters
    ----------
    flags : ndarray of shape (n_galaxies,)
        Of "spiral", "elliptical" and "uncertain".
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    pandas.DataFrame
        One row a galaxy, in this order.
    """
    missing = np.arange(flags.size)
    redshift = _draw_redshifts(flags, rng)
    rows: list[pd.DataFrame] = []
    rounds = 0
    while missing.size:
        rounds += 1
        if rounds % _PATIENCE == 0:
            redshift[missing] = _draw_redshifts(flags[missing], rng)
        table = _propose(flags[missing], redshift[missing], rng)
        _add_votes(table, rng)
        table.index = pd.Index(missing)
        good = (table["flag"] == flags[missing]).to_numpy()
        rows.append(table[good])
        missing = missing[~good]
    return pd.concat(rows).sort_index()


def _draw_redshifts(flags: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from the law of each class, or of either for uncertain ones."""
    names = np.where(rng.random(flags.size) < 0.5, "spiral", "elliptical")
    names = np.where(flags == "uncertain", names, flags)
    laws = np.array([REDSHIFT_LAW[name] for name in names.tolist()]).reshape(-1, 2)
    return np.maximum(laws[:, 1] * rng.weibull(laws[:, 0]), 0.005)


def _propose(
    flags: np.ndarray, redshift: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw galaxies that may or may not get their flag."""
    kind = np.empty(flags.size, dtype="<U10")
    for flag in FLAGS:
        mine = np.flatnonzero(flags == flag)
        names, shares = zip(*_PROPOSALS[flag].items(), strict=True)
        kind[mine] = rng.choice(names, size=mine.size, p=shares)
    modulus, kpc_per_arcsec = _distances(redshift)
    magnitude = _draw_magnitudes(kind, modulus, redshift, rng)
    table = pd.DataFrame({"kind": kind, "redshift": redshift, "magnitude": magnitude})
    _add_shapes(table, magnitude - modulus, kpc_per_arcsec, rng)
    return table


def _distances(redshift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distance modulus and kpc per arcsec (flat universe, H0 = 70)."""
    grid = np.linspace(0.0, max(1.0, float(redshift.max())), 4001)
    rate = 1.0 / np.sqrt(_OMEGA_MATTER * (1.0 + grid) ** 3 + 1.0 - _OMEGA_MATTER)
    steps = 0.5 * (rate[1:] + rate[:-1]) * np.diff(grid)
    comoving = _HUBBLE_RADIUS_MPC * np.interp(
        redshift, grid, np.concatenate([[0.0], np.cumsum(steps)])
    )
    modulus = 5.0 * np.log10(comoving * (1.0 + redshift)) + 25.0
    return modulus, comoving / (1.0 + redshift) * 1000.0 * np.pi / (180.0 * 3600.0)


def _draw_magnitudes(
    kind: np.ndarray,
    modulus: np.ndarray,
    redshift: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw apparent r magnitudes inside the limits of the spectroscopic sample."""
    mean, spread = (
        np.array([_ABSOLUTE_MAGNITUDE[name][i] for name in kind.tolist()])
        for i in (0, 1)
    )
    # A flat spectrum's K correction.
    center = mean + modulus + 2.5 * np.log10(1.0 + redshift)
    low, high = (special.ndtr((limit - center) / spread) for limit in _MAGNITUDE_LIMITS)
    # Far in a tail both are the same number; the limit itself is right there.
    share = np.clip(low + (high - low) * rng.random(kind.size), 1e-12, 1 - 1e-12)
    out: np.ndarray = np.clip(
        center + spread * special.ndtri(share), *_MAGNITUDE_LIMITS
    )
    return out


def _truncated(
    rng: np.random.Generator, n: int, mean: float, std: float, low: float, high: float
) -> np.ndarray:
    """Draw from a normal law cut off at both ends."""
    law = stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)
    out: np.ndarray = law.ppf(rng.random(n))
    return out


def _add_shapes(
    table: pd.DataFrame,
    absolute: np.ndarray,
    kpc_per_arcsec: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Add sizes, flattening, bulge, bar or companion, and spiral arms."""
    n = len(table)
    kind = table["kind"].to_numpy()
    early, lens, late, merger = (kind == k for k in _ABSOLUTE_MAGNITUDE)

    def by_kind(*laws: Callable[[], np.ndarray]) -> np.ndarray:
        return np.select([early, lens, late, merger], [law() for law in laws])

    # Size-luminosity relations of the form of Shen et al. 2003 (MNRAS 343, 978).
    log_kpc = np.where(
        early | lens, 0.58 - 0.25 * (absolute + 21.0), 0.88 - 0.14 * (absolute + 21.0)
    )
    log_kpc += rng.normal(0.0, np.where(early, 0.08, 0.10))
    r_e = 10.0**log_kpc / kpc_per_arcsec

    # The cosine of a random direction; dust dims spirals that are seen edge-on.
    inclination = rng.random(n) ** np.where(late, 0.75, 1.0)
    thin = by_kind(
        lambda: np.ones(n),
        lambda: _truncated(rng, n, 0.25, 0.05, 0.15, 0.4),
        lambda: _truncated(rng, n, 0.16, 0.04, 0.10, 0.25),
        lambda: _truncated(rng, n, 0.30, 0.08, 0.15, 0.5),
    )
    flat = np.sqrt(inclination**2 + thin**2 * (1.0 - inclination**2))
    q = np.where(early, _truncated(rng, n, 0.78, 0.13, 0.4, 1.0), flat)
    bulge = by_kind(
        lambda: np.ones(n),
        lambda: 0.20 + 0.6 * rng.beta(3.0, 3.0, n),
        lambda: 0.02 + 0.55 * rng.beta(1.4, 3.6, n),
        lambda: 0.05 + 0.5 * rng.beta(1.5, 2.5, n),
    )
    index = by_kind(
        lambda: _truncated(rng, n, 4.0, 0.9, 2.0, 6.5),
        lambda: _truncated(rng, n, 2.8, 0.7, 1.2, 4.5),
        lambda: _truncated(rng, n, 1.9, 0.7, 0.8, 4.0),
        lambda: _truncated(rng, n, 2.0, 0.7, 0.8, 4.0),
    )
    # Bulge radius over disk scale length, then both scaled to the total R_e.
    ratio = np.exp(rng.normal(np.log(0.30), 0.30, n)) * np.where(lens, 1.6, 1.0)
    ratio = np.where(early, 1.0, ratio)
    unit = half_light_radius(bulge, ratio, index, np.ones(n))
    h = np.where(early, r_e, r_e / unit)
    table["r_e_arcsec"] = r_e
    table["axis_ratio"] = q
    table["position_angle_deg"] = rng.uniform(0.0, 180.0, n)
    table["bulge_fraction"] = bulge
    table["sersic_n"] = index
    table["bulge_r_e_arcsec"] = h * ratio
    table["bulge_axis_ratio"] = np.where(early, q, 1.0 - 0.5 * (1.0 - q))
    table["disk_scale_arcsec"] = np.where(early, np.nan, h)
    _add_arms(table, late, merger, rng)
    _add_extra(table, h, late, merger, rng)


def _add_arms(
    table: pd.DataFrame, late: np.ndarray, merger: np.ndarray, rng: np.random.Generator
) -> None:
    """Add spiral arms, and the patchiness of the disk."""
    n = len(table)
    table["n_arms"] = np.where(
        late, rng.choice([2, 3, 4], size=n, p=[0.6, 0.2, 0.2]), 0
    )
    pitch = _truncated(rng, n, 18.0, 6.0, 7.0, 36.0) * rng.choice([-1.0, 1.0], size=n)
    table["pitch_angle_deg"] = np.where(late, pitch, np.nan)
    table["arm_contrast"] = np.where(late, 0.75 * rng.beta(2.0, 1.4, n), 0.0)
    table["arm_sharpness"] = rng.uniform(0.7, 2.8, n)
    table["arm_phase"] = rng.uniform(0.0, 2.0 * np.pi, n)
    patchy = np.where(late, rng.uniform(0.1, 0.4, n), 0.0)
    table["patchiness"] = np.where(merger, rng.uniform(0.3, 0.7, n), patchy)


def _add_extra(
    table: pd.DataFrame,
    h: np.ndarray,
    late: np.ndarray,
    merger: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Add one more component: the bar of a spiral or the companion of a merger."""
    n = len(table)
    barred = late & (rng.random(n) < 0.35)
    disk_share = 1.0 - table["bulge_fraction"].to_numpy()
    table["extra_fraction"] = np.select(
        [barred, merger],
        [rng.uniform(0.06, 0.18, n) * disk_share, rng.uniform(0.1, 0.45, n)],
        0.0,
    )
    table["extra_r_e_arcsec"] = h * np.where(
        barred, rng.uniform(0.5, 1.0, n), rng.uniform(0.3, 0.8, n)
    )
    # A bar lies in the disk, whose projection shortens it across the long axis.
    turn = rng.uniform(0.0, np.pi, n)
    q = table["axis_ratio"].to_numpy()
    along = np.sqrt(np.cos(turn) ** 2 + (q * np.sin(turn)) ** 2)
    table["extra_r_e_arcsec"] *= np.where(barred, along, 1.0)
    seen = np.arctan2(q * np.sin(turn), np.cos(turn))
    angle = np.deg2rad(table["position_angle_deg"].to_numpy())
    table["extra_angle"] = angle + np.where(barred, seen, turn)
    table["extra_axis_ratio"] = np.where(
        barred, np.clip(0.35 * q / along**2, 0.12, 1.0), rng.uniform(0.4, 1.0, n)
    )
    table["extra_n"] = np.where(barred, 0.7, 1.5)
    away = np.where(merger, rng.uniform(0.8, 2.2, n) * h, 0.0)
    towards = rng.uniform(0.0, 2.0 * np.pi, n)
    table["extra_x_arcsec"] = away * np.cos(towards)
    table["extra_y_arcsec"] = away * np.sin(towards)


def _add_votes(table: pd.DataFrame, rng: np.random.Generator) -> None:
    """Add what volunteers make of each galaxy, and the flag that follows.

    Arms count as far as the survey resolves them and the noise lets them through, a
    disk as far as it is seen edge-on. The weights were set so that the flags are as
    hard to tell apart by brightness alone as the real ones.
    """
    n = len(table)
    q = table["axis_ratio"].to_numpy()
    r_e = table["r_e_arcsec"].to_numpy()
    disk = 1.0 - table["bulge_fraction"].to_numpy()
    merger = (table["kind"] == "merger").to_numpy()
    resolved = r_e**2 / (r_e**2 + (1.5 * _SURVEY_SEEING) ** 2)
    # Mean surface brightness inside R_e against the sky's noise, mag per arcsec^2.
    brightness = table["magnitude"].to_numpy() + 2.5 * np.log10(2 * np.pi * r_e**2 * q)
    clear = special.expit((23.3 - brightness) / 0.5)
    face_on = special.expit((q - 0.38) / 0.05)
    arms = table["arm_contrast"].to_numpy() * disk * resolved * clear * face_on
    edge = disk * resolved * special.expit((0.30 - q) / 0.04)
    elongated = (1.0 - q) * resolved * (0.4 + 0.6 * disk)
    evidence = 15.0 * arms + 5.0 * edge + 4.0 * elongated - 2.3
    evidence += rng.normal(0.0, 0.35, n)
    spiral = special.expit(evidence)
    lost = 0.02 + 0.10 * (1.0 - clear) + np.where(merger, 0.15, 0.0)
    mixed = np.where(merger, rng.uniform(0.2, 0.7, n), 0.015)
    looks_edge_on = edge / (edge + arms + 0.02)
    forward = (table["pitch_angle_deg"].fillna(1.0) > 0).to_numpy()
    turning = np.where(table["n_arms"] > 0, np.where(forward, 0.9, 0.1), 0.5)
    chances = np.column_stack(
        [
            1.0 - spiral,
            spiral * (1.0 - looks_edge_on) * turning,
            spiral * (1.0 - looks_edge_on) * (1.0 - turning),
            spiral * looks_edge_on,
            np.zeros(n),
            np.zeros(n),
        ]
    )
    chances *= (1.0 - np.minimum(lost + mixed, 0.95))[:, None]
    chances[:, 4:] = np.column_stack([lost, mixed])
    chances /= chances.sum(axis=1, keepdims=True)
    n_votes = 20 + rng.poisson(20, n)
    votes = rng.multinomial(n_votes, chances) / n_votes[:, None]
    table["n_votes"] = n_votes
    # Named as in the official table; "cs" is clockwise, anticlockwise and edge-on.
    names = ("el", "cw", "acw", "edge", "dk", "mg")
    for name, column in zip(names, votes.T, strict=True):
        table[f"p_{name}"] = column
    combined = votes[:, 1:4].sum(axis=1)
    table["p_cs"] = combined
    table["majority_vote"] = np.array(_VOTES)[votes.argmax(axis=1)]
    table["flag"] = np.select(
        [combined >= VOTE_THRESHOLD, votes[:, 0] >= VOTE_THRESHOLD],
        ["spiral", "elliptical"],
        "uncertain",
    )
