"""The engine's promises at a partner of another kind: an ordinary REST API, people under its own names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.conftest import converge, row_of, step
from thirdparty import targets
from thirdparty.capture import backfill
from thirdparty.connectors.rest.configured import ConfiguredRest
from thirdparty.models import Attempt, Record, Target
from thirdparty.observe.explain import explain
from thirdparty.testing import FakeRestTarget, Reply
from users.models import User
from users.synced import Person, person

OPTIONS = {option.name: option.default for option in ConfiguredRest.options}


@pytest.fixture
def crm(db: None, partner: Callable[..., None], settings: Any) -> Iterator[FakeRestTarget]:
    """An empty partner that the target ``partner`` points to."""
    settings.SYNC_RETRY_BACKOFF_SECONDS = 0.05
    settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 0.1
    settings.SYNC_RECONCILE_EVERY_SECONDS = 0.01
    fake = FakeRestTarget(key_field="login")
    with fake.running() as url:
        options = OPTIONS | {"token": "t0ken", "collection": "/people", "key_field": "login"}
        partner(
            connector="rest", base_url=url, options=options, capabilities=("query", "list"), timeout_seconds=5.0,
            visibility_seconds=0.2,
        )  # fmt: skip
        targets.publish_rows()
        yield fake


@pytest.fixture
def user(crm: FakeRestTarget) -> User:
    return User.objects.create(name="张伟", phone="1")


def held(crm: FakeRestTarget) -> list[tuple[str, str, str]]:
    return [(item["external_id"], item["login"], item["name"]) for item in crm.items["people"].values()]


def test_a_person_is_added_changed_and_deleted(crm: FakeRestTarget, user: User) -> None:
    converge()
    assert held(crm) == [(str(user.uuid), "zhangwei1", "张伟")]
    User.objects.filter(pk=user.pk).update(name="李娜")
    converge()
    assert held(crm) == [(str(user.uuid), "zhangwei1", "李娜")]
    user.delete()
    converge()
    assert held(crm) == []


def test_a_lost_answer_to_an_add_doubles_nobody(crm: FakeRestTarget, user: User) -> None:
    crm.lose_next_answer()
    step(user)
    assert row_of(user).state == "unknown"
    converge()
    assert held(crm) == [(str(user.uuid), "zhangwei1", "张伟")]
    assert [request.method for request in crm.requests].count("POST") == 1


@pytest.mark.parametrize("compares_bodies", [False, True])
def test_an_edit_between_a_lost_add_and_its_repetition_doubles_nobody_and_is_not_parked(
    crm: FakeRestTarget, user: User, partner: Callable[..., None], *, compares_bodies: bool
) -> None:
    partner(capabilities=("query", "list", "idempotency"))
    crm.compares_bodies = compares_bodies
    crm.lose_next_answer()
    step(user)
    User.objects.filter(pk=user.pk).update(name="李娜")
    step(user)
    assert (row_of(user).remote_id, row_of(user).parked) == ("1", "")
    converge()
    assert held(crm) == [(str(user.uuid), "zhangwei1", "李娜")]


def test_a_lost_add_of_who_is_gone_by_then_is_not_parked_although_its_repetition_is_refused(
    crm: FakeRestTarget, user: User, partner: Callable[..., None]
) -> None:
    """The repetition says nothing of somebody who is gone, and a partner that never heard of the first one asks for a name."""
    partner(capabilities=("query", "list", "idempotency"))
    crm.answer_instead(Reply(lost=True))
    step(user)
    user.delete()
    crm.answer_instead(Reply(422, {"detail": "name is required"}))
    converge()
    [row] = Record.objects.all()
    assert (row.state, row.parked, held(crm)) == ("deleted", "", [])


def test_a_record_that_the_partner_has_under_our_key_is_adopted_where_the_declared_field_matches(
    crm: FakeRestTarget, user: User
) -> None:
    crm.items["people"] = {"77": {"id": "77", "login": "zhangwei1", "name": "Zhang", "phone": "1"}}
    converge()
    assert (row_of(user).remote_id, row_of(user).adopted) == ("77", "match")
    assert held(crm) == [(str(user.uuid), "zhangwei1", "张伟")]


def test_a_strangers_record_of_our_key_parks_ours(crm: FakeRestTarget, user: User) -> None:
    crm.items["people"] = {"77": {"id": "77", "login": "zhangwei1", "name": "Zhang", "phone": "999"}}
    converge()
    assert row_of(user).parked == "identity_conflict"
    assert crm.items["people"]["77"]["name"] == "Zhang"


def test_a_locked_item_waits_and_the_partner_stays_open(crm: FakeRestTarget, user: User) -> None:
    crm.answer_instead(Reply(423, headers={"Retry-After": "0"}))
    step(user)
    assert (row_of(user).state, row_of(user).failed_tries) == ("pending", 1)
    assert Target.objects.get().failed_keys == []
    converge()
    assert row_of(user).state == "synced"


def test_a_payload_that_is_no_json_parks_the_record_with_its_field_before_anything_is_sent(
    crm: FakeRestTarget, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Person, "payload", lambda *_: {"name": "Ada", "total": Decimal("1.00")})
    step(user)
    row = row_of(user)
    assert (row.parked, row.unknown_until, crm.requests) == ("not_json", None, [])
    assert "'total' of the payload holds a value of type Decimal" in row.last_error
    [explained] = explain(person(user.uuid))
    [blocked] = explained.blocked_by
    assert blocked.endswith("mend the declaration and raise its version")


def test_no_attempt_keeps_what_the_partner_repeats_of_a_person(crm: FakeRestTarget, user: User) -> None:
    crm.answer_instead(Reply(422, {"detail": f"{user.name} ({user.phone}, {user.username}) with t0ken is refused"}))
    step(user)
    row, attempt = row_of(user), Attempt.objects.get()
    assert (row.parked, row.state) == ("http_422", "parked")
    assert attempt.message == "*** (***, ***) with *** is refused"
    assert user.name not in row.last_error


def test_the_explanation_names_each_field_that_differs(crm: FakeRestTarget, user: User) -> None:
    converge()
    [item] = crm.items["people"].values()
    item |= {"name": "Eva", "email": None, "created_at": "yesterday"}
    [explained] = explain(person(user.uuid), ask_target=True)
    assert [(each.field, each.wanted, each.found) for each in explained.difference or ()] == [
        ("name", "张伟", "Eva"),
        ("email", "", None),
    ]


@pytest.mark.parametrize("status", [201, 202, 204])
def test_a_partner_that_names_no_id_of_what_it_made_has_one_record_by_its_look_up(
    crm: FakeRestTarget,
    user: User,
    partner: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    partner(visibility_seconds=0.01)  # shorter than the longest backoff, as ever
    carried_out = FakeRestTarget._carried_out

    def silent(self: FakeRestTarget, request: Any) -> Reply:
        reply = carried_out(self, request)
        return Reply(status) if request.method != "GET" and reply.status < 300 else reply

    monkeypatch.setattr(FakeRestTarget, "_carried_out", silent)
    converge()
    User.objects.filter(pk=user.pk).update(name="李娜")
    converge()
    assert held(crm) == [(str(user.uuid), "zhangwei1", "李娜")]
    assert [request.method for request in crm.requests].count("POST") == 1
    user.delete()
    converge()
    assert held(crm) == []


@pytest.fixture
def never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The partner holds phones and never shows them, so its connector leaves them out of what is compared."""
    comparable = ConfiguredRest.comparable

    def without_phone(self: ConfiguredRest, payload: Any) -> dict[str, Any]:
        return {name: value for name, value in comparable(self, payload).items() if name != "phone"}

    monkeypatch.setattr(ConfiguredRest, "comparable", without_phone)


