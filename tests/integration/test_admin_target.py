"""The page of a target: a person pauses and resumes; the guard's own pause stays the guard's; who and why is kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client

from thirdparty import targets
from thirdparty.models import Target
from users.models import User

PAGE = "/admin/thirdparty/target/partner/change/"
BY_GUARD = {"paused": True, "paused_by_guard": True, "paused_reason": "turned away (http_401)"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def web() -> Client:
    targets.publish_rows()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def shown(web: Client) -> dict[str, Any]:
    """What a browser sends that changes nothing: the hidden fields included."""
    form = web.get(PAGE).context["adminform"].form
    fields: dict[str, Any] = {}
    for field in form:
        if field.field.show_hidden_initial:
            fields[field.html_initial_name] = str(field.initial)
        if field.initial not in (False, None):
            fields[field.html_name] = "on" if field.initial is True else field.initial
    return fields


def standing() -> tuple[bool, bool, str]:
    row = Target.objects.get()
    return row.paused, row.paused_by_guard, row.paused_reason


def history() -> list[tuple[str, str]]:
    return [(entry.user.get_username(), entry.get_change_message()) for entry in LogEntry.objects.order_by("id")]


def test_a_person_pauses_and_resumes_on_the_page_and_both_leave_who_and_why(web: Client) -> None:
    assert web.post(PAGE, {**shown(web), "paused": "on", "paused_reason": "they move house"}).status_code == 302
    assert standing() == (True, False, "they move house")
    fields = shown(web)
    del fields["paused"]
    assert web.post(PAGE, {**fields, "paused_reason": "they have moved"}).status_code == 302
    assert standing() == (False, False, "")
    assert history() == [("root", "paused: they move house"), ("root", "resumed: they have moved")]


def test_who_sends_no_hidden_fields_resumes_too(web: Client) -> None:
    Target.objects.update(paused=True, paused_reason="by hand")
    assert web.post(PAGE, {"paused_reason": ""}).status_code == 302
    assert standing() == (False, False, "")


def test_saving_the_page_of_a_target_that_the_guard_paused_changes_nothing(web: Client) -> None:
    Target.objects.update(**BY_GUARD)
    web.post(PAGE, shown(web))
    assert standing() == (True, True, "turned away (http_401)")
    assert history() == []


def test_saving_a_page_that_the_guard_has_overtaken_changes_nothing(web: Client) -> None:
    Target.objects.update(**BY_GUARD)
    fields = shown(web)
    Target.objects.update(paused=False, paused_by_guard=False, paused_reason="")
    web.post(PAGE, fields)
    assert standing() == (False, False, "")


def test_saving_the_page_of_a_target_with_an_open_breaker_does_not_close_it(web: Client) -> None:
    Target.objects.update(breaker="open", breaker_reason="5 failures in a row")
    web.post(PAGE, shown(web))
    assert Target.objects.get().breaker == "open"


def test_who_writes_another_reason_takes_the_guards_pause_over(web: Client) -> None:
    Target.objects.update(**BY_GUARD)
    web.post(PAGE, {**shown(web), "paused_reason": "until Monday"})
    assert standing() == (True, False, "until Monday")


def test_the_page_has_what_a_browser_needs_to_say_that_nothing_changed(web: Client) -> None:
    Target.objects.update(**BY_GUARD)
    page = web.get(PAGE).content.decode()
    assert 'name="initial-paused"' in page
    assert 'name="initial-paused_reason"' in page


@pytest.mark.parametrize("deed", ["pause_selected", "resume_selected"])
def test_actions_work_and_leave_a_trace(web: Client, deed: str) -> None:
    Target.objects.update(paused=deed == "resume_selected")
    web.post("/admin/thirdparty/target/", {"action": deed, "_selected_action": ["partner"]})
    assert Target.objects.get().paused is (deed == "pause_selected")
    assert [who for who, _ in history()] == ["root"]


@pytest.mark.parametrize("deed", ["pause_selected", "resume_selected"])
def test_they_work_where_every_request_is_one_transaction(web: Client, deed: str, settings: Any) -> None:
    from django.db import connection

    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        web.post("/admin/thirdparty/target/", {"action": deed, "_selected_action": ["partner"]})
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert Target.objects.get().paused is (deed == "pause_selected")


def test_the_commands_take_who_and_why(web: Client) -> None:
    call_command("sync", "pause", "partner", "--by", "root", "--reason", "noon")
    call_command("sync", "resume", "partner", "--by", "root", "--reason", "one")
    assert history() == [("root", "paused: noon"), ("root", "resumed: one")]
