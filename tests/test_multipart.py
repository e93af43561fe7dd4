"""util.FieldStorage: parts of multipart bodies as fields, and where they are kept."""

import ast
import subprocess

import pytest

from form_body import multipart, multipart_headers, part
from real_site import certificate as certificate
from real_site import curl, tls

SHOW = """
    from mod_python import util

    def shown(field):
        options = field.type_options, field.disposition_options
        assert field.disposition == "form-data" and field.file.tell() == 0
        return field.name, field.value, field.filename, field.type, *options

    def show(req):
        return [shown(field) for field in util.FieldStorage(req).list]

    def names(req):
        return [(type(field).__name__, field.name, field.value) for field in util.FieldStorage(req).list]
"""
OPTIONS = "SetHandler mod_python\nPythonHandler app\nPythonOption mod_python.form.directory ${scratch}\n"


@pytest.mark.every_mpm
def test_texts_and_files(httpd):
    site = httpd(functions=SHOW)
    content = bytes(range(256)) * 3 + b"\r\n--\r\n\n\r"
    parts = [
        part("text", "J\u00f6rg \u20ac"),
        part("file", content, "a.bin", 'Image/PNG; x="y;z"'),
        part("empty", ""),
        part("none", "", ""),
    ]
    assert site.call("show", method="POST", **multipart(*parts)) == [
        ("text", "J\u00f6rg \u20ac", None, "text/plain", {}, {"name": "text"}),
        ("file", content, "a.bin", "image/png", {"x": "y;z"}, {"name": "file", "filename": "a.bin"}),
        ("empty", "", None, "text/plain", {}, {"name": "empty"}),
        ("none", "", None, "text/plain", {}, {"name": "none", "filename": ""}),
    ]
    assert site.call("names", method="POST", query="?q=1", **multipart(*parts)) == [
        ("StringField", "q", "1"),
        ("StringField", "text", "J\u00f6rg \u20ac"),
        ("Field", "file", content),
        ("StringField", "empty", ""),
        ("StringField", "none", ""),
    ]


