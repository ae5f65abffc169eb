"""Every crash that is tried: where, how, at which write, and what the target had made of the request."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from typing import Any, Self

from tests.chaos.crash.order import Action, Order

OPERATIONS = ("add", "update", "delete", "rename")
"""``rename``: an update that changes the natural key as well."""
REPLACING = ("delete", "add")
"""The writes of a rename where a declaration has its records replaced."""
PLACES = {
    "save": ("uncommitted", "committed", "unpublished", "published"),
    "push": (
        "unclaimed",
        "claiming",
        "claimed",
        "unsent",
        "written",
        "answered",
        "unsettled",
        "settling",
        "settled",
        "unacknowledged",
    ),
    "drain": (
        "unclaimed",
        "claiming",
        "claimed",
        "unsent",
        "written",
        "answered",
        "unsettled",
        "settling",
        "settled",
        "unacknowledged",
    ),
    "confirm": ("claiming", "claimed", "unsent", "written", "answered", "unsettled", "settling", "settled"),
    "verify": ("claiming", "unsent", "written", "answered", "settling", "settled"),
    "recheck": ("claiming", "unsent", "written", "answered", "settling", "settled"),
    "reconcile": ("unselected", "selected", "published"),
}
"""The steps in their order. DESCRIPTIONS says what each means."""
DESCRIPTIONS = {
    "save uncommitted": "the object is written, the transaction open",
    "save committed": "committed, the hook not run",
    "save unpublished": "the hook runs, nothing published yet",
    "save published": "the broker has the message",
    "push unclaimed": "a worker has the message, the claim's transaction is open",
    "push claiming": "lease and attempt are written, not committed",
    "push claimed": "lease and attempt committed, nothing sent",
    "push unsent": "inside the connector, past the lease check, nothing sent",
    "push written": "the request is out, no answer read",
    "push answered": "the answer is read",
    "push unsettled": "the answer is judged, nothing written",
    "push settling": "the settlement is written, not committed",
    "push settled": "the settlement is committed",
    "push unacknowledged": "the task is done, its message not acknowledged",
    "confirm claimed": "lease and attempt committed, nothing asked",
    "confirm unsettled": "the answer is judged, nothing written",
    "reconcile unselected": "a tick is about to select the record",
    "reconcile selected": "found, no hint published",
    "reconcile published": "the hint is published, the tick goes on",
}
FATES = {"applied": "", "lost": "cut", "late": "late_apply", "refused": "503", "unheard": "apply_then_500"}
"""What the target makes of the write, and the sandbox's fault for it. ``lost``: never applied, no answer;
``late``: applied after the crash; ``refused``: not applied and said so; ``unheard``: applied, answered 500."""
_UNANSWERED = FATES | {"applied": "apply_then_cut"}
_IN_ONE_PROCESS = (Action.KILL, Action.TERMINATE, Action.FREEZE, Action.RAISE)
_OF_A_WORKER = (Action.KILL_WORKER, Action.TERMINATE_WORKER, Action.FREEZE_WORKER)
_OF_A_RENAME = {
    "kept": ("push", "drain"),
    "replaced": ("push", "drain"),
    "renamed": ("push", "drain", "confirm", "recheck"),
}
"""The phases in which a rename is tried: an update that changes the key may be in doubt, and looked at before."""
_AFTER_AN_ANSWER = ("answered", "unsettled", "settling", "settled", "unacknowledged")
_IN_A_TRANSACTION = (("save", "uncommitted"), ("push", "unclaimed"), ("drain", "unclaimed"))


_LOOKS_A_DAY, _FAULTY_A_DAY, _SAVES_A_DAY, _SOUND_A_DAY = 2, 3, 2, 4
DAYS_OF_SAMPLES = 250
"""For each of a use's records; then all have been had."""
_MIXED = 7
"""Any number."""


@dataclass(frozen=True, slots=True)
class Case:
    """One crash. ``fate``: of the write; for verify and recheck of the unanswered one before; empty where none is out.
    ``record``: which of the object's records, where it has several. ``call``: at which write, where there are several.
    """

    phase: str
    place: str
    action: Action
    operation: str
    fate: str = ""
    record: str = ""
    call: str = ""

    @property
    def name(self) -> str:
        words = (self.record, self.phase, self.place, self.action, self.operation, self.call, self.fate)
        return "-".join(word.replace(" ", "-") for word in words if word)

    @property
    def order(self) -> Order:
        return Order(self.phase, self.place, self.action, self.call)

    @property
    def reads(self) -> bool:
        """Whether the crash is in a step that only reads, after an unanswered write."""
        return self.phase in ("verify", "recheck")

    @property
    def fault(self) -> str:
        """The sandbox's fault that gives the write its fate; empty for none."""
        return (_UNANSWERED if self.reads else FATES).get(self.fate, "")

    @property
    def transaction_is_open(self) -> bool:
        """Whether the process crashes with a database transaction open; frozen, it blocks all of SQLite."""
        return self.place in ("claiming", "settling") or (self.phase, self.place) in _IN_A_TRANSACTION

    @property
    def edited_while_frozen(self) -> bool:
        """Whether the object is changed once more while the process is frozen, so that it wakes with old content."""
        return self.action.freezes and self.operation != "delete" and not self.transaction_is_open

    @property
    def is_rolled_back(self) -> bool:
        """Whether the write never happens."""
        return (self.phase, self.place) == ("save", "uncommitted") and not self.action.freezes


NOT_REACHED = "the crash point was not reached"


