"""Content handlers that the visitors ask for by name, in several interpreters."""

import hashlib

from mod_python import Cookie, Session, apache, util


def handler(req):
    req.content_type = "text/plain; charset=utf-8"
    return globals()[req.uri.rpartition("/")[2]](req) or apache.OK


def hello(req):
    req.write(f"hello {req.args}")


def interpreter(req):
    req.write(req.interpreter)


def echo(req):
    """Length and digest of the body, read in pieces."""
    digest, length = hashlib.sha256(), 0
    while piece := req.read(10_000):
        digest.update(piece)
        length += len(piece)
    req.write(f"{length} {digest.hexdigest()}")


def half(req):
    """Reads the first half of a body, and leaves the rest."""
    length = int(req.headers_in["Content-Length"]) // 2
    req.write(hashlib.sha256(req.read(length)).hexdigest())


def unread(req):
    req.write(f"unread {req.args}")


def pieces(req):
    for number in range(int(req.args)):
        req.write(f"{number},")
        req.flush()


def fields(req):
    req.write(ascii([(field.name, str(field)) for field in util.FieldStorage(req, keep_blank_values=1).list]))


def upload(req):
    form = util.FieldStorage(req)
    file = form["file"]
    digest = hashlib.sha256(file.file.read()).hexdigest()
    req.write(f"{form['note']} {file.filename} {digest}")


def count(session, size):
    """The next number, kept with something that shows whether the record is whole."""
    number = session.get("number", 0)
    assert session.get("pad", "") == str(number) * size or not number, "a torn record"
    session["number"], session["pad"] = number + 1, str(number + 1) * size
    session.save()
    return number + 1


def session(req):
    req.write(str(count(Session.FileSession(req), 50)))


def large_session(req):
    req.write(str(count(Session.FileSession(req), 3000)))


def sqlite_session(req):
    req.write(str(count(Session.SqliteSession(req), 50)))


def cookie(req):
    got = Cookie.get_cookie(req, "mark", Cookie.SignedCookie, secret="a secret of the soak")
    Cookie.add_cookie(req, Cookie.SignedCookie("mark", req.args, "a secret of the soak"))
    req.write(f"{got.value if isinstance(got, Cookie.SignedCookie) else None}")


def redirect(req):
    req.internal_redirect(f"/app/hello?{req.args}")


def part(req):
    req.write(f"part {req.args} of {req.main.args};")


def whole(req):
    req.write("begin;", 0)
    for number in range(3):
        with req.subrequest_uri(f"/app/part?{number}") as subrequest:
            result = subrequest.run()
        if result != apache.OK:
            # For the visitor; one that has gone, with a hard restart, cannot be told.
            req.write(f"{result};")
    left = req.subrequest_uri("/app/part?left")
    req.write(f"end {left.request.args} {req.args}")


def file(req):
    start, length = map(int, req.args.split(","))
    req.sendfile(req.document_root() + "/data", start, length)


def expression(req):
    req.write(f"{req.expr_string('<%{QUERY_STRING}>')} {req.expr('-z %{QUERY_STRING}')}")


def tables(req):
    for number in range(20):
        req.headers_out.add("X-Many", str(number))
        req.notes[f"note{number}"] = req.args
    copy = req.headers_out.copy()
    assert [value for name, value in copy.items() if name == "X-Many"] == [str(number) for number in range(20)]
    del req.headers_out["X-Many"]
    req.register_cleanup(lambda notes: notes.clear(), dict(req.notes))
    req.write(f"{len(req.notes) >= 20} {req.notes['note7']}")


def own_filters(req):
    req.register_output_filter("OWN", own)
    req.add_output_filter("OWN")
    req.register_input_filter("OWN_IN", own)
    req.add_input_filter("OWN_IN")
    req.write(req.read())


def own(stream):
    while data := stream.read():
        stream.write(data.swapcase())
    if data is None:
        stream.close()


def log(req):
    req.log.debug("a line of %s", req.args)
    req.write(f"logged {req.args}")
