"""The five commonest incidents, as the person on call lives through them: docs/operations.md, "Five incidents".

Each begins and ends on the first page, which comes again by itself: nothing here loads it anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select

from syncproject.demo.stack import Operator, Stack
from tests.acceptance.conftest import System
from tests.browser.pages import (
    NEEDS_A_BROWSER,
    body,
    click,
    follow,
    forget_cookies,
    log_in,
    picture,
    press,
    until_said,
    waiting,
)

SETTINGS = {"SYNC_BRAKE_MIN": "3"}
MORE_PARTS = ()
PEOPLE = [("张伟", "13800000001"), ("王芳", "13800000002"), ("José Núñez", "34600111222"), ("Anna Schmidt", "4930123456"),
          ("Lucía Gómez", "34600333444"), ("Tom Brown", "442071234567")]  # fmt: skip
LEVEL = "are level at partner."
QUICKER = "const slow = setInterval; window.setInterval = (act, after) => slow(act, after / 15)"
"""The browser's clock: what the page does every thirty seconds it does every two."""
_SLIP = "from users.models import User; User.objects.filter(is_superuser=False).delete()"

pytestmark = [pytest.mark.xdist_group("browser incidents"), NEEDS_A_BROWSER]


@pytest.fixture(scope="module")
def people(system: System) -> list[dict[str, Any]]:
    """Known here and at the partner."""
    made = [system.api.create(name=name, phone=phone) for name, phone in PEOPLE]
    system.wait_level()
    return made


@pytest.fixture
def on_call(
    browser: WebDriver, stack: Stack, operator: Operator, system: System, people: list[dict[str, Any]]
) -> Iterator[WebDriver]:
    """Somebody who logs in and finds everything well. However it ended, it is brought right for the next incident."""
    forget_cookies(browser)
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": QUICKER})
    log_in(browser, stack, operator)
    until_said(browser, LEVEL)
    until_healthy(browser)
    yield browser
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    system.sandbox.heal()
    system.supervise()
    if not system.level():
        restart(stack)
        stack.manage("sync", "retry", "--target", "partner")
        system.wait_level()


@pytest.fixture
def backup(stack: Stack, system: System, on_call: WebDriver) -> Iterator[Path]:
    """The people as they are. Should they be gone in the end, it brings them back."""
    file = stack.folder / "backup.json"
    stack.manage("dumpdata", "users.user", "--output", str(file))
    yield file
    if len(system.api.users()) < len(PEOPLE):
        stack.manage("loaddata", str(file))


def restart(stack: Stack) -> None:
    """Web, worker and beat, with the settings as they are now: they read them when they start."""
    for name in ("web", "worker", "beat"):
        stack.process[name].terminate()
    stack.start("web", "worker", "beat")


def until_healthy(browser: WebDriver) -> None:
    waiting(browser).until(lambda page: "HEALTHY" in body(page).upper() and "NOT HEALTHY" not in body(page).upper())


def watch_it_turn_level(browser: WebDriver) -> None:
    """Go back to the first page, and wait there."""
    follow(browser, "Overview")
    until_said(browser, LEVEL)
    until_healthy(browser)


def test_a_target_that_is_down_is_named_and_found_well_again(
    on_call: WebDriver, system: System, people: list[dict[str, Any]]
) -> None:
    system.sandbox.faults(refuse=1)
    for user in people:
        system.api.edit(user["uuid"], email="while.down@example.com")

    page = until_said(on_call, "It has refused connections since")
    picture(on_call, "incident-target-down")
    assert "6 of 6 people differ at partner." in page
    assert "6 wait by themselves" in page

    follow(on_call, "It has refused connections since")
    until_said(on_call, "Probe now")
    system.sandbox.heal()
    press(on_call, "Probe now")
    until_said(on_call, "It answers.")

    watch_it_turn_level(on_call)
    assert {user["email"] for user in system.sandbox.users()} == {"while.down@example.com"}
    assert system.level()


