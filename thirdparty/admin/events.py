"""The timeline of a record, as its card shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from thirdparty.admin.badge import badge, call_in_words, outcome_badge
from thirdparty.models import Attempt
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.timeline import Event, What


@dataclass(frozen=True, slots=True)
class Shown:
    """One event: a coloured word, and what there is to say of it."""

    event: Event
    badge: SafeString
    said: str


def shown(events: list[Event]) -> list[Shown]:
    """Each of them, in words."""
    return [Shown(event, _badge(event), _said(event)) for event in events]


def _badge(event: Event) -> SafeString:
    match event.what:
        case What.SAVE:
            return badge(_("saved"), "info")
        case What.OWED:
            return badge(_("owed"), "warning")
        case What.DECISION:
            return badge(_("decision"), "info")
        case What.UNKNOWN:
            return badge(_("unknown"), "doubt")
        case _:
            assert event.attempt is not None  # noqa: S101  # for the type checker: such an event has one
            return outcome_badge(event.attempt)


def _said(event: Event) -> str:
    if event.attempt is not None:
        return _of_attempt(event.attempt)
    if event.what is What.UNKNOWN:
        return (
            _("nobody can know yet what the target holds")
            if event.is_open
            else _("nobody could know what the target held")
        )
    if event.what is What.OWED:
        return message_in_words(event.told) or _("the first change that is not acknowledged yet")
    return _(": ").join(filter(None, (event.who, message_in_words(event.told))))


def _of_attempt(attempt: Attempt) -> str:
    given: dict[str, Any] = {"call": call_in_words(attempt.call), "generation": attempt.generation}
    return _(": ").join(filter(None, (_("%(call)s of generation %(generation)s") % given, answer(attempt))))


def answer(attempt: Attempt) -> str:
    """What came of it: its reason, the message, and the HTTP status unless the reason is that."""
    said = ": ".join(part for part in (attempt.reason, message_in_words(attempt.message)) if part)
    if attempt.http_status is None or attempt.reason == f"http_{attempt.http_status}":
        return said
    return f"{said} (HTTP {attempt.http_status})".strip()
