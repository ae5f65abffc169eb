"""The page of a record and its card: how it stands, why, what happened, what to do; and that it comes again by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone, translation

from tests.integration.ada import user, web
from tests.integration.conftest import converge, row_of, step
from tests.integration.test_admin_names import title
from thirdparty import targets
from thirdparty.admin.badge import record_page
from thirdparty.admin.moment import ago
from thirdparty.models import Record, Target
from thirdparty.observe.explain import explain
from thirdparty.observe.moments import exactly
from thirdparty.observe.timeline import What
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["user", "web"]
RECORDS = "/admin/thirdparty/record/"


def page(web: Client, user: User, query: str = "") -> str:
    return web.get(record_page(row_of(user).key) + query).content.decode()


def test_a_person_who_is_not_to_be_there_says_why(web: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    converge()
    assert row_of(user).state == "synced"
    assert "No record at the target: the person is inactive" in page(web, user)
    assert explain(row_of(user).ref)[0].absence == "the person is inactive"
    row = row_of(user)
    user.delete()
    assert explain(row.ref)[0].absence == "it is gone here"


@pytest.mark.parametrize("asked", ["", "?ask=1"])
def test_an_unmapped_role_is_no_wish_for_no_record_and_leads_to_the_mappings(
    web: Client, user: User, asked: str
) -> None:
    user.groups.add(Group.objects.create(name="Sales"))
    step(user)
    shown = page(web, user, asked)
    assert "No record at the target" not in shown
    assert "No role of the target is mapped for &#x27;Sales&#x27;" in shown
    assert "/admin/users/rolemapping/" in shown


def test_a_parked_record_says_its_cause_once(web: Client, user: User) -> None:
    Record.objects.update(parked="http_422", last_error="http_422: the phone is too long", due_at=None)
    assert "Parked (http_422): the phone is too long; edit the object or retry by hand" in page(web, user)


def test_looking_says_that_it_overwrites(web: Client, user: User) -> None:
    assert "what the target holds instead is overwritten" in page(web, user)


def card_of(web: Client, user: User, query: str = "") -> Any:
    answer = web.get(f"{RECORDS}{row_of(user).key}/card/{query}")
    assert answer.status_code == 200
    return answer.context["card"]


def test_a_card_comes_again_by_itself_and_often_while_its_record_moves(web: Client, user: User) -> None:
    assert "thirdparty/card.js" in page(web, user)
    assert "data-sync-moving" not in page(web, user)
    Record.objects.update(lease_token="t", leased_until=timezone.now())
    assert "data-sync-moving" in page(web, user)
    Record.objects.update(lease_token=None, leased_until=None, synced_generation=0)
    assert "data-sync-moving" in page(web, user)


def test_the_cards_stand_before_the_form_of_the_person(web: Client, user: User) -> None:
    shown = web.get(f"/admin/users/user/{user.pk}/change/").content.decode()
    assert 0 < shown.index("data-sync-card") < shown.index('id="user_form"')
    assert shown.count('<section class="sync sync-card"') == 1


def test_a_card_says_in_its_first_line_how_its_record_stands(web: Client, user: User) -> None:
    assert card_of(web, user)["headline"] == "partner has acknowledged what is wanted here"
    assert card_of(web, user, "?ask=1")["headline"] == "partner holds what is wanted here"
    Record.objects.update(parked="http_422", last_error="http_422: the phone is too long", due_at=None)
    assert card_of(web, user)["headline"].startswith("Parked (http_422): the phone is too long")


def test_a_card_shows_each_field_here_and_there_once_the_target_was_asked(
    web: Client, user: User, sandbox: SandboxControl
) -> None:
    sandbox.edit(sandbox.users()[0]["userId"], phone="999")
    unasked = {line.field: line for line in card_of(web, user)["lines"]}
    assert (unasked["phone"].here, unasked["phone"].is_known, unasked["phone"].differs) == ("1", False, False)
    asked = {line.field: line for line in card_of(web, user, "?ask=1")["lines"]}
    assert (asked["phone"].here, asked["phone"].there, asked["phone"].differs) == ("1", "999", True)
    assert (asked["name"].there, asked["name"].is_known, asked["name"].differs) == ("Ada Lovelace", True, False)


def test_a_page_asks_nothing_and_a_card_is_asked_about_no_more_than_the_guard_allows(
    web: Client, user: User, sandbox: SandboxControl
) -> None:
    before = len(sandbox.ledger())
    page(web, user)
    card_of(web, user)
    assert len(sandbox.ledger()) == before
    assert "less than 3 s ago" not in card_of(web, user, "?ask=1")["explanation"].difference_note
    asked = len(sandbox.ledger())
    assert "less than 3 s ago" in card_of(web, user, "?ask=1")["explanation"].difference_note
    assert len(sandbox.ledger()) == asked
    Target.objects.update(paused=True, paused_reason="noon")
    Record.objects.update(asked_at=None)
    assert "the target was not asked" in card_of(web, user, "?ask=1")["explanation"].difference_note
    assert len(sandbox.ledger()) == asked


def test_only_who_may_decide_has_a_card_asked_about_by_itself(web: Client, user: User) -> None:
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_record"))
    clerk = Client()
    clerk.force_login(staff)
    assert "data-sync-asks" in page(web, user)
    assert "data-sync-asks" not in page(clerk, user)
    address = f"{RECORDS}{row_of(user).key}/card/"
    assert clerk.get(address).status_code == 200
    assert clerk.get(f"{address}?ask=1").status_code == 403


def test_a_card_of_a_record_that_is_not_there_is_not_found(web: Client) -> None:
    assert web.get(f"{RECORDS}partner:users.user:nobody/card/").status_code == 404


def test_times_are_told_by_how_long_ago_they_were_in_both_languages() -> None:
    now = timezone.now()
    assert ">3\xa0minutes ago</time>" in str(ago(now - timedelta(minutes=3, seconds=5)))
    assert f'title="{exactly(now)}"' in str(ago(now))
    assert ">in 2\xa0hours</time>" in str(ago(now + timedelta(hours=2, minutes=5)))
    assert ">just now</time>" in str(ago(now - timedelta(seconds=5)))
    with translation.override("zh-hans"):
        assert "3\xa0分钟前" in str(ago(now - timedelta(minutes=3, seconds=5)))
        assert "2\xa0小时后" in str(ago(now + timedelta(hours=2, minutes=5)))


def test_a_record_leads_to_its_person_its_target_and_its_attempts_and_each_back(web: Client, user: User) -> None:
    attempts = f"/admin/thirdparty/attempt/?record={quote(row_of(user).key, safe='')}"
    shown = page(web, user)
    for address in (f"/admin/users/user/{user.pk}/change/", "/admin/thirdparty/target/partner/change/", attempts):
        assert f'href="{address}"' in shown
        assert web.get(address).status_code == 200
    record = record_page(row_of(user).key)
    assert f'href="{record}"' in web.get(attempts).content.decode()
    assert f'href="{record}"' in web.get(f"/admin/users/user/{user.pk}/change/").content.decode()


def test_the_buttons_of_a_card_are_those_that_its_state_asks_for(web: Client, user: User) -> None:
    level = page(web, user)
    assert "Push ours, which overwrites theirs" in level
    assert "Edit this person" in level
    assert "Decide by hand" not in level
    Record.objects.update(parked="unmapped_role", due_at=None)
    parked = page(web, user)
    assert "Look at it now" in parked
    assert "Mend it: roles at targets" in parked
    assert "Decide by hand" in parked


# -- the timeline ------------------------------------------------------------------------------------


def what_happened(web: Client, user: User) -> list[str]:
    return [shown.event.what for shown in card_of(web, user)["events"]]


def test_saves_attempts_and_decisions_stand_in_one_timeline(web: Client, user: User) -> None:
    web.post(f"/admin/users/user/{user.pk}/change/", {"name": "Eva", "phone": "1", "is_active": "on", "email": ""})
    step(user)
    Record.objects.update(parked="invalid", due_at=None)
    form = {"deed": "retry", "seen": row_of(user).generation, "reason": "they rang us"}
    web.post(f"{RECORDS}{row_of(user).key}/decide/", form)
    owed_and_decided, before = what_happened(web, user)[:2], what_happened(web, user)[2:]
    assert (set(owed_and_decided), before) == ({"owed", "decision"}, ["attempt", "save", "attempt"])
    shown = page(web, user)
    assert "root: retry: they rang us" in shown
    assert "update of generation 2" in shown


def test_the_time_in_which_nobody_could_know_is_an_interval_of_the_timeline(
    web: Client, user: User, sandbox: SandboxControl
) -> None:
    sandbox.faults(apply_then_500=True)
    User.objects.filter(pk=user.pk).update(name="Eva")
    step(user)
    sandbox.faults()
    [still] = [each.event for each in card_of(web, user)["events"] if each.event.what == What.UNKNOWN]
    assert (still.is_open, still.until) == (True, row_of(user).unknown_until)
    converge()
    [over] = [each.event for each in card_of(web, user)["events"] if each.event.what == What.UNKNOWN]
    settled = row_of(user).attempts.filter(outcome="ok").order_by("id")[1]
    assert (over.at, over.is_open, over.until) == (still.at, False, settled.finished_at)


def test_the_saves_of_an_object_are_shown_to_those_alone_who_may_see_it(web: Client, user: User) -> None:
    web.post(f"/admin/users/user/{user.pk}/change/", {"name": "Eva", "phone": "1", "is_active": "on", "email": ""})
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_record"))
    clerk = Client()
    clerk.force_login(staff)
    assert "save" in what_happened(web, user)
    assert "save" not in what_happened(clerk, user)


# -- names -------------------------------------------------------------------------------------------


def test_the_heading_of_a_record_is_the_name_of_its_object(web: Client, user: User) -> None:
    assert title(web, record_page(row_of(user).key)) == "adalovelace1 at partner | usersync"
    user.delete()
    assert title(web, record_page(Record.objects.get().key)) == "adalovelace1 at partner | usersync"


def test_records_are_found_by_the_name_of_their_person(web: Client, user: User) -> None:
    User.objects.create_user(name="Eva", phone="2")
    found = web.get(f"{RECORDS}?q=Lovelace").context["cl"].result_list
    assert [row.key for row in found] == [row_of(user).key]
    assert targets.names() == ["partner"]
