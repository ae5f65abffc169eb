"""Owe records anew: after a result without a lease, for a backfill, after changes that may have gone unrecorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import OperationalError, connection, transaction

from thirdparty.decide.sample import is_chosen
from thirdparty.declaration import of_kind
from thirdparty.declaration.registry import is_declared
from thirdparty.declaration.source import Source
from thirdparty.models import Record
from thirdparty.models.key import kind_of
from thirdparty.models.record import State
from thirdparty.store.attempts import BACKFILL, NEW_VERSION, UNRECORDED, WRITES
from thirdparty.store.contention import is_contention, wait_briefly, within_reach
from thirdparty.store.dialect import dialect
from thirdparty.store.locking import lock
from thirdparty.store.tables import ATTEMPTS, RECORDS, TARGETS
from thirdparty.store.unparking import REJECTED, unless_rejected


def repair(keys: Sequence[str]) -> None:
    """Results came without a valid lease: they may have overwritten newer ones, so push again.

    One statement for each, or rows locked in this order could stand against a person's save.
    """
    db = dialect(connection)
    due_at = f"CASE WHEN parked = '' THEN {db.epoch} ELSE due_at END"
    owed = unless_rejected(due_at=due_at, owed_since=f"COALESCE(owed_since, {db.clock})")
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute(
                f"UPDATE {RECORDS} SET generation = generation + 1, {owed} WHERE key = %s",
                [key],
            )


@dataclass(frozen=True, slots=True)
class Why:
    """Why records are owed though they may be level.

    ``unrecorded``: changes may have gone unrecorded, of parked records too. ``backfill``: what the target holds may be
    gone, another's, or back though it was deleted. ``raised``: the kinds whose declaration has a new version, which what
    is parked may fit; those alone, unless there is another reason. ``sampled``: of which of them so many per cent alone.
    ``round``: of the target, to which this belongs: once another has begun, nothing is owed for this one any more.
    """

    unrecorded: bool = False
    backfill: bool = False
    raised: tuple[str, ...] = ()
    sampled: Mapping[str, float] = field(default_factory=dict)
    round: int | None = None

    def concerns(self, key: str) -> bool:
        """Whether this record is one of those."""
        return is_chosen(key, kind_of(key), self.sampled)

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """Those that are concerned; None for all."""
        return None if self.unrecorded or self.backfill else self.raised

    def __str__(self) -> str:
        if self.backfill:
            return BACKFILL
        return UNRECORDED if self.unrecorded or not self.raised else NEW_VERSION


def owe_again(keys: Sequence[str], why: Why) -> int:
    """Owe these records though they may be level, after everything that people wait for. Returns how many.

    A record whose object came or went without a record of it becomes what it should be. Else parked ones stay parked,
    unless a change of them may have gone unrecorded, or their declaration has changed; what a person rejected stands even
    then. Confirmed tombstones stay confirmed, unless a backfill looks whether the record is back: of those for which
    something was sent at some time. What was acknowledged long ago may be somebody else's by now, or back: such records,
    parked ones too, are read before anything is written to them.
    Waits for records that others hold.
    """
    with transaction.atomic():
        lock(keys)
        return _owe(keys, why)


@dataclass(frozen=True, slots=True)
class Walked:
    """A few records further: so many are owed now, up to the key ``to``; None where there are no more.

    ``left``: those up to there that somebody held, for `owe_left`. ``to`` is where it began, if no more may be left.
    """

    owed: int
    to: str | None
    left: tuple[str, ...] = ()


def owe_next(target: str, after: str, most: int, why: Why, *, most_left: int) -> Walked:
    """`owe_again` for the records of a target that come next, without those that somebody holds.

    While others' records are held here, none is waited for: so nobody waits for longer than the statements take.
    """
    with transaction.atomic():
        later = Record.objects.filter(target=target, key__gt=after).order_by("key")
        if why.kinds is not None:
            later = later.filter(kind__in=why.kinds)
        seen = list(later.values_list("key", flat=True)[:most])
        if not seen:
            return Walked(0, None)
        keys = [key for key in seen if why.concerns(key)]
        free = lock(keys, skip=True)
        within, held = within_reach(keys, free, most_left)
        owed = _owe([key for key in within if key in free], why)
        to = seen[-1] if len(within) == len(keys) else [after, *within][-1]
        return Walked(owed, to, tuple(held))


def owe_left(keys: Sequence[str], why: Why) -> tuple[int, list[str]]:
    """`owe_again` for those records that were left out and are free now. Returns how many, and who is held still.

    If none is free, the first is waited for alone: whoever is edited again and again is never seen free.
    """
    with transaction.atomic():
        free = lock(keys, skip=True)
        present = list(Record.objects.filter(key__in=keys).order_by("key").values_list("key", flat=True))
        if free or not present:
            return _owe(sorted(free), why), [key for key in present if key not in free]
    try:
        with transaction.atomic():
            wait_briefly(connection)
            return owe_again(present[:1], why), present[1:]
    except OperationalError as problem:
        if not is_contention(problem):
            raise
        return 0, present


def _owe(keys: Sequence[str], why: Why) -> int:
    by_kind: dict[str, list[str]] = {}
    for key in keys:
        by_kind.setdefault(kind_of(key), []).append(key)
    return sum(_owe_of(kind, some, why) for kind, some in by_kind.items() if is_declared(kind))


def _owe_of(kind: str, keys: Sequence[str], why: Why) -> int:
    # A statement of its own, once the locks are there: it sees the objects as whoever held the records has left them.
    # The generation of a record that is owed anyway is raised, too: it may be under way with what it was before.
    db, source = dialect(connection), Source(of_kind(kind), connection)
    these = f"FROM {source.table} u WHERE {source.is_object('u', f'{RECORDS}.object_id')}"
    here = f"EXISTS (SELECT 1 {these})"
    wanted = f"EXISTS (SELECT 1 {these} AND {source.in_scope('u')})"
    key_now = f"(SELECT CASE WHEN {source.in_scope('u')} THEN {source.natural_key('u')} ELSE '' END {these})"
    unseen = f"(CASE WHEN deleted THEN {wanted} ELSE NOT {here} END)"
    marks = ", ".join(["%s"] * len(keys))
    # A tombstone gives its natural key up when it is claimed; what was sent for it is remembered by its attempts then.
    sent = (
        f"(natural_key <> '' OR EXISTS (SELECT 1 FROM {ATTEMPTS} a WHERE a.record_id = key AND a.call IN ({WRITES})))"
    )
    looks = f"(remote_id IS NOT NULL OR {sent})" if why.backfill else "remote_id IS NOT NULL"
    anew = why.unrecorded or kind in why.raised
    freed = db.true if anew else unseen
    owed = f"(state <> '{State.DELETED}' OR {sent if why.backfill else db.false})"
    of_round = f"AND EXISTS (SELECT 1 FROM {TARGETS} t WHERE t.name = {RECORDS}.target AND t.round = %s)"
    round_given = [] if why.round is None else [why.round]
    parked_too = f"AND NOT ({REJECTED})" if anew else "AND parked = ''"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET look_first = {db.true} "
            f"WHERE key IN ({marks}) AND parked <> '' AND remote_id IS NOT NULL AND NOT look_first",
            list(keys),
        )
        cursor.execute(
            f"UPDATE {RECORDS} SET deleted = NOT {here}, wanted_key = COALESCE({key_now}, wanted_key), "
            f"due_at = COALESCE(due_at, {db.clock}), "
            f"generation = generation + 1, owed_since = COALESCE(owed_since, {db.clock}), caused_by = '{why}', "
            f"look_first = CASE WHEN {looks} THEN {db.true} ELSE look_first END, "
            f"parked = CASE WHEN {freed} THEN '' ELSE parked END "
            f"WHERE key IN ({marks}) AND ({unseen} OR ({owed} {parked_too})) {of_round if round_given else ''}",
            [*keys, *round_given],
        )
        return int(cursor.rowcount)
