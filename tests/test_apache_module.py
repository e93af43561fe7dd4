"""The module `mod_python.apache`: its constants, names and functions."""

import os

CONSTANTS = [
    "OK",
    "0",
    "REQ_PROCEED",
    "0",
    "DECLINED",
    "-1",
    "REQ_NOACTION",
    "-1",
    "DONE",
    "-2",
    "REQ_ABORTED",
    "500",
    "HTTP_CONTINUE",
    "100",
    "HTTP_SWITCHING_PROTOCOLS",
    "101",
    "HTTP_PROCESSING",
    "102",
    "HTTP_OK",
    "200",
    "HTTP_CREATED",
    "201",
    "HTTP_ACCEPTED",
    "202",
    "HTTP_NON_AUTHORITATIVE",
    "203",
    "HTTP_NO_CONTENT",
    "204",
    "HTTP_RESET_CONTENT",
    "205",
    "HTTP_PARTIAL_CONTENT",
    "206",
    "HTTP_MULTI_STATUS",
    "207",
    "HTTP_MULTIPLE_CHOICES",
    "300",
    "HTTP_MOVED_PERMANENTLY",
    "301",
    "HTTP_MOVED_TEMPORARILY",
    "302",
    "HTTP_SEE_OTHER",
    "303",
    "HTTP_NOT_MODIFIED",
    "304",
    "HTTP_USE_PROXY",
    "305",
    "HTTP_TEMPORARY_REDIRECT",
    "307",
    "HTTP_BAD_REQUEST",
    "400",
    "HTTP_UNAUTHORIZED",
    "401",
    "HTTP_PAYMENT_REQUIRED",
    "402",
    "HTTP_FORBIDDEN",
    "403",
    "HTTP_NOT_FOUND",
    "404",
    "HTTP_METHOD_NOT_ALLOWED",
    "405",
    "HTTP_NOT_ACCEPTABLE",
    "406",
    "HTTP_PROXY_AUTHENTICATION_REQUIRED",
    "407",
    "HTTP_REQUEST_TIME_OUT",
    "408",
    "HTTP_CONFLICT",
    "409",
    "HTTP_GONE",
    "410",
    "HTTP_LENGTH_REQUIRED",
    "411",
    "HTTP_PRECONDITION_FAILED",
    "412",
    "HTTP_REQUEST_ENTITY_TOO_LARGE",
    "413",
    "HTTP_REQUEST_URI_TOO_LARGE",
    "414",
    "HTTP_UNSUPPORTED_MEDIA_TYPE",
    "415",
    "HTTP_RANGE_NOT_SATISFIABLE",
    "416",
    "HTTP_EXPECTATION_FAILED",
    "417",
    "HTTP_IM_A_TEAPOT",
    "418",
    "HTTP_UNPROCESSABLE_ENTITY",
    "422",
    "HTTP_LOCKED",
    "423",
    "HTTP_FAILED_DEPENDENCY",
    "424",
    "HTTP_UPGRADE_REQUIRED",
    "426",
    "HTTP_INTERNAL_SERVER_ERROR",
    "500",
    "HTTP_NOT_IMPLEMENTED",
    "501",
    "HTTP_BAD_GATEWAY",
    "502",
    "HTTP_SERVICE_UNAVAILABLE",
    "503",
    "HTTP_GATEWAY_TIME_OUT",
    "504",
    "HTTP_VERSION_NOT_SUPPORTED",
    "505",
    "HTTP_VARIANT_ALSO_VARIES",
    "506",
    "HTTP_INSUFFICIENT_STORAGE",
    "507",
    "HTTP_NOT_EXTENDED",
    "510",
    "APLOG_EMERG",
    "0",
    "APLOG_ALERT",
    "1",
    "APLOG_CRIT",
    "2",
    "APLOG_ERR",
    "3",
    "APLOG_WARNING",
    "4",
    "APLOG_NOTICE",
    "5",
    "APLOG_INFO",
    "6",
    "APLOG_DEBUG",
    "7",
    "APLOG_NOERRNO",
    "0",
    "M_GET",
    "0",
    "M_PUT",
    "1",
    "M_POST",
    "2",
    "M_DELETE",
    "3",
    "M_CONNECT",
    "4",
    "M_OPTIONS",
    "5",
    "M_TRACE",
    "6",
    "M_PATCH",
    "7",
    "M_PROPFIND",
    "8",
    "M_PROPPATCH",
    "9",
    "M_MKCOL",
    "10",
    "M_COPY",
    "11",
    "M_MOVE",
    "12",
    "M_LOCK",
    "13",
    "M_UNLOCK",
    "14",
    "M_VERSION_CONTROL",
    "15",
    "M_CHECKOUT",
    "16",
    "M_UNCHECKOUT",
    "17",
    "M_CHECKIN",
    "18",
    "M_UPDATE",
    "19",
    "M_LABEL",
    "20",
    "M_REPORT",
    "21",
    "M_MKWORKSPACE",
    "22",
    "M_MKACTIVITY",
    "23",
    "M_BASELINE_CONTROL",
    "24",
    "M_MERGE",
    "25",
    "M_INVALID",
    "26",
    "FINFO_MODE",
    "0",
    "FINFO_INO",
    "1",
    "FINFO_DEV",
    "2",
    "FINFO_NLINK",
    "3",
    "FINFO_UID",
    "4",
    "FINFO_GID",
    "5",
    "FINFO_SIZE",
    "6",
    "FINFO_ATIME",
    "7",
    "FINFO_MTIME",
    "8",
    "FINFO_CTIME",
    "9",
    "FINFO_FNAME",
    "10",
    "FINFO_NAME",
    "11",
    "FINFO_FILETYPE",
    "12",
    "APR_NOFILE",
    "0",
    "APR_REG",
    "1",
    "APR_DIR",
    "2",
    "APR_CHR",
    "3",
    "APR_BLK",
    "4",
    "APR_PIPE",
    "5",
    "APR_LNK",
    "6",
    "APR_SOCK",
    "7",
    "APR_UNKFILE",
    "127",
    "APR_FINFO_LINK",
    "0x1",
    "APR_FINFO_MTIME",
    "0x10",
    "APR_FINFO_CTIME",
    "0x20",
    "APR_FINFO_ATIME",
    "0x40",
    "APR_FINFO_SIZE",
    "0x100",
    "APR_FINFO_CSIZE",
    "0x200",
    "APR_FINFO_DEV",
    "0x1000",
    "APR_FINFO_INODE",
    "0x2000",
    "APR_FINFO_NLINK",
    "0x4000",
    "APR_FINFO_TYPE",
    "0x8000",
    "APR_FINFO_USER",
    "0x10000",
    "APR_FINFO_GROUP",
    "0x20000",
    "APR_FINFO_UPROT",
    "0x100000",
    "APR_FINFO_GPROT",
    "0x200000",
    "APR_FINFO_WPROT",
    "0x400000",
    "APR_FINFO_ICASE",
    "0x1000000",
    "APR_FINFO_NAME",
    "0x2000000",
    "APR_FINFO_MIN",
    "0x8170",
    "APR_FINFO_IDENT",
    "0x3000",
    "APR_FINFO_OWNER",
    "0x30000",
    "APR_FINFO_PROT",
    "0x700000",
    "APR_FINFO_NORM",
    "0x73b170",
    "APR_FINFO_DIRENT",
    "0x2000000",
    "URI_SCHEME",
    "0",
    "URI_HOSTINFO",
    "1",
    "URI_USER",
    "2",
    "URI_PASSWORD",
    "3",
    "URI_HOSTNAME",
    "4",
    "URI_PORT",
    "5",
    "URI_PATH",
    "6",
    "URI_QUERY",
    "7",
    "URI_FRAGMENT",
    "8",
    "PROXYREQ_NONE",
    "0",
    "PROXYREQ_PROXY",
    "1",
    "PROXYREQ_REVERSE",
    "2",
    "PROXYREQ_RESPONSE",
    "3",
    "AP_REQ_ACCEPT_PATH_INFO",
    "0",
    "AP_REQ_REJECT_PATH_INFO",
    "1",
    "AP_REQ_DEFAULT_PATH_INFO",
    "2",
    "REMOTE_HOST",
    "0",
    "REMOTE_NAME",
    "1",
    "REMOTE_NOLOOKUP",
    "2",
    "REMOTE_DOUBLE_REV",
    "3",
    "REQUEST_NO_BODY",
    "0",
    "REQUEST_CHUNKED_ERROR",
    "1",
    "REQUEST_CHUNKED_DECHUNK",
    "2",
    "AP_CONN_UNKNOWN",
    "0",
    "AP_CONN_CLOSE",
    "1",
    "AP_CONN_KEEPALIVE",
    "2",
    "AP_MPMQ_NOT_SUPPORTED",
    "0",
    "AP_MPMQ_STATIC",
    "1",
    "AP_MPMQ_DYNAMIC",
    "2",
    "AP_MPMQ_MAX_DAEMON_USED",
    "1",
    "AP_MPMQ_IS_THREADED",
    "2",
    "AP_MPMQ_IS_FORKED",
    "3",
    "AP_MPMQ_HARD_LIMIT_DAEMONS",
    "4",
    "AP_MPMQ_HARD_LIMIT_THREADS",
    "5",
    "AP_MPMQ_MAX_THREADS",
    "6",
    "AP_MPMQ_MIN_SPARE_DAEMONS",
    "7",
    "AP_MPMQ_MIN_SPARE_THREADS",
    "8",
    "AP_MPMQ_MAX_SPARE_DAEMONS",
    "9",
    "AP_MPMQ_MAX_SPARE_THREADS",
    "10",
    "AP_MPMQ_MAX_REQUESTS_DAEMON",
    "11",
    "AP_MPMQ_MAX_DAEMONS",
    "12",
]
STRINGS = {
    "REQ_EXIT": "REQ_EXIT",
    "CGI_MAGIC_TYPE": "application/x-httpd-cgi",
    "INCLUDES_MAGIC_TYPE": "text/x-server-parsed-html",
    "INCLUDES_MAGIC_TYPE3": "text/x-server-parsed-html3",
    "DIR_MAGIC_TYPE": "httpd/unix-directory",
    "interpreter": "localhost",
}
LATER_STATUSES = {
    208, 226, 308, 421, 425, 428, 429, 431, 451, 508, 511,
}  # fmt: skip
FUNCTIONS = [
    "config_tree",
    "exists_config_define",
    "import_module",
    "init",
    "log_error",
    "make_table",
    "module_mtime",
    "mpm_query",
    "register_cleanup",
    "resolve_object",
    "server_root",
    "stat",
    "SERVER_RETURN",
    "CallBack",
    "table",
]


