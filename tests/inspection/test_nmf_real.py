"""Parts of real events: two parts explain about one per cent of inclined tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array, vstack

from skastro.inspection import NMFParts


def stopped_events(data_home: Path, name: str) -> tuple[csr_array, np.ndarray]:
    """Events above 0.05 MeV whose primary stopped, as sparse rows."""
    path = data_home / "gaps" / f"geant4_{name}.npz"
    if not path.exists():
        pytest.skip(f"gaps/geant4_{name}.npz is not at hand")
    rows, labels = [], []
    with np.load(path) as file:
        n = int(file["n_events"])
        for species in ("anti_proton", "anti_deuteron"):
            event, voxel, energy, stopped = (
                file[f"{species}_{what}"]
                for what in ("event", "voxel", "energy_mev", "stopped")
            )
            kept = energy >= 0.05
            table = csr_array(
                (energy[kept], (event[kept], voxel[kept])), shape=(n, 1440)
            )
            rows.append(table[stopped])
            labels += [species.replace("_", "")] * int(stopped.sum())
    return csr_array(vstack(rows, "csr")), np.array(labels)


@pytest.mark.real_data
def test_two_parts_explain_about_one_per_cent_of_random_incidence(
    data_home: Path,
) -> None:
    X, y = stopped_events(data_home, "random")
    parts = NMFParts(2, image_shape=(10, 12, 12), random_state=0).fit(X, y)
    for share in parts.explained_share_.values():
        assert 0.008 < share < 0.012
    # The mean event explains a part of even that.
    for label, share in parts.explained_share_over_mean_.items():
        assert 0.004 < share < parts.explained_share_[label]


@pytest.mark.real_data
def test_vertical_incidence_has_parts_worth_the_name(data_home: Path) -> None:
    X, y = stopped_events(data_home, "fixed")
    parts = NMFParts(2, image_shape=(10, 12, 12), random_state=0).fit(X[::2], y[::2])
    held_out = parts.explained_share(X[1::2], y[1::2])
    for label in parts.classes_:
        assert parts.explained_share_[label] > 0.5
        assert abs(held_out[label] - parts.explained_share_[label]) < 0.03
    # Antideuterons go deeper: their parts lie in deeper layers.
    depth = {}
    for label in parts.classes_:
        layers = parts.part_images(label).sum(axis=(2, 3))
        depth[label] = (layers @ np.arange(10) / layers.sum(axis=1)).mean()
    assert depth["antideuteron"] > depth["antiproton"] + 1
