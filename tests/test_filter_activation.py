"""Which Python filters take part in a response: httpd's directives, mod_filter's choice, and filters that are not in force."""

from test_filter import UPPER


def test_other_ways_to_activate_a_filter(httpd):
    site = httpd(
        modules=("filter", "mime"),
        handler=UPPER,
        files={"a.txt": "text", "a.html": "html", "a.other": "other"},
        config="""
            PythonOutputFilter app UPPER
            AddOutputFilterByType UPPER text/html
            AddOutputFilter UPPER .other
        """,
    )
    assert [site.get(f"/a.{kind}").text for kind in ("txt", "html", "other")] == ["text", "HTML", "OTHER"]


def test_filters_that_mod_filter_chooses(httpd):
    """mod_filter calls a Python filter in its own filter's place, and by its own filter's name."""
    site = httpd(
        modules=("filter", "mime"),
        handler=UPPER
        + """
    def name(filter):
        data = filter.read()
        while data:
            filter.write(data + filter.name.encode() + b" " + str(filter.req.notes.get("count")).encode())
            data = filter.read()
        if data is None:
            filter.close()

    def mark(filter):
        data = filter.read()
        while data:
            filter.write(b"<" + data + b">")
            data = filter.read()
        if data is None:
            filter.close()
""",
        files={"a.txt": "text ", "a.html": "html ", "a.other": "other ", "chain.html": "chain "},
        config="""
            PythonOutputFilter app UPPER
            PythonOutputFilter app::name Namer
            PythonOutputFilter app::mark mark
            FilterDeclare one
            FilterProvider one UPPER "%{CONTENT_TYPE} =~ m#^text/plain#"
            FilterProvider one Namer "%{CONTENT_TYPE} =~ m#^text/html#"
            FilterChain one
            <Files chain.html>
                FilterDeclare two
                FilterProvider two mark "true"
                FilterChain two
            </Files>
        """,
    )
    assert [site.get(f"/a.{kind}").text for kind in ("txt", "html", "other")] == ["TEXT ", "html namer None", "other "]
    assert site.get("/chain.html").text == "<chain namer None>"
    site.graceful()
    assert [site.get(f"/a.{kind}").text for kind in ("txt", "html", "other")] == ["TEXT ", "html namer None", "other "]


def test_more_filters_than_have_functions_of_their_own(httpd):
    site = httpd(
        modules=("filter", "mime"),
        handler=UPPER,
        files={"a.txt": "text", "a.html": "html"},
        config="\n".join(f"PythonOutputFilter app filter{number}" for number in range(100))
        + "\nAddOutputFilterByType filter98 text/html\n<Files a.txt>\nSetOutputFilter filter99\n</Files>",
    )
    assert [site.get(f"/a.{kind}").text for kind in ("txt", "html")] == ["TEXT", "HTML"]


def test_a_filter_that_is_not_in_force(httpd):
    site = httpd(
        handler=UPPER,
        files={"inside/a.txt": "text", "outside/a.txt": "text", "inside/app.py": UPPER},
        server="""
            <Directory "${docroot}/inside">
                PythonOutputFilter app UPPER
            </Directory>
        """,
        config="SetOutputFilter UPPER",
    )
    site.expect_log("could not find registered filter 'upper'")
    assert site.get("/inside/a.txt").text == "TEXT"
    assert site.get("/outside/a.txt").status == 500
