"""What each answer says of its target as a whole. Pure: standing, answer and time in, standing and ruling out.

A failure is counted once per record while it may be the record's own (an answer of 500, silence), and
always where nothing was sent: one poison record cannot open the breaker, one dead host does at once.
``jitter`` is 0 to 1. Answers that arrive while the breaker is open are of calls begun before, and change nothing, but
for one: what the target takes while it is held to refuse everything shows that it does not.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from thirdparty.guard import rate
from thirdparty.guard.standing import Breaker, Policy, Ruling, Standing

MOST_REFUSALS = 1_000
CAPABILITY_OFF_SECONDS = 3600.0
_SUSPECTS_TO_PAUSE = 2
_SPARED = Ruling(spares_record=True, at_once=True)


class Probe(StrEnum):
    """What a harmless call said: answered, turned away as well, no clear answer, or there is no such call."""

    FINE = "fine"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    NONE = "none"


class Judgement:
    """Judges one answer by one target's standing, at one time."""

    def __init__(self, standing: Standing, now: datetime, policy: Policy, *, jitter: float) -> None:
        self.standing = standing
        self.now = now
        self.policy = policy
        self.jitter = jitter

    def accepted(self) -> tuple[Standing, Ruling]:
        """The target did what was asked, or gave any other answer that shows it at work."""
        standing = self.standing
        pardon = Ruling(pardoned=standing.refused_keys, pardoned_for=standing.refused_for)
        if standing.paused:
            return standing, Ruling()
        if standing.breaker == Breaker.OPEN:
            # Of several probes, a refused one may be heard first. The pause is kept; what it was for is not.
            return (self._believed(standing), pardon) if standing.refused_for else (standing, Ruling())
        cleared = replace(
            self._believed(standing) if standing.breaker == Breaker.HALF_OPEN else standing,
            failed_keys=(),
            refused_keys=(),
            refused_for="",
            suspect_keys=(),
            cleared_keys=(*standing.cleared_keys, *standing.suspect_keys)[-MOST_REFUSALS:],
        )
        if standing.breaker == Breaker.CLOSED:
            return cleared, Ruling()
        cleared = replace(cleared, breaker=Breaker.CLOSED, breaker_reason="", probes_until=None, quiet_until=None)
        return rate.ramp(cleared, self.now, self.policy.rate_per_second), pardon

    def failed(
        self, key: str, reason: str, *, nothing_sent: bool = False, retry_after_seconds: float | None = None
    ) -> tuple[Standing, Ruling]:
        """No answer, or one that nobody can use, or ``try later``."""
        standing = self._silenced(self.standing, retry_after_seconds)
        if standing.breaker == Breaker.OPEN or standing.paused:
            return standing, _SPARED
        if standing.breaker == Breaker.HALF_OPEN:
            return self._opened(standing, reason, keep_refusals=True)
        if nothing_sent or key not in standing.failed_keys:
            standing = replace(standing, failed_keys=(*standing.failed_keys, key))
        if len(standing.failed_keys) < self.policy.failures_to_open:
            return standing, Ruling()
        return self._opened(standing, f"{len(standing.failed_keys)} failures in a row, the last {reason}")

    def throttled(self, *, retry_after_seconds: float | None) -> tuple[Standing, Ruling]:
        """The target is alive and wants fewer calls."""
        standing = self._silenced(self.standing, retry_after_seconds)
        if standing.breaker == Breaker.HALF_OPEN:
            return self._opened(standing, "http_429", keep_refusals=True)
        return rate.halved(standing, self.now, self.policy.rate_per_second), Ruling()

    def refused(self, key: str, reason: str) -> tuple[Standing, Ruling]:
        """The record is about to be parked for this reason."""
        standing = self.standing
        if standing.paused:
            return standing, Ruling()
        if standing.breaker != Breaker.CLOSED and reason == standing.refused_for:
            if standing.breaker == Breaker.OPEN:
                return standing, _SPARED
            return self._opened(standing, standing.breaker_reason, keep_refusals=True)
        if standing.breaker == Breaker.OPEN:
            return standing, Ruling()
        if standing.breaker == Breaker.HALF_OPEN:
            return self.accepted()
        standing = replace(standing, failed_keys=())
        earlier = standing.refused_keys if reason == standing.refused_for else ()
        keys = earlier if key in earlier else (*earlier, key)
        standing = replace(standing, refused_for=reason, refused_keys=keys)
        if len(keys) < standing.refusals_to_open:
            return standing, Ruling()
        opened, ruling = self._opened(
            standing, f"{len(keys)} different records refused in a row for {reason}", keep_refusals=True
        )
        return opened, replace(ruling, pardoned=keys, pardoned_for=reason)

    def turned_away(self, key: str, reason: str, probe: Probe) -> tuple[Standing, Ruling]:
        """401, 403, a redirect, TLS, or a missing address; ``probe`` is what a harmless call said right after."""
        standing = self.standing
        if standing.paused or standing.breaker == Breaker.OPEN:
            return standing, _SPARED
        if probe == Probe.UNCLEAR:
            after, ruling = self.failed(key, reason)
            return after, replace(ruling, spares_record=True)
        if probe == Probe.FINE or (probe == Probe.NONE and key in standing.cleared_keys):
            after, ruling = self.refused(key, reason)
            cleared = tuple(other for other in after.cleared_keys if other != key)
            return replace(after, cleared_keys=cleared), replace(ruling, refuses_record=not ruling.spares_record)
        if probe == Probe.NONE and standing.breaker == Breaker.CLOSED:
            suspects = dict.fromkeys((*standing.suspect_keys, key))
            if len(suspects) < _SUSPECTS_TO_PAUSE:
                # One record alone says nothing yet; whether another is taken or not decides.
                return replace(standing, suspect_keys=tuple(suspects)), Ruling()
        return self._paused(f"turned away ({reason}), and not for one record alone")

    def lacks(self, capability: str) -> tuple[Standing, Ruling]:
        """An optional call is not offered: do without it for a while."""
        names = dict.fromkeys((*self.standing.capabilities_off, capability))
        until = self.now + timedelta(seconds=CAPABILITY_OFF_SECONDS)
        off = replace(self.standing, capabilities_off=tuple(names), capabilities_off_until=until)
        return off, _SPARED

    @staticmethod
    def _believed(standing: Standing) -> Standing:
        """It takes some and refuses others, for their own faults: next time it is believed for longer."""
        if not standing.refused_for:
            return standing
        most = min(2 * standing.refusals_to_open, MOST_REFUSALS)
        return replace(standing, refused_keys=(), refused_for="", refusals_to_open=most)

    def _silenced(self, standing: Standing, seconds: float | None) -> Standing:
        if not seconds:
            return standing
        return replace(standing, quiet_until=_later(standing.quiet_until, self.now + timedelta(seconds=seconds)))

    def _opened(self, standing: Standing, reason: str, *, keep_refusals: bool = False) -> tuple[Standing, Ruling]:
        standing, pause_seconds = self._next_pause(standing)
        until = self.now + timedelta(seconds=pause_seconds)
        opened = replace(
            standing,
            breaker=Breaker.OPEN,
            breaker_reason=reason,
            quiet_until=_later(standing.quiet_until, until),
            probes_left=0,
            probes_until=None,
            failed_keys=(),
            suspect_keys=(),
            refused_keys=standing.refused_keys if keep_refusals else (),
            refused_for=standing.refused_for if keep_refusals else "",
        )
        return opened, _SPARED

    def _paused(self, reason: str) -> tuple[Standing, Ruling]:
        standing, pause_seconds = self._next_pause(self.standing)
        paused = replace(
            standing,
            paused=True,
            paused_by_guard=True,
            paused_reason=reason,
            breaker=Breaker.CLOSED,
            breaker_reason="",
            quiet_until=self.now + timedelta(seconds=pause_seconds),
            probes_until=None,
            failed_keys=(),
            suspect_keys=(),
        )
        return paused, _SPARED

    def _next_pause(self, standing: Standing) -> tuple[Standing, float]:
        relapse = standing.breaker != Breaker.CLOSED or rate.ramping(standing, self.now, self.policy.rate_per_second)
        openings = standing.openings + 1 if relapse else 1
        return replace(standing, openings=openings), pause_seconds(openings, self.policy, self.jitter)


