"""The same expressions in a handler under Debian's mod_python and under ours: the same value, or the same kind of error.

What Debian's module gets wrong, or dies of, is left out.
"""

import json

import pytest

import httpd as real
from test_differential import OTHER

EXPRESSIONS = r"""
    apache.table([("a", 1), ["b", 2]]).items()
    apache.table(items={"k": "v"}).items()
    apache.table(5)
    apache.table([("a",)])
    apache.table(["a"])
    apache.table({}, {})
    apache.table(x=1)
    t(("a", "1"), ("b", "2")).items()
    t(("a", "1"), ("A", "2"))["a"]
    t(("a", "1"), ("A", "2")).get("a")
    t(("a", "1"), ("A", "2")).keys()
    t(("a", "1"), ("A", "2")) == {"a": ["1", "2"], "A": ["1", "2"]}
    t(("a", "1")) == t(("A", "1"))
    t(("a", "1")) != {"a": "1"}
    t(("a", "1"))["b"]
    t(("a", "1")).get("b")
    t(("a", "1")).get("b", 5)
    t(("a", "1")).setdefault("a", "x")
    t(("a", "1")).setdefault("b")
    t(("a", "1")).has_key("A"), t(("a", "1")).has_key("b")
    "A" in t(("a", "1")), "b" in t(("a", "1"))
    5 in t(("a", "1"))
    t().popitem()
    t().__setitem__("a", 5)
    t().__setitem__("a", None)
    t().__setitem__(5, "a")
    t().__delitem__("missing")
    t().update(None)
    t().update({"a": 1})
    t().update(5)
    t().add("a", 5)
    t().add("a")
    t().clear()
    t(("a", "1"), ("b", "2"), ("c", "x'y\"z")).__repr__()
    str(t(("k", "a\tb")))
    len(t(("a", "1"), ("a", "2")))
    list(t(("a", "1"), ("b", "2")))
    list(t(("a", "1"), ("b", "2")).iteritems())
    t(("a", "1")).iterkeys().next()
    hash(t())
    t() < t()
    dict(t(("a", "1"), ("b", "2")))
    {**t(("a", "1"))}
    bool(t()), bool(t(("a", "1")))
    apache.stat(root + "/file", apache.APR_FINFO_MIN).size
    apache.stat(root + "/nowhere", apache.APR_FINFO_MIN).filetype
    apache.stat(root + "/nowhere", apache.APR_FINFO_MIN).size
    apache.stat(root + "/file/x", apache.APR_FINFO_MIN)
    apache.stat(root + "/file")
    apache.stat(5, 5)
    apache.stat(root, 0).filetype
    apache.exists_config_define("TESTING"), apache.exists_config_define("OTHER")
    apache.exists_config_define(5)
    apache.mpm_query("x")
    apache.mpm_query(apache.AP_MPMQ_IS_THREADED)
    apache.mpm_query(apache.AP_MPMQ_IS_FORKED)
    apache.mpm_query(apache.AP_MPMQ_MAX_DAEMONS)
    apache.server_root(1)
    apache.log_error(5)
    apache.log_error("x", 3, "no server")
    apache.log_error(None)
    apache.register_cleanup(5)
    apache.import_module("json").__name__
    apache.import_module("os.path").__name__
    apache.import_module("nowhere")
    apache.resolve_object(apache.import_module("app"), "handler").__name__
    apache.resolve_object(apache.import_module("app"), "nothing")
    apache.resolve_object(apache.import_module("app"), "nothing", silent=1)
    apache.resolve_object(apache.import_module("app"), "K.method", 5)()
    apache.module_mtime(apache.import_module("app")) > 0
    apache.NullIO().read(), apache.NullIO().readlines(), apache.NullIO().tell(), apache.NullIO().isatty()
    [row for row in apache.config_tree() if row[0] == "PythonOption"]
    _apache.parse_qs("a=1&a=2&b=3")
    _apache.parse_qs("a=&b=1")
    _apache.parse_qs("a=&b=1", 1)
    _apache.parse_qs("a+b=c+d%20e")
    _apache.parse_qs("key%3d=v%2Fw")
    _apache.parse_qs(b"a=1")
    _apache.parse_qs("")
    _apache.parse_qs("a=%zz")
    _apache.parse_qs(None)
    _apache.parse_qsl(5)
    _apache.parse_qsl(b"a=1&b=2&a=3")
    req.add_handler("pythonhandler", "x")
    req.add_handler("PythonCleanupHandler", "x")
    req.add_handler("PythonHandler")
    req.add_handler("PythonHandler", "x", 5)
    req.allow_methods(5)
    req.allow_methods([5])
    req.auth_name(), req.auth_type()
    req.construct_url(5)
    req.document_root(1)
    req.get_basic_auth_pw()
    req.get_config().items(), req.get_options().items()
    req.get_remote_host(apache.REMOTE_NOLOOKUP)
    req.get_remote_host("x")
    req.is_https(), req.ssl_var_lookup("HTTPS")
    req.meets_conditions()
    req.read("x")
    req.readline("x")
    req.register_cleanup(5)
    req.register_cleanup()
    req.send_http_header()
    req.sendfile()
    req.set_content_length("x")
    req.update_mtime("x")
    req.write(5)
    req.write()
    req.requires()
    req.unknown
    req.log_error(5)
    req.internal_redirect()
    req.internal_redirect(5)
    req.register_output_filter("x")
    req.add_output_filter(5)
    setattr(req, "method", "x")
    setattr(req, "status", "x")
    setattr(req, "status", None)
    setattr(req, "uri", 5)
    setattr(req, "filename", 5)
    setattr(req, "finfo", 5)
    setattr(req, "chunked", "x")
    setattr(req, "handler", None)
    setattr(req, "args", None)
    setattr(req, "content_type", 5)
    setattr(req, "own", 5)
    req.parsed_uri[6:], len(req.parsed_uri)
    req.server.register_cleanup(5, 5)
    req.server.register_cleanup(req, 5)
    setattr(req.server, "port", 5)
    req.server.unknown
    req.server.get_options().items(), req.server.get_config().items()
    req.connection.unknown
    setattr(req.connection, "aborted", 1)
    setattr(req.connection, "keepalive", "x")
    setattr(req.connection, "own", 5)
    req.connection.base_server.server_hostname
    req.hlist.handler, req.hlist.silent, req.hlist.directory == root + "/"
    setattr(req.hlist, "handler", "x")
    tuple(req.finfo)[6], req.finfo[6], req.finfo.size
    req.finfo[99]
    req.finfo.unknown
    apache.SERVER_RETURN(1, 2).args, apache.SERVER_RETURN.__name__, apache.SERVER_RETURN.__module__
    issubclass(apache.SERVER_RETURN, Exception)
    apache.build_cgi_env(req)["SCRIPT_NAME"], apache.build_cgi_env(req)["GATEWAY_INTERFACE"]
"""
HANDLER = """
    import json
    import _apache
    from mod_python import apache

    class K:
        def __init__(self, argument):
            self.argument = argument

        def method(self):
            return self.argument

    def t(*pairs):
        table = apache.table()
        for key, value in pairs:
            table.add(key, value)
        return table

    def handler(req):
        root = req.document_root()
        with open(root + "/expressions") as file:
            expression = json.load(file)[int(req.args)]
        try:
            value = repr(eval(expression, {**globals(), "req": req, "root": root}))
        except Exception as error:
            value = type(error).__name__
        req.handler = "mod_python"
        req.write(value.replace("True", "1").replace("False", "0").replace(root, "ROOT"))
        return apache.OK
"""


@pytest.mark.skipif(not OTHER.exists(), reason=f"{OTHER} is not installed")
def test_expressions_have_the_same_value(httpd):
    expressions = [line.strip() for line in EXPRESSIONS.splitlines() if line.strip()]

    def values(module):
        site = httpd(
            module=module,
            mpm="prefork",
            handler=HANDLER,
            files={"file": "12345", "expressions": json.dumps(expressions)},
            defines=("TESTING",),
            server="PythonOption a b\n",
        )
        site.expect_log("unknown filter|AH00|x$")
        told = {expression: site.get(f"/file?{number}").text for number, expression in enumerate(expressions)}
        site.stop()
        return told

    theirs, ours = values(OTHER), values(real.MODULE)
    assert ours == theirs
