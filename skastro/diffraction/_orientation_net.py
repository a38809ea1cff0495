"""What the orientation net does; its parameters are in the public class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array
from torch import nn

from skastro.diffraction._direction_loss import (
    AbsoluteError,
    AssignedDistance,
    assigned_distances,
    best_assignment,
)
from skastro.diffraction._direction_targets import (
    count_directions,
    has_unit_length,
    normalized,
    same_group,
)
from skastro.diffraction._mixing_loader import MixingLoader
from skastro.diffraction._net_recipes import (
    COMPACT_BATCH,
    FLAT_RECIPE,
    PARTS,
    RECIPES,
    THESIS_BATCH,
    make_orientation_module,
    named_augmentations,
)
from skastro.diffraction._pair_mixer import PairMixer
from skastro.neural_network._loader import Augmentation, TensorLoader
from skastro.neural_network._regressor import BaseTorchRegressor, HalfSquaredError
from skastro.neural_network._typing import Augment
from skastro.neural_network.augmentation import as_augmentation
from skastro.neural_network.modules import DiffractionCompactNet
from skastro.utils import as_lazy_rows, check_finite, fold_directions, proper_operations

# Samples that set the statistics of a norm that is never trained.
_MEASURED = 512


class OrientationNet(BaseTorchRegressor):
    """Targets, losses, mixing and predictions of the orientation net."""

    _module_class = staticmethod(make_orientation_module)
    _image_module = True

    n_directions: int | str
    layout: str
    loss: str
    laue_group: Any
    mixer: PairMixer | None
    filters: Sequence[int] | str
    dense_layer_sizes: Sequence[int] | str
    conv_dropout: float
    freeze: Sequence[str]
    input_shape_: tuple[int, int, int]
    augment: Augment

    def _recipe(self, name: str) -> Any:
        value = getattr(self, name)
        if not (isinstance(value, str) and value == "auto"):
            return value
        # Not known before the first fit; flat rows are then not thought of.
        flat = getattr(self, "input_shape_", (1, 2, 2))[1] == 1
        recipe = FLAT_RECIPE if flat and name in FLAT_RECIPE else RECIPES[self.layout]
        value = recipe.get(name, value)
        return self.max_epochs if value == "max_epochs" else value

    def _batch_size(self, n_samples: int) -> int:
        # A flat row is a sample of features and trains as in the dense nets.
        if self.batch_size != "auto" or self.input_shape_[1] == 1:
            return super()._batch_size(n_samples)
        if self.layout == "compact":
            return min(COMPACT_BATCH, n_samples)
        return min(THESIS_BATCH[self.n_directions_ != 1], n_samples)

    # Input

    def _check_input(self, X: Any, *, reset: bool) -> tuple[np.ndarray, Any, Any]:
        """Take images, or pairs of the mixer's patterns."""
        with_axes = getattr(X, "ndim", 2) > 2
        known = not reset and with_axes
        if known and self.n_features_in_ != math.prod(self.input_shape_):
            # Trained on pairs; takes the images that they stand for, mixer or not.
            return self._check_ready_images(X), self.input_shape_, self.input_shape_
        if self.mixer is None:
            return super()._check_input(X, reset=reset)
        if with_axes:
            raise ValueError(
                "With a mixer, X of the first fit must be indices of patterns, "
                f"(n_samples, n_columns); got shape {X.shape}."
            )
        shape = (1, *self.mixer.shape)
        X, _, _ = super()._check_input(X, reset=reset)
        self.mixer.check_pairs(X)
        self.input_shape_ = shape
        return X, shape, shape

    def _check_ready_images(self, X: Any) -> Any:
        """Validate images given to a net that was trained on pairs."""
        rows = as_lazy_rows(X)
        X = np.asarray(X) if rows is None else rows
        if X.dtype not in (np.uint8, np.float32, np.float64):
            if rows is None:
                X = check_array(X, dtype=np.float64, allow_nd=True)
            else:
                X = rows.astype(np.float64)
        if X.shape[1:] not in (self.input_shape_, self.input_shape_[1:]):
            raise ValueError(
                f"{type(self).__name__} was fitted on images of shape "
                f"{self.input_shape_} (channels, height, width), but X has "
                f"{X.shape[1:]}."
            )
        X = X.reshape(len(X), math.prod(self.input_shape_))
        check_finite(X, estimator=self)
        return X

    def _loader(self, X: np.ndarray, *args: Any, **kwargs: Any) -> TensorLoader:
        if self.mixer is None or X.shape[1] == math.prod(self.input_shape_):
            return super()._loader(X, *args, **kwargs)
        y, weight, batch_size, order, augment = [*args, None, None][:5]
        return MixingLoader(
            X,
            y,
            weight,
            mixer=self.mixer,
            input_shape=self.input_shape_,
            batch_size=batch_size,
            dtype=getattr(torch, self.dtype_),
            device=torch.device(self.device_),
            channels_last=self._image_module,
            order=order,
            augment=augment,
            augment_generator=self._generators["augment"] if augment else None,
            **kwargs,
        )

    # Target

    def _encode_target(self, y: Any, *, first: bool) -> np.ndarray:
        y = super()._encode_target(y, first=first)
        if first:
            images = self.input_shape_[1] > 1
            self.n_directions_ = count_directions(y, self.n_directions, images=images)
            self.laue_group_ = self._group() if self.n_directions_ else None
        if not self.n_directions_:
            return np.asarray(y)
        folds = self.laue_group_ is not None
        bad = ~has_unit_length(y)
        if bad.any():
            if folds or self.layout == "compact":
                raise ValueError(
                    f"y must hold {self.n_directions_} unit vectors a row, but "
                    f"{int(bad.sum())} of {len(y)} rows do not, the first at row "
                    f"{int(bad.argmax())}."
                )
            return np.asarray(y)
        y = normalized(y)
        return self._fold(y) if folds else y

    def _group(self) -> Any:
        """Give the Laue group that labels are folded by, or None."""
        if isinstance(self.laue_group, str) and self.laue_group == "auto":
            if self.layout == "thesis":
                return None
            own = None if self.mixer is None else self.mixer.laue_group
            return "4/mmm" if own is None else own
        if self.laue_group is not None:
            proper_operations(self.laue_group)  # refuses what is none
        return self.laue_group

    def _fold(self, y: np.ndarray) -> np.ndarray:
        vectors = y.reshape(len(y), -1, 3)
        return fold_directions(vectors, self.laue_group_).reshape(len(y), -1)

    def _loss_name(self) -> str:
        if self.loss != "auto":
            if self.loss == "pit" and not self.n_directions_:
                raise ValueError('loss="pit" needs y of directions, unit vectors.')
            return self.loss
        if self.layout == "thesis":
            return "l1"
        return "pit" if self.n_directions_ else "squared_error"

    def _criterion(self) -> nn.Module:
        name = self._loss_name()
        if name == "pit":
            return AssignedDistance(self.n_directions_)
        return AbsoluteError() if name == "l1" else HalfSquaredError()

    def _validation_score(
        self, output: torch.Tensor, y: np.ndarray, weight: np.ndarray | None
    ) -> float:
        name = self._loss_name()
        if name == "squared_error":
            return super()._validation_score(output, y, weight)
        output = output.cpu().double()
        target = torch.from_numpy(y)
        if name == "pit":
            width = 3 * self.n_directions_
            errors = assigned_distances(output[:, :width], target, self.n_directions_)
        else:
            errors = (output - target).abs()
        return -float(np.average(errors.sum(dim=1).numpy(), weights=weight))

    # Module

    def _module_config(self, input_shape: tuple[int, int, int]) -> dict[str, Any]:
        filters = [int(f) for f in self._recipe("filters")]
        thesis = self.layout == "thesis"
        if not filters or min(filters) < 1 or (not thesis and len(filters) != 1):
            raise ValueError(
                f"filters must be {'' if thesis else 'one '}positive integer"
                f"{'s' if thesis else ''}, got {self.filters!r}."
            )
        sizes = [int(s) for s in self._recipe("dense_layer_sizes")]
        if sizes and min(sizes) < 1:
            raise ValueError(
                f"dense_layer_sizes must be positive, got {self.dense_layer_sizes!r}."
            )
        n_errors = self.n_directions_ if self._loss_name() == "pit" else 0
        config = {
            "layout": self.layout,
            "input_shape": list(input_shape),
            "n_outputs": self.n_outputs_ + n_errors,
            "dense_layer_sizes": sizes,
            "dropout": float(self._recipe("dropout")),
        }
        if not thesis:
            return {**config, "n_filters": filters[0], "mirror": self._mirrors()}
        blocks = {"filters": filters}
        flat = input_shape[1] == 1
        return {**config, **blocks, "conv_dropout": 0.0 if flat else self.conv_dropout}

    def _mirrors(self) -> bool:
        """Tell whether a mirrored pattern has the same label: -u is equivalent."""
        return not self.n_directions_ or self.laue_group_ is not None

    def _augmentation(self) -> Augmentation | None:
        named = named_augmentations(mirror=self._mirrors())
        return as_augmentation(self.augment, named)

    def _train(self, X: np.ndarray, *args: Any, **kwargs: Any) -> None:
        module: Any = self.module_
        auto = isinstance(self.laue_group, str) and self.laue_group == "auto"
        changed = not auto and not same_group(self.laue_group, self.laue_group_)
        if self.n_directions_ and changed:
            raise ValueError(
                f"The net was trained with laue_group={self.laue_group_!r} and cannot "
                f"go on with {self.laue_group!r}."
            )
        unknown = sorted(set(self.freeze) - set(PARTS))
        if unknown or set(self.freeze) == set(PARTS):
            raise ValueError(
                f"freeze must leave something of {PARTS} to train and name nothing "
                f"else, got {self.freeze!r}."
            )
        for name, part in module.named_children():
            frozen = name in self.freeze or (name == "norm" and "conv" in self.freeze)
            part.requires_grad_(not frozen)
        image_filters = isinstance(module, DiffractionCompactNet) and module.is_image
        if image_filters and not self.n_iter_:
            self._set_filters(X)
            if "conv" in self.freeze:
                self._measure_norm(X)
        super()._train(X, *args, **kwargs)

    def _set_filters(self, X: np.ndarray) -> None:
        """Start the compact net's filters at training patterns, singles if possible."""
        module: Any = self.module_
        generator = self._generators["weights"]
        mixing = self.mixer is not None and X.shape[1] != math.prod(self.input_shape_)
        # Only patterns of training pairs: the others may be test data.
        pool = np.unique(X).astype(np.int64) if mixing else np.arange(len(X))
        order = torch.randperm(len(pool), generator=generator).numpy()
        chosen = np.sort(pool[order[: module.conv.out_channels]])
        step = self._inference_batch()
        for start in range(0, len(chosen), step):
            rows = chosen[start : start + step]
            images = self.mixer.read(rows) if mixing and self.mixer else X[rows]
            batch = torch.from_numpy(np.array(images)).to(self.device_)
            batch = batch.to(getattr(torch, self.dtype_))
            module.set_filters(batch.reshape(len(rows), *self.input_shape_), start)

    def _measure_norm(self, X: np.ndarray) -> None:
        """Give a norm that is frozen from the start the statistics of some samples."""
        module: Any = self.module_
        step = max(1, len(X) // _MEASURED)
        loader = self._loader(X[::step], None, None, self._inference_batch())
        module.measure(batch for batch, _ in loader)

    # Output

    def predict(self, X: Any) -> np.ndarray:
        """Give the directions, or whatever y was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, 1, h, w)
            Patterns in any of the layouts. With a mixer: indices of shape
            (n_samples, n_columns), or images with axes.

        Returns
        -------
        ndarray of shape (n_samples, 3 * n_directions), or that of y
            Cartesian vectors in the crystal frame. Those of "compact" have unit length
            and lie in the sector of ``laue_group``; those of "thesis" are as the net
            gives them. `cartesian_to_uvw` turns them into indices [uvw].
        """
        y = np.concatenate([out.numpy() for out in self._forward(X)])
        y = y[:, : self.n_outputs_]
        if self.n_directions_ and self.module_config_["layout"] == "compact":
            vectors = y.reshape(len(y), -1, 3).astype(np.float64)
            length = np.linalg.norm(vectors, axis=2, keepdims=True)
            unit = (vectors / np.maximum(length, 1e-12)).reshape(len(y), -1)
            unit = unit if self.laue_group_ is None else self._fold(unit)
            return unit.astype(y.dtype)
        return y[:, 0] if self._y_ndim == 1 else y

    def _has_expected_errors(self) -> bool:
        fitted = getattr(self, "module_config_", None)
        if fitted is not None and fitted["n_outputs"] > self.n_outputs_:
            return True
        raise AttributeError(
            'Expected errors are learned from directions with the loss "pit", which '
            'is the default of "compact"; fit so first.'
        )

    @available_if(_has_expected_errors)
    def predict_error(self, X: Any) -> np.ndarray:
        """Give the error that the net expects of each direction.

        Parameters
        ----------
        X : array-like
            Patterns, as `predict` takes them.

        Returns
        -------
        ndarray of shape (n_samples, n_directions)
            Expected angle between the predicted and the true direction, in degrees, in
            the order of `predict`. It is learned on training data, and too small
            where these were learned by heart.
        """
        raw = np.concatenate([out.numpy() for out in self._forward(X)])
        chord = np.exp(raw[:, self.n_outputs_ :].astype(np.float64))
        result: np.ndarray = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1.0)))
        return result

    @available_if(_has_expected_errors)
    def predict_reliability(self, X: Any) -> np.ndarray:
        """Give a number by which predictions can be ranked, the higher the better.

        Parameters
        ----------
        X : array-like
            Patterns, as `predict` takes them.

        Returns
        -------
        ndarray of shape (n_samples,)
            Minus the largest expected error of the directions, in degrees.
        """
        return np.asarray(-self.predict_error(X).max(axis=1))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give R², of directions after folding and in their best assignment.

        Parameters
        ----------
        X : array-like
            Patterns, as `predict` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; directions need not be folded.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.

        Returns
        -------
        float
            Mean of R² over the outputs. Folding is done if ``laue_group`` is set, the
            assignment if the loss is "pit".
        """
        predicted = self.predict(X)
        if self.n_directions_:
            y = self._encode_target(y, first=False)
            if self._loss_name() == "pit":
                own, true = (torch.from_numpy(np.float64(a)) for a in (predicted, y))
                predicted = best_assignment(own, true, self.n_directions_).numpy()
        return float(r2_score(y, predicted, sample_weight=sample_weight))
