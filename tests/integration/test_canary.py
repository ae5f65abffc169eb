"""A canary names the part that does not answer, and leaves nothing behind."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from syncproject.demo.process import Process
from tests.integration.own_broker import arguments, queued
from thirdparty import tasks
from thirdparty.models import Canary
from thirdparty.notify import hints
from thirdparty.run import canary, reconcile
from thirdparty.run.canary import Part

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "0" * 32


def told(*options: str) -> dict[str, Any]:
    """What the command says as JSON where it fails."""
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("sync", "canary", "--json", "--within", "0.2", *options, stdout=said)
    return dict(json.loads(said.getvalue()))


def test_where_no_worker_takes_the_message_it_says_so(broker: Process) -> None:
    answer = told()

    assert (answer["answered"], answer["silent"], answer["answered_by"]) == (False, "workers", None)
    assert [message["headers"]["task"] for message in queued(broker)] == [hints.CANARY]


def test_where_the_broker_takes_nothing_it_says_so() -> None:
    assert told()["silent"] == "broker"


def test_where_the_database_does_not_answer_it_says_so(broker: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any) -> None:
        raise OperationalError("password=secret")

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", unreachable)

    assert told()["silent"] == "database"
    assert queued(broker) == []


def test_for_people_the_silent_part_is_named_in_words() -> None:
    with pytest.raises(CommandError, match="the broker takes no message"):
        call_command("sync", "canary", "--within", "0.2")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9", "soon"])
def test_a_patience_that_cannot_be_is_refused(seconds: str) -> None:
    with pytest.raises(CommandError):
        call_command("sync", "canary", "--within", seconds)


def test_a_worker_that_answers_is_named(broker: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def work_at_once(token: str) -> bool:
        tasks.answer_canary.apply((token,))
        return True

    monkeypatch.setattr(hints, "ask_whoever_works", work_at_once)

    heard = canary.ask(within_seconds=30)

    assert heard.silent is None
    assert heard.answered_by


def test_it_leaves_no_question_behind_and_who_comes_late_answers_nobody(broker: Process) -> None:
    assert canary.ask(within_seconds=0.01).silent is Part.WORKERS
    [[token]] = arguments(broker)

    assert not Canary.objects.exists()
    assert not canary.answer(token, "worker@here")


def test_the_question_of_one_who_was_killed_is_forgotten_in_a_day(db: None) -> None:
    now = timezone.now()
    Canary.objects.create(token=TOKEN, sent_at=now - timedelta(hours=25))
    Canary.objects.create(token="1" * 32, sent_at=now - timedelta(hours=23))

    reconcile.prune()

    assert [each.token for each in Canary.objects.all()] == ["1" * 32]
