"""What happened to one record, by time: saves of its object, attempts, the times in which nobody could know, decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from thirdparty.decide.result import Outcome
from thirdparty.models import Attempt, Record
from thirdparty.models.record import State

SHOWN = 20
_OF_EACH = 15
_LOOKED_THROUGH = 20_000
"""So many entries at the end of the history: it has no index of what they are about. All of it is on the history's own page."""
_SETTLING = (Outcome.OK, Outcome.REJECTED)
"""What an attempt has to come to before it is known again what the target holds."""


class What(StrEnum):
    """``owed``: the first change that is not acknowledged. ``unknown``: an interval, from ``at`` to ``until``."""

    SAVE = "save"
    OWED = "owed"
    ATTEMPT = "attempt"
    UNKNOWN = "unknown"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Event:
    """``who``: the account, where one is known. ``told``: what the history, or the database, says of it.

    ``until``: when an interval ended, or will at the latest; None where that is not known. ``is_open``: it has not ended.
    """

    at: datetime
    what: What
    told: str = ""
    who: str = ""
    attempt: Attempt | None = None
    until: datetime | None = None
    is_open: bool = False


def timeline(row: Record, owner: Model | None, attempts: Sequence[Attempt]) -> list[Event]:
    """The last `SHOWN`, the newest first. ``owner``: the object, None to leave its saves out. ``attempts``: newest first."""
    events = [
        *(Event(attempt.started_at, What.ATTEMPT, attempt=attempt) for attempt in attempts),
        *_unknown(row, attempts),
        *_logged(row, What.DECISION),
    ]
    if owner is not None:
        events += _logged(owner, What.SAVE)
    if row.owed_since is not None:
        events.append(Event(row.owed_since, What.OWED, told=row.caused_by))
    return sorted(events, key=lambda event: event.at, reverse=True)[:SHOWN]


def _unknown(row: Record, attempts: Sequence[Attempt]) -> Iterator[Event]:
    """One from each attempt that was not answered, unless one goes on, to the one that settled what had come of it."""
    began: datetime | None = None
    for attempt in reversed(attempts):
        if attempt.outcome == Outcome.UNKNOWN:
            began = began or attempt.started_at
        elif began is not None and attempt.outcome in _SETTLING:
            yield Event(began, What.UNKNOWN, until=attempt.finished_at)
            began = None
    if began is not None:
        still = row.state == State.UNKNOWN
        yield Event(began, What.UNKNOWN, until=row.unknown_until if still else None, is_open=still)


def _logged(subject: Model, what: What) -> list[Event]:
    of = ContentType.objects.get_for_model(subject, for_concrete_model=False)
    last = LogEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    entries = LogEntry.objects.filter(
        id__gt=last - _LOOKED_THROUGH, content_type=of, object_id=str(subject.pk)
    ).select_related("user")
    return [
        Event(
            entry.action_time,
            what,
            told=str(entry.get_change_message()) or str(entry.get_action_flag_display()),
            who=entry.user.get_username(),
        )
        for entry in entries.order_by("-id")[:_OF_EACH]
    ]
