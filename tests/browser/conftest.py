"""One system and one browser for the tests of a module, which says in ``SETTINGS`` how the system is set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

from syncproject.demo.stack import Operator, Stack
from tests.acceptance.conftest import QUICK, Api, System
from tests.acceptance.prepared import prepared
from tests.browser.pages import BROWSER, DRIVER, log_in


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = QUICK | request.module.SETTINGS
    with Stack(
        tmp_path_factory.mktemp("pages"), database=prepared(tmp_path_factory).database, settings=settings
    ) as running:
        running.start("broker", "sandbox", "web", "worker", "beat", *request.module.MORE_PARTS)
        yield running


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return prepared(tmp_path_factory).operator


@pytest.fixture(scope="module")
def system(stack: Stack, operator: Operator) -> System:
    return System(stack, Api(stack.url("web"), operator.token))


@pytest.fixture(scope="module")
def browser(stack: Stack, operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """Logged in, on the first page."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        "--window-size=1400,840", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(argument)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER)) as chrome:
        log_in(chrome, stack, operator)
        yield chrome
