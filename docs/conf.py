"""Settings of Sphinx. `make docs` builds with warnings as errors, and needs no network."""

import sys
from pathlib import Path

import dtbench

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "dtbench"
author = "dtbench developers"
project_copyright = "dtbench developers, Apache-2.0"
version = release = dtbench.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",  # docs/_ext: formulas as MathML, which browsers draw by themselves
    "problem_pages",  # docs/_ext: facts of problems and solvers, from the code
]
exclude_patterns = ["_build", "_generated"]
html_theme = "furo"
html_title = f"dtbench {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["dtbench.css"]
html_copy_source = False

myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

default_role = "code"  # single backticks in docstrings are commands and names
autodoc_typehints = "none"  # the signature's types stand in the docstrings, with shapes and units
autodoc_member_order = "bysource"
napoleon_google_docstring = False
nitpick_ignore_regex = [("py:.*", ".*")]  # names of numpy, pandas and the standard library: no inventories, no network
