"""The handler that scripts/test-matrix asks: the last part of the path names a function of this module."""

import json
import sys
import threading

from mod_python import apache

ATTRIBUTES = """
the_request assbackwards proxyreq header_only protocol proto_num hostname status_line status method
method_number allowed allowed_xmethods allowed_methods sent_bodyct bytes_sent mtime chunked range clength
remaining read_length read_body read_chunked expecting_100 content_type content_languages handler
content_encoding user ap_auth_type no_cache no_local_copy unparsed_uri uri filename canonical_filename path_info
args parsed_uri used_path_info eos_sent useragent_ip phase interpreter extension
""".split()  # noqa: SIM905

seen = 0


def handler(req):
    path = req.uri.split("/")
    name = path[2] if path[1] in ("one", "two") else path[1]
    req.content_type = "text/plain; charset=utf-8"
    return PAGES[name](req)


def version(req):
    req.write(f"CPython {sys.version.split()[0]}")
    return apache.OK


def hello(req):
    req.write("hello")
    return apache.OK


def attributes(req):
    found = {name: getattr(req, name) for name in ATTRIBUTES}
    found["headers_in"] = sorted(req.headers_in.items())
    found["server"] = [req.server.server_hostname, req.server.is_virtual, req.server.timeout]
    found["connection"] = [req.connection.local_ip, req.connection.keepalive, req.connection.base_server.port > 0]
    found["options"] = dict(req.get_options().items())
    found["types"] = [type(one).__name__ for one in (req, req.connection, req.server, req.headers_in, req.finfo)]
    req.write(json.dumps(found, indent=1, sort_keys=True))
    return apache.OK


def tables(req):
    table = apache.table({"One": "1", "two": "2"})
    table.add("two", "3")
    found = [sorted(table.items()), table["TWO"], "one" in table, len(table), table.get("none"), sorted(table.keys())]
    del table["two"]
    req.write(json.dumps([found, len(table), repr(table)]))
    return apache.OK


def form(req):
    for name, value in apache.parse_qsl(req.read().decode("ascii"), 1):
        req.write(f"{name} {value!r}\n")
    return apache.OK


def length(req):
    req.write(str(len(req.read())))
    return apache.OK


def error(req):
    raise ValueError("on purpose")


def forbidden(req):
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def bad_header(req):
    try:
        req.headers_out["X-Bad"] = "a\r\nb"
    except ValueError as refused:
        req.write(type(refused).__name__)
    return apache.OK


def count(req):
    global seen
    seen += 1
    req.write(f"{req.interpreter} {seen}")
    return apache.OK


def thread(req):
    said = []
    other = threading.Thread(target=lambda: said.append("from a thread"))
    other.start()
    other.join()
    req.write(said[0])
    return apache.OK


PAGES = {
    page.__name__: page
    for page in (version, hello, attributes, tables, form, length, error, forbidden, bad_header, count, thread)
}
