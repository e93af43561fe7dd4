"""A real Chromium without a window, and the examples as `make run` serves them."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

import httpd as real

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en",
)


def missing():
    """What a browser test lacks here, or None."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium"
    return None if CHROMIUM and DRIVER else "chromium and its driver"


def start(directory, downloads):
    """A Chromium with a profile of its own, driven by Selenium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={directory}", "--window-size=1200,900"):
        options.add_argument(argument)
    preferences = {"download.default_directory": str(downloads), "download.prompt_for_download": False}
    options.add_experimental_option("prefs", preferences)
    browser = webdriver.Chrome(service=Service(DRIVER), options=options)
    browser.implicitly_wait(10)  # at most, for what a page has not shown yet
    return browser


class Served:
    """The examples, served by scripts/run until `stop`."""

    def __init__(self):
        self.port = real.free_port()
        environment = {**os.environ, "PORT": str(self.port), "MOD_PYTHON_SO": str(real.MODULE)}
        self.process = subprocess.Popen(
            [str(real.PROJECT / "scripts/run")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.told = ""
        for line in self.process.stdout:
            self.told += line
            if "Open http://" in line:
                return
        pytest.fail(f"scripts/run ended:\n{self.told}")

    def url(self, path):
        return f"http://localhost:{self.port}{path}"

    @property
    def error_log(self):
        return pathlib.Path(real.PROJECT, "target/run", str(self.port), "error_log").read_text()

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.told += self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.wait(real.DEADLINE) == 0, self.told
