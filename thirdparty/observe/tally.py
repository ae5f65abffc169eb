"""Records of a kind that stand alike, counted together. Plain values, so that a count can be kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from thirdparty.models.record import State
from thirdparty.observe.numbers import grouped

WAITING = (State.PENDING, State.IN_FLIGHT, State.UNKNOWN)
"""Owed, and nobody has to do anything for it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many records of one target and kind are in this state, and their last step failed for this cause, if it did.

    ``since``: the oldest of them is owed. ``failing_since``: the first of them fails so. ``example``: the key of one.
    ``outdated``: so many were acknowledged last before their declaration had its version, and are to be sent once more.
    ``at_least``: there are more; how many is not known yet.
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
    at_least: bool = False

    @property
    def cause(self) -> str:
        return self.parked or self.failed_for

    @property
    def needs_somebody(self) -> bool:
        return self.state in (State.PARKED, State.HELD)

    @property
    def waits(self) -> bool:
        """It is owed, and nobody has to do anything for it."""
        return self.state in WAITING

    def with_those_of(self, other: Tally) -> Tally:
        """Both together, as records of one cause."""
        return replace(
            self,
            count=self.count + other.count,
            since=_earlier(self.since, other.since),
            failing_since=_earlier(self.failing_since, other.failing_since),
            example=min(self.example, other.example),
            outdated=self.outdated + other.outdated,
            at_least=self.at_least or other.at_least,
        )

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; its times as text, once it is stored."""
        return asdict(self)

    @staticmethod
    def from_json(plain: dict[str, Any]) -> Tally:
        """What `as_json` was stored as, by a process of another version perhaps."""
        times = {name: datetime.fromisoformat(plain[name]) for name in ("since", "failing_since") if plain[name]}
        return Tally(**{name: value for name, value in (plain | times).items() if name in Tally.__slots__})


def how_many(tallies: Iterable[Tally]) -> str:
    """The number of these records for people; with a plus where there are more."""
    counted = list(tallies)
    more = "+" if any(tally.at_least for tally in counted) else ""
    return f"{grouped(sum(tally.count for tally in counted))}{more}"


def waiting_since(tallies: Iterable[Tally]) -> datetime | None:
    """Since when the oldest of these is owed that nobody has to do anything for."""
    return min((tally.since for tally in tallies if tally.waits and tally.since is not None), default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)
