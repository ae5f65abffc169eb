"""What a person decides about what the brake of a target holds: see the plan, then let it go, or leave it as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from thirdparty import audit_log, permissions, protect
from thirdparty.decide.brake import Change, words
from thirdparty.models import Brake, BrakeDecision, BrakeEntry, Record, Target
from thirdparty.models.record import State
from thirdparty.notify import hints
from thirdparty.permissions import SEE_RECORDS, Account, Right
from thirdparty.protect import brake
from thirdparty.protect.brake import BrakeStanding
from thirdparty.store import braking, held
from thirdparty.store.dialect import dialect
from thirdparty.store.leaving import owed_change
from thirdparty.store.tables import BRAKE_ENTRIES, RECORDS

SHOWN = 100
_AT_ONCE = 500
_DECISIONS_SHOWN = 10


class NothingHeld(Exception):
    """There is nothing to decide about; the message says why."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the records; all where nothing is said. ``until``: only what was held or owed by then, as a page showed it."""

    keys: tuple[str, ...] = ()
    change: Change | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        chosen = [", ".join(self.keys)] if self.keys else []
        return "; ".join([*chosen, f"change {self.change}"] if self.change else chosen)


ALL = Selection()
NONE = Selection(keys=("",))


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record that waits for a person. ``held``: False for a deletion that is owed and that no worker has taken up yet."""

    key: str
    kind: str
    object_id: str
    natural_key: str
    generation: int
    change: str
    since: datetime | None
    held: bool
    caused_by: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go if it were released now. ``counts``: of each change; ``records``: the first of them, by their keys."""

    target: str
    as_of: datetime
    standing: BrakeStanding
    counts: Mapping[str, int]
    records: tuple[HeldRecord, ...]
    decisions: tuple[BrakeDecision, ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            "target": self.target, "as_of": self.as_of, "latched": self.standing.latched,
            "latched_at": self.standing.latched_at, "reason": self.standing.reason,
            "counts_at_latch": dict(self.standing.counts or {}), "total": self.total, "counts": dict(self.counts),
            "records": [asdict(record) for record in self.records],
            "decisions": [
                {"at": each.at, "who": each.who, "reason": each.reason, "rejected": each.rejected,
                 "selection": each.selection, "records": each.records, "counts": each.counts}
                for each in self.decisions
            ],
        }  # fmt: skip


def plan(target: str, selection: Selection = ALL, *, by: Account, shown: int = SHOWN) -> Plan:
    """Which records wait, for which change, since when. Raises `NotAllowed`."""
    permissions.require(by, *SEE_RECORDS)
    as_of = protect.clock()
    known = brake.standing(target)
    if not known.latched and not known.held:
        selection = NONE  # what is owed goes as it does
    decisions = tuple(BrakeDecision.objects.filter(target=target)[:_DECISIONS_SHOWN])
    return Plan(
        target, as_of, known, _counts(target, selection), tuple(_waiting(target, selection, limit=shown)), decisions
    )


def release(
    target: str, *, by: Any, reason: str, selection: Selection = ALL, progress: Callable[[int], None] = lambda _: None
) -> BrakeDecision:
    """Let these records go: each as it is wanted now, due at once; what changes it afterwards asks anew.

    The brake is off, and counts anew, once nothing is left that waits; ordinary deletions that are owed and were not yet
    held are let go with all others. Long lists go in batches, after each of which ``progress`` is called with how many are
    through by then; one that is stopped half-way is simply made again.
    Raises `NotAllowed`, and `NothingHeld`.
    """
    return _decide(target, by, reason, selection, progress, rejected=False)


def reject(
    target: str, *, by: Any, reason: str, selection: Selection = ALL, progress: Callable[[int], None] = lambda _: None
) -> BrakeDecision:
    """Leave these records as they are: they differ, here and there, on purpose, until they are changed again. As `release`."""
    return _decide(target, by, reason, selection, progress, rejected=True)


def _decide(  # noqa: PLR0913  # as its callers were told it
    target: str, by: Any, reason: str, selection: Selection, progress: Callable[[int], None], *, rejected: bool
) -> BrakeDecision:
    permissions.require(by, Right.RELEASE)
    known = brake.standing(target)
    if not known.latched and not known.held:
        raise NothingHeld(f"the brake of target {target} is off, and holds nothing")
    reason = reason.strip()
    if not reason:
        raise NothingHeld("say why: it is kept")
    if str(selection) and next(_waiting(target, selection, limit=1), None) is None:
        raise NothingHeld(f"the brake of target {target} holds nothing of that: {selection}")
    who = by.get_username()
    decision = BrakeDecision.objects.create(
        target=target, at=Now(), who=who[:150], reason=reason[:300], rejected=rejected, selection=str(selection)[:300]
    )
    through, after = 0, ""
    while batch := list(_waiting(target, selection, limit=_AT_ONCE, after=after)):
        _decide_some(decision, batch)
        through, after = through + len(batch), batch[-1].key
        progress(through)
    with transaction.atomic():
        _unlatch_if_nothing_waits(target, rejected=rejected)
        decision.refresh_from_db()
        audit_log.record(by, Target.objects.get(name=target), audit_log.CHANGE, _said(decision))
    hints.drain(target)
    return decision


