"""Formulas as MathML: readers need no network, and builders no LaTeX."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
# What people write and docutils spells differently.
_SYNONYMS = {r"\dots": r"\ldots"}


def to_mathml(node: nodes.Element, *, as_block: bool) -> str:
    """Convert a formula; one that cannot be converted is shown as its source."""
    source = node.astext()
    for name, synonym in _SYNONYMS.items():
        source = re.sub(
            re.escape(name) + r"(?![a-zA-Z])", lambda _, s=synonym: s, source
        )
    try:
        return tex2mathml(source, as_block=as_block)
    except MathError as error:
        _LOGGER.warning("formula %r: %s", source, error, location=node)
        return f"<code>{html.escape(source)}</code>"


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(to_mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    formula = to_mathml(node, as_block=True)
    translator.body.append(f'<div class="math">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the renderer; `html_math_renderer` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
