"""`python3 -m mod_python` is the command `mod_python`."""

import sys

from .cli import main

sys.exit(main())
