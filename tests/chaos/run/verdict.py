"""Waits until everything has converged, then holds every record against the third party's and its ledger."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from syncproject.demo.comparison import Comparison, compare
from syncproject.demo.stack import TARGET
from tests.chaos.run import promises, witness
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.moods import PARKING
from tests.chaos.run.options import Options
from thirdparty.sandbox.client import SandboxControl
from users import services
from users.models import RoleMapping, SyncAttempt, User, UserSync
from users.models.sync import State

_AT_REST = (State.SYNCED, State.DELETED)
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


def converge(options: Options, control: SandboxControl, say: Callable[[str], None]) -> Convergence:
    """Wait until everything came to rest and stayed so for a while; meanwhile look at what was rightly parked."""
    began = told = time.monotonic()
    deadline = began + options.converge_bound_seconds
    buried: Counter[str] = Counter()
    rested_at: float | None = None
    while time.monotonic() < deadline:
        buried += _unbury(options)
        moving = UserSync.objects.exclude(state__in=_AT_REST).count()
        stats = control.stats()
        if moving or stats["in_flight"] or stats["late"]["pending"]:
            rested_at = None
        elif rested_at is None:
            rested_at = time.monotonic()
        elif time.monotonic() - rested_at > _STILL_SECONDS:
            break
        if time.monotonic() > told + _TOLD_EVERY_SECONDS:
            told = time.monotonic()
            say(f"{moving} records are not level yet")
        time.sleep(_POLL_SECONDS)
    left = [f"{row.key} is {row.state} {row.parked}" for row in UserSync.objects.exclude(state__in=_AT_REST)]
    return Convergence((rested_at or time.monotonic()) - began, left, buried)


def _unbury(options: Options) -> Counter[str]:
    """Look again, as a person would, at what the third party had refused for good; how many, by reason.

    At once, since whoever was given the username of a buried record has to wait for it.
    """
    # A `user_exists` that has lost its id says, without look-up, that nobody knows whose record it is.
    unclear = () if options.world.offers_query else ("identity_conflict",)
    mendable = UserSync.objects.filter(state=State.DEAD, parked__in=[*PARKING, *unclear])
    reasons = Counter(mendable.values_list("parked", flat=True))
    if reasons:
        services.look_now(mendable)
    return reasons


def frozen_usernames() -> dict[UUID, str]:
    """What the third party is to call everybody, whatever their username is now."""
    return dict(UserSync.objects.filter(target=TARGET).values_list("user_uuid", "remote_username"))


def compared(control: SandboxControl, usernames: Mapping[UUID, str]) -> Comparison:
    """Every user of the database against every record of the third party."""
    people = [
        {
            "uuid": user.uuid,
            "username": usernames.get(user.uuid) or user.username,
            "name": user.name,
            "phone": user.phone,
            "email": user.email,
            "is_active": user.is_active,
            "groups": [group.name for group in user.groups.all()],
        }
        for user in User.objects.filter(is_superuser=False).prefetch_related("groups")
    ]
    roles = {mapping.group.name: mapping.remote_role_id for mapping in RoleMapping.objects.select_related("group")}
    return compare(people, control.users(), role_ids=roles)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``broken``: a sentence for every time that an invariant was broken, by its name. ``void``: why the run
    does not count, since the third party itself broke its word.
    """

    comparison: Comparison
    convergence: Convergence
    broken: dict[str, list[str]]
    void: list[str]
    attempts: Counter[str]


def judge(
    options: Options,
    ledger: Ledger,
    comparison: Comparison,
    convergence: Convergence,
    *,
    unrecorded: list[str],
    freezes: list[tuple[float, float]],
) -> Verdict:
    """Hold database and ledger against the invariants of the product."""
    attempts = _attempts()
    broken: dict[str, list[str]] = {name: [] for name in ("I1", "I2", "I3", "I4", "I5", "I6", "I7")}
    broken["I1"] = unrecorded
    broken["I3"] = [f"{external_id}: two records at one time" for external_id in ledger.doubled_ever()]
    broken["I7"] = convergence.left
    void = []
    for history in promises.histories(ledger, attempts, _evidence()):
        broken["I2"] += promises.acknowledged_unapplied(history)
        if "versions" in options.world.capabilities:
            broken["I4"] += promises.content_before_its_version(history)
        broken["I5"] += promises.in_flight_together(history, freezes)
        broken["I6"] += promises.sent_unannounced(history)
        void += promises.later_than_promised(history, options.window_seconds)
    if "versions" not in options.world.capabilities:
        broken["I4"] = [f"{username}: {fields} differ" for username, fields in comparison.differing.items()]
    counts = Counter(
        {
            "takeovers": SyncAttempt.objects.filter(reason="lease_expired").count(),
            "unknown": SyncAttempt.objects.filter(outcome="unknown").count(),
            "attempts": SyncAttempt.objects.count(),
        }
    )
    return Verdict(comparison, convergence, broken, void, counts)


def _attempts() -> dict[str, list[promises.Attempt]]:
    found: dict[str, list[promises.Attempt]] = defaultdict(list)
    for row in SyncAttempt.objects.order_by("id").iterator():
        finished = row.finished_at.timestamp() if row.finished_at is not None else None
        found[_external_id(row.record_id)].append(
            promises.Attempt(
                row.pk,
                row.call,
                row.idempotency_key,
                row.outcome,
                row.reason,
                row.started_at.timestamp(),
                finished,
            )
        )
    return found


def _evidence() -> dict[str, witness.Evidence]:
    return {_external_id(key): seen for key, seen in witness.evidence_by_key().items()}


def _external_id(key: str) -> str:
    return str(UUID(key.partition(":")[2]))