def _who_and_why(decision: BrakeDecision) -> str:
    return f"{decision.who}, {decision.at.isoformat(timespec='seconds')}: {decision.reason}"


def _said(decision: BrakeDecision) -> str:
    did = "rejected" if decision.rejected else "released"
    which = f" ({decision.selection})" if decision.selection else ""
    return f"{did} {words(decision.counts)}{which} by {decision.who}: {decision.reason}"


@transaction.atomic
def _decide_some(decision: BrakeDecision, batch: Sequence[HeldRecord]) -> None:
    keys = [each.key for each in batch]
    # As they are once they are locked: one that was changed meanwhile is not what the plan showed.
    seen = {each.key: each for each in batch}
    rows = Record.objects.select_for_update().filter(key__in=keys).order_by("key")
    same = [row.key for row in rows if row.generation == seen[row.key].generation]
    decided = held.reject(same, _who_and_why(decision)) if decision.rejected else held.release(same)
    counts = Counter(decision.counts)
    counts.update(seen[key].change for key in decided)
    decision.records += len(decided)
    decision.counts = dict(counts)
    decision.save(update_fields=["records", "counts"])


def _unlatch_if_nothing_waits(target: str, *, rejected: bool) -> None:
    # The records first, then the brake: whoever claims does the same.
    braking.locked(target)
    # What a worker is about to hold would be taken up again once the brake is off: right after a release of all, not
    # after a rejection.
    about_to_be_held = rejected and held.being_held(target)
    if not about_to_be_held and not next(_waiting(target, ALL, limit=1), None):
        Brake.objects.filter(target=target).update(latched_at=None, reason="", counts={}, counted_from=Now())


def _from(selection: Selection, target: str, after: str) -> tuple[str, list[Any]]:
    change, since = _change(target), "COALESCE(e.at, s.owed_since)"
    parameters: list[Any] = [target, after]
    further = ""
    if selection.keys:
        further += f" AND s.key IN ({', '.join(['%s'] * len(selection.keys))})"
        parameters += selection.keys
    if selection.change is not None:
        further += f" AND {change} = %s"
        parameters.append(selection.change.value)
    if selection.until is not None:
        further += f" AND {since} <= %s"
        parameters.append(dialect(connection).timestamp(selection.until))
    return (
        f"FROM {RECORDS} s LEFT JOIN {BRAKE_ENTRIES} e ON e.record = s.key AND s.settled_state = '{State.HELD}' "
        f"WHERE s.target = %s AND s.key > %s AND (s.settled_state = '{State.HELD}' OR {braking.owed_removals(brake.leaving(target))}){further}"
    ), parameters


def _change(target: str) -> str:
    return f"COALESCE(e.change, {owed_change(dialect(connection), brake.leaving(target), 's')})"


def _waiting(target: str, selection: Selection, *, limit: int, after: str = "") -> Iterator[HeldRecord]:
    these, parameters = _from(selection, target, after)
    found = Record.objects.raw(
        "SELECT s.key, s.kind, s.object_id, s.natural_key, s.generation, s.state, s.owed_since, s.caused_by, "
        f"{_change(target)} AS change {these} ORDER BY s.key LIMIT %s",
        [*parameters, limit],
    )
    rows: list[Any] = list(found)
    held_at = dict(BrakeEntry.objects.filter(record__in=[row.key for row in rows]).values_list("record", "at"))
    for row in rows:
        is_held = row.state == State.HELD
        since = (held_at.get(row.key) if is_held else None) or row.owed_since
        yield HeldRecord(
            row.key,
            row.kind,
            row.object_id,
            row.natural_key,
            row.generation,
            row.change,
            since,
            is_held,
            row.caused_by,
        )


def _counts(target: str, selection: Selection) -> dict[str, int]:
    these, parameters = _from(selection, target, "")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT w.change, count(*) FROM (SELECT {_change(target)} AS change {these}) AS w GROUP BY w.change",
            parameters,
        )
        return dict(cursor.fetchall())
