"""What each answer says of its target as a whole. Pure: health, answer and time in, health and decision out.

A failure is counted once per record while it may be the record's own (an answer of 500, silence), and
always where nothing was sent: one poison record cannot open the breaker, one dead host does at once.

Before failures that reached the target, or refusals in a row, open it, a harmless call is asked, where there is one: answered, the
records are at fault. They are tried one after the other, seldom, and count no more, so they keep nobody waiting. Should
the target answer that call and yet take nothing at all, it is called slowly.

``jitter`` is 0 to 1. Answers that arrive while the breaker is open are of calls begun before, and change nothing, but
for one: what the target takes while it is held to refuse everything shows that it does not.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from thirdparty.connectors.probe import Probe
from thirdparty.protect import rate_limit
from thirdparty.protect.health import LONGEST_FAULTY_WAIT_SECONDS, Breaker, GuardDecision, Policy, TargetHealth
from thirdparty.protect.pauses import pause_seconds

FAILURES_TO_OPEN = 5
"""So many failures in a row open the breaker; where a harmless call is offered, it is asked first whose fault they are."""
MOST_REFUSALS = 1_000
MOST_FAULTY = 1_000
_SUSPECTS_TO_PAUSE = 2
_MISSES_TO_SWITCH_OFF = 3
_SPARED = GuardDecision(spares_record=True, at_once=True)


class CircuitBreaker:
    """Judges one answer by one target's standing, at one time."""

    def __init__(self, standing: TargetHealth, now: datetime, policy: Policy, *, jitter: float) -> None:
        self.standing = standing
        self.now = now
        self.policy = policy
        self.jitter = jitter

    def accepted(self, key: str = "", *, acknowledged: bool = False) -> tuple[TargetHealth, GuardDecision]:
        """The target did what was asked, or gave any other answer that shows it at work.

        ``acknowledged``: it took what was wanted of this record.
        """
        relieved: tuple[str, ...] = ()
        if acknowledged:
            if key in self.standing.faulty_keys:
                relieved = tuple(other for other in self.standing.faulty_keys if other != key)
                self.standing = replace(self.standing, faulty_keys=(), faulty_slot_at=None)
            self.standing = replace(self.standing, vouched=0)
        elif self.standing.asking_until is not None:
            return self.answered(Probe.FINE)
        after, ruling = self._accepted()
        return after, replace(ruling, relieved=relieved)

    def _accepted(self) -> tuple[TargetHealth, GuardDecision]:
        standing = replace(self.standing, asking_until=None, asking_about="")
        unpark = GuardDecision(unparked=standing.refused_keys, unparked_for=standing.refused_for)
        if standing.paused:
            return standing, GuardDecision()
        if standing.breaker == Breaker.OPEN:
            # Of several probes, a refused one may be heard first. The pause is kept; what it was for is not.
            return (self._believed(standing), unpark) if standing.refused_for else (standing, GuardDecision())
        cleared = replace(
            self._believed(standing) if standing.breaker == Breaker.HALF_OPEN else standing,
            failed_keys=(),
            refused_keys=(),
            refused_for="",
            suspect_keys=(),
            cleared_keys=(*standing.cleared_keys, *standing.suspect_keys)[-MOST_REFUSALS:],
        )
        if standing.breaker == Breaker.CLOSED:
            return cleared, GuardDecision()
        cleared = replace(cleared, breaker=Breaker.CLOSED, breaker_reason="", probes_until=None, blocked_until=None)
        return rate_limit.ramp(cleared, self.now, self.policy.rate_per_second), unpark

    def failed(  # noqa: PLR0913  # all that may be known of one failure, by name
        self,
        key: str,
        reason: str,
        *,
        nothing_sent: bool = False,
        retry_after_seconds: float | None = None,
        delay_seconds: float = 0.0,
        probed: bool = False,
    ) -> tuple[TargetHealth, GuardDecision]:
        """No answer, or one that nobody can use, or ``try later``.

        ``delay_seconds``: how long the record waits by itself. ``probed``: a harmless call has just been asked.
        """
        standing = self._silenced(self.standing, retry_after_seconds)
        if standing.breaker == Breaker.OPEN or standing.paused or standing.asking(self.now):
            return standing, _SPARED
        sure, standing = nothing_sent or probed, replace(standing, failed_for=reason)
        if standing.breaker == Breaker.HALF_OPEN:
            standing = replace(standing, failed_keys=(key,))
            return self._doubted(standing, reason) if not sure else self._opened(standing, reason, keep_refusals=True)
        if key in standing.faulty_keys and not sure:
            return self._found_faulty(standing, delay_seconds)
        if nothing_sent or key not in standing.failed_keys:
            standing = replace(standing, failed_keys=(*standing.failed_keys, key))
        if len(standing.failed_keys) < FAILURES_TO_OPEN:
            return standing, GuardDecision()
        why = f"{len(standing.failed_keys)} failures in a row, the last {reason}"
        return self._doubted(standing, why) if not sure else self._opened(standing, why)

    def answered(self, probe: Probe) -> tuple[TargetHealth, GuardDecision]:
        """What a harmless call said that was asked because the target was in doubt."""
        standing = replace(self.standing, asking_until=None, asking_about="")
        if self.standing.asking_until is None or standing.paused or standing.breaker == Breaker.OPEN:
            return standing, GuardDecision()
        failing = bool(standing.failed_keys)
        # Who refuses the harmless call, too, works, but may well refuse everything.
        if probe == Probe.FINE or (failing and probe == Probe.REJECTED):
            return self.vouched_for(standing), GuardDecision()
        keep = not failing or standing.breaker == Breaker.HALF_OPEN
        opened, _ = self._opened(standing, self.standing.asking_about, keep_refusals=keep)
        return opened, GuardDecision() if failing else GuardDecision(
            unparked=standing.refused_keys, unparked_for=standing.refused_for
        )

    def throttled(self, *, retry_after_seconds: float | None) -> tuple[TargetHealth, GuardDecision]:
        """The target is alive and wants fewer calls."""
        standing = self._silenced(self.standing, retry_after_seconds)
        if standing.breaker == Breaker.HALF_OPEN:
            return self._opened(replace(standing, failed_for="http_429"), "http_429", keep_refusals=True)
        return rate_limit.halved(standing, self.now, self.policy.rate_per_second), GuardDecision()

    def refused(self, key: str, reason: str, *, probed: bool = False) -> tuple[TargetHealth, GuardDecision]:
        """The record is about to be parked for this reason. ``probed``: as in `failed`."""
        standing = self.standing
        if standing.paused or (standing.asking(self.now) and standing.failed_keys):
            return standing, GuardDecision()
        if standing.breaker != Breaker.CLOSED and reason == standing.refused_for:
            if standing.breaker == Breaker.OPEN or standing.asking(self.now):
                return standing, _SPARED
            if not probed:
                return self._doubted(replace(standing, failed_keys=()), standing.breaker_reason)
            return self._opened(standing, standing.breaker_reason, keep_refusals=True)
        if standing.breaker == Breaker.OPEN:
            return standing, GuardDecision()
        if standing.breaker == Breaker.HALF_OPEN:
            return self.accepted()
        standing = replace(standing, failed_keys=())
        earlier = standing.refused_keys if reason == standing.refused_for else ()
        keys = earlier if key in earlier else (*earlier, key)
        standing = replace(standing, refused_for=reason, refused_keys=keys)
        if len(keys) < standing.refusals_to_open or standing.asking(self.now):
            return standing, GuardDecision()
        why = f"{len(keys)} different records refused in a row for {reason}"
        after, ruling = self._doubted(standing, why) if not probed else self._opened(standing, why, keep_refusals=True)
        return after, ruling if ruling.asks else replace(ruling, unparked=keys, unparked_for=reason)

    def turned_away(self, key: str, reason: str, probe: Probe) -> tuple[TargetHealth, GuardDecision]:
        """401, 403, a redirect, TLS, or a missing address; ``probe`` is what a harmless call said right after."""
        standing = self.standing
        if standing.paused or standing.breaker == Breaker.OPEN:
            return standing, _SPARED
        if probe == Probe.UNCLEAR:
            after, ruling = self.failed(key, reason, probed=True)
            return after, replace(ruling, spares_record=True)
        if probe in (Probe.FINE, Probe.REJECTED) or (probe == Probe.NONE and key in standing.cleared_keys):
            # Reading is allowed, writing is not, for one after the other: a record has no share in that.
            after, ruling = self.refused(key, reason, probed=True)
            cleared = tuple(other for other in after.cleared_keys if other != key)
            return replace(after, cleared_keys=cleared), replace(ruling, refuses_record=not ruling.spares_record)
        if probe == Probe.NONE and standing.breaker == Breaker.CLOSED:
            suspects = dict.fromkeys((*standing.suspect_keys, key))
            if len(suspects) < _SUSPECTS_TO_PAUSE:
                # One record alone says nothing yet; whether another is taken or not decides.
                return replace(standing, suspect_keys=tuple(suspects)), GuardDecision()
        return self._paused(reason)

    def lacks(self, capability: str) -> tuple[TargetHealth, GuardDecision]:
        """An optional call was answered as if it were not offered: after some in a row it is not asked for a while.

        One such answer may be a deployment's. The while grows like a breaker's pause, for as long as none is answered.
        """
        standing, spared = self.standing, GuardDecision(spares_record=True)
        if standing.capabilities_off_until is not None and standing.capabilities_off_until > self.now:
            return standing, spared  # of a call that had begun before
        standing = replace(standing, misses=standing.misses + 1)
        if standing.misses < _MISSES_TO_SWITCH_OFF:
            return standing, spared
        seconds = pause_seconds(standing.misses - _MISSES_TO_SWITCH_OFF + 1, self.policy, self.jitter)
        names = dict.fromkeys((*standing.capabilities_off, capability))
        until = self.now + timedelta(seconds=seconds)
        return replace(standing, capabilities_off=tuple(names), capabilities_off_until=until), spared

    def looked_up(self) -> None:
        """An optional call was answered: the target offers it, whatever it said before."""
        if self.standing.misses:
            self.standing = replace(self.standing, misses=0, capabilities_off=(), capabilities_off_until=None)

    def _doubted(self, standing: TargetHealth, why: str) -> tuple[TargetHealth, GuardDecision]:
        """Have a harmless call asked before the breaker opens; where there is none, it opens."""
        if not set(self.policy.harmless) - set(standing.capabilities_off):
            return self._opened(standing, why, keep_refusals=bool(standing.refused_for))
        until = self.now + timedelta(seconds=self.policy.probe_seconds)
        return replace(standing, asking_until=until, asking_about=why[:200]), replace(_SPARED, asks=True)

    def vouched_for(self, standing: TargetHealth) -> TargetHealth:
        """The harmless call was answered: those that failed or were refused are at fault themselves."""
        faulty = dict.fromkeys((*standing.faulty_keys, *standing.failed_keys))
        standing = replace(
            self._believed(standing),
            failed_keys=(),
            faulty_keys=tuple(faulty)[-MOST_FAULTY:],
            vouched=standing.vouched + 1,
        )
        if standing.breaker == Breaker.HALF_OPEN:
            closed = replace(
                standing, breaker=Breaker.CLOSED, breaker_reason="", probes_until=None, blocked_until=None
            )
            return rate_limit.ramp(closed, self.now, self.policy.rate_per_second)
        # Once more, and nothing taken in between: it may be the target all the same.
        return (
            standing if standing.vouched == 1 else rate_limit.slowed(standing, self.now, self.policy.rate_per_second)
        )

    def _found_faulty(self, standing: TargetHealth, delay_seconds: float) -> tuple[TargetHealth, GuardDecision]:
        """One record at fault has failed again: when the next of them have their turns, each alone."""
        wait_seconds = max(delay_seconds, self.policy.first_pause_seconds)
        if standing.faulty_slot_at is not None:
            free_in_seconds = (standing.faulty_slot_at - self.now).total_seconds()
            wait_seconds = max(wait_seconds, min(free_in_seconds, LONGEST_FAULTY_WAIT_SECONDS))
        next_free = min(wait_seconds, LONGEST_FAULTY_WAIT_SECONDS) + self.policy.call_seconds
        slot = self.now + timedelta(seconds=next_free)
        return replace(standing, faulty_slot_at=slot), GuardDecision(wait_seconds=wait_seconds)

    @staticmethod
    def _believed(standing: TargetHealth) -> TargetHealth:
        """It takes some and refuses others, for their own faults: next time it is believed for longer."""
        if not standing.refused_for:
            return standing
        most = min(2 * standing.refusals_to_open, MOST_REFUSALS)
        return replace(standing, refused_keys=(), refused_for="", refusals_to_open=most)

    def _silenced(self, standing: TargetHealth, seconds: float | None) -> TargetHealth:
        if not seconds:
            return standing
        return replace(standing, blocked_until=_later(standing.blocked_until, self.now + timedelta(seconds=seconds)))

    def _opened(
        self, standing: TargetHealth, reason: str, *, keep_refusals: bool = False
    ) -> tuple[TargetHealth, GuardDecision]:
        standing, pause_seconds = self._next_pause(standing)
        until = self.now + timedelta(seconds=pause_seconds)
        opened = replace(
            standing,
            breaker=Breaker.OPEN,
            breaker_reason=reason,
            blocked_until=_later(standing.blocked_until, until),
            probes_left=0,
            probes_until=None,
            asking_until=None,
            asking_about="",
            failed_keys=(),
            suspect_keys=(),
            refused_keys=standing.refused_keys if keep_refusals else (),
            refused_for=standing.refused_for if keep_refusals else "",
        )
        return opened, _SPARED

    def _paused(self, reason: str) -> tuple[TargetHealth, GuardDecision]:
        standing, pause_seconds = self._next_pause(self.standing)
        paused = replace(
            standing,
            paused=True,
            paused_by_guard=True,
            paused_reason=f"turned away ({reason}), and not for one record alone",
            failed_for=reason,
            breaker=Breaker.CLOSED,
            breaker_reason="",
            blocked_until=self.now + timedelta(seconds=pause_seconds),
            probes_until=None,
            asking_until=None,
            asking_about="",
            failed_keys=(),
            suspect_keys=(),
        )
        return paused, _SPARED

    def _next_pause(self, standing: TargetHealth) -> tuple[TargetHealth, float]:
        relapse = standing.breaker != Breaker.CLOSED or rate_limit.ramping(
            standing, self.now, self.policy.rate_per_second
        )
        openings = standing.openings + 1 if relapse else 1
        return replace(standing, openings=openings), pause_seconds(openings, self.policy, self.jitter)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
