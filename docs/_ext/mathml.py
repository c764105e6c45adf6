"""Formulas as MathML, made while the pages are built: no script, no network. ``\\tag{13d}`` is the paper's number."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

LOG = logging.getLogger(__name__)
TAG = re.compile(r"\\tag\{([^}]*)\}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(translator: Any, node: nodes.Element) -> None:
    """A formula within a line."""
    translator.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def display(translator: Any, node: nodes.Element) -> None:
    """A formula in a line of its own, with its number."""
    number = TAG.search(node.astext())
    shown = f'<span class="number">({html.escape(number[1])})</span>' if number else ""
    translator.body.append(f'<div class="formula">{_mathml(node, "block")}{shown}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, form: str) -> str:
    latex = TAG.sub("", node.astext()).strip()
    try:
        return convert(latex, display=form)
    except Exception as error:  # the library has no base class of its errors
        LOG.warning("formula %r: %s: %s", latex, type(error).__name__, error, location=node)
        return f"<code>{html.escape(latex)}</code>"
