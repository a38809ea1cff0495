"""Repeated studies and the tests that go with them, for any estimator."""

from skastro.model_selection._resampled_ttest import (
    ResampledTTestResult,
    corrected_resampled_ttest,
)

__all__ = ["ResampledTTestResult", "corrected_resampled_ttest"]
