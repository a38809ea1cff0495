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

for folder in ("diffraction", "galaxy", "training", "xray"):
    sys.path.insert(0, str(Path(__file__).resolve().parent / folder))
import _fashion as fashion
import _patterns as patterns
import _sources as sources
import _study as study
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.pipeline import make_pipeline

from skastro.calibration import ReliabilityDisplay, RiskCoverageDisplay
from skastro.datasets import load_gaps_sample, make_diffraction_patterns
from skastro.diffraction import (
    CorrelationMapDisplay,
    DiffractionPatternDisplay,
    DirectionErrorDisplay,
    KinematicSimulator,
    TemplateMatcher,
    cartesian_to_uvw,
    orientation_pipeline,
)
from skastro.galaxy import (
    GalaxyCNNClassifier,
    ResolutionCurveDisplay,
    ResolutionDegrader,
)
from skastro.gaps import GAPSVoxelClassifier, VoxelSummary, read_voxel_events
from skastro.inspection import GradCAM, GradCAMDisplay
from skastro.metrics import (
    classification_summary,
    direction_angle,
    direction_summary,
    efficiency_at_rejection,
)
from skastro.model_selection import (
    EpochCurveDisplay,
    MeanConfusionMatrixDisplay,
    OverfittingDisplay,
    RejectionCurveDisplay,
    repeated_holdout,
)
from skastro.utils import get_data_home
from skastro.xray import SkyMapDisplay, xray_pipeline

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
        "three classes": (flagged, None),
        "two classes": (clear, None),
        "two, balanced": (clear, True),
    }
    runs = {}
    for ax, (name, (keep, balance)) in zip(axes, tasks.items(), strict=True):
        with study.workers():
            runs[name] = repeated_holdout(
                GalaxyCNNClassifier(layout="thesis", max_epochs=THESIS_EPOCHS),
                images[keep],
                flag[keep],
                n_repeats=N_REPEATS,
                balance=balance,
                test_variants=variants,
                **study.FIXED_EPOCHS,
            )
        result = runs[name]
        MeanConfusionMatrixDisplay.from_result(result).plot(ax=ax, colorbar=False)
        ax.set_title(name)
        row = {"experiment": name, "images": result.n_train[0] + result.n_test[0]}
        scores = {
            "accuracy": result.values("accuracy"),
            "TSS": result.values("tss"),
            "spiral": study.recalls(result, "spiral"),
            "ell.": study.recalls(result, "elliptical"),
        }
        for label, values in scores.items():
            row[label] = f"{values.mean():.3f}"
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
        arms[name] = study.study_of(
            GalaxyCNNClassifier(augment=augment, max_epochs=COMPACT_EPOCHS),
            images[clear],
            flag[clear],
            n_repeats=N_REPEATS,
            test_variants=variants,
        )
    rows, curves = [], []
    for arm, result in arms.items():
        row = {"trained on sharp images": arm}
        for k in (1, *FACTORS):
            variant = "original" if k == 1 else f"1/{k} bilinear"
            values = result.values("accuracy", variant=variant)
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


def overfitting() -> None:
    """Dense image nets, and whether they over-fit."""
    data = fashion.load_images()
    results, rows = {}, []
    for size in fashion.SIZES:
        net = fashion.study_net(size, "none", data.shape)
        results[size] = fashion.overfitting_study(net, data)
        row = fashion.verdict_row(results[size], len(data.y_train))
        rows.append({"net": f"{size} {fashion.SIZES[size]}", **row})
    n_train = results["baseline"].n_train[0]
    fashion.show_table(
        f"Three nets of the lecture on {n_train} images, {fashion.scale.n_repeats} "
        "splits; the epoch is chosen on validation images",
        rows,
    )
    print(f"\nbaseline: {fashion.diagnose(results['baseline'], len(data.y_train))}")
    curves = EpochCurveDisplay.from_results(results, metric=["loss", "accuracy"]).plot()
    curves.figure_.savefig(OUTPUT / "overfitting_nets.png", dpi=120)
    display = OverfittingDisplay.from_result(
        results["baseline"],
        diagnosis=fashion.diagnose(results["baseline"], len(data.y_train)),
    ).plot()
    display.figure_.savefig(OUTPUT / "overfitting_baseline.png", dpi=120)