def test_constants(httpd):
    site = httpd(
        functions="""
            def constants(req):
                return {name: value for name, value in vars(apache).items() if isinstance(value, (int, str))}

            def rest(req):
                return [name for name in req.args.split(",") if not callable(getattr(apache, name, None))]

            def imported(req):
                return [type(getattr(apache, name)).__name__ for name in ("os", "sys", "time", "escape", "_apache")]
        """
    )
    expected = {name: int(value, 0) for name, value in zip(CONSTANTS[::2], CONSTANTS[1::2])} | STRINGS
    live = site.call("constants")
    assert {name: live.get(name) for name in expected} == expected
    assert {value for name, value in live.items() if name.startswith("HTTP_")} >= LATER_STATUSES
    assert live["MODULE_MAGIC_NUMBER_MAJOR"] >= 20120211 and live["MODULE_MAGIC_NUMBER_MINOR"] >= 0
    assert site.call("rest", query="?" + ",".join(FUNCTIONS)) == []
    assert site.call("imported") == ["module", "module", "module", "function", "module"]


def test_server_return(httpd):
    site = httpd(
        functions="""
            import _apache

            def name(req):
                raised = apache.SERVER_RETURN
                return str(raised), raised.__bases__ == (Exception,), raised is _apache.SERVER_RETURN, apache.table is _apache.table
        """
    )
    assert site.call("name") == ("<class '_apache.SERVER_RETURN'>", True, True, True)


