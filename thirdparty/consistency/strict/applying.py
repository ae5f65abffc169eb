"""Make an accepted change here."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from thirdparty.consistency.strict.asking import Accepted
from thirdparty.consistency.strict.course import Course
from thirdparty.consistency.strict.errors import ChangedMeanwhile
from thirdparty.consistency.strict.readiness import enabled
from thirdparty.declaration import of_kind
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.declaration.registry import any_references
from thirdparty.models import Record, StrictWrite
from thirdparty.models.record import State
from thirdparty.run.following import follow_references
from thirdparty.store import references, strict_rows

_LEVEL = (State.SYNCED, State.DELETED)


def apply(strict_write: StrictWrite, accepted: Sequence[Accepted], course: Course) -> None:
    keys = [acceptance.key for acceptance in accepted]
    try:
        with transaction.atomic(durable=True):
            # The object first, then the strict write, what is read through it, and the records: everybody locks in this order.
            base_now = course.base()
            ended, _ = StrictWrite.objects.filter(token=strict_write.token, expires_at__gt=Now()).delete()
            if not ended:
                raise ChangedMeanwhile("the time for this write was over before the targets had answered")
            _require_all(accepted)
            of_kind(strict_write.kind).hold(strict_write.candidate)
            rows = {row.key: row for row in Record.objects.select_for_update().filter(key__in=keys).order_by("key")}
            if base_now != strict_write.base:
                raise ChangedMeanwhile("somebody else changed it while the targets were asked")
            level = [taken for taken in accepted if taken.covers(rows[taken.key], strict_write)]
            course.write()
            for taken in level:
                strict_rows.acknowledge(taken.key, adopted=taken.adopted)
            _forget_unused(level)
            course.kept()
    except WaitsFor as waits:
        raise ChangedMeanwhile(waits.message) from None
    except IntegrityError:
        raise ChangedMeanwhile("what it names was taken, or removed, while the targets were asked") from None
    follow_references(keys)


def _forget_unused(level: Sequence[Accepted]) -> None:
    """The targets hold these as they are now, and name nobody else in them; but where a request is yet to be answered."""
    if any_references():
        settled = Record.objects.filter(key__in=[taken.key for taken in level], state__in=_LEVEL)
        certain = set(settled.values_list("key", flat=True))
        references.forget_unused({taken.key: tuple(taken.asked.used) for taken in level if taken.key in certain})


def _require_all(accepted: Sequence[Accepted]) -> None:
    """One that was enabled meanwhile has accepted nothing. One that comes later is owed this change, as any."""
    missing = enabled() - {acceptance.target for acceptance in accepted}
    if missing:
        raise ChangedMeanwhile(f"target {', '.join(sorted(missing))} came into use while the others were asked")
