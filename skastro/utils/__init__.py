"""What every floor of the house uses: validation, threads, downloads, discovery."""

from skastro.utils._cluster import on_cluster
from skastro.utils._discovery import all_estimators
from skastro.utils._fetch import fetch_file, get_data_home
from skastro.utils._laue import fold_directions, laue_operations, proper_operations
from skastro.utils._lazy_rows import LazyRows, as_lazy_rows, map_transformer
from skastro.utils._model_files import load_model, save_model
from skastro.utils._model_types import trusted_types
from skastro.utils._optional import import_optional
from skastro.utils._random_state import own_random_state
from skastro.utils._resampling import (
    area_matrix,
    enlarge_matrix,
    gaussian_matrix,
    resize_matrices,
    shrunk_size,
)
from skastro.utils._threads import torch_threads
from skastro.utils._validation import check_finite, check_image_shape, check_images

__all__ = [
    "LazyRows",
    "all_estimators",
    "area_matrix",
    "as_lazy_rows",
    "check_finite",
    "check_image_shape",
    "check_images",
    "enlarge_matrix",
    "fetch_file",
    "fold_directions",
    "gaussian_matrix",
    "get_data_home",
    "import_optional",
    "laue_operations",
    "load_model",
    "map_transformer",
    "on_cluster",
    "own_random_state",
    "proper_operations",
    "resize_matrices",
    "save_model",
    "shrunk_size",
    "torch_threads",
    "trusted_types",
]
