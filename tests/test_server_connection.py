"""The server and connection objects."""

import pytest

from httpd import wait_until

pytestmark = pytest.mark.threads_and_processes


def test_server(httpd):
    site = httpd(
        functions="""
            NAMES = ("defn_name defn_line_number server_admin server_hostname port error_fname loglevel is_virtual timeout "
                     "keep_alive_timeout keep_alive_max keep_alive path pathlen names wild_names limit_req_line "
                     "limit_req_fieldsize limit_req_fields my_generation restart_time").split()

            def values(req):
                return {name: getattr(req.server, name) for name in NAMES}

            def read_only(req):
                left = []
                for name in NAMES + ["next"]:
                    try:
                        setattr(req.server, name, getattr(req.server, name))
                        left.append(name)
                    except AttributeError:
                        pass
                return left

            def chain(req):
                names = []
                server = apache.main_server
                while server is not None:
                    names.append((server.server_hostname, server.is_virtual))
                    assert server.next is server.next
                    server = server.next
                return names, req.server.server_hostname, req.connection.base_server.server_hostname

            def main(req):
                return apache.main_server.error_fname

            def own(req):
                req.server.own = 5
                return req.server.own
        """,
        server="""
            Timeout 7
            KeepAliveTimeout 3
            MaxKeepAliveRequests 77
            LimitRequestLine 4000
            LimitRequestFieldsize 5000
            LimitRequestFields 60
            <VirtualHost *:${port}>
                ServerName first.example
            </VirtualHost>
            <VirtualHost *:${port}>
                ServerName virtual.example:40000
                ServerAlias alias.example *.wild.example
                ServerPath /path
                ServerAdmin me@virtual.example
            </VirtualHost>
        """,
    )
    values = site.call("values", host="virtual.example")
    expected = {
        "server_hostname": "virtual.example",
        "server_admin": "me@virtual.example",
        "port": 40000,
        "is_virtual": 1,
        "timeout": 7.0,
        "keep_alive_timeout": 3.0,
        "keep_alive_max": 77,
        "keep_alive": 1,
        "path": "/path",
        "pathlen": 5,
        "names": ("alias.example",),
        "wild_names": ("*.wild.example",),
        "limit_req_line": 4000,
        "limit_req_fieldsize": 5000,
        "limit_req_fields": 60,
        "loglevel": 5,
        "defn_name": str(site.root / "httpd.conf"),
    }
    assert {name: values[name] for name in expected} == expected
    assert site.call("values", host="first.example")["error_fname"] in (None, "error_log")
    assert site.call("main") == "error_log"
    assert values["defn_line_number"] > 10
    assert values["my_generation"] == 0 and values["restart_time"] > 1.6e9
    assert site.call("read_only") == []
    names, asked, base = site.call("chain", host="alias.example")
    assert names[0] == ("localhost", 0)
    assert set(names[1:]) == {("first.example", 1), ("virtual.example", 1)}
    assert (asked, base) == ("virtual.example", "first.example")
    assert site.call("own") == 5


def test_connection(httpd):
    site = httpd(
        functions="""
            NAMES = ("local_addr client_addr client_ip local_ip remote_host local_host remote_logname aborted keepalive "
                     "double_reverse keepalives id").split()

            def values(req):
                return {name: getattr(req.connection, name) for name in NAMES}

            def assigned(req):
                connection = req.connection
                left = []
                for name in NAMES + ["base_server", "notes", "own"]:
                    if name == "keepalive":
                        continue
                    try:
                        setattr(connection, name, getattr(connection, name, 5))
                        left.append(name)
                    except AttributeError:
                        pass
                connection.keepalive = apache.AP_CONN_CLOSE
                try:
                    connection.keepalive = "x"
                    left.append("keepalive")
                except TypeError:
                    pass
                return left

            def more(req):
                connection = req.connection
                connection.notes["own"] = "kept"
                return (connection.hlist, hasattr(connection, "nothing"), repr(connection.notes),
                        connection.base_server.server_hostname, connection.remote_ip, connection.remote_addr == connection.client_addr)

            def kept(req):
                req.write("")
                return req.connection.notes.get("own"), req.connection.keepalives
        """
    )
    values = site.call("values")
    assert values["local_addr"] == ("127.0.0.1", site.port)
    assert values["client_addr"][0] == values["client_ip"] == values["local_ip"] == "127.0.0.1"
    assert (values["aborted"], values["double_reverse"], values["keepalives"]) == (0, 0, 0)
    assert values["remote_logname"] is None
    assert site.call("assigned") == []
    assert site.call("more") == (None, False, "{'own': 'kept'}", "localhost", "127.0.0.1", True)
    with site.connection() as connection:
        site.ask(connection, "GET", "/more")
        assert eval(site.ask(connection, "GET", "/kept").text)[0] == "kept"
        assert eval(site.ask(connection, "GET", "/kept").text)[1] == 2


