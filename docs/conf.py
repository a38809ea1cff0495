"""Settings of the documentation; ``make docs`` builds it, without a network."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

# Before anything imports numpy or torch.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("SKASTRO_SCALE", "glance")
os.environ["MPLBACKEND"] = "Agg"
os.environ["TQDM_DISABLE"] = "1"

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
sys.path.insert(0, str(HERE / "_ext"))

from skastro_docs.gallery import examples  # noqa: E402

from skastro import __version__  # noqa: E402

# A relative path would mean another folder inside an example, which runs in its own.
if os.environ.get("SKASTRO_DATA"):
    os.environ["SKASTRO_DATA"] = str(Path(os.environ["SKASTRO_DATA"]).resolve())

project = "skastro"
author = "The skastro developers"
copyright = "2026, the skastro developers"
version = release = __version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "skastro_docs.api",
    "skastro_docs.docstrings",
    "skastro_docs.gallery",
    "skastro_docs.links",
    "skastro_docs.markdown",
    "skastro_docs.mathml",
    "sphinx_gallery.gen_gallery",
]
# Links into other projects' pages need their inventories, so a network.
if os.environ.get("SKASTRO_DOCS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }

exclude_patterns = [
    "_build",
    "results",
    # By folder; `gallery.rst` has the same pages under the reader's goals.
    "auto_examples/index.rst",
    "auto_examples/sg_api_usage.rst",
]
default_role = "py:obj"
templates_path: list[str] = []
html_math_renderer = "mathml"

autodoc_typehints = "none"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
add_module_names = False
toc_object_entries = False

numpydoc_show_class_members = False
numpydoc_use_plots = False

html_theme = "pydata_sphinx_theme"
html_title = "skastro"
html_static_path = ["_static"]
html_css_files = ["skastro.css"]
html_show_sourcelink = False
html_copy_source = False
# Pages without others below them leave the room to their tables.
html_sidebars = {
    page: []
    for page in (
        "index",
        "install",
        "studies",
        "benchmarks",
        "trust",
        "developers",
        "changelog",
        "bibliography",
    )
}
html_theme_options = {
    "icon_links": [
        {
            "name": "Source",
            "url": "https://github.com/skastro/skastro",
            "icon": "fa-brands fa-github",
        }
    ],
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

sphinx_gallery_conf = {
    "examples_dirs": [str(EXAMPLES)],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"[\\/]plot_",
    # Helpers of the examples begin with an underscore; the demo is no page.
    "ignore_pattern": r"(^|[\\/])(?!plot_)[^\\/]*\.py$",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("skastro",),
    "reset_modules": ("matplotlib", "skastro_docs.gallery.reset_state"),
    "reset_modules_order": "before",
    "remove_config_comments": True,
    # Examples print what they have to say.
    "capture_repr": (),
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 2,
    "nested_sections": False,
    "download_all_examples": bool(examples(EXAMPLES)),
    "image_scrapers": ("matplotlib",),
}

# Examples are programs of a user: what warns there shall be seen on the page, but
# what the documentation's own tools say about themselves shall not.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="sphinx")
warnings.filterwarnings("ignore", category=DeprecationWarning, module="numpydoc")
