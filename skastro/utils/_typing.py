"""Names of types that many signatures share."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

# What scikit-learn's parameter `random_state` may be.
Seed: TypeAlias = int | np.random.RandomState | None
