"""Skill scores, calibration and rejection, and scorers with a view of their own."""

from skastro.metrics._abundance_purity import abundance_weighted_purity
from skastro.metrics._abundance_purity_result import AbundancePurity
from skastro.metrics._calibration_error import expected_calibration_error
from skastro.metrics._classification_summary import classification_summary
from skastro.metrics._direction_angle import direction_angle
from skastro.metrics._direction_l1 import direction_l1
from skastro.metrics._direction_scorer import (
    make_direction_scorer,
    neg_direction_angle_scorer,
    neg_direction_l1_scorer,
)
from skastro.metrics._direction_summary import direction_summary
from skastro.metrics._direction_summary_result import DirectionSummary
from skastro.metrics._ece_scorer import neg_ece_scorer
from skastro.metrics._efficiency_at_rejection import efficiency_at_rejection
from skastro.metrics._rejection_curve import rejection_curve
from skastro.metrics._rejection_curve_result import RejectionCurve
from skastro.metrics._rejection_efficiency import RejectionEfficiency
from skastro.metrics._rejection_scorer import make_rejection_scorer
from skastro.metrics._rejection_table import RejectionTable
from skastro.metrics._risk_coverage import risk_coverage_curve
from skastro.metrics._risk_coverage_curve import RiskCoverageCurve
from skastro.metrics._stratified_efficiency import stratified_efficiency
from skastro.metrics._summary_result import ClassificationSummary
from skastro.metrics._transformed_scorer import transformed_scorer
from skastro.metrics._true_skill import true_skill_score, tss_scorer

__all__ = [
    "AbundancePurity",
    "ClassificationSummary",
    "DirectionSummary",
    "RejectionCurve",
    "RejectionEfficiency",
    "RejectionTable",
    "RiskCoverageCurve",
    "abundance_weighted_purity",
    "classification_summary",
    "direction_angle",
    "direction_l1",
    "direction_summary",
    "efficiency_at_rejection",
    "expected_calibration_error",
    "make_direction_scorer",
    "make_rejection_scorer",
    "neg_direction_angle_scorer",
    "neg_direction_l1_scorer",
    "neg_ece_scorer",
    "rejection_curve",
    "risk_coverage_curve",
    "stratified_efficiency",
    "transformed_scorer",
    "true_skill_score",
    "tss_scorer",
]
