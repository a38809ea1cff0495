"""What the displays of studies share: looks, labels, panels and legends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._study.preparation import ORIGINAL, Part
from skastro.utils import import_optional

# Okabe and Ito's colours, told apart by nearly everyone, without the pale yellow.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Lines differ in their dashes too, for print in black and white. Training is solid and
# validation dotted, as lectures draw them.
SPLIT_DASHES: dict[str, Any] = {
    "train": "-",
    "validation": (0, (1, 1.1)),
    "test": (0, (5, 1.5)),
}
VARIANT_DASHES: tuple[Any, ...] = ("-.", (0, (7, 1.5, 1, 1.5, 1, 1.5)), (0, (2.5, 1.5)))
BANDS = {
    "std": "standard deviation",
    "ste": "standard error",
    "corrected_ste": "corrected standard error",
    None: "",
}
OPTIMISTIC = "optimistic: chosen on test data"
_METRICS = {"tss": "TSS", "r2": "R²", "roc_auc": "ROC AUC", "mcc": "MCC"}


def metric_label(metric: str) -> str:
    """Name a metric for an axis: "neg_mean_squared_error" becomes readable."""
    if metric in _METRICS:
        return _METRICS[metric]
    words = metric.replace("_", " ")
    if words.startswith("neg "):
        words = f"negative {words[4:]}"
    return words[:1].upper() + words[1:]


def part_label(split: str, variant: str) -> str:
    """Name a part for a legend."""
    return split if variant == ORIGINAL else f"{split}, {variant}"


def part_dashes(parts: Sequence[Part]) -> dict[Part, Any]:
    """Give every part its dashes; a part that stands alone is solid."""
    if len(parts) == 1:
        return {parts[0]: "-"}
    dashes, variants = {}, 0
    for part in parts:
        if part[1] == ORIGINAL:
            dashes[part] = SPLIT_DASHES.get(part[0], "-")
        else:
            dashes[part] = VARIANT_DASHES[variants % len(VARIANT_DASHES)]
            variants += 1
    return dashes


def as_list(given: str | Iterable[str]) -> list[str]:
    """Take one name for a list of one."""
    return [given] if isinstance(given, str) else list(given)


def as_studies(result: Any) -> dict[str, Any]:
    """Take one study, or several by name; one alone has no name."""
    if not isinstance(result, Mapping):
        return {"": result}
    if not result:
        raise ValueError("There is no study to draw: the dict is empty.")
    named = {str(name): study for name, study in result.items()}
    if len(named) < len(result):
        raise ValueError(f"Two studies have the same name: {list(result)}.")
    return named


def choose_parts(
    result: Any, splits: str | Iterable[str] | None, variants: Any
) -> list[Part]:
    """List the parts of the wanted splits; variants are those of the test part."""
    wanted = list(result.splits) if splits is None else as_list(splits)
    unknown = [split for split in wanted if split not in result.splits]
    if unknown or not wanted:
        raise ValueError(f"There is no split {unknown}; there are {result.splits}.")
    if variants is not None and "test" not in wanted:
        raise ValueError(
            f"variants are versions of the test part, and splits={wanted} leaves it "
            "out."
        )
    shown = choose_variants(result, variants)
    parts = [
        part
        for split in wanted
        for part in ([(split, v) for v in shown] if split == "test" else [(split, "")])
    ]
    return [(split, variant or ORIGINAL) for split, variant in parts]


def choose_variants(result: Any, variants: str | Iterable[str] | None) -> list[str]:
    """List the wanted test variants, of which None means all."""
    wanted = list(result.variants) if variants is None else as_list(variants)
    unknown = [variant for variant in wanted if variant not in result.variants]
    if unknown or not wanted:
        raise ValueError(f"There is no variant {unknown}; there are {result.variants}.")
    return wanted


def epoch_table(
    result: Any, metrics: Sequence[str], parts: Sequence[Part]
) -> pd.DataFrame:
    """Average the curves of a study over its repeats, one row an epoch."""
    if len(result.epochs) < 2:
        raise ValueError(
            "This study has one score a repeat and no curve over the epochs: its "
            "estimator has no partial_fit with max_epochs or max_iter above 1, stops "
            'by itself, or record="final" was set. ScoreDistributionDisplay draws the '
            "final scores."
        )
    tables = []
    n = result.n_repeats
    for metric in metrics:
        for split, variant in parts:
            curve = result.curve(metric, split=split, variant=variant)
            # One run has no spread; NaN draws no band.
            std = (
                curve.std(axis=0, ddof=1) if n > 1 else np.full(curve.shape[1], np.nan)
            )
            columns = {
                "metric": metric,
                "split": split,
                "variant": variant,
                "epoch": result.epochs,
                "mean": curve.mean(axis=0),
                "std": std,
                "ste": std / np.sqrt(n),
                "corrected_ste": std * np.sqrt(1.0 / n + result.rows_ratio(split)),
                "n": n,
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def check_band(band: str | None, n_bands: int) -> None:
    """Refuse unknown bands."""
    if band not in BANDS:
        raise ValueError(f"band must be one of {list(BANDS)}, got {band!r}.")
    if n_bands % 1 != 0 or n_bands < 1:
        raise ValueError(f"n_bands must be a whole number from 1, got {n_bands!r}.")


def draw_curve(
    ax: Any, table: pd.DataFrame, band: str | None, n_bands: int, **look: Any
) -> tuple[Any, list[Any]]:
    """Draw a mean curve and its nested bands."""
    epoch, mean = table["epoch"].to_numpy(), table["mean"].to_numpy()
    (line,) = ax.plot(epoch, mean, linewidth=1.8, **look)
    bands = []
    if band is not None and table[band].notna().any():
        half = table[band].to_numpy()
        bands = [
            ax.fill_between(
                epoch,
                mean - k * half,
                mean + k * half,
                color=line.get_color(),
                alpha=0.15,
                linewidth=0,
            )
            for k in range(1, int(n_bands) + 1)
        ]
    return line, bands


def band_note(counts: Iterable[int], band: str | None, n_bands: int) -> str:
    """Say what lines and bands are, for the title of a legend."""
    low, high = min(counts := list(counts)), max(counts)
    if high == 1:
        return "one run: no error is known"
    runs = f"{low}" if low == high else f"{low} to {high}"
    note = f"mean of {runs} repeats"
    if band is None:
        return note
    widths = " and ".join(f"± {k}" for k in range(1, int(n_bands) + 1))
    return f"{note}, {widths} {BANDS[band]}{'s' * (n_bands > 1)}"


def make_panels(ax: Any, n: int, size: tuple[float, float]) -> tuple[list[Any], bool]:
    """Make or take `n` axes beside each other; tell whether their figure is new."""
    pyplot = import_optional("matplotlib.pyplot", extra="plot")
    if ax is None:
        _, axes = pyplot.subplots(
            1, n, figsize=(size[0] * n, size[1]), layout="constrained", squeeze=False
        )
        return list(axes[0]), True
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) == n:
        return list(given), False
    place = given[0].get_subplotspec() if len(given) == 1 else None
    if place is None:
        raise ValueError(f"{n} axes are needed, got {len(given)}.")
    # One place in a grid is divided. A layout engine makes room for labels itself.
    figure = given[0].figure
    given[0].set_axis_off()
    arranged = figure.get_figure(root=True).get_layout_engine() is not None
    grid = place.subgridspec(1, n, wspace=None if arranged else 0.4)
    return [figure.add_subplot(grid[0, i]) for i in range(n)], False


def drawn_width(ax: Any) -> float:
    """Give the width of axes in points, once they have been laid out."""
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    return float(ax.get_window_extent().width * 72.0 / figure.dpi)


def dress_axes(ax: Any, *, epochs: bool = True) -> None:
    """Give axes the common look."""
    ax.grid(alpha=0.3, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    if epochs:
        ticker = import_optional("matplotlib.ticker", extra="plot")
        ax.set_xlabel("Epoch")
        ax.xaxis.set_major_locator(
            ticker.MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10])
        )
        ax.margins(x=0.02)


def add_legend(
    axes: Sequence[Any], own_figure: bool, handles: Sequence[Any], title: str
) -> Any:
    """Put one legend where it covers no curve."""
    figure, labels = axes[0].figure, [str(handle.get_label()) for handle in handles]
    if own_figure:
        room = figure.get_size_inches()[0] * 72.0
        fitting = [n for n in range(2, len(labels) + 1) if _width(labels, n) <= room]
        return figure.legend(
            handles=handles,
            title=title or None,
            loc="outside lower center",
            ncols=max(fitting, default=1),
            frameon=False,
            fontsize="small",
            title_fontsize="small",
        )
    letters = max(16, int(drawn_width(axes[0]) / 4.6) - 8)
    legend = axes[0].legend(
        handles=handles,
        labels=[textwrap.fill(label, letters) for label in labels],
        title=textwrap.fill(title, letters) or None,
        fontsize="x-small",
        title_fontsize="x-small",
        framealpha=0.85,
        edgecolor="none",
    )
    _make_room(axes[0], legend)
    return legend


def _width(labels: Sequence[str], n_columns: int) -> float:
    """Estimate the width of a legend in points, filled column by column."""
    columns = np.array_split(np.array([len(label) for label in labels]), n_columns)
    return sum(4.3 * float(column.max()) + 42.0 for column in columns)


def _make_room(ax: Any, legend: Any) -> None:
    """Raise the top of axes if no place for a legend is free of curves."""
    ax.get_figure(root=True).draw_without_rendering()
    box, frame = legend.get_window_extent().padded(2), ax.get_window_extent()
    curves = [line for line in ax.get_lines() if line.get_transform() == ax.transData]
    if not any(
        ax.transData.transform_path(line.get_path()).intersects_bbox(box, False)
        for line in curves
    ):
        return
    share = min(0.6, box.height / frame.height + 0.04)
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1.0 - share))
    legend.set_loc("upper right")
