"""util.FieldStorage: fields of queries and urlencoded bodies, and how they are asked for."""

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
SHOW = """
    from mod_python import apache, util

    def shown(form):
        return [(field.name, field.value, type(field).__name__) for field in form.list]

    def show(req):
        return shown(util.FieldStorage(req))

    def blank(req):
        return shown(util.FieldStorage(req, keep_blank_values=1))
"""


def pairs(fields):
    return [(name, value) for name, value, kind in fields if kind == "StringField"]


def test_query_and_body(httpd):
    site = httpd(functions=SHOW)
    assert site.call("show") == []
    assert site.call("show", query="?a=1&b=2") == [("a", "1", "StringField"), ("b", "2", "StringField")]
    assert pairs(site.call("show", method="POST", body="c=3", headers=URLENCODED, query="?a=1")) == [("a", "1"), ("c", "3")]
    for method in ("PUT", "PATCH", "DELETE"):
        assert pairs(site.call("show", method=method, body="c=3", headers=URLENCODED, query="?a=1")) == [("a", "1")]


def test_multipart(httpd):
    site = httpd(functions=SHOW)
    body = (
        b'--X\r\nContent-Disposition: form-data; name="text"\r\n\r\nJ\xc3\xb6rg\r\n'
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/x\r\n\r\n\x00\r\n\xff\r\n'
        b"--X--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=X"}
    assert site.call("show", method="POST", body=body, headers=headers) == [
        ("text", "Jörg", "StringField"),
        ("file", b"\x00\r\n\xff", "Field"),
    ]
