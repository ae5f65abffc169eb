"""What would be sent to a target if all of it went now: by the declarations as this process has them, with nothing written.

For a changed mapping or scope (before its triggers are there), another role mapping, a target that is resumed, a backfill.
What the target holds is known from what was acknowledged (`Record.sent`), or asked of the target itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from thirdparty import store, targets
from thirdparty.connectors.base import RemoteObject
from thirdparty.connectors.errors import TargetError
from thirdparty.decide import sent
from thirdparty.decide.brake import HELD_BY_BRAKE, Change
from thirdparty.decide.compare import not_told
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.plan import Call, parting
from thirdparty.decide.sample import WHOLE_PERCENT, in_sample
from thirdparty.decide.sent import Hashes
from thirdparty.declaration import Unmappable, of_kind
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.declaration.registry import declared_for
from thirdparty.models import Record
from thirdparty.observe import inquiry
from thirdparty.observe.cost import CALLS_OF_AN_ADD, at_the_allowed_rate
from thirdparty.protect import brake
from thirdparty.run import destruction, payloads
from thirdparty.run.renaming import is_renamed
from thirdparty.run.replacing import is_replaced
from thirdparty.settings import settings

ADD, UPDATE, DEACTIVATE, DELETE, LEAVE, NOTHING = "add", "update", "deactivate", "delete", "leave", "nothing"
UNMAPPABLE, WAITS, PARKED, NOT_KNOWN = "unmappable", "waits", "parked", "not_known"
KINDS_OF_OUTCOME = (ADD, UPDATE, DEACTIVATE, DELETE, LEAVE, NOTHING, UNMAPPABLE, WAITS, PARKED, NOT_KNOWN)
"""``not_known``: it would be pushed, or read first, and what that changes cannot be told. ``leave``: its object has left, and nothing is sent for it. ``parked``: nothing, until a person acts."""
EXAMPLES_SHOWN = 5
_AT_ONCE = 500
_ASKED_AT_ONCE = 10
_ASKED_AGAIN_SECONDS = 0.2
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Example:
    """One record: by its key, and the names of the fields that would change; no values."""

    key: str
    outcome: str
    fields: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Preview:
    """``counts``: by outcome, of the records that were looked at; ``fields``: how many updates change each; ``changes``: what
    the brake would count. ``share``: how many of a hundred were looked at, and ``calls`` and ``seconds`` are of all; ``seconds`` is None
    without a rate. ``brake``: why the brake would stop it; empty where it would not.
    """

    target: str
    looked_at: int
    share: float
    asked: bool
    counts: Mapping[str, int]
    fields: Mapping[str, int]
    changes: Mapping[str, int]
    examples: tuple[Example, ...]
    calls: int
    rate_per_second: float | None
    seconds: float | None
    brake: str

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def preview(
    target: str,
    *,
    kind: str = "",
    percent: float = WHOLE_PERCENT,
    ask: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Preview:
    """What would be sent to this target now. Reads every record, or of each hundred so many, always the same ones.

    ``ask``: have the target asked what it holds of each, one call at a time, as its rate allows. Writes nothing, but for that
    the guard is told how those calls ended. ``progress`` is called from time to time with how many of how many records are passed.
    """
    tally = _Tally(target, percent, ask=ask)
    kinds = [declaration.kind for declaration in declared_for(target) if kind in ("", declaration.kind)]
    total = Record.objects.filter(target=target, kind__in=kinds).count()
    at_once = _ASKED_AT_ONCE if ask else _AT_ONCE
    for each in kinds:
        for rows in (_records(target, each), _without_record(target, each)):
            for batch in _batches(rows, at_once):
                tally.look_at(batch)
                progress(tally.passed, max(total, tally.passed))
    return tally.result()


class _Tally:
    def __init__(self, target: str, percent: float, *, ask: bool) -> None:
        self._target = target
        self._percent = percent
        self._ask = ask
        self._leaving = targets.config(target).leaving
        self._days_over: set[str] = set()
        self.passed = 0
        self._counts = Counter[str](dict.fromkeys(KINDS_OF_OUTCOME, 0))
        self._fields = Counter[str]()
        self._changes = Counter[str]()
        self._examples: dict[str, list[Example]] = {}

    def look_at(self, rows: Sequence[Record]) -> None:
        self.passed += len(rows)
        chosen = [row for row in rows if in_sample(row.key, self._percent)]
        goals = payloads.read(self._target, chosen)
        self._days_over = store.leaving.days_over([row.key for row in chosen], self._leaving)
        for row in chosen:
            self._note(row, goals[row.key])

    def _note(self, row: Record, goal: payloads.Desired) -> None:
        outcome, fields, change, note = self._outcome(row, goal)
        self._counts[outcome] += 1
        self._fields.update(fields)
        if change is not None:
            self._changes[change.value] += 1
        examples = self._examples.setdefault(outcome, [])
        if outcome != NOTHING and len(examples) < EXAMPLES_SHOWN:
            examples.append(Example(row.key, outcome, fields, note))

    def _outcome(self, row: Record, goal: payloads.Desired) -> tuple[str, tuple[str, ...], Change | None, str]:
        if row.parked and row.parked != HELD_BY_BRAKE:
            return PARKED, (), None, row.parked
        if isinstance(goal.obstacle, WaitsFor):
            return WAITS, (), None, goal.obstacle.message
        if goal.obstacle is not None:
            obstacle = goal.obstacle
            return UNMAPPABLE, (), None, obstacle.message if isinstance(obstacle, Unmappable) else obstacle
        there, known = self._held(row, goal.obj)
        if goal.obj is None:
            return self._parting(row, known) if there and row.adopted != TRUST else (NOTHING, (), None, "")
        if not there:
            return ADD, (), None, ""
        return self._pushed(row, goal.obj, known)

    def _pushed(
        self, row: Record, wanted: RemoteObject, known: Hashes | None
    ) -> tuple[str, tuple[str, ...], Change | None, str]:
        """What becomes of a record that is there, and whose object is wanted there."""
        renamed = ("key",) if is_renamed(row, row.wanted_key) else ()
        if is_replaced(row, row.wanted_key):
            return DELETE, (), Change.DELETE, "its natural key has changed: it is added anew under the new one"
        if known is None:
            return NOT_KNOWN, (), None, ""
        connector = targets.connector(self._target, row.kind)
        key = settings.hash_key()
        fields = (*renamed, *sent.changed(known, sent.hashes(wanted.payload, connector.comparable, key)))
        if not fields:
            return NOTHING, (), None, ""
        kept = sent.written(known, key)
        change = destruction.effect(Call.UPDATE, wanted, kept, connector, renames=bool(renamed)).change
        return UPDATE, fields, change, ""

    def _parting(self, row: Record, known: Hashes | None) -> tuple[str, tuple[str, ...], Change | None, str]:
        """What becomes of a record of ours whose object has left."""
        call = parting(self._leaving, days_over=row.key in self._days_over)
        if call is Call.LEAVE:
            return (NOTHING if row.left_at is not None else LEAVE), (), None, ""
        if call is Call.DELETE:
            return DELETE, (), Change.DELETE, ""
        key, connector = settings.hash_key(), targets.connector(self._target, row.kind)
        kept = None if known is None else sent.written(known, key)
        change = destruction.effect(call, None, kept, connector).change
        stays = change is None and row.left_at is not None
        return (NOTHING, (), None, "") if stays else (DEACTIVATE, (), change, "")

    def _held(self, row: Record, wanted: RemoteObject | None) -> tuple[bool, Hashes | None]:
        """Whether the target holds it, and what of it, as far as is known."""
        there, key = row.remote_id is not None, settings.hash_key()
        if not self._ask or not there:
            return there, sent.read(row.sent, key)
        try:
            found = _asked(row)
        except (TargetError, inquiry.NotAsked):
            return there, None
        if found is None:
            return False, None
        comparable = targets.connector(self._target, row.kind).comparable
        given = sent.names(row.sent)
        only = {*comparable(wanted.payload), *given} if wanted is not None else None
        held = sent.hashes(found.payload, comparable, key, only=only)
        known, untold = sent.read(row.sent, key) or {}, not_told(found.payload, comparable, given)
        return True, sent.besides({**held, **{name: known[name] for name in untold if name in known}}, untold)

    def result(self) -> Preview:
        looked_at = sum(self._counts.values())
        # Of a small target, a sample is never just its percentage.
        whole = self.passed / looked_at if looked_at else 0.0
        # What is taken away is looked at first.
        of_removal = 2 if targets.config(self._target).capabilities.query else 1
        of_each = {ADD: CALLS_OF_AN_ADD, UPDATE: 1, NOT_KNOWN: 1, DEACTIVATE: of_removal, DELETE: of_removal}
        calls = round(sum(self._counts[outcome] * each for outcome, each in of_each.items()) * whole)
        rate, seconds = at_the_allowed_rate(self._target, calls)
        return Preview(
            target=self._target,
            looked_at=looked_at,
            share=self._percent,
            asked=self._ask,
            counts=dict(self._counts),
            fields=dict(self._fields.most_common()),
            changes=dict(self._changes),
            examples=tuple(example for some in self._examples.values() for example in some),
            calls=calls,
            rate_per_second=rate,
            seconds=seconds,
            brake=brake.forecast(self._target, round(sum(self._changes.values()) * whole)),
        )


def _asked(row: Record) -> Any:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return inquiry.held(row)
        except inquiry.NotAsked:
            if time.monotonic() >= until:
                raise
            time.sleep(_ASKED_AGAIN_SECONDS)


def _records(target: str, kind: str) -> Iterator[Record]:
    rows = Record.objects.filter(target=target, kind=kind).defer("last_error").order_by("key")
    after = ""
    while page := list(rows.filter(key__gt=after)[:_AT_ONCE]):
        yield from page
        after = page[-1].key


def _without_record(target: str, kind: str) -> Iterator[Record]:
    """What a scope that is wider now brings in: objects that the target has no record of, as records that are not kept."""
    declaration = of_kind(kind)
    objects = declaration.in_scope().order_by("pk")
    after: Any = None
    while page := list((objects if after is None else objects.filter(pk__gt=after))[:_AT_ONCE]):
        refs = {declaration.ref_of(each): declaration.key_of(each) for each in page}
        known = set(Record.objects.filter(key__in=[ref.key(target) for ref in refs]).values_list("key", flat=True))
        for ref, key in refs.items():
            if ref.key(target) not in known:
                yield Record(
                    key=ref.key(target), target=target, kind=kind, object_id=ref.object_id, natural_key=key, parked="",
                    adopted="",
                )  # fmt: skip
        after = page[-1].pk


def _batches(rows: Iterator[Record], at_once: int) -> Iterator[Sequence[Record]]:
    while batch := list(islice(rows, at_once)):
        yield batch
