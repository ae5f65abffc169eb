"""One decision about many records of the admin's list: counted, confirmed, with a reason, and each for itself."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.integration.conftest import converge, row_of
from thirdparty.decisions import together
from thirdparty.decisions.compensation import CannotCompensate, Deed
from thirdparty.models import Record
from thirdparty.models.record import EPOCH
from thirdparty.permissions import NotAllowed
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
RECORDS = "/admin/thirdparty/record/"


@pytest.fixture
def parked(operator: User) -> list[Record]:
    for number in range(3):
        User.objects.create_user(name=f"Ada {number}", phone=str(number))
    Record.objects.update(parked="invalid", due_at=None)
    return list(Record.objects.order_by("key"))


def choose(web: Client, *rows: Record, **form: str) -> Any:
    chosen = {"action": "decide_together", "_selected_action": [row.key for row in rows]}
    return web.post(RECORDS, chosen | form, follow=True)


def decide(web: Client, *rows: Record, choice: str = "retry", reason: str = "by phone") -> Any:
    """Confirm the question that was asked when these were as ``rows`` say."""
    seen = json.dumps({row.key: row.generation for row in rows})
    return choose(web, *rows, confirmed="yes", choice=choice, reason=reason, seen=seen)


def messages(answer: Any) -> list[str]:
    return [unescape(str(message)) for message in answer.context["messages"]]


def seen(rows: list[Record]) -> dict[str, int]:
    return {row.key: row.generation for row in rows}


def test_before_it_is_confirmed_the_records_are_counted_and_nothing_is_done(web: Client, parked: list[Record]) -> None:
    Record.objects.filter(key=parked[0].key).update(parked="", synced_generation=parked[0].generation, owed_since=None)
    page = choose(web, *parked).content.decode()

    assert "2 records are decided about" in page
    assert "1 other that was chosen waits for no decision" in page
    assert Record.objects.filter(parked="invalid").count() == 2


def test_what_is_offered_is_what_can_be_decided_unseen(web: Client, parked: list[Record]) -> None:
    question = choose(web, *parked).context["question"]

    assert [value for value, _ in question.choices] == ["retry", "overwrite"]


def test_the_question_carries_what_it_counted(web: Client, parked: list[Record]) -> None:
    carried = dict(choose(web, *parked).context["carried"])

    assert json.loads(carried["seen"]) == seen(parked)


def test_all_of_them_are_due_once_it_is_confirmed(web: Client, parked: list[Record]) -> None:
    answer = decide(web, *parked)

    assert messages(answer) == ["3 records are decided about, and on record: see their histories."]
    assert Record.objects.filter(parked="", due_at=EPOCH).count() == 3


def test_the_history_of_each_says_who_and_why(web: Client, operator: User, parked: list[Record]) -> None:
    decide(web, *parked)

    noted = LogEntry.objects.order_by("object_id").values_list("object_id", "user", "change_message")
    assert list(noted) == [(row.key, operator.pk, "retry: by phone") for row in parked]


def test_one_that_has_changed_since_it_was_counted_is_named_and_the_others_are_decided_about(
    web: Client, parked: list[Record]
) -> None:
    User.objects.filter(uuid=parked[1].object_id).update(name="Edited")
    Record.objects.filter(key=parked[1].key).update(parked="invalid", due_at=None)

    answer = decide(web, *parked)

    done, refused = messages(answer)
    assert done == "2 records are decided about, and on record: see their histories."
    assert f"{RECORDS}{parked[1].key}/change/" in refused
    assert "The record has changed since you looked" in refused
    assert list(Record.objects.filter(parked="invalid").values_list("key", flat=True)) == [parked[1].key]


def test_of_many_that_cannot_be_decided_about_ten_are_named(web: Client, operator: User) -> None:
    for number in range(13):
        User.objects.create_user(name="Ada", phone=str(number))
    rows = list(Record.objects.order_by("key"))
    Record.objects.update(generation=9)

    told = messages(decide(web, *rows))

    assert len(told) == 11
    assert told[-1] == "3 more could not be decided about."


def test_without_a_reason_it_is_decided_about_none(web: Client, parked: list[Record]) -> None:
    answer = decide(web, *parked, reason=" ")

    assert messages(answer) == ["Say why: the reason is kept with the record."]
    assert Record.objects.filter(parked="invalid").count() == 3


def test_what_was_not_offered_is_asked_again(web: Client, parked: list[Record]) -> None:
    answer = decide(web, *parked, choice="settle")

    assert "3 records are decided about" in answer.content.decode()
    assert Record.objects.filter(parked="invalid").count() == 3


@pytest.mark.parametrize("given", ["", "[]", "no JSON", '{"partner:users.user:x": "1"}'])
def test_what_the_question_did_not_carry_is_asked_again(web: Client, parked: list[Record], given: str) -> None:
    answer = choose(web, *parked, confirmed="yes", choice="retry", reason="by phone", seen=given)

    assert "3 records are decided about" in answer.content.decode()
    assert Record.objects.filter(parked="invalid").count() == 3


def test_where_none_waits_for_a_decision_that_is_said(web: Client, parked: list[Record]) -> None:
    Record.objects.update(parked="", synced_generation=1, generation=1, owed_since=None)

    assert messages(choose(web, *parked)) == ["None of these records waits for a decision."]


def test_only_the_first_are_counted_where_they_are_too_many(
    web: Client, parked: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thirdparty.admin.decide_together.MOST_AT_ONCE", 2)

    answer = choose(web, *parked)

    assert "There are more: these are the first 2." in answer.content.decode()
    assert json.loads(dict(answer.context["carried"])["seen"]) == seen(parked[:2])


def test_what_the_target_holds_instead_is_overwritten(web: Client, operator: User, sandbox: SandboxControl) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()
    held_there = sandbox.users()[0]
    sandbox.edit(held_there["userId"], name="theirs")
    Record.objects.update(parked="invalid", due_at=None)

    decide(web, row_of(user), choice="overwrite")
    converge()

    assert sandbox.users()[0]["name"] == "张伟"


def test_who_may_not_decide_decides_about_none(parked: list[Record]) -> None:
    clerk = User.objects.create_user(name="Clerk", phone="9", is_staff=True)

    with pytest.raises(NotAllowed):
        together.decide_together(seen(parked), Deed.RETRY, account=clerk, reason="by phone")


def test_what_is_about_one_record_at_the_target_is_not_decided_about_many(
    operator: User, parked: list[Record]
) -> None:
    with pytest.raises(CannotCompensate, match="one record at a time"):
        together.decide_together(seen(parked), Deed.SETTLE, account=operator, reason="by phone")


def test_more_than_can_be_waited_for_are_refused(
    operator: User, parked: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "MOST_AT_ONCE", 2)

    with pytest.raises(CannotCompensate, match="2 records at a time"):
        together.decide_together(seen(parked), Deed.RETRY, account=operator, reason="by phone")
