"""Class activation maps by gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import _num_samples
from torch import Tensor

from skastro.inspection._cam_estimator import (
    Targets,
    at_input,
    batches,
    find_net,
    net_input,
)
from skastro.inspection._cam_methods import METHODS, enlarged, normalized
from skastro.inspection._cam_passes import (
    Place,
    at_rest,
    cut_pass,
    guided_gradient,
    last_maps,
    layer_names,
    leaf_gradient,
)
from skastro.inspection._event_grid import count
from skastro.utils import as_lazy_rows, torch_threads
from skastro.utils._allocator import keep_freed_memory


class GradCAM:
    """Maps of where a fitted net finds what speaks for a class.

    The score of a class is the output of the net before the softmax (the logit); that
    of a regressor is one of its outputs or the length of all. A map sums the channels
    of a convolution's feature maps, weighted by the gradient of the score by them.
    Events of a batch share one forward and one backward pass, and the latter ends at
    the feature maps.

    Parameters
    ----------
    estimator : estimator
        A fitted net of this package, or anything fitted that has a torch module of
        one input in ``module_``; also a `Pipeline` that ends in one, a
        `FrozenEstimator` or a search. It is not changed. The steps before the net
        transform X, and maps are on the grid of the net's input.
    layer : str, default="auto"
        Where the maps come from. "auto" is the last convolution that gives more than
        one place, behind the activation that follows it (what later layers see: with
        batch normalisation in between, the convolution's own output has an arbitrary
        zero). A dotted name of a part (`layers` lists them) is that part's own output.
        "input" is the net's input. Of nets that take lists of hits (the set
        transformers of the tracker), that needs ``method="hirescam"``.
    method : {"gradcam", "gradcam++", "xgradcam", "layercam", "hirescam", \
            "guided_gradcam"}, default="gradcam"
        Weights: mean gradient of each channel [1]_; positive gradients with
        coefficients [2]_; gradients averaged with the activations as weights [3]_; the
        positive gradient at each place [4]_; the gradient at each place [5]_. The last
        multiplies the rectified map with the gradient at the input, guided through all
        ReLUs [1]_.
    signed : bool, default=False
        Whether to keep what speaks against the class, too; else negative values are
        set to zero, before the map is enlarged.
    normalize : {"max", "sum"} or None, default=None
        Divide each map by its largest absolute value or by the sum of these. None
        keeps the scores' units, so that events can be compared and averaged.
    upsample : bool, default=True
        Whether to enlarge maps to the input's grid, linearly along each axis
        (``align_corners=False``); else they have the grid of the feature maps.
    sum_channels : bool, default=True
        Whether to sum over channels. False is for ``layer="input"`` and
        "guided_gradcam", and keeps the channels of the input.
    batch_size : int or "auto", default="auto"
        Events in a batch, which bounds memory; "auto" is 128, fewer for large events.

    Raises
    ------
    TypeError
        If the estimator has no torch module.
    ValueError
        If a parameter is none of those above.

    See Also
    --------
    GradCAMDisplay : Pictures of the maps.
    occlusion_maps : Maps for any estimator, also one without a convolution.
    perturbation_curves : Whether the maps tell what matters.
    randomized_weights_check : Whether they depend on what was learned.

    Notes
    -----
    A map says what the net reacted to, not whether that is the physics; look at the
    checks above before believing one. Convolutions without padding shift and shrink the
    maps a little against the input, and enlarging ignores that, as is usual.

    An activation counts as that of the convolution if all of its signal goes through
    it. A gate (squeeze and excitation, z * sigmoid(z)) does not; without any other the
    convolution's own output is taken.

    Of nets whose predictions are means over symmetries, ``layer="input"`` gives the
    mean of the maps of all orientations. Feature maps, and so "guided_gradcam", are
    those of the event as it stands, while ``target=None`` is the class of the mean.

    Of a net that works on lists of hits, the map at the input is the gradient by each
    hit's deposit (and time) times that deposit, at the hit's voxel; how the score
    changes with positions is no part of it. A hybrid's map is that of its net alone.

    For "gradcam++" the paper takes the exponential of the score: its positive factor,
    one an event, is left out here. Coefficients with a denominator of 0 are 0.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
       gradient-based localization", ICCV 2017.
    .. [2] A. Chattopadhay et al., "Grad-CAM++", WACV 2018.
    .. [3] R. Fu et al., "Axiom-based Grad-CAM", BMVC 2020.
    .. [4] P.-T. Jiang et al., "LayerCAM", IEEE Trans. Image Process. 30, 5875 (2021).
    .. [5] R. L. Draelos and L. Carin, "Use HiResCAM instead of Grad-CAM for faithful
       explanations of convolutional neural networks", arXiv:2011.08891 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import GalaxyCNNClassifier
    >>> from skastro.inspection import GradCAM
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["faint", "bright"], 20)
    >>> X = rng.normal(size=(40, 16, 16)) + np.repeat([0.0, 1.0], 20)[:, None, None]
    >>> net = GalaxyCNNClassifier(filters=(4, 8), max_epochs=2, random_state=0)
    >>> GradCAM(net.fit(X, y))(X[:5], target="bright").shape
    (5, 16, 16)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        layer: str = "auto",
        method: str = "gradcam",
        signed: bool = False,
        normalize: str | None = None,
        upsample: bool = True,
        sum_channels: bool = True,
        batch_size: int | str = "auto",
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method must be one of {list(METHODS)}, got {method!r}.")
        if normalize not in (None, "max", "sum"):
            raise ValueError(
                f'normalize must be None, "max" or "sum", got {normalize!r}.'
            )
        if batch_size != "auto":
            batch_size = count("batch_size", batch_size)
        if not sum_channels and method != "guided_gradcam" and layer != "input":
            raise ValueError(
                'sum_channels=False needs layer="input" or method="guided_gradcam": '
                "channels of feature maps are not those of the input."
            )
        if method == "guided_gradcam" and (layer == "input" or not upsample):
            raise ValueError(
                "guided_gradcam multiplies maps of an inner layer, enlarged to the "
                'input\'s grid: it takes neither layer="input" nor upsample=False.'
            )
        self.estimator = estimator
        self.layer = layer
        self.method = method
        self.signed = signed
        self.normalize = normalize
        self.upsample = upsample
        self.sum_channels = sum_channels
        self.batch_size = batch_size
        _, net = find_net(estimator)
        names = layer_names(net.module_)
        if layer not in ("auto", "input") and layer not in names:
            raise ValueError(
                f"{type(net.module_).__name__} has no layer {layer!r}; there are "
                f"{list(names)}."
            )

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.parameters().items())
        return f"GradCAM({type(self.estimator).__name__}, {given})"

    def parameters(self) -> dict[str, Any]:
        """Give the parameters, with which another net's maps can be made.

        Returns
        -------
        dict of str to object
            All but the estimator.
        """
        return {k: v for k, v in vars(self).items() if k != "estimator"}

    def layers(self) -> dict[str, str]:
        """List the parts of the net that ``layer`` may name.

        Returns
        -------
        dict of str to str
            The dotted name of each part and its class.
        """
        return layer_names(find_net(self.estimator)[1].module_)

    def __call__(self, X: Any, target: Any = None) -> np.ndarray:
        """Give the map of every event.

        Parameters
        ----------
        X : array-like
            Events as the estimator's ``predict`` takes them. What is on disk
            (`LazyRows`, zarr, HDF5, Dask, a large memory map) is read batch by batch.
        target : label, array-like of shape (n_samples,) or None, default=None
            Of which class the score is explained: one for all or one for each event.
            None is the class that the net predicts. Of a regressor: the number of an
            output, or "norm", the length of the whole output, whose gradient points
            along the predicted direction; None is the only output, else "norm".

        Returns
        -------
        ndarray of shape (n_samples, h, w) or (n_samples, d, h, w)
            In float32, in the units of the score unless ``normalize`` is set. With
            ``sum_channels=False`` there is an axis of channels behind the first. Of
            volumes whose depth a net takes as channels, feature maps have no depth;
            "guided_gradcam" and ``layer="input"`` do.

        Raises
        ------
        ValueError
            If X or the target does not fit, the net has no convolution, or a map is
            not finite.
        """
        steps, net = find_net(self.estimator)
        rows = as_lazy_rows(X)
        X = net_input(steps, X if rows is None else rows)
        keep_freed_memory()
        targets = Targets(net, X, target, _num_samples(X))
        done: list[np.ndarray] = []
        place: Place | None = None
        grid: tuple[int, ...] = ()
        with torch_threads(getattr(net, "n_jobs", None)), at_rest(net.module_):
            for batch in batches(net, X, self.batch_size):
                if not done:
                    place, grid = self._look(net, batch)
                done.append(self._maps(net, batch, targets, place, grid))
        if not done:
            raise ValueError("X has no events.")
        maps = np.concatenate(done)
        if not np.isfinite(maps.sum()) and not np.isfinite(maps).all():
            first = int(np.argmin(np.isfinite(maps.reshape(len(maps), -1)).all(axis=1)))
            raise ValueError(
                f"The map of event {first} is not finite: the net's gradient is not "
                "defined there. occlusion_maps needs none."
            )
        return maps

    def _look(self, net: Any, batch: Tensor) -> tuple[Place | None, tuple[int, ...]]:
        """Find where to cut, and the grid of the input."""
        name = type(net.module_).__name__
        place, grid = last_maps(net.module_, batch[:1])
        # A list of hits, for instance, has no place for a map.
        shape = tuple(batch.shape[1:])
        off_grid = _off_grid(net, batch)
        if off_grid and hasattr(net, "_to_grid") and place is None:
            if self.layer == "input" and self.method == "hirescam":
                return None, ()
            raise ValueError(
                f"{name} takes lists of hits and has no feature maps on a grid. "
                'layer="input" with method="hirescam" and signed=True takes the '
                "gradient at each deposit times the deposit; occlusion_maps takes any "
                "estimator."
            )
        looks_at_input = self.layer == "input" or self.method == "guided_gradcam"
        if off_grid and (looks_at_input or place is None):
            raise ValueError(
                f"What {name} takes is no grid with channels: a batch has shape "
                f"{tuple(batch.shape)}. occlusion_maps takes any estimator."
            )
        if self.layer == "input":
            return None, shape[1:]
        if self.layer != "auto":
            place = Place(self.layer)
        if place is None:
            raise ValueError(
                f"{name} has no convolution that gives feature maps in a forward "
                "pass. occlusion_maps takes any estimator; where the gradient is "
                'finite, layer="input" with method="hirescam" gives that at the input '
                "times the input."
            )
        return place, grid

    def _maps(
        self,
        net: Any,
        batch: Tensor,
        targets: Targets,
        place: Place | None,
        grid: tuple[int, ...],
    ) -> np.ndarray:
        module = net.module_
        output, leaf = cut_pass(
            at_input(net) if place is None else module, batch, place
        )
        score = targets.of_batch(output.detach())
        with torch.enable_grad():
            gradient = leaf_gradient(score(output).sum(), leaf, place)
        del output
        maps = leaf.detach()
        if place is None and _off_grid(net, batch):
            maps, gradient = _deposits(net, maps, gradient)
            grid = tuple(maps.shape[2:])
        if place is None and not self.sum_channels:
            # Every channel is looked at as if it were the only one.
            n, channels = maps.shape[:2]
            maps, gradient = (t.flatten(0, 1).unsqueeze(1) for t in (maps, gradient))
            cam = METHODS[self.method](maps, gradient).view(n, channels, *grid)
        else:
            cam = METHODS[self.method](maps, gradient)
        rectified = self.method == "guided_gradcam" or not self.signed
        cam = cam.clamp_min_(0) if rectified else cam
        if place is not None and self.upsample:
            grid = tuple(batch.shape[2:]) if batch.ndim == leaf.ndim else grid
            if cam.ndim - 1 != len(grid):
                raise ValueError(
                    f"Layer {place.name!r} gives maps of shape {tuple(cam.shape[1:])} "
                    f"for an input of shape {grid}: it folds axes together. Name "
                    "another one, such as a convolution, or set upsample=False."
                )
            cam = enlarged(cam, grid)
        if self.method == "guided_gradcam":
            guide = guided_gradient(module, batch, score)
            # Channels and, where it stands in the channels, depth.
            ahead = [1] * (guide.ndim - cam.ndim)
            cam = cam.view(len(cam), *ahead, *cam.shape[1:]) * guide
            cam = cam.sum(dim=1) if self.sum_channels else cam
            cam = cam if self.signed else cam.clamp_min_(0)
        if self.normalize is not None:
            cam = normalized(cam, self.normalize)
        result: np.ndarray = cam.float().cpu().numpy()
        return result


def _off_grid(net: Any, batch: Tensor) -> bool:
    """Tell whether a batch has another shape than the events that the net takes."""
    shape = tuple(batch.shape[1:])
    return len(shape) < 2 or shape != tuple(getattr(net, "input_shape_", shape))


def _deposits(net: Any, hits: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Put deposits and gradients of lists of hits on the net's grid.

    A net says by ``_to_grid(batch, values)`` where each hit is. Column 0 is the place;
    the columns behind it are the channels, the first one positive where a hit is.
    """
    present = hits[..., 1] > 0
    if present.any() and not gradient[..., 1:].any():
        raise ValueError(
            "The net does not react to small changes of deposits (they may be "
            "binarised): the gradient is 0. occlusion_maps needs none."
        )
    channels = range(1, hits.shape[2])
    placed = [
        torch.stack(
            [net._to_grid(hits, torch.where(present, v[..., c], 0)) for c in channels],
            dim=1,
        )
        for v in (hits, gradient)
    ]
    return placed[0], placed[1]
