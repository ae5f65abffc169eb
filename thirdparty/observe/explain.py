"""Why is this record not in sync? One answer, for admin, API and command line alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from thirdparty import protect, targets
from thirdparty.connectors.base import RemoteObject, fields_of
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.compare import FieldDifference
from thirdparty.declaration import Unmappable, is_declared, of_kind
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.models import Attempt, Finding, Record, Ref
from thirdparty.models.record import State
from thirdparty.observe import audits, inquiry
from thirdparty.observe.differing import found_otherwise
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.moments import exactly
from thirdparty.observe.obstacles import obstacles, stopped
from thirdparty.observe.reasons.of_records import remedy
from thirdparty.run import payloads

ATTEMPTS_SHOWN = 10
_NOT_ASKED = gettext_lazy("the target was not asked")


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one record. Times are aware; ``None`` means there is none.

    ``wanted``: what the target is to hold, None for no record, or where that cannot be said: ``wanted_note`` says why
    then. ``absence``: why no record is wanted, where none is, and until when one is left there all the same. ``remedy``: the page where what it failed for is mended, if that
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
    why_stopped, goes_on_at = stopped(row.target, now)
    waits = row.due_at is not None and (why_stopped is None or goes_on_at is not None)
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
        absence=_("; ").join(filter(None, (_absence(row), _left(row)))) if wanted is None and not wanted_note else "",
        remedy=_remedy(row),
        difference=difference,
        difference_note=difference_note,
        owed_since=row.owed_since,
        synced_at=row.synced_at,
        next_try_at=max(filter(None, (row.due_at, now, row.leased_until, goes_on_at))) if waits else None,
        blocked_by=tuple(obstacles(row, why_stopped)),
        finding=audits.open_finding(row),
        last_error=row.last_error,
        failed_tries=row.failed_tries,
        attempts=tuple(Attempt.objects.filter(record=row).order_by("-id")[:ATTEMPTS_SHOWN]),
    )


def _obstacle(row: Record, obstacle: Unmappable | WaitsFor | str | None) -> str:
    if obstacle is None:
        return ""
    if isinstance(obstacle, (Unmappable, WaitsFor)):
        return message_in_words(obstacle.message)
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


def _left(row: Record) -> str:
    if row.state != State.LEFT or row.left_at is None:
        return ""
    leaving = targets.config(row.target).leaving if row.target in targets.names() else Leaving()
    inactive = leaving.on_leave is OnLeave.DEACTIVATE
    given = {"since": exactly(row.left_at)}
    if leaving.delete_after_days is None:
        sentence = (
            _("its record has been inactive there since %(since)s")
            if inactive
            else _("its record has been left there since %(since)s")
        )
        return sentence % given
    given["until"] = exactly(row.left_at + timedelta(days=leaving.delete_after_days))
    sentence = (
        _("its record has been inactive there since %(since)s, and is deleted on %(until)s")
        if inactive
        else _("its record has been left there since %(since)s, and is deleted on %(until)s")
    )
    return sentence % given


def _remedy(row: Record) -> str:
    page = remedy(row.kind, row.parked or row.cause)
    return page.url if page is not None else ""


def _difference(row: Record, wanted: RemoteObject | None) -> tuple[tuple[FieldDifference, ...] | None, str]:
    try:
        found = inquiry.held(row, polled=True)
    except inquiry.NotAsked as why:
        return None, f"{_NOT_ASKED}: {message_in_words(str(why))}"
    except CapabilityMissing:
        return None, _("the target cannot be queried")
    except TargetError as error:
        return None, _("the target did not say: %(error)s") % {"error": message_in_words(str(error))}
    return found_otherwise(row, wanted, found), ""
