"""Every cell of docs/consistency.md: what the caller gets, and what is true at once and afterwards."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.integration.conftest import effects, row_of
from thirdparty import store
from thirdparty.consistency.strict import taking_back
from thirdparty.models import Record, StrictWrite
from thirdparty.notify import hints
from thirdparty.run import calling, push
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT = Path(__file__).parents[2] / "docs" / "consistency.md"

OLD, NEW = "old", "new"
FAULTS: dict[str, dict[str, Any]] = {
    "refused": {},  # nothing listens at the target's address
    "timeout before": {"hang": True},
    "timeout after": {"apply_then_hang": True},
    "rejected": {"invalid": True},
    "crash before": {},
    "crash after": {},
    "broker down": {},
}
# (mode, failure): (the answer, the record right after, here in the end, there in the end)
CELLS = {
    ("eventual", "refused"): ("200", "pending", NEW, NEW),
    ("eventual", "timeout before"): ("200", "unknown", NEW, NEW),
    ("eventual", "timeout after"): ("200", "unknown", NEW, NEW),
    ("eventual", "rejected"): ("200", "parked", NEW, OLD),
    ("eventual", "crash before"): ("200", "in_flight", NEW, NEW),
    ("eventual", "crash after"): ("200", "in_flight", NEW, NEW),
    ("eventual", "broker down"): ("200", "pending", NEW, NEW),
    ("wait", "refused"): ("202", "pending", NEW, NEW),
    ("wait", "timeout before"): ("202", "unknown", NEW, NEW),
    ("wait", "timeout after"): ("202", "unknown", NEW, NEW),
    ("wait", "rejected"): ("202", "parked", NEW, OLD),
    ("wait", "crash before"): ("none", "in_flight", NEW, NEW),
    ("wait", "crash after"): ("none", "in_flight", NEW, NEW),
    ("wait", "broker down"): ("200", "synced", NEW, NEW),
    ("strict", "refused"): ("424", "pending", OLD, OLD),
    ("strict", "timeout before"): ("424", "unknown", OLD, OLD),
    ("strict", "timeout after"): ("424", "unknown", OLD, OLD),
    ("strict", "rejected"): ("424", "pending", OLD, OLD),
    ("strict", "crash before"): ("none", "in_flight", OLD, OLD),
    ("strict", "crash after"): ("none", "in_flight", OLD, OLD),
    ("strict", "broker down"): ("200", "synced", NEW, NEW),
}


class Killed(BaseException):
    """Like SIGKILL: nothing runs any more."""


@pytest.fixture
def user(sandbox: SandboxControl, partner: Any, settings: Any) -> User:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.02
    settings.SYNC_WAIT_TRIES = 2
    partner(timeout_seconds=0.3)
    user = User.objects.create_user(name=OLD, phone="1")
    _converge()
    return user


@pytest.fixture
def api(user: User) -> APIClient:
    client = APIClient()
    token = Token.objects.create(user=User.objects.create_superuser("root"))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


@pytest.mark.parametrize(("mode", "failure"), CELLS)
def test_each_cell_is_as_documented(
    mode: str,
    failure: str,
    user: User,
    api: APIClient,
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
    partner: Any,
    sandbox_url: str,
) -> None:
    answered, state, here, there = CELLS[mode, failure]
    sandbox.faults(**FAULTS[failure])
    if failure == "refused":
        partner(base_url="http://127.0.0.1:1")
    with monkeypatch.context() as patch:
        _break(patch, failure)
        assert _answer(api, user, mode) == answered
        if mode == "eventual" and failure != "broker down":
            _work(user)
    assert row_of(user).state == state
    assert User.objects.get(pk=user.pk).name == here
    sandbox.faults()
    partner(base_url=sandbox_url)
    _time_passes()
    _converge()
    assert User.objects.get(pk=user.pk).name == here
    assert [record["name"] for record in sandbox.users()] == [there]
    assert not StrictWrite.objects.exists()
    if failure == "crash before":
        assert effects(sandbox).count("updated") == 1


def test_the_document_says_what_the_cells_say() -> None:
    text = DOCUMENT.read_text("utf-8")
    for (mode, failure), (answered, state, here, there) in CELLS.items():
        assert f"| {mode} | {failure} | {answered} | `{state}` | {here} | {there} |" in text


def _break(patch: pytest.MonkeyPatch, failure: str) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise Killed

    if failure != "broker down":
        patch.setattr(hints, "push_record", lambda *_: True)
    if failure == "crash before":
        patch.setattr(calling, "call_target", die)
    if failure == "crash after":
        patch.setattr(store, "settle", die)
    if failure.startswith("crash"):
        patch.setattr(taking_back, "take_back", lambda _: False)


def _answer(api: APIClient, user: User, mode: str) -> str:
    query = "?consistency=strict" if mode == "strict" else ""
    headers = {"HTTP_PREFER": "wait=10"} if mode == "wait" else {}
    try:
        return str(api.patch(f"/api/v1/users/{user.uuid}/{query}", {"name": NEW}, **headers).status_code)
    except Killed:
        return "none"


def _work(user: User) -> None:
    try:
        push.push("partner", row_of(user).key)
    except Killed:
        return


def _time_passes() -> None:
    """Leases, strict writes and the windows of unanswered requests are over."""
    past = timezone.now()
    Record.objects.filter(lease_token__isnull=False).update(leased_until=past, due_at=past)
    StrictWrite.objects.update(expires_at=past)


def _converge(*, within_seconds: float = 15.0) -> None:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        taking_back.sweep()
        waiting = list(Record.objects.filter(due_at__isnull=False).values_list("key", flat=True))
        if not waiting:
            return
        if not [pushed for key in waiting if (pushed := push.push("partner", key))]:
            time.sleep(0.02)
    raise AssertionError(f"not settled: {list(Record.objects.values())}")
