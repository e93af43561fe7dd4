"""Forms under Debian's mod_python and under ours: the same answers, where Debian's are what they are meant to be.

There text comes as `str` or as bytes, depending on how it came; here it is `str`. The handlers make bytes of all.
"""

import pytest

import httpd as real
from form_body import URLENCODED, multipart, part
from test_differential import OTHER, indented

MODULE = """
    from mod_python import apache, util

    def octets(value):
        return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value

    def handler(req):
        req.content_type = "text/plain"
{body}
        return apache.OK
"""
FILE = bytes(range(256)) * 300 + b"\r\n--\r\n"
PARTS = multipart(part("text", "t"), part("file", FILE, "a.bin", "image/x"), part("text", "u"), part("none", "", ""))
# One-letter names of a query are wrong in Debian's.
GET = {"query": "/?first=value1&second=value2&first=value3&empty=&space=a+b%20c&odd=%zz%"}
POST = {"body": "first=1&b=2&first=3&empty=&%C3%A9=%E2%82%AC&x=y=z", "headers": URLENCODED}
HANDLERS = {
    "fields": ("req.write(repr([(octets(f.name), octets(f.value)) for f in util.FieldStorage(req).list]))", [GET, POST, PARTS]),
    "blank": ("req.write(repr([(octets(f.name), octets(f.value)) for f in util.FieldStorage(req, 1).list]))", [GET, POST]),
    "parts": (
        """
            form = util.FieldStorage(req)
            fields = [(f.name, f.filename, f.type, f.disposition, f.file.seek(0), f.file.read()) for f in form.list]
            req.write("\\n".join(map(repr, [*fields, *[type(f).__name__ for f in form.list]])))
        """,
        [PARTS],
    ),
    "mapping": (
        """
            form = util.FieldStorage(req)
            first, second = form.keys()[:2]
            answer = [form.has_key(first), first in form, "zzzz" in form, len(form), [octets(name) for name in form]]
            answer += [octets(form.getfirst(first).value), form.getfirst("zzzz"), form.getfirst("zzzz", 5), form.get("zzzz", 6)]
            answer += [[octets(f.value) for f in form.getlist(name)] for name in form.keys()] + [form.getlist("zzzz")]
            answer += [isinstance(form[first], list), isinstance(form[second], list)]
            answer += [(octets(name), octets(f.value)) for name, f in form.items()]
            del form[second]
            answer += [second in form, len(form)]
            form.add_field("added", "a")
            form.clear()
            req.write(repr(answer + [len(form), list(form.list), bool(form)]))
        """,
        [GET, POST, PARTS],
    ),
    "callbacks": (
        """
            import io
            asked = []
            def file(name):
                asked.append(name)
                return io.BytesIO()
            def field():
                asked.append(None)
                return io.BytesIO()
            form = util.FieldStorage(req, 0, 0, file, field)
            req.write(repr([asked, [octets(f.value) for f in form.list]]))
        """,
        [PARTS],
    ),
    "refused": (
        """
            try:
                util.FieldStorage(req)
            except apache.SERVER_RETURN as raised:
                req.write(repr(raised.args[0]))
        """,
        [
            {"body": "{}", "headers": {"Content-Type": "application/json"}},
            {"body": "x", "headers": {"Content-Type": "multipart/form-data"}},
        ],
    ),
    "redirect": ("util.redirect(req, '/there', int(req.args), 'moved')", [{"query": "/?0"}, {"query": "/?1"}]),
    "query strings": (
        "req.write(repr([util.parse_qsl(b'a=1&b=&c=%41+%zz&=x', keep) for keep in (0, 1)] + [util.parse_qs(b'a=1&a=2')]))",
        [{"query": "/"}],
    ),
    "arguments": (
        """
            def target(first, req, second="none", **others):
                return req.uri, first, second, sorted(others)
            req.write(repr(util.apply_fs_data(target, util.FieldStorage(req), req=req)))
        """,
        [GET],
    ),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_both_read_the_same(httpd, name):
    if not OTHER.exists():
        pytest.skip(f"{OTHER} is not installed")
    body, requests = HANDLERS[name]
    told = []
    for module in (OTHER, real.MODULE):
        site = httpd(module=module, handler=MODULE.format(body=indented(body)), config="SetHandler mod_python\nPythonHandler app")
        answers = []
        for options in requests:
            options = dict(options)
            path = options.pop("query", "/")
            answer = site.request("POST" if "body" in options else "GET", path, **options)
            answers.append((answer.status, answer.headers["Location"], answer.text))
        told.append(answers)
        site.stop()
    theirs, ours = told
    assert ours == theirs
