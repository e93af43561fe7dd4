"""The guestbook, the members' pages and the filter, as their visitors use them."""

from urllib.parse import urlencode

from test_examples import examples

__all__ = ["examples"]


class Visitor:
    """A browser that keeps its cookie."""

    def __init__(self, site):
        self.site, self.cookie = site, None

    def post(self, path, **fields):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), headers)

    def get(self, path):
        return self.ask("GET", path, None, {})

    def ask(self, method, path, body, headers):
        if self.cookie:
            headers["Cookie"] = self.cookie
        answer = self.site.request(method, path, body, headers)
        for cookie in answer.headers.get_all("Set-Cookie", ()):
            self.cookie = cookie.partition(";")[0]
        return answer


def test_guestbook(examples):
    ada, other = Visitor(examples), Visitor(examples)
    assert "0 entries" in ada.get("/guestbook/").text
    login = ada.post("/guestbook/login", name="  Ada <b> ")
    assert (login.status, login.headers["Location"]) == (302, "/guestbook/")
    assert "Ada &lt;b&gt;</strong>" in ada.get("/guestbook/").text
    assert ada.post("/guestbook/write", text="Gr\u00fc\u00dfe & <i>\r\ntwo").status == 302
    for visitor in (ada, other):
        page = visitor.get("/guestbook/")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "1 entry so far" in page.text and "Gr\u00fc\u00dfe &amp; &lt;i&gt;<br>two" in page.text
    assert "Log in" in other.get("/guestbook/").text and other.post("/guestbook/write", text="x").status == 403
    assert [ada.get(f"/guestbook/{name}").status for name in ("login?name=x", "logout", "write?text=x")] == [405] * 3
    assert [ada.get(f"/guestbook/{name}").status for name in ("PAGE", "database", "entries", "sqlite3", "login")] == [404] * 4 + [
        400
    ]
    assert ada.post("/guestbook/logout").status == 302
    assert "Log in" in ada.get("/guestbook/").text and ada.post("/guestbook/write", text="x").status == 403


def test_guestbook_gives_a_new_session_at_the_login(examples):
    visitor = Visitor(examples)
    visitor.get("/guestbook/")
    before = visitor.cookie
    visitor.post("/guestbook/login", name="Ada")
    assert visitor.cookie != before


def test_members(examples):
    visitor = Visitor(examples)
    assert visitor.get("/members/").status == 200
    assert examples.get("/members/inside/").headers["WWW-Authenticate"] == 'Basic realm="Members"'
    assert visitor.post("/members/join", name="ada", password="countess").status == 201
    assert visitor.post("/members/join", name="ada", password="another one").status == 409
    assert visitor.post("/members/join", name="a b", password="countess").status == 400
    assert visitor.post("/members/join", name="ada2", password="short").status == 400
    assert [visitor.get("/members/join?name=x&password=countess").status, visitor.post("/members/join", name="x").status] == [
        405,
        400,
    ]
    inside = [examples.get("/members/inside/", user=user) for user in (("ada", "countess"), ("ada", "wrong"), ("eve", "countess"))]
    assert [answer.status for answer in inside] == [200, 401, 401]
    assert '<strong id="who">ada</strong>' in inside[0].text
    assert [examples.get(f"/members/{path}").status for path in ("accounts", "accounts/create", "accounts.py/create")] == [
        404,
        404,
        403,
    ]
    assert examples.get("/members/inside", user=("ada", "countess")).status != 200
    examples.expect_log("AH01630|client denied by server configuration")


def test_filter(examples):
    page = examples.get("/filter/")
    assert page.status == 200 and page.text.endswith("</html>\n") and "{{" not in page.text
    assert '<dfn title="a list of buckets, which is what filters hand to one another" tabindex="0">brigade</dfn>' in page.text
    assert ">caf\u00e9</dfn>" in page.text and "such as teapot" in page.text
    assert page.headers["ETag"] is None


def test_filter_of_a_page_that_comes_in_pieces(examples):
    text = "".join(f"{count:06} {{{{bucket}}}} " for count in range(20000))
    examples.write(examples.root / "examples/filter/long.html", text)
    page = examples.get("/filter/long.html")
    assert page.text.count(">bucket</dfn>") == 20000 and "{" not in page.text
    examples.write(examples.root / "examples/filter/odd.html", "a {{ b {{handler}} c }} {{unfinished")
    assert examples.get("/filter/odd.html").text.endswith("</dfn> c }} {{unfinished")
