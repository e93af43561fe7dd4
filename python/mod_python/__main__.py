"""`python3 -m mod_python` is the command `mod_python`."""

import sys

if not sys.flags.safe_path:
    # The working directory: what is there is the site's, and may be called as modules of the standard library are.
    del sys.path[0]

from .cli import main

sys.exit(main())
