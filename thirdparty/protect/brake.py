"""The brake: a mistake that would delete or rewrite a large share of what a target holds stops, and asks.

A latch, shared by all workers through its row: once too much would go, nothing that takes something away goes any more,
until a person has decided (`thirdparty.decisions.brake`); no window that ends lets the next ones go. What is decided is
in `thirdparty.decide.brake`, purely. Who locks both takes the records first, then the brake's row.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db import transaction

from thirdparty import events, targets
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.brake import DAY, Change, Counted, Fresh, Policy, obstacle
from thirdparty.models import Brake, Record
from thirdparty.models.record import State
from thirdparty.settings import settings
from thirdparty.store import braking
from thirdparty.store.leased import in_state

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrakeStanding:
    """How a target's brake stands. ``counts``: how many of each change when it latched. ``held``: records, now."""

    latched_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int] | None = None
    held: int = 0

    @property
    def latched(self) -> bool:
        return self.latched_at is not None


def policy() -> Policy:
    """What the settings say."""
    return Policy(settings.SYNC_BRAKE_MIN, settings.SYNC_BRAKE_PERCENT, settings.SYNC_BRAKE_WINDOW_SECONDS)


def standing(target: str) -> BrakeStanding:
    """How this target's brake stands now."""
    known = standings([target]).get(target, BrakeStanding())
    return replace(known, held=Record.objects.filter(in_state(State.HELD), target=target).count())


def standings(names: Collection[str]) -> dict[str, BrakeStanding]:
    """The brakes of these targets, those that there are, with nobody who is held counted."""
    rows = Brake.objects.filter(target__in=names)
    return {row.target: BrakeStanding(row.latched_at, row.reason, row.counts) for row in rows}


def leaving(target: str) -> Leaving:
    """What becomes of a record of the target whose object leaves; as by default, where this process does not know the target."""
    return targets.config(target).leaving if target in targets.names() else Leaving()


def latched(target: str) -> bool:
    """Whether nothing that takes something away goes to this target."""
    return Brake.objects.filter(target=target, latched_at__isnull=False).exists()


def reserve(target: str, changes: Mapping[str, Change]) -> frozenset[str]:
    """Which of these records, by their keys, are held; the others may lose something now, and count from here on.

    Call in the transaction of their attempts. Where they would be too many together with what went and what is owed, none
    of them goes, and the brake is latched.
    """
    row = braking.locked(target)
    if row.latched_at is not None:
        braking.note(target, changes, held=True)
        return frozenset(changes)
    rules = policy()
    holds = braking.records(row, rules)
    # One that was looked at before it goes counts once, also where the window has ended in between.
    now = Fresh(*(
        len(changes) - len(braking.counting(target, seconds, changes))
        for seconds in (rules.window_seconds, DAY.total_seconds())
    ))  # fmt: skip
    counted = braking.counted(target, rules, leaving(target), besides=changes)
    why = obstacle(counted, now, limit=rules.limit(holds), holds=holds, policy=rules)
    if why:
        _latch(target, why, _would_go(target, rules, counted, changes))
    braking.note(target, changes, held=bool(why))
    return frozenset(changes) if why else frozenset()


def forecast(target: str, fresh: int) -> str:
    """Why the brake would stop so many records that would lose something now; empty where it would not. Locks nothing."""
    row, rules = Brake.objects.filter(target=target).first(), policy()
    if row is not None and row.latched_at is not None and fresh:
        return f"it is on: {row.reason}"
    holds = Record.objects.filter(target=target, remote_id__isnull=False).count()
    # What is owed is among those that were looked at.
    counted = replace(braking.counted(target, rules, leaving(target)), owed=0)
    return obstacle(counted, Fresh(fresh, fresh), limit=rules.limit(holds), holds=holds, policy=rules)


def _would_go(target: str, rules: Policy, counted: Counted, changes: Mapping[str, Change]) -> dict[str, int]:
    """How many of each change have gone, would go now, or are owed."""
    counts = Counter(braking.by_change(target, rules))
    counts.update(changes.values())
    deactivates = leaving(target).on_leave is OnLeave.DEACTIVATE
    counts[(Change.DEACTIVATE if deactivates else Change.DELETE).value] += counted.owed
    return {str(change): count for change, count in counts.items() if count}


def _latch(target: str, why: str, counts: Mapping[str, int]) -> None:
    braking.latch(target, why, counts)
    transaction.on_commit(partial(_tell, target, why, counts), robust=True)


def _tell(target: str, why: str, counts: Mapping[str, int]) -> None:
    logger.error(
        "the brake of target %s is on: %s. Nothing is deleted or rewritten there until a person decides: "
        "manage.py sync release %s",
        target, why, target,
    )  # fmt: skip
    events.send(events.brake_latched, target, reason=why, counts=dict(counts))
