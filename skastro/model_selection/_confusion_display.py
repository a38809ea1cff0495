"""The mean confusion matrix of repeats or of folds, with its spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from skastro.metrics._class_data import (
    check_classes,
    check_labels,
    check_length,
    check_weights,
    encode_classes,
    sorted_classes,
)
from skastro.model_selection._drawing import OPTIMISTIC, drawn_width
from skastro.model_selection._source_groups import number_entries
from skastro.model_selection._study.preparation import ORIGINAL
from skastro.model_selection._study.tables import mean_confusion
from skastro.utils import import_optional

_SHARES = {
    "true": "Share of the true class",
    "pred": "Share of the predicted class",
    "all": "Share of all test rows",
    None: "Test rows",
}


class MeanConfusionMatrixDisplay:
    """Confusion matrix: mean ± standard deviation over the repeats or folds.

    Make it with `from_result` or `from_predictions`, then call `plot`.

    Parameters
    ----------
    mean : ndarray of shape (n_classes, n_classes)
        Rows are true classes. NaN where a class never occurred.
    std : ndarray of shape (n_classes, n_classes)
        Spread of one run; NaN where it is not known, as for a single repeat.
    display_labels : array-like of shape (n_classes,), default=None
        Names of the classes; None numbers them.
    normalize : {"true", "pred", "all"} or None, default="true"
        What sums to one in each repeat; None is counts.
    n_repeats : int, default=None
        Number of repeats, for the title.
    rule : {"validation", "test-mean", "last"}, default=None
        How the epochs were chosen; "test-mean" is labelled optimistic.
    variant : str, default="original"
        Version of the test part, for the title.
    support : array-like of shape (n_classes,), default=None
        Members of each true class in all runs, written beside its name.
    runs : str, default="repeats"
        What the runs are called in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Its figure.
    im_ : matplotlib AxesImage
        The coloured matrix.
    text_ : ndarray of shape (n_classes, n_classes) of matplotlib Text, or None
        The numbers in it.
    colorbar_ : matplotlib Colorbar or None
        Its scale.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : The matrix of one run.
    RepeatedHoldoutResult.confusion_matrix : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skastro.model_selection import (
    ...     MeanConfusionMatrixDisplay, repeated_holdout)
    >>> X, y = load_wine(return_X_y=True)
    >>> study = repeated_holdout(DecisionTreeClassifier(max_depth=3), X, y,
    ...                          n_repeats=5, random_state=0, verbose=0)
    >>> display = MeanConfusionMatrixDisplay.from_result(study)
    >>> display.mean.sum(axis=1).round(6).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        *,
        mean: np.ndarray,
        std: np.ndarray,
        display_labels: Any = None,
        normalize: str | None = "true",
        n_repeats: int | None = None,
        rule: str | None = None,
        variant: str = ORIGINAL,
        support: Any = None,
        runs: str = "repeats",
    ) -> None:
        self.mean = mean
        self.std = std
        self.display_labels = display_labels
        self.normalize = normalize
        self.n_repeats = n_repeats
        self.rule = rule
        self.variant = variant
        self.support = support
        self.runs = runs

    @classmethod
    def from_result(
        cls,
        result: Any,
        *,
        variant: str = ORIGINAL,
        normalize: str | None = "true",
        select: str | None = None,
        display_labels: Any = None,
    ) -> MeanConfusionMatrixDisplay:
        """Average the confusion matrices of a study.

        Parameters
        ----------
        result : RepeatedHoldoutResult
            Of `repeated_holdout`, with a classifier.
        variant : str, default="original"
            Which version of the test part.
        normalize : {"true", "pred", "all"} or None, default="true"
            Whether each row, each column or the whole of a matrix sums to one; None
            gives counts.
        select : {"validation", "test-mean", "last"}, default=None
            Which epoch; None is the study's own rule.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes; None takes the labels.

        Returns
        -------
        MeanConfusionMatrixDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            For regressors, unknown names, and a wrong number of labels.
        """
        mean, std = result.confusion_matrix(
            variant=variant, normalize=normalize, select=select
        )
        labels = result.classes if display_labels is None else display_labels
        if len(labels) != len(mean):
            raise ValueError(
                f"There are {len(mean)} classes, but {len(labels)} display_labels."
            )
        return cls(
            mean=mean,
            std=std,
            display_labels=labels,
            normalize=normalize,
            n_repeats=result.n_repeats,
            rule=result.select if select is None else select,
            variant=variant,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        groups: Any = None,
        *,
        labels: Any = None,
        normalize: str | None = "true",
        sample_weight: Any = None,
        display_labels: Any = None,
    ) -> MeanConfusionMatrixDisplay:
        """Average the confusion matrices of the folds of a cross-validation.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true classes.
        y_pred : array-like of shape (n_samples,)
            The predicted classes, for instance those of `cross_val_predict`.
        groups : array-like of shape (n_samples,), default=None
            Number or name of the test fold of each row. None takes all rows for one
            run, whose spread is not known.
        labels : array-like of shape (n_classes,), default=None
            All classes, in the order of the matrix; None sorts those that occur.
        normalize : {"true", "pred", "all"} or None, default="true"
            Whether each row, each column or the whole of the matrix of a fold sums to
            one; None gives counts a fold.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes; None takes the labels.

        Returns
        -------
        MeanConfusionMatrixDisplay
            Not drawn yet. A row of the picture is named with the number of its true
            members in all folds; a fold without them is left out of its average.

        Raises
        ------
        ValueError
            If inputs are empty, of different lengths or hold missing values, a class is
            not among `labels`, or `normalize` is unknown.
        """
        y, predicted = check_classes(y_true, "y_true"), check_classes(y_pred, "y_pred")
        check_length("y_pred", predicted, len(y))
        weight = check_weights(sample_weight, len(y))
        found = sorted_classes(y, predicted)
        classes = found if labels is None else check_labels(labels)
        names = classes if display_labels is None else list(display_labels)
        if len(names) != len(classes):
            raise ValueError(
                f"There are {len(classes)} classes, but {len(names)} display_labels."
            )
        fold = np.zeros(len(y), dtype=np.intp)
        if groups is not None:
            fold = number_entries(groups, "groups")
            check_length("groups", fold, len(y))
        n, n_folds = len(classes), int(fold.max()) + 1
        cell = encode_classes(y, classes, "y_true") * n
        cell += encode_classes(predicted, classes, "y_pred")
        counts = np.bincount(fold * n * n + cell, weight, n_folds * n * n)
        counts = counts.reshape(n_folds, n, n)
        mean, std = mean_confusion(counts, normalize)
        return cls(
            mean=mean,
            std=std,
            display_labels=names,
            normalize=normalize,
            n_repeats=n_folds,
            support=counts.sum(axis=(0, 2)),
            runs="folds",
        )

    def plot(
        self,
        ax: Any = None,
        *,
        include_values: bool = True,
        cmap: Any = "Blues",
        values_format: str | None = None,
        xticks_rotation: str | float | None = None,
        colorbar: bool = True,
        im_kw: dict[str, Any] | None = None,
        text_kw: dict[str, Any] | None = None,
    ) -> MeanConfusionMatrixDisplay:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure, larger for more classes.
        include_values : bool, default=True
            Whether to write mean and standard deviation into each cell. A cell that
            was empty in every repeat has a plain 0.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours of the means.
        values_format : str, default=None
            Format of both numbers; None is ".2f" for shares and ".1f" for counts.
        xticks_rotation : {"vertical", "horizontal"} or float, default=None
            Of the labels of the columns; None turns them where they are long.
        colorbar : bool, default=True
            Whether to draw the scale of colours.
        im_kw : dict, default=None
            Keyword arguments for ``imshow``.
        text_kw : dict, default=None
            Keyword arguments for the texts in the cells.

        Returns
        -------
        MeanConfusionMatrixDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        n = len(self.mean)
        if ax is None:
            side = float(np.clip(0.62 * n + 2.0, 4.2, 16.0))
            _, ax = pyplot.subplots(
                figsize=(side + 0.8 * colorbar, side), layout="constrained"
            )
        self.ax_, self.figure_ = ax, ax.figure
        colours = pyplot.get_cmap(cmap).with_extremes(bad="0.9")
        look = {"cmap": colours, "vmin": 0.0, "interpolation": "nearest"}
        if self.normalize is not None and self.normalize != "all":
            look["vmax"] = 1.0
        self.im_ = ax.imshow(self.mean, **{**look, **(im_kw or {})})
        labels = range(n) if self.display_labels is None else self.display_labels
        names = [str(label) for label in labels]
        if xticks_rotation is None:
            crowded = max(map(len, names)) * n > 60
            xticks_rotation = "vertical" if crowded else "horizontal"
        ax.set_xticks(range(n), names, rotation=xticks_rotation)
        rows = names
        if self.support is not None:
            rows = [
                f"{name} ({count:,.6g})"
                for name, count in zip(names, self.support, strict=True)
            ]
        ax.set_yticks(range(n), rows)
        ax.set(xlabel="Predicted class", ylabel="True class")
        ax.set_title(self._title(), fontsize="medium")
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(self.im_, ax=ax, shrink=0.8)
            self.colorbar_.set_label(_SHARES[self.normalize])
        self.text_: np.ndarray | None = None
        if include_values:
            if values_format is None:
                values_format = ".1f" if self.normalize is None else ".2f"
            self._write(values_format, text_kw or {})
        return self

    def _title(self) -> str:
        """Say what the numbers are."""
        what = "Test part"
        if self.variant != ORIGINAL:
            what += f", {self.variant}"
        if self.n_repeats == 1:
            what += ", one run"
        elif self.n_repeats is not None:
            what += f": mean ± std of {self.n_repeats} {self.runs}"
        if self.rule == "test-mean":
            what += f"\n(epoch {OPTIMISTIC})"
        return what

    def _write(self, values_format: str, text_kw: dict[str, Any]) -> None:
        """Write the numbers, as large as the cells allow."""
        n = len(self.mean)
        cells = np.empty(self.mean.shape, dtype=object)
        for place in np.ndindex(cells.shape):
            mean, std = float(self.mean[place]), float(self.std[place])
            cells[place] = self._cell(mean, std, values_format)
        longest = max(len(line) for cell in cells.flat for line in cell.split("\n"))
        # Cells are square; a character is about 0.6 of its height wide, and two lines
        # need 2.4 heights.
        cell = 0.9 * drawn_width(self.ax_) / n
        size = float(np.clip(min(cell / (0.62 * longest), cell / 2.7), 4.0, 10.0))
        texts = np.empty(self.mean.shape, dtype=object)
        for place in np.ndindex(cells.shape):
            i, j = place
            settings = {
                "ha": "center",
                "va": "center",
                "fontsize": size,
                "color": self._ink(float(self.mean[place])),
            }
            settings.update(text_kw)
            texts[place] = self.ax_.text(j, i, cells[place], **settings)
        self.text_ = texts

    @staticmethod
    def _cell(mean: float, std: float, values_format: str) -> str:
        """Write one cell."""
        if not np.isfinite(mean):
            return "-"
        if mean == 0 and not std > 0:
            return "0"
        number = format(mean, values_format)
        return f"{number}\n±{format(std, values_format)}" if std >= 0 else number

    def _ink(self, mean: float) -> str:
        """Choose black or white, whichever is told better from the colour below."""
        (colour,) = self.im_.to_rgba(np.ma.masked_invalid([mean]))
        linear = np.array([c / 12.92 if c <= 0.04 else c**2.2 for c in colour[:3]])
        luminance = float(linear @ [0.2126, 0.7152, 0.0722])
        # At 0.18 the contrasts with black and white are equal (WCAG 2.1).
        return "white" if luminance < 0.18 else "black"
