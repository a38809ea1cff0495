"""Simulated X-ray light curves: constant, red noise, flares."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skastro.datasets._arguments import generator, is_number
from skastro.utils._typing import Seed

_KINDS = ("constant", "red_noise", "flare")
# Red noise is cut out of a series this many times longer, so that slow changes are in.
_LONGER = 8
_CHUNK = 1 << 22  # values of such series made at once


def make_light_curves(
    n_samples: int = 300,
    *,
    n_points: int = 100,
    time_step: float = 100.0,
    mean_rate: float = 0.5,
    kinds: Sequence[str] = _KINDS,
    fvar: float = 0.3,
    slope: float = 2.0,
    flare_amplitude: float = 10.0,
    gap_fraction: float = 0.0,
    noise: bool = True,
    return_X_y: bool = False,
    random_state: Seed = None,
) -> Any:
    r"""Simulate light curves of X-ray sources with counting noise.

    Parameters
    ----------
    n_samples : int, default=300
        Number of light curves; the kinds take turns.
    n_points : int, default=100
        Number of bins, 2 or more.
    time_step : float, default=100.0
        Length of a bin, s.
    mean_rate : float, default=0.5
        Count rate, ct/s, before flares; the default is 50 counts in a bin.
    kinds : sequence of {"constant", "red_noise", "flare"}, \
            default=("constant", "red_noise", "flare")
        What is simulated.
    fvar : float, default=0.3
        Fractional RMS amplitude of red noise over a series eight times as long.
    slope : float, default=2.0
        Red noise has a power spectrum that falls with this power of frequency.
    flare_amplitude : float, default=10.0
        Median peak of a flare in units of the quiet rate.
    gap_fraction : float, default=0.0
        Share of the bins that is missing (rate and error NaN), below 1. Two bins at
        least are left.
    noise : bool, default=True
        Whether counts are drawn. If not, rates are the true ones; errors stay.
    return_X_y : bool, default=False
        Return ``(data, target)``.
    random_state : int, RandomState instance, Generator or None, default=None
        Same number, same light curves. The global random state is never touched.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : ndarray of float64 of shape (n_samples, 3, n_points), time (s, the
          middle of the bin), rate and its 1-sigma error (ct/s).
        - ``target`` : ndarray of str of shape (n_samples,), the kind.
        - ``target_names`` : list of str.
        - ``true_rate`` : ndarray of shape (n_samples, n_points), without noise.
        - ``fvar`` : ndarray of shape (n_samples,), fractional RMS amplitude of the true
          rates in the bins that are there.
        - ``DESCR`` : str.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    skastro.xray.VariabilityFeatures : What measures them.

    Notes
    -----
    - Errors are the root of the true expected counts, and all curves have one mean
      rate: a classifier can read the kind off the errors. Before training one, draw
      brightnesses of your own and make errors from observed counts, as the light-curve
      example of the gallery does.
    - Red noise has Fourier coefficients with normal real and imaginary parts, scaled by
      the root of the power spectrum [1]_; it is cut from a series eight times longer,
      and its exponential is taken, so that rates are positive and log-normal [2]_. The
      amplitude within the cut varies from one to the next, and is smaller than `fvar`
      on average for steep spectra: see ``fvar`` of the result.
    - A flare is one jump and an exponential decay over 3 to 20 per cent of the light
      curve, averaged over the bins.
    - Counts are Poisson, without background. The error of a bin is the root of its
      expected counts, not of the drawn ones: with few counts the latter are
      correlated with the rate and zero where there are none.

    References
    ----------
    .. [1] J. Timmer and M. König, A&A 300 (1995) 707-710.
    .. [2] P. Uttley, I. McHardy and S. Vaughan, MNRAS 359 (2005) 345-362.

    Examples
    --------
    >>> from skastro.datasets import make_light_curves
    >>> curves = make_light_curves(6, n_points=50, random_state=0)
    >>> curves.data.shape
    (6, 3, 50)
    >>> curves.target.tolist()
    ['constant', 'red_noise', 'flare', 'constant', 'red_noise', 'flare']
    """
    kinds = list(kinds)
    _check(n_samples, n_points, kinds, gap_fraction)
    for name, value, zero in (
        ("time_step", time_step, False),
        ("mean_rate", mean_rate, False),
        ("fvar", fvar, True),
        ("slope", slope, True),
        ("flare_amplitude", flare_amplitude, True),
    ):
        if not is_number(value, Real) or not np.isfinite(value) or value < 0:
            raise ValueError(f"{name} must be finite and not negative, got {value!r}.")
        if value == 0 and not zero:
            raise ValueError(f"{name} must be positive, got {value!r}.")
    rng = generator(random_state)
    target = np.array([kinds[i % len(kinds)] for i in range(n_samples)])
    shape = np.ones((n_samples, n_points))
    red = np.flatnonzero(target == "red_noise")
    step = max(1, _CHUNK // (_LONGER * n_points))
    for start in range(0, red.size, step):
        part = red[start : start + step]
        shape[part] = _red_noise(part.size, n_points, fvar, slope, rng)
    flares = np.flatnonzero(target == "flare")
    shape[flares] += _flares(flares.size, n_points, flare_amplitude, rng)
    true = mean_rate * shape
    expected = true * time_step
    rate = rng.poisson(expected) / time_step if noise else true.copy()
    # Not less than one count: next to nothing is not measured without error.
    error = np.sqrt(np.maximum(expected, 1.0)) / time_step
    gone = _gaps(n_samples, n_points, gap_fraction, rng)
    rate[gone] = error[gone] = np.nan
    time = np.broadcast_to((np.arange(n_points) + 0.5) * time_step, rate.shape)
    data = np.stack([time, rate, error], axis=1)
    if return_X_y:
        return data, target
    seen = np.where(gone, np.nan, true)
    return Bunch(
        data=data,
        target=target,
        target_names=sorted(set(target.tolist())),
        true_rate=true,
        fvar=np.nanstd(seen, axis=1) / np.nanmean(seen, axis=1),
        DESCR=f"{n_samples} simulated light curves of {n_points} bins of "
        f"{time_step:g} s. See the docstring of skastro.datasets.make_light_curves.",
    )


def _check(n_samples: Any, n_points: Any, kinds: list[str], gap_fraction: Any) -> None:
    """Refuse parameters out of range."""
    for name, value, least in (("n_samples", n_samples, 1), ("n_points", n_points, 2)):
        if not is_number(value, Integral) or value < least:
            raise ValueError(
                f"{name} must be an int of {least} or more, got {value!r}."
            )
    if not kinds or len(set(kinds)) != len(kinds) or not set(kinds) <= set(_KINDS):
        raise ValueError(f"kinds must be different ones out of {_KINDS}, got {kinds}.")
    if not is_number(gap_fraction, Real) or not 0 <= gap_fraction < 1:
        raise ValueError(f"gap_fraction must be in [0, 1), got {gap_fraction!r}.")


def _red_noise(
    n: int, n_points: int, fvar: float, slope: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw positive red noise of mean 1."""
    length = _LONGER * n_points
    frequency = np.fft.rfftfreq(length)[1:]
    amplitude = frequency ** (-0.5 * slope)
    real, imaginary = rng.normal(size=(2, n, frequency.size))
    spectrum = np.zeros((n, frequency.size + 1), dtype=complex)
    spectrum[:, 1:] = amplitude * (real + 1j * imaginary)
    # The highest of an even number of points has no phase.
    spectrum[:, -1] = amplitude[-1] * real[:, -1] * np.sqrt(2.0)
    series = np.fft.irfft(spectrum, n=length, axis=1)
    # What the law has on average, not what this draw happens to have.
    power = amplitude**2
    variance = (4.0 * power[:-1].sum() + 2.0 * power[-1]) / length**2
    # A log-normal law of this fractional amplitude, and mean 1.
    sigma = np.sqrt(np.log1p(fvar**2))
    # It is the same everywhere along the series: the first part does.
    cut = series[:, :n_points] * (sigma / np.sqrt(variance))
    out: np.ndarray = np.exp(cut - 0.5 * sigma**2)
    return out


def _flares(
    n: int, n_points: int, amplitude: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw a flare a light curve, in units of the quiet rate."""
    peak = amplitude * 10.0 ** rng.normal(0.0, 0.2, n)
    decay = n_points * rng.uniform(0.03, 0.2, n)
    start = n_points * rng.uniform(0.05, 0.8, n)
    # The decay is integrated over the bin: from its start, or the flare's, on.
    left = np.maximum(np.arange(n_points) - start[:, None], 0.0)
    right = np.maximum(np.arange(1, n_points + 1) - start[:, None], 0.0)
    decay = decay[:, None]
    out: np.ndarray = (
        peak[:, None] * decay * (np.exp(-left / decay) - np.exp(-right / decay))
    )
    return out


def _gaps(
    n: int, n_points: int, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Mark missing bins, the same number in every light curve."""
    count = min(round(fraction * n_points), n_points - 2)
    order = rng.random((n, n_points)).argsort(axis=1).argsort(axis=1)
    return order < count