def pause_seconds(openings: int, policy: Policy, jitter: float) -> float:
    """The pause after so many openings in a row: it doubles, and is drawn from its upper half."""
    whole = min(policy.longest_pause_seconds, policy.first_pause_seconds * 2.0 ** min(openings - 1, 30))
    return whole * (0.5 + 0.5 * jitter)


def probing_itself(standing: Standing, now: datetime, policy: Policy, *, jitter: float) -> Standing | None:
    """Take the right to probe a target that the guard has paused; None while it is not time."""
    if not (standing.paused and standing.paused_by_guard) or standing.quiet(now):
        return None
    openings = standing.openings + 1
    until = now + timedelta(seconds=pause_seconds(openings, policy, jitter))
    return replace(standing, openings=openings, quiet_until=until)


def unpaused(standing: Standing) -> Standing:
    """A probe was answered: a few real calls are next."""
    return replace(
        standing,
        paused=False,
        paused_by_guard=False,
        paused_reason="",
        breaker=Breaker.HALF_OPEN,
        breaker_reason="a probe was answered after a pause",
        quiet_until=None,
        probes_left=0,
        probes_until=None,
    )


def resumed(standing: Standing) -> Standing:
    """A person says that all is well: everything is forgotten but the turns taken."""
    return Standing(next_slot_at=standing.next_slot_at)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
