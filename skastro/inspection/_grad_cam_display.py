"""Pictures of class activation maps over what they explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.inspection._cam_estimator import find_net, net_input
from skastro.inspection._cam_panels import (
    OVERLAY,
    draw_map,
    draw_overlay,
    draw_picture,
    panels,
    scale,
)
from skastro.inspection._event_grid import on_grid, voxel_rows
from skastro.inspection._grad_cam import GradCAM

_KINDS = ("auto", "projections", "slices", "overlay")
_NAMES = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "guided_gradcam": "Guided Grad-CAM",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "xgradcam": "XGrad-CAM",
}


class GradCAMDisplay:
    """Maps in three projections or in slices, or over an image.

    Make it with `from_estimator` or `from_maps`, then call `plot`. Signed maps get a
    diverging scale centred at 0, others one that begins at 0.

    Parameters
    ----------
    maps : ndarray of shape (n_samples, h, w) or (n_samples, d, h, w)
        A map of each event; NaN stays empty.
    deposits : ndarray of the shape of ``maps`` or None
        What the maps are drawn over: deposits, or images.
    axis_names : sequence of str
        Names of the axes of the grid.
    label : str, default="Grad-CAM"
        Of the scale.

    Attributes
    ----------
    axes_ : list of Axes
        What was drawn on.
    figure_ : Figure
        Its figure.
    images_ : list of AxesImage
        The drawn maps.
    colorbar_ : Colorbar
        Their common scale.

    See Also
    --------
    GradCAM : Makes the maps.
    class_mean_maps : Means of many.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import GradCAMDisplay
    >>> X = np.random.default_rng(0).random((3, 10, 12, 12))
    >>> display = GradCAMDisplay.from_maps(X**2, X)
    >>> len(display.plot(event=1).images_)
    3
    """

    def __init__(
        self,
        *,
        maps: np.ndarray,
        deposits: np.ndarray | None = None,
        axis_names: Sequence[str] = ("Layer", "Row", "Column"),
        label: str = "Grad-CAM",
    ) -> None:
        self.maps = maps
        self.deposits = deposits
        self.axis_names = axis_names
        self.label = label

    @classmethod
    def from_maps(
        cls,
        maps: Any,
        X: Any = None,
        *,
        channel: int | None = None,
        axis_names: Sequence[str] = ("Layer", "Row", "Column"),
        label: str = "Grad-CAM",
    ) -> GradCAMDisplay:
        """Take maps and the events they explain.

        Parameters
        ----------
        maps : array-like of shape (n_samples, h, w) or (n_samples, d, h, w)
            A map of each event.
        X : array-like or sparse matrix of shape (n_samples, ...), default=None
            The events: the maps' axes, with or without channels before them, or flat
            rows. Under maps of images (n_samples, c, d, h, w) are volumes, which are
            summed along their depth.
        channel : int, default=None
            Which channel is drawn, from 0. None is the first one of volumes, and the
            sum of all under maps of images.
        axis_names : sequence of str, default=("Layer", "Row", "Column")
            Names of the axes of the grid; of images the last two.
        label : str, default="Grad-CAM"
            Of the scale.

        Returns
        -------
        GradCAMDisplay
            Not drawn yet.

        Raises
        ------
        ValueError
            If the shapes do not belong together, or there is no such channel.
        """
        maps = np.asarray(maps)
        if maps.ndim not in (3, 4) or not len(maps):
            raise ValueError(
                "maps must be (n_samples, h, w) or (n_samples, d, h, w), got shape "
                f"{maps.shape}."
            )
        if len(axis_names) < maps.ndim - 1:
            raise ValueError(f"There are {maps.ndim - 1} axes to name: {axis_names!r}.")
        deposits = None
        if X is not None:
            events = voxel_rows(X)
            size = int(np.prod(maps.shape[1:]))
            fits = len(events) == len(maps) and on_grid(events, maps.shape[1:])
            if not fits or events[0].size % size:
                raise ValueError(
                    f"Events of shape {events.shape} do not fit maps of {maps.shape}."
                )
            deposits = _one_channel(events, maps.shape[1:], channel)
        return cls(maps=maps, deposits=deposits, axis_names=axis_names, label=label)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        target: Any = None,
        channel: int | None = None,
        axis_names: Sequence[str] = ("Layer", "Row", "Column"),
        **parameters: Any,
    ) -> GradCAMDisplay:
        """Compute the maps first.

        Parameters
        ----------
        estimator : estimator
            A fitted net as `GradCAM` takes it.
        X : array-like
            Events as the estimator takes them. Of a pipeline, what the net gets of
            them is drawn.
        target : label, array-like of shape (n_samples,) or None, default=None
            As `GradCAM` takes it.
        channel : int, default=None
            As in `from_maps`.
        axis_names : sequence of str, default=("Layer", "Row", "Column")
            Names of the axes of the grid; of images the last two.
        **parameters : dict
            Of `GradCAM`.

        Returns
        -------
        GradCAMDisplay
            Not drawn yet.
        """
        maps = GradCAM(estimator, **parameters)(X, target)
        steps, net = find_net(estimator)
        drawn = X if parameters.get("upsample", True) else None
        if drawn is not None:
            drawn = _with_axes(net, net_input(steps, X))
        label = _NAMES[parameters.get("method", "gradcam")]
        return cls.from_maps(
            maps, drawn, channel=channel, axis_names=axis_names, label=label
        )

    def plot(
        self,
        event: int | None = 0,
        *,
        kind: str = "auto",
        ax: Any = None,
        cmap: str | None = None,
        vmax: float | None = None,
        colorbar: bool = True,
    ) -> GradCAMDisplay:
        """Draw the map of an event.

        Parameters
        ----------
        event : int or None, default=0
            Which one; None is the mean of all.
        kind : {"auto", "projections", "slices", "overlay"}, default="auto"
            "projections" are three panels of a volume, summed along each axis: from
            the top, the front and the side. "slices" is a panel for each layer. Both
            have circles at the deposits, with areas as these. "overlay" is the image
            and the map over it. "auto" is "projections" for volumes, else "overlay".
        ax : Axes or sequence of Axes, default=None
            As many as there are panels; None makes a new figure.
        cmap : str, default=None
            Colour map.
        vmax : float, default=None
            Upper end of the scale, for pictures that are to be compared.
        colorbar : bool, default=True
            Whether to draw the scale.

        Returns
        -------
        GradCAMDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the kind does not fit the maps, or ``ax`` the number of panels.
        IndexError
            If there is no such event.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {list(_KINDS)}, got {kind!r}.")
        volume = self.maps.ndim == 4
        kind = ("projections" if volume else "overlay") if kind == "auto" else kind
        if (kind == "overlay") == volume:
            raise ValueError(f"kind={kind!r} does not fit maps of {self.maps.shape}.")
        values = self.maps.mean(axis=0) if event is None else self.maps[event]
        below = self.deposits
        if below is not None:
            below = below.mean(axis=0) if event is None else below[event]
        draw = self._overlay if kind == "overlay" else self._planes
        self.axes_, self.images_ = draw(values, below, kind, ax, cmap, vmax)
        self.figure_ = self.axes_[0].figure
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(
                self.images_[-1], ax=self.axes_, label=self.label, shrink=0.85
            )
        return self

    def _overlay(
        self, values: np.ndarray, below: Any, kind: str, ax: Any, cmap: Any, vmax: Any
    ) -> tuple[list[Any], list[Any]]:
        look = scale([values], cmap, vmax, OVERLAY)
        axes = panels(ax, 1 if below is None else 2, 2, (3.0, 3.0))
        if below is None:
            return axes, [axes[0].imshow(values, interpolation="nearest", **look)]
        draw_picture(axes[0], below)
        axes[0].set_title("input", fontsize="medium")
        axes[1].set_title("map over it", fontsize="medium")
        return axes, [draw_overlay(axes[1], values, below, look)]

    def _planes(
        self, values: np.ndarray, below: Any, kind: str, ax: Any, cmap: Any, vmax: Any
    ) -> tuple[list[Any], list[Any]]:
        layer, row, column = self.axis_names[:3]
        if kind == "slices":
            parts = [
                (values[k], None if below is None else below[k], f"{layer} {k}")
                for k in range(len(values))
            ]
            labels, size = [(column, row)] * len(parts), (1.9, 1.9)
        else:
            parts = []
            for axis, name in enumerate(self.axis_names[:3]):
                marks = None if below is None else below.sum(axis=axis)
                # NaN marks what no event reaches; a sum over it is one of the rest.
                plane = np.nansum(values, axis=axis)
                parts.append((plane, marks, f"summed over {name.lower()}s"))
            labels, size = [(column, row), (column, layer), (row, layer)], (2.7, 2.7)
        look = scale([part[0] for part in parts], cmap, vmax)
        sums = [part[1] for part in parts if part[1] is not None]
        largest = max((float(m.max()) for m in sums), default=0.0)
        axes = panels(ax, len(parts), 5 if kind == "slices" else 3, size)
        images = []
        for number, (panel, (plane, deposits, title)) in enumerate(
            zip(axes, parts, strict=True)
        ):
            # Layers go downwards, rows upwards.
            how: dict[str, Any] = {"labels": labels[number]}
            how["down"] = kind == "projections" and number > 0
            images.append(draw_map(panel, plane, deposits, largest, look, **how))
            panel.set_title(title, fontsize="medium")
            if kind == "slices":
                panel.label_outer()
        return axes, images


def _one_channel(
    events: np.ndarray, grid: tuple[int, ...], channel: int | None
) -> np.ndarray:
    """Take what is drawn under the maps, of shape (n_samples, *grid)."""
    volumes = len(grid) == 2 and events.ndim == 5
    shape = events.shape[2:] if volumes else grid
    parts = events.reshape(len(events), -1, *shape)
    n_channels = parts.shape[1]
    if channel is not None and not 0 <= channel < n_channels:
        raise ValueError(
            f"channel must be from 0 to {n_channels - 1}, got {channel!r}."
        )
    if volumes:
        # Energies and times have different units: only depth can be summed.
        return np.asarray(parts[:, channel or 0].sum(axis=1, dtype=np.float64))
    if channel is None and len(grid) == 2:
        return np.asarray(parts.sum(axis=1, dtype=np.float64))
    return np.asarray(parts[:, channel or 0])


def _with_axes(net: Any, X: Any) -> Any:
    """Give flat rows the axes that the net takes, so that channels are known."""
    shape = tuple(getattr(net, "input_shape_", ()))
    if np.ndim(X) == 2 and shape and np.shape(X)[1] == np.prod(shape):
        return voxel_rows(X).reshape(-1, *shape)
    return X
