"""Waits until everything has converged, then holds every record against the third parties' and their ledgers."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from syncproject.demo.comparison import Comparison
from tests.chaos.run import comparison, findings, promises, trials, witness
from tests.chaos.run.expectation import expected_at, meets_a_stranger
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.moods import PARKING
from tests.chaos.run.options import Options
from tests.chaos.run.side import Sides, external_id_of, is_of, is_person
from thirdparty.decide.interpret import IDENTITY_CONFLICT
from thirdparty.decisions.look_now import look_now
from thirdparty.models import Attempt, Finding, Record, Target
from thirdparty.models.record import State

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I15", "I16", "I18")
_AT_REST = (State.SYNCED, State.DELETED)
_OWING_ALL = {"migrations", "retire", "targets", "upgrade"}
"""The kinds of trouble after which everything is owed anew, in batches."""
_STILL_SECONDS = 1.5
_POLL_SECONDS = 0.25
_TOLD_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Convergence:
    """``seconds`` from the healing on; ``left``: records that were not at rest when the stated time was over,
    those among them that were parked without a reason that the third party gave.

    ``buried``: how many it had refused for good, by reason; a person's look brought them back.
    """

    seconds: float
    left: list[str]
    buried: Counter[str]


def converge(
    options: Options, sides: Sides, say: Callable[[str], None], *, tend: Callable[[], None] = lambda: None
) -> Convergence:
    """Wait until everything came to rest and stayed so for a while; meanwhile look at what was rightly parked.

    ``tend``: start again whatever has ended by itself.
    """
    began = told = time.monotonic()
    deadline = began + options.converge_bound_seconds
    buried: Counter[str] = Counter()
    rested_at: float | None = None
    while time.monotonic() < deadline:
        tend()
        buried += _unbury(sides)
        moving = len(still_moving(sides)) + len(still_owing())
        stats = [side.control.stats() for side in sides.values()]
        if moving or any(each["in_flight"] or each["late"]["pending"] for each in stats):
            rested_at = None
        elif rested_at is None:
            rested_at = time.monotonic()
        elif time.monotonic() - rested_at > _STILL_SECONDS:
            break
        if time.monotonic() > told + _TOLD_EVERY_SECONDS:
            told = time.monotonic()
            say(f"{moving} records are not level yet")
        time.sleep(_POLL_SECONDS)
    left = [f"{row.key} is {row.state} {row.parked}" for row in still_moving(sides)]
    left += [f"{name}: its records are still being owed" for name in still_owing()]
    return Convergence((rested_at or time.monotonic()) - began, left, buried)


def still_moving(sides: Sides) -> list[Record]:
    """Those that are not level, or that somebody is still to look at although they are."""
    rows = Record.objects.exclude(state__in=_AT_REST, due_at=None)
    return [row for row in rows if not meets_a_stranger(row, sides[row.target])]


def still_owing() -> list[str]:
    """The targets whose records are being owed in batches: what is level there may be owed in a moment."""
    behind = Q(owing_to__isnull=False) | ~Q(owing_left=[])
    return list(Target.objects.filter(behind, retired=False).order_by("name").values_list("name", flat=True))


def _unbury(sides: Sides) -> Counter[str]:
    """Look again, as a person would, at what a third party had refused for good; how many, by reason.

    At once, since whoever was given the username of a buried record has to wait for it.
    """
    found: Counter[str] = Counter()
    for side in sides.values():
        # A `user_exists` that has lost its id says, without look-up, that nobody knows whose record it is.
        unclear = () if side.party.world.offers_query else (IDENTITY_CONFLICT,)
        mendable = Record.objects.filter(target=side.name, state=State.PARKED, parked__in=[*PARKING, *unclear])
        reasons = Counter(mendable.values_list("parked", flat=True))
        if reasons:
            look_now(mendable)
        found += reasons
    return found


def compared(sides: Sides) -> tuple[Comparison, list[str]]:
    """Every user of the database against every record of each third party; and what became of strangers."""
    evidence = witness.evidence_by_key()
    found = [
        comparison.compared(side.name, expected_at(side, evidence), side.control.users()) for side in sides.values()
    ]
    return comparison.together(each for each, _ in found), [line for _, lines in found for line in lines]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``broken``: a sentence for every time that an invariant was broken, by its name. ``void``: why the run
    does not count, since a third party itself broke its word. ``attempts``: how many there were.
    """

    comparison: Comparison
    convergence: Convergence
    broken: dict[str, list[str]]
    void: list[str]
    attempts: int


