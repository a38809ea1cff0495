"""Skill scores, and scorers that look at the test data through a transformer."""

from skastro.metrics._transformed_scorer import transformed_scorer
from skastro.metrics._true_skill import true_skill_score, tss_scorer

__all__ = ["transformed_scorer", "true_skill_score", "tss_scorer"]
