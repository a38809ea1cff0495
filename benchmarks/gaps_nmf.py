"""Non-negative parts of voxel events: time, and how much of the events they explain.

``python benchmarks/gaps_nmf.py`` writes docs/results/gaps_nmf.rst, in some minutes on
one core. Events are the Geant4 files gaps/geant4_fixed.npz and geant4_random.npz of the
folder that SKASTRO_DATA names, or else the sample that the package carries. With
``--quick`` it takes a few events and parts, and only prints.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import date
from pathlib import Path

import numpy as np
import sklearn
from _bench import paired, record, version_of
from _page import Page
from scipy.sparse import csr_array, vstack
from sklearn.preprocessing import Binarizer
from threadpoolctl import threadpool_limits

import skastro
from skastro.gaps import VoxelEvents
from skastro.inspection import NMFParts
from skastro.inspection._explained import explain, mean_row

PAGE = Path(__file__).parents[1] / "docs" / "results" / "gaps_nmf.rst"
SHAPE = (10, 12, 12)
FILES = {"vertical": "geant4_fixed.npz", "random": "geant4_random.npz"}
Events = tuple[csr_array, np.ndarray, np.ndarray]


def load(incidence: str) -> tuple[Events, str]:
    """Rows of stopped events above 0.05 MeV, labels, and whether to train on them."""
    folder = os.environ.get("SKASTRO_DATA")
    path = Path(folder or ".") / "gaps" / FILES[incidence]
    if not folder or not path.exists():
        from skastro.datasets import load_gaps_sample

        X, y = load_gaps_sample(incidence=incidence, as_sparse=True, return_X_y=True)
        return (csr_array(X), y, np.arange(len(y)) % 2 == 0), "the package's sample"
    rows, labels, train = [], [], []
    with np.load(path) as file:
        n = int(file["n_events"])
        for species in ("anti_proton", "anti_deuteron"):
            hits = (file[f"{species}_{k}"] for k in ("event", "voxel", "energy_mev"))
            stopped = file[f"{species}_stopped"]
            rows.append(VoxelEvents(*hits, n_events=n).to_csr()[stopped])
            labels.append(np.full(stopped.sum(), species.replace("_", "")))
            # Events with the same number are twins: they stay on one side.
            train.append(np.flatnonzero(stopped) % 2 == 0)
    X = csr_array(vstack(rows, "csr"))
    return (X, np.concatenate(labels), np.concatenate(train)), f"gaps/{path.name}"


def timing(X: csr_array, n_parts: tuple[int, ...], rounds: int) -> list[dict]:
    """Seconds of a fit of 60 iterations on dense and sparse rows, in turns.

    The dense ones are scikit-learn's; the sparse ones are ours, which end with the
    explained share, so it is timed too.
    """
    from sklearn.decomposition import NMF

    dense = X.toarray()
    out = []
    for k in n_parts:
        settings = {"n_components": k, "max_iter": 60, "tol": 0, "random_state": 0}
        contestants = {
            "NMF, dense rows": (NMF(**settings), dense),
            "NMFParts, cd": (NMFParts(solver="cd", **settings), X),
            "NMFParts, minibatch": (NMFParts(solver="minibatch", **settings), X),
        }
        works = {
            name: lambda model=model, rows=rows: model.fit(rows)
            for name, (model, rows) in contestants.items()
        }
        turns = paired(works, rounds, clock="wall", warm_up=k < 10)
        seconds = {name: min(found) for name, found in turns.seconds.items()}
        explained = {}
        for name, (model, _) in contestants.items():
            if isinstance(model, NMFParts):
                share = model.explained_share_["all"]
            else:
                # `reconstruction_err_` is in float32 here, which is too coarse.
                W = model.transform(dense)
                share = explain(X, W, model.components_, mean_row(X)).share()
            out.append(
                {
                    "K": k,
                    "what": name,
                    "seconds": f"{seconds[name]:.2f}",
                    "ratio": f"{seconds['NMF, dense rows'] / seconds[name]:.1f}",
                    "explained share": f"{100 * share:.2f} %",
                }
            )
            explained[name] = out[-1]["explained share"]
            if name != "NMF, dense rows":
                record(
                    f"{name}, {k} parts, {len(dense):,} events, 60 iterations",
                    peer=f"NMF on dense rows, {version_of('scikit-learn')}",
                    ratios=turns.ratios("NMF, dense rows", name),
                    clock="wall",
                    ours=f"{turns.median(name):.2f} s",
                    score="explained share",
                    score_ours=explained[name],
                    score_peer=explained["NMF, dense rows"],
                )
    return out


def shares(events: Events, incidence: str, n_parts: tuple[int, ...]) -> list[dict]:
    """Explained shares by class, input, centring and number of parts."""
    X, y, train = events
    out = []
    for values in ("energies", "binarised"):
        rows = X if values == "energies" else csr_array(Binarizer().fit_transform(X))
        for center in ("none", "largest"):
            for k in n_parts:
                parts = NMFParts(k, center=center, image_shape=SHAPE, random_state=0)
                start = time.perf_counter()
                parts.fit(rows[train], y[train])
                seconds = time.perf_counter() - start
                test, labels = rows[~train], y[~train]
                held = parts.explained_share(test, labels)
                over = parts.explained_share(test, labels, relative_to="mean")
                for label in parts.classes_.tolist():
                    mean = parts.explained_share_over_mean_[label]
                    out.append(
                        {
                            "incidence": incidence,
                            "values": values,
                            "centred": "yes" if center == "largest" else "no",
                            "K": k,
                            "class": label,
                            "training": f"{100 * parts.explained_share_[label]:.2f}",
                            "held out": f"{100 * held[label]:.2f}",
                            "training, over mean": f"{100 * mean:.2f}",
                            "held out, over mean": f"{100 * over[label]:.2f}",
                            "iterations": str(parts.models_[label].n_iter_)
                            + ("" if parts.converged_[label] else " (limit)"),
                            "solver": type(parts.models_[label]).__name__,
                            "seconds, both": f"{seconds:.1f}",
                        }
                    )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only-time", action="store_true", help="no shares")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    n_parts = (2, 5) if arguments.quick else (2, 90)
    page = Page(None if arguments.quick else PAGE, "Non-negative parts of voxel events")
    page.text(
        f"Made on {date.today()} by ``python benchmarks/gaps_nmf.py`` on one core of "
        f"{platform.machine()}; skastro {skastro.__version__}, scikit-learn "
        f"{sklearn.__version__}. Voxels above 0.05 MeV of events whose primary "
        "stopped. The explained share is 1 - RSS / (sum of all squared values), in per "
        'cent; "over mean" compares with the mean training event instead of with '
        "nothing."
    )
    loaded = {incidence: load(incidence) for incidence in FILES}
    if arguments.quick:
        loaded = {
            k: ((X[::20], y[::20], np.arange(len(y[::20])) % 2 == 0), source)
            for k, ((X, y, _), source) in loaded.items()
        }
    with threadpool_limits(1):
        (X, _, _), source = loaded["random"]
        some = X[np.linspace(0, X.shape[0] - 1, min(4000, X.shape[0])).astype(int)]
        filled = 100 * some.nnz / np.prod(some.shape)
        page.table(
            f"{some.shape[0]} x {some.shape[1]} values, {filled:.2f} % not zero "
            f"({source}, random incidence), common parts, 60 iterations; the ratio is "
            "the time of dense rows over that of the row",
            timing(some, n_parts, arguments.rounds),
        )
        if arguments.only_time:
            return
        for incidence, (events, source) in loaded.items():
            n = int(events[2].sum())
            page.table(
                f"Explained share in per cent, {incidence} incidence ({source}): {n} "
                f"training events, {len(events[1]) - n} held out",
                shares(events, incidence, n_parts),
            )
    X, y, _ = loaded["random"][0]
    every = NMFParts(2, random_state=0).fit(X, y).explained_share_
    page.text(
        f"Two parts of all {len(y)} events of random incidence explain "
        + " and ".join(f"{100 * v:.2f} % ({k}s)" for k, v in every.items())
        + " of these events, energies, not centred: the share of training falls as "
        "events are added, towards that of held-out ones."
    )
    page.text(
        "Parts that are fitted to few events follow those events: where the share of "
        "held-out events is much lower than that of training, the images of the parts "
        "are no property of the class. Centring puts the largest deposit of each event "
        "in one voxel, which explains much of the sum of squares whatever the class."
    )


if __name__ == "__main__":
    main()