def test_a_target_that_turns_us_away_names_the_setting_and_goes_on_once_it_is_mended(
    on_call: WebDriver, stack: Stack, system: System, people: list[dict[str, Any]]
) -> None:
    # The partner gives out a new secret: from now on it knows no other.
    stack.process.pop("sandbox").kill()
    stack.env["TARGET_PARTNER_APP_SECRET"] = secrets.token_hex(16)
    stack.start("sandbox")
    system.api.edit(people[0]["uuid"], email="rotated@example.com")

    page = until_said(on_call, "It has turned us away since")
    picture(on_call, "incident-turned-away")
    assert "(http_401). Mend TARGET_PARTNER_APP_SECRET, then restart web, workers and beat." in page

    assert system.api.status()["targets"]["partner"]["paused"]

    restart(stack)
    until_said(on_call, LEVEL)
    until_healthy(on_call)
    assert system.level()


def test_a_record_that_the_target_refuses_is_parked_and_mended_on_its_persons_page(
    on_call: WebDriver, system: System, people: list[dict[str, Any]]
) -> None:
    poison, bystander = people[1], people[2]
    system.sandbox.faults(rates={"422": 1}, only={"usernames": [poison["username"]], "first": 1})
    system.api.edit(poison["uuid"], phone="13800000009")
    system.api.edit(bystander["uuid"], email="not.delayed@example.com")

    page = until_said(on_call, "1 person is parked: it answered HTTP 422.")
    picture(on_call, "incident-parked")
    assert "1 needs you" in page
    system.wait(lambda: "not.delayed@example.com" in {user["email"] for user in system.sandbox.users()})

    follow(on_call, "1 person is parked")
    follow(on_call, poison["username"])
    until_said(on_call, "answered HTTP 422")
    follow(on_call, poison["username"])
    phone = waiting(on_call).until(lambda page: page.find_element(By.NAME, "phone"))
    phone.clear()
    phone.send_keys("13800000010")
    click(on_call, By.NAME, "_save")

    watch_it_turn_level(on_call)
    assert "13800000010" in {user["phone"] for user in system.sandbox.users()}
    assert system.level()


def test_a_broker_that_is_lost_is_named_and_what_was_saved_meanwhile_follows(
    on_call: WebDriver, stack: Stack, system: System, people: list[dict[str, Any]]
) -> None:
    stack.process["broker"].kill()
    system.api.edit(people[3]["uuid"], email="without.broker@example.com")

    page = until_said(on_call, "The broker")
    picture(on_call, "incident-broker-lost")
    assert "CELERY_BROKER_URL" in page

    stack.start("broker")
    system.wait(system.level, supervised=True)
    until_said(on_call, LEVEL)
    until_healthy(on_call)
    assert "without.broker@example.com" in {user["email"] for user in system.sandbox.users()}


def test_people_who_are_deleted_by_mistake_are_held_there_until_they_are_back(
    on_call: WebDriver, stack: Stack, system: System, backup: Path
) -> None:
    before = {user["userId"] for user in system.sandbox.users()}
    stack.manage("shell", "--verbosity", "0", "--command", _SLIP)

    until_said(on_call, "The brake has been on since")
    picture(on_call, "incident-mass-delete")

    follow(on_call, "The brake has been on since")
    assert "6 records wait: 6 delete" in until_said(on_call, "records wait")
    picture(on_call, "incident-brake-plan")
    Select(on_call.find_element(By.NAME, "decision")).select_by_value("reject")
    on_call.find_element(By.NAME, "reason").send_keys("deleted by mistake: they come back from the backup")
    press(on_call, "Decide")
    until_said(on_call, "6 records rejected")
    stack.manage("loaddata", str(backup))

    watch_it_turn_level(on_call)
    assert {user["userId"] for user in system.sandbox.users()} == before
    assert system.level()


def test_the_first_page_says_so_while_the_server_does_not_answer(on_call: WebDriver, stack: Stack) -> None:
    stack.process["web"].kill()
    until_said(on_call, "The server does not answer.")
    stack.start("web")
    waiting(on_call).until(lambda page: "The server does not answer." not in body(page))
    until_healthy(on_call)
