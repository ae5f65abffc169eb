"""How long a write over the API waits for the targets, and what the answer says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.integration.conftest import converge, held_records, wanted_records
from thirdparty.consistency.strict import applying
from thirdparty.models import Record, StrictWrite, Target
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = "/api/v1/users/"
STRICT = "?consistency=strict"
ZHANG = {"name": "张伟", "phone": "13800000001"}
WAIT = {"HTTP_PREFER": "respond-async, wait=10"}


@pytest.fixture(autouse=True)
def _short_pauses(settings: Any) -> None:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.05


@pytest.fixture
def api(sandbox: SandboxControl) -> APIClient:
    client = APIClient(raise_request_exception=False)
    operator = User.objects.create_superuser("root")
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=operator).key}")
    return client


def page(answer: Any) -> str:
    return f"{PEOPLE}{answer.data['uuid']}/"


def states(answer: Any) -> list[str]:
    return [record["state"] for record in answer.data["sync"]]


# -- wait -------------------------------------------------------------------------------


def test_a_create_that_waits_is_answered_201_and_synced(api: APIClient, sandbox: SandboxControl) -> None:
    answer = api.post(PEOPLE, ZHANG, **WAIT)
    assert (answer.status_code, states(answer), answer["Preference-Applied"]) == (201, ["synced"], "wait=10")
    assert held_records(sandbox) == wanted_records()


def test_a_change_and_a_delete_that_wait_are_answered_200_and_204(api: APIClient, sandbox: SandboxControl) -> None:
    made = api.post(PEOPLE, ZHANG, **WAIT)
    changed = api.patch(page(made), {"name": "李娜"}, **WAIT)
    assert (changed.status_code, states(changed)) == (200, ["synced"])
    assert api.delete(page(made), **WAIT).status_code == 204
    assert sandbox.users() == []


def test_what_has_not_followed_in_time_is_answered_202_with_the_state_as_it_is(
    api: APIClient, sandbox: SandboxControl
) -> None:
    known = api.post(PEOPLE, {"name": "Ada", "phone": "1"}, **WAIT)
    sandbox.faults(busy=True)
    made = api.post(PEOPLE, ZHANG, **WAIT)
    assert (made.status_code, states(made)) == (202, ["pending"])
    changed = api.patch(page(made), {"name": "李娜"}, **WAIT)
    assert (changed.status_code, states(changed)) == (202, ["pending"])
    deleted = api.delete(page(known), **WAIT)
    assert (deleted.status_code, states(deleted)) == (202, ["pending"])


@pytest.mark.parametrize(("given", "applied"), [("wait=9999", "wait=30"), ('WAIT = "5"; x=1', "wait=5")])
def test_a_wait_is_at_most_thirty_seconds(api: APIClient, given: str, applied: str) -> None:
    assert api.post(PEOPLE, ZHANG, HTTP_PREFER=given)["Preference-Applied"] == applied


@pytest.mark.parametrize("given", ["wait", "wait=-1", "wait=soon", "return=minimal"])
def test_a_preference_that_cannot_be_read_is_passed_over(api: APIClient, given: str) -> None:
    answer = api.post(PEOPLE, ZHANG, HTTP_PREFER=given)
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer


# -- strict -----------------------------------------------------------------------------


def test_strict_writes_are_answered_like_others_once_accepted(api: APIClient, sandbox: SandboxControl) -> None:
    made = api.post(PEOPLE + STRICT, ZHANG)
    assert (made.status_code, states(made)) == (201, ["synced"])
    changed = api.patch(page(made) + STRICT, {"name": "李娜"})
    assert (changed.status_code, states(changed)) == (200, ["synced"])
    assert held_records(sandbox) == wanted_records()
    assert api.delete(page(made) + STRICT).status_code == 204
    assert sandbox.users() == []


def test_a_strict_write_that_is_not_accepted_is_424_with_each_targets_reason(
    api: APIClient, sandbox: SandboxControl
) -> None:
    sandbox.faults(invalid=True)
    answer = api.post(PEOPLE + STRICT, ZHANG)
    assert (answer.status_code, answer["Content-Type"]) == (424, "application/problem+json")
    body = answer.json()
    assert body["status"] == 424
    [verdict] = body["targets"]
    assert (verdict["target"], verdict["accepted"], verdict["reason"]) == ("partner", False, "invalid")
    assert not User.objects.filter(is_superuser=False).exists()
    sandbox.faults()
    converge()
    assert sandbox.users() == []


def test_a_target_that_is_paused_is_named_and_nobody_was_asked(api: APIClient, sandbox: SandboxControl) -> None:
    Target.objects.update(paused=True, paused_reason="moving house")
    answer = api.post(PEOPLE + STRICT, ZHANG)
    assert answer.status_code == 424
    body = answer.json()
    assert "no target was asked" in body["detail"]
    assert (body["targets"][0]["reason"], "moving house" in body["targets"][0]["message"]) == ("paused", True)
    assert sandbox.ledger() == []


def test_a_target_that_this_process_does_not_know_is_503_and_named(api: APIClient, sandbox: SandboxControl) -> None:
    Target.objects.create(name="saas")
    answer = api.post(PEOPLE + STRICT, ZHANG)
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert int(answer["Retry-After"]) >= 1
    assert "does not know target saas" in answer.json()["detail"]
    assert sandbox.ledger() == []
    assert not User.objects.filter(is_superuser=False).exists()


def test_invalid_values_reach_no_target(api: APIClient, sandbox: SandboxControl) -> None:
    assert api.post(PEOPLE + STRICT, {"name": " ", "phone": "1"}).status_code == 400
    assert sandbox.ledger() == []


def test_a_consistency_that_there_is_none_of_is_named(api: APIClient) -> None:
    answer = api.post(f"{PEOPLE}?consistency=immediate", ZHANG)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["consistency"]


def test_a_second_write_meanwhile_is_409_and_says_when_to_come_again(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api.post(PEOPLE + STRICT, ZHANG)
    seen: list[Any] = []
    real: Callable[..., Any] = applying.apply

    def apply(*arguments: Any) -> None:
        seen.append(api.patch(page(made), {"name": "王芳"}))
        real(*arguments)

    monkeypatch.setattr(applying, "apply", apply)
    assert api.patch(page(made) + STRICT, {"name": "李娜"}).status_code == 200
    assert seen[0].status_code == 409
    assert int(seen[0]["Retry-After"]) >= 1
    assert User.objects.get(is_superuser=False).name == "李娜"
    assert not StrictWrite.objects.exists()


# -- who changed what -------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", STRICT])
def test_who_wrote_what_is_on_record_without_the_values(api: APIClient, query: str) -> None:
    made = api.post(PEOPLE + query, ZHANG)
    api.patch(page(made) + query, {"name": "李娜"})
    api.delete(page(made) + query)
    entries = list(LogEntry.objects.order_by("id"))
    assert [entry.action_flag for entry in entries] == [1, 2, 3]
    assert {entry.user.username for entry in entries} == {"root"}
    assert '"fields": ["name"]' in entries[1].change_message
    assert "李娜" not in entries[1].change_message


def test_a_write_that_is_not_made_leaves_no_record(api: APIClient, sandbox: SandboxControl) -> None:
    sandbox.faults(invalid=True)
    api.post(PEOPLE + STRICT, ZHANG)
    assert not LogEntry.objects.exists()


def test_the_age_of_what_is_owed_narrows_the_list(api: APIClient) -> None:
    api.post(PEOPLE, ZHANG)
    assert len(api.get(f"{PEOPLE}?owed_for=0").json()["results"]) == 1
    assert api.get(f"{PEOPLE}?owed_for=3600").json()["results"] == []
    Record.objects.update(owed_since="2020-01-01T00:00:00Z")
    assert len(api.get(f"{PEOPLE}?owed_for=3600&target=partner&sync_state=pending").json()["results"]) == 1
    assert api.get(f"{PEOPLE}?owed_for=-1").status_code == 400
