"""All that is known of one record in one order: for whoever has to find out what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.db import models

from tests.chaos.run import witness
from tests.chaos.run.ledger import Ledger
from thirdparty.models import Attempt, Record
from users.models import User
from users.synced import person


def traces(concerned: Iterable[tuple[str, str]], ledgers: Mapping[str, Ledger]) -> Iterator[str]:
    """The user, the row, and then generations, acknowledgements, attempts and ledger as they followed each other."""
    evidence_by_key = witness.evidence_by_key()
    for target, external_id in concerned:
        uuid = UUID(external_id)
        key = person(uuid).key(target)
        yield f"=== {target} {external_id}"
        for found in (User.objects.filter(uuid=uuid).first(), Record.objects.filter(key=key).first()):
            yield f"{found.__class__.__name__} {_plain(found)}"
        lines = [
            *_seen(evidence_by_key.get(key, witness.Evidence())),
            *_tried(key),
            *_told(ledgers[target], external_id),
        ]
        yield from (f"{_clock(at)} {line}" for at, line in sorted(lines))


def _seen(evidence: witness.Evidence) -> Iterator[tuple[float, str]]:
    for item in evidence.generations:
        yield item.at, f"generation {item.number}: {item.content}"
    for number, at in evidence.acknowledged:
        yield at, f"acknowledged {number}"


def _tried(key: str) -> Iterator[tuple[float, str]]:
    for attempt in Attempt.objects.filter(record_id=key):
        yield attempt.started_at.timestamp(), f"attempt {attempt.pk} begins: {attempt.call} g{attempt.generation}"
        if attempt.finished_at is not None:
            why = f"{attempt.outcome} {attempt.reason} {attempt.message}"
            yield attempt.finished_at.timestamp(), f"attempt {attempt.pk} ends: {why}"


def _told(ledger: Ledger, external_id: str) -> Iterator[tuple[float, str]]:
    for entry in ledger.of(external_id):
        shown = {name: value for name, value in entry.items() if value is not None and name not in ("at", "path")}
        yield entry["at"], f"ledger {json.dumps(shown, ensure_ascii=False)}"


def _plain(row: models.Model | None) -> str:
    if row is None:
        return "(none)"
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return ", ".join(
        f"{name}={value}" for name, value in values.items() if value not in (None, "") and name != "password"
    )


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-3]
