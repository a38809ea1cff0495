"""A simulated catalogue of X-ray sources, as a stand-in for 4XMM with classes."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from skastro.datasets._arguments import generator, is_number
from skastro.datasets._labelled_table import labelled_bunch
from skastro.utils._typing import Seed
from skastro.xray._catalogue import describe
from skastro.xray._simulation import catalogue_flux, draw_sources, observe
from skastro.xray._simulation_classes import CLASSES, MISSING_SHARES, STUDY_COUNTS
from skastro.xray._simulation_counterparts import draw_counterparts
from skastro.xray._spectra import energy_conversion

_DESCR = """Simulated X-ray sources in the manner of 4XMM

{rows} detections of {sources} sources: {counts}.

None of it is an observation: ids, positions and magnitudes are made up. See the
docstring of skastro.datasets.make_xray_sources for the physics and its limits.
"""


def make_xray_sources(
    n_samples: int = 2000,
    *,
    missing: bool = True,
    errors: bool = True,
    counterparts: bool = False,
    n_detections: float = 1.0,
    class_weights: Mapping[str, float] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
    random_state: Seed = None,
) -> Any:
    r"""Simulate a catalogue of X-ray sources of nine classes.

    Absorbed spectra are seen through the response of XMM-Newton's cameras, with the
    counting noise of a field's exposure. Class sizes and gaps follow the X-ray study.
    Seeded, offline, a million rows in seconds.

    Parameters
    ----------
    n_samples : int, default=2000
        Number of rows, that is detections.
    missing : bool, default=True
        Whether values are missing as in the study; else there are no gaps at all.
    errors : bool, default=True
        Whether there are columns with 1-sigma errors.
    counterparts : bool, default=False
        Whether there are magnitudes, parallaxes and proper motions.
    n_detections : float, default=1.0
        Mean number of detections of a source, 1 or more. With more than one, rows of a
        source share its ``source_id`` and must not be split between folds.
    class_weights : mapping of str to float, default=None
        Shares of the classes; they need not add up to 1, and a class that is left out
        is not drawn. None takes those of the study, 7159 AGN to 53 NS_BIN. The counts
        follow them to within one.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Give ``target`` as a Series. The columns have several types, so ``data`` is a
        DataFrame in any case.
    random_state : int, RandomState instance, Generator or None, default=None
        Same number, same catalogue. The global random state is never touched.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : DataFrame, the columns that may be features: no identifiers and
          positions.
        - ``target`` : ndarray of str objects or Series, the class.
        - ``target_names`` : ndarray of str, the classes that there are.
        - ``feature_names`` : list of str, the columns of ``data``.
        - ``frame`` : DataFrame with all columns; ``attrs`` has the units:

          - ``source_id``, ``detection_id`` (int64, without meaning), ``ra``, ``dec``
            (deg), ``pos_err`` (arcsec),
          - ``rate`` (ct/s, 0.2-12 keV), ``flux_1`` .. ``flux_5``, ``flux_8`` (their
            sum), ``flux_9`` (0.5-4.5 keV), in erg/cm2/s,
          - ``hr1_rate`` .. ``hr4_rate``, from count rates,
          - ``extent`` (arcsec, 0 for points), ``det_ml``, ``chi2_prob``, ``fvar``,
          - with `errors`, ``_err`` of rate, fluxes, ratios and fvar,
          - with `counterparts`, ``gmag bpmag rpmag jmag hmag kmag w1mag w2mag``,
            ``parallax`` (mas), ``pm`` (mas/yr) and, with `errors`, theirs.
          - ``label``, the class.

        - ``energy_conversion`` : ndarray of shape (5,), ct/s per erg/cm2/s in bands 1
          to 5: a flux times it is the count rate of the band.
        - ``DESCR`` : str.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    fetch_lin2024_subset : Real XMM-Newton sources with classes.
    skastro.xray.HardnessRatio : Ratios from rates or fluxes.

    Notes
    -----
    - Spectra are power laws (active galaxies, X-ray binaries, pulsars), thin plasmas
      (stars, cataclysmic variables) and black bodies (neutron stars), behind a column
      of their own and that of their field. Cataclysmic variables are drawn at 10 keV,
      which puts them inside the cloud of active galaxies in hardness ratio.
    - Counts in the five bands are Poisson, source and background. Where background
      exceeds the counts, a rate below half a count is left instead of zero. Errors
      are the square root of the counts. Fluxes are rates over the conversion factors
      of one power law (index 1.7, 3e20 per cm2), for every source, as in the real
      catalogues; the effective area behind it is good to ten per cent.
    - A source has S/N 5 or more in its field: the faint end differs by field.
    - Missing values: within a class, ``hrN_rate`` where the two bands together have the
      fewest counts (both rates are zero then, and a neighbouring ratio is +-1),
      ``chi2_prob`` among the faintest, ``fvar`` there and where the least excess
      variance was measured. Their numbers are the study's fractions, to within one
      (0.14 per cent of 50 rows is none).
    - Sources share fields of view with common depth and Galactic column: active
      galaxies and half of the stars all over the sky, binaries and neutron stars near
      the plane and the bulge, young stars in few regions. A split by source flatters.
    - Left out: source confusion, pile-up, spurious detections, redshifted lines, and
      any relation of variability, distance and spectrum within a class. Take scores on
      it as qualitative.

    References
    ----------
    .. [1] R. Morrison and D. McCammon, ApJ 270 (1983) 119-122, on absorption.
    .. [2] N. Webb et al., A&A 641 (2020) A136, on the catalogue.
    .. [3] S. Vaughan et al., MNRAS 345 (2003) 1271-1284, on variability.

    Examples
    --------
    >>> from skastro.datasets import make_xray_sources
    >>> xray = make_xray_sources(500, random_state=0)
    >>> xray.data[["rate", "hr1_rate", "chi2_prob"]].shape
    (500, 3)
    >>> int((xray.target == "AGN").sum())
    224
    >>> X, y = make_xray_sources(500, missing=False, return_X_y=True, random_state=0)
    >>> int(X.isna().sum().sum())
    0
    """
    if not is_number(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"n_samples must be an int of 1 or more, got {n_samples!r}.")
    if not is_number(n_detections, Real) or not 1 <= n_detections < np.inf:
        raise ValueError(f"n_detections must be 1 or more, got {n_detections!r}.")
    rng = generator(random_state)
    counts = _class_counts(int(n_samples), class_weights)
    code, which = _assign(counts, float(n_detections), rng)
    sources = draw_sources(code, rng)
    seen = observe(sources, which, rng)
    label = code[which]
    if missing:
        for i in range(4):
            _zero_bands(seen, i, label)
    columns = _columns(seen)
    if missing:
        _lose_time_series(columns, seen, label, rng)
    if counterparts:
        drawn = draw_counterparts(code, sources.log_flux, rng, missing=missing)
        columns.update({name: values[which] for name, values in drawn.items()})
    number = rng.permutation(code.size)
    rows = rng.permutation(label.size)
    frame = pd.DataFrame(
        {
            # Of the length of real ones, and telling nothing.
            "source_id": 200_000_000_000_001 + 10 * number[which],
            "detection_id": 100_000_000_000_001 + 10 * rng.permutation(label.size),
            **columns,
        }
    )
    if not errors:
        kept = [c for c in frame if not str(c).endswith("_err") or c == "pos_err"]
        frame = frame[kept]
    frame["label"] = np.array(CLASSES, dtype=object)[label]
    frame = frame.iloc[rows].reset_index(drop=True)
    describe(frame, "simulated")
    return _bunch(frame, counts, return_X_y, as_frame)


def _class_counts(
    n_samples: int, class_weights: Mapping[str, float] | None
) -> np.ndarray:
    """Share out the rows, the largest remainders first."""
    weights = dict(STUDY_COUNTS if class_weights is None else class_weights)
    unknown = sorted(set(weights) - set(CLASSES))
    if unknown:
        raise ValueError(
            f"class_weights has {unknown}; the classes are {list(CLASSES)}."
        )
    values = np.array([float(weights.get(name, 0.0)) for name in CLASSES])
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise ValueError(
            "class_weights must be finite, not negative and not all zero, got "
            f"{class_weights!r}."
        )
    exact = n_samples * values / values.sum()
    counts: np.ndarray = np.floor(exact + 1e-9).astype(int)
    rest = np.argsort(-(exact - counts), kind="stable")[: n_samples - counts.sum()]
    counts[rest] += 1
    return counts


def _assign(
    counts: np.ndarray, n_detections: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Make the sources' classes, and the source of every row."""
    code: list[np.ndarray] = []
    which: list[np.ndarray] = []
    start = 0
    for number, rows in enumerate(counts.tolist()):
        n = max(1, round(rows / n_detections)) if rows else 0
        # Each source once, the other rows at random.
        again = rng.integers(n, size=rows - n) if rows > n else np.empty(0, np.intp)
        which.append(start + np.concatenate([np.arange(n), again]))
        code.append(np.full(n, number))
        start += n
    return np.concatenate(code), np.concatenate(which)


