"""What is known of the whole at one moment. Each part is read when it is first asked for, and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Case, Count, DateTimeField, Min, Q, Value, When

from thirdparty import protect, targets
from thirdparty.capture import triggers, versions
from thirdparty.capture.versions import Difference
from thirdparty.models import Declaration, Heartbeat, Record, Target
from thirdparty.models.heartbeat import Role
from thirdparty.models.record import State
from thirdparty.observe.audits import LastAudits, last_audits
from thirdparty.protect import brake
from thirdparty.protect.brake import BrakeStanding
from thirdparty.run import tick
from thirdparty.run.heartbeat import SILENT_AFTER_SECONDS
from thirdparty.run.tick import LastTick

_WAITS_FOR_NO_VERSION = (State.PARKED, State.HELD, State.LEFT, State.DELETED)


@dataclass(frozen=True, slots=True)
class Tally:
    """So many records of one target and kind are in this state, and their last step failed for this cause, if it did.

    ``since``: the oldest of them is owed. ``failing_since``: the first of them fails so. ``example``: the key of one.
    ``outdated``: so many were acknowledged last before their declaration had its version, and are to be sent once more.
    """

    target: str
    kind: str
    state: str
    parked: str
    failed_for: str
    count: int
    since: datetime | None
    failing_since: datetime | None
    example: str
    outdated: int = 0

    @property
    def cause(self) -> str:
        return self.parked or self.failed_for

    @property
    def needs_somebody(self) -> bool:
        return self.state in (State.PARKED, State.HELD)

    @property
    def waits(self) -> bool:
        """It is owed, and nobody has to do anything for it."""
        return self.state in (State.PENDING, State.IN_FLIGHT, State.UNKNOWN)

    def with_those_of(self, other: Tally) -> Tally:
        """Both together, as records of one cause."""
        return replace(
            self,
            count=self.count + other.count,
            since=_earlier(self.since, other.since),
            failing_since=_earlier(self.failing_since, other.failing_since),
            example=min(self.example, other.example),
            outdated=self.outdated + other.outdated,
        )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


class Seen:
    """Everything that reasons are made of. Targets that this process does not know are not looked at."""

    @cached_property
    def now(self) -> datetime:
        """By the database's clock."""
        return protect.clock()

    @cached_property
    def triggers_missing(self) -> list[str]:
        return triggers.missing()

    @cached_property
    def triggers_outdated(self) -> bool:
        """What is missing is there in an older version."""
        return triggers.are_only_outdated()

    @cached_property
    def tick(self) -> LastTick:
        return tick.last()

    @cached_property
    def heartbeats(self) -> list[Heartbeat]:
        return list(Heartbeat.objects.all())

    @cached_property
    def rows(self) -> dict[str, Target | None]:
        """The row of each target that settings name, None for one that the database does not know."""
        found = {row.name: row for row in Target.objects.filter(name__in=targets.names())}
        return {name: found.get(name) for name in targets.names()}

    @cached_property
    def guards(self) -> dict[str, dict[str, Any]]:
        """How the guard of each target stands (`thirdparty.protect.summary`)."""
        return {
            name: protect.summary(row if row is not None else Target(name=name)) for name, row in self.rows.items()
        }

    @cached_property
    def brakes(self) -> dict[str, BrakeStanding]:
        """How the brake of each target stands."""
        found = brake.standings(list(self.rows))
        return {name: found.get(name, BrakeStanding()) for name in self.rows}

    @cached_property
    def audits(self) -> dict[str, LastAudits]:
        """What the last audits of each target found."""
        found = last_audits(list(self.rows))
        return {name: found.get(name, LastAudits()) for name in self.rows}

    @cached_property
    def differing(self) -> list[Difference]:
        """What this process declares otherwise than the database."""
        return versions.differences()

    @cached_property
    def tallies(self) -> list[Tally]:
        """All records but those of what is declared no more."""
        return [tally for tally in self._counted if tally.kind in self._declared_since]

    @cached_property
    def left_over(self) -> Counter[str]:
        """The records of what the database has no declaration of, by their kind."""
        counts = Counter[str]()
        for tally in self._counted:
            if tally.kind not in self._declared_since:
                counts[tally.kind] += tally.count
        return counts

    @cached_property
    def _declared_since(self) -> dict[str, datetime]:
        return dict(Declaration.objects.values_list("kind", "since"))

    @cached_property
    def _counted(self) -> list[Tally]:
        # Each record is read once.
        groups = Record.objects.filter(target__in=targets.names()).order_by()
        by = groups.values_list("target", "kind", "state", "parked", "cause")
        since = (When(kind=kind, then=Value(at)) for kind, at in self._declared_since.items())
        older = Q(synced_at__lt=Case(*since, output_field=DateTimeField())) & ~Q(state__in=_WAITS_FOR_NO_VERSION)
        counted = by.annotate(
            number=Count("key"),
            oldest=Min("owed_since"),
            failing=Min("failing_since"),
            example=Min("key"),
            outdated=Count("key", filter=older),
        )
        return [Tally(*group) for group in counted]

    def of(self, target: str) -> Iterator[Tally]:
        return (tally for tally in self.tallies if tally.target == target)

    def of_role(self, role: Role) -> list[Heartbeat]:
        return [heartbeat for heartbeat in self.heartbeats if heartbeat.role == role]

    def is_alive(self, heartbeat: Heartbeat) -> bool:
        # One of the future says no more than one as far in the past: the clock that wrote it has been set back.
        return abs((self.now - heartbeat.seen_at).total_seconds()) <= SILENT_AFTER_SECONDS
