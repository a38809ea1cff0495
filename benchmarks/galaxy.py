"""The galaxy study at the scale of the documentation's tables.

    python benchmarks/galaxy.py [--repeats 10]

Every number of the tables comes from this one command, which writes
``docs/results/galaxy_study.rst``. It takes about half an hour on two cores. Real
cut-outs are used where ``SKASTRO_DATA`` (or ``make data``) has them, else simulated
ones, which the page then says. Numbers of epochs and all settings are fixed in
advance, and the layouts were chosen on unflagged galaxies. The pre-trained nets learn
from the votes of galaxies that have no flag, so they have seen none of the tested ones;
but what follows them (standardised features, blurred copies) was settled after a first
look at splits like these, so their rows may be a little optimistic.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["SKASTRO_SCALE"] = os.environ.get("SKASTRO_BENCH_STUDY", "table")

import joblib
import numpy as np
from _bench import record
from _page import Page
from sklearn.pipeline import make_pipeline

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "galaxy"))
import _study as study

from skastro.galaxy import GalaxyCNNClassifier, ResolutionDegrader
from skastro.model_selection import compare

PAGE = ROOT / "docs" / "results" / "galaxy_study.rst"
FACTORS = (2, 4, 8)
ARMS = {
    "plain": None,
    "rotations and flips": "geometric",
    "with RandomResolution": "resolution",
}


def cost(result: study.Result, k: int) -> str:
    """What a factor costs, with the error that overlapping test sets leave."""
    test = compare(result, result, variant=("original", f"1/{k} bilinear"))
    return f"{test.mean:+.3f} ± {test.standard_error:.3f}"


def row_of(result: study.Result, factors: Sequence[int] = FACTORS) -> dict[str, str]:
    """Write accuracy at every resolution, and the true skill score."""
    row = {
        "sharp": study.mean_ste(result.values("accuracy")),
        "TSS": study.mean_ste(result.values("tss")),
    }
    for k in factors:
        values = result.values("accuracy", variant=f"1/{k} bilinear")
        row[f"1/{k}"] = study.mean_ste(values)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=study.scale.n_repeats)
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument(
        "--brief", action="store_true", help="the compact net's gap only"
    )
    arguments = parser.parse_args()
    n = arguments.repeats
    start = time.perf_counter()
    data = study.load_galaxies(2000)
    head = (
        f"{data.source} Made on {date.today()} by ``python benchmarks/galaxy.py "
        f"--repeats {n}`` on {os.cpu_count()} cores of {platform.machine()}, Python "
        f"{platform.python_version()}. Accuracies are means of {n} stratified splits "
        "of 7 : 3 ± the standard error of the runs, which is too small, since the "
        "splits share galaxies. Epochs were fixed in advance "
        f"({study.scale.thesis_epochs} for the thesis's net, "
        f"{study.scale.compact_epochs} for the compact one)."
    )
    page = Page(arguments.output, "Galaxy morphology across a resolution gap")
    page.text(head)
    X, flag = study.pixels(data.images), data.flag
    clear, flagged = np.isin(flag, study.TWO), np.isin(flag, study.THREE)
    variants = study.degraders(FACTORS)
    epochs = {
        "thesis": study.scale.thesis_epochs,
        "compact": study.scale.compact_epochs,
    }

    def runs_of(layout: str, augment: Any, keep: Any, **options: Any) -> study.Result:
        net = GalaxyCNNClassifier(
            layout=layout, augment=augment, max_epochs=epochs[layout]
        )
        return study.study_of(net, X[keep], flag[keep], n_repeats=n, **options)

    # The gap first: its plain runs are those of two classes too.
    gap: dict[tuple[str, str], study.Result] = {}
    rows = []
    for layout in ("compact",) if arguments.brief else ("thesis", "compact"):
        for arm, augment in ARMS.items():
            gap[layout, arm] = runs_of(layout, augment, clear, test_variants=variants)
            rows.append({"layout": layout, "arm": arm, **row_of(gap[layout, arm])})
        ceiling = {"layout": layout, "arm": "ceiling: trained at that resolution"}
        for k in (4, 8):
            # Inside the pipeline it blurs training and test images alike.
            net = GalaxyCNNClassifier(
                layout=layout, augment="geometric", max_epochs=epochs[layout]
            )
            pipe = make_pipeline(ResolutionDegrader(factor=k), net)
            runs = study.study_of(pipe, X[clear], flag[clear], n_repeats=n)
            ceiling[f"1/{k}"] = study.mean_ste(runs.values("accuracy"))
        rows.append(ceiling)
    page.table("Two classes across the gap (bilinear, block): test accuracy", rows)
    for layout in sorted({layout for layout, _ in gap}):
        better, plain = (gap[layout, arm] for arm in ("with RandomResolution", "plain"))
        for k in (4, 8):
            at = {"variant": f"1/{k} bilinear"}
            record(
                f"galaxy net ({layout}) with RandomResolution, images at 1/{k}",
                peer="the same net, plain",
                score=f"accuracy, {n} splits",
                score_ours=study.mean_ste(better.values("accuracy", **at)),
                score_peer=study.mean_ste(plain.values("accuracy", **at)),
            )

    rows = []
    for (layout, arm), runs in gap.items():
        row = {"layout": layout, "arm": arm}
        rows.append({**row, **{f"1/{k}": cost(runs, k) for k in FACTORS}})
    page.table(
        "What a factor costs: accuracy sharp minus blurred, paired by run, ± corrected "
        "standard error",
        rows,
    )

    recovery_tables(page, gap)
    if arguments.brief:
        return

    rows = []
    for name, keep, balance in (
        ("three classes", flagged, False),
        ("two classes", clear, False),
        ("two, balanced", clear, True),
    ):
        for layout, augment in (("thesis", None), ("compact", "geometric")):
            arm = "plain" if augment is None else "rotations and flips"
            if name == "two classes":
                runs = gap[layout, arm]
            else:
                runs = runs_of(layout, augment, keep, balance=balance)
            row = {"experiment": name, "net": f"{layout}, {arm}"}
            scores = {
                "accuracy": runs.values("accuracy"),
                "TSS": runs.values("tss"),
                "spiral": study.recalls(runs, "spiral"),
                "ell.": study.recalls(runs, "elliptical"),
            }
            for label, values in scores.items():
                row[label] = study.mean_ste(values)
                thesis = study.THESIS[name].get(label, "")
                row[f"thesis's {label}"] = thesis if layout == "thesis" else ""
            rows.append(row)
    page.table(
        "Three classes, two, and two balanced: test scores at the last epoch", rows
    )

    unflagged = np.flatnonzero(flag == "")
    if len(unflagged):
        pretrained_rows(page, X, data, unflagged, clear, flagged, n, gap, variants)
    non_inferiority(page, gap)
    minutes = (time.perf_counter() - start) / 60
    page.text(f"The command took {minutes:.0f} minutes.")


def recovery_tables(page: Page, gap: Mapping[tuple[str, str], study.Result]) -> None:
    """What random resolution recovers, and how many runs reach 0.9."""
    rows = []
    for layout in sorted({layout for layout, _ in gap}):
        better, plain = (
            gap[layout, arm] for arm in ("with RandomResolution", "rotations and flips")
        )
        rows.append({"layout": layout, **study.recovery(better, plain, FACTORS)})
    page.table(
        "What RandomResolution recovers: accuracy with it minus rotations and flips "
        "only, paired by run, ± corrected standard error",
        rows,
    )
    rows = [
        {"layout": layout, "arm": arm, **study.reach(runs, FACTORS)}
        for (layout, arm), runs in gap.items()
    ]
    page.table("Accuracy, and share of runs that reach 0.9", rows)


def pretrained_rows(
    page: Page,
    X: np.ndarray,
    data: Any,
    unflagged: np.ndarray,
    clear: np.ndarray,
    flagged: np.ndarray,
    n: int,
    gap: dict[tuple[str, str], study.Result],
    variants: Mapping[str, Any],
) -> None:
    """Pre-train on votes; serve the flags."""
    winding = np.isin(data.majority_vote, ["CW", "ACW"])
    vote = np.where(winding, "spiral", data.majority_vote)

    def train(augment: str) -> GalaxyCNNClassifier:
        return study.vote_net(augment).fit(X[unflagged], vote[unflagged])

    nets = joblib.Parallel(n_jobs=2, prefer="threads")(
        joblib.delayed(train)(augment) for augment in ("geometric", "resolution")
    )
    sharp, degraded = nets
    rows = []
    for name, model in study.transfer_models(sharp, degraded).items():
        for task, keep in (("two classes", clear), ("three classes", flagged)):
            runs = study.study_of(
                model, X[keep], data.flag[keep], n_repeats=n, test_variants=variants
            )
            rows.append({"model": name, "task": task, **row_of(runs)})
            if task == "two classes":
                gap["pre-trained", name] = runs
    page.text(
        "What follows the pre-trained nets (standardised features, blurred copies) was "
        "settled after a first look at splits like these: these rows may be a little "
        "optimistic."
    )
    page.table("Nets pre-trained on votes of unflagged galaxies: test accuracy", rows)


def non_inferiority(page: Page, gap: dict[tuple[str, str], study.Result]) -> None:
    """Compare blurred scores with the plain thesis net at full resolution."""
    reference = gap["thesis", "plain"]
    rows = []
    for (layout, arm), runs in gap.items():
        if layout != "pre-trained" and arm != "with RandomResolution":
            continue
        test = compare(
            runs,
            reference,
            variant=("1/8 bilinear", "original"),
            margin=0.01,
            alternative="non-inferior",
        )
        rows.append(
            {
                "net at 1/8": f"{layout}, {arm}",
                "minus plain thesis net, sharp": f"{test.mean:+.3f} ± "
                f"{test.standard_error:.3f}",
                "p": f"{test.p_value:.3f}",
                "verdict": test.verdict,
            }
        )
    page.table(
        "Is a net at 1/8 as good as the plain thesis net at full resolution (margin "
        "0.01, paired by run, corrected resampled t-test)?",
        rows,
    )


if __name__ == "__main__":
    main()
