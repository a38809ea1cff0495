"""What estimators and events show of themselves: explanations that hold up."""

from skastro.inspection._class_mean_result import ClassMeanMaps
from skastro.inspection._class_means import class_mean_maps
from skastro.inspection._grad_cam import GradCAM
from skastro.inspection._grad_cam_display import GradCAMDisplay
from skastro.inspection._mass_shares import cam_mass_shares, near_largest
from skastro.inspection._nmf_parts import NMFParts
from skastro.inspection._nmf_parts_display import NMFPartsDisplay
from skastro.inspection._occlusion import occlusion_maps
from skastro.inspection._perturbation import perturbation_curves
from skastro.inspection._perturbation_result import PerturbationResult
from skastro.inspection._randomized_weights import randomized_weights_check

__all__ = [
    "ClassMeanMaps",
    "GradCAM",
    "GradCAMDisplay",
    "NMFParts",
    "NMFPartsDisplay",
    "PerturbationResult",
    "cam_mass_shares",
    "class_mean_maps",
    "near_largest",
    "occlusion_maps",
    "perturbation_curves",
    "randomized_weights_check",
]
