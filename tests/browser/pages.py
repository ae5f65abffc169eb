"""How the tests look at pages, and where the pictures of them go.

Every picture goes to ``.run/screenshots``. Those that the documents show go to the folder that the environment variable
``PICTURES`` names as well: ``make pictures`` sets it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from syncproject.demo.stack import Operator, Stack

SCREENSHOTS = Path(__file__).parents[2] / ".run" / "screenshots"
DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
NEEDS_A_BROWSER = pytest.mark.skipif(
    os.environ.get("REQUIRE_SERVICES") != "1" and not (DRIVER and BROWSER),
    reason="no chromium with chromedriver on PATH",
)


def waiting(browser: WebDriver) -> WebDriverWait[WebDriver]:
    """A page that is being replaced has elements that go stale, or nodes "of another document": look again."""
    return WebDriverWait(browser, 30, ignored_exceptions=[WebDriverException])


def body(browser: WebDriver) -> str:
    return str(browser.find_element(By.TAG_NAME, "body").text)


def until_said(browser: WebDriver, expected: str) -> str:
    """Wait until the page says this, by itself; all that it says."""
    try:
        waiting(browser).until(lambda page: expected in body(page))
    except TimeoutException:
        keep(browser, "not-said")
        raise AssertionError(f"{expected!r} is not said by {browser.current_url}: {body(browser)}") from None
    return body(browser)


def follow(browser: WebDriver, words: str) -> None:
    """Click what the page says, where it is a link."""
    click(browser, By.PARTIAL_LINK_TEXT, words)


def press(browser: WebDriver, words: str) -> None:
    click(browser, By.XPATH, f"//button[normalize-space()='{words}']")


def click(browser: WebDriver, by: str, what: str) -> None:
    """As a person: once it is there, and scrolled to, for the bar at the foot of a page covers what is behind it."""

    def clicked(page: WebDriver) -> bool:
        found = page.find_element(by, what)
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        found.click()
        return True

    waiting(browser).until(clicked, f"not there: {what}")


def look(browser: WebDriver, name: str, address: str, expected: str) -> str:
    """Open a page, wait for a text, keep a picture. Fails on any error in the browser's console."""
    browser.get_log("browser")
    browser.get(address)
    until_said(browser, expected)
    keep(browser, name)
    assert browser.get_log("browser") == []
    return body(browser)


def keep(browser: WebDriver, name: str) -> None:
    """Keep a picture of the page as it is."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(SCREENSHOTS / f"{name}.png"))


def picture(browser: WebDriver, name: str) -> None:
    """Keep a picture that a document shows: ``docs/images/NAME.png``."""
    keep(browser, name)
    if folder := os.environ.get("PICTURES"):
        shutil.copy(SCREENSHOTS / f"{name}.png", folder)


def forget_cookies(browser: WebDriver) -> None:
    """Of every host. The page is left first: what it asks for by itself would be given a token other than the form's."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})


def log_in(browser: WebDriver, stack: Stack, operator: Operator) -> None:
    """As a person who comes to the first page."""
    browser.get(stack.url("web") + "/admin/")
    browser.find_element(By.NAME, "username").send_keys(operator.username)
    browser.find_element(By.NAME, "password").send_keys(operator.password)
    browser.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    until_said(browser, "Overview")
