"""`| .ext` in a list of handlers: which extension a request has, and which list that chooses."""

import pytest

pytestmark = pytest.mark.threads_and_processes


def test_extensions_choose_the_list(httpd):
    site = httpd(
        handler="""
            def handler(req):
                req.write("plain " + repr(req.extension))
                return 0

            def text(req):
                req.write("text " + req.extension)
                return 0
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonHandler app::text|.txt .a.b
            PythonHandler missing | dotless
        """,
    )
    assert site.get("/x.txt").text == "text .txt"
    assert site.get("/x.txt/more.html").text == "text .txt"
    assert site.get("/x.a.b").text == "text .a.b"
    assert site.get("/x.y.txt").text.startswith("plain")
    assert site.get("/x.dotless").text.startswith("plain")
    assert site.get("/noext").text == "plain ''"


def test_what_the_extension_of_a_request_is(httpd):
    """From the first dot of the last part of the file's name, which need not exist; path info has none."""
    site = httpd(
        handler="""
            def handler(req):
                req.write(f"{req.extension!r}")
                return 0

            plain = handler
        """,
        config="""
            SetHandler mod_python
            PythonHandler app::plain
            PythonHandler app | .py .b.py .hid txt
        """,
        files={"dir.d/file.py": "", "noext": ""},
    )
    seen = {path: site.get(path).text for path in ("/x.py", "/a.b.py", "/.hid", "/dir.d/file.py", "/x.py/info.b")}
    assert seen == {"/x.py": "'.py'", "/a.b.py": "'.b.py'", "/.hid": "'.hid'", "/dir.d/file.py": "'.py'", "/x.py/info.b": "'.py'"}
    # The plain list: no extension, one that has no list of its own, one that no list can have.
    assert {path: site.get(path).text for path in ("/noext", "/x.c.py", "/x.txt")} == {
        "/noext": "''",
        "/x.c.py": "None",
        "/x.txt": "None",
    }


def test_extensions_in_other_phases(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def note(req):
                req.notes["seen"] = req.notes.get("seen", "") + f"{req.phase}:{req.extension} "
                return apache.OK

            def refuse(req):
                return apache.HTTP_FORBIDDEN

            def handler(req):
                note(req)
                req.write(req.notes["seen"])
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonAccessHandler app::note|.txt
            PythonAccessHandler app::refuse
            PythonFixupHandler app::note | .txt .html
        """,
    )
    # What was once found stays for the request.
    assert site.get("/x.txt").text == "PythonAccessHandler:.txt PythonFixupHandler:.txt PythonHandler:.txt "
    assert site.get("/x.html").status == 403


def test_extensions_of_handler_modules(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                req.notes["seen"] = f"access of {req.extension}, "
                return apache.OK

            def handler(req):
                req.write(f"{req.notes.get('seen')} {req.extension}")
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandlerModule app | .txt\nPythonHandler app | .html\n",
        files={"x.txt": "", "x.html": "", "x.c": "a file"},
    )
    assert site.get("/x.txt").text == "access of .txt,  .txt"
    assert site.get("/x.html").text == "None .html"
    assert site.get("/x.c").text == "a file"
