"""mod_python.cgihandler: CGI programs inside the server."""

import threading

import pytest

CGI = "SetHandler mod_python\nPythonHandler mod_python.cgihandler"
HELLO = 'print("Content-Type: text/plain")\nprint()\nprint("hello", __name__)\n'


@pytest.fixture
def cgi(httpd):
    def start(files, config=CGI, **options):
        return httpd(config=config, files={"a.py": files} if isinstance(files, str) else files, **options)

    return start


def test_which_program_runs(cgi):
    site = cgi({"a.py": HELLO, "sub/b.py": HELLO, "c.txt": "a text", "d.cgi": "a text", "d.py": HELLO})
    answers = {path: site.get(path) for path in ("/a.py", "/a", "/a.txt", "/a/info", "/a.py/info", "/sub/b", "/d.cgi")}
    assert {answer.status for answer in answers.values()} == {200}
    assert [answer.text for answer in answers.values()] == ["hello a\n"] * 5 + ["hello b\n", "hello d\n"]
    assert [site.get(path).status for path in ("/", "/c.txt", "/missing", "/sub", "/sub/a", "/sub/", "/.py")] == [404] * 7
    assert site.get("/a").headers["Content-Type"] == "text/plain"


def test_links_that_lead_elsewhere(cgi):
    site = cgi({"a.py": HELLO})
    outside = site.root / "outside.py"
    outside.write_text(HELLO)
    (site.docroot / "linked.py").symlink_to(outside)
    site.expect_log("linked.py is a link that leads out of its directory")
    assert [site.get(path).status for path in ("/linked", "/a")] == [403, 200]


ENVIRONMENT = """
    import os, sys, ast
    print("Content-Type: text/plain; charset=utf-8\\n")
    print(ascii([dict(os.environ), sys.argv, os.getcwd(), __file__]))
"""


