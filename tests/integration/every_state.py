"""Rows in every state that the pages know, with every message that code writes into them. Their own words are Chinese."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone, translation
from rest_framework.authtoken.models import Token

from thirdparty import audit_log, targets
from thirdparty.decide.brake import HELD_BY_BRAKE, Change
from thirdparty.decide.plan import Call
from thirdparty.decide.result import Outcome
from thirdparty.models import (
    Alert,
    AlertMessage,
    Attempt,
    Audit,
    Brake,
    BrakeDecision,
    BrakeEntry,
    Finding,
    Record,
    StrictWrite,
    Target,
    Tick,
)
from thirdparty.models.audit import Ahead, Owner, Phase, Verdict
from thirdparty.models.record import REJECTED_BY_PERSON, State
from thirdparty.observe.known_messages import KNOWN
from thirdparty.observe.reasons import Severity, reasons
from thirdparty.run import tick
from users.models import RoleMapping, User

NOW = timezone.now() - timedelta(days=3)
MESSAGES = [re.sub(r"%\(\w+\)[sd]", "7", text) for text in KNOWN]
_OF_STATE: dict[State, dict[str, Any]] = {
    State.PENDING: {"cause": "refused", "failed_tries": 2, "failing_since": NOW, "due_at": NOW},
    State.IN_FLIGHT: {"lease_token": "t", "leased_until": timezone.now() + timedelta(hours=1)},
    State.UNKNOWN: {"unknown_until": timezone.now() + timedelta(hours=1), "add_key": "k"},
    State.SYNCED: {"synced_generation": 9, "generation": 9, "synced_at": NOW, "due_at": None, "remote_id": "77", "owed_since": None},
    State.PARKED: {"parked": "identity_conflict", "due_at": None, "failing_since": NOW},
    State.HELD: {"parked": HELD_BY_BRAKE, "due_at": None, "caused_by": "transaction 7, user root, application worker"},
    State.REJECTED: {"parked": REJECTED_BY_PERSON, "due_at": None},
    State.LEFT: {"left_at": NOW, "synced_generation": 9, "generation": 9, "due_at": None, "owed_since": None},
    State.DELETED: {"deleted": True, "synced_generation": 9, "generation": 9, "due_at": None, "owed_since": None},
}  # fmt: skip
_TARGETS: dict[str, dict[str, Any]] = {
    "partner": {"breaker": "open", "breaker_since": NOW, "failed_for": "refused", "blocked_until": timezone.now() + timedelta(hours=1), "breaker_reason": "5 failures in a row, the last refused"},
    "t1": {"paused": True, "paused_since": NOW, "paused_by": "root", "paused_reason": "维护"},
    "t2": {"paused": True, "paused_by_guard": True, "paused_since": NOW, "paused_reason": "turned away (http_401), and not for one record alone"},
    "t3": {"breaker": "half_open", "breaker_since": NOW, "capabilities_off": ["query"], "capabilities_off_until": timezone.now() + timedelta(hours=1)},
    "t4": {"blocked_until": timezone.now() + timedelta(hours=1), "rate_limit": 2.0, "rate_set_at": NOW, "rate_climb": 0.001},
    "t5": {"sent_from": "7:1"},
    "t6": {"raised": {"users.user": 10}, "trial_since": NOW},
    "t7": {"backfill": True, "behind_since": NOW, "owing_to": ""},
    "t8": {"enabled": False},
    "t9": {"enabled": False, "retired": True},
}  # fmt: skip


def targets_of(settings: Any) -> None:
    """A target in each state. Away and retired ones are not named in the settings."""
    first = settings.SYNC_TARGETS["partner"]
    names = [name for name in _TARGETS if name not in ("t8", "t9")]
    settings.SYNC_TARGETS = {name: replace(first, name=name) for name in names}
    targets.publish_rows()
    for name in ("t8", "t9"):
        Target.objects.create(name=name, enabled=False)


def make(operator: User) -> None:
    """All the rows. The targets are there."""
    Group.objects.create(name="未映射")
    for number, state in enumerate(State):
        user = User.objects.create_user(name=f"张伟{number}", phone=f"139000{number}", is_staff=False)
        if state == State.SYNCED:
            user.groups.add(Group.objects.get())
        values = {"last_error": f"refused: {MESSAGES[number]}", "owed_since": NOW} | _OF_STATE[state]
        Record.objects.filter(target="partner", object_id=user.uuid.hex).update(**values)
    for name, values in _TARGETS.items():
        Target.objects.filter(name=name).update(**values)
    records = list(Record.objects.filter(target="partner").order_by("pk"))
    assert {record.state for record in records} == set(State)
    _attempts(records)
    _audits(records, operator)
    _brake(records)
    mapped = Group.objects.create(name="销售")
    RoleMapping.objects.create(group=mapped, target="partner", remote_role_id="17")
    Token.objects.create(user=operator)
    StrictWrite.objects.create(
        kind="users.user", object_id=records[0].object_id, action="update", natural_key="", candidate={}, base="", token="t",
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    tick.begin()
    Tick.objects.update(at=NOW)
    _alerts()
    for message in MESSAGES:
        for thing in (Target.objects.get(name="partner"), records[0]):
            audit_log.record(operator, thing, audit_log.CHANGE, message)
    audit_log.record(operator, operator, audit_log.CHANGE, json.loads('[{"changed": {"fields": ["phone"]}}]'))
    audit_log.record(operator, records[0], audit_log.DELETION, "Deleted through the API.")


def _attempts(records: list[Record]) -> None:
    outcomes = itertools.cycle([*Outcome, ""])
    calls = itertools.cycle(Call)
    Attempt.objects.bulk_create(
        Attempt(
            record=records[at % len(records)], lease_token="t", call=next(calls), generation=1, started_at=NOW, finished_at=NOW,
            outcome=next(outcomes), reason="http_503", message=message, http_status=503,
        )
        for at, message in enumerate(MESSAGES)
    )  # fmt: skip


def _audits(records: list[Record], operator: User) -> None:
    of = {
        "target": "partner",
        "kind": "users.user",
        "looks_up": True,
        "started_at": NOW,
        "due_at": NOW,
        "by": operator.username,
    }
    failed = {"phase": Phase.ENDED, "finished_at": NOW, "failure": "5 calls failed one after the other, the last with refused: the target refused the connection; nothing was sent"}  # fmt: skip
    Audit.objects.create(**of, **failed, lists=False)
    Audit.objects.create(**of | {"by": ""}, phase=Phase.ENDED, finished_at=NOW, lists=False, percent=10.0)
    counts = {verdict.value: 2 for verdict in Verdict} | {"calls": 3}
    audit = Audit.objects.create(**of, phase=Phase.ENDED, finished_at=NOW, lists=True, counts=counts)
    for at, phase in enumerate(each for each in Phase if each != Phase.ENDED):
        Audit.objects.create(**of | {"target": f"t{at + 1}"}, phase=phase, lists=True)
    given = {
        "audit": audit,
        "target": "partner",
        "kind": "users.user",
        "seen_at": NOW,
        "confirmed_at": NOW,
        "mended_at": NOW,
    }
    for at, (record, (verdict, ahead)) in enumerate(
        zip(
            itertools.cycle(records),
            itertools.product([each for each in Verdict if each != Verdict.LEFT], Ahead),
            strict=False,
        )
    ):
        fields = ["phone"] if verdict == Verdict.DIFFERING else []
        Finding.objects.create(
            **given, record=record.key, remote_id=str(at), verdict=verdict, ahead=ahead, fields=fields
        )
    for owner in Owner:
        Finding.objects.create(
            **given | {"mended_at": None}, remote_id=f"o{len(owner)}", verdict=Verdict.EXTRA, owner=owner
        )
    for at, reason in enumerate((*MESSAGES, "it is parked (unmapped_role)", "a worker is at it")):
        Finding.objects.create(**given, remote_id=f"r{at}", verdict=Verdict.NOT_COMPARABLE, reason=reason)


def _brake(records: list[Record]) -> None:
    why = (
        "12 of the 40 records that the target holds would lose something within 2 hours, "
        "and 10 may (already: 5, now: 7, deletions owed besides: 0)"
    )
    Brake.objects.update_or_create(
        target="partner", defaults={"latched_at": NOW, "reason": why, "counts": {"delete": 3}}
    )
    for record, change in zip(records, Change, strict=False):
        BrakeEntry.objects.update_or_create(
            record=record.key, defaults={"target": "partner", "at": NOW, "change": change, "held": True}
        )
    held = next(record for record in records if record.state == State.HELD)
    BrakeEntry.objects.update_or_create(
        record=held.key, defaults={"target": "partner", "at": NOW, "change": "delete", "held": True}
    )
    for rejected in (True, False):
        BrakeDecision.objects.create(
            target="partner", at=NOW, who="root", reason="核实", rejected=rejected, records=2, counts={"delete": 2}
        )


def _alerts() -> None:
    """Of each reason that stands, as a worker writes it, and of the plurals."""
    with translation.override("en"):
        said = [
            (reason.code, reason.target, reason.sentence) for reason in reasons() if reason.severity is Severity.ACT
        ]
    said.append(("parked", "", "2 records of users.user are parked: the connection was refused (refused)."))
    said.append(
        ("drift", "", "The last audit found 3 records that are not as they were acknowledged: 2 missing, 1 extra.")
    )
    for at, (code, target, sentence) in enumerate(said):
        ended = NOW if at % 2 else None
        Alert.objects.create(
            code=code, target=target, cause=str(at), sentence=sentence, first_seen_at=NOW, ended_at=ended, begin_message="m",
            told_at=NOW if ended else None, end_message="e" if ended else "", link="/admin/",
        )  # fmt: skip
    AlertMessage.objects.create(
        message="m", way="webhook", subject="", body="", made_at=NOW, due_at=NOW, failure="http_500"
    )
