"""req.expr and req.expr_string: httpd's expressions in handlers."""

import pytest

EVALUATE = """
    def condition(req):
        return req.expr(req.headers_in["Expression"])

    def text(req):
        return req.expr_string(req.headers_in["Expression"])

    def error(req):
        found = []
        for method in (req.expr, req.expr_string):
            try:
                method(req.headers_in["Expression"])
            except ValueError as error:
                found.append(str(error))
        return found

    def own(req):
        req.subprocess_env["COLOUR"] = "r\\u00f6t"
        req.notes["n"] = "1"
        return req.expr("env('COLOUR') == 'r\\u00f6t' && note('n') -eq 1"), req.expr_string("%{ENV:COLOUR}"), req.expr_string("")

    def refused(req):
        found = []
        for value in (b"true", None, 1, "a\\0b"):
            try:
                req.expr(value)
            except (TypeError, ValueError) as error:
                found.append(type(error).__name__)
        return found

    def many(req):
        return sum(req.expr(f"%{{REQUEST_URI}} =~ m#^/(many)$# && '$1' == 'many' && {n} -lt 700") for n in range(1000))
"""


@pytest.fixture
def site(httpd):
    return httpd(functions=EVALUATE)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("true", True),
        ("false", False),
        ("%{REQUEST_METHOD} == 'GET'", True),
        ("%{HTTP_HOST} =~ /^local/", True),
        ("-z %{QUERY_STRING}", True),
        ("tolower('ABC') in {'abc', 'def'}", True),
        ("%{REQUEST_URI} == '/condition' && ! (1 -gt 2)", True),
        ("-f '/nonexistent'", False),
        ("%{REMOTE_ADDR} -ipmatch '127.0.0.0/8'", True),
    ],
)
def test_conditions(site, expression, value):
    assert site.call("condition", headers={"Expression": expression}) is value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain", "plain"),
        ("%{REQUEST_METHOD} %{REQUEST_URI}", "GET /text"),
        ("%{tolower:ABC}-%{base64:abc}", "abc-YWJj"),
        ("%{req:X-Own}", "100%"),
    ],
)
def test_strings(site, expression, value):
    assert site.call("text", headers={"Expression": expression, "X-Own": "100%"}) == value


def test_what_is_no_expression(site):
    (condition, text) = site.call("error", headers={"Expression": "%{NO_SUCH_VARIABLE} =="})
    assert "syntax error" in condition.lower() or "NO_SUCH_VARIABLE" in condition
    assert "NO_SUCH_VARIABLE" in text
    assert site.call("refused") == ["TypeError"] * 3 + ["ValueError"]
    assert site.call("condition", headers={"Expression": "true"}) is True


def test_what_a_handler_has_set(site):
    assert site.call("own") == (True, "r\u00f6t", "")


def test_many_expressions_of_a_request(site):
    assert site.call("many") == 700


def test_headers_are_added_to_vary(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write(str(req.expr("%{HTTP:Accept-Language} == 'de'")))
                return 0
        """
    )
    response = site.get("/", headers={"Accept-Language": "de"})
    assert (response.text, response.headers["Vary"]) == ("True", "Accept-Language")


def test_a_subrequest_of_an_expression_runs_python(httpd):
    """-U asks the access handlers of another URI, in the middle of this request's handler."""
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                return apache.HTTP_FORBIDDEN if req.uri.endswith("/secret") else apache.OK

            def handler(req):
                req.write(f'''{req.expr("-U '/secret'")} {req.expr("-U '/open'")} {req.main}''')
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonAccessHandler app
            PythonHandler app
        """,
        # httpd asks nobody again about a subrequest to what has the same configuration.
        server="""
            <Location "/secret">
                PythonOption another configuration
            </Location>
        """,
    )
    assert site.get("/").text == "False True None"