def test_base_server_of_a_keepalive_output(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def handler(req):
                req.content_type = "text/plain"
                req.write("x")
                req.write(f"{req.connection.keepalive} {req.connection.keepalives}")
                return 0
        """
    )
    with site.connection() as connection:
        assert site.ask(connection, "GET", "/").text == "x2 1"


def test_handler_list(httpd):
    site = httpd(
        functions="""
            def attributes(req):
                hlist = req.hlist
                before = (hlist.handler, hlist.directory, hlist.is_location, hlist.silent)
                text = repr(hlist)
                hlist.next()
                hlist.next()
                after = (hlist.handler, repr(hlist) != "")
                return before, after, "app" in text
        """
    )
    assert site.call("attributes") == (("app", f"{site.docroot}/", 0, 0), (None, True), True)


def test_old_names_of_addresses_warn(httpd):
    site = httpd(
        functions="""
            def old(req):
                connection = req.connection
                return connection.remote_ip == connection.client_ip, connection.remote_addr == connection.client_addr
        """
    )
    assert site.call("old") == (True, True)
    for name in ("remote_ip", "remote_addr"):
        site.wait_log(rf":warn\].*{name}")


def test_names_that_httpd_looks_up(httpd):
    site = httpd(
        functions="""
            def names(req):
                req.get_remote_host(apache.REMOTE_HOST)
                connection = req.connection
                return connection.remote_host, connection.local_host, connection.double_reverse, connection.aborted
        """,
        server="HostnameLookups On\n",
    )
    remote, local, double, aborted = site.call("names")
    # None before the question, empty if there is no name.
    assert isinstance(remote, str) and local is None and (double, aborted) in ((0, 0), (1, 0), (-1, 0))


def test_views_of_a_server(httpd):
    site = httpd(
        functions="""
            def views(req):
                virtual, main = req.server, apache.main_server
                return (virtual.get_options().items(), main.get_options().items(), virtual.get_config().items(), main.get_config().items(),
                        virtual.get_config() is virtual.get_config(), virtual is req.server, main is apache.main_server,
                        virtual is req.connection.base_server)

            def own(req):
                before = hasattr(req.server, "own")
                req.server.own = 1
                return before, req.server.own

            def told(req):
                req.server.log_error("plain")
                req.server.log_error("noticed", apache.APLOG_NOTICE)
                req.server.log_error(None)
        """,
        server="""
            PythonOption main 1
            <VirtualHost *:${port}>
                ServerName localhost
                PythonOption virtual 2
                PythonDebug On
                ErrorLog ${scratch}/of_virtual
            </VirtualHost>
        """,
    )
    options, main_options, config, main_config, *same = site.call("views")
    assert (options, main_options) == ([("main", "1"), ("virtual", "2")], [("main", "1")])
    assert (config, main_config) == ([("PythonDebug", "1")], [])
    assert same == [False, True, True, False]
    # An attribute of one's own is that of the wrapper, and a request has its own.
    assert site.call("own") == (False, 1)
    assert site.call("own") == (False, 1)
    site.call("told")
    log = (site.scratch / "of_virtual").read_text()
    assert ":error]" in log and "plain" in log and ":notice]" in log and "noticed" in log and "client" not in log


def test_generations_of_a_server(httpd):
    site = httpd(
        functions="""
            def generation(req):
                return req.server.my_generation, req.server.restart_time
        """
    )
    first, began = site.call("generation")
    site.graceful()
    assert first == 0 and began > 1.6e9
    # A child of the last generation may have the next connection yet.
    assert wait_until(lambda: site.call("generation")[0], "a child of the next generation") == 1


def test_connections_have_numbers_and_notes_of_their_own(httpd):
    site = httpd(
        functions="""
            def number(req):
                connection = req.connection
                connection.notes.add("requests", req.uri)
                return connection.id, len(connection.notes), connection.client_addr[1]
        """
    )
    with site.connection() as one, site.connection() as two:
        first, second = (eval(site.ask(connection, "GET", "/number").text) for connection in (one, two))
        assert eval(site.ask(one, "GET", "/number").text)[1:] == (2, first[2])
        assert isinstance(first[0], int) and second[1] == 1 and first[2] != second[2]
