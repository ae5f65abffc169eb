"""The page of a target: a person pauses and resumes; the guard's own pause stays the guard's; who and why is kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client

from thirdparty import targets
from thirdparty.models import Target
from thirdparty.sandbox.client import SandboxControl
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


def standing() -> tuple[bool, bool, str]:
    row = Target.objects.get()
    return row.paused, row.paused_by_guard, row.paused_reason


def history() -> list[tuple[str, str]]:
    return [(entry.user.get_username(), entry.get_change_message()) for entry in LogEntry.objects.order_by("id")]


def decide(web: Client, deed: str, why: str) -> int:
    return web.post(f"/admin/thirdparty/target/partner/{deed}/", {"confirmed": "yes", "reason": why}).status_code


def test_a_person_pauses_and_resumes_on_the_page_and_both_leave_who_and_why(web: Client) -> None:
    assert decide(web, "pause", "they move house") == 302
    assert standing() == (True, False, "they move house")
    assert "paused by root since" in web.get(PAGE).content.decode()
    assert decide(web, "resume", "they have moved") == 302
    assert standing() == (False, False, "")
    assert history() == [("root", "paused: they move house"), ("root", "resumed: they have moved")]


@pytest.mark.parametrize("deed", ["pause", "resume"])
def test_nothing_is_done_before_it_is_confirmed_with_a_reason(web: Client, deed: str) -> None:
    Target.objects.update(paused=deed == "resume")
    for asked in (
        web.get(f"/admin/thirdparty/target/partner/{deed}/"),
        web.post(f"/admin/thirdparty/target/partner/{deed}/", {"confirmed": "yes", "reason": " "}),
    ):
        assert asked.status_code == 200
        assert 'name="reason"' in asked.content.decode()
    assert Target.objects.get().paused is (deed == "resume")
    assert history() == []


def test_the_page_is_no_form_so_what_the_guard_did_meanwhile_is_overwritten_by_nobody(web: Client) -> None:
    Target.objects.update(**BY_GUARD)
    assert web.post(PAGE, {"paused_reason": ""}).status_code == 403
    assert standing() == (True, True, "turned away (http_401)")


def test_a_pause_of_the_guard_and_one_of_a_person_have_different_words(web: Client) -> None:
    Target.objects.update(**BY_GUARD)
    page = web.get("/admin/thirdparty/target/").content.decode()
    assert "turned away</span>" in page
    assert "paused by a person" not in page
    Target.objects.update(paused_by_guard=False)
    assert "paused by a person</span>" in web.get("/admin/thirdparty/target/").content.decode()


def test_a_probe_asks_now_and_ends_a_pause_of_the_guard_alone(web: Client, sandbox: SandboxControl) -> None:
    Target.objects.update(**BY_GUARD)
    page = web.post("/admin/thirdparty/target/partner/probe/", follow=True).content.decode()
    assert "It answers." in page
    assert not Target.objects.get().paused
    Target.objects.update(paused=True, paused_by_guard=False)
    sandbox.faults(rates={"503": 1})
    assert "no clear answer" in web.post("/admin/thirdparty/target/partner/probe/", follow=True).content.decode()
    assert Target.objects.get().paused
    assert history() == [("root", "probed: fine"), ("root", "probed: unclear")]


def test_who_may_not_pause_sees_the_page_and_no_buttons(web: Client) -> None:
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_target", "view_record"]))
    clerk = Client()
    clerk.force_login(staff)
    assert "Probe now" not in clerk.get(PAGE).content.decode()
    assert "Probe now" in web.get(PAGE).content.decode()
    for deed in ("pause", "resume", "probe"):
        assert decide(clerk, deed, "why not") == 403
    assert standing() == (False, False, "")


@pytest.mark.parametrize("deed", ["pause_selected", "resume_selected"])
def test_actions_work_and_leave_a_trace(web: Client, deed: str) -> None:
    Target.objects.update(paused=deed == "resume_selected")
    web.post(
        "/admin/thirdparty/target/",
        {"action": deed, "_selected_action": ["partner"], "confirmed": "yes", "reason": "noon"},
    )
    assert Target.objects.get().paused is (deed == "pause_selected")
    assert [who for who, _ in history()] == ["root"]


@pytest.mark.parametrize("deed", ["pause_selected", "resume_selected"])
def test_they_work_where_every_request_is_one_transaction(web: Client, deed: str, settings: Any) -> None:
    from django.db import connection

    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        web.post(
            "/admin/thirdparty/target/",
            {"action": deed, "_selected_action": ["partner"], "confirmed": "yes", "reason": "noon"},
        )
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert Target.objects.get().paused is (deed == "pause_selected")


def test_the_commands_take_who_and_why(web: Client) -> None:
    call_command("sync", "pause", "partner", "--by", "root", "--reason", "noon")
    call_command("sync", "resume", "partner", "--by", "root", "--reason", "one")
    assert history() == [("root", "paused: noon"), ("root", "resumed: one")]
