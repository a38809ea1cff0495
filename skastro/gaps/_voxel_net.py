"""What the voxel classifier does; its parameters are in the public class."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skastro.gaps._check_voxels import check_voxels, clean_rows, full_shape
from skastro.gaps._hit_loader import HitLoader
from skastro.gaps._hits import pad_hits
from skastro.gaps._summary_join import fit_on_summary, summary_log_proba
from skastro.gaps._voxel_augment import (
    VoxelShift,
    VoxelSymmetry,
    every_turn,
)
from skastro.gaps._voxel_recipes import RECIPES, SET_LAYOUTS, make_voxel_module
from skastro.gaps._voxel_summary import TYPICAL_MEV, VoxelSummary
from skastro.neural_network._classifier import BaseTorchClassifier
from skastro.neural_network._loader import Augmentation, TensorLoader
from skastro.neural_network._output import refuse_overflow
from skastro.neural_network.augmentation import as_augmentation
from skastro.utils import own_random_state, torch_threads


def _is_no_hybrid(estimator: Any) -> bool:
    if estimator.layout != "hybrid":
        return True
    raise AttributeError(
        'layout="hybrid" also fits summary_estimator, which cannot go on from one '
        'epoch to the next. Use layout="set", or fit.'
    )


class VoxelNet(BaseTorchClassifier):
    """Input, modules, the join with the summary, and predictions."""

    _module_class = staticmethod(make_voxel_module)

    layout: str
    binarize: bool
    log_energy: bool
    threshold: float
    filters: Any
    width: int
    n_blocks: int
    n_heads: int
    max_hits: int
    augment: Any
    average_symmetries: bool | str
    summary: VoxelSummary | None
    summary_estimator: Any
    summary_weight: float
    input_shape_: tuple[int, int, int, int]

    def _place(self, module: nn.Module) -> nn.Module:
        # Only two-dimensional nets have torch's channels_last.
        self._image_module = self.layout == "depth_channels"
        return super()._place(module)

    def _recipe(self, name: str) -> Any:
        value = getattr(self, name)
        if not (isinstance(value, str) and value == "auto"):
            return value
        return RECIPES[self.layout].get(name, value)

    # Input

    def _check_input(self, X: Any, *, reset: bool) -> tuple[Any, Any, Any]:
        """Give what the layout works on: volumes as rows, or lists of hits."""
        encoding = self._encoding_now()
        if reset:
            self._encoding = encoding
        for name, value in encoding.items():
            if value != self._encoding[name]:
                raise ValueError(
                    f"{name} was {self._encoding[name]} when this "
                    f"{type(self).__name__} was fitted and is {value} now: fit again."
                )
        rows, shape, trailing = check_voxels(
            self, X, self.image_shape, reset=reset, signed=True
        )
        if self.layout in SET_LAYOUTS:
            hits = self._hits(rows, shape)
            if self.layout == "hybrid":
                hits = np.concatenate([hits, self._summary(rows, shape)], axis=1)
            return hits, shape, trailing
        return rows, shape, trailing

    def _encoding_now(self) -> dict[str, Any]:
        """Give what events are encoded by; a fitted net works with no other."""
        names = ["layout", "binarize", "threshold"]
        names += ["max_hits"] if self.layout in SET_LAYOUTS else []
        encoding = {name: getattr(self, name) for name in names}
        summary = repr(self.summary) if self.layout == "hybrid" else "not used"
        return {**encoding, "summary": summary}

    def _hits(self, rows: Any, shape: tuple[int, ...]) -> np.ndarray:
        """List the largest hits: voxel, energy and time of each, flattened."""
        energy, times = clean_rows(rows, shape, self.threshold)
        if self.binarize:
            # Which hits are the largest must not show.
            energy = csr_array(
                (np.ones_like(energy.data), energy.indices, energy.indptr),
                shape=energy.shape,
            )
        single = energy.dtype == np.float32
        dtype = torch.float32 if single else torch.float64
        hits = pad_hits(energy, shape[1:], self.max_hits, times, dtype)
        columns = [hits.voxel.to(dtype), hits.energy]
        if hits.time is not None:
            columns.append((hits.time + 1) * (hits.energy > 0))
        listed = torch.stack(columns, dim=2).reshape(len(hits.energy), -1).numpy()
        return np.asarray(listed)

    def _summary(self, rows: Any, shape: tuple[int, ...]) -> np.ndarray:
        summary = VoxelSummary() if self.summary is None else clone(self.summary)
        summary.set_params(image_shape=shape, threshold=self.threshold)
        if self.binarize and summary.hit_energy is None:
            summary.set_params(hit_energy=TYPICAL_MEV)
        if self.binarize and shape[0] == 2:  # the net does not see times either
            n_voxels = math.prod(shape[1:])
            rows = rows[:, :n_voxels]
            shape = shape[1:]
            summary.set_params(image_shape=shape)
        # Rows were looked at on their way in: there is nothing more to learn.
        summary.input_shape_ = full_shape(shape)
        summary.n_features_in_ = rows.shape[1]
        return summary.transform(rows)

    def _n_values(self) -> int:
        """Give how many columns of an encoded row the module takes."""
        if self.layout in SET_LAYOUTS:
            return self.max_hits * (1 + self.input_shape_[0])
        return math.prod(self.input_shape_)

    def _loader(self, X: Any, *args: Any, **kwargs: Any) -> TensorLoader:
        y, weight, batch_size, order, augment = [*args, None, None][:5]
        shape: tuple[int, ...] = self.input_shape_
        loader = TensorLoader
        if self.layout in SET_LAYOUTS:
            X = X[:, : self._n_values()]
            shape = (self.max_hits, 1 + shape[0])
            loader = HitLoader
        return loader(
            X,
            y,
            weight,
            input_shape=shape,
            batch_size=batch_size,
            dtype=getattr(torch, self.dtype_),
            device=torch.device(self.device_),
            order=order,
            augment=augment,
            augment_generator=self._generators["augment"] if augment else None,
            **kwargs,
        )

    def _to_grid(self, batch: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Put a value (n, n_hits) of each listed hit at its voxel (n, d, h, w)."""
        # Of hits (n, n_hits, columns): the flat voxel, then the energy, 0 in padding.
        grid = self._grid()
        present = batch[..., 1] > 0
        voxel = torch.where(present, batch[..., 0], 0).round().long()
        flat = values.new_zeros(len(values), math.prod(grid))
        flat.scatter_add_(1, voxel, torch.where(present, values, 0))
        return flat.reshape(-1, *grid)

    def _inference_batch(self) -> int:
        return 512 if self.layout in SET_LAYOUTS else super()._inference_batch()

    def _resolve_dtype(self, X: Any, as_image: bool) -> str:
        # A flat row of the tracker is a volume too; only one row of voxels is not.
        return super()._resolve_dtype(X, as_image or math.prod(self._grid()[:2]) > 1)

    def _grid(self) -> tuple[int, int, int]:
        return self.input_shape_[1:]

    # Module

    def _module_config(self, input_shape: Any) -> dict[str, Any]:
        config = {
            "layout": self.layout,
            "input_shape": list(input_shape),
            "n_outputs": len(self.classes_),
            "dropout": float(self._recipe("dropout")),
            "log_energy": bool(self.log_energy),
            "binarize": bool(self.binarize),
        }
        if self.layout in SET_LAYOUTS:
            if self.width % self.n_heads:
                raise ValueError(
                    f"width must be a multiple of n_heads={self.n_heads}, got "
                    f"{self.width}."
                )
            sizes = ("width", "n_blocks", "n_heads")
            return {**config, **{name: int(getattr(self, name)) for name in sizes}}
        filters = [int(f) for f in self._recipe("filters")]
        if not filters or min(filters) < 1:
            raise ValueError(
                f"filters must be positive integers, got {self.filters!r}."
            )
        return {**config, "filters": filters, "threshold": float(self.threshold)}

    def _augmentation(self) -> Augmentation | None:
        if min(self._grid()[1:]) < 2:
            return None  # one row of voxels has no plane to turn
        as_hits = self.layout in SET_LAYOUTS
        symmetry = VoxelSymmetry(self.input_shape_, as_hits)
        shift = VoxelShift(self.input_shape_, as_hits)
        named = {"symmetry": (symmetry,), "shift": (symmetry, shift)}
        return as_augmentation(self.augment, named)

    # The join with the summary

    def _prepare(self, *args: Any) -> Any:
        before = dict(self.__dict__)
        # A copy: what the net draws must not depend on the layout.
        state = deepcopy(own_random_state(self.random_state))
        try:
            work = super()._prepare(*args)
            self._fit_summary(*work[:3], state.randint(2**31 - 1))
        except KeyboardInterrupt:
            # Trees and net belong together: keep the old ones, or none.
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return work

    def _fit_summary(
        self, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, seed: int
    ) -> None:
        """Fit what learns from the summary, on what the net is trained on."""
        if self.layout != "hybrid":
            self.__dict__.pop("summary_estimator_", None)
            return
        self.summary_estimator_ = fit_on_summary(
            self.summary_estimator,
            X[:, self._n_values() :],
            self.classes_[y],
            weight,
            seed=seed,
            n_threads=self.n_jobs or 1,
        )

    # Output

    def _symmetric(
        self,
        function: Callable[[torch.Tensor], torch.Tensor],
        batch: torch.Tensor,
    ) -> torch.Tensor:
        """Average a function over the symmetries of the plane, where asked to."""
        h, w = self._grid()[1:]
        if not self._recipe("average_symmetries") or min(h, w) < 2:
            return function(batch)
        as_hits = self.layout in SET_LAYOUTS
        turned = every_turn(batch, self.input_shape_, as_hits=as_hits)
        return torch.stack([function(x) for x in turned]).mean(dim=0)

    def _features(self, batch: torch.Tensor) -> torch.Tensor:
        return self._symmetric(super()._features, batch)

    def _log_probability(self, batch: torch.Tensor) -> torch.Tensor:
        logits = self._symmetric(self._apply, batch)
        return refuse_overflow(logits.log_softmax(dim=1))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like or sparse of shape (n_samples, n_features), or \
                (n_samples, d, h, w) or (n_samples, 2, d, h, w)
            Events in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; each row sums to one. Not calibrated.
        """
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Give the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like or sparse of shape (n_samples, n_features), or \
                (n_samples, d, h, w) or (n_samples, 2, d, h, w)
            Events in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logarithms, in the order of ``classes_``.
        """
        check_is_fitted(self)
        rows, _, _ = self._check_input(X, reset=False)
        # Events of equal length together: padding costs most of the attention.
        order = self._by_length(rows)
        loader = self._loader(rows[order], None, None, self._inference_batch())
        with torch_threads(self.n_jobs), torch.inference_mode():
            parts = [self._log_probability(batch).cpu().numpy() for batch, _ in loader]
        ordered = np.concatenate(parts)
        net = np.empty_like(ordered)
        net[order] = ordered
        if not hasattr(self, "summary_estimator_"):
            return net
        seen = summary_log_proba(
            self.summary_estimator_,
            rows[:, self._n_values() :],
            self.classes_,
            self.n_jobs or 1,
        )
        joined = (1 - self.summary_weight) * net + self.summary_weight * seen
        # A product of probabilities does not add up to one.
        joined -= logsumexp(joined, axis=1, keepdims=True)
        return joined.astype(net.dtype)

    def decision_function(self, X: Any) -> np.ndarray:
        """Give log-odds, which do not tie where probabilities are rounded to one.

        Parameters
        ----------
        X : array-like or sparse of shape (n_samples, n_features), or \
                (n_samples, d, h, w) or (n_samples, 2, d, h, w)
            Events in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the logarithm of the odds of ``classes_[1]``; for more the
            logarithms of the probabilities.
        """
        log_proba = self.predict_log_proba(X)
        if log_proba.shape[1] != 2:
            return log_proba
        return np.asarray(log_proba[:, 1] - log_proba[:, 0])

    def _by_length(self, rows: Any) -> Any:
        """Give an order of the rows; convolutions keep the one that they have."""
        if self.layout not in SET_LAYOUTS:
            return slice(None)
        columns = 1 + self.input_shape_[0]
        n_hits = (rows[:, 1 : self._n_values() : columns] > 0).sum(axis=1)
        return np.argsort(n_hits, kind="stable")

    @available_if(_is_no_hybrid)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Any:
        """Train for one epoch more; not for "hybrid".

        Parameters
        ----------
        X : array-like or sparse of shape (n_samples, n_features), or \
                (n_samples, d, h, w) or (n_samples, 2, d, h, w)
            Training events.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed in the first call if ``y`` lacks
            some of them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each event.

        Returns
        -------
        estimator
            The estimator itself.

        Raises
        ------
        ValueError
            If ``early_stopping`` is set, ``class_weight`` is "balanced" or the classes
            change between calls.
        """
        return super().partial_fit(X, y, classes, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        """Say that input may be sparse, and what to expect without energies."""
        tags = super().__sklearn_tags__()
        # Rows that are no tracker's may be negative: scikit-learn's check of class
        # weights has such rows for every classifier.
        tags.classifier_tags.poor_score = self.binarize
        tags.input_tags.sparse = True
        return tags
