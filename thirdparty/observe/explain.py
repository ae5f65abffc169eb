"""Why is this record not in sync? One answer, for admin, API and command line alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from thirdparty import protect, store, targets
from thirdparty.capture import versions
from thirdparty.connectors.base import RemoteObject, RemoteRecord, fields_of
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.connectors.identity import same_external_id
from thirdparty.decide.compare import FieldDifference, differences
from thirdparty.declaration import Unmappable, is_declared, of_kind
from thirdparty.declaration.at_target import UNDECLARED, WaitsFor
from thirdparty.declaration.json_values import NOT_JSON
from thirdparty.declaration.unwatched import UNWATCHED
from thirdparty.models import Attempt, BrakeDecision, BrakeEntry, Finding, Record, Ref, StrictWrite, Target
from thirdparty.models.record import State
from thirdparty.observe import audits, inquiry
from thirdparty.observe.changes import would
from thirdparty.observe.moments import exactly, time_of_day
from thirdparty.observe.reasons.of_records import remedy
from thirdparty.protect import brake
from thirdparty.run import payloads

ATTEMPTS_SHOWN = 10
DECLARATION_AT_FAULT = frozenset({NOT_JSON, UNDECLARED, UNWATCHED})
"""Parked for what only a change of the code mends."""
_NOT_ASKED = gettext_lazy("the target was not asked")


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one record. Times are aware; ``None`` means there is none.

    ``wanted``: what the target is to hold, None for no record, or where that cannot be said: ``wanted_note`` says why
    then. ``absence``: why no record is wanted, where none is. ``remedy``: the page where what it failed for is mended, if that
    is known. ``difference``: only where the target was asked; None means not asked or not answerable, and
    ``difference_note`` says why.
    ``blocked_by``: a sentence for each thing that keeps the record from being pushed now. ``finding``: what the last audit
    found of it, unless that is out of date.
    """

    key: str
    target: str
    kind: str
    object_id: str
    state: str
    generation: int
    synced_generation: int
    deleted: bool
    remote_id: str | None
    natural_key: str
    adopted: str
    wanted: RemoteObject | None
    wanted_note: str
    absence: str
    remedy: str
    difference: tuple[FieldDifference, ...] | None
    difference_note: str
    owed_since: datetime | None
    synced_at: datetime | None
    next_try_at: datetime | None
    blocked_by: tuple[str, ...]
    finding: Finding | None
    last_error: str
    failed_tries: int
    attempts: tuple[Attempt, ...]

    @property
    def wanted_fields(self) -> dict[str, Any]:
        """What the target is to hold, field by field; empty for no record."""
        return {"key": self.wanted.key, **fields_of(self.wanted.payload)} if self.wanted is not None else {}

    @property
    def audit_note(self) -> str:
        """What an audit found, as a sentence; empty for nothing."""
        return audits.sentence(self.finding) if self.finding is not None else ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, for JSON; attempts with the newest first."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        if (wanted := self.wanted) is not None:
            plain["wanted"] = {
                "external_id": wanted.external_id, "key": wanted.key, "payload": fields_of(wanted.payload),
            }  # fmt: skip
        plain["difference"] = None if self.difference is None else [asdict(item) for item in self.difference]
        plain["blocked_by"] = list(self.blocked_by)
        plain["finding"] = audits.finding_as_json(self.finding) if self.finding is not None else None
        plain["attempts"] = [
            {
                "call": attempt.call,
                "generation": attempt.generation,
                "started_at": attempt.started_at,
                "finished_at": attempt.finished_at,
                "outcome": attempt.outcome or "under way",
                "reason": attempt.reason,
                "message": attempt.message,
                "http_status": attempt.http_status,
            }
            for attempt in self.attempts
        ]
        return plain


def explain(ref: Ref, *, target: str = "", ask_target: bool = False) -> list[Explanation]:
    """The explanation of each of an object's records, or of that at ``target``; works while a tombstone stands, too.

    ``ask_target`` has each target asked what it holds, if it may be (`thirdparty.observe.inquiry`), and fills ``difference``; not
    to be used inside a transaction then.
    """
    rows = Record.objects.of(ref).order_by("target")
    if target:
        rows = rows.filter(target=target)
    return [_explain(row, ask_target=ask_target) for row in rows]


def _explain(row: Record, *, ask_target: bool) -> Explanation:
    desired = payloads.prepared(row.key, partial(payloads.read_wanted, row.ref, row.target, row.natural_key))
    wanted, wanted_note = desired.obj, _obstacle(row, desired.obstacle)
    difference, difference_note = None, wanted_note or str(_NOT_ASKED)
    if ask_target and not wanted_note:
        difference, difference_note = _difference(row, wanted)
    now = protect.clock()
    stopped, goes_on_at = _stopped(row.target, now)
    waits = row.due_at is not None and (stopped is None or goes_on_at is not None)
    return Explanation(
        key=row.key,
        target=row.target,
        kind=row.kind,
        object_id=row.object_id,
        state=row.state,
        generation=row.generation,
        synced_generation=row.synced_generation,
        deleted=row.deleted,
        remote_id=row.remote_id,
        natural_key=row.natural_key,
        adopted=row.adopted,
        wanted=wanted,
        wanted_note=wanted_note,
        absence=_absence(row) if wanted is None and not wanted_note else "",
        remedy=_remedy(row),
        difference=difference,
        difference_note=difference_note,
        owed_since=row.owed_since,
        synced_at=row.synced_at,
        next_try_at=max(filter(None, (row.due_at, now, goes_on_at))) if waits else None,
        blocked_by=tuple(_blocked_by(row, stopped)),
        finding=audits.open_finding(row),
        last_error=row.last_error,
        failed_tries=row.failed_tries,
        attempts=tuple(Attempt.objects.filter(record=row).order_by("-id")[:ATTEMPTS_SHOWN]),
    )


