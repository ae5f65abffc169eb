"""In the admin, too, a person chooses how long a save waits for the targets, and is told what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.integration.conftest import converge, held_records, wanted_records
from thirdparty.models import Record, Target
from thirdparty.sandbox.client import SandboxControl
from users import services
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
USERS = "/admin/users/user/"
ZHANG = {"name": "张伟", "phone": "13800000001", "email": "", "is_active": "on"}


@pytest.fixture
def web(sandbox: SandboxControl, settings: Any) -> Client:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.02
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def page(user: User) -> str:
    return f"{USERS}{user.pk}/change/"


def test_a_save_that_waits_says_that_every_target_has_it(web: Client, sandbox: SandboxControl) -> None:
    answer = web.post(f"{USERS}add/", ZHANG | {"consistency": "wait"}, follow=True)
    assert "Every target has it." in said(answer)
    assert held_records(sandbox) == wanted_records()
    user = services.people().get()
    answer = web.post(page(user), ZHANG | {"name": "李娜", "consistency": "wait"}, follow=True)
    assert "Every target has it." in said(answer)
    assert held_records(sandbox) == wanted_records()


def test_a_save_that_waited_in_vain_says_where_it_stands(web: Client, sandbox: SandboxControl) -> None:
    sandbox.faults(invalid=True)
    answer = web.post(f"{USERS}add/", ZHANG | {"consistency": "wait"}, follow=True)
    assert any("partner is parked" in sentence for sentence in said(answer))
    assert services.people().count() == 1


def test_a_strict_save_that_is_accepted_is_made_here_and_there(web: Client, sandbox: SandboxControl) -> None:
    answer = web.post(f"{USERS}add/", ZHANG | {"consistency": "strict"}, follow=True)
    assert "Every target has accepted it." in said(answer)
    user = services.people().get()
    web.post(page(user), ZHANG | {"name": "李娜", "consistency": "strict"})
    user.refresh_from_db()
    assert user.name == "李娜"
    assert held_records(sandbox) == wanted_records()
    assert Record.objects.get().state == "synced"
    assert [entry.action_flag for entry in LogEntry.objects.order_by("id")] == [1, 2]


def test_a_strict_save_that_is_refused_shows_the_form_again_with_the_reason(
    web: Client, sandbox: SandboxControl
) -> None:
    sandbox.faults(invalid=True)
    answer = web.post(f"{USERS}add/", ZHANG | {"consistency": "strict"})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Nothing was saved." in text
    assert "13800000001" in text
    assert not services.people().exists()
    sandbox.faults()
    converge()
    assert sandbox.users() == []


def test_a_strict_save_that_not_every_target_can_be_asked_about_says_so(web: Client, sandbox: SandboxControl) -> None:
    Target.objects.create(name="saas")
    answer = web.post(f"{USERS}add/", ZHANG | {"consistency": "strict"})
    assert "does not know target saas" in answer.content.decode()
    Target.objects.filter(name="saas").delete()
    Target.objects.update(paused=True, paused_reason="moving house")
    answer = web.post(f"{USERS}add/", ZHANG | {"consistency": "strict"})
    assert "moving house" in answer.content.decode()
    assert not services.people().exists()
    assert sandbox.ledger() == []


def test_who_did_it_is_listed_in_the_history(web: Client) -> None:
    web.post(f"{USERS}add/", ZHANG | {"consistency": "strict"})
    page = web.get("/admin/admin/logentry/").content.decode()
    assert "zhangwei13800000001" in page
    assert "Added." in page


def test_invalid_values_are_shown_at_their_fields_and_reach_no_target(web: Client, sandbox: SandboxControl) -> None:
    answer = web.post(f"{USERS}add/", ZHANG | {"phone": "no number", "consistency": "strict"})
    assert "phone" in answer.context["adminform"].form.errors
    assert sandbox.ledger() == []


def test_access_is_not_changed_in_a_strict_save(web: Client) -> None:
    user = User.objects.create_user(name="张伟", phone="13800000001")
    answer = web.post(page(user), ZHANG | {"is_staff": "on", "consistency": "strict"})
    assert "in a save of its own" in answer.content.decode()
    user.refresh_from_db()
    assert not user.is_staff


def test_who_may_not_change_people_may_not_strictly_either(web: Client, sandbox: SandboxControl) -> None:
    user = User.objects.create_user(name="张伟", phone="13800000001")
    clerk = Client()
    clerk.force_login(User.objects.create_user(name="Clerk", phone="9", is_staff=True))
    answer = clerk.post(page(user), ZHANG | {"name": "李娜", "consistency": "strict"})
    assert answer.status_code in (302, 403)
    user.refresh_from_db()
    assert user.name == "张伟"
    assert sandbox.ledger() == []
