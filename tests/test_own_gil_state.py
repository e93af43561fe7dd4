"""Forms, cookies and sessions in interpreters that have a GIL each: those of one are right while the other works on its own."""

import hashlib
import hmac

from crowd import crowd
from test_own_gil import HOSTS, own

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HANDLER = """
    import hashlib
    import json

    from mod_python import Cookie, Session, apache, util

    def form(req):
        fields = util.FieldStorage(req, keep_blank_values=True)
        return {name: fields.getlist(name) for name in fields.keys()}

    def upload(req):
        fields = util.FieldStorage(req)
        return [fields["file"].filename, hashlib.sha256(fields["file"].value).hexdigest(), str(fields["word"])]

    def cookies(req):
        got = Cookie.get_cookies(req, Cookie.MarshalCookie, secret=req.interpreter)
        for name in ("first", "second"):
            Cookie.add_cookie(req, Cookie.MarshalCookie(name, [req.interpreter, req.args], req.interpreter))
        return {name: cookie.value for name, cookie in sorted(got.items()) if type(cookie) is Cookie.MarshalCookie}

    def session(req):
        session = Session.FileSession(req)
        session["count"] = session.get("count", 0) + 1
        session["host"] = req.interpreter
        session.save()
        return [session["host"], session["count"]]

    def handler(req):
        answer = globals()[req.uri[1:]](req)
        req.content_type = "application/json"
        req.write(json.dumps(answer))
        return apache.OK
"""
ROUNDS = 40


def both(site, talk):
    """`talk(ask, host, number)` of eight clients, four at each host."""

    def of_host(ask, number):
        host = ("one", "two")[number % 2]
        return talk(lambda *request, **options: ask(*request, host=host, **options), host, number)

    crowd(site, of_host, clients=8)


@own
def test_forms(httpd):
    site = httpd(handler=HANDLER, server=HOSTS)

    def talk(ask, host, number):
        for turn in range(ROUNDS):
            name = f"{host}-{number}-{turn}"
            body = "&".join(f"a=%C3%A9{name}&b{index}=" for index in range(turn)).encode()
            expected = {f"b{index}": [""] for index in range(turn)}
            if turn:
                expected["a"] = [f"é{name}"] * turn
            assert ask("POST", "/form", body=body, headers=FORM).json() == expected

    both(site, talk)


@own
def test_uploads(httpd):
    site = httpd(handler=HANDLER, server=HOSTS)
    multipart = {"Content-Type": "multipart/form-data; boundary=edge"}

    def talk(ask, host, number):
        for turn in range(ROUNDS):
            data = f"{host}{number}".encode() * (turn * turn * 10)
            head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{host}{turn}"\r\n\r\n'.encode()
            word = f'\r\n--edge\r\nContent-Disposition: form-data; name="word"\r\n\r\n{host}\r\n--edge--\r\n'.encode()
            answer = ask("POST", "/upload", body=head + data + word, headers=multipart)
            assert answer.json() == [f"{host}{turn}", hashlib.sha256(data).hexdigest(), host]

    both(site, talk)


@own
def test_signed_cookies(httpd):
    """Each host signs with a key of its own, and takes no cookie of the other."""
    site = httpd(handler=HANDLER, server=HOSTS)

    def talk(ask, host, number):
        sent = []
        for turn in range(ROUNDS):
            answer = ask("GET", f"/cookies?{number}-{turn}", headers={"Cookie": "; ".join(sent)} if sent else {})
            expected = [host, f"{number}-{turn - 1}"]
            assert answer.json() == ({"first": expected, "second": expected} if turn else {})
            sent = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie")]
            assert len(sent) == 2
        other = {"one": "two", "two": "one"}[host]
        assert site.get("/cookies", headers={"Cookie": sent[0]}, host=other).json() == {}

    both(site, talk)


@own
def test_a_signature_is_what_python_says(httpd):
    site = httpd(
        functions="""
            import _apache

            def sign(req):
                return _apache.hmac_sha256(b"k" * 100, req.args)
        """,
        server=HOSTS,
    )
    for host in ("one", "two"):
        assert site.call("sign", query=f"?{host}", host=host) == hmac.digest(b"k" * 100, host.encode(), "sha256")


@own
def test_file_sessions(httpd):
    site = httpd(handler=HANDLER, server=HOSTS)

    def talk(ask, host, _number):
        headers = {}
        for turn in range(ROUNDS):
            answer = ask("GET", "/session", headers=headers)
            assert answer.json() == [host, turn + 1]
            if turn == 0:
                headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}

    both(site, talk)


@own
def test_one_session_of_both_hosts(httpd):
    """Its lock is the server's: nobody's increment is lost."""
    site = httpd(handler=HANDLER, server=HOSTS)
    first = site.get("/session", host="one")
    headers = {"Cookie": first.headers["Set-Cookie"].split(";")[0]}

    def talk(ask, host, _number):
        for _ in range(ROUNDS // 4):
            assert ask("GET", "/session", headers=headers).json()[0] == host

    both(site, talk)
    assert site.get("/session", host="two", headers=headers).json() == ["two", 8 * (ROUNDS // 4) + 2]