def _lowest(
    score: np.ndarray, label: np.ndarray, shares: Mapping[str, float], free: np.ndarray
) -> np.ndarray:
    """Mark, in every class, its share of the rows with the lowest score."""
    marked = np.zeros(label.size, dtype=bool)
    for number, name in enumerate(CLASSES):
        mine = np.flatnonzero(label == number)
        n = round(shares[name] * mine.size)
        mine = mine[free[mine]]
        marked[mine[np.argsort(score[mine], kind="stable")[:n]]] = True
    return marked


def _zero_bands(seen: dict[str, np.ndarray], i: int, label: np.ndarray) -> None:
    """Take both bands of a ratio away where they were all but empty."""
    rate = seen["band_rate"]
    zero = rate == 0.0
    # Next to a gap another would undefine the ratio between them, too; one band at
    # least has to stay.
    free = ~zero[:, i - 1] if i else np.ones(label.size, dtype=bool)
    free &= (~zero).sum(axis=1) > 2
    with np.errstate(divide="ignore"):
        significance = rate[:, i : i + 2] / seen["band_rate_err"][:, i : i + 2]
    gone = _lowest(
        significance.sum(axis=1), label, MISSING_SHARES[f"hr{i + 1}_rate"], free
    )
    rate[gone, i : i + 2] = 0.0


