"""Which of the reasons people are told of: what somebody has to act on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from thirdparty.observe.reasons import Reason, Seen, Severity, reasons

_LONGEST_CAUSE = 100


class Place(NamedTuple):
    """What tells one reason from another; the same place is the same alert."""

    code: str
    target: str
    kind: str
    cause: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One reason as people are told of it: without a word that a person has typed, and without a record's key."""

    place: Place
    sentence: str
    count: int | None
    since: datetime | None
    link: str


def standing_now(seen: Seen) -> dict[Place, Condition]:
    """Each reason that somebody has to act on now."""
    found = [_condition(reason) for reason in reasons(seen) if reason.severity is Severity.ACT]
    return {condition.place: condition for condition in found}


def _condition(reason: Reason) -> Condition:
    place = Place(reason.code, reason.target, reason.kind, reason.cause[:_LONGEST_CAUSE])
    # Who paused a target, and why, was typed by a person, and may name others.
    sentence = _("A person has paused it.") if reason.code == "paused" else reason.sentence
    link = reason.link.url if reason.link is not None else ""
    return Condition(place, sentence, reason.count, reason.since, link)
