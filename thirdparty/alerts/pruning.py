"""Forgets alerts that have ended, and messages that wait no more, past their retention."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from thirdparty.models import Alert, AlertMessage


def prune_some(kept_for: timedelta) -> int:
    """Forget what is older; returns how much. They are few: a message at a time tells of many."""
    old = Now() - kept_for
    messages = AlertMessage.objects.filter(made_at__lt=old)
    sent = messages.filter(Q(delivered_at__isnull=False) | Q(given_up_at__isnull=False))
    return sent.delete()[0] + Alert.objects.filter(ended_at__lt=old).delete()[0]
