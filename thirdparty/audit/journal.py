"""What an audit has come to, in its rows: whoever takes it up goes on from there, and one at a time does.

All times are the database's. Nothing is written by one whose lease was lost.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from thirdparty.models import Audit, Comparison, Declaration, Finding
from thirdparty.models.audit import OPEN, Phase, Verdict
from thirdparty.settings import settings

_LEASES = 3
"""An audit's lease lasts so many of a record's, each of which outlasts a call: it looks a record up in three."""
STUMBLES = 3
"""So many failures on one and the same record leave it out; the audit goes on."""


class LeaseLost(Exception):
    """Somebody else has taken the audit up meanwhile."""


class Outdated(Exception):
    """The database has another version of the declaration than the audit began with; the message says so."""


class Journal:
    """An audit that is held. ``audit``: its row as this process last wrote it."""

    def __init__(self, audit: Audit, token: str) -> None:
        self.audit = audit
        self._token = token
        self._renew_at = 0.0
        self._counted()

    @classmethod
    def take(cls, audit_id: int) -> Journal | None:
        """Hold this audit; None where it has ended or somebody holds it."""
        token, seconds = uuid4().hex, _LEASES * settings.SYNC_LEASE_SECONDS
        free = Q(lease_token=None) | Q(leased_until__lte=Now())
        # Further ahead than any lease lasts: of a clock that has been set back.
        free |= Q(leased_until__gt=Now() + timedelta(seconds=2 * seconds))
        open_ones = Audit.objects.filter(free, pk=audit_id, finished_at=None)
        if not open_ones.update(lease_token=token, leased_until=Now() + timedelta(seconds=seconds)):
            return None
        audit = Audit.objects.filter(pk=audit_id).first()
        return None if audit is None else cls(audit, token)

    def keep(self) -> None:
        """Go on holding it. Raises `LeaseLost`."""
        if time.monotonic() >= self._renew_at:
            self._update()
            self._counted()

    def _counted(self) -> None:
        self._renew_at = time.monotonic() + settings.SYNC_LEASE_SECONDS / 2

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of the counts, which the next `go_on` writes."""
        self.audit.counts[name] = self.audit.counts.get(name, 0) + by

    def require_current(self) -> None:
        """Raises `Outdated`: what another version has acknowledged is not to be judged by this one."""
        began = Declaration.objects.filter(kind=self.audit.kind, version=self.audit.declared_version)
        if not began.exists():
            raise Outdated(f"{self.audit.kind} has another version by now than when it began, or is declared no more")

    def go_on(self, *, cursor: str | None, phase: Phase | None = None, **changes: Any) -> None:
        """From here on, should somebody else take it up. Raises `LeaseLost`."""
        self.audit.cursor = cursor
        self.audit.phase = phase or self.audit.phase
        for name, value in changes.items():
            setattr(self.audit, name, value)
        self._update(cursor=cursor, phase=self.audit.phase, **self._tallies(), **changes)

    def _tallies(self) -> dict[str, Any]:
        return {"counts": self.audit.counts, "failures": self.audit.failures}

    def answered(self) -> None:
        """A question was answered, and we made something of the answer: failures count from the first again.

        Written by the next `go_on`, or by `release`.
        """
        self.audit.failures = 0

    def failed(self) -> int:
        """A call failed, or what we make of its answer; how many have, one after the other. Written like `answered`."""
        self.audit.failures += 1
        return self.audit.failures

    def stumble(self, name: str) -> int:
        """The target failed on one and the same thing, of this name, so many times one after the other."""
        before, times = self.audit.counts.get("stumbled", ["", 0])
        times = times + 1 if before == name else 1
        self.audit.counts["stumbled"] = [name, times]
        return int(times)

    def end(self, failure: str = "") -> None:
        """It is done; or, with ``failure``, it could not be finished. What nothing has confirmed is forgotten."""
        with self.writing():
            self.audit.findings.filter(confirmed_at=None).delete()
            self.audit.comparisons.filter(outcome=OPEN).delete()
        self._sum_up()
        self.audit.phase, self.audit.failure = Phase.ENDED, failure[:300]
        self._update(phase=Phase.ENDED, failure=self.audit.failure, counts=self.audit.counts, finished_at=Now())
        self.audit.refresh_from_db()

    def _sum_up(self) -> None:
        # Not added to what is there: an end that could not be written is made once more.
        counts = self.audit.counts
        counts[Verdict.EQUAL.value] = self.audit.comparisons.filter(outcome=Verdict.EQUAL).count()
        counts.update(self.audit.findings.order_by().values_list("verdict").annotate(Count("id")))

    def release(self) -> None:
        """Hold it no longer; it goes on from where it is."""
        mine = Audit.objects.filter(pk=self.audit.pk, lease_token=self._token)
        mine.update(lease_token=None, leased_until=None, **self._tallies())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction in which it is sure to be held. Raises `LeaseLost`."""
        with transaction.atomic():
            self._update()
            yield

    def _update(self, **changes: Any) -> None:
        mine = Audit.objects.filter(pk=self.audit.pk, lease_token=self._token)
        until = Now() + timedelta(seconds=_LEASES * settings.SYNC_LEASE_SECONDS)
        if not mine.update(leased_until=until, **changes):
            raise LeaseLost

    # -- what was seen --------------------------------------------------------------------

    def outcomes(self, keys: Collection[str]) -> dict[str, Comparison]:
        """What is noted of these records so far."""
        return {each.record: each for each in _noted(self.audit.pk, list(keys))}

    def note(self, comparisons: Iterable[Comparison], findings: Sequence[Finding] = ()) -> None:
        """Write these down; what was noted of the same records before gives way."""
        Comparison.objects.bulk_create(
            comparisons,
            update_conflicts=True,
            unique_fields=["audit", "record"],
            update_fields=["outcome", "generation", "claims", "digest", "at"],
        )
        Finding.objects.bulk_create(
            findings,
            update_conflicts=True,
            unique_fields=["audit", "record", "remote_id"],
            update_fields=[
                "verdict", "fields", "ahead", "owner", "reason", "generation", "claims", "found", "wanted",
                "confirmed_at",
            ],
        )  # fmt: skip


# Each record by itself: what PostgreSQL knows of the rows is older than an audit that has just begun, and a list of
# records was answered by reading all rows of the audit, at every step.
_NOTED = f"""
    SELECT c.* FROM unnest(%s::text[]) AS k (record) CROSS JOIN LATERAL (
        SELECT * FROM {Comparison._meta.db_table} WHERE audit_id = %s AND record = k.record LIMIT 1
    ) AS c
"""


def _noted(audit_id: int, keys: list[str]) -> Iterable[Comparison]:
    if connection.vendor == "postgresql":
        return Comparison.objects.raw(_NOTED, [keys, audit_id])
    return Comparison.objects.filter(audit=audit_id, record__in=keys)
