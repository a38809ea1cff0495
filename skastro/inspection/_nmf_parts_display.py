"""A picture of non-negative parts that says how much they explain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from skastro.inspection._part_tiles import as_tile, mosaic
from skastro.utils import import_optional

# Width of one class in an own figure, in inches.
_WIDTH = 5.2


class NMFPartsDisplay:
    """Parts of events as images, of each class beside those of the others.

    Make it with `from_estimator`, then call `plot`. Parts are in the order of their
    contribution to the explained share, which the title of each class states.

    Parameters
    ----------
    images : dict of class to ndarray of shape (n_components, ...)
        The parts, with one to three axes; of four axes the first one is channels.
    part_shares : dict of class to ndarray of shape (n_components,)
        What each part contributes to the explained share; they order the parts.
    explained_share : dict of class to float
        The explained share of all parts of a class.
    events : str, default="training events"
        Whose explained share it is, for the title.
    centered : bool, default=False
        Whether the events were centred, for the title.

    Attributes
    ----------
    axes_ : dict of class to matplotlib Axes
        What the parts of a class were drawn on.
    figure_ : matplotlib Figure
        The figure.
    images_ : dict of class to AxesImage
        The pictures.
    order_ : dict of class to ndarray of int
        The parts in the order drawn.

    See Also
    --------
    NMFParts : Finds the parts.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import NMFParts, NMFPartsDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((40, 4, 5, 6)) * (rng.random((40, 4, 5, 6)) < 0.05)
    >>> parts = NMFParts(random_state=0).fit(X, np.repeat(["a", "b"], 20))
    >>> display = NMFPartsDisplay.from_estimator(parts)
    >>> display.images["a"].shape
    (2, 4, 5, 6)
    """

    def __init__(
        self,
        *,
        images: Mapping[Any, np.ndarray],
        part_shares: Mapping[Any, np.ndarray],
        explained_share: Mapping[Any, float],
        events: str = "training events",
        centered: bool = False,
    ) -> None:
        self.images = images
        self.part_shares = part_shares
        self.explained_share = explained_share
        self.events = events
        self.centered = centered

    @classmethod
    def from_estimator(
        cls,
        parts: Any,
        X: Any = None,
        y: Any = None,
        *,
        labels: Iterable[Any] | None = None,
        events: str | None = None,
    ) -> NMFPartsDisplay:
        """Take the parts of a fitted `NMFParts`.

        Parameters
        ----------
        parts : NMFParts
            Fitted.
        X : {array-like, sparse matrix} of shape (n, ...), default=None
            Events whose explained share is stated and divided among the parts, such
            as held-out ones. None takes the training events.
        y : array-like of shape (n,), default=None
            Their classes.
        labels : iterable, default=None
            Classes to show, in this order; None shows all, or those in y.
        events : str, default=None
            What X is called in the title; None is "events given".

        Returns
        -------
        NMFPartsDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If a label is unknown or has no events in y.
        """
        if X is None:
            shares, heads = dict(parts.explained_share_), dict(parts.part_shares_)
            called = "training events"
        else:
            found = parts._explained(X, y)
            shares = {label: e.share() for label, e in found.items()}
            heads = {
                label: e.parts / (e.total or math.nan) for label, e in found.items()
            }
            called = "events given"
        chosen = list(shares) if labels is None else list(labels)
        missing = [label for label in chosen if label not in shares]
        if missing or not chosen:
            raise ValueError(
                f"labels must be among {list(shares)}; unknown are {missing}."
            )
        return cls(
            images={label: parts.part_images(label) for label in chosen},
            part_shares={label: heads[label] for label in chosen},
            explained_share={label: shares[label] for label in chosen},
            events=called if events is None else events,
            centered=parts.center != "none",
        )

    def plot(
        self,
        axes: Any = None,
        *,
        view: str = "projections",
        max_parts: int | None = None,
        n_columns: int | None = None,
        channel: int | None = None,
        axis_names: Iterable[str] = ("axis 0", "axis 1", "axis 2"),
        cmap: Any = "cividis",
        gamma: float = 0.5,
    ) -> NMFPartsDisplay:
        """Draw the parts of each class on axes of their own.

        Each part is divided by the largest value of its picture: the scale of a part is
        arbitrary, since weights make up for it.

        Parameters
        ----------
        axes : matplotlib Axes or sequence of Axes, default=None
            One a class; None makes a new figure.
        view : {"projections", "strip"}, default="projections"
            How volumes are shown: as three summed projections (top left the sum over
            axis 0, below it that over axis 1, to its right that over axis 2), or as all
            layers along axis 0 side by side. Images are shown as they are.
        max_parts : int, default=None
            Most parts of a class, those with the largest shares. None shows all.
        n_columns : int, default=None
            Parts of a line; None makes the picture about square.
        channel : int, default=None
            Channel that is shown of parts with four axes, where it must be given.
        axis_names : iterable of str, default=("axis 0", "axis 1", "axis 2")
            What the axes of a volume are called in the legend of the views.
        cmap : str or matplotlib Colormap, default="cividis"
            Colours; the default can be told apart with any colour vision.
        gamma : float, default=0.5
            Power to which values are raised for the colours; below 1 shows faint ones.

        Returns
        -------
        NMFPartsDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not as many axes as classes, or an option is unknown.
        """
        if view not in ("projections", "strip"):
            raise ValueError(f'view must be "projections" or "strip", got {view!r}.')
        for name, value in (("max_parts", max_parts), ("n_columns", n_columns)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value!r}.")
        volumes = {k: _pick(v, channel) for k, v in self.images.items()}
        pyplot = import_optional("matplotlib.pyplot", extra="plot")
        colors = import_optional("matplotlib.colors", extra="plot")
        self.order_ = {
            k: np.argsort(-np.asarray(self.part_shares[k]), kind="stable")[:max_parts]
            for k in volumes
        }
        pictures = {
            k: self._picture(images[self.order_[k]], view, n_columns)
            for k, images in volumes.items()
        }
        given = self._axes(pyplot, axes, pictures)
        self.figure_ = given[0].get_figure(root=True)
        self.axes_ = dict(zip(volumes, given, strict=True))
        self.images_ = {}
        palette = pyplot.get_cmap(cmap).with_extremes(bad=(1, 1, 1, 0))
        for label, ax in self.axes_.items():
            picture, corners, width = pictures[label]
            self.images_[label] = ax.imshow(
                picture,
                cmap=palette,
                norm=colors.PowerNorm(gamma, 0, 1),
                interpolation="nearest",
                aspect="auto" if volumes[label].ndim == 2 else "equal",
            )
            ax.set_axis_off()
            self._write(ax, label, corners, width, picture.shape)
        first = next(iter(volumes.values()))
        if first.ndim == 4:
            self._explain_views(given[0], view, list(axis_names))
        bar = self.figure_.colorbar(
            next(iter(self.images_.values())), ax=given, shrink=0.6, pad=0.02
        )
        bar.set_label("value / largest of the part", fontsize="small")
        bar.ax.tick_params(labelsize="small")
        return self

    def _picture(self, images: np.ndarray, view: str, n_columns: int | None) -> Any:
        """Make the picture of a class; give it with the corners and width of tiles."""
        tiles = [as_tile(image, view) for image in images]
        tiles = [t / np.nanmax(t) if np.nanmax(t) > 0 else t for t in tiles]
        height, width = tiles[0].shape
        if n_columns is None:
            n_columns = max(1, round(math.sqrt(len(tiles) * height / width)))
            # One or two lines less of the same parts leave no stub at the end.
            n_columns = -(-len(tiles) // -(-len(tiles) // n_columns))
        head = max(2, round(0.17 * min(height, width)))
        picture, corners = mosaic(tiles, n_columns, head, gap=max(2, head // 2))
        return picture, corners, width

    def _axes(self, pyplot: Any, axes: Any, pictures: Mapping[Any, Any]) -> list[Any]:
        """Take the axes given, or make a figure in the proportions of the pictures."""
        n = len(pictures)
        if axes is None:
            ratio = max(p.shape[0] / p.shape[1] for p, _, _ in pictures.values())
            across = ratio >= 0.4
            size = _WIDTH if across else 2 * _WIDTH
            height = size * min(max(ratio, 0.15), 1.6) + 0.9
            figure, made = pyplot.subplots(
                1 if across else n,
                n if across else 1,
                figsize=(n * size + 0.8, height) if across else (size, n * height),
                layout="constrained",
                squeeze=False,
            )
            # Titles of single axes are as long as the axes are wide.
            figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
            return list(made.ravel())
        given = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(given) != n:
            raise ValueError(f"{n} classes need {n} axes, got {len(given)}.")
        return given

    def _write(
        self,
        ax: Any,
        label: Any,
        corners: Sequence[tuple[int, int]],
        width: int,
        shape: tuple[int, ...],
    ) -> None:
        """Write the share of each part above it, and that of all into the title."""
        shares = np.asarray(self.part_shares[label])[self.order_[label]]
        room = ax.get_position().width * ax.get_figure(root=True).get_figwidth() * 72
        # Seven letters, each about 0.6 of the size wide, over the width of a tile, in
        # the empty rows above it.
        pixel = room / shape[1]
        size = min(9.0, pixel * width / (7 * 0.6), 0.85 * pixel * corners[0][0])
        for (top, left), share in zip(corners, shares, strict=True):
            ax.text(
                left - 0.5,
                top - 0.7,
                _percent(share),
                fontsize=size,
                ha="left",
                va="bottom",
            )
        n_all = len(self.part_shares[label])
        shown = "" if len(corners) == n_all else f", {len(corners)} shown"
        plural = "part" if n_all == 1 else "parts"
        center = ", centred" if self.centered else ""
        ax.set_title(
            f"{label}: {n_all} {plural}{shown}\nexplained share "
            f"{_percent(self.explained_share[label])} of the {self.events}{center}",
            fontsize="medium",
        )

    def _explain_views(self, ax: Any, view: str, names: list[str]) -> None:
        """Say below the first class what the views are."""
        if len(names) != 3:
            raise ValueError(f"axis_names must be three names, got {names}.")
        text = f"from left to right: {names[0]} 0 and on"
        if view == "projections":
            text = (
                f"of each part: top left, sum over {names[0]}; below, sum over "
                f"{names[1]}; right, sum over {names[2]}"
            )
        ax.text(
            0.0,
            -0.01,
            text,
            transform=ax.transAxes,
            fontsize="x-small",
            ha="left",
            va="top",
        )


def _pick(images: np.ndarray, channel: int | None) -> np.ndarray:
    """Take the channel of parts that have some."""
    if images.ndim <= 4:
        return images
    if images.ndim > 5:
        raise ValueError(f"Parts have {images.ndim - 1} axes; at most 4 can be shown.")
    if channel is None or not 0 <= channel < images.shape[1]:
        raise ValueError(
            f"Parts have {images.shape[1]} channels: give channel, from 0 to "
            f"{images.shape[1] - 1}; got {channel!r}."
        )
    return images[:, channel]


def _percent(share: float) -> str:
    """Write a share with about two digits that count."""
    if not math.isfinite(share):
        return "unknown"
    digits = 2 if abs(share) < 0.01 else 1
    return f"{100 * share:.{digits}f} %"
