"""Make an accepted change here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from thirdparty.consistency.strict.asking import Accepted
from thirdparty.consistency.strict.errors import ChangedMeanwhile
from thirdparty.consistency.strict.readiness import enabled
from thirdparty.models import Record, StrictWrite
from thirdparty.run.roles import hold
from thirdparty.store import strict_rows
from users.models import User


def apply(
    strict_write: StrictWrite, accepted: Sequence[Accepted], write: Callable[[], Any], kept: Callable[[], Any]
) -> None:
    try:
        with transaction.atomic(durable=True):
            # The user first, then the strict write, roles, and the records: everybody locks in this order.
            user = User.objects.select_for_update().filter(uuid=UUID(strict_write.object_id)).first()
            ended, _ = StrictWrite.objects.filter(token=strict_write.token, expires_at__gt=Now()).delete()
            if not ended:
                raise ChangedMeanwhile("the time for this write was over before the targets had answered")
            _require_all(accepted)
            hold(strict_write.groups)
            keys = [acceptance.key for acceptance in accepted]
            rows = {row.key: row for row in Record.objects.select_for_update().filter(key__in=keys).order_by("key")}
            if (user.fingerprint() if user is not None else "") != strict_write.base:
                raise ChangedMeanwhile("somebody else changed the user while the targets were asked")
            level = [taken for taken in accepted if taken.covers(rows[taken.key], strict_write.groups)]
            write()
            for taken in level:
                strict_rows.acknowledge(taken.key, adopted=taken.adopted)
            kept()
    except IntegrityError:
        raise ChangedMeanwhile("the username was taken, or a group removed, while the targets were asked") from None


def _require_all(accepted: Sequence[Accepted]) -> None:
    """One that was enabled meanwhile has accepted nothing. One that comes later is owed this change, as any."""
    missing = enabled() - {acceptance.target for acceptance in accepted}
    if missing:
        raise ChangedMeanwhile(f"target {', '.join(sorted(missing))} came into use while the others were asked")
