"""The same filter under Debian's mod_python and under ours: the same response.

Debian's module does not keep what a filter writes, so the filters here do. Of what an input filter adds to a body its readers
see no more than they asked for, so none here makes one longer.
"""

import pytest

import httpd as real
from test_differential import OTHER

# What the filter does; `keep` is a list that outlives what is written.
OUTPUT = {
    "upper": """
        data = filter.read()
        while data:
            keep.append(data.upper())
            filter.write(keep[-1])
            data = filter.read()
        if data is None:
            filter.close()
    """,
    "lines": """
        line = filter.readline()
        while line:
            keep.append(b"<" + line + b">")
            filter.write(keep[-1])
            line = filter.readline()
        if line is None:
            filter.close()
    """,
    "pieces": """
        data = filter.read(5)
        while data:
            keep.append(repr(data).encode())
            filter.write(keep[-1])
            data = filter.read(5)
        if data is None:
            filter.close()
    """,
    "reads of each invocation": """
        seen = []
        data = filter.read()
        seen.append(data)
        while data:
            data = filter.read()
            seen.append(data)
        keep.append(repr(seen).encode())
        filter.write(keep[-1])
        if data is None:
            filter.close()
    """,
    "attributes": """
        names = "name is_input closed softspace handler dir".split()
        keep.append(repr([getattr(filter, name) for name in names] + [hasattr(filter, "nonexistent"), str(type(filter))]).encode())
        filter.write(keep[-1])
        filter.read()
        filter.close()
        keep.append(filter.closed)
    """,
    "pass on": "filter.pass_on()",
    "disable": """
        filter.disable()
        filter.pass_on()
    """,
    "phase": """
        keep.append(repr([filter.req.phase, filter.req.uri, filter.req.main]).encode())
        filter.write(keep[-1])
        filter.read()
        filter.close()
    """,
}
INPUT = {
    "upper": OUTPUT["upper"],
    "pass on": OUTPUT["pass on"],
}
MODULE = """
    from mod_python import apache
    keep = []

    def a_filter(filter):
{body}

    def handler(req):
        req.content_type = "text/plain"
        if req.method == "POST":
            req.write(b"read " + req.read())
        else:
            for number in range(3):
                req.write("part %d\\n of many" % number, int(req.uri == "/flush"))
        return apache.OK
"""


def indented(body):
    lines = [line for line in body.splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return "\n".join(" " * 8 + line[margin:] for line in lines)


def answers(httpd, body, config, requests):
    if not OTHER.exists():
        pytest.skip(f"{OTHER} is not installed")
    told = []
    for module in (OTHER, real.MODULE):
        site = httpd(
            module=module,
            mpm="prefork",
            handler=MODULE.format(body=indented(body)),
            config=f"PythonHandler app\n{config}",
            files={"file": "a file\nof three\nlines"},
            server='<Location ~ "/(keep|flush|post)">\nSetHandler mod_python\n</Location>',
        )
        for method, path in requests:
            response = site.request(method, path, body=b"one\ntwo\nthree" if method == "POST" else None)
            framing = [response.headers[name] for name in ("Content-Length", "Transfer-Encoding", "Content-Type")]
            text = response.text.replace(str(site.root), "ROOT")
            told.append((module == OTHER, path, response.status, framing, text))
        site.stop()
    theirs = [answer[1:] for answer in told if answer[0]]
    ours = [answer[1:] for answer in told if not answer[0]]
    return ours, theirs


@pytest.mark.parametrize("name", OUTPUT)
def test_output_filters(httpd, name):
    config = "PythonOutputFilter app::a_filter Name\nSetOutputFilter name"
    requests = [("GET", "/file"), ("GET", "/keep"), ("GET", "/flush")]
    ours, theirs = answers(httpd, OUTPUT[name], config, requests)
    assert ours == theirs


@pytest.mark.parametrize("name", INPUT)
def test_input_filters(httpd, name):
    config = "PythonInputFilter app::a_filter Name\nSetInputFilter name"
    ours, theirs = answers(httpd, INPUT[name], config, [("POST", "/post")])
    assert ours == theirs
