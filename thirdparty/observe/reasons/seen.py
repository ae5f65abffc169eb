"""What is known of the whole at one moment. Each part is read when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from thirdparty import protect, targets
from thirdparty.capture import triggers, versions
from thirdparty.capture.versions import Difference
from thirdparty.models import Declaration, Heartbeat, Target
from thirdparty.models.heartbeat import Role
from thirdparty.observe.audits import LastAudits, last_audits
from thirdparty.observe.kept_figures import Figures, figures
from thirdparty.observe.kept_totals import Totals, totals
from thirdparty.observe.oldest import oldest
from thirdparty.observe.tally import Tally, waiting_since
from thirdparty.protect import brake
from thirdparty.protect.brake import BrakeStanding
from thirdparty.run import tick
from thirdparty.run.heartbeat import SILENT_AFTER_SECONDS
from thirdparty.run.tick import LastTick


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
    def totals(self) -> dict[str, Totals]:
        """What has been acknowledged at each target, as the reconciler last added it up."""
        return totals(list(self.rows))

    @cached_property
    def differing(self) -> list[Difference]:
        """What this process declares otherwise than the database."""
        return versions.differences()

    @cached_property
    def figures(self) -> Figures:
        """How many records stand how, and when they were counted."""
        return figures(targets.names(), self.now)

    @cached_property
    def tallies(self) -> list[Tally]:
        """All records but those of what is declared no more."""
        return [tally for tally in self.figures.tallies if tally.kind in self._declared]

    @cached_property
    def left_over(self) -> list[Tally]:
        """The records of what the database has no declaration of."""
        return [tally for tally in self.figures.tallies if tally.kind not in self._declared]

    @cached_property
    def oldest(self) -> dict[str, str]:
        """The key of the record that each target has been owed for longest; empty where there is none, or it is not known."""
        since = {name: waiting_since(self.of(name)) for name in self.rows}
        return {name: oldest(name, first) if first is not None else "" for name, first in since.items()}

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(Declaration.objects.values_list("kind", flat=True))

    def of(self, target: str) -> Iterator[Tally]:
        return (tally for tally in self.tallies if tally.target == target)

    def of_role(self, role: Role) -> list[Heartbeat]:
        return [heartbeat for heartbeat in self.heartbeats if heartbeat.role == role]

    def is_alive(self, heartbeat: Heartbeat) -> bool:
        # One of the future says no more than one as far in the past: the clock that wrote it has been set back.
        return abs((self.now - heartbeat.seen_at).total_seconds()) <= SILENT_AFTER_SECONDS
