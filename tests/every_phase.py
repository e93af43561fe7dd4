"""A handler for each request phase, and the configuration that has all of them run."""

AUTH_MODULES = ("authn_core", "authn_file", "auth_basic", "authz_user", "mime")


# A handler for each phase, each leaving the name of its phase in a list on the request, which the last one files.
EVERY_PHASE = """
    import os
    from mod_python import apache

    def trail(req):
        if not hasattr(req, "trail"):
            req.trail = []
        return req.trail

    def leave(req, result=apache.OK):
        trail(req).append(req.phase)
        return result

    def postreadrequesthandler(req):
        return leave(req)

    def inithandler(req):
        return leave(req)

    def transhandler(req):
        return leave(req, apache.DECLINED)

    def headerparserhandler(req):
        return leave(req)

    def accesshandler(req):
        return leave(req)

    def authenhandler(req):
        assert req.get_basic_auth_pw() == "s\\u00e9same", req.get_basic_auth_pw()
        return leave(req)

    def authzhandler(req):
        assert req.user == "j\\u00f6rg", req.user
        return leave(req)

    def typehandler(req):
        req.content_type = "text/x-phases"
        return leave(req)

    def fixuphandler(req):
        return leave(req)

    def handler(req):
        leave(req)
        req.write("body")
        return apache.OK

    def loghandler(req):
        return leave(req)

    def cleanuphandler(req):
        leave(req)
        path = os.path.dirname(req.document_root()) + "/scratch/trail"
        with open(path + ".new", "w") as file:
            file.write(" ".join(req.trail))
        os.rename(path + ".new", path)
        return apache.OK
"""


BY_SERVER = """
    PythonPath "sys.path+['${docroot}']"
    PythonInitHandler app
    PythonPostReadRequestHandler app
    PythonTransHandler app
"""


BY_DIRECTORY = """
    SetHandler mod_python
    AuthType Basic
    AuthName "phases"
    Require valid-user
    PythonHeaderParserHandler app
    PythonAccessHandler app
    PythonAuthenHandler app
    PythonAuthzHandler app
    PythonTypeHandler app
    PythonFixupHandler app
    PythonHandler app
    PythonLogHandler app
    PythonCleanupHandler app
"""


def finish(site, path, **options):
    """A request that is over, cleanups included: the next one on its connection has been answered."""
    with site.connection() as connection:
        response = site.ask(connection, "GET", path, **options)
        site.ask(connection, "GET", "/finished", **options)
    return response


EVERY_ONE = [
    "PythonInitHandler", "PythonPostReadRequestHandler", "PythonTransHandler", "PythonHeaderParserHandler", "PythonAccessHandler",
    "PythonAuthenHandler", "PythonAuthzHandler", "PythonTypeHandler", "PythonFixupHandler", "PythonHandler", "PythonLogHandler",
    "PythonCleanupHandler",
]  # fmt: skip