def xray() -> None:
    """X-ray sources in eight or nine classes, and what may be believed of them."""
    frame, y, _ = sources.load_chandra(2000)
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.5, stratify=y, random_state=0
    )
    truth, known = y[test], frame.iloc[train]
    models = {
        "study's preset, X-rays alone": xray_pipeline(frame, "study", random_state=0),
        "recommended, X-rays alone": xray_pipeline(
            frame, counterparts=False, n_jobs=2, random_state=0
        ),
        "recommended, with counterparts": xray_pipeline(
            frame, n_jobs=2, random_state=0
        ),
    }
    short = dict(zip(models, ("study", "recommended", "counterparts"), strict=True))
    rows, per_class, proba, predicted = [], {}, {}, {}
    for name, model in models.items():
        model.fit(known, y[train])
        proba[name] = model.predict_proba(frame.iloc[test])
        predicted[name] = model.predict(frame.iloc[test])
        found = classification_summary(
            truth, proba[name], y_pred=predicted[name], labels=model.classes_
        )
        value = found.overall["value"]
        columns = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "ece")
        row = {c.replace("_", " "): f"{value[c]:.3f}" for c in columns}
        rows.append({"classifier": name} | row)
        per_class[name] = found.per_class["f1"]
    sources.show_table(
        f"{len(train):,} sources to learn from, {len(test):,} to test on (the study's "
        f"own accuracy, on other sources: {sources.STUDY_ACCURACY:.3f})",
        rows,
    )
    print("\nF1 of the classes")
    print(pd.DataFrame(per_class).T.round(2).to_string())

    name, model = list(models.items())[-1]
    figure, ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    MeanConfusionMatrixDisplay.from_predictions(truth, predicted[name]).plot(
        ax=ax, xticks_rotation=60
    )
    ax.set_title(name)
    figure.savefig(OUTPUT / "xray_confusion.png", dpi=120)
    figure, axes = plt.subplots(
        2, 3, figsize=(12, 5.4), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    for column, (title, stated) in zip(axes.T, proba.items(), strict=True):
        ReliabilityDisplay.from_predictions(
            truth, stated, labels=model.classes_, name=short[title]
        ).plot(column, min_count=5)
    figure.savefig(OUTPUT / "xray_reliability.png", dpi=120)
    display = RiskCoverageDisplay.from_predictions(
        truth, predicted[name], proba[name].max(axis=1), name=name
    ).plot(thresholds=[0.5, 0.8, 0.9])
    display.figure_.savefig(OUTPUT / "xray_risk_coverage.png", dpi=120)
    sky = SkyMapDisplay.from_frame(frame).plot()
    sky.figure_.savefig(OUTPUT / "xray_sky.png", dpi=120, bbox_inches="tight")


def diffraction() -> None:
    """Orientations of silver grains, and of two grains in one pattern."""
    images, (silver,), scale, zones, _ = patterns.load_silver()
    single = orientation_pipeline(silver, scale, max_g=1.4).fit(images[:2])
    alone = single.predict(images[:2])
    pair = orientation_pipeline(silver, scale, n_matches=2, max_g=1.4).fit(images[2:])
    clean = pair[:-1].transform(images[2:])
    result = pair[-1].match(clean)
    off = direction_angle(zones, alone, laue_group="m-3m").ravel()
    mixed = direction_angle(
        zones.reshape(1, 6), result.directions.reshape(1, 6), laue_group="m-3m"
    )[0]
    rows = []
    for k, zone in enumerate(patterns.SILVER_ZONES):
        uvw = cartesian_to_uvw(alone[[k]], silver)[0]
        rows.append(
            {
                "known zone": str(list(zone)),
                "found, alone": "[" + " ".join(f"{v:.2f}" for v in uvw + 0.0) + "]",
                "off by": f"{off[k]:.2f}°",
                "in the mixture, off by": f"{mixed[k]:.2f}°",
            }
        )
    patterns.show_table("Silver, from raw detector images to zones in one call", rows)
    figure, axes = plt.subplots(1, 3, figsize=(13.5, 5.0), layout="constrained")
    axes[0].imshow(images[2] ** 0.25, cmap="gray_r")
    axes[0].set(title="Raw mixture of two grains", xticks=[], yticks=[])
    overlay = DiffractionPatternDisplay.from_estimator(pair[-1], clean, result=result)
    overlay.plot(axes[1])
    axes[1].set_title("Indexed")
    CorrelationMapDisplay.from_estimator(pair[-1], clean, y_true=zones).plot(axes[2])
    axes[2].set_title("Correlation with all zones")
    figure.savefig(OUTPUT / "diffraction_silver.png", dpi=120)

    found, rows = {}, []
    for name, counts in (("clean", None), ("10,000 electrons", 1e4)):
        simulator = KinematicSimulator("anatase", counts=counts)
        X, y = make_diffraction_patterns(
            200, n_directions=2, simulator=simulator, return_X_y=True, random_state=0
        )
        matcher = TemplateMatcher(n_matches=2).fit(X)
        start = time.perf_counter()
        match = matcher.match(X)
        rate = len(X) / (time.perf_counter() - start)
        predicted = match.directions.reshape(len(X), 6)
        summary = direction_summary(y, predicted)
        found[name] = direction_angle(y, predicted)
        rows.append(
            {
                "pairs of anatase grains": name,
                "median, better": f"{summary.angles.loc['better', 'median']:.2g}°",
                "median, worse": f"{summary.angles.loc['worse', 'median']:.2g}°",
                **{f"both < {x:g}°": f"{v:.1%}" for x, v in summary.shares.items()},
                "flagged": int(match.residual_flag.sum()),
                "a second": f"{rate:.0f}",
            }
        )
    patterns.show_table(
        f"{len(X)} SIMULATED mixtures, 224 x 224 pixels: folded angles to the truth",
        rows,
    )
    display = DirectionErrorDisplay(errors=found).plot()
    display.figure_.savefig(OUTPUT / "diffraction_errors.png", dpi=120)


def gaps() -> None:
    """Antideuterons among antiprotons in a voxel tracker, and where a net looks."""
    path = get_data_home() / "gaps" / "geant4_random.npz"
    if path.exists():
        events = read_voxel_events(path)
        events = events[events.truth["stopped"].to_numpy()]
        where = "the Geant4 file"
        groups = events.truth["group"].to_numpy()
    else:
        events = load_gaps_sample(incidence="random").events
        where = "the carried Geant4 sample"
        groups = np.arange(len(events))
    X, y = events.to_csr(), np.asarray(events.target)
    split = GroupShuffleSplit(1, test_size=0.4, random_state=0)
    train, test = next(split.split(X, y, groups))
    cnn = GAPSVoxelClassifier(layout="conv3d", max_epochs=3, random_state=0)
    boosting = HistGradientBoostingClassifier(max_features=0.2, random_state=0)
    models = {
        "three-dimensional CNN": cnn,
        "boosting on physics features": make_pipeline(VoxelSummary(), boosting),
        "hybrid": GAPSVoxelClassifier(max_epochs=8, random_state=0),
    }
    figure, ax = plt.subplots(figsize=(6.4, 5.0), layout="constrained")
    rows = []
    for name, model in models.items():
        model.fit(X[train], y[train])
        signal = list(model.classes_).index("antideuteron")
        proba = model.predict_proba(X[test])[:, signal]
        row = {
            "model": name,
            "accuracy": f"{np.mean((proba > 0.5) == (y[test] == 'antideuteron')):.3f}",
        }
        for one in efficiency_at_rejection(
            y[test], proba, [10, 100], pos_label="antideuteron"
        ):
            row[f"kept, 1 antiproton in {one.rejection:g}"] = (
                f"below {one.upper_limit:.2f}"
                if np.isnan(one.efficiency)
                else f"{one.efficiency:.2f} ({one.low_total:.2f}-{one.high_total:.2f})"
            )
        rows.append(row)
        RejectionCurveDisplay.from_predictions(
            y[test], proba, pos_label="antideuteron", name=name
        ).plot(ax=ax)
    patterns.show_table(
        f"{len(test)} stopped events of {where}, random incidence, "
        f"{len(train)} to train",
        rows,
    )
    figure.savefig(OUTPUT / "gaps_rejection.png", dpi=120)
    chosen = test[np.flatnonzero(y[test] == "antideuteron")[:6]]
    volumes = X[chosen].toarray().reshape(-1, *events.shape)
    # At the input: the last maps of this net are too coarse to be faithful.
    cam = GradCAM(cnn, layer="input", method="hirescam", signed=True)
    maps = cam(volumes, target="antideuteron")
    shown = int(np.argmax((volumes > 0).sum(axis=(1, 2, 3))))
    display = GradCAMDisplay.from_maps(maps, volumes).plot(shown, kind="projections")
    display.figure_.savefig(OUTPUT / "gaps_attribution.png", dpi=120)


STOPS: dict[str, Callable[[], None]] = {
    "Galaxy morphology": galaxy,
    "Image classification and over-fitting": overfitting,
    "X-ray sources": xray,
    "Crystal orientation": diffraction,
    "Antiparticles in a voxel tracker": gaps,
}


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
