"""`PythonHandler mod_python.wsgi`: WSGI applications (PEP 3333).

httpd serves such a handler without coming here. This is for stacks of several handlers, and for handlers in Python that
hand a request on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _apache
    from ._apache import mp_request
else:
    import _apache


def handler(req: mp_request) -> int:
    """Answer with the application that `PythonOption mod_python.wsgi.application` names.

    Returns OK or an HTTP status; DECLINED when there is no such application, or when the URI is outside of
    `mod_python.wsgi.base_uri`.
    """
    return _apache.serve_wsgi(req)