def judge(
    options: Options,
    sides: Sides,
    ledgers: Mapping[str, Ledger],
    convergence: Convergence,
    *,
    complaints: Mapping[str, list[str]],
    freezes: list[tuple[float, float]],
    candidates: Collection[str] = (),
) -> Verdict:
    """Hold database and ledgers against the invariants of the product. ``complaints``: what was found on the way.

    ``candidates``: addresses that strict writes bore, and the external ids of whom they were to take away.
    """
    attempts, evidence, named = _attempts(), witness.evidence_by_key(), found()
    broken: dict[str, list[str]] = {name: [] for name in INVARIANTS} | {
        name: list(c) for name, c in complaints.items()
    }
    broken["I7"] += convergence.left
    void: list[str] = []
    compared_all, broken["I9"] = compared(sides)
    tried = trials.by_target()
    for name, some in tried.items():
        broken["I18"] += trials.left_standing(name, some)
    for side in sides.values():
        ledger, versions = ledgers[side.name], "versions" in side.party.world.capabilities
        if not side.ids_return:
            # What lies under an id that was given out again may change hands for a while.
            broken["I3"] += [f"{side.name}:{one}: two records at one time" for one in ledger.doubled_ever()]
        broken["I15"] += [
            f"{side.name}: {line}" for line in findings.touched_extras(ledger.entries, side.archive.backfilled)
        ]
        of_side = (
            {external_id_of(key): seen for key, seen in some.items() if is_of(side, key)}
            for some in (attempts, evidence)
        )
        there = set(Record.objects.filter(target=side.name).values_list("object_id", flat=True))
        named_before = {*side.archive.revived(side.control.ledger()), *findings.handed_on(side.entries())}
        brought_back = {user_id for user_id, _ in named_before}
        for history in promises.histories(ledger, *of_side, dropped_at=side.dropped_at):
            if not is_person(history.external_id):
                continue  # strangers
            if side.dropped_at and UUID(history.external_id).hex not in there:
                continue  # with its row, its attempts have gone
            lines_by_name = _broken(history, freezes, versions=versions, candidates=candidates)
            lines_by_name["I16"] = list(
                findings.unfounded(
                    history,
                    named[side.name, history.external_id],
                    freezes,
                    owed_in_batches=not _OWING_ALL.isdisjoint(options.troubles),
                    was_retired=bool(side.dropped_at),
                    brought_back=brought_back,
                )
            )
            lines_by_name["I18"] = list(
                trials.sent_untried(side.name, history, tried.get(side.name, ()), candidates=candidates)
            )
            for name, lines in lines_by_name.items():
                broken[name] += [f"{side.name}:{line}" for line in lines]
            void += promises.later_than_promised(history, options.window_seconds)
        if not versions:
            differing = compared_all.differing.items()
            broken["I4"] += [
                f"{name}: {fields} differ" for name, fields in differing if name.startswith(f"{side.name}/")
            ]
    return Verdict(compared_all, convergence, broken, void, Attempt.objects.count())


def _broken(
    history: promises.History, freezes: list[tuple[float, float]], *, versions: bool, candidates: Collection[str]
) -> dict[str, list[str]]:
    return {
        "I2": list(promises.acknowledged_unapplied(history)),
        "I4": list(promises.content_before_its_version(history, candidates=candidates)) if versions else [],
        "I5": list(promises.in_flight_together(history, freezes)),
        "I6": list(promises.sent_unannounced(history)),
        "I8": list(promises.called_otherwise(history)),
    }


def _attempts() -> dict[str, list[promises.Attempt]]:
    found: dict[str, list[promises.Attempt]] = defaultdict(list)
    times = witness.attempt_times()
    for row in Attempt.objects.order_by("id").iterator():
        began, ended = times[row.pk]
        found[row.record_id].append(
            promises.Attempt(row.pk, row.call, row.idempotency_key, row.outcome, row.reason, began, ended)
        )
    return found


def found() -> dict[tuple[str, str], list[findings.Found]]:
    """What audits found for certain, by target and external id; that of nobody's records under an empty one."""
    times = witness.finding_times()
    by_record: dict[tuple[str, str], list[findings.Found]] = defaultdict(list)
    for row in Finding.objects.filter(confirmed_at__isnull=False).order_by("id").iterator():
        external_id = external_id_of(row.record) if row.record else ""
        by_record[row.target, external_id].append(
            findings.Found(
                external_id,
                row.remote_id,
                row.verdict,
                frozenset(row.fields),
                row.ahead,
                row.generation,
                times[row.pk],
                mended=row.mended_at is not None,
            )
        )
    return by_record
