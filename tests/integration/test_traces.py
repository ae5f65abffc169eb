"""One trace from the save to the remote call, with nothing personal in it, and no collector that keeps anybody waiting."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.db import transaction
from django.test import Client
from opentelemetry import trace
from rest_framework.authtoken.models import Token

from syncproject.demo.process import Process
from tests.integration.conftest import row_of
from tests.integration.own_broker import queued, work
from tests.integration.strictly import create
from tests.recorded_spans import Spans, is_within, trace_of
from thirdparty import targets, tasks
from thirdparty.connectors.errors import Rejected
from thirdparty.consistency.strict.errors import NotAccepted
from thirdparty.models import Attempt
from thirdparty.notify import hints
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
TRACE = "0af7651916cd43dd8448eb211c80319c"
GIVEN = f"00-{TRACE}-b7ad6b7169203331-01"
NAME, PHONE = "张伟", "13812345678"


@pytest.fixture
def web(at_work: None) -> Client:
    targets.publish_rows()
    operator = User.objects.create_superuser("root")
    key = Token.objects.create(user=operator).key
    return Client(raise_request_exception=False, headers={"Authorization": f"Token {key}"})


def save(web: Client, path: str = "/api/v1/users/", **headers: str) -> User:
    answer = web.post(path, {"name": NAME, "phone": PHONE}, content_type="application/json", headers=headers)
    assert answer.status_code in (201, 202)
    return User.objects.get(uuid=answer.json()["uuid"])


def attributes(span: Any) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_from_the_request_to_the_remote_call_it_is_one_trace(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans
) -> None:
    save(web)
    [message] = queued(broker)
    work(message)

    chain = [
        "POST /api/v1/users/",
        "thirdparty.wake",
        "thirdparty.hint",
        "thirdparty.push",
        "thirdparty.attempt",
        "POST",
    ]
    found = [spans.one(name) for name in chain]
    assert found[0].parent is None
    assert all(is_within(inner, outer) for outer, inner in pairwise(found))


def test_it_is_the_trace_of_whoever_called(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans
) -> None:
    save(web, traceparent=GIVEN)
    work(queued(broker)[0])

    assert {f"{trace_of(span):032x}" for span in spans.all()} == {TRACE}


def test_an_attempt_says_what_was_done_for_which_target_and_how_it_ended(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans
) -> None:
    user = save(web)
    work(queued(broker)[0])

    assert attributes(spans.one("thirdparty.attempt")) == {
        "thirdparty.target": "partner",
        "thirdparty.kind": "users.user",
        "thirdparty.operation": "add",
        "thirdparty.generation": row_of(user).generation,
        "thirdparty.attempt_id": Attempt.objects.get().pk,
        "thirdparty.outcome": "ok",
    }


def test_one_that_failed_says_why_and_the_next_try_is_of_the_same_trace(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(web, traceparent=GIVEN)
    [message] = queued(broker)
    sandbox.faults(busy=True)
    again: list[dict[str, Any]] = []
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **options: again.append(options["headers"]))
    work(message)

    attempt = spans.one("thirdparty.attempt")
    assert attributes(attempt)["thirdparty.outcome"] == "transient"
    assert attributes(attempt)["error.type"] == Attempt.objects.get().reason
    assert [headers["traceparent"].split("-")[1] for headers in again] == [TRACE]


def test_nothing_personal_leaves_with_a_trace(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans
) -> None:
    user = save(web)
    work(queued(broker)[0])
    web.get("/api/v1/users/", {"search": PHONE})
    web.get(f"/api/v1/users/{user.uuid}/")
    web.get(f"/{PHONE}/")

    row = row_of(user)
    said = spans.said()
    assert spans.named("GET /api/v1/users/<uuid>/")
    for secret in (NAME, PHONE, user.username, row.remote_id, row.natural_key, row.key, user.uuid.hex, str(user.uuid)):
        assert secret
        assert secret not in said
        assert ascii(secret).strip("'") not in said


def test_hints_of_one_save_to_two_targets_are_of_one_trace(
    saas: SandboxControl, broker: Process, spans: Spans
) -> None:
    with transaction.atomic():
        User.objects.create(name=NAME, phone=PHONE)

    carried = {message["headers"]["traceparent"].split("-")[1] for message in queued(broker)}
    assert len(queued(broker)) == 2
    assert carried == {f"{trace_of(spans.one('thirdparty.wake')):032x}"}


def test_a_hint_that_no_broker_takes_says_so(spans: Spans, db: None) -> None:
    hints.push_record("partner", "partner:users.user:none")

    assert attributes(spans.one("thirdparty.hint"))["error.type"] == "not_published"


def test_whoever_listens_to_celerys_signals_sees_whose_message_it_is(broker: Process, spans: Spans) -> None:
    seen: list[int] = []

    def listen(**_: Any) -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    before_task_publish.connect(listen)
    hints.push_record("partner", "partner:users.user:none")
    before_task_publish.disconnect(listen)

    assert seen == [spans.one("thirdparty.hint").context.span_id]


def test_without_an_sdk_no_message_carries_a_trace(web: Client, broker: Process) -> None:
    save(web, traceparent=GIVEN)

    assert "traceparent" not in queued(broker)[0]["headers"]


def test_a_task_leaves_its_trace_to_no_other(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans
) -> None:
    user = save(web, traceparent=GIVEN)
    work(queued(broker)[0])
    User.objects.filter(pk=user.pk).update(name="李娜")
    tasks.push_record.apply(("partner", row_of(user).key))

    first, second = spans.named("thirdparty.push")
    assert f"{trace_of(first):032x}" == TRACE
    assert second.parent is None


def test_a_drain_is_of_many_saves_and_has_a_trace_of_its_own_with_its_attempts_in_it(
    sandbox: SandboxControl, broker: Process, spans: Spans
) -> None:
    with trace.get_tracer_provider().get_tracer("application").start_as_current_span("bulk") as bulk:
        User.objects.bulk_create([User(name=NAME, phone=str(n)) for n in range(8)])
    carried = [message["headers"] for message in queued(broker)]
    drain("partner")

    whole = spans.one("thirdparty.drain")
    assert whole.parent is None
    assert trace_of(whole) != bulk.get_span_context().trace_id
    assert not any("traceparent" in headers for headers in carried)
    assert attributes(whole) == {"thirdparty.target": "partner", "thirdparty.settled": 8}
    assert [is_within(attempt, whole) for attempt in spans.named("thirdparty.attempt")] == [True] * 8


@pytest.mark.parametrize("make", ["waiting", "strict"])
def test_a_write_that_waits_for_its_targets_has_their_calls_in_the_callers_trace(
    make: str, sandbox: SandboxControl, web: Client, spans: Spans
) -> None:
    if make == "waiting":
        save(web, traceparent=GIVEN, Prefer="wait=10")
    else:
        save(web, "/api/v1/users/?consistency=strict", traceparent=GIVEN)

    assert [trace_of(call) for call in spans.named("POST")] == [int(TRACE, 16)] * len(spans.named("POST"))
    assert spans.named("POST")


def test_a_strict_write_that_is_refused_is_in_the_callers_trace_too(sandbox: SandboxControl, spans: Spans) -> None:
    sandbox.faults(busy=True)
    with (
        trace.get_tracer_provider().get_tracer("application").start_as_current_span("caller") as caller,
        pytest.raises(NotAccepted),
    ):
        create()

    assert {trace_of(span) for span in spans.named("thirdparty.attempt")} == {caller.get_span_context().trace_id}


def test_a_probe_is_no_span(web: Client, spans: Spans) -> None:
    web.get("/health/live/")

    assert spans.all() == []


def test_a_method_that_nobody_knows_names_no_span(web: Client, spans: Spans) -> None:
    web.generic("PATCHWORK", "/api/v1/users/")

    assert attributes(spans.one("_OTHER /api/v1/users/"))["http.request.method"] == "_OTHER"


def test_what_the_target_says_in_words_of_its_own_is_in_no_span(
    sandbox: SandboxControl, web: Client, broker: Process, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> str:
        raise Rejected("the phone of Zhang Wei is taken", "as it says")

    monkeypatch.setattr(type(targets.connector("partner", "users.user")), "add", refused)
    save(web)
    work(queued(broker)[0])

    assert attributes(spans.one("thirdparty.attempt"))["error.type"] == "rejected"
    assert not [span for span in spans.all() if "Zhang" in str(attributes(span))]
