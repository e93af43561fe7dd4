"""The cases of benches/run as Python handlers: one source for every mod_python; c_handler/mod_bench.c is its equal in C."""

from _thread import get_ident

from mod_python import apache

BLOCK = b"x" * (16 * 1024)


def hello(req):
    req.content_type = "text/plain"
    req.write("hello", 0)
    return apache.OK


def hello_flush(req):
    req.content_type = "text/plain"
    req.write("hello")
    return apache.OK


def attributes(req):
    headers = req.headers_in
    lines = (
        req.method,
        req.uri,
        req.args,
        req.protocol,
        req.hostname,
        req.filename,
        req.the_request,
        req.unparsed_uri,
        req.path_info,
        str(req.user),
        headers["Host"],
        headers["User-Agent"],
        headers["Accept"],
        headers["Accept-Language"],
        headers["Cookie"],
        headers["Referer"],
        str(req.status),
        str(req.proto_num),
        str(req.header_only),
        str(int(req.request_time > 0)),
        str(req.bytes_sent),
    )
    out = req.headers_out
    out["Cache-Control"] = "no-cache"
    out["ETag"] = '"bench"'
    out["Content-Language"] = "en"
    out["X-Bench"] = "attributes"
    req.content_type = "text/plain"
    req.write("\n".join(lines), 0)
    return apache.OK


def writes(req):
    req.content_type = "application/octet-stream"
    for _ in range(64):
        req.write(BLOCK, 0)
    return apache.OK


def writes_flush(req):
    req.content_type = "application/octet-stream"
    for _ in range(64):
        req.write(BLOCK)
    return apache.OK


def sendfile(req):
    req.content_type = "application/octet-stream"
    req.sendfile(req.document_root() + "/megabyte")
    return apache.OK


def upload(req):
    req.content_type = "text/plain"
    req.write(str(len(req.read())), 0)
    return apache.OK


def form(req):
    from mod_python import util

    fields = util.FieldStorage(req)
    req.content_type = "text/plain"
    # Names of an urlencoded form are bytes in Debian's.
    req.write(" ".join([f"{len(name)} {len(fields.getfirst(name))}" for name in fields.keys()]), 0)  # noqa: SIM118
    return apache.OK


def multipart(req):
    from mod_python import util

    fields = util.FieldStorage(req)
    title = fields["title"].value
    req.content_type = "text/plain"
    req.write(f"{title if isinstance(title, str) else title.decode()} {len(fields['file'].file.read())}", 0)
    return apache.OK


def phase_access(req):
    return apache.OK if req.useragent_ip else apache.HTTP_FORBIDDEN


def phase_authen(req):
    req.user = "bench"
    return apache.OK


def phase_authz(req):
    return apache.OK if req.user == "bench" else apache.HTTP_FORBIDDEN


def phase_fixup(req):
    req.headers_out["X-Bench"] = "fixup"
    return apache.OK


def phases(req):
    req.content_type = "text/plain"
    req.write(req.user, 0)
    return apache.OK


def copy(filter):
    data = filter.read()
    while data:
        filter.write(data)
        data = filter.read()
    if data is None:
        filter.close()


def cookie(req):
    from mod_python import Cookie

    theme = Cookie.get_cookie(req, "theme").value
    Cookie.add_cookie(req, "theme", theme, path="/")
    req.content_type = "text/plain"
    req.write(theme, 0)
    return apache.OK


def signed_cookie(req):
    from mod_python import Cookie

    theme = Cookie.get_cookie(req, "theme", Cookie.SignedCookie, secret="bench").value
    Cookie.add_cookie(req, Cookie.SignedCookie("theme", theme, secret="bench", path="/"))
    req.content_type = "text/plain"
    req.write(theme, 0)
    return apache.OK


_sessions = {}  # one a thread, as if each connection were a client


def file_session(req):
    from mod_python import Session

    thread = get_ident()
    if thread in _sessions:
        req.headers_in["Cookie"] = "pysid=" + _sessions[thread]
    session = Session.FileSession(req)
    _sessions[thread] = session.id()
    session["count"] = session.get("count", 0) + 1
    session.save()
    req.content_type = "text/plain"
    req.write("kept", 0)
    return apache.OK


def publisher(req, name, greeting):
    return f"<html>{greeting}, {name}</html>"
