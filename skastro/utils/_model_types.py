"""Which types a model file may hold: each was read, and runs no code that it is given.

A name here may be made with any state, and be called with any arguments that are made
of names of this list. So it stands for a class whose making stores things, or for a
function that computes. Nothing here imports, opens, evaluates or starts what it gets.
"""

from __future__ import annotations

_ESTIMATORS = (
    "skastro.calibration._calibrated_ensemble.CalibratedEnsembleClassifier",
    "skastro.calibration._conformal.ConformalSetClassifier",
    "skastro.calibration._feature_errors.FeatureErrorEnsemble",
    "skastro.calibration._macro_f1.MacroF1Classifier",
    "skastro.calibration._prior_corrected.PriorCorrectedClassifier",
    "skastro.calibration._reject.RejectClassifier",
    "skastro.diffraction._background.BackgroundSubtractor",
    "skastro.diffraction._orientation_regressor.DiffractionOrientationRegressor",
    "skastro.diffraction._pattern_centerer.PatternCenterer",
    "skastro.diffraction._scale_calibrator.ScaleCalibrator",
    "skastro.diffraction._template_matcher.TemplateMatcher",
    "skastro.diffraction._two_stage_regressor.TwoStageOrientationRegressor",
    "skastro.galaxy._galaxy_cnn.GalaxyCNNClassifier",
    "skastro.galaxy._normalizer.CutoutNormalizer",
    "skastro.galaxy._resolution.ResolutionDegrader",
    "skastro.gaps._gaps_voxel_classifier.GAPSVoxelClassifier",
    "skastro.gaps._primary_track_masker.PrimaryTrackMasker",
    "skastro.gaps._voxel_summary.VoxelSummary",
    "skastro.inspection._nmf_parts.NMFParts",
    "skastro.neural_network._dense_classifier.DenseClassifier",
    "skastro.neural_network._dense_regressor.DenseRegressor",
    "skastro.neural_network._embedder.NetEmbedder",
    "skastro.sampling._capped.CappedResampler",
    "skastro.xray._hardness_ratio.HardnessRatio",
    "skastro.xray._source_pipeline.SourcePipeline",
    "skastro.xray._variability.VariabilityFeatures",
)

# What estimators hold beside numbers: parameters that are objects, and fitted parts.
_PARTS = (
    "skastro.calibration._macro_f1_rule.MacroF1Rule",
    "skastro.calibration._temperature.TemperatureScaling",
    "skastro.diffraction._crystal.Crystal",
    "skastro.diffraction._detector.Detector",
    "skastro.diffraction._reflections.Reflections",
    "skastro.diffraction._simulator.KinematicSimulator",
    "skastro.galaxy._random_resolution.RandomResolution",
    "skastro.neural_network.augmentation._affine.RandomAffine",
    "skastro.neural_network.augmentation._compose.Compose",
    "skastro.neural_network.augmentation._symmetry.RandomSymmetry",
    "skastro.neural_network.stopping._generalization_loss.GeneralizationLoss",
    "skastro.neural_network.stopping._progress_quotient.ProgressQuotient",
    "skastro.neural_network.stopping._successive_rises.SuccessiveRises",
)

# Of `skastro.xray.xray_features`: arithmetic of columns, and names of them.
_FUNCTIONS = (
    "skastro.xray._feature_functions.absolute_magnitude",
    "skastro.xray._feature_functions.colour_names",
    "skastro.xray._feature_functions.colours",
    "skastro.xray._feature_functions.floored_log10",
    "skastro.xray._feature_functions.flux_over_magnitude",
    "skastro.xray._feature_functions.log10_luminosity",
    "skastro.xray._feature_functions.log10_of_mean",
    "skastro.xray._feature_functions.log10_of_sum",
    "skastro.xray._feature_functions.log10_product",
    "skastro.xray._feature_functions.log10_ratio",
    "skastro.xray._feature_functions.neighbouring_colours",
    "skastro.xray._feature_functions.neighbouring_names",
    "skastro.xray._feature_functions.prefixed",
    "skastro.xray._feature_functions.tail",
    "skastro.xray._features._constant_name",
)

# Of others, in the pipelines of this package. A partial's function is a name of this
# list itself, and `numpy.clip` is arithmetic.
_OTHERS = (
    "functools.partial",
    "imblearn.pipeline.Pipeline",
    "numpy.clip",
    "numpy.dtype",
    # Of a finished search.
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedGroupKFold",
    "sklearn.model_selection._split.StratifiedKFold",
)

# Its nodes are row numbers that scikit-learn follows without looking, so they are
# looked at after loading, see `_model_checks`.
CHECKED_TREE = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


def trusted_types() -> list[str]:
    """List the types beyond skops' own that a model file may hold.

    Returns
    -------
    list of str
        Dotted names, sorted: the estimators of this package, the objects and functions
        that they hold, and a few types of libraries that its pipelines use. It is what
        ``trusted=`` of `skops.io.load` takes.

    See Also
    --------
    load_model : Loads with exactly this list, and checks more.

    Examples
    --------
    >>> from skastro.utils import trusted_types
    >>> "skastro.galaxy._galaxy_cnn.GalaxyCNNClassifier" in trusted_types()
    True
    >>> "os.system" in trusted_types()
    False
    """
    return sorted((*_ESTIMATORS, *_PARTS, *_FUNCTIONS, *_OTHERS))
