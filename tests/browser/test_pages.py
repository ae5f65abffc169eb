"""The pages as a person sees them, in a real browser."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote as urlquote

import pytest
from django.contrib.admin.utils import quote
from django.test import RequestFactory
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from syncproject.demo.stack import Stack
from tests.acceptance.conftest import System
from tests.browser.axe import DARK, DESK, LIGHT, PHONE, Known, Seen, look_closely
from tests.browser.pages import NEEDS_A_BROWSER, body, forget_cookies, keep, look, picture, until_said, waiting
from thirdparty.admin.failures import failure

SETTINGS = {
    "TARGET_PARTNER_VISIBILITY_SECONDS": "600",
    "SYNC_RETRY_BACKOFF_SECONDS": "60",
    "SYNC_RETRY_BACKOFF_MAX_SECONDS": "60",
}
MORE_PARTS = ("flower",)
PEOPLE = [
    ("张伟", "13800000001"),
    ("王芳", "13800000002"),
    ("José Núñez", "34600111222"),
    ("Anna Schmidt", "4930123456"),
]

OURS = {
    "the first page": "",
    "targets": "thirdparty/target/",
    "a target": "thirdparty/target/partner/change/",
    "a question": "thirdparty/target/partner/pause/",
    "the brake": "thirdparty/target/partner/brake/",
    "records": "thirdparty/record/",
    "causes": "thirdparty/record/causes/",
    "a record": "thirdparty/record/{key}/change/",
    "attempts": "thirdparty/attempt/",
    "audits": "thirdparty/audit/",
    "an audit": "thirdparty/audit/1/change/",
    "findings": "thirdparty/finding/",
    "a certificate": "thirdparty/audit/certificate/partner/",
    "alerts": "thirdparty/alert/",
    "an alert": "thirdparty/alert/1/change/",
    "people": "users/user/",
    "a person": "users/user/4/change/",
    "a new person": "users/user/add/",
    "the import": "users/user/import/",
    "roles": "users/rolemapping/",
    "history": "admin/logentry/",
    "forbidden": "thirdparty/attempt/add/",
    "not there": "thirdparty/nothing/",
}
IN_CHINESE = ("the first page", "a target", "the brake", "records", "a record", "a person", "a certificate")
_PURPLE = "unfold's own purple on its dark page is a little too dark"
KNOWN = [
    Known("color-contrast", "body.login .tracking-tight", _PURPLE),
    Known("color-contrast", "body.login a[href='/']", _PURPLE),
]
_AUDITED_AND_ALERTED = """
from django.utils import timezone
from thirdparty.models import Alert, Audit, Finding
now = timezone.now()
of = {"target": "partner", "kind": "users.user"}
Alert.objects.create(**of, code="parked", cause="http_422", sentence="1 record is parked.", count=1, first_seen_at=now)
audit = Audit.objects.create(
    **of, lists=True, looks_up=True, started_at=now, finished_at=now, due_at=now, phase="ended", counts={"equal": 3, "extra": 1}
)
Finding.objects.create(**of, audit=audit, remote_id="7", verdict="extra", owner="other", seen_at=now, confirmed_at=now)
"""
_MUCH_SAID = """
from django.utils import timezone
from thirdparty.models import Attempt
said = "the phone 4930999999 is not among those that are taken here: https://partner.example/docs/" + 12 * "phone-numbers/"
Attempt.objects.create(
    record_id="{key}", lease_token="t", call="update", generation=2, started_at=timezone.now(), finished_at=timezone.now(),
    outcome="transient", reason="http_503", message=said[:300], http_status=503,
)
"""
_COVERED = """
return [...document.querySelectorAll(".sync-deeds .sync-button")].filter((button) => {
    button.scrollIntoView({block: "end"});
    const {left, top, width, height} = button.getBoundingClientRect();
    return !button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}).map((button) => button.textContent);
