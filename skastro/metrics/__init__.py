"""Skill scores, calibration and rejection, and scorers with a view of their own."""

from skastro.metrics._calibration_error import expected_calibration_error
from skastro.metrics._classification_summary import classification_summary
from skastro.metrics._ece_scorer import neg_ece_scorer
from skastro.metrics._risk_coverage import risk_coverage_curve
from skastro.metrics._risk_coverage_curve import RiskCoverageCurve
from skastro.metrics._summary_result import ClassificationSummary
from skastro.metrics._transformed_scorer import transformed_scorer
from skastro.metrics._true_skill import true_skill_score, tss_scorer

__all__ = [
    "ClassificationSummary",
    "RiskCoverageCurve",
    "classification_summary",
    "expected_calibration_error",
    "neg_ece_scorer",
    "risk_coverage_curve",
    "transformed_scorer",
    "true_skill_score",
    "tss_scorer",
]
