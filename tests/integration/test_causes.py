"""Records that fail, by cause: what their rows keep, what people see of them, and all of one cause once more."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from tests.integration.conftest import converge, row_of, step
from thirdparty import targets
from thirdparty.decisions import look_now as looking
from thirdparty.models import Record, Target
from thirdparty.observe.reasons import reasons
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
CAUSES = "/admin/thirdparty/record/causes/"


@pytest.fixture
def web(at_work: None) -> Client:
    targets.publish_rows()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def parked(*phones: str, cause: str = "invalid") -> list[Record]:
    for phone in phones:
        made = User.objects.create_user(name="Ada", phone=phone)
        Record.objects.filter(object_id=made.uuid.hex).update(parked=cause, cause=cause, due_at=None)
    return list(Record.objects.filter(parked=cause).order_by("key"))


def history() -> list[tuple[str, str, str]]:
    return [(each.user.get_username(), each.object_repr, each.get_change_message()) for each in LogEntry.objects.all()]


# -- the row -----------------------------------------------------------------------------------------


def test_a_row_keeps_why_its_last_step_failed_and_since_when_it_fails_so(sandbox: SandboxControl) -> None:
    user = User.objects.create_user(name="Ada", phone="1")
    sandbox.faults(rates={"503": 1})
    step(user)
    first = row_of(user)
    assert (first.cause, first.failing_since is not None) == ("http_503", True)
    Record.objects.update(due_at="1970-01-01 00:00:00+00:00")
    step(user)
    assert (row_of(user).cause, row_of(user).failing_since) == ("http_503", first.failing_since)
    sandbox.faults(rates={"422": 1})
    Record.objects.update(due_at="1970-01-01 00:00:00+00:00")
    step(user)
    other = row_of(user)
    assert (other.state, other.cause) == ("parked", other.parked)
    assert other.failing_since is not None
    assert first.failing_since is not None
    assert other.failing_since > first.failing_since


def test_a_success_forgets_why_the_last_step_failed(sandbox: SandboxControl) -> None:
    user = User.objects.create_user(name="Ada", phone="1")
    sandbox.faults(rates={"503": 1})
    step(user)
    sandbox.heal()
    converge()
    assert (row_of(user).cause, row_of(user).failing_since) == ("", None)


def test_what_fails_and_is_tried_again_is_told_by_cause_and_needs_nobody(
    sandbox: SandboxControl, at_work: None
) -> None:
    user = User.objects.create_user(name="Ada", phone="1")
    sandbox.faults(rates={"503": 1})
    step(user)
    [reason] = [reason for reason in reasons() if reason.code == "failing"]
    assert (reason.severity, reason.cause, reason.count, reason.example) == ("wait", "http_503", 1, row_of(user).key)
    assert reason.since == row_of(user).failing_since
    assert "fails and is tried again" in reason.sentence


def test_what_failed_at_a_target_that_is_paused_since_then_is_not_said_to_be_tried_again(
    sandbox: SandboxControl, at_work: None
) -> None:
    user = User.objects.create_user(name="Ada", phone="1")
    sandbox.faults(rates={"503": 1})
    step(user)
    Target.objects.filter(name="partner").update(paused=True, paused_by_guard=True)
    [reason] = [reason for reason in reasons() if reason.code == "failing"]
    assert "failed, and waits for its target, which is paused" in reason.sentence


def test_the_reason_of_an_unmapped_role_leads_to_the_mappings(web: Client) -> None:
    person = User.objects.create_user(name="Ada", phone="1")
    person.groups.add(Group.objects.create(name="Sales"))
    step(person)
    [reason] = [reason for reason in reasons() if reason.code == "parked"]
    assert (reason.cause, reason.as_json()["remedy"]) == ("unmapped_role", "/admin/users/rolemapping/")
    assert "/admin/users/rolemapping/" in web.get(CAUSES).content.decode()


# -- the page ----------------------------------------------------------------------------------------


def test_the_page_groups_by_cause_and_leads_to_the_records(web: Client) -> None:
    parked("1", "2", cause="invalid")
    parked("3", cause="identity_conflict")
    page = web.get(CAUSES).content.decode()
    assert "identity_conflict" in page
    link = "/admin/thirdparty/record/?sync_state=parked&target=partner&cause=invalid"
    assert link.replace("&", "&amp;") in page
    listed = web.get(link)
    assert listed.context["cl"].result_count == 2
    assert web.get(link.replace("invalid", "x'y")).context["cl"].result_count == 3


def test_all_of_one_cause_are_retried_once_that_is_confirmed_and_it_is_on_record(web: Client) -> None:
    parked("1", "2", cause="invalid")
    [other] = parked("3", cause="identity_conflict")
    address = f"{CAUSES}retry/?target=partner&kind=users.user&cause=invalid&state=parked"

    question = web.get(address).content.decode()
    assert "2 records will be looked at now" in question
    assert "overwritten" in question
    assert Record.objects.filter(state="parked").count() == 3

    answer = web.post(address, {"confirmed": "yes"})
    assert answer.headers["Location"] == CAUSES
    assert list(Record.objects.filter(state="parked")) == [other]
    assert history() == [("root", "partner", "2 records to be looked at now: parked for invalid")]


def test_one_confirmation_reaches_no_further_than_some_thousands(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    parked("1", "2", "3")
    monkeypatch.setattr(looking, "MOST_AT_ONCE", 2)
    answer = web.post(f"{CAUSES}retry/?target=partner&cause=invalid&state=parked", {"confirmed": "yes"}, follow=True)
    assert Record.objects.filter(state="parked").count() == 1
    assert "There are more" in answer.content.decode()


@pytest.mark.parametrize(("right", "sees"), [("view_record", 200), ("view_user", 403)])
def test_who_may_only_look_retries_nothing(web: Client, right: str, sees: int) -> None:
    parked("1")
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename=right))
    clerk = Client()
    clerk.force_login(staff)
    page = clerk.get(CAUSES)
    assert page.status_code == sees
    assert "Retry these" not in page.content.decode()
    refused = clerk.post(f"{CAUSES}retry/?target=partner&cause=invalid&state=parked", {"confirmed": "yes"})
    assert refused.status_code == 403
    assert Record.objects.filter(parked="invalid").count() == 1


def test_a_selection_is_looked_at_once_that_is_confirmed_and_it_is_on_record(web: Client) -> None:
    rows = parked("1", "2")
    form: dict[str, Any] = {"action": "look_now", "_selected_action": [row.key for row in rows]}
    asked = web.post("/admin/thirdparty/record/", form)
    assert "2 records will be looked at now" in asked.content.decode()
    assert Record.objects.filter(state="parked").count() == 2
    web.post("/admin/thirdparty/record/", form | {"confirmed": "yes"})
    assert Record.objects.filter(state="parked").count() == 0
    assert history() == [("root", "partner", "2 records to be looked at now: chosen from the list")]


def test_a_record_that_somebody_had_looked_at_says_who_in_its_history(web: Client) -> None:
    [row] = parked("1")
    web.post(f"/admin/thirdparty/record/{row.key}/look-now/")
    assert history() == [("root", row.key, "to be looked at now")]


# -- the command line --------------------------------------------------------------------------------


def test_the_command_retries_one_cause_alone(web: Client) -> None:
    parked("1", cause="invalid")
    parked("2", cause="identity_conflict")
    out = StringIO()
    call_command("sync", "retry", "--target", "partner", "--cause", "invalid", "--by", "root", stdout=out)
    assert "1 records of partner are due now" in out.getvalue()
    assert [row.parked for row in Record.objects.filter(state="parked")] == ["identity_conflict"]
    assert history() == [("root", "partner", "1 records to be looked at now: parked for invalid")]


def test_the_status_shows_the_first_few_causes(web: Client) -> None:
    for nth in range(12):
        parked(str(nth), cause=f"cause_{nth}")
    out = StringIO()
    call_command("sync", "status", stdout=out)
    assert out.getvalue().count("is parked") == 8  # the others are four of these, and that it is catching up
    assert "and 5 more" in out.getvalue()
    call_command("sync", "status", "--json", stdout=(whole := StringIO()))
    assert len([each for each in json.loads(whole.getvalue())["reasons"] if each["code"] == "parked"]) == 12
