"""Samplers in the manner of imbalanced-learn."""

from skastro.sampling._capped import CappedResampler

__all__ = ["CappedResampler"]
