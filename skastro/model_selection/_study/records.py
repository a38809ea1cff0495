"""What one finished repeat leaves behind, and its form on disk."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

# Dimensions of each array; "epochs", "values" and "counts" begin with the epochs.
_N_DIMS = {"repeat": 0, "epochs": 1, "values": 3, "sizes": 1, "digest": 0}


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
        arrays: dict[str, Any] = {k: np.asarray(v) for k, v in asdict(self).items()}
        np.savez(stream, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Read what `to_bytes` wrote; the checksums inside are verified.

        Parameters
        ----------
        data : bytes
            The whole file.

        Returns
        -------
        Record
            The same.

        Raises
        ------
        ValueError
            If the bytes are damaged in any way.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                found = {field.name: stored[field.name] for field in fields(cls)}
        except Exception as error:
            # zipfile alone raises half a dozen types, for a flipped bit in a header.
            raise ValueError(f"{type(error).__name__}: {error}") from error
        for name, n_dims in _N_DIMS.items():
            if found[name].ndim != n_dims:
                raise ValueError(f"{name!r} has shape {found[name].shape}")
        if not len(found["epochs"]) == len(found["values"]) == len(found["counts"]):
            raise ValueError("its arrays are of different numbers of epochs")
        return cls(
            repeat=int(found["repeat"]),
            epochs=found["epochs"],
            values=found["values"],
            counts=found["counts"],
            sizes=found["sizes"],
            digest=str(found["digest"]),
        )
