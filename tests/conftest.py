"""Fixtures: `httpd` starts a real httpd for a test and ends it, whatever happens."""

import pathlib
import sys
import textwrap

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import valgrind
from command import Command
from httpd import MODULE, MPMS, Site
from wsgi_applications import CONFIG


def pytest_configure(config):
    config.addinivalue_line("markers", "every_mpm: run the test under prefork, worker and event")
    config.addinivalue_line("markers", "threads_and_processes: run the test under event and prefork")


def pytest_generate_tests(metafunc):
    if "mpm" in metafunc.fixturenames:
        metafunc.parametrize("mpm", models(metafunc.definition.get_closest_marker))


def pytest_terminal_summary(terminalreporter):
    if valgrind.ACTIVE:
        reports = [report for reports in terminalreporter.stats.values() for report in reports]
        for line in valgrind.table(valgrind.figures(reports)):
            terminalreporter.write_line(line)
    # Of the soak, which CI shows whatever became of it.
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for line in dict(report.user_properties).get("figures", "").splitlines():
            terminalreporter.write_line(line)


def models(marker):
    """The processing models that a test with these markers runs under."""
    if marker("every_mpm"):
        return MPMS
    return ("event", "prefork") if marker("threads_and_processes") else ("event",)


@pytest.fixture
def httpd(mpm, record_property):
    """A function that starts an httpd: `httpd(handler=..., config=..., server=..., files=..., functions=...)`.

    `handler` becomes app.py in DocumentRoot, `config` stands in <Directory> for DocumentRoot, `server` at server level;
    both may use ${docroot}, ${scratch} and ${port}. `functions` are called by name with `site.call`.
    """
    if not MODULE.exists():
        pytest.fail(f"{MODULE} does not exist: `make build` first, or set MOD_PYTHON_SO")
    sites = []

    def start(**options):
        site = Site(options.pop("mpm", mpm), **options)
        sites.append(site)
        return site.start()

    yield start
    try:
        for site in sites:
            site.stop()
            print(f"--- error log of {site.root}\n{site.error_log}")
        for site in sites:
            site.check_log()
        if valgrind.ACTIVE:
            valgrind.check([site for site in sites if site.module == MODULE], record_property)
    finally:
        for site in sites:
            if site.process is not None:
                site.kill()
            site.remove()


@pytest.fixture
def command():
    """The command `mod_python`: `command("create", ...)` runs it, `command.serve(...)` has it serve."""
    command = Command()
    yield command
    command.close()


@pytest.fixture
def wsgi(httpd):
    """A function that starts an httpd with a WSGI application: the site's `app.py`."""

    def start(application, config="", **options):
        return httpd(handler=application, config=CONFIG + textwrap.dedent(config), **options)

    return start
