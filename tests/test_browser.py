"""The examples in a real browser, which keeps cookies, asks for passwords, sends files and encodes forms as browsers do."""

import os

import pytest

import browser as chromium
from httpd import FORBIDDEN, wait_until

pytestmark = pytest.mark.xdist_group("browser")

TEXT = 'Gr\u00fc\u00dfe aus K\u00f6ln, \u65e5\u672c\u8a9e, \u041f\u0440\u0438\u0432\u0435\u0442 \U0001f98a & <b>"q"</b> +%'


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def driver(tmp_path_factory, downloads):
    lacking = chromium.missing()
    if lacking:
        assert not os.environ.get("CI"), f"{lacking} must be there in CI"
        pytest.skip(f"no {lacking}")
    driver = chromium.start(tmp_path_factory.mktemp("profile"), downloads)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def served(driver):
    served = chromium.Served()
    yield served
    log = served.error_log
    served.stop()
    assert not [line for line in log.splitlines() if FORBIDDEN.search(line) or ":error]" in line]


class Page:
    """What a visitor does with the page in the browser."""

    def __init__(self, driver, served):
        self.driver, self.served = driver, served

    def open(self, path):
        self.driver.get(self.served.url(path))
        return self

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector="body"):
        return self.find(selector).text

    def fill(self, **fields):
        """Put a value into each field, as the clipboard does: Chromium's driver types no character beyond U+FFFF."""
        for identifier, value in fields.items():
            self.driver.execute_script("arguments[0].value = arguments[1]", self.find(f"#{identifier}"), value)
        return self

    def press(self, selector="form button"):
        """Press a button, and wait for the page that follows."""
        before = self.find("html")
        self.find(selector).click()
        wait_until(lambda: self.is_gone(before), "the next page")
        return self

    def is_gone(self, element):
        from selenium.common.exceptions import StaleElementReferenceException

        try:
            return not element.is_enabled()
        except StaleElementReferenceException:
            return True


@pytest.fixture
def page(driver, served):
    driver.delete_all_cookies()
    return Page(driver, served)


def test_log_in_write_and_log_out(page, served, driver):
    page.open("/guestbook/").fill(name="Zo\u00eb \U0001f98a").press()
    assert page.text("#who") == "Zo\u00eb \U0001f98a"
    assert driver.current_url == served.url("/guestbook/")
    page.fill(text=f"{TEXT}\nsecond line").press("form[action=write] button")
    assert page.text("article p") == f"{TEXT}\nsecond line"
    page.open("/").open("/guestbook/")
    assert page.text("#who") == "Zo\u00eb \U0001f98a", "the session is kept"
    (cookie,) = driver.get_cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("guestbook", True, "Lax")
    page.press("form[action=logout] button")
    assert "Your name" in page.text() and TEXT in page.text()
    page.open("/guestbook/")
    assert "Your name" in page.text()


def test_a_session_of_one_visitor_is_not_anothers(page, driver):
    page.open("/guestbook/").fill(name="Ada").press()
    driver.delete_all_cookies()
    page.open("/guestbook/")
    assert "Your name" in page.text()


def test_a_form_comes_back_as_it_was_sent(page):
    page.open("/form/").fill(name=TEXT, message=f"{TEXT}\n\nend").press()
    assert page.find("#name").get_property("value") == TEXT
    assert page.find("#message").get_property("value") == f"{TEXT}\n\nend"
    assert f"Hello, {TEXT}!" in page.text()


def test_members(page, served, driver):
    page.open("/members/").fill(name="ada", password="countess of Lovelace").press()
    assert page.text(".message") == "Welcome, ada! Now go inside."
    page.open("/members/").fill(name="ada", password="somebody else").press()
    assert page.text(".message") == "The name ada is taken."
    address = served.url("/members/inside/").replace("http://", "http://ada:countess%20of%20Lovelace@")
    driver.get(address)
    assert page.text("#who") == "ada"


def test_a_file_is_uploaded_and_downloaded(page, tmp_path, downloads):
    file = tmp_path / "Gr\u00fc\u00dfe \u65e5\u672c.bin"
    file.write_bytes(bytes(range(256)) * 5000)
    page.open("/upload/")
    page.find("#file").send_keys(str(file))
    page.fill(note=TEXT).press()
    assert file.name in page.text("table") and TEXT in page.text("table")
    page.driver.find_element("link text", file.name).click()
    received = downloads / file.name
    wait_until(lambda: received.exists() and received.stat().st_size == file.stat().st_size, "the download")
    assert received.read_bytes() == file.read_bytes()


def test_filter(page):
    words = [element.get_attribute("title") for element in page.open("/filter/").driver.find_elements("css selector", "dfn")]
    assert len(words) == 5 and "code that answers a request" in words and "{{" not in page.text()


@pytest.mark.parametrize(
    "path", ["/", "/guestbook/", "/members/", "/filter/", "/form/", "/psp/", "/cookie/", "/session/", "/request/", "/upload/"]
)
def test_pages_fit_a_small_screen(page, driver, path):
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        page.open(path)
        assert driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
        assert driver.execute_script("return document.compatMode") == "CSS1Compat"
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