@dataclass(frozen=True, slots=True)
class Result:
    """``seconds`` from the write to the last change, the crash's own freeze included."""

    case: Case
    seconds: float
    problems: tuple[str, ...]

    @property
    def void(self) -> bool:
        """Whether all went well but the crash: on a slow day a step may be left out, as a look before the window ends."""
        return self.problems == (NOT_REACHED,)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        case = Case(**plain["case"] | {"action": Action(plain["case"]["action"])})
        return cls(case, plain["seconds"], tuple(plain["problems"]))


@dataclass(frozen=True, slots=True)
class Renamed:
    """What becomes of the record whose object has another natural key, in a use. ``record``: which of the object's has one.

    ``changes``: as `KeyChanges`. Where records are ``renamed``, nothing but renames is tried: the rest is another use's.
    """

    record: str = ""
    changes: str = "kept"

    @property
    def alone(self) -> bool:
        return self.changes == "renamed"


def every_case(*, one_writer: bool, records: Sequence[str], renamed: Renamed) -> list[Case]:
    """All cases. ``one_writer``: a transaction that is kept open blocks the whole database, so few such are tried."""
    return [
        replace(case, record=record)
        for record in records
        for case in _cases(renamed)
        if not (one_writer and _spared(case, shown="rename" if renamed.alone else "update"))
        and (case.operation != "rename" or record == renamed.record)
    ]


def sample(
    day: int,
    *,
    records: Sequence[str] = ("",),
    renamed: Renamed = Renamed(),
) -> list[Case]:
    """Some cases that can run together: of one fault and of none, none frozen with the database in its hands.

    Each day has others, until all such cases have been had, after `DAYS_OF_SAMPLES` for each of the ``records``.
    """
    candidates = in_samples(records=records, renamed=renamed)
    faults = sorted({case.fault for case in candidates} - {""})
    turn, which = divmod(day, len(faults))
    faulty = [case for case in candidates if case.fault == faults[which]]
    sound = [case for case in candidates if not case.fault]
    return [
        # What crashes while it looks puts off whatever was claimed with it until its lease is over, so there are few of these.
        *_some(_LOOKS_A_DAY, turn, [case for case in faulty if case.reads]),
        *_some(_FAULTY_A_DAY, turn, [case for case in faulty if not case.reads]),
        *_some(_SAVES_A_DAY, day, [case for case in sound if case.phase == "save"]),
        *_some(_SOUND_A_DAY, day, [case for case in sound if case.phase != "save"]),
    ]


@cache
def in_samples(*, records: Sequence[str], renamed: Renamed) -> list[Case]:
    """All that samples are taken of, in an order of every kind."""
    found = [
        case
        for case in every_case(one_writer=False, records=records, renamed=renamed)
        if not case.action.of_worker and not (case.action.freezes and case.transaction_is_open)
    ]
    random.Random(_MIXED).shuffle(found)
    return found


def _some(count: int, turn: int, cases: Sequence[Case]) -> list[Case]:
    """So many of them, the next each turn, and the first again after the last."""
    return [cases[(turn * count + place) % len(cases)] for place in range(min(count, len(cases)))]


def batches(cases: list[Case], *, size: int, worker_size: int) -> list[list[Case]]:
    """Cases that run together: those of one fault at most, and of one action where it is done to the worker.

    A frozen open transaction goes last and apart.
    """
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        apart = case.action if case.action.of_worker else ""
        if case.action is Action.FREEZE and case.transaction_is_open:
            apart = "~"
        kinds.setdefault((apart, case.fault), []).append(case)
    planned = []
    for (apart, _), same in sorted(kinds.items()):
        most = worker_size if apart else size
        parts = -(-len(same) // most)
        # Every part gets some of everything, so that no part is all frozen processes.
        planned += [same[number::parts] for number in range(parts)]
    return planned


def _cases(renamed: Renamed) -> Iterator[Case]:
    for phase, places in PLACES.items():
        for place in places:
            for action, operation in product((*_IN_ONE_PROCESS, *_OF_A_WORKER), OPERATIONS):
                if action.of_worker and phase != "push":
                    continue
                if (phase == "verify" and operation != "add") or (phase == "confirm" and operation == "add"):
                    continue  # who has no link yet has none in question
                if place == "unacknowledged" and action is Action.RAISE:
                    continue  # nothing of ours runs there
                if operation == "rename":
                    if phase in _OF_A_RENAME[renamed.changes] and (renamed.alone or not action.of_worker):
                        yield from _renames(Case(phase, place, action, operation), renamed)
                elif not renamed.alone:
                    yield from (Case(phase, place, action, operation, fate) for fate in _fates(phase, place, action))


def _renames(case: Case, renamed: Renamed) -> Iterator[Case]:
    fates = _fates(case.phase, case.place, case.action)
    if renamed.changes != "replaced" or case.place == "unclaimed":
        yield from (replace(case, fate=fate) for fate in fates)
        return
    first, second = REPLACING
    yield from (replace(case, fate=fate, call=first) for fate in fates)
    # What befell the add would befall the delete before it.
    yield replace(case, fate=fates[0], call=second)


def _fates(phase: str, place: str, action: Action) -> tuple[str, ...]:
    if phase in ("verify", "recheck"):
        return ("applied", "lost", "late")
    if phase not in ("push", "drain") or place not in ("written", *_AFTER_AN_ANSWER):
        return ("",)
    if action.of_worker:
        return ("applied",)
    return ("applied", "lost", "late") if place == "written" else ("applied", "refused", "unheard")


def _spared(case: Case, *, shown: str) -> bool:
    """``shown``: the operation that stands for all."""
    if not case.transaction_is_open or not (case.action.freezes or case.action.of_worker):
        return False
    # The children of a worker that falls wait for one another, and only one of them can have the database.
    stands = case.operation == ("add" if case.phase == "verify" else shown) and case.fate in ("", "applied")
    return case.action.of_worker or not stands
