"""A target's standing on its row: read without a lock, changed under the row's lock, by the database's clock.

The lock is held for a decision, never across a network call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from thirdparty import events
from thirdparty.models import Target
from thirdparty.protect import sender
from thirdparty.protect.health import Breaker, Policy, TargetHealth
from thirdparty.settings import settings

HARMLESS = ("query", "list")

_CALLS_OF_A_STEP = 2
_MARGIN_SECONDS = 1.0
"""A probe that has not been reported so long after its calls must have ended died with its worker."""
_TABLE = Target._meta.db_table
_FIELDS = tuple(field.name for field in fields(TargetHealth))


@dataclass(slots=True)
class Held:
    """A standing under its row's lock. What ``standing`` is when the block ends is what is stored."""

    standing: TargetHealth
    now: datetime


def policy(target: str) -> Policy:
    """What the settings say of a target, also of one that they no longer name."""
    config = settings.SYNC_TARGETS.get(target)
    if config is None:
        return Policy()
    offered = config.capabilities
    return Policy(
        call_seconds=config.timeout_seconds,
        harmless=tuple(name for name in HARMLESS if getattr(offered, name)),
        rate_per_second=config.rate_per_second,
        probe_seconds=_CALLS_OF_A_STEP * config.timeout_seconds + _MARGIN_SECONDS,
        first_pause_seconds=settings.SYNC_BREAKER_SECONDS,
        longest_pause_seconds=settings.SYNC_BREAKER_MAX_SECONDS,
    )


def clock() -> datetime:
    """The time that all workers share."""
    if connection.vendor != "postgresql":
        return timezone.now()  # SQLite's is this machine's
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        ((now,),) = cursor.fetchall()
    return now if isinstance(now, datetime) else timezone.now()


def standing_of(row: Target) -> TargetHealth:
    """The standing that a row holds; paused, where the target is not sent to from this database."""
    stored = _stored(row)
    if refusal := sender.refusal(row):
        return replace(stored, paused=True, paused_by_guard=False, paused_reason=refusal)
    return stored


def _stored(row: Target) -> TargetHealth:
    stored: dict[str, Any] = {name: getattr(row, name) for name in _FIELDS}
    stored |= {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
    return TargetHealth(**stored)


def read(target: str) -> tuple[TargetHealth, datetime] | None:
    """The standing of an enabled target and the time by which to read it, without a lock; None where there is none."""
    clock = "clock_timestamp()" if connection.vendor == "postgresql" else "NULL"
    # Asked before each call or handful of calls: the ORM takes longer to phrase this than the database to answer.
    found = Target.objects.raw(f"SELECT *, {clock} AS clock FROM {_TABLE} WHERE name = %s AND enabled", [target])
    for row in found:
        stored, now = standing_of(row), getattr(row, "clock", None) or timezone.now()
        standing = stored.without_the_impossible(now, policy(target))
        if standing != stored:
            # Once, since claims read the row themselves.
            with changing(target, durable=False):
                pass
        if not standing.paused:
            sender.bind(row)
        return standing, now
    return None


def _since(changed: dict[str, Any], before: TargetHealth, now: datetime) -> dict[str, Any]:
    """Since when the target is paused, or its breaker not closed, and by whom: what people ask, and no decision does."""
    since: dict[str, Any] = {}
    if "paused" in changed:
        since |= {"paused_since": now if changed["paused"] else None}
    if "paused" in changed or "paused_by_guard" in changed:
        since |= {"paused_by": ""}
    if "breaker" in changed and Breaker.CLOSED in (before.breaker, changed["breaker"]):
        since |= {"breaker_since": None if changed["breaker"] == Breaker.CLOSED else now}
    return since


def _pause(standing: TargetHealth) -> tuple[bool, bool, str]:
    return standing.paused, standing.paused_by_guard, standing.paused_reason


@contextmanager
def changing(target: str, *, durable: bool = True) -> Iterator[Held]:
    """Hold the row's lock for a decision; only what it changed is written. Raises `Target.DoesNotExist`.

    Not to be used inside a transaction: the lock would outlive the decision. ``durable`` False is for what a person
    decides: their request may be one transaction, which asks no target and soon ends.
    """
    with transaction.atomic(durable=durable):
        row = Target.objects.select_for_update().get(name=target)
        before = standing_of(row)
        # Read once the lock is there: waiting for it may have taken a while.
        now = clock()
        held = Held(before.without_the_impossible(now, policy(target)), now)
        yield held
        # A person may pause what is not sent to from this database anyway.
        known = before if _pause(held.standing) == _pause(before) else _stored(row)
        changed = {
            name: list(value) if isinstance(value, tuple) else value
            for name in _FIELDS
            if (value := getattr(held.standing, name)) != getattr(known, name)
        }
        if changed:
            changed |= _since(changed, before, now)
            Target.objects.filter(name=target).update(**changed)
            if news := {name: changed[name] for name in ("paused", "breaker") if name in changed}:
                transaction.on_commit(partial(events.send, events.target_changed, target, changed=news), robust=True)
