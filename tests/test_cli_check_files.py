"""`mod_python check` beyond httpd.conf: .htaccess files below what is configured, and pages of mod_python.psp."""

import os

import pytest

from test_cli_check import IN_APP, Site


@pytest.fixture
def site(command):
    return Site(command)


def test_handlers_in_htaccess_files(site):
    site.write(app="def handler(req): pass")
    access = site.command.write("app/inner/.htaccess", "PythonOption one two\n\nPythonHandler app nowhere\n")
    site.command.write("app/inner/app.py", "def handler(req): pass")
    site.command.write("app/inner/deep/.htaccess", '<Files "*.x">\nPythonFixupHandler gone\n</Files>\n')
    status, said = site.check('DocumentRoot "$app"\n<Directory "$app">\nAllowOverride FileInfo\n</Directory>')
    assert f"PythonHandler app for directory {access.parent}/ ({access}:3), in interpreter main: ok" in said
    assert f"PythonHandler nowhere for directory {access.parent}/ ({access}:3), in interpreter main:\n    error: " in said
    assert f"PythonFixupHandler gone for directory {access.parent}/deep/ ({access.parent}/deep/.htaccess:2)" in said
    assert "3 handlers, 2 errors" in said
    assert status == 1


def test_what_is_in_force_in_htaccess_files_comes_from_above(site):
    """From sections and from the files of the directories above, as for a request."""
    library = site.command.write("lib/deep.py", "def handler(req): pass").parent
    site.command.write("app/.htaccess", "PythonInterpreter inner\n")
    site.command.write("app/a/b/.htaccess", "PythonHandler deep\n")
    status, said = site.check(
        f"""
        <Directory "$app">
            AllowOverride FileInfo
            PythonPath "sys.path + ['{library}']"
        </Directory>
        """
    )
    assert f"PythonHandler deep for directory {site.app}/a/b/" in said and "in interpreter inner: ok" in said
    assert status == 0


def test_htaccess_files_that_httpd_does_not_read(site):
    for directory in ("closed", "open/closed", "elsewhere"):
        site.command.write(f"app/{directory}/.htaccess", "PythonHandler nowhere\n")
    site.command.write("app/open/other/.access", "PythonHandler nowhere\n")
    (site.app / "open" / "link").symlink_to(site.app / "elsewhere")
    status, said = site.check("""
        DocumentRoot "$app"
        <Directory "$app/open">
            AllowOverride All
        </Directory>
        <Directory "$app/*/closed">
            AllowOverride None
        </Directory>
    """)
    assert "0 handlers, 0 errors, 0 warnings" in said, said
    assert status == 0


def test_htaccess_files_that_httpd_refuses(site):
    unknown = site.command.write("app/unknown/.htaccess", "\nPythonNothing at all\n")
    never = site.command.write("app/never/.htaccess", "PythonHandler app\n")
    status, said = site.check("""
        DocumentRoot "$app"
        PythonAllowHtaccess Off
        <Directory "$app">
            AllowOverride All
        </Directory>
    """)
    assert f"{unknown}:\n    error: httpd refuses it, and answers 500 there: line 2: Invalid command 'PythonNothing'" in said
    assert f"{never}:\n    error: httpd refuses it, and answers 500 there: line 1: MP0023" in said
    assert "0 handlers, 2 errors" in said
    assert status == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look with the eyes of the server's user")
def test_an_htaccess_file_that_may_not_be_read(site):
    access = site.command.write("app/.htaccess", "PythonHandler app\n")
    access.chmod(0o600)
    status, said = site.check('<Directory "$app">\nAllowOverride All\n</Directory>')
    assert f"{access}:\n    error: httpd refuses it, and answers 500 there: it cannot be read: Permission denied" in said
    assert status == 1


def test_another_name_of_htaccess_files(site):
    site.command.write("app/.htaccess", "PythonHandler one\n")
    site.command.write("app/.access", "PythonHandler two\n")
    _, said = site.check('AccessFileName .access .htaccess\n<Directory "$app">\nAllowOverride All\n</Directory>')
    assert "PythonHandler two" in said and "PythonHandler one" not in said


def test_pages(site):
    """Each with the template's own line; nothing of them is executed."""
    site.command.write("app/good.psp", "<% raise SystemExit %>\n<p><%= 1 %></p>")
    bad = site.command.write("app/bad.psp", "<p>text</p>\n<%\nif True\n    pass\n%>")
    site.command.write("app/inner/old.psp", "\n\n<% print 'hello' %>")
    missing = site.command.write("app/missing.psp", '<%@ include file="nowhere.inc" %>')
    site.command.write("app/page.html", "<% if %>")
    status, said = site.check(IN_APP.format("SetHandler mod_python\nPythonHandler mod_python.psp"))
    assert f"error: {bad}, line 3: expected ':'" in said
    assert f"error: {site.app}/inner/old.psp, line 3: Missing parentheses in call to 'print'" in said
    assert "a print statement of Python 2" in said
    assert f"error: {missing}: {site.app}/nowhere.inc: No such file or directory" in said
    assert "1 handler, 3 errors" in said
    assert status == 1


def test_pages_of_an_htaccess_file(site):
    site.command.write("app/pages/.htaccess", "SetHandler mod_python\nPythonHandler mod_python.psp\n")
    page = site.command.write("app/pages/bad.psp", "\n<% ) %>")
    site.command.write("app/bad.psp", "<% ) %>")
    status, said = site.check('<Directory "$app">\nAllowOverride FileInfo\n</Directory>')
    assert f"error: {page}, line 2: unmatched ')'" in said
    assert "1 handler, 1 error" in said
    assert status == 1
