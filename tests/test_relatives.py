"""Sub-requests, redirects, error documents and indexes among all modules: which phases they see, and whose objects."""

import pytest

from httpd import wait_until
from real_site import MODULES, ORDERS


@pytest.mark.parametrize("order", ORDERS)
def test_objects_of_relatives(httpd, order):
    """main, prev and next are the objects that the other requests' handlers had, and a sub-request's ends with it."""
    site = httpd(
        handler="""
            from mod_python import apache

            kept = []

            def fixuphandler(req):
                req.own = f"own of {req.uri}"
                return apache.OK

            def handler(req):
                if req.main:
                    kept[:] = [req, req.headers_out]
                    req.write(f"{req.main.own}, {req.own}, {req.main.main}, {req.main.next}")
                elif req.prev:
                    req.write(f"{req.prev.own}, {req.own}, {req.prev.next is req}")
                elif req.args == "gone":
                    return apache.HTTP_GONE
                else:
                    for old in (lambda: kept[0].uri, lambda: kept[0].main, lambda: len(kept[1])):
                        try:
                            old()
                            return apache.HTTP_CONFLICT
                        except RuntimeError:
                            pass
                    req.write("ended")
                return apache.OK
        """,
        server="ErrorDocument 410 /sorry\n",
        config="""
            Options +Includes
            AddOutputFilter INCLUDES html
            PythonFixupHandler app
            PythonHandler app
            <FilesMatch "^[a-z]+$">
                SetHandler mod_python
            </FilesMatch>
        """,
        files={"page.html": '<!--#include virtual="/sub" -->'},
        **{order: MODULES},
    )
    assert site.get("/page.html").text == "own of /page.html, own of /sub, None, None"
    # The client has its answer a moment before httpd is done with the request.
    wait_until(lambda: site.get("/stale").text == "ended", "the end of the page's request")
    assert site.get("/x?gone").text == "own of /x, own of /sorry, True"


TRAIL = """
    import os
    from mod_python import apache

    def record(req, result):
        kind = "sub" if req.main else "redirect" if req.prev else "main"
        with open(os.path.dirname(req.document_root()) + "/scratch/ran", "a") as file:
            phase = req.phase.removeprefix("Python").removesuffix("Handler") or "Handler"
            file.write(f"{phase}:{kind}:{req.uri} ")
        return result

    def go_on(req):
        return record(req, apache.DECLINED)

    def handler(req):
        record(req, apache.OK)
        if req.args == "redirect":
            req.internal_redirect("/python/target")
            return apache.OK
        if req.args == "gone":
            return apache.HTTP_GONE
        req.content_type = "text/plain"
        req.write("page")
        return apache.OK

    def last(req):
        end = req
        while end.next:
            end = end.next
        assert req.prev is None and req.main is None
        if end is not req:
            assert end.prev is not None
        return record(req, apache.OK)
"""


TRAILED = """
    PythonPath "sys.path+['${docroot}']"
    PythonPostReadRequestHandler app::go_on
    PythonInitHandler app::go_on
    PythonTransHandler app::go_on
    ErrorDocument 410 /python/sorry
    <Directory "${docroot}/python">
        SetHandler mod_python
        PythonHandler app
    </Directory>
    <Directory "${docroot}/index">
        DirectoryIndex page.txt
        Options +Includes
        AddOutputFilter INCLUDES html
    </Directory>
"""


TRAILED_DIRECTORY = """
    PythonHeaderParserHandler app::go_on
    PythonAccessHandler app::go_on
    PythonTypeHandler app::go_on
    PythonFixupHandler app::go_on
    PythonLogHandler app::last
"""


@pytest.mark.parametrize("order", ORDERS)
def test_phases_of_relatives(httpd, order):
    files = {"index/page.txt": "index", "index/a.html": '<!--#include virtual="/python/x" -->', "python/x": ""}
    site = httpd(handler=TRAIL, server=TRAILED, config=TRAILED_DIRECTORY, files=files, **{order: MODULES})
    ran = site.scratch / "ran"

    def trail(path, status=200):
        ran.unlink(missing_ok=True)
        with site.connection() as connection:
            assert site.ask(connection, "GET", path).status == status
            site.ask(connection, "GET", "/finished")
        return [word for word in ran.read_text().split() if not word.endswith("/finished")]

    full = ["Init", "PostReadRequest", "Trans", "HeaderParser", "Access", "Type", "Fixup", "Handler"]

    def of(phases, kind, uri):
        return [f"{phase}:{kind}:{uri}" for phase in phases]

    main = of(full, "main", "/python/x")
    assert trail("/python/x") == [*main, "Log:main:/python/x"]
    # httpd asks for access again only where other sections apply.
    again = [phase for phase in full if phase != "Access"]
    assert trail("/python/x?redirect") == [*main, *of(again, "redirect", "/python/target"), "Log:main:/python/x"]
    gone = trail("/python/x?gone", 410)
    assert gone == [*main, *of(again, "redirect", "/python/sorry"), "Log:main:/python/x"]
    included = trail("/index/a.html")
    assert [word for word in included if ":sub:" in word] == of(("Trans", "Access", "Type", "Fixup", "Handler"), "sub", "/python/x")
    index = trail("/index/")
    assert [word for word in index if word.startswith("Log")] == ["Log:main:/index/page.txt"]
    assert [word for word in index if word.endswith(":main:/index/")] == of(
        ["Init", "PostReadRequest", "Trans", "HeaderParser", "Access", "Type", "Fixup"], "main", "/index/"
    )
    # One log line for each request of a client, wherever it went on to.
    for words in (included, gone, index):
        assert sum(word.startswith("Log:") for word in words) == 1


def test_attributes_of_an_index(httpd):
    """What mod_dir finds takes the place of the request, in place: the request's object and its attributes stay."""
    site = httpd(
        handler="""
            from mod_python import apache

            def accesshandler(req):
                if req.main is None:
                    req.own = "of the request"
                return apache.OK

            def fixuphandler(req):
                req.notes.add("seen", f"{bool(req.main)} {req.filename.rpartition('/')[2]}")
                return apache.OK

            def handler(req):
                req.write(f"{req.own} {req.uri} {req.filename.rpartition('/')[2]} {req.hlist.directory == req.document_root() + '/'} {req.main}")
                return apache.OK
        """,
        config="PythonAccessHandler app\nPythonFixupHandler app\nDirectoryIndex page.x\nSetHandler mod_python\nPythonHandler app\n",
        files={"page.x": "", "sub/page.x": ""},
        modules=MODULES,
    )
    assert site.get("/sub/").text == "of the request /sub/page.x page.x True None"
