"""Optical and infrared counterparts of simulated X-ray sources."""

from __future__ import annotations

import numpy as np

from skastro.xray._simulation_classes import CLASSES, RECIPES

# Magnitudes at which Gaia, 2MASS and WISE end.
_LIMITS = {
    "gmag": 20.8,
    "bpmag": 20.6,
    "rpmag": 20.2,
    "jmag": 16.6,
    "hmag": 15.9,
    "kmag": 15.4,
    "w1mag": 17.2,
    "w2mag": 16.5,
}
_KM_S_PER_MAS_PC = 4.740470463e-3
# Only as faint fillers, where gaps are not wanted: no star belongs to a neutron star.
_NOTHING = (25.0, 0.3)


def draw_counterparts(
    class_code: np.ndarray,
    log_flux: np.ndarray,
    rng: np.random.Generator,
    *,
    missing: bool,
) -> dict[str, np.ndarray]:
    """Draw magnitudes, parallaxes and proper motions of sources.

    Parameters
    ----------
    class_code : ndarray of int of shape (n_sources,)
        Positions in `CLASSES`.
    log_flux : ndarray of shape (n_sources,)
        log10 of the X-ray flux, erg/cm2/s.
    rng : numpy.random.Generator
        Source of randomness.
    missing : bool
        Whether what the surveys would not have seen is NaN.

    Returns
    -------
    dict of str to ndarray of shape (n_sources,)
        ``gmag``, ``bpmag``, ``rpmag``, ``jmag``, ``hmag``, ``kmag``, ``w1mag``,
        ``w2mag`` and their ``_err``; ``parallax`` and ``parallax_err`` (mas), ``pm``
        and ``pm_err`` (mas/yr).
    """
    n = class_code.size
    true = {name: np.empty(n) for name in _LIMITS}
    distance = np.full(n, np.inf)
    speed = np.zeros(n)
    for code, class_name in enumerate(CLASSES):
        mine = np.flatnonzero(class_code == code)
        recipe = RECIPES[class_name].counterpart
        if recipe is None:
            for name in _LIMITS:
                true[name][mine] = rng.normal(*_NOTHING, mine.size)
            continue
        g = 2.5 * (rng.normal(*recipe.fx_fo, mine.size) - log_flux[mine])
        g = np.clip(g, 3.0, None)
        bp_rp, g_j, j_k, k_w1, w1_w2 = (
            rng.normal(*colour, mine.size)
            for colour in (
                recipe.bp_rp,
                recipe.g_j,
                recipe.j_k,
                recipe.k_w1,
                recipe.w1_w2,
            )
        )
        k = g - g_j - j_k
        found = (
            g,
            g + 0.45 * bp_rp,
            g - 0.55 * bp_rp,
            g - g_j,
            k + 0.3 * j_k,
            k,
            k - k_w1,
            k - k_w1 - w1_w2,
        )
        for name, values in zip(_LIMITS, found, strict=True):
            true[name][mine] = values
        if recipe.log_distance is not None:
            distance[mine] = 10.0 ** rng.normal(*recipe.log_distance, mine.size)
            speed[mine] = recipe.speed
    out: dict[str, np.ndarray] = {}
    for name, limit in _LIMITS.items():
        # A tenth of a magnitude at the limit; bright stars have the floor.
        error = np.clip(0.1 * 10.0 ** (0.4 * (true[name] - limit)), 0.003, 0.4)
        out[name] = true[name] + error * rng.normal(size=n)
        out[f"{name}_err"] = error
    astrometric = np.clip(0.02 * 10.0 ** (0.28 * (true["gmag"] - 14.0)), 0.02, 3.0)
    out["parallax"] = 1000.0 / distance + astrometric * rng.normal(size=n)
    out["parallax_err"] = astrometric
    motion = rng.normal(size=(2, n)) * speed / (_KM_S_PER_MAS_PC * distance)
    out["pm"] = np.hypot(*(motion + astrometric * rng.normal(size=(2, n))))
    out["pm_err"] = astrometric.copy()
    if missing:
        for name, limit in _LIMITS.items():
            unseen = true[name] > limit + rng.normal(0.0, 0.2, n)
            _blank(out, name, unseen)
        _blank(out, "parallax", np.isnan(out["gmag"]))
        _blank(out, "pm", np.isnan(out["gmag"]))
    return out


def _blank(out: dict[str, np.ndarray], name: str, rows: np.ndarray) -> None:
    """Take values and their errors away."""
    out[name][rows] = np.nan
    out[f"{name}_err"][rows] = np.nan
