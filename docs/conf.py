"""How Sphinx makes the pages: `make docs`."""

import sys
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "mod_python"
author = "the authors of mod_python"
release = version = tomllib.loads((PROJECT / "Cargo.toml").read_text())["package"]["version"]

extensions = ["myst_parser", "directive_table", "python_interface"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
exclude_patterns = ["_build", "requirements.txt"]
nitpicky = True
# Types that signatures name, and that have no entry of their own.
nitpick_ignore_regex = [("py:class", r"(_\w+|ModuleType|logging\.LogRecord|Buffer|V|T|Raw|Page|Node|Fields|AnyField|Rule|Stamp)")]

html_theme = "furo"
html_title = f"mod_python {release}"
html_copy_source = False
html_show_copyright = False
pygments_style = "friendly"

linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_retries = 2
# The reader's own server.
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1)\b"]


def setup(app):
    app.add_lexer("psp", TextLexer)
