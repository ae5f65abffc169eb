"""A request's id is on every log line of it, in the web process and in the worker that pushes what it saved."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

from syncproject.demo.process import Process
from syncproject.log import DiscreetJson
from tests.integration.conftest import row_of
from tests.integration.own_broker import queued, work
from thirdparty import request_id, targets, tasks
from thirdparty.notify import hints
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
GIVEN = "edge-01:7f3a.42_b"
ILL_FORMED = ["", " ", "a b", "x" * 65, "-x", "a\tb", 'a"b', "zhang@example.org", "请求"]
NONE = None


class Lines(logging.StreamHandler[io.StringIO]):
    """What is logged, as JSON, with the filter that the deployment's own handler has."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.setFormatter(DiscreetJson())
        self.addFilter(request_id.OfRequest())

    def told(self, logger: str = "") -> list[dict[str, Any]]:
        every = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in every if line["logger"].startswith(logger)]

    def ids(self, logger: str = "") -> list[Any]:
        return [line["request_id"] for line in self.told(logger)]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.fixture
def web(at_work: None) -> Client:
    targets.publish_rows()
    operator = User.objects.create_superuser("root")
    key = Token.objects.create(user=operator).key
    return Client(raise_request_exception=False, headers={"Authorization": f"Token {key}"})


def save(web: Client, **options: Any) -> User:
    headers = {"X-Request-ID": GIVEN} | options.get("headers", {})
    answer = web.post(
        "/api/v1/users/", {"name": "张伟", "phone": "1"}, content_type="application/json", headers=headers
    )
    assert answer.status_code in (201, 202)
    return User.objects.get(uuid=answer.json()["uuid"])


def test_a_well_formed_id_is_taken_and_answered(web: Client) -> None:
    assert web.get("/health/live/", headers={"X-Request-ID": GIVEN}).headers["X-Request-ID"] == GIVEN


@pytest.mark.parametrize("given", ILL_FORMED)
def test_another_is_replaced(web: Client, given: str) -> None:
    answered = web.get("/health/live/", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert answered != given
    assert request_id.well_formed(answered) == answered


def test_without_one_each_request_gets_its_own(web: Client) -> None:
    first, second = (web.get("/health/live/").headers["X-Request-ID"] for _ in range(2))

    assert first != second


def test_what_is_logged_during_a_request_has_its_id(
    web: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("users.api.views.UserViewSet.list", None)

    answer = web.get("/api/v1/users/", headers={"X-Request-ID": GIVEN})

    assert answer.status_code == 500
    assert set(lines.ids("thirdparty.api")) == {GIVEN}


def test_so_has_what_django_logs_when_the_answer_is_made(web: Client, lines: Lines) -> None:
    web.get("/nowhere/", headers={"X-Request-ID": GIVEN})

    assert lines.ids("django.request") == [GIVEN]


def test_so_has_what_is_logged_while_a_request_waits_for_the_targets(
    sandbox: SandboxControl, web: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thirdparty.consistency.wait._try", None)

    save(web, headers={"Prefer": "wait=5"})

    assert lines.ids("thirdparty.consistency") == [GIVEN]


def test_after_a_request_lines_are_of_none(web: Client, lines: Lines) -> None:
    web.get("/health/live/", headers={"X-Request-ID": GIVEN})

    logging.getLogger("thirdparty").warning("x")

    assert lines.ids("thirdparty") == [NONE]


def test_the_hint_of_a_save_carries_the_id_of_its_request(web: Client, broker: Process) -> None:
    save(web)

    [message] = queued(broker)
    assert message["headers"][request_id.IN_MESSAGES] == GIVEN


def test_the_workers_lines_of_that_push_have_it(
    sandbox: SandboxControl, web: Client, broker: Process, lines: Lines
) -> None:  # fmt: skip
    user = save(web)
    [message] = queued(broker)

    work(message)

    assert row_of(user).state == "synced"
    [succeeded] = [line for line in lines.told("celery") if "succeeded" in line["message"]]
    assert succeeded["request_id"] == GIVEN


def test_a_push_that_is_tried_again_keeps_it(
    sandbox: SandboxControl, web: Client, broker: Process, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    user = save(web)
    [message] = queued(broker)
    sandbox.faults(busy=True)
    again: list[dict[str, Any]] = []
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **options: again.append(options["headers"]))

    work(message)

    assert row_of(user).state == "pending"
    assert [headers[request_id.IN_MESSAGES] for headers in again] == [GIVEN]
    assert [line["request_id"] for line in lines.told("celery") if "retry" in line["message"].lower()] == [GIVEN]


def test_a_task_leaves_its_id_to_no_other(sandbox: SandboxControl, web: Client, broker: Process, lines: Lines) -> None:
    user = save(web)
    [message] = queued(broker)
    hints.push_record("partner", row_of(user).key)
    other = queued(broker)[0]

    work(message)
    work(other)
    logging.getLogger("thirdparty").warning("x")

    assert lines.ids("celery.app.trace") == [GIVEN, NONE]
    assert lines.ids("thirdparty") == [NONE]


def test_a_task_that_is_run_within_a_request_gives_the_requests_id_back() -> None:
    token = request_id.bind(GIVEN)
    tasks.push_record.apply(("partner", "partner:users.user:none"))

    assert request_id.current() == GIVEN
    request_id.release(token)


@pytest.mark.parametrize("carried", ["a\nb", 17, None, ["x"]])
def test_what_a_message_carries_that_is_no_id_is_not_logged(
    carried: Any, web: Client, broker: Process, lines: Lines
) -> None:  # fmt: skip
    save(web)
    [message] = queued(broker)
    message["headers"][request_id.IN_MESSAGES] = carried

    work(message)

    assert set(lines.ids("celery.app.trace")) == {NONE}


def test_a_drain_is_of_many_requests_and_carries_none(web: Client, broker: Process) -> None:
    token = request_id.bind(GIVEN)
    hints.start_drain("partner")
    request_id.release(token)

    [message] = queued(broker)
    assert request_id.IN_MESSAGES not in message["headers"]


def test_what_is_saved_outside_a_request_carries_none(broker: Process) -> None:
    targets.publish_rows()
    User.objects.create(name="张伟", phone="1")

    [message] = queued(broker)
    assert request_id.IN_MESSAGES not in message["headers"]


def test_the_deployments_own_handler_and_middleware_are_switched_on(settings: Any) -> None:
    assert settings.MIDDLEWARE[0] == "thirdparty.request_id.RequestIds"
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["of_request"]
    assert settings.LOGGING["filters"]["of_request"] == {"()": "thirdparty.request_id.OfRequest"}


def test_a_line_for_people_has_it_between_the_logger_and_what_is_said(capsys: Any) -> None:
    [stderr, *_] = logging.getLogger().handlers
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "said"})
    token = request_id.bind(GIVEN)
    stderr.filter(record)
    request_id.release(token)

    assert stderr.format(record).endswith(f" INFO x [{GIVEN}] said")