def test_facts_of_the_server(httpd):
    site = httpd(
        functions="""
            import sys
            import mod_python

            def facts(req):
                return {
                    "root": apache.server_root(),
                    "defined": apache.exists_config_define("TESTING"),
                    "undefined": apache.exists_config_define("NOT_TESTING"),
                    "argv": sys.argv,
                    "interpreter": apache.interpreter,
                    "main": apache.main_server.server_hostname,
                    "version": mod_python.version.version == mod_python.mp_version,
                    "packages": sorted(mod_python.__all__),
                }

            def mpm(req):
                wrong = []
                for code in ("x", None, 1.5):
                    try:
                        apache.mpm_query(code)
                        wrong.append(code)
                    except TypeError:
                        pass
                return (apache.mpm_query(apache.AP_MPMQ_IS_THREADED), apache.mpm_query(apache.AP_MPMQ_MAX_THREADS),
                        apache.mpm_query(999), apache.mpm_query(-7), wrong)

            def tree(req):
                return apache.config_tree()
        """,
        defines=("TESTING",),
        server="""
            <Location /some>
                PythonOption a "b c"
            </Location>
        """,
    )
    facts = site.call("facts")
    assert facts.pop("packages")
    assert facts == {
        "root": str(site.root),
        "defined": True,
        "undefined": False,
        "argv": ["mod_python"],
        "interpreter": "localhost",
        "main": "localhost",
        "version": True,
    }
    assert site.call("mpm") == (1, 16, 0, 0, [])
    tree = site.call("tree")
    assert ("DocumentRoot", f'"{site.docroot}"') in tree
    location = tree.index(("<Location", "/some>"))
    assert tree[location + 1] == [("PythonOption", 'a "b c"')]


