"""Waits until everything has converged, then holds every record against the third parties' and their ledgers."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from syncproject.demo.comparison import Comparison
from tests.chaos.run import comparison, findings, promises, witness
from tests.chaos.run.archive import Archive
from tests.chaos.run.comparison import Expected, Values
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.moods import PARKING
from tests.chaos.run.options import Options
from tests.chaos.run.strangers import Strangers
from tests.chaos.run.third_parties import ThirdParty
from tests.chaos.run.upgraded import mapping
from thirdparty.decide.interpret import IDENTITY_CONFLICT
from thirdparty.decisions.look_now import look_now
from thirdparty.models import Attempt, Finding, Record
from thirdparty.models.record import State
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping, User

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I15", "I16")
_AT_REST = (State.SYNCED, State.DELETED)
_OWING_ALL = {"migrations", "retire", "targets", "upgrade"}
"""The kinds of trouble after which everything is owed anew, in batches."""
_STILL_SECONDS = 1.5
_POLL_SECONDS = 0.25
_TOLD_EVERY_SECONDS = 5.0


@dataclass(slots=True)
class Side:
    """One third party in the end: what it knows, and what we know of it.

    ``dropped_at``: when its rows were dropped here, as it was retired (unix seconds); 0 for never. ``attempts_dropped``: with
    them, those that remained unknown, and those whose lease was taken over.
    """

    party: ThirdParty
    strangers: Strangers = field(default_factory=Strangers)
    archive: Archive = field(default_factory=Archive)
    reuses_ids: bool = False
    dropped_at: float = 0.0
    attempts_dropped: Counter[str] = field(default_factory=Counter)
    control: SandboxControl = field(init=False)

    def __post_init__(self) -> None:
        self.control = self.party.control()

    @property
    def name(self) -> str:
        return self.party.name

    @property
    def ids_return(self) -> bool:
        """Whether an id may have been given to more than one record."""
        return self.reuses_ids or bool(self.archive.restores)

    def entries(self) -> list[Values]:
        """The ledger's, with what restores changed."""
        return list(self.archive.whole(self.control.ledger()))

    def ledger(self) -> Ledger:
        return Ledger(self.entries(), ids_return=self.ids_return)


Sides = Mapping[str, Side]


@dataclass(frozen=True, slots=True)
class Convergence:
    """``seconds`` from the healing on; ``left``: records that were not at rest when the stated time was over,
    those among them that were parked without a reason that the third party gave.

    ``buried``: how many it had refused for good, by reason; a person's look brought them back.
    """

    seconds: float
    left: list[str]
    buried: Counter[str]


def converge(options: Options, sides: Sides, say: Callable[[str], None]) -> Convergence:
    """Wait until everything came to rest and stayed so for a while; meanwhile look at what was rightly parked."""
    began = told = time.monotonic()
    deadline = began + options.converge_bound_seconds
    buried: Counter[str] = Counter()
    rested_at: float | None = None
    while time.monotonic() < deadline:
        buried += _unbury(sides)
        moving = len(still_moving(sides))
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
    return Convergence((rested_at or time.monotonic()) - began, left, buried)


def still_moving(sides: Sides) -> list[Record]:
    rows = Record.objects.exclude(state__in=_AT_REST)
    return [row for row in rows if not _meets_a_stranger(row, sides[row.target])]


def _meets_a_stranger(row: Record, side: Side) -> bool:
    """Whether it is rightly parked: a stranger has its username, or somebody whose record is from before the target was retired."""
    if row.parked != IDENTITY_CONFLICT:
        return False
    if row.natural_key in side.strangers.usernames or row.natural_key in _overwritten_strangers(side):
        return True
    return bool(side.dropped_at) and any(
        record["username"] == row.natural_key and record["externalId"] != str(UUID(row.object_id))
        for record in side.control.users()
    )


def _left_there(side: Side) -> set[str]:
    """External ids of whoever was gone here before a retired target was named again: it keeps what it held of them."""
    if not side.dropped_at:
        return set()
    known = set(Record.objects.filter(target=side.name).values_list("object_id", flat=True))
    ids = {record["externalId"] for record in side.control.users() if is_person(record["externalId"])}
    return {external_id for external_id in ids if UUID(external_id).hex not in known}


