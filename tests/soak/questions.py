"""What visitors ask, and what they must hear. A question is a function of its visitor, and raises if the answer is wrong."""

import hashlib
import urllib.parse

import form_body
from soak.ledger import Broken, Wrong
from soak.site import DATA, INTERPRETERS


def hello(visitor):
    place, mark = visitor.chance.choice(INTERPRETERS), visitor.mark()
    visitor.expect(f"/{place}/hello?{mark}", f"hello {mark}")


def head(visitor):
    answer = visitor.ask("HEAD", f"/app/hello?{visitor.mark()}")
    if answer.status != 200 or answer.body:
        raise Wrong(f"HEAD: {answer.status} {answer.body[:100]!r}", answer.status)


def interpreter(visitor):
    place = visitor.chance.choice(INTERPRETERS)
    visitor.expect(f"/{place}/interpreter", {"app": "localhost", "main": "main_interpreter"}.get(place, place))


def body(visitor):
    return visitor.chance.randbytes(visitor.chance.choice((0, 1, 1000, 8192, 70_000)))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def echo(visitor):
    data = body(visitor)
    # Without a length http.client sends chunks.
    sent = [data[:100], data[100:]] if len(data) > 100 and visitor.chance.random() < 0.5 else data
    visitor.expect("/app/echo", f"{len(data)} {digest(data)}", method="POST", body=sent)