"""
"""The words on those buttons that a person who has scrolled to them cannot click."""

pytestmark = [pytest.mark.xdist_group("browser"), NEEDS_A_BROWSER]


@pytest.fixture(scope="module")
def anna(system: System) -> str:
    """People in every state; the uuid of the one whom the target cannot be told of now."""
    made = [system.api.create(name=name, phone=phone) for name, phone in PEOPLE]
    system.wait_level()
    for user, fault, state in zip(
        made[1:], ("apply_then_cut", "422", "503"), ("unknown", "parked", "pending"), strict=True
    ):
        # The drawn backoff alone may be over at once. And a probe that failed first would keep the record from being tried.
        system.sandbox.faults(rates={fault: 1}, retry_after=600, only={"usernames": [user["username"]]})
        system.api.edit(user["uuid"], phone="4930999999")
        system.wait(lambda user=user, state=state: system.api.explain(user["uuid"])["state"] == state)
        system.wait(
            lambda user=user: system.api.explain(user["uuid"])["attempts"][0]["outcome"] not in ("ok", "under way")
        )
    system.sandbox.heal()
    return str(made[3]["uuid"])


def test_the_first_page_says_how_each_target_stands(browser: WebDriver, stack: Stack, anna: str) -> None:
    page = look(browser, "overview", stack.url("web") + "/admin/", "partner")
    assert "1\nPARKED" in page.upper()
    assert "3 of 4 people differ at partner." in page
    assert "1 person is parked: it answered HTTP 422." in page
    assert browser.find_elements(By.CSS_SELECTOR, ".sync-charts polyline")


def test_the_first_page_comes_again_in_its_place(browser: WebDriver, stack: Stack, anna: str) -> None:
    look(browser, "overview", stack.url("web") + "/admin/", "partner")
    browser.execute_script("document.querySelector('.sync-headline').textContent = 'of before'; window.same = true")

    browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")

    waiting(browser).until(lambda page: "differ at partner." in page.find_element(By.CLASS_NAME, "sync-headline").text)
    assert browser.execute_script("return window.same")


@pytest.fixture(scope="module")
def seen(browser: WebDriver, stack: Stack, system: System, anna: str) -> dict[str, Seen]:
    """Each page of ours as it is found, and some of them in Chinese."""
    [jose] = (each["uuid"] for each in system.api.call("GET", "/users/?search=José").json()["results"])
    of_much = f"partner:users.user:{jose.replace('-', '')}"
    stack.manage("shell", "--verbosity", "0", "--command", _AUDITED_AND_ALERTED + _MUCH_SAID.format(key=of_much))
    key = quote(f"partner:users.user:{anna.replace('-', '')}")
    pages = OURS | {"a record of which much is said": f"thirdparty/record/{quote(of_much)}/change/"}
    found = {}
    for name, path in pages.items():
        browser.get(f"{stack.url('web')}/admin/{path.format(key=key)}")
        found[name] = look_closely(browser, KNOWN)
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": "zh-hans"}})
    for name in IN_CHINESE:
        browser.get(f"{stack.url('web')}/admin/{OURS[name].format(key=key)}")
        assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "zh-hans"
        found[f"{name} in Chinese"] = look_closely(browser, KNOWN, [(PHONE, (LIGHT, DARK))])
    browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {}})
    page = failure(RequestFactory().get("/"), HTTPStatus.INTERNAL_SERVER_ERROR).content.decode()
    browser.get(f"data:text/html;charset=utf-8,{urlquote(page)}")
    found["a fault"] = look_closely(browser, KNOWN)
    browser.get(f"{stack.url('web')}/admin/")
    cookies = browser.get_cookies()
    forget_cookies(browser)
    browser.get(f"{stack.url('web')}/admin/")
    found["log in"] = look_closely(browser, KNOWN)
    for cookie in cookies:
        browser.add_cookie(cookie)
    return found


def test_axe_finds_nothing_serious_on_any_page_of_ours(seen: dict[str, Seen]) -> None:
    assert {name: page.unknown for name, page in seen.items() if page.unknown} == {}


def test_each_finding_that_is_put_up_with_is_still_there(seen: dict[str, Seen]) -> None:
    assert set(KNOWN) == {each for page in seen.values() for each in page.known}


def test_no_page_is_wider_than_the_screen(seen: dict[str, Seen]) -> None:
    assert {name: page.sideways for name, page in seen.items() if page.sideways} == {}


def test_no_part_of_a_page_is_cut_off(seen: dict[str, Seen]) -> None:
    assert {name: page.cut_off for name, page in seen.items() if page.cut_off} == {}


def test_nothing_lies_over_the_buttons_of_a_target(browser: WebDriver, stack: Stack, anna: str) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DESK | {"height": 400})
    try:
        look(browser, "target", f"{stack.url('web')}/admin/thirdparty/target/partner/change/", "Probe now")
        assert browser.execute_script(_COVERED) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_a_phone_the_menu_is_opened_followed_and_closed_by_keyboard(
    browser: WebDriver, stack: Stack, anna: str
) -> None:
    screen = {"width": 390, "height": 840, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        look(browser, "menu", f"{stack.url('web')}/admin/", "partner")
        records = browser.find_element(By.CSS_SELECTOR, "a[href='/admin/thirdparty/record/']")
        assert not records.is_displayed()

        tab_to(browser, "Menu").send_keys(Keys.ENTER)
        waiting(browser).until(lambda _: records.is_displayed())
        keep(browser, "menu")
        assert browser.switch_to.active_element.accessible_name == "Menu"
        browser.switch_to.active_element.send_keys(Keys.SPACE)
        waiting(browser).until(lambda _: not records.is_displayed())

        browser.switch_to.active_element.send_keys(Keys.ENTER)
        tab_to(browser, "Records").send_keys(Keys.ENTER)
        waiting(browser).until(lambda page: page.current_url.endswith("/admin/thirdparty/record/"))
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def tab_to(browser: WebDriver, name: str) -> WebElement:
    """Press Tab until something of this name has the focus."""
    for _ in range(40):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        if name in browser.switch_to.active_element.accessible_name:
            return browser.switch_to.active_element
    raise AssertionError(f"no Tab leads to {name}")


def test_what_failed_for_one_cause_is_retried_once_that_is_confirmed(
    browser: WebDriver, stack: Stack, anna: str
) -> None:
    look(browser, "causes", stack.url("web") + "/admin/thirdparty/record/causes/", "it answered HTTP 422")
    row = browser.find_element(By.XPATH, "//tr[contains(., 'PARKED') or contains(., 'Parked')]")
    row.find_element(By.LINK_TEXT, "Retry these").click()
    assert "overwritten" in until_said(browser, "1 record will be looked at now")
    browser.find_element(By.LINK_TEXT, "No, go back").click()
    until_said(browser, "it answered HTTP 422")


def test_the_list_of_people_shows_the_state_of_each(browser: WebDriver, stack: Stack, anna: str) -> None:
    page = look(browser, "people", stack.url("web") + "/admin/users/user/", "张伟").upper()
    for state in ("SYNCED", "UNKNOWN", "PARKED", "PENDING"):
        assert f"PARTNER {state}" in page


def test_the_page_of_a_record_explains_it_and_asks_the_target_on_demand(
    browser: WebDriver, stack: Stack, system: System, anna: str
) -> None:
    # Nobody is asked anything while the target wants to be left alone.
    stack.manage("sync", "resume", "partner")
    system.wait(lambda: system.api.explain(anna)["state"] == "synced")
    [there] = [each for each in system.sandbox.users() if each["externalId"] == anna]
    system.sandbox.edit(there["userId"], phone="4930123456")
    key = quote(f"partner:users.user:{anna.replace('-', '')}")
    address = f"{stack.url('web')}/admin/thirdparty/record/{key}/change/?ask=1"
    page = look(browser, "explanation", address, "http_503")
    assert "phone 4930999999 4930123456 DIFFERS" in page.replace("\n", " ")
    picture(browser, "explanation")


def test_a_card_is_filled_in_and_comes_again_by_itself(
    browser: WebDriver, stack: Stack, system: System, anna: str
) -> None:
    stack.manage("sync", "resume", "partner")
    system.wait(lambda: system.api.explain(anna)["state"] == "synced")
    uuid = next(each["uuid"] for each in system.api.call("GET", "/users/").json()["results"] if each["name"] == "张伟")
    key = quote(f"partner:users.user:{uuid.replace('-', '')}")
    [there] = [each for each in system.sandbox.users() if each["externalId"] == uuid]
    system.sandbox.edit(there["userId"], phone="13900000009")

    look(browser, "card", f"{stack.url('web')}/admin/thirdparty/record/{key}/change/", "13900000009")
    assert "Take theirs" in body(browser)

    stack.manage("sync", "pause", "partner", "--reason", "noon")
    system.api.edit(uuid, phone="13900000010")
    look(browser, "card", f"{stack.url('web')}/admin/thirdparty/record/{key}/change/", "Target partner is paused")
    stack.manage("sync", "resume", "partner")
    assert "PENDING" not in until_said(browser, "partner holds what is wanted here")


def test_the_api_documents_itself(browser: WebDriver, stack: Stack) -> None:
    look(browser, "api", stack.url("web") + "/api/docs/", "/api/v1/users/")


def test_flower_shows_the_tasks(browser: WebDriver, stack: Stack, anna: str) -> None:
    look(browser, "flower", stack.url("flower") + "/tasks", "thirdparty.reconcile")
    # The reconciler's ticks have filled the first page by now.
    browser.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys("thirdparty.push")
    until_said(browser, "thirdparty.push")


def test_the_sandbox_shows_what_it_holds(browser: WebDriver, stack: Stack, anna: str) -> None:
    look(browser, "sandbox", stack.url("sandbox") + "/_sandbox/", "update")
