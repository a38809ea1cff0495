"""scikit-learn estimators for observational physics.

Each method is an ordinary estimator, transformer, sampler, splitter or scorer and
lives in the sub-package of its field or of its task: `skastro.galaxy`, `skastro.xray`,
`skastro.neural_network`, `skastro.sampling`, `skastro.calibration`, `skastro.metrics`,
`skastro.model_selection`, `skastro.datasets`.
"""

from skastro._version import __version__

__all__ = ["__version__"]