@pytest.mark.usefixtures("never_shown")
def test_what_a_partner_never_shows_is_sent_again_after_a_request_that_was_lost(
    crm: FakeRestTarget, user: User, partner: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    partner(visibility_seconds=0.01)  # shorter than the longest backoff, as ever
    converge()
    User.objects.filter(pk=user.pk).update(phone="2")
    carried_out, lost = FakeRestTarget._carried_out, list[str]()

    def losing(self: FakeRestTarget, request: Any) -> Reply:
        if request.method == "GET" or lost:
            return carried_out(self, request)
        lost.append(request.method)
        return Reply(202)

    monkeypatch.setattr(FakeRestTarget, "_carried_out", losing)
    converge()
    assert lost
    assert [item["phone"] for item in crm.items["people"].values()] == ["2"]


@pytest.mark.usefixtures("never_shown")
def test_what_a_partner_never_shows_and_is_edited_during_a_backfill_is_sent(crm: FakeRestTarget, user: User) -> None:
    converge()
    for _ in backfill.steps("partner"):
        pass
    User.objects.filter(pk=user.pk).update(phone="2")
    converge()
    assert [item["phone"] for item in crm.items["people"].values()] == ["2"]


def test_a_partner_that_redirects_writes_alone_loses_nothing_and_is_sent_nothing_elsewhere(
    crm: FakeRestTarget, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried_out = FakeRestTarget._carried_out

    def redirecting(self: FakeRestTarget, request: Any) -> Reply:
        if request.method == "GET":
            return carried_out(self, request)
        return Reply(308, {"detail": "use the slash"}, {"Location": f"{request.path}/"})

    with monkeypatch.context() as wrong:
        wrong.setattr(FakeRestTarget, "_carried_out", redirecting)
        step(user)
    assert row_of(user).generation > row_of(user).synced_generation
    assert crm.items.get("people", {}) == {}
