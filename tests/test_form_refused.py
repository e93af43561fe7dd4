"""Forms that are broken or too large: each has its status, and no file of theirs is left."""

import socket

import pytest

from client import receive, status_of
from form_body import BOUNDARY, URLENCODED, multipart, multipart_headers, part

SHOW = """
    from mod_python import apache, util

    def show(req):
        return [(field.name, len(field.value)) for field in util.FieldStorage(req).list]

    def caught(req):
        try:
            util.FieldStorage(req)
        except apache.SERVER_RETURN as refused:
            return refused.args
"""
# Files go to disk at once, where the test can see them.
CONFIG = "SetHandler mod_python\nPythonHandler app\nPythonOption mod_python.form.directory ${scratch}\n"
AT_ONCE = CONFIG + "PythonOption mod_python.form.spool_size 0\n"
FILE = part("file", b"x" * 100_000, "f")


BROKEN = {
    "no boundary": (b"x", {"Content-Type": "multipart/form-data"}),
    "an empty boundary": (b"x", {"Content-Type": 'multipart/form-data; boundary=""'}),
    "a boundary that is too long": (b"x", {"Content-Type": "multipart/form-data; boundary=" + "b" * 201}),
    "no delimiter": (FILE, multipart_headers("other")),
    "no closing delimiter": (FILE, multipart_headers()),
    "a closing delimiter that is cut": (FILE + f"--{BOUNDARY}-".encode(), multipart_headers()),
    "an end within a file": (FILE[:-5000], multipart_headers()),
    "an end within a header": (FILE + f"--{BOUNDARY}\r\nContent-Disp".encode(), multipart_headers()),
    "a header without end": (FILE + f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 10_000, multipart_headers()),
    "a long line in a header": (FILE + f"--{BOUNDARY}\r\nX:".encode() + b"y" * 20_000, multipart_headers()),
    "a delimiter within a header": (FILE + f"--{BOUNDARY}\r\nX: y\r\n".encode() + FILE, multipart_headers()),
    "a line without colon": (FILE + part(b"form-data\r\nno colon", "x"), multipart_headers()),
    "no disposition": (FILE + f"--{BOUNDARY}\r\nX: y\r\n\r\nx\r\n--{BOUNDARY}--".encode(), multipart_headers()),
    "no header": (FILE + f"--{BOUNDARY}\r\n\r\nx\r\n--{BOUNDARY}--".encode(), multipart_headers()),
}


def test_broken_bodies(httpd):
    site = httpd(functions=SHOW, config=AT_ONCE + "LogLevel info")
    for name, (body, headers) in BROKEN.items():
        assert site.post("/show", body, headers=headers).status == 400, name
        assert site.call("caught", method="POST", body=body, headers=headers) == (400,), name
    assert site.files_in_use(site.scratch) == []
    assert site.error_log.count("mod_python: the form was refused: ") == 2 * len(BROKEN)
    for why in ("ended before its closing boundary", "has no name and colon", "has no Content-Disposition", "names no boundary"):
        assert why in site.error_log
    assert site.call("show", method="POST", **multipart(FILE)) == [("file", 100_000)]