def test_forms_in_query_strings(httpd):
    site = httpd(
        functions="""
            import _apache

            def pairs(req):
                text = "a=1&b=2&a=3&empty=&=value&plus=a+b&c=x%3Dy=z&bad=%zz%e9&slash=%2F"
                return _apache.parse_qsl(text), _apache.parse_qsl(text, 1)[3], _apache.parse_qs(text)["a"]

            def kinds(req):
                return _apache.parse_qsl(b"a=%ff&b=2"), _apache.parse_qs("k=%c3%a9"), _apache.parse_qsl("a=1;b=2"), _apache.parse_qs("")

            def refused(req):
                answer = []
                for wrong in (None, 5, [b"x"]):
                    for function in (_apache.parse_qs, _apache.parse_qsl):
                        try:
                            function(wrong)
                            answer.append(wrong)
                        except TypeError:
                            pass
                return answer
        """
    )
    pairs, empty, values = site.call("pairs")
    assert pairs == [
        ("a", "1"),
        ("b", "2"),
        ("a", "3"),
        ("", "value"),
        ("plus", "a b"),
        ("c", "x=y=z"),
        ("bad", "%zz\udce9"),
        ("slash", "/"),
    ]
    assert empty == ("empty", "")
    assert values == ["1", "3"]
    kinds = site.call("kinds")
    assert kinds == ([(b"a", b"\xff"), (b"b", b"2")], {"k": ["\u00e9"]}, [("a", "1;b=2")], {})
    assert site.call("refused") == []


def test_cleanup_at_the_end_of_the_child(httpd):
    site = httpd(
        functions="""
            import os
            PATH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch", "ended")

            def note(text):
                with open(PATH, "a") as file:
                    file.write(f"{text} {apache.interpreter}\\n")

            def fail(data):
                raise ValueError("at the end")

            def register(req):
                apache.register_cleanup(note, "first")
                req.server.register_cleanup(req, note, "second")
                req.server.register_cleanup(req, note)
                apache.register_cleanup(fail)
                wrong = []
                for act in (lambda: apache.register_cleanup(5), lambda: req.server.register_cleanup(5, note),
                            lambda: req.server.register_cleanup(req, 5)):
                    try:
                        act()
                        wrong.append(act)
                    except ValueError:
                        pass
                return len(wrong)
        """
    )
    site.expect_log("fail")
    site.expect_log("ValueError.*at the end")
    assert site.call("register") == 0
    assert not (site.scratch / "ended").exists()
    site.stop()
    assert (site.scratch / "ended").read_text().split("\n") == ["None localhost", "second localhost", "first localhost", ""]


def test_locks_between_processes(httpd):
    site = httpd(
        functions="""
            import _apache

            def locks(req):
                server = req.server
                _apache._global_lock(server, "key")
                _apache._global_unlock(server, "key")
                answer = [_apache._global_trylock(server, "key")]
                _apache._global_unlock(server, "key")
                wrong = []
                for act in (lambda: _apache._global_lock(5, "key"), lambda: _apache._global_lock(server, []),
                            lambda: _apache._global_unlock(server, "never locked")):
                    try:
                        act()
                        wrong.append(None)
                    except (TypeError, ValueError) as error:
                        wrong.append(type(error).__name__)
                return answer, wrong
        """
    )
    assert site.call("locks") == ([True], ["TypeError", "TypeError", "ValueError"])


def test_resolving_objects(httpd):
    site = httpd(
        functions="""
            class K:
                def __init__(self, arg):
                    self.arg = arg

                def method(self):
                    return self.arg

            def resolve(req):
                import app
                answer = [apache.resolve_object(app, "resolve") is resolve, apache.resolve_object(app, "K.method", 5)()]
                answer.append(apache.resolve_object(app, "missing", None, 1))
                try:
                    apache.resolve_object(app, "missing")
                except AttributeError as error:
                    answer.append("contains no 'missing'" in str(error) and app.__file__ in str(error))
                return answer

            def mtime(req):
                import app, os
                return apache.module_mtime(app) == os.path.getmtime(app.__file__), apache.module_mtime(apache.sys)
        """
    )
    assert site.call("resolve") == [True, 5, None, True]
    assert site.call("mtime") == (True, 0)


def test_root_is_no_place_for_python(httpd):
    """The parent stays without Python: it runs as root where the children do not."""
    site = httpd(
        functions="""
            import os

            def user(req):
                return os.geteuid(), os.getpid()
        """
    )
    uid, pid = site.call("user")
    assert (uid != 0 or os.geteuid() != 0) and pid != site.pid and pid in site.child_pids()
