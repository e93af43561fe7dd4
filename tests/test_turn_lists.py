"""The lists that early and late handlers make: merging, results, what is added to them, and what is refused."""

import subprocess
import textwrap

import pytest

import httpd as real


def test_lists_of_a_turn_are_inherited_and_replaced_on_their_own(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def leave(req):
                req.notes["trail"] = f"{req.notes.get('trail', '')} {req.hlist.handler[-1]}{req.hlist.turn or ''}"
                return apache.OK

            a = b = c = d = e = leave

            def handler(req):
                req.write(req.notes["trail"].strip())
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonFixupHandler app::a
            PythonFixupHandler @early app::b app::c
            PythonFixupHandler @early app::d | .x
            <Files inner>
                PythonFixupHandler @early app::e
            </Files>
            <Files usual>
                PythonFixupHandler app::e
                PythonFixupHandler @late app::d
                PythonFixupHandler @late app::c
            </Files>
        """,
    )
    assert site.get("/outer").text == "b@early c@early a"
    assert site.get("/outer.x").text == "d@early a"
    assert site.get("/inner").text == "e@early a"
    assert site.get("/usual").text == "b@early c@early e d@late c@late"


def test_results_of_a_turn_end_the_phase_for_those_after_it(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def stop(req):
                req.write("stopped")
                return apache.DONE

            def broken(req):
                1/0
        """,
        config="""
            PythonFixupHandler @early app::stop
            PythonFixupHandler app::broken
            PythonFixupHandler @late app::broken
            <Files late>
                PythonFixupHandler @early app::missing
            </Files>
        """,
    )
    assert site.get("/x").text == "stopped"
    site.expect_traceback("contains no 'missing'", handler="app::missing", phase="PythonFixupHandler")
    assert site.get("/late").status == 500


def test_handlers_are_added_to_a_turn(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def leave(req):
                req.notes["trail"] = f"{req.notes.get('trail', '')} {req.hlist.handler}{req.hlist.turn or ''}"
                return apache.OK

            def accesshandler(req):
                req.add_handler("PythonFixupHandler @late", leave)
                req.add_handler("PythonFixupHandler", "app::leave")
                req.add_handler("PythonFixupHandler @early", early)
                return apache.OK

            def early(req):
                leave(req)
                req.add_handler("PythonFixupHandler @early", lambda req: leave(req))
                req.add_handler("PythonFixupHandler", lambda req: leave(req))
                return apache.OK

            def late(req):
                # Its turn is over.
                req.add_handler("PythonFixupHandler @early", early)
                return leave(req)

            def handler(req):
                req.write(req.notes["trail"].replace(".<locals>.<lambda>", "'").strip())
                return apache.OK
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            PythonAccessHandler app
            PythonFixupHandler @late app::late
        """,
    )
    trail = "app::early@early app::early'@early app::leave app::early' app::late@late app::leave@late"
    assert site.get("/").text == trail


def test_what_add_handler_refuses(httpd):
    site = httpd(
        functions="""
            def refused(req):
                answer = []
                for phase in ("PythonHandler @early", "PythonInitHandler @late", "PythonFixupHandler @first", "PythonFixupHandler ",
                              "PythonFixupHandler@early", "@early", "@early PythonFixupHandler", "PythonQuickHandler @early"):
                    try:
                        answer.append(req.add_handler(phase, "app"))
                    except IndexError as error:
                        answer.append(str(error))
                return answer
        """
    )
    assert all(text.startswith("Invalid phase: ") for text in site.call("refused"))


def test_the_turn_in_the_list(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def fixuphandler(req):
                req.notes["fixup"] = repr(req.hlist)
                return apache.OK

            def handler(req):
                hlist = req.hlist
                req.write(f"{req.notes['fixup']} {hlist.turn}")
                hlist.next()
                req.write(f" {hlist.turn}")
                return apache.OK
        """,
        config="SetHandler mod_python\nPythonHandler app\nPythonFixupHandler @late app",
    )
    shown = f"{{'handler': 'app', 'directory': '{site.docroot}/', 'is_location': 0, 'silent': 0, 'turn': '@late'}}"
    assert site.get("/").text == f"{shown} None None"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("PythonFixupHandler @first app", 'PythonFixupHandler does not understand "@first"'),
        ("PythonFixupHandler app @early", 'PythonFixupHandler does not understand "@early"'),
        ("PythonFixupHandler @early", "PythonFixupHandler @early names no handler"),
        ("PythonHandler @early app", "PythonHandler does not accept @early"),
        ("PythonInitHandler @early app", "PythonInitHandler does not accept @early"),
        ("PythonCleanupHandler @late app", "PythonCleanupHandler does not accept @late"),
        ("PythonHandlerModule @early app", "PythonHandlerModule does not accept @early"),
        ("PythonConnectionHandler @early app", "PythonConnectionHandler does not accept @early"),
        ("PythonChildInitHandler @late app", "PythonChildInitHandler does not accept @late"),
        ("PythonOutputFilter @early app", "PythonOutputFilter does not accept @early"),
        ("PythonTransHandler @early app | .x", 'PythonTransHandler does not accept "| .ext"'),
    ],
)
def test_what_the_configuration_refuses(tmp_path, line, sentence):
    configuration = tmp_path / "httpd.conf"
    modules = "\n".join(real.load_module(name) for name in ("mpm_event", "unixd", "authz_core"))
    configuration.write_text(
        textwrap.dedent(f"""
            {modules.replace(chr(10), chr(10) + " " * 12)}
            LoadModule python_module "{real.MODULE}"
            ServerName localhost
            Listen 127.0.0.1:1
            {line}
        """)
    )
    command = [str(real.program()), "-t", "-d", str(tmp_path), "-f", str(configuration)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert answer.returncode != 0
    assert sentence in answer.stdout.replace("\n", " ")