def head(length, headers):
    lines = ["POST /show HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def test_wrong_lengths(httpd):
    """A body that is shorter than announced is refused; what goes beyond what is announced is not read."""
    site = httpd(functions=SHOW, config=AT_ONCE)
    options = multipart(FILE)
    body, headers = options["body"], options["headers"]
    for sent, kind in ((body, headers), (b"a=1&b=2", URLENCODED)):
        assert site.raw_status(head(len(sent) + 10, kind) + sent[:-5], half_close=True) == 400
    assert site.raw_status(head(len(body) - 10, headers) + body) == 400
    assert b"('file', 100000)" in site.raw(head(len(body), headers) + body + b"more")
    assert b"[('a', 1)]" in site.raw(head(3, URLENCODED) + b"a=1&b=2")
    assert site.files_in_use(site.scratch) == []


@pytest.mark.every_mpm
def test_a_client_that_leaves(httpd):
    site = httpd(functions=SHOW, config=AT_ONCE + "LogLevel info")
    for sent in (FILE[:50], FILE[:50_000], FILE):
        with site.socket() as connection:
            connection.sendall(head(200_000, multipart_headers()) + sent)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    site.wait_log(r"(?s)(form was refused: its body could not be read, which means 400.*){3}")
    site.settle()
    assert site.files_in_use(site.scratch) == []


def test_a_client_that_stops(httpd):
    site = httpd(functions=SHOW, config=AT_ONCE, server="Timeout 1")
    with site.socket() as connection:
        connection.sendall(head(200_000, multipart_headers()) + FILE)
        assert status_of(receive(connection)) == 408
    assert site.files_in_use(site.scratch) == []


LIMITS = [
    ("max_fields 3", 3, lambda count: {"body": "&".join(["a=1"] * count), "headers": URLENCODED}),
    ("max_fields 3", 3, lambda count: {"query": "?" + "&".join(["a=1"] * count), "body": "", "headers": URLENCODED}),
    ("max_fields 3", 3, lambda count: multipart(*[part("a", "1")] * count)),
    ("max_files 2", 2, lambda count: multipart(part("a", "1"), *[part("f", "1", "f")] * count)),
    ("max_field_size 1K", 1024, lambda size: {"body": "a=" + "x" * size, "headers": URLENCODED}),
    ("max_field_size 1K", 1024, lambda size: {"body": "a=" + "%41" * size, "headers": URLENCODED}),
    ("max_field_size 1K", 1024, lambda size: {"body": "x" * size + "=1", "headers": URLENCODED}),
    ("max_field_size 1K", 1024, lambda size: multipart(part("a", "x" * size))),
    ("max_field_size 1K", 1024, lambda size: multipart(part("a", "x" * size, ""))),
    ("max_text_size 20k", 20480, lambda size: {"body": "a=1&" + "&".join(["b=xxxxxxx"] * (size // 8)) + "x" * (size % 8)}),
    ("max_text_size 20k", 20480, lambda size: {"query": "?a=b", "body": "c=" + "x" * (size - 3)}),
    ("max_size 100000", 100_000, lambda size: multipart(part("f", "x" * (size - len(multipart(part("f", "", "f"))["body"])), "f"))),
]


@pytest.mark.parametrize("number", range(len(LIMITS)))
def test_limits(httpd, number):
    option, limit, form = LIMITS[number]
    site = httpd(functions=SHOW, config=AT_ONCE + f"LogLevel info\nPythonOption mod_python.form.{option}")
    within, beyond = form(limit), form(limit + 1)
    if option.startswith("max_text_size"):
        within = form(limit - 2)
    query = within.pop("query", ""), beyond.pop("query", "")
    assert site.post("/show" + query[0], **within).status == 200
    assert site.post("/show" + query[1], **beyond).status == 413
    assert f"(PythonOption mod_python.form.{option.split()[0]})" in site.error_log
    assert site.files_in_use(site.scratch) == []


def test_a_chunked_body_beyond_the_limit(httpd):
    site = httpd(functions=SHOW, config=AT_ONCE + "PythonOption mod_python.form.max_size 50K")
    head = f"POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: {multipart_headers()['Content-Type']}\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(FILE), FILE)
    assert site.raw_status(head.encode() + chunk) == 413
    assert site.files_in_use(site.scratch) == []


def test_limits_of_httpd_and_of_the_request(httpd):
    site = httpd(
        functions=SHOW
        + """
    def widened(req):
        req.get_options()["mod_python.form.max_fields"] = "5"
        return show(req)
    """,
        config=CONFIG + "LimitRequestBody 50000\nPythonOption mod_python.form.max_fields 1",
    )
    assert site.post("/show", FILE, headers=multipart_headers()).status == 413
    two = {"method": "POST", "body": "a=1&b=2"}
    assert site.request(path="/show", **two).status == 413
    assert len(site.call("widened", **two)) == 2


def test_options_that_make_no_sense(httpd):
    for option, sentence in {
        "max_fields many": 'PythonOption mod_python.form.max_fields "many": it is a number, which K, M or G may follow',
        "max_size -1": "0 is no limit",
        "max_size 99999999999G": "0 is no limit",
        "separator ,": "it is either & or ;",
        "max_feilds 5": "there is no such option",
    }.items():
        site = httpd(functions=SHOW, config=CONFIG + f"PythonOption mod_python.form.{option}")
        site.expect_traceback(f"ValueError: .*{sentence}")
        assert site.get("/show").status == 500


def test_no_limit(httpd):
    site = httpd(functions=SHOW, config=CONFIG + "PythonOption mod_python.form.max_fields 0")
    assert len(site.call("show", method="POST", body="&".join(["a=1"] * 25_000))) == 25_000


def test_a_directory_that_is_not_there(httpd):
    config = CONFIG.replace("${scratch}", "${scratch}/missing") + "PythonOption mod_python.form.spool_size 0"
    site = httpd(functions=SHOW, config=config)
    site.expect_traceback("FileNotFoundError: .*a file of the form could not be kept: No such file")
    assert site.post("/show", **multipart(FILE)).status == 500
