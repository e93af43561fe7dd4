"""Forms against independent implementations: urllib.parse and python-multipart."""

import json
import string
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

try:
    from python_multipart import MultipartParser
    from python_multipart.multipart import parse_options_header
except ModuleNotFoundError:  # its name before 0.0.13
    from multipart import MultipartParser
    from multipart.multipart import parse_options_header

from form_body import URLENCODED, multipart, multipart_headers, part

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHOW = """
    import json
    from mod_python import apache, util

    def text(value):
        return value if isinstance(value, str) else value.decode("latin-1")

    def handler(req):
        form = util.FieldStorage(req, keep_blank_values=req.uri == "/blank")
        req.content_type = "application/json"
        req.write(json.dumps([[field.name, text(field.value), field.filename] for field in form.list]))
        return apache.OK
"""

names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\n"), max_size=12)
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
# What is in URLs, and what means something in them, more often than in other texts.
queries = st.text(st.sampled_from("ab1=&;+%20%41%zz%C3%A9%FF") | st.sampled_from(string.printable), max_size=60).map(
    lambda text: "".join(character for character in text if character not in "\r\n\t\x0b\x0c")
)


@pytest.fixture
def site(httpd):
    return httpd(handler=SHOW)


@pytest.fixture
def ask(site):
    """Posts on one connection."""
    with site.connection() as connection:

        def ask(path, **options):
            response = site.ask(connection, "POST", path, **options)
            return response.json() if response.status == 200 else response.status

        yield ask


def test_urlencoded_text_round_trips(ask):
    @EXAMPLES
    @given(st.lists(st.tuples(texts, texts), max_size=8))
    def check(fields):
        found = ask("/blank", body=urlencode(fields), headers=URLENCODED)
        assert found == [[name, value, None] for name, value in fields if name or value]

    check()


def test_urlencoded_as_urllib_reads_it(ask):
    @EXAMPLES
    @given(queries, st.booleans())
    def check(query, keep_blank):
        body = query.encode()
        wanted = parse_qsl(body.decode("ascii"), keep_blank_values=keep_blank, errors="surrogateescape")
        found = ask("/blank" if keep_blank else "/", body=body, headers=URLENCODED)
        assert found == [[name, value, None] for name, value in wanted if name or value]

    check()


def quoted(name):
    return name.replace("\\", "\\\\").replace('"', '\\"')


content = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"--B", b"--B--", b"B", b"x", b"\0"])
).map(b"".join)


def test_multipart_round_trips(ask):
    @EXAMPLES
    @given(st.lists(st.tuples(names, st.none() | names.filter(bool), content), max_size=6))
    def check(fields):
        parts = [
            part(quoted(name), value, filename if filename is None else quoted(filename), boundary="Bound")
            for name, filename, value in fields
        ]
        found = ask("/", **multipart(*parts, boundary="Bound"))
        assert found == [
            [name, value.decode("utf-8", "surrogateescape") if filename is None else value.decode("latin-1"), filename]
            for name, filename, value in fields
        ]

    check()


@st.composite
def nearly_multipart(draw):
    """A body of the lines that multipart bodies are made of, in whatever order."""
    lines = draw(
        st.lists(
            st.sampled_from(
                [
                    b"--B",
                    b"--B--",
                    b"--BB",
                    b"--B-",
                    b"Content-Disposition: form-data; name=a",
                    b'Content-Disposition: form-data; name="b"; filename="f"',
                    b"Content-Type: text/plain",
                    b"",
                    b"text",
                    b"\xff\r",
                ]
            ),
            max_size=14,
        )
    )
    return b"--B\r\n" + b"\r\n".join(lines)


@st.composite
def well_formed_multipart(draw):
    """Parts as they should be, their content full of what is almost a delimiter."""
    dispositions = [b"form-data; name=a", b'form-data; name="b c"; filename="f;g"', b'FORM-DATA; name="d\\"e"; x=y']
    types = [b"", b"Content-Type: text/plain\r\n", b"content-type: image/x; a=b\r\n"]
    near = [b"--BB", b"--B-", b"-B", b"x--B", b"--", b"", b"text", b"\xff", b"\r", b"\n--B x", b"--b"]
    parts = draw(
        st.lists(st.tuples(st.sampled_from(dispositions), st.sampled_from(types), st.lists(st.sampled_from(near))), min_size=1)
    )
    body = b"".join(
        b"--B\r\nContent-Disposition: %s\r\n%s\r\n%s\r\n" % (disposition, kind, b"\r\n".join(lines))
        for disposition, kind, lines in parts
    )
    return body + b"--B--\r\n"


def read_by_python_multipart(body):
    parts, field, value = [], bytearray(), bytearray()

    def header_end():
        parts[-1][0][bytes(field).lower()] = bytes(value)
        field.clear()
        value.clear()

    callbacks = {
        "on_part_begin": lambda: parts.append(({}, bytearray())),
        "on_header_field": lambda data, start, end: field.extend(data[start:end]),
        "on_header_value": lambda data, start, end: value.extend(data[start:end]),
        "on_header_end": header_end,
        "on_part_data": lambda data, start, end: parts[-1][1].extend(data[start:end]),
    }
    parser = MultipartParser(b"B", callbacks)
    parser.write(body)
    parser.finalize()
    found = []
    for headers, content in parts:
        _, options = parse_options_header(headers[b"content-disposition"])
        name, filename = (options[key].decode() if key in options else None for key in (b"name", b"filename"))
        found.append(
            [name, content.decode("utf-8", "surrogateescape") if filename is None else content.decode("latin-1"), filename]
        )
    return found


def test_multipart_as_python_multipart_reads_it(ask):
    @EXAMPLES
    @given(well_formed_multipart())
    def check(body):
        assert ask("/", body=body, headers=multipart_headers("B")) == read_by_python_multipart(body)

    check()


def test_whatever_comes_is_answered(site):
    @EXAMPLES
    @given(
        nearly_multipart() | st.binary(max_size=200),
        st.sampled_from(["multipart/form-data; boundary=B", "multipart/x; boundary=", None]),
    )
    def check(body, kind):
        headers = {"Content-Type": kind} if kind else URLENCODED
        assert site.post("/", body, headers=headers).status in (200, 400)

    check()
    assert json.loads(site.get("/?a=1").body) == [["a", "1", None]]