def _columns(seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make the catalogue's columns of what was seen."""
    rate, rate_err = seen["band_rate"], seen["band_rate_err"]
    flux, flux_err = catalogue_flux(rate), catalogue_flux(rate_err)
    columns = {name: seen[name] for name in ("ra", "dec", "pos_err")}
    columns["rate"] = rate.sum(axis=1)
    columns["rate_err"] = np.sqrt((rate_err**2).sum(axis=1))
    for band in range(5):
        columns[f"flux_{band + 1}"] = flux[:, band]
        columns[f"flux_{band + 1}_err"] = flux_err[:, band]
    for name, part in (("flux_8", slice(0, 5)), ("flux_9", slice(1, 4))):
        columns[name] = flux[:, part].sum(axis=1)
        # Fluxes are some 1e-14: their squares are still far from underflow.
        columns[f"{name}_err"] = np.sqrt((flux_err[:, part] ** 2).sum(axis=1))
    for i in range(4):
        soft, hard = rate[:, i], rate[:, i + 1]
        total = np.where(soft + hard > 0, soft + hard, np.nan)
        columns[f"hr{i + 1}_rate"] = (hard - soft) / total
        columns[f"hr{i + 1}_rate_err"] = (
            2.0 * np.hypot(soft * rate_err[:, i + 1], hard * rate_err[:, i]) / total**2
        )
    for name in ("extent", "det_ml", "chi2_prob", "fvar", "fvar_err"):
        columns[name] = seen[name]
    return columns


def _lose_time_series(
    columns: dict[str, np.ndarray],
    seen: dict[str, np.ndarray],
    label: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Take away what faint and steady sources have no value for."""
    everywhere = np.ones(label.size, dtype=bool)
    # Exposures and thresholds differ, so the limit is not sharp.
    brightness = np.log10(seen["counts"]) + rng.normal(0.0, 0.2, label.size)
    faint = _lowest(brightness, label, MISSING_SHARES["chi2_prob"], everywhere)
    order = np.where(faint, -np.inf, seen["excess"])
    steady = _lowest(order, label, MISSING_SHARES["fvar"], everywhere)
    columns["chi2_prob"] = np.where(faint, np.nan, columns["chi2_prob"])
    for name in ("fvar", "fvar_err"):
        columns[name] = np.where(steady, np.nan, columns[name])


def _bunch(
    frame: pd.DataFrame, counts: np.ndarray, return_X_y: bool, as_frame: bool
) -> Any:
    """Pack the frame."""
    there = {name: int(n) for name, n in zip(CLASSES, counts, strict=True) if n}
    return labelled_bunch(
        frame,
        return_X_y,
        as_frame,
        energy_conversion=energy_conversion().copy(),
        DESCR=_DESCR.format(
            rows=len(frame),
            sources=frame["source_id"].nunique(),
            counts=", ".join(f"{name} {n}" for name, n in there.items()),
        ),
    )
