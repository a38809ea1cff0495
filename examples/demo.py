"""The tour: one stop a domain, a table and pictures each; ``make demo`` runs it.

Small nets, few epochs and two runs, so that a stop takes about a minute: the numbers
show the way, the gallery in ``examples/`` and the tables of the documentation have more
runs. Figures go to ``demo_output/``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent / "galaxy"))
import _study as study

from skastro.galaxy import (
    GalaxyCNNClassifier,
    ResolutionCurveDisplay,
    ResolutionDegrader,
)

OUTPUT = Path(__file__).resolve().parents[1] / "demo_output"
N_REPEATS = 2
THESIS_EPOCHS = 10
COMPACT_EPOCHS = 25
FACTORS = (2, 4, 8)


def galaxy() -> None:
    """Galaxy morphology across a resolution gap."""
    data = study.load_galaxies(800)
    images, flag = study.pixels(data.images), data.flag
    clear, flagged = np.isin(flag, study.TWO), np.isin(flag, study.THREE)
    variants = study.degraders(FACTORS)

    rows = []
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
    tasks = {
        "three classes": (flagged, False),
        "two classes": (clear, False),
        "two, balanced": (clear, True),
    }
    runs = {}
    for ax, (name, (keep, balance)) in zip(axes, tasks.items(), strict=True):
        runs[name] = study.repeated_runs(
            GalaxyCNNClassifier(layout="thesis"),
            images[keep],
            flag[keep],
            n_repeats=N_REPEATS,
            epochs=THESIS_EPOCHS,
            balance=balance,
            variants=variants,
        )
        study.draw_confusion(runs[name], ax, name)
        row = {"experiment": name, "images": runs[name].n_train + runs[name].n_test}
        for label, metric in (
            ("accuracy", "accuracy"),
            ("TSS", "TSS"),
            ("spiral", "spiral"),
            ("ell.", "elliptical"),
        ):
            row[label] = f"{runs[name].of(metric).mean():.3f}"
            row[f"thesis {label}"] = study.THESIS[name].get(label, "")
        rows.append(row)
    figure.savefig(OUTPUT / "galaxy_confusion.png", dpi=120)
    study.show_table(
        f"The thesis's net: test scores after {THESIS_EPOCHS} epochs, mean of "
        f"{N_REPEATS} runs,\nbeside the thesis's (30 runs of about 150 epochs, chosen "
        "on test data, SDSS cut-outs at 0.396 arcsec a pixel)",
        rows,
    )

    arms = {"thesis net, plain": runs["two classes"]}
    for name, augment in (
        ("compact net, rotations and flips", "geometric"),
        ("compact net + RandomResolution", "resolution"),
    ):
        arms[name] = study.repeated_runs(
            GalaxyCNNClassifier(augment=augment),
            images[clear],
            flag[clear],
            n_repeats=N_REPEATS,
            epochs=COMPACT_EPOCHS,
            variants=variants,
        )
    rows, curves = [], []
    for arm, result in arms.items():
        row = {"trained on sharp images": arm}
        for k in (1, *FACTORS):
            values = result.of("accuracy", "original" if k == 1 else f"1/{k} bilinear")
            row["sharp" if k == 1 else f"1/{k}"] = f"{values.mean():.3f}"
            curves += [
                {"factor": k, "arm": arm, "repeat": r, "value": v}
                for r, v in enumerate(values)
            ]
        rows.append(row)
    thesis = {"trained on sharp images": "thesis, read off its figures"}
    rows.append({**thesis, "1/2": "~0.9", "1/4": "~0.9"})
    study.show_table(
        "The resolution gap, two classes: test accuracy on blurred images (bilinear)",
        rows,
    )
    display = ResolutionCurveDisplay.from_scores(pd.DataFrame(curves), hue="arm")
    display.plot(score_name="Test accuracy").figure_.savefig(
        OUTPUT / "galaxy_resolution_gap.png", dpi=120, bbox_inches="tight"
    )
    contact_sheet(images[clear], flag[clear])


def contact_sheet(images: np.ndarray, labels: np.ndarray) -> None:
    """Show galaxies at full resolution and blurred."""
    figure, axes = plt.subplots(4, 6, figsize=(9, 6.4), layout="constrained")
    shown = np.concatenate(
        [np.flatnonzero(labels == label)[:3] for label in ("spiral", "elliptical")]
    )
    factors = (1, 2, 4, 8)
    for row, factor in zip(axes, factors, strict=True):
        blurred = ResolutionDegrader(factor=factor).fit_transform(images[shown])
        for ax, image, i in zip(row, blurred, shown, strict=True):
            ax.imshow(image, cmap="gray", origin="lower", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            if factor == 1:
                ax.set_title(labels[i], fontsize=9)
        row[0].set_ylabel("original" if factor == 1 else f"1/{factor}")
    figure.savefig(OUTPUT / "galaxy_images.png", dpi=120)


STOPS: dict[str, Callable[[], None]] = {"Galaxy morphology": galaxy}


def main() -> None:
    """Make the tour."""
    OUTPUT.mkdir(exist_ok=True)
    for title, stop in STOPS.items():
        start = time.perf_counter()
        print(f"\n=== {title}")
        stop()
        print(f"\n({time.perf_counter() - start:.0f} s)")
    pictures = ", ".join(sorted(p.name for p in OUTPUT.glob("*.png")))
    print(f"\nPictures in {OUTPUT.name}/: {pictures}")


if __name__ == "__main__":
    main()
