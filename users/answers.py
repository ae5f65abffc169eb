"""How long the answers to idempotency keys are kept."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from thirdparty.run.reconcile import PRUNED_AT_ONCE
from users.models import IdempotentResponse

KEPT_FOR = timedelta(hours=24)


def prune_some(kept_for: timedelta) -> int:
    """Forget some of those that are older; returns how many."""
    old = IdempotentResponse.objects.filter(kept_at__lt=Now() - kept_for).order_by("kept_at")
    ids = list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    return IdempotentResponse.objects.filter(pk__in=ids).delete()[0]
