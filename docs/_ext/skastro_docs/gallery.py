"""The gallery: the same start for every example, and pages under a reader's goal.

sphinx-gallery groups scripts by folder, which here is the domain, so that the helpers
of a domain lie beside its scripts. Readers come with a goal, so `gallery.rst` lists the
pages under goals, by the directive ``goal-gallery``; the index by folder is left out.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any, ClassVar

import torch
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_FILTERS = list(warnings.filters)
_THREADS = torch.get_num_threads()


def reset_state(gallery_conf: dict[str, Any], fname: str) -> None:
    """Undo what an example may have left behind.

    Parameters
    ----------
    gallery_conf : dict
        Settings of sphinx-gallery.
    fname : str
        The example.
    """
    warnings.resetwarnings()
    warnings.filters[:] = _FILTERS  # type: ignore[index]
    # Figures are saved by the gallery; plt.show() has no window to open.
    warnings.filterwarnings("ignore", message=".*non-interactive.*")
    torch.set_num_threads(_THREADS)
    # Lines that come and go on a terminal are noise on a page.
    logging.getLogger("skorch").setLevel(logging.WARNING)


def examples(folder: Path) -> list[Path]:
    """List the scripts that the gallery runs.

    Parameters
    ----------
    folder : Path
        Where they are, each in the folder of its section.

    Returns
    -------
    list of Path
        Sorted by name.
    """
    return sorted(folder.glob("*/plot_*.py"))


class GoalGallery(SphinxDirective):
    """Show examples with their thumbnails, and put their pages below this one.

    The content names one example a line, as ``folder/plot_name``; the option
    ``caption`` is the goal in the list of pages.
    """

    has_content = True
    option_spec: ClassVar = {"caption": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Write a small gallery and a hidden table of contents."""
        names = [line.strip() for line in self.content if line.strip()]
        for name in names:
            if not (Path(self.env.srcdir).parent / "examples" / f"{name}.py").is_file():
                raise self.error(f"there is no example {name!r}")
        lines = [".. minigallery::", ""]
        lines += [f"   ../examples/{name}.py" for name in names]
        caption = self.options["caption"]
        lines += ["", ".. toctree::", "   :hidden:", f"   :caption: {caption}", ""]
        lines += [f"   /auto_examples/{name}" for name in names]
        return self.parse_text_to_nodes("\n".join(lines) + "\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive ``goal-gallery``."""
    app.add_directive("goal-gallery", GoalGallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