def _obstacle(row: Record, obstacle: Unmappable | WaitsFor | str | None) -> str:
    if obstacle is None:
        return ""
    if isinstance(obstacle, (Unmappable, WaitsFor)):
        return obstacle.message
    if not is_declared(row.kind):
        return _("nothing of the kind %(kind)s is declared any more") % {"kind": row.kind}
    return _("what is wanted cannot be made: the declaration of %(kind)s fails with %(error)s") % {
        "kind": row.kind,
        "error": obstacle,
    }


def _absence(row: Record) -> str:
    if row.deleted:
        return _("it is gone here")
    declaration = of_kind(row.kind)
    found = declaration.load([row.object_id]).get(row.object_id)
    if found is None:
        return _("it is not among those that its declaration sends")
    return declaration.why_absent(found)


def _remedy(row: Record) -> str:
    page = remedy(row.kind, row.parked or row.cause)
    return page.url if page is not None else ""


def _stopped(target_name: str, now: datetime) -> tuple[str | None, datetime | None]:
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
        return sentence % {"name": target_name, "standing": target.standing}, None
    standing = protect.summary(target)
    if standing["paused"]:
        given = {"name": target_name, "why": standing["paused_reason"] or _("no reason given")}
        return _("target %(name)s is paused: %(why)s") % given, None
    if target.blocked_until is not None and target.blocked_until > now:
        why = _("it asked for a pause")
        if target.breaker_reason:
            why = _("its breaker is open (%(why)s)") % {"why": target.breaker_reason}
        given = {"name": target_name, "until": time_of_day(target.blocked_until), "why": why}
        return _("target %(name)s gets nothing until %(until)s: %(why)s") % given, target.blocked_until
    return None, None


def _parked(row: Record) -> str:
    given = {"cause": row.parked, "message": row.last_error or _("no message")}
    if row.parked in DECLARATION_AT_FAULT:
        return _("parked (%(cause)s): %(message)s; mend the declaration and raise its version") % given
    return _("parked (%(cause)s): %(message)s; edit the object or retry by hand") % given


def _blocked_by(row: Record, stopped: str | None) -> list[str]:
    reasons = [stopped] if stopped is not None else []
    if (differing := versions.difference_of(row.kind)) is not None:
        reasons.append(differing.in_words)
    if row.state == State.HELD:
        reasons.append(_held(row))
    elif row.state == State.REJECTED:
        reasons.append(_rejected(row))
    elif row.parked:
        reasons.append(_parked(row))
    if row.waits_for is not None or row.held_by is not None:
        given = {"key": row.waits_for or row.held_by or "", "why": row.last_error}
        reasons.append(_("it waits for record %(key)s: %(why)s") % given)
    standing = StrictWrite.objects.of(row.ref).first()
    if standing is not None:
        given = {"action": standing.action, "until": time_of_day(standing.expires_at)}
        reasons.append(_("a strict %(action)s waits for the targets, until %(until)s at most") % given)
    if row.state == State.IN_FLIGHT:
        reasons.append(_("a worker holds it until %(until)s at the latest") % {"until": time_of_day(row.leased_until)})
    if row.state == State.UNKNOWN:
        reasons.append(
            _("an unanswered request may take effect until %(until)s; then it is read back")
            % {"until": time_of_day(row.unknown_until)}
        )
    holder = store.key_holder(row)
    if holder is not None:
        given = {"key": holder.key, "natural_key": repr(holder.natural_key)}
        reasons.append(_("record %(key)s still holds the natural key %(natural_key)s at the target") % given)
    return reasons


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
        "cause": row.caused_by,
        "since": exactly(known.latched_at) if known.latched_at is not None else "",
        "why": known.reason,
    }
    if known.latched:
        standing = _(
            "the brake has been on since %(since)s, %(why)s; a person decides: manage.py sync release %(target)s"
        )
    else:
        standing = _("the brake is off by now: the reconciler takes it up")
    return _("; ").join((_(", ").join(parts) % given, standing % given))


def _rejected(row: Record) -> str:
    decision = BrakeDecision.objects.filter(target=row.target, rejected=True).first()
    sentence = _(
        "rejected by a person%(who)s: what is here and what is there differ on purpose, until the object is edited again"
    )
    who = f" ({decision.who}, {exactly(decision.at)}: {decision.reason})" if decision is not None else ""
    return sentence % {"who": who}


def _difference(row: Record, wanted: RemoteObject | None) -> tuple[tuple[FieldDifference, ...] | None, str]:
    try:
        found = inquiry.held(row, polled=True)
    except inquiry.NotAsked as why:
        return None, f"{_NOT_ASKED}: {why}"
    except CapabilityMissing:
        return None, _("the target cannot be queried")
    except TargetError as error:
        return None, _("the target did not say: %(error)s") % {"error": error}
    if found is None or wanted is None:
        both_absent = found is None and wanted is None
        here, there = ("present" if side is not None else "absent" for side in (wanted, found))
        return (() if both_absent else (FieldDifference("record", here, there),)), ""
    comparable = targets.connector(row.target, row.kind).comparable
    return (*_of_identity(wanted, found), *differences(wanted.payload, found.payload, comparable)), ""


def _of_identity(wanted: RemoteObject, found: RemoteRecord) -> Iterator[FieldDifference]:
    if not same_external_id(wanted.external_id, found.external_id):
        yield FieldDifference("external_id", wanted.external_id, found.external_id)
    if wanted.key != found.key:
        yield FieldDifference("key", wanted.key, found.key)
