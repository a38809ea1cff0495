"""Temperature scaling with a bias a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

# Forests give zeros; a probability below this is none.
SMALLEST = 1e-12


def log_proba(proba: NDArray[np.floating]) -> NDArray[np.float64]:
    """Take logarithms of probabilities, zeros cut at 1e-12.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Their logarithms, in float64.
    """
    return np.log(np.maximum(np.asarray(proba, dtype=np.float64), SMALLEST))


@dataclass(frozen=True)
class TemperatureScaling:
    """softmax(log p / temperature + bias), fitted by `fit`.

    Parameters
    ----------
    temperature : float
        Above 1 for a model that is too sure.
    bias : ndarray of shape (n_classes,)
        Added to the logarithms, sums to 0.
    """

    temperature: float
    bias: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        proba: NDArray[np.floating],
        codes: NDArray[np.integer],
        *,
        sample_weight: NDArray[np.floating] | None = None,
        with_bias: bool = True,
        penalty: float = 1.0,
    ) -> TemperatureScaling:
        """Minimise the log-loss plus penalty / 2 · ||bias||².

        Parameters
        ----------
        proba : ndarray of shape (n, n_classes)
            Probabilities of rows that the model was not trained on.
        codes : ndarray of int of shape (n,)
            Column of each row's class.
        sample_weight : ndarray of shape (n,), default=None
            Weights of rows; None is 1 for all.
        with_bias : bool, default=True
            Whether there is a bias.
        penalty : float, default=1.0
            In units of one sample's log-loss: it holds the bias of a class of few rows
            back and hardly that of a class of many.

        Returns
        -------
        TemperatureScaling
            The fit.
        """
        logs = log_proba(proba)
        n, k = logs.shape
        hit = np.zeros((n, k))
        hit[np.arange(n), codes] = 1.0
        weight = np.ones((n, 1)) if sample_weight is None else sample_weight[:, None]
        hit *= weight
        total = weight.sum()

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            # The inverse temperature is fitted by its logarithm and stays positive.
            slope, bias = np.exp(parameters[0]), parameters[1:]
            z = slope * logs + (bias if with_bias else 0.0)
            log_p = log_softmax(z, axis=1)
            wrong = weight * np.exp(log_p) - hit
            gradient = np.empty(1 + bias.size)
            gradient[0] = slope * np.sum(wrong * logs)
            value = -np.sum(log_p * hit)
            if with_bias:
                value += 0.5 * penalty * bias @ bias
                gradient[1:] = wrong.sum(axis=0) + penalty * bias
            return value / total, gradient / total

        start = np.zeros(1 + (k if with_bias else 0))
        # A tenth to ten times is all that is sensible, and keeps perfect folds finite.
        bounds = [(-np.log(10), np.log(10))] + [(None, None)] * (start.size - 1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        bias = found[1:] - found[1:].mean() if with_bias else np.zeros(k)
        return cls(float(np.exp(-found[0])), bias)

    def __call__(self, proba: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrate probabilities.

        Parameters
        ----------
        proba : ndarray of shape (n, n_classes)
            The model's.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Calibrated ones; rows sum to 1.
        """
        out: NDArray[np.float64] = softmax(
            log_proba(proba) / self.temperature + self.bias, axis=1
        )
        return out
