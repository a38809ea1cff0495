"""scikit-learn's callback protocol, where the installed version has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:  # scikit-learn 1.9 and later
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # pragma: no cover

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Leave a method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "with_callbacks"]
