"""Optimisers under scikit-learn's parameter names, and learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from skastro.neural_network._quick_adam import QuickAdam

# What `make_optimizer` takes, by the names of the estimators' parameters.
OPTIMIZER_PARAMETERS = (
    "learning_rate_init",
    "beta_1",
    "beta_2",
    "epsilon",
    "momentum",
    "nesterovs_momentum",
    "rho",
    "weight_decay",
)
SOLVERS = ("adadelta", "adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "one_cycle")

# Share of the run in which "one_cycle" rises, and how far below the peak it starts
# and ends.
_WARM_UP = 0.3
_START_DIVISOR = 25.0
_END_DIVISOR = 1e4


def split_parameters(module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Tell the weights of a module from its biases and normalisation.

    Parameters
    ----------
    module : nn.Module
        Any.

    Returns
    -------
    weights : list of Tensor
        What penalties act on.
    others : list of Tensor
        What they do not act on.
    """
    parameters = list(module.parameters())
    return [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]


def make_optimizer(
    weights: list[Tensor],
    others: list[Tensor],
    solver: str,
    *,
    learning_rate_init: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    momentum: float,
    nesterovs_momentum: bool,
    rho: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Make the optimiser of a module.

    Parameters
    ----------
    weights, others : list of Tensor
        What is optimised, from `split_parameters`.
    solver : {"adadelta", "adam", "adamw", "sgd"}
        Which rule.
    learning_rate_init : float
        Step size.
    beta_1, beta_2, epsilon : float
        Of Adam and AdamW; ``epsilon`` of Adadelta too.
    momentum, nesterovs_momentum : float, bool
        Of stochastic gradient descent.
    rho : float
        Decay of Adadelta's averages.
    weight_decay : float
        Decoupled decay of AdamW, on weights only (not on biases or
        normalisation).

    Returns
    -------
    torch.optim.Optimizer
        Fused into one kernel where torch has that.
    """
    everything: Any = [*weights, *others]
    if solver == "adam":
        return QuickAdam(
            everything, lr=learning_rate_init, betas=(beta_1, beta_2), eps=epsilon
        )
    if solver == "adamw":
        groups: Any = [
            {"params": weights, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            [g for g in groups if g["params"]],
            lr=learning_rate_init,
            betas=(beta_1, beta_2),
            eps=epsilon,
            fused=True,
        )
    if solver == "sgd":
        return torch.optim.SGD(
            everything,
            lr=learning_rate_init,
            momentum=momentum,
            nesterov=nesterovs_momentum and momentum > 0,
            fused=True,
        )
    return torch.optim.Adadelta(
        everything, lr=learning_rate_init, rho=rho, eps=epsilon, foreach=True
    )


def learning_rate_factor(schedule: str, progress: float) -> float:
    """Give the learning rate relative to ``learning_rate_init``.

    Parameters
    ----------
    schedule : {"constant", "cosine", "one_cycle"}
        "cosine" falls to zero over the run; "one_cycle" rises from 1/25 over the
        first 30 % and falls to 1e-4, both along a cosine [1]_.
    progress : float
        Share of ``max_epochs`` that is done; beyond 1 it counts as 1.

    Returns
    -------
    float
        Between 0 and 1.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence", arXiv:1708.07120 (2017).
    """
    progress = min(max(progress, 0.0), 1.0)
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    if schedule == "one_cycle":
        if progress < _WARM_UP:
            low, share = 1.0 / _START_DIVISOR, progress / _WARM_UP
            return low + (1.0 - low) * 0.5 * (1.0 - math.cos(math.pi * share))
        low, share = 1.0 / _END_DIVISOR, (progress - _WARM_UP) / (1.0 - _WARM_UP)
        return low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * share))
    return 1.0