def _called_there(side: Side) -> dict[UUID, str]:
    """By what names a target that was retired still knows people whom it had been told of by these names."""
    if not side.dropped_at:
        return {}
    called = {_external_id(key): names for key, names in witness.called_ever().items() if _of(side, key)}
    return {
        UUID(record["externalId"]): record["username"]
        for record in side.control.users()
        if record["username"] in called.get(record["externalId"], ())
    }


def _overwritten_strangers(side: Side) -> set[str]:
    """Usernames of the third party's own records that a restore brought back under an id that somebody of ours had by then, and
    that a change of theirs went astray to before the backfill (docs/guarantees.md).
    """
    revived = side.archive.revived(side.control.ledger())
    return {
        record["username"]
        for record in side.control.users()
        if record["externalId"] and revived.get((record["userId"], record["username"])) == ""
    }


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
        comparison.compared(side.name, _expected(side, evidence), side.control.users()) for side in sides.values()
    ]
    return comparison.together(each for each, _ in found), [line for _, lines in found for line in lines]


def _expected(side: Side, evidence: Mapping[str, witness.Evidence]) -> Expected:
    rows = Record.objects.filter(target=side.name)
    apart = {UUID(row.object_id) for row in rows if _meets_a_stranger(row, side)}
    frozen = {UUID(_external_id(key)): seen.frozen[-1] for key, seen in evidence.items() if _of(side, key)}
    frozen |= _called_there(side)
    users = User.objects.filter(is_superuser=False).prefetch_related("groups")
    mappings = RoleMapping.objects.filter(target=side.name).select_related("group")
    active = {str(user.uuid) for user in users if user.is_active}
    return Expected(
        people=[person(user, frozen.get(user.uuid, "")) for user in users if user.uuid not in apart],
        roles={each.group.name: each.remote_role_id for each in mappings}
        | {mapping.NAME: mapping.role(mapping.version())},
        strangers={**side.strangers.records, **findings.extras(side.entries())},
        left=_left_there(side) - active,
        adoptable=side.strangers.adoptable,
        never_wanted={_external_id(key) for key, seen in evidence.items() if _of(side, key) and not seen.was_wanted},
        revived=set(side.archive.revived(side.control.ledger())),
    )


def wanted(side: Side) -> list[Values]:
    """What the target is to hold of people, in the third party's words."""
    expected = _expected(side, witness.evidence_by_key())
    return [
        {
            "externalId": str(one["uuid"]),
            **{name: one[name] for name in ("name", "phone", "email")},
            "roleIds": sorted(expected.roles[group] for group in one["groups"]),
        }
        for one in expected.people
        if one["is_active"]
    ]


def person(user: User, username: str) -> Values:
    """A user as `comparison` takes them. ``username``: as the target is to know them; empty for theirs here."""
    return {
        "uuid": user.uuid,
        "username": username or user.username,
        "name": user.name,
        "phone": user.phone,
        "email": user.email,
        "is_active": user.is_active,
        "groups": [group.name for group in user.groups.all()] + ([mapping.NAME] if mapping.version() else []),
    }


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

    ``candidates``: addresses that strict writes bore.
    """
    attempts, evidence, named = _attempts(), witness.evidence_by_key(), found()
    broken: dict[str, list[str]] = {name: [] for name in INVARIANTS} | {
        name: list(c) for name, c in complaints.items()
    }
    broken["I7"] += convergence.left
    void: list[str] = []
    compared_all, broken["I9"] = compared(sides)
    for side in sides.values():
        ledger, versions = ledgers[side.name], "versions" in side.party.world.capabilities
        if not side.ids_return:
            # What lies under an id that was given out again may change hands for a while.
            broken["I3"] += [f"{side.name}:{one}: two records at one time" for one in ledger.doubled_ever()]
        broken["I15"] += [f"{side.name}: {line}" for line in findings.touched_extras(ledger.entries)]
        of_side = (
            {_external_id(key): seen for key, seen in some.items() if _of(side, key)} for some in (attempts, evidence)
        )
        there = set(Record.objects.filter(target=side.name).values_list("object_id", flat=True))
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
                )
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
        external_id = _external_id(row.record) if row.record else ""
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


def is_person(external_id: str) -> bool:
    """Whether it may be one of ours."""
    try:
        return str(UUID(external_id)) == external_id
    except ValueError:
        return False


def _of(side: Side, key: str) -> bool:
    return key.startswith(f"{side.name}:")


def _external_id(key: str) -> str:
    return str(UUID(key.rpartition(":")[2]))
