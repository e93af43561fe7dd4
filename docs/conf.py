"""How Sphinx makes the pages: `make docs`."""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "mod_python"
author = "the authors of mod_python"
release = version = tomllib.loads((PROJECT / "Cargo.toml").read_text())["package"]["version"]

extensions = ["myst_parser", "directive_table", "python_interface"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
exclude_patterns = ["_build", "requirements.txt"]
# Groups of the table of contents name pages by patterns, so that a page may come with the feature that it is about.
suppress_warnings = ["toc.empty_glob"]
nitpicky = False

html_theme = "furo"
html_title = f"mod_python {release}"
html_copy_source = False
html_show_copyright = False
pygments_style = "friendly"

linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1)\b"]
