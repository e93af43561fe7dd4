"""httpd's configuration as Python objects, to be written as configuration text or as Python source.

    from mod_python.httpdconf import *

    config = Container(
        Listen('127.0.0.1:8888'),
        Directory('/srv/www',
            SetHandler('mod_python'),
            PythonHandler('hello'),
        ),
    )
    print(config)

`str()` of an object is httpd's text, `repr()` the Python source that makes it again. Works without httpd.
"""

from __future__ import annotations

import mod_python as mod_python
import mod_python.version as _version  # noqa: F401

from .basic import write_basic_config as write_basic_config
from .directives import *  # noqa: F403
from .nodes import Comment as Comment
from .nodes import Container as Container
from .nodes import ContainerTag as ContainerTag
from .nodes import Directive as Directive
from .nodes import Node as Node
from .quoting import quote as quote
from .quoting import quote_if_space as quote_if_space
