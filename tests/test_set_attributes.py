"""What a handler sets on its request is there for whoever looks at the request later, and ends after the response."""

import pytest

from httpd import wait_until

HANDLER = """
    import os
    from mod_python import apache

    SCRATCH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch")

    def told(text):
        with open(os.path.join(SCRATCH, "seen"), "a") as file:
            file.write(text + " ")

    def handler(req):
        req.content_type = "text/html"
        req.mark = req.args or "none"
        req.write('<!--#include virtual="/sub" -->' if req.uri == "/page.html" else "answer", 0)
        return apache.OK

    def sub(req):
        told(f"{req.main.mark} in {req.main.uri}")
        return apache.OK

    def mark(req):
        told(f"{getattr(req, 'mark', 'nothing')} in {req.phase}")
        return apache.OK

    def adds(req):
        req.add_handler("PythonLogHandler", mark)
        return handler(req)

    def registers(req):
        req.register_output_filter("OWN", "app::through")
        req.add_output_filter("OWN")
        return handler(req)

    def gone(req):
        handler(req)
        return apache.HTTP_GONE

    def returns_done(req):
        handler(req)
        return apache.DONE

    def sorry(req):
        told(f"{req.prev.mark} in {req.prev.uri}")
        return apache.OK

    def redirects(req):
        handler(req)
        req.internal_redirect("/other")
        told(f"{req.mark} again")
        return apache.OK

    def through(filter):
        while data := filter.read():
            filter.write(data)
        if data is None:
            told(f"{getattr(filter.req, 'mark', 'nothing')} in a filter")
            filter.close()
"""
LATER = {
    "a log handler": ("PythonHandler app\nPythonLogHandler app::mark", "kept in PythonLogHandler"),
    "a log handler of a turn": ("PythonHandler app\nPythonLogHandler @late app::mark", "kept in PythonLogHandler"),
    "a cleanup handler": ("PythonHandler app\nPythonCleanupHandler app::mark", "kept in PythonCleanupHandler"),
    "a log handler of an extension": (
        "PythonHandler app\nPythonLogHandler app::mark | .html",
        "kept in PythonLogHandler",
    ),
    "after DONE": ("PythonHandler app::returns_done\nPythonLogHandler app::mark", "kept in PythonLogHandler"),
    "an added log handler": ("PythonHandler app::adds", "kept in PythonLogHandler"),
    "an output filter": ("PythonHandler app\nPythonOutputFilter app::through OUT\nSetOutputFilter OUT", "kept in a filter"),
    "an output filter of its own": ("PythonHandler app::registers", "kept in a filter"),
    "an included page": ("PythonHandler app\nOptions +Includes\nAddOutputFilter INCLUDES html", "kept in /page.html"),
    "an error document": ("PythonHandler app::gone", "kept in /page.html"),
    "another request": ("PythonHandler app::redirects", "kept in /page.html kept again"),
}


@pytest.mark.parametrize("later", LATER)
def test_what_is_set_is_seen(httpd, later):
    config, expected = LATER[later]
    site = httpd(
        handler=HANDLER,
        modules=("include", "mime"),
        server="ErrorDocument 410 /sorry",
        config=f"""
            SetHandler mod_python
            {config}
            <Files "sub">
                PythonHandler app::sub
            </Files>
            <FilesMatch "^(sorry|other)$">
                PythonHandler app::sorry
            </FilesMatch>
        """,
    )
    site.get("/page.html?kept")
    seen = site.scratch / "seen"
    # Two may look one after the other, and the second when the client has its answer.
    wait_until(lambda: seen.exists() and seen.read_text().startswith(expected), f"{expected!r} seen")


def test_what_is_set_is_seen_where_a_body_is_taken_off_the_connection(httpd):
    """httpd reads what a handler has left of a body, through the filters."""
    site = httpd(
        handler=HANDLER,
        config="SetHandler mod_python\nPythonHandler app\nPythonInputFilter app::through IN\nSetInputFilter IN",
    )
    assert site.post("/page.html?kept", body="left").status == 200
    seen = site.scratch / "seen"
    assert wait_until(lambda: seen.exists() and seen.read_text(), "the filter") == "kept in a filter "


def test_the_end_of_what_is_set_comes_after_the_response(httpd):
    site = httpd(
        handler="""
            import os, time
            from mod_python import apache

            SCRATCH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch")

            class Slow:
                def __del__(self):
                    while not os.path.exists(os.path.join(SCRATCH, "go")):
                        time.sleep(0.01)
                    open(os.path.join(SCRATCH, "ended"), "w").close()

            def handler(req):
                req.slow = Slow()
                req.write("answer", 0)
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app",
    )
    with site.connection() as connection:
        assert site.ask(connection, "GET", "/x").text == "answer"
        assert not (site.scratch / "ended").exists()
        (site.scratch / "go").touch()
        wait_until((site.scratch / "ended").exists, "the end of what was set")


FORM = """
    import os, weakref
    from mod_python import apache, util

    SCRATCH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scratch")

    def handler(req):
        table, references = req.notes, []
        req.form = util.FieldStorage(req)
        req.number = 7

        def ends(_):
            references.clear()
            try:
                told = table.get("none", "during the request")
            except RuntimeError:
                told = "after it"
            with open(os.path.join(SCRATCH, "end"), "w") as file:
                file.write(told)

        references.append(weakref.ref(req.form, ends))
        req.write("answer", 0)
        return apache.OK

    def loghandler(req):
        return apache.OK
"""


@pytest.mark.parametrize(
    ("config", "expected"), [("", "during the request"), ("PythonLogHandler app", "after it")], ids=["alone", "logged"]
)
def test_a_form_ends_with_the_last_handler(httpd, config, expected):
    """So that the end of the request needs no Python, and does not wait for it."""
    site = httpd(handler=FORM, config=f"SetHandler mod_python\nPythonHandler app\n{config}")
    assert site.get("/x?name=value").text == "answer"
    end = site.scratch / "end"
    assert wait_until(lambda: end.exists() and end.read_text(), "the end of the form") == expected
