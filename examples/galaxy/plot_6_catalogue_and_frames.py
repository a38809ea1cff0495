"""
From a catalogue and frames to labelled cut-outs
================================================

The way from the official files to a classified catalogue: Galaxy Zoo's Table 2, a table
of redshifts, corrected frames of SDSS, and back to object ids. With ``SKASTRO_DATA`` it
reads real files; without, it makes small ones of the same form.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skastro.datasets import make_galaxies
from skastro.galaxy import (
    CutoutNormalizer,
    GalaxyCNNClassifier,
    extract_cutouts,
    flag_labels,
    join_redshift,
    probability_table,
    read_frame,
    read_galaxy_zoo1_table,
    redshift_selection,
    unpack_objid,
)

home = Path(os.environ.get("SKASTRO_DATA", "/nonexistent"))
table_path = home / "galaxy_zoo1" / "gz1_table2_flags_sample.csv.gz"
real = table_path.exists()
print("Data:", "real files." if real else "SIMULATED files (set SKASTRO_DATA).")
simulated = make_galaxies(2000, random_state=0)
if not real:
    flags = pd.get_dummies(simulated.target).astype(int)
    made = pd.DataFrame({"OBJID": simulated.objid, "RA": simulated.ra})
    made = made.assign(DEC=simulated.dec)
    for name in ("spiral", "elliptical", "uncertain"):
        made[name.upper()] = flags[name].to_numpy()
    table_path = Path(tempfile.mkdtemp()) / "table2.csv.gz"
    made.to_csv(table_path, index=False)

# %%
# The catalogue
# -------------
# Ids stay 64-bit integers; repeats are dropped; the flags are read, not recomputed.

table = read_galaxy_zoo1_table(table_path)
labels = flag_labels(table)
print(table.head(3).to_string())
print(labels.value_counts().to_string())

# %%
# Redshifts
# ---------
# Table 2 has none: they are joined by object id from a table of spectra. Here that is
# a simulated one, for the simulated catalogue; the histogram is of real redshifts where
# they are at hand. The thesis keeps 0 < z < 0.2.

catalogue = pd.DataFrame({"objid": simulated.objid, "flag": simulated.target})
spectra = pd.DataFrame({"objid": simulated.objid, "z": simulated.redshift})
joined = join_redshift(catalogue, spectra.sample(1500, random_state=0), how="inner")
kept = redshift_selection(joined["z"])
print(f"{kept.sum()} of {len(joined)} simulated galaxies have 0 < z < 0.2")

redshifts = {
    name: simulated.redshift[simulated.target == name]
    for name in ("spiral", "elliptical")
}
if real:
    redshifts = {
        "spiral": np.load(home / "galaxy_zoo1" / "z_list_sp.npy"),
        "elliptical": np.load(home / "galaxy_zoo1" / "z_list_el.npy"),
    }
figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for (name, z), colour in zip(redshifts.items(), ("#0072B2", "#D55E00"), strict=True):
    share = f"{name}, {redshift_selection(z).mean():.0%} inside"
    ax.hist(z, bins=40, range=(0, 0.4), histtype="step", color=colour, label=share)
ax.axvspan(0, 0.2, color="0.93", zorder=0)
ax.set(xlabel=f"Redshift ({'real' if real else 'simulated'})", ylabel="Galaxies")
ax.legend(title="Selection: 0 < z < 0.2")

# %%
# Frames
# ------
# `read_frame` tells DR7 frames (counts, with sky and offset) from later ones
# (nanomaggies, sky already subtracted). `extract_cutouts` works on celestial
# coordinates, so frames may be turned or have swapped axes.

net = GalaxyCNNClassifier(max_epochs=20, random_state=0)
normalizer = CutoutNormalizer()
clear = np.flatnonzero(simulated.target != "uncertain")[:300]
net.fit(normalizer.fit_transform(simulated.images[clear]), simulated.target[clear])

if real:
    wanted = pd.read_csv(
        home / "sdss_dr7" / "galaxies_in_frames.csv", dtype={"objid": np.int64}
    )
    cutouts, ids = [], []
    for name, group in wanted.groupby("frame"):
        frame = read_frame(home / "sdss_dr7" / name)
        part = extract_cutouts(
            frame,
            group[["ra", "dec"]].to_numpy(),
            ids=group["objid"].to_numpy(),
            edge="drop",
        )
        print(f"{name}: sky {frame.sky:.1f} {frame.unit}, {len(part.kept)} whole")
        cutouts.append(part.images)
        ids.append(part.kept)
    images, objid = np.concatenate(cutouts), np.concatenate(ids)
else:
    images, objid = simulated.images[-5:], simulated.objid[-5:]

parts = unpack_objid(objid)
print(
    "run, camcol, field:", list(zip(parts.run, parts.camcol, parts.field, strict=True))
)

# %%
# And back to a catalogue
# -----------------------
# The net was trained on simulated galaxies, so these numbers show the way and not an
# accuracy.

ready = normalizer.transform(images)
proba = net.predict_proba(ready)
print(probability_table(objid, proba, net.classes_).to_string(index=False))
figure, axes = plt.subplots(
    1, len(ready), figsize=(2.2 * len(ready), 2.4), layout="constrained", squeeze=False
)
for ax, image, i in zip(axes[0], ready, objid, strict=True):
    ax.imshow(image, cmap="gray", origin="lower", vmin=0, vmax=1)
    ax.set_title(str(i), fontsize=7)
    ax.set_axis_off()
plt.show()
