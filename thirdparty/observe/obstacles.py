"""What keeps one record from being pushed now: its target, the brake, another record, a worker, a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from thirdparty import protect, store, targets
from thirdparty.capture import versions
from thirdparty.declaration.at_target import UNDECLARED
from thirdparty.declaration.json_values import NOT_JSON
from thirdparty.declaration.unwatched import UNWATCHED
from thirdparty.models import BrakeEntry, Record, StrictWrite, Target
from thirdparty.models.record import State
from thirdparty.models.strict_write import Action
from thirdparty.observe.changes import would
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.moments import exactly, time_of_day
from thirdparty.protect import brake

DECLARATION_AT_FAULT = frozenset({NOT_JSON, UNDECLARED, UNWATCHED})
"""Parked for what only a change of the code mends."""

_ACTIONS = {
    Action.CREATE: gettext_lazy("create"),
    Action.UPDATE: gettext_lazy("update"),
    Action.DELETE: gettext_lazy("delete"),
}


def stopped(target_name: str, now: datetime) -> tuple[str | None, datetime | None]:
    """Why nothing at all goes to this target, None where things go; and when that ends by itself, if it does."""
    target = Target.objects.filter(name=target_name).first()
    if target is None or target_name not in targets.names():
        sentence = _("target %(name)s is away: SYNC_TARGETS does not name it; what changes goes on being owed")
        return sentence % {"name": target_name}, None
    if not target.enabled:
        sentence = _(
            "target %(name)s is %(standing)s, though SYNC_TARGETS names it here: "
            "restart a worker that names it, or run manage.py migrate"
        )
        return sentence % {"name": target_name, "standing": str(target.standing.label).lower()}, None
    standing = protect.summary(target)
    if standing["paused"]:
        given = {"name": target_name, "why": message_in_words(standing["paused_reason"]) or _("no reason given")}
        return _("target %(name)s is paused: %(why)s") % given, None
    if target.blocked_until is not None and target.blocked_until > now:
        why = _("it asked for a pause")
        if target.breaker_reason:
            why = _("its breaker is open (%(why)s)") % {"why": message_in_words(target.breaker_reason)}
        given = {"name": target_name, "until": time_of_day(target.blocked_until), "why": why}
        return _("target %(name)s gets nothing until %(until)s: %(why)s") % given, target.blocked_until
    return None, None


def _parked(row: Record) -> str:
    # The last error begins with the cause as a rule: once is enough.
    said = message_in_words(row.last_error.removeprefix(f"{row.parked}: "))
    given = {"cause": row.parked, "message": said or _("no message")}
    if row.parked in DECLARATION_AT_FAULT:
        return _("parked (%(cause)s): %(message)s; mend the declaration and raise its version") % given
    return _("parked (%(cause)s): %(message)s; edit the object or retry by hand") % given


def obstacles(row: Record, stopped: str | None) -> list[str]:
    """A sentence for each thing that keeps the record from being pushed now, its own first. ``stopped``: why nothing goes to its target."""
    reasons = [*_own(row), *filter(None, [stopped])]
    if (differing := versions.difference_of(row.kind)) is not None:
        reasons.append(differing.in_words)
    if row.waits_for is not None or row.held_by is not None:
        given = {"key": row.waits_for or row.held_by or "", "why": message_in_words(row.last_error)}
        reasons.append(_("it waits for record %(key)s: %(why)s") % given)
    standing = StrictWrite.objects.of(row.ref).first()
    if standing is not None:
        given = {"action": _ACTIONS[Action(standing.action)], "until": time_of_day(standing.expires_at)}
        reasons.append(_("a strict %(action)s waits for the targets, until %(until)s at most") % given)
    if row.state == State.IN_FLIGHT:
        reasons.append(_("a worker holds it until %(until)s at the latest") % {"until": time_of_day(row.leased_until)})
    holder = store.key_holder(row)
    if holder is not None:
        reasons.append(_key_held_by(holder, row))
    return reasons


def _own(row: Record) -> Iterator[str]:
    """Why it would wait whatever became of its target."""
    if row.state == State.HELD:
        yield _held(row)
    elif row.state == State.REJECTED:
        yield _rejected(row)
    elif row.parked:
        yield _parked(row)
    elif row.state == State.UNKNOWN:
        sentence = _("an unanswered request may take effect until %(until)s; then it is read back")
        yield sentence % {"until": time_of_day(row.unknown_until)}


def _key_held_by(holder: Record, row: Record) -> str:
    given = {"key": holder.key, "natural_key": repr(store.key_to_hold(row))}
    if _is_circle(row, holder):
        return (
            _(
                "record %(key)s holds the natural key %(natural_key)s at the target, and is itself to have one that waits for this "
                "record's: give one of the objects another key, and once that has come to the target, the one that it is to have"
            )
            % given
        )
    if holder.state != State.LEFT:
        return _("record %(key)s still holds the natural key %(natural_key)s at the target") % given
    return (
        _(
            "record %(key)s still holds the natural key %(natural_key)s at the target: its object has left, and the "
            "target's policy leaves it there"
        )
        % given
    )


def _is_circle(row: Record, holder: Record) -> bool:
    """Whether who holds the key waits for another one's, and so on, back to this one's."""
    seen = {holder.key}
    following = store.key_holder(holder)
    while following is not None and following.key not in seen:
        if following.key == row.key:
            return True
        seen.add(following.key)
        following = store.key_holder(following)
    return False


def _held(row: Record) -> str:
    known = brake.standing(row.target)
    entry = BrakeEntry.objects.filter(record=row.key, held=True).first()
    parts = [_("held by the brake of target %(target)s")]
    if entry is not None:
        parts.append(_("as %(would)s"))
    if row.caused_by:
        parts.append(_("caused by %(cause)s"))
    given = {
        "target": row.target,
        "would": would(entry.change) if entry is not None else "",
        "cause": message_in_words(row.caused_by),
        "since": exactly(known.latched_at) if known.latched_at is not None else "",
        "why": message_in_words(known.reason),
    }
    if known.latched:
        standing = _(
            "the brake has been on since %(since)s, %(why)s; a person decides: manage.py sync release %(target)s"
        )
    else:
        standing = _("the brake is off by now: the reconciler takes it up")
    return _("; ").join((_(", ").join(parts) % given, standing % given))


def _rejected(row: Record) -> str:
    sentence = _(
        "rejected by a person%(who)s: what is here and what is there differ on purpose, until the object is edited again"
    )
    said = row.last_error.removeprefix(f"{row.parked}: ")
    return sentence % {"who": f" ({message_in_words(said)})" if said else ""}
