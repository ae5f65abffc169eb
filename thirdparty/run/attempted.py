"""What the attempts of the last hours say of records that are about to be sent. By the database's clock.

What a clock that has been set back left in the future is of no known age, and counts as old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Min
from django.db.models.functions import Now

from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Call
from thirdparty.decide.result import Outcome
from thirdparty.models import Attempt
from thirdparty.settings import settings

KEY_HONOURED_FOR = timedelta(hours=24)
_READING = timedelta(seconds=1)
"""By so much two readings of one clock may differ in how finely they are written down."""


def with_fresh_keys(leases: Sequence[Lease]) -> set[str]:
    """The records whose unanswered add was first sent so lately that the target still honours its key."""
    unanswered = {lease.key: lease.add_key for lease in leases if lease.add_key is not None}
    if not unanswered:
        return set()
    attempts = Attempt.objects.filter(record_id__in=unanswered, idempotency_key__in=set(unanswered.values()))
    grouped = attempts.order_by().values("record_id", "idempotency_key").annotate(sent_at=Min("started_at"))
    sent = grouped.filter(sent_at__gt=Now() - KEY_HONOURED_FOR, sent_at__lte=Now() + _READING)
    return {each["record_id"] for each in sent if unanswered[each["record_id"]] == each["idempotency_key"]}


def looked_at(leases: Sequence[Lease]) -> set[str]:
    """Those of these records, in whose generation a step was answered, that were read within the time of one lease."""
    known = [lease.key for lease in leases if lease.no_progress]
    if not known:
        return set()
    looks = Attempt.objects.filter(
        record_id__in=known,
        call__in=[call for call in Call if call.reads],
        outcome=Outcome.OK,
        finished_at__gt=Now() - timedelta(seconds=settings.SYNC_LEASE_SECONDS),
        finished_at__lte=Now() + _READING,
    )
    return set(looks.values_list("record_id", flat=True))
