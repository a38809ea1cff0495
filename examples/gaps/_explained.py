"""What the GAPS study asks of a net's maps, and whether they deserve belief."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _gaps_study import BACKGROUND, SIGNAL

from skastro.gaps import PrimaryTrackMasker, VoxelSummary
from skastro.inspection import (
    GradCAM,
    cam_mass_shares,
    near_largest,
    occlusion_maps,
    perturbation_curves,
    randomized_weights_check,
)

# The study's maps, and the ones that say what the net's score is made of: gradient
# times value of each voxel, as the net scales it ("scale" is its first part; the
# deposits themselves have no gradient where the net binarises them).
METHODS: dict[str, dict[str, Any]] = {
    "Grad-CAM, last convolution": {},
    "Grad-CAM, second convolution": {"layer": "convolutions.1"},
    "HiResCAM at the voxels, signed": {
        "layer": "scale",
        "method": "hirescam",
        "signed": True,
    },
}
LAST, SECOND, FAITHFUL = METHODS
# Mistakes from which a mean is compared.
LEAST = 5
OCCLUSION = "occlusion, hit by hit"
REGIONS = ("near the largest", "primary track", "secondaries", "no hit")


def regions(X: np.ndarray) -> dict[str, np.ndarray]:
    """Mark what lies where in every event, from the deposits alone.

    "near the largest" is the largest deposit and its six neighbours, which may be of
    the track or not; the other three are all voxels, each once.
    """
    track = PrimaryTrackMasker().track_mask(X)
    hit = X > 0
    masks = (near_largest(X), track, hit & ~track, ~hit & ~track)
    return dict(zip(REGIONS, masks, strict=True))


def maps_of(net: Any, X: np.ndarray, *, occlusion: bool = False) -> dict[str, Any]:
    """Explain the predicted class of each event by every method."""
    found = {name: GradCAM(net, **kw)(X) for name, kw in METHODS.items()}
    if occlusion:
        found[OCCLUSION] = occlusion_maps(net, X, X.shape[1:])
    return found


def share_rows(maps: Mapping[str, np.ndarray], X: np.ndarray) -> list[dict[str, str]]:
    """Tabulate the mean shares of maps and of the energy in the regions.

    Of signed maps what speaks for and against the class counts alike.
    """
    masks = regions(X)
    sources = {"energy (no net)": X, **maps}
    rows = []
    for name, values in sources.items():
        table = cam_mass_shares(values, masks, part="absolute")
        row = {"map": name}
        for region in REGIONS:
            mass = table[region, "mass"]
            row[region] = f"{mass.mean():.2f}"
        rows.append(row | {"events without mass": f"{mass.isna().mean():.1%}"})
    sizes = {region: f"{masks[region].mean():.3f}" for region in REGIONS}
    return [*rows, {"map": "flat map (share of the grid)", **sizes}]


class Faith(NamedTuple):
    """Perturbation curves of a method by name, and their table."""

    curves: dict[str, Any]
    rows: list[dict[str, str]]


def faithfulness(
    net: Any,
    X: np.ndarray,
    maps: Mapping[str, np.ndarray],
    seed: int = 0,
    n_random: int = 1,
) -> Faith:
    """Ask whether the prediction follows the maps more than random orders of hits."""
    curves, rows = {}, []
    predicted = net.predict(X)
    for name, values in maps.items():
        found = perturbation_curves(
            net, X, values, only_nonzero=True, n_random=n_random, random_state=seed
        )
        curves[name] = found
        summary = found.summary()
        row = {"map": name}
        for kind in ("deletion", "insertion"):
            line = summary.loc[kind]
            row[f"{kind}: gain"] = f"{line['gain']:+.3f} ± {line['std_error']:.3f}"
        areas = found.areas()
        gain = areas["random_deletion"] - areas["deletion"]
        for label in (SIGNAL, BACKGROUND):
            here = gain[predicted == label]
            mean = f"{here.mean():+.3f}" if len(here) else "-"
            row[f"deletion, taken for {label}"] = mean
        rows.append(row)
    return Faith(curves, rows)


def randomised_rows(net: Any, X: np.ndarray, seed: int = 0) -> list[dict[str, str]]:
    """Say how far maps keep their order while weights are drawn anew, top down."""
    rows = []
    for name, parameters in METHODS.items():
        cam = GradCAM(net, **parameters)
        table = randomized_weights_check(cam, X, n_repeats=2, random_state=seed)
        values = table["rank_correlation"].iloc[1:]
        rows.append(
            {
                "map": name,
                "last layer random": f"{values.iloc[0]:+.2f}",
                "all layers random": f"{values.iloc[-1]:+.2f}",
                "events left out": f"{table['undefined'].iloc[-1]:.0%}",
            }
        )
    return rows


def describe(X: np.ndarray, maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Give what the study says of its mistakes as numbers, one row an event."""
    summary = VoxelSummary().set_output(transform="pandas").fit_transform(X)
    table = pd.DataFrame(
        {
            "stop layer": summary["stop_layer"],
            "track (cm)": summary["track_length_cm"],
            "track (MeV)": summary["track_energy_mev"],
            "largest (MeV)": summary["energy_max_mev"],
            "hits": summary["n_hits"],
        }
    )
    near = {"near": near_largest(X)}
    for name, values in maps.items():
        short = name.split(" ")[0].rstrip(",")
        shares = cam_mass_shares(values, near, part="absolute")
        table[f"{short} near largest"] = shares["near", "mass"]
    return table


def mistake_rows(
    table: pd.DataFrame, y: np.ndarray, predicted: np.ndarray
) -> list[dict[str, str]]:
    """Tabulate means by true and predicted class, with their standard errors."""
    rows = []
    for true in (BACKGROUND, SIGNAL):
        for taken in (true, SIGNAL if true == BACKGROUND else BACKGROUND):
            here = table[(y == true) & (predicted == taken)]
            row = {"true": true, "taken for": taken, "events": str(len(here))}
            for name, column in here.items():
                row[str(name)] = (
                    f"{column.mean():.2f} ± {column.sem():.2f}"
                    if column.count() > 1
                    else "-"
                )
            rows.append(row)
    return rows


def difference(
    table: pd.DataFrame, y: np.ndarray, predicted: np.ndarray, true: str, column: str
) -> tuple[float, float]:
    """Compare the mistakes of a class with its correct events: difference and error."""
    wrong = table.loc[(y == true) & (predicted != true), column]
    right = table.loc[(y == true) & (predicted == true), column]
    if min(wrong.count(), right.count()) < LEAST:
        return float("nan"), float("nan")
    return float(wrong.mean() - right.mean()), float(np.hypot(wrong.sem(), right.sem()))


def missed_rows(
    y: np.ndarray, energy: np.ndarray, binarised: np.ndarray
) -> list[dict[str, str]]:
    """Follow the events that the net on energies missed into the binarised net."""
    rows = []
    for label in (BACKGROUND, SIGNAL):
        here = y == label
        lost, after = (energy != y) & here, (binarised != y) & here
        both = lost & after
        n_lost, n_kept = lost.sum(), (here & ~lost).sum()
        rows.append(
            {
                "true class": label,
                "events": str(here.sum()),
                "missed with energies": str(n_lost),
                "of these missed binarised": f"{both.sum()}"
                + (f" ({both.sum() / n_lost:.0%})" if n_lost else ""),
                "of the others missed binarised": f"{(after & ~lost).sum()}"
                + (f" ({(after & ~lost).sum() / n_kept:.0%})" if n_kept else ""),
                "missed binarised": str(after.sum()),
            }
        )
    return rows