def test_names_of_files(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def names(req):
                return [(field.name, field.filename) for field in util.FieldStorage(req).list]
        """
    )

    def names(*dispositions):
        options = multipart(*(part(disposition, "x") for disposition in dispositions))
        return site.call("names", method="POST", **options)

    assert names(
        'form-data; name="\u00e9\u20ac"; filename="\u65e5\u672c.txt"'.encode(),
        b'form-data; name="a\\"b\\\\c"; filename="a;b.txt"',
        b'form-data; name="p"; filename="C:\\dir\\x.txt"',
        b"form-data; name=plain; filename=plain.txt",
        b"form-data; name=star; filename=x; filename*=UTF-8''%e2%82%ac%20rates",
        b'FORM-DATA; NAME="case"; FileName="f"',
        b'form-data; name="bad\xff"; filename="\xe9"',
        b"form-data",
        b'form-data; filename="only"',
    ) == [
        ("\u00e9\u20ac", "\u65e5\u672c.txt"),
        ('a"b\\c', "a;b.txt"),
        ("p", "C:\\dir\\x.txt"),
        ("plain", "plain.txt"),
        ("star", "\u20ac rates"),
        ("case", "f"),
        ("bad\udcff", "\udce9"),
        (None, None),
        (None, "only"),
    ]


def test_charsets_of_parts(httpd):
    site = httpd(functions=SHOW)

    def values(*parts, charset=""):
        options = multipart(*parts)
        options["headers"]["Content-Type"] += charset
        return [value for _, _, value in site.call("names", method="POST", **options)]

    assert values(part("a", b"\xe9"), charset="; charset=iso-8859-1") == ["\u00e9"]
    assert values(part("a", b"\xe9"), part("_charset_", "windows-1252"), part("b", b"\x80")) == ["\u00e9", "windows-1252", "\u20ac"]
    own = part("a", b"\xc1", content_type="text/plain; charset=koi8-r")
    assert values(own, part("b", b"\xc1")) == ["\u0430", "\udcc1"]
    assert values(part("a", b"\xe9", "f"), charset="; charset=iso-8859-1") == [b"\xe9"], "files are bytes"


def test_headers_of_parts(httpd):
    site = httpd(
        functions="""
            from mod_python import apache, util

            def headers(req):
                fields = util.FieldStorage(req)
                assert all(isinstance(field.headers, apache.table) for field in fields.list)
                return [(field.headers.items(), field.headers["content-disposition"]) for field in fields.list]
        """
    )
    body = b'--B\nContent-Disposition: form-data;\n\tname="a"\nX-Own:  \xc3\xa9 \nx-own: 2\n\n1\n--B--'
    (items, disposition), *_ = site.call("headers", method="POST", body=body, headers=multipart_headers("B"))
    assert disposition == 'form-data; name="a"'
    assert items == [("Content-Disposition", disposition), ("X-Own", "\u00e9"), ("x-own", "2")]


def test_boundaries_and_lines(httpd):
    site = httpd(functions=SHOW)

    def names(content_type, body):
        return site.call("names", method="POST", body=body, headers={"Content-Type": content_type})

    one = [("StringField", "a", "1\n2")]
    body = b'preamble\n--x y\nContent-Disposition: form-data; name="a"\n\n1\n2\n--x y-- \nepilogue'
    assert names('multipart/form-data; boundary="x y"; charset=utf-8', body) == one
    assert names("Multipart/Form-Data;Boundary=B", body.replace(b"x y", b"B")) == one
    assert names("multipart/mixed; a=b; boundary=B ; c", body.replace(b"x y", b"B")) == one
    inner = b"--C\r\nContent-Disposition: file; filename=x\r\n\r\n1\r\n--C--"
    nested = part("files", inner, content_type="multipart/mixed; boundary=C", boundary="B") + b"--B--"
    assert names("multipart/form-data; boundary=B", nested) == [("StringField", "files", inner.decode())]


def test_files_go_to_disk_when_they_are_large(httpd):
    site = httpd(
        functions="""
            import io
            from mod_python import util

            def kinds(req):
                form = util.FieldStorage(req)
                kinds = [type(field.file).__name__ for field in form.list]
                for field in form.list:
                    field.file.seek(0, 2)
                    field.file.write(b"more")
                    assert field.value.endswith(b"more") and field.file.tell() == 0
                return kinds, [len(field.value) for field in form.list], form.list[0].value[:-4] == b"0123456789" * 1000
        """,
        config=OPTIONS + "PythonOption mod_python.form.spool_size 5K",
    )
    parts = [part("a", b"0123456789" * 1000, "a"), part("b", b"x" * 5120, "b"), part("c", b"y", "c")]
    kinds, sizes, whole = site.call("kinds", method="POST", **multipart(*parts))
    assert (kinds, sizes, whole) == (["BufferedRandom", "BytesIO", "BufferedRandom"], [10004, 5124, 5], True)
    assert site.files_in_use(site.scratch) == []


def test_file_callback(httpd):
    site = httpd(
        functions="""
            import io
            import os
            from mod_python import util

            class Counting:
                def __init__(self, name):
                    self.name, self.sizes, self.data = name, [], b""
                def write(self, data):
                    assert type(data) is bytes
                    self.sizes.append(len(data))
                    taken = data[:50000]
                    self.data += taken
                    return len(taken)
                def seek(self, position):
                    self.position = position
                def read(self):
                    return self.data

            def own(req):
                made = []
                def make(name):
                    made.append(Counting(name))
                    return made[-1]
                form = util.FieldStorage(req, 0, 0, make)
                assert [field.file for field in form.list if field.name != "text"] == made
                answer = [(file.name, max(file.sizes, default=0) <= 82000, file.position) for file in made]
                return answer, [(type(field).__name__, len(field.value), field.filename) for field in form.list]

            def real(req):
                def make(name):
                    if name != "é.bin":
                        return io.BytesIO()
                    return open(os.path.join(req.document_root(), "..", "scratch", "kept"), "w+b")
                form = util.FieldStorage(req, file_callback=make)
                return os.path.basename(form["big"].file.name), len(form["big"].file.read())

            def ignored(req):
                return [field.value for field in util.FieldStorage(req, file_callback="x", field_callback=5).list][:1]

            def raising(req):
                def make(name):
                    raise LookupError(name)
                try:
                    util.FieldStorage(req, file_callback=make)
                except LookupError as error:
                    return repr(error)

            def full(req):
                class Full(io.BytesIO):
                    def write(self, data):
                        return 0
                try:
                    util.FieldStorage(req, file_callback=lambda name: Full())
                except OSError as error:
                    return str(error)

            def begun(req):
                line = req.readline()
                return line, [field.value for field in util.FieldStorage(req).list][:1]

            def reading(req):
                def make(name):
                    try:
                        req.read()
                    except RuntimeError as error:
                        raise LookupError(str(error))
                try:
                    util.FieldStorage(req, file_callback=make)
                except LookupError as error:
                    return repr(error)
        """
    )
    parts = [part("text", "t"), part("big", b"x" * 300_000, "\u00e9.bin"), part("none", "", ""), part("small", "1", "s")]
    options = {"method": "POST", **multipart(*parts)}
    made, fields = site.call("own", **options)
    assert made == [("\u00e9.bin", True, 0), ("", True, 0), ("s", True, 0)]
    assert fields == [
        ("StringField", 1, None),
        ("Field", 300_000, "\u00e9.bin"),
        ("StringField", 0, None),
        ("Field", 1, "s"),
    ]
    assert site.call("real", **options) == ("kept", 300_000)
    assert (site.scratch / "kept").stat().st_size == 300_000
    assert site.call("ignored", **options) == ["t"]
    assert site.call("raising", **options) == "LookupError('\u00e9.bin')"
    assert site.call("full", **options) == "the field's file takes no more"
    options["body"] = b"first line\r\n" + options["body"]
    assert site.call("begun", **options) == (b"first line\r\n", ["t"])
    assert "being read" in site.call("reading", **options)


def test_field_callback(httpd):
    site = httpd(
        functions="""
            import io
            from mod_python import util

            def own(req):
                made = []
                def make():
                    made.append(io.BytesIO())
                    return made[-1]
                form = util.FieldStorage(req, field_callback=make)
                assert [field.file for field in form.list if not field.filename] == made
                return [(type(field).__name__, field.value, field.file.read()) for field in form.list]
        """
    )
    parts = [part("a", "\u20ac"), part("f", "x", "f"), part("long", "y" * 70000)]
    fields = site.call("own", method="POST", **multipart(*parts))
    assert fields[:2] == [("StringField", "\u20ac", "\u20ac".encode()), ("Field", b"x", b"x")]
    assert fields[2] == ("StringField", "y" * 70000, b"y" * 70000)


def test_what_curl_sends(httpd):
    """A client that waits for 100 Continue, and has its own way to quote names."""
    site = httpd(functions=SHOW)
    content = bytes(range(256)) * 8192
    file = site.write("content", content)
    fields = [
        "-F",
        "text=J\u00f6rg",
        "-F",
        f'a"b=@{file};filename=c"d\\e;f.bin;type=image/x',
        "-F",
        f"small=@{site.docroot}/app.py",
    ]
    command = ["curl", "-sS", "-H", "Expect: 100-continue", *fields, f"http://127.0.0.1:{site.port}/names"]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=site.patience)
    text, named, small = ast.literal_eval(answer.stdout.decode())
    assert text == ("StringField", "text", "J\u00f6rg")
    assert named[0] == "Field" and named[2] == content
    assert small == ("Field", "small", (site.docroot / "app.py").read_bytes())


def test_forms_over_http2_and_tls(httpd, certificate):
    """What has arrived is asked of other filters there."""
    modules = ("socache_shmcb", "ssl", "http2")
    site = httpd(functions=SHOW, server=tls(certificate), modules=modules)
    content = bytes(range(256)) * 4096
    large, small = site.write("large", content), site.write("small", b"content")
    for version in ("2", "1.1"):

        def post(path, *options, version=version):
            spoken, status, body = curl(site, certificate, path, f"--http{version}", *options)
            assert (spoken, status) == (version, 200)
            return ast.literal_eval(body.decode())

        for file in (large, small):
            text, (kind, name, value) = post("/names", "-F", "text=\u20ac", "-F", f"file=@{file};type=image/x")
            assert text == ("StringField", "text", "\u20ac") and (kind, name) == ("Field", "file")
            assert value == file.read_bytes()
        fields = [("StringField", "q", "1"), ("StringField", "a", "1"), ("StringField", "b", "\udce9")]
        assert post("/names?q=1", "-d", "a=1&b=%E9") == fields
