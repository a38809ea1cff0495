"""Features of the fitted primary track."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skastro.gaps._geometry import LAYER_GAP_CM
from skastro.gaps._hits import Hits
from skastro.gaps._track_fit import TrackFit

_SPECIES = ("antiproton", "antideuteron")
_ENDS = ("rest", "flight")
_N_PROFILE = 4

TRACK_NAMES = [
    "track_energy_mev",
    "track_energy_above_stop_mev",
    "stop_energy_mev",
    "track_n_hits",
    "track_is_single",
    "track_length_cm",
    "track_cosine",
    "track_rms_distance_cm",
    "track_missed_wafers",
    "track_first_layer",
    "stop_layer",
    "stop_edge_cm",
    "track_margin",
    *(f"track_energy_up{i}_mev" for i in range(1, _N_PROFILE + 1)),
    *(f"track_loss_up{i}_mev" for i in range(1, _N_PROFILE + 1)),
    "track_energy_first_mev",
    "track_log_ratio",
    "track_log_ratio_all",
    *(f"log_likelihood_{s}" for s in _SPECIES),
    *(f"log_best_{s}" for s in _SPECIES),
    *(f"log_share_{s}_{e}" for s in _SPECIES for e in _ENDS),
    *(f"log_share_all_{s}_{e}" for s in _SPECIES for e in _ENDS),
    *(f"residual_energy_{s}_mev" for s in _SPECIES),
    *(f"star_energy_at_stop_{s}_mev" for s in _SPECIES),
    *(f"beta_{s}" for s in _SPECIES),
    *(f"inverse_cosine_{s}" for s in _SPECIES),
]


def track_features(hits: Hits, fit: TrackFit, half_width_cm: float) -> Tensor:
    """Compute them.

    Parameters
    ----------
    hits : Hits
        Of n events.
    fit : TrackFit
        Of the same.
    half_width_cm : float
        Half of the tracker's width.

    Returns
    -------
    Tensor of shape (n, n_features)
        In the order of ``TRACK_NAMES``.
    """
    dtype = hits.energy.dtype
    stop = hits.energy.gather(1, fit.stop[:, None])[:, 0]
    above = fit.energy.sum(dim=1)
    tangent = fit.slope.norm(dim=1)
    cosine = 1 / (1 + tangent**2).sqrt()
    # The line may be drawn from a hit that is not the highest one on it.
    on = torch.where(fit.used & (hits.energy > 0), hits.layer, fit.stop_layer[:, None])
    top_layer = on.amin(dim=1)
    drop = LAYER_GAP_CM * (fit.stop_layer - top_layer)
    vertex = stop_position(hits, fit)
    up = []
    for i in range(1, _N_PROFILE + 1):
        slot = (fit.n_above - i).clamp(min=0)[:, None]
        there = (fit.n_above >= i).to(dtype)
        up.append(fit.energy.gather(1, slot)[:, 0] * there)
    first = fit.energy[:, 0] * (fit.n_above > 0)
    # At rest or in flight, relative to all: what a mixture would answer.
    by_end, every = fit.evidence, fit.all_evidence
    share = by_end - by_end.flatten(1).logsumexp(dim=1)[:, None, None]
    share_all = every - every.flatten(1).logsumexp(dim=1)[:, None, None]
    evidence = by_end.logsumexp(dim=2)
    evidence_all = every.logsumexp(dim=2)
    columns: list[Tensor] = [
        above + stop,
        above,
        stop,
        fit.n_above + 1,
        fit.single,
        drop / cosine,
        cosine,
        fit.distance,
        fit.missed,
        top_layer,
        fit.stop_layer,
        half_width_cm - vertex[:, :2].abs().amax(dim=1),
        fit.margin,
        *up,
        # Over a path of one thickness, were the wafers crossed straight.
        *(u * cosine for u in up),
        first,
        evidence[:, 1] - evidence[:, 0],
        evidence_all[:, 1] - evidence_all[:, 0],
        *evidence.unbind(1),
        *fit.best.unbind(1),
        *share.flatten(1).unbind(1),
        *share_all.flatten(1).unbind(1),
        *fit.residual.unbind(1),
        *(stop[:, None] - fit.residual).unbind(1),
        *fit.beta.unbind(1),
        *fit.inverse_cosine.unbind(1),
    ]
    return torch.stack([c.to(dtype) for c in columns], dim=1)


def stop_position(hits: Hits, fit: TrackFit) -> Tensor:
    """Give where the primary ended.

    Parameters
    ----------
    hits : Hits
        Of n events.
    fit : TrackFit
        Of the same.

    Returns
    -------
    Tensor of shape (n, 3)
        The middle of that wafer, in cm.
    """
    return hits.position[torch.arange(len(fit.stop)), fit.stop]


def half_width(shape: tuple[int, ...], pitch: float) -> float:
    """Give half of the width of the grid's longer side.

    Parameters
    ----------
    shape : (layers, rows, columns)
        The grid.
    pitch : float
        Between neighbours, in cm.

    Returns
    -------
    float
        In cm.
    """
    return float(np.max(shape[-2:])) * pitch / 2
