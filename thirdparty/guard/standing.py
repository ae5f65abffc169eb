"""What is known of a target as a whole, and how patient we are with it. The shapes of the pure part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Breaker(StrEnum):
    """``closed``: calls go. ``open``: none until ``quiet_until``. ``half_open``: a few, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say: the rate (calls per second, None for any), and how much harm is put up with.

    ``probes`` calls may start while half-open; if none of them reports (a worker died) for
    ``probe_seconds``, others may. Pauses grow from ``first_pause_seconds`` to ``longest_pause_seconds``.
    """

    rate_per_second: float | None = None
    first_pause_seconds: float = 5.0
    longest_pause_seconds: float = 300.0
    failures_to_open: int = 5
    probes: int = 3
    probe_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One target's row of `thirdparty.models.Target`, as far as the guard is concerned; the same names.

    ``openings``: pauses in a row, for the growth of the next. ``failed_keys``, ``refused_keys``: the records
    of the running rows of failures and of refusals (all for ``refused_for``). ``suspect_keys``: records
    that were turned away where no probe could tell why; ``cleared_keys``: those of them after which
    another record was taken. ``rate_limit`` holds since ``rate_set_at`` and doubles
    ``rate_climb`` times a second; without a limit only the configured rate holds.
    ``next_slot_at``: where the next call has its turn.
    """

    paused: bool = False
    paused_reason: str = ""
    paused_by_guard: bool = False
    breaker: str = Breaker.CLOSED
    breaker_reason: str = ""
    openings: int = 0
    quiet_until: datetime | None = None
    probes_left: int = 0
    probes_until: datetime | None = None
    failed_keys: tuple[str, ...] = ()
    refused_keys: tuple[str, ...] = ()
    refused_for: str = ""
    refusals_to_open: int = 10
    suspect_keys: tuple[str, ...] = ()
    cleared_keys: tuple[str, ...] = ()
    rate_limit: float | None = None
    rate_set_at: datetime | None = None
    rate_climb: float | None = None
    next_slot_at: datetime | None = None
    capabilities_off: tuple[str, ...] = ()
    capabilities_off_until: datetime | None = None

    def quiet(self, now: datetime) -> bool:
        """The target asked for silence, or the breaker's pause is not over."""
        return self.quiet_until is not None and self.quiet_until > now

    @property
    def troubled(self) -> bool:
        """A success would change something here."""
        keys = self.failed_keys or self.refused_keys or self.suspect_keys
        return bool(keys) or self.breaker != Breaker.CLOSED


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the guard makes of one answer.

    ``spares_record``: the target is at fault, so the record neither spends a try nor is parked. ``at_once``: it
    stays due, since it is the target's standing that holds it back. ``refuses_record``: the record is at fault though the answer turned *us* away.
    ``pardoned``: records parked ``pardoned_for`` this reason that are to be taken out of the park.
    """

    spares_record: bool = False
    refuses_record: bool = False
    at_once: bool = False
    pardoned: tuple[str, ...] = ()
    pardoned_for: str = ""