def half(visitor):
    data = visitor.chance.randbytes(visitor.chance.choice((2, 20_000)))
    place = visitor.chance.choice(("/app/half", "/wsgi/half"))
    visitor.expect(place, digest(data[: len(data) // 2]), method="POST", body=data)


def unread(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/unread?{mark}", f"unread {mark}", method="POST", body=body(visitor))


def pieces(visitor):
    place, count = visitor.chance.choice(("/app/pieces", "/wsgi/pieces")), visitor.chance.randrange(40)
    visitor.expect(f"{place}?{count}", "".join(f"{number}," for number in range(count)))


def fields(visitor):
    pairs = [("mark", visitor.mark()), ("two", "J\u00f6rg & \u20ac"), ("two", ""), ("one", "x" * visitor.chance.randrange(3000))]
    query = [("in", "query")]
    visitor.expect(
        "/app/fields?" + urllib.parse.urlencode(query),
        ascii(query + pairs),
        method="POST",
        body=urllib.parse.urlencode(pairs),
        headers=form_body.URLENCODED,
    )


def upload(visitor):
    data, mark = visitor.chance.randbytes(visitor.chance.choice((10, 3000, 300_000))), visitor.mark()
    parts = form_body.part("note", mark), form_body.part("file", data, "a.bin", "image/png")
    visitor.expect("/app/upload", f"{mark} a.bin {digest(data)}", method="POST", **form_body.multipart(*parts))


def session(visitor):
    visitor.count_in("session")


def large_session(visitor):
    visitor.count_in("large_session")


def sqlite_session(visitor):
    visitor.count_in("sqlite_session")


def cookie(visitor):
    mark = visitor.mark()
    known = visitor.cookies.get("mark")
    answer = visitor.ask("GET", f"/app/cookie?{mark}", headers={"Cookie": f"mark={known[1]}"} if known else {})
    visitor.compare("/app/cookie", answer, known[0] if known else "None")
    visitor.cookies["mark"] = mark, answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]


def forged_cookie(visitor):
    visitor.expect("/app/cookie?x", "None", headers={"Cookie": "mark=" + "0" * 64 + "x"})


def redirect(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/redirect?{mark}", f"hello {mark}")


def whole(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/whole?{mark}", f"begin;part 0 of {mark};part 1 of {mark};part 2 of {mark};end left {mark}")


def file(visitor):
    start, length = visitor.chance.randrange(len(DATA)), visitor.chance.randrange(60_000)
    answer = visitor.ask("GET", f"/app/file?{start},{length}")
    if answer.status != 200 or answer.body != DATA[start : start + length]:
        raise Wrong(f"file {start},{length}: {answer.status}, {len(answer.body)} bytes", answer.status)


def expression(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/expression?{mark}", f"<{mark}> False")


def tables(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/tables?{mark}", f"True {mark}")


def own_filters(visitor):
    text = "Some Text " * visitor.chance.randrange(1, 2000)
    visitor.expect("/app/own_filters", text, method="POST", body=text)


def log(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/log?{mark}", f"logged {mark}")


PHASES = "PostReadRequest Init HeaderParser Access Authen Authz Type Fixup"


def phases(visitor):
    mark = visitor.mark()
    visitor.expect(f"/phases/x?{mark}", f"{PHASES}  {mark}")


def filters(visitor):
    text = "Some Text " * visitor.chance.randrange(1, 4000)
    name, expected = visitor.chance.choice((("in", text.upper()), ("out", text.upper()), ("both", str(len(text)))))
    visitor.expect(f"/filters/{name}", expected, method="POST", body=text)


def inside(visitor):
    mark, number = visitor.mark(), visitor.chance.randrange(10)
    visitor.expect(f"/inside/x?{mark}", f"user{number} {mark}", user=(f"user{number}", f"secret of user{number}"))
    answer = visitor.ask("GET", "/inside/x", user=(f"user{number}", "wrong"))
    if answer.status != 401:
        raise Wrong(f"a wrong password: {answer.status}", answer.status)


def publisher(visitor):
    number = visitor.chance.randrange(1000)
    visitor.expect(f"/pub/add?one={number}&other=7", str(number + 7))
    visitor.expect(f"/pub/shelf/read?page={number}", f"page {number}")
    if visitor.ask("GET", "/pub/nothing").status != 404:
        raise Wrong("/pub/nothing is there")


def psp(visitor):
    mark = visitor.mark()
    visitor.expect(f"/psp/page.psp?{mark}", f"0:{mark};1:{mark};2:{mark};end")


def cgi(visitor):
    mark = visitor.mark()
    visitor.expect(f"/cgi/program?{mark}", f"POST {mark} 4", method="POST", body="four")


def ssi(visitor):
    mark = visitor.mark()
    visitor.expect(f"/ssi/page.shtml?{mark}", f"6 hello included {mark}\n")


def wsgi(visitor):
    mark = visitor.mark()
    visitor.expect(f"/wsgi/hello?{mark}", f"hello {mark}")
    visitor.expect(f"/wsgi/written?{mark}", f"written {mark}")
    data = body(visitor)
    visitor.expect("/wsgi/echo", digest(data), method="POST", body=data)


def reload(visitor):
    """The answer is that of a version that was there while the question was under way."""
    earliest = visitor.versions.settled
    answer = visitor.ask("GET", "/reload/x")
    latest = visitor.versions.newest
    numbers = answer.text.split() if answer.status == 200 else []
    if len(numbers) != 2 or not all(earliest <= int(number) <= latest for number in numbers):
        raise Wrong(f"versions {answer.status} {answer.text[:100]!r} are not of {earliest} to {latest}", answer.status)


def lines(visitor):
    """A connection that a handler has for itself."""
    try:
        with visitor.site.lines() as connection:
            for number in range(5):
                connection.sendall(f"line {number} {visitor.name}\n".encode())
                wanted = f"LINE {number} {visitor.name.upper()}\n".encode()
                received = b""
                while len(received) < len(wanted):
                    more = connection.recv(1000)
                    if not more:
                        raise Broken(f"a line ended after {received!r}")
                    received += more
                if received != wanted:
                    raise Wrong(f"{received!r} instead of {wanted!r}")
                visitor.ledger.answered("lines")
    except OSError as error:
        raise Broken(repr(error)) from None


# What fails, and does so as it should.


def raises(visitor):
    visitor.expect_status(f"/app/raises?{visitor.mark()}", 500)


def late(visitor):
    """An error page after the first part of a response."""
    answer = visitor.whole_answer(b"GET /second/late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    if b"first" not in answer or b"500 Internal Server Error" not in answer:
        if not answer.endswith(b"\r\n0\r\n\r\n"):
            raise Broken(f"a response that fails when it has begun ends early: {answer[-200:]!r}")
        raise Wrong(f"a response that fails when it has begun: {answer[-200:]!r}")


def sleep(visitor):
    visitor.expect("/second/sleep?0.3", "slept 0.3")


def spin(visitor):
    visitor.expect("/app/spin?0.2", "spun True")


def recurse(visitor):
    visitor.expect_status("/app/recurse", 500)


def recurse_in_c(visitor):
    visitor.expect("/second/recurse_in_c", "too deep")


def threads(visitor):
    visitor.expect("/app/threads?x", "started x")


def connections(visitor):
    visitor.expect("/app/connections?x", "started x")
    hello(visitor)
    phases(visitor)


def keep(visitor):
    number = visitor.chance.randrange(1000)
    visitor.expect(f"/{visitor.chance.choice(INTERPRETERS)}/keep?{number}", f"kept {number}")


def fork(visitor):
    """Refused, since there are several interpreters."""
    visitor.expect_status("/app/fork", 500)


def program(visitor):
    mark = visitor.mark()
    visitor.expect(f"/app/program?{mark}", f"ran {mark}")


def take(visitor):
    visitor.expect("/app/take", "taken")


WEIGHTS = {
    hello: 30, head: 3, interpreter: 3, echo: 6, half: 3, unread: 3, pieces: 3, fields: 4, upload: 4, session: 4, large_session: 2,
    sqlite_session: 1, cookie: 3, forged_cookie: 1, redirect: 3, whole: 3, file: 4, expression: 2, tables: 2, own_filters: 3,
    log: 2, phases: 6, filters: 5, inside: 4, publisher: 4, psp: 4, cgi: 2, ssi: 3, wsgi: 6, reload: 2, lines: 1,
    raises: 1, late: 1, sleep: 0.3, spin: 0.05, recurse: 0.3, recurse_in_c: 0.3, threads: 0.5, connections: 0.5, keep: 2, fork: 0.1,
    program: 0.1,
}  # fmt: skip
NEED_DISK = {upload, session, large_session, sqlite_session, take}
EVERY = list(WEIGHTS)
