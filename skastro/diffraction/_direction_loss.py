"""What nets that read directions are trained with."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor, nn

# Weight of the term that trains the expected errors. It has no gradient in the
# predictions themselves, so that it cannot trade accuracy for confidence.
_ERROR_TERM = 0.1
# Expected errors (chords) between 1e-4 and 10; beyond, nothing is to be learned.
_LEAST_LOG, _MOST_LOG = -9.2, 2.3


class AbsoluteError(nn.Module):
    """Absolute errors summed over all outputs: the thesis's loss, added over heads."""

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Give the loss, shape (n,)."""
        return (output - y).abs().sum(dim=1)


class AssignedDistance(nn.Module):
    """Distances between predicted and true directions in the best assignment.

    The two directions of a mixture have no order, so a sample has the smallest sum of
    distances over all ways to assign predictions to labels (permutation-invariant
    training [1]_). Outputs beyond the directions are logarithms of expected distances;
    with them comes the negative log-likelihood of an exponential law, log s + e / s, in
    which the distances e are constants.

    Parameters
    ----------
    n_directions : int
        Directions in a label.

    References
    ----------
    .. [1] D. Yu et al., "Permutation invariant training of deep models for
       speaker-independent multi-talker speech separation", ICASSP 2017.
    """

    def __init__(self, n_directions: int) -> None:
        super().__init__()
        self.n_directions = n_directions

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Give the loss, shape (n,)."""
        k = self.n_directions
        distance = assigned_distances(output[:, : 3 * k], y, k)
        loss = distance.sum(dim=1)
        if output.shape[1] > 3 * k:
            log_scale = output[:, 3 * k :].clamp(_LEAST_LOG, _MOST_LOG)
            known = distance.detach() * torch.exp(-log_scale)
            loss = loss + _ERROR_TERM * (log_scale + known).sum(dim=1)
        return loss


def assigned_distances(output: Tensor, y: Tensor, n_directions: int) -> Tensor:
    """Give the distance of each predicted direction from the label assigned to it.

    Parameters
    ----------
    output : Tensor of shape (n, 3 * n_directions)
        Predictions.
    y : Tensor of shape (n, 3 * n_directions)
        Labels in any order.
    n_directions : int
        How many.

    Returns
    -------
    Tensor of shape (n, n_directions)
        In the order of the predictions.
    """
    predicted = output.view(-1, n_directions, 1, 3)
    true = y.view(-1, 1, n_directions, 3)
    # The square root has no slope at zero; a floor keeps its gradient finite.
    table = (predicted - true).square().sum(dim=3).clamp_min(1e-12).sqrt()
    orders = list(permutations(range(n_directions)))
    own = torch.arange(n_directions)
    each = torch.stack([table[:, own, list(order)] for order in orders], dim=1)
    best = each.detach().sum(dim=2).argmin(dim=1)
    return each[torch.arange(len(each), device=each.device), best]


def best_assignment(predicted: Tensor, y: Tensor, n_directions: int) -> Tensor:
    """Order predicted directions as the labels are.

    Parameters
    ----------
    predicted : Tensor of shape (n, 3 * n_directions)
        Predictions.
    y : Tensor of shape (n, 3 * n_directions)
        Labels.
    n_directions : int
        How many.

    Returns
    -------
    Tensor of shape (n, 3 * n_directions)
        The predictions in the order with the smallest sum of distances.
    """
    parts = predicted.view(-1, n_directions, 3)
    orders = torch.tensor(list(permutations(range(n_directions))))
    each = parts[:, orders]
    distance = (each - y.view(-1, 1, n_directions, 3)).norm(dim=3).sum(dim=2)
    best = each[torch.arange(len(each)), distance.argmin(dim=1)]
    return best.reshape(len(best), -1)
