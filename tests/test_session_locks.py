"""Locks of sessions: those of one request, and when others may have them. Many processes are in test_session_stores.py."""

from session_stores import cookie_of

HANDLER = "SetHandler mod_python\nPythonHandler app\n"

LOCKS = """
    from mod_python import Session, apache

    def again(req):
        one = Session.Session(req)
        one["n"] = 1
        one.save()
        two = Session.Session(req, sid=one.id())
        two.lock()
        two["n"] += 1
        two.save()
        del two
        one.lock()
        one.unlock()
        one.unlock()
        three = Session.Session(req, sid=one.id())
        return three["n"]

    def inner(req):
        session = Session.Session(req)
        session["n"] = session.get("n", 0) + 10
        session.save()
        return session["n"]

    def outer(req):
        session = Session.Session(req)
        session["n"] = session.get("n", 0) + 1
        session.save()
        with req.subrequest_uri("/inner") as inner:
            inner.run()
        return session.id()

    def redirected(req):
        session = Session.Session(req)
        session["n"] = session.get("n", 0) + 1
        session.save()
        req.internal_redirect("/inner")
        raise apache.SERVER_RETURN(apache.DONE)

    def failing(req):
        session = Session.Session(req)
        req.session = session
        raise ValueError("boom")

    def cyclic(req):
        req.session = Session.Session(req)
        req.session["n"] = req.session.get("n", 0) + 1
        req.session.save()
        return req.session["n"]

    class Broken(Session.FileSession):
        def do_load(self):
            raise KeyError("broken")

    kept = []

    def broken(req):
        try:
            Broken(req)
        except KeyError as error:
            kept.append(error)
"""


def test_locks_of_one_request(httpd):
    site = httpd(functions=LOCKS, config=f"{HANDLER}PythonOption session FileSession", children=1, threads=4)
    answer = site.get("/again")
    assert answer.text == "2"
    cookie = cookie_of(answer)
    assert "12" in site.get("/outer", headers=cookie).text or site.call("inner", headers=cookie) == 23
    before = site.call("inner", headers=cookie)
    assert str(before + 11) in site.get("/redirected", headers=cookie).text
    counts = [site.call("cyclic", headers=cookie) for _ in range(6)]
    assert counts == list(range(counts[0], counts[0] + 6))
    for _ in range(6):
        assert site.get("/failing", headers=cookie).status == 500
        site.call("broken", headers=cookie)
    site.call("inner", headers=cookie)
    site.expect_traceback("ValueError: boom")


def test_unlock_lets_others_in(httpd):
    site = httpd(
        functions="""
            from mod_python import Session
            import threading

            entered = threading.Event()

            def first(req):
                session = Session.Session(req)
                session.save()
                session.unlock()
                return entered.wait(20)

            def second(req):
                Session.Session(req).save()
                entered.set()

            def start(req):
                Session.Session(req).save()
        """,
        children=1,
    )
    cookie = cookie_of(site.get("/start"))
    with site.connection() as connection:
        connection.request("GET", "/first", headers=cookie)
        site.call("second", headers=cookie)
        assert connection.getresponse().read() == b"True"