def test_environment(cgi):
    site = cgi({"sub/a.py": ENVIRONMENT}, env={"IN_THE_PROCESS": "yes"})

    def shown(path, **headers):
        import ast

        return ast.literal_eval(site.get(path, headers=headers).text)

    env, argv, directory, file = shown("/sub/a/in%20fo?x=%20y&z", **{"X-Own": b"caf\xe9", "Authorization": "Basic eDp5"})
    expected = {
        "GATEWAY_INTERFACE": "Python-CGI/1.1", "SCRIPT_NAME": "/sub/a", "PATH_INFO": "/in fo", "QUERY_STRING": "x=%20y&z",
        "REQUEST_METHOD": "GET", "REQUEST_URI": "/sub/a/in%20fo?x=%20y&z", "HTTP_AUTHORIZATION": "Basic eDp5",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_X_OWN": "caf\udce9", "IN_THE_PROCESS": "yes", "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    assert {name: env.get(name) for name in expected} == expected
    assert (argv, directory, file) == ([], f"{site.docroot}/sub", f"{site.docroot}/sub/a.py")
    assert "PATH_INFO" not in shown("/sub/a")[0]


def test_authorization_may_be_kept_back(cgi):
    site = cgi(ENVIRONMENT, config=CGI + "\nPythonOption mod_python.cgihandler.authorization Off")
    assert "HTTP_AUTHORIZATION" not in site.get("/a", user=("x", "y")).text


def test_all_is_as_it_was_afterwards(httpd):
    site = httpd(
        config=CGI,
        handler="""
            import os, sys
            before = os.environ, sys.stdin, sys.stdout, list(sys.argv), os.getcwd()

            def handler(req):
                now = os.environ, sys.stdin, sys.stdout, list(sys.argv), os.getcwd()
                req.content_type = "text/plain"
                req.write(repr([a is b or a == b for a, b in zip(before, now)]))
                return 0
        """,
        server="<Location /state>\nSetHandler mod_python\nPythonHandler app\nPythonPath \"sys.path + ['${docroot}']\"\n</Location>\n",
        files={"ok.py": HELLO, "fails.py": "1 / 0", "leaves.py": "import sys; sys.exit(3)", "quiet.py": "pass"},
    )
    site.expect_traceback("ZeroDivisionError|ValueError", handler="mod_python.cgihandler")
    site.expect_log("leaves.py left with 3")
    assert site.get("/state").text == "[True, True, True, True, True]"
    assert [site.get(f"/{name}").status for name in ("ok", "fails", "leaves", "quiet")] == [200, 500, 500, 500]
    assert site.get("/state").text == "[True, True, True, True, True]"


OUTPUT = {
    "status": 'print("Status: 404 Gone for good\\nContent-Type: text/x-own\\n\\nbody", end="")',
    "crlf": 'import sys; sys.stdout.write("Content-Type: text/x-own\\r\\nX-A: 1\\r\\n\\r\\nbody")',
    "pieces": 'import sys\nfor c in "Content-Type: text/x-own\\n\\nbody": sys.stdout.write(c); sys.stdout.flush()',
    "twice": 'print("Content-Type: text/x-own\\nSet-Cookie: a=1\\nSet-Cookie: b=2\\n\\nbody", end="")',
    "binary": 'import sys\nsys.stdout.buffer.write(b"Content-Type: text/x-own\\n\\n\\x00\\xff")',
    "mixed": 'import sys\nprint("Content-Type: text/x-own\\n")\nsys.stdout.flush()\nsys.stdout.buffer.write(b"\\xff")',
    "utf8": 'print("Content-Type: text/x-own\\n\\ncaf\\u00e9", end="")',
    "large": 'print("Content-Type: text/x-own\\n\\n" + "x" * 300000, end="")',
    "absolute": 'print("Location: http://elsewhere/x\\n")',
    "absolute_with_status": 'print("Status: 301\\nLocation: http://elsewhere/x\\n")',
    "local": 'print("Location: /utf8.py?x=1\\nContent-Type: text/plain\\n\\nnot sent")',
    "exits": 'import sys\nprint("Content-Type: text/x-own\\n\\nbody", end="")\nsys.exit()',
    "exits_late": 'import sys\nprint("Content-Type: text/x-own\\n\\nbody", end="")\nsys.exit("a reason")',
}


def test_output(cgi):
    site = cgi({f"{name}.py": text + "\n" for name, text in OUTPUT.items()})

    def answer(name):
        response = site.get(f"/{name}")
        assert response.headers["Content-Type"] == "text/x-own", name
        return response.status, response.body

    assert answer("status") == (404, b"body")
    for name in ("crlf", "pieces", "twice", "exits", "exits_late"):
        assert answer(name) == (200, b"body"), name
    assert answer("binary") == (200, b"\0\xff")
    assert answer("mixed") == (200, b"\xff")
    assert answer("utf8") == answer("local") == (200, "caf\u00e9".encode())
    assert answer("large") == (200, b"x" * 300000)
    assert site.get("/twice").headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    for name, status in (("absolute", 302), ("absolute_with_status", 301)):
        response = site.get(f"/{name}")
        assert (response.status, response.headers["Location"]) == (status, "http://elsewhere/x")
    site.wait_log("exits_late.py left with 'a reason'")


def test_broken_headers(cgi):
    broken = {
        "no_end": 'print("Content-Type: text/plain")',
        "no_colon": 'print("nonsense\\n\\nbody")',
        "status": 'print("Status: many\\n\\nbody")',
        "injected": 'import sys; sys.stdout.write("X-A: a\\rb\\n\\nbody")',
        "raises": 'print("Content-Type: text/plain\\n\\nbody"); 1 / 0',
        "syntax": "print(",
    }
    site = cgi({f"{name}.py": text + "\n" for name, text in broken.items()})
    for error in (
        "ValueError: the CGI program ended before",
        "not a header line",
        "ValueError",
        "ZeroDivisionError",
        "SyntaxError",
    ):
        site.expect_traceback(error, handler="mod_python.cgihandler")
    for name in broken:
        response = site.get(f"/{name}")
        assert response.status == 500 and "body\n" not in response.text, name


def test_input(cgi):
    site = cgi("""
        import os, sys
        how = os.environ["QUERY_STRING"]
        print("Content-Type: text/plain; charset=utf-8\\n")
        print(ascii(eval(how.replace("%20", " "))), end="")
    """)

    three_lines = "one\ntw\u00f6\nthree".encode()

    def answer(expression, body=three_lines):
        return site.post("/a?" + expression.replace(" ", "%20"), body).text

    assert answer("sys.stdin.read()") == ascii("one\ntw\u00f6\nthree")
    assert answer("sys.stdin.buffer.read()") == ascii(three_lines)
    assert answer("[sys.stdin.readline(),sys.stdin.read(3),sys.stdin.read()]") == ascii(["one\n", "tw\u00f6", "\nthree"])
    assert answer("list(sys.stdin)") == ascii(["one\n", "tw\u00f6\n", "three"])
    assert answer("sys.stdin.readlines()") == ascii(["one\n", "tw\u00f6\n", "three"])
    assert answer("sys.stdin.read()", b"caf\xe9\r\n") == ascii("caf\udce9\r\n")
    assert answer("sys.stdin.read()", b"") == "''"
    assert answer("__import__('urllib.parse').parse.parse_qs(sys.stdin.read())", b"a=1&a=2") == "{'a': ['1', '2']}"


MODULES = {
    "a.py": """
        import part, deep.inner, json
        part.count += 1
        print("Content-Type: text/plain\\n")
        print(part.count, deep.inner.count, json.__name__, end="")
        deep.inner.count += 1
    """,
    "part.py": "count = 0",
    "deep/__init__.py": "",
    "deep/inner.py": "count = 5",
    "other/a.py": 'import part\nprint("Content-Type: text/plain\\n")\nprint(part.where, end="")',
    "other/part.py": "where = 'other'",
}


def test_modules_of_the_program_are_imported_afresh(cgi):
    site = cgi(MODULES)
    assert [site.get("/a").text for _ in range(3)] == ["1 5 json"] * 3
    site.write("deep/inner.py", "count = 6")
    assert site.get("/a").text == "1 6 json"
    assert [site.get("/other/a").text, site.get("/a").text] == ["other", "1 6 json"]


def test_modules_may_be_kept(cgi):
    site = cgi(MODULES, config=CGI + "\nPythonOption mod_python.cgihandler.keep_modules On", children=1, mpm="event")
    assert [site.get("/a").text for _ in range(3)] == ["1 5 json", "2 6 json", "3 7 json"]


def test_one_at_a_time_in_all_interpreters(cgi):
    """Environment, streams and directory are the process's: programs of two interpreters must not meet."""
    program = """
        import os, sys
        print("Content-Type: text/plain\\n")
        for _ in range(20):
            here = os.getcwd(), os.environ["QUERY_STRING"]
            os.sched_yield()
            assert here == (os.getcwd(), os.environ["QUERY_STRING"])
        print(os.environ["QUERY_STRING"], os.path.basename(os.getcwd()), end="")
    """
    sections = "\n".join(f"<Directory ${{docroot}}/{name}>\nPythonInterpreter {name}\n</Directory>" for name in ("one", "two"))
    site = cgi({"one/a.py": program, "two/a.py": program}, server=sections)
    wrong = []

    def ask(number):
        for count in range(6):
            name = ("one", "two")[(number + count) % 2]
            text = site.get(f"/{name}/a?q{number}").text
            if text != f"q{number} {name}":
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_child_processes_do_not_see_the_environment(cgi):
    site = cgi("""
        import subprocess
        print("Content-Type: text/plain\\n")
        print(subprocess.run(["/usr/bin/env"], capture_output=True, text=True).stdout, end="")
    """)
    assert "QUERY_STRING" not in site.get("/a?secret").text
