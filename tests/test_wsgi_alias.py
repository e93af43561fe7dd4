"""`PythonWSGIAlias`: applications mounted by module or by script, in interpreters and environments of their own."""

import pytest

APPLICATION = """
    import _apache

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        parts = (_apache.interpreter, environ["SCRIPT_NAME"], environ["PATH_INFO"])
        return ["|".join(parts).encode("latin-1")]

    other = application
"""


@pytest.mark.every_mpm
def test_module_and_script(httpd):
    site = httpd(
        server="""
            PythonPath "sys.path + ['${docroot}']"
            PythonWSGIAlias /module demo:other
            PythonWSGIAlias /script ${docroot}/demo.wsgi interpreter=own
            PythonWSGIAlias /script/deeper ${docroot}/demo.wsgi:other
        """,
        files={"demo.py": APPLICATION, "demo.wsgi": APPLICATION, "module/file.txt": "not this"},
    )
    for path, answer in {
        "/module": "main_interpreter|/module|",
        "/module/file.txt": "main_interpreter|/module|/file.txt",
        "/module/a%20b//c": "main_interpreter|/module|/a b/c",
        "/script/": "own|/script|/",
        "/script/x/y.html": "own|/script|/x/y.html",
        "/script/deeper": "main_interpreter|/script/deeper|",
    }.items():
        response = site.get(path)
        assert (response.status, response.text) == (200, answer), path
    assert site.get("/modules").status == 404


def test_whole_site_beside_files_and_handlers(httpd):
    site = httpd(
        modules=("alias", "status"),
        server="""
            Alias /static ${docroot}/static
            PythonWSGIAlias / ${docroot}/demo.wsgi
            <Location /server-status>
                SetHandler server-status
            </Location>
        """,
        files={"demo.wsgi": APPLICATION, "static/style.css": "body {}"},
    )
    assert site.get("/any/thing").text == "main_interpreter||/any/thing"
    assert site.get("/").text == "main_interpreter||/"
    assert site.get("/static/style.css").text == "body {}"
    assert "Apache Server Status" in site.get("/server-status").text


def test_reload_of_a_script_and_of_what_it_imports(httpd):
    script = (
        "from part import words\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [words]\n"
    )
    site = httpd(
        server="PythonWSGIAlias /app ${docroot}/demo.wsgi",
        files={"demo.wsgi": script, "part.py": "words = b'one'\n"},
        children=1,
    )
    assert site.get("/app").text == "one"
    site.write("part.py", "words = b'two'\n")
    assert site.get("/app").text == "two"
    site.write("demo.wsgi", script.replace("[words]", "[words, b'!']"))
    assert site.get("/app").text == "two!"
