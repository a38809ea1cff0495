"""Estimators that train torch modules, and what their relatives are made of."""

from skastro.neural_network._base import BaseTorchEstimator
from skastro.neural_network._dense_classifier import DenseClassifier
from skastro.neural_network._dense_regressor import DenseRegressor
from skastro.neural_network._embedder import NetEmbedder

__all__ = [
    "BaseTorchEstimator",
    "DenseClassifier",
    "DenseRegressor",
    "NetEmbedder",
]
