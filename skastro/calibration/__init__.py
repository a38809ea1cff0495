"""From a classifier's scores to probabilities and decisions that can be published."""

from skastro.calibration._calibrated_ensemble import CalibratedEnsembleClassifier
from skastro.calibration._conformal import ConformalSetClassifier
from skastro.calibration._feature_errors import FeatureErrorEnsemble
from skastro.calibration._macro_f1 import MacroF1Classifier
from skastro.calibration._macro_f1_rule import MacroF1Rule, macro_f1_rule
from skastro.calibration._prior_corrected import PriorCorrectedClassifier
from skastro.calibration._reject import RejectClassifier
from skastro.calibration._reliability_display import ReliabilityDisplay
from skastro.calibration._risk_coverage_display import RiskCoverageDisplay

__all__ = [
    "CalibratedEnsembleClassifier",
    "ConformalSetClassifier",
    "FeatureErrorEnsemble",
    "MacroF1Classifier",
    "MacroF1Rule",
    "PriorCorrectedClassifier",
    "RejectClassifier",
    "ReliabilityDisplay",
    "RiskCoverageDisplay",
    "macro_f1_rule",
]
