"""No progress is a failed try: partners whose answers contradict each other get a bounded number of requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import converge, row_of, step
from tests.unit.rawserver import RawServer, http_json, serving
from thirdparty import store
from thirdparty.decide.progress import HONEST_STEPS, NO_PROGRESS_LIMIT
from thirdparty.models import Attempt, Record
from thirdparty.observe.explain import explain
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import person

NOT_FOUND = {"status": "user_not_found", "data": None, "message": "no such user"}
MOST_REQUESTS = 4 * NO_PROGRESS_LIMIT
"""One write and three look-ups for each step."""


class Partner:
    """A partner of contract A that holds one record at most; a test replaces what it makes of a call."""

    def __init__(self) -> None:
        self.record: dict[str, Any] | None = None
        self.calls: list[str] = []
        self.instead: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}

    def answer(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(call)
        if call in self.instead:
            return self.instead[call](body)
        return self.honest(call, body)

    def honest(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        if call == "add":
            self.record = {"userId": "7", **body}
            return ok("7")
        record = self.record
        if record is None or (call != "query" and body["userId"] != record["userId"]):
            return NOT_FOUND
        if call == "query":
            [(name, value)] = body.items()
            return ok(record) if record[name] == value else NOT_FOUND
        self.record = None if call == "delete" else record | body
        return ok(record["userId"])


def ok(data: Any) -> dict[str, Any]:
    return {"status": "ok", "data": data, "message": ""}


@contextmanager
def listening(partner: Partner) -> Iterator[str]:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        while request := server.read_request(connection):
            head, _, body = request.partition(b"\r\n\r\n")
            call = head.split(b" ")[1].rsplit(b"/", 1)[-1].decode()
            connection.sendall(http_json(partner.answer(call, json.loads(body))))

    with serving(behaviour) as server:
        yield server.url


@pytest.fixture
def raw(sandbox: SandboxControl, partner: Callable[..., None]) -> Iterator[Partner]:
    raw = Partner()
    with listening(raw) as url:
        partner(base_url=url)
        yield raw


@pytest.fixture
def user(raw: Partner) -> User:
    return User.objects.create(name="张伟", phone="13800000001")


def assert_parked(user: User, reason: str) -> None:
    row = row_of(user)
    assert (row.state, row.parked) == ("parked", reason)
    [explanation] = explain(person(user.uuid))
    assert any(reason in why for why in explanation.blocked_by)


def forget_softly(raw: Partner) -> None:
    """The record is deleted softly: look-ups find what neither update nor delete knows."""
    raw.instead |= {"update": lambda _: NOT_FOUND, "delete": lambda _: NOT_FOUND}


def test_an_update_of_what_was_deleted_softly_is_parked_after_a_bounded_number_of_requests(
    user: User, raw: Partner
) -> None:
    converge()
    forget_softly(raw)
    User.objects.update(name="Edited")
    converge(within_seconds=60)
    assert_parked(user, "no_progress")
    assert len(raw.calls) <= MOST_REQUESTS


def test_a_delete_of_what_was_deleted_softly_is_accepted_as_absent(user: User, raw: Partner) -> None:
    converge()
    forget_softly(raw)
    user.delete()
    converge(within_seconds=60)
    assert Record.objects.get().state == "deleted"
    assert len(raw.calls) <= MOST_REQUESTS


def test_every_step_after_the_honest_ones_waits_for_its_backoff(user: User, raw: Partner, settings: Any) -> None:
    converge()
    settings.SYNC_RETRY_BACKOFF_SECONDS = settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 3_600
    forget_softly(raw)
    User.objects.update(name="Edited")
    steps = 0
    while step(user):
        steps += 1
        assert steps <= HONEST_STEPS + 1
    row = row_of(user)
    assert (row.state, row.failed_tries) == ("pending", 1)
    assert row.last_error.startswith("no_progress")
    last = Attempt.objects.order_by("id").last()
    assert last is not None
    assert (last.outcome, last.reason) == ("transient", "no_progress")


def test_an_edit_begins_to_count_anew(user: User, raw: Partner) -> None:
    converge()
    forget_softly(raw)
    User.objects.update(name="Edited")
    converge(within_seconds=60)
    raw.instead.clear()
    User.objects.update(name="Edited again")
    converge()
    assert row_of(user).state == "synced"
    assert raw.record is not None
    assert raw.record["name"] == "Edited again"


def test_a_person_who_asks_to_look_again_begins_to_count_anew(user: User, raw: Partner) -> None:
    converge()
    forget_softly(raw)
    User.objects.update(name="Edited")
    converge(within_seconds=60)
    before = len(raw.calls)
    store.look_now([row_of(user).key])
    converge(within_seconds=60)
    assert_parked(user, "no_progress")
    assert len(raw.calls) - before > HONEST_STEPS


def test_an_edit_where_the_look_up_answers_with_ids_of_its_own_ends_parked(user: User, raw: Partner) -> None:
    """The answer to the add is lost, and the look-up writes ids with zeros that nothing else knows. What it shows is level."""

    def zeros(body: dict[str, Any]) -> dict[str, Any]:
        answer = raw.honest("query", body | ({"userId": body["userId"].lstrip("0")} if "userId" in body else {}))
        return ok(answer["data"] | {"userId": "0007"}) if answer["data"] else answer

    def lost(body: dict[str, Any]) -> dict[str, Any]:
        raw.honest("add", body)
        del raw.instead["add"]
        return {"nothing": "readable"}

    raw.instead |= {"query": zeros, "add": lost}
    converge(within_seconds=60)
    assert row_of(user).state == "synced"
    before = len(raw.calls)
    User.objects.update(name="Edited")
    converge(within_seconds=60)
    assert_parked(user, "no_progress")
    assert len(raw.calls) - before <= MOST_REQUESTS


def test_an_id_that_the_look_up_writes_in_another_way_is_kept_as_we_know_it(user: User, raw: Partner) -> None:
    converge()

    def zeros(body: dict[str, Any]) -> dict[str, Any]:
        answer = raw.honest("query", body)
        return ok(answer["data"] | {"userId": "0007"}) if answer["data"] else answer

    raw.instead["query"] = zeros
    Record.objects.update(look_first=True)
    User.objects.update(name="Edited")
    converge()
    assert (row_of(user).state, row_of(user).remote_id) == ("synced", "7")


def test_look_ups_from_a_stale_replica_end_bounded(user: User, raw: Partner) -> None:
    """The record is gone; the replica that answers look-ups goes on showing it."""
    converge()
    stale = ok(dict(raw.record or {}))
    raw.record = None
    raw.instead["query"] = lambda _: stale
    User.objects.update(name="Edited")
    converge(within_seconds=60)
    assert_parked(user, "no_progress")
    assert len(raw.calls) <= MOST_REQUESTS


def test_a_username_that_the_target_reserves_is_parked_with_a_reason_of_its_own(user: User, raw: Partner) -> None:
    raw.instead["add"] = lambda _: {"status": "user_exists", "data": None, "message": "registered"}
    converge(within_seconds=60)
    assert_parked(user, "key_reserved")
    assert "free it there" in row_of(user).last_error
    assert len(raw.calls) <= MOST_REQUESTS


def test_a_reserved_username_backs_off_from_the_first_try(user: User, raw: Partner, settings: Any) -> None:
    settings.SYNC_RETRY_BACKOFF_SECONDS = settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 3_600
    raw.instead["add"] = lambda _: {"status": "user_exists", "data": None, "message": "registered"}
    step(user)
    assert step(user) is None
    row = row_of(user)
    assert (row.state, row.failed_tries) == ("pending", 1)
    assert "free now" not in row.last_error


@pytest.mark.parametrize(
    "write", [str.upper, lambda text: text.replace("-", ""), "{{{}}}".format], ids=["A", "b", "{c}"]
)
def test_a_lost_answer_ends_synced_however_the_target_writes_a_uuid(
    user: User, raw: Partner, write: Callable[[str], str]
) -> None:
    def found(body: dict[str, Any]) -> dict[str, Any]:
        answer = raw.honest("query", body)
        return ok(answer["data"] | {"externalId": write(answer["data"]["externalId"])}) if answer["data"] else answer

    def lost(body: dict[str, Any]) -> dict[str, Any]:
        raw.honest("add", body)
        del raw.instead["add"]
        return {"nothing": "readable"}

    raw.instead |= {"query": found, "add": lost}
    converge()
    assert row_of(user).state == "synced"
    assert raw.calls.count("add") == 1
