"""Names of the types of parameters that all nets share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from skastro.neural_network._loader import Augmentation

# The parameter `augment`: a name, a callable, a list of both, or none.
Augment: TypeAlias = str | Augmentation | list[str | Augmentation] | None

# The parameter `early_stopping`: off or on, a criterion's name, or a callable that
# judges (train_losses, valid_losses).
EarlyStopping: TypeAlias = (
    bool | str | Callable[[Sequence[float], Sequence[float]], bool]
)

# The parameter `class_weight`: "balanced", or label -> weight.
ClassWeight: TypeAlias = str | dict[Any, float] | None
