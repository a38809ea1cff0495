"""Repeated studies and the tests that go with them, for any estimator."""

from skastro.model_selection._cluster_folds import ClusterBalancedKFold
from skastro.model_selection._cluster_subsets import cluster_subsets
from skastro.model_selection._compare import compare
from skastro.model_selection._confusion_display import MeanConfusionMatrixDisplay
from skastro.model_selection._epoch_curve_display import EpochCurveDisplay
from skastro.model_selection._overfitting import (
    OverfittingDiagnosis,
    diagnose_overfitting,
)
from skastro.model_selection._overfitting_display import OverfittingDisplay
from skastro.model_selection._pair_folds import PairGroupKFold
from skastro.model_selection._rejection_display import RejectionCurveDisplay
from skastro.model_selection._repeated_holdout import repeated_holdout
from skastro.model_selection._resampled_ttest import (
    ResampledTTestResult,
    corrected_resampled_ttest,
)
from skastro.model_selection._result import RepeatedHoldoutResult
from skastro.model_selection._score_display import ScoreDistributionDisplay
from skastro.model_selection._sky_groups import sky_groups
from skastro.model_selection._source_folds import StratifiedSourceKFold
from skastro.model_selection._source_groups import (
    RepeatedSourceWarning,
    check_source_groups,
)
from skastro.model_selection._study.checkpoint import CheckpointMismatchError

__all__ = [
    "CheckpointMismatchError",
    "ClusterBalancedKFold",
    "EpochCurveDisplay",
    "MeanConfusionMatrixDisplay",
    "OverfittingDiagnosis",
    "OverfittingDisplay",
    "PairGroupKFold",
    "RejectionCurveDisplay",
    "RepeatedHoldoutResult",
    "RepeatedSourceWarning",
    "ResampledTTestResult",
    "ScoreDistributionDisplay",
    "StratifiedSourceKFold",
    "check_source_groups",
    "cluster_subsets",
    "compare",
    "corrected_resampled_ttest",
    "diagnose_overfitting",
    "repeated_holdout",
    "sky_groups",
]
