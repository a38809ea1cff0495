"""What one finished repeat leaves behind, and its form on disk."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, fields

import numpy as np


@dataclass
class Record:
    """One finished repeat.

    Parameters
    ----------
    repeat : int
        Its number.
    epochs : ndarray of shape (n_epochs,)
        Numbers of the epochs that were scored.
    values : ndarray of shape (n_epochs, n_parts, n_metrics)
        Scores.
    counts : ndarray of shape (n_epochs, n_test_parts, n_classes, n_classes)
        Confusion matrices of the test parts; empty for regressors.
    sizes : ndarray of shape (3,)
        Rows in the training, validation and test part.
    digest : str
        Of the split.
    """

    repeat: int
    epochs: np.ndarray
    values: np.ndarray
    counts: np.ndarray
    sizes: np.ndarray
    digest: str

    def to_bytes(self) -> bytes:
        """Write it as npz, without pickle."""
        stream = io.BytesIO()
        np.savez(stream, **{k: np.asarray(v) for k, v in asdict(self).items()})
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Read what `to_bytes` wrote; the checksums inside are verified."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            found = {field.name: stored[field.name] for field in fields(cls)}
        found["repeat"] = int(found["repeat"])
        found["digest"] = str(found["digest"])
        return cls(**found)
